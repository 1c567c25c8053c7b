/* Random numbers, thread pool, context, status names. */
#include "base/context.h"
#include "base/cpu.h"
#include "base/pool.h"
#include "base/rng.h"

#include <dim/context.h>

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- random numbers ---- */

/* Known answers of the authors' Random123 library, kat_vectors, philox4x32 with 10 rounds. */
static void philox_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint64_t key, hi, lo;
        uint32_t out[4];
    } known[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t out[4];
        dim__philox(known[i].key, known[i].hi, known[i].lo, out);
        assert_memory_equal(out, known[i].out, sizeof out);
    }
}

/* Any piece of a stream is the same numbers, wherever it starts and ends. */
static void streams_are_indexed(void **state)
{
    (void)state;
    void (*const draw[2])(float *, int64_t, uint64_t, uint64_t, int64_t) = {dim__rng_uniform, dim__rng_normal};
    for (int kind = 0; kind < 2; kind++) {
        float whole[64], part[64];
        draw[kind](whole, 64, 3, 5, 0);
        for (int first = 0; first < 20; first++)
            for (int n = 0; n < 20; n++) {
                part[n] = -77;
                draw[kind](part, n, 3, 5, first);
                assert_memory_equal(part, whole + first, (size_t)n * sizeof *part);
                assert_true(part[n] == -77); /* nothing beyond */
            }
        draw[kind](part, 64, 3, 6, 0);
        assert_memory_not_equal(part, whole, sizeof whole);
        draw[kind](part, 64, 4, 5, 0);
        assert_memory_not_equal(part, whole, sizeof whole);
    }
}

/* Moments within five standard errors of a million draws; a fixed seed, so no flakiness. */
static void moments(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    float *x = malloc(N * sizeof *x);
    assert_non_null(x);
    double mean = 0, var = 0, lag = 0, low = 1, high = 0, four = 0;
    dim__rng_uniform(x, N, 11, 1, 0);
    for (int i = 0; i < N; i++) {
        assert_true(x[i] >= 0 && x[i] < 1);
        low = fmin(low, x[i]);
        high = fmax(high, x[i]);
        mean += x[i] / (double)N;
        var += (x[i] - 0.5) * (x[i] - 0.5) / N;
        lag += i == 0 ? 0 : (x[i] - 0.5) * (x[i - 1] - 0.5) / N;
    }
    assert_true(fabs(mean - 0.5) < 5 * sqrt(1.0 / 12 / N));
    assert_true(fabs(var - 1.0 / 12) < 5 * sqrt(1.0 / 180 / N));
    assert_true(fabs(lag) < 5.0 / 12 / sqrt(N));
    assert_true(low < 1e-5 && high > 1 - 1e-5);

    dim__rng_normal(x, N, 11, 2, 0);
    mean = var = lag = 0;
    for (int i = 0; i < N; i++) {
        mean += x[i] / (double)N;
        var += (double)x[i] * x[i] / N;
        four += pow(x[i], 4) / N;
        lag += i == 0 ? 0 : (double)x[i] * x[i - 1] / N;
    }
    assert_true(fabs(mean) < 5 / sqrt(N));
    assert_true(fabs(var - 1) < 5 * sqrt(2.0 / N));
    assert_true(fabs(four - 3) < 5 * sqrt(96.0 / N));
    assert_true(fabs(lag) < 5 / sqrt(N));
    free(x);
}

static void integers_below(void **state)
{
    (void)state;
    enum { BOUND = 7, N = 70000 };
    int64_t count[BOUND] = {0};
    for (uint64_t i = 0; i < N; i++) {
        uint64_t k = dim__rng_below(BOUND, 1, 2, i);
        assert_true(k < BOUND);
        count[k]++;
        assert_int_equal(dim__rng_below(1, 1, 2, i), 0);
    }
    double chi2 = 0;
    for (int k = 0; k < BOUND; k++)
        chi2 += pow((double)count[k] - N / BOUND, 2) / (N / BOUND);
    assert_true(chi2 < 22.5); /* 99.9 % of chi-squared with 6 degrees of freedom */
    /* A bound that needs all 64 bits: the mean of uniform numbers is half of it. */
    double mean = 0;
    for (uint64_t i = 0; i < N; i++)
        mean += (double)dim__rng_below(UINT64_MAX, 1, 3, i) * 0x1p-64 / N;
    assert_true(fabs(mean - 0.5) < 5 * sqrt(1.0 / 12 / N));
}

