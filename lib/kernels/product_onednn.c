/* Products of matrices in bf16 by oneDNN's matmul, which sums in f32; and few rows in f32, B transposed.
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
 * transposing A first, it is transposed.
 *
 * In f32 oneDNN's sgemm copies B, which few rows do not pay for; its matmul reads a transposed B as it lies there.  By
 * processor time on one core of a busy Xeon of 2023, the best of 14:
 *
 *     op   m     n     k       sgemm  matmul
 *     NT   32    1024  6272    32     53
 *     NT   64    1024  4096    97     114
 *     NT   128   1024  6272    127    144
 *     NT   128   6272  1024    101    123
 *     NT   128   2048  2048    104    127
 *     NT   256   2048  2048    123    139
 *     NT   512   1024  6272    109    123
 *     NT   2048  1024  2048    149    133
 *     NN   128   6272  1024    94     86
 *     NN   128   1024  6272    120    84 */
#include "kernels/onednn_plans.h"

#if defined(DIM_HAVE_ONEDNN)
#include "base/math.h"
#include "base/pool.h"
#include "kernels/gemm_backend.h"
#include "kernels/kernels.h"

/* Multiply-adds from which a product is worth waking the pool. */
static const double SPLIT = 1 << 20;

/* Least sizes of a product whose right matrix is packed first. */
enum { PACK_ROWS = 1024, PACK_SIDE = 256 };

/* Products in f32 by a plan: rows, and least multiply-adds. */
enum { F32_LEAST_ROWS = 16, F32_MOST_ROWS = 512 };
static const double F32_WORK = 1 << 24;

typedef enum division { ROWS, COLUMNS, DEPTH } division;

typedef struct piece { /* what one thread computes */
    int64_t begin, size;     /* rows, columns or depth */
    struct dnnl_primitive *primitive, *turn; /* `turn` transposes its rows of op(A) */
    bool owner;              /* else they are those of an earlier piece of the same size */
    struct dnnl_stream *stream;
    struct dnnl_memory *a, *b, *c, *scratch, *turn_from, *turn_to;
    struct dnnl_primitive *pack; /* of its columns of B; NULL beyond the plan's `packers` */
    struct dnnl_memory *plain, *packed;
} piece;

struct dim__product_plan {
    dim__onednn_plan head;
    dim__product_key key;
    division by;
    bool transpose;          /* A first, into the workspace */
    bool packs;              /* B first, into the layout that the product of the first piece prefers */
    int64_t units;           /* of `unit` rows, columns or products, which are not divided */
    int64_t unit;
    int n_pieces;
    size_t scratch_size;     /* bytes of a thread */
    size_t extra_size;       /* bytes of A transposed, of columns, or of sums of all threads but the first */
    size_t packed_size;      /* bytes of B packed, or 0 */
    int packers;             /* threads that pack it */
    piece *pieces;           /* room for one a thread */
};
_Static_assert(offsetof(struct dim__product_plan, key) == sizeof(dim__onednn_plan), "where plans have their key");

/* ---- preparation ------------------------------------------------------------------------------------------------- */

static unsigned type_of(const dim__product_key *k) { return k->f32 ? DIM__DNNL_F32 : DIM__DNNL_BF16; }
static int64_t operand_size(const dim__product_key *k) { return k->f32 ? 4 : 2; } /* of an element of A or B */

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
    p->extra_size = p->transpose ? (size_t)(k->m * k->k * operand_size(k)) : p->by == COLUMNS ? whole
                  : p->by == DEPTH ? whole * (size_t)(p->n_pieces - 1) : 0;
    p->extra_size = dim__onednn_lines(p->extra_size);
    /* Packing B is worth it where there are many rows to multiply with it; only whole blocks, which nothing pads. */
    p->packs = p->by == ROWS && !k->f32 && k->m >= PACK_ROWS && k->n >= PACK_SIDE && k->k >= PACK_SIDE && k->n % 64 == 0 &&
               k->k % 64 == 0;
}

typedef struct descs {
    dim__mds mds;
    const dim__md *a, *b, *c;
    const dim__md *turned; /* A, where it is transposed first: what it is made from */
} descs;

