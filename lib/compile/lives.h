/* From which node to which each value lives; what lies on whose memory. */
#ifndef DIM_COMPILE_LIVES_H
#define DIM_COMPILE_LIVES_H

#include "compile/compile.h"

typedef struct dim__lives {
    const dim__graph *g;
    const bool *alive;   /* of each node */
    dim__vid *root;      /* the value whose buffer each value uses, by way of others: see dim__lives_root() */
    int64_t *first;      /* node + 1 from which each root lives, 0 = before all; -1 = never */
    int64_t *last;
} dim__lives;

/* Room for graphs of up to so many values. */
dim_status dim__lives_create(dim_context *ctx, int64_t values, dim__lives *lives);
void dim__lives_free(dim_context *ctx, dim__lives *lives);

/* in_place: outputs of ops that allow it lie on inputs that die there. */
void dim__lives_find(dim__lives *lives, const dim__graph *g, const bool *alive, bool in_place);

static inline dim__vid dim__lives_root(const dim__lives *lives, dim__vid v)
{
    while (lives->root[v] != v)
        v = lives->root[v];
    return v;
}

typedef struct dim__level { /* how high the memory stands */
    int64_t peak, at, n_peaks; /* bytes; node + 1 of the first peak; how many nodes are as high */
} dim__level;

/* Room of n_nodes + 3 for the bytes that live at each node.  No plan can do with less than the peak. */
dim__level dim__lives_level(const dim__lives *lives, int64_t *bytes);

/* Of all values and workspaces: no peak is higher. */
int64_t dim__graph_bytes(const dim__graph *g);

/* Bytes that a value or a workspace takes in the arena. */
int64_t dim__arena_bytes(int64_t size);
int64_t dim__value_bytes(const dim__graph *g, dim__vid v);

#endif
