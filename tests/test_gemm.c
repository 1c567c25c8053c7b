/* Every backend of this build against products summed in double. */
#include "kernels/gemm_backend.h"

#include "base/pool.h"
#include "kernels/kernels.h"
#include "sanitized.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

/* ThreadSanitizer does not see how the threads of a BLAS, which it has not compiled, wait for each other. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:libopenblas\nrace:libblis\n";
}

static uint64_t state = 1;

static float uniform(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (float)((double)(state >> 40) / (1 << 23)) - 1;
}

static float *matrix(int64_t n)
{
    float *x = malloc((size_t)(n > 0 ? n : 1) * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = uniform();
    return x;
}

static dim_context *context(dim_gemm kind, uint32_t threads, uint32_t blas_threads)
{
    dim_context *ctx;
    dim_context_options options;
    DIM_OPTIONS_INIT(&options);
    options.gemm = kind;
    options.threads = threads;
    options.blas_threads = blas_threads;
    return dim_context_create(&options, &ctx) == DIM_OK ? ctx : NULL;
}

/* One product with room around C that must stay as it is, its operands wider than they need to be by `extra`. */
typedef struct trial {
    bool ta, tb;
    int64_t m, n, k, extra;
    float alpha, beta;
} trial;

static const float UNTOUCHED = 1234;

static void run(dim_context *ctx, const trial *t, bool serial, const float *a, const float *b, float *c)
{
    int64_t lda = (t->ta ? t->m : t->k) + t->extra, ldb = (t->tb ? t->k : t->n) + t->extra, ldc = t->n + t->extra;
    (serial ? dim__gemm_serial : dim__gemm)(ctx, t->ta, t->tb, t->m, t->n, t->k, t->alpha, a, lda, b, ldb, t->beta, c,
                                            ldc);
}

static void check(dim_context *ctx, const trial *t, bool serial)
{
    int64_t lda = (t->ta ? t->m : t->k) + t->extra, ldb = (t->tb ? t->k : t->n) + t->extra, ldc = t->n + t->extra;
    float *a = matrix((t->ta ? t->k : t->m) * lda), *b = matrix((t->tb ? t->n : t->k) * ldb);
    float *c0 = matrix(t->m * ldc), *c = matrix(t->m * ldc), *again = matrix(t->m * ldc);
    for (int64_t i = 0; i < t->m; i++)
        for (int64_t j = 0; j < ldc; j++) {
            if (j >= t->n)
                c0[i * ldc + j] = UNTOUCHED;
            else if (t->beta == 0)
                c0[i * ldc + j] = NAN;
        }
    memcpy(c, c0, (size_t)(t->m * ldc) * sizeof *c);
    memcpy(again, c0, (size_t)(t->m * ldc) * sizeof *c);
    run(ctx, t, serial, a, b, c);
    run(ctx, t, serial, a, b, again);
    assert_memory_equal(c, again, (size_t)(t->m * ldc) * sizeof *c);
    for (int64_t i = 0; i < t->m; i++)
        for (int64_t j = 0; j < ldc; j++) {
            float got = c[i * ldc + j];
            if (j >= t->n) {
                assert_true(got == UNTOUCHED);
                continue;
            }
            double sum = 0, size = 0;
            for (int64_t l = 0; l < t->k; l++) {
                double term = (double)(t->ta ? a[l * lda + i] : a[i * lda + l]) *
                              (t->tb ? b[j * ldb + l] : b[l * ldb + j]);
                sum += term;
                size += fabs(term);
            }
            sum *= t->alpha;
            size *= fabs(t->alpha);
            if (t->beta != 0) {
                sum += (double)t->beta * c0[i * ldc + j];
                size += fabs((double)t->beta * c0[i * ldc + j]);
            }
            /* k additions in some order, of which rounding errors add like a random walk */
            if (!(fabs(got - sum) <= 1.2e-7 * (2 + sqrt((double)t->k) / 4) * size))
                fail_msg("%s %c%c (%d, %d, %d) alpha %g beta %g [%d, %d]: %.9g, should be %.9g", dim__gemm_name(ctx),
                         t->ta ? 'T' : 'N', t->tb ? 'T' : 'N', (int)t->m, (int)t->n, (int)t->k, t->alpha, t->beta,
                         (int)i, (int)j, got, sum);
        }
    free(a), free(b), free(c0), free(c), free(again);
}

static const dim_gemm kinds[] = { DIM_GEMM_REFERENCE, DIM_GEMM_BLAS, DIM_GEMM_ONEDNN }; /* of AUTO see test_divided() */
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Calls f with every backend and 1 to 3 threads of ours, the CBLAS with as many threads as it likes, one, and two where
 * it has ours to itself. */