/* Operands of a piece. */
static void describe(dim__onednn *d, const dim__product_plan *p, const piece *q, descs *s)
{
    const dim__product_key *key = &p->key;
    int64_t m = p->by == ROWS ? q->size : key->m, n = p->by == COLUMNS ? q->size : key->n;
    int64_t k = p->by == DEPTH ? q->size : key->k;
    bool ta = key->trans_a && !p->transpose;
    const int64_t a[2] = { m, k }, b[2] = { k, n }, c[2] = { m, n };
    const int64_t step_a[2] = { ta ? 1 : k, ta ? m : 1 }, step_turned[2] = { 1, key->m };
    const int64_t step_b[2] = { key->trans_b ? 1 : n, key->trans_b ? k : 1 }, step_c[2] = { n, 1 };
    *s = (descs){ .mds = { .d = d } };
    s->a = dim__md_plain(&s->mds, 2, a, type_of(key), step_a);
    s->b = p->packs ? dim__md_any(&s->mds, 2, b, type_of(key)) : dim__md_plain(&s->mds, 2, b, type_of(key), step_b);
    s->c = dim__md_plain(&s->mds, 2, c, key->bf16_out ? DIM__DNNL_BF16 : DIM__DNNL_F32, step_c);
    s->turned = dim__md_plain(&s->mds, 2, a, type_of(key), step_turned);
}

static bool describe_product(dim__onednn *d, const dim__md *a, const dim__md *b, const dim__md *c,
                             struct dnnl_primitive_desc **out)
{
    struct dnnl_primitive_attr *attr = NULL;
    bool ok = a != NULL && b != NULL && c != NULL && dim__onednn_attr(d, &attr) && d->api->matmul(d, a, b, c, attr, out) &&
              dim__onednn_is_fast(d, *out);
    dim__onednn_free_attr(d, attr);
    return ok;
}

/* Its primitives, unless an earlier one has the same. */
static bool make_primitives(dim__onednn *d, const dim__product_plan *p, piece *q, const piece *same, const descs *s,
                            const struct dnnl_primitive_desc *desc)
{
    q->owner = same == NULL;
    if (same != NULL) {
        q->primitive = same->primitive;
        q->turn = same->turn;
        return true;
    }
    return d->call.primitive_create(&q->primitive, desc) == 0 &&
           (!p->transpose || dim__onednn_reorder(d, s->turned, s->a, &q->turn));
}

/* Its primitives, and what the thread executes them with.  `packed` is the layout of B where the first piece has chosen one,
 * and *desc is to be freed. */
static bool make_piece(dim__onednn *d, dim__product_plan *p, piece *q, const piece *same, const dim__md *packed,
                       struct dnnl_primitive_desc **desc)
{
    descs s;
    describe(d, p, q, &s);
    bool ok = describe_product(d, s.a, packed != NULL ? packed : s.b, s.c, desc);
    if (ok) {
        const dim__md *scratch = dim__onednn_md_of(d, *desc, DIM__DNNL_QUERY_SCRATCHPAD);
        size_t bytes = dim__md_bytes(d, scratch);
        p->scratch_size = bytes > p->scratch_size ? bytes : p->scratch_size;
        ok = scratch != NULL && make_primitives(d, p, q, same, &s, *desc) && dim__onednn_stream(d, &q->stream) &&
             dim__onednn_memory(d, s.a, &q->a) && dim__onednn_memory(d, s.c, &q->c) &&
             dim__onednn_memory(d, dim__onednn_md_of(d, *desc, DIM__DNNL_QUERY_WEIGHTS), &q->b) &&
             dim__onednn_memory(d, scratch, &q->scratch) &&
             (!p->transpose || (dim__onednn_memory(d, s.turned, &q->turn_from) && dim__onednn_memory(d, s.a, &q->turn_to)));
    }
    dim__mds_free(&s.mds);
    return ok;
}

/* What packs columns [first, first + n) of B. */
static bool make_packer(dim__onednn *d, const dim__product_plan *p, const dim__md *b, piece *q, int64_t first, int64_t n)
{
    const dim__product_key *k = &p->key;
    const int64_t all[2] = { k->k, k->n }, step[2] = { k->trans_b ? 1 : k->n, k->trans_b ? k->k : 1 };
    const int64_t size[2] = { k->k, n }, at[2] = { 0, first };
    dim__mds s = { .d = d };
    const dim__md *whole = dim__md_plain(&s, 2, all, DIM__DNNL_BF16, step);
    const dim__md *plain = dim__md_part(&s, whole, size, at), *packed = dim__md_part(&s, b, size, at);
    bool ok = dim__onednn_reorder(d, plain, packed, &q->pack) && dim__onednn_memory(d, plain, &q->plain) &&
              dim__onednn_memory(d, packed, &q->packed);
    dim__mds_free(&s);
    return ok;
}

