#include "losses.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static world inner(const world *w, const char *more)
{
    world in = *w;
    spell(in.prefix, "%s%s", w->prefix, more);
    return in;
}

/* ---- draws ------------------------------------------------------------------------------------------------------------- */

int pairs_of(int views_a, int views_b)
{
    return views_a > 1 && views_b > 1 ? views_b * (views_a - 1) : views_a * views_b;
}

/* The `pick`-th derangement of n samples in the order of numbers; their count when out is NULL. */
static int derangements(int n, int pick, int *out)
{
    int count = 0, total = 1;
    for (int i = 0; i < n; i++)
        total *= n;
    for (int code = 0; code < total; code++) {
        int p[MAX_SAMPLES], rest = code;
        unsigned used = 0;
        bool good = true;
        for (int i = 0; i < n; i++, rest /= n) {
            p[i] = rest % n;
            good = good && p[i] != i && (used >> p[i] & 1) == 0;
            used |= 1u << p[i];
        }
        if (good && out != NULL && count == pick)
            memcpy(out, p, (size_t)n * sizeof *p);
        count += good;
    }
    return count;
}

int ways_of(const loss_spec *l, int samples, int views_a, int views_b, shape b, int most, int pick, way *out)
{
    int pairs = pairs_of(views_a, views_b), total = 1;
    if (l->kind != DIM_LOSS_INFORMATION)
        return 1;
    for (int p = 0; p < pairs; p++) {
        if (l->est.negatives == DIM_NEGATIVES_SHUFFLE) {
            int n = derangements(samples, 0, NULL);
            if (out != NULL)
                derangements(samples, pick % n, out->partner[p]);
            pick /= n;
            total *= n;
        }
        for (int i = 0; i < samples && !is_vector(b); i++) {
            if (out != NULL)
                out->location[p][i] = pick % places(b);
            pick /= places(b);
            total *= places(b);
            if (total > most)
                return most + 1;
        }
        if (total > most)
            return most + 1;
    }
    return total;
}

/* ---- estimators -------------------------------------------------------------------------------------------------------- */

typedef struct pairing { /* of one pair of views: rows of y with locations of x */
    const loss_spec *l;
    int samples, group, places; /* rows of y are group x samples */
    num *pos;            /* rows x places: scores as they are */
    num *neg;            /* rows x negatives */
    int rows, negatives;
} pairing;

static num mean_form(const num *u, int64_t n, num (*form)(num))
{
    num *f = tape_nums(n);
    for (int64_t i = 0; i < n; i++)
        f[i] = form(u[i]);
    return mean_of(f, n);
}

static num minus(num u) { return affine(u, -1, 0); }
static num same_number(num u) { return u; }
static num softplus_of_minus(num u) { return t_softplus(minus(u)); }
static num exp_of_minus(num u) { return t_exp(minus(u)); }
static num exp_less_1(num u) { return t_exp(affine(u, 1, -1)); }
static num square(num u) { return mul(u, u); }
static num quadratic(num u) { return add(u, affine(mul(u, u), 0.25, 0)); }

static num log_mean_exp(const num *u, int64_t n) { return affine(log_sum_exp(u, n), 1, -log((double)n)); }

/* -log of e^u / (e^u + the sum over the row's negatives), of row r. */
static num nce(const pairing *p, const num *pos, const num *neg, int r, int place)
{
    num others = log_sum_exp(&neg[(int64_t)r * p->negatives], p->negatives);
    return t_softplus(sub(others, pos[r * p->places + place]));
}

static num infonce(const pairing *p, const num *pos, const num *neg)
{
    num *all = tape_nums((int64_t)p->rows * p->places);
    for (int r = 0; r < p->rows; r++)
        for (int k = 0; k < p->places; k++)
            all[r * p->places + k] = nce(p, pos, neg, r, k);
    return mean_of(all, (int64_t)p->rows * p->places);
}

