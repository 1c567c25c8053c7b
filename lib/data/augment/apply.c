/* Views of a whole batch, on the context's threads. */
#include "data/augment/augment.h"

#include "base/math.h"
#include "base/pool.h"

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

static const dim__field fields[] = {
    DIM__QUIET(dim_augment_apply_options, views, U32, NULL, 1),
    DIM__QUIET(dim_augment_apply_options, reserved0, U32, &dim__reserved, 0),
};
static const dim__table table = DIM__TABLE(dim_augment_apply_options, fields);

/* `fit` is room for the list fitted to the images. */
static dim_status apply(const dim_augment *aug, const dim_tensor *images, const dim_augment_apply_options *o,
                        dim__augment_fit *fit, dim_tensor *out)
{
    char want[128], got[128];
    int64_t rows;
    dim_context *ctx = aug->ctx;
    DIM__TRY(dim__augment_fit_to(ctx, &aug->list, images->shape + 1, fit));
    if (!dim__mul64(images->shape[0], o->views, &rows))
        rows = -1;
    int64_t shape[4] = { rows, fit->out[0], fit->out[1], fit->out[2] };
    if (out->rank != 4 || memcmp(out->shape, shape, sizeof shape) != 0)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_augment_apply: out is %s; %u views of %lld images make %s",
                         dim__shape_text(got, out->rank, out->shape), o->views, (long long)images->shape[0],
                         dim__shape_text(want, 4, shape));
    size_t pieces = (size_t)dim__max64(dim__parallel_pieces(ctx, images->shape[0], 1), 1);
    apply_job job = { fit, images, o, out, dim__calloc(ctx, pieces, fit->scratch + fit->image_bytes) };
    if (job.scratch == NULL)
        return DIM_E_NOMEM;
    dim__parallel(ctx, images->shape[0], 1, apply_piece, &job);
    dim__free(ctx, job.scratch);
    return DIM_OK;
}

dim_status dim__augment_apply(const dim_augment *aug, const dim_tensor *images,
                              const dim_augment_apply_options *options, dim_tensor *out)
{
    dim_augment_apply_options o;
    dim_context *ctx = aug->ctx;
    DIM__TRY(dim__options_read(ctx, &table, options, &o));
    if (o.seed == 0)
        o.seed = ctx->seed;
    DIM__TRY(check_apply(aug, images, &o, out));
    dim__augment_fit *fit = dim__alloc(ctx, sizeof *fit); /* kilobytes, which a small stack does not have */
    if (fit == NULL)
        return DIM_E_NOMEM;
    dim_status status = apply(aug, images, &o, fit, out);
    dim__free(ctx, fit);
    return status;
}
