/* How often the intervals of <dim/information.h> hold the truth, and how often its p-values raise a false alarm.  One line a
 * case; a case whose rate is outside its limits makes the program fail.
 *
 *     information_coverage [--repeat R] [--threads T] [--seed S] [CASE ...]     --list shows the cases */
#define DIM_EXPERIMENTAL
#include "draws.h"
#include <dim/information.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct scenario {
    const char *name;
    int repeat;                  /* unless --repeat says otherwise */
    int64_t n, dx, dy, dz;
    double truth;
    void (*draw)(const struct scenario *c, double *x, double *y, double *z);
    dim_information_method method;
    uint32_t permutations;
    int64_t group;               /* rows of a group; 0 = no groups */
    bool labels;                 /* the first column of x is labels */
    double number;               /* of draw: correlation, degrees of freedom, ... */
    double alarms;               /* share of false alarms that docs/information.md admits; 0 = 0.08 */
} scenario;

/* ---- draws ---------------------------------------------------------------------------------------------------------- */

/* Pairs of columns with one correlation. */
static void pairs(const scenario *c, double *x, double *y, double *z)
{
    (void)z;
    for (int64_t i = 0; i < c->n * c->dx; i++) {
        x[i] = normal();
        y[i] = c->number * x[i] + sqrt(1 - c->number * c->number) * normal();
    }
}

static void cubed_pairs(const scenario *c, double *x, double *y, double *z)
{
    pairs(c, x, y, z);
    for (int64_t i = 0; i < c->n * c->dx; i++) {
        x[i] = x[i] * x[i] * x[i];
        y[i] = y[i] * y[i] * y[i];
    }
}

/* All columns have the same correlation with each other. */
static void equicorrelated(const scenario *c, double *x, double *y, double *z)
{
    double share = sqrt(c->number), rest = sqrt(1 - c->number);
    (void)z;
    for (int64_t i = 0; i < c->n; i++) {
        double common = share * normal();
        for (int64_t j = 0; j < c->dx; j++)
            x[i * c->dx + j] = common + rest * normal();
        for (int64_t j = 0; j < c->dy; j++)
            y[i * c->dy + j] = common + rest * normal();
    }
}

/* Uncorrelated, but with one scale: a Student distribution. */
static void student(const scenario *c, double *x, double *y, double *z)
{
    (void)z;
    for (int64_t i = 0; i < c->n; i++) {
        double square = 0, scale;
        for (int k = 0; k < (int)c->number; k++) {
            double one = normal();
            square += one * one;
        }
        scale = sqrt(c->number / square);
        for (int64_t j = 0; j < c->dx; j++)
            x[i * c->dx + j] = scale * normal();
        for (int64_t j = 0; j < c->dy; j++)
            y[i * c->dy + j] = scale * normal();
    }
}

static void uniform_noise(const scenario *c, double *x, double *y, double *z)
{
    (void)z;
    for (int64_t i = 0; i < c->n * c->dx; i++) {
        x[i] = uniform();
        y[i] = x[i] + c->number * (2 * uniform() - 1);
    }
}

/* Edges all over: y is x, or the sum of x's columns, and noise, round a circle. */
static void circle(const scenario *c, double *x, double *y, double *z)
{
    (void)z;
    for (int64_t i = 0; i < c->n; i++) {
        double sum = 0;
        for (int64_t j = 0; j < c->dx; j++) {
            sum += x[i * c->dx + j] = uniform();
            if (c->dy > 1)
                y[i * c->dy + j] = fmod(x[i * c->dx + j] + c->number * uniform(), 1);
        }
        if (c->dy == 1)
            y[i] = fmod(sum + c->number * uniform(), 1);
    }
}

/* Of two columns, with normal noise. */
static void product(const scenario *c, double *x, double *y, double *z)
{
    (void)z;
    for (int64_t i = 0; i < c->n; i++) {
        for (int64_t j = 0; j < c->dx; j++)
            x[i * c->dx + j] = normal();
        y[i] = x[i * c->dx] * x[i * c->dx + 1] + c->number * normal();
    }
}

