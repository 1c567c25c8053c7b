/* Tables that are sorted by a column look like series: so does what that column tells about.  But within rows that have one value of
 * the column, or nearly, a series remembers, and rows of a sorted table do not. */
#include "information/information.h"

#include "base/math.h"

enum { RUN = 20, LEAST_RUN = 5 }; /* rows of a column that grows; that a run has on average */

/* run (n): numbers of stretches of rows; how many there are, or 0: the column is not in order. */
static int64_t find_runs(const dim__mi_column *c, int64_t n, int32_t *run)
{
    int64_t runs = 1, up = 0, down = 0;
    run[0] = 0;
    for (int64_t i = 1; i < n; i++) {
        up += c->code[i] > c->code[i - 1];
        down += c->code[i] < c->code[i - 1];
        runs += c->code[i] != c->code[i - 1];
        run[i] = (int32_t)runs - 1;
    }
    if (runs != c->distinct || runs < 2)
        return 0; /* a value comes back */
    if (runs * LEAST_RUN <= n)
        return runs;
    if (up > 0 && down > 0)
        return 0;
    for (int64_t i = 0; i < n; i++)
        run[i] = (int32_t)(i / RUN);
    return (n + RUN - 1) / RUN;
}

/* Correlation of neighbouring rows of a run, each without the run's mean, which takes 1 / rows of the run from it. */
static double within(const int32_t *run, int64_t runs, int64_t n, double *z)
{
    double together = 0, squares = 0;
    for (int64_t first = 0, i = 0; i < n; i++) {
        if (i + 1 < n && run[i + 1] == run[i])
            continue;
        double mean = 0;
        for (int64_t k = first; k <= i; k++)
            mean += z[k] / (double)(i + 1 - first);
        for (int64_t k = first; k <= i; k++) {
            z[k] -= mean;
            squares += z[k] * z[k];
            together += k > first ? z[k] * z[k - 1] : 0;
        }
        first = i + 1;
    }
    return squares > 0 ? together / squares + (double)runs / (double)n : 1;
}

/* Whether no other column remembers within the runs, by what 1 in 40 does by chance. */
static dim_status forget(const dim__mi *m, const dim__mi_column *by, const int32_t *run, int64_t runs, double *z, bool *out)
{
    *out = true;
    for (int k = 0; k < 2; k++)
        for (int64_t j = 0; j < m->side[k].d && *out; j++) {
            const dim__mi_column *c = &m->side[k].columns[j];
            if (c == by)
                continue;
            DIM__TRY(dim__mi_scores(m, c, z));
            *out = within(run, runs, m->n, z) < 2 / sqrt((double)m->n);
        }
    return DIM_OK;
}

dim_status dim__mi_find_sorted(dim__mi *m)
{
    int32_t *run = dim__calloc(m->ctx, (size_t)m->n, sizeof *run);
    double *z = dim__calloc(m->ctx, (size_t)m->n, sizeof *z);
    dim_status status = run == NULL || z == NULL ? DIM_E_NOMEM : DIM_OK;
    bool sorted = false;
    for (int k = 0; k < 2; k++)
        for (int64_t j = 0; j < m->side[k].d && !sorted && status == DIM_OK; j++) {
            int64_t runs = find_runs(&m->side[k].columns[j], m->n, run);
            if (runs == 0)
                continue;
            status = forget(m, &m->side[k].columns[j], run, runs, z, &sorted);
            if (sorted) {
                m->sorted_side = k;
                m->sorted = j + 1;
            }
        }
    dim__free(m->ctx, run);
    dim__free(m->ctx, z);
    return status;
}
