/* dim_information_matrix(): each pair of columns is a measurement of its own, with the same bits as if it were the only one.
 * Pairs are handed out to the threads, and what a pair does it does on one thread.
 *
 * Contexts allocate on one thread at a time, so each thread has a context of its own, whose memory is the caller's under a
 * lock.  Where all rows are whole, codes, memory and scores of a column are made once: of x's by the thread that is at it,
 * of y's for a block of columns that has room; else rows differ from pair to pair, and each pair reads its columns anew. */
#include "information/information.h"

#include "base/math.h"
#include "base/pool.h"

#include <pthread.h>
#include <stdio.h>

static const int64_t BLOCK_BYTES = 64 << 20;

typedef struct table {
    dim_context *ctx;
    const dim_information_data *data;
    dim__mi_source source[DIM__MI_SIDES];
    dim__mi base;                /* options, and the rows that are whole in all columns */
    bool whole;                  /* they are all rows */
    int64_t columns[2];          /* of x and y */
    double *out[DIM__MI_OUTPUTS]; /* (columns of x, columns of y); NULL = nobody asked */
    int64_t first, count;        /* columns of y in the block */
    dim__mi_side *y;             /* (count), when rows are whole */
    int64_t step;                /* pairs that are handed out at a time */
    atomic_llong next, done;     /* pairs of the block that were handed out; of all that are finished */
    atomic_bool stop;
    pthread_mutex_t lock;        /* of the context's memory and what follows */
    dim_status status;           /* of the first pair that failed */
    int64_t failed[2];
    char text[512];
} table;

typedef struct worker {
    dim_context ctx;
    table *t;
    int thread;                  /* 0 is the caller */
    int64_t column;              /* of x; -1 = none yet */
    double heard;                /* the fraction that the caller was told last: it only grows */
    dim__mi_side x;
} worker;

/* ---- memory and progress --------------------------------------------------------------------------------------------- */

static void *locked_alloc(void *user, size_t size, size_t align)
{
    table *t = user;
    (void)align; /* as all contexts' */
    pthread_mutex_lock(&t->lock);
    void *memory = dim__alloc(t->ctx, size);
    pthread_mutex_unlock(&t->lock);
    return memory;
}

static void locked_free(void *user, void *memory, size_t size)
{
    table *t = user;
    (void)size;
    pthread_mutex_lock(&t->lock);
    dim__free(t->ctx, memory);
    pthread_mutex_unlock(&t->lock);
}

static void open_worker(table *t, int thread, worker *w)
{
    w->ctx.refs = 1;
    w->ctx.alloc = locked_alloc;
    w->ctx.free = locked_free;
    w->ctx.alloc_user = t;
    w->ctx.seed = t->ctx->seed;
    w->ctx.threads = 1;
    w->ctx.executor = t->ctx->executor;
    w->ctx.precision = t->ctx->precision;
    w->ctx.kernels = t->ctx->kernels;
    w->ctx.gemm_state = t->ctx->gemm_state;
    w->t = t;
    w->thread = thread;
    w->column = -1;
}

/* The caller's thread tells the caller; the others only hear whether they are to stop. */
static int hear(void *user, double fraction, const char *text)
{
    worker *w = user;
    table *t = w->t;
    const dim_information_options *o = &t->base.o;
    (void)text;
    if (atomic_load(&t->stop))
        return 1;
    if (w->thread != 0 || o->progress == NULL)
        return 0;
    double pairs = (double)t->columns[0] * (double)t->columns[1];
    w->heard = fmax(w->heard, fmin(1, ((double)atomic_load(&t->done) + fraction) / pairs));
    return o->progress(o->user, w->heard, "pairs");
}

static void fail(worker *w, dim_status status, int64_t i, int64_t j)
{
    table *t = w->t;
    pthread_mutex_lock(&t->lock);
    if (t->status == DIM_OK) {
        t->status = status;
        t->failed[0] = i;
        t->failed[1] = j;
        snprintf(t->text, sizeof t->text, "%s", w->ctx.error);
    }
    pthread_mutex_unlock(&t->lock);
    atomic_store(&t->stop, true);
}

