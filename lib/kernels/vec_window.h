/* Windows of pixels; part of vec.c.  Channels are taken a vector at a time through the whole window. */

/* The maximum, or with `sign` that or the minimum or the first pixel, by the channel. */
static inline __attribute__((always_inline)) void some_window_extreme(float *y, const float *x, const float *sign,
                                                                      int64_t h, int64_t w, int64_t row, int64_t c)
{
    const vf zero = { 0 };
    int64_t j = 0;
    for (; j + LANES <= c; j += LANES) {
        vf best = load(x + j);
        vi up = sign != NULL ? load(sign + j) > zero : zero == zero;
        vi down = sign != NULL ? load(sign + j) < zero : zero != zero;
        for (int64_t r = 0; r < h; r++)
            for (int64_t s = 0; s < w; s++) {
                vf v = load(x + r * row + s * c + j);
                best = vec_select((up & (v > best)) | (down & (v < best)) | (v != v), v, best);
            }
        store(y + j, best);
    }
    for (; j < c; j++) {
        float best = x[j], g = sign != NULL ? sign[j] : 1;
        for (int64_t r = 0; r < h; r++)
            for (int64_t s = 0; s < w; s++) {
                float v = x[r * row + s * c + j];
                best = (g > 0 && v > best) || (g < 0 && v < best) || v != v ? v : best;
            }
        y[j] = best;
    }
}

static void window_max(float *y, const float *x, int64_t h, int64_t w, int64_t row, int64_t c)
{
    if (h == 2 && w == 2)
        some_window_extreme(y, x, NULL, 2, 2, row, c);
    else
        some_window_extreme(y, x, NULL, h, w, row, c);
}

static void window_extreme(float *y, const float *x, const float *sign, int64_t h, int64_t w, int64_t row, int64_t c)
{
    if (h == 2 && w == 2)
        some_window_extreme(y, x, sign, 2, 2, row, c);
    else
        some_window_extreme(y, x, sign, h, w, row, c);
}

static inline __attribute__((always_inline)) void some_window_max_grad(float *dx, const float *dy, const float *x,
                                                                       const float *y, bool set, int64_t h, int64_t w,
                                                                       int64_t row, int64_t c)
{
    int64_t j = 0;
    for (; j + LANES <= c; j += LANES) {
        vf top = load(y + j);
        vi left = (vi)load(dy + j); /* what is not given away yet */
        for (int64_t r = 0; r < h; r++)
            for (int64_t s = 0; s < w; s++) {
                int64_t at = r * row + s * c + j;
                vf v = load(x + at);
                vi hit = (v == top) | (v != v);
                vf mine = (vf)(left & hit);
                store(dx + at, set ? mine : load(dx + at) + mine);
                left &= ~hit;
            }
    }
    for (; j < c; j++) {
        float left = dy[j];
        for (int64_t r = 0; r < h; r++)
            for (int64_t s = 0; s < w; s++) {
                int64_t at = r * row + s * c + j;
                bool hit = x[at] == y[j] || x[at] != x[at];
                float mine = hit ? left : 0;
                dx[at] = set ? mine : dx[at] + mine;
                left = hit ? 0 : left;
            }
    }
}

static void window_max_grad(float *dx, const float *dy, const float *x, const float *y, bool set, int64_t h, int64_t w,
                            int64_t row, int64_t c)
{
    if (h == 2 && w == 2 && set)
        some_window_max_grad(dx, dy, x, y, true, 2, 2, row, c);
    else
        some_window_max_grad(dx, dy, x, y, set, h, w, row, c);
}

static void window_sum(float *y, const float *x, float scale, int64_t h, int64_t w, int64_t row, int64_t c)
{
    int64_t j = 0;
    for (; j + LANES <= c; j += LANES) {
        vf sum = { 0 };
        for (int64_t r = 0; r < h; r++)
            for (int64_t s = 0; s < w; s++)
                sum += load(x + r * row + s * c + j);
        store(y + j, sum * scale);
    }
    for (; j < c; j++) {
        float sum = 0;
        for (int64_t r = 0; r < h; r++)
            for (int64_t s = 0; s < w; s++)
                sum += x[r * row + s * c + j];
        y[j] = scale * sum;
    }
}

static void window_add(float *dx, const float *dy, float scale, int64_t h, int64_t w, int64_t row, int64_t c)
{
    for (int64_t r = 0; r < h; r++)
        for (int64_t s = 0; s < w; s++)
            axpy(dx + r * row + s * c, scale, dy, c);
}
