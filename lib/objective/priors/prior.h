/* Priors: checked options (dim_prior is their public handle) and how they enter a graph. */
#ifndef DIM_OBJECTIVE_PRIORS_PRIOR_H
#define DIM_OBJECTIVE_PRIORS_PRIOR_H

#include "base/fields.h"
#include "nn/net.h"
#include <dim/prior.h>

typedef struct dim__prior_spec {
    dim_prior_options o;             /* checked, defaults filled in; its pointer is NULL */
    bool own_optimizer;
    dim_optimizer_options optimizer; /* checked; of the discriminator when own_optimizer */
} dim__prior_spec;

struct dim_prior {
    dim_context *ctx;
    dim__prior_spec spec;
};

extern const dim__table dim__prior_table;
const char *dim__prior_name(int kind); /* NULL for what is not a dim_prior_kind */
/* Checks the options, and those of the optimizer if there is one. */
dim_status dim__prior_options(dim_context *ctx, const dim_prior_options *in, dim__prior_spec *out);

typedef struct dim__prior_nodes { /* scalars */
    dim__vid penalty; /* of the encoder, unweighted */
    dim__vid disc;    /* the discriminator's loss; DIM__NONE for KL */
} dim__prior_nodes;

/* KL(N(mean, e^logvar) || N(0, I)), averaged over the batch, and over the units unless options say sum. */
dim__vid dim__emit_prior_kl(dim__graph *g, const dim_prior_options *o, dim__vid mean, dim__vid logvar);

/* The same for features of the caller's: tensors are (N, d), f32, gradients NULL when not wanted.  Outputs are written
 * when all of them are known to be finite. */
dim_status dim__prior_kl_run(dim_prior *prior, const dim_tensor *mean, const dim_tensor *logvar, double *value,
                             dim_tensor *grad_mean, dim_tensor *grad_logvar);

/* Both players: the penalty's gradient stops at the discriminator's parameters, the discriminator's at the code. */
dim__prior_nodes dim__emit_prior_adversarial(const dim__net *net, const dim_prior_options *o, dim__vid code);

#endif
