/* Training with each pass over the graph left out gives what it gives with all of them. */
#include "compile/lives.h"
#include "model/model.h"
#include "failing_alloc.h"
#include "ops/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { IMAGES = 6, SIDE = 32, STEPS = 3, NAME = 64 };

static dim_context *ctx;

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

/* ---- models that use all passes between them --------------------------------------------------------------------- */

static void add_term(dim_model *model, dim_estimator_options eo, dim_term_options to)
{
    dim_estimator *est;
    eo.size = sizeof eo;
    to.size = sizeof to;
    ok(dim_estimator_create(ctx, &eo, &est));
    to.estimator = est;
    ok(dim_model_add_term(model, &to));
    dim_estimator_destroy(est);
}

static void add_prior(dim_model *model, dim_prior_kind kind)
{
    dim_prior_options o;
    dim_prior *prior;
    DIM_OPTIONS_INIT(&o);
    o.kind = kind;
    o.hidden1 = o.hidden2 = 20;
    ok(dim_prior_create(ctx, &o, &prior));
    ok(dim_model_add_prior(model, prior, 0.1f));
    dim_prior_destroy(prior);
}

static void local_dot(dim_model *model)
{
    add_term(model, (dim_estimator_options){ .kind = DIM_ESTIMATOR_JSD }, (dim_term_options){ .units = 48 });
    add_prior(model, DIM_PRIOR_UNIFORM);
}

static void streamed(dim_model *model)
{
    add_term(model, (dim_estimator_options){ .kind = DIM_ESTIMATOR_INFONCE, .score_memory = 512 },
             (dim_term_options){ .units = 48 });
}

static void concat(dim_model *model)
{
    dim_estimator_options shuffled = { .kind = DIM_ESTIMATOR_DV, .negatives = DIM_NEGATIVES_SHUFFLE };
    add_term(model, shuffled, (dim_term_options){ .x = "map", .critic = DIM_CRITIC_CONCAT, .hidden = { 24, 24 } });
    add_term(model, shuffled, (dim_term_options){ .name = "g", .x = "global", .critic = DIM_CRITIC_CONCAT,
                                                  .hidden = { 24 }, .batch_norm = 1 });
    add_prior(model, DIM_PRIOR_KL);
}

static void amdim(dim_model *model)
{
    static const char *const sides[][2] = { { "f1", "phi5" }, { "f1", "phi7" }, { "phi5", "phi5" } };
    for (int i = 0; i < 3; i++) {
        char name[NAME] = { 't', (char)('0' + i), '\0' };
        add_term(model, (dim_estimator_options){ .kind = DIM_ESTIMATOR_INFONCE, .scale = 0.25f, .penalty = 0.05f,
                                                 .clip = 20 },
                 (dim_term_options){ .name = name, .y = sides[i][0], .x = sides[i][1],
                                     .critic = DIM_CRITIC_PLAIN_DOT });
    }
}

typedef struct recipe {
    const char *name;
    dim_encoder_options encoder;
    void (*objective)(dim_model *model);
    uint32_t views;
} recipe;

static const recipe recipes[] = {
    { "local", { .kind = DIM_ENCODER_CONV32, .ndf = 12, .units = 16 }, local_dot, 1 },
    { "streamed", { .kind = DIM_ENCODER_CONV32, .ndf = 12, .units = 16 }, streamed, 1 },
    { "concat", { .kind = DIM_ENCODER_INFOMAX32, .ndf = 8, .units = 16 }, concat, 1 },
    { "amdim", { .kind = DIM_ENCODER_AMDIM32, .ndf = 8, .units = 32 }, amdim, 2 },
};
enum { RECIPES = (int)(sizeof recipes / sizeof *recipes) };

/* ---- a short training -------------------------------------------------------------------------------------------- */

typedef struct outcome {
    double reports[STEPS][NAME];
    int n_reports;
    float *weights;
    int64_t count;
    int64_t nodes, in_place; /* that a step runs; those of them whose result lies on an operand */
    int64_t moments, norms;  /* convolutions that take moments, and batch norms that take their own */
    int64_t arena;           /* bytes of its values */
} outcome;

static void count_node(void *user, const dim__op *op, const dim__exec *e, double seconds)
{
    outcome *o = user;
    (void)seconds;
    o->nodes++;
    o->moments += op == &dim__op_conv2d_moments;
    o->norms += op == &dim__op_batch_norm;
    for (int i = 0; i < e->n_in; i++)
        o->in_place += op->n_out > 0 && e->in[i] == e->out[0];
}

