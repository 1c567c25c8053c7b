/* <dim/objective.h> from outside: two inputs, players, draws, computed values, gradients, and what is refused. */
#define DIM_EXPERIMENTAL
#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 8, DX = 5, DY = 3, NAME = 64 };

static dim_context *ctx;

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

static void refused(dim_status status, dim_status wanted, const char *part)
{
    if (status != wanted || strstr(dim_context_error(ctx), part) == NULL)
        fail_msg("%s: '%s' (wanted %s and '%s')", dim_status_name(status), dim_context_error(ctx), dim_status_name(wanted),
                 part);
}

static int set_up(void **unused)
{
    dim_context_options o;
    (void)unused;
    DIM_OPTIONS_INIT(&o);
    o.threads = 2;
    o.seed = 7;
    return dim_context_create(&o, &ctx) == DIM_OK ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    dim_context_destroy(ctx);
    return 0;
}

/* in -> hidden -> out, with the tap "h" before the ReLU. */
static dim_network *network(uint32_t in, uint32_t hidden, uint32_t out, int norm)
{
    dim_encoder_builder *b;
    dim_network *net;
    dim_layer_options l;
    ok(dim_encoder_builder_create(ctx, in, 0, 0, &b));
    DIM_OPTIONS_INIT(&l);
    l.kind = DIM_LAYER_LINEAR;
    l.out = hidden;
    l.tap = "h";
    ok(dim_encoder_builder_add(b, &l));
    if (norm) {
        DIM_OPTIONS_INIT(&l);
        l.kind = DIM_LAYER_BATCH_NORM;
        ok(dim_encoder_builder_add(b, &l));
    }
    DIM_OPTIONS_INIT(&l);
    l.kind = DIM_LAYER_RELU;
    ok(dim_encoder_builder_add(b, &l));
    DIM_OPTIONS_INIT(&l);
    l.kind = DIM_LAYER_LINEAR;
    l.out = out;
    ok(dim_encoder_builder_add(b, &l));
    ok(dim_encoder_builder_finish(b, NULL, &net));
    dim_encoder_builder_destroy(b);
    return net;
}

static dim_tensor *values(int64_t rows, int64_t columns, unsigned seed)
{
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ rows, columns }, &t));
    float *x = dim_tensor_data(t);
    for (int64_t i = 0; i < rows * columns; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(seed >> 8) / (1 << 23) - 1;
    }
    return t;
}

static void add_input(dim_objective *obj, dim_input_options o)
{
    o.size = sizeof o;
    ok(dim_objective_add_input(obj, &o));
}

static void add_loss(dim_objective *obj, dim_loss_options o)
{
    o.size = sizeof o;
    ok(dim_objective_add_loss(obj, &o));
}

static void add_player(dim_objective *obj, dim_player_options o)
{
    dim_optimizer_options sgd;
    DIM_OPTIONS_INIT(&sgd);
    sgd.kind = DIM_OPTIMIZER_SGD;
    sgd.lr = 0.1f;
    if (o.optimizer == NULL)
        o.optimizer = &sgd;
    o.size = sizeof o;
    ok(dim_objective_add_player(obj, &o));
}

static double report(const dim_objective *obj, const char *name)
{
    double value;
    ok(dim_objective_report(obj, name, &value));
    return value;
}

typedef struct pair { /* x and y, two networks, one loss, one player */
    dim_objective *obj;
    dim_network *f, *h;
    dim_tensor *x, *y;
} pair;

