/* Adding layers: every rule about shapes and options is checked here, so that emission cannot go wrong. */
#include "nn/stack.h"

#include "base/math.h"

#include <math.h>
#include <stdio.h>

static const char *const kind_names[] = { "conv", "linear", "bn", "norm", "relu", "leaky_relu", "sigmoid", "tanh",
                                          "softplus", "max_pool", "avg_pool", "global_max", "global_avg", "flatten",
                                          "dropout", "add", "concat", "slice", "from", "gaussian", "pad" };

enum { MAX_LAYERS = 4096 };

static int kind_count(void) { return (int)(sizeof kind_names / sizeof *kind_names); }

dim_status dim__check_name(dim_context *ctx, const char *what, const char *name, bool dots)
{
    static const char allowed[] = ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t length = strlen(name);
    if (length >= 1 && length < DIM__TAP_SIZE && strspn(name, dots ? allowed : allowed + 1) == length)
        return DIM_OK;
    return dim__fail(ctx, DIM_E_INVALID, "%s '%.40s%s' must have 1 to %d characters, of A-Z a-z 0-9 _ -%s", what, name,
                     length > 40 ? "..." : "", DIM__TAP_SIZE - 1, dots ? " ." : "; dots are not allowed");
}

dim_status dim__check_hidden(dim_context *ctx, const char *what, const uint32_t hidden[DIM_MAX_HIDDEN])
{
    for (int i = 1; i < DIM_MAX_HIDDEN; i++)
        if (hidden[i - 1] == 0 && hidden[i] != 0)
            return dim__fail(ctx, DIM_E_INVALID, "%s: hidden[%d] is 0, which ends the list, but hidden[%d] is %u", what,
                             i - 1, i, hidden[i]);
    return DIM_OK;
}

int64_t dim__stack_tap(const dim__stack *s, const char *tap)
{
    if (strcmp(tap, "input") == 0)
        return -1;
    if (tap[0] == '\0') /* what unnamed ones have */
        return -2;
    for (int64_t i = 0; i < s->count; i++)
        if (strcmp(s->layers[i].tap, tap) == 0)
            return i;
    return -2;
}

const int64_t *dim__stack_shape(const dim__stack *s, int64_t layer)
{
    return layer < 0 ? s->input : s->layers[layer].out;
}

static dim_status fail(const dim__stack *s, const dim__layer *l, dim_status status, const char *why)
{
    const int64_t *in = dim__stack_shape(s, l->input);
    return dim__fail(s->ctx, status, "layer %lld (%s) on an input of %lld x %lld x %lld (C, H, W): %s",
                     (long long)s->count, l->name, (long long)in[0], (long long)in[1], (long long)in[2], why);
}

/* Size of a window's output along one side; 0 when the window does not fit. */
static int64_t window(int64_t size, int64_t kernel, int64_t stride, int64_t padding)
{
    int64_t room = size + 2 * padding - kernel;
    return room < 0 ? 0 : room / stride + 1;
}

static dim_status shape_window(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    dim_layer_options *o = &l->o;
    bool conv = o->kind == DIM_LAYER_CONV;
    if (!dim__is_map(in))
        return fail(s, l, DIM_E_SHAPE, "it needs a map, not a vector");
    if (o->kernel == 0 || o->kernel > 4096 || o->kernel_w > 4096 || o->stride > 4096 || o->padding > 4096)
        return fail(s, l, DIM_E_INVALID, "kernel must be 1 to 4096, stride and padding at most 4096");
    if (o->kernel_w == 0)
        o->kernel_w = o->kernel;
    if (o->stride == 0)
        o->stride = conv ? 1 : o->kernel;
    if (!conv && o->kernel_w != o->kernel)
        return fail(s, l, DIM_E_INVALID, "a pooling window is square");
    if (o->kind == DIM_LAYER_MAX_POOL && 2 * o->padding > o->kernel)
        return fail(s, l, DIM_E_INVALID, "padding is more than half the pooling window");
    if (o->kind == DIM_LAYER_AVG_POOL && o->padding != 0)
        return fail(s, l, DIM_E_INVALID, "average pooling has no padding");
    if (o->padding_mode == DIM_PADDING_REFLECT && (o->padding >= in[1] || o->padding >= in[2]))
        return fail(s, l, DIM_E_SHAPE, "reflect padding must be less than the map's size");
    l->out[0] = conv ? (int64_t)o->out : in[0];
    l->out[1] = window(in[1], o->kernel, o->stride, o->padding);
    l->out[2] = window(in[2], o->kernel_w, o->stride, o->padding);
    if (l->out[1] == 0 || l->out[2] == 0)
        return fail(s, l, DIM_E_SHAPE, "the kernel is larger than the padded map");
    return DIM_OK;
}

