/* Counter-based random numbers (Philox 4x32-10, Salmon et al. 2011): a number is a function of (seed, stream, index),
 * so results do not depend on threads or order. */
#ifndef DIM_BASE_RNG_H
#define DIM_BASE_RNG_H

#include "base/strict_math.h"
#include <stdint.h>

void dim__philox(uint64_t key, uint64_t hi, uint64_t lo, uint32_t out[4]);

/* Numbers first .. first + n - 1 of a stream. */
void dim__rng_uniform(float *out, int64_t n, uint64_t seed, uint64_t stream, int64_t first); /* [0, 1) */
void dim__rng_normal(float *out, int64_t n, uint64_t seed, uint64_t stream, int64_t first);  /* N(0, 1), Box-Muller */

/* Uniform integer in [0, bound), number `index` of a stream; bound >= 1. */
uint64_t dim__rng_below(uint64_t bound, uint64_t seed, uint64_t stream, uint64_t index);

void dim__rng_permutation(int32_t *out, int64_t n, uint64_t seed, uint64_t stream);
/* One random cycle (Sattolo): a permutation that leaves no element in its place; n >= 2. */
void dim__rng_derangement(int32_t *out, int64_t n, uint64_t seed, uint64_t stream);

/* Stream or seed made of others, well mixed (splitmix64). */
uint64_t dim__mix(uint64_t a, uint64_t b);
uint64_t dim__hash_text(const char *text); /* FNV-1a */

#endif