/* ---- columns --------------------------------------------------------------------------------------------------------- */

static dim_tensor column_of(const dim_tensor *t, int64_t j)
{
    dim_tensor one = *t;
    one.data += t->rank > 1 ? j * t->stride[1] * (int64_t)dim__dtype_size(t->dtype) : 0;
    one.rank = 1;
    return one;
}

static void free_side(dim_context *ctx, dim__mi_side *s)
{
    for (int64_t j = 0; j < s->d; j++) {
        dim__mi_ready *ready = (dim__mi_ready *)s->columns[j].ready;
        dim__free(ctx, ready != NULL ? ready->scores : NULL);
        dim__free(ctx, ready);
        dim__free(ctx, s->columns[j].value);
        dim__free(ctx, s->columns[j].code);
    }
    dim__free(ctx, s->columns);
    dim__free(ctx, s->kinds);
    *s = (dim__mi_side){ .d = 0 };
}

static uint32_t dithers_of(const dim__mi *m, const dim__mi_column *c)
{
    return c->kind == DIM_INFORMATION_KIND_TIED ? (uint32_t)dim__min64(m->o.dithers, 5) : 1;
}

static dim_status make_ready(const dim__mi *m, const dim__mi_side *s, dim__mi_column *c)
{
    dim__mi_ready *ready = dim__calloc(m->ctx, 1, sizeof *ready);
    if (ready == NULL)
        return DIM_E_NOMEM;
    uint32_t dithers = dithers_of(m, c);
    double *even = NULL;
    dim_status status = DIM_OK;
    ready->scores = dim__calloc(m->ctx, (size_t)m->n, dithers * sizeof *ready->scores);
    if (ready->scores == NULL)
        status = DIM_E_NOMEM;
    if (status == DIM_OK && m->o.order != DIM_INFORMATION_ORDER_IID)
        status = dim__mi_remember(m, c, &even, &ready->memory);
    dim__free(m->ctx, even);
    for (uint32_t r = 0; r < dithers && status == DIM_OK; r++)
        status = dim__mi_dithered(m, s, c, r, ready->scores + (int64_t)r * m->n);
    ready->dithers = dithers;
    c->ready = ready;
    return status;
}

/* Column j of a side, with all rows; freed by free_side(), also after a failure. */
static dim_status prepare(dim_context *ctx, const table *t, int side, int64_t j, dim__mi_side *out)
{
    dim__mi m = t->base;
    dim_tensor column = column_of(t->source[side].t, j);
    const dim__mi_source *all = &t->source[side];
    dim__mi_source one = { &column, DIM__BEHIND(all->kinds, j), DIM__BEHIND(all->names, j), all->offset };
    m.ctx = ctx;
    m.side[side] = (dim__mi_side){ .letter = "xyz"[side] };
    dim_status status = dim__mi_read_side(&m, side, &one);
    *out = m.side[side];
    if (status == DIM_OK && out->d > 0)
        status = make_ready(&m, out, &out->columns[0]);
    return status;
}

/* ---- a pair ---------------------------------------------------------------------------------------------------------- */

static void *copy_of(dim_context *ctx, const void *from, size_t size)
{
    void *to = dim__alloc(ctx, size);
    if (to != NULL)
        memcpy(to, from, size);
    return to;
}

static dim_status copy_side(const dim__mi *m, const dim__mi_side *from, dim__mi_side *s)
{
    *s = *from;
    s->d = 0;
    s->kinds = NULL;
    s->columns = dim__calloc(m->ctx, 1, sizeof *s->columns);
    if (s->columns == NULL)
        return DIM_E_NOMEM;
    if (from->d == 0)
        return DIM_OK;
    s->d = 1;
    s->columns[0] = from->columns[0];
    s->columns[0].value = copy_of(m->ctx, from->columns[0].value, (size_t)m->n * sizeof(double));
    s->columns[0].code = copy_of(m->ctx, from->columns[0].code, (size_t)m->n * sizeof(int32_t));
    return s->columns[0].value == NULL || s->columns[0].code == NULL ? DIM_E_NOMEM : DIM_OK;
}

