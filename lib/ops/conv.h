/* What the convolution and its two gradients share.
 *
 * A convolution is a product of the patch matrix (pixels, KH KW I) with the weights (O, KH KW I) transposed, where
 * "pixels" are those of the output, N OH OW of them.  The patch matrix is KH KW / stride^2 times larger than the input,
 * so it is never made as a whole: blocks of it that stay in a cache are made, used and forgotten.  In NHWC one kernel
 * row of a patch is one run of KW I floats of the input; where it is dilated, KW runs of I floats. */
#ifndef DIM_OPS_CONV_H
#define DIM_OPS_CONV_H

#include "base/math.h"
#include "kernels/conv.h"
#include "ops/product.h"
#include "graph/op.h"

typedef struct dim__conv {
    int64_t n, h, w, i;   /* input */
    int64_t o, kh, kw;    /* weights */
    int64_t oh, ow;       /* output */
    int64_t stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w;
    int64_t k;            /* kh kw i: columns of the patch matrix */
    int64_t pixels;       /* n oh ow: its rows */
    int64_t run;          /* columns whose elements lie together in the input: a kernel row, or where that is dilated a pixel */
} dim__conv;

/* oh and ow are those of `y`. */
dim__conv dim__conv_of(const dim__shape *x, const dim__shape *w, const dim__shape *y, const dim__attr *attr);

/* Strides, paddings and dilations in their ranges.  For infer. */
dim_status dim__conv_check(const dim__infer *inf);
/* Height and width of what comes out of an input (N, H, W, ...): *oh = 0 where the kernel does not fit. */
void dim__conv_size(const dim__attr_conv *a, const dim__shape *x, int64_t kh, int64_t kw, int64_t *oh, int64_t *ow);

/* Whether the input is the patch matrix as it lies there: 1x1 with stride 1, or a kernel as large as the image. */
bool dim__conv_plain(const dim__conv *c);

/* Rows of the patch matrix of which `columns` columns make a good block. */
int64_t dim__conv_block(const dim__conv *c, int64_t columns);

/* Rows begin .. end - 1, columns first .. last - 1 of the patch matrix, tightly packed. */
void dim__conv_patches(const dim__conv *c, const float *x, int64_t begin, int64_t end, int64_t first, int64_t last,
                       float *patches);

/* The same by all threads of the context. */
void dim__conv_patches_parallel(dim_context *ctx, const dim__conv *c, const float *x, int64_t begin, int64_t end,
                                float *patches);

/* Whether an accelerator does it: sets attr->plan, to NULL where it does not.  For infer; the inputs' types are one.  In bf16
 * only a plan can do it, which is a product's where the convolution is `plain`. */
dim_status dim__conv_accelerate(dim__infer *inf, const dim__conv *c, dim__conv_pass pass);

/* The product that a plain convolution is. */
dim__product_key dim__conv_product(const dim__conv *c, dim__conv_pass pass, dim_dtype out);

/* The convolution in bf16 by its plan; false when that ran out of memory. */
bool dim__conv_run_bf16(const dim__exec *e, const dim__conv *c, dim__conv_pass pass, const dim__conv_after *after);
/* The same by plain loops, which need no memory. */
void dim__conv_loops(const dim__exec *e, const dim__conv *c, dim__conv_pass pass, const dim__conv_after *after);

/* Bytes for the plan in attr->plan, if there is one, or else for products with patches. */
size_t dim__conv_workspace(const dim__infer *inf, const dim__conv *c);

/* conv2d_dx, which conv2d_transpose shares. */
dim_status dim__conv_dx_infer(dim__infer *inf);
size_t dim__conv_dx_workspace(const dim__infer *inf);
void dim__conv_dx_run(const dim__exec *e);
dim__product_form dim__conv_dx_product(const dim__shape *const *in, const dim__shape *const *out, const dim__attr *attr);

/* The product of so many pixels with weights (O, KH, KW, I): plain where each pixel is multiplied by itself. */
static inline dim__product_form dim__conv_form(const dim__shape *pixels, const dim__shape *w, const dim__attr *attr)
{
    const dim__attr_conv *c = &attr->conv;
    return (dim__product_form){
        .m = dim__shape_rows(pixels), .n = w->d[0], .k = dim__shape_count(w) / dim__max64(w->d[0], 1),
        .plain = w->d[1] == 1 && w->d[2] == 1 && c->stride_h == 1 && c->stride_w == 1 && c->pad_h == 0 && c->pad_w == 0,
    };
}

/* Part of a run that lies on the image: elements [*lo, *hi) of it; `at` is where element 0 would be. */
typedef struct dim__conv_run {
    int64_t lo, hi, at;
} dim__conv_run;

/* Of output pixel (n, oh, ow) and run r of its patch; lo == hi when nothing does. */
static inline dim__conv_run dim__conv_run_of(const dim__conv *c, int64_t n, int64_t oh, int64_t ow, int64_t r)
{
    int64_t row = r, column = 0;
    if (c->run < c->kw * c->i) {
        row = r / c->kw;
        column = r % c->kw;
    }
    int64_t ih = oh * c->stride_h - c->pad_h + row * c->dilation_h;
    int64_t iw = ow * c->stride_w - c->pad_w + column * c->dilation_w;
    int64_t lo = iw < 0 ? -iw * c->i : 0, hi = (c->w - iw) * c->i;
    if (hi > c->run)
        hi = c->run;
    if (ih < 0 || ih >= c->h || hi < lo)
        lo = hi = 0;
    return (dim__conv_run){ lo, hi, ((n * c->h + ih) * c->w + iw) * c->i };
}

#endif
