/* Every public function, by the list that is made of the headers (every.h): with every allocation failing once, with NULL for each
 * pointer, with NaN and infinities for each float, with overlapping tensors, and with its objects destroyed in any order.
 * On a small stack: test_every_stack.c. */
#include "every_run.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

/* What is not asked of a function, and why.  It is printed. */
static const struct {
    const char *test, *function, *why;
} exceptions[] = {
    { "overlap", "dim_dataset_from_tensors", "both tensors are only read" },
};

static int excepted(const char *test, const every_function *f)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (strcmp(exceptions[i].test, test) == 0 && strcmp(exceptions[i].function, f->name) == 0)
            return 1;
    return 0;
}

/* Whether this build has what the case needs; a function that it does not have says DIM_E_UNSUPPORTED. */
static int supported(const every_function *f)
{
    every_run run;
    every_begin(&run, f, "supported");
    every_call(&run);
    int unsupported = run.r.status == DIM_E_UNSUPPORTED;
    every_end(&run, NULL);
    return !unsupported;
}

#define EACH(f) (const every_function *f = every_functions; f < every_functions + every_count; f++)

static void test_cases(void **state)
{
    int without = 0;
    (void)state;
    for EACH(f)
        if (f->arguments == NULL) {
            fprintf(stderr, "%s has no case: add one to tests/every_cases_*.c\n", f->name);
            without++;
        }
    assert_int_equal(without, 0);
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++) {
        assert_non_null(every_find(exceptions[i].function));
        printf("left out: %s of %s: %s\n", exceptions[i].test, exceptions[i].function, exceptions[i].why);
    }
    for EACH(f) {
        every_run run;
        every_begin(&run, f, "as it should be");
        every_call(&run);
#if DIM_HAVE_PNG
        int may_lack = 0;
#else
        int may_lack = run.r.status == DIM_E_UNSUPPORTED;
#endif
        if (may_lack)
            printf("not in this build: %s\n", f->name);
        else if (run.r.status != DIM_OK)
            every_fault(&run, "%s", run.w.ctx != NULL ? dim_context_error(run.w.ctx) : dim_status_name(run.r.status));
        every_end(&run, NULL);
    }
    printf("%d functions\n", every_count);
}

static void test_allocations(void **state)
{
    long failures = 0;
    (void)state;
    for EACH(f) {
        long k = 1;
        for (int reached = supported(f); reached; k++) {
            every_run run;
            char what[64];
            snprintf(what, sizeof what, "with allocation %ld failing", k);
            every_begin(&run, f, what);
            run.w.memory.fail_at = run.w.memory.calls + k;
            every_call(&run);
            reached = run.w.memory.calls >= run.w.memory.fail_at;
            run.w.memory.fail_at = 0;
            if (every_has_status(f) && reached) {
                if (run.r.status != DIM_E_NOMEM)
                    every_fault(&run, "%s and not DIM_E_NOMEM", dim_status_name(run.r.status));
                every_check_failure(&run);
                every_again(&run, run.a);
            } else if (run.r.status != DIM_OK) {
                every_fault(&run, "%s though nothing failed", dim_status_name(run.r.status));
            }
            every_end(&run, NULL);
        }
        failures += k > 1 ? k - 2 : 0;
    }
    printf("%ld allocations failed\n", failures);
}

static void try_call(every_run *run, const every_value *good)
{
    every_call(run);
    if (!every_has_status(run->f)) {
        memcpy(run->a, good, sizeof run->a);
        if (strcmp(run->f->returns, "void") == 0) /* it destroys, and has not yet */
            every_call(run);
    } else if (run->r.status != DIM_OK) {
        every_check_failure(run);
        every_again(run, good);
    }
    every_end(run, NULL);
}

