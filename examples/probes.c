/* The probes: how well classes can be told from features. */
#include "objective.h"

enum { PIECE = 256 }; /* images that are classified at once */
enum { NEIGHBORS = 20 }; /* the default k of kNN, where there are enough labels */

const ex_probe ex_probes[EX_PROBES] = {
    { "knn", "kNN", DIM_PROBE_KNN_COSINE },  { "ridge", "ridge", DIM_PROBE_RIDGE }, { "linear", "linear", DIM_PROBE_LINEAR },
    { "svm", "SVM", DIM_PROBE_SVM },         { "mlp", "MLP", DIM_PROBE_MLP },
};

static double probe(ex_run *run, dim_probe_kind kind, const dim_tensor *train, const dim_tensor *test)
{
    dim_probe_options o;
    dim_probe_result result;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&result);
    o.kind = kind; /* ridge and MLP choose lambda or epoch on a tenth of train */
    if (run->probed.count < 5 * NEIGHBORS)
        o.k = (uint32_t)run->probed.count / 5; /* were it all labels, each test image would get the most frequent one */
    EX_TRY(run, dim_probe_run(run->ctx, &o, train, run->train_labels, test, run->test_labels, &result));
    return result.accuracy;
}

static ex_accuracy probe_all(ex_run *run, const char *features, const dim_tensor *train, const dim_tensor *test)
{
    ex_accuracy a = { { 0 } };
    for (int i = 0; run->probes[i] != NULL; i++) {
        ex_report_note(run, "probing %s: %s", features, run->probes[i]->title);
        a.of[i] = probe(run, run->probes[i]->kind, train, test);
    }
    return a;
}

/* @return false when training is to end. */
static bool probe_tap(ex_run *run, dim_encoder *encoder, const char *tap, ex_accuracy *out)
{
    char doing[2][64];
    snprintf(doing[0], sizeof doing[0], "probing %s, training %s", tap, ex_noun(run));
    snprintf(doing[1], sizeof doing[1], "probing %s, test %s", tap, ex_noun(run));
    dim_tensor *train = ex_features(run, encoder, tap, &run->probed, doing[0]);
    dim_tensor *test = train != NULL ? ex_features(run, encoder, tap, &run->tested, doing[1]) : NULL;
    bool made = test != NULL;
    if (made)
        *out = probe_all(run, tap, train, test);
    dim_tensor_destroy(train);
    dim_tensor_destroy(test);
    return made;
}

/* Accuracy on the test images of a classifier that was trained beside the model. */
static double classify(ex_run *run, const char *name)
{
    int64_t n = run->tested.count, classes = dim_dataset_classes(run->train), right = 0;
    const int64_t *labels = dim_tensor_const_data(run->test_labels);
    for (int64_t at = 0, some; at < n; at += some) {
        some = n - at < PIECE ? n - at : PIECE;
        int64_t shape[4] = { some, run->shape[0], run->shape[1], run->shape[2] };
        dim_tensor *images = NULL, *logits = NULL;
        ex_report_count(run, "probing with the %s classifier: %lld of %lld", name, (long long)at, (long long)n);
        EX_TRY(run, dim_tensor_create(run->ctx, dim_dataset_dtype(run->test), 4, shape, &images));
        EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 2, (int64_t[]){ some, classes }, &logits));
        ex_samples_read(run, &run->tested, at, some, images, NULL);
        if (run->supervised)
            ex_classify(run, images, logits);
        else
            EX_TRY(run, dim_model_classify(run->model, name, images, logits));
        const float *y = dim_tensor_const_data(logits);
        for (int64_t i = 0; i < some; i++, y += classes) {
            int64_t best = 0;
            for (int64_t c = 1; c < classes; c++)
                best = y[c] > y[best] ? c : best;
            right += best == labels[at + i];
        }
        dim_tensor_destroy(logits);
        dim_tensor_destroy(images);
    }
    return (double)right / (double)n;
}

ex_evaluation ex_evaluate(ex_run *run)
{
    if (run->task != NULL) {
        ex_evaluation e = { .valid = false };
        e.valid = ex_measure_all(run, e.measure) && !ex_stopped(run);
        ex_report_clear();
        return e;
    }
    ex_evaluation e = { .valid = run->o.probe_train > 0 };
    for (int i = 0; e.valid && i < EX_MAX_CLASSIFIERS && run->classifiers[i] != NULL; i++)
        e.classifier[i] = classify(run, run->classifiers[i]);
    for (int i = 0; e.valid && i < EX_MAX_TAPS && run->taps[i] != NULL; i++)
        e.valid = probe_tap(run, run->encoder, run->taps[i], &e.tap[i]);
    ex_report_clear();
    return e;
}

static dim_tensor *read_pixels(ex_run *run, const ex_samples *s)
{
    dim_tensor *pixels = NULL;
    int64_t shape[4] = { s->count, run->shape[0], run->shape[1], run->shape[2] };
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 4, shape, &pixels));
    ex_samples_read(run, s, 0, s->count, pixels, NULL);
    return pixels;
}

ex_evaluation ex_evaluate_pixels(ex_run *run)
{
    ex_evaluation e = { .valid = run->o.table };
    if (!e.valid)
        return e;
    ex_report_note(run, "probing raw data: reading %s", ex_noun(run));
    dim_tensor *train = read_pixels(run, &run->probed), *test = read_pixels(run, &run->tested);
    e.tap[0] = probe_all(run, "raw data", train, test);
    dim_tensor_destroy(train);
    dim_tensor_destroy(test);
    ex_report_clear();
    return e;
}
