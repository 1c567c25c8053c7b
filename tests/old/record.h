/* What the library did with a world of world.h, as lines of text: written once, by the old library, and compared ever after.
 * Names, shapes and parameters must be the same; what was computed may differ in its rounding. */
#ifndef OLD_RECORD_H
#define OLD_RECORD_H

#include "world.h"
#include <math.h>
#include <stdio.h>

typedef struct old_record {
    FILE *f;
    bool write;
    int lines;       /* of the section so far */
    int wrong;       /* lines that differ */
    double worst;    /* largest difference of a number, in tolerances */
    char name[64];   /* of the section */
    char differs[600]; /* the first line that differs */
} old_record;

/* The longest path from a pixel to a feature has 331 products, in AMDIM's network, and some 100 steps of batch norms; each
 * is rounded once, so the sum of all roundings is at most 512 units, of 2^-24 of what is added up.  That is of the size of the
 * features, at which a number is looked at. */
#define OLD_FEATURE_TOLERANCE (512 * 0x1p-24)
/* A step goes that path twice more, backward, and over it the sums of scores; then the update divides by the root of the
 * second moments, which the files have.  Each later step starts from parameters that differ by that much. */
#define OLD_STEP_TOLERANCE (3 * OLD_FEATURE_TOLERANCE)

static inline void old_differs(old_record *r, const char *want, const char *got)
{
    if (r->wrong++ == 0)
        snprintf(r->differs, sizeof r->differs, "[%s] line %d: was '%s', is '%s'", r->name, r->lines, want, got);
}

/* The next line of the section, without its end; "" behind the last. */
static inline void old_next(old_record *r, char *line, int room)
{
    long at = ftell(r->f);
    if (fgets(line, room, r->f) == NULL || line[0] == '[') {
        fseek(r->f, at, SEEK_SET);
        line[0] = '\0';
    }
    line[strcspn(line, "\n")] = '\0';
    r->lines++;
}

static inline void old_section(old_record *r, const char *name)
{
    char line[200], want[80];
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(want, sizeof want, "[%s]\n", name);
    r->lines = 0;
    if (r->write) {
        fputs(want, r->f);
        return;
    }
    rewind(r->f);
    do {
        if (fgets(line, sizeof line, r->f) == NULL) {
            old_differs(r, want, "a file without this section");
            return;
        }
    } while (strcmp(line, want) != 0);
}

static inline void old_end(old_record *r)
{
    char line[200];
    if (r->write)
        return;
    old_next(r, line, sizeof line);
    if (line[0] != '\0' || r->lines == 1)
        old_differs(r, line, "the end");
}

static inline void old_text(old_record *r, const char *text)
{
    char line[200];
    if (r->write) {
        fprintf(r->f, "%s\n", text);
        return;
    }
    old_next(r, line, sizeof line);
    if (strcmp(line, text) != 0)
        old_differs(r, line, text);
}

/* A number that may differ by tolerance (|what it was| + size). */
static inline void old_number(old_record *r, const char *name, double value, double tolerance, double size)
{
    char line[200], text[200], was[120];
    double want = NAN;
    snprintf(text, sizeof text, "%s %.9g", name, value);
    if (r->write) {
        fprintf(r->f, "%s\n", text);
        return;
    }
    old_next(r, line, sizeof line);
    if (sscanf(line, "%119s %lf", was, &want) != 2 || strcmp(was, name) != 0) {
        old_differs(r, line, text);
        return;
    }
    double away = fabs(value - want) / (tolerance * (fabs(want) + size));
    if (!(away <= 1))
        old_differs(r, line, text);
    r->worst = fmax(r->worst, away);
}

