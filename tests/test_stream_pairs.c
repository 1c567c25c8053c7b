/* Pairs of a critic that concatenates, where no gradient is wanted: their hidden layers are made in blocks of rows, with the same
 * numbers as all at once, in less memory. */
#include "objective_tests.h"

#include <math.h>

enum { D = 6, FX = 3, FY = 2 };

typedef struct meter { /* an allocator that knows how much was taken at most */
    size_t now, most;
} meter;

static void *take(void *user, size_t size, size_t align)
{
    meter *m = user;
    m->now += size;
    m->most = m->now > m->most ? m->now : m->most;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void give(void *user, void *memory, size_t size)
{
    ((meter *)user)->now -= size;
    free(memory);
}

typedef struct setting {
    int64_t n;
    dim_estimator_kind kind;
    dim_critic critic;
    uint32_t hidden, batch_norm;
    bool trained;            /* the critic has a player */
    bool reported;           /* the loss is nobody's: a step has it without a gradient, too */
    uint64_t score_memory;
    uint64_t disabled_passes;
} setting;

/* "f" of images (5 x 5) has a map, "h" of vectors a vector; "mi" pairs each location with each vector. */
static dim_objective *objective_of(const setting *s)
{
    dim_objective *obj = objective(3);
    dim_estimator *est;
    const dim_estimator_options how = { .size = sizeof how, .kind = s->kind, .score_memory = s->score_memory };
    ok(dim_estimator_create(ctx, &how, &est));
    const dim_term_options term = { .size = sizeof term, .estimator = est, .critic = s->critic, .batch_norm = s->batch_norm,
                                    .hidden = { s->hidden, s->hidden * 3 / 4 } };
    INPUT(obj, .name = "x", .shape = { 1, 5, 5 });
    INPUT(obj, .name = "y", .shape = { D });
    apply(obj, network_of(1, 5, 5, LAYERS({ .kind = DIM_LAYER_CONV, .out = FX, .kernel = 4, .tap = "map" },
                                          { .kind = DIM_LAYER_LINEAR, .out = FX })), "x", "f");
    apply(obj, network_of(D, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = FY })), "y", "h");
    LOSS(obj, .name = "mi", .a = s->critic == DIM_CRITIC_MLP ? "f" : "f.map", .b = "h", .term = &term);
    PLAYER(obj, OF(.name = "all"), .lr = 0.01f);
    own(obj, "all", "f");
    if (s->trained)
        own(obj, "all", "mi");
    if (s->reported) {
        apply(obj, network_of(1, 5, 5, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = FX })), "x", "other");
        LOSS(obj, .name = "near", .kind = DIM_LOSS_SQUARED_ERROR, .a = "f", .b = "other");
    }
    minimise(obj, "all", s->reported ? "near" : "mi", 1);
    dim_estimator_destroy(est);
    dim_tensor *x = f32_tensor(4, (int64_t[]){ s->n, 1, 5, 5 }, NULL), *y = f32_tensor(2, (int64_t[]){ s->n, D }, NULL);
    for (int64_t i = 0; i < s->n * 25; i++)
        ((float *)dim_tensor_data(x))[i] = sinf((float)(i * i % 1009));
    for (int64_t i = 0; i < s->n * D; i++)
        ((float *)dim_tensor_data(y))[i] = cosf((float)(i * i % 997));
    set_input(obj, "x", x);
    set_input(obj, "y", y);
    return obj;
}

typedef struct result {
    double loss, value, pos, neg;
    size_t most;             /* bytes, above what there was before */
} result;

static result run(const setting *s)
{
    meter m = { 0 };
    result r;
    dim_context_options o = { .size = sizeof o, .threads = 2, .seed = 5, .alloc = take, .free = give, .alloc_user = &m,
                              .disabled_passes = s->disabled_passes };
    ok(dim_context_create(&o, &ctx));
    dim_objective *obj = objective_of(s);
    size_t before = m.now;
    ok(s->reported ? dim_objective_step(obj) : dim_objective_evaluate(obj));
    r = (result){ report(obj, "mi"), report(obj, "mi.value"), report(obj, "mi.pos"), report(obj, "mi.neg"), m.most - before };
    dim_objective_destroy(obj);
    dim_context_destroy(ctx);
    assert_int_equal(m.now, 0);
    return r;
}

