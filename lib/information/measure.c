/* From arguments to a finished measurement. */
#include "information/information.h"

#include "base/enums.h"
#include "base/math.h"
#include "information/sort.h"
#include "information/special.h"

static const dim__range method_range = { 0, 0, NULL, "dim_information_method", dim__mi_method_name };
static const dim__range confidence = { 0, 1 - 1e-7, "above 0.5 and below 1", NULL, NULL };
static const dim__range folds = { 0, 20, "2 to 20", NULL, NULL };
static const dim__range counts = DIM__UP_TO(1000000);
static const dim__range dithers = DIM__UP_TO(1000);

static const dim__field fields[] = {
    DIM__FIELD(dim_information_options, method, U32, &method_range, 0),
    DIM__FIELD(dim_information_options, neighbors, U32, &counts, 0),
    DIM__FIELD(dim_information_options, confidence, F32, &confidence, 0.95),
    DIM__FIELD(dim_information_options, permutations, U32, &counts, 0),
    DIM__FIELD(dim_information_options, order, U32, &dim__information_order_range, 0),
    DIM__FIELD(dim_information_options, missing, U32, &dim__information_missing_range, 0),
    DIM__FIELD(dim_information_options, block, U32, NULL, 0),
    DIM__FIELD(dim_information_options, theiler, U32, NULL, 0),
    DIM__FIELD(dim_information_options, folds, U32, &folds, 3),
    DIM__FIELD(dim_information_options, max_steps, U32, NULL, 3000),
    DIM__FIELD(dim_information_options, dithers, U32, &dithers, 5),
    DIM__FIELD(dim_information_options, max_seconds, F32, &dim__not_negative, 0),
    DIM__FIELD(dim_information_options, seed, U64, NULL, 0),
    DIM__FIELD(dim_information_options, max_rows, U64, NULL, 0),
};
static const dim__table table = DIM__TABLE(dim_information_options, fields);

dim_status dim__mi_read_options(dim__mi *m, const dim_information_options *in)
{
    dim_context *ctx = m->ctx;
    dim_information_options *o = &m->o;
    DIM__TRY(dim__options_read(ctx, &table, in, o));
    if (!(o->confidence > 0.5f))
        return dim__fail(ctx, DIM_E_INVALID, "dim_information_options.confidence is %g; it must be %s", (double)o->confidence,
                         confidence.text);
    if (o->permutations > 0 && o->permutations < 19)
        return dim__fail(ctx, DIM_E_INVALID, "dim_information_options.permutations is %u; it must be 0, or at least 19, with which "
                         "p can be 0.05", o->permutations);
    if (o->folds == 1)
        return dim__fail(ctx, DIM_E_INVALID, "dim_information_options.folds is 1; it must be %s", folds.text);
    if (o->method == DIM_INFORMATION_CONSTANT)
        return dim__fail(ctx, DIM_E_INVALID, "dim_information_options.method is constant, which is of results only");
    m->free_neighbors = o->neighbors == 0;
    o->neighbors = o->neighbors != 0 ? o->neighbors : 3;
    o->seed = o->seed != 0 ? o->seed : ctx->seed;
    return DIM_OK;
}

/* ---- p-value --------------------------------------------------------------------------------------------------------- */

/* Two methods compete for the answer, and the larger value may decide: taken by itself, it would be called rare too often.  So each
 * order of rows gets a rank by either method, and has the better one, or of two alike the one whose other is better.  Of orders that
 * are all alike, the own one is among the first m of 1 + count with a chance of m / (1 + count). */
typedef struct ranking {
    int64_t n;             /* 1 + permutations; number 0 is the own order */
    uint64_t *key;         /* (n) */
    double *sorted;        /* (n) */
    int32_t *order;        /* (2 n) */
    int64_t *first, *rank; /* (n): by the method that was taken, and by the other one */
} ranking;

/* How many values are at least each one. */
static void rank_values(const ranking *r, const double *values, int64_t *rank)
{
    for (int64_t b = 0; b < r->n; b++)
        r->key[b] = dim__key_of_double(isnan(values[b]) ? -(double)INFINITY : values[b]); /* no value: nothing was seen */
    dim__sort_keys(r->key, r->n, r->order, r->order + r->n);
    for (int64_t b = 0; b < r->n; b++)
        r->sorted[b] = isnan(values[r->order[b]]) ? -(double)INFINITY : values[r->order[b]];
    for (int64_t b = r->n - 1, least = r->n; b >= 0; b--) {
        while (least > 0 && r->sorted[least - 1] >= dim__mi_least(r->sorted[b], 1e-12))
            least--;
        rank[r->order[b]] = r->n - least;
    }
}

