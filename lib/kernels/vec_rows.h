/* Functions of rows and columns; part of vec.c.  Sums over rows take ROWS of them at a time, so that the doubles of the
 * columns are read and written once for that many. */

enum { ROWS = 4 };

/* `count` rows, a constant where this is called, times x; a row's sum is the same whatever count is. */
static inline __attribute__((always_inline)) void dot_some_rows(float *y, const float *a, int64_t lda, const float *x,
                                                                int64_t n, int count)
{
    vf part[ROWS][2] = { { { 0 } } };
    int64_t j = 0;
    for (; j + 2 * LANES <= n; j += 2 * LANES)
        for (int r = 0; r < count; r++) {
            part[r][0] += load(a + r * lda + j) * load(x + j);
            part[r][1] += load(a + r * lda + j + LANES) * load(x + j + LANES);
        }
    for (int r = 0; r < count; r++) {
        float lanes[LANES], rest = 0;
        store(lanes, part[r][0] + part[r][1]);
        for (int half = LANES / 2; half > 0; half /= 2)
            for (int k = 0; k < half; k++)
                lanes[k] += lanes[k + half];
        for (int64_t l = j; l < n; l++)
            rest += a[r * lda + l] * x[l];
        y[r] = lanes[0] + rest;
    }
}

static void dot_rows(float *y, const float *a, int64_t lda, const float *x, int64_t rows, int64_t n)
{
    int64_t i = 0;
    for (; i + ROWS <= rows; i += ROWS)
        dot_some_rows(y + i, a + i * lda, lda, x, n, ROWS);
    for (; i < rows; i++)
        dot_some_rows(y + i, a + i * lda, lda, x, n, 1);
}

static void add_rows(float *y, const float *a, int64_t lda, const float *x, int64_t inc_x, int64_t rows, int64_t n)
{
    int64_t i = 0;
    for (; i + ROWS <= rows; i += ROWS, a += ROWS * lda, x += ROWS * inc_x) {
        const float *a1 = a + lda, *a2 = a1 + lda, *a3 = a2 + lda;
        float s0 = x[0], s1 = x[inc_x], s2 = x[2 * inc_x], s3 = x[3 * inc_x];
#pragma omp simd
        for (int64_t j = 0; j < n; j++)
            y[j] += (s0 * a[j] + s1 * a1[j]) + (s2 * a2[j] + s3 * a3[j]);
    }
    for (; i < rows; i++, a += lda, x += inc_x)
        axpy(y, x[0], a, n);
}

static void add_scaled(float *restrict y, int64_t ldy, const float *x, int64_t ldx, const float *w, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++, y += ldy, x += ldx) {
#pragma omp simd
        for (int64_t j = 0; j < c; j++)
            y[j] += x[j] * w[j];
    }
}

/* A column's y stays in a register while rows pass. */
static void col_max(float *restrict y, const float *x, int64_t ldx, int64_t rows, int64_t c)
{
    int64_t j = 0;
    for (; j + 2 * LANES <= c; j += 2 * LANES) {
        vf a = load(y + j), b = load(y + j + LANES);
        for (int64_t i = 0; i < rows; i++) {
            a = vec_max(load(x + i * ldx + j), a);
            b = vec_max(load(x + i * ldx + j + LANES), b);
        }
        store(y + j, a);
        store(y + j + LANES, b);
    }
    for (; j < c; j++)
        for (int64_t i = 0; i < rows; i++)
            y[j] = x[i * ldx + j] > y[j] ? x[i * ldx + j] : y[j];
}

static void add_bias(float *y, const float *x, const float *bias, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++, y += c, x += c) {
#pragma omp simd
        for (int64_t j = 0; j < c; j++)
            y[j] = x[j] + bias[j];
    }
}

static void col_sum(double *total, const float *x, int64_t rows, int64_t c)
{
    int64_t i = 0;
    for (; i + ROWS <= rows; i += ROWS, x += ROWS * c) {
        const float *x1 = x + c, *x2 = x1 + c, *x3 = x2 + c;
#pragma omp simd
        for (int64_t j = 0; j < c; j++)
            total[j] += ((double)x[j] + x1[j]) + ((double)x2[j] + x3[j]);
    }
    for (; i < rows; i++, x += c) {
#pragma omp simd
        for (int64_t j = 0; j < c; j++)
            total[j] += x[j];
    }
}

static void col_dot(double *restrict total, const float *a, int64_t lda, const float *b, int64_t ldb, int64_t rows,
                    int64_t c)
{
    int64_t i = 0;
    for (; i + ROWS <= rows; i += ROWS, a += ROWS * lda, b += ROWS * ldb) {
        const float *a1 = a + lda, *a2 = a1 + lda, *a3 = a2 + lda, *b1 = b + ldb, *b2 = b1 + ldb, *b3 = b2 + ldb;
#pragma omp simd
        for (int64_t j = 0; j < c; j++)
            total[j] += ((double)a[j] * b[j] + (double)a1[j] * b1[j]) + ((double)a2[j] * b2[j] + (double)a3[j] * b3[j]);
    }
    for (; i < rows; i++, a += lda, b += ldb) {
#pragma omp simd
        for (int64_t j = 0; j < c; j++)
            total[j] += (double)a[j] * b[j];
    }
}

