/* One update rule: what it remembers of each parameter and how it moves it.  A rule is one file and one line here. */
#ifndef DIM_OPTIM_RULES_H
#define DIM_OPTIM_RULES_H

#include "kernels/kernels.h"
#include "optim/optim.h"

/* X(kind, rule): DIM_OPTIMIZER_<kind> is dim__rule_<rule>. */
#define DIM__RULE_LIST(X) \
    X(ADAM, adam)         \
    X(ADAMW, adamw)       \
    X(SGD, sgd)           \
    X(RMSPROP, rmsprop)

typedef struct dim__update { /* what all elements of one step share */
    const dim__kernels *kernels;
    const dim_optimizer_options *o;
    double lr;
    double bias1, bias2; /* 1 - beta^t, t = 1 for the first step */
    float grad_scale;    /* from clipping by norm; 1 = none */
} dim__update;

typedef struct dim__rule {
    bool needs_m, needs_v;
    bool m_with_momentum; /* m is needed when momentum is set */
    void (*update)(const dim__update *u, float *w, float *m, float *v, const float *g, int64_t n);
} dim__rule;

#define DIM__RULE_DECLARE(kind, rule) extern const dim__rule dim__rule_##rule;
DIM__RULE_LIST(DIM__RULE_DECLARE)
#undef DIM__RULE_DECLARE

const dim__rule *dim__rule_of(dim_optimizer_kind kind); /* NULL for a number that is not a kind */

#endif