static void is_permutation(const int32_t *p, int64_t n)
{
    char *seen = calloc((size_t)n, 1);
    assert_non_null(seen);
    for (int64_t i = 0; i < n; i++) {
        assert_true(p[i] >= 0 && p[i] < n && !seen[p[i]]);
        seen[p[i]] = 1;
    }
    free(seen);
}

static void permutations(void **state)
{
    (void)state;
    enum { MOST = 1000 };
    static int32_t p[MOST];
    for (int64_t n = 2; n <= MOST; n = n < 70 ? n + 1 : n + 93)
        for (uint64_t seed = 0; seed < 8; seed++) {
            dim__rng_derangement(p, n, seed, 9);
            is_permutation(p, n);
            for (int64_t i = 0; i < n; i++)
                assert_int_not_equal(p[i], i);
            dim__rng_permutation(p, n, seed, 9);
            is_permutation(p, n);
        }
    dim__rng_permutation(p, 1, 0, 0);
    assert_int_equal(p[0], 0);
    dim__rng_permutation(p, 0, 0, 0);

    /* All 6 permutations, and both cycles, of three come up alike. */
    int six[6] = {0}, two[2] = {0};
    for (uint64_t seed = 0; seed < 6000; seed++) {
        dim__rng_permutation(p, 3, seed, 1);
        six[p[0] * 2 + (p[1] > p[2])]++;
        dim__rng_derangement(p, 3, seed, 1);
        two[p[0] - 1]++;
    }
    for (int i = 0; i < 6; i++)
        assert_true(abs(six[i] - 1000) < 5 * 29); /* five standard deviations, sqrt(6000 / 6 * 5 / 6) = 29 */
    assert_true(abs(two[0] - 3000) < 5 * 39);
}

static void mixing(void **state)
{
    (void)state;
    assert_true(dim__mix(1, 2) != dim__mix(2, 1) && dim__mix(0, 0) != 0 && dim__mix(0, 1) != dim__mix(1, 0));
    int flips = 0;
    for (int bit = 0; bit < 64; bit++)
        flips += __builtin_popcountll(dim__mix(5, 6) ^ dim__mix(5, 6 ^ UINT64_C(1) << bit));
    assert_true(abs(flips - 32 * 64) < 5 * 32); /* each flipped bit turns half of them over; sigma = 32 */
    assert_true(dim__hash_text("") == 0xcbf29ce484222325u && dim__hash_text("a") == 0xaf63dc4c8601ec8cu);
    assert_true(dim__hash_text("foobar") == 0x85944171f73967e8u);
}

/* ---- pool ---- */

static dim_context *context_of(uint32_t threads)
{
    dim_context_options o;
    dim_context *ctx = NULL;
    DIM_OPTIONS_INIT(&o);
    o.threads = threads;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    return ctx;
}

typedef struct cover {
    int64_t n, grain;
    int pieces;
    int seen[8];           /* calls by thread */
    int64_t begin[8], end[8];
    unsigned char hits[300];
} cover;

static void cover_task(void *arg, int64_t begin, int64_t end, int thread)
{
    cover *c = arg;
    c->seen[thread]++;
    c->begin[thread] = begin;
    c->end[thread] = end;
    for (int64_t i = begin; i < end; i++)
        c->hits[i]++;
}

static void pool_divides(void **state)
{
    (void)state;
    for (uint32_t threads = 1; threads <= 5; threads++) {
        dim_context *ctx = context_of(threads);
        for (int64_t n = 0; n < 300; n = n < 40 ? n + 1 : n + 37)
            for (int64_t grain = 0; grain <= 64; grain = grain * 2 + 1) {
                cover c = {.n = n, .grain = grain};
                dim__parallel(ctx, n, grain, cover_task, &c);
                int pieces = dim__parallel_pieces(ctx, n, grain);
                assert_true(pieces <= (int)threads && (pieces > 0) == (n > 0));
                if (pieces < (int)threads && n > 0 && grain > 0) /* no fewer pieces than the grain allows */
                    assert_true(n / (pieces + 1) < grain);
                for (int64_t i = 0; i < n; i++)
                    assert_int_equal(c.hits[i], 1);
                for (int k = 0; k < 8; k++) {
                    assert_int_equal(c.seen[k], k < pieces);
                    if (k >= pieces)
                        continue;
                    assert_true(c.begin[k] == (k == 0 ? 0 : c.end[k - 1]) && c.end[k] > c.begin[k]);
                    assert_true(pieces == 1 || c.end[k] - c.begin[k] >= grain);
                    assert_true(c.end[k] - c.begin[k] - n / pieces <= 1);
                }
            }
        dim_context_destroy(ctx);
    }
}

