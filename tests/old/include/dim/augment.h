/**
 * @file augment.h
 * @brief Augmentation: random views of images, the same for the same seed, epoch, image and view.
 *
 * An augmentation is a list of operations on u8 images of 1 or 3 channels (grey or RGB).  The views come out as f32,
 * normalised, or as u8 for pictures.  Between operations pixels are bytes, and every operation gives the bytes that
 * torchvision 0.14 gives for a PIL image and the same parameters.
 *
 * What is drawn for an operation depends on (seed, epoch, number of the image, number of the view, place of the
 * operation in the list) alone: not on threads, order, the other images of a batch or the number of views.
 */
#ifndef DIM_AUGMENT_H
#define DIM_AUGMENT_H

#include <dim/tensor.h>

DIM_BEGIN_DECLS

/** Opaque augmentation. */
typedef struct dim_augment dim_augment;

/** Ready lists of operations, those of AMDIM (arXiv 1906.00910 and its authors' program). */
typedef enum dim_augment_preset {
    DIM_AUGMENT_EMPTY = 0,        /**< no operations yet */
    DIM_AUGMENT_AMDIM32 = 1,      /**< CIFAR: flip, translation by up to 4 (p 0.8), jitter (p 0.8), grayscale (p 0.25) */
    DIM_AUGMENT_AMDIM64 = 2,      /**< STL-10: flip, resized crop to 64 x 64, jitter, grayscale */
    DIM_AUGMENT_AMDIM128 = 3,     /**< ImageNet: the same at 128 x 128, hue 0.1 */
    DIM_AUGMENT_AMDIM32_TEST = 4, /**< normalisation only */
    DIM_AUGMENT_AMDIM64_TEST = 5, /**< smaller side to 70, centre crop of 64 x 64 */
    DIM_AUGMENT_AMDIM128_TEST = 6, /**< smaller side to 146, centre crop of 128 x 128 */
    DIM_AUGMENT_PRESET_FORCE_INT = 0x7fffffff
} dim_augment_preset;

/** An operation. */
typedef enum dim_augment_op {
    DIM_AUGMENT_OP_FLIP = 0,         /**< left and right exchanged; p 0 = 0.5; shared by the views of an image */
    DIM_AUGMENT_OP_TRANSLATE = 1,    /**< whole pixels, up to `shift` down, up, left, right; border reflected */
    DIM_AUGMENT_OP_RESIZED_CROP = 2, /**< part of random area and aspect, resized to height x width (bicubic) */
    DIM_AUGMENT_OP_COLOR_JITTER = 3, /**< brightness, contrast, saturation, hue, in random order */
    DIM_AUGMENT_OP_GRAYSCALE = 4,    /**< luma in all channels */
    DIM_AUGMENT_OP_RESIZE = 5,       /**< bicubic, to height x width; width 0: the smaller side to `height` */
    DIM_AUGMENT_OP_CENTER_CROP = 6,  /**< height x width */
    DIM_AUGMENT_OP_NORMALIZE = 7,    /**< (x / 255 - mean) / std, after all else; a second one replaces the first */
    DIM_AUGMENT_OP_FORCE_INT = 0x7fffffff
} dim_augment_op;

/** Whether the views of one image share what is drawn. */
typedef enum dim_augment_sharing {
    DIM_AUGMENT_SHARING_DEFAULT = 0,  /**< FLIP shared, everything else not */
    DIM_AUGMENT_SHARING_IMAGE = 1,    /**< one draw for all views of an image */
    DIM_AUGMENT_SHARING_VIEW = 2,     /**< each view its own */
    DIM_AUGMENT_SHARING_FORCE_INT = 0x7fffffff
} dim_augment_sharing;

