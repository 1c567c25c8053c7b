/* Convolutions by oneDNN's primitives, which read NHWC as it lies there: no patch matrix, and what lies in the padding
 * is not computed.
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
 *     5 x 5 x 256    256 x 3 x 3       269        356    189, without padding
 *
 * Version 2.6 and version 3.7 on one core of a Xeon of 2023 with AMX, whose other core was busy; in brackets f32 by products
 * with patches:
 *
 *                                        f32: forward     dx               bf16: forward  dx          dw
 *     16 x 16 x 64   128 x 4 x 4 / 2    170 167 (134)   159 160 (143)     845  764    364  692    170 299
 *     8 x 8 x 128    256 x 4 x 4 / 2    118 106 (148)   111  95 (137)     605  563    215  395     78 105
 *     30 x 30 x 64   128 x 4 x 4 / 2    153 154 (121)   119 142 (134)    1186 1185    342  885    264 559
 *     16 x 16 x 64   128 x 3 x 3        190 181 (146)   157 174 (156)    1504 1473    754 1447    658 879
 *     8 x 8 x 128    256 x 3 x 3        183 172 (145)   168 176 (152)    1192 1221    789 1288    441 433
 *     32 x 32 x 64    64 x 3 x 3        155 175 (119)   125 172 (122)    1319 1403    808 1417    645 852
 *     4 x 4 x 256    256 x 3 x 3        120 116 (152)   136 118 (152)     770  770    357  741    144 121
 *     7 x 7 x 256    256 x 3 x 3        115 112 (147)   104  97 (147)     613  732    286  628    126 151
 *
 * So dx without a stride is worth it in version 3, and dw by AMX only with many pixels, in version 2 without a stride: where it
 * is not, dw is a product of bf16 with patches (ops/conv_plan.c), which gives 250 to 350. */
#include "kernels/conv.h"
#include "kernels/onednn_plans.h"

#if defined(DIM_HAVE_ONEDNN)
#include "base/math.h"
#include "base/pool.h"
#include "kernels/gemm_backend.h"
#include "kernels/kernels.h"
#include <string.h>

/* Multiply-adds below which preparing a convolution does not pay. */
static const double SMALL = 1 << 24;
/* Fewer channels than a vector has lanes make a slow dx, and a slow forward pass when they come out. */
enum { FEW = 16 };
/* Least pixels of an output: with fewer the forward kernel is slow, and packing the weights for dx does not pay. */
enum { PIXELS = 16, DX_PIXELS = 36, BF16_PIXELS = 9 };
/* The same of dw in AMX's tiles, into which its operands are transposed. */
enum { AMX_DW_PIXELS = 64 };

typedef struct lane { /* what one thread executes with */
    struct dnnl_stream *stream;
    struct dnnl_memory *in, *out, *weights, *scratch;
    struct dnnl_memory *plain, *packed; /* a part of the weights */
} lane;

struct dim__conv_plan {
    dim__onednn_plan head;
    dim__conv_key key;
    struct dnnl_primitive *primitive, *pack; /* `pack` goes the other way for dw */
    struct dnnl_primitive *longer; /* of dw: for threads that have one image more */
    lane *lanes;              /* one a thread */
    int64_t parts;            /* of the output channels, packed each for itself */
    int64_t plain_part, packed_part; /* elements from one to the next */
    size_t packed_size, scratch_size; /* bytes, rounded up to lines */
};
_Static_assert(offsetof(struct dim__conv_plan, key) == sizeof(dim__onednn_plan), "where plans have their key");

/* ---- preparation ------------------------------------------------------------------------------------------------- */

/* Operands of a pass over so many images at once. */
typedef struct descs {
    dim__mds mds;
    const dim__md *x, *w_any, *w_plain, *y;
} descs;

