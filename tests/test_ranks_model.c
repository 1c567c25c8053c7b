/* A model on several ranks: terms, priors by formula and by adversaries, classifiers with labels that ranks have different numbers of,
 * occlusion, statistics of the code; steps with and without labels, and evaluations, give what one rank with all images gives. */
#include "ranks_tests.h"

#include <dim/model.h>
#include <math.h>

enum { ALL = 12, SIDE = 6, VIEWS = 2, STEPS = 20, REPORTS = 40, CODE = 3, NUMBERS = 20000 };

typedef struct history {
    int n_reports;
    char names[REPORTS][64];
    double reports[STEPS + 1][REPORTS];
    float mean[CODE], std[CODE];
    int64_t n;
    float numbers[NUMBERS];
} history;

static dim_encoder *encoder(void)
{
    return network_of(2, SIDE, SIDE, LAYERS({ .kind = DIM_LAYER_CONV, .out = 4, .kernel = 3, .padding = 1, .no_bias = 1 },
                                            { .kind = DIM_LAYER_BATCH_NORM }, { .kind = DIM_LAYER_RELU },
                                            { .kind = DIM_LAYER_MAX_POOL, .kernel = 2, .tap = "local" },
                                            { .kind = DIM_LAYER_LINEAR, .out = 7, .no_bias = 1 }, { .kind = DIM_LAYER_BATCH_NORM },
                                            { .kind = DIM_LAYER_RELU, .tap = "h" },
                                            { .kind = DIM_LAYER_LINEAR, .out = CODE, .tap = "mean" },
                                            { .kind = DIM_LAYER_FROM, .from = "h" },
                                            { .kind = DIM_LAYER_LINEAR, .out = CODE, .tap = "logvar" },
                                            { .kind = DIM_LAYER_FROM, .from = "mean" },
                                            { .kind = DIM_LAYER_GAUSSIAN, .from = "logvar", .tap = "global" }));
}

static void add_priors(dim_model *model)
{
    dim_prior_options o = { .size = sizeof o, .kind = DIM_PRIOR_KL };
    dim_prior *kl, *uniform;
    ok(dim_prior_create(ctx, &o, &kl));
    ok(dim_model_add_prior(model, kl, 0.1f));
    o = (dim_prior_options){ .size = sizeof o, .kind = DIM_PRIOR_UNIFORM, .hidden1 = 6, .hidden2 = 5, .gradient_penalty = 0.5f };
    ok(dim_prior_create(ctx, &o, &uniform));
    ok(dim_model_add_prior(model, uniform, 0.5f));
    dim_prior_destroy(kl);
    dim_prior_destroy(uniform);
}

static dim_model *made(const member *me)
{
    dim_model *model;
    dim_estimator *est;
    dim_encoder *enc = encoder();
    dim_comm comm = comm_of((member *)me);
    dim_model_options mo = { .size = sizeof mo, .seed = 7, .views = VIEWS, .occlude = 2 };
    dim_optimizer_options sgd = { .size = sizeof sgd, .kind = DIM_OPTIMIZER_SGD, .lr = 0.01f, .momentum = 0.5f, .clip_norm = 2 };
    ok(dim_estimator_create(ctx, &(dim_estimator_options){ .size = sizeof(dim_estimator_options), .kind = DIM_ESTIMATOR_INFONCE }, &est));
    ok(dim_model_create(enc, &mo, &model));
    ok(dim_model_add_term(model, &(dim_term_options){ .size = sizeof(dim_term_options), .estimator = est, .units = 6 }));
    ok(dim_model_add_term(model, &(dim_term_options){ .size = sizeof(dim_term_options), .name = "whole", .x = "global:local", .units = 6,
                                                      .critic = DIM_CRITIC_BILINEAR }));
    add_priors(model);
    ok(dim_model_add_classifier(model, &(dim_classifier_options){ .size = sizeof(dim_classifier_options), .classes = 3, .clip = 5,
                                                                  .penalty = 0.1f }));
    ok(dim_model_add_classifier(model, &(dim_classifier_options){ .size = sizeof(dim_classifier_options), .name = "deep", .tap = "h",
                                                                  .classes = 3, .hidden = 6, .dropout = 0.3f }));
    ok(dim_model_set_optimizer(model, &sgd));
    ok(dim_objective_communicate(dim_model_objective(model), &comm));
    dim_estimator_destroy(est);
    dim_encoder_destroy(enc);
    return model;
}

