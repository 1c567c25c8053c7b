/* A tree of boxes over each class, split so that all leaves but the last of a class are full: its shape depends on the numbers of
 * points alone.  Node j of n points has its left half right behind it, and the right half behind all of those.
 *
 *     node j: points first .. first + n - 1       left = j + 1       right = j + 1 + nodes_of(left_of(n))
 *
 * Points lie in the order of the leaves, one array a coordinate. */
#include "information/kdtree.h"

#include "base/math.h"
#include "base/pool.h"
#include "kernels/kernels.h"

#include <string.h>

enum { LEAF = DIM__NEAR, DEPTH = 40 };
enum { SCAN = 4 * LEAF }; /* so few points are counted one by one, which costs less than a look at the boxes of their parts */

struct dim__kdtree {
    int64_t n, classes, leaves;
    int d;
    float **x;            /* (d) arrays (n + LEAF), in the order of the leaves */
    int32_t *point;       /* (n + LEAF): number of the point there */
    int32_t *place;       /* (n): where a point is */
    int32_t *group;       /* (n + LEAF): the group of the point there; NULL = there are none */
    int64_t *class_first; /* (classes + 1) */
    int64_t *node_first;  /* (classes + 1) */
    int32_t *leaf_first;  /* (leaves + 1): its first point */
    float *box;           /* (nodes, 2, d): least and largest coordinates */
    const int32_t *class_of;
    const dim__kernels *kernels;
};

typedef struct part {     /* what is below a node */
    int64_t node, first, n;
} part;

static int64_t leaves_of(int64_t n) { return (n + LEAF - 1) / LEAF; }
static int64_t nodes_of(int64_t n) { return n > 0 ? 2 * leaves_of(n) - 1 : 0; }

static part left_of(part p) { return (part){ p.node + 1, p.first, (leaves_of(p.n) + 1) / 2 * LEAF }; }

static part right_of(part p)
{
    part left = left_of(p);
    return (part){ left.node + nodes_of(left.n), p.first + left.n, p.n - left.n };
}

static part class_part(const dim__kdtree *t, int64_t c)
{
    return (part){ t->node_first[c], t->class_first[c], t->class_first[c + 1] - t->class_first[c] };
}

static float *box_of(const dim__kdtree *t, int64_t node) { return t->box + node * 2 * t->d; }

int64_t dim__kdtree_class_size(const dim__kdtree *t, int32_t class_of) { return class_part(t, class_of).n; }
const int32_t *dim__kdtree_order(const dim__kdtree *t) { return t->point; }
const float *dim__kdtree_column(const dim__kdtree *t, int c) { return t->x[c]; }
int64_t dim__kdtree_leaves(const dim__kdtree *t) { return t->leaves; }
int64_t dim__kdtree_leaf_first(const dim__kdtree *t, int64_t leaf) { return t->leaf_first[leaf]; }

/* ---- building ------------------------------------------------------------------------------------------------------ */

/* Points move whole while they are sorted into leaves: coordinates, then the number, in as many of these as that takes. */
typedef struct words {
    float of[4];
} words;

typedef struct builder {
    dim__kdtree *tree;
    words *all;           /* (n, each) */
    int each;
    const int32_t *group;
} builder;

static float *word(const builder *b, int64_t i, int c) { return &b->all[i * b->each + c / 4].of[c % 4]; }

/* Moves those below the pivot, or not above it, to the front of first .. last - 1; where they end.  Which they are is a coin's
 * toss, so all are exchanged without a jump. */
static inline int64_t divide(words *all, int each, int c, int64_t first, int64_t last, float pivot, bool equal)
{
    int64_t end = first;
    for (int64_t i = first; i < last; i++) {
        float x = all[i * each + c / 4].of[c % 4];
        for (int w = 0; w < each; w++) {
            words one = all[i * each + w];
            all[i * each + w] = all[end * each + w];
            all[end * each + w] = one;
        }
        end += equal ? x <= pivot : x < pivot;
    }
    return end;
}

/* A value that is near the one at `middle` in the order, and rather on the farther side, so that much is cut off. */
static float choose_pivot(const builder *b, int c, int64_t first, int64_t last, int64_t middle)
{
    enum { MOST = 63 };
    float sample[MOST];
    int64_t n = last - first;
    int size = n >= 4096 ? MOST : n >= 256 ? 15 : 3, margin = size / 12;
    for (int i = 0; i < size; i++) {
        float one = *word(b, first + n * (2 * i + 1) / (2 * size), c);
        int k = i;
        for (; k > 0 && sample[k - 1] > one; k--)
            sample[k] = sample[k - 1];
        sample[k] = one;
    }
    int at = (int)((middle - first) * size / n);
    at += 2 * at < size ? margin : -margin;
    return sample[at];
}

