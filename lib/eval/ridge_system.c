/* W and the intercepts b minimise |T - Z W - 1 b'|^2 + lambda n |W|^2, with Z the n standardised samples and T the one-hot
 * classes; b is not penalised.  There are two ways to the same W:
 *
 *     (Z'Z + lambda n I) W = Z'T          Z with a column of ones, to which no lambda is added
 *     (K + lambda n I) A = T, W = Z'A     K = Z Z'; K and T centred, so that A sums to 0 and b follows from means
 *
 * The second one is solved where there are fewer samples than features. */
#include "eval/ridge.h"

#include "base/math.h"
#include "base/pool.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

enum { PANEL = 256, FEATURES = 1024 };

void dim__ridge_free(dim__ridge *r)
{
    void *all[] = {r->pick, r->gram, r->diagonal, r->shift, r->target, r->solution, r->sum, r->work, r->w, r->z, r->panel};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim__free(r->ctx, all[i]);
    dim__scaler_free(r->ctx, &r->scaler);
}

dim_status dim__ridge_init(dim__ridge *r, const dim__probe_data *data)
{
    dim_context *ctx = r->ctx;
    r->data = data;
    r->p = data->d + 1;
    r->dual = data->n < r->p;
    r->size = dim__min64(data->n, r->p);
    size_t p = (size_t)r->p, c = (size_t)data->classes, size = (size_t)r->size;
    int64_t rows = r->dual ? data->n : dim__min64(DIM__EVAL_ROWS, data->n);
    DIM__TRY(dim__scaler_create(ctx, data->train, data->n, data->d, &r->scaler));
    r->gram = dim__calloc(ctx, size, size * sizeof *r->gram);
    r->diagonal = dim__calloc(ctx, size, sizeof *r->diagonal);
    r->shift = dim__calloc(ctx, size, sizeof *r->shift);
    r->target = dim__calloc(ctx, size, c * sizeof *r->target);
    r->solution = dim__calloc(ctx, size, c * sizeof *r->solution);
    r->sum = dim__calloc(ctx, p, sizeof *r->sum);
    r->work = dim__calloc(ctx, DIM__CHOLESKY_WORK, sizeof *r->work);
    r->w = dim__calloc(ctx, p, c * sizeof *r->w);
    r->z = dim__calloc(ctx, (size_t)rows, p * sizeof *r->z);
    r->panel = dim__calloc(ctx, size, (size_t)dim__max64(PANEL, data->classes) * sizeof *r->panel);
    return r->gram == NULL || r->diagonal == NULL || r->shift == NULL || r->target == NULL || r->solution == NULL ||
           r->sum == NULL || r->work == NULL || r->w == NULL || r->z == NULL || r->panel == NULL ? DIM_E_NOMEM : DIM_OK;
}

static int32_t label(const dim__ridge *r, int64_t i)
{
    return r->data->train_labels[r->pick != NULL ? r->pick[i] : i];
}

/* Rows of a panel of products, added to the matrix in double. */
static void add_panel(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__ridge *r = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        const float *restrict from = r->panel + i * r->size;
        double *restrict to = r->gram + (r->column + i) * r->size + r->column;
        r->diagonal[r->column + i] += (double)from[i];
        for (int64_t j = i + 1; j < r->size - r->column; j++)
            to[j] += (double)from[j];
    }
}

/* Z'T for some features: each row goes to its class's column. */
static void add_targets(void *arg, int64_t begin, int64_t end, int thread)
{
    const dim__ridge *r = arg;
    const int64_t c = r->data->classes;
    (void)thread;
    for (int64_t i = 0; i < r->rows; i++) {
        const float *z = r->z + i * r->p;
        double *to = r->target + label(r, r->first + i);
        for (int64_t j = begin; j < end; j++)
            to[j * c] += (double)z[j];
    }
}

static void add_products_of_features(dim__ridge *r, int64_t first, int64_t last)
{
    for (r->first = first; r->first < last; r->first += r->rows) {
        r->rows = dim__min64(DIM__EVAL_ROWS, last - r->first);
        dim__scaler_rows(r->ctx, &r->scaler, r->data->train, r->pick, r->first, r->rows, r->z);
        dim__parallel(r->ctx, r->p, 64, add_targets, r);
        for (r->column = 0; r->column < r->p; r->column += PANEL) {
            const float *z = r->z + r->column;
            int64_t n = dim__min64(PANEL, r->p - r->column);
            dim__gemm(r->ctx, true, false, n, r->p - r->column, r->rows, 1, z, r->p, z, r->p, 0, r->panel, r->p);
            dim__parallel(r->ctx, n, 16, add_panel, r);
        }
    }
}

