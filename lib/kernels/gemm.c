/* Which backend multiplies, and how a product is divided over the context's threads.
 *
 * Measured in GFLOP/s on two cores of a Zen 5 with AVX-512: oneDNN 2.6 on our threads, OpenBLAS 0.3.21 on ours
 * (blas_threads 1), and OpenBLAS on its own.
 *
 *     op   m     n     k        oneDNN  OpenBLAS/1  OpenBLAS/2
 *     NN   4096  2048  2048     534     268         268
 *     NT   4096  2048  128      544     271         247
 *     TN   2048  2048  4096     521     223         264
 *     NN   64    1024  4096     470     222         112
 *     NT   16384 64    48       472     242         59
 *     NT   512   256   40       380     238         97
 *
 * On two cores of a Zen 3, with AVX2 only, oneDNN is faster where few terms are added, OpenBLAS where many are, with
 * A transposed, in gradients of weights, from fewer on, and where C is low and wide:
 *
 *     op   m     n     k        oneDNN  OpenBLAS/1
 *     NT   4096  2048  2048     134     165
 *     NN   4096  2048  2048     139     147
 *     NN   64    2048  2048     69      109
 *     NN   64    4096  512      71      112
 *     NT   64    2048  2048     103     99
 *     NN   4096  128   2048     124     117
 *     NT   4096  512   512      121     128
 *     NN   4096  2048  256      167     153
 *     NN   256   1024  64       50      104, on each thread
 *     NN   192   2048  256      127     148, on each thread
 *     NT   4096  2048  128      148     114
 *     NN   100352 128  128      137     106
 *     TN   2048  2048  4096     123     158
 *     TN   2048  128   4096     60      106
 *     TN   256   1024  128      112     125
 *     TN   128   128   25088    115     94
 *     TN   64    64    115200   66      60
 *     TN   3136  512   64       130     93
 *
 * A product of 2 x 2 x 2 takes 60 ns, one of 64 x 64 x 64 4.3 us. */
#include "kernels/gemm_backend.h"

#include "base/cpu.h"
#include "base/math.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "kernels/onednn.h"

#include <stdio.h>

/* Products with fewer multiply-adds stay off oneDNN, whose first product takes some 20 ms to generate code: evaluating
 * one small loss must not pay for it.  OpenBLAS, too, computes those of up to 2^18 on the calling thread alone. */
static const double SMALL = 1 << 18;
/* From this many multiply-adds a product, or one that is bound by memory, is worth waking the pool; the latter is divided
 * where an elementwise op of its size is, so that a thread's rows stay in its cache. */
static const double SPLIT = 1 << 20, SKINNY_SPLIT = 1 << 15;

static double work(const dim__product *p)
{
    return (double)p->m * (double)p->n * (double)p->k;
}

/* Whether the product is OpenBLAS's where there is no AVX-512: see the second table above. */
static bool left_to_cblas(const dim__gemm_state *state, const dim__product *p)
{
    int64_t size = p->m * p->n;
    if (!state->cblas_avx2 || (p->trans_a && p->trans_b))
        return false;
    if (p->trans_a)
        return p->k >= 128 && size >= 1 << 15;
    if (p->trans_b)
        return p->k >= 512 && size >= 1 << 15 && p->m >= 256;
    return (p->k >= 512 && size >= 1 << 15 && p->n >= 256) || (p->m <= 512 && p->n >= 1024);
}

static void scale(const dim__product *p)
{
    for (int64_t i = 0; i < p->m; i++) {
        float *c = p->c + i * p->ldc;
        for (int64_t j = 0; j < p->n; j++)
            c[j] = p->beta == 0 ? 0 : p->beta * c[j];
    }
}

/* By the context's own loops, row by row. */
static void by_rows(const dim_context *ctx, const dim__product *p)
{
    for (int64_t i = 0; i < p->m; i++) {
        dim__product row = dim__product_rows(p, i, i + 1);
        dim__gemm_skinny_run(ctx->kernels, &row);
    }
}

static void by_cblas(const dim_context *ctx, const dim__product *p)
{
    dim__gemm_state *state = ctx->gemm_state;
    bool counted = work(p) > SMALL; /* which takes a while */
    if (dim__exit_begun(&state->exit) || (counted && !dim__exit_enter(&state->exit))) {
        by_rows(ctx, p);
        return;
    }
    dim__gemm_cblas_run(state, p);
    if (counted)
        dim__exit_leave(&state->exit);
}

static void product(const dim_context *ctx, const dim__product *p)
{
    const dim__gemm_state *state = ctx->gemm_state;
    if (p->m == 0 || p->n == 0)
        return;
    if (p->k == 0)
        scale(p);
    else if (state->kind == DIM_GEMM_REFERENCE)
        dim__gemm_ref_run(p);
    else if (dim__gemm_is_skinny(p))
        dim__gemm_skinny_run(ctx->kernels, p);
    else if (state->kind != DIM_GEMM_ONEDNN || work(p) <= SMALL || left_to_cblas(state, p) ||
             !dim__gemm_onednn_run(state->onednn, p))
        by_cblas(ctx, p);
}

