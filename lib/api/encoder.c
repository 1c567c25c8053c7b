/* <dim/encoder.h> */
#include "io/network.h"
#include "io/params.h"
#include "nn/encoder.h"

struct dim_encoder_builder {
    dim_context *ctx;
    dim__stack stack;
};

/* One group: the encoder's own parameters under their own names. */
static dim__param_group group_of(const dim_encoder *enc)
{
    return (dim__param_group){ "", (dim__params *)&enc->params };
}

dim_status dim_encoder_create(dim_context *ctx, const dim_encoder_options *options, dim_encoder **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_encoder_create: out is NULL");
    return dim__encoder_create(ctx, options, out);
}

dim_status dim_encoder_builder_create(dim_context *ctx, uint32_t channels, uint32_t height, uint32_t width,
                                      dim_encoder_builder **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_encoder_builder_create: out is NULL");
    dim__stack stack = { .ctx = ctx };
    DIM__TRY(dim__stack_add_input(&stack, "input", (int64_t[]){ channels, height, width }));
    dim_encoder_builder *b = dim__calloc(ctx, 1, sizeof *b);
    if (b == NULL)
        return DIM_E_NOMEM;
    b->ctx = dim__context_retain(ctx);
    b->stack = stack;
    *out = b;
    return DIM_OK;
}

dim_status dim_encoder_builder_add_input(dim_encoder_builder *b, const char *name, uint32_t channels, uint32_t height,
                                         uint32_t width)
{
    if (b == NULL)
        return DIM_E_INVALID;
    if (name == NULL)
        return dim__fail(b->ctx, DIM_E_INVALID, "dim_encoder_builder_add_input: name is NULL");
    return dim__stack_add_input(&b->stack, name, (int64_t[]){ channels, height, width });
}

dim_status dim_encoder_builder_add(dim_encoder_builder *b, const dim_layer_options *layer)
{
    if (b == NULL)
        return DIM_E_INVALID;
    if (layer == NULL)
        return dim__fail(b->ctx, DIM_E_INVALID, "dim_encoder_builder_add: layer is NULL");
    return dim__stack_add(&b->stack, layer);
}

dim_status dim_encoder_builder_finish(dim_encoder_builder *b, const dim_encoder_options *options, dim_encoder **out)
{
    dim_encoder_options o;
    dim__stack copy;
    if (b == NULL)
        return DIM_E_INVALID;
    if (out == NULL)
        return dim__fail(b->ctx, DIM_E_INVALID, "dim_encoder_builder_finish: out is NULL");
    DIM__TRY(dim__options_copy(b->ctx, "dim_encoder_options", &o, sizeof o, options));
    o.channels = (uint32_t)b->stack.inputs[0].shape[0];
    DIM__TRY(dim__stack_copy(&b->stack, &copy));
    dim_status status = dim__encoder_from_stack(&copy, &o, 0, out);
    dim__stack_free(&copy);
    return status;
}

void dim_encoder_builder_destroy(dim_encoder_builder *b)
{
    if (b == NULL)
        return;
    dim_context *ctx = b->ctx;
    dim__stack_free(&b->stack);
    dim__free(ctx, b);
    dim__context_release(ctx);
}

/* Taps that start with "_" are for layers to refer to each other by. */
static bool is_listed(const dim__layer *l) { return l->tap[0] != '\0' && l->tap[0] != '_'; }

int dim_encoder_tap_count(const dim_encoder *enc)
{
    int count = 0;
    for (int64_t i = 0; enc != NULL && i < enc->stack.count; i++)
        count += is_listed(&enc->stack.layers[i]);
    return count;
}

const char *dim_encoder_tap_name(const dim_encoder *enc, int index)
{
    for (int64_t i = 0; enc != NULL && index >= 0 && i < enc->stack.count; i++)
        if (is_listed(&enc->stack.layers[i]) && index-- == 0)
            return enc->stack.layers[i].tap;
    return NULL;
}

dim_status dim_encoder_tap_shape(const dim_encoder *enc, const char *tap, int64_t shape[3])
{
    int64_t layer;
    if (enc == NULL)
        return DIM_E_INVALID;
    if (shape == NULL)
        return dim__fail(enc->ctx, DIM_E_INVALID, "dim_encoder_tap_shape: shape is NULL");
    DIM__TRY(dim__encoder_tap(enc, tap, &layer));
    memcpy(shape, enc->stack.layers[layer].out, 3 * sizeof *shape);
    shape[1] = dim__map_height(shape);
    shape[2] = dim__map_width(shape);
    return DIM_OK;
}

