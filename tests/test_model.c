/* Models from outside: memory, determinism, reports, failures, weights. */
#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { N = 12, SIDE = 16, PIXELS = 3 * SIDE * SIDE };

typedef struct world { /* a context that counts, and may fail at the nth allocation */
    dim_context *ctx;
    long allocations, live, fail_at;
} world;

static void *count_alloc(void *user, size_t size, size_t align)
{
    world *w = user;
    if (++w->allocations == w->fail_at)
        return NULL;
    w->live++;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void count_free(void *user, void *memory, size_t size)
{
    (void)size;
    ((world *)user)->live--;
    free(memory);
}

static dim_status open_world(world *w, dim_context_options o)
{
    long fail_at = w->fail_at;
    *w = (world){ .fail_at = fail_at };
    o.size = sizeof o;
    o.alloc = count_alloc;
    o.free = count_free;
    o.alloc_user = w;
    return dim_context_create(&o, &w->ctx);
}

static void ok(const world *w, dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(w->ctx));
}

/* Images of a few blobs each: something that one can know an image by. */
static void paint(uint8_t *pixels, int64_t n, unsigned seed)
{
    for (int64_t i = 0; i < n; i++) {
        unsigned s = seed + (unsigned)i * 2654435761u;
        double fx = 0.2 + (s % 7) * 0.13, fy = 0.15 + (s / 7 % 5) * 0.17, phase = s / 35 % 11;
        for (int c = 0; c < 3; c++)
            for (int y = 0; y < SIDE; y++)
                for (int x = 0; x < SIDE; x++)
                    *pixels++ = (uint8_t)(127 + 100 * sin(fx * x * (c + 1) + phase) * cos(fy * y - c));
    }
}

static dim_status images_of(dim_context *ctx, int64_t n, unsigned seed, dim_tensor **out)
{
    dim_status status = dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ n, 3, SIDE, SIDE }, out);
    if (status == DIM_OK)
        paint(dim_tensor_data(*out), n, seed);
    return status;
}

/* Layers of the test's encoders; true when all of them went in. */
static dim_status add(dim_encoder_builder *b, dim_layer_options layer)
{
    layer.size = sizeof layer;
    return dim_encoder_builder_add(b, &layer);
}

static dim_status small_encoder(dim_context *ctx, bool gaussian, dim_encoder **out)
{
    dim_encoder_builder *b = NULL;
    dim_status s = dim_encoder_builder_create(ctx, 3, SIDE, SIDE, &b);
    const dim_layer_options layers[] = {
        { .kind = DIM_LAYER_CONV, .out = 12, .kernel = 4, .stride = 2, .padding = 1, .no_bias = 1 },
        { .kind = DIM_LAYER_BATCH_NORM },
        { .kind = DIM_LAYER_LEAKY_RELU },
        { .kind = DIM_LAYER_CONV, .out = 16, .kernel = 4, .stride = 2, .padding = 1, .no_bias = 1 },
        { .kind = DIM_LAYER_BATCH_NORM },
        { .kind = DIM_LAYER_RELU, .tap = "local" },
        { .kind = DIM_LAYER_LINEAR, .out = 32, .no_bias = 1 },
        { .kind = DIM_LAYER_BATCH_NORM },
        { .kind = DIM_LAYER_RELU, .tap = "fc" },
        { .kind = DIM_LAYER_LINEAR, .out = 8, .tap = "code" },
        { .kind = DIM_LAYER_FROM, .from = "fc" },
        { .kind = DIM_LAYER_LINEAR, .out = 8, .tap = "logvar" },
        { .kind = DIM_LAYER_FROM, .from = "code" },
    };
    for (size_t i = 0; s == DIM_OK && i < (gaussian ? 13 : 10); i++)
        s = add(b, layers[i]);
    if (s == DIM_OK && gaussian)
        s = add(b, (dim_layer_options){ .kind = DIM_LAYER_GAUSSIAN, .from = "logvar", .tap = "global" });
    if (s == DIM_OK)
        s = dim_encoder_builder_finish(b, NULL, out);
    dim_encoder_builder_destroy(b);
    return s;
}

