#include "optim/rules.h"

#include <math.h>

/* v = alpha v + (1 - alpha) g^2; w -= lr g / (sqrt(v) + eps), or lr m with m = momentum m + g / (sqrt(v) + eps). */
static void rmsprop(const dim__update *u, float *w, float *m, float *v, const float *g, int64_t n)
{
    const float lr = (float)u->lr, mu = u->o->momentum, decay = u->o->weight_decay, scale = (float)u->grad_scale;
    const float alpha = u->o->alpha, eps = u->o->eps;
    for (int64_t i = 0; i < n; i++) {
        float d = scale * g[i] + decay * w[i];
        v[i] = alpha * v[i] + (1 - alpha) * d * d;
        d /= sqrtf(v[i]) + eps;
        if (m != NULL)
            d = m[i] = mu * m[i] + d;
        w[i] -= lr * d;
    }
}

static void exact(const dim__update *u, dim__element *e, double g)
{
    double alpha = u->o->alpha, d = u->grad_scale * g + (double)u->o->weight_decay * e->w;
    e->v = alpha * e->v + (1 - alpha) * d * d;
    e->m = u->o->momentum * e->m + d / (sqrt(e->v) + u->o->eps);
    e->w -= u->lr * e->m;
}

static double reach(const dim__update *u, double g, double *m_most)
{
    *m_most = u->o->momentum * *m_most + g / u->o->eps;
    return u->lr * *m_most;
}

const dim__rule dim__rule_rmsprop = {
    .needs_v = true, .m_with_momentum = true, .update = rmsprop, .exact = exact, .reach = reach
};