static void labels(const scenario *c, double *x, double *y, double *z)
{
    (void)z;
    for (int64_t i = 0; i < c->n; i++) {
        x[i] = floor(5 * uniform());
        y[i] = c->number * x[i] + 2 * uniform();
    }
}

/* Each column remembers itself alone; with a memory of 1 it is a walk. */
static void autoregressive(const scenario *c, double *x, double *y, double *z)
{
    double *const sides[2] = { x, y }, start = c->number < 1 ? 1 / sqrt(1 - c->number * c->number) : 1;
    const int64_t d[2] = { c->dx, c->dy };
    (void)z;
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < c->n * d[k]; i++)
            sides[k][i] = i < d[k] ? start * normal() : c->number * sides[k][i - d[k]] + normal();
}

static void rounded_series(const scenario *c, double *x, double *y, double *z)
{
    autoregressive(c, x, y, z);
    for (int64_t i = 0; i < c->n; i++) {
        x[i] = rint(x[i]);
        y[i] = rint(y[i]);
    }
}

/* X <- Z -> Y, of one column; other columns of x and y are noise. */
static void chain(const scenario *c, double *x, double *y, double *z)
{
    for (int64_t i = 0; i < c->n; i++) {
        z[i] = normal();
        for (int64_t j = 0; j < c->dx; j++)
            x[i * c->dx + j] = (j == 0 ? z[i] : 0) + normal();
        for (int64_t j = 0; j < c->dy; j++)
            y[i * c->dy + j] = (j == 0 ? z[i] : 0) + normal();
    }
}

/* Labels, and beside them numbers, against numbers. */
static void labels_and_numbers(const scenario *c, double *x, double *y, double *z)
{
    (void)z;
    for (int64_t i = 0; i < c->n; i++) {
        for (int64_t j = 0; j < c->dx; j++)
            x[i * c->dx + j] = j == 0 ? floor(4 * uniform()) : normal();
        for (int64_t j = 0; j < c->dy; j++)
            y[i * c->dy + j] = normal();
    }
}

/* X <- Z -> Y of all columns of z, with noise of `number` of what they have in common. */
static void strong_chain(const scenario *c, double *x, double *y, double *z)
{
    for (int64_t i = 0; i < c->n; i++) {
        double common = 0;
        for (int64_t j = 0; j < c->dz; j++)
            common += (z[i * c->dz + j] = normal()) / sqrt((double)c->dz);
        x[i] = common + c->number * normal();
        y[i] = common + c->number * normal();
    }
}

/* Groups have effects of their own on either side. */
static void effects(const scenario *c, double *x, double *y, double *z)
{
    double of_x = 0, of_y = 0;
    (void)z;
    for (int64_t i = 0; i < c->n; i++) {
        if (i % c->group == 0) {
            of_x = normal();
            of_y = normal();
        }
        for (int64_t j = 0; j < c->dx; j++)
            x[i * c->dx + j] = of_x + 0.3 * normal();
        for (int64_t j = 0; j < c->dy; j++)
            y[i * c->dy + j] = of_y + 0.3 * normal();
    }
}

/* ---- cases ---------------------------------------------------------------------------------------------------------- */

#define KNN .method = DIM_INFORMATION_KNN
#define GAUSS .method = DIM_INFORMATION_GAUSS
#define CRITIC .method = DIM_INFORMATION_CRITIC