static void with_contexts(void (*f)(dim_context *))
{
    for (int k = 0; k < KINDS; k++)
        for (uint32_t threads = 1; threads <= 3; threads++) {
            uint32_t most = kinds[k] != DIM_GEMM_BLAS ? 0 : threads == 1 ? 2 : 1;
            for (uint32_t blas_threads = 0; blas_threads <= most; blas_threads++) {
                dim_context *ctx = context(kinds[k], threads, blas_threads);
                if (ctx == NULL) {
                    assert_true(kinds[k] == DIM_GEMM_ONEDNN);
                    continue;
                }
                f(ctx);
                dim_context_destroy(ctx);
            }
        }
}

static void all_options(dim_context *ctx, int64_t m, int64_t n, int64_t k)
{
    static const float scales[][2] = { { 1, 0 }, { 1, 1 }, { -0.3f, 0.5f }, { 2, 0 } };
    for (int v = 0; v < 4; v++)
        for (int s = 0; s < 4; s++) {
            trial t = { v & 1, v & 2, m, n, k, (v + s) % 3, scales[s][0], scales[s][1] };
            check(ctx, &t, s == 3);
        }
}

static void small_shapes(dim_context *ctx)
{
    static const int64_t shapes[][3] = {
        { 1, 1, 1 }, { 2, 2, 2 }, { 1, 17, 5 }, { 17, 1, 5 }, { 3, 5, 1 }, { 33, 19, 2 }, { 7, 40, 4 }, { 5, 3, 31 },
        { 16, 16, 16 }, { 13, 50, 37 }, { 1, 1, 1100 }, { 0, 3, 3 }, { 3, 0, 3 }, { 3, 3, 0 }, { 0, 0, 0 }, { 1, 5, 0 },
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        all_options(ctx, shapes[i][0], shapes[i][1], shapes[i][2]);
}

/* Sizes that go to oneDNN and are divided over threads, evenly or not. */
static void large_shapes(dim_context *ctx)
{
    static const int64_t shapes[][3] = { { 131, 67, 45 }, { 67, 131, 45 }, { 5, 303, 190 }, { 303, 5, 190 },
                                         { 2, 3, 50000 }, { 110, 120, 90 }, { 1, 1200, 90 }, { 1200, 1, 90 },
                                         { 90, 1100, 3 } };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        all_options(ctx, shapes[i][0], shapes[i][1], shapes[i][2]);
}

static void test_small(void **unused)
{
    (void)unused;
    with_contexts(small_shapes);
}

static void test_large(void **unused)
{
    (void)unused;
    with_contexts(large_shapes);
}

/* ---- inside tasks ----------------------------------------------------------------------------------------------- */

enum { BLOCKS = 12, M = 40, N = 80, K = 100 };

typedef struct blocks {
    dim_context *ctx;
    const float *a, *b;
    float *c;
} blocks;

static void multiply_blocks(void *arg, int64_t begin, int64_t end, int thread)
{
    blocks *w = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        dim__gemm_serial(w->ctx, false, true, M, N, K, 1, w->a + i * M * K, K, w->b + i * N * K, K, 0, w->c + i * M * N,
                         N);
}

static void serial_in_tasks(dim_context *ctx)
{
    if (!dim__gemm_in_tasks(ctx))
        return;
    float *a = matrix(BLOCKS * M * K), *b = matrix(BLOCKS * N * K);
    float *c = matrix(BLOCKS * M * N), *one = matrix(BLOCKS * M * N);
    blocks w = { ctx, a, b, c };
    dim__parallel(ctx, BLOCKS, 1, multiply_blocks, &w);
    w.c = one;
    multiply_blocks(&w, 0, BLOCKS, 0);
    assert_memory_equal(c, one, BLOCKS * M * N * sizeof *c);
    for (int i = 0; i < BLOCKS * M * N; i += 7) {
        double sum = 0;
        for (int l = 0; l < K; l++)
            sum += (double)a[i / N * K + l] * b[(i / (M * N) * N + i % N) * K + l];
        assert_true(fabs(c[i] - sum) < 2e-6 * sqrt(K));
    }
    free(a), free(b), free(c), free(one);
}

static void test_in_tasks(void **unused)
{
    (void)unused;
    with_contexts(serial_in_tasks);
    static const dim_gemm sure[] = { DIM_GEMM_REFERENCE, DIM_GEMM_BLAS };
    for (int i = 0; i < 2; i++) { /* a CBLAS with one thread is called from tasks */
        dim_context *ctx = context(sure[i], 2, 1);
        assert_true(dim__gemm_in_tasks(ctx));
        dim_context_destroy(ctx);
    }
}

/* ---- sizes beyond int --------------------------------------------------------------------------------------------- */

static void run_chunk(const dim__product *p, void *user)
{
    assert_true(p->m <= *(int64_t *)user && p->n <= *(int64_t *)user && p->k <= *(int64_t *)user);
    dim__gemm_ref_run(p);
}

static void test_chunks(void **unused)
{
    (void)unused;
    enum { ROWS = 13, COLUMNS = 9, INNER = 17, WIDE = 20 };
    float *a = matrix(WIDE * WIDE), *b = matrix(WIDE * WIDE), *c = matrix(WIDE * WIDE), *d = matrix(WIDE * WIDE);
    int64_t chunk = 5;
    for (int v = 0; v < 8; v++) {
        memcpy(d, c, WIDE * WIDE * sizeof *c);
        dim__product p = { v & 1, v & 2, ROWS, COLUMNS, INNER, 0.5f, v & 4 ? 0 : 2, a, b, c, WIDE, WIDE, WIDE };
        dim__gemm_chunked(&p, chunk, run_chunk, &chunk);
        p.c = d;
        dim__gemm_ref_run(&p);
        for (int i = 0; i < WIDE * WIDE; i++)
            assert_true(fabsf(c[i] - d[i]) < 4e-6f); /* four roundings of numbers up to 10 */
    }
    free(a), free(b), free(c), free(d);
}

/* ---- set-up ------------------------------------------------------------------------------------------------------- */

static void count_message(void *user, dim_log_level level, const char *message)
{
    if (level == DIM_LOG_INFO && strstr(message, "oneDNN") != NULL)
        ++*(int *)user;
}

static void test_setup(void **unused)
{
    (void)unused;
    int messages = 0;
    dim_context *ctx = context(DIM_GEMM_ONEDNN, 1, 0), *automatic;
    dim_context_options options;
    DIM_OPTIONS_INIT(&options);
    options.log = count_message;
    options.log_user = &messages;
    assert_int_equal(dim_context_create(&options, &automatic), DIM_OK);
    if (ctx != NULL) {
        assert_string_equal(dim__gemm_name(ctx), dim__gemm_name(automatic));
        assert_true(strstr(dim__gemm_name(ctx), "oneDNN") != NULL && dim__gemm_in_tasks(ctx));
    }
    assert_int_equal(messages, ctx == NULL); /* missing oneDNN is told */
    dim_context_destroy(ctx);
    dim_context_destroy(automatic);
    ctx = context(DIM_GEMM_REFERENCE, 1, 0);
    assert_string_equal(dim__gemm_name(ctx), "reference");
    dim__gemm_teardown(ctx);
    assert_int_equal(dim__gemm_setup(ctx, (dim_gemm)9, 0), DIM_E_INVALID);
    assert_int_equal(dim__gemm_setup(ctx, DIM_GEMM_BLAS, 100000), DIM_E_INVALID);
    assert_string_equal(dim__gemm_name(ctx), "");
    assert_int_equal(dim__gemm_setup(ctx, DIM_GEMM_BLAS, 0), DIM_OK);
    dim_context_destroy(ctx);
}

/* Threads of this process, as the kernel counts them; 0 where it does not tell. */
static int process_threads(void)
{
    char line[128];
    int count = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "Threads: %d", &count) == 1)
            break;
    if (f != NULL)
        fclose(f);
    return count;
}

