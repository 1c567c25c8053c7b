/* What is shown of the code: which classes are taken for which, a map of its first two principal components, its values, and files. */
#define DIM_EXPERIMENTAL
#include "evaluate.h"
#include "output.h"

#include <dim/index.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static void *room_for(ev_run *run, int64_t n, size_t size)
{
    void *room = calloc((size_t)(n > 0 ? n : 1), size);
    if (room == NULL)
        ex_usage_error(run->ex.program, "out of memory");
    return room;
}

/* ---- confusion ------------------------------------------------------------------------------------------------------------- */

/* As the probe kNN has it: the majority of the nearest, of equally many the smallest class. */
static int64_t majority(const int64_t *nearest, int64_t k, const int64_t *labels, int64_t *votes)
{
    int64_t best = -1;
    for (int64_t j = 0; j < k; j++)
        votes[labels[nearest[j]]]++;
    for (int64_t j = 0; j < k; j++) {
        int64_t c = labels[nearest[j]];
        if (best < 0 || votes[c] > votes[best] || (votes[c] == votes[best] && c < best))
            best = c;
    }
    for (int64_t j = 0; j < k; j++)
        votes[labels[nearest[j]]] = 0;
    return best;
}

static void find_confusion(ev_run *run, const ev_features *f)
{
    ex_run *ex = &run->ex;
    enum { MOST = 200 };           /* classes: more are not to be seen */
    int64_t n = ex->tested.count, k = ex->probed.count < 5 * EV_NEAREST ? ex->probed.count / 5 : EV_NEAREST;
    dim_tensor *found = NULL;
    dim_index *index = NULL;
    if (run->classes > MOST)
        return;
    EX_TRY(ex, dim_tensor_create(ex->ctx, DIM_I64, 2, (int64_t[]){ n, k }, &found));
    EX_TRY(ex, dim_index_create(ex->ctx, DIM_PROBE_KNN_COSINE, f->width, &index));
    EX_TRY(ex, dim_index_add(index, f->train));
    EX_TRY(ex, dim_index_search(index, f->test, found, NULL));
    const int64_t *train = dim_tensor_const_data(ex->train_labels), *test = dim_tensor_const_data(ex->test_labels);
    int64_t *votes = room_for(run, run->classes, sizeof *votes);
    run->confusion = room_for(run, run->classes * run->classes, sizeof *run->confusion);
    for (int64_t i = 0; i < n; i++) {
        int64_t said = majority((const int64_t *)dim_tensor_const_data(found) + i * k, k, train, votes);
        if (test[i] >= 0 && test[i] < run->classes)
            run->confusion[test[i] * run->classes + said]++;
    }
    free(votes);
    dim_index_destroy(index);
    dim_tensor_destroy(found);
}

/* ---- map ------------------------------------------------------------------------------------------------------------------- */

/* Rows at even distances less their mean, in double; their variance. */
static double *centred_rows(ev_run *run, const ev_features *f, int64_t n, int64_t all)
{
    const float *x = dim_tensor_const_data(f->test);
    int64_t d = f->width;
    double *rows = room_for(run, n * d, sizeof *rows), *mean = room_for(run, d, sizeof *mean);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++) {
            rows[i * d + j] = (double)x[i * all / n * d + j];
            mean[j] += rows[i * d + j] / (double)n;
        }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++)
            rows[i * d + j] -= mean[j];
    free(mean);
    return rows;
}

static void normalise(double *v, int64_t d)
{
    double square = 0;
    for (int64_t j = 0; j < d; j++)
        square += v[j] * v[j];
    for (int64_t j = 0; j < d; j++)
        v[j] = square > 0 ? v[j] / sqrt(square) : 0;
}

static void take_away(double *v, const double *u, int64_t d)
{
    double dot = 0;
    for (int64_t j = 0; j < d; j++)
        dot += v[j] * u[j];
    for (int64_t j = 0; j < d; j++)
        v[j] -= dot * u[j];
}

static void project(const double *rows, int64_t n, int64_t d, const double *v, double *out)
{
    for (int64_t i = 0; i < n; i++) {
        out[i] = 0;
        for (int64_t j = 0; j < d; j++)
            out[i] += rows[i * d + j] * v[j];
    }
}

/* The two axes of the largest variances, by repeated products with the covariance, which is never made: v := X' X v. */
static void find_axes(ev_run *run, const double *rows, int64_t n, int64_t d, double *axes)
{
    enum { ROUNDS = 40 };
    double *out = room_for(run, n, sizeof *out);
    for (int64_t j = 0; j < 2 * d; j++) /* any start that no data set has been made for */
        axes[j] = sin(1.0 + 2.39996 * (double)j);
    for (int round = 0; round < ROUNDS; round++)
        for (int k = 0; k < 2; k++) {
            double *v = axes + k * d;
            project(rows, n, d, v, out);
            memset(v, 0, (size_t)d * sizeof *v);
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < d; j++)
                    v[j] += rows[i * d + j] * out[i];
            if (k == 1)
                take_away(v, axes, d);
            normalise(v, d);
        }
    free(out);
}

