/* Options of programs that were compiled against other versions (ABI rule 3), layouts that no longer change, and NULL
 * given to everything that takes a handle. */
#include <dim/dim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Offsets on machines with 64-bit pointers: a member that moves breaks every program that sets it. */
#if UINTPTR_MAX == UINT64_MAX
#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member)
#define SIZE_AT_LEAST(type, bytes) _Static_assert(sizeof(type) >= (bytes), #type)
AT(dim_context_options, threads, 16);
AT(dim_context_options, log_user, 72);
AT(dim_context_options, disabled_passes, 80);
AT(dim_context_options, precision, 84);
AT(dim_estimator_options, kind, 8);
AT(dim_estimator_options, scale, 24);
AT(dim_estimator_options, score_memory, 40);
AT(dim_estimate, negative_mean, 32);
AT(dim_encoder_options, hidden, 24);
AT(dim_encoder_options, seed, 184);
AT(dim_layer_options, tap, 72);
AT(dim_layer_options, output_padding, 80);
AT(dim_layer_options, width, 88);
AT(dim_layer_options, stride_w, 92);
AT(dim_layer_options, output_padding_w, 116);
AT(dim_term_options, hidden, 56);
AT(dim_term_options, shortcut, 96);
AT(dim_term_options, local_samples, 100);
AT(dim_term_options, repeat, 112);
AT(dim_model_options, seed, 8);
AT(dim_model_options, occlude, 20);
AT(dim_optimizer_options, kind, 8);
AT(dim_prior_options, gradient_penalty, 28);
AT(dim_prior_options, optimizer, 32);
AT(dim_augment_options, preset, 8);
AT(dim_augment_op_options, std, 76);
AT(dim_augment_apply_options, views, 32);
AT(dim_dataset_options, on_error, 12);
AT(dim_dataset_options, image_size, 16);
AT(dim_dataset_options, keep_orientation, 20);
AT(dim_dataset_options, image_memory, 24);
AT(dim_dataset_options, label_column, 32);
AT(dim_loader_options, no_thread, 32);
AT(dim_loader_options, augment, 40);
AT(dim_loader_options, workers, 52);
AT(dim_loader_options, rank, 56);
AT(dim_loader_options, ranks, 60);
AT(dim_probe_options, seed, 40);
AT(dim_probe_options, runs, 48);
AT(dim_probe_options, dropout, 56);
AT(dim_probe_result, chosen, 32);
AT(dim_probe_result, lambda, 40);
AT(dim_probe_result, edge, 52);
AT(dim_probe_result, accuracy_std, 56);
AT(dim_probe_result, runs, 64);
#endif

_Static_assert(sizeof(dim_status) == 4 && sizeof(dim_dtype) == 4 && sizeof(dim_critic) == 4, "enums are 32 bits");

/* What creates an object from `options`, and destroys it again. */
typedef struct subject {
    dim_context *ctx;
    dim_encoder *mlp;
    dim_dataset *data;
} subject;
typedef dim_status (*create_fn)(subject *s, const void *options);

static dim_status create_context(subject *s, const void *options)
{
    dim_context *out;
    (void)s;
    dim_status status = dim_context_create(options, &out);
    if (status == DIM_OK)
        dim_context_destroy(out);
    return status;
}

#define CREATE(what, from)                                                  \
    static dim_status create_##what(subject *s, const void *options)        \
    {                                                                       \
        dim_##what *out;                                                    \
        dim_status status = dim_##what##_create(s->from, options, &out);    \
        if (status == DIM_OK)                                               \
            dim_##what##_destroy(out);                                      \
        return status;                                                      \
    }
CREATE(encoder, ctx)
CREATE(estimator, ctx)
CREATE(optimizer, ctx)
CREATE(prior, ctx)
CREATE(model, mlp)
CREATE(loader, data)
CREATE(augment, ctx)

static dim_status create_augment_op(subject *s, const void *options)
{
    dim_augment *aug;
    assert_int_equal(dim_augment_create(s->ctx, NULL, &aug), DIM_OK);
    dim_status status = dim_augment_add(aug, options);
    dim_augment_destroy(aug);
    return status;
}

