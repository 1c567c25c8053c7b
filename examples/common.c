/* The frame of the example programs: start, encoder and prior by the options, the training loop. */
#include "objective.h"
#include "page.h"
#include "process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Set by the first signal; the loop looks at it after each step. */
static volatile sig_atomic_t stop_signal;
static char stop_text[256]; /* what is said then */

/* Says at once that the signal has come: until a step has ended and the run is saved it can take a while.  Signals after the
 * first one change nothing: an impatient second Ctrl-C must not cost the run. */
static void on_signal(int number)
{
    int error = errno;
    if (stop_signal == 0) {
        stop_signal = number;
        ssize_t said = write(STDERR_FILENO, stop_text, strlen(stop_text));
        (void)said;
    }
    errno = error;
}

static const int stopping[] = { SIGPIPE, SIGINT, SIGTERM, SIGHUP };
enum { N_STOPPING = sizeof stopping / sizeof *stopping };

static void catch_signals(const ex_run *run)
{
    bool saves = run->o.out != NULL;
    snprintf(stop_text, sizeof stop_text, "%s%s: %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "", run->program->name,
             saves ? "saving the run; more signals of this kind are ignored meanwhile, SIGQUIT (Ctrl-\\) ends it at once, unsaved"
                   : "ending after this step; a second signal ends the program at once");
    for (int i = 0; i < N_STOPPING; i++) {
        struct sigaction action, old;
        memset(&action, 0, sizeof action);
        action.sa_handler = on_signal;
        action.sa_flags = SA_RESTART;
        if (!saves && stopping[i] != SIGPIPE) /* that comes at every line written to a reader who is gone */
            action.sa_flags |= (int)SA_RESETHAND;
        sigemptyset(&action.sa_mask);
        /* What is ignored, as in `program &` of a script, stays so. */
        if (sigaction(stopping[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(stopping[i], &action, NULL);
    }
}

/* The run is saved: a signal ends the program at once again, but for SIGPIPE, which --embed outlasts. */
static void release_signals(void)
{
    for (int i = 1; i < N_STOPPING; i++) {
        struct sigaction now;
        if (sigaction(stopping[i], NULL, &now) == 0 && now.sa_handler == on_signal)
            signal(stopping[i], SIG_DFL);
    }
}

bool ex_stopped(const ex_run *run) { return stop_signal != 0 && !run->ended; }

double ex_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void ex_check(ex_run *run, dim_status status, const char *what)
{
    if (status == DIM_OK)
        return;
    const char *detail = dim_context_error(run->ctx);
    ex_report_clear();
    fprintf(stderr, "%s: %.*s: %s%s\n", run->program->name, (int)strcspn(what, "("), what,
            *detail != '\0' ? detail : dim_status_message(status), ex_data_advice(run, status));
    exit(1);
}

/* "conv,fc" into names, each once, and at most `most`; `room` gets the text.  The number of them. */
static int split_list(const ex_run *run, const char *option, const char *list, char room[EX_LIST], const char **names, int most)
{
    int count = 0;
    if (strlen(list) >= EX_LIST)
        ex_usage_error(run->program, "%s: the list is too long", option);
    memcpy(room, list, strlen(list) + 1);
    for (char *name = strtok(room, ","); name != NULL; name = strtok(NULL, ",")) {
        if (count == most)
            ex_usage_error(run->program, "%s: %s has more than %d names", option, list, most);
        for (int i = 0; i < count; i++)
            if (strcmp(names[i], name) == 0)
                ex_usage_error(run->program, "%s: %s names %s twice", option, list, name);
        names[count++] = name;
    }
    if (count == 0)
        ex_usage_error(run->program, "%s: '%s' names nothing; --probe-train 0 leaves the probes out", option, list);
    return count;
}

static void choose_probes(ex_run *run)
{
    char room[EX_LIST];
    const char *names[EX_PROBES];
    int count = split_list(run, "--probes", run->o.probes != NULL ? run->o.probes : "knn,ridge", room, names, EX_PROBES);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < EX_PROBES; k++)
            if (strcmp(names[i], ex_probes[k].name) == 0)
                run->probes[i] = &ex_probes[k];
        if (run->probes[i] == NULL)
            ex_usage_error(run->program, "--probes: there is no '%s'; choose of knn, ridge, linear, svm, mlp", names[i]);
    }
}

static void print_warning(void *program, dim_log_level level, const char *message)
{
    if (level == DIM_LOG_WARNING)
        fprintf(stderr, "%s: %s\n", ((const ex_program *)program)->name, message);
}

void ex_start(ex_run *run, const ex_program *program, int argc, char **argv)
{
    dim_context_options context;
    bool standard = ex_process_start(); /* a run without standard output still trains, but for one whose results go nowhere else */
    memset(run, 0, sizeof *run);
    run->program = program;
    ex_parse(program, argc, argv, &run->o);
    if ((program->evaluates || run->o.json) && !standard && run->o.out == NULL)
        ex_usage_error(program, "standard output is closed, and --out is missing: the results would be lost");
    if (!program->objective) {
        split_list(run, "--taps", run->o.taps != NULL ? run->o.taps : program->taps, run->tap_names, run->taps, EX_MAX_TAPS);
        choose_probes(run);
    }
    ex_folder_open(run);

    DIM_OPTIONS_INIT(&context);
    context.seed = run->o.seed;
    context.threads = run->o.threads;
    context.blas_threads = 1; /* libdim's own threads share the work */
    context.log = print_warning;
    context.log_user = (void *)program;
    context.precision = (dim_precision)run->o.precision;
    if (dim_context_create(&context, &run->ctx) != DIM_OK)
        ex_usage_error(program, "libdim does not start here; is --threads %u too many?", (unsigned)run->o.threads);
    if (program->data_help == NULL)
        ex_data_open(run);
}

static const struct {
    const char *name;
    dim_encoder_kind kind;
    int64_t side;
} encoders[] = {
    { "conv28", DIM_ENCODER_CONV28, 28 }, /* the first of a size is the default of that size */
    { "conv32", DIM_ENCODER_CONV32, 32 },
    { "conv64", DIM_ENCODER_CONV64, 64 },
    { "alex64", DIM_ENCODER_ALEX64, 64 },
    { "foldalex64", DIM_ENCODER_FOLDALEX64, 64 },
    { "foldmultialex64", DIM_ENCODER_FOLDMULTIALEX64, 64 },
    { "resnet19", DIM_ENCODER_RESNET19, 32 },
    { "resnet34", DIM_ENCODER_RESNET34, 32 },
    { "foldresnet19", DIM_ENCODER_FOLDRESNET19, 32 },
    { "foldresnet34", DIM_ENCODER_FOLDRESNET34, 32 },
};
enum { ENCODERS = sizeof encoders / sizeof *encoders };

const char *ex_encoder_name(int i) { return i == 0 ? "auto" : i > 0 && i <= ENCODERS ? encoders[i - 1].name : NULL; }

/* Line of the table. */
static int choose_encoder(const ex_run *run)
{
    const int64_t *shape = run->shape;
    int asked = run->o.encoder - 1;
    for (int i = asked >= 0 ? asked : 0; i < (asked >= 0 ? asked + 1 : ENCODERS); i++)
        if (shape[1] == encoders[i].side && shape[2] == encoders[i].side)
            return i;
    if (asked >= 0)
        ex_usage_error(run->program, "--encoder: the images are %lld x %lld, but %s takes %lld x %lld", (long long)shape[2],
                       (long long)shape[1], encoders[asked].name, (long long)encoders[asked].side, (long long)encoders[asked].side);
    ex_usage_error(run->program, "--data: the images are %lld x %lld, but this program's encoders take 28 x 28, "
                   "32 x 32 or 64 x 64; --image-size makes the images of a folder or of STL-10 so large",
                   (long long)shape[2], (long long)shape[1]);
}

dim_encoder *ex_conv_encoder(ex_run *run)
{
    dim_encoder *encoder = NULL;
    dim_encoder_options o;
    DIM_OPTIONS_INIT(&o);
    o.kind = encoders[choose_encoder(run)].kind;
    o.channels = (uint32_t)run->shape[0];
    EX_TRY(run, dim_encoder_create(run->ctx, &o, &encoder));
    return encoder;
}

void ex_add_layer(ex_run *run, dim_encoder_builder *b, dim_layer_options layer)
{
    layer.size = sizeof layer;
    EX_TRY(run, dim_encoder_builder_add(b, &layer));
}

void ex_add_prior(ex_run *run, dim_model *model)
{
    dim_prior *prior = NULL;
    dim_prior_options o;
    if (run->o.prior == EX_PRIOR_NONE || run->o.finetune)
        return;
    DIM_OPTIONS_INIT(&o);
    o.kind = (dim_prior_kind)run->o.prior;
    o.gradient_penalty = run->o.gradient_penalty;
    EX_TRY(run, dim_prior_create(run->ctx, &o, &prior));
    if (dim_model_add_prior(model, prior, run->o.prior_weight) != DIM_OK)
        ex_usage_error(run->program, "--prior: %s", dim_context_error(run->ctx));
    dim_prior_destroy(prior);
}

void ex_draw(ex_run *run, dim_encoder *encoder, ex_drawing *drawing, const char *name)
{
    char path[EX_MAX_PATH];
    const char *why = "";
    if (run->o.out == NULL || !run->begun)
        return;
    ex_report_note(run, "drawing %s", name);
    bool drawn = drawing(run, encoder, ex_folder_file(run, name, path), &why);
    if (!drawn && run->program->evaluates)
        unlink(path); /* what an earlier call drew is of something else */
    ex_report_clear();
    if (drawn)
        fprintf(stderr, "picture:    %s\n", path);
    else
        fprintf(stderr, "no picture: %s: %s\n", name, why);
}

/* What --out asks for, beside the log, of a run that was finished, interrupted or failed.  First the checkpoint, unless it
 * is there already: from it all the rest can be made.  After a failure the loader is a batch ahead of the model, so that
 * --resume leaves the batch out that has failed. */
static bool save(ex_run *run, const dim_loader *loader, bool failed)
{
    char path[EX_MAX_PATH];
    if (run->o.out == NULL || !run->begun)
        return true;
    bool there = run->has_checkpoint && run->checkpoint_at == ex_steps(run) && !failed;
    bool kept = there || ex_checkpoint_save(run, loader);
    if (kept)
        fprintf(stderr, "checkpoint: %s/checkpoint.safetensors, after step %llu; --resume goes on %s\n", run->o.out,
                (unsigned long long)run->checkpoint_at,
                failed ? "with the batch after the one that failed"
                       : stop_signal != 0 ? "from it" : "from it, with more --steps or --epochs");
    ex_folder_file(run, "weights.safetensors", path);
    bool saved = (run->task != NULL ? dim_objective_save(run->task->objective, path) : dim_model_save(run->model, path)) ==
                 DIM_OK;
    if (saved) {
        ex_folder_replace(run, "weights.safetensors");
        fprintf(stderr, "weights:    %s\nlog:        %s/log.csv\n", path, run->o.out);
    } else
        fprintf(stderr, "%s: %s\n", run->program->name, dim_context_error(run->ctx));
    release_signals();
    if (run->draw_late && run->drawing != NULL)
        ex_draw(run, run->encoder, run->drawing, run->drawing_name);
    if (run->task != NULL)
        ex_draw(run, NULL, run->task->drawing, run->task->drawing_name);
    else
        ex_draw(run, run->encoder, ex_picture, "retrieval.png");
    return ex_page_run(run) && saved && kept;
}

static bool is_evaluated(const ex_options *o, uint64_t step)
{
    return step == 0 || step == o->steps || (o->eval_every > 0 && step % o->eval_every == 0);
}

/* The evaluation after a step whose line of the log is written: a run that is killed in it goes on from there. */
static void evaluate(ex_run *run, const dim_loader *loader)
{
    uint64_t step = ex_steps(run);
    ex_evaluation e = run->o.table && step == 0 ? run->first : ex_evaluate(run);
    if (e.valid) {
        run->last = e;
        ex_log_evaluation(run, step, step > 0 ? dim_loader_epoch(loader) : 0, &e);
        ex_tensorboard_evaluation(run, step, &e);
    }
    if (e.valid || step == 0 || step == run->o.steps)
        ex_report_evaluation(run, step, &e);
}

static dim_status step_on(ex_run *run, dim_tensor *images, dim_tensor *labels)
{
    if (run->task != NULL) {
        ex_give(run, images);
        return dim_objective_step(run->task->objective);
    }
    return run->classifiers[0] != NULL ? dim_model_step_labeled(run->model, images, labels)
                                       : dim_model_step(run->model, images);
}

/* Steps until all are done, Ctrl-C, or a failure, which is returned. */
static dim_status train(ex_run *run, dim_loader *loader)
{
    const ex_options *o = &run->o;
    const ex_evaluation none = { .valid = false };
    for (uint64_t step = ex_steps(run) + 1; step <= o->steps && stop_signal == 0; step++) {
        dim_tensor *images = NULL, *labels = NULL;
        double start = ex_seconds();
        dim_status status = dim_loader_next(loader, &images, &labels);
        run->wait_s += ex_seconds() - start;
        if (status == DIM_OK)
            status = step_on(run, images, labels);
        if (status != DIM_OK)
            return status;
        run->train_s += ex_seconds() - start;

        bool last = step == o->steps;
        ex_report_take(run);
        if (run->task != NULL && run->task->stepped != NULL)
            run->task->stepped(run, run->task);
        ex_report_progress(run, step, last || stop_signal != 0);
        ex_log_step(run, step, dim_loader_epoch(loader), &none);
        ex_tensorboard_step(run, step);
        if (o->out != NULL && (last || (o->checkpoint_every > 0 && step % o->checkpoint_every == 0)))
            ex_checkpoint_save(run, loader); /* where it cannot, training goes on */
        if (is_evaluated(o, step))
            evaluate(run, loader);
    }
    return DIM_OK;
}

/* After --resume: an evaluation was due after the checkpoint's step, but the run was stopped in it. */
static bool is_due(const ex_run *run, uint64_t step)
{
    return ex_evaluates(run) && step <= run->o.steps && is_evaluated(&run->o, step) && !run->evaluated;
}

bool ex_nothing_left(const ex_run *run)
{
    return ex_steps(run) >= run->o.steps && !is_due(run, ex_steps(run));
}

static void catch_up(ex_run *run, const dim_loader *loader)
{
    uint64_t step = ex_steps(run), steps = run->o.steps;
    if (ex_nothing_left(run))
        fprintf(stderr, "%s: nothing is left to train: %llu steps are asked for, and the checkpoint is after step %llu\n",
                run->program->name, (unsigned long long)steps, (unsigned long long)step);
    if (is_due(run, step))
        evaluate(run, loader);
    else if (run->o.table && step >= steps)
        run->last = ex_evaluate(run);
}

/* Probes of the encoder as it starts, unless a run goes on; a table needs them in any case. */
static void begin(ex_run *run, dim_loader *loader)
{
    const ex_evaluation none = { .valid = false };
    bool resumed = ex_folder_resumes(run);
    run->pixels = ex_evaluate_pixels(run);
    if (run->o.table)
        run->first = ex_evaluate(run);
    if (ex_stopped(run)) /* before anything was lost or won */
        return;
    if (resumed)
        ex_checkpoint_load(run, loader);
    else
        run->replaces = run->draw_late = run->o.out != NULL && ex_folder_has_run(run);
    if (run->replaces)
        fprintf(stderr, "%s: the run in %s stays until this one is saved for the first time; the new log is %s until then\n",
                run->program->name, run->o.out, EX_NEW_LOG);
    run->begun = true;
    ex_log_open(run, resumed);
    if (run->drawing != NULL && !run->draw_late)
        ex_draw(run, run->encoder, run->drawing, run->drawing_name);
    if (resumed) {
        catch_up(run, loader);
        return;
    }
    ex_log_step(run, 0, 0, &none);
    evaluate(run, loader);
}

/* What can be seen to be wrong before anything is computed. */
static void check(ex_run *run)
{
    dim_encoder *encoder = run->encoder;
    /* Asking for the parameters builds the objective: whether the options fit together shows now. */
    if ((run->task != NULL ? dim_objective_parameter_count(run->task->objective) : dim_model_parameter_count(run->model)) == 0)
        ex_usage_error(run->program, "%sthis objective is not possible: %s",
                       run->task != NULL ? "" : "--estimator, --critic: ", dim_context_error(run->ctx));
    if (run->task != NULL)
        return;
    for (int i = 0; i < EX_MAX_TAPS && run->taps[i] != NULL; i++) {
        int64_t shape[3];
        if (dim_encoder_tap_shape(encoder, run->taps[i], shape) != DIM_OK)
            ex_usage_error(run->program, "--taps: %s", dim_context_error(run->ctx));
    }
    ex_embed_check(run, encoder);
    if (run->o.init != NULL && dim_encoder_load(encoder, run->o.init) != DIM_OK)
        ex_usage_error(run->program, "--init: %s", dim_context_error(run->ctx));
}

/* Trains run->model or run->task. */
static int train_all(ex_run *run)
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
    check(run);
    ex_tensorboard_open(run);

    catch_signals(run);
    begin(run, loader);
    dim_status status = train(run, loader);
    bool finished = stop_signal == 0 && status == DIM_OK;
    run->ended = true;
    ex_report_clear();
    if (status != DIM_OK)
        fprintf(stderr, "%s: %s%s\n", run->program->name, dim_context_error(run->ctx), ex_data_advice(run, status));
    if (stop_signal != 0)
        fprintf(stderr, "%s: interrupted after %llu steps\n", run->program->name,
                (unsigned long long)ex_steps(run));
    if (finished && run->o.table)
        ex_report_table(run, run->encoder);
    if (run->replaces && !finished && ex_steps(run) == 0)
        ex_folder_restore(run);
    bool saved = save(run, loader, status != DIM_OK);
    if (finished && (stop_signal == 0 || stop_signal == SIGPIPE)) /* not where Ctrl-C came meanwhile */
        saved = (run->task == NULL ? ex_embed(run, run->encoder) : ex_task_finish(run)) && saved;
    if (run->o.skip_broken)
        fprintf(stderr, "broken files in whose place another image was taken: %lld\n", (long long)ex_skipped(run));
    saved = ex_report_close(run) && saved;
    saved = ex_tensorboard_close(run) && saved;
    dim_loader_destroy(loader);
    return stop_signal != 0 ? 128 + stop_signal : saved && status == DIM_OK ? 0 : 1;
}

int ex_train(ex_run *run, dim_encoder *encoder, dim_model *model)
{
    run->encoder = encoder;
    run->model = model;
    return train_all(run);
}

int ex_train_objective(ex_run *run, ex_task *task)
{
    run->task = task;
    return train_all(run);
}

void ex_finish(ex_run *run)
{
    free(run->row);
    free(run->reports);
    dim_tensor_destroy(run->train_labels);
    dim_tensor_destroy(run->test_labels);
    dim_augment_destroy(run->augment);
    dim_augment_destroy(run->clean);
    if (run->labelled != run->train)
        dim_dataset_destroy(run->labelled);
    dim_dataset_destroy(run->train);
    dim_dataset_destroy(run->test);
    dim_context_destroy(run->ctx);
    if (run->lock >= 0)
        close(run->lock);
}