static void make_map(ev_run *run, const ev_features *f, const dim_tensor *labels)
{
    int64_t all = dim_tensor_size(f->test, 0), n = all < EV_MAP ? all : EV_MAP, d = f->width;
    double *rows = centred_rows(run, f, n, all), *axes = room_for(run, 2 * d, sizeof *axes), variance = 0;
    const int64_t *class = labels != NULL ? dim_tensor_const_data(labels) : NULL;
    for (int64_t i = 0; i < n * d; i++)
        variance += rows[i] * rows[i];
    find_axes(run, rows, n, d, axes);
    run->mapped = n;
    run->map = room_for(run, 2 * n, sizeof *run->map);
    run->map_classes = room_for(run, n, sizeof *run->map_classes);
    for (int k = 0; k < 2; k++) {
        double part = 0;
        project(rows, n, d, axes + k * d, run->map + k * n);
        for (int64_t i = 0; i < n; i++)
            part += run->map[k * n + i] * run->map[k * n + i];
        run->map_share[k] = variance > 0 ? part / variance : 0;
    }
    for (int64_t i = 0; i < n; i++)
        run->map_classes[i] = class != NULL ? class[i * all / n] : -1;
    free(axes);
    free(rows);
}

/* ---- values ---------------------------------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void find_values(ev_run *run, const ev_features *f)
{
    const float *x = dim_tensor_const_data(f->test);
    int64_t n = dim_tensor_size(f->test, 0), d = f->width;
    run->deviations = room_for(run, d, sizeof *run->deviations);
    run->bins_low = run->bins_high = (double)x[0];
    for (int64_t i = 0; i < n * d; i++) {
        run->bins_low = fmin(run->bins_low, (double)x[i]);
        run->bins_high = fmax(run->bins_high, (double)x[i]);
    }
    for (int64_t i = 0; i < n * d; i++) {
        double share = run->bins_high > run->bins_low ? ((double)x[i] - run->bins_low) / (run->bins_high - run->bins_low) : 0;
        int bin = (int)(share * EV_BINS);
        run->bins[bin < EV_BINS ? bin : EV_BINS - 1]++;
    }
    for (int64_t j = 0; j < d; j++) {
        double mean = 0, square = 0;
        for (int64_t i = 0; i < n; i++)
            mean += (double)x[i * d + j] / (double)n;
        for (int64_t i = 0; i < n; i++)
            square += ((double)x[i * d + j] - mean) * ((double)x[i * d + j] - mean) / (double)n;
        run->deviations[j] = sqrt(square);
    }
    qsort(run->deviations, (size_t)d, sizeof *run->deviations, by_number);
}

void ev_code(ev_run *run, const ev_features *f, const dim_tensor *shown_labels)
{
    ex_report_note(&run->ex, "%s: map and values", f->tap);
    if (f->train != NULL)
        find_confusion(run, f);
    make_map(run, f, shown_labels);
    find_values(run, f);
}

void ev_code_free(ev_run *run)
{
    free(run->confusion);
    free(run->map);
    free(run->map_classes);
    free(run->deviations);
    for (int64_t c = 0; c < run->classes; c++)
        free(run->class_names[c]);
    free(run->class_names);
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

static void print_rows(FILE *to, const dim_tensor *code, const dim_tensor *labels)
{
    int64_t n = dim_tensor_size(code, 0), d = dim_tensor_size(code, 1);
    const float *x = dim_tensor_const_data(code);
    const int64_t *label = labels != NULL ? dim_tensor_const_data(labels) : NULL;
    fputs(label != NULL ? "label" : "", to);
    for (int64_t j = 0; j < d; j++)
        fprintf(to, "%sf%lld", j > 0 || label != NULL ? "," : "", (long long)j);
    for (int64_t i = 0; i < n; i++) {
        fputc('\n', to);
        if (label != NULL)
            fprintf(to, "%lld", (long long)label[i]);
        for (int64_t j = 0; j < d; j++)
            fprintf(to, "%s%.9g", j > 0 || label != NULL ? "," : "", (double)x[i * d + j]);
    }
    fputc('\n', to);
}

static bool save_csv(ev_run *run, const dim_tensor *code, const dim_tensor *labels, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    bool good = to != NULL;
    if (good) {
        print_rows(to, code, labels);
        good = ferror(to) == 0;
        good = fclose(to) == 0 && good;
    }
    if (!good)
        errno = ENOMEM;
    good = good && ex_write_file(path, text, size);
    if (!good)
        fprintf(stderr, "%s: cannot write %s: %s\n", run->ex.program->name, path, strerror(errno));
    free(text);
    return good;
}

static bool save_npy(ev_run *run, const dim_tensor *t, const char *path)
{
    if (dim_tensor_save_npy(t, path) == DIM_OK)
        return true;
    fprintf(stderr, "%s: %s\n", run->ex.program->name, dim_context_error(run->ex.ctx));
    return false;
}

bool ev_code_files(ev_run *run, const dim_tensor *code, const dim_tensor *labels)
{
    char path[EX_MAX_PATH];
    ex_report_note(&run->ex, "writing features.npy and features.csv");
    bool good = save_npy(run, code, ex_folder_file(&run->ex, "features.npy", path));
    ex_folder_file(&run->ex, "features.labels.npy", path);
    if (labels != NULL)
        good = save_npy(run, labels, path) && good;
    else
        unlink(path); /* of an earlier call, with other rows */
    good = save_csv(run, code, labels, ex_folder_file(&run->ex, "features.csv", path)) && good;
    ex_report_clear();
    if (good)
        fprintf(stderr, "features:   %s/features.npy, features.csv\n", run->ex.o.out);
    return good;
}