/* What dim__mi_read() does, from columns that are prepared. */
static dim_status put_together(const table *t, const dim__mi_side *x, const dim__mi_side *y, dim__mi *m)
{
    const dim__mi *base = &t->base;
    size_t size = (size_t)base->n * sizeof(int32_t);
    m->given = base->given;
    m->n = base->n;
    m->n_groups = base->n_groups;
    m->warnings = base->warnings;
    m->rows = copy_of(m->ctx, base->rows, size);
    m->groups = base->groups != NULL ? copy_of(m->ctx, base->groups, size) : NULL;
    if (m->rows == NULL || (base->groups != NULL && m->groups == NULL))
        return DIM_E_NOMEM;
    DIM__TRY(copy_side(m, x, &m->side[0]));
    DIM__TRY(copy_side(m, y, &m->side[1]));
    m->side[2] = (dim__mi_side){ .letter = 'z', .discrete = true, .symbols = true };
    return dim__mi_find_copies(m);
}

static dim_status read_pair(worker *w, int64_t i, int64_t j, dim__mi *m)
{
    const table *t = w->t;
    if (t->whole && w->column != i) {
        free_side(&w->ctx, &w->x);
        w->column = i;
        DIM__TRY(prepare(&w->ctx, t, 0, i, &w->x));
    }
    if (t->whole)
        return put_together(t, &w->x, &t->y[j - t->first], m);
    const dim_information_data *d = t->data;
    dim_tensor x = column_of(d->x, i), y = column_of(d->y, j);
    dim_information_data pair = { .size = sizeof pair, .x = &x, .y = &y, .groups = d->groups,
                                  .x_kinds = DIM__BEHIND(d->x_kinds, i), .y_kinds = DIM__BEHIND(d->y_kinds, j),
                                  .x_names = DIM__BEHIND(d->x_names, i), .y_names = DIM__BEHIND(d->y_names, j) };
    return dim__mi_read(m, &pair);
}

static dim_status measure(worker *w, int64_t i, int64_t j)
{
    table *t = w->t;
    dim_information *info = NULL;
    dim__mi m = { .ctx = &w->ctx, .o = t->base.o, .free_neighbors = t->base.free_neighbors, .pairwise = true };
    m.o.progress = hear;
    m.o.user = w;
    dim_status status = read_pair(w, i, j, &m);
    /* Entropies cap a value of two discrete columns, unless their interval is open. */
    m.value_only = t->out[DIM__MI_LOW] == NULL && t->out[DIM__MI_HIGH] == NULL && !(m.side[0].discrete && m.side[1].discrete);
    if (status == DIM_OK)
        status = dim__mi_measure(&m, &info);
    if (status == DIM_OK) {
        const dim_information_result *r = &info->answers[0].r;
        const double number[DIM__MI_OUTPUTS] = { r->value, r->low, r->high, r->p_value };
        for (int k = 0; k < DIM__MI_OUTPUTS; k++)
            if (t->out[k] != NULL)
                t->out[k][i * t->columns[1] + j] = number[k];
    }
    dim__information_destroy(info);
    dim__mi_free(&m);
    return status;
}

/* ---- all pairs ------------------------------------------------------------------------------------------------------- */

static void work(void *arg, int64_t begin, int64_t end, int thread)
{
    worker *workers = arg;
    table *t = workers->t;
    int64_t pairs = t->columns[0] * t->count;
    (void)thread;
    for (int64_t k = begin; k < end; k++) {
        worker *w = &workers[k];
        for (int64_t at; !atomic_load(&t->stop) && (at = atomic_fetch_add(&t->next, t->step)) < pairs;)
            for (int64_t p = at; p < dim__min64(at + t->step, pairs) && !atomic_load(&t->stop); p++) {
                int64_t i = p / t->count, j = t->first + p % t->count;
                dim_status status = measure(w, i, j);
                if (status == DIM_OK) {
                    atomic_fetch_add(&t->done, 1);
                    status = hear(w, 0, "pairs") != 0 ? DIM_E_CALLBACK : DIM_OK;
                }
                if (status != DIM_OK)
                    fail(w, status, i, j);
            }
    }
}

