/**
 * @file objective.h
 * @brief What is trained, made of any number of inputs, networks, losses and players.
 *
 *     inputs, noise -> networks -> values with names -> losses -> players, each with its networks and its optimizer
 *
 * A value is "x", an input, or "fx.local", the tap of a network that was applied as "fx"; "fx" alone is its tap "global".
 * Everything that is given is copied or retained.
 *
 * Add inputs, apply networks, add losses and players; then give inputs and step.  The first use that needs the whole
 * objective fixes it: a step, an evaluation, computing a value, or asking for, saving or loading parameters.
 */
#ifndef DIM_OBJECTIVE_H
#define DIM_OBJECTIVE_H
#ifndef DIM_EXPERIMENTAL
#error "this may still change: define DIM_EXPERIMENTAL before including it"
#endif
#include <dim/dataset.h>
#include <dim/model.h>

DIM_BEGIN_DECLS

/** Opaque objective. */
typedef struct dim_objective dim_objective;
/** A network is any stack of layers with taps; an encoder is one, and so are generators, decoders and heads. */
typedef dim_encoder dim_network;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_objective_options {
    size_t size;           /**< set by DIM_OPTIONS_INIT */
    uint64_t seed;         /**< of noise and of the critics' initial weights; 0 = the context's */
} dim_objective_options;

/** Where an input comes from. */
typedef enum dim_input_kind {
    DIM_INPUT_GIVEN = 0,   /**< dim_objective_set() gives it */
    DIM_INPUT_NORMAL = 1,  /**< drawn from N(0, I) */
    DIM_INPUT_UNIFORM = 2, /**< drawn from U(low, high) */
    DIM_INPUT_ONE_HOT = 3, /**< a class drawn evenly from shape[0] classes, as a row with one 1 */
    DIM_INPUT_KIND_FORCE_INT = 0x7fffffff
} dim_input_kind;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_input_options {
    size_t size;           /**< set by DIM_OPTIONS_INIT */
    /** 1 to 31 letters, digits, '_' and '-'; no other input, application, loss or player has it.  Required; copied. */
    const char *name;
    dim_input_kind kind;   /**< GIVEN */
    /** GIVEN: F32 takes f32 and u8 tensors, a byte as x / 127.5 - 1 or, where the networks that read the input have mean
     *  and std, as they say; I32 is labels, which take i32 and i64 tensors.  Drawn inputs are F32. */
    dim_dtype dtype;
    /** Of one sample: (C, H, W) an image, (C, 0, L) or (C, 1, L) a signal, (C, 0, 0) a vector; all 0 with I32: a label. */
    int64_t shape[3];
    /** Views of each sample in a batch: (views N, ...), all samples of the first view, then all of the second; 0 = 1; at
     *  most 8.  Labels are one a sample, whatever the views. */
    uint32_t views;
    uint32_t want_gradient; /**< 1 = dim_objective_gradient() may be asked for this input's; needs GIVEN and F32 */
    float low;             /**< UNIFORM: finite and below high; both 0 = from 0 to 1 */
    float high;            /**< see low */
} dim_input_options;