/* Whole blocks of 64 columns for each piece that there is. */
static bool make_packers(dim__onednn *d, dim__product_plan *p, const dim__md *b)
{
    int64_t blocks = (p->key.n + 63) / 64;
    bool ok = true;
    p->packed_size = dim__md_bytes(d, b);
    p->packers = blocks < p->n_pieces ? (int)blocks : p->n_pieces;
    for (int i = 0; ok && i < p->packers; i++) {
        int64_t first = dim__parallel_begin(blocks, p->packers, i) * 64;
        int64_t end = dim__min64(dim__parallel_begin(blocks, p->packers, i + 1) * 64, p->key.n);
        ok = make_packer(d, p, b, &p->pieces[i], first, end - first);
    }
    return ok;
}

static bool make_plan(dim__onednn *d, dim__onednn_plan *plan)
{
    dim__product_plan *p = (dim__product_plan *)plan;
    struct dnnl_primitive_desc *chosen = NULL, *desc; /* chosen: of the first piece */
    const dim__md *packed = NULL;
    p->pieces = dim__calloc(d->ctx, d->ctx->threads, sizeof *p->pieces);
    if (p->pieces == NULL) {
        d->no_memory = true;
        return false;
    }
    divide(d->ctx, p);
    bool ok = make_piece(d, p, &p->pieces[0], NULL, NULL, &chosen);
    if (ok && p->packs)
        packed = dim__onednn_md_of(d, chosen, DIM__DNNL_QUERY_WEIGHTS);
    for (int i = 1; ok && i < p->n_pieces; i++) {
        const piece *same = NULL;
        for (int j = 0; j < i && same == NULL; j++)
            same = p->pieces[j].size == p->pieces[i].size ? &p->pieces[j] : NULL;
        desc = NULL;
        ok = make_piece(d, p, &p->pieces[i], same, packed, &desc);
        dim__onednn_free_desc(d, desc);
    }
    ok = ok && (!p->packs || make_packers(d, p, packed));
    dim__onednn_free_desc(d, chosen);
    return ok;
}

static void release_plan(dim__onednn *d, dim__onednn_plan *plan)
{
    dim__product_plan *p = (dim__product_plan *)plan;
    for (uint32_t t = 0; p->pieces != NULL && t < d->ctx->threads; t++) {
        const piece *q = &p->pieces[t];
        struct dnnl_memory *const memories[] = { q->a, q->b, q->c, q->scratch, q->turn_from, q->turn_to, q->plain, q->packed };
        for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
            dim__onednn_free_memory(d, memories[i]);
        dim__onednn_free_stream(d, q->stream);
        dim__onednn_free_primitive(d, q->pack);
        if (q->owner) {
            dim__onednn_free_primitive(d, q->primitive);
            dim__onednn_free_primitive(d, q->turn);
        }
    }
    dim__free(d->ctx, p->pieces);
}

static const dim__plan_kind PRODUCT = { sizeof(dim__product_plan), sizeof(dim__product_key), make_plan, release_plan };

bool dim__is_product_plan(const void *plan) { return plan != NULL && ((const dim__onednn_plan *)plan)->kind == &PRODUCT; }

/* Whether a plan is native, or was measured to be worth it. */
static bool is_worth(const dim_context *ctx, const dim__product_key *k)
{
    if (!k->f32)
        return dim__gemm_native_bf16(ctx) && k->m != 0 && k->n != 0 && k->k != 0;
    return ((const dim__gemm_state *)ctx->gemm_state)->kind == DIM_GEMM_ONEDNN && !k->trans_a && k->trans_b && !k->bf16_out &&
           k->m >= F32_LEAST_ROWS && k->m <= F32_MOST_ROWS && (double)k->m * (double)k->n * (double)k->k >= F32_WORK;
}

dim_status dim__product_plan_get(dim_context *ctx, const dim__product_key *key, const dim__product_plan **out)
{
    dim__onednn *d;
    dim__onednn_plan *plan = NULL;
    *out = NULL;
    if (!is_worth(ctx, key))
        return DIM_OK;
    DIM__TRY(dim__onednn_of(ctx, &d));
    if (d != NULL)
        DIM__TRY(dim__plan_get(d, &PRODUCT, key, &plan));
    *out = (dim__product_plan *)plan;
    return DIM_OK;
}

/* ---- execution --------------------------------------------------------------------------------------------------- */

size_t dim__product_plan_workspace(const dim_context *ctx, const dim__product_plan *plan)
{
    return ctx->threads * plan->scratch_size + plan->extra_size + plan->packed_size;
}

