/* What the tests of <dim/information.h> share: draws, tensors of columns, and measuring in one line. */
#ifndef DIM_TESTS_INFORMATION_TESTS_H
#define DIM_TESTS_INFORMATION_TESTS_H

#include "draws.h"
#include "objective_tests.h"
#include <dim/information.h>

#include <math.h>

/* Every test draws from a stream of its own, whichever tests ran before it: alone, or in another order, it sees the same. */
static inline int fresh_draws(void **state)
{
    draws = 88172645463325252u;
    for (const char *name = *state; *name != 0; name++)
        draws = (draws ^ (uint64_t)*name) * 0x100000001b3u;
    return 0;
}
#undef cmocka_unit_test
#define cmocka_unit_test(f) cmocka_unit_test_prestate_setup_teardown(f, fresh_draws, NULL, (void *)(uintptr_t)#f)

static inline void near(double got, double want, double most)
{
    if (!(fabs(got - want) <= most))
        fail_msg("%.15g is not %.15g, by more than %g", got, want, most);
}

/* (n, d) f64 of row-major numbers */
static inline dim_tensor *tensor_of(const double *x, int64_t n, int64_t d)
{
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ n, d }, &t));
    memcpy(dim_tensor_data(t), x, (size_t)(n * d) * sizeof *x);
    return t;
}

typedef struct sides {
    int64_t n, dx, dy, dz;
    double *x, *y, *z; /* row-major; z may be NULL */
} sides;

static inline sides new_sides(int64_t n, int64_t dx, int64_t dy, int64_t dz)
{
    sides s = { n, dx, dy, dz, malloc((size_t)(n * dx) * sizeof(double)), malloc((size_t)(n * dy) * sizeof(double)),
                dz > 0 ? malloc((size_t)(n * dz) * sizeof(double)) : NULL };
    return s;
}

static inline void free_sides(sides *s)
{
    free(s->x);
    free(s->y);
    free(s->z);
}

typedef struct tensors {
    dim_information_data data;
    dim_tensor *x, *y, *z;
} tensors;

static inline tensors tensors_of(const sides *s)
{
    tensors t = { .x = tensor_of(s->x, s->n, s->dx), .y = tensor_of(s->y, s->n, s->dy),
                  .z = s->z != NULL ? tensor_of(s->z, s->n, s->dz) : NULL };
    DIM_OPTIONS_INIT(&t.data);
    t.data.x = t.x;
    t.data.y = t.y;
    t.data.z = t.z;
    return t;
}

static inline void free_tensors(tensors *t)
{
    dim_tensor_destroy(t->x);
    dim_tensor_destroy(t->y);
    dim_tensor_destroy(t->z);
}

static inline dim_status try_measure(const sides *s, const dim_information_options *o, const uint8_t *x_kinds, const uint8_t *y_kinds,
                                     dim_information **info)
{
    tensors t = tensors_of(s);
    t.data.x_kinds = x_kinds;
    t.data.y_kinds = y_kinds;
    dim_status status = dim_information_measure(ctx, o, &t.data, info);
    free_tensors(&t);
    return status;
}

static inline dim_information_result result_of(const dim_information *info)
{
    dim_information_result r;
    DIM_OPTIONS_INIT(&r);
    ok(dim_information_get_result(info, &r));
    return r;
}

static inline dim_information_result measure_with(const sides *s, dim_information_options o)
{
    dim_information *info;
    o.size = sizeof o;
    ok(try_measure(s, &o, NULL, NULL, &info));
    dim_information_result r = result_of(info);
    dim_information_destroy(info);
    return r;
}

#define MEASURE(s, ...) measure_with(s, (dim_information_options){ .size = 0, __VA_ARGS__ })

#endif