static dim_status apply_augment(subject *s, const void *options)
{
    dim_augment *aug;
    dim_tensor *images, *out;
    const int64_t shape[4] = {2, 1, 2, 2};
    assert_int_equal(dim_augment_create(s->ctx, NULL, &aug), DIM_OK);
    assert_int_equal(dim_tensor_create(s->ctx, DIM_U8, 4, shape, &images), DIM_OK);
    assert_int_equal(dim_tensor_create(s->ctx, DIM_F32, 4, shape, &out), DIM_OK);
    dim_status status = dim_augment_apply(aug, images, options, out);
    dim_tensor_destroy(images);
    dim_tensor_destroy(out);
    dim_augment_destroy(aug);
    return status;
}

/* No such folder: options that are taken fail later, with DIM_E_IO. */
static dim_status open_dataset(subject *s, const void *options)
{
    dim_dataset *out;
    dim_status status = dim_dataset_open_with(s->ctx, "cifar100:/nowhere", DIM_SPLIT_TRAIN, options, &out);
    return status == DIM_E_IO ? DIM_OK : status;
}

static dim_status create_layer(subject *s, const void *options)
{
    dim_encoder_builder *b;
    dim_status status = dim_encoder_builder_create(s->ctx, 3, 8, 8, &b);
    assert_int_equal(status, DIM_OK);
    status = dim_encoder_builder_add(b, options);
    dim_encoder_builder_destroy(b);
    return status;
}

static dim_status create_term(subject *s, const void *options)
{
    dim_model *model;
    assert_int_equal(dim_model_create(s->mlp, NULL, &model), DIM_OK);
    dim_status status = dim_model_add_term(model, options);
    dim_model_destroy(model);
    return status;
}

static dim_status run_probe(subject *s, const void *options)
{
    static float x[4][1] = {{0}, {1}, {0}, {1}};
    static int32_t y[4] = {0, 1, 0, 1};
    const int64_t shape[2] = {4, 1};
    dim_tensor *features, *labels;
    dim_probe_result result;
    DIM_OPTIONS_INIT(&result);
    assert_int_equal(dim_tensor_wrap(s->ctx, DIM_F32, 2, shape, NULL, x, NULL, NULL, &features), DIM_OK);
    assert_int_equal(dim_tensor_wrap(s->ctx, DIM_I32, 1, shape, NULL, y, NULL, NULL, &labels), DIM_OK);
    dim_status status = dim_probe_run(s->ctx, options, features, labels, features, labels, &result);
    dim_tensor_destroy(features);
    dim_tensor_destroy(labels);
    return status;
}

/* `known` bytes of valid options; of them `old` are what a first version had. */
static void other_sizes(subject *s, const char *name, create_fn create, const void *valid, size_t known, size_t old)
{
    enum { MOST = 512, TAIL = 40 };
    union {
        unsigned char bytes[MOST];
        size_t size;
        double align;
    } o;
    print_message("%s\n", name);
    assert_true(known + TAIL <= MOST);
    memset(&o, 0xff, sizeof o);
    memcpy(&o, valid, old);
    o.size = old; /* what lies behind is not the library's to read */
    assert_int_equal(create(s, &o), DIM_OK);
    memset(&o, 0, sizeof o);
    memcpy(&o, valid, known);
    o.size = known;
    assert_int_equal(create(s, &o), DIM_OK);
    o.size = known + TAIL;
    assert_int_equal(create(s, &o), DIM_OK);
    o.bytes[known + TAIL - 1] = 1;
    assert_int_equal(create(s, &o), DIM_E_INVALID);
    o.bytes[known + TAIL - 1] = 0;
    o.bytes[known] = 1;
    assert_int_equal(create(s, &o), DIM_E_INVALID);
    o.size = 0; /* DIM_OPTIONS_INIT was forgotten */
    assert_int_equal(create(s, &o), DIM_E_INVALID);
}

#define OTHER_SIZES(name, create, type, last, set)                                   \
    do {                                                                             \
        type o;                                                                      \
        DIM_OPTIONS_INIT(&o);                                                        \
        set;                                                                         \
        other_sizes(&s, name, create, &o, sizeof o, offsetof(type, last) + sizeof o.last); \
    } while (0)

