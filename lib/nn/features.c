/* Values of a graph, channels last, as the caller's tensors. */
#include "nn/encoder.h"

dim_status dim__check_features(dim_context *ctx, const char *name, const int64_t s[3], int64_t batch, const dim_tensor *f)
{
    bool map = dim__is_map(s);
    int64_t flat = map ? s[0] * s[1] * s[2] : s[0];
    char text[128];
    bool fits = (f->rank == 2 && f->shape[0] == batch && f->shape[1] == flat) ||
                (map && f->rank == 4 && f->shape[0] == batch && f->shape[1] == s[0] && f->shape[2] == s[1] &&
                 f->shape[3] == s[2]) ||
                (map && s[1] == 1 && f->rank == 3 && f->shape[0] == batch && f->shape[1] == s[0] && f->shape[2] == s[2]);
    if (f->dtype != DIM_F32)
        return dim__fail(ctx, DIM_E_INVALID, "%s have dtype %s; they must be f32", name, dim__dtype_name(f->dtype));
    if (fits)
        return DIM_OK;
    if (map)
        return dim__fail(ctx, DIM_E_SHAPE, "%s have shape %s, but this tap gives (%lld, %lld, %lld, %lld)", name,
                         dim__shape_text(text, f->rank, f->shape), (long long)batch, (long long)s[0], (long long)s[1],
                         (long long)s[2]);
    return dim__fail(ctx, DIM_E_SHAPE, "%s have shape %s, but this tap gives (%lld, %lld)", name,
                     dim__shape_text(text, f->rank, f->shape), (long long)batch, (long long)s[0]);
}

void dim__deliver_features(const int64_t s[3], const float *in, int64_t first, int64_t n, dim_tensor *f)
{
    int64_t h = dim__is_map(s) ? s[1] : 1, w = dim__is_map(s) ? s[2] : 1, c = s[0];
    int64_t shape[4] = { n, c, h, w }, from[4] = { c * h * w, 1, w * c, c };
    int64_t to[4] = { f->stride[0], f->stride[1], f->rank == 4 ? f->stride[2] : 0, f->rank > 2 ? f->stride[f->rank - 1] : 0 };
    if (f->rank == 2) { /* a flattened map: element (c, y, x) is column c H W + y W + x */
        to[3] = f->stride[1];
        to[2] = to[3] * w;
        to[1] = to[2] * h;
    }
    float *out = (float *)f->data + first * f->stride[0];
    dim__strided_copy(4, shape, DIM_F32, out, to, DIM_F32, in, from);
}
