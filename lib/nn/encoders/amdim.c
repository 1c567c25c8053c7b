/* AMDIM's encoders (arXiv 1906.00910, appendix): residual blocks without padding, whose second convolution
 * starts at zero, and the networks phi_5 and phi_7 into the space of the scores.  With block_norm the norms are those of
 * the authors' code. */
#include "nn/encoder.h"

#include <stdio.h>

typedef struct block { /* names of layers: "<name>.conv1" and so on */
    dim__stack *s;
    bool norm;
    char name[DIM__TAP_SIZE - 10]; /* room for ".shortcut" */
} block;

static dim_status layer(const block *b, const char *what, dim_layer_options o)
{
    char name[DIM__TAP_SIZE];
    snprintf(name, sizeof name, "%s.%s", b->name, what);
    o.name = name;
    return dim__add(b->s, o);
}

/* c2(relu(c1(x))) + skip: c1 k x k stride s, c2 1x1; skip the average pool, channels padded with zeros. */
static dim_status res_nxn(const block *b, uint32_t out, uint32_t k, uint32_t stride, const char *tap)
{
    dim__stack *s = b->s;
    char x[DIM__TAP_SIZE], branch[DIM__TAP_SIZE];
    snprintf(x, sizeof x, "%s", dim__tap_here(s));
    DIM__TRY(
        layer(b, "conv1",
              (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = out, .kernel = k, .stride = stride, .no_bias = 1 }));
    if (b->norm)
        DIM__TRY(layer(b, "bn1", (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM }));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_RELU }));
    DIM__TRY(layer(b, "conv2", (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = out, .kernel = 1, .no_bias = 1,
                                                   .init = DIM_LAYER_INIT_ZERO }));
    snprintf(branch, sizeof branch, "%s", dim__tap_here(s));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = x }));
    if (k > 1)
        DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_AVG_POOL, .kernel = k, .stride = stride }));
    if (s->layers[s->count - 1].out[0] < (int64_t)out)
        DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_PAD_CHANNELS, .out = out }));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_ADD, .from = branch, .tap = tap });
}

static dim_status res_block(dim__stack *s, const dim_encoder_options *o, const char *name, uint32_t out, uint32_t k,
                            uint32_t stride, const char *tap)
{
    for (uint32_t i = 0; i < o->depth; i++) {
        block b = { s, o->block_norm != 0, "" };
        snprintf(b.name, sizeof b.name, "%s.%u", name, i);
        DIM__TRY(res_nxn(&b, out, i == 0 ? k : 1, i == 0 ? stride : 1, i + 1 == o->depth ? tap : NULL));
    }
    return DIM_OK;
}

static dim_status stem_conv(dim__stack *s, const dim_encoder_options *o, const char *name, dim_layer_options conv)
{
    block b = { s, o->block_norm != 0, "" };
    snprintf(b.name, sizeof b.name, "%s", name);
    conv.kind = DIM_LAYER_CONV;
    conv.out = o->ndf;
    conv.no_bias = 1;
    DIM__TRY(layer(&b, "conv", conv));
    if (b.norm)
        DIM__TRY(layer(&b, "bn", (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM }));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_RELU });
}

/* phi: c2(relu(c1 x)) + S x, batch norm; with block_norm c1 has one of its own. */
static dim_status phi(dim__stack *s, const dim_encoder_options *o, const char *from, const char *tap)
{
    block b = { s, o->block_norm != 0, "" };
    char branch[DIM__TAP_SIZE];
    snprintf(b.name, sizeof b.name, "%s", tap);
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = from }));
    DIM__TRY(
        layer(&b, "conv1", (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = o->units, .kernel = 1, .no_bias = 1 }));
    if (b.norm)
        DIM__TRY(layer(&b, "bn1", (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM }));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_RELU }));
    DIM__TRY(layer(&b, "conv2", (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = o->units, .kernel = 1, .no_bias = 1,
                                                    .init = DIM_LAYER_INIT_ZERO }));
    snprintf(branch, sizeof branch, "%s", dim__tap_here(s));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = from }));
    DIM__TRY(layer(&b, "shortcut", (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = o->units, .kernel = 1,
                                                       .init = DIM_LAYER_INIT_IDENTITY }));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_ADD, .from = branch }));
    return layer(&b, "bn", (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM, .tap = tap });
}

/* The mean over the locations of a map, "<map>_mean": what probes read. */
static dim_status mean_of(dim__stack *s, const char *from, const char *tap)
{
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = from }));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_GLOBAL_AVG, .tap = tap });
}

