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
 * @brief Writes all that decides about the steps to come into one file, atomically.  Fixes the objective.
 *
 * That is: all parameters, the estimators' moving averages, the optimizers' states, the number of steps and the seed of
 * the model; and of the loader its seed and which batch dim_loader_next() gave last, however many are prepared ahead.  So
 * call it when the last batch has been stepped on.
 *
 * The file is safetensors.  The parameters have the names of dim_model_save(), so dim_model_load() and dim_encoder_load()
 * read it too, and so do PyTorch's tools; the optimizers' states are "optimizer.m." and "optimizer.v." before a name.
 *
 * A process that is killed meanwhile leaves the old file, and perhaps a hidden one, ".dim-....tmp", beside it, which the
 * next save to the same path removes.
 * @param model  the model
 * @param loader the one that its batches come from, of the same context; NULL = the caller knows where it is in the data
 * @param path   of the file; an older one is replaced when the new one is complete and on the disk, and so is a symbolic
 *               link: what it points to stays as it is
 * @return DIM_E_IO, DIM_E_STATE (no terms), DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_checkpoint_save(dim_model *model, const dim_loader *loader, const char *path);

/**
 * @brief Puts model and loader where those were that dim_checkpoint_save() wrote.  Fixes the objective.
 *
 * They are made as the others were, and may have been used before.  With the same build, instruction set, backends, precision,
 * number of threads, executor and passes all further steps are then the same, bit for bit, as without the interruption; if these differ, the
 * context's log has a warning.  The loader's prefetch, workers and no_thread do not matter.  Seeds are those of the file,
 * with a warning where there were others.
 *
 * Whatever else decides about the steps must agree: layers, terms, priors, classifiers, the optimizers' options, number and
 * shape of the dataset's samples, batch, order, views and augmentation.  To go on with other settings, take the
 * parameters alone, with dim_model_load().
 * @param model  the model
 * @param loader of the same context; batches that it gave before are no longer valid.  NULL = the file's place in the data,
 *               if it has one, is not used.
 * @param path   of the file
 * @return DIM_E_INVALID (a setting does not agree: the text names it with both values; loader given, but saved without),
 *         DIM_E_FORMAT (no checkpoint, or damaged: every changed bit is noticed), DIM_E_IO, DIM_E_SHAPE, DIM_E_STATE (no
 *         terms), DIM_E_UNSUPPORTED (a build without cJSON), DIM_E_NOMEM.  Nothing has changed then.
 */
DIM_API dim_status dim_checkpoint_load(dim_model *model, dim_loader *loader, const char *path);

DIM_END_DECLS

#endif
