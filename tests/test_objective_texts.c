/* Texts of what goes wrong with an objective: they name whom it is about, and where it comes from. */
#include "objective_tests.h"

#include <math.h>

enum { N = 6, D = 3, OUT = 2 };

static dim_network *linear(uint32_t in, uint32_t out)
{
    return network_of(in, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = out }));
}

static dim_tensor *numbers(int64_t rows, int64_t width)
{
    dim_tensor *t = f32_tensor(2, (int64_t[]){ rows, width }, NULL);
    for (int64_t i = 0; i < rows * width; i++)
        ((float *)dim_tensor_data(t))[i] = sinf((float)(17 * i + 5));
    return t;
}

/* x, of `views`, and y -> "f" of x, and its squared distance "far" to y, which the player "all" minimises. */
static dim_objective *distance(uint32_t views)
{
    dim_objective *obj = objective(1);
    INPUT(obj, .name = "x", .shape = { D }, .views = views);
    INPUT(obj, .name = "y", .shape = { OUT }, .views = views);
    apply(obj, linear(D, OUT), "x", "f");
    LOSS(obj, .name = "far", .kind = DIM_LOSS_SQUARED_ERROR, .a = "f", .b = "y");
    PLAYER(obj, OF(.name = "all"), .lr = 0.1f);
    own(obj, "all", "f");
    minimise(obj, "all", "far", 1);
    set_input(obj, "x", numbers(N, D));
    set_input(obj, "y", numbers(N, OUT));
    return obj;
}

/* The batch of an input with one number that is not finite. */
static void spoil(dim_objective *obj, const char *input, int64_t width, int64_t row, float x)
{
    dim_tensor *t = numbers(N, width);
    ((float *)dim_tensor_data(t))[row * width + 1] = x;
    set_input(obj, input, t);
}

static void test_input_that_is_not_finite(void **state)
{
    dim_objective *obj = distance(1), *seen = distance(2);
    dim_tensor *out = f32_tensor(2, (int64_t[]){ N, OUT }, NULL);
    (void)state;
    ok(dim_objective_step(obj));
    spoil(obj, "y", OUT, 4, NAN);
    expect(DIM_E_NUMERIC, "the loss of 'far' is ", dim_objective_step(obj));
    expect(DIM_E_NUMERIC, " at step 1: input 'y' is NaN in sample 4; nothing was updated", dim_objective_step(obj));
    expect(DIM_E_NUMERIC, ": input 'y' is NaN in sample 4", dim_objective_evaluate(obj));
    ok(dim_objective_compute(obj, "f", out)); /* which does not read y */
    spoil(obj, "y", OUT, 4, 0);
    spoil(obj, "x", D, 2, -INFINITY);
    expect(DIM_E_NUMERIC, "input 'x' is infinite in sample 2; nothing", dim_objective_step(obj));
    expect(DIM_E_NUMERIC, "'f' is not finite: input 'x' is infinite in sample 2", dim_objective_compute(obj, "f", out));
    spoil(obj, "x", D, 2, 3e38f); /* the loss overflows, and no input is to blame */
    expect(DIM_E_NUMERIC, "the loss of 'far' is inf at step 1; nothing was updated", dim_objective_step(obj));
    spoil(seen, "x", D, N / 2 + 1, NAN);
    expect(DIM_E_NUMERIC, "input 'x' is NaN in sample 1 of view 1; nothing", dim_objective_step(seen));
    assert_int_equal(dim_objective_steps(obj), 1);
    dim_tensor_destroy(out);
    dim_objective_destroy(obj);
    dim_objective_destroy(seen);
}

/* The tensor that was given may be any view of the caller's. */
static void test_strides(void **state)
{
    dim_objective *obj = distance(1);
    dim_tensor *wide = numbers(2 * N, D), *every;
    (void)state;
    ok(dim_tensor_slice(wide, 0, 1, N, 2, &every));
    ((float *)dim_tensor_data(wide))[4 * D] = NAN; /* between the rows that are seen */
    set_input(obj, "x", every);
    ok(dim_objective_step(obj));
    ((float *)dim_tensor_data(wide))[7 * D + 2] = NAN;
    expect(DIM_E_NUMERIC, "input 'x' is NaN in sample 3", dim_objective_step(obj));
    dim_tensor_destroy(wide);
    dim_objective_destroy(obj);
}

