/* Layers as nodes. */
#include "nn/stack.h"

static dim__vid emit_conv(const dim__net *net, const dim__layer *l, dim__vid x)
{
    const dim_layer_options *o = &l->o;
    dim__net mine = *net;
    mine.layer_init = o->init;
    bool reflect = o->padding_mode == DIM_PADDING_REFLECT && o->padding > 0;
    if (reflect)
        x = dim__op_pad2d_(net->g, x, (int)o->padding, true);
    return dim__nn_conv(&mine, l->name, x, o->out, o->kernel, o->kernel_w, (int)o->stride,
                        reflect ? 0 : (int)o->padding, !o->no_bias);
}

static dim__vid emit_linear(const dim__net *net, const dim__layer *l, dim__vid x, const int64_t in[3], int64_t units)
{
    int64_t out = units > 0 ? units : (int64_t)l->o.out;
    dim__net mine = *net;
    mine.layer_init = l->o.init;
    if (!dim__is_map(in))
        return dim__nn_linear(&mine, l->name, x, out, !l->o.no_bias, NULL);
    int64_t map[3] = { in[1], in[2], in[0] }, n = dim__shape_of(net->g, x)->d[0];
    if (dim__graph_status(net->g) != DIM_OK)
        return DIM__NONE;
    x = dim__op_reshape_(net->g, x, dim__shape2(n, in[0] * in[1] * in[2]));
    return dim__nn_linear(&mine, l->name, x, out, !l->o.no_bias, map);
}

/* (N, H, W, C) -> (N, C H W) in PyTorch's order. */
static dim__vid emit_flatten(const dim__net *net, dim__vid x, const int64_t in[3])
{
    if (!dim__is_map(in) || dim__graph_status(net->g) != DIM_OK)
        return x;
    int64_t n = dim__shape_of(net->g, x)->d[0];
    x = dim__op_reshape_(net->g, x, dim__shape3(n, in[1] * in[2], in[0]));
    x = dim__op_swap_last_(net->g, x);
    return dim__op_reshape_(net->g, x, dim__shape2(n, in[0] * in[1] * in[2]));
}

static dim__vid emit_gaussian(const dim__net *net, dim__vid mean, dim__vid logvar)
{
    dim__graph *g = net->g;
    if (!net->training || dim__graph_status(g) != DIM_OK)
        return mean;
    dim__vid noise = dim__op_noise_normal_(g, *dim__shape_of(g, mean));
    dim__vid std = dim__op_exp_(g, dim__op_affine_(g, logvar, 0.5, 0));
    return dim__op_add_(g, mean, dim__op_mul_(g, std, noise));
}

static dim__vid emit_layer(const dim__stack *s, const dim__net *net, const dim__layer *l, dim__vid x, dim__vid from,
                           int64_t units)
{
    const int64_t *in = dim__stack_shape(s, l->input);
    const dim_layer_options *o = &l->o;
    dim__graph *g = net->g;
    switch (o->kind) {
    case DIM_LAYER_CONV: return emit_conv(net, l, x);
    case DIM_LAYER_LINEAR: return emit_linear(net, l, x, in, units);
    case DIM_LAYER_BATCH_NORM: return dim__nn_batch_norm(net, l->name, x);
    case DIM_LAYER_LAYER_NORM: return dim__nn_layer_norm(net, l->name, x);
    case DIM_LAYER_RELU: return dim__op_relu_(g, x);
    case DIM_LAYER_LEAKY_RELU: return dim__op_leaky_relu_(g, x, o->slope);
    case DIM_LAYER_SIGMOID: return dim__op_sigmoid_(g, x);
    case DIM_LAYER_TANH: return dim__op_tanh_(g, x);
    case DIM_LAYER_SOFTPLUS: return dim__op_softplus_(g, x);
    case DIM_LAYER_MAX_POOL: return dim__op_max_pool_(g, x, (int)o->kernel, (int)o->stride, (int)o->padding);
    case DIM_LAYER_AVG_POOL: return dim__op_avg_pool_(g, x, (int)o->kernel, (int)o->stride);
    case DIM_LAYER_GLOBAL_MAX: return dim__op_max_mid_(g, x);
    case DIM_LAYER_GLOBAL_AVG: return dim__op_sum_mid_(g, x, 1 / ((double)in[1] * (double)in[2]));
    case DIM_LAYER_FLATTEN: return emit_flatten(net, x, in);
    case DIM_LAYER_DROPOUT: return net->training && o->rate > 0 ? dim__op_dropout_(g, x, o->rate) : x;
    case DIM_LAYER_ADD: return dim__op_add_(g, x, from);
    case DIM_LAYER_CONCAT: return dim__op_concat_(g, x, from);
    case DIM_LAYER_SLICE: return dim__op_slice_(g, x, o->start, o->out);
    case DIM_LAYER_FROM: return from;
    case DIM_LAYER_PAD_CHANNELS: return dim__op_pad_last_(g, x, o->out);
    case DIM_LAYER_GAUSSIAN: return emit_gaussian(net, x, from);
    default: return DIM__NONE;
    }
}

/* Marks in out[] the layers first .. last that lead to the last one. */
enum { NEEDED = -2 };

static void mark_needed(const dim__stack *s, int64_t first, int64_t last, dim__vid *out)
{
    for (int64_t i = first; i <= last; i++)
        out[i] = i == last ? NEEDED : DIM__NONE;
    for (int64_t i = last; i >= first; i--) {
        const dim__layer *l = &s->layers[i];
        if (out[i] == NEEDED && l->input >= first && l->o.kind != DIM_LAYER_FROM)
            out[l->input] = NEEDED;
        if (out[i] == NEEDED && l->from >= first)
            out[l->from] = NEEDED;
    }
}

static int64_t last_linear(const dim__stack *s, int64_t first, int64_t last, const dim__vid *out)
{
    while (last >= first && (out[last] != NEEDED || s->layers[last].o.kind != DIM_LAYER_LINEAR))
        last--;
    return last;
}

void dim__stack_emit(const dim__stack *s, const dim__net *net, dim__vid x, int64_t first, int64_t last, int64_t units,
                     dim__vid *out)
{
    int64_t widened = -1;
    if (units > 0) {
        mark_needed(s, first, last, out);
        widened = last_linear(s, first, last, out);
    }
    for (int64_t i = first; i <= last; i++) {
        const dim__layer *l = &s->layers[i];
        if (units > 0 && out[i] != NEEDED)
            continue;
        dim__vid in = l->input < first ? x : out[l->input];
        dim__vid from = l->from == -2 ? DIM__NONE : l->from < first ? x : out[l->from];
        out[i] = emit_layer(s, net, l, in, from, i == widened ? units : 0);
    }
}