/* -1/tau log of the sum over antecedents of e^(tau s), s = log of the share of the positive. */
static num mixture(const pairing *p, const num *pos, const num *neg)
{
    double tau = (double)p->l->term.mixture_tau;
    num *all = tape_nums((int64_t)p->samples * p->places), *s = tape_nums(p->group);
    if (tau == 0)
        tau = 1;
    for (int n = 0; n < p->samples; n++)
        for (int k = 0; k < p->places; k++) {
            for (int j = 0; j < p->group; j++)
                s[j] = affine(nce(p, pos, neg, n * p->group + j, k), -tau, 0);
            all[n * p->places + k] = affine(log_sum_exp(s, p->group), -1 / tau, 0);
        }
    return mean_of(all, (int64_t)p->samples * p->places);
}

/* MINE: the gradient of E_neg[e^u] / average, the value of DV. */
static num mine(const pairing *p, const num *pos, const num *neg, double *average)
{
    int64_t n_pos = (int64_t)p->rows * p->places, n_neg = (int64_t)p->rows * p->negatives;
    double rate = p->l->est.mine_rate != 0 ? (double)p->l->est.mine_rate : (double)0.01f;
    num own = mean_form(neg, n_neg, t_exp), dv = sub(log_mean_exp(neg, n_neg), mean_of(pos, n_pos));
    double batch = value_of(own);
    *average = isnan(*average) ? batch : (1 - rate) * *average + rate * batch;
    num loss = sub(affine(own, 1 / *average, 0), mean_of(pos, n_pos));
    return affine(loss, 1, value_of(dv) - value_of(loss));
}

static num estimator(const pairing *p, const num *u, const num *v, double *average)
{
    int64_t n = (int64_t)p->rows * p->places, m = (int64_t)p->rows * p->negatives;
    switch (p->l->est.kind) {
    case DIM_ESTIMATOR_JSD:
    case DIM_ESTIMATOR_SMILE:
    case DIM_ESTIMATOR_GAN: return add(mean_form(u, n, softplus_of_minus), mean_form(v, m, t_softplus));
    case DIM_ESTIMATOR_DV: return sub(log_mean_exp(v, m), mean_of(u, n));
    case DIM_ESTIMATOR_MINE: return mine(p, u, v, average);
    case DIM_ESTIMATOR_INFONCE: return p->l->term.mixture > 0 ? mixture(p, u, v) : infonce(p, u, v);
    case DIM_ESTIMATOR_NWJ: return sub(mean_form(v, m, exp_less_1), mean_of(u, n));
    case DIM_ESTIMATOR_RKL: return affine(add(mean_form(u, n, exp_of_minus), mean_of(v, m)), 1, -1);
    case DIM_ESTIMATOR_H2: return affine(add(mean_form(u, n, exp_of_minus), mean_form(v, m, t_exp)), 1, -2);
    case DIM_ESTIMATOR_X2: return sub(mean_form(v, m, quadratic), mean_of(u, n));
    default: return sub(mean_form(v, m, same_number), mean_of(u, n)); /* W1 */
    }
}

static double reported(const pairing *p, const num *u, const num *v, num loss)
{
    int64_t n = (int64_t)p->rows * p->places, m = (int64_t)p->rows * p->negatives;
    double tau = p->l->est.smile_tau != 0 ? (double)p->l->est.smile_tau : 5, k = log(1 + (double)p->negatives);
    num *clipped;
    switch (p->l->est.kind) {
    case DIM_ESTIMATOR_JSD: return 2 * log(2) - value_of(loss);
    case DIM_ESTIMATOR_INFONCE:
        if (p->l->term.mixture > 0)
            k -= log((double)p->group) / (p->l->term.mixture_tau != 0 ? (double)p->l->term.mixture_tau : 1);
        return k - value_of(loss);
    case DIM_ESTIMATOR_SMILE:
        clipped = tape_nums(m);
        for (int64_t i = 0; i < m; i++)
            clipped[i] = t_clamp(v[i], -tau, tau);
        return value_of(mean_of(u, n)) - value_of(log_mean_exp(clipped, m));
    default: return -value_of(loss);
    }
}

