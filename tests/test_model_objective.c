/* dim_model_objective(): what is added to the objective under a model is trained, reported and saved with the model, and comes
 * to what the same thing comes to on an objective alone. */
#include "failing_alloc.h"
#include "objective_tests.h"

#include <dim/checkpoint.h>
#include <math.h>

enum { N = 8, D = 6, DY = 3, UNITS = 4, CLASSES = 3, STEPS = 4, MOST = 64 };

static const char *const CHECKPOINT = "test_model_objective.safetensors";

static dim_network *encoder(void)
{
    return network_of(D, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = 10 }, { .kind = DIM_LAYER_BATCH_NORM },
                                      { .kind = DIM_LAYER_RELU, .tap = "h" }, { .kind = DIM_LAYER_DROPOUT, .rate = 0.25f },
                                      { .kind = DIM_LAYER_LINEAR, .out = UNITS }));
}

static dim_network *decoder(void)
{
    return network_of(UNITS, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = 10 }, { .kind = DIM_LAYER_RELU },
                                          { .kind = DIM_LAYER_LINEAR, .out = D }));
}

static dim_network *other(void) { return network_of(DY, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = UNITS })); }

static dim_tensor *batch(int64_t width, int number)
{
    dim_tensor *t = f32_tensor(2, (int64_t[]){ N, width }, NULL);
    for (int i = 0; i < N * width; i++)
        ((float *)dim_tensor_data(t))[i] = sinf((float)(17 * i + 31 * number));
    return t;
}

static const dim_term_options pairs = { .size = sizeof pairs, .units = 8 };
static const dim_optimizer_options adam = { .size = sizeof adam, .lr = 0.01f, .clip_norm = 0.5f };

/* A term "mine" between "h" and the code. */
static dim_model *model_of(void)
{
    dim_model *model;
    dim_network *enc = encoder();
    dim_term_options term = pairs;
    term.name = "mine";
    term.x = "h";
    ok(dim_model_create(enc, NULL, &model));
    ok(dim_model_add_term(model, &term));
    ok(dim_model_set_optimizer(model, &adam));
    dim_encoder_destroy(enc);
    return model;
}

/* The same to either: a reconstruction of the images, for the player who has the encoder; a second input, whose network has a
 * player of its own, who minimises the information between it and the code, and moves twice. */
static void add_networks(dim_objective *obj)
{
    apply(obj, decoder(), "encoder", "decoder");
    VECTOR(obj, "y", DY);
    apply(obj, other(), "y", "other");
}

static void add_losses(dim_objective *obj, const char *player)
{
    LOSS(obj, .name = "error", .kind = DIM_LOSS_SQUARED_ERROR, .a = "decoder", .b = "images");
    own(obj, player, "decoder");
    minimise(obj, player, "error", 0.5f);
    LOSS(obj, .name = "mi", .a = "encoder", .b = "other", .term = &pairs);
    PLAYER(obj, OF(.name = "side", .turns = 2), .lr = 0.02f);
    own(obj, "side", "other");
    own(obj, "side", "mi");
    minimise(obj, "side", "mi", -1);
}

/* The model and what is added to it, on an objective alone. */
static dim_objective *alone(void)
{
    dim_objective *obj = objective(0);
    VECTOR(obj, "images", D);
    apply(obj, encoder(), "images", "encoder");
    add_networks(obj);
    LOSS(obj, .name = "mine", .a = "encoder.h", .b = "encoder", .term = &pairs);
    add_player(obj, OF(.name = "all"), adam);
    own(obj, "all", "encoder");
    own(obj, "all", "mine");
    add_losses(obj, "all");
    minimise(obj, "all", "mine", 1);
    return obj;
}

static dim_model *together(void)
{
    dim_model *model = model_of();
    add_networks(dim_model_objective(model));
    add_losses(dim_model_objective(model), "model");
    return model;
}

static void step(dim_model *model, int number)
{
    dim_tensor *x = batch(D, number);
    set_input(dim_model_objective(model), "y", batch(DY, number));
    ok(dim_model_step(model, x));
    dim_tensor_destroy(x);
}

static void step_alone(dim_objective *obj, int number)
{
    set_input(obj, "images", batch(D, number));
    set_input(obj, "y", batch(DY, number));
    ok(dim_objective_step(obj));
}

static double of_model(const dim_model *model, const char *name)
{
    double value = 0;
    ok(dim_model_report(model, name, &value));
    return value;
}

