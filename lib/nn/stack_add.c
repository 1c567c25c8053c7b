/* Adding layers: every rule about shapes and options is checked here, so that emission cannot go wrong. */
#include "nn/layers/layer.h"

#include "base/enums.h"
#include "base/math.h"

#include <stdio.h>

enum { MAX_LAYERS = 4096 };
/* Of what a layer gives, so that the next layer can multiply and add without overflow; the largest input has as many numbers. */
static const int64_t most_side = INT64_C(1) << 32, most_numbers = INT64_C(1) << 56;

static dim_status check_input(const dim__stack *s, const char *name, const int64_t in[3])
{
    if (s->n_inputs == DIM_MAX_INPUTS)
        return dim__fail(s->ctx, DIM_E_INVALID, "a network has at most %d inputs", DIM_MAX_INPUTS);
    DIM__TRY(dim__check_name(s->ctx, "input name", name, true));
    if (strcmp(name, "global") == 0 || dim__stack_tap(s, name) != DIM__LAYER_NONE)
        return dim__fail(s->ctx, DIM_E_INVALID, "an input cannot be named '%s': another input or a tap has that name", name);
    if (in[0] < 1 || in[0] > (1 << 24) || in[1] < 0 || in[1] > 65536 || in[2] < 0 || in[2] > 65536 ||
        (in[1] > 0 && in[2] == 0))
        return dim__fail(s->ctx, DIM_E_INVALID, "input '%s' of %lld x %lld x %lld (channels, height, width) is not possible: "
                         "channels are 1 to 16777216, sides at most 65536, height 0 for signals, both 0 for vectors", name,
                         (long long)in[0], (long long)in[1], (long long)in[2]);
    return DIM_OK;
}

dim_status dim__stack_add_input(dim__stack *s, const char *name, const int64_t shape[3])
{
    DIM__TRY(check_input(s, name, shape));
    dim__input *in = &s->inputs[s->n_inputs++];
    snprintf(in->name, sizeof in->name, "%s", name);
    memcpy(in->shape, shape, sizeof in->shape);
    return DIM_OK;
}

static const dim__range kinds = { .type = "dim_layer_kind", .name = dim__layer_name };

#define F(member, kind) DIM__FIELD(dim_layer_options, member, kind, NULL, 0) /* kinds check those that they look at */
static const dim__field fields[] = {
    DIM__QUIET(dim_layer_options, kind, U32, &kinds, 0),
    F(out, U32),
    F(kernel, U32),
    F(kernel_w, U32),
    F(stride, U32),
    F(padding, U32),
    DIM__FIELD(dim_layer_options, padding_mode, U32, &dim__padding_mode_range, 0),
    DIM__FIELD(dim_layer_options, no_bias, U32, &dim__switch, 0),
    F(slope, F32),
    F(rate, F32),
    F(start, U32),
    F(output_padding, U32),
    F(height, U32),
    F(width, U32),
    F(stride_w, U32),
    F(padding_h, U32),
    F(padding_w, U32),
    F(dilation, U32),
    F(dilation_w, U32),
    F(output_padding_h, U32),
    F(output_padding_w, U32),
    DIM__QUIET(dim_layer_options, init, U32, &dim__layer_init_range, 0), /* only how it starts */
};
#undef F
const dim__table dim__layer_table = DIM__TABLE(dim_layer_options, fields);

/* Output shape and defaults. */
static dim_status shape_layer(const dim__stack *s, dim__layer *l)
{
    const int64_t *in = dim__stack_shape(s, l->input);
    const dim_layer_options *o = &l->o;
    memcpy(l->out, in, sizeof l->out);
    if (l->def->sized && (o->out == 0 || o->out > (1u << 24)))
        return dim__layer_fail(s, l, DIM_E_INVALID, "out is %u; it must be 1 to 16777216", o->out);
    return l->def->shape != NULL ? l->def->shape(s, l, in) : DIM_OK;
}

static void crops_of(const dim__stack *s, int64_t layer, int64_t crops[2])
{
    memset(crops, 0, 2 * sizeof *crops);
    if (layer >= 0)
        memcpy(crops, s->layers[layer].crops, 2 * sizeof *crops);
}

/* What a layer reads is whole samples or crops, both sides alike; FROM reads one side only. */
static dim_status inherit_crops(const dim__stack *s, dim__layer *l)
{
    int64_t other[2];
    crops_of(s, l->o.kind == DIM_LAYER_FROM ? l->from : l->input, l->crops);
    if (l->from == DIM__LAYER_NONE)
        return DIM_OK;
    crops_of(s, l->from, other);
    return memcmp(l->crops, other, sizeof other) == 0
               ? DIM_OK
               : dim__layer_fail(s, l, DIM_E_SHAPE, "the tap named in 'from' is cut into other crops, or into none");
}

