/* Products of matrices in bf16 by oneDNN's matmul, which sums in f32.
 *
 * Measured in GFLOP/s of processor time on one core of a Zen 5 with AVX512_BF16, against its sgemm:
 *
 *     op   m     n     k       f32   bf16
 *     NT   4096  2048  2048    247   465
 *     NN   4096  2048  2048    248   415
 *     TN   2048  2048  4096    248   379
 *     NT   4096  2048  128     251   455
 *     NN   4096  128   2048    231   455
 *     TN   2048  128   4096    194   347
 *     NT   64    1024  4096    159   441
 *     TN   64    2048  4096    180   273
 *     NT   512   256   256     234   521
 *     NT   12544 64    48      230   488
 *
 * With B in oneDNN's own layout they are 5 to 15 % faster: where there are many rows, it is packed first, by all threads.
 *
 * Only matrices without gaps between their rows are that fast (others fall to its sgemm's kind), so a product is divided by
 * what leaves the pieces whole: rows of C; columns of C by way of a copy of them, where B is transposed and C is wide;
 * or, where A is transposed, its rows, each thread summing over some of the products.  Where that would cost more than
 * transposing A first, it is transposed. */
#include "kernels/onednn.h"

#if defined(DIM__ONEDNN_PRIMITIVES)
#include "base/math.h"
#include "base/pool.h"
#include "kernels/kernels.h"

/* Multiply-adds from which a product is worth waking the pool. */
static const double SPLIT = 1 << 20;

/* Least sizes of a product whose right matrix is packed first. */
enum { PACK_ROWS = 1024, PACK_SIDE = 256 };

typedef enum division { ROWS, COLUMNS, DEPTH } division;

typedef struct piece { /* what one thread computes */
    int64_t begin, size;     /* rows, columns or depth */
    dnnl_primitive_t primitive, turn; /* `turn` transposes its rows of op(A) */
    bool owner;              /* else they are those of an earlier piece of the same size */
    dnnl_stream_t stream;
    dnnl_memory_t a, b, c, scratch, turn_from, turn_to;
    dnnl_primitive_t pack;   /* of its columns of B; NULL beyond the plan's `packers` */
    dnnl_memory_t plain, packed;
} piece;

struct dim__product_plan {
    dim__plan_head head;
    dim__product_key key;
    dim__product_plan *next;
    bool usable;             /* else it is remembered as not */
    division by;
    bool transpose;          /* A first, into the workspace */
    int64_t units;           /* of `unit` rows, columns or products, which are not divided */
    int64_t unit;
    int n_pieces;
    size_t scratch_size;     /* bytes of a thread */
    size_t extra_size;       /* bytes of A transposed, of columns, or of sums of all threads but the first */
    dnnl_memory_desc_t b;    /* how B is laid out for the product */
    size_t packed_size;      /* bytes of B in that layout; 0 = as it is, 1 = the first piece chooses it */
    int packers;             /* threads that pack it */
    piece *pieces;           /* room for one a thread */
};

/* ---- preparation ------------------------------------------------------------------------------------------------- */

static void divide(dim_context *ctx, dim__product_plan *p)
{
    const dim__product_key *k = &p->key;
    int64_t threads = ctx->threads, size;
    if ((double)k->m * (double)k->n * (double)k->k < SPLIT)
        threads = 1;
    if (k->trans_a && threads > 1) {
        bool depth = !k->trans_b && !k->bf16_out && 3 * threads * k->n < k->k;
        p->by = depth ? DEPTH : ROWS;
        p->transpose = !depth;
    } else {
        p->by = k->trans_b && k->n > 4 * k->m && threads > 1 ? COLUMNS : ROWS;
    }
    size = p->by == ROWS ? k->m : p->by == COLUMNS ? k->n : k->k;
    p->unit = size >= 64 * threads ? 32 : 1;
    p->units = (size + p->unit - 1) / p->unit;
    p->n_pieces = threads == 1 ? 1 : dim__parallel_pieces(ctx, p->units, 1);
    for (int i = 0; i < p->n_pieces; i++) {
        piece *q = &p->pieces[i];
        q->begin = dim__parallel_begin(p->units, p->n_pieces, i) * p->unit;
        q->size = dim__min64(dim__parallel_begin(p->units, p->n_pieces, i + 1) * p->unit, size) - q->begin;
    }
    size_t whole = (size_t)(k->m * k->n) * (k->bf16_out ? 2 : 4);
    p->extra_size = p->transpose ? (size_t)(k->m * k->k) * 2 : p->by == COLUMNS ? whole
                  : p->by == DEPTH ? whole * (size_t)(p->n_pieces - 1) : 0;
    p->extra_size = dim__onednn_lines(p->extra_size);
    /* Packing B is worth it where there are many rows to multiply with it; only whole blocks, which nothing pads. */
    p->packed_size = p->by == ROWS && k->m >= PACK_ROWS && k->n >= PACK_SIDE && k->k >= PACK_SIDE && k->n % 64 == 0 &&
                     k->k % 64 == 0;
}