static void same_parameters(dim_model *model, dim_objective *obj)
{
    int n = dim_model_parameter_count(model);
    assert_int_equal(n, dim_objective_parameter_count(obj));
    assert_true(n > 16);
    for (int i = 0; i < n; i++) {
        dim_tensor *a, *b;
        const char *name = dim_model_parameter_name(model, i);
        ok(dim_model_get_parameter(model, name, &a));
        ok(dim_objective_get_parameter(obj, name, &b));
        if (memcmp(dim_tensor_data(a), dim_tensor_data(b), (size_t)dim_tensor_count(a) * sizeof(float)) != 0)
            fail_msg("%s differs", name);
        dim_tensor_destroy(a);
        dim_tensor_destroy(b);
    }
}

static void test_same_bits(void **state)
{
    static const char *const names[][2] = { { "loss", "all.loss" }, { "grad_norm", "all.grad_norm" }, { "lr", "all.lr" },
                                            { "mine", "mine" }, { "mine.value", "mine.value" }, { "error", "error" },
                                            { "mi", "mi" }, { "mi.neg", "mi.neg" }, { "side.loss", "side.loss" },
                                            { "side.lr", "side.lr" } };
    dim_model *model = together();
    dim_objective *obj = alone();
    (void)state;
    for (int k = 0; k < STEPS; k++) {
        step(model, k);
        step_alone(obj, k);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (of_model(model, names[i][0]) != report(obj, names[i][1]))
                fail_msg("step %d: %s is %.17g, alone %.17g", k, names[i][0], of_model(model, names[i][0]),
                         report(obj, names[i][1]));
    }
    same_parameters(model, obj);
    assert_int_equal(dim_model_steps(model), STEPS);
    /* what was added computes, too, of images that a step does not take away */
    dim_tensor *x = batch(D, 50), *a = batch(D, 0), *b = batch(D, 0);
    ok(dim_objective_set(dim_model_objective(model), "images", x));
    set_input(obj, "images", x);
    step(model, STEPS);
    set_input(obj, "images", batch(D, STEPS));
    set_input(obj, "y", batch(DY, STEPS));
    ok(dim_objective_step(obj));
    set_input(obj, "images", batch(D, 50));
    ok(dim_objective_compute(dim_model_objective(model), "decoder", a));
    ok(dim_objective_compute(obj, "decoder", b));
    assert_memory_equal(dim_tensor_data(a), dim_tensor_data(b), N * D * sizeof(float));
    dim_tensor_destroy(a);
    dim_tensor_destroy(b);
    dim_model_destroy(model);
    dim_objective_destroy(obj);
}

static void test_reports(void **state)
{
    static const char *const want[] = { "loss", "mine", "mine.value", "mine.pos", "mine.neg", "code.mean", "code.std", "lr",
                                        "grad_norm", "error", "mi", "mi.value", "mi.pos", "mi.neg", "side.loss", "side.lr" };
    dim_model *model = together();
    (void)state;
    step(model, 0);
    assert_int_equal(dim_model_report_count(model), sizeof want / sizeof *want);
    for (int i = 0; i < dim_model_report_count(model); i++)
        assert_string_equal(dim_model_report_name(model, i), want[i]);
    assert_true(of_model(model, "loss") == (double)(0.5f * (float)of_model(model, "error") + (float)of_model(model, "mine")));
    dim_tensor *x = batch(D, 1);
    ok(dim_model_evaluate(model, x));
    double error = of_model(model, "error");
    ok(dim_model_step(model, x)); /* with the numbers that the evaluation drew */
    assert_true(error == of_model(model, "error"));
    dim_tensor_destroy(x);
    dim_model_destroy(model);
}

static void test_goes_on(void **state)
{
    dim_model *a = together(), *b = together(), *plain = model_of();
    (void)state;
    for (int k = 0; k < 3; k++)
        step(a, k);
    ok(dim_checkpoint_save(a, NULL, CHECKPOINT));
    expect(DIM_E_INVALID, "input.y", dim_checkpoint_load(plain, NULL, CHECKPOINT));
    ok(dim_checkpoint_load(b, NULL, CHECKPOINT));
    for (int k = 3; k < 6; k++) {
        step(a, k);
        step(b, k);
        assert_true(of_model(a, "mi") == of_model(b, "mi") && of_model(a, "error") == of_model(b, "error"));
    }
    same_parameters(a, dim_model_objective(b));
    ok(dim_model_save(a, CHECKPOINT)); /* weights: with what was added, and of an encoder for everyone else */
    dim_model *c = together();
    dim_network *enc;
    ok(dim_model_load(c, CHECKPOINT));
    same_parameters(c, dim_model_objective(a));
    ok(dim_encoder_open(ctx, CHECKPOINT, &enc));
    dim_encoder_destroy(enc);
    remove(CHECKPOINT);
    dim_model_destroy(a);
    dim_model_destroy(b);
    dim_model_destroy(c);
    dim_model_destroy(plain);
}

