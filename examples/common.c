/* Data, encoder, prior, probes and the training loop of the example programs. */
#include "common.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

/* Set by Ctrl-C; the loop looks at it after each step. */
static volatile sig_atomic_t stop_signal;

enum { PIECE = 256 }; /* images that are classified at once */

static void on_signal(int number) { stop_signal = number; }

static void catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART | (int)SA_RESETHAND; /* a second Ctrl-C ends the program at once */
    sigemptyset(&action.sa_mask);
    static const int numbers[] = { SIGINT, SIGTERM };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction old;
        /* What is ignored, as in `program &` of a script, stays so. */
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
    }
}

double ex_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void ex_check(const ex_run *run, dim_status status, const char *what)
{
    if (status == DIM_OK)
        return;
    const char *detail = dim_context_error(run->ctx);
    ex_report_note((ex_run *)run, NULL);
    fprintf(stderr, "%s: %.*s: %s\n", run->program->name, (int)strcspn(what, "("), what,
            *detail != '\0' ? detail : dim_status_message(status));
    exit(1);
}

/* Makes a folder and those above it. */
static void make_folder(const ex_program *program, const char *path)
{
    char part[4096];
    struct stat info;
    if (*path == '\0' || strlen(path) >= sizeof part)
        ex_usage_error(program, "--out: '%s' is no usable path", path);
    for (size_t i = 1; i <= strlen(path); i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            ex_usage_error(program, "--out: cannot make the folder %s: %s", part, strerror(errno));
    }
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        ex_usage_error(program, "--out: %s is not a folder", path);
}

static dim_dataset *open_data(ex_run *run, dim_split split)
{
    dim_dataset *data = NULL;
    dim_dataset_options o;
    DIM_OPTIONS_INIT(&o);
    o.image_size = run->o.image_size;
    if (dim_dataset_open_with(run->ctx, run->o.data, split, &o, &data) != DIM_OK)
        ex_usage_error(run->program, "--data: %s", dim_context_error(run->ctx));
    return data;
}

static dim_tensor *read_labels(ex_run *run, dim_dataset *data, int64_t count)
{
    dim_tensor *labels = NULL;
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_I64, 1, &count, &labels));
    EX_TRY(run, dim_dataset_read(data, 0, count, NULL, labels));
    return labels;
}

/* Of run->probed, from the training set: its images are not decoded for that. */
static dim_tensor *read_probed_labels(ex_run *run)
{
    int64_t count = run->o.probe_train;
    if (run->probed == run->train)
        return read_labels(run, run->train, count);
    dim_tensor *labels = NULL;
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_I64, 1, &count, &labels));
    for (int64_t i = 0; i < count; i++) {
        dim_tensor *one = NULL;
        EX_TRY(run, dim_tensor_slice(labels, 0, i, 1, 1, &one));
        EX_TRY(run, dim_dataset_read(run->train, ex_spread_at(&run->spread, i), 1, NULL, one));
        dim_tensor_destroy(one);
    }
    return labels;
}

/* "conv,fc" into run->taps, each once. */
static void split_taps(ex_run *run)
{
    const char *list = run->o.taps != NULL ? run->o.taps : run->program->taps;
    int count = 0;
    if (strlen(list) >= sizeof run->tap_names)
        ex_usage_error(run->program, "--taps: the list is too long");
    memcpy(run->tap_names, list, strlen(list) + 1);
    for (char *name = strtok(run->tap_names, ","); name != NULL; name = strtok(NULL, ",")) {
        if (count == EX_MAX_TAPS)
            ex_usage_error(run->program, "--taps: %s has more than %d names", list, EX_MAX_TAPS);
        for (int i = 0; i < count; i++)
            if (strcmp(run->taps[i], name) == 0)
                ex_usage_error(run->program, "--taps: %s names %s twice", list, name);
        run->taps[count++] = name;
    }
    if (count == 0)
        ex_usage_error(run->program, "--taps: '%s' names nothing; --probe-train 0 leaves the probes out", list);
}

static void print_warning(void *program, dim_log_level level, const char *message)
{
    if (level == DIM_LOG_WARNING)
        fprintf(stderr, "%s: %s\n", ((const ex_program *)program)->name, message);
}

