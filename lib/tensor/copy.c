/* Copies between strided arrays with conversion of the element type. */
#include "tensor/tensor.h"

#include "base/math.h"

/* Float to integer: nearest (ties to even), saturated; NaN is 0.  Bounds are exact in double. */
static inline uint8_t f64_u8(double x) { return x >= 255 ? 255 : x > 0 ? (uint8_t)rint(x) : 0; }

static inline int32_t f64_i32(double x)
{
    if (x != x)
        return 0;
    return x >= INT32_MAX ? INT32_MAX : x <= INT32_MIN ? INT32_MIN : (int32_t)rint(x);
}

static inline int64_t f64_i64(double x)
{
    if (x != x)
        return 0;
    return x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : (int64_t)rint(x);
}

/* Integers saturate too. */
static inline uint8_t i64_u8(int64_t x) { return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x); }

static inline int32_t i64_i32(int64_t x)
{
    return (int32_t)(x < INT32_MIN ? INT32_MIN : x > INT32_MAX ? INT32_MAX : x);
}

/* X(source, its C type, destination, its C type, conversion of x) */
#define CONVERSIONS(X)                                    \
    X(f32, float, f32, float, x)                          \
    X(f32, float, u8, uint8_t, f64_u8((double)x))         \
    X(f32, float, i32, int32_t, f64_i32((double)x))       \
    X(f32, float, i64, int64_t, f64_i64((double)x))       \
    X(f32, float, f64, double, (double)x)                 \
    X(u8, uint8_t, f32, float, (float)x)                  \
    X(u8, uint8_t, u8, uint8_t, x)                        \
    X(u8, uint8_t, i32, int32_t, (int32_t)x)              \
    X(u8, uint8_t, i64, int64_t, (int64_t)x)              \
    X(u8, uint8_t, f64, double, (double)x)                \
    X(i32, int32_t, f32, float, (float)x)                 \
    X(i32, int32_t, u8, uint8_t, i64_u8(x))               \
    X(i32, int32_t, i32, int32_t, x)                      \
    X(i32, int32_t, i64, int64_t, (int64_t)x)             \
    X(i32, int32_t, f64, double, (double)x)               \
    X(i64, int64_t, f32, float, (float)x)                 \
    X(i64, int64_t, u8, uint8_t, i64_u8(x))               \
    X(i64, int64_t, i32, int32_t, i64_i32(x))             \
    X(i64, int64_t, i64, int64_t, x)                      \
    X(i64, int64_t, f64, double, (double)x)               \
    X(f64, double, f32, float, (float)x)                  \
    X(f64, double, u8, uint8_t, f64_u8(x))                \
    X(f64, double, i32, int32_t, f64_i32(x))              \
    X(f64, double, i64, int64_t, f64_i64(x))              \
    X(f64, double, f64, double, x)

/* One row of n elements; strides in elements.  The case without gaps is apart so that it vectorises. */
#define ROW(from, from_type, to, to_type, expression)                                                   \
    static void row_##from##_##to(int64_t n, void *dst, int64_t ds, const void *src, int64_t ss)        \
    {                                                                                                   \
        to_type *d = dst;                                                                               \
        const from_type *s = src;                                                                       \
        if (ds == 1 && ss == 1)                                                                         \
            for (int64_t i = 0; i < n; i++) {                                                           \
                from_type x = s[i];                                                                     \
                d[i] = expression;                                                                      \
            }                                                                                           \
        else                                                                                            \
            for (int64_t i = 0; i < n; i++) {                                                           \
                from_type x = s[i * ss];                                                                \
                d[i * ds] = expression;                                                                 \
            }                                                                                           \
    }
CONVERSIONS(ROW)
#undef ROW

typedef void (*row_fn)(int64_t n, void *dst, int64_t ds, const void *src, int64_t ss);