typedef struct recipe { /* what a test's model is made of */
    dim_critic critic;
    const char *x;
    dim_estimator_kind kind;
    dim_negatives negatives;
    bool gaussian, critic_bn;
    int prior; /* -1 = none */
    float lr, kl_weight;
} recipe;

typedef struct parts {
    dim_encoder *enc;
    dim_model *model;
    dim_tensor *images;
} parts;

static void drop(parts *p)
{
    dim_model_destroy(p->model);
    dim_encoder_destroy(p->enc);
    dim_tensor_destroy(p->images);
    *p = (parts){ NULL, NULL, NULL };
}

static dim_status add_term(dim_context *ctx, const recipe *plan, const char *x, dim_model *model)
{
    dim_estimator *est = NULL;
    dim_estimator_options eo;
    dim_term_options to;
    DIM_OPTIONS_INIT(&eo);
    eo.kind = plan->kind;
    eo.negatives = plan->negatives;
    dim_status s = dim_estimator_create(ctx, &eo, &est);
    DIM_OPTIONS_INIT(&to);
    to.x = x;
    to.estimator = est;
    to.critic = plan->critic;
    to.units = 24;
    to.hidden[0] = to.hidden[1] = 32;
    to.batch_norm = plan->critic_bn;
    if (s == DIM_OK)
        s = dim_model_add_term(model, &to);
    dim_estimator_destroy(est);
    return s;
}

static dim_status build(dim_context *ctx, const recipe *plan, parts *p)
{
    dim_prior *prior = NULL;
    dim_prior_options po;
    dim_optimizer_options oo, disc;
    *p = (parts){ NULL, NULL, NULL };
    DIM_OPTIONS_INIT(&po);
    DIM_OPTIONS_INIT(&oo);
    DIM_OPTIONS_INIT(&disc);
    disc.lr = 3e-4f;
    oo.lr = plan->lr > 0 ? plan->lr : 1e-3f;
    po.kind = plan->prior < 0 ? DIM_PRIOR_KL : (dim_prior_kind)plan->prior;
    po.hidden1 = po.hidden2 = 20;
    po.optimizer = po.kind == DIM_PRIOR_KL ? NULL : &disc;
    dim_status s = small_encoder(ctx, plan->gaussian, &p->enc);
    if (s == DIM_OK)
        s = images_of(ctx, N, 1, &p->images);
    if (s == DIM_OK)
        s = dim_model_create(p->enc, NULL, &p->model);
    if (s == DIM_OK)
        s = add_term(ctx, plan, plan->x, p->model);
    if (s == DIM_OK && plan->prior >= 0)
        s = dim_prior_create(ctx, &po, &prior);
    if (s == DIM_OK && plan->prior >= 0)
        s = dim_model_add_prior(p->model, prior, plan->kl_weight > 0 ? plan->kl_weight : 0.1f);
    if (s == DIM_OK)
        s = dim_model_set_optimizer(p->model, &oo);
    dim_prior_destroy(prior);
    return s;
}

static const recipe plans[] = {
    { .critic = DIM_CRITIC_DOT, .prior = -1 },
    { .critic = DIM_CRITIC_DOT, .kind = DIM_ESTIMATOR_INFONCE, .prior = DIM_PRIOR_UNIFORM },
    { .critic = DIM_CRITIC_DOT, .kind = DIM_ESTIMATOR_DV, .x = "global:local", .prior = DIM_PRIOR_GAUSSIAN },
    { .critic = DIM_CRITIC_CONCAT, .negatives = DIM_NEGATIVES_SHUFFLE, .gaussian = true, .prior = DIM_PRIOR_KL },
    { .critic = DIM_CRITIC_CONCAT, .kind = DIM_ESTIMATOR_MINE, .prior = -1 },
    { .critic = DIM_CRITIC_BILINEAR, .kind = DIM_ESTIMATOR_SMILE, .x = "fc", .prior = -1 },
    { .critic = DIM_CRITIC_MLP, .kind = DIM_ESTIMATOR_NWJ, .x = "fc", .negatives = DIM_NEGATIVES_SHUFFLE, .prior = -1 },
};
enum { PLANS = (int)(sizeof plans / sizeof *plans) };

