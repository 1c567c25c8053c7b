/**
 * @file estimator.h
 * @brief Mutual-information estimators, usable alone: values and gradients from the caller's own features or scores.
 *
 * A critic's score u[i, j, l] pairs the global feature of sample i with location l of sample j.  i = j is a positive
 * (joint) pair, i != j a negative (product of the marginals).  All logarithms are natural, information is in nats.
 */
#ifndef DIM_ESTIMATOR_H
#define DIM_ESTIMATOR_H

#include <dim/tensor.h>

DIM_BEGIN_DECLS

/** Opaque estimator. */
typedef struct dim_estimator dim_estimator;

/** What is estimated; sp(t) = log(1 + e^t), E_pos and E_neg average over positive and negative pairs. */
typedef enum dim_estimator_kind {
    DIM_ESTIMATOR_JSD = 0,     /**< E_pos[-sp(-u)] - E_neg[sp(u)]; value + 2 log 2; a divergence (DIM eq. 4) */
    DIM_ESTIMATOR_DV = 1,      /**< E_pos[u] - log E_neg[e^u]; an estimate of MI in nats (DIM eq. 2) */
    DIM_ESTIMATOR_MINE = 2,    /**< DV with a moving average in the gradient; an estimate (MINE eq. 12) */
    /**
     * log-softmax of the positive; + log(candidates): lower bound (DIM eq. 5).  With several locations a sample the
     * candidates are not independent, and the value may exceed the information by up to log(locations):
     * docs/estimators.md
     */
    DIM_ESTIMATOR_INFONCE = 3,
    DIM_ESTIMATOR_NWJ = 4,     /**< E_pos[u] - E_neg[e^(u-1)]; lower bound of MI (f-GAN KL) */
    DIM_ESTIMATOR_SMILE = 5,   /**< JSD's gradients; value DV with clipped e^u: an estimate of MI (SMILE eq. 13) */
    DIM_ESTIMATOR_RKL = 6,     /**< E_pos[-e^-u] - E_neg[u - 1]; divergence (reverse KL dual) */
    DIM_ESTIMATOR_H2 = 7,      /**< E_pos[1 - e^-u] - E_neg[e^u - 1]; divergence (squared Hellinger dual) */
    DIM_ESTIMATOR_X2 = 8,      /**< E_pos[u] - E_neg[u + u^2/4]; divergence (Pearson chi-squared dual) */
    DIM_ESTIMATOR_W1 = 9,      /**< E_pos[u] - E_neg[u]; a score, not a bound unless the critic is Lipschitz */
    DIM_ESTIMATOR_GAN = 10,    /**< JSD without the shift of its value */
    DIM_ESTIMATOR_KIND_FORCE_INT = 0x7fffffff
} dim_estimator_kind;

/** Which pairs are the negatives. */
typedef enum dim_negatives {
    DIM_NEGATIVES_ALL = 0,     /**< every other sample of the batch: N^2 - N pairs a location */
    DIM_NEGATIVES_SHUFFLE = 1, /**< one partner a sample, by a random cycle through all samples */
    DIM_NEGATIVES_FORCE_INT = 0x7fffffff
} dim_negatives;

/** What the value of an estimator means. */
typedef enum dim_bound {
    DIM_BOUND_NONE = 0,     /**< a divergence or score, comparable only with itself */
    DIM_BOUND_LOWER = 1,    /**< the mean over new batches is not above the mutual information in nats; one batch may be */
    /** an estimate of the mutual information in nats, whose mean may be above it: of DV and MINE in small batches, by a
     *  bias that vanishes as the batch grows; of SMILE by what it clips */
    DIM_BOUND_ESTIMATE = 2,
    DIM_BOUND_FORCE_INT = 0x7fffffff
} dim_bound;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_estimator_options {
    size_t size;             /**< set by DIM_OPTIONS_INIT */
    dim_estimator_kind kind; /**< JSD */
    dim_negatives negatives; /**< ALL */
    float smile_tau;         /**< SMILE: e^u is clipped to [e^-tau, e^tau]; 0 = 5 */
    /** MINE: rate of the moving average, which evaluations with gradients move; 0 = 0.01; 1 = the batch alone, as DV */
    float mine_rate;
    float scale;             /**< s = scale * u, for scores u made from features or by a model's critic; finite; 0 = 1 */
    uint32_t reserved0;      /**< must be 0; keeps the struct unpadded */
    /** lambda: the loss is that of the estimator + lambda * mean(s^2) over all scores s, of positive and negative pairs
     *  alike, after scaling and before clipping; the value does not contain it; at least 0; 0 = none (AMDIM: 0.04) */
    float penalty;
    float clip;              /**< tau, above 0: the estimator sees tau tanh(s / tau); 0 = s itself (AMDIM: 20) */
    /**
     * Most bytes of scores that are held at once, where the scores are inner products of features over all pairs.  A
     * larger score tensor is never made as a whole: its scores are streamed in blocks, forward and backward, and each
     * is computed twice (a third more time).  The results agree to rounding.  A block has at least one row of scores: N
     * L floats.  0 = tensors up to 64 MB are made; larger ones are streamed in blocks of 16 MB, or of 128 rows when
     * these are larger.  At most 2^63 - 1.
     *
     * Concatenating critics keep the hidden layers of all pairs for the gradient.  Where a model or an objective computes a
     * loss without one, this is also the most bytes of these layers at once; 0 = 64 MB.
     */
    uint64_t score_memory;
} dim_estimator_options;

