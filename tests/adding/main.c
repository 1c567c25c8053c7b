/* What was added works as what was there does: see tests/checks/adding.sh. */
#define DIM_EXPERIMENTAL
#include <dim/dim.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* What the objective of a model is made of: 2 x y of the features, whose scores are known, and their mean square. */
static void judge(const char *x)
{
    dim_encoder_options o;
    dim_estimator_options how;
    dim_term_options term;
    dim_prior_options po;
    dim_encoder *enc;
    dim_estimator *est;
    dim_prior *prior;
    dim_model *model;
    double pos = 0, square = 0, is;
    OK(dim_context_create(NULL, &ctx));
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&how);
    DIM_OPTIONS_INIT(&term);
    DIM_OPTIONS_INIT(&po);
    o.kind = DIM_ENCODER_ADDED;
    o.channels = o.units = 4;
    po.kind = DIM_PRIOR_ADDED;
    how.kind = DIM_ESTIMATOR_ADDED;
    OK(dim_encoder_create(ctx, &o, &enc));
    OK(dim_estimator_create(ctx, &how, &est));
    OK(dim_prior_create(ctx, &po, &prior));
    OK(dim_model_create(enc, NULL, &model));
    term.estimator = est;
    term.name = "term";
    term.x = x;
    term.critic = DIM_CRITIC_ADDED;
    OK(dim_model_add_term(model, &term));
    OK(dim_model_add_prior(model, prior, 1));
    dim_tensor *in = matrix(8, 4), *code = matrix(8, 4), *side = matrix(8, 4);
    for (int i = 0; i < 32; i++)
        ((float *)dim_tensor_data(in))[i] = (float)(i * 13 % 17) / 8 - 1;
    OK(dim_encoder_encode(enc, in, NULL, code));
    OK(dim_encoder_encode(enc, in, x, side));
    const float *c = dim_tensor_const_data(code), *s = dim_tensor_const_data(side);
    for (int i = 0; i < 32; i++) {
        pos += 2 * (double)s[i] * (double)c[i] / 8;
        square += (double)c[i] * (double)c[i] / 32;
    }
    OK(dim_model_evaluate(model, in));
    OK(dim_model_report(model, "term.pos", &is));
    expect("the critic's score", is, pos);
    OK(dim_model_report(model, "prior", &is));
    expect("the prior's penalty", is, square);
    dim_tensor_destroy(in);
    dim_tensor_destroy(code);
    dim_tensor_destroy(side);
    dim_model_destroy(model);
    dim_prior_destroy(prior);
    dim_estimator_destroy(est);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
}

/* The loss, minimised by the rule: each step takes the rate off each weight whose gradient is above 0. */
static void minimise(void)
{
    dim_encoder_options o;
    dim_input_options in;
    dim_loss_options loss;
    dim_player_options player;
    dim_optimizer_options rule;
    dim_encoder *enc;
    dim_objective *obj;
    dim_tensor *before, *after, *x;
    double is;
    OK(dim_context_create(NULL, &ctx));
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&in);
    DIM_OPTIONS_INIT(&loss);
    DIM_OPTIONS_INIT(&player);
    DIM_OPTIONS_INIT(&rule);
    o.kind = DIM_ENCODER_ADDED;
    o.channels = 4;
    o.units = 1;
    OK(dim_encoder_create(ctx, &o, &enc));
    OK(dim_objective_create(ctx, NULL, &obj));
    in.name = "x";
    in.shape[0] = 4;
    OK(dim_objective_add_input(obj, &in));
    OK(dim_objective_apply(obj, enc, "x", "fx"));
    loss.name = "mean";
    loss.kind = DIM_LOSS_ADDED;
    loss.a = "fx";
    OK(dim_objective_add_loss(obj, &loss));
    rule.kind = DIM_OPTIMIZER_ADDED;
    rule.lr = 0.25f;
    player.name = "player";
    player.optimizer = &rule;
    OK(dim_objective_add_player(obj, &player));
    OK(dim_objective_give(obj, "player", "fx"));
    OK(dim_objective_minimise(obj, "player", "mean", 1));
    x = matrix(2, 4);
    for (int i = 0; i < 8; i++)
        ((float *)dim_tensor_data(x))[i] = 0.5f;
    OK(dim_objective_set(obj, "x", x));
    OK(dim_encoder_get_parameter(enc, "linear1.weight", &before));
    OK(dim_objective_step(obj));
    OK(dim_encoder_get_parameter(enc, "linear1.weight", &after));
    for (int i = 0; i < 4; i++)
        expect("the rule's update", (double)((float *)dim_tensor_data(after))[i],
               (double)((float *)dim_tensor_data(before))[i] - 0.25);
    dim_tensor *fx = matrix(2, 1);
    OK(dim_objective_compute(obj, "fx", fx));
    double sum = ((double)((float *)dim_tensor_data(fx))[0] + (double)((float *)dim_tensor_data(fx))[1]) / 2;
    OK(dim_objective_evaluate(obj));
    OK(dim_objective_report(obj, "mean", &is));
    expect("the loss", is, sum);
    dim_tensor_destroy(fx);
    dim_tensor_destroy(before);
    dim_tensor_destroy(after);
    dim_tensor_destroy(x);
    dim_objective_destroy(obj);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
}

