/* Known values of <dim/information.h>: each closed form by AUTO and by every method that takes the columns, as a table.  A value counts as
 * found within three standard errors and 0.01; else the interval must hold the truth; else the answer must say what is wrong with it.
 *
 *     information_table [--rows N] [ROW ...]     of 10000 rows of numbers, unless N says otherwise; without names all rows of the table:
 *                                                some ten minutes, nearly all of them by critics */
#define DIM_EXPERIMENTAL
#include "draws.h"
#include <dim/information.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 10000, MOST = 11 }; /* columns of a row: x, y, z */

typedef struct known {
    const char *name;
    int dx, dy, dz;
    double truth;
    void (*draw)(const struct known *k, double *row);
    double number;
    bool labels;                 /* x is labels, not numbers */
} known;

static void pair(const known *k, double *r)
{
    r[0] = normal();
    r[1] = k->number * r[0] + sqrt(1 - k->number * k->number) * normal();
}

static void equicorrelated(const known *k, double *r)
{
    double common = sqrt(k->number) * normal();
    for (int j = 0; j < k->dx + k->dy; j++)
        r[j] = common + sqrt(1 - k->number) * normal();
}

static void joined(const known *k, double *r)
{
    (void)k;
    r[0] = normal();
    r[1] = normal();
    r[2] = r[0] + r[1] + normal();
}

static void chain(const known *k, double *r)
{
    (void)k;
    r[2] = normal();
    r[0] = r[2] + normal();
    r[1] = r[2] + normal();
}

static void noise(const known *k, double *r)
{
    r[0] = uniform();
    r[1] = r[0] + k->number * (2 * uniform() - 1);
}

static void circle(const known *k, double *r)
{
    r[0] = uniform();
    r[1] = fmod(r[0] + k->number * uniform(), 1);
}

static void student(const known *k, double *r)
{
    double scale = sqrt(k->number / (2 * gamma_of(k->number / 2)));
    for (int j = 0; j < k->dx + k->dy; j++)
        r[j] = scale * normal();
}

static void rate(const known *k, double *r)
{
    r[0] = gamma_of(k->number);
    r[1] = exponential() / r[0];
}

static void label(const known *k, double *r)
{
    r[0] = floor(k->number * uniform());
    r[1] = r[0] + 2 * uniform();
}

static void channel(const known *k, double *r)
{
    r[0] = uniform() < 0.5;
    r[1] = uniform() < k->number ? 1 - r[0] : r[0];
}

static void product(const known *k, double *r)
{
    for (int j = 0; j < k->dx; j++)
        r[j] = normal();
    r[k->dx] = r[0] * r[1] + normal() / 2;
}

static void inflated(const known *k, double *r)
{
    r[0] = exponential();
    r[1] = uniform() < k->number ? 0 : poisson(r[0]);
}

static void independent(const known *k, double *r)
{
    (void)k;
    r[0] = exp(3 * normal());
    r[1] = uniform() < 0.5 ? 0 : uniform();
}

static const known table[] = {
    { "normal-0.5", 1, 1, 0, 0.143841, pair, .number = 0.5 },
    { "normal-0.9", 1, 1, 0, 0.830366, pair, .number = 0.9 },
    { "normal-0.99", 1, 1, 0, 1.958613, pair, .number = 0.99 },
    { "jointly-normal", 3, 2, 0, 0.475488, equicorrelated, .number = 0.6 },
    { "joined-given", 1, 1, 1, 0.143841, joined, .number = 0 },
    { "joined", 1, 1, 0, 0, joined, .number = 0 },
    { "chain-given", 1, 1, 1, 0, chain, .number = 0 },
    { "chain", 1, 1, 0, 0.143841, chain, .number = 0 },
    { "uniform-noise-0.3", 1, 1, 0, 0.810826, noise, .number = 0.3 },
    { "uniform-noise-1", 1, 1, 0, 0.25, noise, .number = 1 },
    { "circle-0.5", 1, 1, 0, 0.693147, circle, .number = 0.5 },
    { "circle-0.2", 1, 1, 0, 1.609438, circle, .number = 0.2 },
    { "student-1x1", 1, 1, 0, 0.042411, student, .number = 3 },
    { "student-2x3", 2, 3, 0, 0.093529, student, .number = 4 },
    { "gamma-1", 1, 1, 0, 0.422784, rate, .number = 1 },
    { "gamma-2", 1, 1, 0, 0.229637, rate, .number = 2 },
    { "labels-3", 1, 1, 0, 0.636514, label, .number = 3 },
    { "labels-3-given", 1, 1, 0, 0.636514, label, .number = 3, .labels = true },
    { "channel-0.1", 1, 1, 0, 0.368064, channel, .number = 0.1 },
    { "product-10", 10, 1, 0, 0.7332, product, .number = 0 },
    { "poisson-0", 1, 1, 0, 0.30124, inflated, .number = 0 },
    { "poisson-0.15", 1, 1, 0, 0.22978, inflated, .number = 0.15 },
    { "poisson-0.5", 1, 1, 0, 0.11638, inflated, .number = 0.5 },
    { "independent", 1, 1, 0, 0, independent, .number = 0 },
};
enum { TABLE = sizeof table / sizeof table[0] };