/* In the order of dim_dtype. */
static const row_fn rows[5][5] = {
    { row_f32_f32, row_f32_u8, row_f32_i32, row_f32_i64, row_f32_f64 },
    { row_u8_f32, row_u8_u8, row_u8_i32, row_u8_i64, row_u8_f64 },
    { row_i32_f32, row_i32_u8, row_i32_i32, row_i32_i64, row_i32_f64 },
    { row_i64_f32, row_i64_u8, row_i64_i32, row_i64_i64, row_i64_f64 },
    { row_f64_f32, row_f64_u8, row_f64_i32, row_f64_i64, row_f64_f64 },
};

void dim__strided_copy(int rank, const int64_t *shape, dim_dtype dst_type, void *dst, const int64_t *dst_stride,
                       dim_dtype src_type, const void *src, const int64_t *src_stride)
{
    int64_t n[DIM_MAX_RANK + 1] = { 1 }, ds[DIM_MAX_RANK + 1] = { 1 }, ss[DIM_MAX_RANK + 1] = { 1 };
    int64_t index[DIM_MAX_RANK + 1] = { 0 };
    int64_t dst_size = (int64_t)dim__dtype_size(dst_type), src_size = (int64_t)dim__dtype_size(src_type);
    int axes = 0;
    /* Innermost axis first; axes that continue each other in both arrays become one. */
    for (int i = rank - 1; i >= 0; i--) {
        if (shape[i] == 0)
            return;
        if (shape[i] == 1)
            continue;
        if (axes > 0 && dst_stride[i] == ds[axes - 1] * n[axes - 1] && src_stride[i] == ss[axes - 1] * n[axes - 1]) {
            n[axes - 1] *= shape[i];
        } else {
            n[axes] = shape[i];
            ds[axes] = dst_stride[i];
            ss[axes] = src_stride[i];
            axes++;
        }
    }
    row_fn row = rows[src_type][dst_type];
    bool plain = dst_type == src_type && ds[0] == 1 && ss[0] == 1;
    char *d = dst;
    const char *s = src;
    for (;;) {
        int axis = 1;
        if (plain)
            memcpy(d, s, (size_t)(n[0] * dst_size));
        else
            row(n[0], d, ds[0], s, ss[0]);
        for (; axis < axes; axis++) { /* the next row: count up like an odometer */
            d += ds[axis] * dst_size;
            s += ss[axis] * src_size;
            if (++index[axis] < n[axis])
                break;
            d -= ds[axis] * n[axis] * dst_size;
            s -= ss[axis] * n[axis] * src_size;
            index[axis] = 0;
        }
        if (axis >= axes)
            return;
    }
}

bool dim__tensors_same(const dim_tensor *a, const dim_tensor *b)
{
    if (a->data != b->data || a->dtype != b->dtype)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->shape[i] > 1 && a->stride[i] != b->stride[i])
            return false;
    return true;
}

dim_status dim__tensor_copy(dim_tensor *dst, const dim_tensor *src)
{
    char a[128], b[128];
    if (dst->rank != src->rank || memcmp(dst->shape, src->shape, (size_t)dst->rank * sizeof *dst->shape) != 0)
        return dim__fail(dst->ctx, DIM_E_SHAPE, "dst has shape %s, but src has %s",
                         dim__shape_text(a, dst->rank, dst->shape), dim__shape_text(b, src->rank, src->shape));
    if (dim__tensor_count(dst) == 0 || dim__tensors_same(dst, src))
        return DIM_OK;
    DIM__TRY(dim__check_output(dst->ctx, "dst", dst));
    if (!dim__tensors_share(dst, src)) {
        dim__strided_copy(dst->rank, dst->shape, dst->dtype, dst->data, dst->stride, src->dtype, src->data,
                          src->stride);
        return DIM_OK;
    }
    dim_tensor *between = NULL;
    DIM__TRY(dim__tensor_create(dst->ctx, src->dtype, src->rank, src->shape, &between));
    dim__strided_copy(src->rank, src->shape, src->dtype, between->data, between->stride, src->dtype, src->data,
                      src->stride);
    dim__strided_copy(dst->rank, dst->shape, dst->dtype, dst->data, dst->stride, src->dtype, between->data,
                      between->stride);
    dim__tensor_destroy(between);
    return DIM_OK;
}
