/* Vectors of the instruction set that the including file is compiled for, and the functions that C's library would
 * compute one number at a time.  Included by vec.c only.
 *
 * Errors against the exact value are below the limits of tests/test_kernels.c: exp 1.1 ulp, tanh 1.5, sigmoid 2.5 and
 * softplus 3; the largest that were found are 1.01, 1.33, 2.33 and 2.74.
 * All keep NaN, and their results may be denormal. */
#ifndef DIM_KERNELS_VEC_MATH_H
#define DIM_KERNELS_VEC_MATH_H

#include <float.h>
#include <stdint.h>
#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif
#define HALF (LANES / 2)

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef double vd __attribute__((vector_size(4 * LANES))); /* HALF of them */
/* As they lie in arrays of floats. */
typedef float vf_memory __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef float vh_memory __attribute__((vector_size(4 * HALF), aligned(4), may_alias));

static inline vf load(const float *p) { return *(const vf_memory *)p; }
static inline void store(float *p, vf v) { *(vf_memory *)p = v; }

/* HALF floats as doubles: those at p, and the first and the last of v.  By hand because GCC makes three instructions and
 * more of what is one. */
#if defined(__AVX512F__)
static inline vd widen(const float *p) { return (vd)_mm512_cvtps_pd(_mm256_loadu_ps(p)); }
static inline vd widen_first(vf v) { return (vd)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)v)); }
static inline vd widen_last(vf v) { return (vd)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)v, 1)); }
#elif defined(__AVX2__)
static inline vd widen(const float *p) { return (vd)_mm256_cvtps_pd(_mm_loadu_ps(p)); }
static inline vd widen_first(vf v) { return (vd)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)v)); }
static inline vd widen_last(vf v) { return (vd)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)v, 1)); }
#elif defined(__aarch64__)
static inline vd widen(const float *p) { return (vd)vcvt_f64_f32(vld1_f32(p)); }
static inline vd widen_first(vf v) { return (vd)vcvt_f64_f32(vget_low_f32((float32x4_t)v)); }
static inline vd widen_last(vf v) { return (vd)vcvt_high_f64_f32((float32x4_t)v); }
#else
static inline vd widen(const float *p) { return __builtin_convertvector(*(const vh_memory *)p, vd); }
static inline vd widen_first(vf v) { return widen((const float *)&v); }
static inline vd widen_last(vf v) { return widen((const float *)&v + HALF); }
#endif

static inline vf vec_select(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }
/* a > b ? a : b and a < b ? a : b, so that NaN in either gives b. */
#if defined(__AVX512F__)
static inline vf vec_max(vf a, vf b) { return (vf)_mm512_max_ps((__m512)a, (__m512)b); }
static inline vf vec_min(vf a, vf b) { return (vf)_mm512_min_ps((__m512)a, (__m512)b); }
#elif defined(__AVX2__)
static inline vf vec_max(vf a, vf b) { return (vf)_mm256_max_ps((__m256)a, (__m256)b); }
static inline vf vec_min(vf a, vf b) { return (vf)_mm256_min_ps((__m256)a, (__m256)b); }
#elif defined(__SSE2__)
static inline vf vec_max(vf a, vf b) { return (vf)_mm_max_ps((__m128)a, (__m128)b); }
static inline vf vec_min(vf a, vf b) { return (vf)_mm_min_ps((__m128)a, (__m128)b); }
#else
static inline vf vec_max(vf a, vf b) { return vec_select(a > b, a, b); }
static inline vf vec_min(vf a, vf b) { return vec_select(a < b, a, b); }
#endif

static inline vf vec_fill(float x) { return x - (vf){ 0 }; }
static inline vf vec_abs(vf x) { return (vf)((vi)x & 0x7fffffff); }

/* p 2^n for a whole n that came as the sum t = n + 1.5 2^23.  2^n is multiplied in two parts, so that overflow and denormals come out as
 * the exact result rounded; AVX-512 has an instruction with the same result. */
static inline vf vec_scale(vf p, vf t)
{
#if defined(__AVX512F__)
    return (vf)_mm512_scalef_ps((__m512)p, (__m512)(t - 12582912.0f));
#else
    vi n = (vi)t - 0x4b400000, half = n >> 1;
    return p * (vf)((half + 127) << 23) * (vf)((n - half + 127) << 23);
#endif
}

/* e^x = 2^n e^r with n whole and |r| <= ln(2)/2; e^r by the polynomial of Cephes' expf. */
static inline vf vec_exp(vf x)
{
    const float magic = 12582912; /* 1.5 2^23: adding it rounds to a whole number in the low bits */
    x = vec_max(vec_fill(-104), vec_min(vec_fill(89), x));
    vf sum = x * 1.44269504f + magic, t = sum - magic;
    vf r = x - t * 0.693359375f; /* ln 2 in two parts, of which the first is exact in few bits */
    r = r + t * 2.12194440e-4f;
    vf p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return vec_scale(p, sum);
}

/* x - by without overflow where x is far below, so that e^x is 0 whatever the difference is. */
static inline vf vec_below(vf x, float by)
{
    const float half = FLT_MAX / 2;
    float least = (by > -half ? by : -half) - half; /* a choice of numbers, since a choice of sums may compute both */
    return vec_max(vec_fill(least), x) - by;
}

/* log(1 + u) for 0 <= u <= 1, as 2 artanh(u / (2 + u)), by interpolation at Chebyshev's nodes to 4e-10. */
static inline vf vec_log1p_unit(vf u)
{
    vf s = (u + u) / (u + 2.0f), z = s * s * 0.25f;
    vf p = z * 0.11612190306f + 0.10853281617f;
    p = p * z + 0.14296180010f;
    p = p * z + 0.19999852777f;
    p = p * z + 0.33333334327f;
    return s + s * (z * p);
}

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) */
static inline vf vec_softplus(vf x)
{
    vf positive = (vf)(~(x < 0.0f) & (vi)x); /* keeps NaN */
    return positive + vec_log1p_unit(vec_exp(-vec_abs(x)));
}

static inline vf vec_sigmoid(vf x)
{
    vf e = vec_exp(-vec_abs(x));
    return vec_select(x < 0.0f, e, vec_fill(1)) / (e + 1.0f);
}

/* Cephes' tanhf: a polynomial for |x| < 0.625, 1 - 2 / (e^2|x| + 1) beyond, which is 1 from 10 on. */
static inline vf vec_tanh(vf x)
{
    vf size = vec_abs(x);
    size = vec_min(vec_fill(10), size);
    vf z = size * size;
    vf p = z * -5.70498872745e-3f + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    vf near = p * (z * size) + size;
    vf far = 1.0f - 2.0f / (vec_exp(size + size) + 1.0f);
    return (vf)((vi)vec_select(size < 0.625f, near, far) | ((vi)x & INT32_MIN));
}

#endif
