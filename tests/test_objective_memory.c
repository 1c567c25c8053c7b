/* No memory, at each allocation of an objective once: nothing crashes, leaks or has changed, and trying again works. */
#include "failing_alloc.h"
#include "objective_tests.h"

enum { N = 8, WIDTH = 3, NOISE = 2 };

static failing memory;

static void open_failing(void)
{
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    o.threads = 1;
    o.alloc = take;
    o.free = give;
    o.alloc_user = &memory;
    memory = (failing){ 0 };
    ok(dim_context_create(&o, &ctx));
}

static void close_failing(void)
{
    dim_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
}

#define TRY(call) do { dim_status status_ = (call); if (status_ != DIM_OK) return status_; } while (0)
#define OPTIONS(type, ...) &(type){ .size = sizeof(type), __VA_ARGS__ }

typedef struct game {
    dim_network *forger, *critic;
    dim_tensor *real, *out;
    dim_objective *obj;
} game;

static dim_status make_network(uint32_t in, uint32_t out, dim_network **net)
{
    static const dim_layer_kind kinds[] = { DIM_LAYER_LINEAR, DIM_LAYER_BATCH_NORM, DIM_LAYER_RELU, DIM_LAYER_LINEAR };
    dim_encoder_builder *b;
    TRY(dim_encoder_builder_create(ctx, in, 0, 0, &b));
    dim_status status = DIM_OK;
    for (int i = 0; i < 4 && status == DIM_OK; i++)
        status = dim_encoder_builder_add(b, OPTIONS(dim_layer_options, .kind = kinds[i],
                                                    .out = kinds[i] != DIM_LAYER_LINEAR ? 0 : i == 0 ? 6 : out));
    if (status == DIM_OK)
        status = dim_encoder_builder_finish(b, NULL, net);
    dim_encoder_builder_destroy(b);
    return status;
}

static dim_status add_parts(game *p)
{
    const dim_term_options term = { .size = sizeof term, .units = 8 };
    dim_objective *obj = p->obj;
    TRY(dim_objective_add_input(obj, OPTIONS(dim_input_options, .name = "real", .shape = { WIDTH }, .want_gradient = 1)));
    TRY(dim_objective_add_input(obj, OPTIONS(dim_input_options, .name = "z", .kind = DIM_INPUT_NORMAL, .shape = { NOISE })));
    TRY(dim_objective_apply(obj, p->forger, "z", "g"));
    TRY(dim_objective_apply(obj, p->critic, "real", "real_d"));
    TRY(dim_objective_apply(obj, p->critic, "g", "fake_d"));
    TRY(dim_objective_add_loss(obj, OPTIONS(dim_loss_options, .name = "apart", .kind = DIM_LOSS_TELL_APART, .a = "real_d",
                                            .b = "fake_d")));
    TRY(dim_objective_add_loss(obj, OPTIONS(dim_loss_options, .name = "pass", .kind = DIM_LOSS_PASS_AS_TRUE, .a = "fake_d")));
    TRY(dim_objective_add_loss(obj, OPTIONS(dim_loss_options, .name = "mi", .a = "g", .b = "z", .term = &term)));
    TRY(dim_objective_add_player(obj, OPTIONS(dim_player_options, .name = "critic")));
    TRY(dim_objective_add_player(obj, OPTIONS(dim_player_options, .name = "forger")));
    TRY(dim_objective_give(obj, "critic", "real_d"));
    TRY(dim_objective_give(obj, "forger", "g"));
    TRY(dim_objective_give(obj, "forger", "mi"));
    TRY(dim_objective_minimise(obj, "critic", "apart", 1));
    TRY(dim_objective_minimise(obj, "forger", "pass", 1));
    return dim_objective_minimise(obj, "forger", "mi", 1);
}

static dim_status make(game *p)
{
    *p = (game){ 0 };
    TRY(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ N, WIDTH }, &p->real));
    TRY(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ N, WIDTH }, &p->out));
    for (int i = 0; i < N * WIDTH; i++)
        ((float *)dim_tensor_data(p->real))[i] = (float)(i * 7 % 11) / 5 - 1;
    TRY(make_network(NOISE, WIDTH, &p->forger));
    TRY(make_network(WIDTH, 1, &p->critic));
    TRY(dim_objective_create(ctx, NULL, &p->obj));
    TRY(add_parts(p));
    return dim_objective_set(p->obj, "real", p->real);
}

static void clear(game *p)
{
    dim_objective_destroy(p->obj);
    dim_encoder_destroy(p->forger);
    dim_encoder_destroy(p->critic);
    dim_tensor_destroy(p->real);
    dim_tensor_destroy(p->out);
}

static void test_making(void **state)
{
    dim_status status = DIM_E_NOMEM;
    (void)state;
    open_failing();
    for (long fail = 1; status != DIM_OK; fail++) {
        game p;
        memory.calls = 0;
        memory.fail_at = fail;
        status = make(&p);
        assert_true(status == DIM_E_NOMEM || (status == DIM_OK && memory.calls < fail));
        clear(&p);
    }
    assert_true(memory.calls > 30);
    close_failing();
}

static dim_status step(game *p) { return dim_objective_step(p->obj); }
static dim_status evaluate(game *p) { return dim_objective_evaluate(p->obj); }
static dim_status compute(game *p) { return dim_objective_compute(p->obj, "g", p->out); }
static dim_status gradient(game *p) { return dim_objective_gradient(p->obj, "apart", "real", p->out); }
static dim_status parameters(game *p) { return dim_objective_parameter_count(p->obj) > 0 ? DIM_OK : DIM_E_NOMEM; }

/* The losses after the action, which finds no memory at its `fail`-th allocation and is tried again, and two steps.  Returns
 * whether it came as far as that allocation. */
static bool interrupted(dim_status (*action)(game *), long fail, double losses[3])
{
    static const char *const names[3] = { "apart", "pass", "mi" };
    game p;
    open_failing();
    ok(make(&p));
    memory.calls = 0;
    memory.fail_at = fail;
    dim_status status = action(&p);
    bool there = fail > 0 && memory.calls >= fail;
    memory.fail_at = 0;
    assert_int_equal(status, there ? DIM_E_NOMEM : DIM_OK);
    if (there)
        ok(action(&p));
    for (int i = 0; i < 2; i++)
        ok(dim_objective_step(p.obj));
    for (int i = 0; i < 3; i++)
        losses[i] = report(p.obj, names[i]);
    clear(&p);
    close_failing();
    return there;
}

static void test_using(void **state)
{
    static dim_status (*const actions[])(game *) = { step, evaluate, compute, gradient, parameters };
    (void)state;
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        double want[3], got[3];
        long fail = 1;
        interrupted(actions[i], 0, want);
        for (; interrupted(actions[i], fail, got); fail++)
            assert_memory_equal(got, want, sizeof want);
        assert_true(fail > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_making), cmocka_unit_test(test_using) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
