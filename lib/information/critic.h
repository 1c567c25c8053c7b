/* The critic: a network on each side, cross-fitted, on a Gaussian base.
 *
 *     components.c  which coordinates: a side's columns, or independent components of them
 *     inputs.c    columns -> what the networks see
 *     cca.c       the base: canonical pairs, whose scores are those of a Gaussian copula
 *     towers.c, training.c  what is learnt beyond it
 *     heldout.c   what a critic is worth on rows that it was not trained on
 *     folds.c     whose rows are trained on
 *     crossfit.c  the learning curve; whether the networks see all, or canonical pairs alone
 *     rows.c, smooth.c, gradient.c  what critics say of other rows, and its derivatives
 *
 * T(x, y) = T_0(x, y) + <f(x), g(y)> + a(x) + b(y) is one inner product of extended features,
 *
 *     [rho u / (1 - rho^2), q_x, 1, a, f, 1] . [v, 1, q_y, 1, g, b]
 *
 * so that the scores of all pairs are one matrix product. */
#ifndef DIM_INFORMATION_CRITIC_H
#define DIM_INFORMATION_CRITIC_H

#include "information/information.h"
#include "information/smooth.h"

enum { DIM__MI_LAYERS = 3, DIM__MI_HIDDEN = 64, DIM__MI_OUT = 33 }; /* of a network; f and a, or g and b, are 33 */

/* How a column of inputs comes from the values of a row, for rows that were not measured. */
typedef enum dim__mi_feature_kind {
    DIM__MI_SCORE,
    DIM__MI_LABEL,
    DIM__MI_RADIUS,
    DIM__MI_RAW_RADIUS,
    DIM__MI_PAIR, /* of narrow inputs: a score of one of canonical pairs */
    DIM__MI_SAME  /* of narrow inputs: a column of the wide ones */
} dim__mi_feature_kind;
typedef struct dim__mi_feature {
    dim__mi_feature_kind kind;
    int64_t column;              /* SCORE, LABEL: of the side's; PAIR: of the pairs; SAME: of the wide inputs' */
    double label;                /* LABEL: the value whose column this is */
    int64_t first, d;            /* RADIUS: of these scores; RAW_RADIUS: of these columns of the side */
    double *matrix;              /* RADIUS: (d, d), a Cholesky factor; RAW_RADIUS: (2, d), middles and scales, 0 = is left out */
    dim__smooth curve;           /* not of LABEL: what becomes of the value, or of the squared radius */
} dim__mi_feature;

typedef struct dim__mi_inputs {  /* of both sides */
    int64_t n;
    int64_t d[2];
    int64_t plain[2];            /* of them, the first: scores and labels, which the base sees; the others are radii */
    float *x[2];                 /* (n, d) */
    dim__mi_feature *feature[2]; /* (d) */
} dim__mi_inputs;

/* The columns of m's sides in the left and the right set, as bits.  Freed by dim__mi_inputs_free(), also after a failure. */
dim_status dim__mi_inputs_make(const dim__mi *m, const uint32_t sides[2], dim__mi_inputs *out);
void dim__mi_inputs_free(dim_context *ctx, dim__mi_inputs *in);
void dim__mi_inputs_forget(dim_context *ctx, dim__mi_inputs *in); /* the rows; what features are, stays */

/* Median, and 1.4826 times the median distance from it. */
void dim__mi_scale(const double *x, int64_t n, double *spare, double *middle, double *scale);

typedef struct dim__mi_base {    /* canonical pairs of training rows; kept, after their correlations are debiased; the strongest first */
    int64_t d[2], kept;
    double *mean[2];             /* (d) */
    double *direction[2];        /* (kept, d): rows are directions of unit variance */
    double *rho;                 /* (kept) */
    double hidden;               /* nats of a pair that is just not kept */
    bool lone;                   /* none is kept, and what follows the kept ones is the strongest, as it was before */
} dim__mi_base;

/* Labels on both sides have no pairs: zeros and ones are not Gaussian scores, and those of many labels add up to more than there is. */
bool dim__mi_labels_alone(const dim__mi_inputs *in);
dim_status dim__mi_base_fit(const dim__mi *m, const dim__mi_inputs *in, const int32_t *rows, int64_t n, dim__mi_base *out);
void dim__mi_base_free(dim_context *ctx, dim__mi_base *b);
static inline int64_t dim__mi_base_width(const dim__mi_base *b) { return b->kept + 2; }
/* (n, width) features of a side, for rows. */
void dim__mi_base_features(const dim__mi_base *b, const dim__mi_inputs *in, int side, const int32_t *rows, int64_t n, float *out);

