/* Products in bf16, and in f32 those that have plans, by an accelerator, however they are divided, against sums in double. */
#include "base/cpu.h"
#include "base/rng.h"
#include "failing_alloc.h"
#include "compile/compile.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"
#include "ops/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const dim__product_key keys[] = {
    { 0, 0, 100, 70, 50, 0, 0 },     { 0, 1, 100, 70, 50, 1, 0 },     { 1, 0, 100, 70, 50, 0, 0 },    { 1, 1, 100, 70, 50, 1, 0 },
    { 0, 1, 33, 517, 129, 0, 0 },    { 0, 1, 33, 517, 129, 1, 0 }, /* few rows: by columns */
    { 0, 0, 64, 1000, 96, 0, 0 },    { 0, 0, 1, 64, 64, 0, 0 },       { 0, 1, 64, 1, 64, 0, 0 },
    { 1, 0, 48, 40, 5000, 0, 0 }, /* deep: each thread sums */
    { 1, 0, 48, 40, 5000, 1, 0 },    { 1, 0, 500, 300, 200, 0, 0 }, /* A is transposed first */
    { 1, 1, 130, 90, 257, 0, 0 },
    { 0, 0, 1100, 320, 256, 0, 0 },  { 0, 1, 1100, 320, 256, 1, 0 },  { 1, 0, 1100, 320, 256, 0, 0 }, /* B is packed */
    { 0, 0, 1031, 257, 256, 0, 0 },
    { 0, 1, 128, 700, 257, 0, 1 }, { 0, 1, 500, 90, 513, 0, 1 }, /* f32 */
};
enum { KEYS = (int)(sizeof keys / sizeof *keys) };

static dim_context *context(uint32_t threads, failing *f)
{
    dim_context_options o;
    dim_context *ctx;
    DIM_OPTIONS_INIT(&o);
    o.threads = threads;
    o.blas_threads = 1;
    if (f != NULL) {
        o.alloc = take;
        o.free = give;
        o.alloc_user = f;
    }
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    return ctx;
}

/* Random numbers as bf16, and as the floats that these are. */
static uint16_t *random_halves(int64_t n, uint64_t stream, float **floats)
{
    const dim__kernels *k = dim__kernels_select(DIM_CPU_BASELINE);
    uint16_t *y = malloc((size_t)n * sizeof *y);
    *floats = malloc((size_t)n * sizeof **floats);
    assert_true(y != NULL && *floats != NULL);
    dim__rng_normal(*floats, n, 1, stream, 0);
    k->to_bf16(y, *floats, n);
    k->from_bf16(*floats, y, n);
    return y;
}

static void compare(const dim__product_key *k, uint32_t threads, const float *a, const float *b, const float *c)
{
    int64_t step = 1 + k->m * k->n / 5000; /* some elements of a large result */
    for (int64_t at = 0; at < k->m * k->n; at += step) {
        int64_t i = at / k->n, j = at % k->n;
        double sum = 0, size = 0;
        for (int64_t l = 0; l < k->k; l++) {
            double x = (double)a[k->trans_a ? l * k->m + i : i * k->k + l] * b[k->trans_b ? j * k->k + l : l * k->n + j];
            sum += x;
            size += fabs(x);
        }
        if (!(fabs(c[at] - sum) <= 2e-6 * size + (k->bf16_out ? 0x1p-8 * fabs(sum) : 0)))
            fail_msg("%s%s %lld x %lld x %lld, %u threads: [%lld, %lld] is %g, not %g", k->trans_a ? "T" : "N",
                     k->trans_b ? "T" : "N", (long long)k->m, (long long)k->n, (long long)k->k, (unsigned)threads,
                     (long long)i, (long long)j, (double)c[at], sum);
    }
}

static bool check(const dim__product_key *k, uint32_t threads)
{
    dim_context *ctx = context(threads, NULL);
    const dim__product_plan *plan, *again;
    assert_int_equal(dim__product_plan_get(ctx, k, &plan), DIM_OK);
    if (plan != NULL) {
        float *a_floats, *b_floats, *c = malloc((size_t)(k->m * k->n) * sizeof *c);
        uint16_t *a = random_halves(k->m * k->k, 1, &a_floats), *b = random_halves(k->n * k->k, 2, &b_floats);
        size_t size = dim__product_plan_workspace(ctx, plan);
        void *out = malloc((size_t)(k->m * k->n) * 4), *workspace = aligned_alloc(64, (size + 64) / 64 * 64);
        assert_true(c != NULL && out != NULL && workspace != NULL);
        for (int run = 0; run < 2; run++) {
            memset(workspace, 0xff, size); /* NaN */
            memset(out, 0xff, (size_t)(k->m * k->n) * 4);
            assert_true(k->f32 ? dim__product_plan_run(ctx, plan, a_floats, b_floats, out, workspace)
                               : dim__product_plan_run(ctx, plan, a, b, out, workspace));
            if (k->bf16_out)
                ctx->kernels->from_bf16(c, out, k->m * k->n);
            else
                memcpy(c, out, (size_t)(k->m * k->n) * sizeof *c);
            compare(k, threads, a_floats, b_floats, c);
        }
        assert_int_equal(dim__product_plan_get(ctx, k, &again), DIM_OK);
        assert_ptr_equal(plan, again);
        free(a_floats);
        free(b_floats);
        free(a);
        free(b);
        free(c);
        free(out);
        free(workspace);
    }
    dim_context_destroy(ctx);
    return plan != NULL;
}