static void describe(dim__onednn *d, const dim__conv_key *k, int64_t images, descs *s)
{
    const int64_t x[4] = { images, k->i, k->h, k->w }, w[4] = { k->o, k->i, k->kh, k->kw };
    const int64_t y[4] = { images, k->o, k->oh, k->ow };
    unsigned type = k->bf16 ? DIM__DNNL_BF16 : DIM__DNNL_F32, out = k->bf16_out ? DIM__DNNL_BF16 : DIM__DNNL_F32;
    unsigned weights = k->pass == DIM__CONV_DW ? DIM__DNNL_F32 : type;
    *s = (descs){ .mds = { .d = d } };
    s->x = dim__md_nhwc(&s->mds, x, k->pass == DIM__CONV_DX ? out : type);
    s->y = dim__md_nhwc(&s->mds, y, k->pass == DIM__CONV_FORWARD ? out : type);
    s->w_plain = dim__md_nhwc(&s->mds, w, weights);
    s->w_any = dim__md_any(&s->mds, 4, w, weights);
}

/* The weights' layout is `packed`, or oneDNN chooses it. */
static bool describe_pass(dim__onednn *d, const dim__conv_key *k, const descs *s, const dim__md *packed,
                          const struct dnnl_primitive_attr *attr, const struct dnnl_primitive_desc *hint,
                          struct dnnl_primitive_desc **out)
{
    const int64_t stride[2] = { k->stride_h, k->stride_w }, padding[2] = { k->pad_h, k->pad_w };
    return d->api->convolution(d, (dim__conv_pass)k->pass, s->x, packed != NULL ? packed : s->w_any, s->y, stride,
                               padding, attr, hint, out);
}

/* The forward pass, from which oneDNN makes the others: all operands in the type of their inputs. */
static bool describe_hint(dim__onednn *d, const dim__conv_key *k, int64_t images, const struct dnnl_primitive_attr *attr,
                          struct dnnl_primitive_desc **out)
{
    dim__conv_key forward = *k;
    descs s;
    if (k->pass == DIM__CONV_FORWARD)
        return true;
    forward.pass = DIM__CONV_FORWARD;
    forward.bf16_out = k->bf16;
    describe(d, &forward, images, &s);
    bool made = describe_pass(d, &forward, &s, NULL, attr, NULL, out);
    dim__mds_free(&s.mds);
    return made;
}

/* What only the primitive's name tells. */
static bool is_slow_dw(const dim__onednn *d, const dim__conv_key *k, const struct dnnl_primitive_desc *desc)
{
    bool strided = k->stride_h != 1 || k->stride_w != 1;
    return k->pass == DIM__CONV_DW && strstr(dim__onednn_kind(d, desc), "amx") != NULL &&
           (k->oh * k->ow < AMX_DW_PIXELS || (strided && dim__onednn_major(d->ctx) < 3));
}

/* Of so many images at once. */
static bool make_primitive(dim__onednn *d, dim__conv_plan *p, int64_t images, const dim__md *packed,
                           struct dnnl_primitive_desc **desc, struct dnnl_primitive **out)
{
    struct dnnl_primitive_attr *attr = NULL;
    struct dnnl_primitive_desc *hint = NULL;
    descs s;
    describe(d, &p->key, images, &s);
    bool ok = dim__onednn_attr(d, &attr) && describe_hint(d, &p->key, images, attr, &hint) &&
              describe_pass(d, &p->key, &s, packed, attr, hint, desc) && dim__onednn_is_fast(d, *desc) &&
              !is_slow_dw(d, &p->key, *desc) && d->call.primitive_create(out, *desc) == 0;
    const dim__md *scratch = ok ? dim__onednn_md_of(d, *desc, DIM__DNNL_QUERY_SCRATCHPAD) : NULL;
    size_t bytes = dim__md_bytes(d, scratch);
    p->scratch_size = bytes > p->scratch_size ? bytes : p->scratch_size;
    ok = scratch != NULL;
    dim__mds_free(&s.mds);
    dim__onednn_free_desc(d, hint);
    dim__onednn_free_attr(d, attr);
    return ok;
}

/* Descriptors of an equal part of the weights, plain and packed, of which there are `parts`; where blocks of the packed
 * layout allow it. */