static dim_tensor *images(int64_t n)
{
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ n, 3, SIDE, SIDE }, &t));
    uint8_t *pixel = dim_tensor_data(t);
    for (int64_t i = 0; i < dim_tensor_count(t); i++) {
        int64_t x = i % SIDE, y = i / SIDE % SIDE, image = i / (3 * SIDE * SIDE);
        pixel[i] = (uint8_t)(128 + 90 * sin(0.1 * (double)(x * (image + 1))) * cos(0.13 * (double)(y + i / 1024 % 3)));
    }
    return t;
}

static void collect(outcome *out, dim_model *model, int step)
{
    out->n_reports = dim_model_report_count(model);
    assert_true(out->n_reports <= NAME);
    for (int i = 0; i < out->n_reports; i++)
        ok(dim_model_report(model, dim_model_report_name(model, i), &out->reports[step][i]));
}

static void collect_weights(outcome *out, dim_model *model)
{
    for (int i = 0; i < dim_model_parameter_count(model); i++) {
        dim_tensor *t;
        ok(dim_model_get_parameter(model, dim_model_parameter_name(model, i), &t));
        int64_t n = dim_tensor_count(t);
        out->weights = realloc(out->weights, (size_t)(out->count + n) * sizeof *out->weights);
        assert_non_null(out->weights);
        memcpy(out->weights + out->count, dim_tensor_const_data(t), (size_t)n * sizeof *out->weights);
        out->count += n;
        dim_tensor_destroy(t);
    }
}

static outcome train(const recipe *r, uint32_t without)
{
    dim_context_options co;
    dim_model_options mo;
    dim_encoder_options eo = r->encoder;
    dim_encoder *enc;
    dim_model *model;
    outcome out = { .count = 0 };
    DIM_OPTIONS_INIT(&co);
    co.threads = 2;
    co.blas_threads = 1;
    co.seed = 7;
    co.disabled_passes = without;
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
    ctx->recompute_from = 0; /* small as they are, and whatever it costs */
    ctx->recompute_worth = 0;
    DIM_OPTIONS_INIT(&mo);
    mo.views = r->views;
    eo.size = sizeof eo;
    ok(dim_encoder_create(ctx, &eo, &enc));
    ok(dim_model_create(enc, &mo, &model));
    r->objective(model);
    dim_optimizer_options sgd; /* Adam's first steps make steps of one size of gradients of any, and of rounding */
    DIM_OPTIONS_INIT(&sgd);
    sgd.kind = DIM_OPTIMIZER_SGD;
    sgd.lr = 1e-3f;
    sgd.momentum = 0.9f;
    ok(dim_model_set_optimizer(model, &sgd));
    dim_tensor *batch = images(IMAGES * r->views);
    for (int i = 0; i < STEPS; i++) {
        ok(dim_model_step(model, batch));
        collect(&out, model, i);
        out.arena = dim__program_arena(model->obj->programs.list[0].program);
        dim__program_profile(model->obj->programs.list[0].program, i == 0 ? count_node : NULL, &out); /* of the second step */
    }
    collect_weights(&out, model);
    dim_tensor_destroy(batch);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
    return out;
}

/* tolerance 0: the same bits. */
static void compare(const recipe *r, const char *pass, const outcome *got, const outcome *want, double tolerance)
{
    assert_int_equal(got->n_reports, want->n_reports);
    assert_int_equal(got->count, want->count);
    for (int k = 0; k < STEPS; k++)
        for (int i = 0; i < got->n_reports; i++) {
            double a = got->reports[k][i], b = want->reports[k][i];
            if (!(fabs(a - b) <= tolerance * (1 + fabs(b))))
                fail_msg("%s without %s: report %d of step %d is %.17g, not %.17g", r->name, pass, i, k, a, b);
        }
    for (int64_t i = 0; i < got->count; i++) {
        double a = (double)got->weights[i], b = (double)want->weights[i];
        if (!(fabs(a - b) <= tolerance * (1 + fabs(b))))
            fail_msg("%s without %s: weight %lld is %.9g, not %.9g", r->name, pass, (long long)i, a, b);
    }
}

static void fused(const recipe *r, const outcome *without, const outcome *all)
{
    bool norms = r->objective != amdim; /* whose ReLUs follow convolutions */
    assert_true(without->nodes > all->nodes || !norms);
    assert_true(without->moments == 0 && (all->moments > 0) == norms);
    assert_int_equal(without->norms, all->norms + all->moments);
}

/* Each has a sum with a product: biases, residuals, the gradients of what is read twice. */
static void accumulate(const recipe *r, const outcome *without, const outcome *all)
{
    (void)r;
    assert_true(without->nodes > all->nodes && without->arena >= all->arena);
}

