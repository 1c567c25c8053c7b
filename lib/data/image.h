/* Image files to RGB bytes.  All of this runs on any thread: memory is the C library's, and no context is used. */
#ifndef DIM_DATA_IMAGE_H
#define DIM_DATA_IMAGE_H

#include "data/source.h"

enum { DIM__IMAGE_SIDE = 16384, DIM__IMAGE_PIXELS = 1 << 26 }; /* at most; checked before anything is allocated */

typedef struct dim__image {
    int64_t height, width;
    uint8_t *pixels; /* (height, width, 3), of malloc() */
} dim__image;

/* DIM_E_FORMAT (broken, neither JPEG nor PNG, too large), DIM_E_UNSUPPORTED (no library in this build), DIM_E_NOMEM,
 * with error->text starting with `name`.  *out on success only. */
dim_status dim__image_decode(const uint8_t *data, size_t size, const char *name, dim__image *out,
                             dim__sample_error *error);
/* The file `path` below the open folder `folder`, also DIM_E_IO; the name in errors is `root`/`path`. */
dim_status dim__image_load(int folder, const char *root, const char *path, dim__image *out, dim__sample_error *error);
/* Into planes: as it is, or resized and cut to side x side, then DIM_E_NOMEM, DIM_E_FORMAT (too long and thin). */
void dim__image_planes(const dim__image *image, uint8_t *planes);
dim_status dim__image_fit(const dim__image *image, int64_t side, const char *name, uint8_t *planes,
                          dim__sample_error *error);

/* The decoders; `text` gets the reason of a failure.  A decoder calls dim__image_room() once it knows the size. */
enum { DIM__IMAGE_TEXT = 200 };
dim_status dim__image_room(dim__image *image, int64_t height, int64_t width, char text[DIM__IMAGE_TEXT]);
dim_status dim__jpeg_decode(const uint8_t *data, size_t size, dim__image *out, char text[DIM__IMAGE_TEXT]);
dim_status dim__png_decode(const uint8_t *data, size_t size, dim__image *out, char text[DIM__IMAGE_TEXT]);

#endif