static const scenario cases[] = {
    { "normal-0.75", 100, 2000, 1, 1, 0, 0.413339, pairs, .number = 0.75 },
    { "normal-0.98", 100, 2000, 1, 1, 0, 1.614465, pairs, .number = 0.98 },
    { "independent", 100, 2000, 1, 1, 0, 0, pairs, .number = 0 },
    { "uniform-noise", 100, 2000, 1, 1, 0, 0.810826, uniform_noise, .number = 0.3 },
    { "labels", 100, 2000, 1, 1, 0, 1.054920, labels, .number = 1 },
    { "student", 100, 2000, 1, 1, 0, 0.224171, student, .number = 1 },
    { "normal-5x5", 100, 1000, 5, 5, 0, 0.592838, equicorrelated, .number = 0.5 },
    { "independent-5x5", 100, 1000, 5, 5, 0, 0, pairs, .number = 0 },
    { "cubed-20x20", 100, 1000, 20, 20, 0, 2, cubed_pairs, .number = 0.425757 },
    { "student-5x5", 20, 4000, 5, 5, 0, 0.448151, student, .number = 2 },
    { "uniform-5x5", 20, 2000, 5, 5, 0, 2.5, uniform_noise, .number = 0.5 },
    { "normal-0.99-gauss", 100, 300, 1, 1, 0, 1.958518, pairs, GAUSS, .number = 0.99 },
    { "circle-2x1", 100, 1000, 2, 1, 0, 0.693147, circle, .number = 0.5 },
    { "circle-2x2", 100, 1000, 2, 2, 0, 1.386294, circle, KNN, .number = 0.5 },
    { "circle-3x3", 20, 1500, 3, 3, 0, 2.079442, circle, .number = 0.5 },
    { "uniform-2x2", 100, 2000, 2, 2, 0, 1, uniform_noise, KNN, .number = 0.5 },
    { "product-2x1", 100, 1000, 2, 1, 0, 0.7332, product, .number = 0.5 },
    { "saturated-5x5", 20, 2000, 5, 5, 0, 9.793064, pairs, CRITIC, .number = 0.99 },
    { "half-saturated-5x5", 20, 2000, 5, 5, 0, 5.003098, pairs, CRITIC, .number = 0.93 },
    { "series", 100, 2000, 1, 1, 0, 0, autoregressive, .number = 0.9 },
    { "series-gauss", 100, 2000, 3, 3, 0, 0, autoregressive, GAUSS, .number = 0.9 },
    { "series-counts", 100, 2000, 1, 1, 0, 0, rounded_series, .number = 0.9 },
    { "walks", 200, 2000, 1, 1, 0, 0, autoregressive, .permutations = 39, .number = 1 },
    { "alarms-knn", 400, 200, 1, 1, 0, 0, pairs, KNN, .permutations = 39 },
    { "alarms-gauss-5x5", 400, 500, 5, 5, 0, 0, pairs, GAUSS, .permutations = 39 },
    { "alarms-critic-5x5", 200, 500, 5, 5, 0, 0, pairs, CRITIC, .permutations = 199 },
    { "alarms-critic-condition", 200, 500, 2, 2, 1, 0, chain, CRITIC, .permutations = 39 },
    { "alarms-gauss-3", 200, 300, 1, 1, 3, 0, strong_chain, GAUSS, .permutations = 39, .number = 0.5 },
    { "alarms-knn-3", 200, 300, 1, 1, 3, 0, strong_chain, KNN, .permutations = 39, .number = 0.5 },
    { "alarms-gauss-3-strong", 200, 300, 1, 1, 3, 0, strong_chain, GAUSS, .permutations = 39, .number = 0.3 },
    { "alarms-knn-3-strong", 200, 300, 1, 1, 3, 0, strong_chain, KNN, .permutations = 39, .number = 0.3 },
    { "alarms-gauss-2-strong", 200, 300, 1, 1, 2, 0, strong_chain, GAUSS, .permutations = 39, .number = 0.15 },
    { "alarms-knn-2-strong", 200, 300, 1, 1, 2, 0, strong_chain, KNN, .permutations = 39, .number = 0.15, .alarms = 0.13 },
    { "alarms-critic-groups", 200, 500, 2, 2, 0, 0, effects, CRITIC, .permutations = 39, .group = 5 },
    { "alarms-critic-series", 200, 1000, 2, 2, 0, 0, autoregressive, CRITIC, .permutations = 39, .number = 0.6 },
    { "alarms-auto-5x5", 400, 500, 5, 5, 0, 0, pairs, .permutations = 39 },
    { "alarms-auto-labels", 200, 300, 3, 2, 0, 0, labels_and_numbers, .permutations = 39, .labels = true },
    { "alarms-labels", 400, 300, 1, 1, 0, 0, labels, .permutations = 39, .number = 0 },
    { "alarms-series", 400, 1000, 1, 1, 0, 0, autoregressive, .permutations = 39, .number = 0.9 },
    { "alarms-condition", 400, 400, 1, 1, 1, 0, chain, .permutations = 39 },
    { "alarms-groups-gauss", 400, 500, 1, 1, 0, 0, effects, GAUSS, .permutations = 39, .group = 10 },
    { "alarms-groups", 400, 500, 1, 1, 0, 0, effects, .permutations = 39, .group = 10 },
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* ---- measuring ------------------------------------------------------------------------------------------------------ */

static dim_context *ctx;

static void check(dim_status status)
{
    if (status == DIM_OK)
        return;
    fprintf(stderr, "information_coverage: %s: %s\n", dim_status_name(status), dim_context_error(ctx));
    exit(1);
}

static dim_tensor *columns(int64_t n, int64_t d)
{
    dim_tensor *t;
    check(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ n, d }, &t));
    return t;
}

