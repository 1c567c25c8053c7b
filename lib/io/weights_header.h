/* The header of a safetensors file, parsed and checked, from memory. */
#ifndef DIM_IO_WEIGHTS_HEADER_H
#define DIM_IO_WEIGHTS_HEADER_H

#include "base/context.h"
#include "io/weights.h"

typedef enum dim__st_type { DIM__ST_OTHER, DIM__ST_F32, DIM__ST_F64, DIM__ST_F16, DIM__ST_BF16 } dim__st_type;

enum { DIM__ST_MAX_RANK = 8 }; /* of a tensor that can be read; others may have more axes */

typedef struct dim__st_entry {
    const char *name, *dtype;   /* in the text */
    int64_t begin, end;         /* bytes, from the end of the header */
    uint32_t shape;             /* where the list begins in the text */
    int rank;
    dim__st_type type;
} dim__st_entry;

typedef struct dim__st_header {
    char *text;
    int64_t size;
    dim__st_entry *entries; /* by name */
    int64_t count;
    dim__meta *meta;        /* as they come */
    int64_t n_meta;
    const dim__meta **keys; /* the same by key */
} dim__st_header;

/* `text` belongs to the caller and outlives the header, which changes it: names and values are made texts of in place, U+0000
 * in them as dim__json_decode() has it.  With it the header takes four times `size` at most.
 * Checked: JSON; types of all that the format has; that no tensor, no member of an entry that the format has and no key of
 * the metadata comes twice; offsets that cover [0, data_size) without gap or overlap and agree with dtype and shape, where
 * the dtype is known.  Members that the format does not have are passed over.  `path` is for error texts.  DIM_E_FORMAT,
 * DIM_E_NOMEM. */
dim_status dim__st_header_parse(dim_context *ctx, const char *path, char *text, int64_t size, int64_t data_size,
                                dim__st_header *out);
void dim__st_header_free(dim_context *ctx, dim__st_header *h);
const dim__st_entry *dim__st_header_find(const dim__st_header *h, const char *name);
/* Value of a key of the metadata; NULL = there is none. */
const char *dim__st_header_meta(const dim__st_header *h, const char *key);
/* The first axes of an entry's shape, DIM__ST_MAX_RANK at most. */
void dim__st_header_shape(const dim__st_header *h, const dim__st_entry *e, int64_t shape[DIM__ST_MAX_RANK]);

/* Checksums, over words of 32 bits, little-endian.  A change of one word always changes them.  Their digits stand at the
 * beginning of the header:
 *
 *     CHECKED_BEGIN 16 digits OWN_BEGIN 16 digits "
 *
 * The second sum is of the header, with zeros for both; the first one is of header and data, with zeros for itself.  A file
 * whose second sum is wrong was written by another program, which copied the metadata: its first sum says nothing.  Versions
 * that knew checkpoints alone had no second sum. */
#define DIM__ST_CHECKED_BEGIN "{\"__metadata__\":{\"format\":\"pt\",\"dim.checksum\":\""
#define DIM__ST_OWN_BEGIN "\",\"dim.state.header\":\"" /* old versions pass over "dim.state." */
enum {
    DIM__ST_DIGITS = 16,
    DIM__ST_DIGITS_AT = sizeof DIM__ST_CHECKED_BEGIN - 1,
    DIM__ST_OWN_AT = DIM__ST_DIGITS_AT + DIM__ST_DIGITS,
    DIM__ST_OWN_DIGITS_AT = DIM__ST_OWN_AT + sizeof DIM__ST_OWN_BEGIN - 1
};
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
