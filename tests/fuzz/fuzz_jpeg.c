/* JPEG by our decoder.  Every pixel is read, so that one that was never written is seen (valgrind, memory sanitizer). */
#include "fuzz.h"

#include "data/image.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t magic[3] = { 0xff, 0xd8, 0xff };
    static const dim__image_rules rules = { .memory = 64 << 20 };
    dim__image image = { .pixels = NULL };
    dim__sample_error error = { .text = "" };
    if (size < sizeof magic)
        return 0;
    uint8_t *copy = malloc(size);
    fuzz_require(copy != NULL);
    memcpy(copy, data, size);
    memcpy(copy, magic, sizeof magic);
    dim_status status = dim__image_decode(copy, size, "x.jpg", &rules, &image, &error);
    fuzz_require(status == DIM_OK ? image.pixels != NULL : error.text[0] != '\0' && image.pixels == NULL);
    if (status == DIM_OK)
        fuzz_require(image.orientation >= 1 && image.orientation <= 8);
    fuzz_accepted += status == DIM_OK;
    free(image.pixels);
    free(copy);
    return 0;
}
