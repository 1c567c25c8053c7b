/* dim-eval, the program: what its parts share.
 *
 *     evaluate.c           its main function: the weights, the features, what is printed
 *     evaluate_list.def    the evaluations, a line each; evaluate_list.c: how they are made; evaluate_probes.c and
 *                          evaluate_measures.c: their functions
 *     evaluate_code.c      what is known of the code: confusion, a map of it, its values, files of it
 *     evaluate_filters.c   a picture of the first layer
 *     evaluate_page.c      report.html */
#ifndef EXAMPLES_EVALUATE_H
#define EXAMPLES_EVALUATE_H

#include "common.h"

enum { EV_LABELS = 1, EV_CODE = 2 };       /* what an evaluation needs: labels; that the features are the code */
enum { EV_NUMBERS = 256, EV_BINS = 60, EV_MAP = 3000, EV_NEAREST = 20 };

/* Features of one tap: rows of what probes learn from, and of what they are measured on. */
typedef struct ev_features {
    const char *tap;
    int64_t width;
    dim_tensor *train, *test;              /* train NULL: without labels */
} ev_features;

typedef struct ev_value {
    double value, deviation;               /* over the runs; of one run, the deviation of sampling; NaN = unknown */
    int64_t runs;
    bool share;                            /* of 1: shown in % */
    const char *unit;
} ev_value;

/* What one evaluation found of one tap. */
typedef struct ev_number {
    const char *evaluation, *title, *tap;
    int64_t width;
    ev_value v;
} ev_number;

typedef struct ev_run {
    ex_run ex;                             /* first: drawings get it */
    ex_program program;
    dim_encoder *encoder;
    ev_number numbers[EV_NUMBERS];
    int n_numbers;
    /* of the code, the last of the taps */
    ex_samples shown;                      /* what it is shown of: test samples, or for training where there are none */
    int64_t classes;                       /* 0 = no labels */
    char **class_names;
    int64_t *confusion;                    /* (classes, classes): true, by kNN; NULL = unknown */
    int64_t mapped;                        /* points of the map */
    double *map;                           /* (mapped) x, then y */
    int64_t *map_classes;
    double map_share[2];                   /* of the variance */
    int64_t bins[EV_BINS];
    double bins_low, bins_high;
    double *deviations;                    /* of units, from small to large */
    dim_tensor *originals, *reconstructed; /* some test images, in [-1, 1]; NULL = none */
} ev_run;

typedef struct ev_evaluation ev_evaluation;
struct ev_evaluation {
    const char *name, *title;
    unsigned needs;
    void (*run)(ev_run *run, const ev_evaluation *e, const ev_features *f);
    int number;
    uint32_t runs;
};

/* ---- evaluate_list.c */

void ev_evaluate(ev_run *run, const ev_features *f);
void ev_check_only(const ev_run *run); /* ends the program where --only names nothing */
/* A number; name and title NULL: the evaluation's. */
void ev_found(ev_run *run, const ev_evaluation *e, const ev_features *f, const char *name, const char *title, ev_value value);

/* ---- evaluate_probes.c, evaluate_measures.c */

typedef void ev_function(ev_run *run, const ev_evaluation *e, const ev_features *f);
ev_function ev_probe, ev_retrieval, ev_codes, ev_alignment, ev_uniformity, ev_ndm, ev_mine, ev_reconstruction;
ex_drawing ev_reconstructions; /* of some test images */

/* ---- evaluate_code.c */

void ev_code(ev_run *run, const ev_features *f, const dim_tensor *shown_labels);
bool ev_code_files(ev_run *run, const dim_tensor *code, const dim_tensor *labels); /* false, and says why */
void ev_code_free(ev_run *run);

/* ---- evaluate_filters.c */

ex_drawing ev_filters;

/* ---- evaluate_page.c */

void ev_page(ex_run *run, FILE *to);
void ev_json(ex_run *run, FILE *to);

#endif
