#include "nn/layers/layer.h"

#include <stdarg.h>
#include <stdio.h>

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
    if (tap[0] == '\0') /* what unnamed ones have */
        return DIM__LAYER_NONE;
    for (int k = 0; k < s->n_inputs; k++)
        if (strcmp(s->inputs[k].name, tap) == 0)
            return DIM__LAYER_INPUT(k);
    for (int64_t i = 0; i < s->count; i++)
        if (strcmp(s->layers[i].tap, tap) == 0)
            return i;
    return DIM__LAYER_NONE;
}

static const dim__input *input_of(const dim__stack *s, int64_t layer)
{
    return &s->inputs[DIM__LAYER_INPUT(layer)]; /* which undoes itself */
}

const char *dim__stack_name(const dim__stack *s, int64_t layer)
{
    return layer < 0 ? input_of(s, layer)->name : s->layers[layer].tap;
}

const int64_t *dim__stack_shape(const dim__stack *s, int64_t layer)
{
    return layer < 0 ? input_of(s, layer)->shape : s->layers[layer].out;
}

dim_status dim__layer_fail(const dim__stack *s, const dim__layer *l, dim_status status, const char *format, ...)
{
    char why[192];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    const int64_t *in = dim__stack_shape(s, l->input);
    if (dim__is_signal(in))
        return dim__fail(s->ctx, status, "layer %lld (%s) on an input of %lld x %lld (C, L): %s", (long long)s->count,
                         l->name, (long long)in[0], (long long)in[2], why);
    return dim__fail(s->ctx, status, "layer %lld (%s) on an input of %lld x %lld x %lld (C, H, W): %s",
                     (long long)s->count, l->name, (long long)in[0], (long long)in[1], (long long)in[2], why);
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