static void add_task(void *arg, int64_t begin, int64_t end, int thread)
{
    int64_t *sum = arg;
    for (int64_t i = begin; i < end; i++)
        sum[thread * 8] += i;
}

/* Thousands of calls in a row, some after the workers fell asleep. */
static void pool_is_reused(void **state)
{
    (void)state;
    for (uint32_t threads = 2; threads <= 4; threads++) {
        dim_context *ctx = context_of(threads);
        int64_t sum[4 * 8] = {0}, expect = 0, n;
        for (int call = 0; call < 3000; call++) {
            n = call % 97;
            dim__parallel(ctx, n, 1, add_task, sum);
            expect += n * (n - 1) / 2;
            if (call % 500 == 0)
                nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
        }
        assert_int_equal(sum[0] + sum[8] + sum[16] + sum[24], expect);
        dim_context_destroy(ctx);
    }
}

static void id_task(void *arg, int64_t begin, int64_t end, int thread)
{
    (void)begin;
    (void)end;
    ((pthread_t *)arg)[thread] = pthread_self();
}

static void mask_task(void *arg, int64_t begin, int64_t end, int thread)
{
    sigset_t set;
    (void)begin;
    (void)end;
    pthread_sigmask(SIG_SETMASK, NULL, &set);
    ((int *)arg)[thread] = sigismember(&set, SIGINT) && sigismember(&set, SIGALRM) && !sigismember(&set, SIGSEGV);
}

static void pool_threads(void **state)
{
    (void)state;
    dim_context *ctx = context_of(3);
    pthread_t id[3], again[3];
    int blocked[3];
    dim__parallel(ctx, 3, 1, id_task, id);
    dim__parallel(ctx, 3, 1, id_task, again);
    assert_true(pthread_equal(id[0], pthread_self()));
    for (int i = 0; i < 3; i++) /* a piece stays on its thread */
        assert_true(pthread_equal(id[i], again[i]) && (i == 0 || !pthread_equal(id[i], id[i - 1])));
    dim__parallel(ctx, 3, 1, mask_task, blocked);
    assert_true(!blocked[0] && blocked[1] && blocked[2]); /* and the caller's mask is as it was */
    dim_context_destroy(ctx);
}

/* ---- context ---- */

typedef struct meter {
    int64_t calls, live, fail_at;
    size_t bytes;
    bool aligned, sizes_match;
} meter;

static void *meter_alloc(void *user, size_t size, size_t align)
{
    meter *m = user;
    if (m->calls++ == m->fail_at)
        return NULL;
    char *block = aligned_alloc(align, (size + align - 1) / align * align + align);
    assert_non_null(block);
    memcpy(block, &size, sizeof size);
    m->live++;
    m->bytes += size;
    m->aligned = m->aligned && align >= 16 && (align & (align - 1)) == 0;
    return block + align;
}

static void meter_free(void *user, void *memory, size_t size)
{
    meter *m = user;
    char *block = (char *)memory - 64;
    size_t was;
    memcpy(&was, block, sizeof was);
    m->sizes_match = m->sizes_match && was == size;
    m->live--;
    m->bytes -= size;
    free(block);
}

static dim_context_options metered(meter *m, int64_t fail_at)
{
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    *m = (meter){.fail_at = fail_at, .aligned = true, .sizes_match = true};
    o.alloc = meter_alloc;
    o.free = meter_free;
    o.alloc_user = m;
    o.threads = 2;
    return o;
}

