/* Online classifiers: logits in use against PyTorch (fixtures/make_amdim.py), and dropout in training. */
#include "amdim_tests.h"

#include "base/rng.h"
#include "ops/ops.h"

enum { N = 4, CLASSES = 5, HIDDEN = 12, D = AMDIM_RKHS };

static const char *const terms[][3] = { { "t17", "f1", "phi7" } };
static const float rate = 0.25f;

static void add_classifier(dim_model *model, const char *name, uint32_t hidden, float dropout)
{
    dim_classifier_options o;
    DIM_OPTIONS_INIT(&o);
    o.name = name;
    o.tap = "f1";
    o.classes = CLASSES;
    o.hidden = hidden;
    o.dropout = dropout;
    o.clip = 10;
    o.penalty = 1e-3f;
    ok(dim_model_add_classifier(model, &o));
}

static dim_model *model_of(uint32_t views)
{
    return amdim(&(amdim_setup){ .side = 32, .ndf = 4, .depth = 1, .views = views, .terms = terms, .n_terms = 1 });
}

static dim_context *context(dim_executor executor)
{
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    o.seed = 3;
    o.executor = executor;
    ok(dim_context_create(&o, &ctx));
    return ctx;
}

/* Running statistics that no batch gave, the same as the script's. */
static void set_statistics(dim_model *model)
{
    for (int i = 0; i < dim_model_parameter_count(model); i++) {
        char name[160];
        dim_tensor *t;
        snprintf(name, sizeof name, "%s", dim_model_parameter_name(model, i));
        if (!is_state(name))
            continue;
        ok(dim_model_get_parameter(model, name, &t));
        float *x = dim_tensor_data(t);
        for (int64_t k = 0; k < dim_tensor_count(t); k++) {
            double u = hashed((uint32_t)k, fnv(name));
            x[k] = (float)(strstr(name, "running_mean") != NULL ? 0.3 * u : 1 + 0.5 * u);
        }
        ok(dim_model_set_parameter(model, name, t));
        dim_tensor_destroy(t);
    }
}

/* Whether the images come together or alone: nothing of a batch, and no dropout, is in the logits. */
static void logits_in_use(void **state)
{
    static const char *const names[] = { "linear", "mlp" };
    (void)state;
    context(DIM_EXECUTOR_PLANNED);
    dim_model *model = model_of(2);
    add_classifier(model, "linear", 0, 0.5f);
    add_classifier(model, "mlp", HIDDEN, 0.5f);
    set_weights(model);
    set_statistics(model);
    dim_tensor *images = images_of(32, N, 2), *logits, *some;
    for (int together = 1; together >= 0; together--)
        for (int i = 0; i < (together ? 1 : N); i++) {
            int64_t n = together ? N : 1;
            ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ n, CLASSES }, &logits));
            ok(dim_tensor_slice(images, 0, i, n, 1, &some));
            for (int c = 0; c < 2; c++) {
                ok(dim_model_classify(model, names[c], some, logits));
                for (int k = 0; k < n * CLASSES; k++) {
                    char key[64];
                    snprintf(key, sizeof key, "classify %s %d", names[c], i + k / CLASSES);
                    double want = wanted(key, k % CLASSES);
                    close_to(key, ((float *)dim_tensor_data(logits))[k], want, 3e-6 * (1 + fabs(want)));
                }
            }
            dim_tensor_destroy(logits);
            dim_tensor_destroy(some);
        }
    dim_tensor_destroy(images);
    dim_model_destroy(model);
    dim_context_destroy(ctx);
}

/* ---- dropout ---- */

static int32_t classes[N] = { 3, 0, 4, 1 };

static dim_tensor *labels_of(void)
{
    dim_tensor *t;
    ok(dim_tensor_wrap(ctx, DIM_I32, 1, (int64_t[]){ N }, NULL, classes, NULL, NULL, &t));
    return t;
}

static void zero(dim_model *model, const char *name)
{
    dim_tensor *t;
    ok(dim_model_get_parameter(model, name, &t));
    memset(dim_tensor_data(t), 0, (size_t)dim_tensor_count(t) * sizeof(float));
    ok(dim_model_set_parameter(model, name, t));
    dim_tensor_destroy(t);
}

