#include "tape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct entry {
    double v, g;
    int64_t first, count; /* of its edges */
} entry;

typedef struct edge {
    num of;
    double d;             /* the partial derivative */
} edge;

static struct {
    bool close;
    uint64_t noise, decisions;
    entry *entries;
    edge *edges;
    int64_t n, cap, n_edges, cap_edges, sum_first;
    double sum;
    void **rooms;
    int64_t n_rooms, cap_rooms;
} tape;

static void *grown(void *memory, int64_t *cap, int64_t need, size_t size)
{
    if (need <= *cap)
        return memory;
    *cap = 2 * need + 1024;
    memory = realloc(memory, (size_t)*cap * size);
    if (memory == NULL)
        abort();
    return memory;
}

void tape_reset(uint64_t single)
{
    for (int64_t i = 0; i < tape.n_rooms; i++)
        free(tape.rooms[i]);
    tape.n = tape.n_edges = tape.n_rooms = 0;
    tape.noise = single;
    tape.close = false;
    tape.decisions = 1469598103934665603u;
}

void tape_free(void)
{
    tape_reset(0);
    free(tape.entries);
    free(tape.edges);
    free(tape.rooms);
    memset(&tape, 0, sizeof tape);
}

void *tape_room(size_t bytes)
{
    tape.rooms = grown(tape.rooms, &tape.cap_rooms, tape.n_rooms + 1, sizeof *tape.rooms);
    void *room = calloc(1, bytes + 1);
    if (room == NULL)
        abort();
    return tape.rooms[tape.n_rooms++] = room;
}

num *tape_nums(int64_t count) { return tape_room((size_t)count * sizeof(num)); }

static double rounded(double v)
{
    if (tape.noise == 0)
        return v;
    tape.noise = tape.noise * 6364136223846793005u + 1442695040888963407u;
    return v * (1 + (double)(int64_t)tape.noise * 0x1p-63 * 0x1p-24);
}

static void put_edge(num of, double d)
{
    tape.edges = grown(tape.edges, &tape.cap_edges, tape.n_edges + 1, sizeof *tape.edges);
    tape.edges[tape.n_edges++] = (edge){ of, rounded(d) };
}

static num put(double v, int64_t first)
{
    tape.entries = grown(tape.entries, &tape.cap, tape.n + 1, sizeof *tape.entries);
    tape.entries[tape.n] = (entry){ rounded(v), 0, first, tape.n_edges - first };
    return (num)tape.n++;
}

static num put1(double v, num a, double da)
{
    put_edge(a, da);
    return put(v, tape.n_edges - 1);
}

static num put2(double v, num a, double da, num b, double db)
{
    put_edge(a, da);
    put_edge(b, db);
    return put(v, tape.n_edges - 2);
}

double value_of(num a) { return tape.entries[a].v; }
double grad_of(num a) { return tape.entries[a].g; }

void tape_backward(num of)
{
    for (int64_t i = 0; i < tape.n; i++)
        tape.entries[i].g = i == of;
    for (int64_t i = of; i >= 0; i--) {
        const entry *e = &tape.entries[i];
        for (int64_t k = e->first; k < e->first + e->count && e->g != 0; k++) {
            double *g = &tape.entries[tape.edges[k].of].g;
            *g = rounded(*g + rounded(e->g * tape.edges[k].d));
        }
    }
}

static void decide(uint64_t branch, double margin, double size)
{
    tape.decisions = (tape.decisions ^ branch) * 1099511628211u;
    if (margin != 0 && fabs(margin) < 2e-5 * size) /* an exact tie is one for everybody */
        tape.close = true;
}

uint64_t tape_decisions(void) { return tape.decisions; }
bool tape_was_close(void) { return tape.close; }
void tape_is_close(void) { tape.close = true; }

num leaf(double v) { return put(v, tape.n_edges); }
num add(num a, num b) { return put2(value_of(a) + value_of(b), a, 1, b, 1); }
num sub(num a, num b) { return put2(value_of(a) - value_of(b), a, 1, b, -1); }
num mul(num a, num b) { return put2(value_of(a) * value_of(b), a, value_of(b), b, value_of(a)); }
num affine(num a, double scale, double shift) { return put1(value_of(a) * scale + shift, a, scale); }

num t_exp(num a)
{
    double v = exp(value_of(a));
    return put1(v, a, v);
}

num t_tanh(num a)
{
    double v = rounded(tanh(value_of(a))), square = rounded(v * v);
    return put1(v, a, 1 - square);
}

static double sigmoid(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }

num t_sigmoid(num a)
{
    double v = rounded(sigmoid(value_of(a)));
    return put1(v, a, v * (1 - v));
}

num t_softplus(num a)
{
    double x = value_of(a);
    return put1(fmax(x, 0) + log1p(exp(-fabs(x))), a, sigmoid(x));
}

num t_rsqrt(num a)
{
    double v = 1 / sqrt(value_of(a));
    return put1(v, a, -0.5 * v / value_of(a));
}

num t_clamp(num a, double low, double high)
{
    double x = value_of(a), v = fmin(fmax(x, low), high);
    return put1(v, a, v == x);
}

num leaky(num a, double slope, double size)
{
    double x = value_of(a);
    decide(x > 0, x, size);
    return put1(x > 0 ? x : slope * x, a, x > 0 ? 1 : slope);
}

num most_of(const num *a, int64_t n)
{
    int64_t best = 0;
    double second = -INFINITY, size = 0;
    for (int64_t i = 1; i < n; i++)
        best = value_of(a[i]) > value_of(a[best]) ? i : best;
    for (int64_t i = 0; i < n; i++) {
        second = i != best ? fmax(second, value_of(a[i])) : second;
        size = fmax(size, fabs(value_of(a[i])));
    }
    decide((uint64_t)best, n > 1 ? value_of(a[best]) - second : 0, size);
    return put1(value_of(a[best]), a[best], 1);
}

num log_sum_exp(const num *a, int64_t n)
{
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, value_of(a[i]));
    for (int64_t i = 0; i < n; i++)
        sum += exp(value_of(a[i]) - most);
    for (int64_t i = 0; i < n; i++)
        put_edge(a[i], exp(value_of(a[i]) - most) / sum);
    return put(most + log(sum), tape.n_edges - n);
}

num mean_of(const num *a, int64_t n)
{
    sum_begin();
    for (int64_t i = 0; i < n; i++)
        sum_add(a[i], 1 / (double)n);
    return sum_end();
}

void sum_begin(void)
{
    tape.sum = 0;
    tape.sum_first = tape.n_edges;
}

void sum_add(num a, double scale)
{
    tape.sum = rounded(tape.sum + rounded(scale * value_of(a)));
    put_edge(a, scale);
}

void sum_product(num a, num b)
{
    tape.sum = rounded(tape.sum + rounded(value_of(a) * value_of(b)));
    put_edge(a, value_of(b));
    put_edge(b, value_of(a));
}

num sum_end(void) { return put(tape.sum, tape.sum_first); }
