#include "net.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

value new_value(int rows, shape s)
{
    return (value){ rows, s, tape_nums((int64_t)rows * units(s)) };
}

static int height(shape s) { return s.h > 0 ? s.h : 1; }
static int width(shape s) { return s.w > 0 ? s.w : 1; }

static double size_of(value v)
{
    double size = 0;
    for (int64_t i = 0; i < (int64_t)v.rows * units(v.s); i++)
        size = fmax(size, fabs(value_of(v.x[i])));
    return size;
}

/* Every element, with its row n, channel c, and place y, x. */
#define EACH(v)                                         \
    for (int n = 0; n < (v).rows; n++)                  \
        for (int c = 0; c < (v).s.c; c++)               \
            for (int y = 0; y < height((v).s); y++)     \
                for (int x = 0; x < width((v).s); x++)

/* ---- windows ----------------------------------------------------------------------------------------------------------- */

typedef struct window {
    int k[2], s[2], p[2], d[2];
} window;

static window window_of(const dim_layer_options *o, shape in, bool stride_is_kernel)
{
    window w;
    int kernel_w = (int)(o->kernel_w ? o->kernel_w : o->kernel);
    int stride = (int)o->stride, stride_w = (int)(o->stride_w ? o->stride_w : o->stride);
    int dilation = (int)(o->dilation ? o->dilation : 1), dilation_w = o->dilation_w ? (int)o->dilation_w : dilation;
    bool signal = is_signal(in), whole = stride_is_kernel && o->stride == 0 && o->stride_w == 0;
    w.k[0] = signal ? 1 : (int)o->kernel;
    w.k[1] = kernel_w;
    w.s[0] = signal ? 1 : whole ? (int)o->kernel : stride ? stride : 1;
    w.s[1] = whole ? kernel_w : stride_w ? stride_w : 1;
    w.p[0] = signal ? 0 : (int)(o->padding + o->padding_h);
    w.p[1] = (int)(o->padding + o->padding_w);
    w.d[0] = signal ? 1 : dilation;
    w.d[1] = dilation_w;
    return w;
}

static int windows(const window *w, int axis, int in)
{
    int room = in + 2 * w->p[axis] - w->d[axis] * (w->k[axis] - 1) - 1;
    return room < 0 ? 0 : room / w->s[axis] + 1;
}

/* Where element k of the window at place `out` reads; -1 beyond the border of zeros. */
static int source(const window *w, int axis, int out, int k, int in, bool mirrored)
{
    int i = out * w->s[axis] - w->p[axis] + k * w->d[axis];
    if (mirrored && i < 0)
        i = -i;
    if (mirrored && i >= in)
        i = 2 * in - 2 - i;
    return i < 0 || i >= in ? -1 : i;
}

static shape slid(const dim_layer_options *o, shape in, bool stride_is_kernel, int channels)
{
    window w = window_of(o, in, stride_is_kernel);
    return (shape){ channels, is_signal(in) ? 0 : windows(&w, 0, in.h), windows(&w, 1, in.w) };
}

value convolution(const world *wo, const char *name, value in, const dim_layer_options *o, int out)
{
    window w = window_of(o, in.s, false);
    bool each = o->kind == DIM_LAYER_DEPTHWISE, mirrored = o->padding_mode == DIM_PADDING_REFLECT;
    int from = each ? 1 : in.s.c;
    value v = new_value(in.rows, slid(o, in.s, false, out));
    const num *k = weights(wo, name, "weight", (int64_t)out * from * w.k[0] * w.k[1]);
    const num *b = o->no_bias ? NULL : weights(wo, name, "bias", out);
    EACH(v) {
        sum_begin();
        for (int i = 0; i < from; i++)
            for (int ky = 0; ky < w.k[0]; ky++)
                for (int kx = 0; kx < w.k[1]; kx++) {
                    int sy = source(&w, 0, y, ky, height(in.s), mirrored), sx = source(&w, 1, x, kx, in.s.w, mirrored);
                    if (sy >= 0 && sx >= 0)
                        sum_product(*at(in, n, each ? c : i, sy, sx), k[((c * from + i) * w.k[0] + ky) * w.k[1] + kx]);
                }
        if (b != NULL)
            sum_add(b[c], 1);
        *at(v, n, c, y, x) = sum_end();
    }
    return v;
}

