/* Who moves what: a player's gradient reaches its networks and nobody else's, and what nobody was given keeps its bits. */
#include "objective_tests.h"

#include <math.h>

enum { N = 16, WIDTH = 6 };

static dim_network *linear(int64_t in, uint32_t out)
{
    return network_of(in, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = out }));
}

static dim_network *with_batch_norm(int64_t in, uint32_t out)
{
    return network_of(in, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = 9, .no_bias = 1 }, { .kind = DIM_LAYER_BATCH_NORM },
                                       { .kind = DIM_LAYER_LEAKY_RELU }, { .kind = DIM_LAYER_LINEAR, .out = out }));
}

/* N rows that differ, the same at each call. */
static void set_vectors(dim_objective *obj, const char *input, int64_t width)
{
    dim_tensor *t = f32_tensor(2, (int64_t[]){ N, width }, NULL);
    float *x = dim_tensor_data(t);
    for (int64_t i = 0; i < N * width; i++)
        x[i] = (float)sin(1.7 * (double)i + (double)strlen(input));
    set_input(obj, input, t);
}

/* ---- all parameters of an objective, to be compared --------------------------------------------------------------------- */

typedef struct snapshot {
    int count;
    char name[64][64];
    dim_tensor *value[64];
} snapshot;

static void take(snapshot *s, dim_objective *obj)
{
    s->count = dim_objective_parameter_count(obj);
    assert_in_range(s->count, 1, 64);
    for (int i = 0; i < s->count; i++) {
        snprintf(s->name[i], sizeof s->name[i], "%s", dim_objective_parameter_name(obj, i));
        ok(dim_objective_get_parameter(obj, s->name[i], &s->value[i]));
    }
}

static void release(snapshot *s)
{
    for (int i = 0; i < s->count; i++)
        dim_tensor_destroy(s->value[i]);
}

static bool same(const dim_tensor *a, const dim_tensor *b)
{
    assert_int_equal(dim_tensor_count(a), dim_tensor_count(b));
    return memcmp(dim_tensor_const_data(a), dim_tensor_const_data(b), (size_t)dim_tensor_count(a) * sizeof(float)) == 0;
}

static bool starts_with(const char *name, const char *prefix) { return strncmp(name, prefix, strlen(prefix)) == 0; }

/* All parameters whose name begins with `prefix` differ, or all have the same bits.  With weights_only running statistics,
 * which a forward pass moves whoever trains, do not count. */
static void expect_same(const snapshot *a, const snapshot *b, const char *prefix, bool weights_only, bool want)
{
    int seen = 0;
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++) {
        assert_string_equal(a->name[i], b->name[i]);
        if (!starts_with(a->name[i], prefix) || (weights_only && strstr(a->name[i], "running_") != NULL))
            continue;
        seen++;
        if (same(a->value[i], b->value[i]) != want)
            fail_msg("%s %s", a->name[i], want ? "has changed" : "is the same");
    }
    assert_int_not_equal(seen, 0);
}

/* ---- two players at the same time ----------------------------------------------------------------------------------- */

typedef struct game {
    float critic, forger; /* weights of what the players minimise */
    uint32_t afterwards;
    bool frozen;          /* a network of nobody's between the generator and the discriminator */
} game;

/* SGD, whose steps are as long as the gradient is. */
static dim_objective *game_of(const game *o)
{
    dim_objective *obj = objective(5);
    dim_network *d;
    VECTOR(obj, "real", WIDTH);
    VECTOR(obj, "noise", 3);
    apply(obj, with_batch_norm(3, WIDTH), "noise", "gen");
    if (o->frozen)
        apply(obj, with_batch_norm(WIDTH, WIDTH), "gen", "frozen");
    d = with_batch_norm(WIDTH, 1);
    ok(dim_objective_apply(obj, d, "real", "real_d"));
    apply(obj, d, o->frozen ? "frozen" : "gen", "fake_d");
    LOSS(obj, .name = "apart", .kind = DIM_LOSS_TELL_APART, .a = "real_d", .b = "fake_d");
    LOSS(obj, .name = "pass", .kind = DIM_LOSS_PASS_AS_TRUE, .a = "fake_d");
    PLAYER(obj, OF(.name = "critic"), .kind = DIM_OPTIMIZER_SGD, .lr = 0.1f);
    PLAYER(obj, OF(.name = "forger", .afterwards = o->afterwards), .kind = DIM_OPTIMIZER_SGD, .lr = 0.1f);
    own(obj, "critic", "real_d");
    own(obj, "forger", "gen");
    minimise(obj, "critic", "apart", o->critic);
    minimise(obj, "forger", "pass", o->forger);
    return obj;
}

static void play(const game *o, snapshot *before, snapshot *after)
{
    dim_objective *obj = game_of(o);
    set_vectors(obj, "real", WIDTH);
    set_vectors(obj, "noise", 3);
    if (before != NULL)
        take(before, obj);
    ok(dim_objective_step(obj));
    take(after, obj);
    dim_objective_destroy(obj);
}

