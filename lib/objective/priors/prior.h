/* Priors: checked options, of which dim_prior is the public handle, and how they enter a graph. */
#ifndef DIM_OBJECTIVE_PRIORS_PRIOR_H
#define DIM_OBJECTIVE_PRIORS_PRIOR_H

#include "base/fields.h"
#include "nn/scope.h"
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
/* Checks the options, and those of the optimizer if there is one. */
dim_status dim__prior_options(dim_context *ctx, const dim_prior_options *in, dim__prior_spec *out);

typedef struct dim__prior_in { /* what a prior is emitted from */
    dim__scope scope;              /* prefix and optimizer's group are the prior's own: for a discriminator */
    const dim_prior_options *o;
    dim__vid code;
    dim__vid mean, logvar;     /* of a Gaussian code; DIM__NONE for others */
} dim__prior_in;

typedef struct dim__prior_nodes { /* scalars */
    dim__vid penalty;          /* of the encoder, unweighted */
    dim__vid disc;             /* the discriminator's loss; DIM__NONE: there is none */
} dim__prior_nodes;

/* A prior: a descriptor in a file of this folder, and a line in prior_list.def. */
typedef struct dim__prior_def {
    const char *name;
    bool gaussian;             /* needs a Gaussian code */
    dim__prior_nodes (*emit)(const dim__prior_in *in);
    /* The penalty of features of the caller's, tensors (N, d) of f32; gradients are NULL when not wanted.  Outputs are written
     * when all of them are known to be finite.  NULL: it has no value without a model. */
    dim_status (*run)(dim_prior *prior, const dim_tensor *mean, const dim_tensor *logvar, double *value,
                      dim_tensor *grad_mean, dim_tensor *grad_logvar);
} dim__prior_def;

#define X(KIND, name) extern const dim__prior_def dim__prior_##name;
#include "objective/priors/prior_list.def"
#undef X

const dim__prior_def *dim__prior_def_of(dim_prior_kind kind); /* NULL for what is not a kind */
const char *dim__prior_name(int kind);                        /* likewise */

#endif
