/* Lists of operations: what is added, and what it makes of an image's shape. */
#include "data/augment/op.h"

#include "base/enums.h"

#include <stdio.h>

static const dim__augment_def *const defs[] = {
#define X(VALUE, name) [DIM_AUGMENT_OP_##VALUE] = &dim__augment_op_##name,
#include "data/augment/augment_list.def"
#undef X
};

const dim__augment_def *dim__augment_def_of(dim_augment_op op)
{
    bool known = (int)op >= 0 && (size_t)op < sizeof defs / sizeof *defs;
    return known ? defs[op] : NULL;
}

const char *dim__augment_op_name(int op)
{
    const dim__augment_def *def = dim__augment_def_of((dim_augment_op)op);
    return def != NULL ? def->name : NULL;
}

#define F(member, kind, range, usual) DIM__FIELD(dim_augment_op_options, member, kind, range, usual)
/* Operations check those that they look at. */
static const dim__field fields[] = {
    F(sharing, U32, &dim__sharing_range, 0),
    F(p, F32, &dim__share, 0),
    F(shift, U32, NULL, 4),
    F(height, U32, NULL, 0),
    F(width, U32, NULL, 0),
    F(area_min, F32, NULL, 0.3),
    F(area_max, F32, NULL, 1),
    F(aspect_min, F32, NULL, 0.7),
    F(aspect_max, F32, NULL, 1.4),
    F(brightness, F32, NULL, 0),
    F(contrast, F32, NULL, 0),
    F(saturation, F32, NULL, 0),
    F(hue, F32, NULL, 0),
};
#undef F
const dim__table dim__augment_op_table = DIM__TABLE(dim_augment_op_options, fields);

static void fill(const dim__augment_def *def, dim_augment_op_options *o)
{
    dim__options_fill(&dim__augment_op_table, o);
    if (o->sharing == DIM_AUGMENT_SHARING_DEFAULT)
        o->sharing = def->sharing;
    if (o->p == 0)
        o->p = def->p;
    if (o->width == 0 && !def->keeps_aspect)
        o->width = o->height;
}

static dim_status check(dim_context *ctx, const dim__augment_def *def, const dim_augment_op_options *o)
{
    const char *name = def->name;
    if (def->always && o->p != 1)
        return dim__fail(ctx, DIM_E_INVALID, "%s: p is %g; it must be 1", name, (double)o->p);
    if (o->height > DIM__AUGMENT_MAX_SIDE || o->width > DIM__AUGMENT_MAX_SIDE || (def->sized && o->height == 0))
        return dim__fail(ctx, DIM_E_INVALID, "%s: height is %u, width %u; each must be 1 to %d",
                         name, o->height, o->width, DIM__AUGMENT_MAX_SIDE);
    if (o->height == 0 && o->width != 0)
        return dim__fail(ctx, DIM_E_INVALID, "%s: height is 0, the image's, but width is %u; give both, or height "
                         "alone for a square", name, o->width);
    return def->check != NULL ? def->check(ctx, o) : DIM_OK;
}

dim_status dim__augment_add(dim_augment *aug, const dim_augment_op_options *op)
{
    char where[32];
    dim__augment_list *list = &aug->list;
    dim_augment_op_options o;
    DIM__TRY(dim__options_copy(aug->ctx, "dim_augment_op_options", &o, sizeof o, op));
    const dim__augment_def *def = dim__augment_def_of(o.op);
    if (def == NULL)
        return dim__fail(aug->ctx, DIM_E_INVALID, "dim_augment_op_options: op is %d, which is not a dim_augment_op",
                         (int)o.op);
    snprintf(where, sizeof where, "%s: ", def->name);
    DIM__TRY(dim__options_check(aug->ctx, where, &dim__augment_op_table, &o));
    fill(def, &o);
    DIM__TRY(check(aug->ctx, def, &o));
    if (def->set != NULL) {
        def->set(list, &o);
        return DIM_OK;
    }
    if (list->count == DIM__AUGMENT_MAX_OPS)
        return dim__fail(aug->ctx, DIM_E_INVALID, "%s: an augmentation has at most %d operations", def->name,
                         DIM__AUGMENT_MAX_OPS);
    list->op[list->count++] = o;
    return DIM_OK;
}

static dim_status shape_after(dim_context *ctx, const dim_augment_op_options *o, const int64_t in[3], int64_t out[3])
{
    const dim__augment_def *def = dim__augment_def_of(o->op);
    if (def->shape != NULL)
        DIM__TRY(def->shape(ctx, o, in, out));
    if (out[1] > DIM__AUGMENT_MAX_SIDE || out[2] > DIM__AUGMENT_MAX_SIDE)
        return dim__fail(ctx, DIM_E_SHAPE, "%s: an image of %lld x %lld becomes %lld x %lld; sides are at most %d",
                         def->name, (long long)in[1], (long long)in[2], (long long)out[1], (long long)out[2],
                         DIM__AUGMENT_MAX_SIDE);
    return DIM_OK;
}

dim_status dim__augment_fit_to(dim_context *ctx, const dim__augment_list *list, const int64_t image[3],
                               dim__augment_fit *out)
{
    int64_t shape[3] = { image[0], image[1], image[2] };
    size_t most, scratch = 0;
    if ((image[0] != 1 && image[0] != 3) || image[1] < 1 || image[2] < 1 || image[1] > DIM__AUGMENT_MAX_SIDE ||
        image[2] > DIM__AUGMENT_MAX_SIDE)
        return dim__fail(ctx, DIM_E_SHAPE, "an image of %lld x %lld x %lld (C, H, W) cannot be augmented: it must have "
                         "1 or 3 channels and sides of 1 to %d", (long long)image[0], (long long)image[1],
                         (long long)image[2], DIM__AUGMENT_MAX_SIDE);
    most = (size_t)(image[0] * image[1] * image[2]); /* which fits now */
    for (int i = 0; i < list->count; i++) {
        const dim__augment_def *def = dim__augment_def_of(list->op[i].op);
        int64_t in[3] = { shape[0], shape[1], shape[2] };
        DIM__TRY(shape_after(ctx, &list->op[i], in, shape));
        memcpy(out->after[i], shape, sizeof shape);
        size_t bytes = (size_t)(shape[0] * shape[1] * shape[2]);
        size_t extra = def->scratch != NULL ? def->scratch(in, shape) : 0;
        most = bytes > most ? bytes : most;
        scratch = extra > scratch ? extra : scratch;
    }
    out->list = *list;
    memcpy(out->in, image, sizeof out->in);
    memcpy(out->out, shape, sizeof out->out);
    out->image_bytes = (most + 63) / 64 * 64;
    out->scratch = 2 * out->image_bytes + scratch;
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 256; i++) {
            float x = (float)i / 255;
            out->value[c][i] = list->normalize ? (x - list->mean[c]) / list->std[c] : x;
        }
    return DIM_OK;
}

dim_status dim__augment_shape(const dim_augment *aug, const int64_t image[3], int64_t view[3])
{
    dim__augment_fit *fit = dim__alloc(aug->ctx, sizeof *fit); /* kilobytes, which a small stack does not have */
    if (fit == NULL)
        return DIM_E_NOMEM;
    dim_status status = dim__augment_fit_to(aug->ctx, &aug->list, image, fit);
    if (status == DIM_OK)
        memcpy(view, fit->out, sizeof fit->out);
    dim__free(aug->ctx, fit);
    return status;
}