static void dead(const recipe *r, const outcome *without, const outcome *all)
{
    (void)r;
    assert_true(without->nodes >= all->nodes); /* a step reads nearly everything; encoding does not, see below */
}

static void in_place(const recipe *r, const outcome *without, const outcome *all)
{
    (void)r;
    assert_true(without->nodes == all->nodes && without->in_place == 0 && all->in_place > 0);
}

static void stream(const recipe *r, const outcome *without, const outcome *all)
{
    assert_true(without->nodes > all->nodes || r->objective != streamed);
}

static void recompute(const recipe *r, const outcome *without, const outcome *all)
{
    if (r->objective == amdim) /* the others' memory is their weights' gradients */
        assert_true(all->nodes > without->nodes && all->arena < without->arena);
    assert_true(all->nodes >= without->nodes && all->arena <= without->arena);
}

static void order(const recipe *r, const outcome *without, const outcome *all)
{
    (void)r;
    (void)without;
    assert_true(all->nodes > 0); /* see an_order_with_less_memory() */
}

static void any_objective(dim_model *model) { (void)model; }

static const struct {
    const char *name;
    dim_pass pass;
    void (*effect)(const recipe *r, const outcome *without, const outcome *all); /* the pass does something */
    void (*rounds)(dim_model *model); /* for this objective, or any_objective, results are other than bit for bit */
    double tolerance;                 /* then */
} passes[] = {
    /* Statistics in double, of which another order of blocks changes the last float now and then: features that differ by
     * a rounding or two enter each of the 48 terms of a score, 50 roundings of 6e-8 to 1e-7. */
    { "fuse", DIM_PASS_FUSE, fused, any_objective, 1e-5 },
    /* Products of other sizes are summed in other orders: some roundings of each of those terms. */
    { "accumulate", DIM_PASS_ACCUMULATE, accumulate, any_objective, 1e-5 },
    { "dead", DIM_PASS_DEAD, dead, NULL, 0 },
    { "inplace", DIM_PASS_INPLACE, in_place, NULL, 0 },
    { "stream", DIM_PASS_STREAM, stream, streamed, 1e-5 },
    { "recompute", DIM_PASS_RECOMPUTE, recompute, NULL, 0 },
    { "order", DIM_PASS_ORDER, order, NULL, 0 },
};

static void each_pass_changes_nothing(void **state)
{
    uint32_t tested = 0, all_bits = 0;
    (void)state;
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
        tested |= (uint32_t)passes[i].pass;
#define DIM__PASS(name, bit, stage) all_bits |= bit;
#define DIM__SWITCH(name, bit) all_bits |= bit;
#include "compile/passes/pass_list.def"
#undef DIM__PASS
#undef DIM__SWITCH
    assert_int_equal(tested, all_bits);
    for (int k = 0; k < RECIPES; k++) {
        outcome all = train(&recipes[k], 0);
        for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
            outcome one = train(&recipes[k], (uint32_t)passes[i].pass);
            passes[i].effect(&recipes[k], &one, &all);
            bool rounds = passes[i].rounds == recipes[k].objective || passes[i].rounds == any_objective;
            compare(&recipes[k], passes[i].name, &one, &all, rounds ? passes[i].tolerance : 0);
            free(one.weights);
        }
        free(all.weights);
    }
}

/* With nothing made again, so that it is the order alone. */
static void an_order_with_less_memory(void **state)
{
    const recipe *r = &recipes[RECIPES - 1];
    (void)state;
    assert_true(r->objective == amdim);
    outcome with = train(r, DIM_PASS_RECOMPUTE), without = train(r, DIM_PASS_RECOMPUTE | DIM_PASS_ORDER);
    compare(r, "order", &without, &with, 0);
    assert_true(with.nodes == without.nodes && with.arena < without.arena);
    free(with.weights);
    free(without.weights);
}

/* ---- values that are made again ---------------------------------------------------------------------------------- */

enum { ROWS = 64, WIDTH = 24, LAYERS = 7 };

