/* Making views: what is drawn, and the operations in their order. */
#include "data/augment.h"

#include "base/math.h"
#include "base/pool.h"
#include "base/rng.h"

enum { NUMBERS = 24, CROP_TRIES = 10 }; /* numbers that one operation may draw; 23 are needed */

/* One of low .. high. */
static int64_t between(float number, int64_t low, int64_t high)
{
    return dim__min64(low + (int64_t)((double)number * (double)(high - low + 1)), high);
}

static double uniform(float number, double low, double high)
{
    return low + (double)number * (high - low);
}

/* As torchvision's RandomResizedCrop: a few tries for a box that fits, then the largest in the middle. */
static void draw_box(const dim_augment_op_options *o, const float *number, const int64_t shape[3], dim__box *box)
{
    double height = (double)shape[1], width = (double)shape[2];
    for (int i = 0; i < CROP_TRIES; i++, number += 2) {
        double area = height * width * uniform(number[0], (double)o->area_min, (double)o->area_max);
        double aspect = exp(uniform(number[1], log((double)o->aspect_min), log((double)o->aspect_max)));
        box->width = (int64_t)(sqrt(area * aspect) + 0.5);
        box->height = (int64_t)(sqrt(area / aspect) + 0.5);
        if (box->width >= 1 && box->width <= shape[2] && box->height >= 1 && box->height <= shape[1]) {
            number += 2 * (CROP_TRIES - i); /* the place's numbers come after those of all tries */
            box->top = between(number[0], 0, shape[1] - box->height);
            box->left = between(number[1], 0, shape[2] - box->width);
            return;
        }
    }
    box->width = shape[2];
    box->height = shape[1];
    if (width / height < (double)o->aspect_min)
        box->height = dim__max64((int64_t)(width / (double)o->aspect_min + 0.5), 1);
    else if (width / height > (double)o->aspect_max)
        box->width = dim__max64((int64_t)(height * (double)o->aspect_max + 0.5), 1);
    box->top = (shape[1] - box->height) / 2;
    box->left = (shape[2] - box->width) / 2;
}

static float factor(float number, float strength)
{
    return (float)uniform(number, strength < 1 ? 1 - (double)strength : 0, 1 + (double)strength);
}

static void draw_jitter(const dim_augment_op_options *o, const float *number, dim__augment_draw *out)
{
    out->brightness = factor(number[0], o->brightness);
    out->contrast = factor(number[1], o->contrast);
    out->saturation = factor(number[2], o->saturation);
    out->hue = (float)uniform(number[3], -(double)o->hue, (double)o->hue);
    for (int i = 0; i < 4; i++)
        out->order[i] = i;
    for (int i = 3; i > 0; i--) {
        int64_t j = between(number[4 + i], 0, i);
        int swap = out->order[i];
        out->order[i] = out->order[j];
        out->order[j] = swap;
    }
}

void dim__augment_draw_op(const dim_augment_op_options *op, int place, const dim__augment_key *key,
                          const int64_t shape[3], dim__augment_draw *out)
{
    float number[NUMBERS];
    uint64_t view = op->sharing == DIM_AUGMENT_SHARING_IMAGE ? UINT64_MAX : key->view;
    uint64_t stream = dim__mix(dim__mix(dim__mix(dim__hash_text("augment"), key->epoch), key->index), view);
    dim__rng_uniform(number, NUMBERS, key->seed, stream, (int64_t)place * NUMBERS);
    memset(out, 0, sizeof *out);
    out->done = number[0] < op->p;
    switch (op->op) {
    case DIM_AUGMENT_OP_TRANSLATE:
        out->down = between(number[1], -(int64_t)op->shift, op->shift);
        out->right = between(number[2], -(int64_t)op->shift, op->shift);
        break;
    case DIM_AUGMENT_OP_RESIZED_CROP:
        draw_box(op, number + 1, shape, &out->box);
        break;
    case DIM_AUGMENT_OP_COLOR_JITTER:
        draw_jitter(op, number + 1, out);
        break;
    default:
        break;
    }
}

/* A view on its way.  Operations that move pixels write to `spare`, which then becomes the image. */
typedef struct work {
    uint8_t *image, *spare;
    void *resize;
    int64_t shape[3];
} work;

static void moved(work *w, const int64_t shape[3])
{
    uint8_t *swap = w->image;
    w->image = w->spare;
    w->spare = swap;
    memcpy(w->shape, shape, sizeof w->shape);
}

static int64_t half_to_even(int64_t n) /* n / 2, as Python rounds it */
{
    int64_t half = n / 2;
    return n % 2 != 0 && half % 2 != 0 ? half + 1 : half;
}