static double report(const world *w, const parts *p, const char *name)
{
    double value = NAN;
    ok(w, dim_model_report(p->model, name, &value));
    return value;
}

/* Every parameter, one after the other. */
static float *all_weights(const world *w, const parts *p, int64_t *count)
{
    float *out = NULL;
    *count = 0;
    for (int i = 0; i < dim_model_parameter_count(p->model); i++) {
        dim_tensor *t;
        ok(w, dim_model_get_parameter(p->model, dim_model_parameter_name(p->model, i), &t));
        int64_t n = dim_tensor_count(t);
        out = realloc(out, (size_t)(*count + n) * sizeof *out);
        memcpy(out + *count, dim_tensor_const_data(t), (size_t)n * sizeof *out);
        *count += n;
        dim_tensor_destroy(t);
    }
    return out;
}

static void same_floats(const float *a, const float *b, int64_t n, const char *what)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&a[i], &b[i], sizeof *a) != 0)
            fail_msg("%s: element %lld is %.9g and %.9g", what, (long long)i, (double)a[i], (double)b[i]);
}

static float *train(dim_context_options o, const recipe *plan, int steps, int64_t *count, double *loss)
{
    world w = { .fail_at = 0 };
    parts p;
    ok(&w, open_world(&w, o));
    ok(&w, build(w.ctx, plan, &p));
    for (int i = 0; i < steps; i++)
        ok(&w, dim_model_step(p.model, p.images));
    float *weights = all_weights(&w, &p, count);
    *loss = report(&w, &p, "loss");
    drop(&p);
    dim_context_destroy(w.ctx);
    assert_int_equal(w.live, 0);
    return weights;
}

static void same_seed_same_bits(void **state)
{
    (void)state;
    for (int i = 0; i < PLANS; i++)
        for (uint32_t threads = 1; threads <= 2; threads++) {
            int64_t n, m;
            double a, b;
            dim_context_options o = { .threads = threads, .seed = 5, .blas_threads = 1 };
            float *x = train(o, &plans[i], 4, &n, &a), *y = train(o, &plans[i], 4, &m, &b);
            assert_int_equal(n, m);
            same_floats(x, y, n, "the same seed twice");
            free(x);
            free(y);
        }
}

/* Orders of summation differ, and Adam's first steps have the size of the rate whatever the gradient's: tolerance on the
 * loss, which such steps move little. */
static void planned_equals_reference(void **state)
{
    (void)state;
    for (int i = 0; i < PLANS; i++) {
        int64_t n;
        double a, b, c;
        dim_context_options o = { .threads = 2, .seed = 5, .blas_threads = 1 };
        free(train(o, &plans[i], 3, &n, &a));
        o.executor = DIM_EXECUTOR_REFERENCE;
        free(train(o, &plans[i], 3, &n, &b));
        o.cpu = DIM_CPU_REFERENCE;
        o.gemm = DIM_GEMM_REFERENCE;
        o.threads = 1;
        free(train(o, &plans[i], 3, &n, &c));
        if (fabs(a - b) > 2e-5 * (1 + fabs(b)) || fabs(a - c) > 1e-4 * (1 + fabs(c)))
            fail_msg("plan %d: planned %.9g, reference executor %.9g, all reference %.9g", i, a, b, c);
    }
}

/* One labeled step, and further ones; every report and weight of the first. */
static double *labeled_step(dim_context_options o, const recipe *plan, int *n_reports, float **weights, int64_t *count,
                            double *accuracy)
{
    world w = { .fail_at = 0 };
    parts p;
    int32_t classes[N];
    dim_tensor *labels;
    dim_classifier_options co;
    ok(&w, open_world(&w, o));
    ok(&w, build(w.ctx, plan, &p));
    DIM_OPTIONS_INIT(&co);
    co.tap = "fc";
    co.classes = 3;
    co.hidden = 16;
    ok(&w, dim_model_add_classifier(p.model, &co));
    for (int i = 0; i < N; i++)
        classes[i] = i % 3;
    ok(&w, dim_tensor_wrap(w.ctx, DIM_I32, 1, (int64_t[]){ N }, NULL, classes, NULL, NULL, &labels));
    ok(&w, dim_model_step_labeled(p.model, p.images, labels));
    *n_reports = dim_model_report_count(p.model);
    double *values = calloc((size_t)*n_reports, sizeof *values);
    for (int i = 0; i < *n_reports; i++)
        values[i] = report(&w, &p, dim_model_report_name(p.model, i));
    *weights = all_weights(&w, &p, count);
    for (int i = 0; i < 60; i++)
        ok(&w, dim_model_step_labeled(p.model, p.images, labels));
    *accuracy = report(&w, &p, "classifier.accuracy");
    dim_tensor_destroy(labels);
    drop(&p);
    dim_context_destroy(w.ctx);
    return values;
}

