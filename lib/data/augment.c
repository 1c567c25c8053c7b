/* Lists of operations: options, presets, shapes.  What an operation does is in augment_view.c. */
#include "data/augment.h"

#include "base/math.h"

static const char *const op_names[] = { "flip", "translate", "resized crop", "color jitter", "grayscale", "resize",
                                        "center crop", "normalize" };

static bool in_range(float x, float low, float high)
{
    return x >= low && x <= high; /* false for NaN */
}

static void defaults(dim_augment_op_options *o)
{
    if (o->sharing == DIM_AUGMENT_SHARING_DEFAULT)
        o->sharing = o->op == DIM_AUGMENT_OP_FLIP ? DIM_AUGMENT_SHARING_IMAGE : DIM_AUGMENT_SHARING_VIEW;
    if (o->p == 0)
        o->p = o->op == DIM_AUGMENT_OP_FLIP ? 0.5f : 1;
    if (o->shift == 0)
        o->shift = 4;
    if (o->area_min == 0)
        o->area_min = 0.3f;
    if (o->area_max == 0)
        o->area_max = 1;
    if (o->aspect_min == 0)
        o->aspect_min = 0.7f;
    if (o->aspect_max == 0)
        o->aspect_max = 1.4f;
    if (o->width == 0 && o->op != DIM_AUGMENT_OP_RESIZE)
        o->width = o->height;
}

static dim_status check_crop(dim_context *ctx, const dim_augment_op_options *o)
{
    if (!in_range(o->area_min, 1e-6f, 1) || !in_range(o->area_max, o->area_min, 1))
        return dim__fail(ctx, DIM_E_INVALID, "resized crop: area_min %g, area_max %g; they must be "
                         "1e-6 <= min <= max <= 1",
                         (double)o->area_min, (double)o->area_max);
    if (!in_range(o->aspect_min, 1e-3f, 1e3f) || !in_range(o->aspect_max, o->aspect_min, 1e3f))
        return dim__fail(ctx, DIM_E_INVALID, "resized crop: aspect_min %g, aspect_max %g; they must be "
                         "0.001 <= min <= max <= 1000", (double)o->aspect_min, (double)o->aspect_max);
    return DIM_OK;
}

static dim_status check_jitter(dim_context *ctx, const dim_augment_op_options *o)
{
    const float most = 1e3f;
    if (!in_range(o->brightness, 0, most) || !in_range(o->contrast, 0, most) || !in_range(o->saturation, 0, most))
        return dim__fail(ctx, DIM_E_INVALID, "color jitter: brightness %g, contrast %g, saturation %g; each must "
                         "be 0 to 1000", (double)o->brightness, (double)o->contrast, (double)o->saturation);
    if (!in_range(o->hue, 0, 0.5f))
        return dim__fail(ctx, DIM_E_INVALID, "color jitter: hue is %g; it must be 0 to 0.5", (double)o->hue);
    return DIM_OK;
}

static dim_status check_normalize(dim_context *ctx, const dim_augment_op_options *o)
{
    bool one = o->std[1] == 0 && o->std[2] == 0;
    for (int c = 0; c < (one ? 1 : 3); c++) {
        if (!isfinite(o->mean[c]))
            return dim__fail(ctx, DIM_E_INVALID, "normalize: mean[%d] is %g; it must be finite", c, (double)o->mean[c]);
        if (!in_range(o->std[c], 1e-6f, 1e6f))
            return dim__fail(ctx, DIM_E_INVALID, "normalize: std[%d] is %g; it must be above 0 (1e-6 to 1e6) for the "
                             "first channel or for all three", c, (double)o->std[c]);
    }
    return DIM_OK;
}