static void pair_make(pair *p)
{
    ok(dim_objective_create(ctx, NULL, &p->obj));
    p->f = network(DX, 16, 4, 1);
    p->h = network(DY, 16, 4, 0);
    p->x = values(N, DX, 1);
    p->y = values(N, DY, 2);
    add_input(p->obj, (dim_input_options){ .name = "x", .shape = { DX }, .want_gradient = 1 });
    add_input(p->obj, (dim_input_options){ .name = "y", .shape = { DY } });
    ok(dim_objective_apply(p->obj, p->f, "x", "fx"));
    ok(dim_objective_apply(p->obj, p->h, "y", "hy"));
    /* In a space of few units scores are small, and training does not hang on last bits. */
    const dim_term_options term = { .size = sizeof term, .units = 16 };
    add_loss(p->obj, (dim_loss_options){ .name = "mi", .a = "fx", .b = "hy", .term = &term });
    add_player(p->obj, (dim_player_options){ .name = "all" });
    ok(dim_objective_give(p->obj, "all", "fx"));
    ok(dim_objective_give(p->obj, "all", "hy"));
    ok(dim_objective_give(p->obj, "all", "mi"));
    ok(dim_objective_minimise(p->obj, "all", "mi", 1));
    ok(dim_objective_set(p->obj, "x", p->x));
    ok(dim_objective_set(p->obj, "y", p->y));
}

static void pair_free(pair *p)
{
    dim_objective_destroy(p->obj);
    dim_encoder_destroy(p->f);
    dim_encoder_destroy(p->h);
    dim_tensor_destroy(p->x);
    dim_tensor_destroy(p->y);
}

static void test_two_inputs(void **unused)
{
    pair p;
    (void)unused;
    pair_make(&p);
    ok(dim_objective_evaluate(p.obj));
    double before = report(p.obj, "mi"), value = report(p.obj, "mi.value");
    for (int i = 0; i < 60; i++)
        ok(dim_objective_step(p.obj));
    ok(dim_objective_evaluate(p.obj));
    assert_true(report(p.obj, "mi") < before - 0.2);
    assert_true(report(p.obj, "mi.value") > value + 0.2);
    assert_true(fabs(report(p.obj, "all.lr") - 0.1) < 1e-7);
    assert_int_equal(dim_objective_steps(p.obj), 60);
    pair_free(&p);
}

/* The gradient with respect to an input against differences of the loss, which is smooth here: x reads no ReLU. */
static void test_input_gradient(void **unused)
{
    dim_objective *obj;
    dim_term_options term;
    dim_tensor *x = values(N, DX, 1), *grad;
    dim_network *f = network(DX, 4, 3, 0);
    (void)unused;
    DIM_OPTIONS_INIT(&term);
    term.critic = DIM_CRITIC_BILINEAR;
    ok(dim_objective_create(ctx, NULL, &obj));
    add_input(obj, (dim_input_options){ .name = "x", .shape = { DX }, .want_gradient = 1 });
    add_input(obj, (dim_input_options){ .name = "z", .shape = { 6 }, .kind = DIM_INPUT_NORMAL });
    ok(dim_objective_apply(obj, f, "x", "fx"));
    add_loss(obj, (dim_loss_options){ .name = "mi", .a = "fx.h", .b = "z", .term = &term });
    ok(dim_objective_set(obj, "x", x));
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ N, DX }, &grad));
    ok(dim_objective_gradient(obj, "mi", "x", grad));
    const float *g = dim_tensor_const_data(grad);
    float *at = dim_tensor_data(x);
    double largest = 0;
    for (int i = 0; i < N * DX; i++) {
        const float middle = at[i], step = 1.0f / 64;
        double sides[2];
        for (int k = 0; k < 2; k++) {
            at[i] = middle + (k == 0 ? -step : step);
            ok(dim_objective_evaluate(obj));
            sides[k] = report(obj, "mi");
        }
        at[i] = middle;
        double wanted = (sides[1] - sides[0]) / (2.0 * (double)step);
        largest = fmax(largest, fabs(wanted));
        if (fabs(wanted - (double)g[i]) > 2e-5) /* 2^-24 of a loss of 1.4, by 1/32; the third derivative costs less */
            fail_msg("element %d: %g, by differences %g", i, (double)g[i], wanted);
    }
    assert_true(largest > 0.003);
    dim_tensor_destroy(x);
    dim_tensor_destroy(grad);
    dim_objective_destroy(obj);
    dim_encoder_destroy(f);
}

