/* A tree of boxes over each class, split at the median of the widest coordinate, so its shape depends on the numbers of
 * points alone: node j of n points has its left half right behind it, and the right half behind all of those.
 *
 *     node j: points first .. first + n - 1       left = j + 1       right = j + 1 + nodes(n - n / 2)
 *
 * Points lie in the order of the leaves, one array a coordinate. */
#include "information/kdtree.h"

#include "base/math.h"
#include "base/pool.h"

#include <string.h>

enum { LEAF = 16, DEPTH = 40 };

struct dim__kdtree {
    int64_t n, classes;
    int d;
    float **x;          /* (d) arrays (n), in the order of the leaves */
    int32_t *point;     /* (n): number of the point there */
    int32_t *place;     /* (n): where a point is */
    int64_t *class_first; /* (classes + 1) */
    int64_t *node_first;  /* (classes + 1) */
    int32_t *right;     /* (nodes): its right half, counted from it; 0 for a leaf */
    float *box;         /* (nodes, 2, d): least and largest coordinates */
    const int32_t *class_of;
};

/* Nodes of a tree of n points: two halves, or one leaf. */
static int64_t nodes_of(int64_t n)
{
    /* At a depth all trees have one of two sizes, floor(n / 2^k) and one more, so two numbers go up together. */
    int64_t size[DEPTH], small, large;
    int depth = 0;
    for (; n >> depth > LEAF; depth++)
        size[depth] = n >> depth;
    small = 1;                                             /* of floor(n / 2^depth) points */
    large = (n >> depth) + 1 > LEAF ? 3 : 1;               /* of one more */
    while (depth-- > 0) {
        int64_t half = size[depth];                        /* splits into ceil(half / 2) and floor(half / 2) */
        int64_t of_half = 1 + (half % 2 == 0 ? 2 * small : small + large);
        int64_t of_more = 1 + (half % 2 == 0 ? small + large : 2 * large);
        small = of_half;
        large = of_more;
    }
    return small;
}

static int64_t left_of(int64_t n) { return n - n / 2; }

int64_t dim__kdtree_class_size(const dim__kdtree *t, int32_t class_of)
{
    return t->class_first[class_of + 1] - t->class_first[class_of];
}

const int32_t *dim__kdtree_order(const dim__kdtree *t) { return t->point; }

/* ---- building ------------------------------------------------------------------------------------------------------ */

static void swap_points(dim__kdtree *t, int64_t a, int64_t b)
{
    int32_t p = t->point[a];
    t->point[a] = t->point[b];
    t->point[b] = p;
    for (int c = 0; c < t->d; c++) {
        float v = t->x[c][a];
        t->x[c][a] = t->x[c][b];
        t->x[c][b] = v;
    }
}

/* Points first .. last - 1 so that those before `middle` are not larger in x than those from it on (Hoare's selection; of
 * three for the pivot). */
static void select_middle(dim__kdtree *t, const float *x, int64_t first, int64_t last, int64_t middle)
{
    int64_t low = first, high = last - 1;
    while (low < high) {
        float a = x[low], b = x[low + (high - low) / 2], c = x[high];
        float pivot = a < b ? (b < c ? b : a < c ? c : a) : (a < c ? a : b < c ? c : b);
        int64_t i = low, j = high;
        while (i <= j) {
            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i <= j)
                swap_points(t, i++, j--);
        }
        if (middle <= j)
            high = j;
        else if (middle >= i)
            low = i;
        else
            return;
    }
}

static void measure_box(const dim__kdtree *t, int64_t first, int64_t n, float *box)
{
    for (int c = 0; c < t->d; c++) {
        const float *x = t->x[c] + first;
        float low = x[0], high = x[0];
        for (int64_t i = 1; i < n; i++) {
            low = x[i] < low ? x[i] : low;
            high = x[i] > high ? x[i] : high;
        }
        box[c] = low;
        box[t->d + c] = high;
    }
}

