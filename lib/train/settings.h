/* What an objective and a loader are made of, as lines of text: a checkpoint is for those with the same lines. */
#ifndef DIM_TRAIN_SETTINGS_H
#define DIM_TRAIN_SETTINGS_H

#include "data/loader.h"
#include "train/objective.h"

enum { DIM__SETTING_KEY = 96, DIM__SETTING_VALUE = 512 };

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
/* "<key>", "<head>, <name> <value>, ..." with the fields that are not 0. */
dim_status dim__settings_fields(dim__settings *s, const char *key, const char *head, const void *options, const dim__table *table);
/* All that changes what a step computes.  What only changes who computes it, such as threads, is not among them. */
dim_status dim__settings_of_objective(dim__settings *s, const void *obj);
dim_status dim__settings_of_input(dim__settings *s, const dim_objective *obj, int64_t input);
dim_status dim__settings_of_application(dim__settings *s, const dim_objective *obj, int64_t application);
dim_status dim__settings_of_loss(dim__settings *s, const dim_objective *obj, int64_t loss);
dim_status dim__settings_of_player(dim__settings *s, const dim_objective *obj, int64_t player); /* without its optimizer's */
dim_status dim__settings_of_network(dim__settings *s, const char *name, const dim_encoder *network);
dim_status dim__settings_of_information(dim__settings *s, const char *key, const char *head, const dim__information *t);
dim_status dim__settings_of_optimizer(dim__settings *s, int64_t player, const dim_optimizer_options *o);
dim_status dim__settings_of_loader(dim__settings *s, const dim_loader *loader);
const char *dim__settings_find(const dim__settings *s, const char *key); /* NULL = there is none */
/* DIM_OK, or DIM_E_INVALID with the option in which the two values of a setting differ. */
dim_status dim__settings_compare(dim_context *ctx, const char *key, const char *then, const char *now);
void dim__settings_free(dim__settings *s);

#endif
