/* dim__compile(): what is kept and what is made again; and that evaluations and classifiers go the same way as training. */
#include "failing_alloc.h"
#include "model/model.h"
#include "ops/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after what it needs */
#include <cmocka.h>

static dim_context *ctx;

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

static void open_context(uint32_t without, dim_precision precision)
{
    dim_context_options co;
    DIM_OPTIONS_INIT(&co);
    co.precision = precision;
    co.threads = 2;
    co.blas_threads = 1;
    co.disabled_passes = without;
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
}

/* ---- the cache --------------------------------------------------------------------------------------------------- */

typedef struct doubling { /* y = 2 x of n elements */
    int64_t n;
    int emitted;
} doubling;

typedef struct ends {
    dim__vid x, y;
} ends;

static int emit(void *arg, dim__graph *g, void *notes, dim__aim *aims)
{
    (void)aims;
    doubling *d = arg;
    ends *e = notes;
    assert_int_equal(e->x, 0); /* notes are cleared */
    d->emitted++;
    e->x = dim__graph_input(g, DIM_F32, dim__shape1(d->n), false);
    e->y = dim__emit_affine(g, e->x, 2, 0);
    dim__graph_keep(g, e->y);
    return 0;
}

static dim__compiled *compile(dim__programs *ps, doubling *d, int64_t n)
{
    dim__compiled *c;
    d->n = n;
    ok(dim__compile(ps, &(dim__recipe){ .key = { { n } }, .emit = emit, .arg = d, .notes = sizeof(ends) }, &c));
    return c;
}

static void those_used_last_are_kept(void **state)
{
    dim__programs ps;
    doubling d = { .emitted = 0 };
    (void)state;
    open_context(0, DIM_PRECISION_F32);
    size_t memory = dim_context_memory(ctx);
    dim__programs_init(&ps, ctx, 3);
    for (int64_t n = 1; n <= 3; n++)
        compile(&ps, &d, n);
    assert_int_equal(d.emitted, 3);
    dim__compiled *one = compile(&ps, &d, 1);
    assert_int_equal(d.emitted, 3);
    const ends *e = one->notes;
    *(float *)dim__program_data(one->program, e->x) = 21;
    dim__program_forward(one->program, 0, 0);
    assert_true(*(float *)dim__program_data(one->program, e->y) == 42);
    compile(&ps, &d, 4); /* takes the place of 2 */
    assert_int_equal(d.emitted, 4);
    compile(&ps, &d, 1);
    compile(&ps, &d, 3);
    assert_int_equal(d.emitted, 4);
    compile(&ps, &d, 2);
    assert_int_equal(d.emitted, 5);
    dim__programs_free(&ps);
    assert_int_equal(dim_context_memory(ctx), memory);
    dim_context_destroy(ctx);
}

/* Whatever fails, nothing is lost and the next attempt succeeds. */
static void a_failure_leaves_nothing(void **state)
{
    failing memory = { .fail_at = 0 };
    dim_context_options co;
    dim_status status = DIM_E_NOMEM;
    (void)state;
    DIM_OPTIONS_INIT(&co);
    co.threads = 1;
    co.alloc = take;
    co.free = give;
    co.alloc_user = &memory;
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
    long live = memory.live;
    for (long n = 1; status != DIM_OK; n++) {
        dim__programs ps;
        dim__compiled *c;
        doubling d = { .n = 5 };
        dim__recipe r = { .key = { { 5 } }, .emit = emit, .arg = &d, .notes = sizeof(ends) };
        dim__programs_init(&ps, ctx, 1);
        memory.fail_at = memory.calls + n;
        status = dim__compile(&ps, &r, &c);
        memory.fail_at = 0;
        assert_true(status == DIM_OK || status == DIM_E_NOMEM);
        ok(dim__compile(&ps, &r, &c));
        dim__programs_free(&ps);
        assert_int_equal(memory.live, live);
        assert_true(n < 100);
    }
    dim_context_destroy(ctx);
}

/* ---- models ------------------------------------------------------------------------------------------------------ */

typedef struct world {
    dim_encoder *enc;
    dim_model *model;
    dim_tensor *images;
} world;

/* ndf: of the encoder; units: of the term, of which the scores' features make the peak of the memory where they are many. */
static world open_world(uint32_t without, dim_precision precision, uint32_t ndf, uint32_t units,
                        int64_t images)
{
    world w = { .enc = NULL };
    open_context(without, precision);
    dim_encoder_options eo = { .size = sizeof eo, .kind = DIM_ENCODER_CONV32, .ndf = ndf, .units = 16 };
    ok(dim_encoder_create(ctx, &eo, &w.enc));
    ok(dim_model_create(w.enc, NULL, &w.model));
    dim_term_options to = { .size = sizeof to, .units = units };
    ok(dim_model_add_term(w.model, &to));
    dim_classifier_options co = { .size = sizeof co, .classes = 3, .hidden = 8 };
    ok(dim_model_add_classifier(w.model, &co));
    ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ images, 3, 32, 32 }, &w.images));
    for (int64_t i = 0; i < dim_tensor_count(w.images); i++)
        ((float *)dim_tensor_data(w.images))[i] = (float)sin(0.37 * (double)i * (1 + (double)(i / 3072)));
    return w;
}

