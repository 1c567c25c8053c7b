/* Cases of context.h, status.h, tensor.h, augment.h and dataset.h. */
#include "every.h"

/* With room for as many axes as there may be: the fuzzer says other ranks. */
static const int64_t shape_2_3[DIM_MAX_RANK] = { 2, 3 }, shape_24[DIM_MAX_RANK] = { 24 }, image[DIM_MAX_RANK] = { 3, 8, 8 };
static const int64_t strides_3_1[DIM_MAX_RANK] = { 3, 1 };
static const int order_1_0[DIM_MAX_RANK] = { 1, 0 };
static const int64_t indices[6] = { 5, 4, 3, 2, 1, 0 };
static float memory[6];

static void release(void *user, void *data)
{
    (void)user;
    (void)data;
}

static int sample(void *user, int64_t index, void *into, int64_t *label)
{
    (void)user;
    memset(into, (int)(index + 1), 3);
    *label = index % 2;
    return 0;
}

#define OUT P(&w->out[0])
#define NUMBERS P(&w->numbers)
#define ROWS P(w_rows(w, "rows", 6, 4))

EVERY_CASE(dim_context_create, O(context, w->o.context.threads = 2, w->o.context.alloc = take, w->o.context.free = give,
                                 w->o.context.alloc_user = &w->memory), OUT)
EVERY_CASE(dim_context_destroy, P(every_give(w, w_context(w))))
EVERY_CASE(dim_context_error, P(w_context(w)))
EVERY_CASE(dim_context_describe, P(w_context(w)))
EVERY_CASE(dim_context_memory, P(w_context(w)))
EVERY_CASE(dim_context_allocations, P(w_context(w)))
EVERY_CASE(dim_precision_name, N(DIM_PRECISION_BF16))
EVERY_CASE_OF_NOTHING(dim_version)
EVERY_CASE(dim_status_name, N(DIM_E_SHAPE))
EVERY_CASE(dim_status_message, N(DIM_E_SHAPE))

EVERY_CASE(dim_dtype_size, N(DIM_I64))
EVERY_CASE(dim_tensor_create, P(w_context(w)), N(DIM_F32), N(2), P(shape_2_3), OUT)
EVERY_CASE(dim_tensor_wrap, P(w_context(w)), N(DIM_F32), N(2), P(shape_2_3), P(strides_3_1), P(memory), CALLBACK(release), P(w),
           OUT)
EVERY_CASE(dim_tensor_permute, ROWS, P(order_1_0), OUT)
EVERY_CASE(dim_tensor_slice, ROWS, N(0), N(4), N(2), N(-2), OUT)
EVERY_CASE(dim_tensor_reshape, ROWS, N(1), P(shape_24), OUT)
EVERY_CASE(dim_tensor_copy, P(w_rows(w, "other", 6, 4)), ROWS)
EVERY_CASE(dim_tensor_dtype, ROWS)
EVERY_CASE(dim_tensor_rank, ROWS)
EVERY_CASE(dim_tensor_size, ROWS, N(1))
EVERY_CASE(dim_tensor_stride, ROWS, N(1))
EVERY_CASE(dim_tensor_count, ROWS)
EVERY_CASE(dim_tensor_is_contiguous, ROWS)
EVERY_CASE(dim_tensor_data, ROWS)
EVERY_CASE(dim_tensor_const_data, ROWS)
EVERY_CASE(dim_tensor_load_npy, P(w_context(w)), T(w_file(w, "npy")), OUT)
EVERY_CASE(dim_tensor_save_npy, ROWS, T(w->path))
EVERY_CASE(dim_tensor_destroy, P(every_give(w, w_rows(w, "rows", 6, 4))))

EVERY_CASE(dim_augment_create, P(w_context(w)), O(augment, w->o.augment.preset = DIM_AUGMENT_AMDIM32), OUT)
EVERY_CASE(dim_augment_add, P(w_augment(w)), O(augment_op, w->o.augment_op.op = DIM_AUGMENT_OP_GRAYSCALE))
EVERY_CASE(dim_augment_shape, P(w_augment(w)), P(image), NUMBERS)
EVERY_CASE(dim_augment_apply, P(w_augment(w)), P(w_pixels(w)),
           O(augment_apply, w->o.augment_apply.index = indices, w->o.augment_apply.views = 2),
           P(w_tensor(w, "views", DIM_F32, 4, (int64_t[]){ 12, 3, 6, 6 })))
EVERY_CASE(dim_augment_destroy, P(every_give(w, w_augment(w))))

EVERY_CASE(dim_dataset_open, P(w_context(w)), T("folder:" DIM_TEST_DATA "/every"), N(DIM_SPLIT_TRAIN), OUT)
EVERY_CASE(dim_dataset_open_with, P(w_context(w)), T("folder:" DIM_TEST_DATA "/every"), N(DIM_SPLIT_TRAIN),
           O(dataset, w->o.dataset.image_size = 2), OUT)
EVERY_CASE(dim_dataset_from_tensors, P(w_context(w)), P(w_pixels(w)), P(w_labels(w, "classes", 6, 3)), OUT)
EVERY_CASE(dim_dataset_from_callback, P(w_context(w)), N(4), N(DIM_U8), N(1), P(image), N(2), CALLBACK(sample), P(w), OUT)
EVERY_CASE(dim_dataset_count, P(w_dataset(w)))
EVERY_CASE(dim_dataset_classes, P(w_dataset(w)))
EVERY_CASE(dim_dataset_class_name, P(w_dataset(w)), N(1))
EVERY_CASE(dim_dataset_skipped, P(w_dataset(w)))
EVERY_CASE(dim_dataset_left_out, P(w_dataset(w)))
EVERY_CASE(dim_dataset_dtype, P(w_dataset(w)))
EVERY_CASE(dim_dataset_shape, P(w_dataset(w)), NUMBERS)
EVERY_CASE(dim_dataset_read, P(w_vectors(w)), N(1), N(5), P(w_tensor(w, "read", DIM_F32, 4, (int64_t[]){ 5, 2, 8, 8 })),
           P(w_labels(w, "labels", 5, 5)))
EVERY_CASE(dim_dataset_destroy, P(every_give(w, w_dataset(w))))
EVERY_CASE(dim_loader_create, P(w_dataset(w)), O(loader, w->o.loader.batch = 2, w->o.loader.augment = w_augment(w)), OUT)
EVERY_CASE(dim_loader_next, P(w_loader(w)), OUT, P(&w->out[1]))
EVERY_CASE(dim_loader_epoch, P(w_loader(w)))
EVERY_CASE(dim_loader_batches, P(w_loader(w)))
EVERY_CASE(dim_loader_destroy, P(every_give(w, w_loader(w))))
