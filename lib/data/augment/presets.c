/* AMDIM's lists of operations, as the authors' program has them. */
#include "data/augment/augment.h"

typedef struct pixels {
    float mean[3], std[3];
} pixels;

static const pixels cifar10 = { { 125.3f / 255, 123.0f / 255, 113.9f / 255 },
                                { 63.0f / 255, 62.1f / 255, 66.7f / 255 } };
static const pixels stl10 = { { 0.43f, 0.42f, 0.39f }, { 0.27f, 0.26f, 0.27f } };
static const pixels imagenet = { { 0.485f, 0.456f, 0.406f }, { 0.229f, 0.224f, 0.225f } };

typedef struct preset {
    bool train;
    uint32_t size;        /* of the views; 0: the images'; training then translates instead of cropping */
    uint32_t resize;      /* to which the smaller side comes before a test's crop */
    float hue;            /* training's jitter */
    const pixels *pixels; /* NULL: no operations at all */
} preset;

static const preset presets[] = {
    [DIM_AUGMENT_EMPTY] = { .pixels = NULL },
    [DIM_AUGMENT_AMDIM32] = { .train = true, .hue = 0.2f, .pixels = &cifar10 },
    [DIM_AUGMENT_AMDIM64] = { .train = true, .size = 64, .hue = 0.2f, .pixels = &stl10 },
    [DIM_AUGMENT_AMDIM128] = { .train = true, .size = 128, .hue = 0.1f, .pixels = &imagenet },
    [DIM_AUGMENT_AMDIM32_TEST] = { .pixels = &cifar10 },
    [DIM_AUGMENT_AMDIM64_TEST] = { .size = 64, .resize = 70, .pixels = &stl10 },
    [DIM_AUGMENT_AMDIM128_TEST] = { .size = 128, .resize = 146, .pixels = &imagenet },
};

static dim_status add_train(dim_augment *aug, const preset *as)
{
    dim_augment_op_options flip, move, jitter, grey;
    DIM_OPTIONS_INIT(&flip);
    DIM_OPTIONS_INIT(&move);
    DIM_OPTIONS_INIT(&jitter);
    DIM_OPTIONS_INIT(&grey);
    flip.op = DIM_AUGMENT_OP_FLIP;
    move.op = as->size == 0 ? DIM_AUGMENT_OP_TRANSLATE : DIM_AUGMENT_OP_RESIZED_CROP;
    move.p = as->size == 0 ? 0.8f : 1;
    move.height = as->size;
    jitter.op = DIM_AUGMENT_OP_COLOR_JITTER;
    jitter.p = 0.8f;
    jitter.brightness = jitter.contrast = jitter.saturation = 0.4f;
    jitter.hue = as->hue;
    grey.op = DIM_AUGMENT_OP_GRAYSCALE;
    grey.p = 0.25f;
    DIM__TRY(dim__augment_add(aug, &flip));
    DIM__TRY(dim__augment_add(aug, &move));
    DIM__TRY(dim__augment_add(aug, &jitter));
    return dim__augment_add(aug, &grey);
}

static dim_status add_test(dim_augment *aug, const preset *as)
{
    dim_augment_op_options o;
    if (as->size == 0)
        return DIM_OK;
    DIM_OPTIONS_INIT(&o);
    o.op = DIM_AUGMENT_OP_RESIZE;
    o.height = as->resize;
    DIM__TRY(dim__augment_add(aug, &o));
    o.op = DIM_AUGMENT_OP_CENTER_CROP;
    o.height = as->size;
    return dim__augment_add(aug, &o);
}

dim_status dim__augment_add_preset(dim_augment *aug, dim_augment_preset number)
{
    dim_augment_op_options o;
    if ((int)number < 0 || (size_t)number >= sizeof presets / sizeof *presets)
        return dim__fail(aug->ctx, DIM_E_INVALID, "dim_augment_options: preset is %d, which is not a "
                         "dim_augment_preset", (int)number);
    const preset *as = &presets[number];
    if (as->pixels == NULL)
        return DIM_OK;
    DIM__TRY(as->train ? add_train(aug, as) : add_test(aug, as));
    DIM_OPTIONS_INIT(&o);
    o.op = DIM_AUGMENT_OP_NORMALIZE;
    memcpy(o.mean, as->pixels->mean, sizeof o.mean);
    memcpy(o.std, as->pixels->std, sizeof o.std);
    return dim__augment_add(aug, &o);
}