static dim_status check_op(dim_context *ctx, const dim_augment_op_options *o)
{
    const char *name = op_names[o->op];
    bool sized = o->op == DIM_AUGMENT_OP_RESIZE || o->op == DIM_AUGMENT_OP_CENTER_CROP;
    if (o->sharing < DIM_AUGMENT_SHARING_IMAGE || o->sharing > DIM_AUGMENT_SHARING_VIEW)
        return dim__fail(ctx, DIM_E_INVALID, "%s: sharing is %d, which is not a dim_augment_sharing",
                         name, (int)o->sharing);
    if (!in_range(o->p, 0, 1) || (o->p != 1 && sized))
        return dim__fail(ctx, DIM_E_INVALID, "%s: p is %g; it must be %s", name, (double)o->p, sized ? "1" : "0 to 1");
    if (o->height > DIM__AUGMENT_MAX_SIDE || o->width > DIM__AUGMENT_MAX_SIDE || (sized && o->height == 0))
        return dim__fail(ctx, DIM_E_INVALID, "%s: height is %u, width %u; each must be 1 to %d",
                         name, o->height, o->width, DIM__AUGMENT_MAX_SIDE);
    if (o->height == 0 && o->width != 0)
        return dim__fail(ctx, DIM_E_INVALID, "%s: height is 0, the image's, but width is %u; give both, or height alone "
                         "for a square", name, o->width);
    switch (o->op) {
    case DIM_AUGMENT_OP_RESIZED_CROP:
        return check_crop(ctx, o);
    case DIM_AUGMENT_OP_COLOR_JITTER:
        return check_jitter(ctx, o);
    case DIM_AUGMENT_OP_NORMALIZE:
        return check_normalize(ctx, o);
    default:
        return DIM_OK;
    }
}

static void set_normalize(dim__augment_list *list, const dim_augment_op_options *o)
{
    bool one = o->std[1] == 0 && o->std[2] == 0;
    for (int c = 0; c < 3; c++) {
        list->mean[c] = o->mean[one ? 0 : c];
        list->std[c] = o->std[one ? 0 : c];
    }
    list->normalize = true;
}

dim_status dim__augment_add(dim_augment *aug, const dim_augment_op_options *op)
{
    dim__augment_list *list = &aug->list;
    dim_augment_op_options o;
    DIM__TRY(dim__options_copy(aug->ctx, "dim_augment_op_options", &o, sizeof o, op));
    if ((int)o.op < 0 || (size_t)o.op >= sizeof op_names / sizeof *op_names)
        return dim__fail(aug->ctx, DIM_E_INVALID, "dim_augment_op_options: op is %d, which is not a dim_augment_op",
                         (int)o.op);
    defaults(&o);
    DIM__TRY(check_op(aug->ctx, &o));
    if (o.op == DIM_AUGMENT_OP_NORMALIZE) {
        set_normalize(list, &o);
        return DIM_OK;
    }
    if (list->count == DIM__AUGMENT_MAX_OPS)
        return dim__fail(aug->ctx, DIM_E_INVALID, "%s: an augmentation has at most %d operations", op_names[o.op],
                         DIM__AUGMENT_MAX_OPS);
    list->op[list->count++] = o;
    return DIM_OK;
}

/* The operations of AMDIM's three pipelines.  size 0: CIFAR's, which translates instead of cropping. */
static dim_status add_train(dim_augment *aug, uint32_t size, float hue)
{
    dim_augment_op_options flip, move, jitter, grey;
    DIM_OPTIONS_INIT(&flip);
    DIM_OPTIONS_INIT(&move);
    DIM_OPTIONS_INIT(&jitter);
    DIM_OPTIONS_INIT(&grey);
    flip.op = DIM_AUGMENT_OP_FLIP;
    move.op = size == 0 ? DIM_AUGMENT_OP_TRANSLATE : DIM_AUGMENT_OP_RESIZED_CROP;
    move.p = size == 0 ? 0.8f : 1;
    move.height = size;
    jitter.op = DIM_AUGMENT_OP_COLOR_JITTER;
    jitter.p = 0.8f;
    jitter.brightness = jitter.contrast = jitter.saturation = 0.4f;
    jitter.hue = hue;
    grey.op = DIM_AUGMENT_OP_GRAYSCALE;
    grey.p = 0.25f;
    DIM__TRY(dim__augment_add(aug, &flip));
    DIM__TRY(dim__augment_add(aug, &move));
    DIM__TRY(dim__augment_add(aug, &jitter));
    return dim__augment_add(aug, &grey);
}

