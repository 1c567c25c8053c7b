/* Safetensors: a file of any bytes read as weights of a small encoder, and as an encoder with its layers.  The first byte says
 * what is mended, 1 the length of the header, 2 the checksums; the file is the rest. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static dim_encoder *make_encoder(void)
{
    dim_encoder *enc = NULL;
    dim_encoder_options o;
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_ENCODER_MLP;
    o.channels = o.units = o.hidden[0] = 2;
    fuzz_require(dim_encoder_create(fuzz_context(), &o, &enc) == DIM_OK);
    return enc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static dim_encoder *enc;
    dim_encoder *opened = NULL;
    if (size == 0)
        return 0;
    if (enc == NULL)
        enc = make_encoder();
    const char *path = fuzz_tensors(data, size);
    fuzz_begin();
    (void)fuzz_status(dim_encoder_load(enc, path));
    if (!fuzz_status(dim_encoder_open(fuzz_context(), path, &opened)))
        fuzz_require(opened == NULL);
    dim_encoder_destroy(opened);
    fuzz_end();
    return 0;
}