void ex_start(ex_run *run, const ex_program *program, int argc, char **argv)
{
    dim_context_options context;
    memset(run, 0, sizeof *run);
    run->program = program;
    ex_parse(program, argc, argv, &run->o);
    split_taps(run);
    if (run->o.out != NULL)
        make_folder(program, run->o.out);

    DIM_OPTIONS_INIT(&context);
    context.seed = run->o.seed;
    context.threads = run->o.threads;
    context.blas_threads = 1; /* libdim's own threads share the work */
    context.log = print_warning;
    context.log_user = (void *)program;
    context.precision = (dim_precision)run->o.precision;
    if (dim_context_create(&context, &run->ctx) != DIM_OK)
        ex_usage_error(program, "libdim does not start here; is --threads %u too many?", (unsigned)run->o.threads);

    run->train = run->probed = open_data(run, DIM_SPLIT_TRAIN);
    run->test = open_data(run, DIM_SPLIT_TEST);
    if (dim_dataset_shape(run->train, run->shape) != 3)
        ex_usage_error(program, "--data: %s has no images", run->o.data);
    if (run->o.batch > dim_dataset_count(run->train))
        ex_usage_error(program, "--batch: %u is more than the %lld training images", (unsigned)run->o.batch,
                       (long long)dim_dataset_count(run->train));
    if (run->o.probe_train > dim_dataset_count(run->train))
        run->o.probe_train = (uint32_t)dim_dataset_count(run->train);
    if (run->o.probe_train > 0) {
        ex_spread_open(run);
        run->train_labels = read_probed_labels(run);
        run->test_labels = read_labels(run, run->test, dim_dataset_count(run->test));
    }
}

dim_encoder *ex_conv_encoder(ex_run *run)
{
    dim_encoder *encoder = NULL;
    dim_encoder_options o;
    const int64_t *shape = run->shape;
    DIM_OPTIONS_INIT(&o);
    if (shape[1] != shape[2] || (shape[1] != 28 && shape[1] != 32 && shape[1] != 64))
        ex_usage_error(run->program, "--data: the images are %lld x %lld, but this program's encoders take 28 x 28, "
                       "32 x 32 or 64 x 64", (long long)shape[2], (long long)shape[1]);
    o.kind = shape[1] == 28 ? DIM_ENCODER_CONV28 : shape[1] == 32 ? DIM_ENCODER_CONV32 : DIM_ENCODER_CONV64;
    o.channels = (uint32_t)shape[0];
    EX_TRY(run, dim_encoder_create(run->ctx, &o, &encoder));
    return encoder;
}

void ex_add_prior(ex_run *run, dim_model *model)
{
    dim_prior *prior = NULL;
    dim_prior_options o;
    if (run->o.prior == EX_PRIOR_NONE)
        return;
    DIM_OPTIONS_INIT(&o);
    o.kind = (dim_prior_kind)run->o.prior;
    EX_TRY(run, dim_prior_create(run->ctx, &o, &prior));
    if (dim_model_add_prior(model, prior, run->o.prior_weight) != DIM_OK)
        ex_usage_error(run->program, "--prior: %s", dim_context_error(run->ctx));
    dim_prior_destroy(prior);
}

static double probe(ex_run *run, dim_probe_kind kind, const dim_tensor *train, const dim_tensor *test)
{
    dim_probe_options o;
    dim_probe_result result;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&result);
    o.kind = kind; /* k = 20 neighbours; ridge chooses its lambda on a tenth of train */
    EX_TRY(run, dim_probe_run(run->ctx, &o, train, run->train_labels, test, run->test_labels, &result));
    return result.accuracy;
}

static ex_accuracy probe_both(ex_run *run, const dim_tensor *train, const dim_tensor *test)
{
    ex_accuracy a = { probe(run, DIM_PROBE_KNN_COSINE, train, test), probe(run, DIM_PROBE_RIDGE, train, test) };
    return a;
}

/* Accuracy on the test images of a classifier that was trained beside the model. */
static double classify(ex_run *run, dim_model *model, const char *name)
{
    int64_t n = dim_dataset_count(run->test), classes = dim_dataset_classes(run->train), right = 0;
    const int64_t *labels = dim_tensor_const_data(run->test_labels);
    for (int64_t at = 0, some; at < n; at += some) {
        some = n - at < PIECE ? n - at : PIECE;
        int64_t shape[4] = { some, run->shape[0], run->shape[1], run->shape[2] };
        dim_tensor *images = NULL, *logits = NULL;
        EX_TRY(run, dim_tensor_create(run->ctx, dim_dataset_dtype(run->test), 4, shape, &images));
        EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 2, (int64_t[]){ some, classes }, &logits));
        EX_TRY(run, dim_dataset_read(run->test, at, some, images, NULL));
        EX_TRY(run, dim_model_classify(model, name, images, logits));
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

