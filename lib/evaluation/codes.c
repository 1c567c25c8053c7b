/* Statistics of a matrix of codes: RankMe (Garrido, Balestriero, Najman & LeCun 2023), spread, correlations, dead units. */
#include "evaluation/evaluation.h"

#include "base/math.h"
#include "eval/eval.h"
#include "kernels/gemm.h"
#include "tensor/tensor.h"

#include <float.h>
#include <inttypes.h>

enum { MOST_UNITS = 16384, ROWS = 512 };
static const double EPSILON = 1e-7; /* of RankMe */

typedef struct statistics {
    int64_t n, d;
    const float *x;
    double *mean, *deviation, *most; /* (d); most: largest |correlation|, NaN of a dead unit */
    bool *dead;                      /* (d) */
    double *square;                  /* (d, d): sums of products of centred units */
    double *rows;                    /* (ROWS, d) */
} statistics;

/* A dead unit's mean is its value: then it has no variance by rounding either. */
static void find_means(const statistics *s)
{
    for (int64_t j = 0; j < s->d; j++)
        s->dead[j] = true;
    for (int64_t i = 0; i < s->n; i++)
        for (int64_t j = 0; j < s->d; j++) {
            s->mean[j] += (double)s->x[i * s->d + j];
            s->dead[j] = s->dead[j] && !(s->x[i * s->d + j] < s->x[j] || s->x[i * s->d + j] > s->x[j]);
        }
    for (int64_t j = 0; j < s->d; j++)
        s->mean[j] = s->dead[j] ? (double)s->x[j] : s->mean[j] / (double)s->n;
}

static void multiply(dim_context *ctx, const statistics *s)
{
    for (int64_t first = 0; first < s->n; first += ROWS) {
        int64_t rows = dim__min64(ROWS, s->n - first);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < s->d; j++)
                s->rows[i * s->d + j] = (double)s->x[(first + i) * s->d + j] - s->mean[j];
        dim__dgemm(ctx, true, false, s->d, s->d, rows, 1, s->rows, s->d, s->rows, s->d, first > 0, s->square, s->d);
    }
}

static void describe(const statistics *s, dim_code_statistics *r)
{
    double trace = 0, squares = 0, sum = 0;
    int64_t pairs = 0;
    r->least_deviation = HUGE_VAL;
    for (int64_t j = 0; j < s->d; j++) {
        double own = s->square[j * s->d + j];
        s->deviation[j] = sqrt(own / (double)s->n);
        s->most[j] = (double)NAN;
        trace += own;
        r->dead += s->dead[j];
        r->mean += fabs(s->mean[j]) / (double)s->d;
        r->deviation += s->deviation[j] / (double)s->d;
        r->least_deviation = fmin(r->least_deviation, s->deviation[j]);
        r->most_deviation = fmax(r->most_deviation, s->deviation[j]);
    }
    r->correlation = r->most_correlation = (double)NAN;
    for (int64_t i = 0; i < s->d; i++)
        for (int64_t j = 0; j <= i; j++) {
            double product = s->square[i * s->d + j];
            squares += (i == j ? 1 : 2) * (product / fmax(trace, DBL_MIN)) * (product / fmax(trace, DBL_MIN));
            if (i == j || s->dead[i] || s->dead[j])
                continue;
            double rho = fmin(fabs(product / (s->deviation[i] * s->deviation[j] * (double)s->n)), 1);
            s->most[i] = fmax(s->most[i], rho); /* of NaN and a number that is the number */
            s->most[j] = fmax(s->most[j], rho);
            r->most_correlation = fmax(r->most_correlation, rho);
            sum += rho;
            pairs++;
        }
    if (pairs > 0)
        r->correlation = sum / (double)pairs;
    r->effective = trace > 0 ? 1 / squares : 0;
}