/* Shared memory and fused ops change no bit of what one thread reports and learns. */
static void every_report_equals_reference(void **state)
{
    (void)state;
    for (int i = 0; i < PLANS; i++) {
        int n, m;
        int64_t count, count_b;
        float *x, *y;
        double accuracy, accuracy_b;
        dim_context_options o = { .threads = 1, .seed = 5 };
        double *a = labeled_step(o, &plans[i], &n, &x, &count, &accuracy);
        o.executor = DIM_EXECUTOR_REFERENCE;
        double *b = labeled_step(o, &plans[i], &m, &y, &count_b, &accuracy_b);
        assert_int_equal(n, m);
        assert_int_equal(count, count_b);
        for (int k = 0; k < n; k++)
            if (a[k] != b[k])
                fail_msg("plan %d, report %d: planned %.9g, reference %.9g", i, k, a[k], b[k]);
        same_floats(x, y, count, "weights of planned and reference executor");
        if (!(accuracy > 0.6) || !(accuracy_b > 0.6)) /* of three classes, on images seen sixty times */
            fail_msg("plan %d: accuracy %g and %g", i, accuracy, accuracy_b);
        free(a);
        free(b);
        free(x);
        free(y);
    }
}

/* DIM(G) on a Gaussian code: the repeated layers end in the mean. */
static void whole_map_and_gaussian_code(void **state)
{
    (void)state;
    world w = { .fail_at = 0 };
    parts p;
    recipe plan = { .critic = DIM_CRITIC_DOT, .x = "global:local", .gaussian = true, .prior = DIM_PRIOR_KL };
    ok(&w, open_world(&w, (dim_context_options){ .threads = 1 }));
    ok(&w, build(w.ctx, &plan, &p));
    ok(&w, dim_model_step(p.model, p.images));
    for (int i = 0; i < dim_model_parameter_count(p.model); i++)
        assert_null(strstr(dim_model_parameter_name(p.model, i), "global.x.linear3")); /* the log-variance's */
    drop(&p);
    dim_context_destroy(w.ctx);
}

static void steady_steps_allocate_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < PLANS; i++) {
        world w = { .fail_at = 0 };
        parts p;
        ok(&w, open_world(&w, (dim_context_options){ .threads = 2 }));
        ok(&w, build(w.ctx, &plans[i], &p));
        ok(&w, dim_model_step(p.model, p.images));
        long before = w.allocations;
        for (int k = 0; k < 5; k++)
            ok(&w, dim_model_step(p.model, p.images));
        assert_int_equal(w.allocations, before);
        assert_int_equal(dim_context_allocations(w.ctx), w.allocations);
        drop(&p);
        dim_context_destroy(w.ctx);
        assert_int_equal(w.live, 0);
    }
}

/* One model's whole life; any status on the way out. */
static dim_status life(world *w, const recipe *plan, const char *path)
{
    parts p = { NULL, NULL, NULL };
    dim_tensor *features = NULL;
    dim_status s = open_world(w, (dim_context_options){ .threads = 2 });
    if (s != DIM_OK)
        return s;
    s = build(w->ctx, plan, &p);
    for (int i = 0; s == DIM_OK && i < 2; i++)
        s = dim_model_step(p.model, p.images);
    if (s == DIM_OK)
        s = dim_model_evaluate(p.model, p.images);
    if (s == DIM_OK)
        s = dim_tensor_create(w->ctx, DIM_F32, 2, (int64_t[]){ N, 32 }, &features);
    if (s == DIM_OK)
        s = dim_encoder_encode(p.enc, p.images, "fc", features);
    if (s == DIM_OK)
        s = dim_model_save(p.model, path);
    if (s == DIM_OK)
        s = dim_model_load(p.model, path);
    dim_tensor_destroy(features);
    drop(&p);
    dim_context_destroy(w->ctx);
    return s;
}

