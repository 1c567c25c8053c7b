/* What several ranks promise beside the numbers: the same bits again, one status for all, nothing changed after a failure, an end
 * when a rank does not answer, rank 0's parameters, checkpoints for any number of ranks, slices of one order. */
#include "ranks_tests.h"

#include <math.h>
#include <unistd.h>

enum { N = 12, WIDTH = 5, NUMBERS = 2000 };

typedef struct outcome { /* of one rank */
    dim_status status[4];
    char error[4][512];
    double loss[4];
    int64_t n;
    float before[NUMBERS], after[NUMBERS];
} outcome;

typedef struct job {
    outcome of[MOST_RANKS];
    int64_t last;        /* see member; of rank 1 */
    const char *path;
    int steps, more;
} job;

static dim_objective *made(const member *me, uint64_t seed)
{
    dim_term_options term = { .size = sizeof term, .units = 6 };
    dim_objective *obj = objective(seed);
    INPUT(obj, .name = "x", .shape = { WIDTH });
    INPUT(obj, .name = "class", .dtype = DIM_I32);
    apply(obj, network_of(WIDTH, 0, 0, LAYERS({ .kind = DIM_LAYER_LINEAR, .out = 8, .no_bias = 1 }, { .kind = DIM_LAYER_BATCH_NORM },
                                              { .kind = DIM_LAYER_RELU }, { .kind = DIM_LAYER_DROPOUT, .rate = 0.2f },
                                              { .kind = DIM_LAYER_LINEAR, .out = 4 })), "x", "f");
    LOSS(obj, .name = "mi", .a = "f", .b = "f", .term = &term);
    LOSS(obj, .name = "which", .kind = DIM_LOSS_CROSS_ENTROPY, .a = "f", .b = "class");
    PLAYER(obj, OF(.name = "all"), .lr = 0.01f);
    own(obj, "all", "f");
    own(obj, "all", "mi");
    minimise(obj, "all", "mi", 1);
    minimise(obj, "all", "which", 1);
    if (me->of->ranks > 1) {
        dim_comm comm = comm_of((member *)me);
        ok(dim_objective_communicate(obj, &comm));
    }
    return obj;
}

static void give(dim_objective *obj, int step, int64_t first, int64_t n)
{
    dim_tensor *x = f32_tensor(2, (int64_t[]){ n, WIDTH }, NULL), *labels;
    float *to = dim_tensor_data(x);
    ok(dim_tensor_create(ctx, DIM_I32, 1, &n, &labels));
    for (int64_t k = 0; k < n; k++) {
        for (int64_t i = 0; i < WIDTH; i++)
            *to++ = (float)sin(1.3 * (double)(first + k + N * step) + 0.7 * (double)(i * i));
        ((int32_t *)dim_tensor_data(labels))[k] = (int32_t)((first + k) % 4);
    }
    set_input(obj, "x", x);
    set_input(obj, "class", labels);
}

static void give_mine(dim_objective *obj, const member *me, int step)
{
    int64_t n = N / me->of->ranks;
    give(obj, step, me->rank * n, n);
}

static int64_t read_all(dim_objective *obj, float *to)
{
    int64_t n = 0;
    for (int i = 0; i < dim_objective_parameter_count(obj); i++) {
        dim_tensor *t;
        ok(dim_objective_get_parameter(obj, dim_objective_parameter_name(obj, i), &t));
        assert_true(n + dim_tensor_count(t) <= NUMBERS);
        memcpy(to + n, dim_tensor_const_data(t), (size_t)dim_tensor_count(t) * sizeof *to);
        n += dim_tensor_count(t);
        dim_tensor_destroy(t);
    }
    return n;
}

static void note(outcome *o, int at, dim_status status)
{
    o->status[at] = status;
    snprintf(o->error[at], sizeof o->error[at], "%s", dim_context_error(ctx));
}

static void on_team(uint32_t ranks, int seconds, void (*fn)(member *me, void *arg), job *j)
{
    team t;
    team_init(&t, ranks);
    t.seconds = seconds > 0 ? seconds : t.seconds;
    on_ranks(&t, (dim_context_options){ .threads = 1 }, fn, j);
    team_end(&t);
}

static void says(const outcome *o, int at, dim_status want, const char *text)
{
    if (o->status[at] != want || strstr(o->error[at], text) == NULL)
        fail_msg("%s: '%s'; not %s: '%s'", dim_status_name(o->status[at]), o->error[at], dim_status_name(want), text);
}

/* ---- bits ---------------------------------------------------------------------------------------------------------------- */