/* Points first .. last - 1 so that those before `middle` are not larger in c than those from it on. */
static void select_middle(const builder *b, int c, int64_t first, int64_t last, int64_t middle)
{
    while (last - first > 1) {
        float pivot = choose_pivot(b, c, first, last, middle);
        int64_t end = b->each == 1 ? divide(b->all, 1, c, first, last, pivot, false)
                                   : divide(b->all, b->each, c, first, last, pivot, false);
        if (end == first) { /* it is the least */
            end = divide(b->all, b->each, c, first, last, pivot, true);
            if (middle < end)
                return;
        }
        if (middle < end)
            last = end;
        else
            first = end;
    }
}

/* Sorts the points into halves.  A node's box is a hull that its parent left it until its points are in their places. */
static void split(const builder *b, part p)
{
    const dim__kdtree *t = b->tree;
    const float *box = box_of(t, p.node);
    part left = left_of(p), right = right_of(p);
    float *in_left = box_of(t, left.node), *in_right = box_of(t, right.node);
    int widest = 0;
    for (int c = 1; c < t->d; c++)
        if (box[t->d + c] - box[c] > box[t->d + widest] - box[widest])
            widest = c;
    select_middle(b, widest, p.first, p.first + p.n, right.first);
    memcpy(in_left, box, (size_t)t->d * 2 * sizeof *box);
    memcpy(in_right, box, (size_t)t->d * 2 * sizeof *box);
    in_left[t->d + widest] = in_right[widest] = *word(b, right.first, widest);
}

static void unite(const dim__kdtree *t, part p)
{
    const float *a = box_of(t, left_of(p).node), *b = box_of(t, right_of(p).node);
    float *box = box_of(t, p.node);
    for (int c = 0; c < t->d; c++) {
        box[c] = a[c] < b[c] ? a[c] : b[c];
        box[t->d + c] = a[t->d + c] > b[t->d + c] ? a[t->d + c] : b[t->d + c];
    }
}

static void range_of(const float *x, int64_t n, float *low, float *high)
{
    *low = *high = x[0];
    for (int64_t i = 1; i < n; i++) {
        *low = x[i] < *low ? x[i] : *low;
        *high = x[i] > *high ? x[i] : *high;
    }
}

static void build(const builder *b, part p)
{
    const dim__kdtree *t = b->tree;
    if (p.n > LEAF) {
        split(b, p);
        build(b, left_of(p));
        build(b, right_of(p));
        unite(t, p);
        return;
    }
    for (int64_t i = p.first; i < p.first + p.n; i++) {
        for (int c = 0; c < t->d; c++)
            t->x[c][i] = *word(b, i, c);
        memcpy(&t->point[i], word(b, i, t->d), sizeof t->point[i]);
        t->place[t->point[i]] = (int32_t)i;
        if (t->group != NULL)
            t->group[i] = b->group[t->point[i]];
    }
    for (int c = 0; c < t->d; c++)
        range_of(t->x[c] + p.first, p.n, box_of(t, p.node) + c, box_of(t, p.node) + t->d + c);
}

enum { PARTS = 64, SMALL = 4096 };

typedef struct build_task {
    const builder *b;
    int64_t small, count;
    part parts[PARTS];
} build_task;

static void build_parts(void *arg, int64_t begin, int64_t end, int thread)
{
    const build_task *t = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        build(t->b, t->parts[i]);
}

static void divide_work(build_task *t, part p)
{
    if (p.n <= t->small) {
        t->parts[t->count++] = p;
        return;
    }
    split(t->b, p);
    divide_work(t, left_of(p));
    divide_work(t, right_of(p));
}

static void unite_work(const build_task *t, part p)
{
    if (p.n <= t->small)
        return;
    unite_work(t, left_of(p));
    unite_work(t, right_of(p));
    unite(t->b->tree, p);
}

/* Parts for all threads; the tree is the same whoever builds which. */
static void build_class(dim_context *ctx, const builder *b, part p)
{
    build_task task = { .b = b, .small = dim__max64(SMALL, p.n / (PARTS / 4)) };
    float *low = box_of(b->tree, p.node), *high = low + b->tree->d;
    for (int c = 0; c < b->tree->d; c++) {
        low[c] = high[c] = *word(b, p.first, c);
        for (int64_t i = p.first + 1; i < p.first + p.n; i++) {
            low[c] = fminf(low[c], *word(b, i, c));
            high[c] = fmaxf(high[c], *word(b, i, c));
        }
    }
    divide_work(&task, p);
    dim__parallel(ctx, task.count, 1, build_parts, &task);
    unite_work(&task, p);
}

