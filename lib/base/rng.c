#include "base/rng.h"

#include <math.h>

void dim__philox(uint64_t key, uint64_t hi, uint64_t lo, uint32_t out[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = (uint32_t)lo, c1 = (uint32_t)(lo >> 32), c2 = (uint32_t)hi, c3 = (uint32_t)(hi >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Four uniform numbers with the 24 bits that a float in [0, 1) can hold. */
static void uniform_block(float value[4], const uint32_t word[4])
{
    for (int i = 0; i < 4; i++)
        value[i] = (float)(word[i] >> 8) * 0x1p-24f;
}

/* Box-Muller on two pairs.  The radius' uniform lies in (0, 1), so its logarithm is finite: |z| < 6.8. */
static void normal_block(float value[4], const uint32_t word[4])
{
    const double two_pi = 6.283185307179586476925;
    for (int i = 0; i < 4; i += 2) {
        double radius = sqrt(-2 * log(((double)word[i] + 0.5) * 0x1p-32));
        double angle = two_pi * 0x1p-32 * (double)word[i + 1];
        value[i] = (float)(radius * cos(angle));
        value[i + 1] = (float)(radius * sin(angle));
    }
}

/* Number i of a stream is lane i % 4 of block i / 4, wherever a call starts. */
static void fill(float *out, int64_t n, uint64_t seed, uint64_t stream, int64_t first,
                 void (*make)(float value[4], const uint32_t word[4]))
{
    uint32_t word[4];
    float value[4];
    for (int64_t i = 0; i < n;) {
        uint64_t index = (uint64_t)first + (uint64_t)i;
        dim__philox(seed, stream, index / 4, word);
        make(value, word);
        for (uint64_t lane = index % 4; lane < 4 && i < n; lane++)
            out[i++] = value[lane];
    }
}

void dim__rng_uniform(float *out, int64_t n, uint64_t seed, uint64_t stream, int64_t first)
{
    fill(out, n, seed, stream, first, uniform_block);
}

void dim__rng_normal(float *out, int64_t n, uint64_t seed, uint64_t stream, int64_t first)
{
    fill(out, n, seed, stream, first, normal_block);
}

/* High half of a 64 x 64 bit product. */
static uint64_t mul_high(uint64_t a, uint64_t b)
{
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t mid = a1 * b0 + ((a0 * b0) >> 32);
    uint64_t mid2 = a0 * b1 + (uint32_t)mid;
    return a1 * b1 + (mid >> 32) + (mid2 >> 32);
}

uint64_t dim__rng_below(uint64_t bound, uint64_t seed, uint64_t stream, uint64_t index)
{
    /* A multiplication instead of a remainder: no value is favoured by more than bound / 2^64. */
    uint32_t word[4];
    dim__philox(seed, stream, index, word);
    return mul_high(bound, (uint64_t)word[1] << 32 | word[0]);
}

/* Fisher-Yates when an element may stay in its place, Sattolo's cycle when it may not. */
static void shuffle(int32_t *out, int64_t n, uint64_t seed, uint64_t stream, int64_t stay)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (int32_t)i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)dim__rng_below((uint64_t)(i + stay), seed, stream, (uint64_t)i);
        int32_t swap = out[i];
        out[i] = out[j];
        out[j] = swap;
    }
}

void dim__rng_permutation(int32_t *out, int64_t n, uint64_t seed, uint64_t stream)
{
    shuffle(out, n, seed, stream, 1);
}

void dim__rng_derangement(int32_t *out, int64_t n, uint64_t seed, uint64_t stream)
{
    shuffle(out, n, seed, stream, 0);
}

static uint64_t splitmix(uint64_t x)
{
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

uint64_t dim__mix(uint64_t a, uint64_t b)
{
    return splitmix(splitmix(a) ^ b);
}

uint64_t dim__hash_text(const char *text)
{
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *text != 0; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    return hash;
}
