/* Probes of frozen features.  A probe is one file and one line in probe_list.def. */
#ifndef DIM_EVAL_EVAL_H
#define DIM_EVAL_EVAL_H

#include "base/context.h"
#include <dim/probe.h>

/* Checked: finite features.  Classes are counted from 0 in the order in which train first has them, so that nothing can
 * depend on how a caller numbers them. */
typedef struct dim__probe_data {
    int64_t n, m, d;           /* training samples, test samples, features */
    int64_t classes;           /* those that train has */
    const float *train, *test; /* (n, d), (m, d) */
    const int32_t *train_labels, *test_labels; /* -1 in test: a class that train does not have */
    const int32_t *names;      /* (classes) the caller's numbers */
} dim__probe_data;

typedef dim_status (*dim__probe_fn)(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data,
                                    dim_probe_result *result);
#define X(kind, run) \
    dim_status run(dim_context *, const dim_probe_options *, const dim__probe_data *, dim_probe_result *);
#include "eval/probe_list.def"
#undef X

dim_status dim__probe_run(dim_context *ctx, const dim_probe_options *options, const dim_tensor *train,
                          const dim_tensor *train_labels, const dim_tensor *test, const dim_tensor *test_labels,
                          dim_probe_result *result);
dim_status dim__probe_nearest(dim_context *ctx, dim_probe_kind kind, const dim_tensor *queries, const dim_tensor *keys,
                              dim_tensor *indices, dim_tensor *distances);
dim_status dim__probe_features(dim_encoder *enc, const char *tap, dim_dataset *ds, int64_t first, int64_t count,
                               dim_tensor **out);

/* The samples of train: first those to fit, then, from `fitted` on, those that are held out to choose by, at least one of
 * either and both in train's order; or INVALID.  Each run, counted from 0, holds others out.  They are the caller's to
 * release. */
dim_status dim__probe_split(dim_context *ctx, const dim_probe_options *o, int64_t n, uint32_t run, int64_t *fitted,
                            int32_t **rows);

/* Fits o->runs times, each time with another `run` and another seed in its options, and says in the result what they are
 * together: mean and deviation of accuracies, what the first one chose, whether all converged. */
typedef dim_status (*dim__probe_one_fn)(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data,
                                        uint32_t run, dim_probe_result *result);
dim_status dim__probe_runs(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data, dim__probe_one_fn one,
                           dim_probe_result *result);

typedef struct dim__matrix { /* a tensor as contiguous rows */
    const float *x;
    float *owned;              /* NULL, or what the caller releases */
    int64_t n, d;
} dim__matrix;
/* f32, (N, d) or (N, C, H, W), finite; `owned` is to be released after a failure, too. */
dim_status dim__matrix_of(dim_context *ctx, const char *name, const dim_tensor *t, dim__matrix *out);

typedef struct dim__neighbors_work { /* beside the product in float */
    int64_t measured; /* pairs that were measured one by one */
    int64_t again;    /* queries that went through a product in double */
} dim__neighbors_work;

/* The k nearest of n keys for each of m queries, nearest first, equal ones by index: (m, k); their distances, Euclidean
 * or 1 - cosine, and what it took, where these are not NULL. */
dim_status dim__neighbors(dim_context *ctx, bool cosine, const float *queries, int64_t m, const float *keys, int64_t n,
                          int64_t d, int64_t k, int64_t *indices, double *distances, dim__neighbors_work *work);

typedef struct dim__scaler {
    int64_t d;
    double *mean, *inverse; /* of each feature: its mean, 1 / its standard deviation, or 0 when it is constant */
} dim__scaler;

enum { DIM__EVAL_ROWS = 1024 }; /* samples that are standardised at a time */

dim_status dim__scaler_create(dim_context *ctx, const float *x, int64_t n, int64_t d, dim__scaler *out);
void dim__scaler_free(dim_context *ctx, dim__scaler *s);
/* Rows first .. first + n - 1 of x, or of pick when it is given, standardised, with a last column of 1: (n, d + 1). */
void dim__scaler_rows(dim_context *ctx, const dim__scaler *s, const float *x, const int32_t *pick, int64_t first,
                      int64_t n, float *out);

typedef double (*dim__scores_loss)(const float *scores, int64_t classes, int32_t label);
/* Of n rows of scores, how many have the largest where their class is: labels[i], or labels[pick[i]].  Adds their losses to
 * *sum, unless loss is NULL. */
int64_t dim__count_right(const float *scores, int64_t n, int64_t classes, const int32_t *labels, const int32_t *pick,
                         dim__scores_loss loss, double *sum);

/* DIM_E_NUMERIC where training has left weights that give no number. */
dim_status dim__scores_check(dim_context *ctx, const float *scores, int64_t count);

/* What the scores rows w, w (d + 1, classes), make of some samples: first .. last - 1 of x, or of those of pick. */
typedef struct dim__linear_test {
    const dim__scaler *scaler;
    const float *x, *w;
    const int32_t *labels, *pick;
    int64_t first, last, classes;
    dim__scores_loss loss; /* NULL = none */
} dim__linear_test;

/* The share whose largest score is their class's, and the mean loss where `loss` is not NULL. */
dim_status dim__linear_test_run(dim_context *ctx, const dim__linear_test *t, double *share, double *loss);
/* Shares of train and test. */
dim_status dim__linear_result(dim_context *ctx, const dim__probe_data *data, const dim__scaler *s, const float *w,
                              dim_probe_result *result);

double dim__cross_entropy(const float *scores, int64_t classes, int32_t label);
/* Scores of n samples become scale times the gradients of their cross-entropies, softmax - one-hot; losses[i] gets these
 * unless it is NULL.  Sample i is of class labels[i], or labels[pick[i]]. */
void dim__softmax_grad(dim_context *ctx, float *scores, const int32_t *labels, const int32_t *pick, int64_t n,
                       int64_t classes, float scale, double *losses);
/* The linear probe by Adam, on minibatches.  lambda: of the penalty lambda / 2 |W|^2. */
dim_status dim__linear_minibatch(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data,
                                 double lambda, dim_probe_result *result);

/* The MLP's steps after which the rate drops, both 0 where there are too few; each of the epochs, at least one, has `steps`. */
void dim__mlp_milestones(uint32_t epochs, uint64_t steps, uint64_t milestones[2]);

/* Minimises a smooth convex function of n numbers by L-BFGS, from x on, until no element of the gradient is larger than
 * `tolerance`.  fn returns the value at x and sets the gradient. */
typedef double (*dim__convex_fn)(void *user, const double *x, double *gradient);
typedef struct dim__lbfgs_result {
    uint32_t iterations;
    bool converged;
} dim__lbfgs_result;
dim_status dim__lbfgs(dim_context *ctx, int64_t n, double *x, dim__convex_fn fn, void *user, uint32_t iterations,
                      double tolerance, dim__lbfgs_result *out);

enum { DIM__CHOLESKY_WORK = 64 * 64 };
/* Cholesky factor L of a symmetric positive definite matrix (n, n), rows lda apart: reads and replaces the lower
 * triangle, leaves the rest alone.  False when it is not positive definite.  work: DIM__CHOLESKY_WORK numbers. */
bool dim__cholesky(dim_context *ctx, double *a, int64_t n, int64_t lda, double *work);
/* x (n, m) := (L L')^-1 x */
void dim__cholesky_solve(dim_context *ctx, const double *l, int64_t n, int64_t lda, double *x, int64_t m);

#endif
