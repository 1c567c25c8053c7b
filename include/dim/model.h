/**
 * @file model.h
 * @brief The objective: an encoder, weighted estimators and weighted priors, trained one step a batch.
 */
#ifndef DIM_MODEL_H
#define DIM_MODEL_H

#include <dim/encoder.h>
#include <dim/estimator.h>
#include <dim/optimizer.h>
#include <dim/prior.h>

DIM_BEGIN_DECLS

/** Opaque model. */
typedef struct dim_model dim_model;

/** What gives a pair its score. */
typedef enum dim_critic {
    DIM_CRITIC_DOT = 0,      /**< residual networks into a space of `units`, then the dot product ("encode and dot") */
    DIM_CRITIC_CONCAT = 1,   /**< a ReLU network on the concatenated pair ("concat and convolve") */
    DIM_CRITIC_BILINEAR = 2, /**< x' W y */
    DIM_CRITIC_MLP = 3,      /**< a ReLU network on the concatenated pair of plain vectors */
    DIM_CRITIC_PLAIN_DOT = 4,/**< the dot product of the features as they are */
    DIM_CRITIC_FORCE_INT = 0x7fffffff
} dim_critic;

/** How the shortcuts S of the dot critic's residual networks start: h = W2 relu(BN(W1 x)) + b2 + S x. */
typedef enum dim_shortcut {
    DIM_SHORTCUT_IDENTITY = 0, /**< as the papers' code: 1 on the diagonal, U(-0.01, 0.01) elsewhere; where the space is
                                    narrower than the feature, as RANDOM */
    DIM_SHORTCUT_RANDOM = 1,   /**< U(-b, b), b = 1/sqrt(fan in), as any linear layer */
    DIM_SHORTCUT_FORCE_INT = 0x7fffffff
} dim_shortcut;

/** Which layers of the encoder the dot critic repeats, with fresh weights, on a whole map (DIM(G)). */
typedef enum dim_repeat {
    DIM_REPEAT_AFTER_TAP = 0, /**< those after the tap; y goes through the residual network, unless it is `units` wide */
    /** As the DIM authors' program: from the layer of the tap on, its convolution and what follows it included; y goes through a
     *  linear layer, unless it is `units` wide */
    DIM_REPEAT_FROM_TAP = 1,
    DIM_REPEAT_FORCE_INT = 0x7fffffff
} dim_repeat;

