/* Which samples a probe fits, and which it chooses by. */
#include "eval/eval.h"

#include <inttypes.h>

/* One sample of each of `held` stretches of equal length, at a place that moves on by the golden section.  So samples
 * that are sorted by class, and samples whose classes come in turn, give all classes to both parts.  A further run begins as many stretches on: of
 * five, the parts of a tenth have no sample in common. */
static void split(int64_t n, int64_t cut, uint32_t run, int32_t *rows)
{
    int64_t held = n - cut, fitted = 0, at = 0;
    for (int64_t j = 0; j < held; j++) {
        int64_t end = (j + 1) * n / held;
        uint64_t part = ((uint64_t)j + run) * 0x9e3779b97f4a7c15u >> 32; /* of 2^32: the fraction of (j + run) times 0.618... */
        int64_t place = at + (int64_t)((uint64_t)(end - at) * part >> 32);
        for (; at < end; at++)
            rows[at == place ? cut + j : fitted++] = (int32_t)at;
    }
}

dim_status dim__probe_split(dim_context *ctx, const dim_probe_options *o, int64_t n, uint32_t run, int64_t *fitted,
                            int32_t **rows)
{
    if (n > INT32_MAX)
        return dim__fail(ctx, DIM_E_INVALID, "%" PRId64 " training samples are more than %d", n, INT32_MAX);
    /* The small excess makes up for a float's 0.1 being more than 0.1. */
    int64_t cut = o->validation == 0 ? n / 10 * 9 + n % 10 * 9 / 10
                              : (int64_t)((double)n * (1 - (double)o->validation + 1e-6));
    if (cut < 1 || cut >= n)
        return dim__fail(ctx, DIM_E_INVALID, "%" PRId64 " training samples are too few to hold a part of %g out", n,
                         o->validation == 0 ? 0.1 : (double)o->validation);
    *rows = dim__calloc(ctx, (size_t)n, sizeof **rows);
    if (*rows == NULL)
        return DIM_E_NOMEM;
    split(n, cut, run, *rows);
    *fitted = cut;
    return DIM_OK;
}
