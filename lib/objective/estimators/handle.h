/* The inside of a dim_estimator, and its evaluation on features or scores of the caller's. */
#ifndef DIM_OBJECTIVE_HANDLE_H
#define DIM_OBJECTIVE_HANDLE_H

#include "compile/compile.h"
#include "objective/objective.h"

typedef enum dim__eval_mode {
    DIM__EVAL_FEATURES = 0, /* all pairs of features */
    DIM__EVAL_SHUFFLE = 1,  /* features with their own and one other sample */
    DIM__EVAL_SCORES = 2,
    DIM__EVAL_PAIRS = 3
} dim__eval_mode;

/* What a compiled evaluation depends on: the numbers of its dim__program_key. */
typedef struct dim__eval_key {
    int64_t mode;
    int64_t n, g, l, d;     /* pairs: n rows, g positives and l negatives a row */
    int64_t grad_a, grad_b; /* which gradients are wanted */
} dim__eval_key;

enum { DIM__EVAL_PROGRAMS = 4 };

struct dim_estimator {
    dim_context *ctx;
    dim_estimator_options o;    /* checked, defaults filled in */
    dim__params params;         /* MINE's moving average */
    dim__param *state;          /* NULL for others */
    dim__programs programs;
};

dim_status dim__estimator_create(dim_context *ctx, const dim_estimator_options *checked, dim_estimator **out);
void dim__estimator_destroy(dim_estimator *est);

/* MINE's moving average: a state, NaN until the first batch. */
dim__param_spec dim__estimator_state_spec(void);

/* One evaluation.  Tensors have been checked against the key; b, partner (N) and gradients are NULL where there is
 * none.  Outputs are written when all of them are known to be finite. */
dim_status dim__estimator_run(dim_estimator *est, const dim__eval_key *key, const dim_tensor *a, const dim_tensor *b,
                              const int32_t *partner, const char *const names[2], dim_estimate *result,
                              dim_tensor *grad_a, dim_tensor *grad_b);

#endif
