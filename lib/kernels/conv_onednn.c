/* Convolutions by oneDNN's primitives, which read NHWC as it lies there: no patch matrix, and what lies in the padding
 * is not computed.  The library is loaded as for its products (gemm_onednn.c), and as there every call is made with one
 * OpenMP thread from each of ours.
 *
 * Measured in GFLOP/s on one core of a Zen 5, images one by one, against products with patches:
 *
 *     image         kernel             forward          dx
 *     16 x 16 x 64   128 x 4 x 4 / 2   281 (200)        252 (214)
 *     8 x 8 x 128    256 x 4 x 4 / 2   241 (201)        236 (226)
 *     32 x 32 x 3     64 x 4 x 4 / 2   232 (118)         42
 *     16 x 16 x 64   128 x 3 x 3       281 (213)        269 (240)
 *     8 x 8 x 128    256 x 3 x 3       307 (201)        268 (246)
 *     4 x 4 x 256    256 x 3 x 3       268 (219)        352 (230)
 *     5 x 5 x 256    256 x 3 x 3       121 (215), without padding
 *
 * What dx gains without a stride, packing the weights takes back; and dw stays with the products, which were faster for
 * the strided ones.
 *
 * In bf16 with AVX512_BF16, by processor time (products with patches do not exist in bf16; f32 gives some 215):
 *
 *     image         kernel             forward    dx     dw of 32 images
 *     16 x 16 x 64   128 x 4 x 4 / 2   593        506    284
 *     8 x 8 x 128    256 x 4 x 4 / 2   403        406    288
 *     32 x 32 x 3     64 x 4 x 4 / 2   310               282
 *     30 x 30 x 64   128 x 4 x 4 / 2   557        507    330
 *     16 x 16 x 64   128 x 3 x 3       587        600    399
 *     8 x 8 x 128    256 x 3 x 3       632        554    464
 *     4 x 4 x 256    256 x 3 x 3       428        606    342
 *     7 x 7 x 256    256 x 3 x 3       417        296    253, without padding
 *     5 x 5 x 256    256 x 3 x 3       269        356    189, without padding */
#include "kernels/conv.h"
#include "kernels/onednn.h"

#if defined(DIM__ONEDNN_PRIMITIVES)
#include "base/math.h"
#include "base/pool.h"
#include "kernels/kernels.h"

/* Multiply-adds below which preparing a convolution does not pay. */
static const double SMALL = 1 << 24;
/* Fewer channels than a vector has lanes make a slow dx, and a slow forward pass when they come out. */
enum { FEW = 16 };
/* Least pixels of an output: with fewer the forward kernel is slow, and packing the weights for dx does not pay. */
enum { PIXELS = 16, DX_PIXELS = 64, BF16_PIXELS = 9 };

typedef struct lane { /* what one thread executes with */
    dnnl_stream_t stream;
    dnnl_memory_t in, out, weights, scratch;
    dnnl_memory_t plain, packed; /* a part of the weights */
} lane;

struct dim__conv_plan {
    dim__plan_head head;
    dim__conv_key key;
    dim__conv_plan *next;
    bool usable;              /* else it is remembered as not */
    dnnl_primitive_t primitive, pack; /* `pack` goes the other way for dw */
    dnnl_primitive_t longer;  /* of dw: for threads that have one image more */
    lane *lanes;              /* one a thread */
    int64_t parts;            /* of the output channels, packed each for itself */
    int64_t plain_part, packed_part; /* elements from one to the next */
    size_t packed_size, scratch_size; /* bytes, rounded up to lines */
};

/* ---- preparation ------------------------------------------------------------------------------------------------- */

typedef struct descs {
    dnnl_memory_desc_t x, w_any, w_plain, y;
    dnnl_dims_t stride, padding;
} descs;

