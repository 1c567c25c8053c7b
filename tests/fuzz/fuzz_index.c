/* Files of an index.  The first byte says what is mended: 1 the header's length, 2 the checksums.  What is accepted answers a
 * query. */
#include "fuzz.h"

#include <dim/index.h>
#include <stdlib.h>
#include <string.h>

/* The nearest row to one of zeros, of any there are. */
static void ask(dim_index *index)
{
    enum { MOST = 4096 };
    static float row[MOST];
    static int64_t found;
    dim_context *ctx = fuzz_context();
    dim_tensor *q = NULL, *f = NULL;
    int64_t d = dim_index_features(index);
    if (dim_index_count(index) == 0 || d > MOST)
        return;
    fuzz_require(dim_tensor_wrap(ctx, DIM_F32, 2, (int64_t[]){ 1, d }, NULL, row, NULL, NULL, &q) == DIM_OK);
    fuzz_require(dim_tensor_wrap(ctx, DIM_I64, 2, (int64_t[]){ 1, 1 }, NULL, &found, NULL, NULL, &f) == DIM_OK);
    found = -1;
    fuzz_require(dim_index_search(index, q, f, NULL) == DIM_OK && found >= 0 && found < dim_index_count(index));
    dim_tensor_destroy(q);
    dim_tensor_destroy(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dim_index *index = NULL;
    if (size == 0)
        return 0;
    const char *path = fuzz_tensors(data, size);
    fuzz_begin();
    if (fuzz_status(dim_index_load(fuzz_context(), path, &index)))
        ask(index);
    else
        fuzz_require(index == NULL);
    dim_index_destroy(index);
    fuzz_end();
    return 0;
}