/* How well classes can be told from each tap's features, the encoder frozen.  Not valid after Ctrl-C. */
static ex_evaluation evaluate(ex_run *run, dim_encoder *encoder, dim_model *model)
{
    ex_evaluation e = { .valid = false };
    if (run->o.probe_train == 0)
        return e;
    for (int i = 0; i < EX_MAX_CLASSIFIERS && run->classifiers[i] != NULL; i++) {
        ex_report_note(run, run->classifiers[i]);
        e.classifier[i] = classify(run, model, run->classifiers[i]);
    }
    for (int i = 0; i < EX_MAX_TAPS && run->taps[i] != NULL; i++) {
        const char *tap = run->taps[i];
        dim_tensor *train = NULL, *test = NULL;
        if (stop_signal != 0)
            return e;
        ex_report_note(run, tap);
        EX_TRY(run, dim_probe_features(encoder, tap, run->probed, 0, run->o.probe_train, &train));
        EX_TRY(run, dim_probe_features(encoder, tap, run->test, 0, dim_dataset_count(run->test), &test));
        e.tap[i] = probe_both(run, train, test);
        dim_tensor_destroy(train);
        dim_tensor_destroy(test);
    }
    ex_report_note(run, NULL);
    e.valid = true;
    return e;
}

static dim_tensor *read_pixels(ex_run *run, dim_dataset *data, int64_t count)
{
    dim_tensor *pixels = NULL;
    int64_t shape[4] = { count, run->shape[0], run->shape[1], run->shape[2] };
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 4, shape, &pixels));
    EX_TRY(run, dim_dataset_read(data, 0, count, pixels, NULL));
    return pixels;
}

static ex_evaluation evaluate_pixels(ex_run *run)
{
    ex_evaluation e = { .valid = false };
    if (!run->o.table || run->o.probe_train == 0)
        return e;
    ex_report_note(run, "pixels");
    dim_tensor *train = read_pixels(run, run->probed, run->o.probe_train);
    dim_tensor *test = read_pixels(run, run->test, dim_dataset_count(run->test));
    e.tap[0] = probe_both(run, train, test);
    e.valid = true;
    dim_tensor_destroy(train);
    dim_tensor_destroy(test);
    ex_report_note(run, NULL);
    return e;
}

void ex_draw(ex_run *run, dim_encoder *encoder, ex_drawing *drawing, const char *name)
{
    char path[4200];
    const char *why = "";
    if (run->o.out == NULL)
        return;
    snprintf(path, sizeof path, "%s/%s", run->o.out, name);
    if (drawing(run, encoder, path, &why))
        fprintf(stderr, "picture: %s\n", path);
    else
        fprintf(stderr, "no picture: %s: %s\n", name, why);
}

/* What --out asks for, beside the log. */
static bool save(ex_run *run, dim_encoder *encoder, dim_model *model)
{
    char path[4200];
    if (run->o.out == NULL)
        return true;
    snprintf(path, sizeof path, "%s/weights.safetensors", run->o.out);
    bool saved = dim_model_save(model, path) == DIM_OK;
    if (saved)
        fprintf(stderr, "weights: %s\nlog:     %s/log.csv\n", path, run->o.out);
    else
        fprintf(stderr, "%s: %s\n", run->program->name, dim_context_error(run->ctx));
    ex_draw(run, encoder, ex_picture, "retrieval.png");
    return saved;
}

static bool is_evaluated(const ex_options *o, uint64_t step)
{
    return step == 0 || step == o->steps || (o->eval_every > 0 && step % o->eval_every == 0);
}

/* Steps until all are done, Ctrl-C, or a failure, which is returned. */
static dim_status train(ex_run *run, dim_encoder *encoder, dim_model *model, dim_loader *loader)
{
    const ex_options *o = &run->o;
    for (uint64_t step = dim_model_steps(model) + 1; step <= o->steps && stop_signal == 0; step++) {
        dim_tensor *images = NULL, *labels = NULL;
        ex_evaluation e = { .valid = false };
        double start = ex_seconds();
        dim_status status = dim_loader_next(loader, &images, &labels);
        run->wait_s += ex_seconds() - start;
        if (status == DIM_OK)
            status = run->classifiers[0] != NULL ? dim_model_step_labeled(model, images, labels)
                                                 : dim_model_step(model, images);
        if (status != DIM_OK)
            return status;
        run->train_s += ex_seconds() - start;

        bool last = step == o->steps;
        ex_report_progress(run, model, step, last || stop_signal != 0);
        if (is_evaluated(o, step))
            e = evaluate(run, encoder, model);
        if (e.valid)
            run->last = e;
        ex_log_step(run, model, step, dim_loader_epoch(loader), &e);
        if (e.valid || last)
            ex_report_evaluation(run, model, step, &e);
        if (o->checkpoint_every > 0 && (last || step % o->checkpoint_every == 0))
            ex_checkpoint_save(run, model, loader); /* where it cannot, training goes on */
    }
    return DIM_OK;
}

