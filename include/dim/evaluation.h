/**
 * @file evaluation.h
 * @brief What is a representation worth, beside probes: similarity of images, statistics of codes.
 *
 * Codes are features (N, d), such as those of dim_probe_features(); labels are not needed.  docs/evaluation.md has the
 * definitions, the papers, and how to read the numbers.
 */
#ifndef DIM_EVALUATION_H
#define DIM_EVALUATION_H
#ifndef DIM_EXPERIMENTAL
#error "this may still change: define DIM_EXPERIMENTAL before including it"
#endif
#include <dim/information.h>

DIM_BEGIN_DECLS

/** Structural similarity of two images, 1 for equal ones. */
typedef enum dim_ssim_kind {
    DIM_SSIM_SINGLE = 0, /**< SSIM (Wang et al. 2004): of windows that lie inside the image, as scikit-image has it */
    DIM_SSIM_MULTI = 1,  /**< MS-SSIM (Wang et al. 2003): over several scales, each half as large as the one before */
    /** What the DIM paper's code calls MS-SSIM: of one scale, zeros around the image, C1 = 0.01^2 and C2 = 0.03^2 whatever the
     *  range is */
    DIM_SSIM_PADDED = 2,
    DIM_SSIM_KIND_FORCE_INT = 0x7fffffff
} dim_ssim_kind;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_ssim_options {
    size_t size;        /**< set by DIM_OPTIONS_INIT */
    dim_ssim_kind kind; /**< SINGLE */
    uint32_t window;    /**< side of the Gaussian window, odd, at least 3; 0 = 11 */
    float sigma;        /**< deviation of the window, in pixels; 0 = 1.5 */
    float range;        /**< what the largest pixel is above the smallest one, as they could be; 0 = 2, for [-1, 1].  Not of PADDED */
    /** MULTI: how many scales, at most 5; each must be as large as the window.  0 = those that are.  Of fewer than 5 the first
     *  weights of the paper are taken, divided by their sum. */
    uint32_t scales;
    uint32_t reserved0; /**< must be 0; keeps the struct unpadded */
} dim_ssim_options;

/**
 * @brief Structural similarity of the images of two batches, pair by pair; the mean over channels, and over images.
 * @param ctx     context for working memory and threads
 * @param options NULL = SSIM of images in [-1, 1]
 * @param a       (N, C, H, W) f32
 * @param b       likewise
 * @param mean    NULL, or the mean over images
 * @param each    NULL, or f64 (N): of each image
 *
 * Everything is computed in double, with the same bits for any number of threads.  In MS-SSIM a scale whose contrast
 * and structure are below 0 counts as 0; of a side of odd length the last line is paired with itself when it is halved.
 * @return DIM_E_SHAPE (images smaller than the window, but for PADDED, or than it at a scale that was asked for), DIM_E_INVALID (an
 *         option, no output), DIM_E_NUMERIC (a pixel is not finite), DIM_E_NOMEM.
 */
DIM_API dim_status dim_evaluation_ssim(dim_context *ctx, const dim_ssim_options *options, const dim_tensor *a,
                                       const dim_tensor *b, double *mean, dim_tensor *each);

/** Statistics of codes.  The caller sets `size` with DIM_OPTIONS_INIT.  Append only. */
typedef struct dim_code_statistics {
    size_t size;              /**< set by DIM_OPTIONS_INIT */
    /** RankMe (Garrido et al. 2023): e^H of the singular values, divided by their sum, plus 1e-7; between 1 and min(N, d),
     *  0 of codes that are all 0 */
    double rankme;
    double effective;         /**< (sum of variances of principal components)^2 / sum of their squares; 0 of constant codes */
    double mean;              /**< mean over units of the absolute mean */
    double deviation;         /**< mean over units of the deviation, by N, not N - 1 */
    double least_deviation;   /**< of the unit that changes least */
    double most_deviation;    /**< of the unit that changes most */
    double correlation;       /**< mean of |correlation| over pairs of units that are not dead; NaN: there is no pair */
    double most_correlation;  /**< largest |correlation| of a pair; NaN likewise */
    int64_t rows;             /**< N */
    int64_t units;            /**< d */
    int64_t dead;             /**< units with the same value in all rows */
} dim_code_statistics;

/**
 * @brief How many dimensions codes use, and how units are spread and correlated.
 * @param ctx   context for working memory and threads
 * @param codes (N, d) f32, or (N, C, H, W), which is flattened; N at least 2, d at most 16384
 * @param units NULL, or f64 (d, 3): mean, deviation, and largest |correlation| with another unit, which is NaN of a dead one
 * @param out   filled as far as its `size` goes
 *
 * In double.  Working memory is two times d^2 doubles, time N d^2 and d^3.  Singular values below 1e-8 of the largest are rounding.
 * @return DIM_E_SHAPE, DIM_E_NUMERIC (codes not finite), DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_evaluation_codes(dim_context *ctx, const dim_tensor *codes, dim_tensor *units,
                                        dim_code_statistics *out);

/**
 * @brief Alignment (Wang & Isola 2020): the mean of |x_i - y_i|^2 over the rows, each divided by its length; from 0 to 4.
 * @param ctx       context for working memory and threads
 * @param x         (N, d) f32: codes of one view of N samples
 * @param y         likewise: of another view of the same samples, in the same order
 * @param alignment small is good, as long as codes are uniform
 * @return DIM_E_SHAPE, DIM_E_NUMERIC (not finite, or a row of zeros, which has no direction), DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_evaluation_alignment(dim_context *ctx, const dim_tensor *x, const dim_tensor *y, double *alignment);

/**
 * @brief Uniformity (Wang & Isola 2020): log of the mean of e^(-2 |x_i - x_j|^2) over pairs i < j of rows, each divided by its
 *        length; from -4 to 0, small is good.
 * @param ctx        context for working memory and threads
 * @param x          (N, d) f32, N at least 2
 * @param uniformity the value
 *
 * Time is N^2 d, memory that of the codes in double.
 * @return as dim_evaluation_alignment().
 */
DIM_API dim_status dim_evaluation_uniformity(dim_context *ctx, const dim_tensor *x, double *uniformity);

DIM_END_DECLS

#endif
