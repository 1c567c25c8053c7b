/* dim-mi: how much do these columns of a table tell about those?  See docs/information.md.
 *
 *     dim-mi cars.csv --x hp,wt --y mpg */
#include "mi.h"
#include "process.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- ends ---------------------------------------------------------------------------------------------------------------- */

static bool line_is_open; /* progress, on a terminal */

static void clear_line(void)
{
    if (line_is_open)
        fprintf(stderr, "\r\033[K");
    line_is_open = false;
}

/* Names of columns and files come from anywhere: what would move a terminal's cursor is not sent to it. */
void mi_end(int code, const char *format, ...)
{
    char text[2 * MI_TEXT_ROOM];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    mi_tame(text);
    clear_line();
    fprintf(stderr, "dim-mi: %s\n", text);
    exit(code);
}

void mi_try(const mi_run *run, dim_status status)
{
    bool usage = status == DIM_E_INVALID || status == DIM_E_UNSUPPORTED;
    char text[MI_TEXT_ROOM];
    if (status != DIM_OK)
        mi_end(usage ? MI_USAGE : MI_DATA, "%s", mi_plain(dim_context_error(run->ctx), text));
}

void *mi_alloc(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL)
        mi_end(MI_DATA, "out of memory");
    return memory;
}

/* ---- progress ---------------------------------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One line on a terminal, rewritten some times a second; with how long the rest takes at this pace. */
static int show(void *user, double fraction, const char *text)
{
    mi_run *run = user; /* of several calls, this one is a share of the work */
    double time = now(), spent = time - run->started;
    if (!run->terminal || time - run->shown < 0.2)
        return 0;
    run->shown = time;
    fraction = run->done + run->share * fraction;
    fprintf(stderr, "\r\033[K%s: %.0f %%", text, 100 * fraction);
    if (fraction > 0.02 && spent > 1)
        fprintf(stderr, ", %.0f s left", ceil(spent * (1 - fraction) / fraction));
    fflush(stderr);
    line_is_open = true;
    return 0;
}

/* ---- measuring --------------------------------------------------------------------------------------------------------------- */

static dim_information_options options_of(mi_run *run)
{
    const mi_options *o = &run->o;
    dim_information_options i;
    DIM_OPTIONS_INIT(&i);
    i.method = (dim_information_method)o->method;
    i.neighbors = (uint32_t)o->neighbors;
    i.confidence = (float)o->confidence;
    i.permutations = (uint32_t)o->permutations;
    i.order = o->series ? DIM_INFORMATION_ORDER_SERIES : o->iid ? DIM_INFORMATION_ORDER_IID : DIM_INFORMATION_ORDER_AUTO;
    i.missing = o->drop ? DIM_INFORMATION_MISSING_DROP : DIM_INFORMATION_MISSING_FAIL;
    i.lag = o->lag_from;
    i.block = (uint32_t)o->block;
    i.max_seconds = (float)o->seconds;
    i.seed = o->seed;
    i.progress = show;
    i.user = run;
    return i;
}

static dim_information_data data_of(const mi_run *run)
{
    const mi_side *s = run->data.side, *y = run->data.square ? &s[MI_X] : &s[MI_Y];
    dim_information_data d;
    DIM_OPTIONS_INIT(&d);
    d.x = s[MI_X].t;
    d.y = y->t;
    d.z = s[MI_Z].t;
    d.weights = run->data.weights;
    d.groups = run->data.groups;
    d.x_kinds = s[MI_X].kinds;
    d.y_kinds = y->kinds;
    d.z_kinds = s[MI_Z].kinds;
    d.x_names = (const char *const *)s[MI_X].names;
    d.y_names = (const char *const *)y->names;
    d.z_names = (const char *const *)s[MI_Z].names;
    return d;
}

