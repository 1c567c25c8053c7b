/* JPEG by our decoder.  Every pixel is read, so that one that was never written is seen (valgrind, memory sanitizer). */
#include "fuzz.h"

#include "data/image.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t magic[3] = { 0xff, 0xd8, 0xff };
    dim__image image = { 0, 0, NULL };
    dim__sample_error error = { .text = "" };
    if (size < sizeof magic)
        return 0;
    uint8_t *copy = malloc(size);
    fuzz_require(copy != NULL);
    memcpy(copy, data, size);
    memcpy(copy, magic, sizeof magic);
    dim_status status = dim__image_decode(copy, size, "x.jpg", &image, &error);
    fuzz_require(status == DIM_OK ? image.pixels != NULL : error.text[0] != '\0' && image.pixels == NULL);
    fuzz_accepted += status == DIM_OK;
    free(image.pixels);
    free(copy);
    return 0;
}
