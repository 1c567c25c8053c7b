/* Elementwise functions; part of vec.c.  y may be x: element i depends on elements i only, which `omp simd` states. */

static void add(float *y, const float *a, const float *b, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] + b[i];
}

static void mul(float *y, const float *a, const float *b, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = a[i] * b[i];
}

static void affine(float *y, const float *x, float scale, float shift, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = scale * x[i] + shift;
}

static void axpy(float *y, float a, const float *x, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] += a * x[i];
}

static void relu(float *y, const float *x, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = 0 > x[i] ? 0 : x[i]; /* NaN stays */
}

static void relu_grad(float *dx, const float *dy, const float *y, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float g = dy[i]; /* read in any case: GCC makes no vectors of a read on condition where it has no masks */
        dx[i] = y[i] > 0 ? g : 0;
    }
}

static void leaky(float *y, const float *x, float slope, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] > 0 ? x[i] : slope * x[i];
}

static void leaky_grad(float *dx, const float *dy, const float *y, float slope, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        dx[i] = y[i] > 0 ? dy[i] : slope * dy[i];
}

static void sigmoid_grad(float *dx, const float *dy, const float *y, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        dx[i] = dy[i] * (y[i] * (1 - y[i]));
}

static void tanh_grad(float *dx, const float *dy, const float *y, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        dx[i] = dy[i] * ((1 - y[i]) * (1 + y[i])); /* 1 - y^2 without its cancellation */
}

static void adam(float *w, float *m, float *v, const float *g, float step_size, float beta1, float beta2,
                 float inv_sqrt_bc2, float eps, float decay_grad, float decay_weight, float grad_scale, int64_t n)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float grad = grad_scale * g[i] + decay_grad * w[i];
        m[i] = beta1 * m[i] + (1 - beta1) * grad;
        v[i] = beta2 * v[i] + (1 - beta2) * (grad * grad);
        w[i] = decay_weight * w[i] - step_size * m[i] / (sqrtf(v[i]) * inv_sqrt_bc2 + eps);
    }
}

/* The last n < LANES of x.  The last of them fills the vector: another number might raise exceptions that none of x does. */
static inline vf load_last(const float *x, int64_t n)
{
    float last[LANES];
    for (int64_t k = 0; k < LANES; k++)
        last[k] = x[k < n ? k : n - 1];
    return load(last);
}

/* Defines a function that stores `value`, a vector made of the vector v, for each of x.  The last few elements pass
 * through a padded buffer, so an element's result does not depend on where it lies. */
#define MAP(name, parameters, value)                                \
    static void name parameters                                     \
    {                                                               \
        int64_t i = 0;                                              \
        for (; i + LANES <= n; i += LANES) {                        \
            vf v = load(x + i);                                     \
            store(y + i, value);                                    \
        }                                                           \
        if (i < n) {                                                \
            float last[LANES];                                      \
            vf v = load_last(x + i, n - i);                         \
            store(last, value);                                     \
            memcpy(y + i, last, (size_t)(n - i) * sizeof *x);       \
        }                                                           \
    }

/* Its element is a function of two vectors. */
static void exp_from(float *y, const float *x, const float *from, int64_t n)
{
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(y + i, vec_exp(load(x + i) - load(from + i)));
    if (i < n) {
        float last[LANES];
        store(last, vec_exp(load_last(x + i, n - i) - load_last(from + i, n - i)));
        memcpy(y + i, last, (size_t)(n - i) * sizeof *x);
    }
}

MAP(sigmoid, (float *y, const float *x, int64_t n), vec_sigmoid(v))
MAP(tanh_, (float *y, const float *x, int64_t n), vec_tanh(v))
MAP(softplus, (float *y, const float *x, int64_t n), vec_softplus(v))
MAP(exp_, (float *y, const float *x, int64_t n), vec_exp(v))
MAP(exp_shift, (float *y, const float *x, float shift, float scale, int64_t n), vec_exp(vec_below(v, shift)) * scale)
MAP(sigmoid_scale, (float *y, const float *x, float scale, int64_t n), vec_sigmoid(v) * scale)
#undef MAP

typedef uint32_t float_bits __attribute__((may_alias));

static void to_bf16(uint16_t *y, const float *x, int64_t n)
{
    const float_bits *bits = (const float_bits *)x;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        uint32_t u = bits[i], rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
        y[i] = (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? u >> 16 | 0x40 : rounded);
    }
}

static void from_bf16(float *y, const uint16_t *x, int64_t n)
{
    float_bits *bits = (float_bits *)y;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        bits[i] = (uint32_t)x[i] << 16;
}