/* Of all samples, at once. */
static void add_products_of_samples(dim__ridge *r)
{
    dim__scaler_rows(r->ctx, &r->scaler, r->data->train, r->pick, 0, r->size, r->z);
    for (r->column = 0; r->column < r->size; r->column += PANEL)
        for (int64_t f = 0; f < r->data->d; f += FEATURES) { /* so that sums in float stay short */
            const float *z = r->z + r->column * r->p + f;
            int64_t n = dim__min64(PANEL, r->size - r->column), wide = dim__min64(FEATURES, r->data->d - f);
            dim__gemm(r->ctx, false, true, n, r->size - r->column, wide, 1, z, r->p, z, r->p, 0, r->panel, r->size);
            dim__parallel(r->ctx, n, 16, add_panel, r);
        }
}

void dim__ridge_add(dim__ridge *r, int64_t first, int64_t last)
{
    if (!r->dual)
        add_products_of_features(r, first, last);
    else if (first == 0)
        add_products_of_samples(r);
}

/* The matrix mirrored below its diagonal and centred, in tiles for the caches' sake. */
static void mirror(void *arg, int64_t begin, int64_t end, int thread)
{
    enum { TILE = 32 };
    const dim__ridge *r = arg;
    (void)thread;
    for (int64_t i0 = begin * TILE; i0 < dim__min64(end * TILE, r->rows); i0 += TILE)
        for (int64_t j0 = 0; j0 <= i0; j0 += TILE)
            for (int64_t i = i0; i < dim__min64(i0 + TILE, r->rows); i++)
                for (int64_t j = j0; j < dim__min64(j0 + TILE, i); j++)
                    r->gram[i * r->size + j] = r->gram[j * r->size + i] - (r->shift[i] + r->shift[j]);
}

/* The means of the rows of K less half of their own mean: taking these off rows and columns centres K.  T is centred, too. */
static void centre(dim__ridge *r, int64_t n)
{
    const int64_t c = r->data->classes;
    double mean = 0;
    memset(r->shift, 0, (size_t)n * sizeof *r->shift);
    for (int64_t i = 0; i < n; i++) {
        r->shift[i] += r->diagonal[i];
        for (int64_t j = i + 1; j < n; j++) {
            r->shift[i] += r->gram[i * r->size + j];
            r->shift[j] += r->gram[i * r->size + j];
        }
    }
    for (int64_t i = 0; i < n; i++)
        mean += (r->shift[i] /= (double)n);
    for (int64_t i = 0; i < n; i++)
        r->shift[i] -= mean / (double)n / 2;
    memset(r->target, 0, (size_t)(n * c) * sizeof *r->target);
    for (int64_t i = 0; i < n; i++)
        r->target[i * c + label(r, i)] = 1;
    for (int64_t j = 0; j < c; j++) {
        double share = 0;
        for (int64_t i = 0; i < n; i++)
            share += r->target[i * c + j] / (double)n;
        for (int64_t i = 0; i < n; i++)
            r->target[i * c + j] -= share;
    }
}

/* W = Z'A, and the intercepts that make the mean score of each class its share. */
static void weights_of_samples(dim__ridge *r, int64_t n)
{
    const int64_t c = r->data->classes, d = r->data->d;
    float *bias = r->w + d * c;
    for (int64_t i = 0; i < n * c; i++)
        r->panel[i] = (float)r->solution[i];
    dim__gemm(r->ctx, true, false, d, c, n, 1, r->z, r->p, r->panel, c, 0, r->w, c);
    memset(r->sum, 0, (size_t)r->p * sizeof *r->sum);
    r->ctx->kernels->col_sum(r->sum, r->z, n, r->p);
    for (int64_t j = 0; j < c; j++) {
        double b = 0;
        for (int64_t i = 0; i < n; i++)
            b += label(r, i) == j;
        for (int64_t f = 0; f < d; f++)
            b -= r->sum[f] * (double)r->w[f * c + j];
        bias[j] = (float)(b / (double)n);
    }
}

bool dim__ridge_fit(dim__ridge *r, int64_t n, double lambda)
{
    const int64_t c = r->data->classes, size = r->dual ? n : r->p;
    if (r->dual)
        centre(r, n);
    r->rows = size;
    dim__parallel(r->ctx, (size + 31) / 32, 1, mirror, r);
    for (int64_t i = 0; i < size; i++)
        r->gram[i * r->size + i] = r->diagonal[i] - 2 * r->shift[i] + lambda * (double)n;
    if (!r->dual)
        r->gram[(size - 1) * r->size + size - 1] = r->diagonal[size - 1];
    if (!dim__cholesky(r->ctx, r->gram, size, r->size, r->work))
        return false;
    memcpy(r->solution, r->target, (size_t)(size * c) * sizeof *r->solution);
    dim__cholesky_solve(r->ctx, r->gram, size, r->size, r->solution, c);
    if (r->dual)
        weights_of_samples(r, n);
    else
        for (int64_t i = 0; i < size * c; i++)
            r->w[i] = (float)r->solution[i];
    return true;
}
