#include "optim/rules.h"

#include <math.h>

/* arXiv 1412.6980, algorithm 1, with PyTorch's place for eps: after the bias correction of sqrt(v).  Weight decay is
 * part of the gradient (Adam) or shrinks the weight (AdamW, arXiv 1711.05101, algorithm 2). */
static void update(const dim__update *u, float decay_grad, float decay_weight, float *w, float *m, float *v,
                   const float *g, int64_t n)
{
    u->kernels->adam(w, m, v, g, (float)(u->lr / u->bias1), u->o->beta1, u->o->beta2, (float)(1 / sqrt(u->bias2)),
                     u->o->eps, decay_grad, decay_weight, (float)u->grad_scale, n);
}

static void adam(const dim__update *u, float *w, float *m, float *v, const float *g, int64_t n)
{
    update(u, u->o->weight_decay, 1, w, m, v, g, n);
}

static void adamw(const dim__update *u, float *w, float *m, float *v, const float *g, int64_t n)
{
    update(u, 0, (float)(1 - u->lr * (double)u->o->weight_decay), w, m, v, g, n);
}

static void exact_update(const dim__update *u, double decay_grad, double decay_weight, dim__element *e, double g)
{
    double beta1 = u->o->beta1, beta2 = u->o->beta2, grad = u->grad_scale * g + decay_grad * e->w;
    e->m = beta1 * e->m + (1 - beta1) * grad;
    e->v = beta2 * e->v + (1 - beta2) * grad * grad;
    e->w = decay_weight * e->w - u->lr / u->bias1 * e->m / (sqrt(e->v / u->bias2) + u->o->eps);
}

static void exact_adam(const dim__update *u, dim__element *e, double g) { exact_update(u, u->o->weight_decay, 1, e, g); }

static void exact_adamw(const dim__update *u, dim__element *e, double g)
{
    exact_update(u, 0, 1 - u->lr * (double)u->o->weight_decay, e, g);
}

static double reach(const dim__update *u, double g, double *m_most)
{
    double beta1 = u->o->beta1;
    *m_most = beta1 * *m_most + (1 - beta1) * g;
    return u->lr / u->bias1 * *m_most / u->o->eps;
}

static double reach_adamw(const dim__update *u, double g, double *m_most)
{
    return u->lr * (double)u->o->weight_decay > 2 ? INFINITY : reach(u, g, m_most); /* else the decay makes no weight larger */
}

const dim__rule dim__rule_adam = {
    .needs_m = true, .needs_v = true, .update = adam, .exact = exact_adam, .reach = reach
};
const dim__rule dim__rule_adamw = {
    .needs_m = true, .needs_v = true, .update = adamw, .exact = exact_adamw, .reach = reach_adamw
};
