/* Kraskov, Stoegbauer & Grassberger 2004, equations 8 and 9; labels after Ross 2014: rows with other labels are infinitely
 * far, so that a side that is nothing but labels has all rows of one label in one place; conditions after Frenzel &
 * Pompe 2007. */
#include "information/kraskov.h"

#include "base/math.h"
#include "base/pool.h"
#include "information/kdtree.h"
#include "information/line.h"
#include "information/sort.h"
#include "information/special.h"

enum { JOINT, X_Z, Y_Z, Z, SPACES };          /* x and z, y and z, z */
enum { DIGAMMAS = 1 << 16, HEARD = 16 };

static const uint32_t sides_of[SPACES] = { 7, 5, 6, 4 };

typedef struct search {
    const dim__kraskov *in;
    dim__space space[SPACES];
    const float *columns[SPACES][DIM__KDTREE_COORDINATES];
    int in_joint[SPACES][DIM__KDTREE_COORDINATES]; /* which coordinate of x, y and z it is */
    int32_t *class_of[SPACES];
    dim__kdtree *tree[SPACES];
    dim__line *line[SPACES];                  /* of a space with one coordinate, in which only is counted */
    int spaces;                               /* 4 with a condition, else 3 */
    void *spare;                              /* (threads, k) dim__neighbor, or (threads, LEAF k) float */
    _Atomic(double) *digamma;                 /* (known): of whole numbers, once they were asked for; 0 = not yet */
    int64_t known;
    int64_t *group_first;                     /* (groups + 1): where the rows of a group begin */
    double *pointwise;
    int64_t from;                             /* leaves or rows before it are done */
} search;

/* ---- spaces -------------------------------------------------------------------------------------------------------- */

