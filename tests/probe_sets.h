/* The sets of fixtures/make_probe_sets.py, and probes of them. */
#ifndef DIM_PROBE_SETS_H
#define DIM_PROBE_SETS_H

#include "probe_tests.h"

#include <string.h>

enum { MOST = 200 * 400 };

typedef struct set {
    float train[MOST], test[MOST];
    int32_t train_labels[1000], test_labels[1000];
    int64_t n, m, d;
} set;

static set data;

static inline dim_probe_result run(const set *s, const dim_probe_options *o)
{
    dim_probe_result r;
    dim_tensor *a = wrap(DIM_F32, (void *)s->train, s->n, s->d), *b = wrap(DIM_F32, (void *)s->test, s->m, s->d);
    dim_tensor *la = wrap(DIM_I32, (void *)s->train_labels, s->n, 0), *lb = wrap(DIM_I32, (void *)s->test_labels, s->m, 0);
    DIM_OPTIONS_INIT(&r);
    dim_status status = dim_probe_run(ctx, o, a, la, b, lb, &r);
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
    dim_tensor *all[] = {a, b, la, lb};
    for (size_t i = 0; i < 4; i++)
        dim_tensor_destroy(all[i]);
    return r;
}

static inline dim_probe_options options(dim_probe_kind kind)
{
    dim_probe_options o;
    DIM_OPTIONS_INIT(&o);
    o.kind = kind;
    return o;
}

static inline void read_set(const char *name, int64_t n)
{
    char path[64];
    snprintf(path, sizeof path, "probe_sets/%s.npy", name);
    dim_tensor *t = load(path), *rows;
    const int64_t shape[2] = {dim_tensor_size(t, 0), dim_tensor_size(t, 1)};
    assert_int_equal(dim_tensor_create(ctx, DIM_F32, 2, shape, &rows), DIM_OK);
    assert_int_equal(dim_tensor_copy(rows, t), DIM_OK);
    data.n = n;
    data.m = shape[0] - n;
    data.d = shape[1] - 1;
    assert_true(data.n * data.d <= MOST && data.m * data.d <= MOST && data.n <= 1000 && data.m <= 1000);
    const float *row = dim_tensor_const_data(rows);
    for (int64_t i = 0; i < shape[0]; i++, row += shape[1]) {
        memcpy(i < n ? data.train + i * data.d : data.test + (i - n) * data.d, row, (size_t)data.d * sizeof *row);
        *(i < n ? &data.train_labels[i] : &data.test_labels[i - n]) = (int32_t)row[data.d];
    }
    dim_tensor_destroy(rows);
    dim_tensor_destroy(t);
}

#endif