static num *changed(const num *u, int64_t n, double scale, double clip)
{
    num *out = tape_nums(n);
    for (int64_t i = 0; i < n; i++) {
        out[i] = affine(u[i], scale, 0);
        if (clip > 0)
            out[i] = affine(t_tanh(affine(out[i], 1 / clip, 0)), clip, 0);
    }
    return out;
}

static measured estimate(const pairing *p, double *average)
{
    const dim_estimator_options *o = &p->l->est;
    int64_t n = (int64_t)p->rows * p->places, m = (int64_t)p->rows * p->negatives;
    double scale = o->scale != 0 ? (double)o->scale : 1;
    num *s = changed(p->pos, n, scale, 0), *t = changed(p->neg, m, scale, 0);
    num *u = changed(p->pos, n, scale, (double)o->clip), *v = changed(p->neg, m, scale, (double)o->clip);
    num loss = estimator(p, u, v, average);
    measured out = { .loss = loss, .value = reported(p, u, v, loss), .pos = value_of(mean_of(s, n)),
                     .neg = value_of(mean_of(t, m)) };
    if (o->penalty > 0) {
        num *all = tape_nums(n + m);
        memcpy(all, s, (size_t)n * sizeof *s);
        memcpy(all + n, t, (size_t)m * sizeof *t);
        out.loss = add(loss, affine(mean_form(all, n + m, square), (double)o->penalty, 0));
    }
    return out;
}

/* ---- critics ----------------------------------------------------------------------------------------------------------- */

static num dot(const num *a, const num *b, int n)
{
    sum_begin();
    for (int i = 0; i < n; i++)
        sum_product(a[i], b[i]);
    return sum_end();
}

static value sum_of(value a, value b)
{
    value v = new_value(a.rows, a.s);
    for (int64_t i = 0; i < (int64_t)a.rows * units(a.s); i++)
        v.x[i] = add(a.x[i], b.x[i]);
    return v;
}

/* W2 relu(BN(W1 x)) + b2 + S x, then layer norm. */
static value project(const world *w, value x, int width)
{
    value h = rectified(batch_norm(w, "bn", linear(w, "fc1", x, width, false)), 0);
    return layer_norm(w, "norm", sum_of(linear(w, "fc2", h, width, true), linear(w, "shortcut", x, width, false)));
}

static int width_of(const loss_spec *l) { return l->term.units != 0 ? (int)l->term.units : 2048; }

/* Scores of rows that are made of y and x: T([x ; y]). */
static value network(const world *w, const loss_spec *l, value rows)
{
    const dim_term_options *t = &l->term;
    char name[NAME];
    int n = 0;
    for (; n < DIM_MAX_HIDDEN && t->hidden[n] != 0; n++) {
        spell(name, "fc%d", n + 1);
        rows = rectified(linear(w, name, rows, (int)t->hidden[n], true), 0);
        spell(name, "bn%d", n + 1);
        rows = t->batch_norm ? batch_norm(w, name, rows) : rows;
    }
    spell(name, "fc%d", n + 1);
    return linear(w, name, rows, 1, true);
}

static value whole_map(const world *w, const loss_spec *l, const side *x, value map)
{
    dim_layer_options conv = { .kind = DIM_LAYER_CONV, .kernel = 3 };
    if (l->term.critic == DIM_CRITIC_CONCAT) {
        map = rectified(convolution(w, "conv1", map, &conv, 64), 0);
        return flattened(rectified(convolution(w, "conv2", map, &conv, 32), 0));
    }
    if (l->term.critic == DIM_CRITIC_DOT) {
        value out[MAX_LAYERS];
        world mine = inner(w, "x.");
        run_layers(&mine, x->of, x->layer + 1, x->of->n - 1, width_of(l), &map, out, NULL, 0);
        return out[x->of->n - 1];
    }
    return flattened(map);
}