static dim_status make_space(dim_context *ctx, search *s, int which)
{
    const dim__kraskov *in = s->in;
    dim__space *space = &s->space[which];
    space->n = in->n;
    space->classes = 1;
    space->group = in->group;
    for (int side = 0, first = 0; side < 3; first += in->d[side++]) {
        if ((sides_of[which] >> side & 1) == 0)
            continue;
        for (int c = 0; c < in->d[side]; c++) {
            s->in_joint[which][space->d] = first + c;
            s->columns[which][space->d++] = in->x[side][c];
        }
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
    return which != JOINT && space->d == 1 ? dim__line_create(ctx, space, &s->line[which])
                                           : dim__kdtree_create(ctx, space, &s->tree[which]);
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

/* A row and where the tree of all coordinates has it: there its numbers lie beside those of the rows before and after. */
typedef struct place {
    int32_t i;
    int64_t at;
} place;

typedef struct stretch {
    int64_t first, last;
} stretch;

/* Row i and those that are not its neighbours, however near they are: close in time, or of its group. */
static stretch kept_off(const search *s, int32_t i)
{
    const dim__kraskov *in = s->in;
    if (in->group == NULL)
        return (stretch){ dim__max64(0, i - in->apart), dim__min64(in->n - 1, i + in->apart) };
    return (stretch){ s->group_first[in->group[i]], s->group_first[in->group[i] + 1] - 1 };
}

/* How many other rows are strictly nearer to it than eps, those that are kept off left out. */
static int64_t nearer(const search *s, int which, place p, float eps)
{
    float at[DIM__KDTREE_COORDINATES];
    int32_t i = p.i, class_of = class_in(s, which, i);
    for (int c = 0; c < s->space[which].d; c++)
        at[c] = dim__kdtree_column(s->tree[JOINT], s->in_joint[which][c])[p.at];
    int64_t count = s->line[which] != NULL ? dim__line_count(s->line[which], at[0], class_of, eps)
                                           : dim__kdtree_count(s->tree[which], at, class_of, eps);
    count -= eps > 0; /* itself */
    stretch own = kept_off(s, i);
    for (int64_t j = own.first; own.last > own.first && j <= own.last; j++)
        count -= j != i && class_in(s, which, (int32_t)j) == class_of && distance_in(s, which, i, (int32_t)j) < eps;
    return count;
}

/* The same few numbers are asked for again and again.  Threads that find one missing all find the same one. */
static double digamma(const search *s, int64_t x)
{
    if (x >= s->known)
        return dim__digamma((double)x);
    double y = atomic_load_explicit(&s->digamma[x], memory_order_relaxed);
    if (y != 0) /* as it is for no whole number */
        return y;
    y = dim__digamma((double)x);
    atomic_store_explicit(&s->digamma[x], y, memory_order_relaxed);
    return y;
}

/* Equation 8, or Frenzel & Pompe's with a condition. */
static double row_first(const search *s, place p, float eps, int k)
{
    double x = digamma(s, nearer(s, X_Z, p, eps) + 1), y = digamma(s, nearer(s, Y_Z, p, eps) + 1);
    stretch own = kept_off(s, p.i);
    int64_t all = s->in->conditional ? nearer(s, Z, p, eps) + 1 : s->in->n - (own.last - own.first);
    return digamma(s, k) + digamma(s, all) - x - y;
}

/* Equation 9: each side within the farthest of the k neighbours, which counts. */
static double row_second(const search *s, place p, const dim__neighbor *list, int k)
{
    double sides = 0;
    for (int which = X_Z; which <= Y_Z; which++) {
        float eps = 0;
        for (int j = 0; j < k; j++)
            eps = fmaxf(eps, distance_in(s, which, p.i, list[j].point));
        sides += digamma(s, nearer(s, which, p, nextafterf(eps, INFINITY)));
    }
    return digamma(s, k) - 1.0 / k + digamma(s, s->in->n) - sides;
}

static void leaves_first(void *arg, int64_t begin, int64_t end, int thread)
{
    const search *s = arg;
    begin += s->from;
    end += s->from;
    const dim__kdtree *joint = s->tree[JOINT];
    const int32_t *order = dim__kdtree_order(joint);
    float *spare = (float *)s->spare + (int64_t)thread * s->in->k * DIM__KDTREE_LEAF, eps[DIM__KDTREE_LEAF];
    int k[DIM__KDTREE_LEAF];
    for (int64_t leaf = begin; leaf < end; leaf++) {
        int64_t first = dim__kdtree_leaf_first(joint, leaf), n = dim__kdtree_leaf_first(joint, leaf + 1) - first;
        dim__kdtree_reach(joint, leaf, s->in->k, s->in->apart, eps, k, spare);
        for (int64_t q = 0; q < n; q++) {
            place p = { order[first + q], first + q };
            s->pointwise[p.i] = k[q] == 0 ? (double)NAN : row_first(s, p, eps[q], k[q]);
        }
    }
}

static void rows_second(void *arg, int64_t begin, int64_t end, int thread)
{
    const search *s = arg;
    const int32_t *order = dim__kdtree_order(s->tree[JOINT]);
    dim__neighbor *list = (dim__neighbor *)s->spare + (int64_t)thread * s->in->k;
    for (int64_t q = s->from + begin; q < s->from + end; q++) {
        place p = { order[q], q };
        int k = dim__kdtree_nearest(s->tree[JOINT], p.i, s->in->k, s->in->apart, list);
        s->pointwise[p.i] = k == 0 ? (double)NAN : row_second(s, p, list, k);
    }
}

/* All rows; those who wait hear of it from time to time. */
static dim_status search_all(dim_context *ctx, search *s)
{
    const dim__kraskov *in = s->in;
    int64_t count = in->second ? in->n : dim__kdtree_leaves(s->tree[JOINT]), grain = in->second ? 256 : 16;
    int64_t at_once = in->heard != NULL ? dim__max64(count / HEARD + 1, grain * ctx->threads * 4) : count;
    for (s->from = 0; s->from < count; s->from += at_once) {
        int64_t now = dim__min64(at_once, count - s->from);
        dim__parallel(ctx, now, grain, in->second ? rows_second : leaves_first, s);
        if (in->heard != NULL && at_once < count) /* what is done at once is soon over */
            DIM__TRY(in->heard(in->user, (double)(s->from + now) / (double)count));
    }
    return DIM_OK;
}

/* Numbers of groups need not be without gaps, but rise. */
static bool find_groups(dim_context *ctx, search *s)
{
    const dim__kraskov *in = s->in;
    if (in->group == NULL)
        return true;
    s->group_first = dim__calloc(ctx, (size_t)in->group[in->n - 1] + 2, sizeof *s->group_first);
    for (int64_t i = 0; i < in->n && s->group_first != NULL; i++)
        s->group_first[in->group[i] + 1] = i + 1;
    for (int64_t g = 0; g <= in->group[in->n - 1] && s->group_first != NULL; g++)
        s->group_first[g + 1] = dim__max64(s->group_first[g], s->group_first[g + 1]);
    return s->group_first != NULL;
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
    s->spare = dim__calloc(ctx, (size_t)ctx->threads * (size_t)in->k,
                           in->second ? sizeof(dim__neighbor) : DIM__KDTREE_LEAF * sizeof(float));
    s->known = dim__min64(in->n + 2, DIGAMMAS);
    s->digamma = dim__calloc(ctx, (size_t)s->known, sizeof *s->digamma);
    if (s->spare == NULL || s->digamma == NULL || !find_groups(ctx, s))
        goto done;
    for (int which = 0; which < s->spaces; which++)
        DIM__TRY_OR(done, make_space(ctx, s, which));
    DIM__TRY_OR(done, search_all(ctx, s));
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
        dim__line_destroy(ctx, s->line[which]);
        dim__free(ctx, s->class_of[which]);
    }
    dim__free(ctx, s->group_first);
    dim__free(ctx, s->spare);
    dim__free(ctx, s->digamma);
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
    float *x = dim__calloc(ctx, (size_t)n, (size_t)(columns + 4) * sizeof *x);
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
    int32_t *group = symbol + 3 * n;
    for (int64_t i = 0; i < n && in->group != NULL; i++)
        group[i] = in->group[rows[i]];
    out->group = in->group != NULL ? group : NULL;
    return DIM_OK;
}

dim_status dim__kraskov_run(dim_context *ctx, const dim__kraskov *in, double *pointwise, double *value, int64_t *used)
{
    const float *list[3 * DIM__KDTREE_COORDINATES];
    dim__kraskov some;
    void *memory = NULL;
    int64_t kept = in->n;
    if (in->symbol[0] == NULL && in->symbol[1] == NULL && in->symbol[2] == NULL)
        return run(ctx, in, pointwise, value, used);
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