static void options_of_other_versions(void **state)
{
    (void)state;
    subject s;
    static float x[4][2];
    const int64_t shape[2] = {4, 2};
    dim_tensor *images;
    dim_encoder_options mlp;
    DIM_OPTIONS_INIT(&mlp);
    mlp.kind = DIM_ENCODER_MLP;
    mlp.channels = 2;
    mlp.hidden[0] = 4;
    assert_int_equal(dim_context_create(NULL, &s.ctx), DIM_OK);
    assert_int_equal(dim_encoder_create(s.ctx, &mlp, &s.mlp), DIM_OK);
    assert_int_equal(dim_tensor_wrap(s.ctx, DIM_F32, 2, shape, NULL, x, NULL, NULL, &images), DIM_OK);
    assert_int_equal(dim_dataset_from_tensors(s.ctx, images, NULL, &s.data), DIM_OK);

    OTHER_SIZES("context", create_context, dim_context_options, blas_threads, o.threads = 1);
    OTHER_SIZES("estimator", create_estimator, dim_estimator_options, negatives, o.kind = DIM_ESTIMATOR_DV);
    OTHER_SIZES("encoder", create_encoder, dim_encoder_options, hidden, o = mlp);
    OTHER_SIZES("layer", create_layer, dim_layer_options, init, (o.out = 4, o.kernel = 3));
    OTHER_SIZES("model", create_model, dim_model_options, size, (void)0);
    OTHER_SIZES("term", create_term, dim_term_options, units, (o.x = "fc", o.units = 4));
    OTHER_SIZES("optimizer", create_optimizer, dim_optimizer_options, eps, o.kind = DIM_OPTIMIZER_SGD);
    OTHER_SIZES("prior", create_prior, dim_prior_options, sum_units, o.kind = DIM_PRIOR_UNIFORM);
    OTHER_SIZES("dataset", open_dataset, dim_dataset_options, labels, o.labels = DIM_LABELS_COARSE);
    OTHER_SIZES("loader", create_loader, dim_loader_options, batch, o.batch = 2);
    OTHER_SIZES("augment", create_augment, dim_augment_options, preset, o.preset = DIM_AUGMENT_AMDIM64);
    OTHER_SIZES("augment op", create_augment_op, dim_augment_op_options, height, o.op = DIM_AUGMENT_OP_TRANSLATE);
    OTHER_SIZES("augment apply", apply_augment, dim_augment_apply_options, epoch, o.seed = 2);
    OTHER_SIZES("probe", run_probe, dim_probe_options, k, o.k = 1);

    dim_dataset_destroy(s.data);
    dim_tensor_destroy(images);
    dim_encoder_destroy(s.mlp);
    dim_context_destroy(s.ctx);
}