static void augment(void)
{
    dim_augment_op_options op;
    dim_augment_apply_options o;
    dim_augment *aug;
    dim_tensor *image, *views;
    int seen[4] = { 0 };
    OK(dim_context_create(NULL, &ctx));
    DIM_OPTIONS_INIT(&op);
    DIM_OPTIONS_INIT(&o);
    op.op = DIM_AUGMENT_OP_ADDED;
    op.shift = 3;
    o.views = 64;
    OK(dim_augment_create(ctx, NULL, &aug));
    OK(dim_augment_add(aug, &op));
    OK(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ 1, 1, 1, 2 }, &image));
    OK(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ 64, 1, 1, 2 }, &views));
    ((unsigned char *)dim_tensor_data(image))[1] = 100;
    OK(dim_augment_apply(aug, image, &o, views));
    for (int i = 0; i < 64; i++) {
        const unsigned char *view = (unsigned char *)dim_tensor_data(views) + 2 * i;
        expect("the other pixel", view[1], view[0] + 100);
        if (view[0] < 4)
            seen[view[0]] = 1;
    }
    expect("the numbers that are drawn", seen[0] + seen[1] + seen[2] + seen[3], 4);
    dim_tensor_destroy(image);
    dim_tensor_destroy(views);
    dim_augment_destroy(aug);
    dim_context_destroy(ctx);
}

static void probe(void)
{
    dim_probe_options o;
    dim_probe_result result;
    dim_tensor *labels;
    OK(dim_context_create(NULL, &ctx));
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&result);
    o.kind = DIM_PROBE_ADDED;
    o.k = 1;
    dim_tensor *x = matrix(4, 2);
    OK(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ 4 }, &labels));
    ((int *)dim_tensor_data(labels))[2] = 1;
    OK(dim_probe_run(ctx, &o, x, labels, x, labels, &result));
    expect("the probe", result.accuracy, 0.25);
    dim_tensor_destroy(x);
    dim_tensor_destroy(labels);
    dim_context_destroy(ctx);
}

/* Names lead to options of programs and to checkpoints. */
static void names(void)
{
    const char *const all[] = { dim_critic_name(DIM_CRITIC_ADDED), dim_prior_name(DIM_PRIOR_ADDED),
                                dim_estimator_name(DIM_ESTIMATOR_ADDED) };
    for (int i = 0; i < 3; i++)
        expect("the name", all[i] != NULL && strcmp(all[i], "added") == 0, 1);
}

/* The method of information that was added. */
static void measure(void)
{
    dim_information_options o;
    dim_information_data data;
    dim_information_result r;
    dim_information *info;
    OK(dim_context_create(NULL, &ctx));
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&data);
    DIM_OPTIONS_INIT(&r);
    dim_tensor *x = matrix(40, 1), *y = matrix(40, 1);
    for (int i = 0; i < 40; i++) {
        ((float *)dim_tensor_data(x))[i] = (float)(i * 7 % 41);
        ((float *)dim_tensor_data(y))[i] = (float)(i * 11 % 43);
    }
    data.x = x;
    data.y = y;
    o.method = DIM_INFORMATION_ADDED;
    OK(dim_information_measure(ctx, &o, &data, &info));
    OK(dim_information_get_result(info, &r));
    expect("the information", r.value, 0.25);
    expect("its method's name", strcmp(dim_information_method_name(r.method), "added"), 0);
    dim_information_destroy(info);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_context_destroy(ctx);
}

int main(void)
{
    names();
    judge("squashed");
    minimise();
    augment();
    probe();
    encode(0);
    encode(DIM_PASS_ADDED);
    train();
    measure();
    return failed;
}
