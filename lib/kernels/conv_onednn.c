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
 * the strided ones. */
#include "kernels/conv.h"
#include "kernels/gemm_backend.h"

#if defined(DIM_HAVE_ONEDNN)
#include <oneapi/dnnl/dnnl.h>
#endif

#if defined(DIM_HAVE_ONEDNN) && DNNL_VERSION_MAJOR == 2
#include "base/math.h"
#include "base/pool.h"
#include <dlfcn.h>

/* Multiply-adds below which preparing a convolution does not pay. */
static const double SMALL = 1 << 24;
/* Fewer channels than a vector has lanes make a slow dx, and a slow forward pass when they come out. */
enum { FEW = 16, LINE = 64 };
/* Least pixels of an output: with fewer the forward kernel is slow, and packing the weights for dx does not pay. */
enum { PIXELS = 16, DX_PIXELS = 64 };

#define FUNCTIONS(X)                                                                                            \
    X(engine_create) X(engine_destroy) X(stream_create) X(stream_destroy) X(memory_create) X(memory_destroy)     \
    X(memory_set_data_handle) X(memory_desc_init_by_tag) X(memory_desc_get_size)                                \
    X(memory_desc_init_submemory) X(convolution_forward_desc_init) X(convolution_backward_data_desc_init)       \
    X(primitive_desc_create) X(primitive_desc_destroy) X(primitive_desc_query) X(primitive_desc_query_md)       \
    X(primitive_attr_create)                                                                                    \
    X(primitive_attr_destroy) X(primitive_attr_set_scratchpad_mode) X(reorder_primitive_desc_create)            \
    X(primitive_create) X(primitive_destroy) X(primitive_execute)

typedef struct lane { /* what one thread executes with */
    dnnl_stream_t stream;
    dnnl_memory_t in, out, weights, scratch;
    dnnl_memory_t plain, packed; /* a part of the weights */
} lane;

struct dim__conv_plan {
    dim__conv_key key;
    dim__conv_plan *next;
    bool usable;              /* else it is remembered as not */
    dnnl_primitive_t primitive, pack;
    lane *lanes;              /* one a thread */
    int64_t parts;            /* of the output channels, packed each for itself */
    int64_t plain_part, packed_part; /* floats from one to the next */
    size_t packed_size, scratch_size; /* bytes, rounded up to lines */
};

typedef struct dim__onednn {
#define X(name) __typeof__(dnnl_##name) *name;
    FUNCTIONS(X)
#undef X
    dnnl_engine_t engine;
    dim__conv_plan *plans;
} dim__onednn;

static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool load(dim__onednn *d)
{
    void *library = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    bool found = library != NULL;
#define X(name) found = found && find(library, "dnnl_" #name, &d->name);
    FUNCTIONS(X)
#undef X
    if (library != NULL)
        dlclose(library);
    return found && d->engine_create(&d->engine, dnnl_cpu, 0) == dnnl_success;
}

static dim_status onednn_of(dim_context *ctx, dim__onednn **out)
{
    dim__gemm_state *state = ctx->gemm_state;
    if (state->onednn == NULL) {
        dim__onednn *d = dim__calloc(ctx, 1, sizeof *d);
        if (d == NULL)
            return DIM_E_NOMEM;
        if (!load(d))
            d->engine = NULL;
        state->onednn = d;
    }
    *out = state->onednn->engine != NULL ? state->onednn : NULL;
    return DIM_OK;
}

/* ---- preparation ------------------------------------------------------------------------------------------------- */

static size_t lines(size_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

/* Only kernels that were measured to win: the AVX-512 ones. */
static bool is_fast(const dim__onednn *d, const_dnnl_primitive_desc_t desc)
{
    const char *name = NULL;
    return d->primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name) == dnnl_success && name != NULL &&
           strstr(name, "avx512") != NULL && strstr(name, "gemm") == NULL;
}

typedef struct descs {
    dnnl_memory_desc_t x, w_any, w_plain, y;
    dnnl_dims_t stride, padding;
} descs;

static bool describe(const dim__onednn *d, const dim__conv_key *k, descs *s)
{
    dnnl_dims_t x = { 1, k->i, k->h, k->w }, w = { k->o, k->i, k->kh, k->kw }, y = { 1, k->o, k->oh, k->ow };
    for (int i = 0; i < 2; i++) {
        s->stride[i] = k->stride;
        s->padding[i] = k->padding;
    }
    return d->memory_desc_init_by_tag(&s->x, 4, x, dnnl_f32, dnnl_nhwc) == dnnl_success &&
           d->memory_desc_init_by_tag(&s->y, 4, y, dnnl_f32, dnnl_nhwc) == dnnl_success &&
           d->memory_desc_init_by_tag(&s->w_plain, 4, w, dnnl_f32, dnnl_ohwi) == dnnl_success &&
           d->memory_desc_init_by_tag(&s->w_any, 4, w, dnnl_f32, dnnl_format_tag_any) == dnnl_success;
}

