/* Nearest neighbours and counts in max-norm, of points whose classes must agree.
 *
 * All distances are differences of floats, rounded once and the same way wherever they are taken.  So "strictly nearer
 * than the k-th neighbour" means the same in a space and in the spaces that are part of it. */
#ifndef DIM_INFORMATION_KDTREE_H
#define DIM_INFORMATION_KDTREE_H

#include "kernels/kernels.h"

enum { DIM__KDTREE_COORDINATES = 64, DIM__KDTREE_LEAF = DIM__NEAR };

typedef struct dim__space {     /* n points */
    int64_t n;
    int d;                      /* coordinates, 64 at most; 0: all points of a class are in one place */
    const float *const *x;      /* (d) arrays (n) */
    const int32_t *class_of;    /* (n) numbered from 0; NULL = one class */
    int64_t classes;
    const int32_t *group;       /* (n), or NULL: points of one group are not neighbours, and `apart` has no meaning */
} dim__space;

typedef struct dim__kdtree dim__kdtree;

dim_status dim__kdtree_create(dim_context *ctx, const dim__space *space, dim__kdtree **out);
void dim__kdtree_destroy(dim_context *ctx, dim__kdtree *tree); /* NULL ok */

/* Points of i's class, i included. */
int64_t dim__kdtree_class_size(const dim__kdtree *tree, int32_t class_of);

typedef struct dim__neighbor {
    float distance;
    int32_t point;
} dim__neighbor;

/* The k nearest to point i of its class, nearest first, itself and those less than or equal to `apart` rows away left out
 * (apart 0: itself alone).  Returns how many there are, k at most. */
int dim__kdtree_nearest(const dim__kdtree *tree, int32_t i, int k, int64_t apart, dim__neighbor *out);

/* Points of class `class_of` strictly nearer to `at` (d) than eps; below eps in each coordinate. */
int64_t dim__kdtree_count(const dim__kdtree *tree, const float *at, int32_t class_of, float eps);

/* Points in the order in which the tree has them, in leaves of at most DIM__KDTREE_LEAF: neighbours in it are neighbours in space,
 * so queries in this order find their nodes in the cache. */
const int32_t *dim__kdtree_order(const dim__kdtree *tree);
/* Coordinate c of the points in this order. */
const float *dim__kdtree_column(const dim__kdtree *tree, int c);
int64_t dim__kdtree_leaves(const dim__kdtree *tree);
/* Where in the order a leaf begins; of the number behind the last one, where they end. */
int64_t dim__kdtree_leaf_first(const dim__kdtree *tree, int64_t leaf);

/* For all points of a leaf at once: how far the k-th of their neighbours is, as dim__kdtree_nearest() finds them, or the last one
 * where there are fewer, and how many there are.  held[q] may be 0; then distance[q] has no meaning.  `spare` has room for
 * DIM__KDTREE_LEAF k. */
void dim__kdtree_reach(const dim__kdtree *tree, int64_t leaf, int k, int64_t apart, float distance[DIM__KDTREE_LEAF],
                       int held[DIM__KDTREE_LEAF], float *spare);

#endif
