/* An operation: one descriptor in a file of this folder, and a line in augment_list.def. */
#ifndef DIM_DATA_AUGMENT_OP_H
#define DIM_DATA_AUGMENT_OP_H

#include "data/augment/augment.h"

/* A view on its way.  Operations that move pixels write to `spare`, which then becomes the image. */
typedef struct dim__augment_work {
    uint8_t *image, *spare;
    void *scratch;
    int64_t shape[3];
} dim__augment_work;

struct dim__augment_def {
    const char *name;            /* in texts */
    float p;                     /* what 0 stands for */
    dim_augment_sharing sharing; /* likewise DEFAULT */
    bool always;                 /* p must be 1 */
    bool sized;                  /* height is required */
    bool keeps_aspect;           /* width 0 is not height, but what follows from the image */
    dim_status (*check)(dim_context *ctx, const dim_augment_op_options *o); /* NULL: every value is allowed */
    /* What it sets of the list, instead of becoming one of its operations; then the rest is NULL. */
    void (*set)(dim__augment_list *list, const dim_augment_op_options *o);
    /* Shape of the result, which is `in` so far; DIM_E_SHAPE.  NULL: every shape stays as it is. */
    dim_status (*shape)(dim_context *ctx, const dim_augment_op_options *o, const int64_t in[3], int64_t out[3]);
    size_t (*scratch)(const int64_t in[3], const int64_t out[3]); /* bytes for `run`, a multiple of 64; NULL: none */
    /* Parameters of one view, from the numbers in out->number, of which the first is taken.  NULL: there are none. */
    void (*draw)(const dim_augment_op_options *o, const int64_t shape[3], dim__augment_draw *out);
    /* On any thread.  after: the image's shape when the operation is done. */
    void (*run)(dim__augment_work *w, const dim_augment_op_options *o, const dim__augment_draw *draw,
                const int64_t after[3]);
    /* The same when it is not done; NULL: nothing happens. */
    void (*skip)(dim__augment_work *w, const int64_t after[3]);
};

#define X(VALUE, name) extern const dim__augment_def dim__augment_op_##name;
#include "data/augment/augment_list.def"
#undef X

/* A `shape` of height x width as the options say; width 0 keeps the aspect, height 0 the shape. */
dim_status dim__augment_shape_given(dim_context *ctx, const dim_augment_op_options *o, const int64_t in[3],
                                    int64_t out[3]);
/* The whole image or a part of it, resized to `after`; scratch as dim__augment_resize_scratch() has it. */
void dim__augment_resize(dim__augment_work *w, const dim__box *box, const int64_t after[3]);
void dim__augment_resize_whole(dim__augment_work *w, const int64_t after[3]);
size_t dim__augment_resize_scratch(const int64_t in[3], const int64_t out[3]);
/* What is in `spare` becomes the image. */
void dim__augment_moved(dim__augment_work *w, const int64_t shape[3]);

static inline bool dim__augment_in(float x, float low, float high)
{
    return x >= low && x <= high; /* false for NaN */
}

static inline double dim__augment_uniform(float number, double low, double high)
{
    return low + (double)number * (high - low);
}

int64_t dim__augment_between(float number, int64_t low, int64_t high); /* one of low .. high */

#endif
