/* Image files to RGB bytes.  All of this runs on any thread: memory is the C library's, and no context is used. */
#ifndef DIM_DATA_IMAGE_H
#define DIM_DATA_IMAGE_H

#include "data/images/decoder.h"
#include "data/source.h"

/* What an image may cost, and how it is to be shown. */
typedef struct dim__image_rules {
    uint64_t memory;       /* bytes while it is decoded and fitted, beside the file */
    bool keep_orientation; /* as it lies in the file, whatever EXIF says */
} dim__image_rules;

enum { DIM__IMAGE_MEMORY = 1 << 29 }; /* unless the caller says otherwise */

/* DIM_E_FORMAT (broken, neither JPEG nor PNG, too large), DIM_E_UNSUPPORTED (no library in this build), DIM_E_NOMEM,
 * with error->text starting with `name`.  *out on success only. */
dim_status dim__image_decode(const uint8_t *data, size_t size, const char *name, const dim__image_rules *rules,
                             dim__image *out, dim__sample_error *error);
/* The file `path` below the open folder `folder`, also DIM_E_IO, DIM_E_SYSTEM; the name in errors is `root`/`path`. */
dim_status dim__image_load(int folder, const char *root, const char *path, const dim__image_rules *rules, dim__image *out,
                           dim__sample_error *error);
/* Into planes, turned as it is to be shown: as large as it is, or resized and cut to side x side, then DIM_E_NOMEM,
 * DIM_E_FORMAT (too long and thin, more memory than the rules allow). */
void dim__image_planes(const dim__image *image, uint8_t *planes);
dim_status dim__image_fit(const dim__image *image, int64_t side, const char *name, const dim__image_rules *rules,
                          uint8_t *planes, dim__sample_error *error);

#endif
