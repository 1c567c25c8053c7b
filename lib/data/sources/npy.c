/* NumPy arrays of images or vectors, with an array of labels beside them. */
#include "data/npy.h"
#include "data/source.h"

static bool is_channels(int64_t n) { return n == 1 || n == 3 || n == 4; }

/* A view with the axes of a dataset: (N, C, H, W) or (N, d). */
static dim_status arrange(dim_context *ctx, const char *path, dim_tensor *t, dim_tensor **out)
{
    char text[128];
    int64_t *n = t->shape;
    if (dim__tensor_count(t) == 0)
        return dim__fail(ctx, DIM_E_FORMAT, "%s: an array of shape %s is empty", path, dim__shape_text(text, t->rank, n));
    if (t->rank == 3 && t->dtype == DIM_U8)
        return dim__tensor_reshape(t, 4, (int64_t[]){ n[0], 1, n[1], n[2] }, out);
    if (t->rank == 4 && is_channels(n[3]) && n[1] > 4)
        return dim__tensor_permute(t, (int[]){ 0, 3, 1, 2 }, out);
    if (t->rank == 4 || t->rank == 2)
        return dim__tensor_view(t, out);
    if (t->rank == 3)
        return dim__fail(ctx, DIM_E_SHAPE, "%s: shape %s may be grey images or signals; make it (N, 1, H, W) or "
                         "(N, C, 1, L), or images of uint8", path, dim__shape_text(text, t->rank, n));
    return dim__fail(ctx, DIM_E_SHAPE, "%s: shape %s; it must be (N, C, H, W), (N, H, W, C), (N, H, W) of uint8 or (N, d)",
                     path, dim__shape_text(text, t->rank, n));
}

static dim_status load(dim_context *ctx, const char *path, dim_tensor **out)
{
    dim__stream *s;
    DIM__TRY(dim__stream_open(ctx, path, false, &s));
    dim_status status = dim__npy_read(ctx, s, out);
    dim__stream_close(s);
    return status;
}

static dim_status load_images(dim_context *ctx, const char *path, dim_tensor **out)
{
    dim_tensor *t = NULL, *floats = NULL;
    dim_status status;
    DIM__TRY(load(ctx, path, &t));
    if (t->dtype != DIM_U8 && t->dtype != DIM_F32) {
        DIM__TRY_OR(done, dim__tensor_create(ctx, DIM_F32, t->rank, t->shape, &floats));
        DIM__TRY_OR(done, dim__tensor_copy(floats, t));
        dim__tensor_destroy(t);
        t = floats;
        floats = NULL;
    }
    DIM__TRY_OR(done, arrange(ctx, path, t, out));
    status = dim__source_finite(ctx, path, t);
    if (status != DIM_OK) {
        dim__tensor_destroy(*out);
        *out = NULL;
    }
done:
    dim__tensor_destroy(floats);
    dim__tensor_destroy(t);
    return status;
}

/* Whether samples have labels: all of them, or with -1 none, as the example programs write features of such samples. */
static dim_status look_at(dim_context *ctx, const char *path, const dim_tensor *t, bool *labeled)
{
    int64_t count = dim__tensor_count(t), missing = 0, bad = -1, value = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t label = t->dtype == DIM_I32 ? ((const int32_t *)(const void *)t->data)[i] : ((const int64_t *)(const void *)t->data)[i];
        missing += label == -1;
        if (bad < 0 && (label < 0 || label >= INT32_MAX)) {
            bad = i;
            value = label;
        }
    }
    *labeled = missing < count;
    if (*labeled && bad >= 0)
        return dim__fail(ctx, DIM_E_FORMAT, "%s: label %lld of sample %lld is not in 0 .. %d (only a file of -1 alone is one without "
                         "labels)", path, (long long)value, (long long)bad, INT32_MAX - 1);
    return DIM_OK;
}

/* FILE.labels.npy beside FILE.npy, where it is. */
static dim_status load_labels(dim_context *ctx, const char *path, int64_t count, dim_tensor **out)
{
    static const char ending[] = ".labels.npy";
    char text[128];
    dim_tensor *t = NULL, *wide = NULL;
    dim_status status = DIM_OK;
    bool labeled;
    size_t stem = strlen(path);
    if (stem > 4 && strcmp(path + stem - 4, ".npy") == 0)
        stem -= 4;
    char *name = dim__alloc(ctx, stem + sizeof ending);
    if (name == NULL)
        return DIM_E_NOMEM;
    memcpy(name, path, stem);
    memcpy(name + stem, ending, sizeof ending);
    if (!dim__path_exists(name))
        goto done;
    DIM__TRY_OR(done, load(ctx, name, &t));
    if (t->rank != 1 || t->shape[0] != count || t->dtype == DIM_F32 || t->dtype == DIM_F64) {
        status = dim__fail(ctx, DIM_E_FORMAT, "%s is %s of shape %s; labels of these samples are integers of shape (%lld)", name,
                           dim__dtype_name(t->dtype), dim__shape_text(text, t->rank, t->shape), (long long)count);
        goto done;
    }
    if (t->dtype == DIM_U8) {
        DIM__TRY_OR(done, dim__tensor_create(ctx, DIM_I32, 1, t->shape, &wide));
        DIM__TRY_OR(done, dim__tensor_copy(wide, t));
        dim__tensor_destroy(t);
        t = wide;
    }
    DIM__TRY_OR(done, look_at(ctx, name, t, &labeled));
    if (labeled) {
        *out = t;
        t = NULL;
    }
done:
    dim__tensor_destroy(t);
    dim__free(ctx, name);
    return status;
}

dim_status dim__source_npy(dim_context *ctx, const dim__request *request, dim__samples *out)
{
    static const char *const endings[] = { ".npy", NULL };
    dim__samples read = { .classes = 0 };
    char *path = NULL;
    DIM__TRY(dim__source_file(ctx, request, endings, &path));
    dim_status status;
    DIM__TRY_OR(done, load_images(ctx, path, &read.images));
    if (request->options.labels != DIM_LABELS_NONE)
        DIM__TRY_OR(done, load_labels(ctx, path, read.images->shape[0], &read.labels));
    *out = read;
    read.images = NULL;
done:
    dim__tensor_destroy(read.images);
    dim__free(ctx, path);
    return status;
}