/* Where classes, their nodes and their leaves begin. */
static bool count_classes(dim_context *ctx, dim__kdtree *t)
{
    t->class_first = dim__calloc(ctx, (size_t)t->classes + 2, sizeof *t->class_first);
    t->node_first = dim__calloc(ctx, (size_t)t->classes + 1, sizeof *t->node_first);
    if (t->class_first == NULL || t->node_first == NULL)
        return false;
    for (int64_t i = 0; i < t->n; i++) /* two ahead, so that filling leaves each at its class's begin */
        t->class_first[(t->class_of != NULL ? t->class_of[i] : 0) + 2]++;
    for (int64_t c = 0; c < t->classes; c++) {
        int64_t n = t->class_first[c + 2];
        t->class_first[c + 2] += t->class_first[c + 1];
        t->node_first[c + 1] = t->node_first[c] + nodes_of(n);
        t->leaves += leaves_of(n);
    }
    return true;
}

static void number_leaves(dim__kdtree *t)
{
    int64_t leaf = 0;
    for (int64_t c = 0; c < t->classes; c++)
        for (int64_t i = t->class_first[c]; i < t->class_first[c + 1]; i += LEAF)
            t->leaf_first[leaf++] = (int32_t)i;
    t->leaf_first[leaf] = (int32_t)t->n;
}

static bool take_points(dim_context *ctx, builder *b, const dim__space *s)
{
    dim__kdtree *t = b->tree;
    b->each = t->d / 4 + 1;
    if (!count_classes(ctx, t))
        return false;
    b->all = dim__alloc(ctx, (size_t)t->n * (size_t)b->each * sizeof *b->all);
    t->x = dim__calloc(ctx, (size_t)t->d + 1, sizeof *t->x);
    t->point = dim__calloc(ctx, (size_t)t->n + LEAF, sizeof *t->point);
    t->place = dim__alloc(ctx, (size_t)t->n * sizeof *t->place);
    t->group = s->group != NULL ? dim__calloc(ctx, (size_t)t->n + LEAF, sizeof *t->group) : NULL;
    b->group = s->group;
    t->leaf_first = dim__alloc(ctx, ((size_t)t->leaves + 1) * sizeof *t->leaf_first);
    t->box = dim__alloc(ctx, (size_t)t->node_first[t->classes] * 2 * ((size_t)t->d + 1) * sizeof *t->box);
    bool room = b->all != NULL && t->x != NULL && t->point != NULL && t->place != NULL && t->leaf_first != NULL && t->box != NULL &&
                (s->group == NULL || t->group != NULL);
    for (int c = 0; c < t->d && room; c++) {
        t->x[c] = dim__calloc(ctx, (size_t)t->n + LEAF, sizeof(float));
        room = t->x[c] != NULL;
    }
    for (int32_t i = 0; i < t->n && room; i++) {
        int64_t at = t->class_first[(t->class_of != NULL ? t->class_of[i] : 0) + 1]++;
        for (int c = 0; c < t->d; c++)
            *word(b, at, c) = s->x[c][i];
        memcpy(word(b, at, t->d), &i, sizeof i);
    }
    return room;
}

dim_status dim__kdtree_create(dim_context *ctx, const dim__space *s, dim__kdtree **out)
{
    builder b = { .tree = dim__calloc(ctx, 1, sizeof *b.tree) };
    dim__kdtree *t = b.tree;
    if (t == NULL)
        return DIM_E_NOMEM;
    t->n = s->n;
    t->d = s->d;
    t->class_of = s->class_of;
    t->kernels = ctx->kernels;
    t->classes = s->class_of != NULL ? s->classes : 1;
    bool room = take_points(ctx, &b, s);
    if (room)
        number_leaves(t);
    for (int64_t c = 0; c < t->classes && t->d > 0 && room; c++)
        if (class_part(t, c).n > 0)
            build_class(ctx, &b, class_part(t, c));
    dim__free(ctx, b.all);
    if (room)
        *out = t;
    else
        dim__kdtree_destroy(ctx, t);
    return room ? DIM_OK : DIM_E_NOMEM;
}