/** What is small when a player does well.  a, b and c are values. */
typedef enum dim_loss_kind {
    /** The loss of an estimator of the information between a and b, as a term of a model: a is the x-side (a map pairs by
     *  location; "global:fx.local" is the map as a whole), b the y-side (of a map one random location).  It has a critic
     *  of its own.  Reports "<name>.value" in nats, "<name>.pos", "<name>.neg". */
    DIM_LOSS_INFORMATION = 0,
    DIM_LOSS_KL = 1,            /**< a code of mean a and log-variance b against N(0, I) (VAE, arXiv 1312.6114, app. B) */
    DIM_LOSS_TELL_APART = 2,    /**< a discriminator's: logits a of true samples, b of made ones (GAN, arXiv 1406.2661) */
    DIM_LOSS_PASS_AS_TRUE = 3,  /**< a generator's: logits a of made samples */
    /** logits a (N, C) against b: labels, of which -1 means that the row has none, or rows (N, C) that each sum to 1.
     *  Averaged over the rows that have a label; 0 when none has.  With labels it reports "<name>.accuracy",
     *  NaN when no row has one. */
    DIM_LOSS_CROSS_ENTROPY = 4,
    DIM_LOSS_SQUARED_ERROR = 5, /**< (a - b)^2: decoders */
    DIM_LOSS_GAUSSIAN = 6,      /**< -log N(a; mean b, variance e^c); without c the variance is 1 (InfoGAN's codes) */
    /** Two views a and b of each sample, vectors, become alike, while no unit collapses and none says what another does
     *  (VICReg, arXiv 2105.04906): invariance (a - b)^2 + variance (v(a) + v(b)) + covariance (c(a) + c(b)), where v is the mean
     *  over units of max(0, 1 - sqrt(Var + 1e-4)), and c the sum of squares of the covariances of different units, divided by the
     *  number of units.  No negatives: small batches do.  Without b the views of a are compared, each pair of them.  Reports
     *  "<name>.invariance", "<name>.variance", "<name>.covariance", unweighted. */
    DIM_LOSS_VICREG = 7,
    /** The same by the correlations C of a's units with b's over the batch (Barlow Twins, arXiv 2103.03230): the sum of
     *  (1 - C_ii)^2 and, times redundancy, of C_ij^2 of different units.  Without b as there.  Reports "<name>.invariance" and
     *  "<name>.redundancy", the two sums. */
    DIM_LOSS_BARLOW_TWINS = 8,
    /** Where each location of the map a is, told from its features and the vector b: cross-entropies of its row and of its column,
     *  summed (DIM, arXiv 1808.06670, section 4.3), or, with `relative`, of how far it is from another one.  It has a network of its
     *  own, the dot critic's, one unit for each row and each column.  Reports "<name>.row_accuracy", of a signal without, and
     *  "<name>.column_accuracy". */
    DIM_LOSS_COORDINATES = 9,
    /** Minus the information I(X; Y) = H(Y) - H(Y|X) of a discrete code Y, a class drawn by the softmax of the logits a (C);
     *  of a map (C, H, W) the mean over its locations, each with an H(Y) of its own.  p(y) is the mean over the batch, so that
     *  no more than log(samples) can be told.  With b, logits too, minus the information I(A; B) of the two codes, whose joint
     *  p(a, b) is the mean of p(a|x) p(b|x) over the batch (IIC, arXiv 1807.06653, equation 3): of two maps at each location, of a
     *  vector a and a map b of a with each location of b, the mean over these.  Reports "<name>.value" in nats, "<name>.entropy"
     *  H(Y) or H(A), "<name>.given" H(Y|X) or H(A|B). */
    DIM_LOSS_DISCRETE = 10,
    DIM_LOSS_KIND_FORCE_INT = 0x7fffffff
} dim_loss_kind;

/** How two players of TELL_APART and PASS_AS_TRUE measure; D is the sigmoid of a logit d. */
typedef enum dim_adversary {
    DIM_ADVERSARY_NON_SATURATING = 0, /**< -log D(a) - log(1 - D(b)); pass as true -log D(a) */
    DIM_ADVERSARY_MINIMAX = 1,        /**< the same; pass as true log(1 - D(a)) */
    DIM_ADVERSARY_LEAST_SQUARES = 2,  /**< ((a - 1)^2 + b^2) / 2; pass as true (a - 1)^2 / 2 (LSGAN, arXiv 1611.04076) */
    DIM_ADVERSARY_FORCE_INT = 0x7fffffff
} dim_adversary;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_loss_options {
    size_t size;           /**< set by DIM_OPTIONS_INIT */
    const char *name;      /**< in reports and, of a critic, in weights; as an input's.  Required; copied */
    const char *a;         /**< values; the kind says which of the three are needed.  Copied */
    const char *b;         /**< see a */
    const char *c;         /**< see a */
    /** INFORMATION: estimator and critic; its name, x, y and weight must be 0.  NULL = JSD, dot critic.  Copied. */
    const dim_term_options *term;
    dim_loss_kind kind;      /**< INFORMATION */
    dim_adversary adversary; /**< TELL_APART, PASS_AS_TRUE: NON_SATURATING */
    /** KL, SQUARED_ERROR, GAUSSIAN, and (a - b)^2 of VICREG, where 0 is as in the authors' program (which halves the variance term:
     *  variance 12.5) and 1 their equation 5: 0 = mean over samples and units; 1 = sum over a sample's units, mean over samples. */
    uint32_t sum_units;
    /** COORDINATES: 0 = row and column of each location; 1 = its distance in rows and columns from a location of the same map that
     *  is drawn for it, whose features are read, too. */
    uint32_t relative;
    float invariance;      /**< VICREG: its weight, at least 0; 0 = 25 */
    float variance;        /**< VICREG: likewise; 0 = 25 */
    float covariance;      /**< VICREG: likewise; 0 = 1 */
    float redundancy;      /**< BARLOW_TWINS: lambda, at least 0; 0 = 0.005 */
} dim_loss_options;

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_player_options {
    size_t size;           /**< set by DIM_OPTIONS_INIT */
    const char *name;      /**< as an input's; required; copied */
    const dim_optimizer_options *optimizer; /**< NULL = Adam, 1e-4; copied */
    uint32_t turns;        /**< updates in each step, at most 1000; 0 = 1 */
    uint32_t afterwards;   /**< 1 = moves when the players before it have moved, with new noise; 0 = at the same time */
} dim_player_options;

