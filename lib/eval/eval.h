/* Probes of frozen features.  A probe is one file and one line in probe_list.def. */
#ifndef DIM_EVAL_EVAL_H
#define DIM_EVAL_EVAL_H

#include "base/context.h"
#include <dim/probe.h>

typedef struct dim__probe_data { /* checked: finite features, labels >= 0 */
    int64_t n, m, d;             /* training samples, test samples, features */
    int64_t classes;             /* 1 + the largest label of train; labels of test may be larger */
    const float *train, *test;   /* (n, d), (m, d) */
    const int32_t *train_labels, *test_labels;
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
dim_status dim__probe_neighbors(dim_context *ctx, dim_probe_kind kind, const dim_tensor *queries,
                                const dim_tensor *keys, dim_tensor *indices);
dim_status dim__probe_features(dim_encoder *enc, const char *tap, dim_dataset *ds, int64_t first, int64_t count,
                               dim_tensor **out);

/* The samples of train: first those to fit, then, from `fitted` on, those that are held out to choose by, at least one of
 * either and both in train's order; or INVALID.  They are the caller's to release. */
dim_status dim__probe_split(dim_context *ctx, const dim_probe_options *o, int64_t n, int64_t *fitted, int32_t **rows);

/* The k nearest of n keys for each of m queries, nearest first, equal ones by index: (m, k). */
dim_status dim__neighbors(dim_context *ctx, bool cosine, const float *queries, int64_t m, const float *keys, int64_t n,
                          int64_t d, int64_t k, int64_t *indices);

/* Mean and unbiased standard deviation + 1e-6 of each feature. */
typedef struct dim__scaler {
    int64_t d;
    float *mean, *std;
} dim__scaler;

enum { DIM__EVAL_ROWS = 1024 }; /* samples that are standardised at a time */

dim_status dim__scaler_create(dim_context *ctx, const float *x, int64_t n, int64_t d, dim__scaler *out); /* n >= 2 */
void dim__scaler_free(dim_context *ctx, dim__scaler *s);
/* Rows first .. first + n - 1 of x, or of pick when it is given, standardised, with a last column of 1: (n, d + 1). */
void dim__scaler_rows(dim_context *ctx, const dim__scaler *s, const float *x, const int32_t *pick, int64_t first,
                      int64_t n, float *out);

/* Share of samples first .. last - 1, or of those of pick, whose largest score is their class's, scores = rows w,
 * w (d + 1, classes). */
dim_status dim__linear_accuracy(dim_context *ctx, const dim__scaler *s, const float *x, const int32_t *labels,
                                const int32_t *pick, int64_t first, int64_t last, const float *w, int64_t classes,
                                double *out);

/* Cholesky factor L of a symmetric positive definite matrix (n, n), rows lda apart: reads and replaces the lower
 * triangle, leaves the rest alone.  False when it is not positive definite. */
bool dim__cholesky(dim_context *ctx, double *a, int64_t n, int64_t lda);
/* x (n, m) := (L L')^-1 x */
void dim__cholesky_solve(dim_context *ctx, const double *l, int64_t n, int64_t lda, double *x, int64_t m);

#endif