/* Of A, B, C and, where A is transposed first, of what it is made from. */
static bool describe(const dim__onednn *d, const dim__product_plan *p, const piece *q, dnnl_memory_desc_t desc[4])
{
    const dim__product_key *key = &p->key;
    int64_t m = p->by == ROWS ? q->size : key->m, n = p->by == COLUMNS ? q->size : key->n;
    int64_t k = p->by == DEPTH ? q->size : key->k;
    bool ta = key->trans_a && !p->transpose;
    dnnl_dims_t a = { m, k }, b = { k, n }, c = { m, n };
    dnnl_dims_t step_a = { ta ? 1 : k, ta ? m : 1 }, step_b = { key->trans_b ? 1 : n, key->trans_b ? k : 1 };
    dnnl_dims_t step_c = { n, 1 }, step_turn = { 1, key->m };
    return d->memory_desc_init_by_strides(&desc[0], 2, a, dnnl_bf16, step_a) == dnnl_success &&
           d->memory_desc_init_by_strides(&desc[1], 2, b, dnnl_bf16, step_b) == dnnl_success &&
           d->memory_desc_init_by_strides(&desc[2], 2, c, key->bf16_out ? dnnl_bf16 : dnnl_f32, step_c) ==
               dnnl_success &&
           d->memory_desc_init_by_strides(&desc[3], 2, a, dnnl_bf16, step_turn) == dnnl_success &&
           (p->packed_size != 1 || d->memory_desc_init_by_tag(&desc[1], 2, b, dnnl_bf16, dnnl_format_tag_any) ==
                                       dnnl_success);
}

static bool make_turn(const dim__onednn *d, piece *q, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to)
{
    dnnl_primitive_desc_t desc = NULL;
    bool ok = dim__onednn_memory(d, &q->turn_from, from) && dim__onednn_memory(d, &q->turn_to, to);
    if (ok && q->owner) {
        ok = d->reorder_primitive_desc_create(&desc, from, d->engine, to, d->engine, NULL) == dnnl_success &&
             d->primitive_create(&q->turn, desc) == dnnl_success;
        if (desc != NULL)
            d->primitive_desc_destroy(desc);
    }
    return ok;
}

/* Its primitives, unless an earlier one has the same, and what the thread executes them with. */
static bool make_piece(const dim__onednn *d, dim__product_plan *p, piece *q, const piece *same)
{
    dnnl_memory_desc_t desc[4];
    dnnl_matmul_desc_t matmul;
    dnnl_primitive_attr_t attr = NULL;
    dnnl_primitive_desc_t pd = NULL;
    bool ok = describe(d, p, q, desc) && dim__onednn_attr(d, &attr);
    if (p->packed_size > 1) /* an earlier piece has chosen */
        desc[1] = p->b;
    ok = ok && d->matmul_desc_init(&matmul, &desc[0], &desc[1], NULL, &desc[2]) == dnnl_success &&
         d->primitive_desc_create(&pd, &matmul, attr, d->engine, NULL) == dnnl_success && dim__onednn_is_fast(d, pd);
    if (ok) {
        const dnnl_memory_desc_t *scratch = d->primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
        p->scratch_size = dim__onednn_lines(d->memory_desc_get_size(scratch));
        p->b = *d->primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
        if (p->packed_size > 0)
            p->packed_size = dim__onednn_lines(d->memory_desc_get_size(&p->b));
        q->owner = same == NULL;
        if (same != NULL) {
            q->primitive = same->primitive;
            q->turn = same->turn;
        } else {
            ok = d->primitive_create(&q->primitive, pd) == dnnl_success;
        }
        ok = ok && d->stream_create(&q->stream, d->engine, dnnl_stream_default_flags) == dnnl_success &&
             dim__onednn_memory(d, &q->a, &desc[0]) && dim__onednn_memory(d, &q->b, &p->b) &&
             dim__onednn_memory(d, &q->c, &desc[2]) && dim__onednn_memory(d, &q->scratch, scratch) &&
             (!p->transpose || make_turn(d, q, &desc[3], &desc[0]));
    }
    if (pd != NULL)
        d->primitive_desc_destroy(pd);
    if (attr != NULL)
        d->primitive_attr_destroy(attr);
    return ok;
}

