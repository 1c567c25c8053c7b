/* NPY files: the file as it is. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dim_tensor *t = NULL;
    fuzz_begin();
    if (fuzz_status(dim_tensor_load_npy(fuzz_context(), fuzz_file(0, data, size), &t)))
        fuzz_require(dim_tensor_is_contiguous(t) == 1);
    else
        fuzz_require(t == NULL);
    dim_tensor_destroy(t);
    fuzz_end();
    return 0;
}
