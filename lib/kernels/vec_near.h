/* Distances in max-norm of DIM__NEAR places from points, and of one place from many; part of vec.c.  Differences are rounded once and
 * compared, nothing else, so all tables have the same bits. */

/* d and k are constants where this is called, or the caller's numbers. */
static inline __attribute__((always_inline)) void least_of(float *best, int k, const dim__near *s, int64_t first, int64_t n, int d)
{
    const vi apart = s->apart - (vi){ 0 };
    for (int64_t q = 0; q < DIM__NEAR; q += LANES) {
        vi row;
        memcpy(&row, s->row + s->at + q, sizeof row);
        for (int64_t j = first; j < first + n; j++) {
            vf distance = { 0 };
            for (int c = 0; c < d; c++)
                distance = vec_max(distance, vec_abs(s->x[c][j] - load(s->x[c] + s->at + q)));
            vi rows = s->row[j] - row;
            vi out = (rows <= apart) & (-rows <= apart);
            distance = vec_select(out, vec_fill(INFINITY), distance);
            for (int p = 0; p < k; p++) { /* each place keeps the lesser, and gives up the other one to the next */
                vf mine = load(best + p * DIM__NEAR + q);
                store(best + p * DIM__NEAR + q, vec_min(mine, distance));
                distance = vec_max(mine, distance);
            }
        }
    }
}

/* The same with a list of three in registers. */
static inline __attribute__((always_inline)) void least_three(float *best, const dim__near *s, int64_t first, int64_t n, int d, bool some)
{
    const vi apart = s->apart - (vi){ 0 };
    for (int64_t q = 0; q < DIM__NEAR; q += LANES) {
        vf a = load(best + q), b = load(best + DIM__NEAR + q), c = load(best + 2 * DIM__NEAR + q);
        vi row;
        memcpy(&row, s->row + s->at + q, sizeof row);
        for (int64_t j = first; j < first + n; j++) {
            vf distance = { 0 };
            for (int k = 0; k < d; k++)
                distance = vec_max(distance, vec_abs(s->x[k][j] - load(s->x[k] + s->at + q)));
            if (some) {
                vi rows = s->row[j] - row;
                distance = vec_select((rows <= apart) & (-rows <= apart), vec_fill(INFINITY), distance);
            }
            c = vec_min(c, vec_max(b, distance));
            b = vec_min(b, vec_max(a, distance));
            a = vec_min(a, distance);
        }
        store(best + q, a);
        store(best + DIM__NEAR + q, b);
        store(best + 2 * DIM__NEAR + q, c);
    }
}

static void near_least(float *best, int k, const dim__near *s, int64_t first, int64_t n)
{
    bool some = s->apart > 0 || s->shared || (first < s->at + DIM__NEAR && s->at < first + n); /* at least each point itself is left out */
    if (k != 3)
        least_of(best, k, s, first, n, s->d);
    else if (some)
        least_three(best, s, first, n, s->d, true);
    else if (s->d == 2)
        least_three(best, s, first, n, 2, false);
    else if (s->d == 4)
        least_three(best, s, first, n, 4, false);
    else
        least_three(best, s, first, n, s->d, false);
}

static bool near_box(const float *reach, const dim__near *s, const float *low, const float *high)
{
    vi any = { 0 };
    for (int64_t q = 0; q < DIM__NEAR; q += LANES) {
        vf near = { 0 };
        for (int c = 0; c < s->d; c++) {
            vf at = load(s->x[c] + s->at + q);
            near = vec_max(near, vec_max(low[c] - at, at - high[c]));
        }
        any |= near < load(reach + q);
    }
    for (int q = 0; q < LANES; q++)
        if (any[q] != 0)
            return true;
    return false;
}

static int64_t near_count(const float *const *x, int d, const float *at, float eps, int64_t first, int64_t n)
{
    vi sum = { 0 };
    int64_t count = 0, j = first, end = first + n;
    for (; j + LANES <= end; j += LANES) {
        vf distance = { 0 };
        for (int c = 0; c < d; c++)
            distance = vec_max(distance, vec_abs(load(x[c] + j) - at[c]));
        sum -= distance < eps;
    }
    for (; j < end; j++) {
        float distance = 0;
        for (int c = 0; c < d; c++)
            distance = fmaxf(distance, fabsf(x[c][j] - at[c]));
        count += distance < eps;
    }
    for (int q = 0; q < LANES; q++)
        count += sum[q];
    return count;
}