/** In dim_term_options.global_samples: every location, once. */
#define DIM_ALL_LOCATIONS UINT32_C(0xffffffff)

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_term_options {
    size_t size;              /**< set by DIM_OPTIONS_INIT */
    /** In reports and saved weights: 1 to 31 letters, digits, '_' and '-', and neither "encoder", "loss", "lr", "code",
     *  "grad_norm" nor anything that begins with "prior"; NULL = "local", "global" or "term<i>".  Copied. */
    const char *name;
    /** x-side: NULL or "local" = each location of the local map; "global:local" = the local map as a whole (DIM(G));
     *  else a tap: a map pairs by location, a vector as a whole.  Copied. */
    const char *x;
    /** y-side: a tap with a vector; NULL = "global".  Of a map it is some of its locations, see global_samples.  Copied. */
    const char *y;
    const dim_estimator *estimator; /**< NULL = JSD over all pairs; its options are copied */
    dim_critic critic;        /**< DOT */
    /** alpha or beta of the objective, finite; a negative weight makes the information small; 0 = 1.  The term of a map
     *  is the mean over its locations */
    float weight;
    uint32_t units;           /**< DOT: width of the space; 0 = 2048; at most 2^24 */
    uint32_t batch_norm;      /**< CONCAT, MLP: 1 = batch norm in the critic, which is known to fail (see docs) */
    uint32_t hidden[DIM_MAX_HIDDEN]; /**< CONCAT, MLP: widths, at most 2^24; all 0 = 512, 512 */
    /** Mixture features (AMDIM section 3.6): this many antecedents, at most 1024, are made of y; 0 = y as it is.  It
     *  needs InfoNCE over all pairs and DOT or PLAIN_DOT.  The reported value is 1/tau log of the mean over antecedents
     *  of e^(tau s), + log(candidates): at most log(candidates), but not a bound of the information, since the weights
     *  of the antecedents depend on the target. */
    uint32_t mixture;
    float mixture_tau;        /**< temperature of the mixture's weights q, above 0 and finite; 0 = 1 */
    dim_shortcut shortcut;    /**< DOT: IDENTITY */
    /** Of a map x: so many locations of each image, drawn evenly and with replacement for each step, before the critic's networks;
     *  at most 2^24; 0 = all of them, once. */
    uint32_t local_samples;
    /** Of a map y, several globals: so many locations of each image, drawn likewise; at most 2^24; 0 = 1; DIM_ALL_LOCATIONS = all of
     *  them, once.  The term is the mean over all pairs of a local and a global feature; negatives of a global are in other images,
     *  so another global of the same image is never one.  With x the same map: information between the locations of an image. */
    uint32_t global_samples;
    /** Times the mean over y's rows (images, and their globals) of the sum over the units of G^2, added to the weighted loss as it
     *  is; G is y as the critic compares it, behind its network.  Finite and at least 0. */
    float act_penalty;
    dim_repeat repeat;        /**< DOT on a whole map: AFTER_TAP */
    uint32_t reserved1;       /**< must be 0; keeps the struct unpadded */
} dim_term_options;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_model_options {
    size_t size;              /**< set by DIM_OPTIONS_INIT */
    uint64_t seed;            /**< of the critics' initial weights and of noise; 0 = the context's */
    /** Views of each image in a batch: (views N, C, H, W), all images of the first view, then all of the second.  Terms then
     *  pair y of one view with x of another, and average over the ordered pairs of views.  0 = 1; at most 8. */
    uint32_t views;
    /** Occlusion (DIM, section 4.3): side of a square of pixels, of a signal the length, that is hidden from what makes y.  The
     *  terms' y is then of a second pass of the encoder, over images in which this square, at a random place of each, is 0: the
     *  mean where the encoder has mean and std, else grey.  x, priors, classifiers and the code see all of the images.  The
     *  objective has the second pass as "occluded", and what it reads as "hide".  0 = none. */
    uint32_t occlude;
} dim_model_options;

/**
 * @brief Starts a model on an encoder, which it keeps alive and trains in place.
 *
 * Add terms and priors, set the optimizer, then step.  The first use that needs the whole objective fixes it: a step,
 * an evaluation, or asking for, saving or loading parameters.
 * @param enc     the encoder; several models may share one
 * @param options NULL = defaults; copied
 * @param out     set only on DIM_OK; release with dim_model_destroy()
 * @return DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_model_create(dim_encoder *enc, const dim_model_options *options, dim_model **out);

/**
 * @brief Adds an estimator with its critic.
 * @param model the model
 * @param term  NULL = local DIM: JSD, dot-product critic, "local" against "global"; copied, and so is its estimator
 * @return DIM_E_INVALID (unknown tap or critic, a name that is taken), DIM_E_SHAPE (a side that must be
 *         a map or a vector and is not), DIM_E_STATE (already fixed), DIM_E_UNSUPPORTED (MINE in a model of several
 *         views), DIM_E_NOMEM.  The first use checks what only the whole objective shows, such as the widths of a plain
 *         dot product.
 */
DIM_API dim_status dim_model_add_term(dim_model *model, const dim_term_options *term);

/**
 * @brief Adds a prior on the code, the tap "global".
 * @param model  the model
 * @param prior  its options are copied; it can be destroyed afterwards
 * @param weight gamma of the objective, finite; 0 = 1
 * @return DIM_E_INVALID (a KL prior without a Gaussian code), DIM_E_SHAPE (the code is a map), DIM_E_STATE (already
 *         fixed), DIM_E_NOMEM.
 */