/* Both losses fit a float, and their sum does not. */
static void test_sum(void **state)
{
    dim_objective *obj = distance(1);
    (void)state;
    PLAYER(obj, OF(.name = "eager"), .lr = 0.1f);
    apply(obj, linear(D, OUT), "x", "g");
    LOSS(obj, .name = "further", .kind = DIM_LOSS_SQUARED_ERROR, .a = "g", .b = "y");
    own(obj, "eager", "g");
    minimise(obj, "eager", "further", 3e38f);
    spoil(obj, "y", OUT, 0, 1e4f);
    expect(DIM_E_NUMERIC, "the sum that player 'eager' minimises is inf at step 0; nothing", dim_objective_step(obj));
    dim_objective_destroy(obj);
}

/* A gradient that overflows is named as the parameter is. */
static void test_gradient(void **state)
{
    dim_objective *obj = distance(1);
    dim_tensor *weight;
    (void)state;
    ok(dim_objective_get_parameter(obj, "f.linear1.weight", &weight));
    memset(dim_tensor_data(weight), 0, D * OUT * sizeof(float));
    ok(dim_objective_set_parameter(obj, "f.linear1.weight", weight));
    spoil(obj, "x", D, 2, 3e38f);
    spoil(obj, "y", OUT, 2, 1e3f);
    expect(DIM_E_NUMERIC, "the gradient of 'f.linear1.weight' is not finite at step 0; nothing", dim_objective_step(obj));
    dim_tensor_destroy(weight);
    dim_objective_destroy(obj);
}

static void test_players(void **state)
{
    dim_objective *obj = distance(1);
    (void)state;
    PLAYER(obj, OF(.name = "idle"), .lr = 0.1f);
    apply(obj, linear(D, OUT), "x", "g");
    own(obj, "idle", "g");
    expect(DIM_E_STATE, "player 'idle' was given something to train, but minimises nothing", dim_objective_step(obj));
    LOSS(obj, .name = "more", .kind = DIM_LOSS_SQUARED_ERROR, .a = "g", .b = "y");
    minimise(obj, "idle", "more", 1);
    set_input(obj, "x", numbers(1, D));
    set_input(obj, "y", numbers(1, OUT));
    expect(DIM_E_SHAPE, "input 'x' has 1 sample; losses compare 2 at least", dim_objective_step(obj));
    set_input(obj, "x", numbers(N, D));
    set_input(obj, "y", numbers(N, OUT));
    ok(dim_objective_step(obj));
    dim_objective_destroy(obj);
}

static void expect_term(const char *text, dim_term_options term)
{
    dim_objective *obj = distance(1);
    dim_loss_options loss = { .size = sizeof loss, .name = "mi", .a = "f", .b = "y", .term = &term };
    term.size = sizeof term;
    expect(DIM_E_INVALID, text, dim_objective_add_loss(obj, &loss));
    dim_objective_destroy(obj);
}

static void refuse_input(dim_status status, const char *text, dim_input_options o)
{
    dim_objective *obj = objective(1);
    o.size = sizeof o;
    o.name = "x";
    expect(status, text, dim_objective_add_input(obj, &o));
    dim_objective_destroy(obj);
}
#define REFUSE(status, text, ...) refuse_input(status, text, (dim_input_options){ __VA_ARGS__ })

/* What an input cannot be, and what cannot be given for one. */
static void test_inputs(void **state)
{
    dim_objective *obj = objective(1), *seen = distance(2);
    dim_tensor *labels, *odd = numbers(3, D);
    char name[32];
    (void)state;
    REFUSE(DIM_E_SHAPE, "input 'x': labels are one number a sample", .dtype = DIM_I32, .shape = { 3 });
    REFUSE(DIM_E_INVALID, "input 'x': labels are one a sample, so views must be 1", .dtype = DIM_I32, .views = 2);
    REFUSE(DIM_E_SHAPE, "input 'x': one-hot rows are vectors of 2 classes at least", .kind = DIM_INPUT_ONE_HOT, .shape = { 1 });
    REFUSE(DIM_E_SHAPE, "input 'x': one-hot rows are vectors of 2 classes at least", .kind = DIM_INPUT_ONE_HOT, .shape = { 3, 2, 2 });
    REFUSE(DIM_E_INVALID, "input 'x': only an input that is given as f32 has a gradient", .kind = DIM_INPUT_ONE_HOT, .shape = { 3 },
           .want_gradient = 1);
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof name, "input%d", i);
        VECTOR(obj, name, D);
    }
    expect(DIM_E_INVALID, "an objective has 64 inputs at most",
           dim_objective_add_input(obj, &(dim_input_options){ .size = sizeof(dim_input_options), .name = "more", .shape = { D } }));
    expect(DIM_E_STATE, "nobody minimises anything: add players", dim_objective_step(obj));
    ok(dim_tensor_create(ctx, DIM_I32, 2, (int64_t[]){ N, D }, &labels));
    expect(DIM_E_INVALID, "input 'input0' is i32; it must be f32 or u8", dim_objective_set(obj, "input0", labels));
    expect(DIM_E_SHAPE, "input 'x': a batch of 3 does not hold 2 views of each sample", dim_objective_set(seen, "x", odd));
    dim_tensor_destroy(labels);
    dim_tensor_destroy(odd);
    dim_objective_destroy(obj);
    dim_objective_destroy(seen);
}

