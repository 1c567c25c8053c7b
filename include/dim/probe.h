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
    DIM_PROBE_LINEAR = 3,        /**< linear softmax (logistic regression), features standardised on train */
    DIM_PROBE_KIND_FORCE_INT = 0x7fffffff
} dim_probe_kind;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_probe_options {
    size_t size;             /**< set by DIM_OPTIONS_INIT */
    dim_probe_kind kind;     /**< KNN_COSINE */
    uint32_t k;              /**< kNN: neighbours; 0 = 20; a tie goes to the smallest class */
    float validation;        /**< part of train held out to choose lambda or the epoch, see dim_probe_run(); 0 = 0.1 */
    float lambda;            /**< RIDGE, LINEAR: penalty, see dim_probe_run(); 0 = RIDGE: chosen on validation from a grid of
                                  powers of ten; LINEAR: 1 / N, which is scikit-learn's C = 1 */
    uint32_t epochs;         /**< LINEAR: looks at all of train, at most; 0 = 1000 iterations of L-BFGS, 20 epochs of minibatches */
    uint32_t batch;          /**< LINEAR: samples of a minibatch; 0 = all of train, or 256 where train is too large or lr is set */
    float lr;                /**< LINEAR: Adam's rate for minibatches; 0 = 1e-3.  One that is set asks for minibatches. */
    uint32_t reserved0;      /**< must be 0; keeps the struct unpadded */
    uint64_t seed;           /**< LINEAR: order of minibatches; 0 = the context's */
} dim_probe_options;

/** Result of a probe.  The caller sets `size` with DIM_OPTIONS_INIT. */
typedef struct dim_probe_result {
    size_t size;                /**< set by DIM_OPTIONS_INIT */
    double accuracy;            /**< on test, in [0, 1] */
    double train_accuracy;      /**< on train; for kNN 0 */
    double validation_accuracy; /**< of the chosen lambda or epoch, on the held-out part; 0 when none was chosen */
    double chosen;              /**< RIDGE: lambda; LINEAR: the epoch of minibatches, counted from 1, or L-BFGS's iterations */
    double lambda;              /**< RIDGE, LINEAR: the penalty's factor, given, chosen or by default */
    uint32_t converged;         /**< 0: LINEAR stopped at the last of `epochs`, and more could be better; else 1 */
    uint32_t edge;              /**< 1: what was chosen is the first or last lambda of the grid, or the last epoch */
} dim_probe_result;

/**
 * @brief Trains a probe on features of one set and tests it on another.
 * @param ctx          context for working memory and threads
 * @param options      NULL = kNN by cosine, k = 20
 * @param train        (N, d) f32; maps may be given as (N, C, H, W)
 * @param train_labels i32 or i64 (N), each from 0 to 999999
 * @param test         (M, d)
 * @param test_labels  (M); a sample of a class that train does not have counts as wrong
 * @param result       filled on DIM_OK, as far as its `size` goes
 *
 * RIDGE and LINEAR see z = (x - mean) / std, with train's mean and standard deviation (that of N, not of N - 1) of each
 * feature, in double.  A feature counts as constant, and as 0, where its std is below 2^-23 of its |mean|, which is one
 * rounding.  So units and offsets of features do not matter.  How classes are numbered does not matter either; equal scores
 * go to the class that train has first.
 *
 * RIDGE minimises, over W and b, the sum over train of |z W + b - t|^2 plus lambda N |W|^2, with t the one-hot class; the
 * intercept b is not penalised.  That is scikit-learn's RidgeClassifier with alpha = lambda N on features of its
 * StandardScaler, but for targets of 0 and 1 in place of -1 and 1, which changes no prediction.  When N <= d, it solves N
 * equations in place of d + 1.  Lambda is chosen among 1e-5, 1e-4, ... up to the first power of ten above d, by the share right
 * on the held-out part, then the squared error there; this grid is walked from 0.1 up, then down, as long as one of both gets
 * better.  W is then fitted on all of train.
 *
 * LINEAR minimises the mean over train of -log softmax(z W + b)_class, plus lambda / 2 |W|^2; of two classes, as
 * scikit-learn does, lambda / 2 |w|^2 with w the difference of both columns.  That is LogisticRegression with
 * C = 1 / (lambda N).  All of train is used at once, by L-BFGS, until no element of the gradient is above 1e-4; nothing is
 * held out.  Minibatches by Adam take its place when `batch` or `lr` is set, when N (d + 1) max(classes, 16) > 2^32, or when
 * (d + 1) classes > 2^22; the epoch that is best on the held-out part then counts, by the share right, then the cross-entropy.
 * A probe that did not converge is reported in `converged`, and by a warning to the context's log.
 *
 * Held-out samples are spread evenly over train (for 0.1, one of every ten), so train may be sorted by class: train is cut
 * into stretches of 1 / validation samples, and stretch j gives the sample at the fraction (0.618... j modulo 1) of its length.
 *
 * Working memory: for kNN some 100 MB at most beside the tensors at d = 4096, and 8 (7 + k) bytes a sample; for ridge
 * (d + 1)^2 doubles, or N^2 doubles and a copy of train; for LINEAR a copy of train, unless by minibatches.
 * @return DIM_E_SHAPE, DIM_E_INVALID (labels; fewer samples than k, or too few to hold any out), DIM_E_NUMERIC
 *         (features not finite), DIM_E_NOMEM.
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
 *
 * These are the true neighbours, by distances that are computed in double from the rows themselves: see
 * dim_probe_nearest().  Most rows are ruled out by a product in float and a bound of its error; the rest are measured one
 * by one.  Results share no memory with each other or with the rows.
 * @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_NUMERIC (features not finite), DIM_E_NOMEM.
 */
DIM_API dim_status dim_probe_neighbors(dim_context *ctx, dim_probe_kind kind, const dim_tensor *queries,
                                       const dim_tensor *keys, dim_tensor *indices);

/**
 * @brief As dim_probe_neighbors(), with distances.
 * @param ctx       context for working memory and threads
 * @param kind      KNN_COSINE or KNN_EUCLIDEAN
 * @param queries   (M, d) f32, or (M, C, H, W)
 * @param keys      (N, d) f32, likewise
 * @param indices   i64 (M, k), 1 <= k <= N
 * @param distances f32 or f64 (M, k); in f32 those above its range are infinite.  KNN_EUCLIDEAN: the Euclidean distance
 *                  |q - b|, in the features' unit.  KNN_COSINE: the cosine distance 1 - q.b / (|q| |b|), from 0 to 2, computed as
 *                  |q / |q| - b / |b||^2 / 2, so that small ones are exact; 1 where a row is all zeros.
 * @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_NUMERIC (features not finite), DIM_E_NOMEM.
 */
DIM_API dim_status dim_probe_nearest(dim_context *ctx, dim_probe_kind kind, const dim_tensor *queries,
                                     const dim_tensor *keys, dim_tensor *indices, dim_tensor *distances);

DIM_END_DECLS

#endif