/**
 * @brief Starts an objective.
 * @param ctx     context of all its networks
 * @param options NULL = defaults; copied
 * @param out     set only on DIM_OK; release with dim_objective_destroy()
 * @return DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_objective_create(dim_context *ctx, const dim_objective_options *options, dim_objective **out);
/**
 * @brief The objective under a model, to add inputs, networks, losses and players to.
 *
 * It has the inputs "images" and "labels", which the model gives; the application "encoder" of its encoder; and the player
 * "model", who has the encoder and minimises all terms and priors.  That player can get more networks and more losses: they
 * are then part of the model's loss.  Terms, priors and classifiers become losses and players at the first use, with names and
 * critics of their own, before what was added: draws and updates of theirs are those of a model to which nothing was added.
 *
 * Add before the first use; afterwards it is refused.  Then the model's steps and evaluations want every added input that is
 * given, by dim_objective_set(), and move the added players, too; the model's reports, parameters, weights and checkpoints have
 * what was added under its own names.  dim_objective_compute() and dim_objective_gradient() want "images" by
 * dim_objective_set(); a step reads its own.  A loss that reads "labels" makes steps of dim_model_step_labeled(); where there
 * are none, as in dim_model_evaluate(), it is reported as NaN, and so is what it is part of; dim_model_step() refuses it when a
 * player minimises it.  Steps, evaluations and checkpoints are the model's: dim_objective_step(),
 * dim_objective_evaluate(), dim_objective_checkpoint_save() and dim_objective_checkpoint_load() are refused.
 * @param model the model
 * @return lives as long as the model; dim_objective_destroy() leaves it alone.  NULL for NULL.
 */
DIM_API dim_objective *dim_model_objective(dim_model *model);
/** @brief Adds an input; an objective has 64 at most.
 *  @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_STATE (the objective is fixed), DIM_E_NOMEM. */
DIM_API dim_status dim_objective_add_input(dim_objective *obj, const dim_input_options *options);
/**
 * @brief Applies a network; its taps become values "<as>.<tap>".
 *
 * A value that a network made is read as it is; a network's mean and std, if it has any, are for inputs.  Applied twice, a
 * network shares its weights.  Its parameters are saved under the name of its first application.  In steps
 * it runs as in training, with batch statistics; a network that no player was given runs with frozen ones, and stays as it is.
 * @param obj     the objective
 * @param network retained
 * @param of      the value that it reads; of a network of several inputs as many values, with spaces between them
 * @param as      name of the application, as an input's, but not "loss"
 * @return DIM_E_INVALID, DIM_E_SHAPE (the value is not what the network takes), DIM_E_STATE, DIM_E_NOMEM.
 */
DIM_API dim_status dim_objective_apply(dim_objective *obj, dim_network *network, const char *of, const char *as);
/** @brief Adds a loss; it is reported as "<name>", and trains nobody yet.
 *  @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_STATE, DIM_E_UNSUPPORTED, DIM_E_NOMEM. */
