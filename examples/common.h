/* What the example programs share: options, data, the training loop, probes, reports and pictures.
 *
 * A program describes itself with an ex_program, calls ex_start(), builds an encoder and a model, and hands both to
 * ex_train().  Errors end the program with one line: these are examples, libdim itself never prints or exits. */
#ifndef EXAMPLES_COMMON_H
#define EXAMPLES_COMMON_H

#include <dim/dim.h>

#include <stdbool.h>
#include <stdio.h>

#define EX_MAX_TAPS 8
#define EX_MAX_CLASSIFIERS 2
#define EX_PRIOR_NONE (-1)

/* The command line. */
typedef struct ex_options {
    const char *data;             /* kind:DIR, as dim_dataset_open() takes it */
    uint64_t steps, epochs;       /* 0 = not given; ex_start() turns epochs into steps */
    uint64_t eval_every;          /* steps; 0 = only before and after training */
    uint64_t checkpoint_every;    /* steps; 0 = only at Ctrl-C, if there is --out */
    uint64_t seed;
    uint32_t batch, threads, units;
    uint32_t image_size;          /* of folders of images; 0 = as they are */
    uint32_t probe_train;         /* labelled training images of the probes; 0 = no probes */
    float lr, prior_weight;
    int estimator, critic, prior; /* dim_estimator_kind, dim_critic, dim_prior_kind or EX_PRIOR_NONE */
    int shortcut;                 /* dim_shortcut */
    int precision;                /* dim_precision */
    const char *taps;             /* names with commas between; NULL = the program's */
    const char *out;              /* folder for weights, log and picture; NULL = nothing is written */
    bool json, table, resume;

    /* of amdim */
    uint32_t ndf, rkhs, depth, mixture, views;
    float tclip, penalty, beta1, weight_decay;
    uint64_t warmup;              /* steps */
} ex_options;

/* What a program is: texts for --help, defaults, and which taps are probed. */
typedef struct ex_program {
    const char *name, *summary;
    const char *units_help;       /* what --units means here; NULL = there is no such option */
    const char *example;          /* arguments of an example line */
    const char *taps;             /* whose features are probed, with commas between */
    const char *code;             /* the tap whose features the picture compares */
    ex_options defaults;
} ex_program;

/* One probe's accuracies on test, in [0, 1]. */
typedef struct ex_accuracy {
    double knn, ridge;
} ex_accuracy;

/* The probes of all taps at one moment. */
typedef struct ex_evaluation {
    bool valid;
    ex_accuracy tap[EX_MAX_TAPS];
    double classifier[EX_MAX_CLASSIFIERS]; /* accuracies of the model's own classifiers */
} ex_evaluation;

/* Samples at even distances of a training set that is sorted by class; nothing where it is not. */
typedef struct ex_spread {
    dim_context *ctx;             /* of `all` */
    dim_dataset *all;             /* the training set once more */
    int64_t total, count;         /* its samples; those that are taken */
} ex_spread;

typedef struct ex_run ex_run;

/* What --out asks for: writes a picture into that folder and says so.  A drawing returns false, and says why in `why`,
 * when there is none. */
typedef bool ex_drawing(ex_run *run, dim_encoder *encoder, const char *path, const char **why);

struct ex_run {
    const ex_program *program;
    ex_options o;
    const char *taps[EX_MAX_TAPS]; /* probed; NULL ends the list */
    char tap_names[256];
    dim_context *ctx;
    dim_dataset *train, *test;
    dim_dataset *probed;          /* the probes' training images: train, some of it, or clean views */
    ex_spread spread;
    int64_t shape[3];             /* of an image of probed and test: channels, height, width */
    dim_augment *augment;         /* makes o.views views of each training image; NULL = the images themselves */
    const char *classifiers[EX_MAX_CLASSIFIERS]; /* that the model has; NULL ends the list */
    dim_tensor *train_labels, *test_labels; /* of the probed images */
    FILE *log;
    double train_s;               /* seconds spent in training steps, data included */
    double wait_s;                /* of these, seconds until the loader had the batch */
    bool checkpoint_failed;       /* the last one could not be written */
    double last_report;           /* when progress was shown last */
    ex_evaluation pixels, first, last; /* of raw pixels (--table), before and after training */
    ex_drawing *drawing;          /* what ex_train() draws before the first step; NULL = nothing */
    const char *drawing_name;

