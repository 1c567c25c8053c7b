/* The orientation in a JPEG or PNG file: the first bit of the first byte says which, the second whether a block of EXIF comes
 * before what the bytes are; the others are the file. */
#include "fuzz.h"

#include "data/images/decoder.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t png[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 0, 'e', 'X', 'I', 'f' };
    static const uint8_t jpeg[] = { 0xff, 0xd8, 0xff, 0xe1, 0, 0, 'E', 'x', 'i', 'f', 0, 0 };
    fuzz_bytes b = { data, size };
    unsigned how = fuzz_byte(&b);
    const uint8_t *head = how & 1 ? jpeg : png;
    size_t n = how & 1 ? how & 2 ? sizeof jpeg : 2 : how & 2 ? sizeof png : 8;
    uint8_t *copy = malloc(n + b.left);
    fuzz_require(copy != NULL);
    memcpy(copy, head, n);
    if (b.left > 0)
        memcpy(copy + n, b.at, b.left);
    if (how & 2) { /* as long as what follows, but for a checksum */
        size_t length = how & 1 ? b.left + 8 : b.left > 4 ? b.left - 4 : 0;
        copy[how & 1 ? 4 : 10] = (uint8_t)(length >> 8);
        copy[how & 1 ? 5 : 11] = (uint8_t)length;
    }
    int orientation = dim__exif_orientation(copy, n + b.left);
    fuzz_require(orientation >= 1 && orientation <= 8);
    fuzz_accepted += orientation != 1;
    free(copy);
    return 0;
}
