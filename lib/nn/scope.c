#include "nn/scope.h"

#include "base/comm.h"

#include <math.h>
#include <stdio.h>

dim__scope dim__scope_in(const dim__scope *scope, const char *more)
{
    dim__scope inner = *scope;
    size_t used = strlen(inner.prefix);
    snprintf(inner.prefix + used, sizeof inner.prefix - used, "%s", more);
    return inner;
}

dim__vid dim__nn_param(const dim__scope *scope, const char *layer, const char *what, const dim__param_spec *spec)
{
    char name[DIM__NAME_SIZE];
    dim__param_spec mine = *spec;
    mine.group = scope->group;
    snprintf(name, sizeof name, "%s%s%s%s", scope->prefix, layer, layer[0] != '\0' ? "." : "", what);
    if (dim__graph_status(scope->g) != DIM_OK)
        return DIM__NONE;
    return dim__graph_param(scope->g, dim__params_get(scope->params, name, &mine), scope->group);
}

/* PyTorch's default (Kaiming uniform with a = sqrt 5) comes to U(-b, b), b = 1 / sqrt(fan in), for weights and biases. */
static void init_weight(const dim__scope *scope, dim__param_spec *spec, int64_t fan_in)
{
    if (scope->layer_init == DIM_LAYER_INIT_ZERO)
        return;
    if (scope->layer_init == DIM_LAYER_INIT_IDENTITY) {
        spec->fill = DIM__FILL_EYE;
        spec->a = 0.01f;
    } else if (scope->layer_init == DIM_LAYER_INIT_NORMAL || scope->init == DIM_INIT_DCGAN) {
        spec->fill = DIM__FILL_NORMAL;
        spec->a = 0.02f;
    } else {
        spec->fill = DIM__FILL_UNIFORM;
        spec->a = (float)(1 / sqrt((double)fan_in));
    }
}

static dim__vid with_bias(const dim__scope *scope, const char *name, dim__vid y, int64_t out, int64_t fan_in)
{
    dim__param_spec spec = { .shape = dim__shape1(out) };
    if (scope->init == DIM_INIT_KAIMING && scope->layer_init == DIM_LAYER_INIT_DEFAULT)
        init_weight(scope, &spec, fan_in);
    return dim__emit_add_bias(scope->g, y, dim__nn_param(scope, name, "bias", &spec));
}

dim__vid dim__nn_rows(const dim__scope *scope, dim__vid x)
{
    dim__shape s = *dim__shape_of(scope->g, x);
    return s.rank == 2 ? x : dim__emit_reshape(scope->g, x, dim__shape2(dim__shape_rows(&s), dim__shape_last(&s)));
}

dim__vid dim__nn_linear(const dim__scope *scope, const char *name, dim__vid x, int64_t out, bool bias, const int64_t *map)
{
    int64_t in = dim__shape_last(dim__shape_of(scope->g, x));
    dim__param_spec spec = { .shape = dim__shape2(out, in) };
    if (dim__graph_status(scope->g) != DIM_OK)
        return DIM__NONE;
    if (map != NULL) {
        spec.layout = DIM__LAYOUT_FLAT;
        memcpy(spec.map, map, sizeof spec.map);
    }
    init_weight(scope, &spec, in);
    dim__vid y = dim__emit_matmul(scope->g, x, dim__nn_param(scope, name, "weight", &spec), false, true);
    return bias ? with_bias(scope, name, y, out, in) : y;
}

/* A weight of that shape with its initial values. */
static dim__vid kernel_of(const dim__scope *scope, const char *name, dim__shape shape, dim__layout layout, bool signal,
                          int64_t fan_in)
{
    dim__param_spec spec = { .shape = shape, .layout = layout, .signal = signal };
    init_weight(scope, &spec, fan_in);
    return dim__nn_param(scope, name, "weight", &spec);
}

dim__vid dim__nn_conv(const dim__scope *scope, const char *name, dim__vid x, const dim__window *window, const dim__filters *k)
{
    int64_t in = dim__shape_last(dim__shape_of(scope->g, x)), kh = window->kernel[0], kw = window->kernel[1];
    if (dim__graph_status(scope->g) != DIM_OK)
        return DIM__NONE;
    dim__vid w = kernel_of(scope, name, dim__shape4(k->out, kh, kw, in), DIM__LAYOUT_OHWI, k->signal, kh * kw * in);
    dim__vid y = dim__emit_conv2d(scope->g, x, w, *window);
    return k->bias ? with_bias(scope, name, y, k->out, kh * kw * in) : y;
}