/* Locations of x as rows: sample n's are n places .. n places + places - 1. */
static value locations(value x)
{
    int count = places(x.s);
    value v = new_value(x.rows * count, (shape){ x.s.c, 0, 0 });
    for (int n = 0; n < x.rows; n++)
        for (int k = 0; k < count; k++)
            for (int c = 0; c < x.s.c; c++)
                v.x[((int64_t)n * count + k) * x.s.c + c] = at(x, n, c, 0, 0)[k];
    return v;
}

/* k antecedents of each sample: y plus what a network makes of it. */
static value antecedents(const world *w, value y, int k)
{
    world mine = inner(w, "mixture.");
    int d = y.s.c;
    value h = linear(&mine, "fc2", rectified(linear(&mine, "fc1", y, d, true), 0), k * d, true);
    value v = new_value(y.rows * k, y.s);
    for (int64_t i = 0; i < (int64_t)y.rows * k * d; i++)
        v.x[i] = add(h.x[i], y.x[i / (k * d) * d + i % d]);
    return v;
}

/* The rows [x ; y] of given pairs. */
static value pair_rows(value x, value y, const int *of_x, const int *of_y, int n)
{
    value v = new_value(n, (shape){ x.s.c + y.s.c, 0, 0 });
    for (int r = 0; r < n; r++)
        for (int c = 0; c < v.s.c; c++)
            v.x[(int64_t)r * v.s.c + c] = c < x.s.c ? x.x[of_x[r] * x.s.c + c] : y.x[of_y[r] * y.s.c + c - x.s.c];
    return v;
}

static void scores_of(const world *w, const loss_spec *l, value x, value y, const int *of_x, const int *of_y, int n, num *out)
{
    if (l->term.critic == DIM_CRITIC_CONCAT || l->term.critic == DIM_CRITIC_MLP) {
        memcpy(out, network(w, l, pair_rows(x, y, of_x, of_y, n)).x, (size_t)n * sizeof *out);
        return;
    }
    for (int r = 0; r < n; r++)
        out[r] = dot(&x.x[of_x[r] * x.s.c], &y.x[of_y[r] * y.s.c], x.s.c);
}

/* The two sides where scores are inner products. */
static void into_space(const world *w, const loss_spec *l, value *x, value *y)
{
    if (l->term.critic == DIM_CRITIC_DOT) {
        world of_x = inner(w, "x."), of_y = inner(w, "y.");
        if (!l->whole || y->s.c != width_of(l))
            *y = project(&of_y, *y, width_of(l));
        if (!l->whole)
            *x = project(&of_x, *x, width_of(l));
    } else if (l->term.critic == DIM_CRITIC_BILINEAR) { /* x' W y */
        const num *k = weights(w, "", "weight", (int64_t)x->s.c * y->s.c);
        value v = new_value(x->rows, y->s);
        for (int64_t i = 0; i < (int64_t)x->rows * y->s.c; i++) {
            sum_begin();
            for (int c = 0; c < x->s.c; c++)
                sum_product(x->x[i / y->s.c * x->s.c + c], k[c * y->s.c + i % y->s.c]);
            v.x[i] = sum_end();
        }
        *x = v;
    }
}

