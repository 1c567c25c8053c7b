/* The text of a network, as weights carry it in their metadata: what is read can be written, and reads back the same. */
#include "fuzz.h"

#include "nn/encoder.h"
#include "nn/network_text.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST = 1 << 12 }; /* parameters, as of a small file */
    dim_context *ctx = fuzz_context();
    dim_encoder *enc = NULL, *again = NULL;
    char *text = malloc(size + 1), *written = NULL, *rewritten = NULL;
    fuzz_require(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    fuzz_begin();
    if (fuzz_status(dim__network_read(ctx, text, "x", MOST, &enc))) {
        fuzz_require(dim__network_write(enc, &written) == DIM_OK);
        fuzz_require(dim__network_read(ctx, written, "x", MOST, &again) == DIM_OK);
        fuzz_require(dim__network_write(again, &rewritten) == DIM_OK && strcmp(written, rewritten) == 0);
        dim__free(ctx, written);
        dim__free(ctx, rewritten);
        dim_encoder_destroy(again);
    } else {
        fuzz_require(enc == NULL);
    }
    dim_encoder_destroy(enc);
    fuzz_end();
    free(text);
    return 0;
}