/* A tower in which each layer has another cheap op whose result the gradient needs, under another name now and then. */
static dim__vid tower(dim__graph *g, const dim__vid *in)
{
    dim__vid x = in[0];
    for (int i = 0; i < LAYERS; i++) {
        x = dim__emit_matmul(g, x, in[1], false, false);
        switch (i) {
        case 0: x = dim__emit_tanh(g, x); break;
        case 1: x = dim__emit_reshape(g, dim__emit_relu(g, dim__emit_add_bias(g, x, in[2])), dim__shape3(ROWS / 4, 4, WIDTH)); break;
        case 2: x = dim__emit_leaky_relu(g, dim__emit_batch_norm(g, x, in[2], in[3], 1e-5), 0.2); break;
        case 3: x = dim__emit_dropout(g, dim__emit_softplus(g, x), 0.3); break;
        case 4: x = dim__emit_layer_norm(g, x, in[2], in[3], 1e-5); break;
        case 5: x = dim__emit_mul(g, x, dim__emit_sigmoid(g, dim__emit_affine(g, x, 2, 0.1))); break;
        default: x = dim__emit_add(g, dim__emit_reshape(g, x, dim__shape2(ROWS, WIDTH)), in[0]); break;
        }
        x = dim__emit_reshape(g, x, dim__shape2(ROWS, WIDTH));
    }
    return dim__emit_sum_all(g, dim__emit_mul(g, x, x), 1);
}

/* Residual blocks: each is made from the one before, and what is in between is needed with it; read in four views. */
static dim__vid blocks(dim__graph *g, const dim__vid *in)
{
    dim__vid x = in[0], sum = DIM__NONE;
    for (int i = 0; i < LAYERS; i++) {
        dim__vid h = dim__emit_relu(g, dim__emit_matmul(g, x, in[1], false, false));
        x = dim__emit_add(g, dim__emit_matmul(g, h, in[1], false, true), x);
        if (i == LAYERS / 2) { /* wider, by zeros, and back */
            x = dim__emit_pad_last(g, x, 2 * WIDTH);
            x = dim__emit_slice(g, dim__emit_tanh(g, x), 0, WIDTH);
            x = dim__emit_layer_norm(g, x, in[2], in[3], 1e-5);
        }
    }
    for (int i = 0; i < 4; i++) {
        dim__vid part = dim__emit_view_rows(g, x, i, 4);
        part = dim__emit_sum_all(g, dim__emit_mul(g, part, dim__emit_tanh(g, part)), 1 + i);
        sum = sum == DIM__NONE ? part : dim__emit_add(g, sum, part);
    }
    return sum;
}

typedef struct tower_result {
    float loss, grads[ROWS * WIDTH + WIDTH * WIDTH + 2 * WIDTH];
    int64_t nodes, arena;
} tower_result;

static void run_tower(dim__vid (*emit)(dim__graph *g, const dim__vid *in), uint32_t without, uint32_t threads,
                      tower_result *out)
{
    const dim__shape shapes[4] = { dim__shape2(ROWS, WIDTH), dim__shape2(WIDTH, WIDTH), dim__shape1(WIDTH),
                                   dim__shape1(WIDTH) };
    dim_context_options co;
    dim__graph *g = NULL;
    dim__program *p = NULL;
    dim__vid in[4];
    DIM_OPTIONS_INIT(&co);
    co.threads = threads;
    co.disabled_passes = without;
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
    ctx->recompute_from = 0;
    ctx->recompute_worth = 0;
    ok(dim__graph_create(ctx, &g));
    for (int i = 0; i < 4; i++)
        in[i] = dim__graph_input(g, DIM_F32, shapes[i], true);
    dim__vid loss = emit(g, in);
    dim__graph_keep(g, loss);
    ok(dim__graph_backward(g, loss));
    ok(dim__program_create(g, &p));
    for (int i = 0; i < 4; i++) {
        float *x = dim__program_data(p, in[i]);
        for (int64_t k = 0; k < dim__shape_count(&shapes[i]); k++)
            x[k] = (float)((k * 7919 + i * 104729) % 1013) / 1013 - 0.5f;
    }
    dim__program_forward(p, 3, 1);
    dim__program_backward(p, 3, 1);
    out->loss = dim__program_scalar(p, loss);
    float *to = out->grads;
    for (int i = 0; i < 4; i++) {
        memcpy(to, dim__program_data(p, dim__graph_grad(g, in[i])), (size_t)dim__shape_count(&shapes[i]) * sizeof *to);
        to += dim__shape_count(&shapes[i]);
    }
    out->nodes = g->n_nodes;
    out->arena = dim__program_arena(p);
    dim__program_destroy(p);
    dim_context_destroy(ctx);
}