/* Of so many images at once. */
static bool describe(const dim__onednn *d, const dim__conv_key *k, int64_t images, descs *s)
{
    dnnl_dims_t x = { images, k->i, k->h, k->w }, w = { k->o, k->i, k->kh, k->kw }, y = { images, k->o, k->oh, k->ow };
    dnnl_data_type_t type = k->bf16 ? dnnl_bf16 : dnnl_f32, out = k->bf16_out ? dnnl_bf16 : dnnl_f32;
    dnnl_data_type_t weights = k->pass == DIM__CONV_DW ? dnnl_f32 : type;
    for (int i = 0; i < 2; i++) {
        s->stride[i] = k->stride;
        s->padding[i] = k->padding;
    }
    dnnl_data_type_t type_x = k->pass == DIM__CONV_DX ? out : type, type_y = k->pass == DIM__CONV_FORWARD ? out : type;
    return d->memory_desc_init_by_tag(&s->x, 4, x, type_x, dnnl_nhwc) == dnnl_success &&
           d->memory_desc_init_by_tag(&s->y, 4, y, type_y, dnnl_nhwc) == dnnl_success &&
           d->memory_desc_init_by_tag(&s->w_plain, 4, w, weights, dnnl_ohwi) == dnnl_success &&
           d->memory_desc_init_by_tag(&s->w_any, 4, w, weights, dnnl_format_tag_any) == dnnl_success;
}

static bool describe_pass(const dim__onednn *d, const dim__conv_key *k, const descs *s, dnnl_primitive_attr_t attr,
                          dnnl_primitive_desc_t *out)
{
    dnnl_convolution_desc_t forward, pass;
    dnnl_primitive_desc_t hint = NULL;
    descs f = *s; /* the forward pass is a hint for the others: all operands in the type of their inputs */
    if (k->pass != DIM__CONV_FORWARD)
        f.x.data_type = f.y.data_type = k->bf16 ? dnnl_bf16 : dnnl_f32;
    if (d->memory_desc_init_by_tag(&f.w_any, 4, s->w_plain.dims, f.x.data_type, dnnl_format_tag_any) != dnnl_success ||
        d->convolution_forward_desc_init(&forward, dnnl_forward_training, dnnl_convolution_direct, &f.x, &f.w_any,
                                         NULL, &f.y, s->stride, s->padding, s->padding) != dnnl_success ||
        d->primitive_desc_create(&hint, &forward, attr, d->engine, NULL) != dnnl_success)
        return false;
    if (k->pass == DIM__CONV_FORWARD) {
        *out = hint;
        return true;
    }
    dnnl_status_t status =
        k->pass == DIM__CONV_DX
            ? d->convolution_backward_data_desc_init(&pass, dnnl_convolution_direct, &s->x, &s->w_any, &s->y, s->stride,
                                                     s->padding, s->padding)
            : d->convolution_backward_weights_desc_init(&pass, dnnl_convolution_direct, &s->x, &s->w_any, NULL, &s->y,
                                                        s->stride, s->padding, s->padding);
    bool made = status == dnnl_success &&
                d->primitive_desc_create(out, &pass, attr, d->engine, hint) == dnnl_success;
    d->primitive_desc_destroy(hint);
    return made;
}

static bool make_lanes(const dim__onednn *d, dim__conv_plan *p, const descs *s, const dnnl_memory_desc_t *packed,
                       const dnnl_memory_desc_t *scratch, const dnnl_memory_desc_t part[2], uint32_t threads)
{
    bool forward = p->key.pass == DIM__CONV_FORWARD, ok = true;
    for (uint32_t t = 0; ok && t < threads; t++) {
        lane *l = &p->lanes[t];
        ok = d->stream_create(&l->stream, d->engine, dnnl_stream_default_flags) == dnnl_success &&
             dim__onednn_memory(d, &l->in, forward ? &s->x : &s->y) &&
             dim__onednn_memory(d, &l->out, forward ? &s->y : &s->x) &&
             dim__onednn_memory(d, &l->weights, packed) && dim__onednn_memory(d, &l->scratch, scratch) &&
             dim__onednn_memory(d, &l->plain, &part[0]) && dim__onednn_memory(d, &l->packed, &part[1]);
    }
    return ok;
}

/* Descriptors of an equal part of the weights for each thread, where blocks of the packed layout allow it. */
static bool describe_part(const dim__onednn *d, dim__conv_plan *p, const descs *s, const dnnl_memory_desc_t *packed,
                          int64_t parts, dnnl_memory_desc_t part[2])
{
    const dim__conv_key *k = &p->key;
    dnnl_memory_desc_t next;
    dnnl_dims_t size = { k->o / parts, k->i, k->kh, k->kw }, none = { 0 }, first = { k->o / parts };
    if (k->o % parts != 0 || d->memory_desc_init_submemory(&part[0], &s->w_plain, size, none) != dnnl_success ||
        d->memory_desc_init_submemory(&part[1], packed, size, none) != dnnl_success)
        return false;
    p->parts = parts;
    p->plain_part = p->packed_part = 0;
    if (parts == 1)
        return true;
    p->plain_part = k->o / parts * k->kh * k->kw * k->i;
    if (d->memory_desc_init_submemory(&next, packed, size, first) != dnnl_success)
        return false;
    p->packed_part = next.offset0 - part[1].offset0;
    return true;
}

