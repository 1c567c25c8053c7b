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

/* What is known of keys before any query comes.  Results do not depend on the centre: it only decides how many keys a
 * product can tell apart. */
typedef struct dim__keys {
    bool cosine;
    const float *x;            /* (n, d) */
    int64_t n, d;
    int64_t room;              /* keys that the arrays have room for */
    double epsilon;            /* what sums of d squares in double may be off by */
    double *numbers;           /* all arrays of doubles below */
    double *centre;            /* (d) the mean of the keys that were there when room was made */
    dim__wide *square;         /* (n), by cosine alone: the square of a key's length */
    double *unit;              /* (n) what makes the length 1: 1 / the length, or 0 of no length; 1 by Euclidean distance */
    double *half;              /* (n) half the square of the distance from the centre */
    double *slack, *error;     /* (n) what a product in float, for a query of norm 1, and what half may be off by */
    double *near;              /* (n) half - error */
    int exponent;              /* keys are multiplied by 2^-exponent */
    float *packed;             /* (n, d) as they are multiplied; NULL = they are made in each search */
} dim__keys;

typedef struct dim__search {
    dim_context *ctx;
    const dim__keys *keys;
    bool wide;                 /* the product is in double */
    const float *queries;
    int64_t d, k;
    int64_t keep;              /* room in a query's list: k at least */
    int64_t patience;          /* keys to measure one by one, at most */
    int64_t *indices;          /* results: (queries, k) */
    double *distances;         /* or NULL */
    const double *slack;       /* (n) as the keys', or of a product in double */
    int64_t *rows;             /* queries to be answered */
    void *q, *b, *scores;      /* prepared rows of both blocks, their products */
    dim__query *query;         /* of the block */
    dim__candidate *list;
    int64_t q_first, b_first, b_count;
    int64_t stride;            /* keys of a block at most, from one row of scores to the next */
    dim__neighbors_work work;
} dim__search;

/* Of n rows, of which the first `keys->n` are known already; on failure all is as before.  packs: keeps them as they are
 * multiplied, for more than one search.  `cosine` and `d` are set before, all else is 0. */
dim_status dim__keys_prepare(dim_context *ctx, dim__keys *keys, const float *x, int64_t n, bool packs);
void dim__keys_free(dim_context *ctx, dim__keys *keys);
double dim__keys_unit(double square);
double dim__keys_half(const dim__keys *keys, const float *x, double unit); /* half the square of a row's distance from the centre */
double dim__keys_half_error(const dim__keys *keys, double half);
int dim__keys_exponent(double half);
/* Into slack, what a product q.b of rows that have been rounded may be off by, for |q| = 1. */
void dim__keys_slack(const dim__keys *keys, bool wide, int64_t first, double *slack);
/* Row `at` of a block: less the centre, times 2^-exponent, so that no product leaves the range of float. */
void dim__keys_put(const dim__keys *keys, bool wide, void *block, int64_t at, const float *x, double unit, int exponent);
/* Answers m queries. */
dim_status dim__keys_search(dim_context *ctx, const dim__keys *keys, const float *queries, int64_t m, int64_t k,
                            int64_t *indices, double *distances, dim__neighbors_work *work);

/* The same of tensors, after dim__keys_prepare(); distances may be NULL.  rows: the tensor that x is of, for one
 * search; NULL: the keys are kept for more of them. */
dim_status dim__keys_nearest(dim_context *ctx, dim__keys *keys, const float *x, int64_t n, const dim_tensor *rows,
                             const dim_tensor *queries, dim_tensor *indices, dim_tensor *distances);
dim_status dim__check_nearest_kind(dim_context *ctx, dim_probe_kind kind);

dim__wide dim__wide_dot(const float *x, const float *y, int64_t n);
/* A key that may be near: `product` is what the matrix product says, within norm * slack. */
void dim__nearest_add(const dim__search *s, dim__query *q, int64_t index, double product);
/* Ranks what is left and writes the query's results. */
void dim__nearest_finish(const dim__search *s, dim__query *q);

#endif
