/* Kraskov, Stoegbauer & Grassberger 2004, equations 8 and 9; labels after Ross 2014: rows with other labels are infinitely
 * far, so that a side that is nothing but labels has all rows of one label in one place; conditions after Frenzel &
 * Pompe 2007. */
#include "information/kraskov.h"

#include "base/math.h"
#include "base/pool.h"
#include "information/kdtree.h"
#include "information/sort.h"
#include "information/special.h"

enum { JOINT, X_Z, Y_Z, Z, SPACES };          /* x and z, y and z, z */

static const uint32_t sides_of[SPACES] = { 7, 5, 6, 4 };

typedef struct search {
    const dim__kraskov *in;
    dim__space space[SPACES];
    const float *columns[SPACES][DIM__KDTREE_COORDINATES];
    int32_t *class_of[SPACES];
    dim__kdtree *tree[SPACES];
    int spaces;                               /* 4 with a condition, else 3 */
    dim__neighbor *list;                      /* (threads, k) */
    double *pointwise;
} search;

/* ---- spaces -------------------------------------------------------------------------------------------------------- */

static dim_status make_space(dim_context *ctx, search *s, int which)
{
    const dim__kraskov *in = s->in;
    dim__space *space = &s->space[which];
    space->n = in->n;
    space->classes = 1;
    for (int side = 0; side < 3; side++) {
        if ((sides_of[which] >> side & 1) == 0)
            continue;
        for (int c = 0; c < in->d[side]; c++)
            s->columns[which][space->d++] = in->x[side][c];
        if (in->symbol[side] == NULL)
            continue;
        if (s->class_of[which] == NULL) {
            s->class_of[which] = dim__calloc(ctx, (size_t)in->n, sizeof(int32_t));
            if (s->class_of[which] == NULL)
                return DIM_E_NOMEM;
        }
        DIM__TRY(dim__number_pairs(ctx, in->n, s->class_of[which], &space->classes, in->symbol[side]));
    }
    space->x = s->columns[which];
    space->class_of = s->class_of[which];
    return dim__kdtree_create(ctx, space, &s->tree[which]);
}

/* ---- rows ---------------------------------------------------------------------------------------------------------- */

static int32_t class_in(const search *s, int which, int32_t i) { return s->class_of[which] != NULL ? s->class_of[which][i] : 0; }

static float distance_in(const search *s, int which, int32_t i, int32_t j)
{
    float most = 0;
    for (int c = 0; c < s->space[which].d; c++) {
        float away = fabsf(s->columns[which][c][j] - s->columns[which][c][i]);
        most = away > most ? away : most;
    }
    return most;
}

/* How many other rows are strictly nearer to row i than eps, those close in time left out. */
static int64_t nearer(const search *s, int which, int32_t i, float eps)
{
    float at[DIM__KDTREE_COORDINATES];
    for (int c = 0; c < s->space[which].d; c++)
        at[c] = s->columns[which][c][i];
    int64_t count = dim__kdtree_count(s->tree[which], at, class_in(s, which, i), eps) - (eps > 0);
    int64_t apart = s->in->apart, last = dim__min64(s->in->n - 1, i + apart);
    for (int64_t j = dim__max64(0, i - apart); apart > 0 && j <= last; j++)
        count -= j != i && class_in(s, which, (int32_t)j) == class_in(s, which, i) && distance_in(s, which, i, (int32_t)j) < eps;
    return count;
}

static int64_t close_in_time(const search *s, int64_t i)
{
    return dim__min64(s->in->apart, i) + dim__min64(s->in->apart, s->in->n - 1 - i);
}

/* Equation 8, or Frenzel & Pompe's with a condition. */
static double row_first(const search *s, int32_t i, const dim__neighbor *list, int k)
{
    float eps = list[k - 1].distance;
    double x = dim__digamma((double)nearer(s, X_Z, i, eps) + 1), y = dim__digamma((double)nearer(s, Y_Z, i, eps) + 1);
    double all = s->in->conditional ? (double)nearer(s, Z, i, eps) + 1 : (double)(s->in->n - close_in_time(s, i));
    return dim__digamma(k) + dim__digamma(all) - x - y;
}

/* Equation 9: each side within the farthest of the k neighbours, which counts. */
static double row_second(const search *s, int32_t i, const dim__neighbor *list, int k)
{
    double sides = 0;
    for (int which = X_Z; which <= Y_Z; which++) {
        float eps = 0;
        for (int j = 0; j < k; j++)
            eps = fmaxf(eps, distance_in(s, which, i, list[j].point));
        sides += dim__digamma((double)nearer(s, which, i, nextafterf(eps, INFINITY)));
    }
    return dim__digamma(k) - 1.0 / k + dim__digamma((double)s->in->n) - sides;
}

