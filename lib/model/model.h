/* The inside of a model: the objective, its graphs, its optimizers. */
#ifndef DIM_MODEL_MODEL_H
#define DIM_MODEL_MODEL_H

#include "data/loader.h"
#include "io/params.h"
#include "nn/encoder.h"
#include "objective/critics/critics.h"
#include "objective/objective.h"
#include "objective/priors/prior.h"
#include "optim/optim.h"

enum { DIM__REPORT_SIZE = 64, DIM__TERM_REPORTS = 4, DIM__MAX_VIEWS = 8 };

typedef struct dim__term {
    char name[DIM__TAP_SIZE];
    dim_term_options o;        /* checked, defaults filled in; its pointers are NULL */
    dim_estimator_options estimator;
    int64_t x, y;              /* layers of the encoder */
    bool whole;                /* x is paired as a whole map (DIM(G)) */
    dim__param *state;         /* MINE's moving average, once declared */
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

typedef struct dim__class_nodes {
    dim__vid loss;             /* weighted */
    dim__vid probabilities;
} dim__class_nodes;

typedef struct dim__term_nodes {
    dim__vid weighted;
    dim__est_nodes est;
} dim__term_nodes;

typedef struct dim__objective { /* scalars of one graph */
    dim__vid input;
    dim__vid labels;           /* i32, one a row of the input; DIM__NONE without */
    dim__vid loss;             /* of encoder and critics */
    dim__vid total;            /* with the discriminators' and classifiers' losses: what is differentiated */
    dim__term_nodes *terms;
    dim__prior_nodes *priors;  /* penalties are weighted */
    dim__class_nodes *classes;
    dim__vid code_mean, code_std;
} dim__objective;

typedef enum dim__run_mode {
    DIM__RUN_EVALUATE = 0,
    DIM__RUN_STEP = 1,         /* with backward and state updates */
    DIM__RUN_LABELED = 2       /* with the classifiers, too */
} dim__run_mode;

typedef struct dim__model_program { /* the notes of a compiled objective */
    dim__run_mode mode;
    dim__program *program;
    dim__objective objective;
    bool bound;                /* grads are filled */
    const float **grads;       /* of the trained parameters, in their order; filled by the first step */
} dim__model_program;

typedef struct dim__report {
    char name[DIM__REPORT_SIZE];
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
    int64_t n_reports;
    bool reported;
    float *code_mean, *code_std; /* of the last batch */
    char name[DIM__FULL_NAME_SIZE]; /* of the parameter that was asked for last */
};

dim_status dim__model_create(dim_encoder *enc, const dim_model_options *options, dim_model **out);
void dim__model_destroy(dim_model *model);
dim_status dim__model_add_term(dim_model *model, const dim_term_options *term);
dim_status dim__model_add_prior(dim_model *model, const dim__prior_spec *spec, float weight);

dim_status dim__model_check_name(const dim_model *model, const char *name); /* of a term or classifier */

/* Fixes the objective: declares all parameters and reports.  Idempotent. */
dim_status dim__model_fix(dim_model *model);
/* Emits everything up to the losses; arrays of *objective are the caller's, one element a term and a prior. */
dim_status dim__model_emit(dim_model *model, dim__graph *g, int64_t batch, dim__run_mode mode, dim__objective *objective);
dim_status dim__model_declare(dim_model *model); /* emits it once, so that all parameters are there */
dim_status dim__model_compile(dim_model *model, int64_t batch, dim__run_mode mode, dim__model_program **out);
/* First numbers of the keys of a model's programs; further ones are mode and batch, or index of the classifier and batch. */
enum { DIM__PROGRAM_OBJECTIVE = 0, DIM__PROGRAM_CLASSIFIER = 1 };

typedef struct dim__emission { /* a graph of the objective in the making */
    dim_model *model;
    dim__graph *g;
    int64_t batch;             /* rows: images times views */
    dim__vid *layers;          /* values of the encoder's layers */
} dim__emission;

dim__term_nodes dim__emit_term(const dim__emission *e, dim__term *t);
dim__class_nodes dim__emit_classifier(const dim__emission *e, const dim__classifier *c, dim__vid labels);
dim_status dim__model_add_classifier(dim_model *model, const dim_classifier_options *options);
dim_status dim__model_classify(dim_model *model, const char *name, const dim_tensor *images, dim_tensor *logits);

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
