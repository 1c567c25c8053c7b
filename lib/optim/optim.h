/* Update rules on plain arrays; dim_optimizer is their public handle. */
#ifndef DIM_OPTIM_OPTIM_H
#define DIM_OPTIM_OPTIM_H

#include "base/context.h"
#include <dim/optimizer.h>

/* Checked options with defaults filled in. */
dim_status dim__optim_options(dim_context *ctx, const dim_optimizer_options *in, dim_optimizer_options *out);
float dim__schedule_lr(const dim_optimizer_options *o, uint64_t step);

typedef struct dim__slot { /* one parameter with its state */
    int64_t count;
    float *w;
    const float *g;
    float *m, *v;          /* as the rule needs; made by dim__optim_prepare */
} dim__slot;

typedef struct dim__optim {
    dim_context *ctx;
    dim_optimizer_options o;
    dim__slot *slots;
    int64_t n_slots;
    uint64_t steps;
    double grad_norm;      /* of the last update when clipping by norm */
} dim__optim;

dim_status dim__optim_init(dim__optim *opt, dim_context *ctx, const dim_optimizer_options *checked);
dim_status dim__optim_prepare(dim__optim *opt, int64_t n, const int64_t *counts); /* allocates slots and states */
void dim__optim_step(dim__optim *opt);    /* slots' w and g are set; allocates nothing */
void dim__optim_free(dim__optim *opt);

#endif
