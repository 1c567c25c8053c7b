/* What is measured: of images with labels, which category each is given; of made ones, whether Q and D know them and how much
 * they differ. */
#include "infogan.h"

#include <math.h>
#include <stdlib.h>

enum {
    FIT = 5000, TESTED = 10000, /* images at most: of the training set, for the matching; of the test set */
    MADE = 2000,                /* images, the same codes each time */
    PIECE = 250                 /* at once; batch statistics are of so many */
};
static const uint64_t CODES = 1, NOISE = 2; /* streams */

void *infogan_room(ex_run *run, int64_t count, size_t size)
{
    void *room = calloc((size_t)count + 1, size);
    if (room == NULL)
        ex_usage_error(run->program, "out of memory");
    return room;
}

int64_t infogan_largest(const float *x, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

/* ---- draws of the program's own: SplitMix64, a number by its place */

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static double uniform(uint64_t seed, uint64_t stream, int64_t at) /* [0, 1) */
{
    return (double)(mix(mix(mix(seed) ^ stream) ^ (uint64_t)at) >> 11) * 0x1p-53;
}

void infogan_draw_codes(const infogan *own, uint64_t seed, int64_t rows, float *codes)
{
    for (int64_t i = 0; i < rows * own->n_codes; i++) {
        const infogan_code *c = &own->code[i % own->n_codes];
        double u = uniform(seed, CODES, i);
        codes[i] = c->classes > 0 ? (float)(int64_t)(u * (double)c->classes) : (float)(2 * u - 1);
    }
}

void infogan_draw_noise(uint64_t seed, int64_t count, float *noise)
{
    for (int64_t i = 0; i < count; i++)
        noise[i] = (float)(2 * uniform(seed, NOISE, i) - 1);
}

/* ---- images of codes, and what D says of images */

static dim_tensor *tensor(ex_run *run, int rank, const int64_t *shape)
{
    dim_tensor *t = NULL;
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, rank, shape, &t));
    return t;
}

static void set(ex_run *run, const char *input, dim_tensor *t)
{
    EX_TRY(run, dim_objective_set(run->task->objective, input, t));
    dim_tensor_destroy(t); /* the objective holds it */
}

static void give_codes(ex_run *run, const infogan *own, const float *codes, const float *noise, int64_t rows)
{
    for (int k = 0; k < own->n_codes; k++) {
        const infogan_code *c = &own->code[k];
        int64_t width = c->classes > 0 ? c->classes : 1;
        dim_tensor *t = tensor(run, 2, (int64_t[]){ rows, width });
        float *x = dim_tensor_data(t);
        memset(x, 0, (size_t)(rows * width) * sizeof *x);
        for (int64_t i = 0; i < rows; i++) {
            float value = codes[i * own->n_codes + k];
            if (c->classes > 0)
                x[i * width + (int64_t)value] = 1;
            else
                x[i] = value;
        }
        set(run, c->name, t);
    }
    if (run->o.noise > 0) {
        dim_tensor *t = tensor(run, 2, (int64_t[]){ rows, run->o.noise });
        memcpy(dim_tensor_data(t), noise, (size_t)(rows * run->o.noise) * sizeof *noise);
        set(run, "noise", t);
    }
}

static void take_codes(ex_run *run, const infogan *own) /* back */
{
    for (int k = 0; k < own->n_codes; k++)
        EX_TRY(run, dim_objective_set(run->task->objective, own->code[k].name, NULL));
    if (run->o.noise > 0)
        EX_TRY(run, dim_objective_set(run->task->objective, "noise", NULL));
}

dim_tensor *infogan_make(ex_run *run, const infogan *own, const float *codes, const float *noise, int64_t rows, bool as_in_step)
{
    dim_objective *o = run->task->objective;
    const int64_t *s = run->shape;
    dim_tensor *images = tensor(run, 4, (int64_t[]){ rows, s[0], s[1], s[2] });
    for (int64_t at = 0, some; at < rows; at += some) {
        dim_tensor *part = NULL;
        some = rows - at < PIECE ? rows - at : PIECE;
        give_codes(run, own, codes + at * own->n_codes, noise + at * run->o.noise, some);
        EX_TRY(run, dim_tensor_slice(images, 0, at, some, 1, &part));
        EX_TRY(run, as_in_step ? dim_objective_evaluate_value(o, "made", part) : dim_objective_compute(o, "made", part));
        dim_tensor_destroy(part);
    }
    take_codes(run, own);
    return images;
}

