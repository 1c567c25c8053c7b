/* dim-eval: what an encoder has learnt.
 *
 *     dim-eval --weights out/weights.safetensors --data cifar10:cifar-10-batches-bin --out report */
#include "evaluate.h"
#include "page.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const ex_program program;

static void check(ex_options *o)
{
    if (o->log != NULL && o->out == NULL)
        ex_usage_error(&program, "--log needs --out, whose page has the curves");
    if (o->log != NULL && access(o->log, R_OK) != 0)
        ex_usage_error(&program, "--log: cannot read %s: %s", o->log, strerror(errno));
    o->unlabelled = o->probe_train == 0; /* then nothing asks for labels */
}

static const ex_program program = {
    .name = "dim-eval",
    .summary = "Evaluates an encoder that a training program of libdim made: probes of its features, nearest neighbours, its code and its "
               "filters, as a table, as JSON and as one page with all pictures.",
    .example = "--weights out/weights.safetensors --data cifar10:cifar-10-batches-bin --out report",
    .taps = "global",
    .code = "global",
    .evaluates = true,
    .check = check,
    .defaults = { .probe_train = 20000, .runs = 5 },
};

/* ---- the encoder ----------------------------------------------------------------------------------------------------------- */

static bool has_tap(const ev_run *run, const char *name)
{
    int64_t shape[3];
    return dim_encoder_tap_shape(run->encoder, name, shape) == DIM_OK;
}

/* Those that papers probe; of AMDIM, whose "global" is f1, that. */
static void choose_taps(ev_run *run)
{
    static const char *const usual[] = { "conv", "fc", "f1", "global" };
    ex_run *ex = &run->ex;
    int count = 0;
    if (ex->o.taps == NULL) {
        for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
            if (has_tap(run, usual[i]) && (i < 3 || !has_tap(run, "f1")))
                ex->taps[count++] = usual[i];
        ex->taps[count] = NULL;
    }
    for (count = 0; count < EX_MAX_TAPS && ex->taps[count] != NULL; count++)
        if (!has_tap(run, ex->taps[count]))
            ex_usage_error(ex->program, "--taps: %s", dim_context_error(ex->ctx));
    run->program.code = ex->taps[count - 1];
}

/* Whether it takes the data's images: by the first one. */
static void try_encoder(ev_run *run)
{
    ex_run *ex = &run->ex;
    dim_tensor *image = NULL, *code = NULL;
    int64_t shape[4] = { 1, ex->shape[0], ex->shape[1], ex->shape[2] }, map[3];
    ex_samples s = ex_samples_of(ex->train, 1);
    EX_TRY(ex, dim_encoder_tap_shape(run->encoder, run->program.code, map));
    EX_TRY(ex, dim_tensor_create(ex->ctx, dim_dataset_dtype(ex->train), 4, shape, &image));
    EX_TRY(ex, dim_tensor_create(ex->ctx, DIM_F32, 2, (int64_t[]){ 1, map[0] * map[1] * map[2] }, &code));
    ex_samples_read(ex, &s, 0, 1, image, NULL);
    if (dim_encoder_encode(run->encoder, image, run->program.code, code) != DIM_OK)
        ex_usage_error(ex->program, "--data: the encoder does not take images of %lld x %lld with %lld channel%s; --image-size makes the "
                       "images of a folder or of STL-10 so large: %s", (long long)ex->shape[2], (long long)ex->shape[1],
                       (long long)ex->shape[0], ex->shape[0] == 1 ? "" : "s", dim_context_error(ex->ctx));
    dim_tensor_destroy(image);
    dim_tensor_destroy(code);
}

static void open_encoder(ev_run *run)
{
    if (dim_encoder_open(run->ex.ctx, run->ex.o.weights, &run->encoder) != DIM_OK)
        ex_usage_error(run->ex.program, "--weights: %s", dim_context_error(run->ex.ctx));
    choose_taps(run);
    try_encoder(run);
}

enum { MOST_CLASSES = 1000000 }; /* of dim_probe_run() */

static void name_classes(ev_run *run)
{
    ex_run *ex = &run->ex;
    run->classes = ex->probed.data != NULL ? dim_dataset_classes(ex->labelled) : 0;
    if (run->classes > MOST_CLASSES)
        ex_usage_error(ex->program, "--data: labels go up to %lld; probes take %d at most", (long long)(run->classes - 1),
                       MOST_CLASSES - 1);
    run->class_names = calloc((size_t)run->classes + 1, sizeof *run->class_names);
    for (int64_t c = 0; c < run->classes && run->class_names != NULL; c++) {
        char text[64];
        const char *name = ex_class_name(ex, ex->labelled, c);
        snprintf(text, sizeof text, "%lld", (long long)c);
        run->class_names[c] = strdup(name != NULL ? name : text);
        if (run->class_names[c] == NULL)
            ex_usage_error(ex->program, "out of memory");
    }
    if (run->class_names == NULL)
        ex_usage_error(ex->program, "out of memory");
}

