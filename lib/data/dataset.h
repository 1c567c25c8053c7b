/* The inside of a dataset. */
#ifndef DIM_DATA_DATASET_H
#define DIM_DATA_DATASET_H

#include "data/source.h"

#include <pthread.h>
#include <sys/types.h>

/* Which side is in a call of the caller's function. */
typedef enum dim__reading { DIM__READING_NONE, DIM__READING_WORKER, DIM__READING_CALLER } dim__reading;

struct dim_dataset {
    dim_context *ctx;
    int refs;           /* the caller's and the loaders', all on the context's thread */
    int64_t count;
    int64_t classes;    /* 0 = no labels */
    dim_dtype dtype;
    int rank;           /* of a sample: 3 or 1 */
    int64_t shape[3];
    size_t bytes;       /* of a sample */
    dim_tensor *images; /* samples in memory, or NULL */
    dim_tensor *labels; /* i32 or i64, or NULL */
    int64_t unlabelled; /* samples of `images` that have none, where others have one */
    uint64_t marks;     /* of which they are */
    dim__reader *reader; /* else it reads them, or NULL */
    dim_sample_fn read;  /* else the caller's */
    void *user;
    pthread_mutex_t lock;    /* of `reading`, which lets one call of `read` in at a time */
    pthread_cond_t is_free;
    dim__reading reading;
    pid_t home;              /* the process of whose threads these are */
    void *scratch;           /* a sample, used by dim__dataset_read() alone */
    const char **names;      /* of the classes, or NULL */
    int64_t left_out;        /* names in folders that are not samples */
};

dim_status dim__dataset_open(dim_context *ctx, const char *spec, dim_split split, const dim_dataset_options *options,
                             dim_dataset **out);
dim_status dim__dataset_from_tensors(dim_context *ctx, dim_tensor *images, dim_tensor *labels, dim_dataset **out);
dim_status dim__dataset_from_callback(dim_context *ctx, int64_t count, dim_dtype dtype, int rank, const int64_t *shape,
                                      int64_t classes, dim_sample_fn read, void *user, dim_dataset **out);
dim_status dim__dataset_read(dim_dataset *ds, int64_t first, int64_t count, dim_tensor *images, dim_tensor *labels);
/* Takes the reader over, on success only. */
dim_status dim__dataset_from_reader(dim_context *ctx, const dim__samples *samples, dim_dataset **out);
/* Of one that nobody has seen yet and whose reader gives none: no labels, classes and names. */
void dim__dataset_drop_labels(dim_dataset *ds);
void dim__dataset_release(dim_dataset *ds); /* NULL ok */

/* One sample, contiguous, in the dataset's type, for a loader's worker or in a call of the caller's.  Works on several threads
 * at once, and without the context.  Fails with *error filled. */
dim_status dim__dataset_sample(dim_dataset *ds, dim__reading side, int64_t index, void *image, int64_t *label,
                               dim__sample_error *error);
/* At the beginning of a call of the caller's: a call of its function that an exception of C++ or a longjmp() left is over, and so
 * is one that was going on in a process that was forked. */
void dim__dataset_settle(dim_dataset *ds);
dim_status dim__dataset_sample_fail(dim_dataset *ds, const dim__sample_error *error);

#endif