/* Images may be sorted by class: each piece has those at even distances, so that its statistics are of all classes. */
bool infogan_say(ex_run *run, const infogan *own, dim_tensor *images, bool as_in_step, float *out)
{
    dim_objective *o = run->task->objective;
    int64_t n = dim_tensor_size(images, 0), pieces = (n + PIECE - 1) / PIECE, most = pieces > 0 ? (n + pieces - 1) / pieces : 0;
    dim_tensor *said = tensor(run, 2, (int64_t[]){ most, own->said });
    for (int64_t p = 0; p < pieces && !ex_stopped(run); p++) {
        int64_t count = (n - p + pieces - 1) / pieces;
        dim_tensor *some = NULL, *part = NULL;
        EX_TRY(run, dim_tensor_slice(images, 0, p, count, pieces, &some));
        EX_TRY(run, dim_tensor_slice(said, 0, 0, count, 1, &part));
        EX_TRY(run, dim_objective_set(o, "images", some));
        EX_TRY(run, as_in_step ? dim_objective_evaluate_value(o, "true_d.all", part) : dim_objective_compute(o, "true_d.all", part));
        const float *x = dim_tensor_const_data(said);
        for (int64_t i = 0; i < count; i++)
            memcpy(out + (p + i * pieces) * own->said, x + i * own->said, (size_t)own->said * sizeof *x);
        dim_tensor_destroy(part);
        dim_tensor_destroy(some);
    }
    EX_TRY(run, dim_objective_set(o, "images", NULL));
    dim_tensor_destroy(said);
    return !ex_stopped(run);
}

/* ---- images with labels */

static dim_tensor *read_images(ex_run *run, dim_dataset *data, int64_t most, dim_tensor **labels)
{
    ex_samples s = ex_samples_of(data, INT64_MAX);
    int64_t shape[4] = { s.count = s.count < most ? s.count : most, run->shape[0], run->shape[1], run->shape[2] };
    dim_tensor *images = NULL;
    EX_TRY(run, dim_tensor_create(run->ctx, dim_dataset_dtype(data), 4, shape, &images));
    ex_samples_read(run, &s, 0, s.count, images, NULL);
    *labels = dim_dataset_classes(data) > 0 ? ex_samples_labels(run, &s) : NULL;
    return images;
}

dim_dataset *infogan_tested(const ex_run *run) { return run->test != NULL ? run->test : run->train; }

/* What G can make, D must be able to take for true: floats of another range would only show how bad the images are. */
static void check_range(const ex_run *run, const infogan *own, const dim_tensor *images, const char *set)
{
    const double low = own->tanh ? -1 : 0, slack = 1e-3; /* of those who scaled them */
    int64_t n = dim_tensor_dtype(images) == DIM_F32 ? dim_tensor_count(images) : 0;
    for (int64_t i = 0; i < n; i++) {
        double x = (double)((const float *)dim_tensor_const_data(images))[i];
        if (!(x >= low - slack && x <= 1 + slack))
            ex_usage_error(run->program, "--data: %s: a pixel of the %s images is %g; floats must be from %g to 1 for --preset %s",
                           run->o.data, set, x, low, own->preset->name);
    }
}

void infogan_open(ex_run *run, infogan *own)
{
    own->fit = read_images(run, run->train, FIT, &own->fit_labels);
    own->tested = read_images(run, infogan_tested(run), TESTED, &own->tested_labels);
    check_range(run, own, own->fit, "training");
    check_range(run, own, own->tested, run->test != NULL ? "test" : "training");
    bool labelled = run->test != NULL && own->fit_labels != NULL && own->tested_labels != NULL;
    own->classes = labelled ? dim_dataset_classes(run->train) : 0;
    for (int k = 0; k < own->n_categorical; k++) {
        own->match[k].counts = infogan_room(run, own->code[k].classes * own->classes, sizeof(int64_t));
        own->match[k].class_of = infogan_room(run, own->code[k].classes, sizeof(int64_t));
    }
}

void infogan_close(infogan *own)
{
    dim_tensor_destroy(own->codes);
    dim_tensor_destroy(own->fit);
    dim_tensor_destroy(own->fit_labels);
    dim_tensor_destroy(own->tested);
    dim_tensor_destroy(own->tested_labels);
    for (int k = 0; k < own->n_categorical; k++) {
        free(own->match[k].counts);
        free(own->match[k].class_of);
    }
    free(own->walls);
    free(own->cpus);
}

/* How often each category of a code goes with each class. */
static void count(const infogan *own, const infogan_code *c, const float *said, const dim_tensor *labels, int64_t *counts)
{
    const int64_t *label = dim_tensor_const_data(labels), n = dim_tensor_size(labels, 0);
    memset(counts, 0, (size_t)(c->classes * own->classes) * sizeof *counts);
    for (int64_t i = 0; i < n; i++)
        if (label[i] >= 0 && label[i] < own->classes)
            counts[infogan_largest(said + i * own->said + c->at, c->classes) * own->classes + label[i]]++;
}

