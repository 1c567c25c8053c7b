#include "optim/rules.h"

#include <math.h>

/* v = alpha v + (1 - alpha) g^2; w -= lr g / (sqrt(v) + eps), or lr m with m = momentum m + g / (sqrt(v) + eps). */
static void rmsprop(const dim__update *u, float *w, float *m, float *v, const float *g, int64_t n)
{
    const float lr = (float)u->lr, mu = u->o->momentum, decay = u->o->weight_decay, scale = u->grad_scale;
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

const dim__rule dim__rule_rmsprop = {.needs_v = true, .m_with_momentum = true, .update = rmsprop};