/* All pairs in one batch, as positives and negatives; with partners two batches. */
static void pair_up(const world *w, pairing *p, value x, value y, const int *partner)
{
    bool all = partner == NULL;
    int per_row = all ? p->samples * p->places : p->places, n = p->rows * per_row, pos = 0, neg = 0;
    int *of_x = tape_room((size_t)n * sizeof *of_x), *of_y = tape_room((size_t)n * sizeof *of_y);
    num *scores = tape_nums(n);
    p->negatives = all ? (p->samples - 1) * p->places : p->places;
    p->pos = tape_nums((int64_t)p->rows * p->places);
    p->neg = tape_nums((int64_t)p->rows * p->negatives);
    for (int which = 0; which < (all ? 1 : 2); which++) {
        for (int i = 0; i < n; i++) {
            of_y[i] = i / per_row;
            int sample = of_y[i] / p->group;
            of_x[i] = all ? i % per_row : (which == 0 ? sample : partner[sample]) * p->places + i % per_row;
        }
        scores_of(w, p->l, x, y, of_x, of_y, n, scores);
        for (int i = 0; i < n; i++) {
            bool own = all ? of_x[i] / p->places == of_y[i] / p->group : which == 0;
            *(own ? &p->pos[pos++] : &p->neg[neg++]) = scores[i];
        }
    }
}

static value view_of(const side *s, int view, int samples)
{
    value v = s->v;
    if (s->views > 1) {
        v.x += (int64_t)view * samples * units(v.s);
        v.rows = samples;
    }
    return v;
}

static value located(value y, const int *location)
{
    value v = new_value(y.rows, (shape){ y.s.c, 0, 0 });
    for (int n = 0; n < y.rows; n++)
        for (int c = 0; c < y.s.c; c++)
            v.x[n * y.s.c + c] = at(y, n, c, 0, 0)[location[n]];
    return v;
}

static measured measure_pair(const world *w, const loss_spec *l, const side *a, value x, value y, int samples, const way *drawn,
                             int pair, double *average)
{
    pairing p = { .l = l, .samples = samples, .group = 1 };
    if (!is_vector(y.s))
        y = located(y, drawn->location[pair]);
    x = l->whole ? whole_map(w, l, a, x) : locations(x);
    p.places = x.rows / samples;
    if (l->term.mixture > 0) {
        p.group = (int)l->term.mixture;
        y = antecedents(w, y, p.group);
    }
    p.rows = samples * p.group;
    into_space(w, l, &x, &y);
    pair_up(w, &p, x, y, l->est.negatives == DIM_NEGATIVES_SHUFFLE ? drawn->partner[pair] : NULL);
    return estimate(&p, average);
}

/* The mean over pairs of views: of different ones where both sides have several. */
static measured information(const world *w, const loss_spec *l, const side s[3], int samples, const way *drawn, double *average)
{
    int pairs = pairs_of(s[0].views, s[1].views), pair = 0;
    bool apart = s[0].views > 1 && s[1].views > 1;
    measured sum = { .value = 0 };
    num *losses = tape_nums(pairs);
    for (int b = 0; b < s[1].views; b++)
        for (int a = 0; a < s[0].views; a++) {
            if (apart && a == b)
                continue;
            measured one = measure_pair(w, l, &s[0], view_of(&s[0], a, samples), view_of(&s[1], b, samples), samples, drawn,
                                        pair, average);
            losses[pair++] = one.loss;
            sum.value += one.value / pairs;
            sum.pos += one.pos / pairs;
            sum.neg += one.neg / pairs;
        }
    sum.loss = mean_of(losses, pairs);
    return sum;
}

measured measure_features(const loss_spec *l, int samples, value global, value local, const int *partner, double *average)
{
    pairing p = { .l = l, .samples = samples, .group = global.rows / samples, .places = local.rows / samples,
                  .rows = global.rows };
    pair_up(NULL, &p, local, global, partner);
    return estimate(&p, average);
}

measured measure_scores(const loss_spec *l, int rows, num *pos, int n_pos, num *neg, int n_neg, double *average)
{
    pairing p = { .l = l, .samples = rows, .group = 1, .places = n_pos, .rows = rows, .negatives = n_neg, .pos = pos,
                  .neg = neg };
    return estimate(&p, average);
}

/* ---- losses unit by unit ----------------------------------------------------------------------------------------------- */

