/* The table for one instruction set: this file is compiled once for each, with DIM__VEC_SUFFIX naming the table. */
#include "kernels/kernels.h"
#include "kernels/table.h"

#include <math.h>
#include <string.h>

#ifndef DIM__VEC_SUFFIX
#define DIM__VEC_SUFFIX baseline
#endif

#include "kernels/vec_math.h"

#include "kernels/vec_elementwise.h"
#include "kernels/vec_reduce.h"
#include "kernels/vec_rows.h"
#include "kernels/vec_window.h"
#include "kernels/vec_near.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#define TABLE JOIN(dim__kernels_, DIM__VEC_SUFFIX)

#if defined(__aarch64__)
#define NAME "neon" /* which is in the baseline there */
#else
#define NAME TEXT(DIM__VEC_SUFFIX)
#endif

extern const dim__kernels TABLE;
const dim__kernels TABLE = {
    .name = NAME,
    DIM__KERNEL_FIELDS,
};