static dim_status count_better(const dim__mi *m, const double *values, const double *rival, int64_t count, int64_t *better)
{
    ranking r = { .n = count + 1, .key = dim__alloc(m->ctx, (size_t)(count + 1) * sizeof *r.key),
                  .sorted = dim__alloc(m->ctx, (size_t)(count + 1) * sizeof *r.sorted),
                  .order = dim__alloc(m->ctx, (size_t)(count + 1) * 2 * sizeof *r.order),
                  .first = dim__alloc(m->ctx, (size_t)(count + 1) * 2 * sizeof *r.first) };
    bool room = r.key != NULL && r.sorted != NULL && r.order != NULL && r.first != NULL;
    *better = 0;
    if (room) {
        r.rank = r.first + r.n;
        rank_values(&r, values, r.first);
        rank_values(&r, rival, r.rank);
        for (int64_t b = 0; b < r.n; b++) {
            r.rank[b] = dim__min64(r.first[b], r.rank[b]) * (r.n + 1) + dim__max64(r.first[b], r.rank[b]);
            *better += b > 0 && r.rank[b] <= r.rank[0];
        }
    }
    dim__free(m->ctx, r.key);
    dim__free(m->ctx, r.sorted);
    dim__free(m->ctx, r.order);
    dim__free(m->ctx, r.first);
    return room ? DIM_OK : DIM_E_NOMEM;
}

/* The p-value of a method, or of it and a rival; values (1 + *count), which the caller frees: its own, and those of the orders. */
static dim_status find_p_of(const dim__mi *m, const dim__mi_method *method, const dim__mi_method *rival, double **values,
                            int64_t *count, double *p)
{
    dim__mi_orders orders;
    int64_t reaching = 0;
    *values = NULL;
    DIM__TRY(dim__mi_orders_check(m, m->n));
    *count = dim__mi_orders_count(m, (int64_t)m->o.permutations, m->n);
    double *own = *values = dim__calloc(m->ctx, (size_t)*count + 1, 2 * sizeof *own), *other = DIM__BEHIND(own, *count + 1);
    if (own == NULL)
        return DIM_E_NOMEM;
    dim_status status = dim__mi_orders_create(m, &orders);
    if (status == DIM_OK)
        status = method->null(m, &orders, own);
    if (status == DIM_OK && rival != NULL)
        status = rival->null(m, &orders, other);
    *count = orders.count; /* groups may have fewer */
    dim__mi_orders_free(&orders);
    if (status == DIM_OK && rival != NULL)
        status = count_better(m, own, other, *count, &reaching);
    for (int64_t b = 1; b <= *count && status == DIM_OK && rival == NULL; b++)
        reaching += own[b] >= dim__mi_least(own[0], 1e-12);
    *p = (double)(1 + reaching) / (double)(1 + *count);
    return status;
}

/* Where critics and neighbours competed, the one that showed more decides, as it does of a Gaussian copula and neighbours; but critics'
 * orders are of folds.  So there is a p-value of each, and one of both. */
static dim_status join_p(const dim__mi *m, dim_information *info)
{
    dim__mi_answer *a = &info->answers[0];
    double p[2] = { a->r.p_value, 1 }, *values = NULL;
    int64_t count = 0;
    dim_status status = DIM_OK;
    if (a->r.method == DIM_INFORMATION_CRITIC)
        status = find_p_of(m, &dim__mi_knn, NULL, &values, &count, &p[1]);
    for (int64_t k = 1; k < info->count && a->r.method != DIM_INFORMATION_CRITIC; k++)
        if (info->answers[k].r.method == DIM_INFORMATION_CRITIC) {
            p[1] = info->answers[k].r.p_value;
            count = (int64_t)info->answers[k].r.permutations;
        }
    if (status == DIM_OK && count > 0)
        a->r.p_value = dim__combined_p(p, 2, 1 - 0.5 / (double)(1 + dim__min64(count, (int64_t)a->r.permutations)));
    dim__free(m->ctx, values);
    return status;
}