static double wrong(const infogan *own, const infogan_code *c, const int64_t *counts, const int64_t *class_of)
{
    int64_t all = 0, right = 0;
    for (int64_t i = 0; i < c->classes * own->classes; i++)
        all += counts[i];
    for (int64_t k = 0; k < c->classes; k++)
        right += class_of[k] >= 0 ? counts[k * own->classes + class_of[k]] : 0;
    return all > 0 ? 1 - (double)right / (double)all : NAN;
}

/* Each category its most frequent class, which several may share. */
static void majority(const infogan *own, const infogan_code *c, const int64_t *counts, int64_t *class_of)
{
    for (int64_t k = 0; k < c->classes; k++) {
        class_of[k] = 0;
        for (int64_t j = 1; j < own->classes; j++)
            if (counts[k * own->classes + j] > counts[k * own->classes + class_of[k]])
                class_of[k] = j;
    }
}

typedef struct heard { /* what D says of images: by batch statistics, or by running ones */
    float *fit, *tested;
} heard;

static void match_code(ex_run *run, infogan *own, int k, const heard *batch, const heard *running)
{
    const infogan_code *c = &own->code[k];
    infogan_matching *m = &own->match[k];
    int64_t *counts = infogan_room(run, c->classes * own->classes, sizeof *counts);
    int64_t *class_of = infogan_room(run, c->classes, sizeof *class_of);
    count(own, c, running->fit, own->fit_labels, counts);
    if (!infogan_match(counts, c->classes, own->classes, class_of))
        ex_usage_error(run->program, "out of memory");
    count(own, c, running->tested, own->tested_labels, counts);
    m->running = wrong(own, c, counts, class_of);
    count(own, c, batch->fit, own->fit_labels, counts);
    count(own, c, batch->tested, own->tested_labels, m->counts);
    if (!infogan_match(counts, c->classes, own->classes, m->class_of))
        ex_usage_error(run->program, "out of memory");
    m->fitted = wrong(own, c, counts, m->class_of);
    m->error = wrong(own, c, m->counts, m->class_of);
    majority(own, c, counts, class_of);
    m->majority = wrong(own, c, m->counts, class_of);
    free(class_of);
    free(counts);
}

/* 1 %, or of many categories a tenth of an even share. */
double infogan_least_share(const infogan_code *c) { return c->classes > 10 ? 0.1 / (double)c->classes : 0.01; }

static int64_t used(ex_run *run, const infogan *own, const infogan_code *c, const float *said)
{
    int64_t n = dim_tensor_size(own->tested, 0), used = 0;
    int64_t *counts = infogan_room(run, c->classes, sizeof *counts);
    for (int64_t i = 0; i < n; i++)
        counts[infogan_largest(said + i * own->said + c->at, c->classes)]++;
    for (int64_t k = 0; k < c->classes; k++)
        used += (double)counts[k] > infogan_least_share(c) * (double)n;
    free(counts);
    return used;
}

static double share_true(const infogan *own, const float *said, int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += said[i * own->said + own->logit] > 0;
    return (double)count / (double)n;
}

static void match_codes(ex_run *run, infogan *own, const heard by[2])
{
    own->best = 0;
    for (int k = 0; k < own->n_categorical; k++) {
        infogan_matching *m = &own->match[k];
        m->error = m->majority = m->running = m->fitted = NAN;
        m->used = used(run, own, &own->code[k], by[0].tested);
        if (own->classes > 0)
            match_code(run, own, k, &by[0], &by[1]);
        if (m->fitted < own->match[own->best].fitted) /* by training images: the least of several test errors says too much */
            own->best = k;
    }
}

static void measure_tested(ex_run *run, infogan *own, double values[EX_MAX_MEASURES])
{
    int64_t n_fit = own->classes > 0 ? dim_tensor_size(own->fit, 0) : 0, n = dim_tensor_size(own->tested, 0);
    heard by[2]; /* batch statistics, running ones */
    bool all = true;
    for (int i = 0; i < 2; i++) {
        by[i].fit = infogan_room(run, n_fit * own->said, sizeof(float));
        by[i].tested = infogan_room(run, n * own->said, sizeof(float));
        all = all && (n_fit == 0 || infogan_say(run, own, own->fit, i == 0, by[i].fit)) &&
              infogan_say(run, own, own->tested, i == 0, by[i].tested);
    }
    if (all) /* else the matching of the last evaluation stays, for the pictures */
        match_codes(run, own, by);
    const infogan_matching *best = &own->match[own->best];
    bool any = own->n_categorical > 0;
    values[INFOGAN_ERROR] = any ? best->error : NAN;
    values[INFOGAN_MAJORITY] = any ? best->majority : NAN;
    values[INFOGAN_RUNNING] = any ? best->running : NAN;
    values[INFOGAN_USED] = any ? (double)best->used : NAN;
    values[INFOGAN_D_TRUE] = share_true(own, by[0].tested, n);
    for (int i = 0; i < 2; i++) {
        free(by[i].fit);
        free(by[i].tested);
    }
}