static void copy_parameters(dim_objective *obj, const char *prefix, float *out, size_t *count)
{
    *count = 0;
    for (int i = 0; i < dim_objective_parameter_count(obj); i++) {
        dim_tensor *t;
        char name[NAME];
        snprintf(name, sizeof name, "%s", dim_objective_parameter_name(obj, i));
        if (strncmp(name, prefix, strlen(prefix)) != 0)
            continue;
        ok(dim_objective_get_parameter(obj, name, &t));
        size_t n = (size_t)dim_tensor_count(t);
        memcpy(out + *count, dim_tensor_const_data(t), n * sizeof *out);
        *count += n;
        dim_tensor_destroy(t);
    }
}

enum { ROOM = 4096 };

static int moved(dim_objective *obj, const char *prefix, const float *before)
{
    static float now[ROOM];
    size_t n;
    copy_parameters(obj, prefix, now, &n);
    assert_true(n > 0);
    return memcmp(now, before, n * sizeof *now) != 0;
}

typedef struct game { /* G makes y of noise z, D tells it from the y that is given */
    dim_objective *obj;
    dim_network *g, *d, *still;
    dim_tensor *y;
} game;

static void game_make(game *p, int afterwards, uint32_t turns)
{
    ok(dim_objective_create(ctx, NULL, &p->obj));
    p->g = network(4, 16, DY, 1);
    p->d = network(DY, 16, 1, 0);
    p->still = network(DY, 8, 2, 1);
    p->y = values(N, DY, 2);
    add_input(p->obj, (dim_input_options){ .name = "y", .shape = { DY } });
    add_input(p->obj, (dim_input_options){ .name = "z", .shape = { 4 }, .kind = DIM_INPUT_NORMAL });
    ok(dim_objective_apply(p->obj, p->d, "y", "real"));
    ok(dim_objective_apply(p->obj, p->g, "z", "fake"));
    ok(dim_objective_apply(p->obj, p->d, "fake", "made"));
    ok(dim_objective_apply(p->obj, p->still, "fake", "still"));
    add_loss(p->obj, (dim_loss_options){ .name = "d", .kind = DIM_LOSS_TELL_APART, .a = "real", .b = "made" });
    add_loss(p->obj, (dim_loss_options){ .name = "g", .kind = DIM_LOSS_PASS_AS_TRUE, .a = "made" });
    add_loss(p->obj, (dim_loss_options){ .name = "e", .kind = DIM_LOSS_KL, .a = "still", .b = "still" });
    add_player(p->obj, (dim_player_options){ .name = "D", .turns = turns });
    add_player(p->obj, (dim_player_options){ .name = "G", .afterwards = (uint32_t)afterwards });
    ok(dim_objective_give(p->obj, "D", "real"));
    ok(dim_objective_give(p->obj, "G", "fake"));
    ok(dim_objective_minimise(p->obj, "D", "d", 1));
    ok(dim_objective_minimise(p->obj, "G", "g", 1));
    ok(dim_objective_set(p->obj, "y", p->y));
}

static void game_free(game *p)
{
    dim_objective_destroy(p->obj);
    dim_encoder_destroy(p->g);
    dim_encoder_destroy(p->d);
    dim_encoder_destroy(p->still);
    dim_tensor_destroy(p->y);
}

/* Each player moves its own networks only; what nobody was given stays the same bits, running statistics included. */
static void test_isolation(void **unused)
{
    (void)unused;
    for (int alone = 0; alone < 2; alone++) { /* who has nothing to gain */
        static float before[3][ROOM];
        size_t n;
        game p;
        game_make(&p, 0, 1);
        ok(dim_objective_minimise(p.obj, "D", "g", 0)); /* allowed: a weight of 0 is one */
        if (alone == 1)
            ok(dim_objective_minimise(p.obj, "G", "e", 0.5f));
        copy_parameters(p.obj, "real.", before[0], &n);
        copy_parameters(p.obj, "fake.", before[1], &n);
        copy_parameters(p.obj, "still.", before[2], &n);
        ok(dim_objective_step(p.obj));
        assert_true(moved(p.obj, "real.", before[0]));
        assert_true(moved(p.obj, "fake.", before[1]));
        assert_false(moved(p.obj, "still.", before[2]));
        game_free(&p);
    }
}