static void train(member *me, void *arg)
{
    job *j = arg;
    outcome *o = &j->of[me->rank];
    dim_objective *obj = made(me, 5);
    for (int s = 0; s < j->steps; s++) {
        give_mine(obj, me, s);
        ok(dim_objective_step(obj));
    }
    o->loss[0] = report(obj, "all.loss");
    o->n = read_all(obj, o->after);
    if (j->path != NULL)
        ok(dim_objective_checkpoint_save(obj, NULL, j->path));
    dim_objective_destroy(obj);
}

static void test_same_bits(void **state)
{
    static job first, second;
    (void)state;
    first.steps = second.steps = 10;
    on_team(3, 0, train, &first);
    on_team(3, 0, train, &second);
    assert_memory_equal(&first, &second, sizeof first);
    for (int r = 1; r < 3; r++)
        assert_memory_equal(&first.of[0], &first.of[r], sizeof first.of[0]);
}

/* ---- failures of one rank ------------------------------------------------------------------------------------------------- */

static void spoil(dim_objective *obj, const member *me, int how)
{
    int64_t n = N / me->of->ranks;
    give_mine(obj, me, 1);
    if (me->rank != 1)
        return;
    dim_tensor *x = f32_tensor(2, (int64_t[]){ n, WIDTH }, NULL), *labels;
    switch (how) {
    case 0: /* NaN in one sample */
        for (int64_t i = 0; i < n * WIDTH; i++)
            ((float *)dim_tensor_data(x))[i] = i == WIDTH + 2 ? NAN : (float)i;
        set_input(obj, "x", x);
        return;
    case 1: /* a class that there is none of */
        ok(dim_tensor_create(ctx, DIM_I32, 1, &n, &labels));
        for (int64_t k = 0; k < n; k++)
            ((int32_t *)dim_tensor_data(labels))[k] = 4;
        set_input(obj, "class", labels);
        break;
    case 2: /* nothing given */
        ok(dim_objective_set(obj, "x", NULL));
        break;
    default: /* less samples */
        give(obj, 1, N / me->of->ranks, n - 1);
    }
    dim_tensor_destroy(x);
}

/* An objective after a step, with what it is then. */
static dim_objective *stepped(member *me, outcome *o)
{
    dim_objective *obj = made(me, 5);
    give_mine(obj, me, 0);
    ok(dim_objective_step(obj));
    o->n = read_all(obj, o->before);
    return obj;
}

static void fail_one(member *me, void *arg)
{
    job *j = arg;
    outcome *o = &j->of[me->rank];
    dim_objective *obj = stepped(me, o);
    for (int how = 0; how < 4; how++) {
        spoil(obj, me, how);
        note(o, how, dim_objective_step(obj));
    }
    read_all(obj, o->after);
    give_mine(obj, me, 1); /* and all goes on */
    ok(dim_objective_step(obj));
    assert_int_equal(dim_objective_steps(obj), 2);
    dim_objective_destroy(obj);
}

static void test_one_fails(void **state)
{
    static const dim_status want[] = { DIM_E_NUMERIC, DIM_E_INVALID, DIM_E_STATE, DIM_E_SHAPE };
    static job j;
    (void)state;
    on_team(3, 0, fail_one, &j);
    for (int r = 0; r < 3; r++) {
        for (int how = 0; how < 4; how++)
            assert_int_equal(j.of[r].status[how], want[how]);
        assert_memory_equal(j.of[r].before, j.of[r].after, sizeof j.of[r].after);
    }
    says(&j.of[1], 0, DIM_E_NUMERIC, "input 'x' is NaN in sample 1");
    says(&j.of[0], 1, DIM_E_INVALID, "rank 1 failed with DIM_E_INVALID; nothing was done on any rank");
    says(&j.of[1], 1, DIM_E_INVALID, "label 4 of sample 0 in input 'class'");
    says(&j.of[2], 2, DIM_E_STATE, "rank 1 failed with DIM_E_STATE");
    says(&j.of[2], 3, DIM_E_SHAPE, "rank 1 has 3 samples, but rank 0 has 4");
}

static void other_seed(member *me, void *arg)
{
    job *j = arg;
    dim_objective *obj = made(me, me->rank == 0 ? 5 : 6);
    give_mine(obj, me, 0);
    note(&j->of[me->rank], 0, dim_objective_step(obj));
    dim_objective_destroy(obj);
    obj = made(me, 5); /* the one steps, the other evaluates */
    give_mine(obj, me, 0);
    note(&j->of[me->rank], 1, me->rank == 0 ? dim_objective_step(obj) : dim_objective_evaluate(obj));
    dim_objective_destroy(obj);
}