static dim_status measure_block(table *t, worker *workers)
{
    int64_t threads = (int64_t)t->ctx->threads;
    dim_status status = DIM_OK;
    t->y = t->whole ? dim__calloc(t->ctx, (size_t)t->count, sizeof *t->y) : NULL;
    if (t->whole && t->y == NULL)
        return DIM_E_NOMEM;
    for (int64_t j = 0; j < t->count && t->y != NULL && status == DIM_OK; j++)
        status = prepare(t->ctx, t, 1, t->first + j, &t->y[j]);
    if (status == DIM_OK) {
        t->step = t->whole && t->columns[0] >= 4 * threads ? t->count : 1; /* one thread prepares a column of x, if there are many */
        atomic_store(&t->next, 0);
        dim__parallel(t->ctx, threads, 1, work, workers);
        status = t->status;
    }
    for (int64_t j = 0; j < t->count && t->whole; j++)
        free_side(t->ctx, &t->y[j]);
    dim__free(t->ctx, t->y);
    return status;
}

static dim_status measure_all(table *t)
{
    worker *workers = dim__calloc(t->ctx, t->ctx->threads, sizeof *workers);
    if (workers == NULL)
        return DIM_E_NOMEM;
    for (uint32_t k = 0; k < t->ctx->threads; k++)
        open_worker(t, (int)k, &workers[k]);
    dim_status status = DIM_OK;
    int64_t bytes = dim__max64(1, t->base.n) * (int64_t)(sizeof(double) + sizeof(int32_t) + 5 * sizeof(float));
    int64_t block = t->whole ? dim__max64(1, BLOCK_BYTES / bytes) : t->columns[1];
    for (t->first = 0; t->first < t->columns[1] && status == DIM_OK; t->first += t->count) {
        t->count = dim__min64(block, t->columns[1] - t->first);
        status = measure_block(t, workers);
    }
    if (status == DIM_OK && workers[0].heard < 1 && hear(&workers[0], 0, "pairs") != 0) /* other threads had the last pairs */
        t->status = DIM_E_CALLBACK;
    for (uint32_t k = 0; k < t->ctx->threads; k++)
        free_side(&workers[k].ctx, &workers[k].x);
    dim__free(t->ctx, workers);
    if (t->status == DIM_E_CALLBACK)
        return dim__fail(t->ctx, DIM_E_CALLBACK, "stopped by progress after %lld of %lld pairs", (long long)atomic_load(&t->done),
                         (long long)(t->columns[0] * t->columns[1]));
    if (t->status != DIM_OK)
        return dim__fail(t->ctx, t->status, "column %lld of x with column %lld of y: %s", (long long)t->failed[0],
                         (long long)t->failed[1], t->text);
    return status;
}

/* ---- arguments ------------------------------------------------------------------------------------------------------- */

static dim_status refuse(const table *t)
{
    const dim_information_data *d = t->data;
    if (d->z != NULL)
        return dim__fail(t->ctx, DIM_E_UNSUPPORTED, "dim_information_matrix: z is given; pairs with a condition are measured one by one");
    if (d->weights != NULL)
        return dim__fail(t->ctx, DIM_E_UNSUPPORTED, "dim_information_matrix: weights are given, which nearest neighbours do not have");
    if (t->base.o.method == DIM_INFORMATION_CRITIC)
        return dim__fail(t->ctx, DIM_E_UNSUPPORTED, "dim_information_matrix: method critic is for many columns at once; pairs are "
                                                    "measured by auto, knn, gauss, discrete or knn2");
    return DIM_OK;
}