/* After --resume: the evaluation that was due after the checkpoint's step, if the run was stopped in it. */
static void catch_up(ex_run *run, dim_encoder *encoder, dim_model *model, const dim_loader *loader)
{
    uint64_t step = dim_model_steps(model), steps = run->o.steps;
    bool due = run->o.probe_train > 0 && is_evaluated(&run->o, step) && !run->evaluated;
    if (step > steps || (step == steps && !due))
        fprintf(stderr, "%s: nothing is left to train: %llu steps are asked for, and the checkpoint is after step %llu\n",
                run->program->name, (unsigned long long)steps, (unsigned long long)step);
    if (!due && !(run->o.table && step >= steps))
        return;
    ex_evaluation e = evaluate(run, encoder, model);
    run->last = e;
    if (!due || !e.valid)
        return;
    if (step == 0)
        run->first = e;
    ex_log_evaluation(run, model, step, dim_loader_epoch(loader), &e);
    ex_report_evaluation(run, model, step, &e);
}

/* Probes of the untrained encoder, unless --resume finds a checkpoint; a table needs them in any case. */
static void begin(ex_run *run, dim_encoder *encoder, dim_model *model, dim_loader *loader)
{
    run->pixels = evaluate_pixels(run);
    if (run->o.table)
        run->first = run->last = evaluate(run, encoder, model);
    bool resumed = run->o.resume && ex_checkpoint_load(run, model, loader);
    ex_log_open(run, model, resumed);
    if (run->drawing != NULL)
        ex_draw(run, encoder, run->drawing, run->drawing_name);
    if (resumed) {
        catch_up(run, encoder, model, loader);
        return;
    }
    if (!run->o.table)
        run->first = run->last = evaluate(run, encoder, model);
    ex_log_step(run, model, 0, 0, &run->first);
    ex_report_evaluation(run, model, 0, &run->first);
}

int ex_train(ex_run *run, dim_encoder *encoder, dim_model *model)
{
    dim_loader *loader = NULL;
    dim_loader_options lo;
    DIM_OPTIONS_INIT(&lo);
    lo.batch = run->o.batch;
    lo.augment = run->augment;
    lo.views = run->o.views;
    EX_TRY(run, dim_loader_create(run->train, &lo, &loader));
    if (run->o.epochs > 0)
        run->o.steps = run->o.epochs * dim_loader_batches(loader);
    /* Asking for the parameters builds the objective: whether the options fit together shows now, before the probes. */
    if (dim_model_parameter_count(model) == 0)
        ex_usage_error(run->program, "this objective is not possible: %s", dim_context_error(run->ctx));

    for (int i = 0; i < EX_MAX_TAPS && run->taps[i] != NULL; i++) {
        int64_t shape[3];
        if (dim_encoder_tap_shape(encoder, run->taps[i], shape) != DIM_OK)
            ex_usage_error(run->program, "--taps: %s", dim_context_error(run->ctx));
    }

    catch_signals();
    begin(run, encoder, model, loader);
    dim_status status = train(run, encoder, model, loader);
    ex_report_note(run, NULL);
    if (status != DIM_OK)
        fprintf(stderr, "%s: %s\n", run->program->name, dim_context_error(run->ctx));
    if (stop_signal != 0)
        fprintf(stderr, "%s: interrupted after %llu steps\n", run->program->name,
                (unsigned long long)dim_model_steps(model));
    if (stop_signal == 0 && status == DIM_OK && run->o.table)
        ex_report_table(run, encoder);
    bool saved = save(run, encoder, model);
    if (stop_signal != 0 && status == DIM_OK && run->o.out != NULL && ex_checkpoint_save(run, model, loader))
        fprintf(stderr, "checkpoint: %s/checkpoint.safetensors; --resume goes on from it\n", run->o.out);
    saved = ex_report_close(run) && saved && !run->checkpoint_failed;
    dim_loader_destroy(loader);
    return stop_signal != 0 ? 128 + stop_signal : saved && status == DIM_OK ? 0 : 1;
}

void ex_finish(ex_run *run)
{
    free(run->row);
    free(run->reports);
    dim_tensor_destroy(run->train_labels);
    dim_tensor_destroy(run->test_labels);
    if (run->probed != run->train)
        dim_dataset_destroy(run->probed);
    ex_spread_close(&run->spread);
    dim_augment_destroy(run->augment);
    dim_dataset_destroy(run->train);
    dim_dataset_destroy(run->test);
    dim_context_destroy(run->ctx);
}