/* What a linear classifier sees of f1 in a step.  From zero weights and at rate 1 the row of class c becomes
 * - sum_n (1 / classes - [c is n's]) x_n / N, and no image is of class 2: the row of n's class less that of class 2 is
 * x_n / N. */
static void seen_features(dim_model *model, const dim_tensor *images, const dim_tensor *labels, float x[N][D])
{
    dim_tensor *t;
    set_weights(model);
    zero(model, "linear.fc1.weight");
    zero(model, "linear.fc1.bias");
    ok(dim_model_step_labeled(model, images, labels));
    ok(dim_model_get_parameter(model, "linear.fc1.weight", &t));
    const float *w = dim_tensor_const_data(t);
    for (int n = 0; n < N; n++)
        for (int j = 0; j < D; j++)
            x[n][j] = N * (w[classes[n] * D + j] - w[2 * D + j]);
    dim_tensor_destroy(t);
}

/* Each feature of each image is dropped with the options' probability, anew in each step, or else scaled. */
static void linear_drops_features(void **state)
{
    enum { STEPS = 40 };
    float whole[N][D], x[N][D];
    int dropped = 0, as_before = 0, as_next_image = 0;
    bool gone[2][N][D] = { { { false } } };
    (void)state;
    context(DIM_EXECUTOR_PLANNED);
    dim_model *plain = model_of(1), *model = model_of(1);
    add_classifier(plain, "linear", 0, 0);
    add_classifier(model, "linear", 0, rate);
    dim_tensor *images = images_of(32, N, 1), *labels = labels_of();
    seen_features(plain, images, labels, whole);
    for (int step = 0; step < STEPS; step++) {
        seen_features(model, images, labels, x);
        for (int n = 0; n < N; n++)
            for (int j = 0; j < D; j++) {
                float want = whole[n][j] / (1 - rate);
                bool is_gone = fabsf(x[n][j]) < fabsf(want) / 2;
                if (!(fabsf(x[n][j] - (is_gone ? 0 : want)) <= 1e-5f)) /* x are differences of sums of some 1 */
                    fail_msg("step %d, image %d, feature %d: %g of %g", step, n, j, (double)x[n][j],
                             (double)whole[n][j]);
                gone[step % 2][n][j] = is_gone;
                dropped += is_gone;
                as_before += step > 0 && is_gone == gone[1 - step % 2][n][j];
                as_next_image += n > 0 && is_gone == gone[step % 2][n - 1][j];
            }
    }
    const double same = 1 - 2 * (double)rate * (1 - (double)rate); /* two draws agree; five standard deviations each */
    const double counts[3] = { dropped, as_before, as_next_image }, p[3] = { (double)rate, same, same };
    const int of[3] = { STEPS * N * D, (STEPS - 1) * N * D, STEPS * (N - 1) * D };
    for (int i = 0; i < 3; i++)
        close_to(i == 0 ? "dropped" : i == 1 ? "as before" : "as another image", counts[i] / of[i], p[i],
                 5 * sqrt(p[i] * (1 - p[i]) / of[i]));
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
    dim_model_destroy(plain);
    dim_model_destroy(model);
    dim_context_destroy(ctx);
}

/* Values of the graph's dropouts, forward only, in their order. */
typedef struct dropped {
    const float *in, *out;
    int64_t count;
} dropped;

static void find_dropouts(dim_model *model, dropped found[2])
{
    dim__program *program = model->obj->programs.list[0].program;
    dim__graph *g = dim__program_graph(program);
    int n = 0;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        const dim__node *node = &g->nodes[i];
        if (node->op != &dim__op_dropout || node->attr.stream != 0)
            continue;
        assert_true(n < 2);
        dropped *d = &found[n++];
        *d = (dropped){ dim__program_data(program, node->in[0]), dim__program_data(program, node->out[0]),
                        dim__count_of(g, node->out[0]) };
        float u[2 * N * (D > HIDDEN ? D : HIDDEN)];
        dim__rng_uniform(u, d->count, dim__mix(model->obj->seed, 0), node->stream, 0);
        for (int64_t k = 0; k < d->count; k++)
            close_to("dropout", d->out[k], u[k] < rate ? 0 : d->in[k] / (1 - rate), 2e-7 * fabs(d->in[k]));
    }
    assert_int_equal(n, 2);
}

