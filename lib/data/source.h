/* Where samples come from.  A kind of files is one function in sources/ and one line in sources.def. */
#ifndef DIM_DATA_SOURCE_H
#define DIM_DATA_SOURCE_H

#include "tensor/tensor.h"
#include <dim/dataset.h>

/* Why a sample could not be had.  Plain data, since a loader's thread may not touch the context. */
typedef struct dim__sample_error {
    int64_t index;
    int64_t label;
    int code;          /* a callback's answer; 0: the label was wrong */
    dim_status status; /* a reader's, with its text; DIM_OK: a callback's, described by the fields above */
    char text[500];
} dim__sample_error;

/* Samples that are read when they are asked for: u8 (C, H, W). */
typedef struct dim__reader dim__reader;
struct dim__reader {
    /* Called by several threads at once, and without the context: what it needs of memory is the C library's.
     * image NULL: only the label.  Fills status and text of *error. */
    dim_status (*sample)(dim__reader *r, int64_t index, uint8_t *image, int64_t *label, dim__sample_error *error);
    int64_t (*skipped)(dim__reader *r); /* NULL = always 0 */
    void (*destroy)(dim__reader *r);
};

/* What a source gives: two tensors, or a reader with its count and shape. */
typedef struct dim__samples {
    dim_tensor *images;  /* (N, C, H, W) or (N, d), N > 0 */
    dim_tensor *labels;  /* i32 or i64 (N), each >= 0; or NULL */
    dim__reader *reader;
    int64_t count;       /* of the reader, > 0 */
    int64_t shape[3];
    int64_t classes;     /* tensors: 0 = largest label + 1; reader: 0 = no labels */
    const char **names;  /* of the classes, in one block of the context's; or NULL */
    int64_t left_out;    /* names in folders that are not samples */
} dim__samples;

typedef struct dim__request {
    const char *dir;             /* or file */
    dim_split split;
    dim_dataset_options options; /* checked: what the source does not take is 0 */
} dim__request;

/* Reads a split.  Sets *out, which is all zero before, on success only; the caller owns what is in it. */
typedef dim_status (*dim__source_fn)(dim_context *ctx, const dim__request *request, dim__samples *out);

/* What a source takes beyond the two splits. */
enum { DIM__TAKES_NOTHING = 0, DIM__TAKES_UNLABELED = 1, DIM__TAKES_COARSE = 2, DIM__TAKES_IMAGE_SIZE = 4,
       DIM__TAKES_FILES = 8, /* of one image each */
       DIM__TAKES_COLUMN = 16 };

#define DIM_SOURCE(kind, function, takes, what) \
    dim_status function(dim_context *, const dim__request *, dim__samples *);
#include "data/sources.def"
#undef DIM_SOURCE

/* A missing file's error, with a hint when the files seem to lie in dir/folder. */
dim_status dim__source_missing(dim_context *ctx, const char *path, const char *dir, const char *folder);

/* The file of a kind that has one for a split: what the specification names, or in the folder that it names train, val or
 * test with one of the endings, which NULL ends. */
dim_status dim__source_file(dim_context *ctx, const dim__request *request, const char *const *endings, char **path);

/* Whether all numbers are finite; DIM_E_FORMAT names the first that is not, and the file. */
dim_status dim__source_finite(dim_context *ctx, const char *path, const dim_tensor *images);

/* Fills status and text of *error. */
#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
dim_status dim__sample_fail(dim__sample_error *error, dim_status status, const char *format, ...);

/* One block of n strings; NULL: no memory. */
const char **dim__names_block(dim_context *ctx, const char *const *names, int64_t n);
/* The lines of the text file dir/name, where it is there and has `classes` of them; else *out stays. */
dim_status dim__names_read(dim_context *ctx, const char *dir, const char *name, int64_t classes, const char ***out);

#endif
