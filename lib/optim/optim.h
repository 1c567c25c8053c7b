/* Update rules on plain arrays; dim_optimizer is their public handle. */
#ifndef DIM_OPTIM_OPTIM_H
#define DIM_OPTIM_OPTIM_H

#include "base/fields.h"
#include <dim/optimizer.h>

extern const dim__table dim__optimizer_table;
/* Checked options with defaults filled in. */
dim_status dim__optim_options(dim_context *ctx, const dim_optimizer_options *in, dim_optimizer_options *out);
const char *dim__rule_name(int kind); /* "adam"; NULL for a number that is not a dim_optimizer_kind */
float dim__schedule_lr(const dim_optimizer_options *o, uint64_t step);

typedef struct dim__slot { /* one parameter with its state */
    int64_t count;
    float *w;
    const float *g;        /* NULL = has no gradient and stays as it is */
    float *m, *v;          /* as the rule needs; made by dim__optim_prepare */
} dim__slot;

typedef struct dim__optim {
    dim_context *ctx;
    dim_optimizer_options o;
    dim__slot *slots;
    int64_t n_slots;
    uint64_t steps;
    double grad_norm;      /* of the last update when clipping by norm: before it, after clipping by value */
    float *states;         /* memory of all m and v */
    double m_most;         /* no m is above this; NAN: m and v came from elsewhere and are to be looked through */
    struct {               /* the step to come, from dim__optim_check() on */
        bool made, exact;
        double grad_scale, m_most;
    } next;
} dim__optim;

dim_status dim__optim_init(dim__optim *opt, dim_context *ctx, const dim_optimizer_options *checked);
/* Allocates slots and states; when there are some already, DIM_E_SHAPE unless the counts are the same. */
dim_status dim__optim_prepare(dim__optim *opt, int64_t n, const int64_t *counts);
/* Slots' w and g are set; these allocate nothing.  Gradients are clamped by clip_value first, then scaled by clip_norm.
 * A step is made when each gradient is finite and each new weight and state fits a float; else only grad_norm changes. */
/* The first slot that hinders the next step, or -1.  dim__optim_step() does not look again. */
int64_t dim__optim_check(dim__optim *opt);
bool dim__optim_step(dim__optim *opt); /* whether it was made */
/* "a gradient of 2e+38 is too large for adam": what hinders a slot whose gradients are finite; `size` bytes of text. */
void dim__optim_why(const dim__optim *opt, int64_t slot, char *text, size_t size);
/* m and v of the slots were replaced, after so many steps. */
void dim__optim_replaced(dim__optim *opt, uint64_t steps);
void dim__optim_free(dim__optim *opt);

#endif
