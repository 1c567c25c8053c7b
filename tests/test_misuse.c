/* Wrong calls: sizes that were never set, memory that is used twice, names, limits, and what the texts say about them. */
#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static dim_context *ctx;

static int setup(void **state)
{
    dim_context_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 2;
    return dim_context_create(&o, &ctx) == DIM_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    return 0;
}

/* The status, and a piece of the text. */
static void expect(dim_status want, const char *says, dim_status got)
{
    if (got != want || strstr(dim_context_error(ctx), says) == NULL)
        fail_msg("%s (%s) instead of %s (%s)", dim_status_name(got), got == DIM_OK ? "" : dim_context_error(ctx),
                 dim_status_name(want), says);
}

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

static dim_tensor *f32(int rank, int64_t a, int64_t b)
{
    const int64_t shape[2] = { a, b };
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_F32, rank, shape, &t));
    return t;
}

/* A struct whose size was never set must not be read: what follows may not be there. */
static void sizes_never_set(void **state)
{
    static const size_t sizes[] = { 4097, (size_t)1 << 40, SIZE_MAX };
    (void)state;
    dim_tensor *x = f32(2, 4, 3), *labels;
    const int64_t four = 4;
    ok(dim_tensor_create(ctx, DIM_I64, 1, &four, &labels));
    dim_estimator *est;
    ok(dim_estimator_create(ctx, NULL, &est));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t *block = malloc(sizeof *block); /* so that address sanitizer sees a read of one byte more */
        dim_encoder *enc;
        dim_context *other;
        assert_non_null(block);
        *block = sizes[i];
        const void *garbage = block;
        void *result = block;
        expect(DIM_E_INVALID, "DIM_OPTIONS_INIT", dim_encoder_create(ctx, garbage, &enc));
        assert_int_equal(dim_context_create(garbage, &other), DIM_E_INVALID);
        expect(DIM_E_INVALID, "DIM_OPTIONS_INIT", dim_estimator_evaluate(est, x, x, NULL, result, NULL, NULL));
        expect(DIM_E_INVALID, "DIM_OPTIONS_INIT", dim_probe_run(ctx, NULL, x, labels, x, labels, result));
        free(block);
    }
    dim_estimator_destroy(est);
    dim_tensor_destroy(x);
    dim_tensor_destroy(labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_never_set),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