/* A prior and a classifier, which draw; `more` adds what only reports, and a player that waits. */
static dim_model *busy(bool more)
{
    dim_prior *prior;
    dim_prior_options game = { .size = sizeof game, .kind = DIM_PRIOR_UNIFORM };
    dim_model *model = model_of();
    dim_objective *obj = dim_model_objective(model);
    dim_classifier_options classes = { .size = sizeof classes, .classes = CLASSES, .dropout = 0.5f };
    if (more) {
        apply(obj, decoder(), "encoder", "decoder");
        LOSS(obj, .name = "error", .kind = DIM_LOSS_SQUARED_ERROR, .a = "decoder", .b = "images");
        PLAYER(obj, OF(.name = "draws", .afterwards = 1), .lr = 0.01f);
        own(obj, "draws", "decoder");
        minimise(obj, "draws", "error", 1);
        LOSS(obj, .name = "same", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "encoder", .b = "labels");
    }
    ok(dim_model_add_classifier(model, &classes));
    ok(dim_prior_create(ctx, &game, &prior));
    ok(dim_model_add_prior(model, prior, 0));
    dim_prior_destroy(prior);
    return model;
}

static void step_labelled(dim_model *model, int number)
{
    dim_tensor *x = batch(D, number), *labels;
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ N }, &labels));
    for (int i = 0; i < N; i++)
        ((int32_t *)dim_tensor_data(labels))[i] = i % CLASSES;
    ok(number % 2 == 0 ? dim_model_step_labeled(model, x, labels) : dim_model_step(model, x));
    dim_tensor_destroy(x);
    dim_tensor_destroy(labels);
}

/* The first pass of each step is the model's, with its own draws, whatever comes after it. */
static void test_models_own_stays(void **state)
{
    static const char *const names[] = { "loss", "mine", "prior", "prior.disc", "classifier", "classifier.accuracy" };
    dim_model *with = busy(true), *without = busy(false);
    (void)state;
    step_labelled(with, 0);
    step_labelled(without, 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(of_model(with, names[i]) == of_model(without, names[i]));
    for (int i = 0; i < dim_model_parameter_count(without); i++) {
        dim_tensor *a, *b;
        const char *name = dim_model_parameter_name(without, i);
        ok(dim_model_get_parameter(with, name, &a));
        ok(dim_model_get_parameter(without, name, &b));
        if (strstr(name, "running_") == NULL) /* those have seen the second pass, too */
            assert_memory_equal(dim_tensor_data(a), dim_tensor_data(b), (size_t)dim_tensor_count(a) * sizeof(float));
        dim_tensor_destroy(a);
        dim_tensor_destroy(b);
    }
    assert_true(isfinite(of_model(with, "same")) && isfinite(of_model(with, "same.accuracy")));
    step_labelled(with, 1);
    assert_true(isnan(of_model(with, "same")) && isnan(of_model(with, "classifier")) && isfinite(of_model(with, "error")));
    dim_model_destroy(with);
    dim_model_destroy(without);
}

/* A loss that reads the model's labels makes labelled steps of a model without classifiers. */
static void test_labels(void **state)
{
    dim_model *model = model_of();
    dim_objective *obj = dim_model_objective(model);
    dim_tensor *x = batch(D, 0), *labels;
    (void)state;
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ N }, &labels));
    expect(DIM_E_INVALID, "no loss reads 'labels'", dim_model_step_labeled(model, x, labels));
    LOSS(obj, .name = "tuned", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "encoder", .b = "labels");
    minimise(obj, "model", "tuned", 1);
    apply(obj, network_of(UNITS, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = UNITS })), "encoder", "logits");
    LOSS(obj, .name = "probe", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "logits", .b = "labels");
    PLAYER(obj, OF(.name = "head"), .lr = 0.01f);
    own(obj, "head", "logits");
    minimise(obj, "head", "probe", 1);
    expect(DIM_E_STATE, "labels", dim_model_step(model, x));
    ok(dim_model_step_labeled(model, x, labels));
    assert_true(of_model(model, "loss") == (double)((float)of_model(model, "tuned") + (float)of_model(model, "mine")));
    ok(dim_model_evaluate(model, x)); /* without labels, so what depends on them is not known */
    assert_true(isnan(of_model(model, "tuned")) && isnan(of_model(model, "loss")) && isnan(of_model(model, "head.loss")));
    assert_true(isfinite(of_model(model, "mine")) && isfinite(of_model(model, "head.lr")));
    ((int32_t *)dim_tensor_data(labels))[3] = UNITS;
    expect(DIM_E_INVALID, "label 4 of sample 3 in input 'labels'", dim_model_step_labeled(model, x, labels));
    dim_tensor_destroy(x);
    dim_tensor_destroy(labels);
    dim_model_destroy(model);
}