/* Layers with a second input. */
static dim_status shape_from(const dim__stack *s, dim__layer *l, const int64_t in[3])
{
    const int64_t *other = dim__stack_shape(s, l->from);
    bool same_place = in[1] == other[1] && in[2] == other[2];
    memcpy(l->out, in, sizeof l->out);
    switch (l->o.kind) {
    case DIM_LAYER_FROM:
        memcpy(l->out, other, sizeof l->out);
        return DIM_OK;
    case DIM_LAYER_CONCAT:
        l->out[0] = in[0] + other[0];
        return same_place ? DIM_OK : fail(s, l, DIM_E_SHAPE, "the tap named in 'from' has another height or width");
    case DIM_LAYER_GAUSSIAN:
        if (dim__is_map(in))
            return fail(s, l, DIM_E_SHAPE, "a Gaussian code is a vector");
        break;
    default:
        break;
    }
    return same_place && in[0] == other[0] ? DIM_OK
                                           : fail(s, l, DIM_E_SHAPE, "the tap named in 'from' has another shape");
}

/* Output shape and defaults. */
static dim_status shape_layer(const dim__stack *s, dim__layer *l)
{
    const int64_t *in = dim__stack_shape(s, l->input);
    dim_layer_options *o = &l->o;
    memcpy(l->out, in, sizeof l->out);
    bool sized = o->kind == DIM_LAYER_CONV || o->kind == DIM_LAYER_LINEAR || o->kind == DIM_LAYER_SLICE ||
                 o->kind == DIM_LAYER_PAD_CHANNELS;
    if (sized && (o->out == 0 || o->out > (1u << 24)))
        return fail(s, l, DIM_E_INVALID, "out must be 1 to 16777216");
    if ((int)o->init < 0 || o->init > DIM_LAYER_INIT_IDENTITY)
        return fail(s, l, DIM_E_INVALID, "init is not a dim_layer_init");
    if (o->init == DIM_LAYER_INIT_IDENTITY && o->kind == DIM_LAYER_CONV && (o->kernel != 1 || o->kernel_w > 1))
        return fail(s, l, DIM_E_INVALID, "only a 1 x 1 convolution can start as the identity");
    if (o->no_bias > 1)
        return fail(s, l, DIM_E_INVALID, "no_bias must be 0 or 1");
    if (l->from != -2)
        return shape_from(s, l, in);
    switch (o->kind) {
    case DIM_LAYER_CONV:
    case DIM_LAYER_MAX_POOL:
    case DIM_LAYER_AVG_POOL:
        return shape_window(s, l, in);
    case DIM_LAYER_LINEAR:
        l->out[0] = o->out;
        l->out[1] = l->out[2] = 0;
        return DIM_OK;
    case DIM_LAYER_FLATTEN:
        if (dim__is_map(in))
            l->out[0] = in[0] * in[1] * in[2];
        l->out[1] = l->out[2] = 0;
        return DIM_OK;
    case DIM_LAYER_GLOBAL_MAX:
    case DIM_LAYER_GLOBAL_AVG:
        l->out[1] = l->out[2] = 0;
        return dim__is_map(in) ? DIM_OK : fail(s, l, DIM_E_SHAPE, "it needs a map, not a vector");
    case DIM_LAYER_SLICE:
        l->out[0] = o->out;
        return (int64_t)o->start + o->out <= in[0] ? DIM_OK
                                                   : fail(s, l, DIM_E_SHAPE, "start + out is beyond the channels");
    case DIM_LAYER_PAD_CHANNELS:
        l->out[0] = o->out;
        return (int64_t)o->out >= in[0] ? DIM_OK
                                        : fail(s, l, DIM_E_SHAPE, "out is less than the channels that come in");
    case DIM_LAYER_LEAKY_RELU:
        if (o->slope == 0)
            o->slope = 0.2f;
        return o->slope > 0 && isfinite(o->slope) ? DIM_OK : fail(s, l, DIM_E_INVALID, "slope must be above 0");
    case DIM_LAYER_DROPOUT:
        return o->rate >= 0 && o->rate < 1 ? DIM_OK : fail(s, l, DIM_E_INVALID, "rate must be in [0, 1)");
    default:
        return DIM_OK;
    }
}

