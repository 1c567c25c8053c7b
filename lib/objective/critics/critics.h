/* A critic is one file with one descriptor and one line in critic_list.def: it turns the two sides' features into scores. */
#ifndef DIM_OBJECTIVE_CRITICS_H
#define DIM_OBJECTIVE_CRITICS_H

#include "nn/encoder.h"
#include <dim/model.h>

typedef struct dim__pairing { /* what is to be paired, and how */
    dim__scope scope;             /* prefix "<term>." */
    dim__vid x;               /* (N, L, C): L locations of each sample; L = 1 for a vector.  Before whole(): (N, H, W, C) */
    dim__vid y;               /* (N G, D): global features, those of a sample one after the other */
    int64_t n, l, globals;    /* N, L and G */
    int64_t limit;            /* most bytes of hidden layers at once, where no gradient needs them all; 0 = any */
    bool x_in_space;          /* whole() put x into the space of the scores already */
    const dim_term_options *o;/* checked, defaults filled in */
    const dim_encoder *enc;   /* the network that x is the output of layer `layer` of; NULL: x is an input */
    int64_t layer;
    dim__vid partner;         /* i32 (N): whose x, of all ranks, is paired with y i as a negative; DIM__NONE = everyone else's */
} dim__pairing;

typedef struct dim__scores {
    dim__vid all;             /* (N G, N L): row i is y i, column j L + l is x j, l, of all ranks; DIM__NONE with partners */
    dim__vid pos, neg;        /* (N G, L) with partners */
    dim__vid y, x;            /* all pairs of a dot product, instead of `all`: (N G, U) and (N L, U), x of all ranks, whose
                               * products these are */
    dim__vid global;          /* (N G, ...): y as it is compared, behind the critic's network; for penalties */
} dim__scores;

#define DIM__NO_SCORES ((dim__scores){ DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE })

typedef struct dim__critic_def {
    dim_critic kind;
    const char *name;
    bool mixes;               /* y may have several rows a sample, and scores are products of y and x: for mixtures */
    /* Whether a whole map of this shape (C, H, W) can be the x-side; `term` is for texts.  NULL: every map. */
    dim_status (*check_whole)(dim_context *ctx, const char *term, const dim_encoder *enc, const int64_t map[3]);
    /* Makes p->x, a map, into what is paired as a whole, flattened afterwards.  NULL: the map as it is. */
    void (*whole)(dim__pairing *p);
    dim__scores (*score)(const dim__pairing *p);
} dim__critic_def;

#define X(name) extern const dim__critic_def dim__critic_##name;
#include "objective/critics/critic_list.def"
#undef X

const dim__critic_def *dim__critic_def_of(dim_critic kind); /* NULL for what is not a kind */
const char *dim__critic_name(int kind);                     /* likewise */

/* Scores of features that live in one space: inner products. */
dim__scores dim__dot_scores(const dim__pairing *p, dim__vid x /* (N L, U) */, dim__vid y /* (N G, U) */);
/* Columns of the scores of all pairs. */
int64_t dim__pairing_columns(const dim__pairing *p);
/* x (N, L, C) once for each global of a sample: (N G, L, C). */
dim__vid dim__for_each_global(const dim__pairing *p, dim__vid x);

/* phi of "encode and dot": rows x (R, d) through h = W2 relu(BN(W1 x)) + b2 + S x, then layer norm (DIM, appendix). */
dim__vid dim__emit_projection(const dim__scope *scope, dim__vid x, int64_t units, dim_shortcut start);

#endif