/** Append only.  Zero in any field means the library's default; what belongs to other operations is ignored. */
typedef struct dim_augment_op_options {
    size_t size;                 /**< set by DIM_OPTIONS_INIT */
    dim_augment_op op;           /**< FLIP */
    dim_augment_sharing sharing; /**< see there */
    float p;                     /**< probability that it is done, in (0, 1]; 0 = 1, FLIP 0.5.  A RESIZED_CROP that is
                                      not done resizes the whole image.  RESIZE, CENTER_CROP: always done */
    uint32_t shift;              /**< TRANSLATE: less than the image's sides; 0 = 4 */
    uint32_t height;             /**< 1 to 16384; RESIZED_CROP: 0 = the image's; RESIZE, CENTER_CROP: required */
    uint32_t width;              /**< likewise; RESIZED_CROP, CENTER_CROP: 0 = height, and must be 0 without height */
    float area_min;              /**< RESIZED_CROP: least share of the image's area, 1e-6 to 1; 0 = 0.3 */
    float area_max;              /**< RESIZED_CROP: largest share, area_min to 1; 0 = 1 */
    float aspect_min;            /**< RESIZED_CROP: least width / height, at least 0.001, drawn uniformly in its logarithm;
                                      0 = 0.7 */
    float aspect_max;            /**< RESIZED_CROP: largest width / height, at most 1000; 0 = 1.4 */
    float brightness;            /**< JITTER: factor in [max(0, 1 - x), 1 + x], x at most 1000; 0 = none */
    float contrast;              /**< JITTER: likewise */
    float saturation;            /**< JITTER: likewise; nothing happens to 1 channel */
    float hue;                   /**< JITTER: turn in [-x, x], at most 0.5, a whole turn being 1; 1 channel likewise */
    float mean[3];               /**< NORMALIZE: in units of [0, 1], finite; 1 channel uses the first */
    float std[3];                /**< NORMALIZE: 1e-6 to 1e6; the first alone = the first mean and std for all channels */
} dim_augment_op_options;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_augment_options {
    size_t size;               /**< set by DIM_OPTIONS_INIT */
    dim_augment_preset preset; /**< EMPTY */
    uint32_t reserved0;        /**< must be 0; keeps the struct unpadded */
} dim_augment_options;

/**
 * @brief Creates an augmentation.
 * @param ctx     context of the augmentation
 * @param options NULL = EMPTY
 * @param out     the augmentation; release with dim_augment_destroy()
 * @return DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_augment_create(dim_context *ctx, const dim_augment_options *options, dim_augment **out);

/**
 * @brief Appends an operation, also to a preset; at most 16.
 *
 * A loader made before goes on with the operations that it was made with.
 * @param aug the augmentation
 * @param op  the operation; not NULL
 * @return DIM_E_INVALID leaves the augmentation as it was.
 */
DIM_API dim_status dim_augment_add(dim_augment *aug, const dim_augment_op_options *op);

/**
 * @brief Shape of a view of an image.
 * @param aug   the augmentation
 * @param image (C, H, W)
 * @param view  (C, H', W')
 * @return DIM_E_SHAPE (channels are not 1 or 3, a crop or translation larger than the image).
 */
DIM_API dim_status dim_augment_shape(const dim_augment *aug, const int64_t image[3], int64_t view[3]);

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_augment_apply_options {
    size_t size;          /**< set by DIM_OPTIONS_INIT */
    uint64_t seed;        /**< 0 = the context's */
    uint64_t epoch;       /**< another epoch, other views */
    const int64_t *index; /**< (N) numbers of the images, >= 0, as in their dataset; NULL = 0, 1, 2, ... */
    uint32_t views;       /**< of each image; 0 = 1 */
    uint32_t reserved0;   /**< must be 0; keeps the struct unpadded */
} dim_augment_apply_options;

/**
 * @brief Makes views of images; a loader gives the same for the same seed, epoch and sample.
 *
 * Works on the context's threads.
 * @param aug     the augmentation
 * @param images  u8 (N, C, H, W), any strides
 * @param options NULL = defaults
 * @param out     (views N, C, H', W'), any strides that do not overlap, not overlapping images.  First the first view of
 *                every image, then the second of every image.  f32: normalised, or in [0, 1] without NORMALIZE; u8: the
 *                pixels before normalisation.
 * @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_NOMEM.
 */
DIM_API dim_status dim_augment_apply(const dim_augment *aug, const dim_tensor *images,
                                     const dim_augment_apply_options *options, dim_tensor *out);

/**
 * @brief Releases an augmentation; loaders made with it are not affected.
 * @param aug the augmentation; NULL is ignored
 */
DIM_API void dim_augment_destroy(dim_augment *aug);

DIM_END_DECLS

#endif
