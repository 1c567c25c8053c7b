#include "every_run.h"

#include <stdarg.h>
#include <stdio.h>

/* Functions whose results belong to a handle: they are not destroyed. */
static const char *const lends[] = { "dim_loader_next" };

static char nothing; /* a handle that was not set */

void every_fault(const every_run *run, const char *format, ...)
{
    char text[800];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    every_fail("%s, %s: %s", run->f->name, run->what, text);
}

int every_has_status(const every_function *f) { return strcmp(f->returns, "dim_status") == 0; }

int every_tensors(every_run *run, every_tensor out[EVERY_ARGUMENTS])
{
    int n = 0;
    for (int i = 0; i < run->f->n; i++) {
        const every_parameter *p = &run->f->parameter[i];
        if (strcmp(p->type, "dim_tensor") != 0 || run->a[i].p == NULL)
            continue;
        if (p->kind == EVERY_HANDLE)
            out[n++] = (every_tensor){ (dim_tensor **)(void *)&run->a[i].p, p->constant };
        for (int k = 0; p->kind == EVERY_HANDLES && k < 2; k++) /* lists of the cases have two */
            out[n++] = (every_tensor){ (dim_tensor **)run->a[i].p + k, p->constant };
    }
    return n;
}

static void add_region(every_run *run, void *at, size_t size)
{
    if (run->n_regions == EVERY_REGIONS)
        every_fault(run, "more than %d outputs", EVERY_REGIONS);
    every_region *r = &run->regions[run->n_regions++];
    *r = (every_region){ at, malloc(size + 1), size };
    if (r->copy == NULL)
        every_fault(run, "no memory");
    memcpy(r->copy, at, size);
}

static void forget(every_run *run)
{
    while (run->n_regions > 0)
        free(run->regions[--run->n_regions].copy);
}

void every_copy(every_run *run)
{
    every_tensor tensors[EVERY_ARGUMENTS];
    int destroys = strstr(run->f->name, "_destroy") != NULL, n = destroys ? 0 : every_tensors(run, tensors);
    forget(run);
    add_region(run, &run->w.numbers, sizeof run->w.numbers);
    add_region(run, run->w.out, sizeof run->w.out);
    for (int i = 0; i < n; i++) {
        dim_tensor *t = *tensors[i].at;
        if (t != NULL && !tensors[i].constant)
            add_region(run, dim_tensor_data(t), (size_t)dim_tensor_count(t) * dim_dtype_size(dim_tensor_dtype(t)));
    }
}

void every_begin(every_run *run, const every_function *f, const char *what)
{
    memset(run, 0, sizeof *run);
    run->f = f;
    run->what = what;
    every_world_start(&run->w, ".");
    memset(&run->w.numbers, 0x5a, sizeof run->w.numbers);
    run->w.out[0] = run->w.out[1] = &nothing;
    f->arguments(&run->w, run->a);
    every_copy(run);
}

void every_call(every_run *run)
{
    run->r = (every_result){ DIM_OK, NULL, 0, 0 };
    run->f->call(run->a, &run->r);
}

/* The first argument is what has the context. */
static const char *error_text(const every_run *run)
{
    int silent = run->w.ctx == NULL || run->f->parameter[0].kind != EVERY_HANDLE || run->a[0].p == NULL;
    return silent ? "there is no context to have a text" : dim_context_error(run->w.ctx);
}

void every_check_failure(every_run *run)
{
    if (strcmp(dim_status_name(run->r.status), "DIM_UNKNOWN") == 0)
        every_fault(run, "the status %d is not one", (int)run->r.status);
    if (error_text(run)[0] == '\0')
        every_fault(run, "%s without a text", dim_status_name(run->r.status));
    for (int i = 0; i < run->n_regions; i++)
        if (memcmp(run->regions[i].at, run->regions[i].copy, run->regions[i].size) != 0)
            every_fault(run, "%s (%s), but output %d was changed", dim_status_name(run->r.status), error_text(run), i);
}

void every_again(every_run *run, const every_value *a)
{
    char before[300];
    snprintf(before, sizeof before, "%s", error_text(run));
    if (a != run->a)
        memcpy(run->a, a, sizeof run->a);
    every_call(run);
    if (run->r.status != DIM_OK)
        every_fault(run, "after a failure (%s) the same call does not succeed: %s", before, error_text(run));
}

int every_same(const every_run *x, const every_run *y)
{
    if (x->n_regions != y->n_regions)
        return 0;
    for (int i = 0; i < x->n_regions; i++)
        if (i != 1 && (x->regions[i].size != y->regions[i].size ||
                       memcmp(x->regions[i].at, y->regions[i].at, x->regions[i].size) != 0))
            return 0; /* not i = 1: handles differ */
    return 1;
}

void every_adopt(every_run *run)
{
    int lent = 0, k = 0;
    for (size_t i = 0; i < sizeof lends / sizeof *lends; i++)
        lent = lent || strcmp(lends[i], run->f->name) == 0;
    for (int i = 0; i < run->f->n; i++)
        if (run->f->parameter[i].kind == EVERY_HANDLE_OUT && !lent && run->r.status == DIM_OK && k < 2 &&
            run->w.out[k] != &nothing)
            every_keep(&run->w, run->f->parameter[i].type, "made", run->w.out[k++]);
    run->w.out[0] = run->w.out[1] = &nothing;
}

void every_end(every_run *run, const int *order)
{
    every_adopt(run);
    forget(run);
    every_world_end(&run->w, order);
}
