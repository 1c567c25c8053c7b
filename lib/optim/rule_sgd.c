#include "optim/rules.h"

/* m = momentum m + g; w -= lr m.  m starts at 0, so that after the first step it is g, as in PyTorch.
 * Nesterov's form moves by g + momentum m. */
static void sgd(const dim__update *u, float *w, float *m, float *v, const float *g, int64_t n)
{
    const float lr = (float)u->lr, mu = u->o->momentum, decay = u->o->weight_decay, scale = u->grad_scale;
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

const dim__rule dim__rule_sgd = {.m_with_momentum = true, .update = sgd};