typedef struct part { /* of a tree that is still to be built */
    int64_t node, first, n;
} part;

/* Makes one node and says what its halves are; 0 where it is a leaf. */
static int split(dim__kdtree *t, part p, part half[2])
{
    float *box = t->box + p.node * 2 * t->d;
    measure_box(t, p.first, p.n, box);
    if (p.n <= LEAF)
        return 0;
    int widest = 0;
    for (int c = 1; c < t->d; c++)
        if (box[t->d + c] - box[c] > box[t->d + widest] - box[widest])
            widest = c;
    int64_t left = left_of(p.n);
    select_middle(t, t->x[widest], p.first, p.first + p.n, p.first + left);
    t->right[p.node] = (int32_t)(1 + nodes_of(left));
    half[0] = (part){ p.node + 1, p.first, left };
    half[1] = (part){ p.node + t->right[p.node], p.first + left, p.n - left };
    return 2;
}

static void build(dim__kdtree *t, part p)
{
    part waiting[DEPTH + 2];
    int count = 0;
    waiting[count++] = p;
    while (count > 0) {
        part half[2];
        int halves = split(t, waiting[--count], half);
        for (int k = halves - 1; k >= 0; k--)
            waiting[count++] = half[k];
    }
}

enum { PARTS = 64 };

typedef struct build_task {
    dim__kdtree *tree;
    part parts[PARTS];
} build_task;

static void build_parts(void *arg, int64_t begin, int64_t end, int thread)
{
    build_task *t = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        build(t->tree, t->parts[i]);
}

/* Halves until there is enough for all threads; the tree is the same whoever builds which part. */
static void build_class(dim_context *ctx, dim__kdtree *t, part p)
{
    build_task task = { .tree = t };
    int64_t count = 1;
    task.parts[0] = p;
    for (bool again = p.n > 4096; again && count <= PARTS / 2;) {
        part next[PARTS];
        int64_t made = 0;
        again = false;
        for (int64_t i = 0; i < count; i++) {
            int halves = split(t, task.parts[i], next + made);
            made += halves;
            again = again || (halves > 0 && next[made - 1].n > 4096);
        }
        memcpy(task.parts, next, (size_t)made * sizeof *next);
        count = made;
    }
    dim__parallel(ctx, count, 1, build_parts, &task);
}

static bool take_points(dim_context *ctx, dim__kdtree *t, const dim__space *s)
{
    t->x = dim__calloc(ctx, (size_t)s->d + 1, sizeof *t->x);
    t->point = dim__calloc(ctx, (size_t)s->n, sizeof *t->point);
    t->place = dim__calloc(ctx, (size_t)s->n, sizeof *t->place);
    t->class_first = dim__calloc(ctx, (size_t)t->classes + 2, sizeof *t->class_first);
    t->node_first = dim__calloc(ctx, (size_t)t->classes + 1, sizeof *t->node_first);
    if (t->x == NULL || t->point == NULL || t->place == NULL || t->class_first == NULL || t->node_first == NULL)
        return false;
    for (int64_t i = 0; i < s->n; i++) /* two ahead, so that filling leaves each at its class's begin */
        t->class_first[(s->class_of != NULL ? s->class_of[i] : 0) + 2]++;
    for (int64_t c = 0; c < t->classes; c++)
        t->class_first[c + 2] += t->class_first[c + 1];
    for (int64_t i = 0; i < s->n; i++)
        t->point[t->class_first[(s->class_of != NULL ? s->class_of[i] : 0) + 1]++] = (int32_t)i;
    for (int64_t c = 0; c < t->classes; c++)
        t->node_first[c + 1] = t->node_first[c] + nodes_of(t->class_first[c + 1] - t->class_first[c]);
    for (int c = 0; c < s->d; c++) {
        t->x[c] = dim__calloc(ctx, (size_t)s->n, sizeof(float));
        if (t->x[c] == NULL)
            return false;
        for (int64_t i = 0; i < s->n; i++)
            t->x[c][i] = s->x[c][t->point[i]];
    }
    t->right = dim__calloc(ctx, (size_t)t->node_first[t->classes], sizeof *t->right);
    t->box = dim__calloc(ctx, (size_t)t->node_first[t->classes] * 2, ((size_t)s->d + 1) * sizeof *t->box);
    return t->right != NULL && t->box != NULL;
}

