/* Order of numbers, and numbers of labels. */
#ifndef DIM_INFORMATION_SORT_H
#define DIM_INFORMATION_SORT_H

#include "base/context.h"

#include <string.h>

/* Keys whose order as unsigned numbers is that of what they are made of; -0 is 0. */
static inline uint64_t dim__key_of_double(double x)
{
    uint64_t bits;
    x += 0.0;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static inline uint64_t dim__key_of_int(int64_t x) { return (uint64_t)x ^ UINT64_C(1) << 63; }

/* order := 0 .. n - 1 by key, equal keys by number; spare has room for n, too. */
void dim__sort_keys(const uint64_t *key, int64_t n, int32_t *order, int32_t *spare);

/* Floats in order, in place; no NaN.  spare has room for n, too. */
void dim__sort_floats(float *x, int64_t n, float *spare);

/* order as before.  code[i] := how many different keys are below key[i].  Returns how many there are. */
int64_t dim__code_keys(const uint64_t *key, int64_t n, const int32_t *order, int32_t *code);

/* code[i] := a number from 0 for each pair (code[i], more[i]), in the order in which pairs are met.  *count: how many numbers
 * there are, before and after. */
dim_status dim__number_pairs(dim_context *ctx, int64_t n, int32_t *code, int64_t *count, const int32_t *more);

#endif