static bool make_plan(const dim__onednn *d, dim__conv_plan *p, uint32_t threads)
{
    descs s;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t desc = NULL, pack = NULL;
    dnnl_memory_desc_t part[2];
    bool ok = describe(d, &p->key, 1, &s) && dim__onednn_attr(d, &attr) &&
              describe_pass(d, &p->key, &s, attr, &desc) && dim__onednn_is_fast(d, desc);
    if (ok) {
        const dnnl_memory_desc_t *packed = d->primitive_desc_query_md(desc, dnnl_query_weights_md, 0);
        const dnnl_memory_desc_t *scratch = d->primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
        p->packed_size = dim__onednn_lines(d->memory_desc_get_size(packed));
        p->scratch_size = dim__onednn_lines(d->memory_desc_get_size(scratch));
        ok = (describe_part(d, p, &s, packed, threads, part) || describe_part(d, p, &s, packed, 1, part)) &&
             d->reorder_primitive_desc_create(&pack, &part[0], d->engine, &part[1], d->engine, NULL) == dnnl_success &&
             d->primitive_create(&p->primitive, desc) == dnnl_success &&
             d->primitive_create(&p->pack, pack) == dnnl_success &&
             make_lanes(d, p, &s, packed, scratch, part, threads);
    }
    if (pack != NULL)
        d->primitive_desc_destroy(pack);
    if (desc != NULL)
        d->primitive_desc_destroy(desc);
    if (attr != NULL)
        d->primitive_attr_destroy(attr);
    return ok;
}

/* ---- preparation of dw: each thread sums over its images, and the threads' sums are added in the packed layout ----- */

/* The images of thread t; all but the first `images % pieces` have one fewer. */
static int64_t images_of(int64_t images, int pieces, int t)
{
    return dim__parallel_begin(images, pieces, t + 1) - dim__parallel_begin(images, pieces, t);
}

/* The primitive for so many images; `packed` is its layout, given when it is `known`. */
static bool make_dw_primitive(const dim__onednn *d, dim__conv_plan *p, int64_t images, dnnl_primitive_attr_t attr,
                              dnnl_memory_desc_t *packed, dnnl_memory_desc_t *scratch, bool known, dnnl_primitive_t *out)
{
    descs s;
    dnnl_primitive_desc_t desc = NULL;
    bool ok = describe(d, &p->key, images, &s);
    if (known)
        s.w_any = *packed;
    ok = ok && describe_pass(d, &p->key, &s, attr, &desc) && dim__onednn_is_fast(d, desc);
    if (ok) {
        *packed = *d->primitive_desc_query_md(desc, dnnl_query_diff_weights_md, 0);
        *scratch = *d->primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
        size_t bytes = dim__onednn_lines(d->memory_desc_get_size(scratch));
        p->scratch_size = bytes > p->scratch_size ? bytes : p->scratch_size;
        ok = d->primitive_create(out, desc) == dnnl_success;
    }
    if (desc != NULL)
        d->primitive_desc_destroy(desc);
    return ok;
}

static bool make_dw_plan(const dim__onednn *d, dim__conv_plan *p, dim_context *ctx)
{
    descs s;
    dnnl_memory_desc_t packed, scratch[2], part[2];
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t unpack = NULL;
    int pieces = dim__parallel_pieces(ctx, p->key.images, 1);
    int64_t fewest = p->key.images / pieces;
    bool ok = dim__onednn_attr(d, &attr) &&
              make_dw_primitive(d, p, fewest, attr, &packed, &scratch[0], false, &p->primitive) &&
              (p->key.images % pieces == 0 ||
               make_dw_primitive(d, p, fewest + 1, attr, &packed, &scratch[1], true, &p->longer));
    for (int t = 0; ok && t < pieces; t++) {
        int64_t images = images_of(p->key.images, pieces, t);
        lane *l = &p->lanes[t];
        ok = describe(d, &p->key, images, &s) &&
             d->stream_create(&l->stream, d->engine, dnnl_stream_default_flags) == dnnl_success &&
             dim__onednn_memory(d, &l->in, &s.x) && dim__onednn_memory(d, &l->out, &s.y) &&
             dim__onednn_memory(d, &l->weights, &packed) &&
             dim__onednn_memory(d, &l->scratch, &scratch[images > fewest]);
    }
    ok = ok && (describe_part(d, p, &s, &packed, ctx->threads, part) || describe_part(d, p, &s, &packed, 1, part)) &&
         d->reorder_primitive_desc_create(&unpack, &part[1], d->engine, &part[0], d->engine, NULL) == dnnl_success &&
         d->primitive_create(&p->pack, unpack) == dnnl_success;
    for (uint32_t t = 0; ok && t < ctx->threads; t++) {
        lane *l = &p->lanes[t];
        ok = dim__onednn_memory(d, &l->plain, &part[0]) && dim__onednn_memory(d, &l->packed, &part[1]) &&
             (l->stream != NULL ||
              d->stream_create(&l->stream, d->engine, dnnl_stream_default_flags) == dnnl_success);
    }
    p->packed_size = ok ? dim__onednn_lines(d->memory_desc_get_size(&packed)) : 0;
    if (unpack != NULL)
        d->primitive_desc_destroy(unpack);
    if (attr != NULL)
        d->primitive_attr_destroy(attr);
    return ok;
}

