/* What the parts of infogan.c share: presets, codes, what is measured, pictures, files. */
#ifndef EXAMPLES_INFOGAN_H
#define EXAMPLES_INFOGAN_H

#include "objective.h"

enum { INFOGAN_MOST_CODES = 40, INFOGAN_WINDOWS = 8, INFOGAN_NAME = 32 };
enum { INFOGAN_STD_PRESET, INFOGAN_STD_FIXED, INFOGAN_STD_LEARNED }; /* ex_options.std */

/* ---- infogan_presets.c: the tables of the paper (arXiv 1606.03657, appendix C), and one more */

/* A convolution of D or a transposed one of G, with a kernel of 4. */
typedef struct infogan_window {
    uint32_t out, stride, padding; /* out 0 ends the list */
    bool norm;                    /* with batch norm */
} infogan_window;

typedef struct infogan_preset {
    const char *name;
    int64_t shape[3];             /* of an image: channels, height, width */
    infogan_window down[INFOGAN_WINDOWS], up[INFOGAN_WINDOWS]; /* of D; of G, of which the last one makes the image */
    uint32_t trunk, q;            /* units of the layer behind D's convolutions, and of Q's own; 0 = there is none */
    uint32_t g;                   /* units of G's first layer; 0 = there is none */
    uint32_t map, side;           /* what G's transposed convolutions begin with: map x side x side */
    bool tanh;                    /* images are in [-1, 1], else in [0, 1] */
    bool learned;                 /* deviations of continuous codes, else they are 1 */
    const char *categorical;      /* what --categorical and so on are if nothing is said */
    uint32_t continuous, noise;
    float lr_d, lr_g, lambda, lambda_cont;
} infogan_preset;

extern const infogan_preset infogan_presets[];
const char *infogan_preset_name(int i); /* NULL after the last */

/* ---- infogan.c */

typedef struct infogan_code {
    char name[INFOGAN_NAME];      /* of the input: "c1", "z1" */
    char loss[INFOGAN_NAME];      /* of how badly Q finds it again: "find_c1" */
    int64_t classes;              /* 0: continuous */
    int64_t at;                   /* its first number in what D says of an image */
    double prior;                 /* H(c) of how it is drawn, in nats */
} infogan_code;

/* What was measured of one of the codes and the classes of the images. */
typedef struct infogan_matching {
    int64_t *counts;              /* [category][class] of test images, by batch statistics */
    int64_t *class_of;            /* of each category, one to one; -1 = none is left */
    double error, majority, running; /* of test images; NaN without labels */
    double fitted;                /* the error on the images by which they were matched */
    int64_t used;                 /* categories that get more than infogan_least_share() of the test images */
} infogan_matching;

typedef struct infogan_losses { /* sums over steps */
    double d, g, code[INFOGAN_MOST_CODES];
    uint64_t steps;
} infogan_losses;

typedef struct infogan {
    const infogan_preset *preset;
    infogan_code code[INFOGAN_MOST_CODES];
    int n_codes, n_categorical;   /* the categorical ones come first */
    int64_t said, logit;          /* numbers that D says of an image, and which of them is the logit of "true" */
    bool tanh, learned;           /* deviations, by --std */
    dim_tensor *codes;            /* of --codes; NULL = none were given */

    /* infogan_measure.c */
    dim_tensor *fit, *fit_labels, *tested, *tested_labels; /* of the training and of the test set; labels: NULL = none */
    int64_t classes;              /* of the labels; 0 = there are none in one of these sets */
    infogan_matching match[INFOGAN_MOST_CODES]; /* of the categorical codes, at the last evaluation */
    int best;                     /* the code that fits the classes of the training images best */

    /* infogan_report.c */
    infogan_losses line, since;   /* of the steps since the last line, and since the last evaluation */
    double wall, cpu;             /* seconds at the beginning of the step */
    double *walls, *cpus;         /* of each step */
    size_t n_times, room;

    int sheet;                    /* infogan_pictures.c: the code of the next sheet */
} infogan;

/* ---- infogan_networks.c */

dim_network *infogan_generator(ex_run *run, const infogan *own, int64_t width);
dim_network *infogan_discriminator(ex_run *run, const infogan *own);
/* Values side by side as one, whose name it writes. */
void infogan_join(ex_run *run, dim_objective *o, const char *const *values, const int64_t *widths, int n, char name[INFOGAN_NAME]);

/* ---- infogan_measure.c */

dim_dataset *infogan_tested(const ex_run *run); /* test images, or training images where there are none */
void infogan_open(ex_run *run, infogan *own); /* reads the images */
void infogan_close(infogan *own);
double infogan_least_share(const infogan_code *c); /* of the test images: a category with more is in use */
bool infogan_measure(ex_run *run, ex_task *task, double values[EX_MAX_MEASURES]);
enum { INFOGAN_ERROR, INFOGAN_MAJORITY, INFOGAN_RUNNING, INFOGAN_USED, INFOGAN_FOUND, INFOGAN_DIVERSITY, INFOGAN_D_TRUE,
       INFOGAN_D_MADE, INFOGAN_MEASURES };
_Static_assert(INFOGAN_MEASURES <= EX_MAX_MEASURES, "all measures have room");

/* Images of rows of codes, one number a code, and of noise, (rows, o.noise); as_in_step: by the statistics of the batch. */
dim_tensor *infogan_make(ex_run *run, const infogan *own, const float *codes, const float *noise, int64_t rows, bool as_in_step);
/* What D says of images, a row an image; false when training is to end, and then not of all. */
bool infogan_say(ex_run *run, const infogan *own, dim_tensor *images, bool as_in_step, float *out);
int64_t infogan_largest(const float *x, int64_t n);
/* Codes as they are drawn, one number a code: functions of `seed` alone. */
void infogan_draw_codes(const infogan *own, uint64_t seed, int64_t rows, float *codes);
void infogan_draw_noise(uint64_t seed, int64_t count, float *noise);
void *infogan_room(ex_run *run, int64_t count, size_t size); /* zeros; ends the program when memory runs out */

/* ---- infogan_matching.c */

/* The one-to-one matching of rows with columns that has the largest sum of counts: column_of[i] of each row, -1 where there
 * are fewer columns than rows and none is left.  false without memory. */
bool infogan_match(const int64_t *counts, int64_t rows, int64_t columns, int64_t *column_of);

/* ---- infogan_report.c */

void infogan_give(ex_run *run, ex_task *task, dim_tensor *images);
void infogan_stepped(ex_run *run, ex_task *task);
void infogan_print(ex_run *run, ex_task *task, const ex_evaluation *e);
void infogan_done(const ex_run *run, const infogan *own); /* the last line of --json */
/* The bound on I(c; image) in nats that a mean loss of finding the code stands for. */
double infogan_nats(const infogan *own, int code, double loss);

/* ---- infogan_pictures.c */

ex_drawing infogan_draw;

/* ---- infogan_files.c: --generate, --codes, --infer */

void infogan_check_files(const ex_program *program, const ex_options *o); /* whether they can be written */
dim_tensor *infogan_read_codes(ex_run *run, const infogan *own); /* (rows, codes) in f32; NULL without --codes */
bool infogan_finish(ex_run *run, ex_task *task);

#endif