/* What has no gradient, and what it does not fit. */
static void test_gradient_of_input(void **state)
{
    dim_objective *obj = objective(1);
    dim_tensor *out = f32_tensor(2, (int64_t[]){ N, D }, NULL), *narrow = f32_tensor(2, (int64_t[]){ N, OUT }, NULL);
    (void)state;
    INPUT(obj, .name = "x", .shape = { D }, .want_gradient = 1);
    VECTOR(obj, "y", OUT);
    apply(obj, linear(D, OUT), "x", "f");
    LOSS(obj, .name = "far", .kind = DIM_LOSS_SQUARED_ERROR, .a = "f", .b = "y");
    expect(DIM_E_STATE, "no input that the losses read was given", dim_objective_gradient(obj, "far", "x", out));
    set_input(obj, "y", numbers(N, OUT));
    expect(DIM_E_STATE, "input 'x' was not given: dim_objective_set() gives it", dim_objective_gradient(obj, "far", "x", out));
    set_input(obj, "x", numbers(N, D));
    expect(DIM_E_INVALID, "input 'y' was added without want_gradient", dim_objective_gradient(obj, "far", "y", narrow));
    expect(DIM_E_SHAPE, "the gradient of input 'x' is f32 (6, 2); it must be f32 and of the input's shape",
           dim_objective_gradient(obj, "far", "x", narrow));
    ok(dim_objective_gradient(obj, "far", "x", out));
    dim_tensor_destroy(out);
    dim_tensor_destroy(narrow);
    dim_objective_destroy(obj);
}

/* What a term and a loss cannot be. */
static void test_impossible(void **state)
{
    const dim_estimator_options nce = { .size = sizeof nce, .kind = DIM_ESTIMATOR_INFONCE };
    dim_objective *obj = objective(1);
    dim_loss_options loss = { .size = sizeof loss, .name = "class", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "map", .b = "y" };
    dim_estimator *estimator;
    (void)state;
    ok(dim_estimator_create(ctx, &nce, &estimator));
    expect_term("term 'mi': mixture is 2; the critic mlp cannot have one",
                (dim_term_options){ .estimator = estimator, .critic = DIM_CRITIC_MLP, .mixture = 2 });
    expect_term("term 'mi': mixture_tau is -1; it must be above 0",
                (dim_term_options){ .estimator = estimator, .mixture = 2, .mixture_tau = -1 });
    expect_term("loss 'mi': the term's name, x, y and weight must be 0", (dim_term_options){ .name = "other" });
    INPUT(obj, .name = "map", .shape = { D, 4, 4 });
    VECTOR(obj, "y", D);
    expect(DIM_E_SHAPE, "loss 'class': logits are a vector, but a is a map", dim_objective_add_loss(obj, &loss));
    dim_estimator_destroy(estimator);
    dim_objective_destroy(obj);
}

