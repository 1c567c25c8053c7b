/* IDX images and labels, plain or gzip: the first byte says which, the next two the size of the images' file. */
#include "fuzz.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[2][2] = { { "train-images-idx3-ubyte", "train-labels-idx1-ubyte" },
                                             { "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz" } };
    static char spec[80];
    static int linked = -1;
    fuzz_bytes b = { data, size };
    dim_dataset *ds = NULL;
    int gzip = (int)(fuzz_byte(&b) & 1);
    size_t n = fuzz_byte(&b), got;
    n |= (size_t)fuzz_byte(&b) << 8;
    const uint8_t *images = fuzz_take(&b, n, &got);
    if (linked != gzip) {
        for (int i = 0; i < 2; i++) {
            if (linked >= 0)
                fuzz_unlink(names[linked][i]);
            fuzz_link(names[gzip][i], i);
        }
        linked = gzip;
        snprintf(spec, sizeof spec, "idx:%s", fuzz_folder());
    }
    (void)fuzz_file(0, images, got);
    (void)fuzz_file(1, b.at, b.left);
    fuzz_begin();
    if (fuzz_status(dim_dataset_open(fuzz_context(), spec, DIM_SPLIT_TRAIN, &ds)))
        fuzz_require(dim_dataset_count(ds) > 0);
    else
        fuzz_require(ds == NULL);
    dim_dataset_destroy(ds);
    fuzz_end();
    return 0;
}