    /* of the step that --resume goes on after */
    bool evaluated;               /* the log has the probes' accuracies of it */
    char *row;                    /* else its line of the log, without the probes' columns; NULL = there is none */
    long row_at;                  /* where that is in the log */
    double *reports;              /* what the model reported then; NULL = not known */
};

/* ---- common.c */

/* Reads the command line (which may end the program), makes the context, opens the data. */
void ex_start(ex_run *run, const ex_program *program, int argc, char **argv);

/* The DIM paper's convolutional encoder for the data's image size: taps local, conv, fc, global. */
dim_encoder *ex_conv_encoder(ex_run *run);

/* Adds the prior that --prior names, if any. */
void ex_add_prior(ex_run *run, dim_model *model);

/* Training gets --views random views of each image by a preset, in [0, 1]: normalisation is left to the encoder, which
 * also does it for the whole images that are probed.  These get the preset `clean` first when resize is true. */
void ex_use_views(ex_run *run, dim_augment_preset preset, dim_augment_preset clean, bool resize);

/* Trains by the options, with probes, reports, and what --out asks for.  Returns the program's exit code. */
int ex_train(ex_run *run, dim_encoder *encoder, dim_model *model);

void ex_finish(ex_run *run);

/* Ends the program with exit code 1 and the context's error unless a call succeeded. */
#define EX_TRY(run, call) ex_check(run, call, #call)
void ex_check(const ex_run *run, dim_status status, const char *what);

void ex_draw(ex_run *run, dim_encoder *encoder, ex_drawing *drawing, const char *name);

double ex_seconds(void); /* a monotonic clock */

/* ---- args.c */

void ex_parse(const ex_program *program, int argc, char **argv, ex_options *o);

/* One line on stderr and exit code 2: for what the caller of the program has to put right. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3), noreturn))
#endif
void ex_usage_error(const ex_program *program, const char *format, ...);

/* ---- report.c */

void ex_log_open(ex_run *run, const dim_model *model, bool resumed); /* resumed: with the lines that there are */
void ex_log_step(ex_run *run, const dim_model *model, uint64_t step, uint64_t epoch, const ex_evaluation *e);
/* The evaluation that a stopped run did not come to, after --resume. */
void ex_log_evaluation(ex_run *run, const dim_model *model, uint64_t step, uint64_t epoch, const ex_evaluation *e);
int ex_log_probes(const ex_run *run); /* the number of columns of probes and classifiers, which are the last ones */
void ex_report_evaluation(ex_run *run, const dim_model *model, uint64_t step, const ex_evaluation *e);
void ex_report_progress(ex_run *run, const dim_model *model, uint64_t step, bool last);
void ex_report_note(ex_run *run, const char *text); /* what takes a while now; NULL when it is over */
void ex_report_table(const ex_run *run, const dim_encoder *encoder); /* what --table asks for */

bool ex_report_close(ex_run *run); /* false, after saying so, when a line of stdout or log.csv was not written */

/* ---- resume.c */

bool ex_checkpoint_save(ex_run *run, dim_model *model, const dim_loader *loader); /* false, and says why */
/* False when there is none.  One that does not fit ends the program. */
bool ex_checkpoint_load(ex_run *run, dim_model *model, dim_loader *loader);
/* Copies the lines of the log that there is up to the model's step; the times go on from the last one's. */
void ex_log_continue(ex_run *run, FILE *log, const char *header, const dim_model *model);

/* ---- spread.c */

void ex_spread_open(ex_run *run); /* makes --probe-train samples of a sorted training set run->probed */
int64_t ex_spread_at(const ex_spread *s, int64_t i); /* which sample of train the i-th of run->probed is */
void ex_spread_close(ex_spread *s);

/* ---- picture.c */

ex_drawing ex_picture; /* query images and their 9 nearest test images */

#endif
