/* CSV, plain or gzip, as vectors or images: the first byte says which, and which column has the labels. */
#include "fuzz.h"

#include "data/sources/parse.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const columns[] = { NULL, "0", "y", "2" };
    fuzz_bytes b = { data, size };
    unsigned how = fuzz_byte(&b);
    dim__csv_request request = { columns[how & 3], how >> 2 & 1, how & 8 ? 2 : 0 };
    dim_context *ctx = fuzz_context();
    dim_tensor *x = NULL, *y = NULL;
    dim__stream *s = NULL;
    fuzz_begin();
    if (fuzz_status(dim__stream_open_memory(ctx, "x.csv", b.at, b.left, how >> 4 & 1, &s))) {
        if (fuzz_status(dim__csv_read(ctx, s, &request, &x, &y))) {
            fuzz_require(x != NULL && dim_tensor_count(x) > 0 && (y == NULL || !request.no_labels));
            for (int64_t i = 0; x->dtype == DIM_F32 && i < dim_tensor_count(x); i++)
                fuzz_require(isfinite(((const float *)dim_tensor_const_data(x))[i]));
            for (int64_t i = 0; y != NULL && i < dim_tensor_count(y); i++)
                fuzz_require(((const int32_t *)dim_tensor_const_data(y))[i] >= 0);
        } else {
            fuzz_require(x == NULL && y == NULL);
        }
        dim__stream_close(s);
    }
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    fuzz_end();
    return 0;
}