typedef struct tally {
    int count, held, alarms, none, bounds, disagree, by[8]; /* bounds: LOWER_BOUND, whose high is infinite */
    double raw, square, width, error, low, spread; /* spread: squares of raw */
} tally;

static void add(const scenario *c, const dim_information_result *r, tally *t)
{
    t->count++;
    if (r->verdict == DIM_INFORMATION_NONE) { /* claims nothing */
        t->none++;
        t->held++;
        return;
    }
    t->held += r->low <= c->truth && c->truth <= r->high;
    t->alarms += r->permutations > 0 && r->p_value <= 0.05;
    t->low += r->low;
    t->by[r->method]++;
    t->disagree += (r->warnings & DIM_INFORMATION_METHODS_DISAGREE) != 0;
    t->spread += r->raw * r->raw;
    t->raw += r->raw;
    t->square += (r->raw - c->truth) * (r->raw - c->truth);
    t->error += r->standard_error;
    if (isinf(r->high))
        t->bounds++;
    else
        t->width += r->high - r->low;
}

static dim_information_result measure(const scenario *c, uint64_t seed)
{
    dim_information_data data;
    dim_information_options o;
    dim_information_result r;
    dim_information *info;
    const uint8_t kinds[16] = { DIM_INFORMATION_KIND_UNORDERED };
    dim_tensor *x = columns(c->n, c->dx), *y = columns(c->n, c->dy), *z = columns(c->n, c->dz), *groups;
    draws = 88172645463325252u ^ seed * 0x9e3779b97f4a7c15u;
    for (int k = 0; k < 20; k++)
        (void)uniform();
    c->draw(c, dim_tensor_data(x), dim_tensor_data(y), dim_tensor_data(z));
    check(dim_tensor_create(ctx, DIM_I32, 1, (int64_t[]){ c->n }, &groups));
    for (int64_t i = 0; i < c->n && c->group > 0; i++)
        ((int32_t *)dim_tensor_data(groups))[i] = (int32_t)(i / c->group);
    DIM_OPTIONS_INIT(&data);
    data.x = x;
    data.y = y;
    data.z = c->dz > 0 ? z : NULL;
    data.groups = c->group > 0 ? groups : NULL;
    data.x_kinds = c->labels ? kinds : NULL;
    DIM_OPTIONS_INIT(&o);
    o.method = c->method;
    o.permutations = c->permutations;
    o.seed = seed;
    check(dim_information_measure(ctx, &o, &data, &info));
    DIM_OPTIONS_INIT(&r);
    check(dim_information_get_result(info, &r));
    dim_information_destroy(info);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_tensor_destroy(z);
    dim_tensor_destroy(groups);
    return r;
}

