/* Adding layers: every rule about shapes and options is checked here, so that emission cannot go wrong. */
#include "nn/layers/layer.h"

#include "base/math.h"

#include <stdio.h>

enum { MAX_LAYERS = 4096 };

dim_status dim__check_name(dim_context *ctx, const char *what, const char *name, bool dots)
{
    static const char allowed[] = ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t length = strlen(name);
    if (length >= 1 && length < DIM__TAP_SIZE && strspn(name, dots ? allowed : allowed + 1) == length)
        return DIM_OK;
    return dim__fail(ctx, DIM_E_INVALID, "%s '%.40s%s' must have 1 to %d characters, of A-Z a-z 0-9 _ -%s", what, name,
                     length > 40 ? "..." : "", DIM__TAP_SIZE - 1, dots ? " ." : "; it takes no dot");
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

dim_status dim__layer_fail(const dim__stack *s, const dim__layer *l, dim_status status, const char *why)
{
    const int64_t *in = dim__stack_shape(s, l->input);
    return dim__fail(s->ctx, status, "layer %lld (%s) on an input of %lld x %lld x %lld (C, H, W): %s",
                     (long long)s->count, l->name, (long long)in[0], (long long)in[1], (long long)in[2], why);
}

/* Output shape and defaults. */
static dim_status shape_layer(const dim__stack *s, dim__layer *l)
{
    const int64_t *in = dim__stack_shape(s, l->input);
    const dim_layer_options *o = &l->o;
    memcpy(l->out, in, sizeof l->out);
    if (l->def->sized && (o->out == 0 || o->out > (1u << 24)))
        return dim__layer_fail(s, l, DIM_E_INVALID, "out must be 1 to 16777216");
    if ((int)o->init < 0 || o->init > DIM_LAYER_INIT_IDENTITY)
        return dim__layer_fail(s, l, DIM_E_INVALID, "init is no kind of initial weights");
    if (o->reserved0 != 0)
        return dim__layer_fail(s, l, DIM_E_INVALID, "reserved0 must be 0");
    if (o->no_bias > 1)
        return dim__layer_fail(s, l, DIM_E_INVALID, "no_bias must be 0 or 1");
    return l->def->shape != NULL ? l->def->shape(s, l, in) : DIM_OK;
}

/* "conv3" for the third convolution, as a default name. */
static void default_name(const dim__stack *s, dim__layer *l)
{
    int nth = 1;
    for (int64_t i = 0; i < s->count; i++)
        nth += s->layers[i].o.kind == l->o.kind;
    snprintf(l->name, sizeof l->name, "%s%d", l->def->name, nth);
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
    if (l->def->from) {
        if (o->from == NULL)
            return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld (%s): 'from' is required: the name of a tap",
                             (long long)s->count, l->name);
        l->from = dim__stack_tap(s, o->from);
        if (l->from == -2)
            return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld (%s): 'from' names the tap '%.40s', which does not exist",
                             (long long)s->count, l->name, o->from);
    } else if (o->from != NULL) {
        return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld (%s) takes no 'from'", (long long)s->count, l->name);
    }
    return DIM_OK;
}

dim_status dim__stack_add(dim__stack *s, const dim_layer_options *layer)
{
    dim__layer l = { .input = s->count - 1 };
    DIM__TRY(dim__options_copy(s->ctx, "dim_layer_options", &l.o, sizeof l.o, layer));
    l.def = dim__layer_def_of(l.o.kind);
    if (l.def == NULL)
        return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld: %d is no kind of layer", (long long)s->count,
                         (int)l.o.kind);
    if (l.o.padding_mode != DIM_PADDING_ZERO && l.o.padding_mode != DIM_PADDING_REFLECT)
        return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld: %d is no padding mode", (long long)s->count,
                         (int)l.o.padding_mode);
    if (s->count == MAX_LAYERS)
        return dim__fail(s->ctx, DIM_E_INVALID, "an encoder has at most %d layers", MAX_LAYERS);
    DIM__TRY(set_names(s, &l));
    l.o.from = l.o.name = l.o.tap = NULL; /* the caller's strings */
    DIM__TRY(shape_layer(s, &l));
    int64_t size = l.out[0];
    if (dim__is_map(l.out) && (!dim__mul64(size, l.out[1], &size) || !dim__mul64(size, l.out[2], &size)))
        return dim__layer_fail(s, &l, DIM_E_SHAPE, "its output is too large");
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