static bool describe_part(dim__conv_plan *p, descs *s, const dim__md *packed, int64_t parts, const dim__md *part[2])
{
    const dim__conv_key *k = &p->key;
    const int64_t size[4] = { k->o / parts, k->i, k->kh, k->kw }, none[4] = { 0 }, first[4] = { k->o / parts };
    if (k->o % parts != 0)
        return false;
    part[0] = dim__md_part(&s->mds, s->w_plain, size, none);
    part[1] = dim__md_part(&s->mds, packed, size, none);
    p->parts = parts;
    p->plain_part = p->packed_part = 0;
    if (part[0] == NULL || part[1] == NULL || parts == 1)
        return part[0] != NULL && part[1] != NULL;
    const dim__onednn *d = s->mds.d;
    const dim__md *next = dim__md_part(&s->mds, packed, size, first);
    int64_t here, there;
    if (next == NULL || !d->api->md_offset(d, part[1], &here) || !d->api->md_offset(d, next, &there) || there <= here)
        return false;
    p->plain_part = k->o / parts * k->kh * k->kw * k->i;
    p->packed_part = there - here;
    return true;
}

/* What packs the weights, or unpacks dw, by all threads where that goes. */
static bool make_packing(dim__onednn *d, dim__conv_plan *p, const dim__md *packed)
{
    const dim__md *part[2];
    bool dw = p->key.pass == DIM__CONV_DW;
    descs s;
    describe(d, &p->key, 1, &s);
    p->packed_size = dim__md_bytes(d, packed);
    bool ok = (describe_part(p, &s, packed, d->ctx->threads, part) || describe_part(p, &s, packed, 1, part)) &&
              dim__onednn_reorder(d, part[dw], part[!dw], &p->pack);
    for (uint32_t t = 0; ok && t < d->ctx->threads; t++) {
        lane *l = &p->lanes[t];
        ok = dim__onednn_stream(d, &l->stream) && dim__onednn_memory(d, part[0], &l->plain) &&
             dim__onednn_memory(d, part[1], &l->packed);
    }
    dim__mds_free(&s.mds);
    return ok;
}

/* What a thread executes the primitive with, of which `desc` is. */
static bool make_lane(dim__onednn *d, const dim__conv_plan *p, lane *l, int64_t images, const dim__md *packed,
                      const struct dnnl_primitive_desc *desc)
{
    bool reads_y = p->key.pass == DIM__CONV_DX;
    descs s;
    describe(d, &p->key, images, &s);
    bool ok = dim__onednn_memory(d, reads_y ? s.y : s.x, &l->in) && dim__onednn_memory(d, reads_y ? s.x : s.y, &l->out) &&
              dim__onednn_memory(d, packed, &l->weights) &&
              dim__onednn_memory(d, dim__onednn_md_of(d, desc, DIM__DNNL_QUERY_SCRATCHPAD), &l->scratch);
    dim__mds_free(&s.mds);
    return ok;
}

/* The images of thread t of dw, where each thread sums over its images; all but the first `images % pieces` have one fewer. */
static int64_t images_of(int64_t images, int pieces, int t)
{
    return dim__parallel_begin(images, pieces, t + 1) - dim__parallel_begin(images, pieces, t);
}

/* Forward and dx go image by image.  Of dw each thread sums over its images, and the threads' sums are added in the packed
 * layout: there are two primitives where not all threads have as many images. */
