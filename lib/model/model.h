/* The inside of a model: a preset on an objective (train/).  Terms, priors and classifiers are kept as they are added; the
 * first use makes losses and players of them, before those that were added to the objective itself. */
#ifndef DIM_MODEL_MODEL_H
#define DIM_MODEL_MODEL_H

#include "objective/priors/prior.h"
#include "train/checkpoint.h"

typedef struct dim__term {
    char name[DIM__TAP_SIZE];
    dim__information information; /* its options, the weight with them */
    int64_t x, y;              /* layers of the encoder */
    bool whole;                /* x is paired as a whole map (DIM(G)) */
} dim__term;

typedef struct dim__model_prior {
    dim__prior_spec spec;
    float weight;
    char name[DIM__TAP_SIZE];
} dim__model_prior;

typedef struct dim__classifier {
    char name[DIM__TAP_SIZE];
    dim_classifier_options o;  /* checked, defaults filled in; its pointers are NULL */
    int64_t layer;             /* of the encoder: the features */
} dim__classifier;

typedef enum dim__run_mode {
    DIM__RUN_EVALUATE = 0,
    DIM__RUN_STEP = 1,         /* with backward and state updates */
    DIM__RUN_LABELED = 2       /* with the classifiers, too */
} dim__run_mode;

typedef struct dim__report {
    char name[DIM__REPORT_NAME];
    int64_t of;                /* report of the objective */
    bool labelled;             /* without labels it has nothing to tell: NaN */
    double value;
} dim__report;

struct dim_model {
    dim_context *ctx;
    dim_encoder *enc;
    dim_objective *obj;
    dim__term *terms;
    int64_t n_terms, cap_terms;
    dim__model_prior *priors;
    int64_t n_priors, cap_priors;
    dim__classifier *classifiers;
    int64_t n_classifiers, cap_classifiers;
    int64_t views;
    uint32_t occlude;          /* side of what is hidden from y; 0 = nothing is */
    int64_t own_applications;  /* the objective's first ones; then the added */
    dim_optimizer_options optimizer; /* checked */
    int64_t added_losses, added_players; /* to the objective, by its own functions; known when it is fixed: its last ones */
    dim__report *reports;
    int64_t n_reports, cap_reports;
    bool reported;
    float *code_mean, *code_std; /* of the last batch */
    char name[DIM__FULL_NAME_SIZE]; /* of the parameter that was asked for last */
};

dim_status dim__model_create(dim_encoder *enc, const dim_model_options *options, dim_model **out);
void dim__model_destroy(dim_model *model);
dim_status dim__model_add_term(dim_model *model, const dim_term_options *term);
dim_status dim__model_add_prior(dim_model *model, const dim__prior_spec *spec, float weight);
dim_status dim__model_add_classifier(dim_model *model, const dim_classifier_options *options);

bool dim__model_name_taken(const dim_model *model, const char *name); /* by what is or will be the model's */
dim_status dim__model_check_name(const dim_model *model, const char *name); /* of a term or classifier */

/* ---- the objective: fix.c puts together what the losses of term.c, prior.c, classifier.c and code.c are ------------------ */

/* Makes the model the owner, and puts in what is there from the start: inputs, the encoder's application, the player. */
dim_status dim__model_begin(dim_model *model);
/* Fixes the objective: losses, players, then reports.  Idempotent. */
dim_status dim__model_fix(dim_model *model);

/* Players: 0 trains encoder and critics, then one a prior, then one a classifier, then the added ones.  So clipping by norm
 * lets none of them change the others' gradients, and steps without labels do not count. */
static inline int64_t dim__model_players_count(const dim_model *model) /* without the added ones */
{
    return 1 + model->n_priors + model->n_classifiers;
}
const dim_optimizer_options *dim__model_player_options(const dim_model *model, int64_t player);

enum { DIM__MODEL_IMAGES = 0, DIM__MODEL_LABELS = 1, DIM__MODEL_INPUTS = 2 }; /* the objective's inputs; then the added */
dim__ref dim__model_layer(int64_t layer);              /* of the encoder, or its input: as a value of the objective */
dim__ref dim__model_antecedent(const dim_model *model, int64_t layer); /* the same as a term's y: of what is not hidden from it */

extern const dim__loss_def dim__loss_model_prior;      /* of code, and of its mean and log-variance */
extern const dim__loss_def dim__loss_classifier;       /* of features and labels */
extern const dim__loss_def dim__loss_code;             /* no loss: reports ".mean" and ".std" of the code */

extern const dim__table dim__classifier_table;
dim__vid dim__emit_logits(const dim__scope *scope, const dim__classifier *c, dim__vid x); /* frozen */
dim_status dim__model_classify(dim_model *model, const char *name, const dim_tensor *images, dim_tensor *logits);

/* ---- use: run.c, report.c ------------------------------------------------------------------------------------------------ */

/* A step or an evaluation, with its reports; labels for DIM__RUN_LABELED only. */
dim_status dim__model_run(dim_model *model, const dim_tensor *images, const dim_tensor *labels, dim__run_mode mode);

dim_status dim__model_list_reports(dim_model *model);         /* names, in the model's order */
void dim__model_collect(dim_model *model, dim__run_mode mode); /* all reports, after a run */

dim_status dim__settings_of_model(dim__settings *s, const void *model); /* for checkpoints */

#endif
