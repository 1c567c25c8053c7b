/* The inside of a model: the objective, its graphs, its optimizers. */
#ifndef DIM_MODEL_MODEL_H
#define DIM_MODEL_MODEL_H

#include "io/params.h"
#include "nn/encoder.h"
#include "objective/critics/critics.h"
#include "objective/objective.h"
#include "objective/priors/prior.h"
#include "optim/optim.h"

enum { DIM__MODEL_PROGRAMS = 6, DIM__REPORT_SIZE = 64, DIM__TERM_REPORTS = 4 };

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

typedef struct dim__term_nodes {
    dim__vid weighted;
    dim__est_nodes est;
} dim__term_nodes;

typedef struct dim__objective { /* scalars of one graph */
    dim__vid input;
    dim__vid loss;             /* of encoder and critics */
    dim__vid total;            /* with the discriminators' losses: what is differentiated */
    dim__term_nodes *terms;
    dim__prior_nodes *priors;  /* penalties are weighted */
    dim__vid code_mean, code_std;
} dim__objective;

typedef struct dim__model_program {
    int64_t batch;
    bool training;             /* with backward and state updates */
    dim__program *program;
    dim__objective objective;
    const float **grads;       /* of the trained parameters, in their order; made by the first step */
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
    dim_optimizer_options optimizer; /* checked */
    bool fixed;                /* the objective is complete: parameters are declared */
    dim__optim *optims;        /* group 0 the model's, then one a prior; made by the first step */
    dim__param **trained;      /* by group, in the order of the optimizers' slots */
    int64_t n_trained;
    uint64_t seed, steps;
    dim__model_program programs[DIM__MODEL_PROGRAMS];
    int next_program;
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

/* Fixes the objective: declares all parameters and reports.  Idempotent. */
dim_status dim__model_fix(dim_model *model);
/* Emits everything up to the losses; arrays of *objective are the caller's, one element a term and a prior. */
dim_status dim__model_emit(dim_model *model, dim__graph *g, int64_t batch, bool training, dim__objective *objective);
dim_status dim__model_compile(dim_model *model, int64_t batch, bool training, dim__model_program **out);
void dim__model_program_free(dim_model *model, dim__model_program *p);

/* A step (training) or an evaluation, with its reports. */
dim_status dim__model_run(dim_model *model, const dim_tensor *images, bool training);

/* Encoder's and model's parameters, as saved. */
void dim__model_groups(dim_model *model, dim__param_group groups[2]);

#endif
