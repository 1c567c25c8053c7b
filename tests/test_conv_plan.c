/* Convolutions by an accelerator against loops in double. */
#include "base/cpu.h"
#include "base/rng.h"
#include "kernels/conv.h"
#include "kernels/kernels.h"
#include <dim/context.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct shape {
    int64_t n, h, w, i, o, kh, kw, stride_h, stride_w, pad_h, pad_w;
} shape;

/* Each has 2^24 multiply-adds at least, which is when an accelerator is asked. */
static const shape shapes[] = {
    { 9, 16, 16, 32, 64, 4, 4, 2, 2, 1, 1 },  { 19, 17, 15, 32, 48, 3, 3, 2, 2, 1, 1 },
    { 3, 16, 16, 24, 192, 3, 3, 1, 1, 1, 1 }, { 22, 32, 32, 3, 64, 4, 4, 2, 2, 1, 1 },
    { 10, 32, 32, 3, 64, 3, 3, 1, 1, 1, 1 },  { 4, 18, 20, 40, 50, 3, 5, 1, 1, 0, 0 },
    { 9, 12, 13, 64, 160, 2, 3, 2, 2, 0, 0 }, { 33, 4, 4, 64, 64, 3, 3, 1, 1, 1, 1 },
    { 9, 16, 16, 32, 64, 4, 3, 2, 1, 1, 1 },  { 12, 16, 17, 32, 64, 3, 1, 1, 1, 1, 0 },
    { 9, 1, 200, 32, 64, 1, 5, 1, 1, 0, 2 },  { 9, 1, 400, 32, 64, 1, 5, 1, 2, 0, 2 },
};

static dim__conv_key key_of(const shape *s, dim__conv_pass pass)
{
    return (dim__conv_key){ pass, s->h, s->w, s->i, s->o, s->kh, s->kw, (s->h + 2 * s->pad_h - s->kh) / s->stride_h + 1,
                            (s->w + 2 * s->pad_w - s->kw) / s->stride_w + 1, s->stride_h, s->stride_w, s->pad_h, s->pad_w,
                            0, 0, pass == DIM__CONV_DW ? s->n : 0 };
}

static float *random_floats(int64_t n, uint64_t stream)
{
    float *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    dim__rng_normal(x, n, 1, stream, 0);
    return x;
}

/* Visits each product of the convolution: out += in w, with the sum of magnitudes for the tolerance.  For dw, `in` is x and
 * `w` is dy. */
static void reference(const shape *s, const dim__conv_key *k, const float *in, const float *w, double *out,
                      double *size)
{
    bool forward = k->pass == DIM__CONV_FORWARD, dw = k->pass == DIM__CONV_DW;
    for (int64_t n = 0; n < s->n; n++)
        for (int64_t y = 0; y < k->oh; y++)
            for (int64_t x = 0; x < k->ow; x++)
                for (int64_t r = 0; r < k->kh; r++)
                    for (int64_t c = 0; c < k->kw; c++) {
                        int64_t ih = y * k->stride_h - k->pad_h + r, iw = x * k->stride_w - k->pad_w + c;
                        if (ih < 0 || ih >= k->h || iw < 0 || iw >= k->w)
                            continue;
                        int64_t at_x = ((n * k->h + ih) * k->w + iw) * k->i;
                        int64_t at_y = ((n * k->oh + y) * k->ow + x) * k->o;
                        for (int64_t o = 0; o < k->o; o++) {
                            int64_t at_w = ((o * k->kh + r) * k->kw + c) * k->i;
                            for (int64_t i = 0; i < k->i; i++) {
                                int64_t from = forward || dw ? at_x + i : at_y + o;
                                int64_t to = dw ? at_w + i : forward ? at_y + o : at_x + i;
                                double product = (double)in[from] * w[dw ? at_y + o : at_w + i];
                                out[to] += product;
                                size[to] += fabs(product);
                            }
                        }
                    }
}