static bool describe_pass(const dim__onednn *d, const dim__conv_key *k, const descs *s, dnnl_primitive_attr_t attr,
                          dnnl_primitive_desc_t *out)
{
    dnnl_convolution_desc_t forward, pass;
    dnnl_primitive_desc_t hint = NULL;
    if (d->convolution_forward_desc_init(&forward, dnnl_forward_training, dnnl_convolution_direct, &s->x, &s->w_any,
                                         NULL, &s->y, s->stride, s->padding, s->padding) != dnnl_success ||
        d->primitive_desc_create(&hint, &forward, attr, d->engine, NULL) != dnnl_success)
        return false;
    if (k->pass == DIM__CONV_FORWARD) {
        *out = hint;
        return true;
    }
    bool made = d->convolution_backward_data_desc_init(&pass, dnnl_convolution_direct, &s->x, &s->w_any, &s->y,
                                                       s->stride, s->padding, s->padding) == dnnl_success &&
                d->primitive_desc_create(out, &pass, attr, d->engine, hint) == dnnl_success;
    d->primitive_desc_destroy(hint);
    return made;
}

/* A memory object whose address is set when it is used. */
static bool make_memory(const dim__onednn *d, dnnl_memory_t *out, const dnnl_memory_desc_t *desc)
{
    return d->memory_create(out, desc, d->engine, DNNL_MEMORY_NONE) == dnnl_success;
}