static void test_not_the_same(void **state)
{
    static job j;
    (void)state;
    on_team(2, 0, other_seed, &j);
    for (int r = 0; r < 2; r++) {
        says(&j.of[r], 0, DIM_E_STATE, "the seed of rank 1 is 6, but that of rank 0 is 5");
        says(&j.of[r], 1, DIM_E_STATE, "rank 1 called another function than rank 0");
    }
}

/* ---- a communicator that fails ---------------------------------------------------------------------------------------------- */

static void lose_one(member *me, void *arg)
{
    job *j = arg;
    outcome *o = &j->of[me->rank];
    dim_objective *obj = stepped(me, o);
    if (me->rank == 1)
        me->last = me->calls + j->last;
    give_mine(obj, me, 1);
    note(o, 0, dim_objective_step(obj));
    read_all(obj, o->after);
    note(o, 1, dim_objective_step(obj)); /* not any more */
    dim_objective_destroy(obj);
}

/* At each call of a step: those that never answer, whether they are of the forward pass, the gradient or what comes between. */
static void test_lost(void **state)
{
    (void)state;
    int seen = 0;
    for (int64_t call = 1;; call++) {
        static job j;
        memset(&j, 0, sizeof j);
        j.last = call;
        on_team(2, 1, lose_one, &j);
        if (j.of[1].status[0] == DIM_OK) /* the step has fewer calls; it was the next one that was lost */
            break;
        seen++;
        for (int r = 0; r < 2; r++) {
            says(&j.of[r], 0, DIM_E_CALLBACK, "of the communicator returned");
            says(&j.of[r], 1, DIM_E_CALLBACK, "cannot step any more");
            assert_memory_equal(j.of[r].before, j.of[r].after, sizeof j.of[r].after);
        }
        assert_non_null(strstr(j.of[1].error[0], "rank 1 of 2: "));
        assert_non_null(strstr(j.of[1].error[0], "returned 7"));
    }
    assert_in_range(seen, 6, 40); /* agreement, batch norm twice, rows twice and more, gradients, accuracy */
}

/* ---- parameters ------------------------------------------------------------------------------------------------------------- */

static void set_other(member *me, void *arg)
{
    job *j = arg;
    outcome *o = &j->of[me->rank];
    dim_objective *obj = made(me, 5);
    dim_tensor *t = f32_tensor(2, (int64_t[]){ 8, WIDTH }, NULL);
    for (int64_t i = 0; i < 8 * WIDTH; i++)
        ((float *)dim_tensor_data(t))[i] = (float)(me->rank + 1) * (float)cos((double)i);
    give_mine(obj, me, 0);
    ok(dim_objective_step(obj));
    ok(dim_objective_set_parameter(obj, "f.linear1.weight", t));
    ok(dim_objective_evaluate(obj));
    o->n = read_all(obj, o->after);
    dim_tensor_destroy(t);
    dim_objective_destroy(obj);
}

