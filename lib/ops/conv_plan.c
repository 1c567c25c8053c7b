/* Convolutions by plans: the accelerator's, or in bf16 that of a product. */
#include "ops/conv.h"

#include "graph/tiling.h"
#include "ops/run.h"
#include <string.h>

dim__product_key dim__conv_product(const dim__conv *c, dim__conv_pass pass, dim_dtype out)
{
    dim__product_key key = { .m = c->pixels, .bf16_out = out == DIM__BF16 };
    if (pass == DIM__CONV_FORWARD) { /* patches w' */
        key.trans_b = 1;
        key.n = c->o;
        key.k = c->k;
    } else if (pass == DIM__CONV_DX) { /* dy w */
        key.n = c->k;
        key.k = c->o;
    } else { /* dy' patches */
        key.trans_a = 1;
        key.m = c->o;
        key.n = c->k;
        key.k = c->pixels;
    }
    return key;
}

/* dw in bf16 where no plan of a convolution does it: dy' times blocks of the patch matrix, as large as a second-level cache. */
static dim__product_key dw_block(const dim__conv *c)
{
    int64_t rows = dim__min64(dim__max64(((int64_t)1 << 20) / dim__max64(c->k, 1), 256), 4096) / 32 * 32;
    return (dim__product_key){ .trans_a = 1, .m = c->o, .n = c->k, .k = dim__min64(rows, c->pixels) };
}

/* Pairs of bf16 are copied as if they were floats; and what is small is not worth the copies. */
static bool dw_has_blocks(const dim__conv *c)
{
    return c->i % 2 == 0 && c->o >= 16 && (double)c->o * (double)c->k * (double)c->pixels >= 1 << 24;
}

dim_status dim__conv_accelerate(dim__infer *inf, const dim__conv *c, dim__conv_pass pass)
{
    bool bf16 = inf->in_type[0] == DIM__BF16;
    bool dilated = c->dilation_h != 1 || c->dilation_w != 1; /* which plans do not do */
    dim__conv_key key = { pass, c->h, c->w, c->i, c->o, c->kh, c->kw, c->oh, c->ow, c->stride_h, c->stride_w, c->pad_h,
                          c->pad_w, bf16, inf->out_type[0] == DIM__BF16, pass == DIM__CONV_DW ? c->n : 0 };
    const dim__conv_plan *plan = NULL;
    if (dim__conv_plain(c))
        return dim__product_prepare(inf, dim__conv_product(c, pass, inf->out_type[0]));
    if (inf->in_type[0] != inf->in_type[1])
        return dim__infer_fail(inf, 1, "the type of input 0");
    if (!dilated && (bf16 || pass != DIM__CONV_DW))
        DIM__TRY(dim__conv_plan_get(inf->ctx, &key, c->n, &plan));
    inf->attr->plan = plan;
    if (plan == NULL && bf16 && pass == DIM__CONV_DW && dw_has_blocks(c))
        return dim__product_prepare(inf, dw_block(c));
    return DIM_OK;
}

/* dw by blocks: the patches of one, as floats, its product, and where what is left of the workspace begins. */
typedef struct blocks {
    dim__conv pairs;
    int64_t sum, room;
} blocks;

static blocks blocks_of(const dim__conv *c)
{
    blocks b = { .pairs = *c };
    b.pairs.i /= 2;
    b.pairs.k /= 2;
    b.pairs.run /= 2;
    b.sum = dim__padded(dw_block(c).k * b.pairs.k);
    b.room = b.sum + dim__padded(c->o * c->k);
    return b;
}

/* Room for the patches is there in any case: the accelerator may fail. */
size_t dim__conv_workspace(const dim__infer *inf, const dim__conv *c)
{
    const dim_context *ctx = inf->ctx;
    size_t patches = (size_t)ctx->threads * (size_t)(dim__conv_block(c, c->k) * c->k) * sizeof(float);
    if (dim__conv_plain(c))
        return dim__product_workspace(inf);
    if (dim__is_product_plan(inf->attr->plan))
        return (size_t)blocks_of(c).room * sizeof(float) + dim__product_workspace(inf);
    size_t plan = inf->attr->plan != NULL ? dim__conv_plan_workspace(ctx, inf->attr->plan) : 0;
    return patches > plan && inf->in_type[0] != DIM__BF16 ? patches : plan;
}

/* ---- bf16 -------------------------------------------------------------------------------------------------------- */

typedef struct sums {
    const dim__exec *e;
    const float *sum;
} sums;

static void add_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const sums *s = arg;
    float *dw = (float *)s->e->out[0] + begin;
    (void)thread;
    s->e->ctx->kernels->add(dw, dw, s->sum + begin, end - begin);
}

/* The last block is as long as the others: it begins earlier, with zeros in the place of patches that were multiplied already. */
static bool run_blocks(const dim__exec *e, const dim__conv *c)
{
    const uint16_t *dy = e->in[0];
    blocks b = blocks_of(c);
    int64_t rows = dw_block(c).k;
    float *patches = e->workspace, *sum = patches + b.sum, *room = patches + b.room;
    for (int64_t px = 0; px < c->pixels; px += rows) {
        int64_t begin = dim__min64(px, c->pixels - rows), done = (px - begin) * b.pairs.k;
        memset(patches, 0, (size_t)done * sizeof *patches);
        dim__conv_patches_parallel(e->ctx, &b.pairs, e->in[1], px, begin + rows, patches + done);
        if (!dim__product_plan_run(e->ctx, e->attr->plan, dy + begin * c->o, patches, px == 0 ? e->out[0] : sum, room))
            return false;
        if (px > 0)
            dim__parallel(e->ctx, c->o * c->k, DIM__GRAIN, add_task, &(sums){ e, sum });
    }
    return true;
}

bool dim__conv_run_bf16(const dim__exec *e, const dim__conv *c, dim__conv_pass pass, const dim__conv_after *after)
{
    bool dw = pass == DIM__CONV_DW; /* its inputs are dy and x; the plan wants x first */
    if (dim__is_product_plan(e->attr->plan))
        return run_blocks(e, c);
    return e->attr->plan != NULL &&
           dim__conv_plan_run(e->ctx, e->attr->plan, c->n, e->in[dw], e->in[!dw], e->out[0], e->workspace, after);
}