DIM_API dim_status dim_model_add_prior(dim_model *model, const dim_prior *prior, float weight);

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_classifier_options {
    size_t size;              /**< set by DIM_OPTIONS_INIT */
    const char *name;         /**< in reports and saved weights, as a term's; NULL = "classifier"; copied */
    const char *tap;          /**< the features it reads, a vector; NULL = "global".  Copied */
    uint32_t classes;         /**< required; 2 to 2^20 */
    uint32_t hidden;          /**< width of a hidden layer with batch norm and ReLU, at most 2^24; 0 = linear */
    float dropout;            /**< before each linear layer, in [0, 1); 0 = none, as AMDIM's linear one; its MLP has 0.2 */
    float clip;               /**< logits become clip tanh(logit / clip), above 0; 0 = off; AMDIM 10 */
    float penalty;            /**< times the mean square of the logits before clipping, at least 0; AMDIM 1e-3 */
    float weight;             /**< of its loss, finite; 0 = 1 */
} dim_classifier_options;

/**
 * @brief Adds an online classifier: it learns from labels beside the model, and no gradient of it reaches the encoder.
 *
 * Reports "<name>" (weighted cross-entropy and penalty over the images that have a label, part of no other report),
 * "<name>.accuracy" on them, in [0, 1].  Train with dim_model_step_labeled(); a step without labels leaves the classifier
 * as it is.  The classifier has an optimizer of its own, with the model's options (schedule and clipping included); it counts
 * the labelled steps only.
 * @param model   the model
 * @param options `classes` is required; copied
 * @return DIM_E_INVALID, DIM_E_SHAPE (the tap is a map), DIM_E_STATE (already fixed), DIM_E_NOMEM.
 */
DIM_API dim_status dim_model_add_classifier(dim_model *model, const dim_classifier_options *options);

/**
 * @brief Sets rule and schedule; without it Adam at 1e-4.
 * @param model   the model
 * @param options NULL = Adam, 1e-4; copied
 * @return DIM_E_INVALID, DIM_E_STATE (the objective is fixed already).
 */
DIM_API dim_status dim_model_set_optimizer(dim_model *model, const dim_optimizer_options *options);

/**
 * @brief One training step on a batch: forward, backward, update.
 *
 * The graph is compiled at the first batch of each size; later steps of that size allocate nothing.  The six graphs
 * compiled last are kept.
 * @param model  the model
 * @param images (views N, C, H, W), (views N, C, L) or (views N, features), as the encoder takes them; N >= 2
 * @return DIM_E_NUMERIC when the loss, a gradient or a batch's variance is not finite (nothing has changed then),
 *         DIM_E_STATE (no terms), DIM_E_SHAPE, DIM_E_INVALID, DIM_E_UNSUPPORTED (a term on
 *         "global:TAP" with the dot critic repeats the encoder's layers after TAP, and one of them cannot be repeated),
 *         DIM_E_NOMEM.
 */
DIM_API dim_status dim_model_step(dim_model *model, const dim_tensor *images);

/**
 * @brief As dim_model_step(), and trains the classifiers.
 * @param model  the model
 * @param images as for dim_model_step()
 * @param labels i32 or i64 (N), classes of the images (for one view), each in [0, classes), or -1: the image has none, and
 *               is in neither a classifier's loss nor its accuracy.  Where no image has one, its loss is 0, its accuracy NaN
 * @return DIM_E_INVALID for a label out of range (the text names it), or where neither a classifier nor an added loss reads
 *         labels; DIM_E_SHAPE for labels of another dtype or shape; else as dim_model_step().
 */
DIM_API dim_status dim_model_step_labeled(dim_model *model, const dim_tensor *images, const dim_tensor *labels);

/**
 * @brief Logits of a classifier for a batch of any size, with frozen statistics and without dropout.
 * @param model  the model
 * @param name   of the classifier; NULL = "classifier"
 * @param images (N, C, H, W), (N, C, L) or (N, features); one view
 * @param logits (N, classes), f32
 * @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_NOMEM.
 */
DIM_API dim_status dim_model_classify(dim_model *model, const char *name, const dim_tensor *images, dim_tensor *logits);

/**
 * @brief The same loss and reports without backward, update, or change of statistics.
 *
 * Batch norm, dropout and noise work as in training, with the numbers that the next step will draw.
 * @param model  the model
 * @param images as for dim_model_step()
 * @return as dim_model_step().
 */
DIM_API dim_status dim_model_evaluate(dim_model *model, const dim_tensor *images);