/* Afterwards: G's loss is of the D that has moved, with new noise; so both losses differ from those of one pass. */
static void test_turns(void **unused)
{
    double losses[3];
    (void)unused;
    for (int how = 0; how < 3; how++) {
        game p;
        game_make(&p, how > 0, how == 2 ? 3 : 1);
        ok(dim_objective_step(p.obj));
        losses[how] = report(p.obj, "g");
        assert_true(isfinite(report(p.obj, "e"))); /* nobody minimises it: reported all the same */
        game_free(&p);
    }
    assert_true(losses[0] != losses[1] && losses[1] != losses[2]);
}

static void test_compute(void **unused)
{
    game p;
    dim_tensor *made, *again, *z, *direct, *features, *logits;
    (void)unused;
    game_make(&p, 1, 1);
    for (int i = 0; i < 3; i++)
        ok(dim_objective_step(p.obj));
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 5, DY }, &made));
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 5, DY }, &again));
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 5, DY }, &direct));
    ok(dim_objective_compute(p.obj, "fake", made));
    ok(dim_objective_compute(p.obj, "fake", again));
    assert_memory_not_equal(dim_tensor_const_data(made), dim_tensor_const_data(again), 5 * DY * sizeof(float)); /* new draws */
    z = values(5, 4, 9);
    ok(dim_objective_set(p.obj, "y", NULL));
    ok(dim_objective_set(p.obj, "z", z)); /* generate from these codes */
    ok(dim_objective_compute(p.obj, "fake", made));
    ok(dim_encoder_encode(p.g, z, NULL, direct));
    assert_memory_equal(dim_tensor_const_data(made), dim_tensor_const_data(direct), 5 * DY * sizeof(float));
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 5, 16 }, &features));
    ok(dim_objective_compute(p.obj, "made.h", features));
    refused(dim_objective_compute(p.obj, "made.h", made), DIM_E_SHAPE, "(5, 16)");
    refused(dim_objective_compute(p.obj, "made.i", made), DIM_E_INVALID, "no tap 'i'");
    refused(dim_objective_compute(p.obj, "mad", made), DIM_E_INVALID, "no value 'mad'");
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 5, 1 }, &logits));
    refused(dim_objective_compute(p.obj, "real", logits), DIM_E_STATE, "needs input 'y'");
    dim_tensor_destroy(logits);
    dim_tensor_destroy(made);
    dim_tensor_destroy(again);
    dim_tensor_destroy(direct);
    dim_tensor_destroy(features);
    dim_tensor_destroy(z);
    game_free(&p);
}

/* Computing between steps changes nothing about them. */
static void test_compute_leaves_steps(void **unused)
{
    double losses[2];
    (void)unused;
    for (int how = 0; how < 2; how++) {
        game p;
        dim_tensor *made;
        game_make(&p, 1, 1);
        ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ N, DY }, &made));
        for (int i = 0; i < 4; i++) {
            ok(dim_objective_step(p.obj));
            if (how == 1)
                ok(dim_objective_compute(p.obj, "fake", made));
        }
        losses[how] = report(p.obj, "g");
        dim_tensor_destroy(made);
        game_free(&p);
    }
    assert_true(losses[0] == losses[1]);
}

