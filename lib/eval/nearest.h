/* What a search for neighbours knows, and the keys of one query that may be among its nearest.  Distances are halves of
 * squares throughout. */
#ifndef DIM_EVAL_NEAREST_H
#define DIM_EVAL_NEAREST_H

#include "eval/eval.h"

typedef struct dim__wide { /* high + low, of which low is below high's last digit: twice the digits of a double */
    double high, low;
} dim__wide;

typedef struct dim__candidate { /* the distance is in [low, high], or exactly that */
    double low, high;
    int64_t index;
    bool exact;
} dim__candidate;

typedef struct dim__query {
    int64_t row;
    dim__wide square;          /* by cosine: as in dim__search */
    double unit;
    double half, norm;         /* half the square of its distance from the centre, and that distance */
    double error;              /* as in dim__search */
    double scale;              /* of the product of rows as they are prepared */
    double limit;              /* a key whose half less the product is certainly above this is out */
    dim__candidate *list;
    int64_t held, measured;    /* candidates in the list; keys that were measured one by one */
    bool hard;                 /* too many of these */
} dim__query;

typedef struct dim__search {
    dim_context *ctx;
    bool cosine, wide;         /* wide: the product is in double */
    const float *queries, *keys;
    int64_t n, d, k;
    int64_t keep;              /* room in a query's list: k at least */
    int64_t patience;          /* keys to measure one by one, at most */
    double epsilon;            /* what sums of d squares in double may be off by */
    int64_t *indices;          /* results: (queries, k) */
    double *distances;         /* or NULL */
    double *centre;            /* (d) the keys' mean */
    dim__wide *square;         /* (n), by cosine alone: the square of a key's length */
    double *unit;              /* (n) what makes the length 1: 1 / the length, or 0 of no length; 1 by Euclidean distance */
    double *half;              /* (n) half the square of the distance from the centre */
    double *slack, *error;     /* (n) what the product, for a query of norm 1, and what half may be off by */
    double *near;              /* (n) half - error */
    int exponent;              /* keys are multiplied by 2^-exponent */
    int64_t *rows;             /* queries to be answered */
    void *q, *b, *scores;      /* prepared rows of both blocks, their products */
    dim__query *query;         /* of the block */
    dim__candidate *list;
    int64_t q_first, b_first, b_count;
    dim__neighbors_work work;
} dim__search;

dim__wide dim__wide_dot(const float *x, const float *y, int64_t n);
/* A key that may be near: `product` is what the matrix product says, within norm * slack. */
void dim__nearest_add(const dim__search *s, dim__query *q, int64_t index, double product);
/* Ranks what is left and writes the query's results. */
void dim__nearest_finish(const dim__search *s, dim__query *q);

#endif