static void what_is_made_again_has_the_same_bits(void **state)
{
    static dim__vid (*const emit[])(dim__graph *g, const dim__vid *in) = { tower, blocks };
    static tower_result with, without;
    (void)state;
    for (int k = 0; k < 4; k++) {
        uint32_t threads = 1 + (uint32_t)k % 2;
        run_tower(emit[k / 2], 0, threads, &with);
        run_tower(emit[k / 2], DIM_PASS_RECOMPUTE, threads, &without);
        assert_true(with.nodes > without.nodes && with.arena < without.arena);
        assert_true(isfinite(with.loss) && with.loss != 0 && with.loss == without.loss);
        assert_memory_equal(with.grads, without.grads, sizeof with.grads);
        run_tower(emit[k / 2], DIM_PASS_ORDER, threads, &without);
        assert_memory_equal(with.grads, without.grads, sizeof with.grads);
    }
}

/* Frozen batch norm, then a leaky ReLU; `kept` and what comes after it, of 4 rows of 2 channels. */
static void run_frozen(uint32_t without, bool keep, float kept[8], float activated[8])
{
    dim_context_options co;
    dim__graph *g;
    dim__program *p;
    dim__vid in[5];
    DIM_OPTIONS_INIT(&co);
    co.threads = 1;
    co.disabled_passes = without;
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
    assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
    in[0] = dim__graph_input(g, DIM_F32, dim__shape2(4, 2), false);
    for (int i = 1; i < 5; i++)
        in[i] = dim__graph_input(g, DIM_F32, dim__shape1(2), false);
    dim__vid y = dim__emit_channel_affine(g, in[0], in[1], in[2], in[3], in[4], 1e-5);
    dim__vid z = dim__emit_leaky_relu(g, y, 0.2);
    if (keep)
        dim__graph_keep(g, y);
    dim__graph_keep(g, z);
    assert_int_equal(dim__run_passes(g, DIM__BEFORE_GRADIENT), DIM_OK);
    assert_int_equal(dim__graph_finish(g), DIM_OK);
    assert_int_equal(dim__program_create(g, &p), DIM_OK);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < (i == 0 ? 8 : 2); k++)
            ((float *)dim__program_data(p, in[i]))[k] = i == 0 ? (float)(k * 5 % 8) - 3.5f : 0.5f + 0.25f * (float)(i + k);
    dim__program_forward(p, 1, 1);
    if (keep)
        memcpy(kept, dim__program_data(p, y), 8 * sizeof *kept);
    memcpy(activated, dim__program_data(p, z), 8 * sizeof *activated);
    dim__program_destroy(p);
    dim_context_destroy(ctx);
}

/* As encoders do it: the slope is the layer's, and a tap before the activation is not rectified. */
static void fused_without_a_gradient(void **state)
{
    float plain[2][8], fused[2][8];
    int negative = 0;
    (void)state;
    run_frozen(DIM_PASS_FUSE, true, plain[0], plain[1]);
    run_frozen(0, false, fused[0], fused[1]);
    assert_memory_equal(fused[1], plain[1], sizeof plain[1]);
    run_frozen(0, true, fused[0], fused[1]);
    assert_memory_equal(fused, plain, sizeof plain);
    for (int k = 0; k < 8; k++) {
        negative += plain[0][k] < 0;
        assert_true(fabsf(plain[1][k] - (plain[0][k] < 0 ? 0.2f : 1) * plain[0][k]) < 1e-6f);
    }
    assert_true(negative > 0 && negative < 8);
}

/* ---- what a convolution takes over ------------------------------------------------------------------------------- */

enum { MAP = 6, CHANNELS = 5, WEIGHTS = CHANNELS * 3 * 3 * 2 };

typedef struct conv_outcome {
    float loss, dw[WEIGHTS], dbias[CHANNELS];
    int convs, others; /* that a step runs: convolutions; biases, batch norms with their own moments, activations */
    int pooled;        /* batch norms of what was pooled */
} conv_outcome;

static void count_convs(void *user, const dim__op *op, const dim__exec *e, double seconds)
{
    conv_outcome *o = user;
    (void)seconds;
    o->convs += dim__op_convolves(op);
    o->pooled += op == &dim__op_batch_norm_again && e->n_in > 5;
    o->others += op == &dim__op_add_bias || op == &dim__op_batch_norm || op == &dim__op_leaky_relu;
}

/* Convolution, bias, activation, batch norm or batch norm, activation, and perhaps pooling; read_twice: what goes into the
 * batch norm is read by the loss, too. */