static dim_status find_p(const dim__mi *m, dim_information *info)
{
    dim__mi_answer *a = &info->answers[0];
    const dim__mi_method *method = dim__mi_method_of(a->r.method);
    if (m->o.permutations == 0 || method == NULL || a->r.verdict == DIM_INFORMATION_NONE)
        return DIM_OK;
    if (method->null == NULL) {
        info->null = a->null;
        info->n_null = a->null != NULL ? (int64_t)a->r.permutations : 0;
        a->null = NULL;
    } else {
        const dim__mi_method *rival = !info->rivals ? NULL : method == &dim__mi_gauss ? &dim__mi_knn : &dim__mi_gauss;
        DIM__TRY(find_p_of(m, method, rival, &info->null, &info->n_null, &a->r.p_value));
        memmove(info->null, info->null + 1, (size_t)info->n_null * sizeof *info->null);
        a->r.permutations = (uint32_t)info->n_null;
    }
    return info->contest ? join_p(m, info) : DIM_OK;
}

/* ---- what all methods have in common ----------------------------------------------------------------------------------- */

static double lower_of(double x, double y) { return isnan(x) ? y : isnan(y) ? x : fmin(x, y); }

static void finish(const dim__mi *m, double entropy_x, double entropy_y, dim_information_result *r)
{
    double z = dim__mi_z(m), most = lower_of(entropy_x, entropy_y); /* a side tells no more than it has */
    r->warnings |= m->warnings;
    r->dropped = m->dropped;
    r->duplicates = m->duplicates;
    r->protocol = 1;
    r->entropy_x = entropy_x;
    r->entropy_y = entropy_y;
    if (r->permutations == 0)
        r->p_value = (double)NAN;
    if (isnan(r->raw))
        r->verdict = DIM_INFORMATION_NONE;
    if (r->verdict == DIM_INFORMATION_NONE)
        r->rows = m->n;
    r->effective_rows = m->n > 0 ? dim__mi_least_worth(m) * (double)r->rows / (double)m->n : 0;
    if (r->verdict == DIM_INFORMATION_NONE) {
        r->value = r->raw = r->bound = r->low = r->high = r->standard_error = r->correlation = (double)NAN;
        return;
    }
    if (r->raw < -z * r->standard_error - 1e-6)
        r->warnings |= DIM_INFORMATION_NEGATIVE;
    if (r->effective_rows < 100 || (m->groups != NULL && m->n_groups < DIM__MI_FEW_GROUPS))
        r->warnings |= DIM_INFORMATION_SMALL_SAMPLE;
    r->value = lower_of(fmax(r->raw, 0), most);
    r->low = fmin(fmax(r->low, 0), r->value);
    r->high = fmax(r->high, fmax(r->value, -r->raw)); /* what is below 0 is wrong by that much */
    if (r->verdict == DIM_INFORMATION_ESTIMATE)
        r->high = lower_of(r->high, most);
    r->correlation = sqrt(1 - exp(-2 * r->value));
}

bool dim__mi_disagrees(const dim__mi_answer *other, const dim__mi_answer *taken)
{
    const dim_information_result *r = &taken->r;
    return other->remark == NULL && other->r.verdict == DIM_INFORMATION_ESTIMATE && r->verdict == DIM_INFORMATION_ESTIMATE &&
           (other->r.value < r->low || other->r.value > r->high);
}

static void disagree(dim_information *info)
{
    for (int64_t k = 1; k < info->count; k++)
        if (dim__mi_disagrees(&info->answers[k], &info->answers[0]))
            info->answers[0].r.warnings |= DIM_INFORMATION_METHODS_DISAGREE;
}

static dim_status copy_curve(const dim__mi *m, dim_information *info)
{
    const dim__mi_answer *a = &info->answers[0];
    double last[4] = { (double)m->n, a->r.value, a->r.low, a->r.high };
    int64_t parts = a->r.verdict != DIM_INFORMATION_NONE ? a->n_curve : 0;
    info->curve = dim__calloc(m->ctx, (size_t)parts + 1, sizeof last);
    if (info->curve == NULL)
        return DIM_E_NOMEM;
    for (int64_t k = 0; k < parts; k++) { /* cut at 0, as the last is */
        info->curve[4 * k] = a->curve[k][0];
        for (int j = 1; j < 4; j++)
            info->curve[4 * k + j] = fmax(a->curve[k][j], 0);
    }
    memcpy(info->curve + 4 * parts, last, sizeof last);
    info->n_curve = parts + 1;
    return DIM_OK;
}

