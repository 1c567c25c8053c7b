/* oneDNN 2: descriptors of memory are structs, and an operation is described before a primitive is made of it. */
#include "kernels/onednn.h"

#if defined(DIM_HAVE_ONEDNN)
#include <string.h>

static bool load(dim__onednn *d, void *library)
{
    dim__dnnl_2 *to = &d->two;
    bool found = true;
    DIM__DNNL_2(DIM__DNNL_FIND)
    return found;
}

static void md_free(dim__onednn *d, dim__md *md) { dim__free(d->ctx, md); }

static dim__md *md_new(dim__onednn *d)
{
    dim__md *md = dim__alloc(d->ctx, DIM__DNNL2_MD_SIZE);
    d->no_memory = d->no_memory || md == NULL;
    return md;
}

/* Gives up what was not described. */
static dim__md *described(dim__onednn *d, dim__md *md, bool ok)
{
    if (ok)
        return md;
    md_free(d, md);
    return NULL;
}

static dim__md *md_strides(dim__onednn *d, int n, const int64_t *dims, unsigned type, const int64_t *strides)
{
    dim__md *md = md_new(d);
    return described(d, md, md != NULL && d->two.memory_desc_init_by_strides(md, n, dims, type, strides) == 0);
}

static dim__md *md_any(dim__onednn *d, int n, const int64_t *dims, unsigned type)
{
    dim__md *md = md_new(d);
    return described(d, md, md != NULL && d->two.memory_desc_init_by_tag(md, n, dims, type, DIM__DNNL_ANY) == 0);
}

static dim__md *md_part(dim__onednn *d, const dim__md *whole, const int64_t *dims, const int64_t *first)
{
    dim__md *md = md_new(d);
    return described(d, md, md != NULL && d->two.memory_desc_init_submemory(md, whole, dims, first) == 0);
}

static int64_t md_offset(const dim__onednn *d, const dim__md *md)
{
    int64_t offset;
    (void)d;
    memcpy(&offset, (const char *)md + DIM__DNNL2_MD_OFFSET, sizeof offset);
    return offset;
}

static void *operation(dim__onednn *d, size_t size)
{
    void *memory = dim__alloc(d->ctx, size);
    d->no_memory = d->no_memory || memory == NULL;
    return memory;
}

static bool describe(dim__onednn *d, void *operation, dim__conv_pass pass, const dim__md *x, const dim__md *w,
                     const dim__md *y, const int64_t *stride, const int64_t *padding)
{
    unsigned direct = DIM__DNNL_CONVOLUTION_DIRECT;
    if (pass == DIM__CONV_FORWARD)
        return d->two.convolution_forward_desc_init(operation, DIM__DNNL_FORWARD_TRAINING, direct, x, w, NULL, y, stride,
                                                    padding, padding) == 0;
    if (pass == DIM__CONV_DX)
        return d->two.convolution_backward_data_desc_init(operation, direct, x, w, y, stride, padding, padding) == 0;
    return d->two.convolution_backward_weights_desc_init(operation, direct, x, w, NULL, y, stride, padding, padding) == 0;
}

static bool convolution(dim__onednn *d, dim__conv_pass pass, const dim__md *x, const dim__md *w, const dim__md *y,
                        const int64_t *stride, const int64_t *padding, const struct dnnl_primitive_attr *attr,
                        const struct dnnl_primitive_desc *hint, struct dnnl_primitive_desc **out)
{
    void *conv = operation(d, DIM__DNNL2_CONVOLUTION_SIZE);
    bool made = conv != NULL && describe(d, conv, pass, x, w, y, stride, padding) &&
                d->two.primitive_desc_create(out, conv, attr, d->engine, hint) == 0;
    dim__free(d->ctx, conv);
    return made;
}

static bool matmul(dim__onednn *d, const dim__md *a, const dim__md *b, const dim__md *c,
                   const struct dnnl_primitive_attr *attr, struct dnnl_primitive_desc **out)
{
    void *product = operation(d, DIM__DNNL2_MATMUL_SIZE);
    bool made = product != NULL && d->two.matmul_desc_init(product, a, b, NULL, c) == 0 &&
                d->two.primitive_desc_create(out, product, attr, d->engine, NULL) == 0;
    dim__free(d->ctx, product);
    return made;
}

const dim__onednn_api dim__onednn_2 = {
    .load = load, .md_strides = md_strides, .md_any = md_any, .md_part = md_part,
    .md_free = md_free, .md_offset = md_offset, .convolution = convolution, .matmul = matmul,
};
#endif
