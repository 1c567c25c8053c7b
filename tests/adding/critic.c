/* 2 x y */
#include "objective/critics/critics.h"

static dim__scores score(const dim__pairing *p)
{
    return dim__dot_scores(p, dim__emit_affine(p->scope.g, dim__nn_rows(&p->scope, p->x), 2, 0), p->y);
}

const dim__critic_def dim__critic_added = {
    .kind = DIM_CRITIC_ADDED, .name = "added", .mixes = true, .score = score
};
