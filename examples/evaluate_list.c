/* The evaluations themselves. */
#define DIM_EXPERIMENTAL
#include "evaluate.h"

#include <dim/index.h>
#include <math.h>
#include <stdlib.h>

static void ev_probe(ev_run *run, const ev_evaluation *e, const ev_features *f);
static void ev_retrieval(ev_run *run, const ev_evaluation *e, const ev_features *f);
static void ev_deviation(ev_run *run, const ev_evaluation *e, const ev_features *f);

#define X(...) { __VA_ARGS__ },
static const ev_evaluation list[] = {
#include "evaluate_list.def"
};
#undef X
enum { N_LIST = sizeof list / sizeof *list };

/* Whether a list with commas between has the name. */
static bool has_name(const char *names, const char *name)
{
    size_t length = strlen(name);
    for (; names != NULL; names = strchr(names, ','), names += names != NULL)
        if (strncmp(names, name, length) == 0 && (names[length] == '\0' || names[length] == ','))
            return true;
    return false;
}

void ev_check_only(const ev_run *run)
{
    for (const char *at = run->ex.o.only; at != NULL; at = strchr(at, ','), at += at != NULL) {
        size_t length = strcspn(at, ",");
        int k = 0;
        while (k < N_LIST && (strlen(list[k].name) != length || strncmp(list[k].name, at, length) != 0))
            k++;
        if (k == N_LIST)
            ex_usage_error(run->ex.program, "--only: there is no evaluation '%.*s'; see --help", (int)length, at);
    }
}

void ev_found(ev_run *run, const ev_evaluation *e, const ev_features *f, double value, double deviation, int64_t runs, bool share,
              const char *unit)
{
    if (run->n_numbers == EV_NUMBERS)
        ex_usage_error(run->ex.program, "--taps, --only: more than %d numbers", EV_NUMBERS);
    run->numbers[run->n_numbers++] = (ev_number){ e->name, e->title, f->tap, unit, f->width, value, deviation, runs, share };
}

void ev_evaluate(ev_run *run, const ev_features *f)
{
    for (int k = 0; k < N_LIST; k++) {
        const ev_evaluation *e = &list[k];
        if ((run->ex.o.only != NULL && !has_name(run->ex.o.only, e->name)) || ((e->needs & EV_LABELS) != 0 && f->train == NULL))
            continue;
        ex_report_note(&run->ex, "%s: %s", f->tap, e->title);
        e->run(run, e, f);
    }
}

/* Mean and deviation of a probe's runs, each with a seed of its own; where nothing is random, the deviation of the number of test
 * samples that are right. */
static void ev_probe(ev_run *run, const ev_evaluation *e, const ev_features *f)
{
    ex_run *ex = &run->ex;
    uint32_t runs = e->runs > 0 ? e->runs : ex->o.runs;
    double sum = 0, squares = 0, n = (double)ex->tested.count;
    for (uint32_t i = 0; i < runs; i++) {
        dim_probe_options o;
        dim_probe_result r;
        DIM_OPTIONS_INIT(&o);
        DIM_OPTIONS_INIT(&r);
        o.kind = (dim_probe_kind)e->number;
        o.seed = ex->o.seed + 1 + i;
        if (ex->probed.count < 5 * EV_NEAREST) /* as in training programs */
            o.k = (uint32_t)ex->probed.count / 5;
        EX_TRY(ex, dim_probe_run(ex->ctx, &o, f->train, ex->train_labels, f->test, ex->test_labels, &r));
        sum += r.accuracy;
        squares += r.accuracy * r.accuracy;
    }
    double mean = sum / runs, spread = runs > 1 ? sqrt(fmax(0, (squares - sum * mean) / (runs - 1))) : sqrt(mean * (1 - mean) / n);
    ev_found(run, e, f, mean, spread, runs, true, "%");
}

/* How many of the 9 nearest other test samples are of a sample's class, over all test samples. */
static void ev_retrieval(ev_run *run, const ev_evaluation *e, const ev_features *f)
{
    enum { NEAREST = 9, PIECE = 1024 };
    ex_run *ex = &run->ex;
    int64_t n = ex->tested.count, right = 0;
    const int64_t *labels = dim_tensor_const_data(ex->test_labels);
    dim_index *index = NULL;
    if (n <= NEAREST)
        return;
    EX_TRY(ex, dim_index_create(ex->ctx, (dim_probe_kind)e->number, f->width, &index));
    EX_TRY(ex, dim_index_add(index, f->test));
    for (int64_t at = 0, some; at < n; at += some) {
        dim_tensor *queries = NULL, *found = NULL;
        some = n - at < PIECE ? n - at : PIECE;
        EX_TRY(ex, dim_tensor_slice(f->test, 0, at, some, 1, &queries));
        EX_TRY(ex, dim_tensor_create(ex->ctx, DIM_I64, 2, (int64_t[]){ some, NEAREST + 1 }, &found));
        EX_TRY(ex, dim_index_search(index, queries, found, NULL));
        const int64_t *row = dim_tensor_const_data(found);
        for (int64_t i = 0; i < some; i++, row += NEAREST + 1)
            for (int j = 0, kept = 0; j <= NEAREST && kept < NEAREST; j++)
                if (row[j] != at + i) {
                    right += labels[row[j]] == labels[at + i];
                    kept++;
                }
        dim_tensor_destroy(queries);
        dim_tensor_destroy(found);
    }
    dim_index_destroy(index);
    ev_found(run, e, f, (double)right / (double)(n * NEAREST), (double)NAN, 1, true, "%");
}

/* The mean over units of the deviation over test samples: near 0, codes have collapsed. */
static void ev_deviation(ev_run *run, const ev_evaluation *e, const ev_features *f)
{
    const float *x = dim_tensor_const_data(f->test);
    int64_t n = dim_tensor_size(f->test, 0), d = f->width;
    double total = 0;
    for (int64_t j = 0; j < d; j++) {
        double mean = 0, square = 0;
        for (int64_t i = 0; i < n; i++)
            mean += (double)x[i * d + j];
        mean /= (double)n;
        for (int64_t i = 0; i < n; i++)
            square += ((double)x[i * d + j] - mean) * ((double)x[i * d + j] - mean);
        total += sqrt(square / (double)n);
    }
    ev_found(run, e, f, total / (double)d, (double)NAN, 1, false, "");
}