static void free_plan(dim_context *ctx, const dim__onednn *d, dim__conv_plan *p)
{
    for (uint32_t t = 0; p->lanes != NULL && t < ctx->threads; t++) {
        const lane *l = &p->lanes[t];
        dnnl_memory_t memories[] = { l->in, l->out, l->weights, l->scratch, l->plain, l->packed };
        for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
            if (memories[i] != NULL)
                d->memory_destroy(memories[i]);
        if (l->stream != NULL)
            d->stream_destroy(l->stream);
    }
    if (p->pack != NULL)
        d->primitive_destroy(p->pack);
    if (p->longer != NULL)
        d->primitive_destroy(p->longer);
    if (p->primitive != NULL)
        d->primitive_destroy(p->primitive);
    dim__free(ctx, p->lanes);
    dim__free(ctx, p);
}

void dim__conv_plan_drop(dim_context *ctx, dim__onednn *d, dim__conv_plan *plan)
{
    dim__conv_plan **at = &d->convs;
    while (*at != plan)
        at = &(*at)->next;
    *at = plan->next;
    free_plan(ctx, d, plan);
}

/* The oldest of the shapes without a plan. */
static void forget_one(dim_context *ctx, dim__onednn *d)
{
    dim__conv_plan *oldest = NULL;
    for (dim__conv_plan *p = d->convs; p != NULL; p = p->next)
        oldest = p->usable ? oldest : p;
    dim__conv_plan_drop(ctx, d, oldest);
    d->n_useless--;
}

static dim_status add_plan(dim_context *ctx, dim__onednn *d, const dim__conv_key *key, dim__conv_plan **out)
{
    dim__conv_plan *p = dim__calloc(ctx, 1, sizeof *p);
    if (p == NULL)
        return DIM_E_NOMEM;
    p->key = *key;
    p->head = (dim__plan_head){ .conv = true };
    p->lanes = dim__calloc(ctx, ctx->threads, sizeof *p->lanes);
    if (p->lanes == NULL) {
        free_plan(ctx, d, p);
        return DIM_E_NOMEM;
    }
    dim__onednn_guard guard;
    dim__onednn_enter(ctx->gemm_state, &guard); /* the primitive is made for as many threads as there are now */
    p->usable = key->pass == DIM__CONV_DW ? make_dw_plan(d, p, ctx) : make_plan(d, p, ctx->threads);
    dim__onednn_leave(ctx->gemm_state, &guard);
    p->next = d->convs;
    d->convs = p;
    if (p->usable)
        d->n_plans++;
    else if (++d->n_useless > DIM__KEEP_PLANS)
        forget_one(ctx, d);
    *out = p;
    return DIM_OK;
}

/* Whether a plan was measured to be worth it. */
static bool is_worth(const dim_context *ctx, const dim__conv_key *key, int64_t images)
{
    double work = (double)key->oh * (double)key->ow * (double)key->o * (double)(key->kh * key->kw * key->i);
    int64_t pixels = key->oh * key->ow;
    if (work * (double)images < SMALL || key->o < FEW || (key->pass == DIM__CONV_DX && key->i < FEW))
        return false;
    if (key->bf16)
        return dim__gemm_native_bf16(ctx) && pixels >= (key->pass == DIM__CONV_DW ? PIXELS : BF16_PIXELS);
    return ((const dim__gemm_state *)ctx->gemm_state)->kind == DIM_GEMM_ONEDNN && pixels >= PIXELS &&
           (key->pass != DIM__CONV_DX || (key->stride != 1 && pixels >= DX_PIXELS));
}