typedef struct task {
    const dim_context *ctx;
    const dim__product *whole;
    bool columns;
    int64_t unit; /* rows or columns that are not divided: the backends' kernels compute so many at once */
} task;

static void run_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const task *t = arg;
    int64_t size = t->columns ? t->whole->n : t->whole->m;
    (void)thread;
    begin = dim__min64(begin * t->unit, size);
    end = dim__min64(end * t->unit, size);
    dim__product part = t->columns ? dim__product_columns(t->whole, begin, end) : dim__product_rows(t->whole, begin, end);
    product(t->ctx, &part);
}

void dim__gemm(dim_context *ctx, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha,
               const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    dim__product p = { trans_a, trans_b, m, n, k, alpha, beta, a, b, c, lda, ldb, ldc };
    const dim__gemm_state *state = ctx->gemm_state;
    bool skinny = dim__gemm_is_skinny(&p) && state->kind != DIM_GEMM_REFERENCE;
    if (ctx->threads == 1 || work(&p) < (skinny ? SKINNY_SPLIT : SPLIT) || (!state->in_tasks && !skinny)) {
        product(ctx, &p);
        return;
    }
    task t = { ctx, &p, n > m, 1 };
    int64_t size = t.columns ? n : m;
    if (!skinny && size >= 64 * (int64_t)ctx->threads)
        t.unit = 16;
    dim__parallel(ctx, (size + t.unit - 1) / t.unit, 1, run_task, &t);
}

void dim__gemm_serial(dim_context *ctx, bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, float alpha,
                      const float *a, int64_t lda, const float *b, int64_t ldb, float beta, float *c, int64_t ldc)
{
    dim__product p = { trans_a, trans_b, m, n, k, alpha, beta, a, b, c, lda, ldb, ldc };
    product(ctx, &p);
}

bool dim__gemm_in_tasks(const dim_context *ctx)
{
    return ((const dim__gemm_state *)ctx->gemm_state)->in_tasks;
}

const char *dim__gemm_name(const dim_context *ctx)
{
    const dim__gemm_state *state = ctx->gemm_state;
    return state == NULL ? "" : state->name;
}

dim_status dim__gemm_setup(dim_context *ctx, dim_gemm kind, uint32_t blas_threads)
{
    if (kind < DIM_GEMM_AUTO || kind > DIM_GEMM_REFERENCE)
        return dim__fail(ctx, DIM_E_INVALID, "gemm: there is no backend %d", (int)kind);
    if (blas_threads > 1024)
        return dim__fail(ctx, DIM_E_INVALID, "blas_threads is %u, must be at most 1024", (unsigned)blas_threads);
    dim__gemm_state *state = dim__calloc(ctx, 1, sizeof *state);
    if (state == NULL)
        return DIM_E_NOMEM;
    state->kind = kind;
    state->blas_threads = blas_threads;
    dim__exit_init(&state->exit);
    ctx->gemm_state = state;
    DIM__TRY(dim__gemm_cblas_setup(ctx, state)); /* of use to every backend: oneDNN leaves small products to it */
    if (kind == DIM_GEMM_AUTO || kind == DIM_GEMM_ONEDNN) {
        char cblas[sizeof state->name];
        memcpy(cblas, state->name, sizeof cblas);
        DIM__TRY(dim__onednn_open(ctx, &state->onednn));
        bool found = state->onednn != NULL;
        if (!found && kind == DIM_GEMM_ONEDNN)
            return dim__fail(ctx, DIM_E_UNSUPPORTED,
                             "gemm: this build is without oneDNN, or a usable libdnnl is missing: version 2 or 3, with OpenMP "
                             "or for one thread");
        if (!found)
            dim__log(ctx, DIM_LOG_INFO, "oneDNN is not there; matrix products by %s", state->name);
        else
            snprintf(state->name, sizeof state->name, "%s and %.60s", dim__onednn_name(state->onednn), cblas);
        state->cblas_avx2 = found && kind == DIM_GEMM_AUTO && state->in_tasks && dim__gemm_cblas_is_openblas() &&
                            dim__cpu_detect() == DIM_CPU_AVX2;
        state->kind = found ? DIM_GEMM_ONEDNN : DIM_GEMM_BLAS;
        state->in_tasks = state->in_tasks || found;
    } else if (kind == DIM_GEMM_REFERENCE) {
        snprintf(state->name, sizeof state->name, "reference");
        state->in_tasks = true;
    }
    if (!dim__exit_watch(&state->exit)) /* after what the libraries have registered */
        return dim__fail(ctx, DIM_E_NOMEM, "no memory to hear of the process's end");
    return DIM_OK;
}

void dim__gemm_teardown(dim_context *ctx)
{
    dim__gemm_state *state = ctx->gemm_state;
    dim__onednn_teardown(ctx);
    if (state != NULL)
        dim__exit_forget(&state->exit);
    dim__free(ctx, state);
    ctx->gemm_state = NULL;
}