dim__vid dim__nn_depthwise(const dim__scope *scope, const char *name, dim__vid x, const dim__window *window,
                           const dim__filters *k)
{
    int64_t kh = window->kernel[0], kw = window->kernel[1];
    dim__vid w = kernel_of(scope, name, dim__shape3(kh, kw, k->out), DIM__LAYOUT_HWC, k->signal, kh * kw);
    dim__vid y = dim__emit_depthwise(scope->g, x, w, *window);
    return k->bias ? with_bias(scope, name, y, k->out, kh * kw) : y;
}

/* PyTorch counts as fan in what one input channel feeds. */
dim__vid dim__nn_conv_transpose(const dim__scope *scope, const char *name, dim__vid x, const dim__window *window, int64_t height,
                                int64_t width, const dim__filters *k)
{
    int64_t in = dim__shape_last(dim__shape_of(scope->g, x)), kh = window->kernel[0], kw = window->kernel[1];
    if (dim__graph_status(scope->g) != DIM_OK)
        return DIM__NONE;
    dim__vid w = kernel_of(scope, name, dim__shape4(in, kh, kw, k->out), DIM__LAYOUT_OHWI, k->signal, kh * kw * k->out);
    dim__vid y = dim__emit_conv2d_transpose(scope->g, x, w, *window, height, width);
    return k->bias ? with_bias(scope, name, y, k->out, kh * kw * k->out) : y;
}

static const double NORM_EPS = 1e-5, BN_MOMENTUM = 0.1;

dim__vid dim__nn_batch_norm(const dim__scope *scope, const char *name, dim__vid x)
{
    const dim__shape *s = dim__shape_of(scope->g, x);
    int64_t c = dim__shape_last(s), rows = dim__shape_rows(s);
    dim__param_spec ones = { .shape = dim__shape1(c), .a = 1 }, zeros = { .shape = dim__shape1(c) };
    if (dim__graph_status(scope->g) != DIM_OK)
        return DIM__NONE;
    dim__vid gamma = dim__nn_param(scope, name, "weight", &ones), beta = dim__nn_param(scope, name, "bias", &zeros);
    ones.state = zeros.state = true;
    dim__vid mean = dim__nn_param(scope, name, "running_mean", &zeros);
    dim__vid var = dim__nn_param(scope, name, "running_var", &ones);
    if (!scope->training)
        return dim__emit_channel_affine(scope->g, x, gamma, beta, mean, var, NORM_EPS);
    dim__vid y = dim__emit_batch_norm(scope->g, x, gamma, beta, NORM_EPS);
    rows *= dim__ranks(scope->g->comm); /* whose statistics they are */
    dim__attr plain = dim__op_state_update_attr(BN_MOMENTUM, 1);
    dim__attr unbiased = dim__op_state_update_attr(BN_MOMENTUM, rows > 1 ? (double)rows / (double)(rows - 1) : 1);
    dim__graph_defer(scope->g, &dim__op_state_update, 2, (dim__vid[]){ mean, dim__out(y, 1) }, &plain);
    dim__graph_defer(scope->g, &dim__op_state_update, 2, (dim__vid[]){ var, dim__out(y, 2) }, &unbiased);
    return y;
}

dim__vid dim__nn_layer_norm(const dim__scope *scope, const char *name, dim__vid x)
{
    int64_t c = dim__shape_last(dim__shape_of(scope->g, x));
    dim__param_spec ones = { .shape = dim__shape1(c), .a = 1 }, zeros = { .shape = dim__shape1(c) };
    if (dim__graph_status(scope->g) != DIM_OK)
        return DIM__NONE;
    dim__vid gamma = dim__nn_param(scope, name, "weight", &ones), beta = dim__nn_param(scope, name, "bias", &zeros);
    return dim__emit_layer_norm(scope->g, x, gamma, beta, NORM_EPS);
}