static dim_status check_outputs(const table *t, dim_tensor *const out[DIM__MI_OUTPUTS])
{
    static const char *const names[DIM__MI_OUTPUTS] = { "value", "low", "high", "p" };
    dim_context *ctx = t->ctx;
    char text[128];
    int count = 0;
    for (int k = 0; k < DIM__MI_OUTPUTS; k++) {
        const dim_tensor *o = out[k];
        if (o == NULL)
            continue;
        count++;
        if ((o->dtype != DIM_F64 && o->dtype != DIM_F32) || o->rank != 2 || o->shape[0] != t->columns[0] ||
            o->shape[1] != t->columns[1])
            return dim__fail(ctx, DIM_E_SHAPE, "%s is %s %s; it must be f64 or f32 (%lld, %lld): columns of x and of y", names[k],
                             dim__dtype_name(o->dtype), dim__shape_text(text, o->rank, o->shape), (long long)t->columns[0],
                             (long long)t->columns[1]);
        DIM__TRY(dim__check_output(ctx, names[k], o));
        for (int other = 0; other < k; other++)
            DIM__TRY(dim__check_apart(ctx, names[other], out[other], names[k], o));
        DIM__TRY(dim__check_apart(ctx, names[k], o, "x", t->data->x));
        DIM__TRY(dim__check_apart(ctx, names[k], o, "y", t->data->y));
        DIM__TRY(dim__check_apart(ctx, names[k], o, "groups", t->data->groups));
    }
    if (count == 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_information_matrix: value, low, high and p are NULL; at least one must be given");
    if (out[DIM__MI_P] != NULL && t->base.o.permutations == 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_information_matrix: p is given, but dim_information_options.permutations is 0");
    return DIM_OK;
}

static dim_status run(table *t, dim_tensor *const out[DIM__MI_OUTPUTS])
{
    DIM__TRY(refuse(t));
    DIM__TRY(dim__mi_read_rows(&t->base, t->data, t->source));
    for (int k = 0; k < 2; k++)
        t->columns[k] = dim__mi_columns_of(t->source[k].t);
    DIM__TRY(check_outputs(t, out));
    t->whole = t->base.dropped == 0;
    if (t->data->groups != NULL && t->whole)
        DIM__TRY(dim__mi_read_groups(&t->base, t->data->groups));
    if (out[DIM__MI_P] == NULL)
        t->base.o.permutations = 0;
    for (int k = 0; k < DIM__MI_OUTPUTS; k++) {
        t->out[k] = out[k] != NULL ? dim__calloc(t->ctx, (size_t)t->columns[0] * sizeof(double), (size_t)t->columns[1]) : NULL;
        if (out[k] != NULL && t->out[k] == NULL)
            return DIM_E_NOMEM;
    }
    DIM__TRY(measure_all(t));
    for (int k = 0; k < DIM__MI_OUTPUTS; k++)
        if (out[k] != NULL)
            dim__strided_copy(2, t->columns, out[k]->dtype, out[k]->data, out[k]->stride, DIM_F64, t->out[k],
                              (int64_t[]){ t->columns[1], 1 });
    return DIM_OK;
}

dim_status dim__information_matrix(dim_context *ctx, const dim_information_options *options, const dim_information_data *data,
                                   dim_tensor *const out[DIM__MI_OUTPUTS])
{
    dim_information_data d;
    DIM__TRY(dim__options_copy(ctx, "dim_information_data", &d, sizeof d, data));
    table *t = dim__calloc(ctx, 1, sizeof *t);
    if (t == NULL)
        return DIM_E_NOMEM;
    t->ctx = ctx;
    t->data = &d;
    t->base.ctx = ctx;
    t->base.pairwise = true;
    dim_status status = pthread_mutex_init(&t->lock, NULL) != 0 ? dim__fail(ctx, DIM_E_SYSTEM, "the system cannot make a lock") : DIM_OK;
    if (status == DIM_OK) {
        status = dim__mi_read_options(&t->base, options);
        if (status == DIM_OK)
            status = run(t, out);
        pthread_mutex_destroy(&t->lock);
    }
    for (int k = 0; k < DIM__MI_OUTPUTS; k++)
        dim__free(ctx, t->out[k]);
    dim__mi_free(&t->base);
    dim__free(ctx, t);
    return status;
}