static void null_argument(const every_function *f, int i, int element)
{
    every_run run;
    every_value good[EVERY_ARGUMENTS];
    char what[64];
    snprintf(what, sizeof what, "with NULL for argument %d%s", i + 1, element ? "'s first element" : "");
    every_begin(&run, f, what);
    memcpy(good, run.a, sizeof good);
    dim_tensor *list[2] = { NULL, NULL };
    if (element) {
        memcpy(list, run.a[i].p, sizeof list);
        list[0] = NULL;
        run.a[i].p = list;
    } else {
        run.a[i].p = NULL;
        run.a[i].f = NULL;
    }
    every_copy(&run);
    try_call(&run, good);
}

static void test_null(void **state)
{
    (void)state;
    for EACH(f) {
        if (!supported(f))
            continue;
        for (int i = 0; i < f->n; i++) {
            every_kind kind = f->parameter[i].kind;
            if (kind != EVERY_NUMBER && kind != EVERY_ENUM && kind != EVERY_FLOAT)
                null_argument(f, i, 0);
            if (kind == EVERY_HANDLES)
                null_argument(f, i, 1);
        }
        every_run run;
        every_value good[EVERY_ARGUMENTS];
        every_begin(&run, f, "with NULL for all pointers");
        memcpy(good, run.a, sizeof good);
        for (int i = 0; i < f->n; i++)
            run.a[i].p = NULL;
        every_copy(&run);
        try_call(&run, good);
    }
}

/* ---- NaN --------------------------------------------------------------------------------------------------------- */

static const double not_finite[3] = { NAN, INFINITY, -INFINITY };

static void nan_argument(const every_function *f, int i, double x)
{
    every_run run;
    every_value good[EVERY_ARGUMENTS];
    char what[64];
    snprintf(what, sizeof what, "with %g for argument %d", x, i + 1);
    every_begin(&run, f, what);
    memcpy(good, run.a, sizeof good);
    run.a[i].d = x;
    try_call(&run, good);
}

static int is_float_of(const every_field *field, const char *type, size_t element)
{
    return field->kind == EVERY_FLOAT && strcmp(field->in, type) == 0 && element < field->size / sizeof(float);
}

static void nan_field(const every_function *f, int i, const every_field *field, size_t element, double x)
{
    every_run run;
    float old;
    const float bad = (float)x;
    char what[120];
    snprintf(what, sizeof what, "with %g for %s.%s[%zu]", x, field->in, field->name, element);
    every_begin(&run, f, what);
    char *at = (char *)run.a[i].p + field->offset + element * sizeof old;
    memcpy(&old, at, sizeof old);
    memcpy(at, &bad, sizeof bad);
    every_call(&run);
    memcpy(at, &old, sizeof old);
    if (run.r.status != DIM_OK) {
        every_check_failure(&run);
        every_again(&run, run.a);
    }
    every_end(&run, NULL);
}

static void nan_element(const every_function *f, int which, int at_end, double x)
{
    every_run run;
    every_tensor tensors[EVERY_ARGUMENTS];
    char what[64];
    snprintf(what, sizeof what, "with %g in tensor %d", x, which + 1);
    every_begin(&run, f, what);
    every_tensors(&run, tensors);
    dim_tensor *t = *tensors[which].at;
    if (dim_tensor_dtype(t) == DIM_F32) {
        float *element = (float *)dim_tensor_data(t) + (at_end ? dim_tensor_count(t) - 1 : 1), old = *element;
        *element = (float)x;
        every_copy(&run);
        every_call(&run);
        if (run.r.status != DIM_OK) {
            every_check_failure(&run);
            *element = old;
            every_again(&run, run.a);
        }
    } else {
        every_call(&run);
    }
    every_end(&run, NULL);
}

