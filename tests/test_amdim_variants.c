/* AMDIM's other forms against PyTorch (fixtures/make_amdim.py): 128-pixel images, batch norm inside the blocks, more
 * than two views; and how the encoders' weights start. */
#include "amdim_tests.h"

static const char *const terms[][3] = { { "t15", "f1", "phi5" },
                                        { "t17", "f1", "phi7" },
                                        { "t55", "phi5", "phi5" } };

static void step_128(void **state)
{
    (void)state;
    check_step("amdim128", &(amdim_setup){ .side = 128, .ndf = 2, .depth = 1, .terms = terms, .n_terms = 2 }, 2, NULL);
}

static void step_with_block_norm(void **state)
{
    (void)state;
    check_step("norm32",
               &(amdim_setup){ .side = 32, .ndf = 3, .depth = 2, .block_norm = 1, .terms = terms, .n_terms = 2 }, 4,
               NULL);
    check_step("norm128",
               &(amdim_setup){ .side = 128, .ndf = 2, .depth = 1, .block_norm = 1, .terms = terms, .n_terms = 2 }, 3,
               NULL);
}

/* Six ordered pairs of views, each of which counts a sixth. */
static void step_of_three_views(void **state)
{
    static const int picks[6 * 3] = { 11, 16, 5, 12, 21, 21, 10, 1, 1, 14, 13, 17, 15, 23, 12, 7, 2, 5 };
    (void)state;
    check_step("views3", &(amdim_setup){ .side = 32, .ndf = 3, .depth = 1, .views = 3, .terms = terms, .n_terms = 3 },
               3, picks);
}

static int ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

typedef struct range {
    float low, high;
} range;

static range range_of(const float *x, int64_t n)
{
    range r = { INFINITY, -INFINITY };
    for (int64_t i = 0; i < n; i++) {
        r.low = fminf(r.low, x[i]);
        r.high = fmaxf(r.high, x[i]);
    }
    return r;
}

/* As the authors' programs: ones on the diagonal, U(-0.01, 0.01) beside it. */
static void check_shortcut(const char *name, dim_tensor *t)
{
    float *x = dim_tensor_data(t);
    int64_t rows = dim_tensor_size(t, 0), columns = dim_tensor_size(t, 1);
    for (int64_t i = 0; i < rows && i < columns; i++) {
        assert_true(x[i * columns + i] == 1);
        x[i * columns + i] = 0;
    }
    range r = range_of(x, rows * columns);
    if (!(r.high > 0.009f && r.high <= 0.01f && r.low < -0.009f && r.low >= -0.01f))
        fail_msg("%s is in [%g, %g] off its diagonal", name, (double)r.low, (double)r.high);
}

/* PyTorch's default, U(-b, b) with b = 1 / sqrt(fan in); the smallest have some hundred numbers. */
static void check_uniform(const char *name, dim_tensor *t)
{
    int64_t n = dim_tensor_count(t);
    float bound = (float)(1 / sqrt((double)(n / dim_tensor_size(t, 0))));
    range r = range_of(dim_tensor_data(t), n);
    if (!(r.high > 0.85f * bound && r.high <= bound && r.low < -0.85f * bound && r.low >= -bound))
        fail_msg("%s is in [%g, %g], not all of +- %g", name, (double)r.low, (double)r.high, (double)bound);
}

static void check_constant(const char *name, dim_tensor *t, float value)
{
    range r = range_of(dim_tensor_data(t), dim_tensor_count(t));
    if (!(r.low == value && r.high == value))
        fail_msg("%s is in [%g, %g], not %g", name, (double)r.low, (double)r.high, (double)value);
}

typedef struct kinds { /* how many parameters of each kind there were */
    int zero, shortcut, bias, uniform, norm;
} kinds;

static void check_initial(const char *name, dim_tensor *t, kinds *seen)
{
    if (ends_with(name, "conv2.weight")) {
        check_constant(name, t, 0);
        seen->zero++;
    } else if (ends_with(name, "shortcut.weight")) {
        check_shortcut(name, t);
        seen->shortcut++;
    } else if (ends_with(name, "bias") || ends_with(name, "running_mean")) {
        check_constant(name, t, 0);
        seen->bias++;
    } else if (dim_tensor_rank(t) > 1) {
        check_uniform(name, t);
        seen->uniform++;
    } else {
        check_constant(name, t, 1);
        seen->norm++;
    }
}

/* Residual branches and phi's start silent (as with fixup, AMDIM's appendix), phi as nearly the identity. */
static void initial_weights(void **state)
{
    enum { DEPTH = 2 };
    (void)state;
    ok(dim_context_create(NULL, &ctx));
    for (int k = 0; k < 6; k++) {
        dim_encoder_options eo;
        dim_encoder *enc;
        kinds seen = { 0 };
        DIM_OPTIONS_INIT(&eo);
        eo.kind = (dim_encoder_kind)(DIM_ENCODER_AMDIM32 + k / 2);
        eo.ndf = 8;
        eo.units = 80; /* wider than what phi reads, and not square */
        eo.depth = DEPTH;
        eo.block_norm = k % 2;
        ok(dim_encoder_create(ctx, &eo, &enc));
        for (int i = 0; i < dim_encoder_parameter_count(enc); i++) {
            const char *name = dim_encoder_parameter_name(enc, i);
            dim_tensor *t;
            ok(dim_encoder_get_parameter(enc, name, &t));
            check_initial(name, t, &seen);
            dim_tensor_destroy(t);
        }
        /* to1 is a single block, and so is block1 at 32 pixels; the twos are phi_7's and phi_5's */
        int blocks = 1 + (k < 2 ? 1 : DEPTH) + 4 * DEPTH, stems = k < 4 ? 1 : 2, norms = 3;
        norms += k % 2 ? blocks + 2 + stems + 1 : 0;
        assert_int_equal(seen.zero, blocks + 2);
        assert_int_equal(seen.shortcut, 2);
        assert_int_equal(seen.uniform, blocks + 2 + stems);
        assert_int_equal(seen.bias, 2 + 2 * norms);
        assert_int_equal(seen.norm, 2 * norms);
        dim_encoder_destroy(enc);
    }
    dim_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(step_128),
        cmocka_unit_test(step_with_block_norm),
        cmocka_unit_test(step_of_three_views),
        cmocka_unit_test(initial_weights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