static void test_parameters_of_rank_0(void **state)
{
    static job j;
    (void)state;
    on_team(3, 0, set_other, &j);
    for (int r = 1; r < 3; r++)
        assert_memory_equal(j.of[r].after, j.of[0].after, sizeof j.of[0].after);
    assert_true(j.of[0].after[0] == 1); /* cos 0 of rank 0 */
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------------------ */

static void go_on(member *me, void *arg)
{
    job *j = arg;
    outcome *o = &j->of[me->rank];
    dim_objective *obj = made(me, 5);
    ok(dim_objective_checkpoint_load(obj, NULL, j->path));
    for (int s = j->steps; s < j->steps + j->more; s++) {
        give_mine(obj, me, s);
        ok(dim_objective_step(obj));
    }
    o->loss[0] = report(obj, "all.loss");
    o->n = read_all(obj, o->after);
    dim_objective_destroy(obj);
}

/* What one rank does in ten steps, two do in six and three in four. */
static void test_checkpoint(void **state)
{
    static job whole, half, rest;
    char path[] = "/tmp/dim-ranks-XXXXXX";
    int file = mkstemp(path);
    (void)state;
    assert_true(file >= 0);
    close(file);
    whole.steps = 10;
    half.steps = rest.steps = 6;
    rest.more = 4;
    half.path = rest.path = path;
    on_team(1, 0, train, &whole);
    on_team(2, 0, train, &half);
    on_team(3, 0, go_on, &rest);
    unlink(path);
    assert_int_equal(rest.of[0].n, whole.of[0].n);
    if (!(fabs(rest.of[0].loss[0] - whole.of[0].loss[0]) <= 1e-4))
        fail_msg("a loss of %.9g, not of %.9g", rest.of[0].loss[0], whole.of[0].loss[0]);
    for (int r = 0; r < 3; r++)
        for (int64_t i = 0; i < whole.of[0].n; i++)
            if (!(fabsf(rest.of[r].after[i] - whole.of[0].after[i]) <= 1e-4f))
                fail_msg("number %lld is %.9g, not %.9g", (long long)i, (double)rest.of[r].after[i], (double)whole.of[0].after[i]);
}

/* ---- a loader's slices -------------------------------------------------------------------------------------------------------- */

static dim_loader *sliced(dim_dataset *ds, uint32_t batch, uint32_t rank, uint32_t ranks)
{
    dim_loader *loader;
    ok(dim_loader_create(ds, &(dim_loader_options){ .size = sizeof(dim_loader_options), .seed = 3, .batch = batch, .keep_last = 1,
                                                    .rank = rank, .ranks = ranks }, &loader));
    return loader;
}

/* 23 samples in batches of 6: three whole ones and one of 5, of which two ranks have 2 each. */
static void test_slices(void **state)
{
    enum { SAMPLES = 23, BATCH = 6 };
    dim_tensor *x, *images, *labels;
    dim_dataset *ds;
    (void)state;
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ SAMPLES, 1 }, &x));
    for (int i = 0; i < SAMPLES; i++)
        ((float *)dim_tensor_data(x))[i] = (float)i;
    ok(dim_dataset_from_tensors(ctx, x, NULL, &ds));
    dim_loader *all = sliced(ds, BATCH, 0, 1);
    for (uint32_t ranks = 2; ranks <= 3; ranks++) {
        dim_loader *slice[3];
        for (uint32_t r = 0; r < ranks; r++)
            slice[r] = sliced(ds, BATCH / ranks, r, ranks);
        assert_int_equal(dim_loader_batches(slice[0]), 4);
        for (int b = 0; b < 8; b++) {
            ok(dim_loader_next(all, &images, NULL));
            const float *want = dim_tensor_const_data(images);
            int64_t each = dim_tensor_count(images) / ranks;
            for (uint32_t r = 0; r < ranks; r++) {
                ok(dim_loader_next(slice[r], &images, &labels));
                assert_int_equal(dim_tensor_count(images), each);
                assert_memory_equal(dim_tensor_const_data(images), want + r * each, (size_t)each * sizeof *want);
            }
        }
        for (uint32_t r = 0; r < ranks; r++)
            dim_loader_destroy(slice[r]);
        dim_loader_destroy(all);
        all = sliced(ds, BATCH, 0, 1);
    }
    dim_loader *none;
    dim_loader_options o = { .size = sizeof o, .batch = 6, .rank = 2, .ranks = 2 };
    expect(DIM_E_INVALID, "rank is 2 of 2 ranks", dim_loader_create(ds, &o, &none));
    o = (dim_loader_options){ .size = sizeof o, .batch = 12, .ranks = 2 };
    expect(DIM_E_INVALID, "2 ranks with a batch of 12 each want more than the dataset's 23 samples", dim_loader_create(ds, &o, &none));
    dim_loader_destroy(all);
    dim_dataset_destroy(ds);
    dim_tensor_destroy(x);
}

/* ---- what is refused ------------------------------------------------------------------------------------------------------------ */

static void test_refused(void **state)
{
    team t;
    (void)state;
    team_init(&t, 2);
    member me = { .of = &t };
    dim_comm good = comm_of(&me), bad = good;
    dim_objective *obj = objective(1);
    bad.rank = 2;
    expect(DIM_E_INVALID, "rank is 2 of 2", dim_objective_communicate(obj, &bad));
    bad = good;
    bad.ranks = 0;
    expect(DIM_E_INVALID, "ranks is 0", dim_objective_communicate(obj, &bad));
    bad = good;
    bad.scatter_sum = NULL;
    expect(DIM_E_INVALID, "dim_comm.scatter_sum is NULL", dim_objective_communicate(obj, &bad));
    ok(dim_objective_communicate(obj, &(dim_comm){ .size = sizeof(dim_comm), .ranks = 1 })); /* which is none */
    ok(dim_objective_communicate(obj, &good));
    expect(DIM_E_STATE, "has a communicator already", dim_objective_communicate(obj, &good));
    dim_objective_destroy(obj);
    team alone = { .ranks = 1 };
    member single = { .of = &alone };
    obj = made(&single, 5);
    give(obj, 0, 0, 4);
    ok(dim_objective_evaluate(obj));
    expect(DIM_E_STATE, "fixed by its first use", dim_objective_communicate(obj, &good));
    dim_objective_destroy(obj);
    team_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_one_fails),
        cmocka_unit_test(test_not_the_same),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_parameters_of_rank_0),
        cmocka_unit_test(test_checkpoint),
        cmocka_unit_test_setup_teardown(test_slices, open_context, close_context),
        cmocka_unit_test_setup_teardown(test_refused, open_context, close_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
