/* Checkpoints: all that decides about the steps to come. */
#ifndef DIM_TRAIN_CHECKPOINT_H
#define DIM_TRAIN_CHECKPOINT_H

#include "train/settings.h"

typedef struct dim__saved { /* what a checkpoint is of */
    dim_objective *obj;
    dim_status (*settings)(dim__settings *s, const void *of);
    const void *of;
    const char *made;       /* what the layers "encoder." follow from; NULL = nothing is known */
} dim__saved;

/* Parameters, states, optimizers, numbers of steps, seeds, the loader's position.  Loading changes nothing when it fails.
 * loader NULL: without a position. */
dim_status dim__checkpoint_save(const dim__saved *what, const dim_loader *loader, const char *path);
dim_status dim__checkpoint_load(const dim__saved *what, dim_loader *loader, const char *path);

#endif