static void no_memory_anywhere(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "test_model_%ld.safetensors", (long)getpid());
    for (int i = 0; i < PLANS; i++) {
        world w = { .fail_at = 0 };
        assert_int_equal(life(&w, &plans[i], path), DIM_OK);
        assert_int_equal(w.live, 0);
        long all = w.allocations;
        assert_true(all > 100);
        for (long at = 1; at <= all; at++) {
            w.fail_at = at;
            dim_status s = life(&w, &plans[i], path);
            if (s != DIM_E_NOMEM)
                fail_msg("plan %d, allocation %ld of %ld fails: %s", i, at, all, dim_status_name(s));
            if (w.live != 0)
                fail_msg("plan %d, allocation %ld of %ld fails: %ld blocks are lost", i, at, all, w.live);
        }
    }
    remove(path);
}

static void weights_round_trip(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "test_model_rt_%ld.safetensors", (long)getpid());
    world w = { .fail_at = 0 };
    parts a, b;
    int64_t n, m;
    ok(&w, open_world(&w, (dim_context_options){ .threads = 1 }));
    ok(&w, build(w.ctx, &plans[1], &a));
    for (int i = 0; i < 3; i++)
        ok(&w, dim_model_step(a.model, a.images));
    ok(&w, dim_model_save(a.model, path));
    ok(&w, build(w.ctx, &plans[1], &b));
    ok(&w, dim_model_load(b.model, path));
    float *x = all_weights(&w, &a, &n), *y = all_weights(&w, &b, &m);
    assert_int_equal(n, m);
    same_floats(x, y, n, "weights after save and load");
    free(x);
    free(y);
    /* an encoder reads a model's file; a model with other critics refuses it by name */
    dim_encoder *enc;
    dim_tensor *fa, *fb;
    ok(&w, small_encoder(w.ctx, false, &enc));
    ok(&w, dim_encoder_load(enc, path));
    ok(&w, dim_tensor_create(w.ctx, DIM_F32, 2, (int64_t[]){ N, 8 }, &fa));
    ok(&w, dim_tensor_create(w.ctx, DIM_F32, 2, (int64_t[]){ N, 8 }, &fb));
    ok(&w, dim_encoder_encode(enc, a.images, NULL, fa));
    ok(&w, dim_encoder_encode(a.enc, a.images, NULL, fb));
    same_floats(dim_tensor_const_data(fa), dim_tensor_const_data(fb), N * 8, "codes after load");
    drop(&b);
    ok(&w, build(w.ctx, &plans[4], &b));
    assert_int_equal(dim_model_load(b.model, path), DIM_E_FORMAT);
    assert_non_null(strstr(dim_context_error(w.ctx), "local.fc1."));
    dim_tensor_destroy(fa);
    dim_tensor_destroy(fb);
    dim_encoder_destroy(enc);
    drop(&a);
    drop(&b);
    dim_context_destroy(w.ctx);
    assert_int_equal(w.live, 0);
    remove(path);
}