static dim_status check_quarter(const dim__mi *m, const char *name, uint32_t rows)
{
    if (m->n < DIM__MI_LEAST_ROWS || (int64_t)rows <= m->n / 4)
        return DIM_OK;
    return dim__fail(m->ctx, DIM_E_INVALID, "dim_information_options.%s is %u; it must be a quarter of the %lld rows at most", name, rows,
                     (long long)m->n);
}

static dim_status keep_kinds(const dim__mi *m, dim_information *info)
{
    for (int k = 0; k < DIM__MI_SIDES; k++) {
        const dim__mi_side *s = &m->side[k];
        if (s->kinds == NULL)
            continue;
        info->kinds[k] = dim__calloc(m->ctx, (size_t)s->given, sizeof *s->kinds);
        if (info->kinds[k] == NULL)
            return DIM_E_NOMEM;
        info->columns[k] = s->given;
        memcpy(info->kinds[k], s->kinds, (size_t)s->given * sizeof *s->kinds);
        for (int64_t j = 0; j < s->d; j++)
            info->kinds[k][s->columns[j].number] = (uint8_t)s->columns[j].kind;
    }
    return DIM_OK;
}

static dim_status measure(dim__mi *m, dim_information *info)
{
    double entropy_x, entropy_y;
    DIM__TRY(check_quarter(m, "neighbors", m->free_neighbors ? 0 : m->o.neighbors));
    DIM__TRY(check_quarter(m, "block", m->o.block));
    DIM__TRY(check_quarter(m, "theiler", m->o.theiler));
    DIM__TRY(dim__mi_find_order(m));
    info->given = m->given;
    info->n = m->n;
    info->rows = dim__calloc(m->ctx, (size_t)m->n, sizeof *info->rows);
    if (info->rows == NULL)
        return DIM_E_NOMEM;
    memcpy(info->rows, m->rows, (size_t)m->n * sizeof *info->rows);
    DIM__TRY(keep_kinds(m, info));
    DIM__TRY(dim__mi_choose(m, info));
    DIM__TRY(find_p(m, info));
    DIM__TRY(dim__mi_entropy(m, 0, &entropy_x));
    DIM__TRY(dim__mi_entropy(m, 1, &entropy_y));
    for (int64_t k = 0; k < info->count; k++)
        finish(m, entropy_x, entropy_y, &info->answers[k].r);
    disagree(info);
    DIM__TRY(copy_curve(m, info));
    return dim__mi_describe(m, info);
}

dim_status dim__mi_measure(dim__mi *m, dim_information **out)
{
    dim_information *info = dim__calloc(m->ctx, 1, sizeof *info);
    if (info == NULL)
        return DIM_E_NOMEM;
    info->ctx = dim__context_retain(m->ctx);
    dim_status status = measure(m, info);
    if (status != DIM_OK)
        dim__information_destroy(info);
    else
        *out = info;
    return status;
}

dim_status dim__information_measure(dim_context *ctx, const dim_information_options *options, const dim_information_data *data,
                                    dim_information **out)
{
    dim__mi m = { .ctx = ctx };
    dim_information_data d;
    DIM__TRY(dim__options_copy(ctx, "dim_information_data", &d, sizeof d, data));
    DIM__TRY(dim__mi_read_options(&m, options));
    m.deadline = m.o.max_seconds > 0 ? dim__mi_now() + (double)m.o.max_seconds : 0;
    dim_status status = dim__mi_read(&m, &d);
    if (status == DIM_OK)
        status = dim__mi_measure(&m, out);
    dim__mi_free(&m);
    return status;
}

void dim__information_destroy(dim_information *info)
{
    if (info == NULL)
        return;
    dim_context *ctx = info->ctx;
    for (int64_t k = 0; k < info->count; k++) {
        dim__free(ctx, info->answers[k].pointwise);
        dim__free(ctx, info->answers[k].null);
        dim__mi_fitted_free(ctx, info->answers[k].fitted);
    }
    for (int k = 0; k < 32; k++)
        dim__free(ctx, info->texts[k]);
    for (int k = 0; k < DIM__MI_SIDES; k++)
        dim__free(ctx, info->kinds[k]);
    dim__free(ctx, info->sorted);
    dim__free(ctx, info->answers);
    dim__free(ctx, info->rows);
    dim__free(ctx, info->curve);
    dim__free(ctx, info->null);
    dim__free(ctx, info->report);
    dim__free(ctx, info);
    dim__context_release(ctx);
}