static dim_information *measure(mi_run *run, const dim_information_options *o, dim_information_result *r)
{
    dim_information_data d = data_of(run);
    dim_information *info = NULL;
    mi_try(run, dim_information_measure(run->ctx, o, &d, &info));
    DIM_OPTIONS_INIT(r);
    mi_try(run, dim_information_get_result(info, r));
    return info;
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double null_of(const dim_information *info)
{
    dim_tensor *t = NULL;
    if (dim_information_null(info, &t) != DIM_OK)
        return (double)NAN;
    int64_t n = dim_tensor_size(t, 0);
    double *x = dim_tensor_data(t);
    qsort(x, (size_t)n, sizeof *x, by_number);
    double value = x[(n * 19 + 19) / 20 - 1];
    dim_tensor_destroy(t);
    return value;
}

/* Keeps the measurement with the largest value. */
static void measure_lags(mi_run *run)
{
    dim_information_options o = options_of(run);
    run->n_lags = run->o.lag_to - run->o.lag_from + 1;
    run->lags = mi_alloc((size_t)run->n_lags, sizeof *run->lags);
    for (int64_t k = 0; k < run->n_lags; k++) {
        mi_lag *l = &run->lags[k];
        l->lag = o.lag = run->o.lag_from + k;
        run->share = 1 / (double)run->n_lags;
        run->done = (double)k * run->share;
        dim_information *info = measure(run, &o, &l->r);
        l->null = run->o.permutations > 0 ? null_of(info) : (double)NAN;
        if (run->info == NULL || (!isnan(l->r.value) && !(l->r.value <= run->r.value))) {
            dim_information_destroy(run->info);
            run->info = info;
            run->r = l->r;
        } else {
            dim_information_destroy(info);
        }
    }
}

dim_information *mi_measure_pair(const mi_run *run, int64_t i, int64_t j)
{
    mi_run quiet = *run;         /* it shows nothing */
    dim_information_options o = options_of(&quiet);
    dim_information_data d = data_of(run);
    dim_tensor *x = NULL, *y = NULL;
    dim_information *info = NULL;
    o.progress = NULL;
    o.permutations = 0;
    mi_try(run, dim_tensor_slice((dim_tensor *)d.x, 1, i, 1, 1, &x));
    mi_try(run, dim_tensor_slice((dim_tensor *)d.y, 1, j, 1, 1, &y));
    d.x = x;
    d.y = y;
    d.x_kinds = d.x_kinds != NULL ? d.x_kinds + i : NULL;
    d.y_kinds = d.y_kinds != NULL ? d.y_kinds + j : NULL;
    d.x_names += i;
    d.y_names += j;
    mi_try(run, dim_information_measure(run->ctx, &o, &d, &info));
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    return info;
}

/* Rows first .. first + count - 1 of the matrix, against columns of y from `from` on. */
static void measure_rows(mi_run *run, int64_t first, int64_t count, int64_t from)
{
    dim_information_options o = options_of(run);
    dim_information_data d = data_of(run);
    double *to[4] = { run->value, run->low, run->high, run->p };
    int64_t columns = run->data.square ? run->data.side[MI_X].columns : run->data.side[MI_Y].columns, stride[2] = { columns, 1 };
    dim_tensor *out[4] = { NULL }, *x = NULL, *y = NULL;
    mi_try(run, dim_tensor_slice((dim_tensor *)d.x, 1, first, count, 1, &x));
    mi_try(run, dim_tensor_slice((dim_tensor *)d.y, 1, from, columns - from, 1, &y));
    d.x = x;
    d.y = y;
    d.x_kinds = d.x_kinds != NULL ? d.x_kinds + first : NULL;
    d.y_kinds = d.y_kinds != NULL ? d.y_kinds + from : NULL;
    d.x_names += first;
    d.y_names += from;
    for (int k = 0; k < 4; k++)
        if (to[k] != NULL)
            mi_try(run, dim_tensor_wrap(run->ctx, DIM_F64, 2, (int64_t[]){ count, columns - from }, stride, to[k] + first * columns + from,
                                        NULL, NULL, &out[k]));
    mi_try(run, dim_information_matrix(run->ctx, &o, &d, out[0], out[1], out[2], out[3]));
    for (int k = 0; k < 4; k++)
        dim_tensor_destroy(out[k]);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
}

/* Values, and ends of intervals only where the exit code or JSON asks for them.  Of columns with each other every pair once. */
static void measure_matrix(mi_run *run)
{
    int64_t rows = run->data.side[MI_X].columns, columns = run->data.square ? rows : run->data.side[MI_Y].columns;
    bool interval = run->o.json != NULL || run->o.strict;
    run->value = mi_alloc((size_t)rows * sizeof(double), (size_t)columns);
    run->low = interval ? mi_alloc((size_t)rows * sizeof(double), (size_t)columns) : NULL;
    run->high = interval ? mi_alloc((size_t)rows * sizeof(double), (size_t)columns) : NULL;
    run->p = run->o.permutations > 0 ? mi_alloc((size_t)rows * sizeof(double), (size_t)columns) : NULL;
    if (!run->data.square) {
        measure_rows(run, 0, rows, 0);
        return;
    }
    if (rows < 2)
        mi_end(MI_USAGE, "--matrix: %s %s; without --y there must be two columns at least", run->o.x != NULL ? "--x" : run->o.file[0],
               run->o.x != NULL ? "names one column" : "has one");
    for (int64_t i = 0; i + 1 < rows; i++) {
        run->share = 2 * (double)(rows - 1 - i) / ((double)rows * (double)(rows - 1));
        measure_rows(run, i, 1, i + 1);
        run->done += run->share;
    }
}

/* ---- the program -------------------------------------------------------------------------------------------------------------- */

static void open_context(mi_run *run)
{
    dim_context_options c;
    DIM_OPTIONS_INIT(&c);
    c.seed = run->o.seed;
    c.threads = (uint32_t)run->o.threads;
    c.blas_threads = 1; /* libdim's own threads share the work */
    if (dim_context_create(&c, &run->ctx) != DIM_OK)
        mi_end(MI_USAGE, "libdim does not start here; are --threads %d too many?", (int)run->o.threads);
}

/* All that can be written is, whatever cannot. */
static bool put_out(const mi_run *run)
{
    const mi_options *o = &run->o;
    bool standard = o->json != NULL && strcmp(o->json, "-") == 0;
    bool good = mi_tell(run, standard ? mi_json : mi_print);
    if (o->json != NULL && !standard)
        good = mi_write(run, o->json, mi_json) && good;
    if (o->pointwise != NULL)
        good = mi_pointwise(run, o->pointwise) && good;
    if (o->plot != NULL)
        good = mi_plot(run, o->plot) && good;
    if (o->report != NULL)
        good = mi_write(run, o->report, mi_html) && good;
    return good;
}

static void put_notes(const mi_run *run)
{
    const char *at = run->data.notes != NULL ? run->data.notes : "";
    for (; *at != '\0'; at += strcspn(at, "\n") + 1)
        fprintf(stderr, "note: %.*s\n", (int)strcspn(at, "\n"), at);
    char buffer[MI_TEXT_ROOM];
    for (int64_t i = 0; i < dim_information_remarks(run->info); i++)
        fprintf(stderr, "note: %s\n", mi_note(run->info, i, buffer));
}

static int exit_code(const mi_run *run)
{
    int64_t count, answers = 0, bounds = 0;
    if (run->value == NULL)
        return run->r.verdict == DIM_INFORMATION_NONE ? MI_NOTHING
               : run->o.strict && run->r.verdict == DIM_INFORMATION_LOWER_BOUND ? MI_BOUND : MI_ANSWER;
    int64_t *pairs = mi_sorted_pairs(run, &count);
    for (int64_t k = 0; k < count; k++) {
        answers += !isnan(run->value[pairs[k]]);
        bounds += run->high != NULL && isinf(run->high[pairs[k]]);
    }
    free(pairs);
    return answers == 0 ? MI_NOTHING : run->o.strict && bounds > 0 ? MI_BOUND : MI_ANSWER;
}

int main(int argc, char **argv)
{
    mi_run run = { .n_lags = 0 };
    run.standard = ex_process_start();
    mi_parse(&run, argc, argv);
    run.started = now();
    run.share = 1;
    run.terminal = !run.o.quiet && isatty(STDERR_FILENO);
    open_context(&run);
    mi_data_read(&run);
    if (run.o.matrix)
        measure_matrix(&run);
    else if (run.o.lag_from != run.o.lag_to)
        measure_lags(&run);
    else {
        dim_information_options o = options_of(&run);
        run.info = measure(&run, &o, &run.r);
    }
    clear_line();
    bool good = put_out(&run);
    if (!run.o.quiet)
        put_notes(&run);
    int code = good ? exit_code(&run) : MI_DATA;
    dim_information_destroy(run.info);
    free(run.lags);
    free(run.value);
    free(run.low);
    free(run.high);
    free(run.p);
    mi_data_free(&run.data);
    dim_context_destroy(run.ctx);
    return code;
}