/* Whether a rate is within limits, or fewer repetitions than asked for leave that open. */
static bool within(const scenario *c, int hits, int count, double least, double most)
{
    return count < c->repeat || (hits >= least * count - 1e-9 && hits <= most * count + 1e-9);
}

static bool run(const scenario *c, int repeat, uint64_t seed)
{
    tally t = { 0 };
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int k = 0; k < repeat; k++) {
        dim_information_result r = measure(c, seed + (uint64_t)k);
        add(c, &r, &t);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double answers = fmax(t.count - t.none, 1), closed = fmax(t.count - t.none - t.bounds, 1);
    printf("%-18s N %lld, truth %.4f: coverage %.3f, width %.4f, bias %+.4f, rms %.4f, mean raw %.4f (sd %.4f, se %.4f), low %.4f",
           c->name, (long long)c->n,
           c->truth, (double)t.held / t.count, t.width / closed, t.raw / answers - c->truth, sqrt(t.square / answers), t.raw / answers,
           sqrt(fmax(0, t.spread / answers - t.raw / answers * (t.raw / answers))), t.error / answers, t.low / answers);
    if (c->permutations > 0)
        printf(", alarms %.3f", (double)t.alarms / t.count);
    if (t.none + t.bounds > 0)
        printf(", %d without answer, %d lower bounds", t.none, t.bounds);
    for (int k = 0; k < 8; k++)
        if (t.by[k] > 0)
            printf(", %s %d", dim_information_method_name((dim_information_method)k), t.by[k]);
    if (t.disagree > 0)
        printf(", methods disagree in %d", t.disagree);
    bool fine = within(c, t.held, t.count, 0.9, 1);
    /* What has no answer is on the safe side. */
    fine = fine && (c->permutations == 0 || within(c, t.alarms, t.count, t.none > 0 ? 0 : 0.025, c->alarms > 0 ? c->alarms : 0.08));
    printf(" (%d times, %.1f s)%s\n", t.count,
           (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec), fine ? "" : " OUTSIDE");
    fflush(stdout);
    return fine;
}

static const scenario *find(const char *name)
{
    for (int k = 0; k < CASES; k++)
        if (strcmp(cases[k].name, name) == 0)
            return &cases[k];
    fprintf(stderr, "information_coverage: no case is called '%s'; --list shows them\n", name);
    exit(2);
}

static long number(const char *option, const char *text)
{
    char *end = NULL;
    long value = text != NULL ? strtol(text, &end, 10) : 0;
    if (value < 1 || *end != '\0') {
        fprintf(stderr, "information_coverage: %s needs a number from 1, not '%s'\n", option, text != NULL ? text : "");
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    dim_context_options o;
    int repeat = 0, named = 0, bad = 0;
    uint64_t seed = 1;
    DIM_OPTIONS_INIT(&o);
    o.threads = 1;
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++)
        if (strcmp(argv[at], "--list") == 0) {
            for (int k = 0; k < CASES; k++)
                printf("%s\n", cases[k].name);
            return 0;
        } else if (strcmp(argv[at], "--repeat") == 0)
            repeat = (int)number("--repeat", argv[at + 1]), at++;
        else if (strcmp(argv[at], "--threads") == 0)
            o.threads = (uint32_t)number("--threads", argv[at + 1]), at++;
        else if (strcmp(argv[at], "--seed") == 0)
            seed = (uint64_t)number("--seed", argv[at + 1]), at++;
        else {
            fprintf(stderr, "information_coverage: no option is called '%s'\n", argv[at]);
            return 2;
        }
    check(dim_context_create(&o, &ctx));
    for (; at < argc; at++, named++) {
        const scenario *c = find(argv[at]);
        bad += !run(c, repeat > 0 ? repeat : c->repeat, seed);
    }
    for (int k = 0; k < CASES && named == 0; k++)
        bad += !run(&cases[k], repeat > 0 ? repeat : cases[k].repeat, seed);
    dim_context_destroy(ctx);
    return bad > 0;
}