static void close_world(world *w)
{
    dim_tensor_destroy(w->images);
    dim_model_destroy(w->model);
    dim_encoder_destroy(w->enc);
    dim_context_destroy(ctx);
}

typedef struct counts {
    int nodes, convolutions, own_statistics; /* batch norms that take their statistics themselves, in passes of their own */
} counts;

static void count_node(void *user, const dim__op *op, const dim__exec *e, double seconds)
{
    counts *c = user;
    (void)e;
    (void)seconds;
    c->nodes++;
    c->convolutions += dim__op_convolves(op);
    c->own_statistics += op == &dim__op_batch_norm;
}

static counts of_evaluation(uint32_t without)
{
    counts c = { .nodes = 0 };
    world w = open_world(without, DIM_PRECISION_F32, 8, 16, 6);
    ok(dim_model_evaluate(w.model, w.images));
    dim__program_profile(w.model->obj->programs.list[0].program, count_node, &c);
    ok(dim_model_evaluate(w.model, w.images));
    close_world(&w);
    return c;
}

static void evaluations_are_fused(void **state)
{
    counts all = of_evaluation(0), plain = of_evaluation(DIM_PASS_FUSE);
    (void)state;
    assert_true(all.nodes < plain.nodes);
    assert_true(all.own_statistics < plain.own_statistics);
}

/* What an evaluation tells is what the step after it tells, and it changes nothing that this step reads. */
static void evaluations_see_what_steps_see(void **state)
{
    enum { MOST = 16 };
    double before[MOST];
    world w = open_world(0, DIM_PRECISION_F32, 8, 16, 6), other;
    (void)state;
    ok(dim_model_evaluate(w.model, w.images));
    int n = dim_model_report_count(w.model);
    assert_true(n <= MOST);
    for (int i = 0; i < n; i++)
        ok(dim_model_report(w.model, dim_model_report_name(w.model, i), &before[i]));
    for (int step = 0; step < 2; step++)
        ok(dim_model_step(w.model, w.images));
    double evaluated_first, loss;
    ok(dim_model_report(w.model, "loss", &evaluated_first));
    close_world(&w);
    other = open_world(0, DIM_PRECISION_F32, 8, 16, 6);
    ok(dim_model_step(other.model, other.images));
    for (int i = 0; i < n; i++) {
        const char *name = dim_model_report_name(other.model, i);
        double value;
        ok(dim_model_report(other.model, name, &value));
        if (isnan(value) ? !isnan(before[i]) : !(fabs(value - before[i]) <= 1e-6 * (1 + fabs(value))))
            fail_msg("%s is %.9g in the step, %.9g in the evaluation before it", name, value, before[i]);
    }
    ok(dim_model_step(other.model, other.images));
    ok(dim_model_report(other.model, "loss", &loss));
    assert_true(loss == evaluated_first);
    close_world(&other);
}

/* A convolution that is made again takes no statistics, and so writes bf16 by another plan than the first one. */
static void convolutions_are_made_again_in_bf16(void **state)
{
    double loss[2];
    counts c[2] = { { .nodes = 0 }, { .nodes = 0 } };
    (void)state;
    for (int k = 0; k < 2; k++) {
        world w = open_world(k == 0 ? 0 : DIM_PASS_RECOMPUTE, DIM_PRECISION_BF16, 16, 1024, 48);
        ctx->recompute_from = 0; /* small as it is, and whatever it costs */
        ctx->recompute_worth = 0;
        ok(dim_model_step(w.model, w.images));
        dim__program_profile(w.model->obj->programs.list[0].program, count_node, &c[k]);
        ok(dim_model_step(w.model, w.images));
        ok(dim_model_report(w.model, "loss", &loss[k]));
        close_world(&w);
    }
    assert_true(c[0].convolutions > c[1].convolutions);
    assert_true(loss[0] == loss[1]);
}

static void a_classifier_is_compiled_once(void **state)
{
    world w = open_world(0, DIM_PRECISION_F32, 8, 16, 6);
    dim_tensor *logits;
    float first[6 * 3];
    (void)state;
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 6, 3 }, &logits));
    ok(dim_model_classify(w.model, NULL, w.images, logits));
    memcpy(first, dim_tensor_const_data(logits), sizeof first);
    const dim__program *program = w.model->obj->programs.list[0].program;
    assert_non_null(program);
    uint64_t before = dim_context_allocations(ctx), of_tensor;
    dim_tensor *features;
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 6, 16 }, &features));
    of_tensor = dim_context_allocations(ctx) - before;
    dim_tensor_destroy(features);
    before = dim_context_allocations(ctx);
    ok(dim_model_classify(w.model, NULL, w.images, logits));
    uint64_t allocations = dim_context_allocations(ctx) - before;
    assert_ptr_equal(w.model->obj->programs.list[0].program, program);
    assert_null(w.model->obj->programs.list[1].program);
    assert_int_equal(allocations, of_tensor); /* the features */
    assert_memory_equal(first, dim_tensor_const_data(logits), sizeof first);
    dim_tensor_destroy(logits);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_used_last_are_kept),
        cmocka_unit_test(a_failure_leaves_nothing),
        cmocka_unit_test(evaluations_are_fused),
        cmocka_unit_test(evaluations_see_what_steps_see),
        cmocka_unit_test(convolutions_are_made_again_in_bf16),
        cmocka_unit_test(a_classifier_is_compiled_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
