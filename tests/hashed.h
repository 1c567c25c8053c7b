/* Numbers that fixtures' scripts compute, too, so that weights and images need not be stored. */
#ifndef DIM_TESTS_HASHED_H
#define DIM_TESTS_HASHED_H

#include <stdint.h>

/* Uniform in [-1, 1). */
static inline double hashed(uint32_t i, uint32_t seed)
{
    uint32_t x = i * 2654435761u + seed;
    x ^= x >> 15;
    x *= 2246822519u;
    x ^= x >> 13;
    return x / 2147483648.0 - 1;
}

static inline uint32_t fnv(const char *text)
{
    uint32_t h = 2166136261u;
    for (; *text != '\0'; text++)
        h = (h ^ (unsigned char)*text) * 16777619u;
    return h;
}

#endif