/* What packs columns [first, first + n) of B. */
static bool make_packer(const dim__onednn *d, const dim__product_plan *p, piece *q, int64_t first, int64_t n)
{
    const dim__product_key *k = &p->key;
    dnnl_memory_desc_t whole, part[2];
    dnnl_primitive_desc_t desc = NULL;
    dnnl_dims_t b = { k->k, k->n }, step = { k->trans_b ? 1 : k->n, k->trans_b ? k->k : 1 };
    dnnl_dims_t size = { k->k, n }, at = { 0, first };
    bool ok = d->memory_desc_init_by_strides(&whole, 2, b, dnnl_bf16, step) == dnnl_success &&
              d->memory_desc_init_submemory(&part[0], &whole, size, at) == dnnl_success &&
              d->memory_desc_init_submemory(&part[1], &p->b, size, at) == dnnl_success &&
              d->reorder_primitive_desc_create(&desc, &part[0], d->engine, &part[1], d->engine, NULL) == dnnl_success &&
              d->primitive_create(&q->pack, desc) == dnnl_success && dim__onednn_memory(d, &q->plain, &part[0]) &&
              dim__onednn_memory(d, &q->packed, &part[1]);
    if (desc != NULL)
        d->primitive_desc_destroy(desc);
    return ok;
}

/* Whole blocks of 64 columns for each piece that there is. */
static bool make_packers(const dim__onednn *d, dim__product_plan *p)
{
    int64_t blocks = (p->key.n + 63) / 64;
    bool ok = true;
    p->packers = blocks < p->n_pieces ? (int)blocks : p->n_pieces;
    for (int i = 0; ok && i < p->packers; i++) {
        int64_t first = dim__parallel_begin(blocks, p->packers, i) * 64;
        int64_t end = dim__min64(dim__parallel_begin(blocks, p->packers, i + 1) * 64, p->key.n);
        ok = make_packer(d, p, &p->pieces[i], first, end - first);
    }
    return ok;
}

static bool make_plan(dim_context *ctx, const dim__onednn *d, dim__product_plan *p)
{
    size_t scratch = 0;
    divide(ctx, p);
    for (int i = 0; i < p->n_pieces; i++) {
        const piece *same = NULL;
        for (int j = 0; j < i && same == NULL; j++)
            same = p->pieces[j].size == p->pieces[i].size ? &p->pieces[j] : NULL;
        if (!make_piece(d, p, &p->pieces[i], same))
            return false;
        scratch = p->scratch_size > scratch ? p->scratch_size : scratch;
    }
    p->scratch_size = scratch;
    return p->packed_size == 0 || make_packers(d, p);
}

static void free_plan(dim_context *ctx, const dim__onednn *d, dim__product_plan *p)
{
    for (uint32_t t = 0; p->pieces != NULL && t < ctx->threads; t++) {
        const piece *q = &p->pieces[t];
        dnnl_memory_t memories[] = { q->a, q->b, q->c, q->scratch, q->turn_from, q->turn_to, q->plain, q->packed };
        for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
            if (memories[i] != NULL)
                d->memory_destroy(memories[i]);
        if (q->stream != NULL)
            d->stream_destroy(q->stream);
        if (q->owner && q->primitive != NULL)
            d->primitive_destroy(q->primitive);
        if (q->pack != NULL)
            d->primitive_destroy(q->pack);
        if (q->owner && q->turn != NULL)
            d->primitive_destroy(q->turn);
    }
    dim__free(ctx, p->pieces);
    dim__free(ctx, p);
}

