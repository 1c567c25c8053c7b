/* What model and loader are made of, as lines of text: a checkpoint is for a model and a loader with the same lines. */
#ifndef DIM_MODEL_SETTINGS_H
#define DIM_MODEL_SETTINGS_H

#include "model/model.h"

enum { DIM__SETTING_KEY = 80, DIM__SETTING_VALUE = 512 };

typedef struct dim__setting {
    char key[DIM__SETTING_KEY], value[DIM__SETTING_VALUE];
} dim__setting;

typedef struct dim__settings {
    dim_context *ctx;
    dim__setting *list;
    int64_t count, capacity;
} dim__settings;

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
dim_status dim__settings_add(dim__settings *s, const char *key, const char *format, ...);
/* All that changes what a step computes.  What only changes who computes it, such as threads, is not among them. */
dim_status dim__settings_of_model(dim__settings *s, const dim_model *model);
dim_status dim__settings_of_loader(dim__settings *s, const dim_loader *loader);
const char *dim__settings_find(const dim__settings *s, const char *key); /* NULL = there is none */
/* DIM_OK, or DIM_E_INVALID with the option in which the two values of a setting differ. */
dim_status dim__settings_compare(dim_context *ctx, const char *key, const char *then, const char *now);
void dim__settings_free(dim__settings *s);

#endif