/* What one player wants does not change a bit of the other's step. */
static void test_apart(void **state)
{
    snapshot start, base, critic, forger;
    (void)state;
    play(&(game){ 1, 1, 0, false }, &start, &base);
    play(&(game){ 7, 1, 0, false }, NULL, &critic);
    play(&(game){ 1, 7, 0, false }, NULL, &forger);
    expect_same(&start, &base, "", false, false);
    expect_same(&base, &critic, "gen.", false, true);
    expect_same(&base, &critic, "real_d.", true, false);
    expect_same(&base, &forger, "real_d.", false, true);
    expect_same(&base, &forger, "gen.", true, false);
    release(&start);
    release(&base);
    release(&critic);
    release(&forger);
}

/* The second to move sees what the first has become, and leaves its weights alone. */
static void test_afterwards(void **state)
{
    snapshot together, after, eager;
    (void)state;
    play(&(game){ 1, 1, 0, false }, NULL, &together);
    play(&(game){ 1, 1, 1, false }, NULL, &after);
    play(&(game){ 1, 7, 1, false }, NULL, &eager);
    expect_same(&together, &after, "real_d.", true, true);
    expect_same(&together, &after, "gen.", true, false);
    expect_same(&after, &eager, "real_d.", false, true);
    expect_same(&after, &eager, "gen.", true, false);
    release(&together);
    release(&after);
    release(&eager);
}

/* A gradient goes through a network of nobody's, whose weights and running statistics keep their bits. */
static void test_frozen(void **state)
{
    snapshot start, end;
    (void)state;
    play(&(game){ 1, 1, 0, true }, &start, &end);
    expect_same(&start, &end, "frozen.", false, true);
    expect_same(&start, &end, "gen.", false, false);
    expect_same(&start, &end, "real_d.", false, false);
    release(&start);
    release(&end);
}

/* ---- two players of one loss ----------------------------------------------------------------------------------------- */

/* Features of two inputs and a critic between them; who owns which is in `owners`: "" is nobody. */
static void pair(const char *const owners[3], dim_critic critic, snapshot *start, snapshot *end)
{
    static const char *const parts[3] = { "fx", "hy", "mi" };
    dim_term_options term = { .size = sizeof term, .critic = critic, .units = 8 };
    dim_objective *obj = objective(5);
    bool two = false;
    VECTOR(obj, "x", 4);
    VECTOR(obj, "yy", 5);
    apply(obj, with_batch_norm(4, WIDTH), "x", "fx");
    apply(obj, with_batch_norm(5, WIDTH), "yy", "hy");
    LOSS(obj, .name = "mi", .a = "fx", .b = "hy", .term = &term);
    PLAYER(obj, OF(.name = "one"), .kind = DIM_OPTIMIZER_SGD, .lr = 0.1f);
    PLAYER(obj, OF(.name = "two"), .kind = DIM_OPTIMIZER_SGD, .lr = 0.1f);
    for (int i = 0; i < 3; i++)
        if (owners[i][0] != '\0')
            own(obj, owners[i], parts[i]);
    minimise(obj, "one", "mi", 1);
    for (int i = 0; i < 3; i++)
        two = two || strcmp(owners[i], "two") == 0;
    if (two)
        minimise(obj, "two", "mi", 1);
    set_vectors(obj, "x", 4);
    set_vectors(obj, "yy", 5);
    take(start, obj);
    ok(dim_objective_step(obj));
    take(end, obj);
    dim_objective_destroy(obj);
}

/* A loss that both minimise moves each part as it does for a single player: no part is moved twice, and none is left. */
static void test_shared_loss(void **state)
{
    snapshot start, one, two;
    (void)state;
    for (dim_critic critic = DIM_CRITIC_DOT; critic <= DIM_CRITIC_BILINEAR; critic += DIM_CRITIC_BILINEAR) {
        pair((const char *const[]){ "one", "one", "one" }, critic, &start, &one);
        release(&start);
        pair((const char *const[]){ "one", "two", "two" }, critic, &start, &two);
        expect_same(&one, &two, "", false, true);
        expect_same(&start, &two, "fx.", false, false);
        expect_same(&start, &two, "hy.", false, false);
        release(&start);
        release(&one);
        release(&two);
    }
}

/* Nobody's critic and nobody's encoder, one at a time. */
static void test_nobodys(void **state)
{
    static const char *const parts[3] = { "fx.", "hy.", "mi." };
    (void)state;
    for (int left = 0; left < 3; left++) {
        snapshot start, end;
        const char *owners[3] = { "one", "two", "two" };
        owners[left] = "";
        if (left == 0)
            owners[1] = "one"; /* so that player one still moves something */
        pair(owners, DIM_CRITIC_DOT, &start, &end);
        for (int i = 0; i < 3; i++)
            expect_same(&start, &end, parts[i], i != left, i == left);
        release(&start);
        release(&end);
    }
}

/* ---- what a player minimises does not lead to all that it owns ------------------------------------------------------- */