static dim_status add_test(dim_augment *aug, uint32_t resize, uint32_t crop)
{
    dim_augment_op_options o;
    DIM_OPTIONS_INIT(&o);
    o.op = DIM_AUGMENT_OP_RESIZE;
    o.height = resize;
    DIM__TRY(dim__augment_add(aug, &o));
    o.op = DIM_AUGMENT_OP_CENTER_CROP;
    o.height = crop;
    return dim__augment_add(aug, &o);
}

static dim_status add_preset(dim_augment *aug, dim_augment_preset preset)
{
    /* Of CIFAR-10, STL-10 and ImageNet, as the authors' program has them. */
    static const float mean[3][3] = { { 125.3f / 255, 123.0f / 255, 113.9f / 255 }, { 0.43f, 0.42f, 0.39f },
                                      { 0.485f, 0.456f, 0.406f } };
    static const float std[3][3] = { { 63.0f / 255, 62.1f / 255, 66.7f / 255 }, { 0.27f, 0.26f, 0.27f },
                                     { 0.229f, 0.224f, 0.225f } };
    dim_augment_op_options o;
    switch (preset) {
    case DIM_AUGMENT_EMPTY:
        return DIM_OK;
    case DIM_AUGMENT_AMDIM32:
        DIM__TRY(add_train(aug, 0, 0.2f));
        break;
    case DIM_AUGMENT_AMDIM64:
        DIM__TRY(add_train(aug, 64, 0.2f));
        break;
    case DIM_AUGMENT_AMDIM128:
        DIM__TRY(add_train(aug, 128, 0.1f));
        break;
    case DIM_AUGMENT_AMDIM32_TEST:
        break;
    case DIM_AUGMENT_AMDIM64_TEST:
        DIM__TRY(add_test(aug, 70, 64));
        break;
    case DIM_AUGMENT_AMDIM128_TEST:
        DIM__TRY(add_test(aug, 146, 128));
        break;
    default:
        return dim__fail(aug->ctx, DIM_E_INVALID, "dim_augment_options: preset is %d, which is not a "
                         "dim_augment_preset", (int)preset);
    }
    DIM_OPTIONS_INIT(&o);
    o.op = DIM_AUGMENT_OP_NORMALIZE;
    int set = ((int)preset - DIM_AUGMENT_AMDIM32) % 3;
    memcpy(o.mean, mean[set], sizeof o.mean);
    memcpy(o.std, std[set], sizeof o.std);
    return dim__augment_add(aug, &o);
}

