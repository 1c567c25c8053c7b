/* PNG by our decoder, and the resizing after it.  Checksums of chunks are mended, or hardly a change would get past them. */
#include "fuzz.h"

#include "data/image.h"

#include <stdlib.h>
#include <string.h>

static uint32_t crc(const uint8_t *p, size_t n)
{
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        for (int k = 0; k < 8; k++)
            c = c >> 1 ^ ((c & 1) != 0 ? 0xedb88320u : 0);
    }
    return ~c;
}

static void mend(uint8_t *p, size_t size)
{
    for (size_t at = 8; at + 12 <= size;) {
        size_t n = (size_t)p[at] << 24 | (size_t)p[at + 1] << 16 | (size_t)p[at + 2] << 8 | p[at + 3];
        if (n > size - at - 12)
            return;
        uint32_t c = crc(p + at + 4, n + 4);
        for (int i = 0; i < 4; i++)
            p[at + 8 + n + (size_t)i] = (uint8_t)(c >> (24 - 8 * i));
        at += n + 12;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t magic[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    static const dim__image_rules rules = { .memory = 64 << 20 };
    dim__image image = { .pixels = NULL };
    dim__sample_error error = { .text = "" };
    uint8_t planes[3 * 8 * 8];
    if (size < sizeof magic)
        return 0;
    uint8_t *copy = malloc(size);
    fuzz_require(copy != NULL);
    memcpy(copy, data, size);
    memcpy(copy, magic, sizeof magic);
    mend(copy, size);
    dim_status status = dim__image_decode(copy, size, "x.png", &rules, &image, &error);
    fuzz_require(status == DIM_OK ? image.pixels != NULL : error.text[0] != '\0' && image.pixels == NULL);
    if (status == DIM_OK)
        fuzz_require(image.orientation >= 1 && image.orientation <= 8);
    fuzz_accepted += status == DIM_OK;
    if (status == DIM_OK && image.height * image.width < 1 << 16) {
        fuzz_require(image.height > 0 && image.width > 0);
        (void)dim__image_fit(&image, 8, "x.png", &rules, planes, &error);
    }
    free(image.pixels);
    free(copy);
    return 0;
}