/* Neither oneDNN nor BLIS starts threads of its own: ours are all there are. */
static void test_no_hidden_threads(void **unused)
{
    (void)unused;
    dim_context *ctx = context(DIM_GEMM_AUTO, 2, 0);
    int before = process_threads();
    trial t = { false, true, 300, 200, 100, 0, 1, 0 };
    if (dim__gemm_in_tasks(ctx)) {
        check(ctx, &t, false);
        assert_int_equal(process_threads(), before);
    }
    dim_context_destroy(ctx);
}

/* Products on two threads, again and again, in the memory that the first ones took from the system.  The fault that this
 * guards against took some 2000 pages; a thread that gets no work while the machine is busy, and makes its first product
 * late, takes some 200. */
static void test_copies_lie_where_they_lay(void **unused)
{
    enum { ROWS = 2048, COLUMNS = 1024, SUMMED = 128, TIMES = 60, WARM = 20, SLACK = 700 };
    struct rusage start, end;
    (void)unused;
    dim_context *ctx = context(DIM_GEMM_AUTO, 2, 1);
    float *a = calloc(ROWS * SUMMED, sizeof *a), *b = calloc(COLUMNS * SUMMED, sizeof *b);
    float *c = calloc(ROWS * COLUMNS, sizeof *c);
    assert_true(ctx != NULL && a != NULL && b != NULL && c != NULL);
    for (int i = 0; i < TIMES; i++) {
        dim__gemm(ctx, false, true, ROWS, COLUMNS, SUMMED, 1, a, SUMMED, b, SUMMED, 0, c, COLUMNS);
        getrusage(RUSAGE_SELF, i < WARM ? &start : &end);
    }
    if (!SANITIZED && end.ru_minflt - start.ru_minflt > SLACK)
        fail_msg("%d products: %ld page faults", TIMES - WARM, end.ru_minflt - start.ru_minflt);
    free(a);
    free(b);
    free(c);
    dim_context_destroy(ctx);
}