/* A model whose code is a map has no statistics of units: its reports of them are 0, as they always were. */
static void test_map_as_code(void **unused)
{
    dim_encoder_builder *b;
    dim_encoder *enc;
    dim_model *model;
    dim_layer_options l;
    dim_tensor *x;
    double value = -1;
    (void)unused;
    ok(dim_encoder_builder_create(ctx, 2, 4, 4, &b));
    DIM_OPTIONS_INIT(&l);
    l.kind = DIM_LAYER_CONV;
    l.out = 3;
    l.kernel = 3;
    l.tap = "local";
    ok(dim_encoder_builder_add(b, &l));
    ok(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    ok(dim_model_create(enc, NULL, &model));
    ok(dim_model_add_term(model, NULL));
    ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ 3, 2, 4, 4 }, &x));
    memset(dim_tensor_data(x), 0, (size_t)dim_tensor_count(x) * sizeof(float));
    ok(dim_model_evaluate(model, x));
    ok(dim_model_report(model, "code.mean", &value));
    assert_true(value == 0);
    ok(dim_model_report(model, "code.std", &value));
    assert_true(value == 0);
    dim_tensor_destroy(x);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
}

static void test_save(void **unused)
{
    pair a, b;
    (void)unused;
    pair_make(&a);
    pair_make(&b);
    for (int i = 0; i < 3; i++)
        ok(dim_objective_step(a.obj));
    ok(dim_objective_save(a.obj, "objective.safetensors"));
    ok(dim_objective_load(b.obj, "objective.safetensors"));
    ok(dim_objective_evaluate(a.obj));
    ok(dim_objective_evaluate(b.obj));
    assert_true(report(a.obj, "mi") == report(b.obj, "mi"));
    remove("objective.safetensors");
    pair_free(&a);
    pair_free(&b);
}

/* Goes on bit for bit, draws and turns included; and says which part of an objective is another. */
static void test_checkpoint(void **unused)
{
    game a, b, other;
    (void)unused;
    game_make(&a, 1, 2);
    game_make(&b, 1, 2);
    game_make(&other, 1, 3);
    for (int i = 0; i < 3; i++)
        ok(dim_objective_step(a.obj));
    ok(dim_objective_step(b.obj));
    ok(dim_objective_checkpoint_save(a.obj, NULL, "objective.checkpoint"));
    ok(dim_objective_checkpoint_load(b.obj, NULL, "objective.checkpoint"));
    assert_int_equal(dim_objective_steps(b.obj), 3);
    for (int i = 0; i < 2; i++) {
        ok(dim_objective_step(a.obj));
        ok(dim_objective_step(b.obj));
        assert_true(report(a.obj, "d") == report(b.obj, "d") && report(a.obj, "g") == report(b.obj, "g"));
    }
    refused(dim_objective_checkpoint_load(other.obj, NULL, "objective.checkpoint"), DIM_E_INVALID, "player.D");
    remove("objective.checkpoint");
    game_free(&a);
    game_free(&b);
    game_free(&other);
}

/* "input" joined to "b", with this mean of both. */
static dim_network *joined(float mean)
{
    dim_encoder_builder *b;
    dim_network *net;
    dim_layer_options l;
    dim_encoder_options o;
    DIM_OPTIONS_INIT(&o);
    for (int i = 0; i < 4; i++) {
        o.mean[i] = mean;
        o.std[i] = 1;
    }
    ok(dim_encoder_builder_create(ctx, 4, 0, 0, &b));
    ok(dim_encoder_builder_add_input(b, "b", 4, 0, 0));
    DIM_OPTIONS_INIT(&l);
    l.kind = DIM_LAYER_CONCAT;
    l.from = "b";
    ok(dim_encoder_builder_add(b, &l));
    DIM_OPTIONS_INIT(&l);
    l.kind = DIM_LAYER_LINEAR;
    l.out = 4;
    ok(dim_encoder_builder_add(b, &l));
    ok(dim_encoder_builder_finish(b, mean != 0 ? &o : NULL, &net));
    dim_encoder_builder_destroy(b);
    return net;
}

