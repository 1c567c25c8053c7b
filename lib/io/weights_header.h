/* The header of a safetensors file, parsed and checked. */
#ifndef DIM_IO_WEIGHTS_HEADER_H
#define DIM_IO_WEIGHTS_HEADER_H

#include "base/context.h"

typedef enum dim__st_type { DIM__ST_OTHER, DIM__ST_F32, DIM__ST_F64, DIM__ST_F16, DIM__ST_BF16 } dim__st_type;

typedef struct dim__st_entry {
    const char *name;       /* in the JSON tree */
    const char *dtype;
    dim__st_type type;
    int rank;
    int64_t shape[8];       /* the first 8 axes */
    int64_t begin, end;     /* bytes, from the end of the header */
} dim__st_entry;

typedef struct dim__st_header {
    void *json;
    const void *metadata;   /* in it: an object of texts, or NULL */
    dim__st_entry *entries; /* by name */
    int64_t count;
} dim__st_header;

/* `text` has `size` bytes and a NUL after them.  Checked: JSON, types, offsets that cover [0, data_size) without gap or
 * overlap and agree with dtype and shape, names that differ.  `path` is for error texts.  DIM_E_FORMAT, DIM_E_NOMEM. */
dim_status dim__st_header_parse(dim_context *ctx, const char *path, const char *text, int64_t size, int64_t data_size,
                                dim__st_header *out);
void dim__st_header_free(dim_context *ctx, dim__st_header *h);
const dim__st_entry *dim__st_header_find(const dim__st_header *h, const char *name);

/* The checksum: over words of 32 bits, little-endian, of the header as `CHECKED_BEGIN 0000000000000000` ... and of the data.
 * A change of one word always changes it.  Its 16 digits stand right behind the beginning. */
#define DIM__ST_CHECKED_BEGIN "{\"__metadata__\":{\"format\":\"pt\",\"dim.checksum\":\""
enum { DIM__ST_CHECKSUM_DIGITS = 16 };
static const uint64_t DIM__ST_CHECKSUM_START = 0xcbf29ce484222325u;

static inline uint64_t dim__st_checksum_word(uint64_t h, uint32_t word)
{
    h = (h ^ word) * 0x9e3779b97f4a7c15u; /* each step is one-to-one in h */
    return h ^ h >> 32;
}

/* A whole number of words. */
static inline uint64_t dim__st_checksum_bytes(uint64_t h, const unsigned char *p, int64_t size)
{
    for (int64_t i = 0; i + 4 <= size; i += 4)
        h = dim__st_checksum_word(h, (uint32_t)p[i] | (uint32_t)p[i + 1] << 8 | (uint32_t)p[i + 2] << 16 |
                                     (uint32_t)p[i + 3] << 24);
    return h;
}

#endif