static conv_outcome train_conv(uint32_t without, bool activation_first, bool read_twice, bool pool)
{
    dim_context_options co;
    conv_outcome out = { .loss = 0 };
    dim__graph *g = NULL;
    dim__program *p = NULL;
    DIM_OPTIONS_INIT(&co);
    co.threads = 2;
    co.disabled_passes = without;
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
    assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
    dim__vid in[5] = { dim__graph_input(g, DIM_F32, dim__shape4(IMAGES, MAP, MAP, 2), true),
                       dim__graph_input(g, DIM_F32, dim__shape4(CHANNELS, 3, 3, 2), true) };
    for (int k = 2; k < 5; k++)
        in[k] = dim__graph_input(g, DIM_F32, dim__shape1(CHANNELS), true);
    dim__vid x = dim__emit_add_bias(g, dim__emit_conv2d(g, in[0], in[1], dim__square(0, 1, 1)), in[2]);
    if (activation_first)
        x = dim__emit_leaky_relu(g, x, 0.2);
    dim__vid y = dim__emit_batch_norm(g, x, in[3], in[4], 1e-5);
    if (!activation_first)
        y = dim__emit_leaky_relu(g, y, 0.2);
    if (pool)
        y = dim__emit_max_pool(g, y, dim__square(2, 2, 0));
    dim__vid loss = dim__emit_sum_all(g, dim__emit_mul(g, y, dim__emit_tanh(g, y)), 1); /* y^2 sums to nearly the same always */
    if (read_twice)
        loss = dim__emit_add(g, loss, dim__emit_sum_all(g, x, 0.5));
    dim__graph_keep(g, loss);
    assert_int_equal(dim__graph_backward(g, loss), DIM_OK);
    dim__vid dw = dim__graph_grad(g, in[1]), dbias = dim__graph_grad(g, in[2]);
    assert_int_equal(dim__program_create(g, &p), DIM_OK);
    for (int k = 0; k < 5; k++) {
        float *data = dim__program_data(p, in[k]);
        for (int64_t i = 0; i < dim__count_of(g, in[k]); i++)
            data[i] = (float)sin(0.7 * (double)(i + 1) * (k + 1)) + (k == 3 ? i % 2 == 0 ? 1.5f : -1.5f : 0);
    }
    dim__program_profile(p, count_convs, &out);
    dim__program_forward(p, 1, 1);
    dim__program_backward(p, 1, 1);
    out.loss = dim__program_scalar(p, loss);
    memcpy(out.dw, dim__program_data(p, dw), sizeof out.dw);
    memcpy(out.dbias, dim__program_data(p, dbias), sizeof out.dbias);
    dim__program_destroy(p);
    dim_context_destroy(ctx);
    return out;
}

static void a_convolution_takes_over_what_follows(void **state)
{
    (void)state;
    for (int k = 0; k < 8; k++) {
        bool first = (k & 1) != 0, twice = (k & 2) != 0, pool = (k & 4) != 0;
        conv_outcome fused = train_conv(0, first, twice, pool), plain = train_conv(DIM_PASS_FUSE, first, twice, pool);
        assert_true(fabsf(fused.loss - plain.loss) <= 1e-5f * fabsf(plain.loss));
        for (int i = 0; i < WEIGHTS; i++)
            assert_true(fabsf(fused.dw[i] - plain.dw[i]) <= 2e-4f);
        for (int i = 0; i < CHANNELS; i++) { /* sums of 216 elements; dx of a batch norm sums to zero */
            bool zero = !first && !twice;
            assert_true(fabsf(fused.dbias[i] - plain.dbias[i]) <= 2e-4f);
            assert_true(zero ? fused.dbias[i] == 0 : fabsf(plain.dbias[i]) > 0.01f);
        }
        assert_true(plain.convs == 1 && plain.others == 3 && fused.convs == 1);
        assert_int_equal(fused.others, twice ? 1 : 0); /* then the batch norm finds its moments itself */
        assert_true(plain.pooled == 0 && fused.pooled == (pool && !twice));
    }
}

/* What must not be taken over as it lies there: `odd` says what is special. */
typedef enum oddity {
    FROZEN_AFTER_RELU,  /* the norm of an activated map */
    FROZEN_DEAD,        /* channels without variance: 1 / sqrt(eps) */
    FROZEN_IN_TRAINING, /* with a gradient */
    OTHER_ROWS,         /* a bias under another last axis */
    LATE_BIAS,          /* a bias that is made after the convolution */
    ONLY_BIAS,          /* wants a gradient */
    ODDITIES
} oddity;

enum { ODD_IN = 7, ODD_OUT = IMAGES * MAP * MAP * 6 };

typedef struct odd_outcome {
    float y[ODD_OUT], grad[6];
} odd_outcome;