static shape transposed(const dim_layer_options *o, shape in, int channels)
{
    window w = window_of(o, in, false);
    int h = (height(in) - 1) * w.s[0] - 2 * w.p[0] + w.d[0] * (w.k[0] - 1) + 1 + (int)(o->output_padding + o->output_padding_h);
    int x = (in.w - 1) * w.s[1] - 2 * w.p[1] + w.d[1] * (w.k[1] - 1) + 1 + (int)(o->output_padding + o->output_padding_w);
    return (shape){ channels, is_signal(in) ? 0 : h, x };
}

/* Each output gathers what falls on it: place i of the input falls on i stride - padding + k dilation. */
static value conv_transpose(const world *wo, const char *name, value in, const layer_spec *l)
{
    const dim_layer_options *o = &l->o;
    window w = window_of(o, in.s, false);
    value v = new_value(in.rows, l->out);
    const num *k = weights(wo, name, "weight", (int64_t)in.s.c * v.s.c * w.k[0] * w.k[1]);
    const num *b = o->no_bias ? NULL : weights(wo, name, "bias", v.s.c);
    EACH(v) {
        sum_begin();
        for (int i = 0; i < in.s.c; i++)
            for (int ky = 0; ky < w.k[0]; ky++)
                for (int kx = 0; kx < w.k[1]; kx++) {
                    int sy = y + w.p[0] - ky * w.d[0], sx = x + w.p[1] - kx * w.d[1];
                    if (sy < 0 || sx < 0 || sy % w.s[0] != 0 || sx % w.s[1] != 0 || sy / w.s[0] >= height(in.s) ||
                        sx / w.s[1] >= in.s.w)
                        continue;
                    sum_product(*at(in, n, i, sy / w.s[0], sx / w.s[1]),
                                k[((i * v.s.c + c) * w.k[0] + ky) * w.k[1] + kx]);
                }
        if (b != NULL)
            sum_add(b[c], 1);
        *at(v, n, c, y, x) = sum_end();
    }
    return v;
}

static value pooled(value in, const dim_layer_options *o)
{
    window w = window_of(o, in.s, true);
    value v = new_value(in.rows, slid(o, in.s, true, in.s.c));
    num *seen = tape_nums(w.k[0] * w.k[1]);
    EACH(v) {
        int count = 0;
        for (int ky = 0; ky < w.k[0]; ky++)
            for (int kx = 0; kx < w.k[1]; kx++) {
                int sy = source(&w, 0, y, ky, height(in.s), false), sx = source(&w, 1, x, kx, in.s.w, false);
                if (sy >= 0 && sx >= 0)
                    seen[count++] = *at(in, n, c, sy, sx);
            }
        *at(v, n, c, y, x) = o->kind == DIM_LAYER_MAX_POOL ? most_of(seen, count) : mean_of(seen, count);
    }
    return v;
}

static value pooled_over_all(value in, bool most)
{
    value v = new_value(in.rows, (shape){ in.s.c, 0, 0 });
    EACH(v)
        *at(v, n, c, y, x) = most ? most_of(at(in, n, c, 0, 0), places(in.s)) : mean_of(at(in, n, c, 0, 0), places(in.s));
    return v;
}

/* ---- other layers ------------------------------------------------------------------------------------------------------ */

value flattened(value x)
{
    x.s = (shape){ units(x.s), 0, 0 };
    return x;
}

value linear(const world *w, const char *name, value in, int out, bool bias)
{
    in = flattened(in);
    value v = new_value(in.rows, (shape){ out, 0, 0 });
    const num *k = weights(w, name, "weight", (int64_t)out * in.s.c), *b = bias ? weights(w, name, "bias", out) : NULL;
    EACH(v) {
        sum_begin();
        for (int i = 0; i < in.s.c; i++)
            sum_product(*at(in, n, i, 0, 0), k[c * in.s.c + i]);
        if (b != NULL)
            sum_add(b[c], 1);
        *at(v, n, c, y, x) = sum_end();
    }
    return v;
}

static const double EPS = 1e-5;

/* gamma (x - mean) / sqrt(variance + eps) + beta, of m numbers whose statistics these are; returns the variance. */
static double normalise(const num *x, num *out, int64_t m, const num *gamma, const num *beta, double *mean)
{
    num middle = mean_of(x, m), *centred = tape_nums(m), *squares = tape_nums(m);
    for (int64_t i = 0; i < m; i++) {
        centred[i] = sub(x[i], middle);
        squares[i] = mul(centred[i], centred[i]);
    }
    num variance = mean_of(squares, m), scale = t_rsqrt(affine(variance, 1, EPS));
    for (int64_t i = 0; i < m; i++)
        out[i] = add(mul(mul(centred[i], scale), gamma[i]), beta[i]);
    *mean = value_of(middle);
    if (value_of(variance) < EPS) /* of numbers that are all alike nothing is left but rounding, made large */
        tape_is_close();
    return value_of(variance);
}