DIM_API dim_status dim_objective_add_loss(dim_objective *obj, const dim_loss_options *options);
/**
 * @brief Adds a player: an optimizer that owns networks.  At most 30.
 *
 * Reports "<name>.loss", the weighted sum that it minimises, "<name>.lr", and "<name>.grad_norm" where it clips by norm:
 * after clip_value, before clip_norm.
 * @param obj     the objective
 * @param options `name` is required; copied
 * @return DIM_E_INVALID, DIM_E_STATE, DIM_E_NOMEM.
 */
DIM_API dim_status dim_objective_add_player(dim_objective *obj, const dim_player_options *options);
/**
 * @brief Gives a network or a critic to a player, who trains it; each has one player at most.
 *
 * What nobody was given stays as it is.  A player who was given something must minimise something, and the other way round.
 * @param obj    the objective
 * @param player its name
 * @param as     an application, for the network that was applied as that, or a loss, for its critic
 * @return DIM_E_INVALID, DIM_E_STATE.
 */
DIM_API dim_status dim_objective_give(dim_objective *obj, const char *player, const char *as);
/**
 * @brief The player minimises weight times the loss, beside what it minimises already.
 *
 * The gradient reaches that player's networks and nobody else's.
 * @param obj    the objective
 * @param player its name
 * @param loss   its name
 * @param weight finite, taken as it is
 * @return DIM_E_INVALID, DIM_E_STATE, DIM_E_NOMEM.
 */
DIM_API dim_status dim_objective_minimise(dim_objective *obj, const char *player, const char *loss, float weight);

/**
 * @brief Gives an input for the calls to come.
 * @param obj   the objective
 * @param input its name; one that is drawn can be given, too: then computing takes it instead of a draw
 * @param batch (views N, ...); its memory is held, and must not change during a call.  NULL takes the input back
 * @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_NOMEM.
 */
DIM_API dim_status dim_objective_set(dim_objective *obj, const char *input, dim_tensor *batch);
/**
 * @brief Every player moves.
 *
 * Players move at the same time, from one forward pass, unless `afterwards` says otherwise; each further turn is a forward
 * pass of its own, with new draws.  A failure changes nothing in the pass in which it happens; passes before it in the same
 * step stay.
 * @return DIM_E_STATE (an input was not given, nobody minimises anything, a player was given something but minimises nothing,
 *         or minimises nothing that leads to it), DIM_E_SHAPE (inputs of several sizes, less than 2 samples), DIM_E_INVALID (a
 *         label out of range, rows for a cross-entropy that do not sum to 1), DIM_E_NUMERIC (a loss or gradient is not finite;
 *         the text names the first input and sample that is not, if there is one), DIM_E_NOMEM.
 */
DIM_API dim_status dim_objective_step(dim_objective *obj);
/** @brief All losses of the inputs given, as a step has them, batch statistics and noise included; nothing changes.
 *  @return as dim_objective_step(). */
DIM_API dim_status dim_objective_evaluate(dim_objective *obj);
/**
 * @brief A value with frozen statistics and without noise: encodes, classifies, decodes, generates.
 * @param obj   the objective
 * @param value "fx", "fx.local" or an input
 * @param out   (N, C, H, W), (N, C L) ... as dim_encoder_encode(), f32.  Inputs that were given decide N; where only drawn
 *              ones are needed, out does
 * @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_STATE, DIM_E_NUMERIC (the value is not finite, and an input that was given is not:
 *         the text names it and the sample), DIM_E_NOMEM.
 */
DIM_API dim_status dim_objective_compute(dim_objective *obj, const char *value, dim_tensor *out);
/**
 * @brief A value as the first pass of the next step would have it, batch statistics, noise and draws included; nothing changes.
 *
 * What a network makes of a batch with that batch's own statistics, beside dim_objective_compute(), which has those of training.
 * A drawn input that was given is taken, as there; the others are drawn, the same for values that are asked for one after the
 * other: images, and the codes that they were made of.
 * @param obj   the objective
 * @param value as for dim_objective_compute()
 * @param out   as there
 * @return as dim_objective_compute(); DIM_E_SHAPE also for less than 2 samples.
 */