/** Result of one evaluation.  The caller sets `size` with DIM_OPTIONS_INIT. */
typedef struct dim_estimate {
    size_t size;          /**< set by DIM_OPTIONS_INIT */
    double loss;          /**< what training minimises; the gradients are of this */
    double value;         /**< for reporting, shifted as the estimator's documentation says; without the penalty */
    double positive_mean; /**< mean score of the positive pairs, after scaling and before clipping */
    double negative_mean; /**< mean score of the negative pairs, likewise */
} dim_estimate;

/**
 * @brief Creates an estimator.
 * @param ctx     context of the estimator
 * @param options NULL = JSD over all pairs; copied
 * @param out     set only on DIM_OK; release with dim_estimator_destroy()
 * @return DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_estimator_create(dim_context *ctx, const dim_estimator_options *options, dim_estimator **out);

/**
 * @brief Value and gradients from features: u[i, g, j, l] = scale * <global[i, g], local[j, l]>.
 *
 * No model is needed; the features may come from any framework.  With several globals a sample, G > 1, the pairs of
 * all of them count alike; in InfoNCE each global has its own candidates.  The first call for each set of shapes
 * compiles a small graph; the last four are kept, and a call for one of them allocates nothing (with SHUFFLE: the N
 * partners).  For a large batch memory grows with the features, not with the pairs: see `score_memory`.
 * @param est         the estimator
 * @param global      (N, G, d) or (N, d), f32, any strides, finite
 * @param local       (N, L, d) or (N, d), f32, likewise
 * @param permutation i32 or i64 (N): partner of each sample when negatives are SHUFFLE, without fixed points; NULL =
 *                    drawn from the context's seed, another one at each call.  Must be NULL for ALL.
 * @param result      NULL when not wanted
 * @param grad_global d loss / d global, same shape as global, f32; NULL when not wanted
 * @param grad_local  d loss / d local, same shape as local, f32; NULL when not wanted
 *
 * A gradient may overwrite the features, but the two gradients must not share memory.
 * @return DIM_E_SHAPE (N < 2, sizes differ), DIM_E_NUMERIC (a feature, score, loss or wanted gradient is not finite;
 *         outputs are untouched), DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_estimator_evaluate(dim_estimator *est, const dim_tensor *global, const dim_tensor *local,
                                          const dim_tensor *permutation, dim_estimate *result, dim_tensor *grad_global,
                                          dim_tensor *grad_local);

/**
 * @brief Value and gradient from an all-pairs score tensor (estimators with negatives ALL).
 * @param est         the estimator; its `scale` is not applied, its penalty and clip are
 * @param scores      f32, any strides, finite: (N, N, L): u[i, j, l]; or (N, N); or (N, G, N, L)
 * @param result      NULL when not wanted
 * @param grad_scores d loss / d scores, same shape, f32; NULL when not wanted
 * @return as dim_estimator_evaluate(); DIM_E_INVALID for an estimator with negatives SHUFFLE.
 */
DIM_API dim_status dim_estimator_evaluate_scores(dim_estimator *est, const dim_tensor *scores, dim_estimate *result,
                                                 dim_tensor *grad_scores);

/**
 * @brief Value and gradient from scores of positive and of negative pairs.
 *
 * Row i of `negative` belongs to row i of `positive`: for InfoNCE its entries are the candidates beside each positive.
 * @param est           the estimator; its `scale` and `negatives` are ignored
 * @param positive      (N, P) or (N), f32, N >= 1
 * @param negative      (N, Q) or (N), f32
 * @param result        NULL when not wanted
 * @param grad_positive d loss / d positive, same shape, f32; NULL when not wanted
 * @param grad_negative d loss / d negative, same shape, f32; NULL when not wanted
 * @return as dim_estimator_evaluate().
 */
DIM_API dim_status dim_estimator_evaluate_pairs(dim_estimator *est, const dim_tensor *positive,
                                                const dim_tensor *negative, dim_estimate *result,
                                                dim_tensor *grad_positive, dim_tensor *grad_negative);

/** @brief What the value of an estimator of this kind means; DIM_BOUND_NONE for a number that is not a kind. */
DIM_API dim_bound dim_estimator_bound(dim_estimator_kind kind);

/** @brief Name of a kind, such as "infonce"; NULL for a number that is not a kind.  Kinds count from 0 without gaps. */
DIM_API const char *dim_estimator_name(dim_estimator_kind kind);

/**
 * @brief Kind of a name as dim_estimator_name() gives it.
 * @return DIM_E_INVALID for an unknown name or NULL; there is no context, so no error text.  Thread-safe.
 */
DIM_API dim_status dim_estimator_from_name(const char *name, dim_estimator_kind *out);

/** @brief Releases an estimator; NULL is ignored. */
DIM_API void dim_estimator_destroy(dim_estimator *est);

DIM_END_DECLS

#endif