static void context_counts(void **state)
{
    (void)state;
    meter m;
    dim_context_options o = metered(&m, -1);
    dim_context *ctx = NULL;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    assert_true(m.live > 0 && dim_context_memory(ctx) == m.bytes);
    assert_int_equal(dim_context_allocations(ctx), m.calls);
    void *block = dim__alloc(ctx, 1000), *empty = dim__alloc(ctx, 0), *zeros = dim__calloc(ctx, 10, 10);
    assert_true(block != NULL && empty != NULL && zeros != NULL && (uintptr_t)block % 64 == 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(((char *)zeros)[i], 0);
    assert_true(dim_context_memory(ctx) == m.bytes && dim_context_allocations(ctx) == (uint64_t)m.calls);
    dim__free(ctx, block);
    dim__free(ctx, empty);
    dim__free(ctx, zeros);
    dim__free(ctx, NULL);
    assert_true(dim_context_memory(ctx) == m.bytes && dim_context_allocations(ctx) == (uint64_t)m.calls);
    assert_null(dim__alloc(ctx, SIZE_MAX));
    assert_null(dim__alloc(ctx, SIZE_MAX - 64));
    assert_null(dim__calloc(ctx, SIZE_MAX / 2, 3));
    assert_non_null(strstr(dim_context_error(ctx), "no memory"));
    dim_context_destroy(ctx);
    assert_true(m.live == 0 && m.bytes == 0 && m.aligned && m.sizes_match);
}

/* Objects keep the context alive after the caller has let it go. */
static void context_is_shared(void **state)
{
    (void)state;
    meter m;
    dim_context_options o = metered(&m, -1);
    dim_context *ctx = NULL;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    assert_ptr_equal(dim__context_retain(ctx), ctx);
    dim_context_destroy(ctx);
    assert_true(m.live > 0);
    void *block = dim__alloc(ctx, 10);
    assert_non_null(block);
    dim__free(ctx, block);
    dim__context_release(ctx);
    assert_int_equal(m.live, 0);
}

static void context_without_memory(void **state)
{
    (void)state;
    meter m;
    dim_context_options o;
    dim_context *const untouched = (dim_context *)&m, *ctx = untouched;
    int64_t fail_at = 0;
    for (;; fail_at++) {
        assert_true(fail_at < 100);
        o = metered(&m, fail_at);
        dim_status status = dim_context_create(&o, &ctx);
        if (status == DIM_OK)
            break;
        assert_int_equal(status, DIM_E_NOMEM);
        assert_ptr_equal(ctx, untouched);
        assert_int_equal(m.live, 0);
    }
    assert_true(fail_at >= 2); /* the context and its pool at least */
    dim_context_destroy(ctx);
    assert_int_equal(m.live, 0);
}

static void context_bad_options(void **state)
{
    (void)state;
    dim_context_options o;
    dim_context *const untouched = (dim_context *)&o, *ctx = untouched;
    assert_int_equal(dim_context_create(NULL, NULL), DIM_E_INVALID);
#define REFUSED(set)                                                  \
    do {                                                              \
        DIM_OPTIONS_INIT(&o);                                         \
        o.threads = 1;                                                \
        set;                                                          \
        assert_int_equal(dim_context_create(&o, &ctx), DIM_E_INVALID); \
        assert_ptr_equal(ctx, untouched);                             \
    } while (0)
    REFUSED(o.size = 0);
    REFUSED(o.size = 7);
    REFUSED(o.threads = 257);
    REFUSED(o.gemm = (dim_gemm)4);
    REFUSED(o.gemm = (dim_gemm)-1);
    REFUSED(o.cpu = (dim_cpu_level)5);
    REFUSED(o.executor = (dim_executor)2);
    REFUSED(o.reserved0 = 1);
    REFUSED(o.precision = (dim_precision)2);
    REFUSED(o.disabled_passes = 1u << 30);
    REFUSED(o.alloc = meter_alloc);
    REFUSED(o.free = meter_free);
#undef REFUSED
    assert_string_equal(dim_context_error(NULL), "");
    assert_string_equal(dim_context_describe(NULL), "");
    assert_true(dim_context_memory(NULL) == 0 && dim_context_allocations(NULL) == 0);
    dim_context_destroy(NULL);
}

static void context_choices(void **state)
{
    (void)state;
    dim_context_options o;
    dim_context *ctx = NULL;
    for (int cpu = DIM_CPU_AUTO; cpu <= DIM_CPU_REFERENCE; cpu++)
        for (int gemm = DIM_GEMM_AUTO; gemm <= DIM_GEMM_REFERENCE; gemm++) {
            DIM_OPTIONS_INIT(&o);
            o.threads = 1 + (uint32_t)(cpu + gemm) % 2;
            o.cpu = (dim_cpu_level)cpu; /* a cap: above the processor's level is no error */
            o.gemm = (dim_gemm)gemm;
            dim_status status = dim_context_create(&o, &ctx);
#ifndef DIM_HAVE_ONEDNN
            if (gemm == DIM_GEMM_ONEDNN) {
                assert_int_equal(status, DIM_E_UNSUPPORTED);
                continue;
            }
#endif
            assert_int_equal(status, DIM_OK);
            assert_non_null(strstr(dim_context_describe(ctx), "libdim 0.1.0"));
            assert_non_null(strstr(dim_context_describe(ctx), o.threads == 2 ? "2 threads" : "1 thread"));
            assert_null(strstr(dim_context_describe(ctx), "without"));
            dim_context_destroy(ctx);
        }
    DIM_OPTIONS_INIT(&o);
    o.disabled_passes = 127;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    assert_non_null(strstr(dim_context_describe(ctx), ", without fuse+dead+inplace+stream+recompute+order+accumulate"));
    dim_context_destroy(ctx);
    o.disabled_passes = DIM_PASS_ORDER | DIM_PASS_STREAM;
    o.precision = DIM_PRECISION_BF16;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    assert_non_null(strstr(dim_context_describe(ctx), ", without stream+order, bf16"));
    dim_context_destroy(ctx);
    o.executor = DIM_EXECUTOR_REFERENCE;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    assert_non_null(strstr(dim_context_describe(ctx), ", reference executor, bf16"));
    dim_context_destroy(ctx);
    assert_int_equal(dim_context_create(NULL, &ctx), DIM_OK); /* one thread a processor */
    assert_int_equal(ctx->threads, dim__cpu_count() > 256 ? 256 : dim__cpu_count());
    assert_string_equal(dim_context_error(ctx), "");
    assert_int_equal(dim__fail(ctx, DIM_E_SHAPE, "left is %d, right is %d", 2, 3), DIM_E_SHAPE);
    assert_string_equal(dim_context_error(ctx), "left is 2, right is 3");
    char longer[2000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = 0;
    dim__fail(ctx, DIM_E_IO, "%s", longer); /* cut, not overrun */
    assert_int_equal(strlen(dim_context_error(ctx)), sizeof ctx->error - 1);
    dim_context_destroy(ctx);
    assert_string_equal(dim_version(), "0.1.0");
    assert_true(dim__cpu_detect() >= DIM_CPU_BASELINE && dim__cpu_detect() <= DIM_CPU_AVX512);
}

static void log_to(void *user, dim_log_level level, const char *message)
{
    snprintf(user, 64, "%d %s", (int)level, message);
}

static void *alloc_nothing(void *user, size_t size, size_t align)
{
    (void)user;
    (void)size;
    (void)align;
    return NULL;
}

static void free_nothing(void *user, void *memory, size_t size)
{
    (void)user;
    (void)memory;
    (void)size;
}

static void context_logs(void **state)
{
    (void)state;
    char text[64] = "";
    dim_context_options o;
    dim_context *ctx = NULL;
    DIM_OPTIONS_INIT(&o);
    o.threads = 1;
    o.log = log_to;
    o.log_user = text;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    dim__log(ctx, DIM_LOG_WARNING, "%s %d", "step", 7);
    assert_string_equal(text, "1 step 7");
    dim_context_destroy(ctx);
    o.threads = 300; /* nobody has a context to ask why there is none */
    assert_int_equal(dim_context_create(&o, &ctx), DIM_E_INVALID);
    assert_string_equal(text, "1 no context: threads is 300; it must be at most 256");
    o.threads = 1;
    o.blas_threads = 2000;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_E_INVALID);
    assert_string_equal(text, "1 no context: blas_threads is 2000, must be at most 1024");
    o.blas_threads = 0;
    o.alloc = alloc_nothing;
    o.free = free_nothing;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_E_NOMEM);
    assert_memory_equal(text, "1 no context: no memory for ", 27);
}

