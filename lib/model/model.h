/* The inside of a model: the objective, its graphs, its optimizers. */
#ifndef DIM_MODEL_MODEL_H
#define DIM_MODEL_MODEL_H

#include "data/loader.h"
#include "io/params.h"
#include "nn/encoder.h"
#include "objective/losses/information.h"
#include "objective/priors/prior.h"
#include "optim/optim.h"

enum { DIM__REPORT_SIZE = 64, DIM__MAX_VIEWS = 8 };

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

typedef struct dim__model_program { /* the notes of a compiled objective */
    dim__run_mode mode;
    dim__program *program;
    dim__vid input;
    dim__vid labels;           /* i32, one a row of the input; DIM__NONE without */
    dim__vid total;            /* all losses, the discriminators' and classifiers', too: what is differentiated */
    dim__vid code_mean, code_std;
    dim__vid *reports;         /* of each of the model's reports the value; DIM__NONE = none in this program */
    uint64_t at_step;          /* of the last run */
    bool bound;                /* grads are filled */
    const float **grads;       /* of the trained parameters, in their order; filled by the first step */
} dim__model_program;

typedef enum dim__report_kind { /* what a report makes of its value */
    DIM__REPORT_SCALAR = 0,    /* one number as it is */
    DIM__REPORT_MEAN = 1,      /* the mean of the absolute elements; 0 without a value */
    DIM__REPORT_ACCURACY = 2,  /* the part of the rows whose most probable class is the label */
    DIM__REPORT_RATE = 3,      /* of the optimizer: no value */
    DIM__REPORT_NORM = 4
} dim__report_kind;

typedef struct dim__report {
    char name[DIM__REPORT_SIZE];
    dim__report_kind kind;
    const char *what;          /* "loss" or "penalty": has to be finite; NULL = may be anything */
    double value;
} dim__report;

struct dim_model {
    dim_context *ctx;
    dim_encoder *enc;
    dim__params params;        /* critics, discriminators, states of estimators */
    dim__term *terms;
    int64_t n_terms, cap_terms;
    dim__model_prior *priors;
    int64_t n_priors, cap_priors;
    dim__classifier *classifiers;
    int64_t n_classifiers, cap_classifiers;
    int64_t views;
    dim_optimizer_options optimizer; /* checked */
    bool fixed;                /* the objective is complete: parameters are declared */
    dim__optim *optims;        /* group 0 the model's, then one a prior, then one a classifier; made when needed */
    dim__param **trained;      /* by group, in the order of the optimizers' slots */
    int64_t n_trained;
    uint64_t seed, steps;
    dim__programs programs;    /* of the objective, and of classifiers alone */
    dim__report *reports;
    int64_t n_reports, cap_reports;
    bool reported;
    float *code_mean, *code_std; /* of the last batch */
    char name[DIM__FULL_NAME_SIZE]; /* of the parameter that was asked for last */
};

extern const dim__table dim__classifier_table;

dim_status dim__model_create(dim_encoder *enc, const dim_model_options *options, dim_model **out);
void dim__model_destroy(dim_model *model);
dim_status dim__model_add_term(dim_model *model, const dim_term_options *term);
dim_status dim__model_add_prior(dim_model *model, const dim__prior_spec *spec, float weight);

bool dim__model_name_taken(const dim_model *model, const char *name);
dim_status dim__model_check_name(const dim_model *model, const char *name); /* of a term or classifier */

/* Fixes the objective: declares all parameters and reports.  Idempotent. */
dim_status dim__model_fix(dim_model *model);
/* First numbers of the keys of a model's programs; further ones are mode and batch, or index of the classifier and batch. */
enum { DIM__PROGRAM_OBJECTIVE = 0, DIM__PROGRAM_CLASSIFIER = 1 };
dim_status dim__model_compile(dim_model *model, int64_t batch, dim__run_mode mode, dim__model_program **out);

/* ---- emission: emit.c puts together what term.c, prior.c and classifier.c emit ------------------------------------- */

typedef struct dim__emission { /* a graph of the objective in the making */
    dim_model *model;
    dim__graph *g;
    int64_t batch;             /* rows: images times views */
    dim__vid *layers;          /* values of the encoder's layers; before the first, its input */
    dim__vid *discs;           /* losses of the priors' discriminators */
    dim__model_program *program;
    int64_t n_reports;
} dim__emission;

/* Everything up to the losses, for p->mode; failures are the graph's. */
void dim__model_emit(dim_model *model, dim__graph *g, int64_t batch, dim__model_program *p);
dim__vid dim__emit_term(dim__emission *e, dim__term *t);                   /* its loss, weighted */
dim__prior_nodes dim__emit_prior(dim__emission *e, int64_t index);         /* the penalty is weighted */
dim__vid dim__emit_classifier(dim__emission *e, const dim__classifier *c); /* its loss, weighted; DIM__NONE without labels */
dim__vid dim__emit_logits(dim_model *model, dim__graph *g, const dim__classifier *c, dim__vid x); /* frozen */

dim_status dim__model_add_classifier(dim_model *model, const dim_classifier_options *options);
dim_status dim__model_classify(dim_model *model, const char *name, const dim_tensor *images, dim_tensor *logits);

/* ---- reports: report.c --------------------------------------------------------------------------------------------- */

/* The next report, named a followed by b, and its value, which is kept.  Returns its number: dim__emission_value() may give
 * the value later. */
int64_t dim__emit_report(dim__emission *e, dim__report_kind kind, dim__vid v, const char *a, const char *b);
void dim__emission_value(dim__emission *e, int64_t report, dim__vid v);
/* The same of a scalar that has to be finite: a "loss" or a "penalty". */
void dim__emit_loss(dim__emission *e, dim__vid v, const char *what, const char *name);
dim_status dim__model_list_training(dim_model *model); /* the reports that no program makes: they come last */

/* After the forward part: DIM_E_NUMERIC for the first loss that is not finite. */
dim_status dim__model_check_losses(dim_model *model, const dim__model_program *p);
void dim__model_collect(dim_model *model, const dim__model_program *p); /* all reports, after a run */

/* ---- training: optimizers.c, run.c ----------------------------------------------------------------------------------- */

/* Makes optims and trained; the objective is fixed.  Idempotent. */
dim_status dim__model_make_optimizers(dim_model *model);
const dim_optimizer_options *dim__model_group_options(const dim_model *model, int64_t group);
static inline int64_t dim__model_groups_count(const dim_model *model)
{
    return 1 + model->n_priors + model->n_classifiers;
}

/* A step or an evaluation, with its reports; labels for DIM__RUN_LABELED only. */
dim_status dim__model_run(dim_model *model, const dim_tensor *images, const dim_tensor *labels, dim__run_mode mode);

/* Encoder's and model's parameters, as saved. */
void dim__model_groups(dim_model *model, dim__param_group groups[2]);

/* All that decides about the steps to come: parameters, states, optimizers, numbers of steps, seeds, the loader's position.
 * Loading changes nothing when it fails.  loader NULL: without a position. */
dim_status dim__checkpoint_save(dim_model *model, const dim_loader *loader, const char *path);
dim_status dim__checkpoint_load(dim_model *model, dim_loader *loader, const char *path);

#endif
