/* Layers as nodes. */
#include "nn/layers/layer.h"

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

static dim__vid value_of(int64_t layer, const dim__vid *before, int64_t first, const dim__vid *out)
{
    return layer < first ? before[first - 1 - layer] : out[layer];
}

void dim__stack_emit(const dim__stack *s, const dim__scope *scope, const dim__vid *before, int64_t first, int64_t last,
                     int64_t units, dim__vid *out)
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
        dim__vid in = value_of(l->input, before, first, out);
        dim__vid from = l->from == DIM__LAYER_NONE ? DIM__NONE : value_of(l->from, before, first, out);
        dim__layer_in e = { scope, l, dim__stack_shape(s, l->input), in, from, i == widened ? units : 0 };
        out[i] = l->def->emit(&e);
    }
}