static dim_context *context(uint32_t threads, dim_alloc_fn alloc, dim_free_fn release, void *user)
{
    dim_context_options o;
    dim_context *ctx;
    DIM_OPTIONS_INIT(&o);
    o.threads = threads;
    o.blas_threads = 1;
    o.alloc = alloc;
    o.free = release;
    o.alloc_user = user;
    assert_int_equal(dim_context_create(&o, &ctx), DIM_OK);
    return ctx;
}

/* NULL where no accelerator does this shape here. */
static float *accelerated(const shape *s, const dim__conv_key *k, uint32_t threads, const void *in, const void *w,
                          int64_t n_out)
{
    dim_context *ctx = context(threads, NULL, NULL, NULL);
    const dim__conv_plan *plan, *again;
    float *out = NULL;
    assert_int_equal(dim__conv_plan_get(ctx, k, s->n, &plan), DIM_OK);
    if (plan != NULL) {
        size_t size = dim__conv_plan_workspace(ctx, plan);
        void *workspace = aligned_alloc(64, (size + 63) / 64 * 64);
        out = malloc((size_t)n_out * sizeof *out);
        assert_non_null(workspace);
        assert_non_null(out);
        memset(workspace, 0xff, size); /* NaN */
        memset(out, 0xff, (size_t)n_out * sizeof *out);
        assert_true(dim__conv_plan_run(ctx, plan, s->n, in, w, out, workspace, NULL));
        if (k->bf16_out) {
            float *floats = malloc((size_t)n_out * sizeof *floats);
            assert_non_null(floats);
            ctx->kernels->from_bf16(floats, (const uint16_t *)out, n_out);
            free(out);
            out = floats;
        }
        assert_int_equal(dim__conv_plan_get(ctx, k, s->n, &again), DIM_OK);
        assert_ptr_equal(plan, again);
        free(workspace);
    }
    dim_context_destroy(ctx);
    return out;
}

/* As bf16; what they are rounded to, in their own place. */
static uint16_t *half(float *x, int64_t n)
{
    const dim__kernels *kernels = dim__kernels_select(DIM_CPU_BASELINE);
    uint16_t *y = malloc((size_t)n * sizeof *y);
    assert_non_null(y);
    kernels->to_bf16(y, x, n);
    kernels->from_bf16(x, y, n);
    return y;
}

static void check(const shape *s, dim__conv_pass pass, bool bf16, bool bf16_out, int *found)
{
    dim__conv_key k = key_of(s, pass);
    int64_t x = s->n * k.h * k.w * k.i, y = s->n * k.oh * k.ow * k.o, weights = k.o * k.kh * k.kw * k.i;
    bool dw = pass == DIM__CONV_DW;
    int64_t n_in = pass == DIM__CONV_DX ? y : x, n_w = dw ? y : weights;
    int64_t n_out = dw ? weights : pass == DIM__CONV_DX ? x : y;
    double rounding = bf16_out ? 0x1p-8 : 0;
    float *in = random_floats(n_in, 1), *w = random_floats(n_w, 2);
    uint16_t *half_in = bf16 ? half(in, n_in) : NULL, *half_w = bf16 ? half(w, n_w) : NULL;
    k.bf16 = bf16;
    k.bf16_out = bf16_out;
    double *want = calloc((size_t)n_out, sizeof *want), *size = calloc((size_t)n_out, sizeof *size);
    assert_non_null(want);
    assert_non_null(size);
    const void *a = bf16 ? (const void *)half_in : in, *b = bf16 ? (const void *)half_w : w;
    float *one = accelerated(s, &k, 1, a, b, n_out), *three = accelerated(s, &k, 3, a, b, n_out);
    assert_int_equal(one == NULL, three == NULL);
    assert_true((double)k.oh * (double)k.ow * (double)(k.o * k.kh * k.kw * k.i * s->n) >= 1 << 24);
    if (one != NULL) {
        ++*found;
        reference(s, &k, in, w, want, size);
        for (int64_t i = 0; i < n_out; i++) /* rounding of a sum in single precision, in some order */
            if (!(fabs(one[i] - want[i]) <= 2e-6 * size[i] + rounding * fabs(want[i])) ||
                !(fabs(three[i] - want[i]) <= 2e-6 * size[i] + rounding * fabs(want[i])))
                fail_msg("%lld x %lld x %lld pass %d: [%lld] is %g, not %g", (long long)k.h, (long long)k.w,
                         (long long)k.i, (int)pass, (long long)i, (double)one[i], want[i]);
        if (!dw) /* which each thread sums over its images */
            assert_memory_equal(one, three, (size_t)n_out * sizeof *one);
    }
    free(in);
    free(w);
    free(half_in);
    free(half_w);
    free(want);
    free(size);
    free(one);
    free(three);
}