/* Only "_..." can be taps of crops. */
static dim_status check_tap(const dim__stack *s, const dim__layer *l)
{
    return l->tap[0] != '\0' && l->tap[0] != '_' && dim__in_crops(l)
               ? dim__layer_fail(s, l, DIM_E_INVALID, "its output is crops, which cannot be a tap before a layer FOLD")
               : DIM_OK;
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
        if (dim__stack_tap(s, o->tap) != DIM__LAYER_NONE)
            return dim__fail(s->ctx, DIM_E_INVALID, "two taps or inputs are named '%s'", o->tap);
        snprintf(l->tap, sizeof l->tap, "%s", o->tap);
    }
    l->from = DIM__LAYER_NONE;
    if (l->def->from) {
        if (o->from == NULL)
            return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld (%s): 'from' is required: the name of a tap",
                             (long long)s->count, l->name);
        l->from = dim__stack_tap(s, o->from);
        if (l->from == DIM__LAYER_NONE)
            return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld (%s): 'from' names the tap '%.40s', which does not exist",
                             (long long)s->count, l->name, o->from);
    } else if (o->from != NULL) {
        return dim__fail(s->ctx, DIM_E_INVALID, "layer %lld (%s) does not take 'from'", (long long)s->count, l->name);
    }
    return DIM_OK;
}

dim_status dim__stack_add(dim__stack *s, const dim_layer_options *layer)
{
    dim__layer l = { .input = s->count > 0 ? s->count - 1 : DIM__LAYER_INPUT(0) };
    char where[32];
    snprintf(where, sizeof where, "layer %lld: ", (long long)s->count);
    DIM__TRY(dim__options_copy(s->ctx, "dim_layer_options", &l.o, sizeof l.o, layer));
    DIM__TRY(dim__options_check(s->ctx, where, &dim__layer_table, &l.o));
    l.def = dim__layer_def_of(l.o.kind);
    if (s->count == MAX_LAYERS)
        return dim__fail(s->ctx, DIM_E_INVALID, "an encoder has at most %d layers", MAX_LAYERS);
    DIM__TRY(set_names(s, &l));
    l.o.from = l.o.name = l.o.tap = NULL; /* the caller's strings */
    DIM__TRY(inherit_crops(s, &l));
    DIM__TRY(shape_layer(s, &l));
    DIM__TRY(check_tap(s, &l));
    int64_t size = l.out[0], height = dim__map_height(l.out), width = dim__map_width(l.out);
    if (height > most_side || width > most_side || !dim__mul64(size, height, &size) || !dim__mul64(size, width, &size) ||
        size > most_numbers)
        return dim__layer_fail(s, &l, DIM_E_SHAPE, "its output is too large");
    DIM__TRY(dim__grow(s->ctx, &s->layers, &s->capacity, s->count + 1, sizeof *s->layers));
    s->layers[s->count++] = l;
    return DIM_OK;
}

bool dim__layer_has_weights(const dim__layer *l)
{
    dim_layer_kind kind = l->o.kind;
    return kind == DIM_LAYER_CONV || kind == DIM_LAYER_LINEAR || kind == DIM_LAYER_CONV_TRANSPOSE || kind == DIM_LAYER_DEPTHWISE;
}

dim_status dim__stack_part(const dim__stack *s, int64_t first, int64_t last, const int64_t in[3], dim__stack *out)
{
    dim__stack part = { .ctx = s->ctx };
    dim_status status = dim__stack_add_input(&part, "input", in);
    for (int64_t i = first; i <= last && status == DIM_OK; i++) {
        dim__layer l = s->layers[i];
        l.input -= first; /* first - 1 becomes -1, the input */
        l.from -= l.from != DIM__LAYER_NONE ? first : 0;
        status = inherit_crops(&part, &l);
        if (status == DIM_OK)
            status = shape_layer(&part, &l);
        if (status == DIM_OK)
            status = dim__grow(s->ctx, &part.layers, &part.capacity, part.count + 1, sizeof *part.layers);
        if (status == DIM_OK)
            part.layers[part.count++] = l;
    }
    if (status != DIM_OK)
        dim__stack_free(&part);
    else
        *out = part;
    return status;
}