/* AUTO divides these between oneDNN and the CBLAS, by processor. */
static void test_divided(void **unused)
{
    static const trial divided[] = { { true, false, 530, 260, 600, 0, 1, 0 },  { true, false, 270, 530, 513, 1, -0.3f, 1 },
                                     { true, false, 262, 258, 130, 0, 1, 0 },  { false, true, 530, 70, 600, 1, -0.3f, 1 },
                                     { false, false, 130, 530, 520, 0, 1, 0 }, { false, false, 33, 2100, 70, 1, -0.3f, 1 } };
    (void)unused;
    for (uint32_t threads = 1; threads <= 2; threads++)
        for (uint32_t blas_threads = 0; blas_threads <= 1; blas_threads++) {
            dim_context *ctx = context(DIM_GEMM_AUTO, threads, blas_threads);
            assert_non_null(ctx);
            for (size_t k = 0; k < sizeof divided / sizeof *divided; k++) {
                check(ctx, &divided[k], false);
                check(ctx, &divided[k], true);
            }
            dim_context_destroy(ctx);
        }
}

/* dim__dgemm() against a plain sum, small and divided among threads, by a BLAS and by the loops; room around C stays. */
static void check_double(dim_context *ctx, bool ta, bool tb, int64_t m, int64_t n, int64_t k, double alpha, double beta)
{
    const int64_t lda = (ta ? m : k) + 2, ldb = (tb ? k : n) + 1, ldc = n + 3;
    const int64_t size_a = (ta ? k : m) * lda, size_b = (tb ? n : k) * ldb, size_c = m * ldc;
    double *x = malloc((size_t)(size_a + size_b + 2 * size_c + 1) * sizeof *x);
    assert_non_null(x);
    double *a = x, *b = a + size_a, *c = b + size_b, *before = c + size_c;
    for (int64_t i = 0; i < size_a + size_b + size_c; i++)
        x[i] = uniform();
    memcpy(before, c, (size_t)size_c * sizeof *c);
    if (beta == 0)
        for (int64_t i = 0; i < m * n; i++)
            c[i / n * ldc + i % n] = NAN; /* not read */
    dim__dgemm(ctx, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < ldc; j++) {
            double sum = 0;
            for (int64_t l = 0; l < k && j < n; l++)
                sum += a[ta ? l * lda + i : i * lda + l] * b[tb ? j * ldb + l : l * ldb + j];
            double was = before[i * ldc + j], want = j < n ? alpha * sum + (beta == 0 ? 0 : beta * was) : was;
            if (!(fabs(c[i * ldc + j] - want) <= 1e-13 * (1 + (double)k)))
                fail_msg("%d %d %lld %lld %lld: [%lld, %lld] is %.17g, not %.17g", ta, tb, (long long)m, (long long)n,
                         (long long)k, (long long)i, (long long)j, c[i * ldc + j], want);
        }
    free(x);
}

static void test_double(void **unused)
{
    static const int64_t sizes[][3] = { { 1, 1, 1 }, { 3, 5, 0 }, { 7, 4, 9 }, { 50, 48, 40 }, { 0, 3, 3 }, { 3, 0, 3 } };
    static const dim_gemm backends[] = { DIM_GEMM_AUTO, DIM_GEMM_REFERENCE };
    (void)unused;
    for (size_t k = 0; k < sizeof backends / sizeof *backends; k++) {
        dim_context *ctx = context(backends[k], 2, 0);
        assert_non_null(ctx);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (int t = 0; t < 8; t++)
                check_double(ctx, t & 1, t >> 1 & 1, sizes[i][0], sizes[i][1], sizes[i][2], 0.75, t & 4 ? -0.5 : 0);
        dim_context_destroy(ctx);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_hidden_threads),
        cmocka_unit_test(test_setup),
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_divided),
        cmocka_unit_test(test_copies_lie_where_they_lay),
        cmocka_unit_test(test_in_tasks),
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