/* An older program's struct is shorter, a newer one's longer: ABI rule 3. */
static void options_of_other_versions(void **state)
{
    (void)state;
    dim_context *ctx = context_of(1);
    struct {
        size_t size;
        uint32_t a, b;
    } copy, in = {sizeof in, 1, 2};
    struct {
        size_t size;
        uint32_t a, b, c, d;
    } newer = {sizeof newer, 1, 2, 0, 0};
    assert_int_equal(dim__options_copy(ctx, "o", &copy, sizeof copy, NULL), DIM_OK);
    assert_true(copy.size == sizeof copy && copy.a == 0 && copy.b == 0);
    assert_int_equal(dim__options_copy(ctx, "o", &copy, sizeof copy, &in), DIM_OK);
    assert_true(copy.a == 1 && copy.b == 2);
    in.size = offsetof(__typeof__(copy), b);
    assert_int_equal(dim__options_copy(ctx, "o", &copy, sizeof copy, &in), DIM_OK);
    assert_true(copy.size == sizeof copy && copy.a == 1 && copy.b == 0);
    assert_int_equal(dim__options_copy(ctx, "o", &copy, sizeof copy, &newer), DIM_OK);
    assert_true(copy.size == sizeof copy && copy.a == 1 && copy.b == 2);
    newer.d = 1;
    assert_int_equal(dim__options_copy(ctx, "o", &copy, sizeof copy, &newer), DIM_E_INVALID);
    dim_context_destroy(ctx);
}

