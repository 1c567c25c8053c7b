/* One update rule: what it remembers of each parameter and how it moves it.  A rule is one file and one line in rule_list.def. */
#ifndef DIM_OPTIM_RULES_H
#define DIM_OPTIM_RULES_H

#include "kernels/kernels.h"
#include "optim/optim.h"

typedef struct dim__update { /* what all elements of one step share */
    const dim__kernels *kernels;
    const dim_optimizer_options *o;
    double lr;
    double bias1, bias2; /* 1 - beta^t, t = 1 for the first step */
    double grad_scale;   /* from clipping by norm; 1 = none */
} dim__update;

typedef struct dim__element { /* m and v 0 where the rule has none */
    double w, m, v;
} dim__element;

typedef struct dim__rule {
    bool needs_m, needs_v;
    bool m_with_momentum; /* m is needed when momentum is set */
    void (*update)(const dim__update *u, float *w, float *m, float *v, const float *g, int64_t n);
    /* The same of one element in double.  Steps in which something on the way may not fit a float are made with it. */
    void (*exact)(const dim__update *u, dim__element *e, double g);
    /* How far a weight moves at most, when no gradient, decay included, is above g, and no m above *m_most; then no m is above
     * the new *m_most.  A v needs no bound: it is a mean of squares, of which optim.c sees to it that they fit. */
    double (*reach)(const dim__update *u, double g, double *m_most);
} dim__rule;

#define X(kind, rule) extern const dim__rule dim__rule_##rule;
#include "optim/rule_list.def"
#undef X

const dim__rule *dim__rule_of(dim_optimizer_kind kind); /* NULL for a number that is not a kind */

#endif
