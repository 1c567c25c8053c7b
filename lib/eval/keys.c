/* What is known of keys before any query comes: lengths, distances from their centre, bounds, and rows as they are
 * multiplied. */
#include "base/math.h"
#include "base/pool.h"
#include "eval/nearest.h"

double dim__keys_unit(double square)
{
    return square > 0 ? 1 / sqrt(square) : 0;
}

double dim__keys_half(const dim__keys *keys, const float *x, double unit)
{
    const double *centre = keys->centre;
    double part[8] = {0};
    int64_t j = 0;
    for (; j + 8 <= keys->d; j += 8)
        for (int l = 0; l < 8; l++) {
            double v = (double)x[j + l] * unit - centre[j + l];
            part[l] += v * v;
        }
    for (; j < keys->d; j++) {
        double v = (double)x[j] * unit - centre[j];
        part[0] += v * v;
    }
    return (((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]))) / 2;
}

int dim__keys_exponent(double half)
{
    return half > 0 ? ilogb(sqrt(2 * half)) : 0;
}

void dim__keys_put(const dim__keys *keys, bool wide, void *block, int64_t at, const float *x, double unit, int exponent)
{
    const double scale = ldexp(1, -exponent), *centre = keys->centre;
    if (wide) {
        double *restrict out = (double *)block + at * keys->d;
        for (int64_t j = 0; j < keys->d; j++)
            out[j] = ((double)x[j] * unit - centre[j]) * scale;
    } else {
        float *restrict out = (float *)block + at * keys->d;
        for (int64_t j = 0; j < keys->d; j++)
            out[j] = (float)(((double)x[j] * unit - centre[j]) * scale);
    }
}

/* What half the square of a norm may be off by, in units of rounding: a sum's, and by cosine a unit's on a row of length 1. */
double dim__keys_half_error(const dim__keys *keys, double half)
{
    double e = keys->epsilon;
    return e * half + (keys->cosine ? e * (sqrt(2 * half) + e) : 0);
}

/* (d + 4) roundings of |b|, by the usual bound for any order of summation, and what is lost below the least number of float. */
void dim__keys_slack(const dim__keys *keys, bool wide, int64_t first, double *slack)
{
    double roundings = ldexp((double)keys->d + 4, wide ? -53 : -24), share = roundings / (1 - roundings);
    double lost = ldexp(4 * (double)keys->d, keys->exponent - (wide ? 1022 : 126));
    for (int64_t i = first; i < keys->n; i++)
        slack[i] = share * sqrt(2 * keys->half[i]) + lost;
}

typedef struct part { /* of the keys, from a row on */
    dim__keys *keys;
    int64_t first;
} part;

static void find_units(void *arg, int64_t begin, int64_t end, int thread)
{
    const part *p = arg;
    dim__keys *k = p->keys;
    (void)thread;
    for (int64_t i = p->first + begin; i < p->first + end; i++) {
        const float *x = k->x + i * k->d;
        if (k->cosine)
            k->square[i] = dim__wide_dot(x, x, k->d);
        k->unit[i] = k->cosine ? dim__keys_unit(k->square[i].high) : 1;
    }
}

static void find_centre(void *arg, int64_t begin, int64_t end, int thread)
{
    dim__keys *k = ((const part *)arg)->keys;
    (void)thread;
    for (int64_t j = begin; j < end; j++)
        k->centre[j] = 0;
    for (int64_t i = 0; i < k->n; i++)
        for (int64_t j = begin; j < end; j++)
            k->centre[j] += (double)k->x[i * k->d + j] * k->unit[i];
    for (int64_t j = begin; j < end; j++)
        k->centre[j] /= (double)k->n;
}

static void measure(void *arg, int64_t begin, int64_t end, int thread)
{
    const part *p = arg;
    dim__keys *k = p->keys;
    (void)thread;
    for (int64_t i = p->first + begin; i < p->first + end; i++) {
        k->half[i] = dim__keys_half(k, k->x + i * k->d, k->unit[i]);
        k->error[i] = dim__keys_half_error(k, k->half[i]);
        if (k->unit[i] == 0)
            k->half[i] += 0.5; /* makes 1 - cosine 1 */
        k->near[i] = k->half[i] - k->error[i];
    }
}

static void pack(void *arg, int64_t begin, int64_t end, int thread)
{
    const part *p = arg;
    dim__keys *k = p->keys;
    (void)thread;
    for (int64_t i = p->first + begin; i < p->first + end; i++)
        dim__keys_put(k, false, k->packed, i, k->x + i * k->d, k->unit[i], k->exponent);
}

/* The arrays lie behind each other in one piece of memory. */
static dim_status make_room(dim_context *ctx, dim__keys *k, int64_t n, bool packs)
{
    int64_t room = k->room == 0 ? n : dim__max64(n, k->room + k->room / 2), columns = k->cosine ? 7 : 5;
    if (room > (INT64_MAX / 64 - k->d) / columns)
        return DIM_E_NOMEM;
    double *numbers = dim__calloc(ctx, (size_t)(room * columns + k->d), sizeof *numbers);
    float *packed = packs && numbers != NULL ? dim__calloc(ctx, (size_t)room, (size_t)k->d * sizeof *packed) : NULL;
    if (numbers == NULL || (packs && packed == NULL)) {
        dim__free(ctx, numbers);
        return DIM_E_NOMEM;
    }
    dim__free(ctx, k->numbers);
    dim__free(ctx, k->packed);
    k->numbers = numbers;
    k->packed = packed;
    k->room = room;
    k->square = k->cosine ? (dim__wide *)(void *)numbers : NULL;
    double **const columns_of[] = {&k->unit, &k->half, &k->slack, &k->error, &k->near};
    numbers += k->cosine ? 2 * room : 0;
    for (size_t i = 0; i < sizeof columns_of / sizeof *columns_of; i++, numbers += room)
        *columns_of[i] = numbers;
    k->centre = numbers;
    return DIM_OK;
}

static double most_of(const dim__keys *k, int64_t first)
{
    double most = 0;
    for (int64_t i = first; i < k->n; i++)
        most = k->half[i] > most ? k->half[i] : most;
    return most;
}

/* All keys anew where there was no room for all, and where one of the new ones is too long for the scale of the others: else
 * the work would be n^2 when rows come one by one. */
dim_status dim__keys_prepare(dim_context *ctx, dim__keys *k, const float *x, int64_t n, bool packs)
{
    int64_t grain = 1 + 16384 / k->d, first = k->n;
    if (n == k->n && x == k->x)
        return DIM_OK;
    if (n > k->room) {
        DIM__TRY(make_room(ctx, k, n, packs));
        first = 0;
    }
    k->x = x;
    k->n = n;
    k->epsilon = ldexp(2 * (double)k->d + 32, -53);
    part p = {k, first};
    dim__parallel(ctx, n - first, grain, find_units, &p);
    if (first == 0)
        dim__parallel(ctx, k->d, 1 + 16384 / n, find_centre, &p);
    dim__parallel(ctx, n - first, grain, measure, &p);
    int exponent = dim__keys_exponent(most_of(k, first));
    if (first == 0 || exponent > k->exponent) {
        k->exponent = exponent;
        p.first = first = 0;
    }
    dim__keys_slack(k, false, first, k->slack);
    if (k->packed != NULL)
        dim__parallel(ctx, n - first, grain, pack, &p);
    return DIM_OK;
}

void dim__keys_free(dim_context *ctx, dim__keys *k)
{
    dim__free(ctx, k->numbers);
    dim__free(ctx, k->packed);
    *k = (dim__keys){0};
}