static bool takes_from(dim_layer_kind kind)
{
    return kind == DIM_LAYER_ADD || kind == DIM_LAYER_CONCAT || kind == DIM_LAYER_FROM || kind == DIM_LAYER_GAUSSIAN;
}

/* "conv3" for the third convolution, as a default name. */
static void default_name(const dim__stack *s, dim__layer *l)
{
    int nth = 1;
    for (int64_t i = 0; i < s->count; i++)
        nth += s->layers[i].o.kind == l->o.kind;
    snprintf(l->name, sizeof l->name, "%s%d", kind_names[l->o.kind], nth);
}

static dim_status set_names(dim__stack *s, dim__layer *l)
{
    const dim_layer_options *o = &l->o;
    default_name(s, l);
    if (o->name != NULL) {
        DIM__TRY(dim__check_name(s->ctx, "layer name", o->name, true));
        snprintf(l->name, sizeof l->name, "%s", o->name);
    }
    for (int64_t i = 0; i < s->count; i++)
        if (strcmp(s->layers[i].name, l->name) == 0)
            return dim__fail(s->ctx, DIM_E_INVALID, "two layers are named '%s'", l->name);
    if (o->tap != NULL) {
        DIM__TRY(dim__check_name(s->ctx, "tap name", o->tap, true));
        if (dim__stack_tap(s, o->tap) != -2)
            return dim__fail(s->ctx, DIM_E_INVALID, "two taps are named '%s'", o->tap);
        snprintf(l->tap, sizeof l->tap, "%s", o->tap);
    }
    l->from = -2;
    if (takes_from(o->kind)) {
        if (o->from == NULL)
            return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld (%s): 'from' is required: the name of a tap",
                             (long long)s->count, l->name);
        l->from = dim__stack_tap(s, o->from);
        if (l->from == -2)
            return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld (%s): 'from' names the tap '%.40s', which does not exist",
                             (long long)s->count, l->name, o->from);
    } else if (o->from != NULL) {
        return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld (%s) does not take 'from'", (long long)s->count, l->name);
    }
    return DIM_OK;
}

dim_status dim__stack_add(dim__stack *s, const dim_layer_options *layer)
{
    dim__layer l = { .input = s->count - 1 };
    DIM__TRY(dim__options_copy(s->ctx, "dim_layer_options", &l.o, sizeof l.o, layer));
    if ((int)l.o.kind < 0 || (int)l.o.kind >= kind_count())
        return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld: kind is %d, which is not a dim_layer_kind",
                         (long long)s->count, (int)l.o.kind);
    if (l.o.padding_mode != DIM_PADDING_ZERO && l.o.padding_mode != DIM_PADDING_REFLECT)
        return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld: padding_mode is %d, which is not a dim_padding_mode",
                         (long long)s->count, (int)l.o.padding_mode);
    if (s->count == MAX_LAYERS)
        return dim__fail(s->ctx, DIM_E_INVALID, "an encoder has at most %d layers", MAX_LAYERS);
    DIM__TRY(set_names(s, &l));
    l.o.from = l.o.name = l.o.tap = NULL; /* the caller's strings */
    DIM__TRY(shape_layer(s, &l));
    int64_t size = l.out[0];
    if (dim__is_map(l.out) && (!dim__mul64(size, l.out[1], &size) || !dim__mul64(size, l.out[2], &size)))
        return fail(s, &l, DIM_E_SHAPE, "its output is too large");
    DIM__TRY(dim__grow(s->ctx, &s->layers, &s->capacity, s->count + 1, sizeof *s->layers));
    s->layers[s->count++] = l;
    return DIM_OK;
}

dim_status dim__stack_copy(const dim__stack *s, dim__stack *out)
{
    dim__stack copy = *s;
    copy.layers = NULL;
    copy.capacity = 0;
    DIM__TRY(dim__grow(s->ctx, &copy.layers, &copy.capacity, s->count + 1, sizeof *copy.layers));
    if (s->count > 0)
        memcpy(copy.layers, s->layers, (size_t)s->count * sizeof *copy.layers);
    *out = copy;
    return DIM_OK;
}

void dim__stack_free(dim__stack *s)
{
    dim__free(s->ctx, s->layers);
    s->layers = NULL;
    s->count = s->capacity = 0;
}
