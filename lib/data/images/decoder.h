/* What a decoder of image files gives, and the decoders.  All of this runs on any thread: memory is the C library's, and no
 * context is used. */
#ifndef DIM_DATA_IMAGES_DECODER_H
#define DIM_DATA_IMAGES_DECODER_H

#include <dim/status.h>
#include <stddef.h>
#include <stdint.h>

enum { DIM__IMAGE_SIDE = 16384, DIM__IMAGE_PIXELS = 1 << 26 }; /* at most; checked before anything is allocated */

typedef struct dim__image {
    int64_t height, width; /* as it is to be shown */
    uint8_t *pixels;       /* (height, width, 3) as it lies in the file, of malloc() */
    int orientation;       /* EXIF's, 1 .. 8: how to turn it; 0 = 1; from 5 on rows are columns */
} dim__image;

/* The decoders; `text` gets the reason of a failure.  A decoder calls dim__image_room() once it knows the size and the `more`
 * bytes that it will need besides. */
enum { DIM__IMAGE_TEXT = 200 };
dim_status dim__image_room(dim__image *image, int64_t height, int64_t width, uint64_t more, uint64_t memory,
                           char text[DIM__IMAGE_TEXT]);
dim_status dim__jpeg_decode(const uint8_t *data, size_t size, uint64_t memory, dim__image *out, char text[DIM__IMAGE_TEXT]);
dim_status dim__png_decode(const uint8_t *data, size_t size, uint64_t memory, dim__image *out, char text[DIM__IMAGE_TEXT]);

/* What the EXIF block of a JPEG or PNG file says, 1 .. 8; 1 where there is none, or a damaged one. */
int dim__exif_orientation(const uint8_t *data, size_t size);

#endif