static odd_outcome run_odd(uint32_t without, oddity odd)
{
    dim_context_options co;
    odd_outcome out;
    dim__graph *g = NULL;
    dim__program *p = NULL;
    bool bias = odd >= OTHER_ROWS, gradient = odd >= FROZEN_IN_TRAINING;
    DIM_OPTIONS_INIT(&co);
    co.threads = 2;
    co.disabled_passes = without;
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
    assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
    dim__vid in[ODD_IN] = { dim__graph_input(g, DIM_F32, dim__shape4(IMAGES, MAP, MAP, 2), false),
                            dim__graph_input(g, DIM_F32, dim__shape4(6, 3, 3, 2), gradient && odd != ONLY_BIAS) };
    for (int k = 2; k < ODD_IN; k++)
        in[k] = dim__graph_input(g, DIM_F32, dim__shape1(odd == OTHER_ROWS ? 3 : 6), gradient && k < 4);
    dim__vid y = dim__emit_conv2d(g, in[0], in[1], dim__square(0, 1, 1));
    if (odd == FROZEN_AFTER_RELU)
        y = dim__emit_relu(g, y);
    if (odd == OTHER_ROWS)
        y = dim__emit_reshape(g, y, dim__shape2(IMAGES * MAP * MAP * 2, 3));
    if (bias)
        y = dim__emit_add_bias(g, y, odd == LATE_BIAS ? dim__emit_tanh(g, in[2]) : in[2]);
    else
        y = dim__emit_channel_affine(g, y, in[2], in[3], in[4], in[5], 1e-5);
    dim__vid loss = dim__emit_sum_all(g, dim__emit_mul(g, y, dim__emit_tanh(g, y)), 1);
    dim__graph_keep(g, y);
    dim__graph_keep(g, loss);
    if (!gradient)
        assert_int_equal(dim__run_passes(g, DIM__BEFORE_GRADIENT), DIM_OK);
    assert_int_equal(gradient ? dim__graph_backward(g, loss) : dim__graph_finish(g), DIM_OK);
    dim__vid grad = gradient ? dim__graph_grad(g, in[2]) : DIM__NONE;
    assert_true(!gradient || grad != DIM__NONE);
    assert_int_equal(dim__program_create(g, &p), DIM_OK);
    for (int k = 0; k < ODD_IN - 1; k++) {
        float *data = dim__program_data(p, in[k]);
        for (int64_t i = 0; data != NULL && i < dim__count_of(g, in[k]); i++)
            data[i] = (float)sin(0.7 * (double)(i + 1) * (k + 1)) + (k == 5 ? 1.2f : 0);
        if (k == 5 && odd == FROZEN_DEAD)
            data[1] = 0;
    }
    dim__program_forward(p, 1, 1);
    if (gradient)
        dim__program_backward(p, 1, 1);
    memcpy(out.y, dim__program_data(p, y), sizeof out.y);
    memset(out.grad, 0, sizeof out.grad);
    if (gradient)
        memcpy(out.grad, dim__program_data(p, grad), (size_t)dim__count_of(g, grad) * sizeof *out.grad);
    dim__program_destroy(p);
    dim_context_destroy(ctx);
    return out;
}

static void a_convolution_takes_over_no_more(void **state)
{
    (void)state;
    for (oddity odd = 0; odd < ODDITIES; odd++) {
        odd_outcome fused = run_odd(0, odd), plain = run_odd(DIM_PASS_FUSE, odd);
        for (int i = 0; i < ODD_OUT; i++)
            if (!(fabsf(fused.y[i] - plain.y[i]) <= 1e-5f * (1 + fabsf(plain.y[i]))))
                fail_msg("oddity %d: y[%d] is %g, not %g", (int)odd, i, fused.y[i], plain.y[i]);
        for (int i = 0; i < 6; i++)
            if (!(fabsf(fused.grad[i] - plain.grad[i]) <= 1e-5f * (1 + fabsf(plain.grad[i]))))
                fail_msg("oddity %d: gradient %d is %g, not %g", (int)odd, i, fused.grad[i], plain.grad[i]);
        assert_true(odd < FROZEN_IN_TRAINING || plain.grad[0] != 0);
    }
}