/* In one pass over x: with s and q the sums of d = x - x_0 and of d^2, x_0 the first row, m2 = q - s^2 / rows.  As x_0 is
 * one of the numbers, q <= (1 + rows) m2: in double the difference keeps at least 16 - log10(rows) digits. */
static void col_moments(double *restrict mean, double *restrict m2, const float *x, int64_t rows, int64_t c)
{
    const float *first = x;
    int64_t i = 1;
    memset(mean, 0, (size_t)c * sizeof *mean);
    memset(m2, 0, (size_t)c * sizeof *m2);
    if (rows == 0)
        return;
    for (x += c; i + ROWS <= rows; i += ROWS, x += ROWS * c) {
        const float *x1 = x + c, *x2 = x1 + c, *x3 = x2 + c;
#pragma omp simd
        for (int64_t j = 0; j < c; j++) {
            double f = first[j], d0 = x[j] - f, d1 = x1[j] - f, d2 = x2[j] - f, d3 = x3[j] - f;
            mean[j] += (d0 + d1) + (d2 + d3);
            m2[j] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3);
        }
    }
    for (; i < rows; i++, x += c) {
#pragma omp simd
        for (int64_t j = 0; j < c; j++) {
            double d = (double)x[j] - first[j];
            mean[j] += d;
            m2[j] += d * d;
        }
    }
    for (int64_t j = 0; j < c; j++) {
        double d = mean[j] / (double)rows, rest = m2[j] - mean[j] * d;
        m2[j] = rest < 0 ? 0 : rest; /* NaN stays */
        mean[j] = first[j] + d;
    }
}

static void col_affine(float *y, const float *x, const float *scale, const float *shift, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++, y += c, x += c) {
#pragma omp simd
        for (int64_t j = 0; j < c; j++)
            y[j] = x[j] * scale[j] + shift[j];
    }
}

static void bn_grad_sums(double *restrict sum_dy, double *restrict sum_dyx, const float *dy, const float *x,
                         const float *mean, int64_t rows, int64_t c)
{
    int64_t i = 0;
    for (; i + ROWS <= rows; i += ROWS, x += ROWS * c, dy += ROWS * c) {
        const float *x1 = x + c, *x2 = x1 + c, *x3 = x2 + c, *g1 = dy + c, *g2 = g1 + c, *g3 = g2 + c;
#pragma omp simd
        for (int64_t j = 0; j < c; j++) {
            double g = dy[j], h1 = g1[j], h2 = g2[j], h3 = g3[j], m = mean[j];
            sum_dy[j] += (g + h1) + (h2 + h3);
            sum_dyx[j] += (g * (x[j] - m) + h1 * (x1[j] - m)) + (h2 * (x2[j] - m) + h3 * (x3[j] - m));
        }
    }
    for (; i < rows; i++, x += c, dy += c) {
#pragma omp simd
        for (int64_t j = 0; j < c; j++) {
            sum_dy[j] += dy[j];
            sum_dyx[j] += dy[j] * ((double)x[j] - mean[j]);
        }
    }
}

static void bn_grad_apply(float *dx, const float *dy, const float *x, const dim__bn_grad *by, int64_t rows, int64_t c)
{
    const float *scale = by->scale, *dy_mean = by->dy_mean, *x_mean = by->x_mean, *slope = by->slope;
    for (int64_t i = 0; i < rows; i++, dx += c, dy += c, x += c) {
#pragma omp simd
        for (int64_t j = 0; j < c; j++)
            dx[j] = scale[j] * ((dy[j] - dy_mean[j]) - (x[j] - x_mean[j]) * slope[j]);
    }
}

static void layer_norm(float *y, float *mean, float *rstd, const float *x, const float *gamma, const float *beta,
                       float eps, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++, y += c, x += c) {
        double mu = sum(x, c) / (double)c;
        float m = (float)mu, r = (float)(1 / sqrt(sum_sq_around(x, mu, c) / (double)c + eps));
        float low = (float)(mu - m); /* what rounding the mean takes away, of weight when it is large */
#pragma omp simd
        for (int64_t j = 0; j < c; j++)
            y[j] = ((x[j] - m) - low) * r * gamma[j] + beta[j];
        mean[i] = m;
        rstd[i] = r;
    }
}

static void layer_norm_grad(float *dx, double *restrict dgamma, double *restrict dbeta, const float *dy, const float *x,
                            const float *mean, const float *rstd, const float *gamma, int64_t rows, int64_t c)
{
    for (int64_t i = 0; i < rows; i++, dx += c, dy += c, x += c) {
        float m = mean[i], r = rstd[i];
        double g_sum = 0, gx_sum = 0;
#pragma omp simd reduction(+ : g_sum, gx_sum)
        for (int64_t j = 0; j < c; j++) {
            double hat = (double)((x[j] - m) * r), g = (double)dy[j] * gamma[j];
            g_sum += g;
            gx_sum += g * hat;
            dgamma[j] += dy[j] * hat;
            dbeta[j] += dy[j];
        }
        float g_mean = (float)(g_sum / (double)c), gx_mean = (float)(gx_sum / (double)c);
#pragma omp simd
        for (int64_t j = 0; j < c; j++)
            dx[j] = r * ((dy[j] * gamma[j] - g_mean) - (x[j] - m) * r * gx_mean);
    }
}
