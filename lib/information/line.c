/* The numbers of a class in order, and a table that says where each stretch of them begins: an edge is found by a look into the
 * table and some steps, instead of a search from the middle. */
#include "information/line.h"

#include "information/sort.h"

enum { A_STRETCH = 2, STEPS = 8 }; /* numbers a stretch has on average; more than these are halved first */

typedef struct stretches { /* of one class */
    double low, scale;     /* a number x is in stretch (x - low) scale */
    int32_t last;
    int64_t first;         /* of them in the table, which has the end of the last one behind it */
} stretches;

struct dim__line {
    float *x;              /* (n), by class and size */
    int64_t *class_first;  /* (classes + 1) */
    stretches *of;         /* (classes) */
    int32_t *begin;        /* how many numbers of the class are in stretches before */
};

static int32_t stretch_of(const stretches *s, double x)
{
    double at = (x - s->low) * s->scale;
    return !(at > 0) ? 0 : at < s->last ? (int32_t)at : s->last;
}

static void make_table(dim__line *l, int64_t c, int64_t *next)
{
    int64_t n = l->class_first[c + 1] - l->class_first[c];
    const float *x = l->x + l->class_first[c];
    stretches *s = &l->of[c];
    *s = (stretches){ .first = *next };
    *next += n / A_STRETCH + 2;
    if (n == 0)
        return;
    double wide = (double)x[n - 1] - (double)x[0];
    s->low = (double)x[0];
    s->last = (int32_t)(n / A_STRETCH);
    s->scale = wide > 0 ? (double)s->last / wide : 0;
    int32_t *begin = l->begin + s->first, open = 0;
    for (int64_t i = 0; i < n; i++)
        for (int32_t k = stretch_of(s, (double)x[i]); open <= k; open++)
            begin[open] = (int32_t)i;
    for (; open <= s->last + 1; open++)
        begin[open] = (int32_t)n;
}

static dim_status fill(dim_context *ctx, const dim__space *space, int64_t classes, dim__line *l)
{
    float *spare = dim__alloc(ctx, (size_t)space->n * sizeof *spare);
    if (spare == NULL)
        return DIM_E_NOMEM;
    for (int64_t i = 0; i < space->n; i++) /* two ahead, so that filling leaves each at its class's begin */
        l->class_first[(space->class_of != NULL ? space->class_of[i] : 0) + 2]++;
    for (int64_t c = 0; c < classes; c++)
        l->class_first[c + 2] += l->class_first[c + 1];
    for (int64_t i = 0; i < space->n; i++)
        l->x[l->class_first[(space->class_of != NULL ? space->class_of[i] : 0) + 1]++] = space->x[0][i];
    for (int64_t c = 0, next = 0; c < classes; c++) {
        dim__sort_floats(l->x + l->class_first[c], l->class_first[c + 1] - l->class_first[c], spare);
        make_table(l, c, &next);
    }
    dim__free(ctx, spare);
    return DIM_OK;
}

dim_status dim__line_create(dim_context *ctx, const dim__space *space, dim__line **out)
{
    int64_t classes = space->class_of != NULL ? space->classes : 1;
    dim__line *l = dim__calloc(ctx, 1, sizeof *l);
    if (l == NULL)
        return DIM_E_NOMEM;
    l->x = dim__alloc(ctx, (size_t)space->n * sizeof *l->x);
    l->class_first = dim__calloc(ctx, (size_t)classes + 2, sizeof *l->class_first);
    l->of = dim__calloc(ctx, (size_t)classes, sizeof *l->of);
    l->begin = dim__alloc(ctx, ((size_t)space->n / A_STRETCH + 2 * (size_t)classes) * sizeof *l->begin);
    bool room = l->x != NULL && l->class_first != NULL && l->of != NULL && l->begin != NULL;
    dim_status status = room ? fill(ctx, space, classes, l) : DIM_E_NOMEM;
    if (status == DIM_OK)
        *out = l;
    else
        dim__line_destroy(ctx, l);
    return status;
}

void dim__line_destroy(dim_context *ctx, dim__line *l)
{
    if (l == NULL)
        return;
    dim__free(ctx, l->x);
    dim__free(ctx, l->class_first);
    dim__free(ctx, l->of);
    dim__free(ctx, l->begin);
    dim__free(ctx, l);
}

/* Whether x is beyond the lower edge, or the upper one.  Differences are rounded as everywhere, so where an edge is exactly,
 * only they can say. */
static inline bool beyond(float x, float at, float eps, bool upper) { return upper ? !(x - at < eps) : at - x < eps; }

/* How many of a class lie before an edge. */
static inline int64_t before(const dim__line *l, const stretches *s, const float *x, int64_t n, float at, float eps, bool upper)
{
    const int32_t *begin = l->begin + s->first + stretch_of(s, upper ? (double)at + (double)eps : (double)at - (double)eps);
    int64_t low = begin[0], high = begin[1];
    while (high - low > STEPS) {
        int64_t middle = low + (high - low) / 2;
        if (beyond(x[middle], at, eps, upper))
            high = middle;
        else
            low = middle + 1;
    }
    while (low < n && !beyond(x[low], at, eps, upper))
        low++;
    while (low > 0 && beyond(x[low - 1], at, eps, upper))
        low--;
    return low;
}

int64_t dim__line_count(const dim__line *l, float at, int32_t class_of, float eps)
{
    const stretches *s = &l->of[class_of];
    const float *x = l->x + l->class_first[class_of];
    int64_t n = l->class_first[class_of + 1] - l->class_first[class_of];
    return eps > 0 && n > 0 ? before(l, s, x, n, at, eps, true) - before(l, s, x, n, at, eps, false) : 0;
}