/* "name, shape, checksum": parameters are read bit for bit. */
static inline void old_parameter(old_record *r, const char *name, const dim_tensor *t)
{
    char text[160];
    const float *x = dim_tensor_const_data(t);
    uint32_t sum = 2166136261u;
    int n = snprintf(text, sizeof text, "%s", name);
    for (int axis = 0; axis < dim_tensor_rank(t); axis++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%lld", axis == 0 ? " " : "x", (long long)dim_tensor_size(t, axis));
    for (int64_t i = 0; i < dim_tensor_count(t); i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        sum = (sum ^ bits) * 16777619u;
    }
    snprintf(text + n, sizeof text - (size_t)n, " %08lx", (unsigned long)sum);
    old_text(r, text);
}

static inline double old_rms(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * x[i];
    return sqrt(sum / (double)n);
}

/* Of each tap: its shape, and for two samples the root of the mean square and some of the features. */
static inline dim_status old_features(old_world *w, old_record *r)
{
    enum { SOME = 12 };
    dim_tensor *images = NULL;
    OLD_TRY(dim_dataset_read(w->data, 0, OLD_BATCH, w->batch, NULL));
    OLD_TRY(dim_tensor_slice(w->batch, 0, 0, 2, 1, &images));
    dim_status status = DIM_OK;
    for (int k = 0; status == DIM_OK && k < dim_encoder_tap_count(w->enc); k++) {
        const char *tap = dim_encoder_tap_name(w->enc, k);
        char text[120];
        int64_t shape[3];
        dim_tensor *features = NULL;
        status = dim_encoder_tap_shape(w->enc, tap, shape);
        if (status == DIM_OK)
            status = dim_tensor_create(w->ctx, DIM_F32, 2, (int64_t[]){ 2, shape[0] * shape[1] * shape[2] }, &features);
        if (status == DIM_OK)
            status = dim_encoder_encode(w->enc, images, tap, features);
        if (status == DIM_OK) {
            const float *x = dim_tensor_const_data(features);
            const int64_t n = dim_tensor_count(features);
            const double size = old_rms(x, n);
            snprintf(text, sizeof text, "tap %s %lldx%lldx%lld", tap, (long long)shape[0], (long long)shape[1],
                     (long long)shape[2]);
            old_text(r, text);
            old_number(r, "rms", size, OLD_FEATURE_TOLERANCE, size);
            for (int64_t i = 0; i < SOME; i++)
                old_number(r, tap, x[(i * n + n / 2) / SOME], OLD_FEATURE_TOLERANCE, size);
        }
        dim_tensor_destroy(features);
    }
    dim_tensor_destroy(images);
    return status;
}

/* The encoder as it is: parameters and features. */
static inline dim_status old_record_encoder(old_world *w, old_record *r)
{
    old_section(r, "encoder");
    for (int i = 0; i < dim_encoder_parameter_count(w->enc); i++) {
        const char *name = dim_encoder_parameter_name(w->enc, i);
        dim_tensor *t;
        OLD_TRY(dim_encoder_get_parameter(w->enc, name, &t));
        old_parameter(r, name, t);
        dim_tensor_destroy(t);
    }
    OLD_TRY(old_features(w, r));
    old_end(r);
    return DIM_OK;
}

/* All parameters of the model as they are. */
static inline dim_status old_record_model(old_world *w, old_record *r)
{
    old_section(r, "model");
    for (int i = 0; i < dim_model_parameter_count(w->model); i++) {
        char name[120];
        dim_tensor *t;
        snprintf(name, sizeof name, "%s", dim_model_parameter_name(w->model, i));
        OLD_TRY(dim_model_get_parameter(w->model, name, &t));
        old_parameter(r, name, t);
        dim_tensor_destroy(t);
    }
    old_end(r);
    return DIM_OK;
}

/* What the classifier, if there is one, says of the first samples after the steps. */
static inline dim_status old_logits(old_world *w, old_record *r)
{
    dim_tensor *logits;
    if (w->recipe != OLD_LOCAL && w->recipe != OLD_VIEWS)
        return DIM_OK;
    OLD_TRY(dim_dataset_read(w->data, 0, OLD_BATCH, w->batch, NULL));
    OLD_TRY(dim_tensor_create(w->ctx, DIM_F32, 2, (int64_t[]){ OLD_BATCH, OLD_CLASSES }, &logits));
    dim_status status = dim_model_classify(w->model, w->recipe == OLD_LOCAL ? NULL : "mlp", w->batch, logits);
    for (int64_t i = 0; status == DIM_OK && i < OLD_CLASSES; i++)
        old_number(r, "logit", ((const float *)dim_tensor_const_data(logits))[i], OLD_AFTER * OLD_STEP_TOLERANCE, 1);
    dim_tensor_destroy(logits);
    return status;
}

/* The steps to come: all reports of each, then the size of all parameters, and logits. */
static inline dim_status old_record_steps(old_world *w, old_record *r)
{
    old_section(r, "steps");
    for (int k = 0; k < OLD_AFTER; k++) {
        char text[40];
        OLD_TRY(old_step(w, OLD_BEFORE + k));
        snprintf(text, sizeof text, "step %llu", (unsigned long long)dim_model_steps(w->model));
        old_text(r, text);
        for (int i = 0; i < dim_model_report_count(w->model); i++) {
            const char *name = dim_model_report_name(w->model, i);
            double value;
            OLD_TRY(dim_model_report(w->model, name, &value));
            old_number(r, name, value, (k + 1) * OLD_STEP_TOLERANCE, 1);
        }
    }
    for (int i = 0; i < dim_model_parameter_count(w->model); i++) {
        char name[120];
        dim_tensor *t;
        snprintf(name, sizeof name, "%s", dim_model_parameter_name(w->model, i));
        OLD_TRY(dim_model_get_parameter(w->model, name, &t));
        old_number(r, name, old_rms(dim_tensor_const_data(t), dim_tensor_count(t)), OLD_AFTER * OLD_STEP_TOLERANCE, 1);
        dim_tensor_destroy(t);
    }
    OLD_TRY(old_logits(w, r));
    old_end(r);
    return DIM_OK;
}

/* Name of a file of a recipe. */
static inline const char *old_path(char path[512], const char *dir, old_recipe recipe, const char *what)
{
    snprintf(path, 512, "%s/%s%s", dir, old_names[recipe], what);
    return path;
}

#define OLD_ENCODER ".encoder.safetensors"
#define OLD_MODEL ".model.safetensors"
#define OLD_CHECKPOINT ".checkpoint.safetensors"
#define OLD_TEXT ".txt"

#endif
