/* Values of a graph, channels last, as the caller's tensors. */
#include "nn/encoder.h"

#include <stdio.h>

bool dim__sample_fits(const dim_tensor *t, const int64_t s[3])
{
    if (!dim__is_map(s))
        return t->rank == 2 && t->shape[1] == s[0];
    if (t->rank == 3)
        return dim__map_height(s) == 1 && t->shape[1] == s[0] && t->shape[2] == s[2];
    return t->rank == 4 && t->shape[1] == s[0] && t->shape[2] == dim__map_height(s) && t->shape[3] == s[2];
}

void dim__sample_strides(const dim_tensor *t, int64_t stride[3])
{
    stride[0] = t->rank > 1 ? t->stride[1] : 0;
    stride[1] = t->rank > 3 ? t->stride[2] : 0;
    stride[2] = t->rank > 2 ? t->stride[t->rank - 1] : 0;
}

const char *dim__batch_text(char text[DIM__BATCH_TEXT], int64_t n, const int64_t s[3])
{
    size_t used = n < 0 ? (size_t)snprintf(text, DIM__BATCH_TEXT, "(N, %lld", (long long)s[0])
                        : (size_t)snprintf(text, DIM__BATCH_TEXT, "(%lld, %lld", (long long)n, (long long)s[0]);
    if (dim__is_map(s) && !dim__is_signal(s))
        used += (size_t)snprintf(text + used, DIM__BATCH_TEXT - used, ", %lld", (long long)s[1]);
    if (dim__is_map(s))
        used += (size_t)snprintf(text + used, DIM__BATCH_TEXT - used, ", %lld", (long long)s[2]);
    snprintf(text + used, DIM__BATCH_TEXT - used, ")");
    return text;
}

dim_status dim__check_features(dim_context *ctx, const char *name, const int64_t s[3], int64_t batch, const dim_tensor *f)
{
    char text[128], wanted[DIM__BATCH_TEXT];
    bool flat = f->rank == 2 && f->shape[1] == dim__sample_size(s);
    if (f->dtype != DIM_F32)
        return dim__fail(ctx, DIM_E_INVALID, "%s have dtype %s; they must be f32", name, dim__dtype_name(f->dtype));
    if (f->rank > 0 && f->shape[0] == batch && (flat || dim__sample_fits(f, s)))
        return DIM_OK;
    return dim__fail(ctx, DIM_E_SHAPE, "%s have shape %s, but this tap gives %s", name,
                     dim__shape_text(text, f->rank, f->shape), dim__batch_text(wanted, batch, s));
}

void dim__deliver_features(const int64_t s[3], const float *in, int64_t first, int64_t n, dim_tensor *f)
{
    int64_t h = dim__map_height(s), w = dim__map_width(s), c = s[0];
    int64_t shape[4] = { n, c, h, w }, from[4] = { c * h * w, 1, w * c, c }, to[4] = { f->stride[0] };
    dim__sample_strides(f, to + 1);
    if (f->rank == 2) { /* a flattened map: element (c, y, x) is column c H W + y W + x */
        to[3] = f->stride[1];
        to[2] = to[3] * w;
        to[1] = to[2] * h;
    }
    float *out = (float *)f->data + first * f->stride[0];
    dim__strided_copy(4, shape, DIM_F32, out, to, DIM_F32, in, from);
}