static bool make_lanes(const dim__onednn *d, dim__conv_plan *p, const descs *s, const dnnl_memory_desc_t *packed,
                       const dnnl_memory_desc_t *scratch, const dnnl_memory_desc_t part[2], uint32_t threads)
{
    bool forward = p->key.pass == DIM__CONV_FORWARD, ok = true;
    for (uint32_t t = 0; ok && t < threads; t++) {
        lane *l = &p->lanes[t];
        ok = d->stream_create(&l->stream, d->engine, dnnl_stream_default_flags) == dnnl_success &&
             make_memory(d, &l->in, forward ? &s->x : &s->y) && make_memory(d, &l->out, forward ? &s->y : &s->x) &&
             make_memory(d, &l->weights, packed) && make_memory(d, &l->scratch, scratch) &&
             make_memory(d, &l->plain, &part[0]) && make_memory(d, &l->packed, &part[1]);
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
    bool ok = describe(d, &p->key, &s) && d->primitive_attr_create(&attr) == dnnl_success &&
              d->primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user) == dnnl_success &&
              describe_pass(d, &p->key, &s, attr, &desc) && is_fast(d, desc);
    if (ok) {
        const dnnl_memory_desc_t *packed = d->primitive_desc_query_md(desc, dnnl_query_weights_md, 0);
        const dnnl_memory_desc_t *scratch = d->primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
        p->packed_size = lines(d->memory_desc_get_size(packed));
        p->scratch_size = lines(d->memory_desc_get_size(scratch));
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
    if (p->primitive != NULL)
        d->primitive_destroy(p->primitive);
    dim__free(ctx, p->lanes);
    dim__free(ctx, p);
}

static dim_status add_plan(dim_context *ctx, dim__onednn *d, const dim__conv_key *key, dim__conv_plan **out)
{
    dim__conv_plan *p = dim__calloc(ctx, 1, sizeof *p);
    if (p == NULL)
        return DIM_E_NOMEM;
    p->key = *key;
    p->lanes = dim__calloc(ctx, ctx->threads, sizeof *p->lanes);
    if (p->lanes == NULL) {
        free_plan(ctx, d, p);
        return DIM_E_NOMEM;
    }
    dim__onednn_guard guard;
    dim__onednn_enter(ctx->gemm_state, &guard); /* the primitive is made for as many threads as there are now */
    p->usable = make_plan(d, p, ctx->threads);
    dim__onednn_leave(ctx->gemm_state, &guard);
    p->next = d->plans;
    d->plans = p;
    *out = p;
    return DIM_OK;
}

dim_status dim__conv_plan_get(dim_context *ctx, const dim__conv_key *key, int64_t images, const dim__conv_plan **out)
{
    const dim__gemm_state *state = ctx->gemm_state;
    double work = (double)key->oh * (double)key->ow * (double)key->o * (double)(key->kh * key->kw * key->i);
    dim__onednn *d;
    *out = NULL;
    int64_t pixels = key->oh * key->ow;
    if (state->kind != DIM_GEMM_ONEDNN || work * (double)images < SMALL || key->o < FEW || pixels < PIXELS ||
        (key->pass == DIM__CONV_DX && (key->i < FEW || key->stride == 1 || pixels < DX_PIXELS)))
        return DIM_OK;
    DIM__TRY(onednn_of(ctx, &d));
    if (d == NULL)
        return DIM_OK;
    dim__conv_plan *p = d->plans;
    while (p != NULL && memcmp(&p->key, key, sizeof *key) != 0)
        p = p->next;
    if (p == NULL)
        DIM__TRY(add_plan(ctx, d, key, &p));
    *out = p->usable ? p : NULL;
    return DIM_OK;
}

void dim__conv_teardown(dim_context *ctx)
{
    dim__gemm_state *state = ctx->gemm_state;
    dim__onednn *d = state != NULL ? state->onednn : NULL;
    if (d == NULL)
        return;
    while (d->plans != NULL) {
        dim__conv_plan *next = d->plans->next;
        free_plan(ctx, d, d->plans);
        d->plans = next;
    }
    if (d->engine != NULL)
        d->engine_destroy(d->engine);
    dim__free(ctx, d);
    state->onednn = NULL;
}

/* ---- execution --------------------------------------------------------------------------------------------------- */

size_t dim__conv_plan_workspace(const dim_context *ctx, const dim__conv_plan *plan)
{
    return plan->packed_size + ctx->threads * plan->scratch_size;
}

typedef struct job {
    const dim__onednn *d;
    const dim__gemm_state *state;
    const dim__conv_plan *plan;
    const float *in, *weights;
    float *out;
    char *packed, *scratch;
    bool failed[256];
} job;

static bool run_images(const job *j, int64_t begin, int64_t end, int thread)
{
    const dim__conv_key *k = &j->plan->key;
    const dim__onednn *d = j->d;
    const lane *l = &j->plan->lanes[thread];
    int64_t x = k->h * k->w * k->i, y = k->oh * k->ow * k->o;
    bool forward = k->pass == DIM__CONV_FORWARD;
    dnnl_exec_arg_t args[4] = {
        { forward ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST, l->in },
        { forward ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC, l->out },
        { DNNL_ARG_WEIGHTS, l->weights },
        { DNNL_ARG_SCRATCHPAD, l->scratch },
    };
    char *scratch = j->scratch + (size_t)thread * j->plan->scratch_size;
    bool ok = d->memory_set_data_handle(l->weights, j->packed) == dnnl_success &&
              d->memory_set_data_handle(l->scratch, scratch) == dnnl_success;
    for (int64_t n = begin; ok && n < end; n++)
        ok = d->memory_set_data_handle(l->in, (float *)j->in + n * (forward ? x : y)) == dnnl_success &&
             d->memory_set_data_handle(l->out, j->out + n * (forward ? y : x)) == dnnl_success &&
             d->primitive_execute(j->plan->primitive, l->stream, 4, args) == dnnl_success;
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
    dnnl_exec_arg_t args[2] = { { DNNL_ARG_FROM, l->plain }, { DNNL_ARG_TO, l->packed } };
    dim__onednn_guard guard;
    dim__onednn_enter(j->state, &guard);
    for (int64_t i = begin; i < end; i++)
        if (j->d->memory_set_data_handle(l->plain, (float *)j->weights + i * p->plain_part) != dnnl_success ||
            j->d->memory_set_data_handle(l->packed, (float *)j->packed + i * p->packed_part) != dnnl_success ||
            j->d->primitive_execute(p->pack, l->stream, 2, args) != dnnl_success)
            j->failed[thread] = true;
    dim__onednn_leave(j->state, &guard);
}

static bool failed(const job *j)
{
    for (size_t t = 0; t < sizeof j->failed / sizeof *j->failed; t++)
        if (j->failed[t])
            return true;
    return false;
}

bool dim__conv_plan_run(dim_context *ctx, const dim__conv_plan *plan, int64_t images, const float *in,
                        const float *weights, float *out, void *workspace)
{
    const dim__gemm_state *state = ctx->gemm_state;
    job j = { .d = state->onednn, .state = state, .plan = plan, .in = in, .weights = weights, .out = out,
              .packed = workspace };
    j.scratch = j.packed + plan->packed_size;
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

bool dim__conv_plan_run(dim_context *ctx, const dim__conv_plan *plan, int64_t images, const float *in,
                        const float *weights, float *out, void *workspace)
{
    (void)ctx;
    (void)plan;
    (void)images;
    (void)in;
    (void)weights;
    (void)out;
    (void)workspace;
    return false;
}

void dim__conv_teardown(dim_context *ctx) { (void)ctx; }
#endif