static bool make_plan(dim__onednn *d, dim__onednn_plan *plan)
{
    dim__conv_plan *p = (dim__conv_plan *)plan;
    struct dnnl_primitive_desc *desc[2] = { NULL, NULL };
    bool dw = p->key.pass == DIM__CONV_DW;
    int lanes = dw ? dim__parallel_pieces(d->ctx, p->key.images, 1) : (int)d->ctx->threads;
    int64_t fewest = dw ? p->key.images / lanes : 1;
    const dim__md *packed = NULL;
    p->lanes = dim__calloc(d->ctx, d->ctx->threads, sizeof *p->lanes);
    if (p->lanes == NULL) {
        d->no_memory = true;
        return false;
    }
    bool ok = make_primitive(d, p, fewest, NULL, &desc[0], &p->primitive);
    if (ok)
        packed = dim__onednn_md_of(d, desc[0], dw ? DIM__DNNL_QUERY_DIFF_WEIGHTS : DIM__DNNL_QUERY_WEIGHTS);
    if (ok && dw && p->key.images % lanes != 0)
        ok = make_primitive(d, p, fewest + 1, packed, &desc[1], &p->longer);
    for (int t = 0; ok && t < lanes; t++) {
        int64_t images = dw ? images_of(p->key.images, lanes, t) : 1;
        ok = make_lane(d, p, &p->lanes[t], images, packed, desc[images > fewest]);
    }
    ok = ok && make_packing(d, p, packed);
    dim__onednn_free_desc(d, desc[0]);
    dim__onednn_free_desc(d, desc[1]);
    return ok;
}

static void release_plan(dim__onednn *d, dim__onednn_plan *plan)
{
    dim__conv_plan *p = (dim__conv_plan *)plan;
    for (uint32_t t = 0; p->lanes != NULL && t < d->ctx->threads; t++) {
        const lane *l = &p->lanes[t];
        struct dnnl_memory *const memories[] = { l->in, l->out, l->weights, l->scratch, l->plain, l->packed };
        for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
            dim__onednn_free_memory(d, memories[i]);
        dim__onednn_free_stream(d, l->stream);
    }
    dim__onednn_free_primitive(d, p->pack);
    dim__onednn_free_primitive(d, p->longer);
    dim__onednn_free_primitive(d, p->primitive);
    dim__free(d->ctx, p->lanes);
}

static const dim__plan_kind CONVOLUTION = { sizeof(dim__conv_plan), sizeof(dim__conv_key), make_plan, release_plan };

/* Whether a plan was measured to be worth it. */
static bool is_worth(const dim_context *ctx, const dim__conv_key *key, int64_t images)
{
    double work = (double)key->oh * (double)key->ow * (double)key->o * (double)(key->kh * key->kw * key->i);
    int64_t pixels = key->oh * key->ow;
    if (work * (double)images < SMALL || key->o < FEW || (key->pass == DIM__CONV_DX && key->i < FEW))
        return false;
    if (key->bf16)
        return dim__gemm_native_bf16(ctx) && pixels >= (key->pass == DIM__CONV_DW ? PIXELS : BF16_PIXELS);
    bool strided = key->stride_h != 1 || key->stride_w != 1;
    return ((const dim__gemm_state *)ctx->gemm_state)->kind == DIM_GEMM_ONEDNN && pixels >= PIXELS &&
           (key->pass != DIM__CONV_DX || (pixels >= DX_PIXELS && (strided || dim__onednn_major(ctx) >= 3)));
}

dim_status dim__conv_plan_get(dim_context *ctx, const dim__conv_key *key, int64_t images, const dim__conv_plan **out)
{
    dim__onednn *d;
    dim__onednn_plan *plan = NULL;
    *out = NULL;
    if (!is_worth(ctx, key, images))
        return DIM_OK;
    DIM__TRY(dim__onednn_of(ctx, &d));
    if (d != NULL)
        DIM__TRY(dim__plan_get(d, &CONVOLUTION, key, &plan));
    *out = (dim__conv_plan *)plan;
    return DIM_OK;
}

/* ---- execution --------------------------------------------------------------------------------------------------- */

size_t dim__conv_plan_workspace(const dim_context *ctx, const dim__conv_plan *plan)
{
    size_t packed = plan->key.pass == DIM__CONV_DW ? ctx->threads : 1;
    return packed * plan->packed_size + ctx->threads * plan->scratch_size;
}