void dim__kdtree_destroy(dim_context *ctx, dim__kdtree *t)
{
    if (t == NULL)
        return;
    for (int c = 0; c < t->d && t->x != NULL; c++)
        dim__free(ctx, t->x[c]);
    dim__free(ctx, t->x);
    dim__free(ctx, t->point);
    dim__free(ctx, t->place);
    dim__free(ctx, t->group);
    dim__free(ctx, t->class_first);
    dim__free(ctx, t->node_first);
    dim__free(ctx, t->leaf_first);
    dim__free(ctx, t->box);
    dim__free(ctx, t);
}

/* ---- the points of a leaf together ------------------------------------------------------------------------------------- */

/* The questions of a leaf's points, which go through the tree together: a step down is paid once for all, and a leaf that one of
 * them needs is compared with all at once, in vectors. */
typedef struct group {
    const dim__kdtree *tree;
    dim__near near;
    int64_t n;
    int k;
    const float *low, *high;     /* of a box that holds all of them */
    float *best;                 /* (k, LEAF): the least distances so far, in order; what is behind the n-th is not used */
    float farthest;              /* the largest of the k-th ones */
} group;

static void compare_leaf(group *g, int64_t first, int64_t n)
{
    float *last = g->best + (g->k - 1) * LEAF;
    g->tree->kernels->near_least(g->best, g->k, &g->near, first, n);
    g->farthest = last[0];
    for (int64_t q = 1; q < g->n; q++)
        g->farthest = last[q] > g->farthest ? last[q] : g->farthest;
    for (int64_t q = g->n; q < LEAF; q++) /* nobody asks */
        last[q] = 0;
}

/* Least distance of a node's points to one of the group. */
static float group_distance(const group *g, int64_t node)
{
    const float *low = box_of(g->tree, node), *high = low + g->tree->d;
    float near = 0;
    for (int c = 0; c < g->tree->d; c++) {
        float below = low[c] - g->high[c], above = g->low[c] - high[c], out = below > above ? below : above;
        near = out > near ? out : near;
    }
    return near;
}

typedef struct visit {
    part p;
    float near;
} visit;

static void search(group *g, part root)
{
    visit waiting[DEPTH + 2];
    int count = 0;
    waiting[count++] = (visit){ root, 0 };
    while (count > 0) {
        visit v = waiting[--count];
        if (v.near >= g->farthest)
            continue;
        while (v.p.n > LEAF) { /* down on the nearer side */
            visit l = { left_of(v.p), 0 }, r = { right_of(v.p), 0 };
            l.near = group_distance(g, l.p.node);
            r.near = group_distance(g, r.p.node);
            bool left = l.near <= r.near;
            v = left ? l : r;
            if ((left ? r : l).near < g->farthest)
                waiting[count++] = left ? r : l;
        }
        const float *box = box_of(g->tree, v.p.node);
        if (v.p.first != g->near.at && v.near < g->farthest &&
            g->tree->kernels->near_box(g->best + (g->k - 1) * LEAF, &g->near, box, box + g->tree->d))
            compare_leaf(g, v.p.first, v.p.n);
    }
}

void dim__kdtree_reach(const dim__kdtree *t, int64_t leaf, int k, int64_t apart, float distance[LEAF], int held[LEAF], float *spare)
{
    int64_t first = t->leaf_first[leaf], n = t->leaf_first[leaf + 1] - first;
    int32_t class_of = t->class_of != NULL ? t->class_of[t->point[first]] : 0;
    part root = class_part(t, class_of);
    int most = (int)dim__min64(k, root.n - 1);
    float box[2 * DIM__KDTREE_COORDINATES];
    group g = { .tree = t, .n = n, .k = most, .low = box, .high = box + t->d, .best = spare };
    const int32_t *row = t->group != NULL ? t->group : t->point;
    int32_t least = t->group != NULL ? 0 : (int32_t)dim__min64(apart, INT32_MAX);
    g.near = (dim__near){ (const float *const *)t->x, row, first, least, t->d, t->group != NULL };
    for (int i = 0; i < most * LEAF; i++)
        spare[i] = INFINITY;
    for (int c = 0; c < t->d; c++)
        range_of(t->x[c] + first, n, &box[c], &box[t->d + c]);
    if (most > 0) {
        compare_leaf(&g, first, n);
        search(&g, root);
    }
    for (int q = 0; q < n; q++) {
        held[q] = most;
        while (held[q] > 0 && !(spare[(held[q] - 1) * LEAF + q] < INFINITY))
            held[q]--;
        distance[q] = held[q] > 0 ? spare[(held[q] - 1) * LEAF + q] : 0;
    }
}

