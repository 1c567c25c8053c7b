/* Orders of y's rows under which it has nothing to do with x, but keeps what it has by itself: its memory in a series, its
 * groups, and what a condition tells about it. */
#include "information/information.h"

#include "base/math.h"
#include "base/rng.h"
#include "information/kdtree.h"

enum { NEAR = 3 }; /* Runge 2018 has 5, which are too far apart where a condition leaves little noise */


/* ---- with a condition ------------------------------------------------------------------------------------------------ */

static dim_status find_near(const dim__mi *m, dim__mi_orders *o)
{
    const dim__mi_side *z = &m->side[2];
    const float *x[DIM__KDTREE_COORDINATES];
    dim__neighbor list[NEAR];
    dim__space space = { .n = m->n, .x = x, .class_of = o->class_of, .classes = o->classes };
    dim__kdtree *tree = NULL;
    int64_t count = dim__min64(z->d, DIM__KDTREE_COORDINATES); /* more columns than that tell nothing new about who is near */
    float *memory = dim__calloc(m->ctx, (size_t)count * sizeof *memory, (size_t)m->n);
    dim_status status = memory == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int64_t j = 0; j < count && status == DIM_OK; j++)
        if (z->columns[j].kind != DIM_INFORMATION_KIND_UNORDERED) {
            x[space.d] = memory + j * m->n;
            status = dim__mi_dithered(m, z, &z->columns[j], 0, memory + j * m->n);
            space.d++;
        }
    if (status == DIM_OK)
        status = dim__kdtree_create(m->ctx, &space, &tree);
    for (int64_t i = 0; i < m->n && status == DIM_OK; i++) {
        int found = dim__kdtree_nearest(tree, (int32_t)i, NEAR - 1, 0, list);
        for (int k = 0; k < NEAR; k++) /* each row is one of those that are near it */
            o->near[i * NEAR + k] = k < found ? list[k].point : (int32_t)i;
    }
    dim__kdtree_destroy(m->ctx, tree);
    dim__free(m->ctx, memory);
    return status;
}

/* Rows of a class, in their order, get those of the same class in a random order. */
static void class_order(const dim__mi_orders *o, uint64_t stream, int32_t *order)
{
    int64_t n = o->m->n;
    int32_t *turn = o->spare, *sorted = o->spare + n, *next = o->spare + 2 * n;
    dim__rng_permutation(turn, n, o->m->o.seed, stream);
    for (int pass = 0; pass < 2; pass++) { /* rows by class, first in a random order, then in their own */
        int32_t at = 0;
        memset(next, 0, (size_t)o->classes * sizeof *next);
        for (int64_t i = 0; i < n; i++)
            next[o->class_of[i]]++;
        for (int64_t c = 0; c < o->classes; c++) {
            int32_t size = next[c];
            next[c] = at;
            at += size;
        }
        for (int64_t i = 0; i < n; i++)
            if (pass == 0)
                sorted[next[o->class_of[turn[i]]]++] = turn[i];
            else
                order[i] = sorted[next[o->class_of[i]]++];
    }
}

/* Each row, in a random order, gets a near one that nobody has yet, else any near one. */
static void local_order(const dim__mi_orders *o, uint64_t stream, int32_t *order)
{
    int64_t n = o->m->n;
    int32_t *turn = o->spare, *taken = o->spare + n;
    memset(taken, 0, (size_t)n * sizeof *taken);
    dim__rng_permutation(turn, n, o->m->o.seed, stream);
    for (int64_t q = 0; q < n; q++) {
        int32_t i = turn[q];
        uint64_t first = dim__rng_below(NEAR, o->m->o.seed, stream + 1, (uint64_t)i);
        int32_t pick = o->near[i * NEAR + (int64_t)first];
        for (uint64_t k = 0; k < NEAR && taken[pick]; k++)
            pick = o->near[i * NEAR + (int64_t)((first + k) % NEAR)];
        if (taken[pick])
            pick = o->near[i * NEAR + (int64_t)first];
        taken[pick] = 1;
        order[i] = pick;
    }
}

/* ---- groups, series, rows -------------------------------------------------------------------------------------------- */

/* How many orders there are of so many groups, but no more than `most` + 1. */
static int64_t factorial(int64_t groups, int64_t most)
{
    int64_t all = 1;
    for (int64_t k = 2; k <= groups && all <= most; k++)
        all *= k;
    return dim__min64(all, most + 1);
}

/* The order of that number among all of them, of which 0 leaves all in place. */
static void nth_order(int64_t number, int64_t all, int64_t count, int32_t *out)
{
    for (int64_t k = 0; k < count; k++)
        out[k] = (int32_t)k;
    for (int64_t k = 0, rest = number % all; k < count; k++) {
        all /= count - k;
        int64_t pick = k + rest / all;
        int32_t one = out[pick];
        memmove(out + k + 1, out + k, (size_t)(pick - k) * sizeof *out);
        out[k] = one;
        rest %= all;
    }
}

/* Rows of a group, in their order, get those of another group.  Where all orders of the groups are asked for, each is used once. */
static void group_order(const dim__mi_orders *o, int64_t number, uint64_t stream, int32_t *order)
{
    const dim__mi *m = o->m;
    int64_t size = m->n / m->n_groups;
    int32_t *member = o->spare, *next = o->spare + m->n;
    memset(next, 0, (size_t)m->n_groups * sizeof *next);
    for (int64_t i = 0; i < m->n; i++)
        member[m->groups[i] * size + next[m->groups[i]]++] = (int32_t)i;
    if (o->all > 0)
        nth_order(number, o->all, m->n_groups, next);
    else
        dim__rng_permutation(next, m->n_groups, m->o.seed, stream);
    for (int64_t g = 0; g < m->n_groups; g++)
        for (int64_t r = 0; r < size; r++)
            order[member[g * size + r]] = member[next[g] * size + r];
}

