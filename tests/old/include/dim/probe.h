/**
 * @file probe.h
 * @brief Probes: how much of the classes can be read from frozen features.  Nothing is ever selected on test data.
 */
#ifndef DIM_PROBE_H
#define DIM_PROBE_H

#include <dim/dataset.h>
#include <dim/encoder.h>

DIM_BEGIN_DECLS

/** Kind of probe. */
typedef enum dim_probe_kind {
    DIM_PROBE_KNN_COSINE = 0,    /**< majority of the k nearest by cosine */
    DIM_PROBE_KNN_EUCLIDEAN = 1, /**< majority of the k nearest by Euclidean distance */
    DIM_PROBE_RIDGE = 2,         /**< closed-form ridge on one-hot targets, features standardised on train */
    DIM_PROBE_LINEAR = 3,        /**< linear softmax trained by Adam, features standardised on train */
    DIM_PROBE_KIND_FORCE_INT = 0x7fffffff
} dim_probe_kind;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_probe_options {
    size_t size;             /**< set by DIM_OPTIONS_INIT */
    dim_probe_kind kind;     /**< KNN_COSINE */
    uint32_t k;              /**< kNN: neighbours; 0 = 20; a tie goes to the smallest class */
    float validation;        /**< part of train held out to choose lambda or the epoch, see dim_probe_run(); 0 = 0.1 */
    float lambda;            /**< RIDGE: times the samples' number; 0 = best of 1e-4, 1e-3, 1e-2, 1e-1 on validation */
    uint32_t epochs;         /**< LINEAR: at most; 0 = 20; the best on validation counts */
    uint32_t batch;          /**< LINEAR: 0 = 256 */
    float lr;                /**< LINEAR: 0 = 1e-3 */
    uint32_t reserved0;      /**< must be 0; keeps the struct unpadded */
    uint64_t seed;           /**< LINEAR: order of batches; 0 = the context's */
} dim_probe_options;

/** Result of a probe.  The caller sets `size` with DIM_OPTIONS_INIT. */
typedef struct dim_probe_result {
    size_t size;                /**< set by DIM_OPTIONS_INIT */
    double accuracy;            /**< on test, in [0, 1] */
    double train_accuracy;      /**< on train; for kNN 0 */
    double validation_accuracy; /**< of what was chosen, on the held-out part; 0 when nothing was chosen */
    double chosen;              /**< lambda, or the epoch, counted from 1 */
} dim_probe_result;

/**
 * @brief Trains a probe on features of one set and tests it on another.
 * @param ctx          context for working memory and threads
 * @param options      NULL = kNN by cosine, k = 20
 * @param train        (N, d) f32; maps may be given as (N, C, H, W)
 * @param train_labels i32 or i64 (N), each from 0 to 999999
 * @param test         (M, d)
 * @param test_labels  (M); a class that train does not have is never right
 * @param result       filled on DIM_OK, as far as its `size` goes
 *
 * What RIDGE and LINEAR hold out is spread evenly over train, one sample out of every ten for 0.1, so that train may be
 * sorted by class: stretch j of (1 / validation) consecutive samples gives the one whose place in it is the fraction of
 * 0.618... j.  RIDGE is then fitted on all of train.
 *
 * Working memory: for kNN some 60 MB at most beside the tensors at d = 4096; for ridge (d + 1)^2 doubles.
 * @return DIM_E_SHAPE, DIM_E_INVALID (labels, fewer samples than k or than are to be held out), DIM_E_NUMERIC (features not finite), DIM_E_NOMEM.
 */
DIM_API dim_status dim_probe_run(dim_context *ctx, const dim_probe_options *options, const dim_tensor *train,
                                 const dim_tensor *train_labels, const dim_tensor *test, const dim_tensor *test_labels,
                                 dim_probe_result *result);

/**
 * @brief Features of samples first .. first + count - 1 of a dataset, encoded in batches.
 * @param enc   the encoder
 * @param tap   NULL = "global"
 * @param ds    the dataset
 * @param first index of the first sample, from 0
 * @param count number of samples, at least 1
 * @param out   (count, d) f32; set only on DIM_OK, the caller owns it.  A map is flattened in (C, H, W) order.
 * @return DIM_E_INVALID (a range that is not in the dataset, unknown tap), DIM_E_SHAPE (the encoder takes other
 *         samples), DIM_E_CALLBACK, DIM_E_NOMEM.
 */
DIM_API dim_status dim_probe_features(dim_encoder *enc, const char *tap, dim_dataset *ds, int64_t first, int64_t count,
                                      dim_tensor **out);

/**
 * @brief The k nearest rows of `keys` for every row of `queries`, nearest first; equal distances by index.
 * @param ctx     context for working memory and threads
 * @param kind    KNN_COSINE or KNN_EUCLIDEAN
 * @param queries (M, d) f32, or (M, C, H, W)
 * @param keys    (N, d) f32, likewise
 * @param indices i64 (M, k), 1 <= k <= N
 * @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_NUMERIC (features not finite), DIM_E_NOMEM.
 */
DIM_API dim_status dim_probe_neighbors(dim_context *ctx, dim_probe_kind kind, const dim_tensor *queries,
                                       const dim_tensor *keys, dim_tensor *indices);

DIM_END_DECLS

#endif