static void test_products(void **state)
{
    int found[2] = { 0, 0 }; /* in bf16, in f32 */
    (void)state;
    for (int i = 0; i < KEYS; i++)
        for (uint32_t threads = 1; threads <= 3; threads++)
            found[keys[i].f32] += check(&keys[i], threads);
    print_message("%d products in bf16 and %d in f32 by an accelerator\n", found[0], found[1]);
    dim_context *ctx = context(1, NULL);
    bool there = strstr(dim_context_describe(ctx), "oneDNN") != NULL;
    assert_int_equal(found[0] > 0, there && dim__cpu_has_bf16());
    assert_int_equal(found[1] > 0, there && dim__cpu_detect() == DIM_CPU_AVX512);
    dim_context_destroy(ctx);
}

static void test_no_memory(void **state)
{
    dim_status status = DIM_E_NOMEM;
    dim_context *any = context(1, NULL);
    bool possible = dim__gemm_native_bf16(any);
    dim_context_destroy(any);
    (void)state;
    for (long n = 1; status != DIM_OK; n++) {
        failing f = { 0, 0, 0 };
        const dim__product_plan *plan = NULL;
        dim_context *ctx = context(2, &f);
        f.fail_at = f.calls + n;
        status = dim__product_plan_get(ctx, &keys[11], &plan);
        assert_true((status == DIM_OK && (plan != NULL) == possible) || (status == DIM_E_NOMEM && plan == NULL));
        if (status != DIM_OK) /* and the next one finds everything in order */
            assert_int_equal(dim__product_plan_get(ctx, &keys[11], &plan), DIM_OK);
        dim_context_destroy(ctx);
        assert_int_equal(f.live, 0);
        assert_true(n < 100);
    }
}

/* Plans for ever new sizes do not pile up; one that is held stays. */
static void test_many_sizes(void **state)
{
    dim_context *ctx = context(2, NULL);
    const dim__product_plan *held = NULL, *plan;
    size_t memory = 0;
    (void)state;
    for (int64_t i = 0; i < 700; i++) {
        dim__product_key k = { 0, 1, 64 + i, 64, 64, 0, 0 };
        assert_int_equal(dim__product_plan_get(ctx, &k, &plan), DIM_OK);
        if (plan == NULL) /* not native here */
            break;
        if (i == 0)
            held = plan;
        dim__plan_hold(ctx, plan, 1);
        if (i > 0)
            dim__plan_hold(ctx, plan, -1);
        dim__plans_trim(ctx);
        if (i == 400)
            memory = dim_context_memory(ctx);
        if (i == 699)
            assert_int_equal(dim_context_memory(ctx), memory);
    }
    dim__product_key k = { 0, 1, 64, 64, 64, 0, 0 };
    assert_int_equal(dim__product_plan_get(ctx, &k, &plan), DIM_OK);
    assert_ptr_equal(plan, held);
    dim_context_destroy(ctx);
}

/* ---- ops that are products by such plans ----------------------------------------------------------------------------- */

static void note_plan(void *user, const dim__op *op, const dim__exec *e, double seconds)
{
    bool *planned = user;
    (void)seconds;
    if ((op->flags & DIM__OP_PRODUCT) != 0)
        *planned = dim__is_product_plan(e->attr->plan);
}