typedef struct dim__mi_tower {   /* weights of one side's network, as PyTorch's linear layers have them */
    int64_t d;
    float *memory;
    int64_t count;               /* numbers in memory */
} dim__mi_tower;

dim_status dim__mi_tower_make(dim_context *ctx, int64_t d, dim__mi_tower *t);
/* Weights (out, in) of a layer, and then its biases (out). */
float *dim__mi_tower_layer(const dim__mi_tower *t, int layer, int64_t *out, int64_t *in);
/* x (n, d) -> both hidden layers (n, HIDDEN) and out (n, OUT), its rows `stride` apart. */
void dim__mi_tower_run(dim_context *ctx, const dim__mi_tower *t, const float *x, int64_t n, float *first, float *second, float *out,
                       int64_t stride);
/* Of the OUT + 1 last extended features a side's network makes OUT, from number `side` on; the other one is 1. */
static inline int64_t dim__mi_tower_one(int side) { return side == 0 ? DIM__MI_OUT : 0; }

typedef struct dim__mi_narrow {  /* what a narrow critic sees: the side of each of the strongest pairs, and radii */
    dim__mi_base pairs;
    dim__mi_inputs in;
} dim__mi_narrow;

/* For all rows, by the first of a base's pairs.  Freed by dim__mi_narrow_free(), which frees *out itself, also after a failure. */
dim_status dim__mi_narrow_make(const dim__mi *m, const dim__mi_inputs *wide, const dim__mi_base *base, dim__mi_narrow *out);
void dim__mi_narrow_free(dim_context *ctx, dim__mi_narrow *narrow);

typedef struct dim__mi_critic {
    dim__mi_narrow *narrow;      /* what it sees, and its own; NULL: all inputs */
    dim__mi_base base;
    dim__mi_tower tower[2];
    bool residual;               /* else the base alone was better on validation rows */
    double validation;           /* its score there */
    uint32_t cut;                /* 0, or the warning that says what ended its training while it still learnt */
} dim__mi_critic;

typedef struct dim__mi_rows {    /* of one fold: numbers of rows */
    int32_t *train, *validation, *test;
    int64_t n_train, n_validation, n_test;
} dim__mi_rows;

/* folds.c */
typedef struct dim__mi_folds {
    const dim__mi *m;
    int32_t *unit;               /* (n): rows with the same number stay together */
    int64_t units;
    int32_t *fold;               /* (units) */
    int32_t *rank;               /* (units): random order, or that of time */
    int32_t *memory;             /* (n) for the rows of a fold */
} dim__mi_folds;
dim_status dim__mi_folds_make(const dim__mi *m, dim__mi_folds *out); /* freed by dim__mi_folds_free(), also after a failure */
void dim__mi_folds_free(dim_context *ctx, dim__mi_folds *f);
/* Test rows are the fold's; an eighth of the rest is for validation, and of the others `share` is for training: 1 = all, else a
 * random part of the units, of a series of its blocks.  The rows of the last call are good. */
void dim__mi_folds_rows(const dim__mi_folds *f, int fold, double share, dim__mi_rows *out);

typedef struct dim__mi_span {    /* of a measurement, as its caller hears: fractions */
    double begin, end;
} dim__mi_span;
/* A new critic; with out->narrow set, of what that sees. */
dim_status dim__mi_critic_train(const dim__mi *m, const dim__mi_inputs *in, const dim__mi_rows *rows, uint64_t seed, dim__mi_span span,
                                dim__mi_critic *out);
void dim__mi_critic_free(dim_context *ctx, dim__mi_critic *c);
/* Extended features of rows, (n, width) of either side; base_alone leaves the networks out. */
int64_t dim__mi_critic_width(const dim__mi_critic *c, bool base_alone);
dim_status dim__mi_critic_features(const dim__mi *m, const dim__mi_critic *c, const dim__mi_inputs *in, const int32_t *rows, int64_t n,
                                   bool base_alone, float *x, float *y);

typedef struct dim__mi_held_out { /* scores of n rows among each other */
    double *pointwise;           /* (n): p of docs/information.md; NULL = not wanted */
    double *influence;           /* (n): phi; NULL = not wanted */
    double *inclusive;           /* (n): the same with the own pair in both means; NULL = not wanted */
    double score, inclusive_score; /* means, weighted as the rows are */
} dim__mi_held_out;

/* weights (n) or NULL. */
dim_status dim__mi_held_out_score(dim_context *ctx, const float *x, const float *y, const double *weights, int64_t n, int64_t width,
                                  dim__mi_held_out *out);

