/* What was added works as what was there does: see tests/checks/adding.sh. */
#include <dim/dim.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define OK(call)                                                                          \
    do {                                                                                  \
        dim_status status_ = (call);                                                      \
        if (status_ != DIM_OK) {                                                          \
            fprintf(stderr, "%s: %s: %s\n", #call, dim_status_name(status_), dim_context_error(ctx)); \
            exit(1);                                                                      \
        }                                                                                 \
    } while (0)

static dim_context *ctx;
static int failed;

static void expect(const char *what, double is, double wanted)
{
    if (fabs(is - wanted) < 1e-6)
        return;
    fprintf(stderr, "%s is %g, not %g\n", what, is, wanted);
    failed = 1;
}

static dim_tensor *matrix(int64_t rows, int64_t columns)
{
    dim_tensor *t;
    OK(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ rows, columns }, &t));
    return t;
}

static void encode(uint32_t disabled)
{
    dim_context_options co;
    dim_encoder_options o;
    dim_encoder *enc;
    DIM_OPTIONS_INIT(&co);
    DIM_OPTIONS_INIT(&o);
    co.threads = 1;
    co.disabled_passes = disabled;
    OK(dim_context_create(&co, &ctx));
    expect("the pass is named", strstr(dim_context_describe(ctx), "added") != NULL, disabled != 0);
    o.kind = DIM_ENCODER_ADDED;
    o.channels = 2;
    OK(dim_encoder_create(ctx, &o, &enc));
    dim_tensor *x = matrix(2, 2), *y = matrix(2, 2);
    float *pixel = dim_tensor_data(x), *feature = dim_tensor_data(y);
    pixel[3] = 0.75f;
    OK(dim_encoder_encode(enc, x, "added", y));
    expect("the layer's output", feature[3], 1.5);
    OK(dim_encoder_encode(enc, x, "squashed", y));
    expect("the squashed output", feature[3], disabled != 0 ? tanh(1.5) : 1 / (1 + exp(-1.5)));
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
}

/* A model that has all of it trains, and its estimator's value is the term's loss with the other sign. */
static void train(void)
{
    dim_estimator_options how;
    dim_encoder_options o;
    dim_term_options term;
    dim_encoder *enc;
    dim_model *model;
    dim_estimator *est;
    dim_estimator_kind kind;
    double loss, value, later;
    OK(dim_context_create(NULL, &ctx));
    DIM_OPTIONS_INIT(&how);
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&term);
    OK(dim_estimator_from_name("added", &kind));
    expect("the estimator's kind", kind, DIM_ESTIMATOR_ADDED);
    how.kind = kind;
    o.kind = DIM_ENCODER_ADDED;
    o.channels = 4;
    OK(dim_estimator_create(ctx, &how, &est));
    OK(dim_encoder_create(ctx, &o, &enc));
    OK(dim_model_create(enc, NULL, &model));
    term.estimator = est;
    term.name = "term";
    term.x = "squashed";
    term.critic = DIM_CRITIC_BILINEAR;
    OK(dim_model_add_term(model, &term));
    dim_tensor *x = matrix(8, 4);
    for (int i = 0; i < 32; i++)
        ((float *)dim_tensor_data(x))[i] = (float)(i * 13 % 17) / 8 - 1;
    OK(dim_model_step(model, x));
    OK(dim_model_report(model, "loss", &loss));
    OK(dim_model_report(model, "term.value", &value));
    expect("the value", value, -loss);
    for (int i = 0; i < 20; i++)
        OK(dim_model_step(model, x));
    OK(dim_model_report(model, "loss", &later));
    expect("the loss falls", later < loss, 1);
    dim_tensor_destroy(x);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_estimator_destroy(est);
    dim_context_destroy(ctx);
}

int main(void)
{
    encode(0);
    encode(DIM_PASS_ADDED);
    train();
    return failed;
}