/* ---- evaluating ------------------------------------------------------------------------------------------------------------ */

/* Of a network, finite images may become infinite features, of which nothing can be measured. */
static void check_finite(const ev_run *run, const char *tap, const dim_tensor *t, const char *which)
{
    const float *x = dim_tensor_const_data(t);
    int64_t d = dim_tensor_size(t, 1);
    for (int64_t i = 0; i < dim_tensor_count(t); i++)
        if (!isfinite(x[i]))
            ex_usage_error(run->ex.program, "--data: feature %lld of \"%s\" is not finite for %s image %lld, counted from 0",
                           (long long)(i % d), tap, which, (long long)(i / d));
}

static ev_features features_of(ev_run *run, const char *tap)
{
    ex_run *ex = &run->ex;
    char doing[2][80];
    ev_features f = { .tap = tap };
    snprintf(doing[0], sizeof doing[0], "%s of training images", tap);
    snprintf(doing[1], sizeof doing[1], "%s of test images", tap);
    if (ex->probed.data != NULL)
        f.train = ex_features(ex, run->encoder, tap, &ex->probed, doing[0]);
    f.test = ex_features(ex, run->encoder, tap, &run->shown, doing[1]);
    f.width = dim_tensor_size(f.test, 1);
    if (f.train != NULL)
        check_finite(run, tap, f.train, "training");
    check_finite(run, tap, f.test, "test");
    return f;
}

/* Everything of one tap; of the code, what is shown of it, and its files.  false: a file was not written. */
static bool evaluate_tap(ev_run *run, const char *tap)
{
    ex_run *ex = &run->ex;
    ev_features f = features_of(run, tap);
    bool good = true;
    ev_evaluate(run, &f);
    if (tap == run->program.code && ex->o.out != NULL) {
        ev_code(run, &f, ex->test_labels);
        good = ev_code_files(run, f.test, ex->test_labels);
    }
    dim_tensor_destroy(f.train);
    dim_tensor_destroy(f.test);
    return good;
}

static void print_table(const ev_run *run)
{
    printf("%-10s %7s  %-28s %11s %11s %5s\n", "features", "width", "evaluation", "value", "deviation", "runs");
    for (int i = 0; i < run->n_numbers; i++) {
        const ev_number *v = &run->numbers[i];
        double scale = v->v.share ? 100 : 1;
        int digits = v->v.share ? 2 : 4;
        char deviation[40] = "";
        if (isfinite(v->v.deviation))
            snprintf(deviation, sizeof deviation, "%.*f", digits, scale * v->v.deviation);
        printf("%-10s %7lld  %-28s %9.*f %-4s %8s %5lld\n", v->tap, (long long)v->width, v->evaluation, digits, scale * v->v.value,
               v->v.unit, deviation, (long long)v->v.runs);
    }
}

static bool write_files(ev_run *run)
{
    ex_run *ex = &run->ex;
    ex->begun = true;
    ex_draw(ex, run->encoder, ex_picture, "retrieval.png");
    ex_draw(ex, run->encoder, ex_picture_euclidean, "retrieval-euclidean.png");
    ex_draw(ex, run->encoder, ev_filters, "filters.png");
    ex_draw(ex, run->encoder, ev_reconstructions, "reconstruction.png");
    bool good = ex_page_write(ex, "results.json", ev_json);
    return ex_page_write(ex, "report.html", ev_page) && good;
}

int main(int argc, char **argv)
{
    static ev_run run; /* the library's leak check finds what it holds when the program ends early */
    ex_run *ex = &run.ex;
    ex_start(ex, &program, argc, argv);
    run.program = program;
    ex->program = &run.program;
    ev_check_only(&run);
    open_encoder(&run);
    name_classes(&run);
    run.shown = ex->test != NULL ? ex_samples_of(ex->test, INT64_MAX) : ex_samples_of(ex->train, 10000);
    bool good = true;
    for (int i = 0; i < EX_MAX_TAPS && ex->taps[i] != NULL; i++)
        good = evaluate_tap(&run, ex->taps[i]) && good;
    ex_report_clear();
    if (ex->o.json)
        ev_json(ex, stdout);
    else
        print_table(&run);
    if (ex->o.out != NULL)
        good = write_files(&run) && good;
    if (ex->o.skip_broken)
        fprintf(stderr, "broken files, in whose places other images were taken: %lld\n", (long long)ex_skipped(ex));
    good = ex_report_close(ex) && good;
    ev_code_free(&run);
    dim_tensor_destroy(run.originals);
    dim_tensor_destroy(run.reconstructed);
    dim_encoder_destroy(run.encoder);
    ex_finish(ex);
    return good ? 0 : 1;
}
