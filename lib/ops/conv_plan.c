/* Convolutions by plans: the accelerator's, or in bf16 that of a product. */
#include "ops/conv.h"

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
    return DIM_OK;
}

/* Room for the patches is there in any case: the accelerator may fail. */
size_t dim__conv_workspace(const dim__infer *inf, const dim__conv *c)
{
    const dim_context *ctx = inf->ctx;
    size_t patches = (size_t)ctx->threads * (size_t)(dim__conv_block(c, c->k) * c->k) * sizeof(float);
    if (dim__conv_plain(c))
        return dim__product_workspace(inf);
    size_t plan = inf->attr->plan != NULL ? dim__conv_plan_workspace(ctx, inf->attr->plan) : 0;
    return patches > plan && inf->in_type[0] != DIM__BF16 ? patches : plan;
}

/* ---- bf16 -------------------------------------------------------------------------------------------------------- */

bool dim__conv_run_bf16(const dim__exec *e, const dim__conv *c, dim__conv_pass pass, const dim__conv_after *after)
{
    bool dw = pass == DIM__CONV_DW; /* its inputs are dy and x; the plan wants x first */
    return e->attr->plan != NULL &&
           dim__conv_plan_run(e->ctx, e->attr->plan, c->n, e->in[dw], e->in[!dw], e->out[0], e->workspace, after);
}