/* A loss that is not finite changes nothing: weights, running statistics, moving averages, step number. */
static void not_finite_changes_nothing(void **state)
{
    (void)state;
    world w = { .fail_at = 0 };
    parts p;
    int64_t n, m;
    dim_tensor *bad;
    ok(&w, open_world(&w, (dim_context_options){ .threads = 2 }));
    ok(&w, build(w.ctx, &plans[4], &p));
    ok(&w, dim_model_step(p.model, p.images));
    float *before = all_weights(&w, &p, &n);
    ok(&w, dim_tensor_create(w.ctx, DIM_F32, 4, (int64_t[]){ N, 3, SIDE, SIDE }, &bad));
    ok(&w, dim_tensor_copy(bad, p.images));
    ((float *)dim_tensor_data(bad))[77] = NAN;
    assert_int_equal(dim_model_step(p.model, bad), DIM_E_NUMERIC);
    assert_non_null(strstr(dim_context_error(w.ctx), "local"));
    assert_non_null(strstr(dim_context_error(w.ctx), "at step 1: input 'images' is NaN in sample 0; nothing was updated"));
    ((float *)dim_tensor_data(bad))[77] = 0;
    ((float *)dim_tensor_data(bad))[2 * 3 * SIDE * SIDE + 5] = -INFINITY;
    assert_int_equal(dim_model_evaluate(p.model, bad), DIM_E_NUMERIC);
    assert_non_null(strstr(dim_context_error(w.ctx), "input 'images' is infinite in sample 2"));
    assert_int_equal(dim_model_step(p.model, bad), DIM_E_NUMERIC);
    assert_int_equal(dim_model_steps(p.model), 1);
    float *after = all_weights(&w, &p, &m);
    same_floats(before, after, n, "weights after a bad batch");
    ok(&w, dim_model_step(p.model, p.images));
    assert_true(isfinite(report(&w, &p, "loss")));
    free(before);
    free(after);
    dim_tensor_destroy(bad);
    drop(&p);
    dim_context_destroy(w.ctx);
}

static void evaluation_changes_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < PLANS; i++) {
        world w = { .fail_at = 0 };
        parts p;
        int64_t n, m;
        ok(&w, open_world(&w, (dim_context_options){ .threads = 1 }));
        ok(&w, build(w.ctx, &plans[i], &p));
        ok(&w, dim_model_step(p.model, p.images));
        float *before = all_weights(&w, &p, &n);
        ok(&w, dim_model_evaluate(p.model, p.images));
        double loss = report(&w, &p, "loss");
        float *after = all_weights(&w, &p, &m);
        same_floats(before, after, n, "weights after an evaluation");
        ok(&w, dim_model_step(p.model, p.images)); /* the same weights and draws, before the update */
        double stepped = report(&w, &p, "loss");
        if (loss != stepped)
            fail_msg("plan %d: evaluated %.9g, in the step %.9g", i, loss, stepped);
        free(before);
        free(after);
        drop(&p);
        dim_context_destroy(w.ctx);
    }
}

/* Batches of several sizes share the weights; strided and float images give the same as bytes. */
static void batches_and_layouts(void **state)
{
    (void)state;
    world w = { .fail_at = 0 };
    parts p;
    dim_tensor *nhwc, *view, *part, *f32;
    ok(&w, open_world(&w, (dim_context_options){ .threads = 1 }));
    ok(&w, build(w.ctx, &plans[0], &p));
    ok(&w, dim_model_evaluate(p.model, p.images));
    double bytes = report(&w, &p, "loss");
    ok(&w, dim_tensor_create(w.ctx, DIM_U8, 4, (int64_t[]){ N, SIDE, SIDE, 3 }, &nhwc));
    ok(&w, dim_tensor_permute(nhwc, (int[]){ 0, 3, 1, 2 }, &view));
    ok(&w, dim_tensor_copy(view, p.images));
    ok(&w, dim_model_evaluate(p.model, view));
    assert_true(report(&w, &p, "loss") == bytes);
    ok(&w, dim_tensor_create(w.ctx, DIM_F32, 4, (int64_t[]){ N, 3, SIDE, SIDE }, &f32));
    for (int i = 0; i < N * PIXELS; i++)
        ((float *)dim_tensor_data(f32))[i] = (1 / 127.5f) * ((uint8_t *)dim_tensor_data(p.images))[i] - 1;
    ok(&w, dim_model_evaluate(p.model, f32));
    assert_true(fabs(report(&w, &p, "loss") - bytes) < 1e-5 * bytes);
    for (int64_t n = 2; n <= N; n++) {
        ok(&w, dim_tensor_slice(p.images, 0, 0, n, 1, &part));
        ok(&w, dim_model_step(p.model, part));
        dim_tensor_destroy(part);
    }
    ok(&w, dim_model_evaluate(p.model, p.images));
    assert_true(report(&w, &p, "loss") < bytes);
    dim_tensor_destroy(f32);
    dim_tensor_destroy(view);
    dim_tensor_destroy(nhwc);
    drop(&p);
    dim_context_destroy(w.ctx);
    assert_int_equal(w.live, 0);
}