static dim_status add_plan(dim_context *ctx, dim__onednn *d, const dim__product_key *key, dim__product_plan **out)
{
    dim__product_plan *p = dim__calloc(ctx, 1, sizeof *p);
    if (p == NULL)
        return DIM_E_NOMEM;
    p->key = *key;
    p->pieces = dim__calloc(ctx, ctx->threads, sizeof *p->pieces);
    if (p->pieces == NULL) {
        free_plan(ctx, d, p);
        return DIM_E_NOMEM;
    }
    dim__onednn_guard guard;
    dim__onednn_enter(ctx->gemm_state, &guard);
    p->usable = make_plan(ctx, d, p);
    dim__onednn_leave(ctx->gemm_state, &guard);
    p->next = d->products;
    d->products = p;
    d->n_plans++;
    *out = p;
    return DIM_OK;
}

dim_status dim__product_plan_get(dim_context *ctx, const dim__product_key *key, const dim__product_plan **out)
{
    dim__onednn *d;
    *out = NULL;
    if (!dim__gemm_native_bf16(ctx) || key->m == 0 || key->n == 0 || key->k == 0)
        return DIM_OK;
    DIM__TRY(dim__onednn_of(ctx, &d));
    if (d == NULL)
        return DIM_OK;
    dim__product_plan *p = d->products;
    while (p != NULL && memcmp(&p->key, key, sizeof *key) != 0)
        p = p->next;
    if (p == NULL)
        DIM__TRY(add_plan(ctx, d, key, &p));
    *out = p->usable ? p : NULL;
    return DIM_OK;
}

void dim__product_plan_drop(dim_context *ctx, dim__onednn *d, dim__product_plan *plan)
{
    dim__product_plan **at = &d->products;
    while (*at != plan)
        at = &(*at)->next;
    *at = plan->next;
    free_plan(ctx, d, plan);
}

void dim__product_plans_free(dim_context *ctx, dim__onednn *d)
{
    while (d->products != NULL) {
        dim__product_plan *next = d->products->next;
        free_plan(ctx, d, d->products);
        d->products = next;
    }
}

/* ---- execution --------------------------------------------------------------------------------------------------- */

size_t dim__product_plan_workspace(const dim_context *ctx, const dim__product_plan *plan)
{
    return ctx->threads * plan->scratch_size + plan->extra_size + plan->packed_size;
}

typedef struct job {
    const dim_context *ctx;
    const dim__onednn *d;
    const dim__product_plan *plan;
    const uint16_t *a, *b;
    char *c, *scratch, *extra, *packed;
    bool failed[256];
} job;

static bool execute(const dim__onednn *d, const piece *q, dnnl_primitive_t primitive, dnnl_exec_arg_t *args, int n,
                    void *const *data)
{
    bool ok = true;
    for (int i = 0; ok && i < n; i++)
        ok = d->memory_set_data_handle(args[i].memory, data[i]) == dnnl_success;
    return ok && d->primitive_execute(primitive, q->stream, n, args) == dnnl_success;
}

/* One piece: what of A, B and C is its. */
static bool run_piece(const job *j, const piece *q, int thread)
{
    const dim__product_plan *p = j->plan;
    const dim__product_key *k = &p->key;
    int64_t size = k->bf16_out ? 2 : 4, row = p->by == ROWS ? q->begin : 0, column = p->by == COLUMNS ? q->begin : 0;
    int64_t depth = p->by == DEPTH ? q->begin : 0;
    const uint16_t *a = k->trans_a ? j->a + depth * k->m + row : j->a + row * k->k;
    const uint16_t *b = k->trans_b ? j->b + column * k->k : j->b + depth * k->n;
    char *c = j->c + row * k->n * size;
    if (p->transpose) {
        char *turned = j->extra + row * k->k * 2;
        dnnl_exec_arg_t args[2] = { { DNNL_ARG_FROM, q->turn_from }, { DNNL_ARG_TO, q->turn_to } };
        if (!execute(j->d, q, q->turn, args, 2, (void *[]){ (void *)a, turned }))
            return false;
        a = (const uint16_t *)turned;
    }
    if (p->by == COLUMNS)
        c = j->extra + k->m * column * size;
    else if (p->by == DEPTH && thread > 0)
        c = j->extra + (thread - 1) * k->m * k->n * size;
    dnnl_exec_arg_t args[4] = { { DNNL_ARG_SRC, q->a }, { DNNL_ARG_WEIGHTS, q->b }, { DNNL_ARG_DST, q->c },
                                { DNNL_ARG_SCRATCHPAD, q->scratch } };
    void *data[4] = { (void *)a, p->packed_size > 0 ? (void *)j->packed : (void *)b, c, j->scratch + (size_t)thread * p->scratch_size };
    bool ok = execute(j->d, q, q->primitive, args, 4, data);
    for (int64_t i = 0; p->by == COLUMNS && i < k->m; i++)
        memcpy(j->c + (i * k->n + column) * size, c + i * q->size * size, (size_t)(q->size * size));
    return ok;
}

