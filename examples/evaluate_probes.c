/* Probes, and what nearest neighbours have in common. */
#define DIM_EXPERIMENTAL
#include "evaluate.h"

#include <dim/index.h>
#include <math.h>

/* Where there is one run, the deviation of the number of test samples that are right. */
void ev_probe(ev_run *run, const ev_evaluation *e, const ev_features *f)
{
    ex_run *ex = &run->ex;
    dim_probe_options o;
    dim_probe_result r;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&r);
    o.kind = (dim_probe_kind)e->number;
    o.runs = e->runs > 0 ? e->runs : ex->o.runs;
    if (ex->probed.count < 5 * EV_NEAREST) /* as in training programs */
        o.k = (uint32_t)ex->probed.count / 5;
    EX_TRY(ex, dim_probe_run(ex->ctx, &o, f->train, ex->train_labels, f->test, ex->test_labels, &r));
    double sampling = sqrt(r.accuracy * (1 - r.accuracy) / (double)ex->tested.count);
    ev_found(run, e, f, NULL, NULL, (ev_value){ r.accuracy, r.runs > 1 ? r.accuracy_std : sampling, r.runs, true, "%" });
}

/* How many of the 9 nearest other test samples are of a sample's class, over all test samples. */
void ev_retrieval(ev_run *run, const ev_evaluation *e, const ev_features *f)
{
    enum { NEAREST = 9, PIECE = 1024 };
    ex_run *ex = &run->ex;
    int64_t n = ex->tested.count, right = 0;
    const int64_t *labels = dim_tensor_const_data(ex->test_labels);
    dim_index *index = NULL;
    if (n <= NEAREST) {
        ex_report_clear();
        fprintf(stderr, "%s: no %s: there are %lld test images, and %d is the least\n", ex->program->name, e->name, (long long)n,
                NEAREST + 1);
        return;
    }
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
    ev_found(run, e, f, NULL, NULL, (ev_value){ (double)right / (double)(n * NEAREST), (double)NAN, 1, true, "%" });
}
