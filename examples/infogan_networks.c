/* G and D by a preset's tables; and values side by side. */
#include "infogan.h"

enum { MOST_LAYERS = 64 + 3 * INFOGAN_MOST_CODES };

typedef struct layers {
    dim_layer_options list[MOST_LAYERS];
    size_t n;
} layers;

#define ADD(l, ...) ((l)->list[(l)->n++] = (dim_layer_options){ __VA_ARGS__ })

static void add_linear(layers *l, uint32_t out)
{
    ADD(l, .kind = DIM_LAYER_LINEAR, .out = out);
    ADD(l, .kind = DIM_LAYER_BATCH_NORM);
    ADD(l, .kind = DIM_LAYER_RELU);
}

/* Weights N(0, 0.02), as the authors' program begins. */
static dim_network *build(ex_run *run, const int64_t shape[3], const layers *l, bool unit_pixels)
{
    dim_network *network = NULL;
    dim_encoder_builder *b = NULL;
    dim_encoder_options o;
    DIM_OPTIONS_INIT(&o);
    o.init = DIM_INIT_DCGAN;
    for (int64_t c = 0; c < shape[0] && unit_pixels; c++)
        o.std[c] = 1; /* x / 255; else bytes are in [-1, 1] */
    EX_TRY(run, dim_encoder_builder_create(run->ctx, (uint32_t)shape[0], (uint32_t)shape[1], (uint32_t)shape[2], &b));
    for (size_t i = 0; i < l->n; i++)
        ex_add_layer(run, b, l->list[i]);
    EX_TRY(run, dim_encoder_builder_finish(b, &o, &network));
    dim_encoder_builder_destroy(b);
    return network;
}

dim_network *infogan_generator(ex_run *run, const infogan *own, int64_t width)
{
    const infogan_preset *p = own->preset;
    layers l = { .n = 0 };
    if (p->g > 0)
        add_linear(&l, p->g);
    add_linear(&l, p->map * p->side * p->side);
    ADD(&l, .kind = DIM_LAYER_UNFLATTEN, .out = p->map, .height = p->side);
    for (const infogan_window *w = p->up; w->out > 0; w++) {
        ADD(&l, .kind = DIM_LAYER_CONV_TRANSPOSE, .out = w->out, .kernel = 4, .stride = w->stride, .padding = w->padding);
        if (w->norm)
            ADD(&l, .kind = DIM_LAYER_BATCH_NORM);
        if (w[1].out > 0)
            ADD(&l, .kind = DIM_LAYER_RELU);
    }
    ADD(&l, .kind = own->tanh ? DIM_LAYER_TANH : DIM_LAYER_SIGMOID);
    return build(run, (int64_t[]){ width, 0, 0 }, &l, false);
}

static void add_leaky(layers *l, bool norm, float leak, const char *tap)
{
    if (norm)
        ADD(l, .kind = DIM_LAYER_BATCH_NORM);
    ADD(l, .kind = DIM_LAYER_LEAKY_RELU, .slope = leak, .tap = tap);
}

/* D and Q: one trunk, the logit of "true", and all numbers of Q from one layer, of which each code has its own. */
dim_network *infogan_discriminator(ex_run *run, const infogan *own)
{
    const infogan_preset *p = own->preset;
    char taps[INFOGAN_MOST_CODES][40];
    int64_t variances = own->logit - (own->learned ? own->n_codes - own->n_categorical : 0); /* where they begin */
    layers l = { .n = 0 };
    for (const infogan_window *w = p->down; w->out > 0; w++) {
        ADD(&l, .kind = DIM_LAYER_CONV, .out = w->out, .kernel = 4, .stride = w->stride, .padding = w->padding);
        add_leaky(&l, w->norm, run->o.leak, w[1].out == 0 && p->trunk == 0 ? "trunk" : NULL);
    }
    if (p->trunk > 0) {
        ADD(&l, .kind = DIM_LAYER_LINEAR, .out = p->trunk);
        add_leaky(&l, true, run->o.leak, "trunk");
    }
    ADD(&l, .kind = DIM_LAYER_LINEAR, .out = 1, .name = "true", .tap = "logit");
    ADD(&l, .kind = DIM_LAYER_FROM, .from = "trunk");
    if (p->q > 0) {
        ADD(&l, .kind = DIM_LAYER_LINEAR, .out = p->q, .name = "q1");
        add_leaky(&l, true, run->o.leak, NULL);
    }
    ADD(&l, .kind = DIM_LAYER_LINEAR, .out = (uint32_t)own->logit, .name = "q", .tap = "q");
    for (int i = 0; i < own->n_codes; i++) {
        const infogan_code *c = &own->code[i];
        ADD(&l, .kind = DIM_LAYER_FROM, .from = "q");
        ADD(&l, .kind = DIM_LAYER_SLICE, .start = (uint32_t)c->at, .out = c->classes > 0 ? (uint32_t)c->classes : 1, .tap = c->name);
        if (c->classes > 0 || !own->learned)
            continue;
        snprintf(taps[i], sizeof taps[i], "%s_logvar", c->name);
        ADD(&l, .kind = DIM_LAYER_FROM, .from = "q");
        ADD(&l, .kind = DIM_LAYER_SLICE, .start = (uint32_t)(variances + i - own->n_categorical), .out = 1, .tap = taps[i]);
    }
    ADD(&l, .kind = DIM_LAYER_FROM, .from = "q");
    ADD(&l, .kind = DIM_LAYER_CONCAT, .from = "logit", .tap = "all");
    return build(run, p->shape, &l, !own->tanh);
}

/* At most DIM_MAX_INPUTS values at once, one of which is what was joined before. */
void infogan_join(ex_run *run, dim_objective *o, const char *const *values, const int64_t *widths, int n, char name[INFOGAN_NAME])
{
    int64_t width = widths[0];
    snprintf(name, INFOGAN_NAME, "%s", values[0]);
    for (int at = 1, end; at < n; at = end) {
        char of[DIM_MAX_INPUTS * (INFOGAN_NAME + 1)];
        dim_network *network = NULL;
        dim_encoder_builder *b = NULL;
        size_t used = (size_t)snprintf(of, sizeof of, "%s", name);
        end = n - at < DIM_MAX_INPUTS - 1 ? n : at + DIM_MAX_INPUTS - 1;
        EX_TRY(run, dim_encoder_builder_create(run->ctx, (uint32_t)width, 0, 0, &b));
        for (int i = at; i < end; i++) {
            EX_TRY(run, dim_encoder_builder_add_input(b, values[i], (uint32_t)widths[i], 0, 0));
            ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = values[i] });
            used += (size_t)snprintf(of + used, sizeof of - used, " %s", values[i]);
            width += widths[i];
        }
        EX_TRY(run, dim_encoder_builder_finish(b, NULL, &network));
        dim_encoder_builder_destroy(b);
        snprintf(name, INFOGAN_NAME, "joined%d", end);
        EX_TRY(run, dim_objective_apply(o, network, of, name));
        dim_encoder_destroy(network);
    }
}
