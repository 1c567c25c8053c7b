/* Features of a dataset's samples, in batches. */
#include "base/math.h"
#include "data/dataset.h"
#include "eval/eval.h"
#include "nn/encoder.h"

#include <inttypes.h>

enum { BATCH = 256 };

static dim_status encode_batch(dim_encoder *enc, int64_t layer, dim_dataset *ds, int64_t first, int64_t n, int64_t row,
                               dim_tensor *out)
{
    dim_status status;
    dim_tensor *images = NULL, *part = NULL;
    int64_t shape[4] = {n, ds->shape[0], ds->shape[1], ds->shape[2]};
    DIM__TRY_OR(done, dim__tensor_create(enc->ctx, ds->dtype, ds->rank + 1, shape, &images));
    DIM__TRY_OR(done, dim__tensor_slice(out, 0, row, n, 1, &part));
    DIM__TRY_OR(done, dim__dataset_read(ds, first, n, images, NULL));
    DIM__TRY_OR(done, dim__encoder_encode(enc, 1, (const dim_tensor *const[]){ images }, layer, part));
done:
    dim__tensor_destroy(part);
    dim__tensor_destroy(images);
    return status;
}

dim_status dim__probe_features(dim_encoder *enc, const char *tap, dim_dataset *ds, int64_t first, int64_t count,
                               dim_tensor **out)
{
    int64_t layer;
    dim_tensor *features = NULL;
    dim_status status = DIM_OK;
    if (first < 0 || count < 1 || first > ds->count - count)
        return dim__fail(enc->ctx, DIM_E_INVALID, "%" PRId64 " samples from %" PRId64 " on are not among the "
                         "dataset's %" PRId64, count, first, ds->count);
    DIM__TRY(dim__encoder_tap(enc, tap, &layer));
    const int64_t *tap_shape = enc->stack.layers[layer].out;
    int64_t width = dim__sample_size(tap_shape);
    DIM__TRY(dim__tensor_create(enc->ctx, DIM_F32, 2, (const int64_t[]){count, width}, &features));
    for (int64_t i = 0; i < count && status == DIM_OK; i += BATCH)
        status = encode_batch(enc, layer, ds, first + i, dim__min64(BATCH, count - i), i, features);
    if (status != DIM_OK) {
        dim__tensor_destroy(features);
        return status;
    }
    *out = features;
    return DIM_OK;
}
