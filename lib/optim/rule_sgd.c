#include "optim/rules.h"

/* m = momentum m + g; w -= lr m.  m starts at 0, so that after the first step it is g, as in PyTorch.
 * Nesterov's form moves by g + momentum m. */
static void sgd(const dim__update *u, float *w, float *m, float *v, const float *g, int64_t n)
{
    const float lr = (float)u->lr, mu = u->o->momentum, decay = u->o->weight_decay, scale = (float)u->grad_scale;
    const bool nesterov = u->o->nesterov != 0;
    (void)v;
    for (int64_t i = 0; i < n; i++) {
        float d = scale * g[i] + decay * w[i];
        if (m != NULL) {
            m[i] = mu * m[i] + d;
            d = nesterov ? d + mu * m[i] : m[i];
        }
        w[i] -= lr * d;
    }
}

static void exact(const dim__update *u, dim__element *e, double g)
{
    double mu = u->o->momentum, d = u->grad_scale * g + (double)u->o->weight_decay * e->w;
    e->m = mu * e->m + d;
    e->w -= u->lr * (u->o->nesterov != 0 ? d + mu * e->m : e->m); /* mu is 0 where there is no m */
}

static double reach(const dim__update *u, double g, double *m_most)
{
    double mu = u->o->momentum;
    *m_most = mu * *m_most + g;
    return u->lr * (g + *m_most);
}

const dim__rule dim__rule_sgd = {.m_with_momentum = true, .update = sgd, .exact = exact, .reach = reach};