/* ---- queries of one point ------------------------------------------------------------------------------------------------------- */

/* Distance from `at` to the nearest place in a box; to the farthest in *far. */
static float box_distance(const dim__kdtree *t, int64_t node, const float *at, float *far)
{
    const float *low = t->box + node * 2 * t->d, *high = low + t->d;
    float near = 0, most = 0;
    for (int c = 0; c < t->d; c++) {
        float below = low[c] - at[c], above = at[c] - high[c];
        float out = below > above ? below : above, in = below < above ? -below : -above;
        near = out > near ? out : near;
        most = in > most ? in : most;
    }
    *far = most;
    return near;
}

/* Distances of a leaf's points. */
static void leaf_distances(const dim__kdtree *t, int64_t first, int64_t n, const float *at, float *distance)
{
    for (int64_t i = 0; i < n; i++)
        distance[i] = 0;
    for (int c = 0; c < t->d; c++) {
        const float *x = t->x[c] + first;
        for (int64_t i = 0; i < n; i++) {
            float away = x[i] - at[c];
            away = away < 0 ? -away : away;
            distance[i] = away > distance[i] ? away : distance[i];
        }
    }
}

typedef struct best {
    dim__neighbor *list; /* nearest first */
    int k, held;
} best;

static void offer(best *b, float distance, int32_t point)
{
    int at = b->held < b->k ? b->held++ : b->k - 1;
    while (at > 0 && (b->list[at - 1].distance > distance ||
                      (b->list[at - 1].distance >= distance && b->list[at - 1].point > point))) {
        b->list[at] = b->list[at - 1];
        at--;
    }
    b->list[at] = (dim__neighbor){ distance, point };
}

/* Of equally far points the first ones are the nearest, so that the answer does not depend on the tree. */
static bool wanted(const best *b, float distance, int32_t point)
{
    const dim__neighbor *last = &b->list[b->k - 1];
    return b->held < b->k || distance < last->distance || (distance <= last->distance && point < last->point);
}

int dim__kdtree_nearest(const dim__kdtree *t, int32_t i, int k, int64_t apart, dim__neighbor *out)
{
    int32_t class_of = t->class_of != NULL ? t->class_of[i] : 0;
    best b = { out, k, 0 };
    visit waiting[DEPTH + 2];
    int count = 0;
    float at[DIM__KDTREE_COORDINATES], far, distance[LEAF];
    for (int c = 0; c < t->d; c++)
        at[c] = t->x[c][t->place[i]];
    waiting[count++] = (visit){ class_part(t, class_of), 0 };
    while (count > 0) {
        visit v = waiting[--count];
        if (!wanted(&b, v.near, -1))
            continue;
        if (v.p.n <= LEAF) {
            leaf_distances(t, v.p.first, v.p.n, at, distance);
            for (int64_t q = 0; q < v.p.n; q++) {
                int32_t point = t->point[v.p.first + q];
                int64_t rows = point < i ? i - point : point - i;
                bool far_enough = t->group != NULL ? t->group[v.p.first + q] != t->group[t->place[i]] : rows > apart;
                if (far_enough && wanted(&b, distance[q], point))
                    offer(&b, distance[q], point);
            }
            continue;
        }
        visit l = { left_of(v.p), 0 }, r = { right_of(v.p), 0 };
        l.near = box_distance(t, l.p.node, at, &far);
        r.near = box_distance(t, r.p.node, at, &far);
        bool left_first = l.near <= r.near;
        waiting[count++] = left_first ? r : l;
        waiting[count++] = left_first ? l : r;
    }
    return b.held;
}

int64_t dim__kdtree_count(const dim__kdtree *t, const float *at, int32_t class_of, float eps)
{
    part waiting[DEPTH + 2];
    int count = 0;
    int64_t found = 0, size = dim__kdtree_class_size(t, class_of);
    float far;
    if (t->d == 0)
        return eps > 0 ? size : 0;
    waiting[count++] = class_part(t, class_of);
    while (count > 0) {
        part p = waiting[--count];
        if (p.n == 0 || box_distance(t, p.node, at, &far) >= eps)
            continue;
        if (far < eps) {
            found += p.n;
        } else if (p.n <= SCAN) {
            found += t->kernels->near_count((const float *const *)t->x, t->d, at, eps, p.first, p.n);
        } else {
            waiting[count++] = right_of(p);
            waiting[count++] = left_of(p);
        }
    }
    return found;
}