static dim_tensor *images(int step, int64_t first, int64_t n)
{
    dim_tensor *t = f32_tensor(4, (int64_t[]){ VIEWS * n, 2, SIDE, SIDE }, NULL);
    float *x = dim_tensor_data(t);
    for (int64_t v = 0; v < VIEWS; v++)
        for (int64_t k = 0; k < n; k++)
            for (int64_t i = 0; i < 2 * SIDE * SIDE; i++)
                *x++ = (float)(sin(1.7 * (double)(first + k + ALL * step) + 0.61 * (double)i) +
                               0.3 * sin(1.1 * (double)i + 5.0 * (double)v));
    return t;
}

static dim_tensor *labels(int step, int64_t first, int64_t n)
{
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_I32, 1, &n, &t));
    for (int64_t k = 0; k < n; k++) /* the last rank has none */
        ((int32_t *)dim_tensor_data(t))[k] = first + k >= ALL * 2 / 3 || first + k == 1 ? -1 : (int32_t)((first + k + step) % 3);
    return t;
}

static void note_reports(const dim_model *model, history *h, double *to)
{
    h->n_reports = dim_model_report_count(model);
    assert_in_range(h->n_reports, 10, REPORTS);
    for (int i = 0; i < h->n_reports; i++) {
        snprintf(h->names[i], sizeof h->names[i], "%s", dim_model_report_name(model, i));
        ok(dim_model_report(model, h->names[i], &to[i]));
    }
}

static void train(member *me, void *arg)
{
    history *h = ((history **)arg)[me->rank];
    int64_t n = ALL / me->of->ranks, first = me->rank * n;
    dim_model *model = made(me);
    for (int s = 0; s <= STEPS; s++) {
        dim_tensor *x = images(s, first, n), *y = labels(s, first, n);
        ok(s == STEPS ? dim_model_evaluate(model, x) : s % 5 == 4 ? dim_model_step(model, x) : dim_model_step_labeled(model, x, y));
        note_reports(model, h, h->reports[s]);
        dim_tensor_destroy(x);
        dim_tensor_destroy(y);
    }
    ok(dim_model_code_stats(model, h->mean, h->std));
    for (int i = 0; i < dim_model_parameter_count(model); i++) {
        dim_tensor *t;
        ok(dim_model_get_parameter(model, dim_model_parameter_name(model, i), &t));
        assert_true(h->n + dim_tensor_count(t) <= NUMBERS);
        memcpy(h->numbers + h->n, dim_tensor_const_data(t), (size_t)dim_tensor_count(t) * sizeof(float));
        h->n += dim_tensor_count(t);
        dim_tensor_destroy(t);
    }
    dim_model_destroy(model);
}

static void near(uint32_t ranks, const char *what, int step, double got, double want)
{
    if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= 3e-5 * fmax(1, fabs(want))))
        fail_msg("%u ranks, step %d: %s is %.9g, but of one rank %.9g", ranks, step, what, got, want);
}

static void compare(uint32_t ranks, const history *got, const history *want)
{
    assert_int_equal(got->n_reports, want->n_reports);
    assert_int_equal(got->n, want->n);
    for (int s = 0; s <= STEPS; s++)
        for (int i = 0; i < want->n_reports; i++)
            near(ranks, want->names[i], s, got->reports[s][i], want->reports[s][i]);
    for (int i = 0; i < CODE; i++) {
        near(ranks, "a unit's mean", STEPS, got->mean[i], want->mean[i]);
        near(ranks, "a unit's deviation", STEPS, got->std[i], want->std[i]);
    }
    for (int64_t i = 0; i < want->n; i++)
        near(ranks, "a parameter", STEPS, got->numbers[i], want->numbers[i]);
}

static void test_model(void **state)
{
    static history memory[3][3];
    (void)state;
    for (uint32_t ranks = 1; ranks <= 3; ranks++) {
        team t;
        history *of[] = { &memory[ranks - 1][0], &memory[ranks - 1][1], &memory[ranks - 1][2] };
        team_init(&t, ranks);
        on_ranks(&t, (dim_context_options){ .threads = 1 }, train, of);
        team_end(&t);
        compare(ranks, of[0], &memory[0][0]);
        for (uint32_t r = 1; r < ranks; r++)
            assert_memory_equal(of[r], of[0], sizeof *of[0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_model) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
