/* What the tests against fixtures/make_amdim.py share: its weights and images, and the numbers of amdim.txt. */
#ifndef DIM_AMDIM_TESTS_H
#define DIM_AMDIM_TESTS_H

#include "hashed.h"
#include "model/model.h"
#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { AMDIM_RKHS = 16, AMDIM_MAX_PARAMETERS = 256 };

static dim_context *ctx;

static inline void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

static inline int is_state(const char *name) { return strstr(name, "running_") != NULL; }

static inline void set_weights(dim_model *model)
{
    for (int i = 0; i < dim_model_parameter_count(model); i++) {
        char name[160];
        dim_tensor *t;
        snprintf(name, sizeof name, "%s", dim_model_parameter_name(model, i));
        if (is_state(name))
            continue;
        ok(dim_model_get_parameter(model, name, &t));
        int64_t n = dim_tensor_count(t), fan_in = dim_tensor_rank(t) > 0 ? n / dim_tensor_size(t, 0) : 1;
        size_t length = strlen(name);
        int bias = length > 4 && strcmp(name + length - 4, "bias") == 0;
        float *x = dim_tensor_data(t);
        for (int64_t k = 0; k < n; k++) {
            double u = hashed((uint32_t)k, fnv(name));
            x[k] = (float)(dim_tensor_rank(t) > 1 ? 1.7 / sqrt((double)fan_in) * u : bias ? 0.1 * u : 1 + 0.2 * u);
        }
        ok(dim_model_set_parameter(model, name, t));
        dim_tensor_destroy(t);
    }
}

/* Views as in the fixture's script: n images each. */
static inline dim_tensor *images_of(int side, int n, int views)
{
    static const int shift[4] = { 20, 60, 100, 140 };
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ views * n, 3, side, side }, &t));
    uint8_t *x = dim_tensor_data(t);
    int64_t each = 3 * side * side;
    for (int64_t i = 0; i < views * n * each; i++)
        x[i] = (uint8_t)((int)((hashed((uint32_t)i, 5) + 1) * 128) / 4 + shift[i / each % n]);
    return t;
}

/* One number of the fixture: the `nth` of a line "<case> <kind> <name> numbers". */
static inline double wanted(const char *key, int nth)
{
    static char text[65536];
    if (text[0] == '\0') {
        FILE *f = fopen(DIM_TEST_DATA "/amdim.txt", "r");
        assert_non_null(f);
        size_t n = fread(text + 1, 1, sizeof text - 2, f);
        fclose(f);
        text[0] = '\n';
        text[n + 1] = '\0';
    }
    char line[256];
    snprintf(line, sizeof line, "\n%s ", key);
    char *at = strstr(text, line);
    if (at == NULL)
        fail_msg("the fixture has no line '%s'", key);
    at += strlen(line);
    for (int k = 0; k < nth; k++)
        strtod(at, &at);
    return strtod(at, NULL);
}

static inline void close_to(const char *what, double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("%s: %.9g, PyTorch %.9g", what, got, want);
}

/* Trained by plain SGD at rate 1, a parameter moves by exactly its gradient. */
static inline void check_gradients(const char *name, dim_model *model, dim_tensor **before)
{
    for (int i = 0; i < dim_model_parameter_count(model); i++) {
        char key[240];
        dim_tensor *after;
        double norm = 0, a = 0, b = 0, largest = 0;
        const char *parameter = dim_model_parameter_name(model, i);
        snprintf(key, sizeof key, "%s grad %s", name, parameter);
        if (is_state(parameter))
            continue;
        ok(dim_model_get_parameter(model, parameter, &after));
        const float *x = dim_tensor_const_data(before[i]), *y = dim_tensor_const_data(after);
        for (int64_t k = 0; k < dim_tensor_count(after); k++) {
            double g = (double)x[k] - y[k];
            largest = fmax(largest, fabs(x[k]));
            norm += g * g;
            a += g * hashed((uint32_t)k, 11);
            b += g * hashed((uint32_t)k, 12);
        }
        /* float32 through some twenty layers, and the difference of weights is rounded as the weights are.  What batch
         * norm makes zero is rounding alone, in PyTorch's float32 2e-5. */
        double want = wanted(key, 0), zero = strstr(parameter, "shortcut.bias") != NULL ? 1e-4 : 3e-6,
               tolerance = zero + 2e-5 * want + 3e-8 * largest * sqrt((double)dim_tensor_count(after));
        close_to(key, sqrt(norm), want, tolerance);
        close_to(key, a, wanted(key, 1), tolerance);
        close_to(key, b, wanted(key, 2), tolerance);
        dim_tensor_destroy(after);
    }
}

static inline void remember(dim_model *model, dim_tensor **out)
{
    for (int i = 0; i < dim_model_parameter_count(model); i++)
        ok(dim_model_get_parameter(model, dim_model_parameter_name(model, i), &out[i]));
}

static inline void forget(dim_model *model, dim_tensor **list)
{
    for (int i = 0; i < dim_model_parameter_count(model); i++)
        dim_tensor_destroy(list[i]);
}