DIM_API dim_status dim_objective_evaluate_value(dim_objective *obj, const char *value, dim_tensor *out);
/**
 * @brief The gradient of a loss with respect to an input, as the next step would have it; nothing changes.
 *
 * So a caller whose features come from elsewhere goes on backward from there.
 * @param obj   the objective
 * @param loss  its name
 * @param input one with want_gradient, given as f32
 * @param out   f32, the shape of what was given
 * @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_STATE, DIM_E_NUMERIC, DIM_E_NOMEM.
 */
DIM_API dim_status dim_objective_gradient(dim_objective *obj, const char *loss, const char *input, dim_tensor *out);

/** @brief Number of reports.  0 before the objective is fixed. */
DIM_API int dim_objective_report_count(const dim_objective *obj);
/** @brief Name of a report, valid as long as the objective; NULL out of range. */
DIM_API const char *dim_objective_report_name(const dim_objective *obj, int index);
/** @brief A loss, "<loss>.value", "<player>.lr" or another report of the last step or evaluation.
 *  @return DIM_E_INVALID (no such report), DIM_E_STATE (before the first step). */
DIM_API dim_status dim_objective_report(const dim_objective *obj, const char *name, double *value);
/** @brief Steps so far. */
DIM_API uint64_t dim_objective_steps(const dim_objective *obj);

/** @brief Number of parameters by name: those of networks as "<first application>.<name>", of critics as "<loss>.<name>".
 *  Fixes the objective; 0 when that fails. */
DIM_API int dim_objective_parameter_count(dim_objective *obj);
/** @brief Name of a parameter, valid until the next call; NULL out of range. */
DIM_API const char *dim_objective_parameter_name(dim_objective *obj, int index);
/**
 * @brief Copy of a parameter in PyTorch's layout.
 * @param obj  the objective
 * @param name one of dim_objective_parameter_name()
 * @param out  set only on DIM_OK; release with dim_tensor_destroy()
 * @return DIM_E_INVALID (no such parameter), DIM_E_NOMEM.
 */
DIM_API dim_status dim_objective_get_parameter(dim_objective *obj, const char *name, dim_tensor **out);
/** @brief Sets a parameter.  @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_NOMEM. */
DIM_API dim_status dim_objective_set_parameter(dim_objective *obj, const char *name, const dim_tensor *values);
/**
 * @brief Writes all parameters as safetensors, atomically, under the names above, for dim_objective_load() and PyTorch.
 *
 * Where a network was first applied as "encoder", dim_encoder_open() and dim_encoder_load() read it from the file, as from
 * one of dim_model_save(); they refuse a file without.  dim_encoder_save() writes any other network for them.
 * @return DIM_E_IO, DIM_E_STATE, DIM_E_NOMEM.
 */
DIM_API dim_status dim_objective_save(dim_objective *obj, const char *path);
/** @brief Reads all parameters.  @return as dim_encoder_load(). */
DIM_API dim_status dim_objective_load(dim_objective *obj, const char *path);

/**
 * @brief Writes everything that the further steps depend on into one file, as dim_checkpoint_save(): parameters, optimizers'
 *        states, numbers of steps and draws, the seed, the loader's place.  What was given is not in it.
 * @param obj    the objective
 * @param loader of the same context, or NULL
 * @param path   of the file
 * @return as dim_checkpoint_save().
 */
DIM_API dim_status dim_objective_checkpoint_save(dim_objective *obj, const dim_loader *loader, const char *path);
/**
 * @brief Goes on from there, bit for bit, as dim_checkpoint_load().  Inputs, networks, losses and players must agree.
 * @param obj    the objective
 * @param loader of the same context, or NULL
 * @param path   of the file
 * @return as dim_checkpoint_load().  Nothing has changed on failure.
 */
DIM_API dim_status dim_objective_checkpoint_load(dim_objective *obj, dim_loader *loader, const char *path);

/** @brief Releases an objective; NULL is ignored. */
DIM_API void dim_objective_destroy(dim_objective *obj);

DIM_END_DECLS

#endif
