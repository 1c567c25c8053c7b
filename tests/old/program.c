/* A program of the time of commit fde7884: it is compiled against the headers of that commit, in include/, and linked with the
 * shared library of today, as a program that was linked with an older libdim.so.0 is.  It goes on from the files that it
 * wrote with the library of fde7884, passes every struct in the size that it had then, and calls every function that there
 * was.
 *
 * Usage: old_program DIR             everything, with the files in DIR
 *        old_program DIR write       writes the files
 *
 * How the files of fixtures/old/ were written, once:
 *     git worktree add --detach build/then fde7884 && cd build/then
 *     cmake --preset release -D DIM_BUILD_TESTS=OFF -D DIM_BUILD_EXAMPLES=OFF && cmake --build --preset release
 *     cc -std=c11 -I include -o writer ../../tests/old/program.c -L build/release -ldim -lm
 *     LD_LIBRARY_PATH=build/release ./writer ../../tests/fixtures/old write
 */
#include "record.h"

#include <stdlib.h>

#if UINTPTR_MAX == UINT64_MAX /* that these are the headers of then */
#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
SIZE(dim_context_options, 88);
SIZE(dim_estimator_options, 48);
SIZE(dim_estimate, 40);
SIZE(dim_encoder_options, 208);
SIZE(dim_layer_options, 80);
SIZE(dim_term_options, 104);
SIZE(dim_model_options, 24);
SIZE(dim_classifier_options, 48);
SIZE(dim_optimizer_options, 144);
SIZE(dim_prior_options, 40);
SIZE(dim_augment_options, 16);
SIZE(dim_augment_op_options, 88);
SIZE(dim_augment_apply_options, 40);
SIZE(dim_dataset_options, 24);
SIZE(dim_loader_options, 56);
SIZE(dim_probe_options, 48);
SIZE(dim_probe_result, 40);
#endif

static dim_context *ctx;
static int failed;

static void check(int line, dim_status status)
{
    if (status == DIM_OK)
        return;
    fprintf(stderr, "line %d: %s: %s\n", line, dim_status_name(status), dim_context_error(ctx));
    exit(1);
}
#define OK(call) check(__LINE__, (call))

static void expect(int line, const char *what, int holds)
{
    if (holds)
        return;
    fprintf(stderr, "line %d: not so: %s\n", line, what);
    failed = 1;
}
#define EXPECT(condition) expect(__LINE__, #condition, (condition))

static int near(double a, double b) { return fabs(a - b) < 1e-5 * (1 + fabs(b)); }

/* The files */

static FILE *open_text(const char *dir, old_recipe recipe, const char *mode)
{
    char path[512];
    FILE *f = fopen(old_path(path, dir, recipe, OLD_TEXT), mode);
    if (f == NULL) {
        perror(path);
        exit(1);
    }
    return f;
}

static void write_files(const char *dir, old_recipe recipe)
{
    char path[512];
    old_world w = { .ctx = NULL };
    old_record r = { .write = true, .f = open_text(dir, recipe, "w") };
    const dim_status opened = old_open(&w, recipe, &(old_way){ .seed = OLD_SEED, .threads = 1 });
    ctx = w.ctx;
    OK(opened);
    for (int k = 0; k < OLD_BEFORE; k++)
        OK(old_step(&w, k));
    OK(dim_encoder_save(w.enc, old_path(path, dir, recipe, OLD_ENCODER)));
    OK(dim_model_save(w.model, old_path(path, dir, recipe, OLD_MODEL)));
    OK(dim_checkpoint_save(w.model, w.loader, old_path(path, dir, recipe, OLD_CHECKPOINT)));
    OK(old_record_encoder(&w, &r));
    OK(old_record_model(&w, &r));
    OK(old_record_steps(&w, &r));
    old_close(&w);
    if (fclose(r.f) != 0)
        exit(1);
}

static void read_files(const char *dir, old_recipe recipe)
{
    char path[512];
    old_world w = { .ctx = NULL };
    old_record r = { .f = open_text(dir, recipe, "r") };
    const dim_status opened = old_open(&w, recipe, &(old_way){ .seed = OLD_SEED + 1000, .threads = 1 });
    ctx = w.ctx;
    OK(opened);
    OK(dim_encoder_load(w.enc, old_path(path, dir, recipe, OLD_ENCODER)));
    OK(old_record_encoder(&w, &r));
    OK(dim_model_load(w.model, old_path(path, dir, recipe, OLD_MODEL)));
    OK(old_record_model(&w, &r));
    OK(dim_checkpoint_load(w.model, w.loader, old_path(path, dir, recipe, OLD_CHECKPOINT)));
    OK(old_record_steps(&w, &r));
    fclose(r.f);
    old_close(&w);
    printf("%s: %s, largest difference %.2g of its tolerance\n", old_names[recipe], r.wrong == 0 ? "as it was" : r.differs,
           r.worst);
    failed |= r.wrong != 0;
}

