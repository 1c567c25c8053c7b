/**
 * @file checkpoint.h
 * @brief Training that is interrupted and goes on as if nothing had happened.
 */
#ifndef DIM_CHECKPOINT_H
#define DIM_CHECKPOINT_H

#include <dim/dataset.h>
#include <dim/model.h>

DIM_BEGIN_DECLS

/**
 * @brief Writes everything that the further steps depend on into one file, atomically.  Fixes the objective.
 *
 * Of the model the file has all parameters, the estimators' moving averages, the optimizers' states, the number of
 * steps and the seed; of the loader the seed, and which batch dim_loader_next() gave last, however many batches are
 * prepared ahead.  So call this function after the step on that batch.
 *
 * The file is safetensors.  The parameters have the names of dim_model_save(), so dim_model_load() and
 * dim_encoder_load() read it too, and so do PyTorch's tools; the optimizers' states are "optimizer.m." and
 * "optimizer.v." before a name.
 *
 * A process that is killed meanwhile leaves the old file, and perhaps a hidden file ".dim-....tmp" beside it; the next
 * save to the same path removes the hidden file, in a folder of up to some thousand files.
 * @param model  the model
 * @param loader the loader of the model's batches, of the same context; NULL = the caller keeps the place in the data
 * @param path   of the file; an older file is replaced when the new one is complete and on the disk, and so is a
 *               symbolic link: the file that it points to stays as it is
 * @return DIM_E_IO, DIM_E_STATE (no terms), DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_checkpoint_save(dim_model *model, const dim_loader *loader, const char *path);

/**
 * @brief Brings model and loader into the state that dim_checkpoint_save() wrote.  Fixes the objective.
 *
 * Create model and loader as they were created for the run that was saved; both may have been used since.  All further
 * steps are then the same, bit for bit, as without the interruption, given the same build, instruction set, backends,
 * precision, number of threads, executor and passes; if these differ, the context's log gets a warning.  The loader's
 * prefetch, workers and no_thread do not matter.  Model and loader get the seeds of the file, with a warning if theirs
 * were different.
 *
 * Everything else that the steps depend on must agree: layers, terms, priors, classifiers, the optimizers' options,
 * number and shape of the dataset's samples, batch, order, views and augmentation.  To go on with other settings, load
 * the parameters alone, with dim_model_load().
 * @param model  the model
 * @param loader of the same context; batches that it gave before are no longer valid.  NULL = the place in the data, if
 *               the file has one, is not used.
 * @param path   of the file
 * @return DIM_E_INVALID (a setting does not agree: the text names it with both values; loader given, but saved
 *         without), DIM_E_FORMAT (not a checkpoint, or damaged: every changed bit is noticed), DIM_E_IO, DIM_E_SHAPE,
 *         DIM_E_STATE (no terms), DIM_E_NOMEM.  Nothing has changed then.
 */
DIM_API dim_status dim_checkpoint_load(dim_model *model, dim_loader *loader, const char *path);

DIM_END_DECLS

#endif
