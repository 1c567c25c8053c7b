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
} dim__optim;

dim_status dim__optim_init(dim__optim *opt, dim_context *ctx, const dim_optimizer_options *checked);
/* Allocates slots and states; when there are some already, DIM_E_SHAPE unless the counts are the same. */
dim_status dim__optim_prepare(dim__optim *opt, int64_t n, const int64_t *counts);
/* Slots' w and g are set; allocates nothing.  Gradients are clamped by clip_value first, then scaled by clip_norm.
 * They are not checked, except that a norm to clip by that is not finite stops the step: only grad_norm changes. */
void dim__optim_step(dim__optim *opt);
void dim__optim_free(dim__optim *opt);

#endif