static void test_refused(void **state)
{
    dim_model *model = together();
    dim_objective *obj = dim_model_objective(model);
    dim_term_options term = pairs;
    dim_network *net = other();
    dim_loss_options loss = { .size = sizeof loss, .kind = DIM_LOSS_SQUARED_ERROR, .a = "decoder", .b = "images" };
    (void)state;
    static const char *const taken[] = { "mine", "images", "labels", "encoder", "model", "loss", "lr", "prior7", "code" };
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        loss.name = taken[i];
        expect(DIM_E_INVALID, taken[i], dim_objective_add_loss(obj, &loss));
    }
    term.x = "h";
    term.name = "error";
    expect(DIM_E_INVALID, "'error' is taken", dim_model_add_term(model, &term));
    expect(DIM_E_INVALID, "'model' already", dim_objective_give(obj, "side", "encoder"));
    expect(DIM_E_STATE, "under a model", dim_objective_step(obj));
    expect(DIM_E_STATE, "under a model", dim_objective_evaluate(obj));
    expect(DIM_E_STATE, "under a model", dim_objective_checkpoint_save(obj, NULL, CHECKPOINT));
    expect(DIM_E_STATE, "under a model", dim_objective_checkpoint_load(obj, NULL, CHECKPOINT));
    dim_tensor *x = batch(D, 0);
    expect(DIM_E_STATE, "input 'y' was not given", dim_model_step(model, x));
    dim_tensor_destroy(x);
    dim_objective_destroy(obj); /* the model's */
    step(model, 0);
    expect(DIM_E_STATE, "fixed", dim_objective_apply(obj, net, "y", "late"));
    loss.name = "late";
    expect(DIM_E_STATE, "fixed", dim_objective_add_loss(obj, &loss));
    expect(DIM_E_STATE, "fixed", dim_objective_minimise(obj, "model", "mi", 1));
    dim_encoder_destroy(net);
    dim_model_destroy(model);
    assert_null(dim_model_objective(NULL));
}

/* A model that has nothing but what was added to it: an autoencoder. */
static void test_without_terms(void **state)
{
    dim_network *enc = encoder();
    dim_model *model;
    (void)state;
    ok(dim_model_create(enc, NULL, &model));
    dim_encoder_destroy(enc);
    dim_tensor *x = batch(D, 0);
    expect(DIM_E_STATE, "no terms", dim_model_step(model, x));
    add_networks(dim_model_objective(model));
    add_losses(dim_model_objective(model), "model");
    set_input(dim_model_objective(model), "y", batch(DY, 0));
    ok(dim_model_step(model, x));
    assert_true(of_model(model, "loss") == (double)(0.5f * (float)of_model(model, "error")));
    dim_tensor_destroy(x);
    dim_model_destroy(model);
}

/* Fixing fails at each of its allocations once; afterwards there is what was added, in its order, and it works. */
static void test_no_memory(void **state)
{
    failing memory = { 0 };
    dim_context *usual = ctx;
    dim_context_options o = { .size = sizeof o, .threads = 1, .alloc = take, .free = give, .alloc_user = &memory };
    (void)state;
    ok(dim_context_create(&o, &ctx));
    dim_objective *obj = alone();
    for (int k = 0; k < 2; k++)
        step_alone(obj, k);
    long failures = 0;
    for (bool fails = true; fails;) {
        dim_model *model = together();
        memory.calls = 0;
        memory.fail_at = ++failures;
        dim_tensor *weight = NULL;
        dim_status status = dim_model_get_parameter(model, "encoder.linear1.weight", &weight);
        memory.fail_at = 0;
        fails = status == DIM_E_NOMEM;
        if (!fails)
            ok(status);
        dim_tensor_destroy(weight);
        for (int k = 0; k < 2; k++)
            step(model, k);
        same_parameters(model, obj);
        dim_model_destroy(model);
    }
    assert_true(failures > 20);
    dim_objective_destroy(obj);
    dim_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
    ctx = usual;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits), cmocka_unit_test(test_reports), cmocka_unit_test(test_goes_on),
        cmocka_unit_test(test_models_own_stays), cmocka_unit_test(test_labels), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_without_terms), cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