/* gradient.c: the folds' critics, for rows to come. */
struct dim__mi_fitted {
    dim__mi_coordinates coordinates[2]; /* of x and y */
    dim__mi_inputs in;           /* without rows */
    int64_t count;
    dim__mi_critic *critic;      /* (count) */
};
/* rows.c: one side's rows as inputs, and back.  All arrays have a row for each column. */
typedef struct dim__mi_side_rows {
    int64_t n;
    double *coordinate;          /* (columns, n) */
    double *back, *own;          /* (columns, n) derivatives by the coordinates, and by the caller's columns where these differ */
    double *x, *slope, *gradient; /* (d, n) inputs, slopes of their curves, derivatives by them */
} dim__mi_side_rows;
dim_status dim__mi_coordinates_keep(dim_context *ctx, const dim__mi_side *s, dim__mi_coordinates *out);
dim_status dim__mi_rows_make(dim_context *ctx, const dim__mi_fitted *f, int side, const dim_tensor *t, dim__mi_side_rows *out);
dim_status dim__mi_rows_back(dim_context *ctx, const dim__mi_fitted *f, int side, dim__mi_side_rows *r); /* from `gradient` on */
void dim__mi_rows_write(const dim__mi_fitted *f, int side, const dim__mi_side_rows *r, dim_tensor *out);
void dim__mi_rows_free(dim_context *ctx, dim__mi_side_rows *r);

/* What cross-fitting finds.  All arrays (n), NaN where a row is in no fold. */
typedef struct dim__mi_crossfit {
    double *pointwise, *influence, *inclusive;                /* of the critic */
    double *base_pointwise, *base_influence, *base_inclusive; /* of the Gaussian base */
    double score, inclusive_score, base_score, base_inclusive_score;
    double gain, gain_error;     /* what the second half of the training rows brought, and its standard error */
    double ceiling;              /* ln of the rows that a row was scored among */
    double hidden;               /* nats that critics may have missed, whatever they have learnt */
    uint32_t cut;                /* warnings: what ended a training too early, of any critic that the answer rests on */
    bool less_cut;               /* of a difference: what is subtracted may be more */
    bool difference;             /* of two scores */
    double above, base_above;    /* of a difference: by how much more either score is above its inclusive one, which shows saturation */
    double base_most;            /* of a difference: the larger base score */
    bool beats_base;             /* on rows that were not trained on; of a difference, also one of its two scores, or by being less */
    double lesser_gain;          /* of a difference: that of the score that was taken away */
    bool unlearnt;               /* it may gain so much that nothing is known of the difference */
    bool narrow;                 /* the critics saw canonical pairs alone */
    int64_t permutations;        /* that were made */
    bool labels;                 /* alone, on both sides: the base is nothing */
    double *null;                /* (permutations): mean scores of rows with partners of others; NULL = none were asked for */
    dim__mi_fitted *fitted;      /* NULL with a condition */
    double p_value;              /* of independence: the folds' together */
} dim__mi_crossfit;

/* sides as in dim__mi_inputs_make(). */
dim_status dim__mi_crossfit_run(const dim__mi *m, const uint32_t sides[2], dim__mi_span span, dim__mi_crossfit *out);
void dim__mi_crossfit_free(const dim__mi *m, dim__mi_crossfit *c);

/* (n) inclusive scores of the base alone, cross-fitted, of x against y and z; NaN for rows that were not needed. */
dim_status dim__mi_crossfit_base(const dim__mi *m, double *inclusive);

/* components.c: m with sides in independent components, where they have such, and whether these are better.  Everything else is
 * m's.  *turned is freed, also after a failure, by dim__mi_components_free(). */
dim_status dim__mi_components(const dim__mi *m, dim__mi *turned, bool *better);
void dim__mi_components_free(dim__mi *turned);

/* margins.c: how far the base of all rows is from a density over the rows as they are, which is 0 where each side is normal in
 * the base's directions; and the standard error. */
dim_status dim__mi_margin_gap(const dim__mi *m, double *gap, double *error);

/* critic.c: the answer to m's question, with a condition as a difference; and what a result says of it. */
dim_status dim__mi_critic_measure(const dim__mi *m, dim__mi_crossfit *out);
/* What is left of an answer if trainings were cut: how much they would have found, is open. */
void dim__mi_critic_mark_cut(const dim__mi_crossfit *c, dim__mi_answer *a);
double dim__mi_critic_high(const dim__mi *m, const dim__mi_crossfit *c); /* end of the interval, if nothing saturates */
void dim__mi_critic_fill(const dim__mi *m, dim__mi_crossfit *c, dim__mi_answer *a);
/* Neighbours of the same few columns, which err downward: what critics miss may be as much as what these miss. */
void dim__mi_critic_allow_for(const dim_information_result *knn, dim_information_result *critic);
void dim__mi_critic_fill_base(const dim__mi *m, const dim__mi_crossfit *c, dim__mi_answer *a); /* after that: of the base instead */

#endif
