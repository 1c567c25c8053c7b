/* What a convolution does to pixels that it has just written, while they are in a cache: it adds the bias or applies frozen
 * batch norm, activates, and takes the moments of what came out, each where the node says so.
 *
 * All of this is done in floats.  Where the result is bf16 the convolution therefore writes its sums elsewhere, and what the
 * epilogue made of them is rounded once. */
#ifndef DIM_OPS_CONV_EPILOGUE_H
#define DIM_OPS_CONV_EPILOGUE_H

#include "ops/moments.h"
#include "graph/op.h"

typedef struct dim__epilogue {
    const dim__exec *e;
    int64_t c;
    const float *bias;          /* or NULL */
    const float *scale, *shift; /* of frozen batch norm, or NULL */
    dim__moments moments;       /* where mean, variance and rstd are outputs 1 to 3 */
    bool takes_moments;
    float *sums;                /* where the convolution is to write; NULL: in the result's own place */
    size_t room;                /* bytes of the node's workspace that it takes, from its beginning on */
} dim__epilogue;

/* Whether there is anything to do for a node of so many inputs. */
bool dim__epilogue_does(int n_in, const dim__attr *attr, bool moments);
/* Bytes, with `n_sums` floats for sums. */
size_t dim__epilogue_room(const dim_context *ctx, const struct dim__comm *comm, int n_in, int64_t c, bool moments, int64_t n_sums);
dim__epilogue dim__epilogue_of(const dim__exec *e, int64_t n_sums);
/* Pixels [begin, end), of which `y` has the sums. */
void dim__epilogue_run(const dim__epilogue *p, int64_t begin, int64_t end, int thread, float *y);
void dim__epilogue_restart(const dim__epilogue *p); /* all pixels are written anew */
void dim__epilogue_finish(const dim__epilogue *p);

#endif