/* A network that its player's loss does not read stays as it is, weight decay or not. */
static void test_unread(void **state)
{
    snapshot start, end;
    (void)state;
    dim_objective *obj = objective(5);
    VECTOR(obj, "x", WIDTH);
    apply(obj, linear(WIDTH, WIDTH), "x", "read");
    apply(obj, with_batch_norm(WIDTH, WIDTH), "x", "unread");
    LOSS(obj, .name = "error", .kind = DIM_LOSS_SQUARED_ERROR, .a = "read", .b = "x");
    PLAYER(obj, OF(.name = "all"), .lr = 0.1f, .weight_decay = 0.1f);
    own(obj, "all", "read");
    own(obj, "all", "unread");
    minimise(obj, "all", "error", 1);
    set_vectors(obj, "x", WIDTH);
    take(&start, obj);
    for (int step = 0; step < 3; step++)
        ok(dim_objective_step(obj));
    take(&end, obj);
    expect_same(&start, &end, "read.", false, false);
    expect_same(&start, &end, "unread.", false, true);
    release(&start);
    release(&end);
    dim_objective_destroy(obj);
}

/* A player whose losses do not lead to anything that it was given is told so, and nothing has changed. */
static void test_unreached(void **state)
{
    (void)state;
    dim_objective *obj = objective(5);
    VECTOR(obj, "x", WIDTH);
    apply(obj, linear(WIDTH, WIDTH), "x", "read");
    apply(obj, linear(WIDTH, WIDTH), "x", "unread");
    LOSS(obj, .name = "error", .kind = DIM_LOSS_SQUARED_ERROR, .a = "read", .b = "x");
    PLAYER(obj, OF(.name = "right"), .lr = 0.1f);
    PLAYER(obj, OF(.name = "wrong"), .lr = 0.1f);
    own(obj, "right", "read");
    own(obj, "wrong", "unread");
    minimise(obj, "right", "error", 1);
    minimise(obj, "wrong", "error", 1);
    set_vectors(obj, "x", WIDTH);
    expect(DIM_E_STATE, "player 'wrong' minimises nothing that depends on what it was given", dim_objective_step(obj));
    assert_int_equal(dim_objective_steps(obj), 0);
    ok(dim_objective_evaluate(obj));
    dim_objective_destroy(obj);
}

/* Rows without a label count for nothing; where no row has one the loss is 0, and nothing learns from it. */
static void test_labels(void **state)
{
    snapshot start, end;
    dim_tensor *labels;
    (void)state;
    dim_objective *obj = objective(5);
    VECTOR(obj, "x", WIDTH);
    INPUT(obj, .name = "label", .dtype = DIM_I32);
    apply(obj, network_of(WIDTH, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = 3, .init = DIM_LAYER_INIT_ZERO })), "x", "head");
    LOSS(obj, .name = "class", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "head", .b = "label");
    PLAYER(obj, OF(.name = "all"), .lr = 0.1f);
    own(obj, "all", "head");
    minimise(obj, "all", "class", 1);
    set_vectors(obj, "x", WIDTH);
    ok(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ N }, &labels));
    int32_t *label = dim_tensor_data(labels);
    for (int i = 0; i < N; i++)
        label[i] = -1;
    ok(dim_objective_set(obj, "label", labels));
    take(&start, obj);
    ok(dim_objective_step(obj));
    assert_true(report(obj, "class") == 0);
    assert_true(isnan(report(obj, "class.accuracy")));
    take(&end, obj);
    expect_same(&start, &end, "head.", false, true);
    label[1] = label[5] = label[8] = 0; /* what the first of equal logits says */
    label[3] = 2;
    ok(dim_objective_evaluate(obj));
    assert_true(fabs(report(obj, "class") - log(3)) < 1e-6);
    assert_true(report(obj, "class.accuracy") == 0.75);
    label[2] = 3;
    expect(DIM_E_INVALID, "label 3 of sample 2", dim_objective_step(obj));
    label[2] = -2;
    expect(DIM_E_INVALID, "label -2 of sample 2", dim_objective_step(obj));
    release(&start);
    release(&end);
    dim_tensor_destroy(labels);
    dim_objective_destroy(obj);
}

/* Each network and critic has one player at most. */
static void test_one_owner(void **state)
{
    (void)state;
    dim_objective *obj = game_of(&(game){ 1, 1, 0, false });
    expect(DIM_E_INVALID, "critic", dim_objective_give(obj, "forger", "real_d"));
    expect(DIM_E_INVALID, "critic", dim_objective_give(obj, "forger", "fake_d")); /* the same network */
    expect(DIM_E_INVALID, "apart", dim_objective_give(obj, "forger", "apart"));   /* a loss without a critic */
    ok(dim_objective_give(obj, "critic", "fake_d"));
    dim_objective_destroy(obj);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apart), cmocka_unit_test(test_afterwards), cmocka_unit_test(test_frozen),
        cmocka_unit_test(test_shared_loss), cmocka_unit_test(test_nobodys), cmocka_unit_test(test_unread),
        cmocka_unit_test(test_unreached),
        cmocka_unit_test(test_labels), cmocka_unit_test(test_one_owner),
    };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
