/* How scores become a loss in a graph. */
#ifndef DIM_OBJECTIVE_OBJECTIVE_H
#define DIM_OBJECTIVE_OBJECTIVE_H

#include "graph/graph.h"
#include "objective/estimators/estimators.h"

typedef struct dim__est_nodes { /* scalars of one estimator in a graph */
    dim__vid loss, value, pos, neg;
    dim__vid record; /* f64: results in full precision, see below */
} dim__est_nodes;

enum { /* what is where in a record: coefficients, loss, value, means of the scores, MINE's state, rows' accumulators */
    DIM__EST_RECORD_COEF = 0,
    DIM__EST_RECORD_LOSS = DIM__EST_MAX_COEF,
    DIM__EST_RECORD_VALUE,
    DIM__EST_RECORD_POS, /* means before clipping */
    DIM__EST_RECORD_NEG,
    DIM__EST_RECORD_STATE,
    DIM__EST_RECORD_ROWS = 2 * DIM__EST_MAX_COEF
};

dim__vid dim__scalar_of(dim__graph *g, dim__vid vector, int64_t i); /* its element i */

/* The options' scale, penalty and clip are applied here: scores are those that the critic gives.
 *
 * Of several ranks `samples`, y and rows are this rank's, x and columns all ranks'; the nodes are those of all rows.
 *
 * All pairs: scores (R, N L), R = N G rows, row r is global r % G of sample r / G; columns j L + l.
 * `state` is the param of MINE's moving average (scalar, NaN at first), NULL for others and for evaluations without one. */
dim__est_nodes dim__emit_estimator(dim__graph *g, const dim_estimator_options *o, dim__vid scores, int64_t samples,
                                   dim__param *state);
/* The same for scores y x' of features: y (R, d), x (..., d) with N L rows.  A score tensor beyond the options'
 * score_memory is never made; see dot_estimator_op.c. */
dim__est_nodes dim__emit_dot_estimator(dim__graph *g, const dim_estimator_options *o, dim__vid y, dim__vid x,
                                       int64_t samples, dim__param *state);
/* Bytes of one thing's pairs from which on they are made in blocks; 0 = never.  The reference executor, the readable one, does
 * so on demand only. */
int64_t dim__stream_limit(const dim__graph *g, const dim_estimator_options *o);
/* Scores of positive pairs (N, P) and of negative pairs (N, Q). */
dim__est_nodes dim__emit_estimator_pairs(dim__graph *g, const dim_estimator_options *o, dim__vid pos, dim__vid neg,
                                         dim__param *state);

/* k antecedents a sample, y (N k, d), against x (N L, d); see mixture.c. */
dim__est_nodes dim__emit_mixture(dim__graph *g, const dim_estimator_options *o, dim__vid y, dim__vid x, int64_t samples,
                                 int64_t k, double tau);
/* s (R, L): log-probability of each positive among itself and the negatives of its row; penalty and means are its further
 * outputs, see nce_scores.c. */
dim__vid dim__emit_nce_scores(dim__graph *g, const dim_estimator_options *o, dim__vid y, dim__vid x, int64_t samples);

#endif
