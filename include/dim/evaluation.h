/**
 * @file evaluation.h
 * @brief What is a representation worth, beside probes: similarity of images, statistics of codes, how much of the input is in
 *        the code (MINE, a decoder), and how much its units depend on each other (NDM).
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
    /** RankMe (Garrido et al. 2023): e^H of the singular values, divided by their sum, plus 1e-7, which may carry it a little beyond
     *  its bounds, 1 and min(N, d) (200.02 of 200 alike); 0 of codes that are all 0 */
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
 * In double.  Working memory is two times d^2 doubles, time N d^2 and d^3.  Singular values below 1e-8 of the largest
 * are rounding.
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
 *        length; from -4 N / (N - 1), which is near -4 for many rows, to 0; small is good.
 * @param ctx        context for working memory and threads
 * @param x          (N, d) f32, N at least 2
 * @param uniformity the value
 *
 * Time is N^2 d, memory that of the codes in double.
 * @return as dim_evaluation_alignment().
 */
DIM_API dim_status dim_evaluation_uniformity(dim_context *ctx, const dim_tensor *x, double *uniformity);

/** By what dim_evaluation_mine() measures. */
typedef enum dim_mine_kind {
    /** A network of its own on the input, beside the code: [256 ; z] -> 512 -> 128 -> 1, which maximises the
     *  Donsker-Varadhan bound (MINE; DIM, appendix) */
    DIM_MINE_NETWORK = 0,
    DIM_MINE_CRITIC = 1, /**< the critic of dim_information_measure() */
    DIM_MINE_KIND_FORCE_INT = 0x7fffffff
} dim_mine_kind;

/** How a network is trained to measure.  Append only.  Zero in any field means the library's default. */
typedef struct dim_evaluation_options {
    size_t size;            /**< set by DIM_OPTIONS_INIT */
    uint32_t steps;         /**< of training; 0 = 2000 */
    uint32_t batch;         /**< rows in each, at least 2; 0 = 64, NDM 500 */
    float lr;               /**< of Adam; 0 = 1e-4.  It falls: see each function */
    float held_out;         /**< share of the rows that nothing is trained on, in (0, 1); 0 = 0.2.  Not of a decoder */
    uint32_t sigmoid;       /**< NDM: 1 = of the sigmoid of the codes, as the paper's table has it beside the codes themselves */
    dim_mine_kind mine;     /**< MINE: NETWORK */
    uint64_t seed;          /**< of initial weights, order and permutations; 0 = the context's */
    dim_progress_fn progress; /**< NULL, or hears how far training is */
    void *user;             /**< passed to progress */
} dim_evaluation_options;

/** Of a network that was trained to tell pairs apart.  The caller sets `size` with DIM_OPTIONS_INIT.  Append only. */
typedef struct dim_evaluation_estimate {
    size_t size;            /**< set by DIM_OPTIONS_INIT */
    double value;           /**< in nats: the Donsker-Varadhan value on rows that were not trained on */
    double standard_error;  /**< of sampling these rows */
    double trained_value;   /**< the same on rows that were: far above `value`, the network has learnt rows by heart; NaN of CRITIC */
    int64_t trained;        /**< rows that were trained on */
    int64_t held_out;       /**< rows that were not; of CRITIC, which is cross-fitted, all */
} dim_evaluation_estimate;