static void test_nan(void **state)
{
    (void)state;
    for EACH(f) {
        every_run run;
        every_tensor tensors[EVERY_ARGUMENTS];
        if (!every_has_status(f) || !supported(f))
            continue;
        every_begin(&run, f, "NaN");
        int n = every_tensors(&run, tensors);
        every_end(&run, NULL);
        for (int k = 0; k < 3; k++) {
            for (int i = 0; i < f->n; i++) {
                if (f->parameter[i].kind == EVERY_FLOAT)
                    nan_argument(f, i, not_finite[k]);
                for (int s = 0; f->parameter[i].kind == EVERY_OPTIONS && s < every_field_count; s++)
                    for (size_t e = 0; is_float_of(&every_fields[s], f->parameter[i].type, e); e++)
                        nan_field(f, i, &every_fields[s], e, not_finite[k]);
            }
            for (int t = 0; t < n; t++) {
                nan_element(f, t, 0, not_finite[k]);
                nan_element(f, t, 1, not_finite[k]);
            }
        }
    }
}

/* ---- overlap ----------------------------------------------------------------------------------------------------- */

static size_t bytes_of(const dim_tensor *t) { return (size_t)dim_tensor_count(t) * dim_dtype_size(dim_tensor_dtype(t)); }

static dim_tensor *wrapped(every_run *run, const dim_tensor *like, void *memory)
{
    dim_tensor *t = NULL;
    int64_t shape[DIM_MAX_RANK];
    for (int i = 0; i < dim_tensor_rank(like); i++)
        shape[i] = dim_tensor_size(like, i);
    if (dim_tensor_wrap(run->w.ctx, dim_tensor_dtype(like), dim_tensor_rank(like), shape, NULL, memory, NULL, NULL, &t) != DIM_OK)
        every_fault(run, "cannot wrap: %s", dim_context_error(run->w.ctx));
    every_keep(&run->w, "dim_tensor", "overlapping", t);
    return t;
}

/* Tensors i and j in one block of memory, j `shift` elements of 8 bytes behind i; shift < 0: the same handle. */
static void overlap(const every_function *f, const every_run *expected, int i, int j, int shift)
{
    every_run run;
    every_tensor tensors[EVERY_ARGUMENTS];
    every_value good[EVERY_ARGUMENTS];
    dim_tensor *list[4];
    char what[80];
    static _Alignas(64) unsigned char memory[1 << 16];
    snprintf(what, sizeof what, "with tensors %d and %d overlapping (%d)", i + 1, j + 1, shift);
    every_begin(&run, f, what);
    every_tensors(&run, tensors);
    dim_tensor *x = *tensors[i].at, *y = *tensors[j].at;
    memcpy(good, run.a, sizeof good);
    memcpy(list, run.w.list, sizeof list);
    if (bytes_of(x) + bytes_of(y) + 64 > sizeof memory)
        every_fault(&run, "the case has large tensors");
    int first = tensors[i].constant ? j : i; /* what is only read comes last, so that it is whole */
    dim_tensor *both[2] = { wrapped(&run, x, memory), wrapped(&run, y, memory + 8 * (shift < 0 ? 0 : shift)) };
    for (int k = 0; k < 2; k++) {
        int which = (k == 0) == (first == i) ? 0 : 1;
        memcpy(dim_tensor_data(both[which]), dim_tensor_data(which == 0 ? x : y), bytes_of(both[which]));
    }
    *tensors[i].at = both[0];
    *tensors[j].at = shift < 0 ? both[0] : both[1];
    every_copy(&run);
    every_call(&run);
    if (run.r.status == DIM_OK) {
        if (!every_same(&run, expected))
            every_fault(&run, "DIM_OK, but not the right result");
    } else {
        every_check_failure(&run);
        memcpy(run.w.list, list, sizeof list);
        every_again(&run, good);
    }
    every_end(&run, NULL);
}

static void overlap_all(const every_function *f, every_run *expected)
{
    every_tensor t[EVERY_ARGUMENTS];
    int n = every_tensors(expected, t);
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) {
            if (t[i].constant && t[j].constant)
                continue;
            const dim_tensor *x = *t[i].at, *y = *t[j].at;
            int alike = dim_tensor_dtype(x) == dim_tensor_dtype(y) && dim_tensor_rank(x) == dim_tensor_rank(y);
            for (int k = 0; alike && k < dim_tensor_rank(x); k++)
                alike = dim_tensor_size(x, k) == dim_tensor_size(y, k);
            for (int shift = alike ? -1 : 0; shift < 2; shift++)
                overlap(f, expected, i, j, shift);
        }
}

