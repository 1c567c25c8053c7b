/* oneDNN 3: descriptors of memory are objects, and a primitive is described in one call. */
#include "kernels/onednn.h"

#if defined(DIM_HAVE_ONEDNN)

static bool load(dim__onednn *d, void *library)
{
    dim__dnnl_3 *to = &d->three;
    bool found = true;
    DIM__DNNL_3(DIM__DNNL_FIND)
    return found;
}

static dim__md *md_strides(dim__onednn *d, int n, const int64_t *dims, unsigned type, const int64_t *strides)
{
    dim__md *md = NULL;
    return d->three.memory_desc_create_with_strides(&md, n, dims, type, strides) == 0 ? md : NULL;
}

static dim__md *md_any(dim__onednn *d, int n, const int64_t *dims, unsigned type)
{
    dim__md *md = NULL;
    return d->three.memory_desc_create_with_tag(&md, n, dims, type, DIM__DNNL_ANY) == 0 ? md : NULL;
}

static dim__md *md_part(dim__onednn *d, const dim__md *whole, const int64_t *dims, const int64_t *first)
{
    dim__md *md = NULL;
    return d->three.memory_desc_create_submemory(&md, whole, dims, first) == 0 ? md : NULL;
}

static void md_free(dim__onednn *d, dim__md *md)
{
    if (md != NULL && !dim__exit_begun(d->exit))
        d->three.memory_desc_destroy(md);
}

static bool md_offset(const dim__onednn *d, const dim__md *md, int64_t *elements)
{
    return d->three.memory_desc_query(md, DIM__DNNL3_QUERY_OFFSET, elements) == 0;
}

static bool convolution(dim__onednn *d, dim__conv_pass pass, const dim__md *x, const dim__md *w, const dim__md *y,
                        const int64_t *stride, const int64_t *padding, const struct dnnl_primitive_attr *attr,
                        const struct dnnl_primitive_desc *hint, struct dnnl_primitive_desc **out)
{
    unsigned direct = DIM__DNNL_CONVOLUTION_DIRECT;
    if (pass == DIM__CONV_FORWARD)
        return d->three.convolution_forward_primitive_desc_create(out, d->engine, DIM__DNNL_FORWARD_TRAINING, direct, x,
                                                                  w, NULL, y, stride, NULL, padding, padding, attr) == 0;
    if (pass == DIM__CONV_DX)
        return d->three.convolution_backward_data_primitive_desc_create(out, d->engine, direct, x, w, y, stride, NULL,
                                                                        padding, padding, hint, attr) == 0;
    return d->three.convolution_backward_weights_primitive_desc_create(out, d->engine, direct, x, w, NULL, y, stride,
                                                                       NULL, padding, padding, hint, attr) == 0;
}

static bool matmul(dim__onednn *d, const dim__md *a, const dim__md *b, const dim__md *c,
                   const struct dnnl_primitive_attr *attr, struct dnnl_primitive_desc **out)
{
    return d->three.matmul_primitive_desc_create(out, d->engine, a, b, NULL, c, attr) == 0;
}

const dim__onednn_api dim__onednn_3 = {
    .load = load, .md_strides = md_strides, .md_any = md_any, .md_part = md_part,
    .md_free = md_free, .md_offset = md_offset, .convolution = convolution, .matmul = matmul,
};
#endif