/* An application that is refused leaves nothing of its network behind, which is not retained. */
static void test_refused_application(void **unused)
{
    dim_objective *obj;
    dim_network *half = joined(0.5f), *quarter = joined(0.25f);
    (void)unused;
    ok(dim_objective_create(ctx, NULL, &obj));
    add_input(obj, (dim_input_options){ .name = "x", .shape = { 4 } });
    add_input(obj, (dim_input_options){ .name = "y", .shape = { 4 } });
    refused(dim_objective_apply(obj, half, "x x", "xx"), DIM_E_INVALID, "'xx': input 'x' cannot be read with one mean");
    dim_encoder_destroy(half);
    ok(dim_objective_apply(obj, quarter, "x y", "xy"));
    refused(dim_objective_apply(obj, quarter, "y x", "yx"), DIM_E_INVALID, "'yx': input 'y' cannot");
    ok(dim_objective_apply(obj, quarter, "x xy", "again"));
    dim_encoder_destroy(quarter);
    dim_objective_destroy(obj);
}

/* What a value reads is known, not searched: here 2^40 ways lead to the input. */
static void test_many_ways(void **unused)
{
    dim_objective *obj;
    dim_network *net = joined(0);
    dim_tensor *x = values(2, 4, 1), *out = values(2, 4, 2);
    char as[NAME], of[NAME] = "x x";
    (void)unused;
    ok(dim_objective_create(ctx, NULL, &obj));
    add_input(obj, (dim_input_options){ .name = "x", .shape = { 4 } });
    for (int i = 0; i < 40; i++) {
        snprintf(as, sizeof as, "f%d", i);
        ok(dim_objective_apply(obj, net, of, as));
        snprintf(of, sizeof of, "f%d f%d", i, i);
    }
    ok(dim_objective_set(obj, "x", x));
    ok(dim_objective_compute(obj, as, out));
    dim_tensor_destroy(x);
    dim_tensor_destroy(out);
    dim_encoder_destroy(net);
    dim_objective_destroy(obj);
}

static void test_refused_parts(void **unused)
{
    pair p;
    dim_input_options in;
    dim_term_options term;
    dim_loss_options loss;
    (void)unused;
    pair_make(&p);
    DIM_OPTIONS_INIT(&in);
    refused(dim_objective_add_input(p.obj, &in), DIM_E_INVALID, "required");
    in.name = "x";
    refused(dim_objective_add_input(p.obj, &in), DIM_E_INVALID, "'x' is taken");
    in.name = "w";
    refused(dim_objective_add_input(p.obj, &in), DIM_E_SHAPE, "'w' cannot have the shape (0, 0, 0)");
    in.shape[0] = 3;
    in.kind = (dim_input_kind)9;
    refused(dim_objective_add_input(p.obj, &in), DIM_E_INVALID, "kind is 9");
    in.kind = DIM_INPUT_NORMAL;
    in.dtype = DIM_I32;
    refused(dim_objective_add_input(p.obj, &in), DIM_E_INVALID, "must be f32");
    refused(dim_objective_apply(p.obj, p.f, "y", "fy"), DIM_E_SHAPE, "takes (5, 0, 0)");
    refused(dim_objective_apply(p.obj, p.f, "x y", "fy"), DIM_E_INVALID, "reads 1 value");
    refused(dim_objective_apply(p.obj, p.f, "", "fy"), DIM_E_INVALID, "reads 1 value");
    DIM_OPTIONS_INIT(&loss);
    loss.name = "l";
    refused(dim_objective_add_loss(p.obj, &loss), DIM_E_INVALID, "needs a");
    loss.a = "fx";
    refused(dim_objective_add_loss(p.obj, &loss), DIM_E_INVALID, "needs b");
    loss.b = "x";
    loss.kind = DIM_LOSS_SQUARED_ERROR;
    refused(dim_objective_add_loss(p.obj, &loss), DIM_E_SHAPE, "a has shape (4, 0, 0), but b has (5, 0, 0)");
    loss.b = "hy";
    loss.c = "hy";
    refused(dim_objective_add_loss(p.obj, &loss), DIM_E_INVALID, "does not take c");
    loss.c = NULL;
    loss.adversary = DIM_ADVERSARY_MINIMAX;
    refused(dim_objective_add_loss(p.obj, &loss), DIM_E_INVALID, "adversary is not an option");
    loss.adversary = 0;
    DIM_OPTIONS_INIT(&term);
    term.critic = DIM_CRITIC_PLAIN_DOT;
    loss.kind = DIM_LOSS_INFORMATION;
    loss.term = &term;
    loss.b = "x";
    refused(dim_objective_add_loss(p.obj, &loss), DIM_E_SHAPE, "a has 4 and b has 5");
    pair_free(&p);
}

