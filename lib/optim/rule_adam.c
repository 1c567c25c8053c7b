#include "optim/rules.h"

#include <math.h>

/* arXiv 1412.6980, algorithm 1, with PyTorch's place for eps: after the bias correction of sqrt(v).  Weight decay is
 * part of the gradient (Adam) or shrinks the weight (AdamW, arXiv 1711.05101, algorithm 2). */
static void update(const dim__update *u, float decay_grad, float decay_weight, float *w, float *m, float *v,
                   const float *g, int64_t n)
{
    u->kernels->adam(w, m, v, g, (float)(u->lr / u->bias1), u->o->beta1, u->o->beta2, (float)(1 / sqrt(u->bias2)),
                     u->o->eps, decay_grad, decay_weight, u->grad_scale, n);
}

static void adam(const dim__update *u, float *w, float *m, float *v, const float *g, int64_t n)
{
    update(u, u->o->weight_decay, 1, w, m, v, g, n);
}

static void adamw(const dim__update *u, float *w, float *m, float *v, const float *g, int64_t n)
{
    update(u, 0, (float)(1 - u->lr * (double)u->o->weight_decay), w, m, v, g, n);
}

const dim__rule dim__rule_adam = {.needs_m = true, .needs_v = true, .update = adam};
const dim__rule dim__rule_adamw = {.needs_m = true, .needs_v = true, .update = adamw};
