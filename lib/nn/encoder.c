/* Making encoders. */
#include "nn/encoder.h"

#include "base/enums.h"

#include <math.h>
#include <stdio.h>

static const dim__encoder_def *const defs[] = {
#define X(name) &dim__encoder_##name,
#include "nn/encoders/encoder_list.def"
#undef X
};

static const dim__encoder_def *def_of(dim_encoder_kind kind)
{
    for (size_t i = 0; i < sizeof defs / sizeof *defs; i++)
        if (defs[i]->kind == kind)
            return defs[i];
    return NULL;
}

const char *dim__encoder_name(int kind)
{
    const dim__encoder_def *def = def_of((dim_encoder_kind)kind);
    return def != NULL ? def->name : NULL;
}

static const dim__range kinds = { .type = "dim_encoder_kind", .name = dim__encoder_name };

#define F(member, kind, range, usual) DIM__QUIET(dim_encoder_options, member, kind, range, usual)
static const dim__field fields[] = {
    F(kind, U32, &kinds, 0), F(channels, U32, &dim__width, 0), F(units, U32, &dim__width, 0), F(ndf, U32, NULL, 64),
    F(depth, U32, NULL, 3), F(init, U32, &dim__init_range, 0), F(reserved0, U32, &dim__reserved, 0),
};
#undef F
static const dim__table table = DIM__TABLE(dim_encoder_options, fields);

static dim_status check_pixels(dim_context *ctx, const dim_encoder_options *o)
{
    bool any = false;
    for (int i = 0; i < DIM_MAX_CHANNELS; i++)
        any = any || o->std[i] != 0 || o->mean[i] != 0;
    if (any && o->channels > DIM_MAX_CHANNELS)
        return dim__fail(ctx, DIM_E_INVALID, "mean and std are for at most %d channels, not %u", DIM_MAX_CHANNELS,
                         o->channels);
    for (uint32_t i = 0; any && i < o->channels; i++) {
        if (!(o->std[i] > 0) || !isfinite(o->std[i]))
            return dim__fail(ctx, DIM_E_INVALID, "std[%u] is %g; it must be above 0", i, (double)o->std[i]);
        if (!isfinite(o->mean[i]))
            return dim__fail(ctx, DIM_E_INVALID, "mean[%u] is %g; it must be finite", i, (double)o->mean[i]);
    }
    return DIM_OK;
}

dim_status dim__encoder_create(dim_context *ctx, const dim_encoder_options *options, dim_encoder **out)
{
    dim_encoder_options o;
    DIM__TRY(dim__options_read(ctx, &table, options, &o));
    const dim__encoder_def *def = def_of(o.kind);
    if (o.channels == 0)
        o.channels = def->channels;
    if (o.units == 0)
        o.units = def->units;
    DIM__TRY(dim__check_hidden(ctx, "dim_encoder_options", o.hidden));
    if (o.channels == 0)
        return dim__fail(ctx, DIM_E_INVALID, "an encoder of vectors needs their size in channels");
    dim__stack s = { .ctx = ctx };
    dim_status status = dim__stack_add_input(&s, "input", (int64_t[]){ o.channels, def->side, def->side });
    if (status == DIM_OK)
        status = def->build(&s, &o);
    if (status == DIM_OK)
        status = dim__encoder_from_stack(&s, &o, 0, out);
    if (status == DIM_OK)
        snprintf((*out)->made, sizeof (*out)->made, "%s, units %u, ndf %u, depth %u, block_norm %u", def->name, o.units,
                 o.ndf, o.depth, o.block_norm);
    dim__stack_free(&s); /* empty when the encoder took it */
    return status;
}

/* Parameters are declared by emitting the stack once, in training mode, for the smallest batch. */
static dim_status declare(dim_encoder *enc)
{
    dim__graph *g = NULL;
    dim__vid *out = dim__calloc(enc->ctx, (size_t)enc->stack.count, sizeof *out);
    dim_status status = out == NULL ? DIM_E_NOMEM : dim__graph_create(enc->ctx, &g);
    if (status == DIM_OK) {
        dim__scope scope = dim__encoder_scope(enc, g, true);
        dim__vid inputs[DIM_MAX_INPUTS];
        dim__encoder_emit_inputs(enc, g, 2, inputs);
        dim__encoder_emit(enc, &scope, inputs, out);
        status = dim__graph_status(g);
    }
    dim__graph_destroy(g);
    dim__free(enc->ctx, out);
    return status;
}