static value frozen_norm(const world *w, const char *name, value in, const num *gamma, const num *beta)
{
    value v = new_value(in.rows, in.s);
    const double *mean = state_of(w, name, "running_mean", in.s.c), *var = state_of(w, name, "running_var", in.s.c);
    EACH(v) {
        num centred = affine(*at(in, n, c, y, x), 1, -mean[c]);
        *at(v, n, c, y, x) = add(mul(affine(centred, 1 / sqrt(var[c] + EPS), 0), gamma[c]), beta[c]);
    }
    return v;
}

value batch_norm(const world *w, const char *name, value in)
{
    const num *gamma = weights(w, name, "weight", in.s.c), *beta = weights(w, name, "bias", in.s.c);
    if (!w->training)
        return frozen_norm(w, name, in, gamma, beta);
    if (in.rows * places(in.s) < 3) /* of two rows the gradient cancels but for what eps leaves of it */
        tape_is_close();
    value v = new_value(in.rows, in.s);
    int64_t m = (int64_t)in.rows * places(in.s), k;
    double *mean = tape_room((size_t)in.s.c * sizeof *mean), *var = tape_room((size_t)in.s.c * sizeof *var);
    num *all = tape_nums(m), *out = tape_nums(m), *g = tape_nums(m), *b = tape_nums(m);
    for (int c = 0; c < in.s.c; c++) {
        for (k = 0; k < m; k++) {
            all[k] = at(in, (int)(k / places(in.s)), c, 0, 0)[k % places(in.s)];
            g[k] = gamma[c];
            b[k] = beta[c];
        }
        var[c] = normalise(all, out, m, g, b, &mean[c]) * (double)m / (double)(m - 1);
        for (k = 0; k < m; k++)
            at(v, (int)(k / places(in.s)), c, 0, 0)[k % places(in.s)] = out[k];
    }
    state_of(w, name, "running_mean", in.s.c);
    state_of(w, name, "running_var", in.s.c);
    move_state(w, name, "running_mean", mean);
    move_state(w, name, "running_var", var);
    return v;
}

value layer_norm(const world *w, const char *name, value in)
{
    value v = new_value(in.rows, in.s);
    const num *gamma = weights(w, name, "weight", in.s.c), *beta = weights(w, name, "bias", in.s.c);
    num *channels = tape_nums(in.s.c), *out = tape_nums(in.s.c);
    double mean;
    for (int n = 0; n < in.rows; n++)
        for (int p = 0; p < places(in.s); p++) {
            for (int c = 0; c < in.s.c; c++)
                channels[c] = at(in, n, c, 0, 0)[p];
            normalise(channels, out, in.s.c, gamma, beta, &mean);
            for (int c = 0; c < in.s.c; c++)
                at(v, n, c, 0, 0)[p] = out[c];
        }
    return v;
}

value rectified(value in, double slope)
{
    value v = new_value(in.rows, in.s);
    double size = size_of(in);
    EACH(v)
        *at(v, n, c, y, x) = leaky(*at(in, n, c, y, x), slope, size);
    return v;
}

static value activated(value in, dim_layer_kind kind)
{
    value v = new_value(in.rows, in.s);
    EACH(v) {
        num a = *at(in, n, c, y, x);
        *at(v, n, c, y, x) = kind == DIM_LAYER_SIGMOID ? t_sigmoid(a) : kind == DIM_LAYER_TANH ? t_tanh(a) : t_softplus(a);
    }
    return v;
}

static value placed(value in, const layer_spec *l)
{
    const dim_layer_options *o = &l->o;
    value v = new_value(in.rows, l->out);
    int side = (int)(o->stride ? o->stride : 2), side_w = o->stride_w ? (int)o->stride_w : side;
    num zero = leaf(0);
    EACH(v) {
        int from = o->kind == DIM_LAYER_SLICE ? c + (int)o->start : c;
        if (o->kind == DIM_LAYER_UPSAMPLE)
            *at(v, n, c, y, x) = *at(in, n, c, is_signal(in.s) ? 0 : y / side, x / side_w);
        else
            *at(v, n, c, y, x) = from < in.s.c ? *at(in, n, from, y, x) : zero;
    }
    return v;
}