/* From the last block of the stem on: f7, f5, f1, and phi_7, phi_5. */
static dim_status finish(dim__stack *s, const dim_encoder_options *o, uint32_t width)
{
    block last = { s, o->block_norm != 0, "to1" };
    DIM__TRY(res_block(s, o, "to7", width, 2, 2, o->block_norm ? NULL : "f7"));
    if (o->block_norm)
        DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM, .name = "bn7", .tap = "f7" }));
    DIM__TRY(res_block(s, o, "to5", width, 3, 1, "f5"));
    DIM__TRY(res_block(s, o, "to3", width, 3, 1, NULL));
    DIM__TRY(res_nxn(&last, o->units, 3, 1, NULL));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM, .name = "bn1" }));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FLATTEN, .tap = "f1" }));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "f1", .tap = "global" }));
    DIM__TRY(phi(s, o, "f7", "phi7"));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "phi7", .tap = "local" }));
    DIM__TRY(mean_of(s, "phi7", "phi7_mean"));
    DIM__TRY(phi(s, o, "f5", "phi5"));
    return mean_of(s, "phi5", "phi5_mean");
}

static const dim__range ndf_range = DIM__UP_TO(1048576), depth_range = DIM__UP_TO(64);
static const dim__field fields[] = { /* which other kinds do not look at */
    DIM__QUIET(dim_encoder_options, ndf, U32, &ndf_range, 0),
    DIM__QUIET(dim_encoder_options, depth, U32, &depth_range, 0),
    DIM__QUIET(dim_encoder_options, block_norm, U32, &dim__switch, 0),
};
static const dim__table table = DIM__TABLE(dim_encoder_options, fields);

static dim_status check(dim__stack *s, const dim_encoder_options *o)
{
    DIM__TRY(dim__options_check(s->ctx, "dim_encoder_options.", &table, o));
    uint32_t least = o->ndf * (s->inputs[0].shape[1] > 32 ? 8 : 4);
    if (o->units < least)
        return dim__fail(s->ctx, DIM_E_INVALID,
                         "units is %u, but the last block pads its channels: it needs %u at least", o->units, least);
    return DIM_OK;
}

static dim_status build_amdim32(dim__stack *s, const dim_encoder_options *o)
{
    block first = { s, o->block_norm != 0, "block1" };
    DIM__TRY(check(s, o));
    DIM__TRY(stem_conv(s, o, "stem", (dim_layer_options){ .kernel = 3 }));
    DIM__TRY(res_nxn(&first, o->ndf, 1, 1, NULL));
    DIM__TRY(res_block(s, o, "block2", 2 * o->ndf, 4, 2, NULL));
    return finish(s, o, 4 * o->ndf);
}

static dim_status build_amdim64(dim__stack *s, const dim_encoder_options *o)
{
    DIM__TRY(check(s, o));
    DIM__TRY(stem_conv(s, o, "stem", (dim_layer_options){ .kernel = 3 }));
    DIM__TRY(res_block(s, o, "block1", 2 * o->ndf, 4, 2, NULL));
    DIM__TRY(res_block(s, o, "block2", 4 * o->ndf, 4, 2, NULL));
    return finish(s, o, 8 * o->ndf);
}

static dim_status build_amdim128(dim__stack *s, const dim_encoder_options *o)
{
    DIM__TRY(check(s, o));
    DIM__TRY(stem_conv(s, o, "stem0", (dim_layer_options){ .kernel = 5, .stride = 2, .padding = 2,
                                                           .padding_mode = DIM_PADDING_REFLECT }));
    DIM__TRY(stem_conv(s, o, "stem", (dim_layer_options){ .kernel = 3 }));
    DIM__TRY(res_block(s, o, "block1", 2 * o->ndf, 4, 2, NULL));
    DIM__TRY(res_block(s, o, "block2", 4 * o->ndf, 4, 2, NULL));
    return finish(s, o, 8 * o->ndf);
}

const dim__encoder_def dim__encoder_amdim32 = { DIM_ENCODER_AMDIM32, "amdim32", 3, 32, 512, build_amdim32 };
const dim__encoder_def dim__encoder_amdim64 = { DIM_ENCODER_AMDIM64, "amdim64", 3, 64, 512, build_amdim64 };
const dim__encoder_def dim__encoder_amdim128 = { DIM_ENCODER_AMDIM128, "amdim128", 3, 128, 512, build_amdim128 };