static void null_handles(void **state)
{
    (void)state;
    dim_context_destroy(NULL);
    dim_tensor_destroy(NULL);
    dim_dataset_destroy(NULL);
    dim_loader_destroy(NULL);
    dim_augment_destroy(NULL);
    dim_encoder_destroy(NULL);
    dim_encoder_builder_destroy(NULL);
    dim_estimator_destroy(NULL);
    dim_model_destroy(NULL);
    dim_optimizer_destroy(NULL);
    dim_prior_destroy(NULL);

    assert_true(dim_context_memory(NULL) == 0 && dim_context_allocations(NULL) == 0);
    assert_string_equal(dim_context_error(NULL), "");
    assert_string_equal(dim_context_describe(NULL), "");
    assert_true(dim_tensor_dtype(NULL) == 0 && dim_tensor_rank(NULL) == 0 && dim_tensor_size(NULL, 0) == 0);
    assert_true(dim_tensor_stride(NULL, 0) == 0 && dim_tensor_count(NULL) == 0);
    assert_true(dim_tensor_is_contiguous(NULL) == 0);
    assert_null(dim_tensor_data(NULL));
    assert_null(dim_tensor_const_data(NULL));
    assert_true(dim_dataset_count(NULL) == 0 && dim_dataset_classes(NULL) == 0 && dim_dataset_dtype(NULL) == 0);
    assert_true(dim_dataset_class_name(NULL, 0) == NULL && dim_dataset_skipped(NULL) == 0);
    assert_int_equal(dim_dataset_left_out(NULL), 0);
    assert_true(dim_loader_epoch(NULL) == 0 && dim_loader_batches(NULL) == 0);
    int64_t shape[3];
    assert_int_equal(dim_dataset_shape(NULL, shape), 0);
    assert_int_equal(dim_encoder_tap_count(NULL), 0);
    assert_int_equal(dim_encoder_parameter_count(NULL), 0);
    assert_int_equal(dim_model_parameter_count(NULL), 0);
    assert_int_equal(dim_model_report_count(NULL), 0);
    assert_null(dim_model_report_name(NULL, 0));
    assert_null(dim_encoder_tap_name(NULL, 0));
    assert_true(dim_model_steps(NULL) == 0 && dim_optimizer_steps(NULL) == 0 && dim_optimizer_lr(NULL) == 0);

    dim_tensor *tensor = NULL;
    dim_encoder *enc = NULL;
    dim_model *model = NULL;
    dim_estimator *est = NULL;
    dim_optimizer *opt = NULL;
    dim_prior *prior = NULL;
    dim_dataset *data = NULL;
    dim_loader *loader = NULL;
    dim_augment *augment = NULL;
    double value = 0;
    assert_int_equal(dim_tensor_create(NULL, DIM_F32, 0, NULL, &tensor), DIM_E_INVALID);
    assert_int_equal(dim_tensor_permute(NULL, NULL, &tensor), DIM_E_INVALID);
    assert_int_equal(dim_tensor_copy(NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_tensor_load_npy(NULL, "x", &tensor), DIM_E_INVALID);
    assert_int_equal(dim_tensor_save_npy(NULL, "x"), DIM_E_INVALID);
    assert_int_equal(dim_encoder_create(NULL, NULL, &enc), DIM_E_INVALID);
    assert_int_equal(dim_encoder_encode(NULL, NULL, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_encoder_encode_inputs(NULL, 0, NULL, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_encoder_builder_add_input(NULL, NULL, 0, 0, 0), DIM_E_INVALID);
    assert_int_equal(dim_encoder_save(NULL, "x"), DIM_E_INVALID);
    assert_int_equal(dim_encoder_load(NULL, "x"), DIM_E_INVALID);
    assert_int_equal(dim_estimator_create(NULL, NULL, &est), DIM_E_INVALID);
    assert_int_equal(dim_estimator_evaluate(NULL, NULL, NULL, NULL, NULL, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_estimator_evaluate_scores(NULL, NULL, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_estimator_evaluate_pairs(NULL, NULL, NULL, NULL, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_model_create(NULL, NULL, &model), DIM_E_INVALID);
    assert_int_equal(dim_model_add_term(NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_model_step(NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_model_report(NULL, "loss", &value), DIM_E_INVALID);
    assert_int_equal(dim_model_save(NULL, "x"), DIM_E_INVALID);
    assert_int_equal(dim_checkpoint_save(NULL, NULL, "x"), DIM_E_INVALID);
    assert_int_equal(dim_checkpoint_load(NULL, NULL, "x"), DIM_E_INVALID);
    assert_int_equal(dim_optimizer_create(NULL, NULL, &opt), DIM_E_INVALID);
    assert_int_equal(dim_optimizer_update(NULL, 0, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_prior_create(NULL, NULL, &prior), DIM_E_INVALID);
    assert_int_equal(dim_prior_evaluate(NULL, NULL, NULL, &value, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_dataset_open(NULL, "idx:.", DIM_SPLIT_TRAIN, &data), DIM_E_INVALID);
    assert_int_equal(dim_dataset_open_with(NULL, "idx:.", DIM_SPLIT_TRAIN, NULL, &data), DIM_E_INVALID);
    assert_int_equal(dim_loader_create(NULL, NULL, &loader), DIM_E_INVALID);
    assert_int_equal(dim_loader_next(NULL, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_augment_create(NULL, NULL, &augment), DIM_E_INVALID);
    assert_int_equal(dim_augment_add(NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_augment_shape(NULL, shape, shape), DIM_E_INVALID);
    assert_int_equal(dim_augment_apply(NULL, NULL, NULL, NULL), DIM_E_INVALID);
    assert_int_equal(dim_probe_run(NULL, NULL, NULL, NULL, NULL, NULL, NULL), DIM_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_of_other_versions),
        cmocka_unit_test(null_handles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