static num unit_loss(const loss_spec *l, num a, num b, num c)
{
    num d = sub(a, b);
    if (l->kind == DIM_LOSS_SQUARED_ERROR)
        return mul(d, d);
    if (l->kind == DIM_LOSS_KL)
        return affine(add(sub(mul(a, a), b), t_exp(b)), 0.5, -0.5);
    if (l->n_of < 3)
        return affine(mul(d, d), 0.5, 0.5 * log(2 * acos(-1)));
    return affine(add(c, mul(mul(d, d), t_exp(minus(c)))), 0.5, 0.5 * log(2 * acos(-1)));
}

static num compare_units(const loss_spec *l, const side s[3])
{
    int64_t n = (int64_t)s[0].v.rows * units(s[0].v.s);
    num *each = tape_nums(n);
    for (int64_t i = 0; i < n; i++)
        each[i] = unit_loss(l, s[0].v.x[i], s[1].v.x[i], l->n_of > 2 ? s[2].v.x[i] : 0);
    num mean = mean_of(each, n);
    return l->sum_units ? affine(mean, units(s[0].v.s), 0) : mean;
}

static num adversary(const loss_spec *l, const side s[3])
{
    int64_t n[2] = { (int64_t)s[0].v.rows * units(s[0].v.s), l->n_of > 1 ? (int64_t)s[1].v.rows * units(s[1].v.s) : 0 };
    num part[2], *squares = tape_nums(n[0] + n[1]);
    bool tell = l->kind == DIM_LOSS_TELL_APART;
    for (int k = 0; k < l->n_of; k++) {
        const num *d = s[k].v.x;
        for (int64_t i = 0; i < n[k]; i++)
            squares[i] = square(affine(d[i], 1, k == 0 ? -1 : 0));
        if (l->adversary == DIM_ADVERSARY_LEAST_SQUARES)
            part[k] = affine(mean_of(squares, n[k]), 0.5, 0);
        else if (k == 1)
            part[k] = mean_form(d, n[k], t_softplus);
        else if (!tell && l->adversary == DIM_ADVERSARY_MINIMAX)
            part[k] = minus(mean_form(d, n[k], t_softplus));
        else
            part[k] = mean_form(d, n[k], softplus_of_minus);
    }
    return tell ? add(part[0], part[1]) : part[0];
}

/* Over the rows that have a label, or whose b are probabilities. */
static measured cross_entropy(const side s[3], int samples)
{
    value a = s[0].v;
    int counted = 0, right = 0;
    num *each = tape_nums(a.rows);
    for (int r = 0; r < a.rows; r++) {
        const num *logit = &a.x[(int64_t)r * a.s.c];
        num sum = log_sum_exp(logit, a.s.c);
        if (s[1].labels != NULL && s[1].labels[r % samples] < 0)
            continue;
        if (s[1].labels != NULL) {
            int64_t label = s[1].labels[r % samples];
            each[counted++] = sub(sum, logit[label]);
            int64_t best = 0; /* the first of equals */
            for (int64_t k = 1; k < a.s.c; k++)
                best = value_of(logit[k]) > value_of(logit[best]) ? k : best;
            most_of(logit, a.s.c); /* a close decision */
            right += best == label;
            continue;
        }
        each[counted++] = sub(sum, dot(logit, &s[1].v.x[(int64_t)r * a.s.c], a.s.c));
    }
    return (measured){ .loss = counted > 0 ? mean_of(each, counted) : leaf(0),
                       .accuracy = counted > 0 ? (double)right / counted : NAN };
}

measured measure(const world *w, const loss_spec *l, const side s[3], int samples, const way *drawn, double *average)
{
    switch (l->kind) {
    case DIM_LOSS_INFORMATION: return information(w, l, s, samples, drawn, average);
    case DIM_LOSS_TELL_APART:
    case DIM_LOSS_PASS_AS_TRUE: return (measured){ .loss = adversary(l, s) };
    case DIM_LOSS_CROSS_ENTROPY: return cross_entropy(s, samples);
    default: return (measured){ .loss = compare_units(l, s) };
    }
}