/* One op of random inputs, in bf16 or not: what it gives, whether by a product's plan, and the inputs as it read them. */
static float *run_op(const dim__op *op, const dim__attr *attr, const dim__shape *shapes, int n, bool bf16, uint32_t threads,
                     float *in[3], bool *planned)
{
    dim_context_options o;
    dim_context *ctx;
    dim__graph *g;
    dim__program *p;
    dim__vid from[3];
    DIM_OPTIONS_INIT(&o);
    o.threads = threads;
    o.blas_threads = 1;
    o.precision = bf16 ? DIM_PRECISION_BF16 : DIM_PRECISION_F32;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
    for (int k = 0; k < n; k++)
        from[k] = dim__graph_input(g, DIM_F32, shapes[k], false);
    dim__vid y = dim__emit(g, op, n, from, attr);
    dim__graph_keep(g, y);
    assert_int_equal(dim__graph_finish(g), DIM_OK);
    assert_int_equal(dim__program_create(g, &p), DIM_OK);
    int64_t size = dim__count_of(g, y);
    float *out = malloc((size_t)size * sizeof *out);
    assert_non_null(out);
    for (int k = 0; k < n; k++) {
        int64_t count = dim__shape_count(&shapes[k]);
        free(random_halves(count, 5 + (uint64_t)k, &in[k]));
        memcpy(dim__program_data(p, from[k]), in[k], (size_t)count * sizeof *in[k]);
    }
    dim__program_profile(p, note_plan, planned);
    dim__program_forward(p, 1, 1);
    memcpy(out, dim__program_data(p, y), (size_t)size * sizeof *out);
    dim__program_destroy(p);
    dim_context_destroy(ctx);
    return out;
}

/* Few rows times a transposed matrix, onto a row, by a plan; onto a matrix, without. */
static void test_onto(void **state)
{
    enum { M = 40, N = 512, K = 1024 };
    dim__attr attr = { .matmul = { .trans_b = 1 } };
    dim_context *any = context(1, NULL);
    bool possible = strstr(dim_context_describe(any), "oneDNN") != NULL && dim__cpu_detect() == DIM_CPU_AVX512;
    dim_context_destroy(any);
    (void)state;
    for (uint32_t threads = 1; threads <= 3; threads++)
        for (int whole = 0; whole < 2; whole++) {
            float *in[3];
            bool planned = false;
            const dim__shape shapes[3] = { dim__shape2(M, K), dim__shape2(N, K), whole ? dim__shape2(M, N) : dim__shape1(N) };
            float *y = run_op(&dim__op_matmul, &attr, shapes, 3, false, threads, in, &planned);
            assert_int_equal(planned, possible && !whole);
            for (int i = 0; i < M; i++)
                for (int j = 0; j < N; j++) {
                    double sum = in[2][whole ? i * N + j : j], size = fabs(sum);
                    for (int l = 0; l < K; l++) {
                        sum += (double)in[0][i * K + l] * in[1][j * K + l];
                        size += fabs((double)in[0][i * K + l] * in[1][j * K + l]);
                    }
                    if (!(fabs(y[i * N + j] - sum) <= 2e-6 * size))
                        fail_msg("%u threads, [%d, %d] is %g, not %g", (unsigned)threads, i, j, (double)y[i * N + j], sum);
                }
            free(y);
            for (int k = 0; k < 3; k++)
                free(in[k]);
        }
}

/* dw in bf16 by blocks of patches, of which the last one is not whole: 1170 pixels. */
static void test_blocks(void **state)
{
    enum { IMAGES = 130, SIDE = 4, OUT = 3, I = 64, O = 32, KERNEL = 4 };
    dim__attr attr = { .conv = { .stride_h = 1, .stride_w = 1, .pad_h = 1, .pad_w = 1, .dilation_h = 1, .dilation_w = 1,
                                 .height = KERNEL, .width = KERNEL } };
    const dim__shape shapes[2] = { dim__shape4(IMAGES, OUT, OUT, O), dim__shape4(IMAGES, SIDE, SIDE, I) };
    dim_context *any = context(1, NULL);
    bool possible = dim__gemm_native_bf16(any);
    dim_context_destroy(any);
    (void)state;
    for (uint32_t threads = 1; threads <= 3; threads++) {
        float *in[3];
        bool planned = false;
        float *dw = run_op(&dim__op_conv2d_dw, &attr, shapes, 2, true, threads, in, &planned);
        assert_int_equal(planned, possible);
        for (int at = 0; at < O * KERNEL * KERNEL * I; at += 7) {
            int i = at % I, c = at / I % KERNEL, r = at / I / KERNEL % KERNEL, o = at / I / KERNEL / KERNEL;
            double sum = 0, size = 0;
            for (int px = 0; px < IMAGES * OUT * OUT; px++) {
                int x = px % OUT - 1 + c, y = px / OUT % OUT - 1 + r, n = px / OUT / OUT;
                if (x < 0 || x >= SIDE || y < 0 || y >= SIDE)
                    continue;
                double term = (double)in[0][px * O + o] * in[1][((n * SIDE + y) * SIDE + x) * I + i];
                sum += term;
                size += fabs(term);
            }
            if (!(fabs(dw[at] - sum) <= 2e-6 * size))
                fail_msg("%u threads, [%d] is %g, not %g", (unsigned)threads, at, (double)dw[at], sum);
        }
        free(dw);
        free(in[0]);
        free(in[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_products), cmocka_unit_test(test_no_memory),
                                        cmocka_unit_test(test_many_sizes), cmocka_unit_test(test_onto),
                                        cmocka_unit_test(test_blocks) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