/* Everything that takes a struct, or fills one */

static dim_tensor *matrix(const float *x, int64_t rows, int64_t columns)
{
    dim_tensor *t;
    OK(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ rows, columns }, &t));
    memcpy(dim_tensor_data(t), x, (size_t)(rows * columns) * sizeof *x);
    return t;
}

static int given, messages;

static void *take(void *user, size_t size, size_t align)
{
    (void)user;
    given++;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void give(void *user, void *memory, size_t size)
{
    (void)user, (void)size;
    given--;
    free(memory);
}

static void hear(void *user, dim_log_level level, const char *message)
{
    (void)user, (void)level, (void)message;
    messages++;
}

static void use_context(void)
{
    dim_context_options o;
    dim_tensor *t;
    DIM_OPTIONS_INIT(&o);
    o.alloc = take;
    o.free = give;
    o.log = hear;
    o.seed = 3;
    o.threads = 2;
    o.blas_threads = 1;
    o.disabled_passes = DIM_PASS_RECOMPUTE | DIM_PASS_ORDER;
    o.precision = DIM_PRECISION_BF16;
    OK(dim_context_create(&o, &ctx));
    EXPECT(given > 0 && dim_context_memory(ctx) > 0 && dim_context_allocations(ctx) > 0);
    EXPECT(strstr(dim_context_describe(ctx), "bf16") != NULL);
    EXPECT(dim_tensor_create(ctx, (dim_dtype)77, 0, NULL, &t) == DIM_E_INVALID && dim_context_error(ctx)[0] != '\0');
    dim_context_destroy(ctx);
    EXPECT(given == 0);
    o.precision = (dim_precision)9;
    EXPECT(dim_context_create(&o, &ctx) == DIM_E_INVALID && messages > 0);
    EXPECT(dim_version()[0] == '0' && dim_status_message(DIM_E_SHAPE)[0] != '\0');
    EXPECT(strcmp(dim_status_name(DIM_E_SHAPE), "DIM_E_SHAPE") == 0);
    ctx = NULL;
}

static void use_tensor(void)
{
    static float x[6] = { 1, 2, 3, 4, 5, 6 };
    dim_tensor *t, *turned, *row, *flat, *copy;
    const int order[2] = { 1, 0 };
    OK(dim_tensor_wrap(ctx, DIM_F32, 2, (int64_t[]){ 2, 3 }, NULL, x, NULL, NULL, &t));
    OK(dim_tensor_permute(t, order, &turned));
    OK(dim_tensor_slice(turned, 0, 2, 2, -1, &row));
    OK(dim_tensor_reshape(t, 1, (int64_t[]){ 6 }, &flat));
    OK(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ 2, 2 }, &copy));
    OK(dim_tensor_copy(copy, row));
    const double *d = dim_tensor_const_data(copy);
    EXPECT(d[0] == 3 && d[1] == 6 && d[2] == 2 && d[3] == 5);
    EXPECT(dim_tensor_stride(turned, 0) == 1 && dim_tensor_stride(row, 0) == -1 && !dim_tensor_is_contiguous(row));
    EXPECT(dim_tensor_count(flat) == 6 && dim_tensor_rank(flat) == 1 && dim_tensor_size(t, 1) == 3);
    EXPECT(dim_tensor_dtype(copy) == DIM_F64 && dim_dtype_size(DIM_I64) == 8);
    EXPECT(dim_tensor_save_npy(t, "/nowhere/x.npy") == DIM_E_IO && dim_tensor_load_npy(ctx, "/nowhere/x.npy", &t) == DIM_E_IO);
    dim_tensor_destroy(t);
    dim_tensor_destroy(turned);
    dim_tensor_destroy(row);
    dim_tensor_destroy(flat);
    dim_tensor_destroy(copy);
}