static dim_context *ctx;

static void check(dim_status status)
{
    if (status == DIM_OK)
        return;
    fprintf(stderr, "information_table: %s: %s\n", dim_status_name(status), dim_context_error(ctx));
    exit(1);
}

static dim_tensor *columns(const double *rows, int64_t n, int first, int d)
{
    dim_tensor *t;
    check(dim_tensor_create(ctx, DIM_F64, 2, (int64_t[]){ n, d }, &t));
    double *to = dim_tensor_data(t);
    for (int64_t i = 0; i < n; i++)
        memcpy(to + i * d, rows + i * MOST + first, (size_t)d * sizeof *to);
    return t;
}

/* What is said about an answer whose interval does not hold the truth; NULL: nothing, and it is wrong. */
static const char *excuse(const dim_information_result *r, double truth)
{
    if (r->verdict == DIM_INFORMATION_LOWER_BOUND && r->low <= truth)
        return "a lower bound";
    if (r->method == DIM_INFORMATION_GAUSS && (r->warnings & DIM_INFORMATION_PARAMETRIC))
        return "PARAMETRIC";
    if (r->warnings & DIM_INFORMATION_METHODS_DISAGREE)
        return "METHODS_DISAGREE";
    if (r->warnings & DIM_INFORMATION_NOT_CONVERGED)
        return "NOT_CONVERGED";
    return NULL;
}

static bool measure(const known *k, const double *rows, int64_t n, dim_information_method method)
{
    static const uint8_t labels[MOST] = { DIM_INFORMATION_KIND_UNORDERED };
    dim_information_data data;
    dim_information_options o;
    dim_information_result r;
    dim_information *info;
    dim_tensor *x = columns(rows, n, 0, k->dx), *y = columns(rows, n, k->dx, k->dy), *z = NULL;
    if (k->dz > 0)
        z = columns(rows, n, k->dx + k->dy, k->dz);
    DIM_OPTIONS_INIT(&data);
    data.x = x;
    data.y = y;
    data.z = z;
    data.x_kinds = k->labels ? labels : NULL;
    DIM_OPTIONS_INIT(&o);
    o.method = method;
    o.seed = 1;
    dim_status status = dim_information_measure(ctx, &o, &data, &info);
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    dim_tensor_destroy(z);
    if (status == DIM_E_UNSUPPORTED)
        return true; /* it does not take these columns */
    check(status);
    DIM_OPTIONS_INIT(&r);
    check(dim_information_get_result(info, &r));
    dim_information_destroy(info);
    double most = 3 * r.standard_error + 0.01;
    bool near = fabs(r.raw - k->truth) <= most, held = r.low - 0.01 <= k->truth && k->truth <= r.high + 0.01;
    const char *said = near ? "found" : held ? "in the interval" : excuse(&r, k->truth);
    printf("| %s | %s%s%s | %.4f | %.4f | %.4f | [%.3f, %.3f] | %s |\n", k->name, dim_information_method_name(method),
           method == DIM_INFORMATION_AUTO ? ": " : "", method == DIM_INFORMATION_AUTO ? dim_information_method_name(r.method) : "",
           k->truth, r.raw, most, r.low, r.high, said != NULL ? said : "WRONG");
    fflush(stdout);
    return said != NULL;
}

static bool run(const known *k, int64_t n)
{
    double *rows = calloc((size_t)n, MOST * sizeof *rows);
    bool fine = rows != NULL;
    draws = 88172645463325252u;
    for (const char *c = k->name; *c != '\0'; c++)
        draws = (draws ^ (uint64_t)*c) * 0x100000001b3u;
    for (int64_t i = 0; i < n && fine; i++) {
        double row[MOST + 1] = { 0 };
        k->draw(k, row);
        memcpy(rows + i * MOST, row, MOST * sizeof *rows);
    }
    for (int method = DIM_INFORMATION_AUTO; method <= DIM_INFORMATION_KNN2 && rows != NULL; method++)
        fine = measure(k, rows, n, (dim_information_method)method) && fine;
    free(rows);
    return fine;
}

int main(int argc, char **argv)
{
    int bad = 0, ran = 0, first = 1;
    int64_t n = ROWS;
    if (argc > 1 && strcmp(argv[1], "--rows") == 0) {
        n = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
        first = 3;
    }
    if (n < 200 || n > 1000000) {
        fprintf(stderr, "information_table: --rows needs a number from 200 to 1000000\n");
        return 2;
    }
    check(dim_context_create(NULL, &ctx));
    printf("| data | method | truth | raw | within | interval | |\n|---|---|---|---|---|---|---|\n");
    for (int k = 0; k < TABLE; k++) {
        bool named = argc <= first;
        for (int at = first; at < argc; at++)
            named = named || strcmp(argv[at], table[k].name) == 0;
        if (!named)
            continue;
        ran++;
        bad += !run(&table[k], n);
    }
    if (ran == 0)
        fprintf(stderr, "information_table: there is no such row\n");
    dim_context_destroy(ctx);
    return bad > 0 || ran == 0;
}