dim_status dim__conv_plan_get(dim_context *ctx, const dim__conv_key *key, int64_t images, const dim__conv_plan **out)
{
    dim__onednn *d;
    *out = NULL;
    if (!is_worth(ctx, key, images))
        return DIM_OK;
    DIM__TRY(dim__onednn_of(ctx, &d));
    if (d == NULL)
        return DIM_OK;
    dim__conv_plan *p = d->convs;
    while (p != NULL && memcmp(&p->key, key, sizeof *key) != 0)
        p = p->next;
    if (p == NULL)
        DIM__TRY(add_plan(ctx, d, key, &p));
    *out = p->usable ? p : NULL;
    return DIM_OK;
}

void dim__conv_plans_free(dim_context *ctx, dim__onednn *d)
{
    while (d->convs != NULL) {
        dim__conv_plan *next = d->convs->next;
        free_plan(ctx, d, d->convs);
        d->convs = next;
    }
}

/* ---- execution --------------------------------------------------------------------------------------------------- */

size_t dim__conv_plan_workspace(const dim_context *ctx, const dim__conv_plan *plan)
{
    size_t packed = plan->key.pass == DIM__CONV_DW ? ctx->threads : 1;
    return packed * plan->packed_size + ctx->threads * plan->scratch_size;
}

typedef struct job {
    const dim__onednn *d;
    const dim__gemm_state *state;
    const dim__conv_plan *plan;
    const dim_context *ctx;
    const char *in, *weights;
    char *out;
    char *packed, *scratch;
    const dim__conv_after *after;
    bool failed[256];
} job;

static bool run_images(const job *j, int64_t begin, int64_t end, int thread)
{
    const dim__conv_key *k = &j->plan->key;
    const dim__onednn *d = j->d;
    const lane *l = &j->plan->lanes[thread];
    int64_t x = k->h * k->w * k->i, y = k->oh * k->ow * k->o;
    bool forward = k->pass == DIM__CONV_FORWARD;
    int64_t in = (forward ? x : y) * (k->bf16 ? 2 : 4), out = (forward ? y : x) * (k->bf16_out ? 2 : 4);
    dnnl_exec_arg_t args[4] = {
        { forward ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST, l->in },
        { forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC, l->out },
        { DNNL_ARG_WEIGHTS, l->weights },
        { DNNL_ARG_SCRATCHPAD, l->scratch },
    };
    char *scratch = j->scratch + (size_t)thread * j->plan->scratch_size;
    bool ok = d->memory_set_data_handle(l->weights, j->packed) == dnnl_success &&
              d->memory_set_data_handle(l->scratch, scratch) == dnnl_success;
    for (int64_t n = begin; ok && n < end; n++) {
        ok = d->memory_set_data_handle(l->in, (char *)j->in + n * in) == dnnl_success &&
             d->memory_set_data_handle(l->out, j->out + n * out) == dnnl_success &&
             d->primitive_execute(j->plan->primitive, l->stream, 4, args) == dnnl_success;
        if (ok && j->after != NULL)
            j->after->fn(j->after->arg, n, thread);
    }
    return ok;
}

static void run_task(void *arg, int64_t begin, int64_t end, int thread)
{
    job *j = arg;
    dim__onednn_guard guard;
    dim__onednn_enter(j->state, &guard);
    j->failed[thread] = !run_images(j, begin, end, thread);
    dim__onednn_leave(j->state, &guard);
}

static void pack_task(void *arg, int64_t begin, int64_t end, int thread)
{
    job *j = arg;
    const dim__conv_plan *p = j->plan;
    const lane *l = &p->lanes[thread];
    bool dw = p->key.pass == DIM__CONV_DW;
    dnnl_exec_arg_t args[2] = { { dw ? DNNL_ARG_TO : DNNL_ARG_FROM, l->plain },
                                { dw ? DNNL_ARG_FROM : DNNL_ARG_TO, l->packed } };
    int64_t size = p->key.bf16 && !dw ? 2 : 4;
    char *plain = dw ? j->out : (char *)j->weights;
    dim__onednn_guard guard;
    dim__onednn_enter(j->state, &guard);
    for (int64_t i = begin; i < end; i++)
        if (j->d->memory_set_data_handle(l->plain, plain + i * p->plain_part * size) != dnnl_success ||
            j->d->memory_set_data_handle(l->packed, j->packed + i * p->packed_part * size) != dnnl_success ||
            j->d->primitive_execute(p->pack, l->stream, 2, args) != dnnl_success)
            j->failed[thread] = true;
    dim__onednn_leave(j->state, &guard);
}

