/* The KL prior of means and log-variances of the caller's, against its formula in double. */
#include "loss_tests.h"
#include <dim/model.h>

#include <math.h>
#include <string.h>

static void test_kl_prior(void **state)
{
    static const int64_t dim[2] = { 3, 2 }, other[2] = { 2, 3 };
    static const float mu[6] = { 0, 1, -2, 0.5f, 3, -0.25f }, lv[6] = { 0, 0.5f, -1, 2, -3, 1e-4f };
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    (void)state;
    for (uint32_t sum = 0; sum < 2; sum++) {
        dim_prior_options o;
        dim_prior *prior = NULL;
        double value = 0, want = 0;
        DIM_OPTIONS_INIT(&o);
        o.sum_units = sum;
        assert_int_equal(dim_prior_create(ctx, &o, &prior), DIM_OK);
        dim_tensor *m = tensor(ctx, 2, dim, mu), *v = tensor(ctx, 2, dim, lv), *t = tensor(ctx, 2, other, NULL);
        dim_tensor *dm = reversed(ctx, m), *dv = tensor(ctx, 2, dim, NULL);
        double scale = sum ? 1.0 / 3 : 1.0 / 6;
        assert_int_equal(dim_prior_evaluate(prior, m, v, &value, dm, dv), DIM_OK);
        for (int i = 0; i < 6; i++) {
            int r = i / 2, c = i % 2;
            want += scale * 0.5 * (mu[i] * (double)mu[i] + exp(lv[i]) - 1 - lv[i]);
            float got = ((float *)dim_tensor_data(dm))[r * dim_tensor_stride(dm, 0) + c * dim_tensor_stride(dm, 1)];
            assert_true(fabs(got - scale * mu[i]) <= 6e-8 * fabs(scale * mu[i]));
            double slope = scale * 0.5 * expm1(lv[i]);
            assert_true(fabs(((float *)dim_tensor_data(dv))[i] - slope) <= 6e-8 * fabs(slope));
        }
        assert_true(fabs(value - want) < 1e-14);
        double kept = value;
        assert_int_equal(dim_prior_evaluate(NULL, m, v, &value, NULL, NULL), DIM_E_INVALID);
        expect(ctx, dim_prior_evaluate(prior, m, NULL, &value, NULL, NULL), DIM_E_INVALID, "logvar is NULL");
        expect(ctx, dim_prior_evaluate(prior, m, v, NULL, NULL, NULL), DIM_E_INVALID, "value is NULL");
        expect(ctx, dim_prior_evaluate(prior, m, t, &value, NULL, NULL), DIM_E_SHAPE, "logvar has shape (2, 3)");
        expect(ctx, dim_prior_evaluate(prior, m, v, &value, t, NULL), DIM_E_SHAPE, "grad_mean");
        ((float *)dim_tensor_data(v))[3] = 100; /* e^100 is no float */
        expect(ctx, dim_prior_evaluate(prior, m, v, &value, NULL, dv), DIM_E_NUMERIC, "logvar[1, 1]");
        ((float *)dim_tensor_data(m))[2] = NAN;
        expect(ctx, dim_prior_evaluate(prior, m, v, &value, dm, NULL), DIM_E_NUMERIC, "mean[1, 0]");
        assert_true(value == kept);
        dim_prior_destroy(prior);
        dim_tensor *list[] = { m, v, t, dm, dv };
        for (size_t i = 0; i < sizeof list / sizeof *list; i++)
            dim_tensor_destroy(list[i]);
    }
    dim_prior_options o;
    dim_prior *prior = NULL;
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_PRIOR_UNIFORM;
    assert_int_equal(dim_prior_create(ctx, &o, &prior), DIM_OK);
    dim_tensor *m = tensor(ctx, 2, dim, mu);
    double value;
    expect(ctx, dim_prior_evaluate(prior, m, m, &value, NULL, NULL), DIM_E_UNSUPPORTED, "adversarial");
    dim_tensor_destroy(m);
    dim_prior_destroy(prior);
    dim_prior_destroy(NULL);
    prior = NULL;
    o.kind = (dim_prior_kind)7;
    assert_int_equal(dim_prior_create(ctx, &o, &prior), DIM_E_INVALID);
    assert_int_equal(dim_prior_create(ctx, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_prior_create(NULL, NULL, &prior), DIM_E_INVALID);
    assert_null(prior);
    alloc_left = 0;
    assert_int_equal(dim_prior_create(ctx, NULL, &prior), DIM_E_NOMEM);
    alloc_left = -1;
    dim_context_destroy(ctx);
    assert_int_equal(live, 0);
}

/* A code whose mean and log-variance are what the encoder reads: there is no layer between. */
static void test_input_as_code(void **state)
{
    static const int64_t shape[2] = { 4, 3 };
    static const float x[12] = { 0, 1, -2, 0.5f, 3, -0.25f, 1, 1, 0.125f, -1, -3, 2 };
    dim_context *ctx = context(1, DIM_CPU_AUTO);
    dim_encoder_builder *b;
    dim_encoder *enc;
    dim_model *model;
    dim_prior *prior;
    dim_layer_options o;
    double got, want = 0;
    (void)state;
    assert_int_equal(dim_encoder_builder_create(ctx, 3, 0, 0, &b), DIM_OK);
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_LAYER_GAUSSIAN;
    o.from = "input";
    o.tap = "global";
    assert_int_equal(dim_encoder_builder_add(b, &o), DIM_OK);
    assert_int_equal(dim_encoder_builder_finish(b, NULL, &enc), DIM_OK);
    assert_int_equal(dim_prior_create(ctx, NULL, &prior), DIM_OK);
    assert_int_equal(dim_model_create(enc, NULL, &model), DIM_OK);
    assert_int_equal(dim_model_add_prior(model, prior, 1), DIM_OK);
    dim_tensor *t = tensor(ctx, 2, shape, x);
    assert_int_equal(dim_model_evaluate(model, t), DIM_OK);
    for (int i = 0; i < 12; i++)
        want += 0.5 * (x[i] * (double)x[i] + exp(x[i]) - 1 - x[i]) / 12;
    assert_int_equal(dim_model_report(model, "prior", &got), DIM_OK);
    assert_true(fabs(got - want) < 1e-6 * want);
    want = 0;
    for (int c = 0; c < 3; c++) {
        double mean = 0;
        for (int r = 0; r < 4; r++)
            mean += x[3 * r + c] / 4;
        want += fabs(mean) / 3;
    }
    assert_int_equal(dim_model_report(model, "code.mean", &got), DIM_OK);
    assert_true(fabs(got - want) < 1e-6);
    dim_tensor_destroy(t);
    dim_model_destroy(model);
    dim_prior_destroy(prior);
    dim_encoder_destroy(enc);
    dim_encoder_builder_destroy(b);
    dim_context_destroy(ctx);
    assert_int_equal(live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_kl_prior), cmocka_unit_test(test_input_as_code) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