static bool has_onednn(void)
{
    dim_context *ctx = context(1, NULL, NULL, NULL);
    bool has = strstr(dim_context_describe(ctx), "oneDNN") != NULL;
    dim_context_destroy(ctx);
    return has;
}

static void test_results(void **state)
{
    int found = 0;
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int pass = DIM__CONV_FORWARD; pass <= DIM__CONV_DX; pass++)
            check(&shapes[i], (dim__conv_pass)pass, false, false, &found);
    print_message("%d convolutions by an accelerator\n", found);
    assert_int_equal(found > 0, has_onednn() && dim__cpu_detect() == DIM_CPU_AVX512);
}

static void test_bf16(void **state)
{
    int found = 0;
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int pass = DIM__CONV_FORWARD; pass <= DIM__CONV_DW; pass++)
            for (int out = 0; out < 1 + (pass != DIM__CONV_DW); out++)
                check(&shapes[i], (dim__conv_pass)pass, true, out != 0, &found);
    print_message("%d convolutions in bf16 by an accelerator\n", found);
    assert_int_equal(found > 0, has_onednn() && dim__cpu_has_bf16());
}

/* ---- failing memory ---------------------------------------------------------------------------------------------- */

typedef struct budget {
    int64_t left, held;
} budget;

static void *take(void *user, size_t size, size_t align)
{
    budget *b = user;
    if (b->left-- == 0)
        return NULL;
    void *p = aligned_alloc(align, (size + align - 1) / align * align);
    b->held += p != NULL;
    return p;
}

static void give(void *user, void *memory, size_t size)
{
    (void)size;
    ((budget *)user)->held--;
    free(memory);
}

static void test_no_memory(void **state)
{
    const shape *s = &shapes[*state == NULL ? 0 : 2]; /* a strided dw may have no plan */
    dim__conv_key k = key_of(s, *state == NULL ? DIM__CONV_FORWARD : DIM__CONV_DW);
    dim_status status = DIM_E_NOMEM;
    bool possible = has_onednn() && (*state != NULL ? dim__cpu_has_bf16() : dim__cpu_detect() == DIM_CPU_AVX512);
    k.bf16 = *state != NULL;
    for (int64_t n = 0; status != DIM_OK; n++) {
        budget b = { .left = INT64_MAX };
        const dim__conv_plan *plan = NULL;
        dim_context *ctx = context(2, take, give, &b);
        b.left = n;
        status = dim__conv_plan_get(ctx, &k, s->n, &plan);
        assert_true((status == DIM_OK && (plan != NULL) == possible) || (status == DIM_E_NOMEM && plan == NULL));
        b.left = INT64_MAX;
        if (status != DIM_OK) /* and the next one finds everything in order */
            assert_int_equal(dim__conv_plan_get(ctx, &k, s->n, &plan), DIM_OK);
        dim_context_destroy(ctx);
        assert_int_equal(b.held, 0);
        assert_true(n < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_results), cmocka_unit_test(test_bf16),
                                        cmocka_unit_test(test_no_memory),
                                        cmocka_unit_test_prestate(test_no_memory, "bf16") };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
