/* The keys that may be among the k nearest of a query: a list that is cut down whenever it is full. */
#include "eval/nearest.h"

#include <math.h>

/* a + b exactly (Knuth). */
static dim__wide two_sum(double a, double b)
{
    double sum = a + b, rest = sum - a;
    return (dim__wide){sum, (a - (sum - rest)) + (b - rest)};
}

static dim__wide wide_product(dim__wide a, dim__wide b)
{
    double high = a.high * b.high;
    return two_sum(high, fma(a.high, b.high, -high) + (a.high * b.low + a.low * b.high));
}

static dim__wide wide_quotient(dim__wide a, dim__wide b)
{
    double high = a.high / b.high;
    dim__wide back = wide_product((dim__wide){high, 0}, b);
    return two_sum(high, ((a.high - back.high) + (a.low - back.low)) / b.high);
}

/* Products of floats are exact in double; what their sums lose is kept. */
dim__wide dim__wide_dot(const float *x, const float *y, int64_t n)
{
    double sum[8] = {0}, lost[8] = {0};
    dim__wide all = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int l = 0; l < 8; l++) {
            double term = (double)x[i + l] * (double)y[i + l], next = sum[l] + term, rest = next - sum[l];
            lost[l] += (sum[l] - (next - rest)) + (term - rest);
            sum[l] = next;
        }
    for (; i < n; i++) {
        dim__wide next = two_sum(sum[0], (double)x[i] * (double)y[i]);
        lost[0] += next.low;
        sum[0] = next.high;
    }
    for (int l = 0; l < 8; l++) {
        dim__wide next = two_sum(all.high, sum[l]);
        all = (dim__wide){next.high, all.low + next.low + lost[l]};
    }
    return two_sum(all.high, all.low);
}

/* 1 - cos = sin^2 / (1 + cos): no digit is lost where the angle is small, and parallel rows are equally far. */
static double measure_cosine(const dim__search *s, const dim__query *q, int64_t index)
{
    if (q->unit == 0 || s->keys->unit[index] == 0)
        return 1;
    dim__wide dot = dim__wide_dot(s->queries + q->row * s->d, s->keys->x + index * s->d, s->d);
    dim__wide cos2 = wide_quotient(wide_product(dot, dot), wide_product(q->square, s->keys->square[index]));
    double cosine = cos2.high < 1 ? sqrt(cos2.high) : 1, sin2 = (1 - cos2.high) - cos2.low;
    return dot.high > 0 ? (sin2 > 0 ? sin2 : 0) / (1 + cosine) : 1 + cosine;
}

/* In double and in an order that depends on the features alone, so that equal rows are equally far. */
static double measure(const dim__search *s, const dim__query *q, int64_t index)
{
    const float *x = s->queries + q->row * s->d, *y = s->keys->x + index * s->d;
    double part[8] = {0};
    int64_t j = 0;
    if (s->keys->cosine)
        return measure_cosine(s, q, index);
    for (; j + 8 <= s->d; j += 8)
        for (int l = 0; l < 8; l++) {
            double v = (double)x[j + l] - (double)y[j + l];
            part[l] += v * v;
        }
    for (; j < s->d; j++) {
        double v = (double)x[j] - (double)y[j];
        part[0] += v * v;
    }
    return (((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]))) / 2;
}

static bool farther(const dim__candidate *a, const dim__candidate *b)
{
    return a->high > b->high || (a->high == b->high && a->index > b->index);
}

static void sift_down(dim__candidate *heap, int64_t n, int64_t i)
{
    dim__candidate moving = heap[i];
    for (int64_t child = 2 * i + 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && farther(&heap[child + 1], &heap[child]))
            child++;
        if (!farther(&heap[child], &moving))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = moving;
}

/* By the upper ends of intervals, the nearest first, equal ones by index. */
static void sort(dim__candidate *list, int64_t n)
{
    for (int64_t i = n / 2 - 1; i >= 0; i--)
        sift_down(list, n, i);
    for (int64_t left = n - 1; left > 0; left--) {
        dim__candidate last = list[left];
        list[left] = list[0];
        list[0] = last;
        sift_down(list, left, 0);
    }
}

static void measure_all(const dim__search *s, dim__query *q)
{
    for (int64_t i = 0; i < q->held; i++) {
        dim__candidate *c = q->list + i;
        if (c->exact)
            continue;
        c->low = c->high = measure(s, q, c->index);
        c->exact = true;
        q->measured++;
    }
}

/* Leaves out what k others are nearer than for certain. */
static void cut(const dim__search *s, dim__query *q)
{
    if (q->held < s->k)
        return;
    sort(q->list, q->held);
    double limit = q->list[s->k - 1].high * (1 + 3 * s->keys->epsilon); /* as measure() rounds, too */
    int64_t held = 0;
    for (int64_t i = 0; i < q->held; i++)
        if (i < s->k || !(q->list[i].low > limit))
            q->list[held++] = q->list[i];
    q->held = held;
    q->limit = limit - q->half + q->error;
}

void dim__nearest_add(const dim__search *s, dim__query *q, int64_t index, double product)
{
    double error = q->norm * s->slack[index] + s->keys->error[index] + q->error, distance = s->keys->half[index] + q->half - product;
    q->list[q->held++] = (dim__candidate){.low = distance - error, .high = distance + error, .index = index};
    if (q->held < s->keep || s->keep == s->keys->n)
        return;
    cut(s, q);
    if (q->held <= s->keep - (s->keep - s->k) / 2)
        return;
    measure_all(s, q);
    cut(s, q);
    q->held = s->k; /* all are exact, and later ones of equal distance come behind these */
    q->hard = q->measured > s->patience;
}

void dim__nearest_finish(const dim__search *s, dim__query *q)
{
    int64_t *indices = s->indices + q->row * s->k;
    double *distances = s->distances != NULL ? s->distances + q->row * s->k : NULL;
    if (q->unit == 0) { /* no direction: all are equally far */
        for (int64_t i = 0; i < s->k; i++) {
            indices[i] = i;
            if (distances != NULL)
                distances[i] = 1;
        }
        return;
    }
    cut(s, q);
    measure_all(s, q);
    sort(q->list, q->held);
    for (int64_t i = 0; i < s->k; i++) {
        indices[i] = q->list[i].index;
        if (distances != NULL)
            distances[i] = s->keys->cosine ? q->list[i].high : sqrt(2 * q->list[i].high);
    }
}
