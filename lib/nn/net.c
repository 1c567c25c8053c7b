#include "nn/net.h"

#include <math.h>
#include <stdio.h>

dim__net dim__net_in(const dim__net *net, const char *more)
{
    dim__net inner = *net;
    size_t used = strlen(inner.prefix);
    snprintf(inner.prefix + used, sizeof inner.prefix - used, "%s", more);
    return inner;
}

dim__vid dim__nn_param(const dim__net *net, const char *layer, const char *what, const dim__param_spec *spec)
{
    char name[DIM__NAME_SIZE];
    dim__param_spec mine = *spec;
    mine.group = net->group;
    snprintf(name, sizeof name, "%s%s%s%s", net->prefix, layer, layer[0] != '\0' ? "." : "", what);
    if (dim__graph_status(net->g) != DIM_OK)
        return DIM__NONE;
    dim__vid v = dim__graph_param(net->g, dim__params_get(net->params, name, &mine), net->group);
    return net->frozen && !mine.state && v != DIM__NONE ? dim__op_stop_gradient_(net->g, v) : v;
}

/* PyTorch's default (Kaiming uniform with a = sqrt 5) comes to U(-b, b), b = 1 / sqrt(fan in), for weights and biases. */
static void init_weight(const dim__net *net, dim__param_spec *spec, int64_t fan_in)
{
    if (net->layer_init == DIM_LAYER_INIT_ZERO)
        return;
    if (net->layer_init == DIM_LAYER_INIT_IDENTITY) {
        spec->fill = DIM__FILL_EYE;
        spec->a = 0.01f;
    } else if (net->init == DIM_INIT_DCGAN) {
        spec->fill = DIM__FILL_NORMAL;
        spec->a = 0.02f;
    } else {
        spec->fill = DIM__FILL_UNIFORM;
        spec->a = (float)(1 / sqrt((double)fan_in));
    }
}

static dim__vid with_bias(const dim__net *net, const char *name, dim__vid y, int64_t out, int64_t fan_in)
{
    dim__param_spec spec = { .shape = dim__shape1(out) };
    if (net->init == DIM_INIT_KAIMING && net->layer_init == DIM_LAYER_INIT_DEFAULT)
        init_weight(net, &spec, fan_in);
    return dim__op_add_bias_(net->g, y, dim__nn_param(net, name, "bias", &spec));
}

dim__vid dim__nn_rows(const dim__net *net, dim__vid x)
{
    dim__shape s = *dim__shape_of(net->g, x);
    return s.rank == 2 ? x : dim__op_reshape_(net->g, x, dim__shape2(dim__shape_rows(&s), dim__shape_last(&s)));
}

dim__vid dim__nn_linear(const dim__net *net, const char *name, dim__vid x, int64_t out, bool bias, const int64_t *map)
{
    int64_t in = dim__shape_last(dim__shape_of(net->g, x));
    dim__param_spec spec = { .shape = dim__shape2(out, in) };
    if (dim__graph_status(net->g) != DIM_OK)
        return DIM__NONE;
    if (map != NULL) {
        spec.layout = DIM__LAYOUT_FLAT;
        memcpy(spec.map, map, sizeof spec.map);
    }
    init_weight(net, &spec, in);
    dim__vid y = dim__op_matmul_(net->g, x, dim__nn_param(net, name, "weight", &spec), false, true);
    return bias ? with_bias(net, name, y, out, in) : y;
}

dim__vid dim__nn_conv(const dim__net *net, const char *name, dim__vid x, int64_t out, int64_t kh, int64_t kw,
                      int stride, int padding, bool bias)
{
    int64_t in = dim__shape_last(dim__shape_of(net->g, x));
    dim__param_spec spec = { .shape = dim__shape4(out, kh, kw, in), .layout = DIM__LAYOUT_OHWI };
    if (dim__graph_status(net->g) != DIM_OK)
        return DIM__NONE;
    init_weight(net, &spec, kh * kw * in);
    dim__vid y = dim__op_conv2d_(net->g, x, dim__nn_param(net, name, "weight", &spec), stride, padding);
    return bias ? with_bias(net, name, y, out, kh * kw * in) : y;
}

/* PyTorch counts as fan in what one input channel feeds. */
dim__vid dim__nn_conv_transpose(const dim__net *net, const char *name, dim__vid x, int64_t kh, int64_t kw, int stride,
                                int padding, const int64_t out[3], bool bias)
{
    int64_t in = dim__shape_last(dim__shape_of(net->g, x)), fan_in = kh * kw * out[0];
    dim__param_spec spec = { .shape = dim__shape4(in, kh, kw, out[0]), .layout = DIM__LAYOUT_OHWI };
    if (dim__graph_status(net->g) != DIM_OK)
        return DIM__NONE;
    init_weight(net, &spec, fan_in);
    dim__vid y = dim__op_conv2d_transpose_(net->g, x, dim__nn_param(net, name, "weight", &spec), stride, padding, out[1], out[2]);
    return bias ? with_bias(net, name, y, out[0], fan_in) : y;
}

static const double NORM_EPS = 1e-5, BN_MOMENTUM = 0.1;

dim__vid dim__nn_batch_norm(const dim__net *net, const char *name, dim__vid x)
{
    const dim__shape *s = dim__shape_of(net->g, x);
    int64_t c = dim__shape_last(s), rows = dim__shape_rows(s);
    dim__param_spec ones = { .shape = dim__shape1(c), .a = 1 }, zeros = { .shape = dim__shape1(c) };
    if (dim__graph_status(net->g) != DIM_OK)
        return DIM__NONE;
    dim__vid gamma = dim__nn_param(net, name, "weight", &ones), beta = dim__nn_param(net, name, "bias", &zeros);
    ones.state = zeros.state = true;
    dim__vid mean = dim__nn_param(net, name, "running_mean", &zeros);
    dim__vid var = dim__nn_param(net, name, "running_var", &ones);
    if (!net->training)
        return dim__op_channel_affine_(net->g, x, gamma, beta, mean, var, NORM_EPS);
    dim__vid y = dim__op_batch_norm_(net->g, x, gamma, beta, NORM_EPS);
    dim__attr plain = dim__op_state_update_attr(BN_MOMENTUM, 1);
    dim__attr unbiased = dim__op_state_update_attr(BN_MOMENTUM, rows > 1 ? (double)rows / (double)(rows - 1) : 1);
    dim__graph_defer(net->g, &dim__op_state_update, 2, (dim__vid[]){ mean, dim__out(y, 1) }, &plain);
    dim__graph_defer(net->g, &dim__op_state_update, 2, (dim__vid[]){ var, dim__out(y, 2) }, &unbiased);
    return y;
}

dim__vid dim__nn_layer_norm(const dim__net *net, const char *name, dim__vid x)
{
    int64_t c = dim__shape_last(dim__shape_of(net->g, x));
    dim__param_spec ones = { .shape = dim__shape1(c), .a = 1 }, zeros = { .shape = dim__shape1(c) };
    if (dim__graph_status(net->g) != DIM_OK)
        return DIM__NONE;
    dim__vid gamma = dim__nn_param(net, name, "weight", &ones), beta = dim__nn_param(net, name, "bias", &zeros);
    return dim__op_layer_norm_(net->g, x, gamma, beta, NORM_EPS);
}