/* Each value has bytes that nobody else has while it lives, and together they take little more than must be. */
static void a_plan_is_tight(void **state)
{
    dim_context_options co;
    dim__graph *g = NULL;
    dim__lives lives;
    dim__plan plan;
    dim__vid in[4];
    (void)state;
    DIM_OPTIONS_INIT(&co);
    assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
    ok(dim__graph_create(ctx, &g));
    for (int i = 0; i < 2; i++)
        in[i] = dim__graph_input(g, DIM_F32, dim__shape2(i == 0 ? ROWS : WIDTH, WIDTH), true);
    in[2] = in[3] = dim__graph_input(g, DIM_F32, dim__shape1(WIDTH), true);
    ok(dim__graph_backward(g, dim__emit_add(g, tower(g, in), blocks(g, in))));
    bool *alive = calloc((size_t)g->n_nodes, sizeof *alive);
    int64_t *bytes = calloc((size_t)g->n_nodes + 3, sizeof *bytes);
    ok(dim__pass_dead(g, alive));
    ok(dim__lives_create(ctx, g->n_values, &lives));
    dim__lives_find(&lives, g, alive, true);
    ok(dim__plan_create(g, alive, true, &plan));
    int64_t least = dim__lives_level(&lives, bytes).peak;
    assert_true(plan.size >= least && plan.size <= least + least / 20);
    for (int64_t a = 0; a < g->n_values; a++)
        for (int64_t b = 0; b < a; b++) {
            if (lives.root[a] != a || lives.root[b] != b || plan.offset[a] < 0 || plan.offset[b] < 0 ||
                lives.first[a] > lives.last[b] || lives.first[b] > lives.last[a])
                continue;
            assert_true(plan.offset[a] + dim__value_bytes(g, (dim__vid)a) <= plan.offset[b] ||
                        plan.offset[b] + dim__value_bytes(g, (dim__vid)b) <= plan.offset[a]);
        }
    dim__plan_free(ctx, &plan);
    dim__lives_free(ctx, &lives);
    free(alive);
    free(bytes);
    dim__graph_destroy(g);
    dim_context_destroy(ctx);
}

/* A program for each number of the allocation that fails, until none does. */
static void recompute_without_memory(void **state)
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
    for (long n = 1; status != DIM_OK; n++) {
        dim__graph *g = NULL;
        dim__program *p = NULL;
        dim__vid in[4];
        memory = (failing){ .fail_at = 0 };
        assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
        ctx->recompute_from = 0;
        ctx->recompute_worth = 0;
        ok(dim__graph_create(ctx, &g));
        in[0] = dim__graph_input(g, DIM_F32, dim__shape2(ROWS, WIDTH), true);
        in[1] = dim__graph_input(g, DIM_F32, dim__shape2(WIDTH, WIDTH), true);
        in[2] = in[3] = dim__graph_input(g, DIM_F32, dim__shape1(WIDTH), true);
        ok(dim__graph_backward(g, tower(g, in)));
        memory.fail_at = memory.calls + n;
        status = dim__program_create(g, &p);
        assert_true(status == DIM_OK || status == DIM_E_NOMEM);
        dim__program_destroy(p);
        dim_context_destroy(ctx);
        assert_int_equal(memory.live, 0);
        assert_true(n < 100);
    }
}

/* Layers behind the tap that is asked for are emitted, and dropped. */
static void unread_layers_are_not_computed(void **state)
{
    outcome o[2] = { { .nodes = 0 }, { .nodes = 0 } };
    (void)state;
    for (int k = 0; k < 2; k++) {
        dim_context_options co;
        dim_encoder *enc;
        dim_tensor *out, *batch;
        DIM_OPTIONS_INIT(&co);
        co.threads = 1;
        co.disabled_passes = k == 0 ? 0 : DIM_PASS_DEAD;
        assert_int_equal(dim_context_create(&co, &ctx), DIM_OK);
        dim_encoder_options eo = { .size = sizeof eo, .kind = DIM_ENCODER_CONV32, .ndf = 8, .units = 16 };
        ok(dim_encoder_create(ctx, &eo, &enc));
        batch = images(4);
        int64_t shape[3];
        ok(dim_encoder_tap_shape(enc, "local", shape));
        ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ 4, shape[0], shape[1], shape[2] }, &out));
        ok(dim_encoder_encode(enc, batch, "local", out));
        dim__program_profile(enc->programs.list[0].program, count_node, &o[k]);
        ok(dim_encoder_encode(enc, batch, "local", out));
        dim_tensor_destroy(out);
        dim_tensor_destroy(batch);
        dim_encoder_destroy(enc);
        dim_context_destroy(ctx);
    }
    assert_true(o[1].nodes > o[0].nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_pass_changes_nothing),
        cmocka_unit_test(an_order_with_less_memory),
        cmocka_unit_test(fused_without_a_gradient),
        cmocka_unit_test(a_convolution_takes_over_what_follows),
        cmocka_unit_test(a_convolution_takes_over_no_more),
        cmocka_unit_test(what_is_made_again_has_the_same_bits),
        cmocka_unit_test(a_plan_is_tight),
        cmocka_unit_test(recompute_without_memory),
        cmocka_unit_test(unread_layers_are_not_computed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
