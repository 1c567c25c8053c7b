/* Losses: a kind is one file with one descriptor and one line in loss_list.def.  It checks the shapes of the values that it
 * compares when it is added, and emits a scalar, with further scalars to report. */
#ifndef DIM_OBJECTIVE_LOSSES_H
#define DIM_OBJECTIVE_LOSSES_H

#include "nn/encoder.h"
#include "objective/losses/information.h"
#include "objective/objective.h"

#ifndef DIM_EXPERIMENTAL
#define DIM_EXPERIMENTAL
#endif
#include <dim/objective.h>

enum { DIM__LOSS_VALUES = 3, DIM__LOSS_REPORTS = 3 };

typedef struct dim__loss {
    char name[DIM__TAP_SIZE];
    const struct dim__loss_def *def;
    dim_loss_options o;        /* checked; its pointers are NULL */
    dim__information information;
    const void *more;          /* options of a kind that is not public */
    bool weighted;             /* the loss is `weight` times what the kind says */
    float weight;
} dim__loss;

typedef enum dim__loss_report_kind {
    DIM__LOSS_REPORT_SCALAR = 0,   /* the value as it is */
    DIM__LOSS_REPORT_ACCURACY = 1, /* of probabilities (N, C) and the labels of side 1 */
    DIM__LOSS_REPORT_MEAN = 2      /* of the absolute elements */
} dim__loss_report_kind;

/* How a loss of one rank's graph comes to that of all ranks' samples; nothing of it matters where there is one. */
typedef enum dim__loss_ranks {
    DIM__LOSS_OF_ALL = 0,      /* it is that, and its gradient this rank's part */
    DIM__LOSS_OF_SAMPLES = 1,  /* it is a mean over this rank's samples, and so are reports that are scalars */
    DIM__LOSS_ALIKE = 2        /* every rank computes it of what all ranks have */
} dim__loss_ranks;

typedef struct dim__loss_nodes {
    dim__loss_ranks ranks;
    dim__vid loss;               /* DIM__NONE of a kind that only reports */
    dim__vid against;            /* of a game that is one loss: what the other player minimises; DIM__NONE = there is none */
    int n_reports;
    struct {
        const char *suffix;      /* ".value" */
        dim__loss_report_kind kind;
        dim__vid v;
    } reports[DIM__LOSS_REPORTS];
} dim__loss_nodes;

typedef struct dim__loss_in { /* what a loss is emitted from */
    dim__scope scope;                /* prefix "<name>." */
    dim__loss *loss;
    int64_t samples;
    dim__side side[DIM__LOSS_VALUES]; /* a, b, c; v is DIM__NONE for those that there are none of */
} dim__loss_in;

typedef struct dim__loss_def {
    dim_loss_kind kind;
    const char *name;
    const char *what;            /* what texts call its value; NULL = "loss" */
    bool reports_only;
    int least, most;             /* values that it takes */
    bool labels;                 /* b may be labels */
    bool critic;                 /* it has parameters */
    uint32_t options;            /* DIM__LOSS_TAKES_...: which options may be set */
    void (*fill)(dim_loss_options *o); /* puts in what 0 stands for where only this kind takes it; NULL = nothing */
    /* Shapes of the sides and options; names are for texts.  side[].v is not set yet. */
    dim_status (*check)(dim_context *ctx, dim__loss *loss, const dim__side *side, const dim_loss_options *given);
    dim__loss_nodes (*emit)(const dim__loss_in *in);
} dim__loss_def;

enum {
    DIM__LOSS_TAKES_SUM = 1, DIM__LOSS_TAKES_ADVERSARY = 2, DIM__LOSS_TAKES_TERM = 4, DIM__LOSS_TAKES_VICREG = 8,
    DIM__LOSS_TAKES_REDUNDANCY = 16, DIM__LOSS_TAKES_RELATIVE = 32
};

#define X(name) extern const dim__loss_def dim__loss_##name;
#include "objective/losses/loss_list.def"
#undef X

const dim__loss_def *dim__loss_def_of(dim_loss_kind kind); /* NULL for what is not a kind */
const char *dim__loss_name(int kind);                      /* likewise */

/* Sides that are compared unit by unit have one shape. */
dim_status dim__loss_same_shape(dim_context *ctx, const dim__loss *loss, const dim__side *side, int n);
/* scale times the sum over all: a mean over rows, and over units unless sum_units. */
dim__vid dim__loss_mean(dim__graph *g, const dim__loss *loss, dim__vid x, double scale);

/* Losses of views without negatives: views.c. */
typedef dim__loss_nodes (*dim__loss_of_two)(const dim__loss_in *in, dim__vid a, dim__vid b);
/* Vectors; one side with several views, or two sides. */
dim_status dim__loss_check_views(dim_context *ctx, dim__loss *loss, const dim__side *side, const dim_loss_options *given);
/* Of a and b, or the mean over all pairs of a's views, reports included; `emit` gets the rows of all ranks. */
dim__loss_nodes dim__loss_of_views(const dim__loss_in *in, dim__loss_of_two emit);
/* (N, d) less its mean over the rows */
dim__vid dim__loss_centred(dim__graph *g, dim__vid x);
/* (1, d): scale times the sum over the rows of a b */
dim__vid dim__loss_column_dots(dim__graph *g, dim__vid a, dim__vid b, double scale);
/* scale^2 times the sum of squares of all elements of a' b, which is (d, d), by the smaller of it and the products of rows */
dim__vid dim__loss_cross_squares(dim__graph *g, dim__vid a, dim__vid b, double scale);

/* What priors on a model's code share with losses: adversarial.c, kl.c. */
dim__vid dim__emit_tell_apart(dim__graph *g, dim_adversary how, dim__vid a, dim__vid b);
dim__vid dim__emit_pass_as_true(dim__graph *g, dim_adversary how, dim__vid a);
dim__vid dim__emit_kl(dim__graph *g, bool sum_units, dim__vid mean, dim__vid logvar);

/* (R, C): each row less its maximum, so that no digit is lost where its logits are large and alike.  For what does not change by a
 * number that is added to a row, such as probabilities: no gradient passes through the maximum.  cross_entropy.c. */
dim__vid dim__loss_below_maximum(dim__graph *g, dim__vid a);

/* A mean over samples. */
static inline dim__loss_nodes dim__loss_alone(dim__vid loss)
{
    return (dim__loss_nodes){ .ranks = DIM__LOSS_OF_SAMPLES, .loss = loss, .against = DIM__NONE };
}

#endif