/* Batch norm in a concatenation critic.  The mean score of either kind of pair is then the same, so by
 * Jensen's inequality the JSD loss cannot fall below 2 log 2, only the prior is left to act, and the code collapses. */
static void train_infomax(bool critic_bn, double *value, double *std)
{
    world w = { .fail_at = 0 };
    parts p;
    recipe plan = { .critic = DIM_CRITIC_CONCAT, .negatives = DIM_NEGATIVES_SHUFFLE, .gaussian = true,
                  .prior = DIM_PRIOR_KL, .kl_weight = 0.05f, .lr = 2e-3f, .critic_bn = critic_bn };
    dim_tensor *images;
    ok(&w, open_world(&w, (dim_context_options){ .threads = 2, .blas_threads = 1 }));
    ok(&w, build(w.ctx, &plan, &p));
    ok(&w, images_of(w.ctx, 64, 3, &images));
    *value = 0;
    for (int i = 0; i < 600; i++) {
        ok(&w, dim_model_step(p.model, images));
        if (i >= 500)
            *value += report(&w, &p, "local.value") / 100;
        if (critic_bn && report(&w, &p, "local.value") > 1e-3)
            fail_msg("step %d: %.6g above what batch norm allows", i, report(&w, &p, "local.value"));
    }
    *std = report(&w, &p, "code.std");
    float stds[8], mean = 0;
    ok(&w, dim_model_code_stats(p.model, NULL, stds));
    for (int i = 0; i < 8; i++)
        mean += stds[i] / 8;
    assert_true(fabs(mean - *std) < 1e-6 + 1e-5 * *std);
    dim_tensor_destroy(images);
    drop(&p);
    dim_context_destroy(w.ctx);
}

static void batch_norm_in_the_critic_fails(void **state)
{
    double value, std, value_bn, std_bn;
    (void)state;
    train_infomax(false, &value, &std);
    train_infomax(true, &value_bn, &std_bn);
    printf("without: value %.3f, code std %.3f; with batch norm: value %.3f, code std %.3f\n", value, std, value_bn,
           std_bn);
    assert_true(value > 0.5 && std > 0.5);
    assert_true(value_bn < 0.01 && std_bn < 0.2);
}

static void misuse_is_reported(void **state)
{
    (void)state;
    world w = { .fail_at = 0 };
    parts p;
    double value = 42;
    dim_term_options term;
    dim_tensor *one;
    ok(&w, open_world(&w, (dim_context_options){ .threads = 1 }));
    ok(&w, build(w.ctx, &plans[0], &p));
    assert_int_equal(dim_model_report(p.model, "loss", &value), DIM_E_STATE);
    ok(&w, dim_tensor_slice(p.images, 0, 0, 1, 1, &one));
    assert_int_equal(dim_model_step(p.model, one), DIM_E_SHAPE);
    assert_int_equal(dim_model_step(NULL, one), DIM_E_INVALID);
    assert_int_equal(dim_model_step(p.model, NULL), DIM_E_INVALID);
    DIM_OPTIONS_INIT(&term);
    term.x = "nowhere";
    assert_int_equal(dim_model_add_term(p.model, &term), DIM_E_INVALID);
    assert_non_null(strstr(dim_context_error(w.ctx), "nowhere"));
    term.x = "global:fc";
    assert_int_equal(dim_model_add_term(p.model, &term), DIM_E_SHAPE);
    term.x = NULL;
    term.name = "a.b";
    assert_int_equal(dim_model_add_term(p.model, &term), DIM_E_INVALID);
    ok(&w, dim_model_step(p.model, p.images));
    term.name = "late";
    assert_int_equal(dim_model_add_term(p.model, &term), DIM_E_STATE);
    assert_int_equal(dim_model_set_optimizer(p.model, NULL), DIM_E_STATE);
    assert_int_equal(dim_model_report(p.model, "nothing", &value), DIM_E_INVALID);
    assert_true(value == 42);
    dim_tensor_destroy(one);
    drop(&p);
    /* what does not fit together is found when the objective is fixed */
    recipe odd = { .critic = DIM_CRITIC_PLAIN_DOT, .prior = -1 };
    ok(&w, build(w.ctx, &odd, &p));
    assert_int_equal(dim_model_step(p.model, p.images), DIM_E_SHAPE);
    assert_non_null(strstr(dim_context_error(w.ctx), "16"));
    drop(&p);
    odd = (recipe){ .prior = DIM_PRIOR_KL };
    assert_int_equal(build(w.ctx, &odd, &p), DIM_E_INVALID); /* no Gaussian code */
    drop(&p);
    assert_int_equal(dim_model_report_count(NULL), 0);
    assert_null(dim_model_report_name(NULL, 0));
    assert_int_equal(dim_model_parameter_count(NULL), 0);
    dim_model_destroy(NULL);
    dim_context_destroy(w.ctx);
    assert_int_equal(w.live, 0);
}