static void test_refused(void **unused)
{
    pair p;
    dim_player_options player;
    dim_tensor *bad = values(N, DX + 1, 3), *few = values(N - 1, DY, 3), *one = values(1, DX, 3);
    (void)unused;
    pair_make(&p);
    DIM_OPTIONS_INIT(&player);
    player.name = "q";
    player.turns = 1001;
    refused(dim_objective_add_player(p.obj, &player), DIM_E_INVALID, "turns is 1001");
    player.turns = 0;
    ok(dim_objective_add_player(p.obj, &player));
    refused(dim_objective_give(p.obj, "q", "fx"), DIM_E_INVALID, "trained by the player 'all'");
    refused(dim_objective_give(p.obj, "q", "x"), DIM_E_INVALID, "neither an application");
    refused(dim_objective_minimise(p.obj, "r", "mi", 1), DIM_E_INVALID, "no player 'r'");
    refused(dim_objective_minimise(p.obj, "q", "mj", 1), DIM_E_INVALID, "no loss 'mj'");
    refused(dim_objective_minimise(p.obj, "q", "mi", NAN), DIM_E_INVALID, "finite");
    ok(dim_objective_minimise(p.obj, "q", "mi", 1));
    refused(dim_objective_step(p.obj), DIM_E_STATE, "player 'q' minimises a loss, but has no network");
    dim_loss_options loss = { .size = sizeof loss, .name = "other", .kind = DIM_LOSS_SQUARED_ERROR, .a = "hy", .b = "hy" };
    ok(dim_objective_add_loss(p.obj, &loss));
    ok(dim_objective_set(p.obj, "y", NULL));
    refused(dim_objective_gradient(p.obj, "other", "x", p.x), DIM_E_INVALID, "does not depend on input 'x'");
    refused(dim_objective_compute(p.obj, "fx.top", p.x), DIM_E_INVALID, "'fx.top': the encoder has no tap 'top'");
    pair_free(&p);
    pair_make(&p);
    refused(dim_objective_set(p.obj, "x", bad), DIM_E_SHAPE, "it must be (N, 5)");
    ok(dim_objective_set(p.obj, "y", few));
    refused(dim_objective_step(p.obj), DIM_E_SHAPE, "'y' has 7 samples");
    ok(dim_objective_set(p.obj, "y", NULL));
    refused(dim_objective_step(p.obj), DIM_E_STATE, "'y' was not given");
    ok(dim_objective_set(p.obj, "x", one));
    refused(dim_objective_step(p.obj), DIM_E_SHAPE, "2 at least");
    ok(dim_objective_set(p.obj, "x", p.x));
    ok(dim_objective_set(p.obj, "y", p.y));
    ok(dim_objective_step(p.obj));
    refused(dim_objective_minimise(p.obj, "all", "mi", 1), DIM_E_STATE, "fixed");
    float *x = dim_tensor_data(p.x), at = x[3];
    x[3] = NAN;
    refused(dim_objective_step(p.obj), DIM_E_NUMERIC, "nothing was updated");
    x[3] = at;
    ok(dim_objective_step(p.obj));
    assert_int_equal(dim_objective_steps(p.obj), 2);
    dim_tensor_destroy(bad);
    dim_tensor_destroy(few);
    dim_tensor_destroy(one);
    pair_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_inputs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_input_gradient, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_isolation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_compute, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_compute_leaves_steps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_map_as_code, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_save, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_checkpoint, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused_application, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_ways, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