/* Scores of 0 tell nothing: InfoNCE is 0 nats, and its loss the logarithm of the candidates. */
static void use_estimator(void)
{
    static const float zeros[12];
    struct { /* as a newer library must not write behind the struct of then */
        dim_estimate e;
        double fence;
    } room = { .fence = 42 };
    dim_estimator_options o;
    dim_estimator *est;
    dim_estimator_kind kind;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&room.e);
    OK(dim_estimator_from_name("infonce", &kind));
    EXPECT(kind == DIM_ESTIMATOR_INFONCE && strcmp(dim_estimator_name(kind), "infonce") == 0);
    EXPECT(dim_estimator_bound(kind) == DIM_BOUND_LOWER);
    o.kind = kind;
    o.penalty = 0.1f;
    o.clip = 5;
    o.scale = 2;
    o.score_memory = 1 << 20;
    OK(dim_estimator_create(ctx, &o, &est));
    dim_tensor *x = matrix(zeros, 4, 3), *y = matrix(zeros, 4, 3), *scores = matrix(zeros, 3, 3);
    OK(dim_estimator_evaluate(est, x, y, NULL, &room.e, NULL, NULL));
    EXPECT(near(room.e.value, 0) && near(room.e.loss, log(4)) && room.e.positive_mean == 0 && room.e.negative_mean == 0);
    OK(dim_estimator_evaluate_scores(est, scores, &room.e, NULL));
    EXPECT(near(room.e.loss, log(3)));
    OK(dim_estimator_evaluate_pairs(est, x, y, &room.e, NULL, NULL));
    EXPECT(near(room.e.loss, log(4)));
    EXPECT(room.fence == 42);
    dim_estimator_destroy(est);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_tensor_destroy(scores);
}

/* 0.5 (1 + e^0 - 1 - 0) a unit, for a mean of 1; SGD takes rate times gradient away. */
static void use_prior_and_optimizer(void)
{
    static const float ones[4] = { 1, 1, 1, 1 }, zeros[4];
    dim_prior_options o;
    dim_optimizer_options p;
    dim_prior *prior;
    dim_optimizer *opt;
    double value;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&p);
    p.kind = DIM_OPTIMIZER_SGD;
    p.lr = 0.5f;
    p.milestones[0] = 1;
    p.schedule = DIM_SCHEDULE_STEP;
    o.sum_units = 1;
    o.optimizer = &p;
    OK(dim_prior_create(ctx, &o, &prior));
    dim_tensor *mean = matrix(ones, 2, 2), *logvar = matrix(zeros, 2, 2), *gradient = matrix(zeros, 2, 2);
    OK(dim_prior_evaluate(prior, mean, logvar, &value, gradient, NULL));
    EXPECT(near(value, 1) && near(((const float *)dim_tensor_const_data(gradient))[3], 0.5));
    OK(dim_optimizer_create(ctx, &p, &opt));
    OK(dim_optimizer_update(opt, 1, &mean, (const dim_tensor *const *)&gradient));
    EXPECT(near(((const float *)dim_tensor_const_data(mean))[3], 0.75));
    EXPECT(dim_optimizer_steps(opt) == 1 && near(dim_optimizer_lr(opt), 0.05));
    dim_optimizer_destroy(opt);
    dim_prior_destroy(prior);
    dim_tensor_destroy(mean);
    dim_tensor_destroy(logvar);
    dim_tensor_destroy(gradient);
}

/* Pixels of each image are its number, and so is its class. */
static int read_sample(void *user, int64_t index, void *image, int64_t *label)
{
    (void)user;
    memset(image, (int)index, 3 * 8 * 8);
    *label = index;
    return 0;
}