static void dw_task(void *arg, int64_t begin, int64_t end, int thread)
{
    job *j = arg;
    const dim__conv_plan *p = j->plan;
    const dim__conv_key *k = &p->key;
    const dim__onednn *d = j->d;
    const lane *l = &p->lanes[thread];
    int pieces = dim__parallel_pieces(j->ctx, k->images, 1);
    dnnl_exec_arg_t args[4] = { { DNNL_ARG_SRC, l->in }, { DNNL_ARG_DIFF_DST, l->out },
                                { DNNL_ARG_DIFF_WEIGHTS, l->weights }, { DNNL_ARG_SCRATCHPAD, l->scratch } };
    char *x = (char *)j->in + begin * k->h * k->w * k->i * 2, *dy = (char *)j->weights + begin * k->oh * k->ow * k->o * 2;
    dim__onednn_guard guard;
    dim__onednn_enter(j->state, &guard);
    j->failed[thread] =
        d->memory_set_data_handle(l->in, x) != dnnl_success || d->memory_set_data_handle(l->out, dy) != dnnl_success ||
        d->memory_set_data_handle(l->weights, j->packed + (size_t)thread * p->packed_size) != dnnl_success ||
        d->memory_set_data_handle(l->scratch, j->scratch + (size_t)thread * p->scratch_size) != dnnl_success ||
        d->primitive_execute(end - begin > k->images / pieces ? p->longer : p->primitive, l->stream, 4, args) !=
            dnnl_success;
    dim__onednn_leave(j->state, &guard);
}

/* The sum of all threads' dw, in the place of the first. */
static void sum_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const job *j = arg;
    int pieces = dim__parallel_pieces(j->ctx, j->plan->key.images, 1);
    float *sum = (float *)j->packed + begin;
    (void)thread;
    for (int t = 1; t < pieces; t++)
        j->ctx->kernels->add(sum, sum, (float *)(j->packed + (size_t)t * j->plan->packed_size) + begin, end - begin);
}

static bool failed(const job *j)
{
    for (size_t t = 0; t < sizeof j->failed / sizeof *j->failed; t++)
        if (j->failed[t])
            return true;
    return false;
}

bool dim__conv_plan_run(dim_context *ctx, const dim__conv_plan *plan, int64_t images, const void *in,
                        const void *weights, void *out, void *workspace, const dim__conv_after *after)
{
    const dim__gemm_state *state = ctx->gemm_state;
    bool dw = plan->key.pass == DIM__CONV_DW;
    job j = { .d = state->onednn, .state = state, .plan = plan, .ctx = ctx, .in = in, .weights = weights, .out = out,
              .packed = workspace, .after = after };
    j.scratch = j.packed + plan->packed_size * (dw ? ctx->threads : 1);
    if (dw) {
        dim__parallel(ctx, images, 1, dw_task, &j);
        dim__parallel(ctx, (int64_t)(plan->packed_size / sizeof(float)), 1 << 14, sum_task, &j);
        if (failed(&j))
            return false;
        dim__parallel(ctx, plan->parts, 1, pack_task, &j);
        return !failed(&j);
    }
    dim__parallel(ctx, plan->parts, 1, pack_task, &j);
    if (failed(&j))
        return false;
    dim__parallel(ctx, images, 1, run_task, &j);
    return !failed(&j);
}

#else
dim_status dim__conv_plan_get(dim_context *ctx, const dim__conv_key *key, int64_t images, const dim__conv_plan **out)
{
    (void)ctx;
    (void)key;
    (void)images;
    *out = NULL;
    return DIM_OK;
}

size_t dim__conv_plan_workspace(const dim_context *ctx, const dim__conv_plan *plan)
{
    (void)ctx;
    (void)plan;
    return 0;
}

bool dim__conv_plan_run(dim_context *ctx, const dim__conv_plan *plan, int64_t images, const void *in,
                        const void *weights, void *out, void *workspace, const dim__conv_after *after)
{
    (void)ctx;
    (void)plan;
    (void)images;
    (void)in;
    (void)weights;
    (void)out;
    (void)workspace;
    (void)after;
    return false;
}
#endif
