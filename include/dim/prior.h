/**
 * @file prior.h
 * @brief Prior regularisers: what the distribution of the codes should look like.
 */
#ifndef DIM_PRIOR_H
#define DIM_PRIOR_H

#include <dim/optimizer.h>

DIM_BEGIN_DECLS

/** Opaque prior. */
typedef struct dim_prior dim_prior;

/** Kind of prior. */
typedef enum dim_prior_kind {
    DIM_PRIOR_KL = 0,      /**< closed-form KL to N(0, I) of a Gaussian code (encoder with [mean] and [logvar]) */
    DIM_PRIOR_UNIFORM = 1, /**< adversarial: sigmoid(code) against U(0, 1)^d (DIM eq. 7) */
    DIM_PRIOR_GAUSSIAN = 2,/**< adversarial: code against N(0, I) */
    DIM_PRIOR_KIND_FORCE_INT = 0x7fffffff
} dim_prior_kind;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_prior_options {
    size_t size;             /**< set by DIM_OPTIONS_INIT */
    dim_prior_kind kind;     /**< KL */
    uint32_t sum_units;      /**< KL: 0 = mean over batch and units (Infomax-KL), 1 = sum over units (VAE) */
    uint32_t minimax;        /**< adversarial: 1 = the encoder minimises E[log(1 - D)] instead of -E[log D] */
    uint32_t hidden1;        /**< adversarial: first layer of the discriminator; 0 = 1000 */
    uint32_t hidden2;        /**< adversarial: second layer; 0 = 200 */
    /** Adversarial: times the mean of |gradient of the discriminator's logit with respect to its input|^2 / 2, over codes and over
     *  samples of the prior, added; part of the discriminator's loss.  At least 0; the DIM authors' programs have 1 and 0.5 */
    float gradient_penalty;
    /** Adversarial: the discriminator's own optimizer; NULL = the model's settings.  Copied. */
    const dim_optimizer_options *optimizer;
} dim_prior_options;

/**
 * @brief Creates a prior.
 * @param ctx     context of the prior
 * @param options NULL = KL, averaged over batch and units; copied
 * @param out     set only on DIM_OK; release with dim_prior_destroy()
 * @return DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_prior_create(dim_context *ctx, const dim_prior_options *options, dim_prior **out);

/**
 * @brief Value and gradients of the KL prior alone, for features of the caller's: 0.5 (mean^2 + e^logvar - 1 -
 * logvar).
 * @param prior       a KL prior
 * @param mean        (N, d), f32
 * @param logvar      (N, d), f32
 * @param value       the penalty in nats, averaged or summed as the options say
 * @param grad_mean   d value / d mean; NULL when not wanted
 * @param grad_logvar d value / d logvar; NULL when not wanted
 *
 * A gradient may be the same tensor as mean or logvar; otherwise it must not share memory with these or with the other
 * gradient.
 * @return DIM_E_UNSUPPORTED for a prior that is not KL, DIM_E_SHAPE, DIM_E_NUMERIC, DIM_E_NOMEM.
 */
DIM_API dim_status dim_prior_evaluate(dim_prior *prior, const dim_tensor *mean, const dim_tensor *logvar, double *value,
                                      dim_tensor *grad_mean, dim_tensor *grad_logvar);

/** @brief Releases a prior; models made with it keep what they need.  NULL is ignored. */
DIM_API void dim_prior_destroy(dim_prior *prior);

/** @brief Name of a kind of prior, such as "uniform"; NULL for a number that is not one.  Values count from 0 without gaps. */
DIM_API const char *dim_prior_name(dim_prior_kind kind);

DIM_END_DECLS

#endif