/* Largest distance of a matrix from the identity's diagonal, and largest absolute value beside it. */
static void distances(const world *w, dim_model *model, const char *name, double *diagonal, double *beside)
{
    dim_tensor *t;
    ok(w, dim_model_get_parameter(model, name, &t));
    const float *v = dim_tensor_const_data(t);
    int64_t rows = dim_tensor_size(t, 0), columns = dim_tensor_size(t, 1);
    *diagonal = *beside = 0;
    for (int64_t i = 0; i < rows * columns; i++) {
        bool on = i / columns == i % columns;
        double *worst = on ? diagonal : beside, d = fabs(v[i] - (on ? 1.0 : 0.0));
        *worst = d > *worst ? d : *worst;
    }
    dim_tensor_destroy(t);
}

/* SPEC of the dot critic: S is the identity and U(-0.01, 0.01) beside its diagonal; or U(-b, b), b = 1/sqrt(fan in). */
static void shortcuts_start_as_asked(void **state)
{
    (void)state;
    for (int random = 0; random < 2; random++) {
        world w = { .fail_at = 0 };
        dim_encoder *enc;
        dim_model *model;
        dim_term_options term;
        double diagonal, beside;
        ok(&w, open_world(&w, (dim_context_options){ .threads = 1, .seed = 3 }));
        ok(&w, small_encoder(w.ctx, false, &enc));
        ok(&w, dim_model_create(enc, NULL, &model));
        DIM_OPTIONS_INIT(&term);
        term.units = 24;
        term.shortcut = (dim_shortcut)2;
        assert_int_equal(dim_model_add_term(model, &term), DIM_E_INVALID);
        assert_non_null(strstr(dim_context_error(w.ctx), "shortcut"));
        term.shortcut = random ? DIM_SHORTCUT_RANDOM : DIM_SHORTCUT_IDENTITY;
        ok(&w, dim_model_add_term(model, &term));
        distances(&w, model, "local.x.shortcut.weight", &diagonal, &beside);
        if (random) { /* 16 channels of a location */
            assert_true(beside > 0.9 / 4 && beside <= 1.0 / 4 && diagonal > 0.7);
        } else {
            assert_true(diagonal == 0 && beside > 0.009 && beside <= 0.01);
        }
        dim_model_destroy(model);
        dim_encoder_destroy(enc);
        dim_context_destroy(w.ctx);
        assert_int_equal(w.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_bits),
        cmocka_unit_test(shortcuts_start_as_asked),
        cmocka_unit_test(planned_equals_reference),
        cmocka_unit_test(every_report_equals_reference),
        cmocka_unit_test(whole_map_and_gaussian_code),
        cmocka_unit_test(steady_steps_allocate_nothing),
        cmocka_unit_test(no_memory_anywhere),
        cmocka_unit_test(weights_round_trip),
        cmocka_unit_test(not_finite_changes_nothing),
        cmocka_unit_test(evaluation_changes_nothing),
        cmocka_unit_test(batches_and_layouts),
        cmocka_unit_test(batch_norm_in_the_critic_fails),
        cmocka_unit_test(misuse_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
