/* A critic is one file with one descriptor and one line in critic_list.def: it turns the two sides' features into scores. */
#ifndef DIM_OBJECTIVE_CRITICS_H
#define DIM_OBJECTIVE_CRITICS_H

#include "nn/net.h"
#include <dim/model.h>

typedef struct dim__pairing { /* what is to be paired, and how */
    dim__net net;             /* prefix "<term>." */
    dim__vid x;               /* (N, L, C): L locations of each sample; L = 1 for a vector */
    dim__vid y;               /* (N, D): one global feature a sample */
    int64_t n, l;
    bool x_in_space;          /* DOT: x is in the space of the scores already */
    const dim_term_options *o;/* checked, defaults filled in */
    dim__vid partner;         /* i32 (N): whose x is paired with y i as a negative; DIM__NONE = everyone else's */
} dim__pairing;

typedef struct dim__scores {
    dim__vid all;             /* (N, N L): row i is y i, column j L + l is x j, l; DIM__NONE with partners */
    dim__vid pos, neg;        /* (N, L) with partners */
    dim__vid y, x;            /* all pairs of a dot product, instead of `all`: (N, U) and (N L, U), whose products these are */
} dim__scores;

typedef struct dim__critic_def {
    dim_critic kind;
    const char *name;
    dim__scores (*score)(const dim__pairing *p);
} dim__critic_def;

#define X(name) extern const dim__critic_def dim__critic_##name;
#include "objective/critics/critic_list.def"
#undef X

const dim__critic_def *dim__critic_def_of(dim_critic kind); /* NULL for what is not a kind */
const char *dim__critic_name(int kind);                     /* likewise */

/* Scores of features that live in one space: inner products. */
dim__scores dim__dot_scores(const dim__pairing *p, dim__vid x /* (N L, U) */, dim__vid y /* (N, U) */);

#endif
