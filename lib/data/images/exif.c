/* One number of EXIF: how a picture is to be turned.  JPEG keeps the block in a segment APP1, PNG in a chunk eXIf; within it
 * are a TIFF header and entries of 12 bytes.  Every offset is compared with the bytes that are there. */
#include "data/images/decoder.h"

#include <stdbool.h>
#include <string.h>

enum { ORIENTATION = 0x0112, SHORT = 3, LONG = 4 };

typedef struct block {
    const uint8_t *data;
    size_t size;
    bool big_endian;
} block;

static uint32_t number(const block *b, size_t at, size_t bytes)
{
    uint32_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | b->data[at + (b->big_endian ? i : bytes - 1 - i)];
    return n;
}

static int in_tiff(block b)
{
    if (b.size < 8 || (memcmp(b.data, "II*\0", 4) != 0 && memcmp(b.data, "MM\0*", 4) != 0))
        return 1;
    b.big_endian = b.data[0] == 'M';
    size_t at = number(&b, 4, 4);
    if (at > b.size - 2)
        return 1;
    size_t entries = number(&b, at, 2);
    for (at += 2; entries > 0 && b.size - at >= 12; entries--, at += 12)
        if (number(&b, at, 2) == ORIENTATION && number(&b, at + 4, 4) == 1) {
            uint32_t type = number(&b, at + 2, 2);
            uint32_t value = type == SHORT ? number(&b, at + 8, 2) : type == LONG ? number(&b, at + 8, 4) : 1;
            return value >= 1 && value <= 8 ? (int)value : 1;
        }
    return 1;
}

/* The segments before the picture's data; what lies between them is passed over, as libjpeg does it. */
static block in_jpeg(const uint8_t *data, size_t size)
{
    block file = { data, size, true };
    for (size_t at = 2;;) {
        const uint8_t *found = at < size ? memchr(data + at, 0xff, size - at) : NULL;
        if (found == NULL)
            break;
        at = (size_t)(found - data);
        while (at < size && data[at] == 0xff)
            at++;
        if (at == size || data[at] == 0xda || data[at] == 0xd9) /* the picture, the end */
            break;
        uint8_t marker = data[at++];
        if (marker <= 1 || (marker >= 0xd0 && marker <= 0xd8)) /* alone */
            continue;
        if (size - at < 2)
            break;
        size_t length = number(&file, at, 2);
        if (length < 2 || length > size - at)
            break;
        if (marker == 0xe1 && length >= 8 && memcmp(data + at + 2, "Exif\0", 5) == 0)
            return (block){ data + at + 8, length - 8, false };
        at += length;
    }
    return (block){ data, 0, false };
}

static block in_png(const uint8_t *data, size_t size)
{
    block file = { data, size, true };
    for (size_t at = 8; size - at >= 12;) { /* length, name, data, checksum */
        size_t length = number(&file, at, 4);
        if (length > size - at - 12)
            break;
        if (memcmp(data + at + 4, "eXIf", 4) == 0)
            return (block){ data + at + 8, length, false };
        at += length + 12;
    }
    return (block){ data, 0, false };
}

int dim__exif_orientation(const uint8_t *data, size_t size)
{
    if (size < 8)
        return 1;
    return in_tiff(data[0] == 0xff ? in_jpeg(data, size) : in_png(data, size));
}
