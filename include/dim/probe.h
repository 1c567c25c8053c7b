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
    DIM_PROBE_SVM = 4,           /**< linear support vector machines, one against the rest, features standardised on train */
    DIM_PROBE_MLP = 5,           /**< linear 200, dropout 0.1, batch norm, ReLU, linear, features standardised on train */
    DIM_PROBE_KIND_FORCE_INT = 0x7fffffff
} dim_probe_kind;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_probe_options {
    size_t size;             /**< set by DIM_OPTIONS_INIT */
    dim_probe_kind kind;     /**< KNN_COSINE */
    uint32_t k;              /**< kNN: neighbours; 0 = 20; a tie goes to the smallest class */
    float validation;        /**< part of train held out to choose lambda or the epoch, see dim_probe_run(); 0 = 0.1.
                                  SVM: one that is set, and no lambda, asks for a lambda that is chosen */
    float lambda;            /**< RIDGE, LINEAR, SVM: penalty, see dim_probe_run(); 0 = RIDGE: chosen on validation from a grid
                                  of powers of ten; LINEAR, SVM: 1 / N, which is scikit-learn's C = 1 */
    uint32_t epochs;         /**< looks at all of train, at most; 0 = LINEAR: 1000 iterations of L-BFGS, 20 epochs of
                                  minibatches; SVM: 1000; MLP: 60 */
    uint32_t batch;          /**< samples of a minibatch; 0 = LINEAR: all of train, or 256 where train is too large or lr is set;
                                  MLP: 64 */
    float lr;                /**< Adam's rate for minibatches; 0 = LINEAR: 1e-3; MLP: 1e-4.  LINEAR: one that is set asks for
                                  minibatches. */
    uint32_t reserved0;      /**< must be 0; keeps the struct unpadded */
    uint64_t seed;           /**< LINEAR, SVM, MLP: order of samples; MLP: initial weights, dropout; 0 = the context's */
    uint32_t runs;           /**< SVM, MLP: fits whose accuracies are averaged, each with a seed and a held-out part of its own,
                                  at most 1000; 0 = 1 */
    uint32_t hidden;         /**< MLP: hidden units, at most 2^24; 0 = 200 */
    float dropout;           /**< MLP: probability of zeroing a hidden unit in training; 0 = 0.1, negative = none */
    uint32_t reserved1;      /**< must be 0; keeps the struct unpadded */
} dim_probe_options;

/** Result of a probe.  The caller sets `size` with DIM_OPTIONS_INIT. */
typedef struct dim_probe_result {
    size_t size;                /**< set by DIM_OPTIONS_INIT */
    double accuracy;            /**< on test, in [0, 1]; of several runs the mean, as the two that follow */
    double train_accuracy;      /**< on train; for kNN 0 */
    double validation_accuracy; /**< of the chosen lambda or epoch, on the held-out part; 0 when none was held out */
    double chosen;              /**< RIDGE: lambda; LINEAR, MLP: the epoch of minibatches, counted from 1; LINEAR: or L-BFGS's
                                     iterations; SVM: looks at train of the class that took most; of several runs the first's */
    double lambda;              /**< RIDGE, LINEAR, SVM: the penalty's factor, given, chosen or by default; likewise */
    uint32_t converged;         /**< 0: LINEAR, SVM or MLP, in one run at least, stopped at the last of `epochs`, and more could
                                     be better; else 1 */
    uint32_t edge;              /**< 1: what was chosen, in one run at least, is the first or last lambda of the grid, or the last
                                     epoch */
    double accuracy_std;        /**< standard deviation of the runs' accuracies on test (that of runs - 1); 0 of one run */
    uint32_t runs;              /**< how many there were; 1 of kNN, RIDGE and LINEAR */
    uint32_t reserved0;         /**< 0 */
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
 * SVM minimises, for each class, with y = 1 for its samples and -1 for the rest, C times the sum over train of
 * max(0, 1 - y (z w + b)), plus (|w|^2 + b^2) / 2; C = 1 / (lambda N), and the intercept b is the weight of a constant feature of
 * 1, penalised as the others are.  That is scikit-learn's LinearSVC with loss="hinge" and its usual intercept_scaling of 1.  Of
 * two classes there is one such w.  Dual coordinate descent (Hsieh et al., ICML 2008) goes through train in random order until
 * the projected gradient is within 1e-4, as LinearSVC with its usual tol; features beyond some hundred and a large C may take
 * more looks than 1000, which `converged` and a warning tell, and by which accuracies hardly change any more.  When
 * `validation` is set and `lambda` is not, C is chosen among 1e-6, 1e-5, ... 100 by the share right on the held-out part, then
 * the hinge loss there; the grid is walked from 0.01 down, then up, as long as one of both gets better.  Of one run w is then
 * fitted on all of train.  Classes are divided over the threads, whose number changes no bit of w.
 *
 * MLP is what the authors of Deep InfoMax train: linear, dropout, batch norm, ReLU, linear, by cross-entropy and Adam with
 * betas 0.5 and 0.999, a tenth of `lr` after 50 epochs and a hundredth after 100, or after one and two thirds of `epochs` where
 * these are below 150.  The authors feed features as they are, here they are standardised.  The epoch that is best on
 * the held-out part counts, as for LINEAR by minibatches; whole minibatches only are fitted, of samples in another order in each
 * epoch.  The weights of that epoch are not fitted again.  (The paper averages over the last 100 of 1000 epochs.)
 *
 * Several `runs` have a seed each, and each holds other samples out, so that of five the tenths have none in common; the result
 * has means and a deviation.  An SVM has one minimum, so its seed alone would change nothing: with more than one run each
 * is fitted on the samples that its held-out part leaves, and `validation_accuracy` is measured on that part.
 *
 * Held-out samples are spread evenly over train (for 0.1, one of every ten), so train may be sorted by class: train is cut
 * into stretches of 1 / validation samples, and stretch j gives the sample at the fraction (0.618... j modulo 1) of its length,
 * of run r, counted from 0, at (0.618... (j + r) modulo 1).
 *
 * Working memory: for kNN some 100 MB at most beside the tensors at d = 4096, and 8 (7 + k) bytes a sample; for ridge
 * (d + 1)^2 doubles, or N^2 doubles and a copy of train; for LINEAR a copy of train, unless by minibatches; for SVM a copy of
 * train, and 12 bytes a sample for each thread; for the MLP its weights five times.
 * @return DIM_E_SHAPE, DIM_E_INVALID (labels; fewer samples than k, or too few to hold any out, or for batch norm), DIM_E_NUMERIC
 *         (features not finite, or training that diverges), DIM_E_NOMEM.
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
 *                  |q - b|, in the features' unit.  KNN_COSINE: the cosine distance 1 - q.b / (|q| |b|), from 0 to 2, where
 *                  it is small by sin^2 / (1 + cos) of the angle, from products with twice a double's digits, so that
 *                  it is exact; 1 where a row is all zeros.
 * @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_NUMERIC (features not finite), DIM_E_NOMEM.
 */
DIM_API dim_status dim_probe_nearest(dim_context *ctx, dim_probe_kind kind, const dim_tensor *queries,
                                     const dim_tensor *keys, dim_tensor *indices, dim_tensor *distances);

DIM_END_DECLS

#endif
