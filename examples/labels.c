/* Few labels: which training images keep theirs, and a network on the encoder's features that learns from them and teaches the
 * encoder (semi-supervised DIM, arXiv 1808.06670, section 4.2). */
#include "objective.h"

#include <stdlib.h>

/* ---- --labels */

typedef struct candidate {
    int64_t index, label;
    uint64_t draw;
} candidate;

static uint64_t mix(uint64_t x) /* splitmix64 */
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* By class, in the order of the draws. */
static int by_draw(const void *x, const void *y)
{
    const candidate *a = x, *b = y;
    if (a->label != b->label)
        return a->label < b->label ? -1 : 1;
    return a->draw != b->draw ? a->draw < b->draw ? -1 : 1 : a->index < b->index ? -1 : a->index > b->index;
}

static int64_t *labels_of(ex_run *run, dim_tensor **labels)
{
    int64_t count = dim_dataset_count(run->train);
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_I64, 1, &count, labels));
    EX_TRY(run, dim_dataset_read(run->train, 0, count, NULL, *labels));
    return dim_tensor_data(*labels);
}

/* The labels of all images but `each` of each class become -1. */
static void hide(ex_run *run, int64_t *labels, int64_t count, int64_t classes, int64_t each)
{
    candidate *all = malloc((size_t)count * sizeof *all);
    int64_t *kept = calloc((size_t)classes, sizeof *kept);
    if (all == NULL || kept == NULL)
        ex_usage_error(run->program, "out of memory");
    for (int64_t i = 0; i < count; i++)
        all[i] = (candidate){ i, labels[i], mix(mix(run->o.seed) + (uint64_t)i) };
    qsort(all, (size_t)count, sizeof *all, by_draw);
    for (int64_t i = 0; i < count; i++)
        if (all[i].label >= 0 && ++kept[all[i].label] > each)
            labels[all[i].index] = -1;
    int64_t scarce = 0;
    while (scarce < classes && kept[scarce] >= each)
        scarce++;
    int64_t there = scarce < classes ? kept[scarce] : 0;
    free(kept);
    free(all);
    if (scarce < classes)
        ex_usage_error(run->program, "--labels: %u are %lld of each class, but class %lld has only %lld", (unsigned)run->o.labels,
                       (long long)each, (long long)scarce, (long long)there);
}

/* In memory: all images with their labels, or those that have one. */
static dim_dataset *copy(ex_run *run, const int64_t *labels, bool all)
{
    dim_dataset *data = NULL;
    dim_tensor *images = NULL, *own = NULL;
    int64_t count = dim_dataset_count(run->train), shape[4] = { all ? count : run->o.labels };
    dim_dataset_shape(run->train, shape + 1);
    EX_TRY(run, dim_tensor_create(run->ctx, dim_dataset_dtype(run->train), 4, shape, &images));
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_I64, 1, shape, &own));
    int64_t *to = dim_tensor_data(own), used = 0;
    for (int64_t i = 0; i < count; i++) {
        dim_tensor *one = NULL;
        if (!all && labels[i] < 0)
            continue;
        EX_TRY(run, dim_tensor_slice(images, 0, used, 1, 1, &one));
        EX_TRY(run, dim_dataset_read(run->train, i, 1, one, NULL));
        dim_tensor_destroy(one);
        to[used++] = labels[i];
    }
    EX_TRY(run, dim_dataset_from_tensors(run->ctx, images, own, &data));
    dim_tensor_destroy(own);
    dim_tensor_destroy(images);
    return data;
}

void ex_hide_labels(ex_run *run)
{
    const ex_options *o = &run->o;
    int64_t count = dim_dataset_count(run->train), classes = dim_dataset_classes(run->train), shape[3];
    dim_tensor *labels = NULL;
    if (dim_dataset_shape(run->train, shape) != 3)
        return; /* ex_data_use() says what is wrong */
    if (classes < 2)
        ex_usage_error(run->program, "--labels: the training images have %s", classes == 0 ? "no labels" : "one class only");
    if ((int64_t)o->labels % classes != 0)
        ex_usage_error(run->program, "--labels: %u is not a multiple of the %lld classes", (unsigned)o->labels, (long long)classes);
    int64_t *of = labels_of(run, &labels);
    hide(run, of, count, classes, (int64_t)o->labels / classes);
    run->labelled = copy(run, of, false);
    dim_dataset *train = o->finetune ? run->labelled : copy(run, of, true);
    run->skipped += dim_dataset_skipped(run->train);
    dim_dataset_destroy(run->train);
    run->train = train;
    dim_tensor_destroy(labels);
}

/* ---- --classify-weight, --finetune */

static const char *tap_of(const ex_run *run, dim_encoder *encoder)
{
    int64_t shape[3];
    if (run->o.classify_tap != NULL)
        return run->o.classify_tap;
    return dim_encoder_tap_shape(encoder, "conv", shape) == DIM_OK ? "conv" : run->program->code;
}

/* As the authors have it: dropout before the batch norm. */
static dim_network *head(ex_run *run, const int64_t shape[3])
{
    const dim_layer_options layers[] = {
        { .kind = DIM_LAYER_LINEAR, .out = 200, .no_bias = 1 }, { .kind = DIM_LAYER_DROPOUT, .rate = 0.1f },
        { .kind = DIM_LAYER_BATCH_NORM }, { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_LINEAR, .out = (uint32_t)dim_dataset_classes(run->train) },
    };
    return ex_network(run, shape, layers, sizeof layers / sizeof *layers);
}

void ex_add_classes(ex_run *run, dim_encoder *encoder, dim_model *model)
{
    dim_objective *objective = dim_model_objective(model);
    const ex_options *o = &run->o;
    int64_t shape[3];
    char tap[64];
    if (!o->finetune && o->classify_weight == 0)
        return;
    if (dim_dataset_classes(run->train) < 2)
        ex_usage_error(run->program, "--classify-weight, --finetune: the training images have no labels of two classes");
    const char *name = tap_of(run, encoder);
    if (dim_encoder_tap_shape(encoder, name, shape) != DIM_OK)
        ex_usage_error(run->program, "--classify-tap: %s", dim_context_error(run->ctx));
    if (shape[1] == 1 && shape[2] == 1) /* a vector */
        shape[1] = shape[2] = 0;
    snprintf(tap, sizeof tap, "encoder.%s", name);
    dim_network *network = head(run, shape);
    EX_TRY(run, dim_objective_apply(objective, network, tap, "head"));
    dim_encoder_destroy(network);
    EX_TRY(run, dim_objective_add_loss(objective, EX_OPTIONS(dim_loss_options, .name = "class", .kind = DIM_LOSS_CROSS_ENTROPY,
                                                             .a = "head", .b = "labels")));
    EX_TRY(run, dim_objective_give(objective, "model", "head"));
    EX_TRY(run, dim_objective_minimise(objective, "model", "class", o->finetune ? 1 : o->classify_weight));
    run->classifiers[0] = "class";
    run->supervised = true;
}

void ex_classify(ex_run *run, dim_tensor *images, dim_tensor *logits)
{
    dim_objective *objective = dim_model_objective(run->model);
    EX_TRY(run, dim_objective_set(objective, "images", images));
    EX_TRY(run, dim_objective_compute(objective, "head", logits));
    EX_TRY(run, dim_objective_set(objective, "images", NULL));
}