/* y = x W' + b, b NULL for none. */
static void linear(const double *x, int rows, int in, const dim_tensor *weight, const dim_tensor *bias, double *y)
{
    const float *w = dim_tensor_const_data(weight);
    int out = (int)dim_tensor_size(weight, 0);
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < out; o++) {
            double sum = bias != NULL ? ((const float *)dim_tensor_const_data(bias))[o] : 0;
            for (int i = 0; i < in; i++)
                sum += w[o * in + i] * x[r * in + i];
            y[r * out + o] = sum;
        }
}

static void norm_and_relu(double *x, int rows, int columns, const float *scale, const float *shift)
{
    for (int c = 0; c < columns; c++) {
        double mean = 0, variance = 0;
        for (int r = 0; r < rows; r++)
            mean += x[r * columns + c] / rows;
        for (int r = 0; r < rows; r++)
            variance += (x[r * columns + c] - mean) * (x[r * columns + c] - mean) / rows;
        for (int r = 0; r < rows; r++)
            x[r * columns + c] = fmax(0, (x[r * columns + c] - mean) / sqrt(variance + 1e-5) * scale[c] + shift[c]);
    }
}

/* Cross-entropy of clipped logits, and the penalty. */
static double loss_of(const double *z, int rows)
{
    double loss = 0;
    for (int r = 0; r < rows; r++) {
        double sum = 0;
        for (int c = 0; c < CLASSES; c++) {
            sum += exp(10 * tanh(z[r * CLASSES + c] / 10));
            loss += 1e-3 * z[r * CLASSES + c] * z[r * CLASSES + c] / (rows * CLASSES);
        }
        loss += (log(sum) - 10 * tanh(z[r * CLASSES + classes[r % N]] / 10)) / rows;
    }
    return loss;
}

/* The MLP drops before each of its linear layers, by the numbers of ops/random.c, and its loss is of what remains. */
static void mlp_drops_twice(void **state)
{
    enum { ROWS = 2 * N };
    static const char *const names[] = { "mlp.fc1.weight", "mlp.bn.weight", "mlp.bn.bias", "mlp.fc2.weight",
                                         "mlp.fc2.bias" };
    double x[ROWS * D], h[ROWS * HIDDEN], z[ROWS * CLASSES];
    dim_tensor *p[5];
    dropped found[2];
    (void)state;
    context(DIM_EXECUTOR_REFERENCE); /* keeps every value readable */
    dim_model *model = model_of(2);
    add_classifier(model, "mlp", HIDDEN, rate);
    dim_tensor *images = images_of(32, N, 2), *labels = labels_of();
    set_weights(model);
    for (int i = 0; i < 5; i++)
        ok(dim_model_get_parameter(model, names[i], &p[i]));
    ok(dim_model_step_labeled(model, images, labels));
    find_dropouts(model, found);
    assert_int_equal(found[0].count, ROWS * D);
    assert_int_equal(found[1].count, ROWS * HIDDEN);
    for (int k = 0; k < ROWS * D; k++)
        x[k] = found[0].out[k];
    linear(x, ROWS, D, p[0], NULL, h);
    norm_and_relu(h, ROWS, HIDDEN, dim_tensor_const_data(p[1]), dim_tensor_const_data(p[2]));
    for (int k = 0; k < ROWS * HIDDEN; k++) {
        close_to("hidden", found[1].in[k], h[k], 1e-5);
        h[k] = found[1].out[k];
    }
    linear(h, ROWS, HIDDEN, p[3], p[4], z);
    close_to("loss", report(model, "mlp"), loss_of(z, ROWS), 2e-6);
    for (int i = 0; i < 5; i++)
        dim_tensor_destroy(p[i]);
    dim_tensor_destroy(images);
    dim_tensor_destroy(labels);
    dim_model_destroy(model);
    dim_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_in_use),
        cmocka_unit_test(linear_drops_features),
        cmocka_unit_test(mlp_drops_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