dim_status dim__augment_create(dim_context *ctx, const dim_augment_options *options, dim_augment **out)
{
    dim_augment_options o;
    DIM__TRY(dim__options_copy(ctx, "dim_augment_options", &o, sizeof o, options));
    if (o.reserved0 != 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_augment_options: reserved0 is %u; it must be 0", o.reserved0);
    dim_augment *aug = dim__calloc(ctx, 1, sizeof *aug);
    if (aug == NULL)
        return DIM_E_NOMEM;
    aug->ctx = dim__context_retain(ctx);
    dim_status status = add_preset(aug, o.preset);
    if (status == DIM_OK)
        *out = aug;
    else
        dim__augment_destroy(aug);
    return status;
}

void dim__augment_destroy(dim_augment *aug)
{
    if (aug == NULL)
        return;
    dim_context *ctx = aug->ctx;
    dim__free(ctx, aug);
    dim__context_release(ctx);
}

/* Shape after an operation: RESIZE with one size given keeps the aspect. */
static void shape_after(const dim_augment_op_options *o, int64_t shape[3])
{
    bool sized = o->op == DIM_AUGMENT_OP_RESIZED_CROP || o->op == DIM_AUGMENT_OP_RESIZE ||
                 o->op == DIM_AUGMENT_OP_CENTER_CROP;
    if (!sized || o->height == 0)
        return;
    int64_t h = shape[1], w = shape[2], side = o->height;
    shape[1] = o->width != 0 || h <= w ? side : side * h / w;
    shape[2] = o->width != 0 ? (int64_t)o->width : h <= w ? side * w / h : side;
}

static dim_status check_fit(dim_context *ctx, const dim_augment_op_options *o, const int64_t in[3],
                            const int64_t out[3])
{
    if (o->op == DIM_AUGMENT_OP_TRANSLATE && ((int64_t)o->shift >= in[1] || (int64_t)o->shift >= in[2]))
        return dim__fail(ctx, DIM_E_SHAPE, "translate: shift %u is not less than the sides of an image of %lld x %lld",
                         o->shift, (long long)in[1], (long long)in[2]);
    if (o->op == DIM_AUGMENT_OP_CENTER_CROP && (out[1] > in[1] || out[2] > in[2]))
        return dim__fail(ctx, DIM_E_SHAPE, "center crop: %lld x %lld is larger than an image of %lld x %lld",
                         (long long)out[1], (long long)out[2], (long long)in[1], (long long)in[2]);
    if (out[1] > DIM__AUGMENT_MAX_SIDE || out[2] > DIM__AUGMENT_MAX_SIDE)
        return dim__fail(ctx, DIM_E_SHAPE, "%s: an image of %lld x %lld becomes %lld x %lld; sides are at most %d",
                         op_names[o->op], (long long)in[1], (long long)in[2], (long long)out[1], (long long)out[2],
                         DIM__AUGMENT_MAX_SIDE);
    return DIM_OK;
}

dim_status dim__augment_fit_to(dim_context *ctx, const dim__augment_list *list, const int64_t image[3],
                               dim__augment_fit *out)
{
    int64_t shape[3] = { image[0], image[1], image[2] };
    size_t most = (size_t)(image[0] * image[1] * image[2]), resize = 0;
    if ((image[0] != 1 && image[0] != 3) || image[1] < 1 || image[2] < 1 || image[1] > DIM__AUGMENT_MAX_SIDE ||
        image[2] > DIM__AUGMENT_MAX_SIDE)
        return dim__fail(ctx, DIM_E_SHAPE, "an image of %lld x %lld x %lld (C, H, W) cannot be augmented: it must have "
                         "1 or 3 channels and sides of 1 to %d", (long long)image[0], (long long)image[1],
                         (long long)image[2], DIM__AUGMENT_MAX_SIDE);
    for (int i = 0; i < list->count; i++) {
        const dim_augment_op_options *o = &list->op[i];
        int64_t in[3] = { shape[0], shape[1], shape[2] };
        shape_after(o, shape);
        DIM__TRY(check_fit(ctx, o, in, shape));
        memcpy(out->after[i], shape, sizeof shape);
        size_t bytes = (size_t)(shape[0] * shape[1] * shape[2]), scratch = 0;
        if (o->op == DIM_AUGMENT_OP_RESIZED_CROP || o->op == DIM_AUGMENT_OP_RESIZE)
            scratch = dim__pixels_resize_scratch(in, shape[1], shape[2]);
        most = bytes > most ? bytes : most;
        resize = scratch > resize ? scratch : resize;
    }
    out->list = *list;
    memcpy(out->in, image, sizeof out->in);
    memcpy(out->out, shape, sizeof out->out);
    out->image_bytes = (most + 63) / 64 * 64;
    out->scratch = 2 * out->image_bytes + resize;
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 256; i++) {
            float x = (float)i / 255;
            out->value[c][i] = list->normalize ? (x - list->mean[c]) / list->std[c] : x;
        }
    return DIM_OK;
}