static void center_crop(work *w, const int64_t after[3])
{
    int64_t top = half_to_even(w->shape[1] - after[1]), left = half_to_even(w->shape[2] - after[2]);
    dim__box box = { top, left, after[1], after[2] };
    dim__pixels_crop(w->spare, w->image, w->shape, &box);
    moved(w, after);
}

static void jitter(work *w, const dim_augment_op_options *o, const dim__augment_draw *draw)
{
    for (int i = 0; i < 4; i++) {
        if (draw->order[i] == 0 && o->brightness > 0)
            dim__pixels_brightness(w->image, w->shape, draw->brightness);
        if (draw->order[i] == 1 && o->contrast > 0)
            dim__pixels_contrast(w->image, w->shape, draw->contrast);
        if (draw->order[i] == 2 && o->saturation > 0)
            dim__pixels_saturation(w->image, w->shape, draw->saturation);
        if (draw->order[i] == 3 && o->hue > 0)
            dim__pixels_hue(w->image, w->shape, draw->hue);
    }
}

/* after: the image's shape when the operation is done */
static void run_op(work *w, const dim_augment_op_options *o, const dim__augment_draw *draw, const int64_t after[3])
{
    dim__box whole = { 0, 0, w->shape[1], w->shape[2] };
    bool crop = draw->done && o->op == DIM_AUGMENT_OP_RESIZED_CROP;
    if (!draw->done && o->op != DIM_AUGMENT_OP_RESIZED_CROP)
        return; /* a crop that is not drawn resizes the whole image */
    switch (o->op) {
    case DIM_AUGMENT_OP_FLIP:
        dim__pixels_flip(w->spare, w->image, w->shape);
        moved(w, after);
        break;
    case DIM_AUGMENT_OP_TRANSLATE:
        dim__pixels_translate(w->spare, w->image, w->shape, draw->down, draw->right);
        moved(w, after);
        break;
    case DIM_AUGMENT_OP_RESIZED_CROP:
    case DIM_AUGMENT_OP_RESIZE:
        dim__pixels_resize(w->spare, w->image, w->shape, crop ? &draw->box : &whole, after[1], after[2], w->resize);
        moved(w, after);
        break;
    case DIM_AUGMENT_OP_COLOR_JITTER:
        jitter(w, o, draw);
        break;
    case DIM_AUGMENT_OP_GRAYSCALE:
        dim__pixels_grayscale(w->image, w->shape);
        break;
    case DIM_AUGMENT_OP_CENTER_CROP:
        center_crop(w, after);
        break;
    default:
        break;
    }
}

static void write_f32(const dim__augment_fit *fit, const uint8_t *from, float *dst, const int64_t stride[3])
{
    for (int64_t c = 0; c < fit->out[0]; c++)
        for (int64_t y = 0; y < fit->out[1]; y++, from += fit->out[2]) {
            float *row = dst + c * stride[0] + y * stride[1];
            for (int64_t x = 0; x < fit->out[2]; x++)
                row[x * stride[2]] = fit->value[c][from[x]];
        }
}

static void write_u8(const dim__augment_fit *fit, const uint8_t *from, uint8_t *dst, const int64_t stride[3])
{
    for (int64_t c = 0; c < fit->out[0]; c++)
        for (int64_t y = 0; y < fit->out[1]; y++, from += fit->out[2])
            for (int64_t x = 0; x < fit->out[2]; x++)
                dst[c * stride[0] + y * stride[1] + x * stride[2]] = from[x];
}

void dim__augment_view(const dim__augment_fit *fit, const uint8_t *image, const dim__augment_key *key, void *scratch,
                       dim_dtype dtype, void *dst, const int64_t stride[3])
{
    dim__augment_draw draw;
    uint8_t *bytes = scratch;
    work w = { bytes, bytes + fit->image_bytes, bytes + 2 * fit->image_bytes, { fit->in[0], fit->in[1], fit->in[2] } };
    memcpy(w.image, image, (size_t)(fit->in[0] * fit->in[1] * fit->in[2]));
    for (int i = 0; i < fit->list.count; i++) {
        dim__augment_draw_op(&fit->list.op[i], i, key, w.shape, &draw);
        run_op(&w, &fit->list.op[i], &draw, fit->after[i]);
    }
    if (dtype == DIM_F32)
        write_f32(fit, w.image, dst, stride);
    else
        write_u8(fit, w.image, dst, stride);
}

typedef struct apply_job {
    const dim__augment_fit *fit;
    const dim_tensor *images;
    const dim_augment_apply_options *o;
    dim_tensor *out;
    char *scratch; /* a view's scratch and an image, for each thread */
} apply_job;