static void rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const search *s = arg;
    const int32_t *order = dim__kdtree_order(s->tree[JOINT]);
    dim__neighbor *list = s->list + (int64_t)thread * s->in->k;
    for (int64_t q = begin; q < end; q++) {
        int32_t i = order[q];
        int k = dim__kdtree_nearest(s->tree[JOINT], i, s->in->k, s->in->apart, list);
        s->pointwise[i] = k == 0 ? (double)NAN : s->in->second ? row_second(s, i, list, k) : row_first(s, i, list, k);
    }
}

static dim_status run(dim_context *ctx, const dim__kraskov *in, double *pointwise, double *value, int64_t *used)
{
    search *s = dim__calloc(ctx, 1, sizeof *s);
    dim_status status = DIM_E_NOMEM;
    double sum = 0;
    int64_t count = 0;
    if (s == NULL)
        return status;
    s->in = in;
    s->spaces = in->conditional ? SPACES : SPACES - 1;
    s->pointwise = pointwise;
    s->list = dim__calloc(ctx, ctx->threads, (size_t)in->k * sizeof *s->list);
    if (s->list == NULL)
        goto done;
    for (int which = 0; which < s->spaces; which++)
        DIM__TRY_OR(done, make_space(ctx, s, which));
    dim__parallel(ctx, in->n, 256, rows, s);
    for (int64_t i = 0; i < in->n; i++)
        if (!isnan(pointwise[i])) {
            sum += pointwise[i];
            count++;
        }
    *value = count > 0 ? sum / (double)count : (double)NAN;
    *used = count;
done:
    for (int which = 0; which < SPACES; which++) {
        dim__kdtree_destroy(ctx, s->tree[which]);
        dim__free(ctx, s->class_of[which]);
    }
    dim__free(ctx, s->list);
    dim__free(ctx, s);
    return status;
}

/* ---- rows whose labels nobody shares ----------------------------------------------------------------------------------- */

/* Numbers of the rows that share all their labels with another one; their number in *kept. */
static dim_status find_shared(dim_context *ctx, const dim__kraskov *in, int32_t *rows, int64_t *kept)
{
    int32_t *code = dim__calloc(ctx, (size_t)in->n, 2 * sizeof *code), *count = code != NULL ? code + in->n : NULL;
    int64_t codes = 1;
    dim_status status = code == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int side = 0; side < 3 && status == DIM_OK; side++)
        if (in->symbol[side] != NULL)
            status = dim__number_pairs(ctx, in->n, code, &codes, in->symbol[side]);
    *kept = 0;
    for (int64_t i = 0; i < in->n && status == DIM_OK; i++)
        count[code[i]]++;
    for (int64_t i = 0; i < in->n && status == DIM_OK; i++)
        if (count[code[i]] > 1)
            rows[(*kept)++] = (int32_t)i;
    dim__free(ctx, code);
    return status;
}

/* The same of some rows; memory that they need is in one block, which the caller frees. */
static dim_status take_rows(dim_context *ctx, const dim__kraskov *in, const int32_t *rows, int64_t n, dim__kraskov *out,
                            const float **list, void **memory)
{
    int64_t columns = in->d[0] + in->d[1] + in->d[2];
    float *x = dim__calloc(ctx, (size_t)n, (size_t)(columns + 3) * sizeof *x);
    *memory = x;
    *out = *in;
    out->n = n;
    if (x == NULL)
        return DIM_E_NOMEM;
    int32_t *symbol = (int32_t *)(void *)(x + columns * n);
    for (int side = 0; side < 3; side++) {
        out->x[side] = list;
        for (int c = 0; c < in->d[side]; c++, x += n) {
            *list++ = x;
            for (int64_t i = 0; i < n; i++)
                x[i] = in->x[side][c][rows[i]];
        }
        for (int64_t i = 0; i < n && in->symbol[side] != NULL; i++)
            symbol[side * n + i] = in->symbol[side][rows[i]];
        out->symbol[side] = in->symbol[side] != NULL ? symbol + side * n : NULL;
    }
    return DIM_OK;
}

dim_status dim__kraskov_run(dim_context *ctx, const dim__kraskov *in, double *pointwise, double *value, int64_t *used)
{
    const float *list[3 * DIM__KDTREE_COORDINATES];
    dim__kraskov some;
    void *memory = NULL;
    int64_t kept = in->n;
    int32_t *rows = dim__calloc(ctx, (size_t)in->n, sizeof *rows);
    dim_status status = rows == NULL ? DIM_E_NOMEM : find_shared(ctx, in, rows, &kept);
    bool all = kept == in->n;
    if (status == DIM_OK && !all)
        status = take_rows(ctx, in, rows, kept, &some, list, &memory);
    if (status == DIM_OK)
        status = run(ctx, all ? in : &some, pointwise, value, used);
    for (int64_t i = in->n - 1, k = kept - 1; i >= 0 && status == DIM_OK && !all; i--) { /* apart again, from the end */
        bool there = k >= 0 && rows[k] == i;
        pointwise[i] = there ? pointwise[k] : (double)NAN;
        k -= there;
    }
    dim__free(ctx, memory);
    dim__free(ctx, rows);
    return status;
}