static void growing(void **state)
{
    (void)state;
    meter m;
    dim_context_options o = metered(&m, -1);
    dim_context *ctx = NULL;
    int32_t *array = NULL;
    int64_t capacity = 0;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    for (int32_t i = 0; i < 100; i++) {
        assert_int_equal(dim__grow(ctx, &array, &capacity, i + 1, sizeof *array), DIM_OK);
        array[i] = i;
    }
    for (int32_t i = 0; i < 100; i++)
        assert_int_equal(array[i], i);
    int64_t was = capacity;
    m.fail_at = m.calls;
    assert_int_equal(dim__grow(ctx, &array, &capacity, was + 1, sizeof *array), DIM_E_NOMEM);
    assert_true(capacity == was && array[99] == 99);
    dim__free(ctx, array);
    dim_context_destroy(ctx);
    assert_int_equal(m.live, 0);
}

static void status_names(void **state)
{
    (void)state;
    assert_true(DIM_OK == 0 && DIM_E_INVALID == -1 && DIM_E_CALLBACK == -9 && DIM_E_SYSTEM == -10); /* numbers never change */
    assert_string_equal(dim_status_name(DIM_OK), "DIM_OK");
    assert_string_equal(dim_status_name(DIM_E_SHAPE), "DIM_E_SHAPE");
    assert_string_equal(dim_status_name((dim_status)-11), "DIM_UNKNOWN");
    assert_string_equal(dim_status_name((dim_status)1), "DIM_UNKNOWN");
    for (int s = 0; s >= -10; s--) {
        assert_memory_equal(dim_status_name((dim_status)s), s == 0 ? "DIM_OK" : "DIM_E_", 6);
        assert_true(strlen(dim_status_message((dim_status)s)) > 5);
    }
    assert_string_equal(dim_status_message((dim_status)77), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers), cmocka_unit_test(streams_are_indexed),
        cmocka_unit_test(moments),              cmocka_unit_test(integers_below),
        cmocka_unit_test(permutations),         cmocka_unit_test(mixing),
        cmocka_unit_test(pool_divides),         cmocka_unit_test(pool_is_reused),
        cmocka_unit_test(pool_threads),         cmocka_unit_test(context_counts),
        cmocka_unit_test(context_is_shared),    cmocka_unit_test(context_without_memory),
        cmocka_unit_test(context_bad_options),  cmocka_unit_test(context_choices),
        cmocka_unit_test(context_logs),         cmocka_unit_test(options_of_other_versions),
        cmocka_unit_test(growing),              cmocka_unit_test(status_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