typedef struct amdim_setup {
    int side;
    uint32_t ndf, depth, block_norm, views; /* views 0: two */
    const char *const (*terms)[3];          /* name, y, x */
    int n_terms;
    uint32_t mixture;
    float tau;
} amdim_setup;

static inline dim_model *amdim(const amdim_setup *setup)
{
    dim_encoder_options eo;
    dim_model_options mo;
    dim_estimator_options so;
    dim_term_options to;
    dim_optimizer_options oo;
    dim_encoder *enc;
    dim_estimator *est;
    dim_model *model;
    DIM_OPTIONS_INIT(&eo);
    eo.kind = setup->side == 32   ? DIM_ENCODER_AMDIM32
              : setup->side == 64 ? DIM_ENCODER_AMDIM64
                                  : DIM_ENCODER_AMDIM128;
    eo.ndf = setup->ndf;
    eo.units = AMDIM_RKHS;
    eo.depth = setup->depth;
    eo.block_norm = setup->block_norm;
    ok(dim_encoder_create(ctx, &eo, &enc));
    DIM_OPTIONS_INIT(&mo);
    mo.views = setup->views == 0 ? 2 : setup->views;
    ok(dim_model_create(enc, &mo, &model));
    DIM_OPTIONS_INIT(&so);
    so.kind = DIM_ESTIMATOR_INFONCE;
    so.scale = (float)(1 / sqrt((double)AMDIM_RKHS));
    so.penalty = 0.05f;
    so.clip = 3;
    ok(dim_estimator_create(ctx, &so, &est));
    for (int i = 0; i < setup->n_terms; i++) {
        DIM_OPTIONS_INIT(&to);
        to.name = setup->terms[i][0];
        to.y = setup->terms[i][1];
        to.x = setup->terms[i][2];
        to.critic = DIM_CRITIC_PLAIN_DOT;
        to.estimator = est;
        to.mixture = setup->mixture;
        to.mixture_tau = setup->tau;
        ok(dim_model_add_term(model, &to));
    }
    DIM_OPTIONS_INIT(&oo);
    oo.kind = DIM_OPTIMIZER_SGD;
    oo.lr = 1;
    ok(dim_model_set_optimizer(model, &oo));
    dim_estimator_destroy(est);
    dim_encoder_destroy(enc);
    return model;
}

static inline double report(dim_model *model, const char *name)
{
    double value;
    ok(dim_model_report(model, name, &value));
    return value;
}

/* A term's loss, value and mean scores.  They are float32 sums of scores of some 5 in size. */
static inline void check_term(const char *name, dim_model *model, const char *term)
{
    static const char *const what[] = { "", ".value", ".pos", ".neg" };
    char key[96], full[96];
    snprintf(key, sizeof key, "%s term %s", name, term);
    for (int i = 0; i < 4; i++) {
        double want = wanted(key, i);
        snprintf(full, sizeof full, "%s%s", term, what[i]);
        close_to(full, report(model, full), want, i == 0 ? 3e-6 * want : 3e-6 * (1 + fabs(want)));
    }
}

/* What the script's picks must be: n of each direction. */
static inline void check_picks(dim_model *model, const int *picks, int n, int directions)
{
    dim__graph *g = dim__program_graph(model->obj->programs.list[0].program);
    int found = 0;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        if (g->nodes[i].op != &dim__op_random_location)
            continue;
        const int32_t *at = dim__program_data(model->obj->programs.list[0].program, g->nodes[i].out[0]);
        for (int k = 0; k < n; k++)
            if (found >= directions || at[k] - k * 25 != picks[found * n + k])
                fail_msg("direction %d draws location %d for image %d", found, (int)at[k] - k * 25, k);
        found++;
    }
    assert_int_equal(found, directions);
}

/* One step of the fixture's case: with the reference executor, which keeps the draws readable, and planned. */
static inline void check_step(const char *name, const amdim_setup *setup, int n, const int *picks)
{
    char key[64];
    dim_context_options co;
    dim_tensor *before[AMDIM_MAX_PARAMETERS];
    int views = setup->views == 0 ? 2 : (int)setup->views;
    DIM_OPTIONS_INIT(&co);
    co.seed = 1;
    co.threads = 2;
    co.executor = DIM_EXECUTOR_REFERENCE;
    for (int planned = 0; planned < 2; planned++) {
        ok(dim_context_create(&co, &ctx));
        dim_model *model = amdim(setup);
        dim_tensor *images = images_of(setup->side, n, views);
        set_weights(model);
        remember(model, before);
        ok(dim_model_step(model, images));
        if (!planned && picks != NULL)
            check_picks(model, picks, n, views * (views - 1));
        for (int i = 0; i < setup->n_terms; i++)
            check_term(name, model, setup->terms[i][0]);
        snprintf(key, sizeof key, "%s loss", name);
        close_to(key, report(model, "loss"), wanted(key, 0), 3e-6 * wanted(key, 0));
        check_gradients(name, model, before);
        forget(model, before);
        dim_tensor_destroy(images);
        dim_model_destroy(model);
        dim_context_destroy(ctx);
        co.executor = DIM_EXECUTOR_PLANNED;
    }
}

#endif
