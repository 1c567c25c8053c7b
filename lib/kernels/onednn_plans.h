/* Plans: what oneDNN prepares for operations of one shape.  A context keeps them in one list, whatever they are of, finds one
 * by its key, and remembers shapes for which there is none. */
#ifndef DIM_KERNELS_ONEDNN_PLANS_H
#define DIM_KERNELS_ONEDNN_PLANS_H

#include "kernels/onednn.h"

#if defined(DIM_HAVE_ONEDNN)
/* Plans that are kept for their next use, some 100 KB each; and shapes that are remembered as not worth one. */
enum { DIM__KEEP_PLANS = 256 };

typedef struct dim__plan_kind {
    size_t size;             /* bytes of a plan, whose first member is a dim__plan and whose second is its key */
    size_t key_size;
    bool (*make)(dim__onednn *d, struct dim__plan *plan); /* false: there is none for this key, or no memory */
    void (*release)(dim__onednn *d, struct dim__plan *plan); /* what a plan holds, wholly made or not */
} dim__plan_kind;

typedef struct dim__plan { /* what all plans begin with */
    const dim__plan_kind *kind;
    struct dim__plan *next;
    int64_t holds;
    bool usable;             /* else it is remembered as not */
} dim__plan;

/* *out is NULL where oneDNN does not do it or would be slow. */
dim_status dim__plan_get(dim__onednn *d, const dim__plan_kind *kind, const void *key, dim__plan **out);
#endif

#endif