static void pack_task(void *arg, int64_t begin, int64_t end, int thread)
{
    job *j = arg;
    dim__onednn_guard guard;
    (void)thread;
    dim__onednn_enter(j->ctx->gemm_state, &guard);
    for (int64_t i = begin; i < end; i++) {
        const piece *q = &j->plan->pieces[i];
        dnnl_exec_arg_t args[2] = { { DNNL_ARG_FROM, q->plain }, { DNNL_ARG_TO, q->packed } };
        if (!execute(j->d, q, q->pack, args, 2, (void *[]){ (void *)j->b, j->packed }))
            j->failed[i] = true;
    }
    dim__onednn_leave(j->ctx->gemm_state, &guard);
}

static void run_task(void *arg, int64_t begin, int64_t end, int thread)
{
    job *j = arg;
    dim__onednn_guard guard;
    (void)begin;
    (void)end;
    dim__onednn_enter(j->ctx->gemm_state, &guard);
    j->failed[thread] = j->failed[thread] || !run_piece(j, &j->plan->pieces[thread], thread);
    dim__onednn_leave(j->ctx->gemm_state, &guard);
}

static void sum_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const job *j = arg;
    int64_t size = j->plan->key.m * j->plan->key.n;
    float *c = (float *)j->c + begin;
    (void)thread;
    for (int t = 1; t < j->plan->n_pieces; t++)
        j->ctx->kernels->add(c, c, (const float *)j->extra + (t - 1) * size + begin, end - begin);
}

bool dim__product_plan_run(dim_context *ctx, const dim__product_plan *plan, const uint16_t *a, const uint16_t *b,
                           void *c, void *workspace)
{
    const dim__gemm_state *state = ctx->gemm_state;
    job j = { .ctx = ctx, .d = state->onednn, .plan = plan, .a = a, .b = b, .c = c, .scratch = workspace };
    bool ok = true;
    j.extra = j.scratch + ctx->threads * plan->scratch_size;
    j.packed = j.extra + plan->extra_size;
    if (plan->packed_size > 0)
        dim__parallel(ctx, plan->packers, 1, pack_task, &j);
    if (plan->n_pieces == 1)
        run_task(&j, 0, plan->units, 0);
    else
        dim__parallel(ctx, plan->units, 1, run_task, &j);
    for (int t = 0; t < plan->n_pieces; t++)
        ok = ok && !j.failed[t];
    if (ok && plan->by == DEPTH && plan->n_pieces > 1)
        dim__parallel(ctx, plan->key.m * plan->key.n, 1 << 14, sum_task, &j);
    return ok;
}

#else
dim_status dim__product_plan_get(dim_context *ctx, const dim__product_key *key, const dim__product_plan **out)
{
    (void)ctx;
    (void)key;
    *out = NULL;
    return DIM_OK;
}

size_t dim__product_plan_workspace(const dim_context *ctx, const dim__product_plan *plan)
{
    (void)ctx;
    (void)plan;
    return 0;
}

bool dim__product_plan_run(dim_context *ctx, const dim__product_plan *plan, const uint16_t *a, const uint16_t *b,
                           void *c, void *workspace)
{
    (void)ctx;
    (void)plan;
    (void)a;
    (void)b;
    (void)c;
    (void)workspace;
    return false;
}
#endif