static dim_status check_global(dim_context *ctx, dim__stack *s)
{
    if (s->count == 0)
        return dim__fail(ctx, DIM_E_STATE, "the encoder has no layers");
    dim__layer *last = &s->layers[s->count - 1];
    if (dim__stack_tap(s, "global") != DIM__LAYER_NONE)
        return DIM_OK;
    if (dim__in_crops(last))
        return dim__fail(ctx, DIM_E_SHAPE, "the last layer (%s) gives crops; add a layer FOLD", last->name);
    if (last->tap[0] == '\0') {
        memcpy(last->tap, "global", sizeof "global");
        return DIM_OK;
    }
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = last->tap, .tap = "global" });
}

dim_status dim__encoder_from_stack(dim__stack *s, const dim_encoder_options *o, int64_t most, dim_encoder **out)
{
    dim_context *ctx = s->ctx;
    if (dim__init_name((int)o->init) == NULL) /* a builder's is not checked yet */
        return dim__fail(ctx, DIM_E_INVALID, "init is %d, which is not a dim_init", (int)o->init);
    DIM__TRY(check_pixels(ctx, o));
    DIM__TRY(check_global(ctx, s));
    dim_encoder *enc = dim__calloc(ctx, 1, sizeof *enc);
    if (enc == NULL)
        return DIM_E_NOMEM;
    enc->ctx = dim__context_retain(ctx);
    enc->refs = 1;
    enc->stack = *s;
    enc->init = o->init;
    memcpy(enc->made, "layers", sizeof "layers"); /* a builder's; dim__encoder_create() knows more */
    for (uint32_t i = 0; i < o->channels && i < DIM_MAX_CHANNELS; i++) {
        enc->mean[i] = o->mean[i];
        enc->std[i] = o->std[i];
        enc->normalise = enc->normalise || o->std[i] > 0;
    }
    enc->global = dim__stack_tap(s, "global");
    enc->gaussian = DIM__LAYER_NONE;
    for (int64_t i = 0; i < s->count; i++)
        if (s->layers[i].o.kind == DIM_LAYER_GAUSSIAN && !dim__in_crops(&s->layers[i]))
            enc->gaussian = i;
    dim__programs_init(&enc->programs, ctx, DIM__USUAL_PROGRAMS);
    dim__params_init(&enc->params, ctx, o->seed != 0 ? o->seed : ctx->seed);
    enc->params.most = most;
    enc->pieces = dim__calloc(ctx, (size_t)s->count, sizeof *enc->pieces);
    dim_status status = enc->pieces == NULL ? DIM_E_NOMEM : declare(enc);
    if (enc->params.too_many)
        status = DIM_E_FORMAT;
    enc->params.most = 0;
    if (status != DIM_OK) {
        memset(&enc->stack, 0, sizeof enc->stack); /* stays the caller's */
        enc->stack.ctx = ctx;
        dim__encoder_release(enc);
        return status;
    }
    *s = (dim__stack){ .ctx = ctx };
    *out = enc;
    return DIM_OK;
}

dim_encoder *dim__encoder_retain(dim_encoder *enc)
{
    enc->refs++;
    return enc;
}

void dim__encoder_release(dim_encoder *enc)
{
    if (enc == NULL || --enc->refs > 0)
        return;
    dim_context *ctx = enc->ctx;
    dim__programs_free(&enc->programs);
    dim__stack_free(&enc->stack);
    dim__params_free(&enc->params);
    dim__free(ctx, enc->pieces);
    dim__free(ctx, enc);
    dim__context_release(ctx);
}

dim__shape dim__encoder_input_shape(const dim_encoder *enc, int k, int64_t batch)
{
    return dim__batch_shape(batch, enc->stack.inputs[k].shape);
}

void dim__encoder_emit_inputs(const dim_encoder *enc, dim__graph *g, int64_t batch, dim__vid inputs[DIM_MAX_INPUTS])
{
    for (int k = 0; k < enc->stack.n_inputs; k++)
        inputs[k] = dim__graph_input(g, DIM_F32, dim__encoder_input_shape(enc, k, batch), false);
}

dim__scope dim__encoder_scope(dim_encoder *enc, dim__graph *g, bool training)
{
    return (dim__scope){ .g = g, .params = &enc->params, .training = training, .init = enc->init };
}

void dim__encoder_emit(const dim_encoder *enc, dim__scope *scope, const dim__vid *inputs, dim__vid *out)
{
    dim__stack_emit(&enc->stack, scope, inputs, 0, enc->stack.count - 1, 0, out);
}