/* A vector stands at every position of a map. */
static value joined(value a, value b, shape out)
{
    value v = new_value(a.rows, out);
    EACH(v) {
        value from = c < a.s.c ? a : b;
        *at(v, n, c, y, x) = *at(from, n, c < a.s.c ? c : c - a.s.c, is_vector(from.s) ? 0 : y, is_vector(from.s) ? 0 : x);
    }
    return v;
}

static value added(value a, value b)
{
    value v = new_value(a.rows, a.s);
    EACH(v)
        *at(v, n, c, y, x) = add(*at(a, n, c, y, x), *at(b, n, c, y, x));
    return v;
}

/* mean + e^(logvar / 2) noise.  Of what was seen the noise is found. */
static value gaussian(const world *w, value mean, value logvar, double *seen, draws *d)
{
    if (!w->training)
        return mean;
    value v = new_value(mean.rows, mean.s);
    for (int64_t i = 0; i < (int64_t)mean.rows * units(mean.s); i++) {
        num std = t_exp(affine(logvar.x[i], 0.5, 0));
        if (d->given)
            seen[i] = (seen[i] - value_of(mean.x[i])) / value_of(std);
        v.x[i] = add(mean.x[i], affine(std, seen[i], 0));
    }
    return v;
}

static value dropped(const world *w, value in, double rate, double *seen, draws *d)
{
    if (!w->training || rate == 0)
        return in;
    value v = new_value(in.rows, in.s);
    for (int64_t i = 0; i < (int64_t)in.rows * units(in.s); i++) {
        if (d->given)
            d->unclear = d->unclear || (d->later && value_of(in.x[i]) == 0);
        if (d->given)
            seen[i] = seen[i] != 0;
        v.x[i] = affine(in.x[i], seen[i] / (1 - rate), 0);
    }
    return v;
}

static value run_layer(const world *w, const char *name, const layer_spec *l, value x, value from, int widen, double *seen,
                       draws *d)
{
    const dim_layer_options *o = &l->o;
    switch (o->kind) {
    case DIM_LAYER_CONV: return convolution(w, name, x, o, (int)o->out);
    case DIM_LAYER_DEPTHWISE: return convolution(w, name, x, o, x.s.c);
    case DIM_LAYER_CONV_TRANSPOSE: return conv_transpose(w, name, x, l);
    case DIM_LAYER_LINEAR: return linear(w, name, x, widen > 0 ? widen : (int)o->out, !o->no_bias);
    case DIM_LAYER_BATCH_NORM: return batch_norm(w, name, x);
    case DIM_LAYER_LAYER_NORM: return layer_norm(w, name, x);
    case DIM_LAYER_RELU: return rectified(x, 0);
    case DIM_LAYER_LEAKY_RELU: return rectified(x, o->slope != 0 ? (double)o->slope : (double)0.2f);
    case DIM_LAYER_MAX_POOL:
    case DIM_LAYER_AVG_POOL: return pooled(x, o);
    case DIM_LAYER_GLOBAL_MAX: return pooled_over_all(x, true);
    case DIM_LAYER_GLOBAL_AVG: return pooled_over_all(x, false);
    case DIM_LAYER_FLATTEN: return flattened(x);
    case DIM_LAYER_UNFLATTEN: x.s = l->out; return x;
    case DIM_LAYER_DROPOUT: return dropped(w, x, (double)o->rate, seen, d);
    case DIM_LAYER_ADD: return added(x, from);
    case DIM_LAYER_CONCAT: return joined(x, from, l->out);
    case DIM_LAYER_FROM: return from;
    case DIM_LAYER_GAUSSIAN: return gaussian(w, x, from, seen, d);
    case DIM_LAYER_SLICE:
    case DIM_LAYER_PAD_CHANNELS:
    case DIM_LAYER_UPSAMPLE: return placed(x, l);
    default: return activated(x, o->kind);
    }
}

