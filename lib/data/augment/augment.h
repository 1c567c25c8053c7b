/* The inside of an augmentation: a list of operations; the list fitted to images of one shape; what is drawn for an
 * operation.  Lists are plain data of fixed size, so that a loader's threads have copies of their own. */
#ifndef DIM_DATA_AUGMENT_AUGMENT_H
#define DIM_DATA_AUGMENT_AUGMENT_H

#include "base/fields.h"
#include "data/pixels.h"
#include "tensor/tensor.h"
#include <dim/augment.h>

enum {
    DIM__AUGMENT_MAX_OPS = 16,
    DIM__AUGMENT_MAX_SIDE = 16384,
    DIM__AUGMENT_NUMBERS = 24 /* that one operation may draw */
};

typedef struct dim__augment_list {
    int count;
    dim_augment_op_options op[DIM__AUGMENT_MAX_OPS]; /* defaults filled in; without NORMALIZE */
    bool normalize;
    float mean[3], std[3];
} dim__augment_list;

struct dim_augment {
    dim_context *ctx;
    dim__augment_list list;
};

/* Whose numbers are drawn. */
typedef struct dim__augment_key {
    uint64_t seed, epoch, index, view;
} dim__augment_key;

/* An operation's parameters for one view. */
typedef struct dim__augment_draw {
    bool done;                                   /* else it is skipped */
    float number[DIM__AUGMENT_NUMBERS];          /* uniform; the first decided about `done` */
    int64_t down, right;                         /* TRANSLATE */
    dim__box box;                                /* RESIZED_CROP */
    int order[4];                                /* COLOR_JITTER: 0 brightness, 1 contrast, 2 saturation, 3 hue */
    float brightness, contrast, saturation, hue; /* COLOR_JITTER: factors and turn */
} dim__augment_draw;

/* A list for images of one shape. */
typedef struct dim__augment_fit {
    dim__augment_list list;
    int64_t in[3], out[3];
    int64_t after[DIM__AUGMENT_MAX_OPS][3]; /* shape after each operation */
    size_t image_bytes; /* of the largest image on the way */
    size_t scratch;     /* bytes that making a view needs, a multiple of 64 */
    float value[3][256]; /* f32 of a byte, for each channel */
} dim__augment_fit;

dim_status dim__augment_create(dim_context *ctx, const dim_augment_options *options, dim_augment **out);
dim_status dim__augment_add(dim_augment *aug, const dim_augment_op_options *op);
dim_status dim__augment_add_preset(dim_augment *aug, dim_augment_preset number);
void dim__augment_destroy(dim_augment *aug); /* NULL ok */
dim_status dim__augment_apply(const dim_augment *aug, const dim_tensor *images,
                              const dim_augment_apply_options *options, dim_tensor *out);

typedef struct dim__augment_def dim__augment_def; /* see op.h */
const dim__augment_def *dim__augment_def_of(dim_augment_op op); /* NULL for what is not an operation */
const char *dim__augment_op_name(int op);                       /* likewise */
extern const dim__table dim__augment_op_table;

/* DIM_E_SHAPE with a text that names the operation. */
dim_status dim__augment_fit_to(dim_context *ctx, const dim__augment_list *list, const int64_t image[3],
                               dim__augment_fit *out);
/* Of the views that an image of that shape becomes. */
dim_status dim__augment_shape(const dim_augment *aug, const int64_t image[3], int64_t view[3]);

/* The rest works on any thread: no context, no allocation. */

/* shape is that of the operation's input; `place` its place in the list. */
void dim__augment_draw_op(const dim_augment_op_options *op, int place, const dim__augment_key *key,
                          const int64_t shape[3], dim__augment_draw *out);

/* One view of one image (contiguous bytes) into dst, f32 or u8, strides in elements. */
void dim__augment_view(const dim__augment_fit *fit, const uint8_t *image, const dim__augment_key *key, void *scratch,
                       dim_dtype dtype, void *dst, const int64_t stride[3]);

#endif