/**
 * @name Reports of the last step or evaluation
 * "loss"; "<term>" the weighted loss of a term; "<term>.value" its estimate, unweighted, for reading;
 * "<term>.pos", "<term>.neg" mean scores; "prior" or "prior<i>" the weighted penalty, "prior.disc" the discriminator's
 * loss; "code.mean", "code.std" averages over the units of the code of absolute mean and of standard deviation over
 * the batch (divided by its samples, not by one less); "lr"; "grad_norm" when clipping by norm: of encoder and
 * critics together (a discriminator is clipped by its own norm), after clip_value and before clip_norm.
 * @{
 */
/** @brief Number of reports. */
DIM_API int dim_model_report_count(const dim_model *model);
/** @brief Name of a report; NULL out of range. */
DIM_API const char *dim_model_report_name(const dim_model *model, int index);
/** @brief A report's value.  @return DIM_E_INVALID for an unknown name, DIM_E_STATE before the first step. */
DIM_API dim_status dim_model_report(const dim_model *model, const char *name, double *value);
/**
 * @brief Mean and standard deviation of each unit of the code over the last batch.
 *
 * For a Gaussian code they describe its mean.  When a standard deviation falls towards 0, the code collapses.
 * @param model the model
 * @param mean  array of the global tap's width; NULL when not wanted
 * @param std   likewise
 * @return DIM_E_STATE (before the first step or evaluation), DIM_E_SHAPE (the code is a map).
 */
DIM_API dim_status dim_model_code_stats(const dim_model *model, float *mean, float *std);
/** @} */

/** @brief Training steps done. */
DIM_API uint64_t dim_model_steps(const dim_model *model);

/**
 * @brief Number of parameter tensors of the model: "encoder." and the encoder's names, then the critics' and priors'.
 *
 * Fixes the objective.  0 for NULL, and when the objective cannot be fixed: dim_context_error() tells why.
 */
DIM_API int dim_model_parameter_count(dim_model *model);
/**
 * @brief Name of a parameter; NULL out of range.  Owned by the model, valid until the next call of this function.
 */
DIM_API const char *dim_model_parameter_name(dim_model *model, int index);
/**
 * @brief Copy of a parameter in PyTorch's layout, as dim_encoder_get_parameter().  Fixes the objective.
 * @param model the model
 * @param name  as dim_model_parameter_name() gives it
 * @param out   set only on DIM_OK; the caller owns it
 * @return DIM_E_INVALID (no such parameter), DIM_E_NOMEM.
 */
DIM_API dim_status dim_model_get_parameter(dim_model *model, const char *name, dim_tensor **out);
/**
 * @brief Replaces a parameter's values, as dim_encoder_set_parameter().  Fixes the objective.
 * @return DIM_E_INVALID (no such parameter), DIM_E_SHAPE, DIM_E_NOMEM.
 */
DIM_API dim_status dim_model_set_parameter(dim_model *model, const char *name, const dim_tensor *values);

/**
 * @brief Writes all parameters, the encoder's included, as safetensors, atomically; a symbolic link is replaced by the
 *        file.  Fixes the objective.
 *
 * The optimizer's state and the step number are not in the file; see dim_checkpoint_save().
 * @return DIM_E_IO, DIM_E_STATE (no terms), DIM_E_NOMEM.
 */
DIM_API dim_status dim_model_save(dim_model *model, const char *path);
/**
 * @brief Reads all parameters; as dim_encoder_load().  Fixes the objective.
 * @return as dim_encoder_load().
 */
DIM_API dim_status dim_model_load(dim_model *model, const char *path);

/** @brief Releases a model; NULL is ignored. */
DIM_API void dim_model_destroy(dim_model *model);

/** @brief Name of a critic, such as "concat"; NULL for a number that is not one.  Values count from 0 without gaps. */
DIM_API const char *dim_critic_name(dim_critic critic);

/** @brief Name of what is repeated, such as "from-tap"; NULL for a number that is not one.  Values count from 0 without gaps. */
DIM_API const char *dim_repeat_name(dim_repeat repeat);

/** @brief Name of a shortcut, such as "identity"; NULL for a number that is not one.  Values count from 0 without gaps. */
DIM_API const char *dim_shortcut_name(dim_shortcut shortcut);

DIM_END_DECLS

#endif