void run_layers(const world *w, const net_spec *n, int first, int last, int widen, const value *before, value *out,
                draws *d, int app)
{
    int widened = last;
    while (widen > 0 && n->l[widened].o.kind != DIM_LAYER_LINEAR)
        widened--;
    for (int i = first; i <= last; i++) {
        const layer_spec *l = &n->l[i];
        char name[NAME];
        value from = { .rows = 0 }, x = i == first ? before[0] : out[i - 1];
        if (l->from != NO_LAYER)
            from = l->from < 0 ? before[-1 - l->from] : out[l->from];
        spell(name, "l%d", i);
        out[i] = run_layer(w, name, l, x, from, i == widened ? widen : 0, d != NULL ? d->layer[app][i] : NULL, d);
    }
}

/* ---- shapes ------------------------------------------------------------------------------------------------------------ */

static bool same_place(shape a, shape b) { return a.h == b.h && a.w == b.w; }

static bool windowed_shape(layer_spec *l, shape in)
{
    dim_layer_options *o = &l->o;
    bool pool = o->kind == DIM_LAYER_MAX_POOL || o->kind == DIM_LAYER_AVG_POOL;
    window w = window_of(o, in, pool);
    if (is_vector(in))
        return false;
    if (o->kind == DIM_LAYER_CONV_TRANSPOSE) {
        l->out = transposed(o, in, (int)o->out);
        return (int)(o->output_padding + o->output_padding_h) < w.s[0] + is_signal(in) &&
               (int)(o->output_padding + o->output_padding_w) < w.s[1] && (is_signal(in) || l->out.h > 0) && l->out.w > 0;
    }
    l->out = slid(o, in, pool, o->kind == DIM_LAYER_CONV ? (int)o->out : in.c);
    if (o->padding_mode == DIM_PADDING_REFLECT && (w.p[0] >= height(in) || w.p[1] >= in.w))
        return false;
    if (o->kind == DIM_LAYER_MAX_POOL && (2 * w.p[0] > w.k[0] || 2 * w.p[1] > w.k[1]))
        return false;
    return (is_signal(in) || l->out.h > 0) && l->out.w > 0;
}

static bool joined_shape(const net_spec *n, layer_spec *l, shape in)
{
    shape from = l->from < 0 ? n->in[-1 - l->from] : n->l[l->from].out;
    l->out = in;
    switch (l->o.kind) {
    case DIM_LAYER_FROM: l->out = from; return true;
    case DIM_LAYER_ADD: return same(in, from);
    case DIM_LAYER_GAUSSIAN: return same(in, from) && is_vector(in);
    default: break;
    }
    l->out = is_vector(in) ? from : in;
    l->out.c = in.c + from.c;
    return same_place(in, from) || is_vector(in) || is_vector(from);
}

bool layer_shape(const net_spec *n, layer_spec *l, shape in)
{
    const dim_layer_options *o = &l->o;
    int side = (int)(o->stride ? o->stride : 2), side_w = o->stride_w ? (int)o->stride_w : side;
    l->in = l->out = in;
    switch (o->kind) {
    case DIM_LAYER_CONV:
    case DIM_LAYER_DEPTHWISE:
    case DIM_LAYER_CONV_TRANSPOSE:
    case DIM_LAYER_MAX_POOL:
    case DIM_LAYER_AVG_POOL: return windowed_shape(l, in);
    case DIM_LAYER_LINEAR: l->out = (shape){ (int)o->out, 0, 0 }; return true;
    case DIM_LAYER_GLOBAL_MAX:
    case DIM_LAYER_GLOBAL_AVG: l->out = (shape){ in.c, 0, 0 }; return !is_vector(in);
    case DIM_LAYER_FLATTEN: l->out = (shape){ units(in), 0, 0 }; return !is_vector(in);
    case DIM_LAYER_ADD:
    case DIM_LAYER_CONCAT:
    case DIM_LAYER_FROM:
    case DIM_LAYER_GAUSSIAN: return joined_shape(n, l, in);
    case DIM_LAYER_SLICE: l->out.c = (int)o->out; return (int)(o->start + o->out) <= in.c;
    case DIM_LAYER_PAD_CHANNELS: l->out.c = (int)o->out; return (int)o->out >= in.c;
    case DIM_LAYER_UNFLATTEN:
        l->out = (shape){ (int)o->out, (int)o->height, in.c / (int)o->out / (o->height > 0 ? (int)o->height : 1) };
        return is_vector(in) && l->out.w > 0 && units(l->out) == in.c && (o->width == 0 || (int)o->width == l->out.w);
    case DIM_LAYER_UPSAMPLE:
        l->out = (shape){ in.c, in.h * side, in.w * side_w };
        return !is_vector(in);
    default: return true;
    }
}