/* A turn round keeps all of a series' memory but at the seam.  All turns together with none are what p takes as equally likely;
 * without those by less than a block, which are like none where the memory is long, small p would be too frequent. */
static int64_t turns(int64_t rows) { return dim__max64(0, rows - 1); }

static dim_status draw_turns(const dim__mi *m, dim__mi_orders *o)
{
    int64_t count = turns(m->n);
    o->turn = dim__calloc(m->ctx, (size_t)count, sizeof *o->turn);
    if (o->turn == NULL)
        return DIM_E_NOMEM;
    dim__rng_permutation(o->turn, count, m->o.seed, DIM__MI_STREAM_ORDER);
    return DIM_OK;
}

static void turn(const dim__mi_orders *o, int64_t number, int32_t *order)
{
    int64_t n = o->m->n, by = 1 + o->turn[number - 1];
    for (int64_t i = 0; i < n; i++)
        order[i] = (int32_t)((i + by) % n);
}

void dim__mi_order(const dim__mi_orders *o, int64_t number, int32_t *order)
{
    const dim__mi *m = o->m;
    uint64_t stream = dim__mix(DIM__MI_STREAM_ORDER, (uint64_t)number);
    if (number == 0)
        for (int64_t i = 0; i < m->n; i++)
            order[i] = (int32_t)i;
    else if (o->near != NULL)
        local_order(o, stream, order);
    else if (o->class_of != NULL)
        class_order(o, stream, order);
    else if (m->groups != NULL)
        group_order(o, number, stream, order);
    else if (m->series)
        turn(o, number, order);
    else
        dim__rng_permutation(order, m->n, m->o.seed, stream);
}

static dim_status check_groups(const dim__mi *m)
{
    if (m->n_groups < 5)
        return dim__fail(m->ctx, DIM_E_UNSUPPORTED, "permutations need at least 5 groups, but there are %lld", (long long)m->n_groups);
    int32_t *count = dim__calloc(m->ctx, (size_t)m->n_groups, sizeof *count), other = 0;
    for (int64_t i = 0; i < m->n && count != NULL; i++)
        count[m->groups[i]]++;
    dim_status status = count == NULL ? DIM_E_NOMEM : DIM_OK;
    for (int64_t g = 1; g < m->n_groups && status == DIM_OK && other == 0; g++)
        other = count[g] != count[0] ? count[g] : 0;
    if (other != 0)
        status = dim__fail(m->ctx, DIM_E_UNSUPPORTED, "permutations need groups of one size, but one has %d rows and another %d", count[0],
                           other);
    dim__free(m->ctx, count);
    return status;
}

dim_status dim__mi_orders_check(const dim__mi *m, int64_t rows)
{
    if (m->weights != NULL)
        return dim__fail(m->ctx, DIM_E_UNSUPPORTED, "permutations of weighted rows are not independence: whose weight a row has, tells");
    if (m->side[2].d > 0 && (m->groups != NULL || m->series))
        return dim__fail(m->ctx, DIM_E_UNSUPPORTED, "permutations with a condition exchange single rows, which %s does not allow",
                         m->groups != NULL ? "groups" : "a series (say order IID if it is not one)");
    if (m->series && rows < 4 * m->block)
        return dim__fail(m->ctx, DIM_E_UNSUPPORTED, "permutations turn %lld rows of a series round, too few for blocks of %lld; a quarter "
                         "would do", (long long)rows, (long long)m->block);
    return m->groups != NULL ? check_groups(m) : DIM_OK;
}

int64_t dim__mi_orders_count(const dim__mi *m, int64_t rows)
{
    return m->series ? dim__min64((int64_t)m->o.permutations, turns(rows)) : (int64_t)m->o.permutations;
}

dim_status dim__mi_orders_create(const dim__mi *m, dim__mi_orders *out)
{
    *out = (dim__mi_orders){ .m = m, .count = dim__mi_orders_count(m, m->n),
                             .spare = dim__calloc(m->ctx, (size_t)m->n, 3 * sizeof *out->spare) };
    if (out->spare == NULL)
        return DIM_E_NOMEM;
    if (m->groups != NULL && factorial(m->n_groups, out->count) <= out->count) {
        out->all = factorial(m->n_groups, out->count);
        out->count = out->all - 1;
    }
    if (m->side[2].d == 0)
        return m->series && m->groups == NULL ? draw_turns(m, out) : DIM_OK;
    out->class_of = dim__calloc(m->ctx, (size_t)m->n, sizeof *out->class_of);
    if (out->class_of == NULL)
        return DIM_E_NOMEM;
    DIM__TRY(dim__mi_symbols(m, 4, !m->side[2].discrete, out->class_of, &out->classes));
    if (m->side[2].discrete)
        return DIM_OK;
    out->near = dim__calloc(m->ctx, (size_t)m->n, NEAR * sizeof *out->near);
    return out->near == NULL ? DIM_E_NOMEM : find_near(m, out);
}

void dim__mi_orders_free(dim__mi_orders *o)
{
    dim__free(o->m->ctx, o->near);
    dim__free(o->m->ctx, o->class_of);
    dim__free(o->m->ctx, o->turn);
    dim__free(o->m->ctx, o->spare);
}
