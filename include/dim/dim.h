/**
 * @file dim.h
 * @brief All of libdim: Deep InfoMax and mutual information on CPUs.
 *
 * These rules hold for every function; the text of a function says only what is different:
 *
 * - **Results.** A function that can fail returns a dim_status.  Outputs come last and are untouched unless the status
 *   is DIM_OK.  dim_context_error() has a sentence about the last failure.  No call prints, exits or aborts.
 * - **Ownership.** The object that a `_create`, `_open`, `_from_...`, `_finish`, `_wrap`, `_load_npy`, `_get_parameter`
 *   or view function gives belongs to the caller, who releases it with the `_destroy` of its type.  An object keeps the
 *   objects alive that it is made of, so they may be destroyed in any order.  Text that a function returns belongs to
 *   the object.
 * - **NULL.** A NULL object gives DIM_E_INVALID; getters of NULL return 0, NULL or "" as their type says, and
 *   `_destroy` ignores it.  Other pointers may be NULL only where the function says so.
 * - **Options.** Structs start with `size_t size` and are prepared with DIM_OPTIONS_INIT().  Zero in a field, or NULL
 *   for the struct, means the default.  They are copied, with the texts they point to.
 * - **Threads.** A context and everything made from it is for one thread at a time; different contexts may be used at
 *   once.  Objects that an object keeps are of its context; others are refused.  A tensor that a call only reads or writes
 *   may be of another context, which no other thread may use meanwhile.  Functions marked thread-safe may be called at any
 *   time.  A thread needs 128 KiB of stack, more where a function of the caller's does.
 * - **Callbacks** run inside a call of the caller's (dim_sample_fn: perhaps on a loader's thread) and must not use the
 *   context.
 * - **Tensors** may have any strides, negative ones and 0 included, unless the function says otherwise.  Images are
 *   (N, C, H, W), features (N, d), N samples first.
 * - **Units.** Logarithms are natural, information is in nats, learning rates are per step.
 */
#ifndef DIM_DIM_H
#define DIM_DIM_H

#include <dim/augment.h>
#include <dim/checkpoint.h>
#include <dim/context.h>
#include <dim/dataset.h>
#include <dim/encoder.h>
#include <dim/estimator.h>
#include <dim/export.h>
#include <dim/model.h>
#ifdef DIM_EXPERIMENTAL
#include <dim/comm.h>
#include <dim/evaluation.h>
#include <dim/index.h>
#include <dim/information.h>
#include <dim/objective.h>
#endif
#include <dim/optimizer.h>
#include <dim/prior.h>
#include <dim/probe.h>
#include <dim/status.h>
#include <dim/tensor.h>

#endif