/* From centred products to those of the codes as they are, whose eigenvalues are squares of singular values. */
static double rankme(dim_context *ctx, const statistics *s, double *values, double *room)
{
    int64_t count = dim__min64(s->n, s->d);
    double sum = 0, entropy = 0;
    for (int64_t i = 0; i < s->d; i++)
        for (int64_t j = 0; j < s->d; j++)
            s->square[i * s->d + j] += (double)s->n * s->mean[i] * s->mean[j];
    dim__eigenvalues(ctx, s->square, s->d, values, room);
    for (int64_t k = 0; k < count; k++) {
        values[k] = sqrt(fmax(values[k], 0));
        sum += values[k];
    }
    if (!(sum > 0))
        return 0;
    for (int64_t k = 0; k < count; k++) {
        double p = values[k] / sum + EPSILON;
        entropy -= p * log(p);
    }
    return exp(entropy);
}

static dim_status check(dim_context *ctx, const dim_tensor *codes, const dim__matrix *m, const dim_tensor *units)
{
    char text[128];
    if (m->n < 2)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_codes: codes has 1 row; it must have 2 at least");
    if (m->d > MOST_UNITS)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_codes: codes has %" PRId64 " units; it must have %d at most", m->d,
                         (int)MOST_UNITS);
    if (units == NULL)
        return DIM_OK;
    if (units->dtype != DIM_F64 || units->rank != 2 || units->shape[0] != m->d || units->shape[1] != 3)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_codes: units is %s %s; it must be f64 (%" PRId64 ", 3)",
                         dim__dtype_name(units->dtype), dim__shape_text(text, units->rank, units->shape), m->d);
    DIM__TRY(dim__check_output(ctx, "units", units));
    return dim__check_apart(ctx, "units", units, "codes", codes);
}

static void give_units(const statistics *s, dim_tensor *units)
{
    const double *const columns[3] = { s->mean, s->deviation, s->most };
    for (int k = 0; k < 3; k++)
        dim__strided_copy(1, &s->d, DIM_F64, units->data + k * units->stride[1] * (int64_t)sizeof(double), units->stride, DIM_F64,
                          columns[k], &(const int64_t){ 1 });
}

dim_status dim__evaluation_codes(dim_context *ctx, const dim_tensor *codes, dim_tensor *units, dim_code_statistics *out)
{
    dim_status status;
    dim_code_statistics r;
    dim__matrix m = { 0 };
    statistics s = { .n = 0 };
    double *room = NULL;
    size_t size;
    DIM__TRY(dim__struct_size(ctx, "dim_code_statistics", out, sizeof size, &size));
    DIM__TRY_OR(done, dim__matrix_of(ctx, "codes", codes, &m));
    DIM__TRY_OR(done, check(ctx, codes, &m, units));
    s.n = m.n;
    s.d = m.d;
    s.x = m.x;
    s.square = dim__calloc(ctx, (size_t)(m.d * m.d), sizeof *s.square);
    s.rows = dim__calloc(ctx, (size_t)(ROWS * m.d), sizeof *s.rows);
    s.dead = dim__calloc(ctx, (size_t)m.d, sizeof *s.dead);
    room = dim__calloc(ctx, (size_t)(6 * m.d), sizeof *room);
    if (s.square == NULL || s.rows == NULL || s.dead == NULL || room == NULL) {
        status = DIM_E_NOMEM;
        goto done;
    }
    s.mean = room;
    s.deviation = room + m.d;
    s.most = room + 2 * m.d;
    DIM_OPTIONS_INIT(&r);
    r.rows = m.n;
    r.units = m.d;
    find_means(&s);
    multiply(ctx, &s);
    describe(&s, &r);
    r.rankme = rankme(ctx, &s, room + 3 * m.d, room + 4 * m.d);
    if (units != NULL)
        give_units(&s, units);
    dim__give_result(out, size, &r, sizeof r);
done:
    dim__free(ctx, room);
    dim__free(ctx, s.dead);
    dim__free(ctx, s.rows);
    dim__free(ctx, s.square);
    dim__free(ctx, m.owned);
    return status;
}