static void use_data(void)
{
    dim_dataset_options o;
    dim_augment_options ao;
    dim_augment_op_options op;
    dim_augment_apply_options how;
    dim_loader_options lo;
    dim_dataset *ds;
    dim_augment *aug;
    dim_loader *loader;
    dim_tensor *images, *labels, *views, *one;
    int64_t shape[3], index[2] = { 5, 6 };
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&ao);
    DIM_OPTIONS_INIT(&op);
    DIM_OPTIONS_INIT(&how);
    DIM_OPTIONS_INIT(&lo);
    o.labels = DIM_LABELS_COARSE;
    o.on_error = DIM_ON_ERROR_SKIP;
    EXPECT(dim_dataset_open_with(ctx, "cifar100:/nowhere", DIM_SPLIT_TEST, &o, &ds) == DIM_E_IO);
    EXPECT(dim_dataset_open(ctx, "idx:/nowhere", DIM_SPLIT_TRAIN, &ds) == DIM_E_IO);
    OK(dim_dataset_from_callback(ctx, 10, DIM_U8, 3, (int64_t[]){ 3, 8, 8 }, 10, read_sample, NULL, &ds));
    EXPECT(dim_dataset_count(ds) == 10 && dim_dataset_classes(ds) == 10 && dim_dataset_shape(ds, shape) == 3);
    EXPECT(dim_dataset_dtype(ds) == DIM_U8 && dim_dataset_class_name(ds, 0) == NULL && dim_dataset_skipped(ds) == 0);
    OK(dim_augment_create(ctx, &ao, &aug));
    op.op = DIM_AUGMENT_OP_CENTER_CROP;
    op.height = 4;
    OK(dim_augment_add(aug, &op));
    DIM_OPTIONS_INIT(&op);
    op.op = DIM_AUGMENT_OP_NORMALIZE;
    op.std[0] = 1 / 255.0f;
    op.sharing = DIM_AUGMENT_SHARING_VIEW;
    OK(dim_augment_add(aug, &op));
    OK(dim_augment_shape(aug, shape, shape));
    EXPECT(shape[0] == 3 && shape[1] == 4 && shape[2] == 4);
    lo.batch = 4;
    lo.in_order = 1;
    lo.no_thread = 1;
    lo.augment = aug;
    lo.views = 2;
    lo.workers = 1;
    OK(dim_loader_create(ds, &lo, &loader));
    EXPECT(dim_loader_batches(loader) == 2);
    for (int i = 0; i < 3; i++)
        OK(dim_loader_next(loader, &images, &labels));
    EXPECT(dim_loader_epoch(loader) == 1 && dim_tensor_size(images, 0) == 8);
    EXPECT(near(((const float *)dim_tensor_const_data(images))[3 * 16], 1) &&
           ((const int32_t *)dim_tensor_const_data(labels))[3] == 3);
    OK(dim_tensor_create(ctx, DIM_U8, 4, (int64_t[]){ 2, 3, 8, 8 }, &one));
    OK(dim_dataset_read(ds, 5, 2, one, NULL));
    OK(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ 4, 3, 4, 4 }, &views));
    how.index = index;
    how.epoch = 1;
    how.views = 2;
    OK(dim_augment_apply(aug, one, &how, views));
    EXPECT(near(((const float *)dim_tensor_const_data(views))[4 * 3 * 16 - 1], 6));
    dim_loader_destroy(loader);
    dim_augment_destroy(aug);
    dim_dataset_destroy(ds);
    dim_tensor_destroy(one);
    dim_tensor_destroy(views);
}

static void use_probe(void)
{
    static const float x[8] = { 1, 0, 2, 0.1f, 0, 1, 0.1f, 2 };
    struct {
        dim_probe_result p;
        double fence;
    } room = { .fence = 42 };
    dim_probe_options o;
    dim_tensor *labels, *nearest;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&room.p);
    o.kind = DIM_PROBE_KNN_COSINE;
    o.k = 1;
    o.seed = 3;
    dim_tensor *t = matrix(x, 4, 2);
    OK(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ 4 }, &labels));
    ((int32_t *)dim_tensor_data(labels))[2] = ((int32_t *)dim_tensor_data(labels))[3] = 1;
    OK(dim_probe_run(ctx, &o, t, labels, t, labels, &room.p));
    EXPECT(room.p.accuracy == 1 && room.fence == 42);
    OK(dim_tensor_create(ctx, DIM_I64, 2, (int64_t[]){ 4, 2 }, &nearest));
    OK(dim_probe_neighbors(ctx, DIM_PROBE_KNN_EUCLIDEAN, t, t, nearest));
    EXPECT(((const int64_t *)dim_tensor_const_data(nearest))[1] == 1);
    dim_tensor_destroy(t);
    dim_tensor_destroy(labels);
    dim_tensor_destroy(nearest);
}