static void apply_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const apply_job *job = arg;
    const dim_tensor *from = job->images, *to = job->out;
    const dim__augment_fit *fit = job->fit;
    char *scratch = job->scratch + (size_t)thread * (fit->scratch + fit->image_bytes);
    uint8_t *image = (uint8_t *)scratch + fit->scratch;
    int64_t packed[3] = { fit->in[1] * fit->in[2], fit->in[2], 1 };
    for (int64_t i = begin; i < end; i++) {
        dim__augment_key key = { job->o->seed, job->o->epoch, (uint64_t)i, 0 };
        if (job->o->index != NULL)
            key.index = (uint64_t)job->o->index[i];
        dim__strided_copy(3, fit->in, DIM_U8, image, packed, DIM_U8, from->data + i * from->stride[0],
                          from->stride + 1);
        for (; key.view < job->o->views; key.view++) {
            int64_t row = (int64_t)key.view * from->shape[0] + i;
            char *dst = to->data + row * to->stride[0] * (int64_t)dim__dtype_size(to->dtype);
            dim__augment_view(fit, image, &key, scratch, to->dtype, dst, to->stride + 1);
        }
    }
}

static dim_status check_apply(const dim_augment *aug, const dim_tensor *images, const dim_augment_apply_options *o,
                              const dim_tensor *out)
{
    char text[128];
    dim_context *ctx = aug->ctx;
    if (images->ctx != ctx || out->ctx != ctx)
        return dim__fail(ctx, DIM_E_INVALID, "dim_augment_apply: %s of another context",
                         images->ctx != ctx ? "images are" : "out is");
    if (o->reserved0 != 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_augment_apply_options: reserved0 is %u; it must be 0", o->reserved0);
    if (images->dtype != DIM_U8)
        return dim__fail(ctx, DIM_E_INVALID, "dim_augment_apply: images are %s; they must be u8",
                         dim__dtype_name(images->dtype));
    if (out->dtype != DIM_F32 && out->dtype != DIM_U8)
        return dim__fail(ctx, DIM_E_INVALID, "dim_augment_apply: out is %s; it must be f32 or u8",
                         dim__dtype_name(out->dtype));
    if (images->rank != 4)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_augment_apply: images are %s; they must be (N, C, H, W)",
                         dim__shape_text(text, images->rank, images->shape));
    DIM__TRY(dim__check_output(ctx, "out", out));
    DIM__TRY(dim__check_apart(ctx, "images", images, "out", out));
    for (int64_t i = 0; o->index != NULL && i < images->shape[0]; i++)
        if (o->index[i] < 0)
            return dim__fail(ctx, DIM_E_INVALID, "dim_augment_apply: index[%lld] is %lld; it must be at least 0",
                             (long long)i, (long long)o->index[i]);
    return DIM_OK;
}

dim_status dim__augment_apply(const dim_augment *aug, const dim_tensor *images,
                              const dim_augment_apply_options *options, dim_tensor *out)
{
    char want[128], got[128];
    dim_augment_apply_options o;
    dim__augment_fit fit;
    int64_t rows;
    dim_context *ctx = aug->ctx;
    DIM__TRY(dim__options_copy(ctx, "dim_augment_apply_options", &o, sizeof o, options));
    if (o.seed == 0)
        o.seed = ctx->seed;
    if (o.views == 0)
        o.views = 1;
    DIM__TRY(check_apply(aug, images, &o, out));
    DIM__TRY(dim__augment_fit_to(ctx, &aug->list, images->shape + 1, &fit));
    if (!dim__mul64(images->shape[0], o.views, &rows))
        rows = -1;
    int64_t shape[4] = { rows, fit.out[0], fit.out[1], fit.out[2] };
    if (out->rank != 4 || memcmp(out->shape, shape, sizeof shape) != 0)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_augment_apply: out is %s; %u views of %lld images make %s",
                         dim__shape_text(got, out->rank, out->shape), o.views, (long long)images->shape[0],
                         dim__shape_text(want, 4, shape));
    size_t pieces = (size_t)dim__max64(dim__parallel_pieces(ctx, images->shape[0], 1), 1);
    apply_job job = { &fit, images, &o, out, dim__calloc(ctx, pieces, fit.scratch + fit.image_bytes) };
    if (job.scratch == NULL)
        return DIM_E_NOMEM;
    dim__parallel(ctx, images->shape[0], 1, apply_piece, &job);
    dim__free(ctx, job.scratch);
    return DIM_OK;
}