typedef struct job {
    const dim_context *ctx;
    dim__onednn *d;
    const dim__product_plan *plan;
    const char *a, *b;
    char *c, *scratch, *extra, *packed;
    bool failed[256];
} job;

/* One piece: what of A, B and C is its. */
static bool run_piece(const job *j, const piece *q, int thread)
{
    const dim__product_plan *p = j->plan;
    const dim__product_key *k = &p->key;
    int64_t size = k->bf16_out ? 2 : 4, from = operand_size(k);
    int64_t row = p->by == ROWS ? q->begin : 0, column = p->by == COLUMNS ? q->begin : 0;
    int64_t depth = p->by == DEPTH ? q->begin : 0;
    const char *a = j->a + (k->trans_a ? depth * k->m + row : row * k->k) * from;
    const char *b = j->b + (k->trans_b ? column * k->k : depth * k->n) * from;
    char *c = j->c + row * k->n * size;
    if (p->transpose) {
        char *turned = j->extra + row * k->k * from;
        const dim__dnnl_arg args[2] = { { DIM__DNNL_ARG_SRC, q->turn_from }, { DIM__DNNL_ARG_DST, q->turn_to } };
        if (!dim__onednn_execute(j->d, q->turn, q->stream, args, 2, (void *[]){ (void *)a, turned }))
            return false;
        a = turned;
    }
    if (p->by == COLUMNS)
        c = j->extra + k->m * column * size;
    else if (p->by == DEPTH && thread > 0)
        c = j->extra + (thread - 1) * k->m * k->n * size;
    const dim__dnnl_arg args[4] = { { DIM__DNNL_ARG_SRC, q->a }, { DIM__DNNL_ARG_WEIGHTS, q->b },
                                    { DIM__DNNL_ARG_DST, q->c }, { DIM__DNNL_ARG_SCRATCHPAD, q->scratch } };
    void *const data[4] = { (void *)a, p->packs ? (void *)j->packed : (void *)b, c,
                            j->scratch + (size_t)thread * p->scratch_size };
    bool ok = dim__onednn_execute(j->d, q->primitive, q->stream, args, 4, data);
    for (int64_t i = 0; p->by == COLUMNS && i < k->m; i++)
        memcpy(j->c + (i * k->n + column) * size, c + i * q->size * size, (size_t)(q->size * size));
    return ok;
}

static void pack_task(void *arg, int64_t begin, int64_t end, int thread)
{
    job *j = arg;
    dim__onednn_guard guard;
    (void)thread;
    if (!dim__onednn_enter(j->d, &guard)) {
        j->failed[thread] = true;
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        const piece *q = &j->plan->pieces[i];
        const dim__dnnl_arg args[2] = { { DIM__DNNL_ARG_SRC, q->plain }, { DIM__DNNL_ARG_DST, q->packed } };
        if (!dim__onednn_execute(j->d, q->pack, q->stream, args, 2, (void *[]){ (void *)j->b, j->packed }))
            j->failed[i] = true;
    }
    dim__onednn_leave(j->d, &guard);
}

static void run_task(void *arg, int64_t begin, int64_t end, int thread)
{
    job *j = arg;
    dim__onednn_guard guard;
    (void)begin;
    (void)end;
    if (!dim__onednn_enter(j->d, &guard)) {
        j->failed[thread] = true;
        return;
    }
    j->failed[thread] = j->failed[thread] || !run_piece(j, &j->plan->pieces[thread], thread);
    dim__onednn_leave(j->d, &guard);
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

bool dim__product_plan_run(dim_context *ctx, const dim__product_plan *plan, const void *a, const void *b, void *c,
                           void *workspace)
{
    const dim__gemm_state *state = ctx->gemm_state;
    job j = { .ctx = ctx, .d = state->onednn, .plan = plan, .a = a, .b = b, .c = c, .scratch = workspace };
    bool ok = true;
    j.extra = j.scratch + ctx->threads * plan->scratch_size;
    j.packed = j.extra + plan->extra_size;
    if (plan->packs)
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

bool dim__is_product_plan(const void *plan)
{
    (void)plan;
    return false;
}

size_t dim__product_plan_workspace(const dim_context *ctx, const dim__product_plan *plan)
{
    (void)ctx;
    (void)plan;
    return 0;
}

bool dim__product_plan_run(dim_context *ctx, const dim__product_plan *plan, const void *a, const void *b, void *c,
                           void *workspace)
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
