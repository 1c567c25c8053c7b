/* Orders of y's rows under which it has nothing to do with x, but keeps what it has by itself: its memory in a series, its
 * groups, and what a condition tells about it. */
#include "information/information.h"

#include "base/math.h"
#include "base/rng.h"
#include "information/kdtree.h"
#include "information/sort.h"

enum { NEAR = 5 };

/* ---- with a condition ------------------------------------------------------------------------------------------------ */

/* Rows in pairs that are near, the nearest pairs first; a row whose neighbours are all taken has itself.  Every row is met once: with
 * some met twice and others never, as in Runge 2018, a sum of scores varies by what rows have alone, and p is too large; and a row
 * that meets the third nearest is too far away where a condition leaves little noise. */
static dim_status find_partners(const dim__mi *m, const dim__kdtree *tree, int32_t *partner)
{
    dim__neighbor list[NEAR];
    int64_t n = m->n, count = 0, most = dim__min64(NEAR, INT32_MAX / n);
    uint64_t *key = dim__calloc(m->ctx, (size_t)n, (size_t)most * sizeof *key);
    int32_t *edge = dim__calloc(m->ctx, (size_t)n, 4 * (size_t)most * sizeof *edge), *order = DIM__BEHIND(edge, 2 * n * most);
    bool room = key != NULL && edge != NULL;
    for (int64_t i = 0; i < n && room; i++) {
        int found = dim__kdtree_nearest(tree, (int32_t)i, (int)most, 0, list);
        partner[i] = (int32_t)i;
        for (int k = 0; k < found; k++, count++) {
            key[count] = dim__key_of_double((double)list[k].distance);
            edge[2 * count] = (int32_t)i;
            edge[2 * count + 1] = list[k].point;
        }
    }
    if (room)
        dim__sort_keys(key, count, order, order + n * most);
    for (int64_t e = 0; e < count; e++) {
        int32_t i = edge[2 * order[e]], j = edge[2 * order[e] + 1];
        if (partner[i] == i && partner[j] == j) {
            partner[i] = j;
            partner[j] = i;
        }
    }
    dim__free(m->ctx, key);
    dim__free(m->ctx, edge);
    return room ? DIM_OK : DIM_E_NOMEM;
}

static dim_status pair_rows(const dim__mi *m, dim__mi_orders *o)
{
    const dim__mi_side *z = &m->side[2];
    const float *x[DIM__KDTREE_COORDINATES];
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
    if (status == DIM_OK)
        status = find_partners(m, tree, o->partner);
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

/* Each pair is exchanged, or not. */
static void local_order(const dim__mi_orders *o, uint64_t stream, int32_t *order)
{
    for (int64_t i = 0; i < o->m->n; i++) {
        int32_t j = o->partner[i];
        order[i] = dim__rng_below(2, o->m->o.seed, stream, (uint64_t)dim__min64(i, j)) == 1 ? j : (int32_t)i;
    }
}

/* ---- groups, series, rows -------------------------------------------------------------------------------------------- */

/* How many orders there are of so many groups, but no more than `most` + 1. */
int64_t dim__mi_orders_of(int64_t groups, int64_t most)
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
    else if (o->partner != NULL)
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

int64_t dim__mi_orders_count(const dim__mi *m, int64_t asked, int64_t rows)
{
    return m->series ? dim__min64(asked, turns(rows)) : asked;
}

dim_status dim__mi_orders_create(const dim__mi *m, dim__mi_orders *out)
{
    *out = (dim__mi_orders){ .m = m, .count = dim__mi_orders_count(m, (int64_t)m->o.permutations, m->n),
                             .spare = dim__calloc(m->ctx, (size_t)m->n, 3 * sizeof *out->spare) };
    if (out->spare == NULL)
        return DIM_E_NOMEM;
    if (m->groups != NULL && dim__mi_orders_of(m->n_groups, out->count) <= out->count) {
        out->all = dim__mi_orders_of(m->n_groups, out->count);
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
    out->partner = dim__calloc(m->ctx, (size_t)m->n, sizeof *out->partner);
    return out->partner == NULL ? DIM_E_NOMEM : pair_rows(m, out);
}

void dim__mi_orders_free(dim__mi_orders *o)
{
    dim__free(o->m->ctx, o->partner);
    dim__free(o->m->ctx, o->class_of);
    dim__free(o->m->ctx, o->turn);
    dim__free(o->m->ctx, o->spare);
}