static void near(const setting *s, const char *what, double got, double want)
{
    if (!(fabs(got - want) <= 2e-6 * (1 + fabs(want))))
        fail_msg("n %d, estimator %d, critic %d, memory %d: %s is %.9g, all at once %.9g", (int)s->n, (int)s->kind,
                 (int)s->critic, (int)s->score_memory, what, got, want);
}

static void compare(setting s)
{
    result got = run(&s);
    s.disabled_passes = DIM_PASS_STREAM;
    result want = run(&s);
    near(&s, "loss", got.loss, want.loss);
    near(&s, "value", got.value, want.value);
    near(&s, "pos", got.pos, want.pos);
    near(&s, "neg", got.neg, want.neg);
    assert_true(isfinite(got.loss) && got.pos != got.neg);
}

static void test_same_numbers(void **state)
{
    static const dim_estimator_kind kinds[] = { DIM_ESTIMATOR_JSD, DIM_ESTIMATOR_MINE, DIM_ESTIMATOR_INFONCE };
    static const int64_t sizes[] = { 2, 3, 17, 64 };
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            for (int critic = 0; critic < 2; critic++)
                for (int rows = 0; rows < 3; rows++) /* a block: a row, five rows, all */
                    compare((setting){ .n = sizes[i], .kind = kinds[k], .critic = critic ? DIM_CRITIC_MLP : DIM_CRITIC_CONCAT,
                                       .hidden = 16, .trained = true,
                                       .score_memory = rows == 0 ? 1 : rows == 1 ? (uint64_t)(5 * sizes[i] * 28 * 4) : 1 << 30 });
    compare((setting){ .n = 300, .critic = DIM_CRITIC_MLP, .hidden = 8, .trained = true, .score_memory = 1 }); /* 128 blocks */
}

/* Batch statistics are of all pairs, whatever the limit; frozen ones are of none. */
static void test_batch_norm(void **state)
{
    (void)state;
    for (int trained = 0; trained < 2; trained++)
        compare((setting){ .n = 12, .critic = DIM_CRITIC_MLP, .hidden = 16, .batch_norm = 1, .trained = trained,
                           .score_memory = 1 });
}

/* In a step, of a loss that nobody minimises. */
static void test_reported(void **state)
{
    (void)state;
    compare((setting){ .n = 12, .critic = DIM_CRITIC_MLP, .hidden = 16, .reported = true, .score_memory = 1 });
}

/* A gradient needs the hidden layers of all pairs, so a step that minimises the loss has its bits whatever the limit. */
static void test_minimised(void **state)
{
    float weight[2][16 * 12];
    (void)state;
    for (int k = 0; k < 2; k++) {
        dim_context_options o = { .size = sizeof o, .threads = 1, .seed = 5 };
        const setting s = { .n = 24, .critic = DIM_CRITIC_CONCAT, .hidden = 16, .trained = true, .score_memory = k ? 1 : 1 << 30 };
        dim_tensor *w;
        ok(dim_context_create(&o, &ctx));
        dim_objective *obj = objective_of(&s);
        for (int i = 0; i < 3; i++)
            ok(dim_objective_step(obj));
        ok(dim_objective_get_parameter(obj, "mi.fc2.weight", &w));
        assert_int_equal(dim_tensor_count(w), 16 * 12);
        memcpy(weight[k], dim_tensor_data(w), sizeof weight[k]);
        dim_tensor_destroy(w);
        dim_objective_destroy(obj);
        dim_context_destroy(ctx);
    }
    assert_memory_equal(weight[0], weight[1], sizeof weight[0]);
}

static void test_memory(void **state)
{
    setting s = { .n = 384, .critic = DIM_CRITIC_MLP, .hidden = 256, .trained = true };
    const size_t all = (size_t)s.n * (size_t)s.n * 256 * sizeof(float), mega = 1 << 20; /* of the first layer alone: 144 MB */
    (void)state;
    result usual = run(&s);
    assert_true(usual.most < 72 * mega);
    s.score_memory = 4 * mega;
    result small = run(&s);
    assert_true(small.most < 12 * mega);
    s.disabled_passes = DIM_PASS_STREAM;
    result whole = run(&s);
    assert_true(whole.most > all);
    near(&s, "loss", usual.loss, whole.loss);
    near(&s, "loss", small.loss, whole.loss);
    s.disabled_passes = 0;
    s.reported = true; /* a step that has it without a gradient */
    assert_true(run(&s).most < 16 * mega);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_numbers), cmocka_unit_test(test_batch_norm), cmocka_unit_test(test_reported),
        cmocka_unit_test(test_minimised),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
