/* Adding layers: every rule about shapes and options is checked here, so that emission cannot go wrong. */
#include "nn/layers/layer.h"

#include "base/math.h"

#include <stdio.h>

enum { MAX_LAYERS = 4096 };

/* Output shape and defaults. */
static dim_status shape_layer(const dim__stack *s, dim__layer *l)
{
    const int64_t *in = dim__stack_shape(s, l->input);
    const dim_layer_options *o = &l->o;
    memcpy(l->out, in, sizeof l->out);
    if (l->def->sized && (o->out == 0 || o->out > (1u << 24)))
        return dim__layer_fail(s, l, DIM_E_INVALID, "out must be 1 to 16777216");
    if ((int)o->init < 0 || o->init > DIM_LAYER_INIT_IDENTITY)
        return dim__layer_fail(s, l, DIM_E_INVALID, "init is not a dim_layer_init");
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
        return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld (%s) does not take 'from'", (long long)s->count, l->name);
    }
    return DIM_OK;
}

dim_status dim__stack_add(dim__stack *s, const dim_layer_options *layer)
{
    dim__layer l = { .input = s->count - 1 };
    DIM__TRY(dim__options_copy(s->ctx, "dim_layer_options", &l.o, sizeof l.o, layer));
    l.def = dim__layer_def_of(l.o.kind);
    if (l.def == NULL)
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
    if (!dim__mul64(size, dim__map_height(l.out), &size) || !dim__mul64(size, dim__map_width(l.out), &size))
        return dim__layer_fail(s, &l, DIM_E_SHAPE, "its output is too large");
    DIM__TRY(dim__grow(s->ctx, &s->layers, &s->capacity, s->count + 1, sizeof *s->layers));
    s->layers[s->count++] = l;
    return DIM_OK;
}
