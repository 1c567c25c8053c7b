/* The residual encoders of the DIM paper for 32 x 32 images (its comparison with CPC), whole and folded: 7 x 7 crops of 8 x 8 go
 * through the blocks, each by itself, and become the 7 x 7 pixels of one map.
 *
 * The authors' foldresnet34_32x32 repeats the two blocks of stride 2 zero times, so that maps stay 4 x 4 and a batch comes out
 * 16 times as long; here they are there once, as in the others.  Its first stage has two blocks where resnet34 has three, there
 * and here. */
#include "nn/encoder.h"

#include <stdio.h>

typedef struct block { /* names of layers: "block1.conv1" and so on */
    dim__stack *s;
    uint32_t number;
} block;

static dim_status layer(const block *b, const char *what, uint32_t i, dim_layer_options o)
{
    char name[DIM__TAP_SIZE];
    snprintf(name, sizeof name, "block%u.%s%u", b->number, what, i);
    o.name = name;
    return dim__add(b->s, o);
}

static dim_status conv_bn(const block *b, uint32_t i, uint32_t out, uint32_t kernel, uint32_t stride)
{
    DIM__TRY(layer(b, "conv", i, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = out, .kernel = kernel, .stride = stride,
                                                      .padding = kernel / 2, .no_bias = 1 }));
    return layer(b, "bn", i, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM });
}

/* 1x1, 3x3 and 1x1 of four times the width, beside the shortcut, which is a 1x1 convolution where the shape changes. */
static dim_status add_block(block *b, uint32_t width, uint32_t stride, const char *tap)
{
    dim__stack *s = b->s;
    char x[DIM__TAP_SIZE], branch[DIM__TAP_SIZE];
    bool changes = stride != 1 || s->layers[s->count - 1].out[0] != 4 * (int64_t)width;
    b->number++;
    snprintf(x, sizeof x, "%s", dim__tap_here(s));
    DIM__TRY(conv_bn(b, 1, width, 1, 1));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_RELU }));
    DIM__TRY(conv_bn(b, 2, width, 3, stride));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_RELU }));
    DIM__TRY(conv_bn(b, 3, 4 * width, 1, 1));
    snprintf(branch, sizeof branch, "%s", dim__tap_here(s));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = x }));
    if (changes)
        DIM__TRY(conv_bn(b, 4, 4 * width, 1, stride));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_ADD, .from = branch }));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = tap });
}

typedef struct plan { /* numbers of blocks: of the first stage, and of each later one behind its block of stride 2 */
    uint32_t first, second, third;
} plan;

/* Taps only of whole images. */
static dim_status blocks(dim__stack *s, plan p, const char *second, const char *last)
{
    block b = { s, 0 };
    DIM__TRY(dim__add_conv_bn_relu(s, 64, 3, 2, 1, NULL));
    for (uint32_t i = 0; i < p.first; i++)
        DIM__TRY(add_block(&b, 64, 1, NULL));
    DIM__TRY(add_block(&b, 128, 2, second));
    for (uint32_t i = 0; i < p.second; i++)
        DIM__TRY(add_block(&b, 128, 1, NULL));
    DIM__TRY(add_block(&b, 256, 2, NULL));
    for (uint32_t i = 1; i <= p.third; i++)
        DIM__TRY(add_block(&b, 256, 1, i == p.third ? last : NULL));
    return DIM_OK;
}

static dim_status finish(dim__stack *s, const dim_encoder_options *o)
{
    DIM__TRY(dim__add_linear_bn_relu(s, 1024, "fc"));
    return dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = o->units, .tap = "global" });
}

static dim_status whole(dim__stack *s, const dim_encoder_options *o, plan p)
{
    DIM__TRY(blocks(s, p, "local", "conv"));
    return finish(s, o);
}

static dim_status folded(dim__stack *s, const dim_encoder_options *o, plan p)
{
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_CROPS, .kernel = 8, .stride = 4 }));
    DIM__TRY(blocks(s, p, NULL, NULL));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FOLD, .tap = "local" }));
    DIM__TRY(dim__add(s, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "local", .tap = "conv" }));
    return finish(s, o);
}

static const plan plan19 = { 2, 1, 1 }, plan34 = { 3, 5, 2 }, folded34 = { 2, 5, 2 };

static dim_status build_resnet19(dim__stack *s, const dim_encoder_options *o) { return whole(s, o, plan19); }
static dim_status build_resnet34(dim__stack *s, const dim_encoder_options *o) { return whole(s, o, plan34); }
static dim_status build_foldresnet19(dim__stack *s, const dim_encoder_options *o) { return folded(s, o, plan19); }
static dim_status build_foldresnet34(dim__stack *s, const dim_encoder_options *o) { return folded(s, o, folded34); }

const dim__encoder_def dim__encoder_resnet19 = { DIM_ENCODER_RESNET19, "resnet19", 3, 32, 64, build_resnet19 };
const dim__encoder_def dim__encoder_resnet34 = { DIM_ENCODER_RESNET34, "resnet34", 3, 32, 64, build_resnet34 };
const dim__encoder_def dim__encoder_foldresnet19 = { DIM_ENCODER_FOLDRESNET19, "foldresnet19", 3, 32, 64, build_foldresnet19 };
const dim__encoder_def dim__encoder_foldresnet34 = { DIM_ENCODER_FOLDRESNET34, "foldresnet34", 3, 32, 64, build_foldresnet34 };