dim_status dim__kdtree_create(dim_context *ctx, const dim__space *s, dim__kdtree **out)
{
    dim__kdtree *t = dim__calloc(ctx, 1, sizeof *t);
    if (t == NULL)
        return DIM_E_NOMEM;
    t->n = s->n;
    t->d = s->d;
    t->class_of = s->class_of;
    t->classes = s->class_of != NULL ? s->classes : 1;
    if (!take_points(ctx, t, s)) {
        dim__kdtree_destroy(ctx, t);
        return DIM_E_NOMEM;
    }
    for (int64_t c = 0; c < t->classes && t->d > 0; c++)
        if (t->class_first[c + 1] > t->class_first[c])
            build_class(ctx, t, (part){ t->node_first[c], t->class_first[c], t->class_first[c + 1] - t->class_first[c] });
    for (int64_t i = 0; i < t->n; i++)
        t->place[t->point[i]] = (int32_t)i;
    *out = t;
    return DIM_OK;
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
    dim__free(ctx, t->class_first);
    dim__free(ctx, t->node_first);
    dim__free(ctx, t->right);
    dim__free(ctx, t->box);
    dim__free(ctx, t);
}

/* ---- queries ------------------------------------------------------------------------------------------------------- */

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

typedef struct visit {
    part p;
    float near;
} visit;

int dim__kdtree_nearest(const dim__kdtree *t, int32_t i, int k, int64_t apart, dim__neighbor *out)
{
    int32_t class_of = t->class_of != NULL ? t->class_of[i] : 0;
    best b = { out, k, 0 };
    visit waiting[DEPTH + 2];
    int count = 0;
    float at[DIM__KDTREE_COORDINATES], far, distance[LEAF];
    for (int c = 0; c < t->d; c++)
        at[c] = t->x[c][t->place[i]];
    waiting[count++] = (visit){ { t->node_first[class_of], t->class_first[class_of], dim__kdtree_class_size(t, class_of) }, 0 };
    while (count > 0) {
        visit v = waiting[--count];
        if (!wanted(&b, v.near, -1))
            continue;
        if (v.p.n <= LEAF) {
            leaf_distances(t, v.p.first, v.p.n, at, distance);
            for (int64_t q = 0; q < v.p.n; q++) {
                int32_t point = t->point[v.p.first + q];
                int64_t rows = point < i ? i - point : point - i;
                if (rows > apart && wanted(&b, distance[q], point))
                    offer(&b, distance[q], point);
            }
            continue;
        }
        int64_t left = left_of(v.p.n);
        visit l = { { v.p.node + 1, v.p.first, left }, 0 };
        visit r = { { v.p.node + t->right[v.p.node], v.p.first + left, v.p.n - left }, 0 };
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
    float far, distance[LEAF];
    if (t->d == 0)
        return eps > 0 ? size : 0;
    waiting[count++] = (part){ t->node_first[class_of], t->class_first[class_of], size };
    while (count > 0) {
        part p = waiting[--count];
        if (p.n == 0 || box_distance(t, p.node, at, &far) >= eps)
            continue;
        if (far < eps) {
            found += p.n;
        } else if (p.n <= LEAF) {
            leaf_distances(t, p.first, p.n, at, distance);
            for (int64_t q = 0; q < p.n; q++)
                found += distance[q] < eps;
        } else {
            int64_t left = left_of(p.n);
            waiting[count++] = (part){ p.node + t->right[p.node], p.first + left, p.n - left };
            waiting[count++] = (part){ p.node + 1, p.first, left };
        }
    }
    return found;
}
