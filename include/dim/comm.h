/**
 * @file comm.h
 * @brief Training on several ranks: processes, on one machine or on many, that step one objective together.
 *
 *     dim_mpi_comm(MPI_COMM_WORLD, 60, &comm);           // <dim/mpi.h>; or a table of functions of one's own
 *     dim_objective_communicate(obj, &comm);             // or dim_model_objective(model)
 *     ... each rank gives its own samples and steps ...
 *
 * Ranks with B samples each train what one rank with all of these samples trains, up to rounding.  The samples of rank r are
 * numbers r B to (r + 1) B - 1 of the whole batch.
 * libdim has no transport of its own and is linked with none: it calls the functions of this table.
 */
#ifndef DIM_COMM_H
#define DIM_COMM_H
#ifndef DIM_EXPERIMENTAL
#error "this may still change: define DIM_EXPERIMENTAL before including it"
#endif
#include <dim/objective.h>

DIM_BEGIN_DECLS

/** Everybody's `bytes` bytes, in the order of ranks: into `all`, ranks times `bytes`.  `mine` may lie in its place there. */
typedef int (*dim_comm_gather_fn)(void *user, const void *mine, void *all, size_t bytes);
/** `data` becomes the sum over all ranks, added in the order of ranks, so that it has the same bits everywhere and always. */
typedef int (*dim_comm_sum_fn)(void *user, float *data, size_t count);
/** `all` is ranks blocks of `count`, block r meant for rank r.  `mine` becomes the sum of what all ranks mean for this one, added in
 *  the order of ranks. */
typedef int (*dim_comm_scatter_sum_fn)(void *user, const float *all, float *mine, size_t count);
/** `data` becomes rank 0's. */
typedef int (*dim_comm_broadcast_fn)(void *user, void *data, size_t bytes);

/**
 * How a rank talks to the others.  Append only.
 *
 * All ranks call the same functions in the same order with the same sizes.  A function returns 0 when all ranks have done it, and
 * any other number when this did not come about; it must return within a time of its own choosing, also when a rank has died.
 * They are called on the thread that steps, never at once, and must not use the context.
 */
typedef struct dim_comm {
    size_t size;         /**< set by DIM_OPTIONS_INIT */
    uint32_t rank;       /**< number of this rank, from 0 */
    uint32_t ranks;      /**< how many there are, at most 65536; 1 = no function is ever called */
    void *user;          /**< passed to each function; must stay valid as long as the objective */
    dim_comm_gather_fn gather;           /**< required, as the others are */
    dim_comm_sum_fn sum;                 /**< see there */
    dim_comm_scatter_sum_fn scatter_sum; /**< see there */
    dim_comm_broadcast_fn broadcast;     /**< see there */
} dim_comm;

/**
 * @brief The objective is stepped by several ranks from now on.
 *
 * Every rank makes the same objective (inputs, networks, losses, players, seed), in a context of the same options, and calls this
 * function before the first use; then each gives its own samples, as many as the others do, and all call the same functions in
 * the same order: dim_objective_step(), dim_objective_evaluate(), dim_objective_evaluate_value(), dim_objective_gradient(), or
 * the model's steps and evaluations.  What is computed with frozen statistics (dim_objective_compute(), dim_encoder_encode(),
 * dim_model_classify()) needs nobody else.
 *
 * - Losses, reports and statistics of batch norm are those of the whole batch; negatives come from all ranks.  Noise and draws
 *   are by the number of the sample in the whole batch.  The gradients of all ranks are added up before they are looked at and
 *   clipped.
 * - At the first step the parameters and running statistics of rank 0 become everybody's.
 * - A call fails on all ranks when it fails on one: with that rank's status, and nothing has changed.  Before each pass the
 *   ranks compare what they are about to do: another number of samples is DIM_E_SHAPE, anything else DIM_E_STATE.
 * - A function of `comm` that fails gives DIM_E_CALLBACK; the objective cannot step any more, since nobody knows what the other
 *   ranks have done.  Go on from the last checkpoint.
 * - Checkpoints: every rank calls dim_objective_checkpoint_save() or dim_checkpoint_save(); rank 0 writes the file, and the
 *   others return DIM_OK at once.  Every rank loads the same file.  It fits any number of ranks, as long as a loader's batch
 *   times the number of ranks is the same.
 *
 * @param obj  an objective, or dim_model_objective() of a model; its inputs, networks and losses may come before or after
 * @param comm copied
 * @return DIM_E_INVALID (a function is NULL, a rank out of range), DIM_E_STATE (the objective is fixed, or has one already),
 *         DIM_E_NOMEM.
 */
DIM_API dim_status dim_objective_communicate(dim_objective *obj, const dim_comm *comm);

DIM_END_DECLS

#endif