/* ---- made images */

/* The mean deviation of a pixel within a group of images, in units of [0, 1]; groups of less than 2 do not count.
 * Bytes are of [0, 255]; floats of a range of `range`. */
static double spread(ex_run *run, dim_tensor *images, const int64_t *group, int64_t groups, double range)
{
    int64_t n = dim_tensor_size(images, 0), pixels = run->shape[0] * run->shape[1] * run->shape[2], counted = 0;
    double *sum = infogan_room(run, 2 * pixels, sizeof *sum), all = 0;
    const uint8_t *bytes = dim_tensor_dtype(images) == DIM_U8 ? dim_tensor_const_data(images) : NULL;
    const float *floats = bytes == NULL ? dim_tensor_const_data(images) : NULL;
    for (int64_t g = 0; g < groups; g++) {
        int64_t in = 0;
        double deviation = 0;
        memset(sum, 0, (size_t)(2 * pixels) * sizeof *sum);
        for (int64_t i = 0; i < n; i++) {
            if (group != NULL && group[i] != g)
                continue;
            in++;
            for (int64_t k = 0; k < pixels; k++) {
                double x = bytes != NULL ? bytes[i * pixels + k] / 255.0 : (double)floats[i * pixels + k] / range;
                sum[2 * k] += x;
                sum[2 * k + 1] += x * x;
            }
        }
        if (in < 2)
            continue;
        for (int64_t k = 0; k < pixels; k++) {
            double square = sum[2 * k + 1] - sum[2 * k] * sum[2 * k] / (double)in;
            deviation += square > 0 ? sqrt(square / (double)in) : 0;
        }
        all += deviation / (double)pixels;
        counted++;
    }
    free(sum);
    return counted > 0 ? all / (double)counted : NAN;
}

/* How much images within a category differ, in units of how much true ones within a class do; without labels or categories,
 * all images in units of all. */
static double diversity(ex_run *run, const infogan *own, dim_tensor *made, const float *codes)
{
    int64_t n = dim_tensor_size(made, 0);
    bool grouped = own->classes > 0 && own->n_categorical > 0;
    const infogan_code *c = &own->code[own->best];
    int64_t *category = infogan_room(run, n, sizeof *category);
    for (int64_t i = 0; i < n && grouped; i++)
        category[i] = (int64_t)codes[i * own->n_codes + own->best];
    double range = own->tanh ? 2 : 1;
    double of_made = spread(run, made, grouped ? category : NULL, grouped ? c->classes : 1, range);
    double of_true = spread(run, own->tested, grouped ? dim_tensor_const_data(own->tested_labels) : NULL,
                            grouped ? own->classes : 1, range);
    free(category);
    return of_made / of_true;
}

static void measure_made(ex_run *run, const infogan *own, double values[EX_MAX_MEASURES])
{
    float *codes = infogan_room(run, MADE * own->n_codes, sizeof *codes);
    float *noise = infogan_room(run, (int64_t)MADE * run->o.noise, sizeof *noise);
    float *said = infogan_room(run, MADE * own->said, sizeof *said);
    int64_t found = 0;
    infogan_draw_codes(own, run->o.seed, MADE, codes);
    infogan_draw_noise(run->o.seed, (int64_t)MADE * run->o.noise, noise);
    dim_tensor *made = infogan_make(run, own, codes, noise, MADE, true); /* running statistics lag behind early in training */
    infogan_say(run, own, made, true, said);
    for (int64_t i = 0; i < MADE; i++)
        for (int k = 0; k < own->n_categorical; k++)
            found += infogan_largest(said + i * own->said + own->code[k].at, own->code[k].classes) ==
                     (int64_t)codes[i * own->n_codes + k];
    values[INFOGAN_FOUND] = own->n_categorical > 0 ? (double)found / (MADE * own->n_categorical) : NAN;
    values[INFOGAN_D_MADE] = 1 - share_true(own, said, MADE);
    values[INFOGAN_DIVERSITY] = diversity(run, own, made, codes);
    dim_tensor_destroy(made);
    free(said);
    free(noise);
    free(codes);
}

bool infogan_measure(ex_run *run, ex_task *task, double values[EX_MAX_MEASURES])
{
    infogan *own = task->own;
    ex_report_note(run, "measuring on %lld test images", (long long)dim_tensor_size(own->tested, 0));
    measure_tested(run, own, values);
    if (!ex_stopped(run))
        measure_made(run, own, values);
    return !ex_stopped(run);
}