dim_status dim_encoder_encode(dim_encoder *enc, const dim_tensor *images, const char *tap, dim_tensor *features)
{
    int64_t layer;
    if (enc == NULL)
        return DIM_E_INVALID;
    if (images == NULL || features == NULL)
        return dim__fail(enc->ctx, DIM_E_INVALID, "dim_encoder_encode: %s is NULL",
                         images == NULL ? "images" : "features");
    DIM__TRY(dim__encoder_tap(enc, tap, &layer));
    return dim__encoder_encode(enc, 1, &images, layer, features);
}

dim_status dim_encoder_encode_inputs(dim_encoder *enc, int count, const dim_tensor *const *inputs, const char *tap,
                                     dim_tensor *features)
{
    int64_t layer;
    if (enc == NULL)
        return DIM_E_INVALID;
    if (inputs == NULL || features == NULL)
        return dim__fail(enc->ctx, DIM_E_INVALID, "dim_encoder_encode_inputs: %s is NULL",
                         inputs == NULL ? "inputs" : "features");
    DIM__TRY(dim__encoder_tap(enc, tap, &layer));
    return dim__encoder_encode(enc, count, inputs, layer, features);
}

int dim_encoder_parameter_count(const dim_encoder *enc)
{
    if (enc == NULL)
        return 0;
    dim__param_group group = group_of(enc);
    return (int)dim__params_visible(&group, 1);
}

const char *dim_encoder_parameter_name(const dim_encoder *enc, int index)
{
    char name[DIM__FULL_NAME_SIZE];
    if (enc == NULL)
        return NULL;
    dim__param_group group = group_of(enc);
    const dim__param *p = dim__params_at(&group, 1, index, name);
    return p == NULL ? NULL : p->name;
}

dim_status dim_encoder_get_parameter(const dim_encoder *enc, const char *name, dim_tensor **out)
{
    if (enc == NULL)
        return DIM_E_INVALID;
    if (name == NULL || out == NULL)
        return dim__fail(enc->ctx, DIM_E_INVALID, "dim_encoder_get_parameter: %s is NULL",
                         name == NULL ? "name" : "out");
    dim__param_group group = group_of(enc);
    return dim__params_get_tensor(enc->ctx, &group, 1, name, out);
}

dim_status dim_encoder_set_parameter(dim_encoder *enc, const char *name, const dim_tensor *values)
{
    if (enc == NULL)
        return DIM_E_INVALID;
    if (name == NULL || values == NULL)
        return dim__fail(enc->ctx, DIM_E_INVALID, "dim_encoder_set_parameter: %s is NULL",
                         name == NULL ? "name" : "values");
    dim__param_group group = group_of(enc);
    return dim__params_set_tensor(enc->ctx, &group, 1, name, values);
}

dim_status dim_encoder_save(const dim_encoder *enc, const char *path)
{
    if (enc == NULL)
        return DIM_E_INVALID;
    if (path == NULL)
        return dim__fail(enc->ctx, DIM_E_INVALID, "dim_encoder_save: path is NULL");
    dim__param_group group = group_of(enc);
    return dim__network_save(enc, &group, 1, path);
}

dim_status dim_encoder_load(dim_encoder *enc, const char *path)
{
    if (enc == NULL)
        return DIM_E_INVALID;
    if (path == NULL)
        return dim__fail(enc->ctx, DIM_E_INVALID, "dim_encoder_load: path is NULL");
    dim__param_group group = group_of(enc);
    return dim__params_load(enc->ctx, &group, 1, "encoder.", path);
}

dim_status dim_encoder_open(dim_context *ctx, const char *path, dim_encoder **out)
{
    if (ctx == NULL)
        return DIM_E_INVALID;
    if (path == NULL || out == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "dim_encoder_open: %s is NULL", path == NULL ? "path" : "out");
    return dim__network_open(ctx, path, out);
}

void dim_encoder_destroy(dim_encoder *enc) { dim__encoder_release(enc); }