typedef struct job {
    dim__onednn *d;
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
    const lane *l = &j->plan->lanes[thread];
    int64_t x = k->h * k->w * k->i, y = k->oh * k->ow * k->o;
    bool forward = k->pass == DIM__CONV_FORWARD;
    int64_t in = (forward ? x : y) * (k->bf16 ? 2 : 4), out = (forward ? y : x) * (k->bf16_out ? 2 : 4);
    char *room = j->after != NULL && j->after->rooms != NULL ? (char *)j->after->rooms + thread * out : NULL;
    const dim__dnnl_arg args[4] = {
        { forward ? DIM__DNNL_ARG_SRC : DIM__DNNL_ARG_DIFF_DST, l->in },
        { forward ? DIM__DNNL_ARG_DST : DIM__DNNL_ARG_DIFF_SRC, l->out },
        { DIM__DNNL_ARG_WEIGHTS, l->weights },
        { DIM__DNNL_ARG_SCRATCHPAD, l->scratch },
    };
    char *scratch = j->scratch + (size_t)thread * j->plan->scratch_size;
    for (int64_t n = begin; n < end; n++) {
        void *const data[4] = { (char *)j->in + n * in, room != NULL ? room : j->out + n * out, j->packed, scratch };
        if (!dim__onednn_execute(j->d, j->plan->primitive, l->stream, args, 4, data))
            return false;
        if (j->after != NULL)
            j->after->fn(j->after->arg, n, thread);
    }
    return true;
}

static void run_task(void *arg, int64_t begin, int64_t end, int thread)
{
    job *j = arg;
    dim__onednn_guard guard;
    if (!dim__onednn_enter(j->d, &guard)) {
        j->failed[thread] = true;
        return;
    }
    j->failed[thread] = !run_images(j, begin, end, thread);
    dim__onednn_leave(j->d, &guard);
}

static void pack_task(void *arg, int64_t begin, int64_t end, int thread)
{
    job *j = arg;
    const dim__conv_plan *p = j->plan;
    const lane *l = &p->lanes[thread];
    bool dw = p->key.pass == DIM__CONV_DW;
    const dim__dnnl_arg args[2] = { { dw ? DIM__DNNL_ARG_DST : DIM__DNNL_ARG_SRC, l->plain },
                                    { dw ? DIM__DNNL_ARG_SRC : DIM__DNNL_ARG_DST, l->packed } };
    int64_t size = p->key.bf16 && !dw ? 2 : 4;
    char *plain = dw ? j->out : (char *)j->weights;
    dim__onednn_guard guard;
    if (!dim__onednn_enter(j->d, &guard)) {
        j->failed[thread] = true;
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        void *const data[2] = { plain + i * p->plain_part * size, j->packed + i * p->packed_part * size };
        if (!dim__onednn_execute(j->d, p->pack, l->stream, args, 2, data))
            j->failed[thread] = true;
    }
    dim__onednn_leave(j->d, &guard);
}

static void dw_task(void *arg, int64_t begin, int64_t end, int thread)
{
    job *j = arg;
    const dim__conv_plan *p = j->plan;
    const dim__conv_key *k = &p->key;
    const lane *l = &p->lanes[thread];
    int64_t size = k->bf16 ? 2 : 4;
    bool longer = end - begin > k->images / dim__parallel_pieces(j->ctx, k->images, 1);
    const dim__dnnl_arg args[4] = { { DIM__DNNL_ARG_SRC, l->in }, { DIM__DNNL_ARG_DIFF_DST, l->out },
                                    { DIM__DNNL_ARG_DIFF_WEIGHTS, l->weights }, { DIM__DNNL_ARG_SCRATCHPAD, l->scratch } };
    void *const data[4] = { (char *)j->in + begin * k->h * k->w * k->i * size,
                            (char *)j->weights + begin * k->oh * k->ow * k->o * size,
                            j->packed + (size_t)thread * p->packed_size, j->scratch + (size_t)thread * p->scratch_size };
    dim__onednn_guard guard;
    if (!dim__onednn_enter(j->d, &guard)) {
        j->failed[thread] = true;
        return;
    }
    j->failed[thread] = !dim__onednn_execute(j->d, longer ? p->longer : p->primitive, l->stream, args, 4, data);
    dim__onednn_leave(j->d, &guard);
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
    job j = { .d = state->onednn, .plan = plan, .ctx = ctx, .in = in, .weights = weights, .out = out,
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