static void test_options(void **state)
{
    dim_objective *obj = distance(1);
    dim_term_options term = { .size = sizeof term, .mixture = 2 };
    dim_loss_options loss = { .size = sizeof loss, .name = "mi", .a = "f", .b = "y", .term = &term };
    dim_encoder_builder *b;
    dim_layer_options conv = { .size = sizeof conv, .kind = DIM_LAYER_CONV, .out = 4, .kernel = 3, .kernel_w = 5 };
    (void)state;
    expect(DIM_E_INVALID, "term 'mi': mixture is 2; it needs InfoNCE", dim_objective_add_loss(obj, &loss));
    dim_objective_destroy(obj);

    ok(dim_encoder_builder_create(ctx, 1, 0, 16, &b));
    expect(DIM_E_INVALID, "kernel is 3 and kernel_w is 5", dim_encoder_builder_add(b, &conv));
    conv.kernel_w = 3;
    conv.dilation_w = conv.dilation = conv.stride = 2;
    conv.stride_w = 1;
    expect(DIM_E_INVALID, "stride is 2 and stride_w is 1", dim_encoder_builder_add(b, &conv));
    conv.stride_w = 2;
    conv.dilation_w = 3;
    expect(DIM_E_INVALID, "dilation is 2 and dilation_w is 3", dim_encoder_builder_add(b, &conv));
    conv.dilation = 0;
    ok(dim_encoder_builder_add(b, &conv)); /* given once, under either name */
    dim_encoder_builder_destroy(b);
}

/* Rows for a cross-entropy, which sum to 1: 0.3 and 0.7, or nearly. */
static void test_rows(void **state)
{
    dim_objective *obj = objective(1);
    float rows[N][OUT];
    (void)state;
    VECTOR(obj, "x", D);
    VECTOR(obj, "soft", OUT);
    apply(obj, linear(D, OUT), "x", "f");
    LOSS(obj, .name = "class", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "f", .b = "soft");
    PLAYER(obj, OF(.name = "all"), .lr = 0.1f);
    own(obj, "all", "f");
    minimise(obj, "all", "class", 1);
    for (int n = 0; n < N; n++)
        rows[n][0] = 0.3f, rows[n][1] = 0.7f + (n == 1 ? 1e-5f : 0);
    set_input(obj, "x", numbers(N, D));
    set_input(obj, "soft", f32_tensor(2, (int64_t[]){ N, OUT }, rows[0]));
    ok(dim_objective_step(obj));
    rows[3][0] = 1;
    set_input(obj, "soft", f32_tensor(2, (int64_t[]){ N, OUT }, rows[0]));
    expect(DIM_E_INVALID, "row 3 of input 'soft' sums to 1.7", dim_objective_step(obj));
    rows[3][0] = NAN;
    set_input(obj, "soft", f32_tensor(2, (int64_t[]){ N, OUT }, rows[0]));
    expect(DIM_E_NUMERIC, "input 'soft' is NaN in sample 3", dim_objective_step(obj));
    dim_objective_destroy(obj);
}

/* What a file of an objective is to the functions of encoders. */
static void test_saved(void **state)
{
    static const char *const path = "test_objective_texts.safetensors";
    dim_network *enc = linear(D, OUT), *found = NULL, *again = linear(D, OUT);
    (void)state;
    for (int named = 0; named < 2; named++) {
        dim_objective *obj = objective(1);
        VECTOR(obj, "x", D);
        ok(dim_objective_apply(obj, enc, "x", named ? "encoder" : "f"));
        ok(dim_objective_save(obj, path));
        if (named) {
            dim_tensor *a, *b;
            ok(dim_encoder_open(ctx, path, &found));
            ok(dim_encoder_load(again, path));
            ok(dim_encoder_get_parameter(enc, "linear1.weight", &a));
            ok(dim_encoder_get_parameter(found, "linear1.weight", &b));
            assert_memory_equal(dim_tensor_data(a), dim_tensor_data(b), D * OUT * sizeof(float));
            dim_tensor_destroy(a);
            dim_tensor_destroy(b);
        } else {
            expect(DIM_E_FORMAT, "does not say which layers", dim_encoder_open(ctx, path, &found));
            assert_int_not_equal(dim_encoder_load(again, path), DIM_OK);
        }
        ok(dim_objective_load(obj, path));
        dim_objective_destroy(obj);
    }
    remove(path);
    dim_encoder_destroy(found);
    dim_encoder_destroy(again);
    dim_encoder_destroy(enc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_input_that_is_not_finite), cmocka_unit_test(test_strides), cmocka_unit_test(test_sum),
        cmocka_unit_test(test_gradient), cmocka_unit_test(test_players), cmocka_unit_test(test_impossible),
        cmocka_unit_test(test_inputs), cmocka_unit_test(test_gradient_of_input), cmocka_unit_test(test_options),
        cmocka_unit_test(test_rows), cmocka_unit_test(test_saved),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