/**
 * @brief NDM, the neural dependency measure (DIM, section 4): how much the units of a code depend on each other.
 * @param ctx     context for working memory and threads
 * @param options NULL = defaults
 * @param codes   (N, d) f32, d at least 2
 * @param out     filled as far as its `size` goes
 *
 * A network, d -> 1000 -> 200 -> 1 with ReLU, tells codes from codes whose every unit is permuted over the batch by a
 * permutation of its own.  It maximises E[u] - E[e^(u - 1)]; the value is E[u] - log E[e^u] on held-out rows, whose
 * units are permuted over them. 0 = independent; the sum over units of what one has to do with those before it is its
 * ideal.  The rate is a tenth after half of the steps, a hundredth after three quarters.  The paper's code: batch
 * 10,000, 5,000 steps, and its value is that of training.
 *
 * Codes go into the network as they are.  Of units much smaller than 1 it learns nothing, so that the value is 0, and on
 * much larger ones it may diverge: standardise such codes first.
 *
 * Same options, seed and number of threads: same bits.
 * @return DIM_E_SHAPE (fewer than 4 rows on either part, fewer rows than a batch), DIM_E_NUMERIC (codes not finite, training
 *         diverges), DIM_E_CALLBACK (progress stopped it), DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_evaluation_ndm(dim_context *ctx, const dim_evaluation_options *options, const dim_tensor *codes,
                                      dim_evaluation_estimate *out);

/**
 * @brief MINE between input and code: how much of the input is in the code.
 * @param ctx     context for working memory and threads
 * @param options NULL = defaults
 * @param x       inputs: (N, C, H, W) images or (N, d) vectors, f32 or u8; a byte is x / 127.5 - 1
 * @param z       (N, d) f32: the codes of these inputs
 * @param out     filled as far as its `size` goes
 *
 * NETWORK: images of 8 x 8 at least go through three 4x4 convolutions of stride 2 with 64, 128 and 256 channels,
 * vectors and smaller images through 512 units, and then to 256, all with ReLU and without batch norm.  Pairs are rows,
 * and rows with codes of others.  The value is E[u] - log E[e^u] on held-out rows.  The rate falls to 0 as a cosine.
 * It is a lower bound up to the bias of the logarithm of a mean, and cannot show much more than the logarithm of the
 * number of held-out rows.  Vectors, floats of images and codes go in as they are, as in dim_evaluation_ndm().
 *
 * CRITIC: dim_information_measure() with its method CRITIC, with `steps` as its max_steps; the options batch, lr and
 * held_out must be 0.  Images are columns there, so that their number counts: features of them, or small images, are
 * better.  The value is NaN of fewer than 30 rows.
 *
 * Same options, seed and number of threads: same bits.
 * @return DIM_E_SHAPE, DIM_E_NUMERIC, DIM_E_CALLBACK, DIM_E_INVALID, DIM_E_NOMEM as dim_evaluation_ndm(); DIM_E_UNSUPPORTED (CRITIC:
 *         fewer than 200 rows).
 */
DIM_API dim_status dim_evaluation_mine(dim_context *ctx, const dim_evaluation_options *options, const dim_tensor *x,
                                       const dim_tensor *z, dim_evaluation_estimate *out);

/** What a decoder made of codes.  The caller sets `size` with DIM_OPTIONS_INIT.  Append only. */
typedef struct dim_reconstruction {
    size_t size;            /**< set by DIM_OPTIONS_INIT */
    double squared_error;   /**< mean over the pixels of test images, in [-1, 1] */
    double ssim;            /**< DIM_SSIM_SINGLE; NaN: images are smaller than its window */
    double ms_ssim;         /**< DIM_SSIM_MULTI with the scales that fit; NaN likewise */
    double padded_ssim;     /**< DIM_SSIM_PADDED: the column "MS-SSIM" of the DIM paper */
    double trained_squared_error; /**< of the last batch of training, with the batch's own statistics */
} dim_reconstruction;

/**
 * @brief How well images can be made again of frozen codes: trains a decoder, and compares its images of test codes.
 * @param ctx     context for working memory and threads
 * @param options NULL = defaults; held_out, sigmoid and mine must be 0
 * @param codes   (N, d) f32: what the decoder is trained on
 * @param images  (N, C, H, W) of these codes: u8, a byte is x / 127.5 - 1, or f32 in [-1, 1]
 * @param test_codes  (M, d)
 * @param test_images (M, C, H, W), as images
 * @param result  NULL, or filled as far as its `size` goes
 * @param out     NULL, or (M, C, H, W) f32 in [-1, 1]: the decoder's images of test_codes; set only on DIM_OK, the caller owns it
 *
 * The decoder is the DIM authors' (linear to 512 x 4 x 4; transposed convolutions 4x4 of stride 2 with 256, 128, 64
 * channels, each with batch norm and ReLU; 3x3 convolution, tanh) for 32 x 32; other sizes are halved as often as both
 * sides are even and stay at 4 or more, six times at most, with as many transposed convolutions: 28 x 28 has two, from
 * 256 x 7 x 7, and 64 x 64 four, from 1024 x 4 x 4.  Mean squared error, Adam; the rate is a tenth after a third of the
 * steps, a hundredth after two thirds.
 *
 * Same options, seed and number of threads: same bits.
 * @return DIM_E_SHAPE (also sides that are odd, below 8, or too large: a first map of more than 2^24 units), DIM_E_NUMERIC,
 *         DIM_E_CALLBACK, DIM_E_INVALID (also pixels outside [-1, 1]), DIM_E_NOMEM.
 */
DIM_API dim_status dim_evaluation_reconstruct(dim_context *ctx, const dim_evaluation_options *options, const dim_tensor *codes,
                                              const dim_tensor *images, const dim_tensor *test_codes,
                                              const dim_tensor *test_images, dim_reconstruction *result, dim_tensor **out);

DIM_END_DECLS

#endif
