/**
 * @file optimizer.h
 * @brief Update rules, learning-rate schedules and gradient clipping.
 */
#ifndef DIM_OPTIMIZER_H
#define DIM_OPTIMIZER_H

#include <dim/tensor.h>

DIM_BEGIN_DECLS

/** Opaque optimizer: rule, schedule, and its state for one list of parameters. */
typedef struct dim_optimizer dim_optimizer;

/** Update rule; formulas and defaults are PyTorch's. */
typedef enum dim_optimizer_kind {
    DIM_OPTIMIZER_ADAM = 0,    /**< arXiv 1412.6980, algorithm 1; weight decay is added to the gradient */
    DIM_OPTIMIZER_ADAMW = 1,   /**< arXiv 1711.05101: decoupled weight decay */
    DIM_OPTIMIZER_SGD = 2,     /**< momentum, optionally Nesterov's */
    DIM_OPTIMIZER_RMSPROP = 3, /**< uncentred, optionally with momentum */
    DIM_OPTIMIZER_KIND_FORCE_INT = 0x7fffffff
} dim_optimizer_kind;

/** Learning rate over steps.  During the warm-up, if any, the rate is multiplied by (step + 1) / warmup_steps. */
typedef enum dim_schedule_kind {
    DIM_SCHEDULE_CONSTANT = 0, /**< lr */
    DIM_SCHEDULE_STEP = 1,     /**< lr times gamma for every milestone that has passed */
    DIM_SCHEDULE_COSINE = 2,   /**< from lr to min_lr over total_steps, then min_lr */
    DIM_SCHEDULE_KIND_FORCE_INT = 0x7fffffff
} dim_schedule_kind;

/** Most milestones of a step schedule. */
#define DIM_MAX_MILESTONES 8

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_optimizer_options {
    size_t size;             /**< set by DIM_OPTIONS_INIT */
    dim_optimizer_kind kind; /**< ADAM */
    float lr;                /**< learning rate; 0 = 1e-4 */
    float beta1;             /**< Adam(W); 0 = 0.9; negative = exactly 0 */
    float beta2;             /**< Adam(W); 0 = 0.999 */
    float eps;               /**< Adam(W), RMSprop; 0 = 1e-8 */
    float weight_decay;      /**< 0 = none */
    float momentum;          /**< SGD, RMSprop; 0 = none */
    float alpha;             /**< RMSprop's smoothing; 0 = 0.99 */
    uint32_t nesterov;       /**< SGD: 1 = Nesterov momentum */
    float clip_norm;         /**< scale gradients, after clip_value, to a joint L2 norm of at most this; 0 = off */
    float clip_value;        /**< clamp each gradient element to [-this, this]; 0 = off */
    dim_schedule_kind schedule; /**< CONSTANT */
    float gamma;             /**< STEP; 0 = 0.1 */
    float min_lr;            /**< COSINE */
    uint64_t warmup_steps;   /**< 0 = none */
    uint64_t total_steps;    /**< COSINE: required; counted from step 0, warm-up included */
    uint64_t milestones[DIM_MAX_MILESTONES]; /**< STEP: increasing step numbers; 0 ends the list */
} dim_optimizer_options;

/**
 * @brief Creates an optimizer.
 * @param ctx     context of the optimizer
 * @param options NULL = Adam, 1e-4; copied
 * @param out     set only on DIM_OK; release with dim_optimizer_destroy()
 * @return DIM_E_INVALID (a rate that is negative or not finite, a beta outside [0, 1), milestones out of
 *         order), DIM_E_NOMEM.
 */
DIM_API dim_status dim_optimizer_create(dim_context *ctx, const dim_optimizer_options *options, dim_optimizer **out);

/**
 * @brief One update of parameters of the caller's, for programs that have gradients of their own.
 *
 * The first call fixes the number and sizes of parameters.  All tensors are f32 and contiguous; a parameter shares memory with
 * no other parameter and no gradient.
 * @return DIM_E_SHAPE when a gradient's or an earlier call's size differs; DIM_E_NUMERIC when a gradient is not finite, or
 *         when a new weight or what the rule keeps of it would not fit a float, such as Adam's mean square for gradients that
 *         stay above 1.8e19, or one of 5.8e20 (no parameter and no state is changed then); DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_optimizer_update(dim_optimizer *opt, int count, dim_tensor *const *parameters,
                                        const dim_tensor *const *gradients);

/** @brief Learning rate that the next update will use. */
DIM_API float dim_optimizer_lr(const dim_optimizer *opt);

/** @brief Updates done so far. */
DIM_API uint64_t dim_optimizer_steps(const dim_optimizer *opt);

/** @brief Releases an optimizer; NULL is ignored. */
DIM_API void dim_optimizer_destroy(dim_optimizer *opt);

DIM_END_DECLS

#endif