/* One of every kind of layer that there was. */
static void use_layers(void)
{
    static const dim_layer_options layers[] = {
        { .kind = DIM_LAYER_CONV, .out = 6, .kernel = 3, .kernel_w = 5, .stride = 1, .padding = 2, .no_bias = 1 },
        { .kind = DIM_LAYER_BATCH_NORM },
        { .kind = DIM_LAYER_SOFTPLUS, .tap = "a" },
        { .kind = DIM_LAYER_LAYER_NORM },
        { .kind = DIM_LAYER_SIGMOID },
        { .kind = DIM_LAYER_ADD, .from = "a" },
        { .kind = DIM_LAYER_CONCAT, .from = "a" },
        { .kind = DIM_LAYER_SLICE, .start = 3, .out = 7 },
        { .kind = DIM_LAYER_PAD_CHANNELS, .out = 8 },
        { .kind = DIM_LAYER_MAX_POOL, .kernel = 2, .tap = "local" },
        { .kind = DIM_LAYER_AVG_POOL, .kernel = 2, .stride = 1 },
        { .kind = DIM_LAYER_GLOBAL_MAX, .tap = "greatest" },
        { .kind = DIM_LAYER_FROM, .from = "local" },
        { .kind = DIM_LAYER_GLOBAL_AVG, .tap = "average" },
        { .kind = DIM_LAYER_FROM, .from = "local" },
        { .kind = DIM_LAYER_FLATTEN },
        { .kind = DIM_LAYER_DROPOUT, .rate = 0.5f },
        { .kind = DIM_LAYER_LINEAR, .out = 9, .init = DIM_LAYER_INIT_IDENTITY, .name = "last" },
        { .kind = DIM_LAYER_LEAKY_RELU, .slope = 0.1f },
        { .kind = DIM_LAYER_TANH },
        { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_LINEAR, .out = 4, .tap = "mean" },
        { .kind = DIM_LAYER_GAUSSIAN, .from = "mean", .tap = "global" },
    };
    static const float zeros[4];
    old_world w = { .ctx = ctx };
    dim_encoder_options o;
    int64_t shape[3];
    dim_tensor *t, *features, *images;
    dim_dataset *ds;
    DIM_OPTIONS_INIT(&o);
    o.init = DIM_INIT_DCGAN;
    OK(old_layers(&w, &o, layers, sizeof layers / sizeof *layers));
    OK(dim_encoder_tap_shape(w.enc, "local", shape));
    EXPECT(shape[0] == 8 && shape[1] == 5 && shape[2] == 4 && dim_encoder_tap_count(w.enc) == 6);
    dim_tensor *bias = matrix(zeros, 1, 4), *flat;
    OK(dim_tensor_reshape(bias, 1, (int64_t[]){ 4 }, &flat));
    OK(dim_encoder_set_parameter(w.enc, "linear2.bias", flat));
    OK(dim_encoder_get_parameter(w.enc, "last.weight", &t));
    EXPECT(dim_tensor_size(t, 0) == 9 && dim_tensor_size(t, 1) == 160);
    OK(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ 2, 3, 8, 8 }, &images));
    OK(dim_dataset_from_tensors(ctx, images, NULL, &ds));
    OK(dim_probe_features(w.enc, NULL, ds, 0, 2, &features));
    EXPECT(dim_tensor_size(features, 1) == 4);
    dim_tensor_destroy(t);
    dim_tensor_destroy(bias);
    dim_tensor_destroy(flat);
    dim_tensor_destroy(images);
    dim_tensor_destroy(features);
    dim_dataset_destroy(ds);
    dim_encoder_destroy(w.enc);
}

/* What else a model had: evaluation, statistics of the code, a parameter that is set. */
static void use_model(void)
{
    float mean[8], std[8];
    double loss;
    old_world w = { .ctx = NULL };
    dim_tensor *images, *labels, *t;
    const dim_status opened = old_open(&w, OLD_LOCAL, &(old_way){ .seed = 1, .threads = 2 });
    ctx = w.ctx;
    OK(opened);
    OK(dim_loader_next(w.loader, &images, &labels));
    OK(dim_model_evaluate(w.model, images));
    OK(dim_model_report(w.model, "loss", &loss));
    OK(dim_model_code_stats(w.model, mean, std));
    OK(dim_model_get_parameter(w.model, "encoder.conv1.weight", &t));
    OK(dim_model_set_parameter(w.model, "encoder.conv1.weight", t));
    EXPECT(isfinite(loss) && std[0] > 0 && dim_model_steps(w.model) == 0);
    dim_tensor_destroy(t);
    old_close(&w);
    ctx = NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2 && !(argc == 3 && strcmp(argv[2], "write") == 0)) {
        fprintf(stderr, "usage: %s DIR [write]\n", argv[0]);
        return 2;
    }
    use_context();
    OK(dim_context_create(NULL, &ctx));
    use_tensor();
    use_estimator();
    use_prior_and_optimizer();
    use_data();
    use_probe();
    use_layers();
    dim_context_destroy(ctx);
    use_model();
    for (int r = 0; r < OLD_RECIPES; r++) {
        if (argc == 3)
            write_files(argv[1], (old_recipe)r);
        else
            read_files(argv[1], (old_recipe)r);
    }
    return failed;
}