static void test_overlap(void **state)
{
    (void)state;
    for EACH(f) {
        every_run expected;
        if (!every_has_status(f) || excepted("overlap", f) || !supported(f))
            continue;
        every_begin(&expected, f, "to be compared with");
        every_call(&expected);
        overlap_all(f, &expected);
        every_end(&expected, NULL);
    }
}

/* ---- orders of destruction --------------------------------------------------------------------------------------- */

static uint32_t draw(uint32_t *seed) { return (*seed = *seed * 1664525u + 1013904223u) >> 8; }

static void shuffle(int *order, int n, uint32_t *seed)
{
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        int j = (int)(draw(seed) % (uint32_t)(i + 1)), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}

static int holds(const void *memory, size_t size, const void *handle)
{
    const unsigned char *bytes = memory;
    for (size_t at = 0; at + sizeof handle <= size; at += sizeof handle)
        if (memcmp(bytes + at, &handle, sizeof handle) == 0)
            return 1;
    return 0;
}

/* Whether the call needs a part: it is an argument, in a list or in a struct. */
static int needed(const every_run *run, const void *handle)
{
    for (int i = 0; i < run->f->n; i++)
        if (run->a[i].p == handle)
            return 1;
    return holds(run->w.list, sizeof run->w.list, handle) || holds(&run->w.o, sizeof run->w.o, handle) ||
           holds(&run->w.columns, sizeof run->w.columns, handle);
}

/* The caller's hold of everything else is given up before the call, in any order. */
static void orphaned(const every_function *f, const every_run *expected, uint32_t *seed)
{
    every_run run;
    int order[EVERY_PARTS];
    every_begin(&run, f, "when all else was destroyed before");
    int n = run.w.n;
    const every_part *gone[EVERY_PARTS];
    every_part parts[EVERY_PARTS];
    memcpy(parts, run.w.parts, sizeof parts);
    shuffle(order, n, seed);
    for (int i = 0; i < n; i++) {
        gone[i] = &parts[order[i]];
        if (!needed(&run, gone[i]->handle)) {
            every_give(&run.w, gone[i]->handle);
            every_destroy(gone[i]->type, gone[i]->handle);
        }
    }
    every_call(&run);
    if (run.r.status != expected->r.status || !every_same(&run, expected))
        every_fault(&run, "%s, or another result", dim_status_name(run.r.status));
    every_adopt(&run);
    shuffle(order, run.w.n, seed);
    every_end(&run, order);
}

static void test_orders(void **state)
{
    enum { ORDERS = 8 };
    uint32_t seed = 1;
    (void)state;
    for EACH(f) {
        every_run expected;
        every_begin(&expected, f, "to be compared with");
        every_call(&expected);
        for (int k = 0; k < ORDERS; k++) {
            every_run run;
            int order[EVERY_PARTS];
            every_begin(&run, f, "destroyed in another order");
            every_call(&run);
            every_adopt(&run);
            shuffle(order, run.w.n, &seed);
            every_end(&run, order);
            orphaned(f, &expected, &seed);
        }
        every_end(&expected, NULL);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) /* one test, "test_nan" */
        cmocka_set_test_filter(argv[1]);
    /* Keeps oneDNN loaded; else each of the thousands of contexts would load it anew. */
    dim_context *held = NULL;
    if (dim_context_create(NULL, &held) != DIM_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases), cmocka_unit_test(test_null),    cmocka_unit_test(test_nan),
        cmocka_unit_test(test_overlap), cmocka_unit_test(test_orders), cmocka_unit_test(test_allocations),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dim_context_destroy(held);
    return failed;
}
