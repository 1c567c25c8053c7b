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
#define EX_MAX_MEASURES 8
#define EX_MAX_PATH 4200
#define EX_LIST 256 /* bytes of a list of names */
#define EX_LEAST_PROBED 20 /* labelled images of the probes */
#define EX_PRIOR_NONE (-1)
#define EX_UNSET (-1) /* of a number */
#define EX_NEW_LOG "log.csv.new" /* the log, until it takes the place of another one */

enum { EX_LOSS_INFORMATION, EX_LOSS_VICREG, EX_LOSS_BARLOW_TWINS }; /* names in options.c */
enum { EX_EMBED_AUTO, EX_EMBED_TEST, EX_EMBED_TRAIN }; /* test images, where there are some */

/* The command line; options.c has what --help says of each. */
typedef struct ex_options {
    const char *data;             /* kind:DIR or kind:FILE, as dim_dataset_open() takes it */
    uint64_t steps, epochs;       /* 0 = not given; ex_train() turns epochs into steps */
    uint64_t eval_every;          /* steps; 0 = only before and after training */
    uint64_t checkpoint_every;    /* steps; 0 = only at the end */
    uint64_t seed;
    uint32_t batch, threads, units;
    uint32_t image_size;          /* of folders of images, 0 = as they are; of csv, 0 = vectors */
    uint64_t image_memory;        /* bytes for each; 0 = libdim's default */
    const char *label_column;     /* of csv; NULL = the one that is called so */
    uint32_t probe_train;         /* labelled training images of the probes; 0 = no probes */
    float lr, prior_weight;
    int estimator, critic, prior; /* dim_estimator_kind, dim_critic, dim_prior_kind or EX_PRIOR_NONE */
    int shortcut;                 /* dim_shortcut */
    int precision;                /* dim_precision */
    int encoder;                  /* of ex_conv_encoder(): 0 = by the size of the images, else 1 + a line of its table */
    uint32_t labels;              /* training images that keep their labels; 0 = all */
    float classify_weight;        /* of what labels teach the encoder, beside the objective; 0 = nothing */
    const char *classify_tap;     /* NULL = "conv", where there is one, else the program's code */
    const char *taps;             /* names with commas between; NULL = the program's */
    const char *probes;           /* likewise; NULL = knn,ridge */
    const char *init;             /* file of weights to start from; NULL = random ones */
    const char *out;              /* folder for weights, log, checkpoint and pictures; NULL = nothing is written */
    const char *tensorboard;      /* folder for event files; NULL = none */
    const char *embed;            /* .npy file for features; NULL = none */
    const char *embed_tap;        /* NULL = the program's code */
    int embed_split;              /* EX_EMBED_... */
    bool finetune;                /* labels alone teach the encoder */
    bool json, table, resume, overwrite, skip_broken, unlabelled, with_unlabelled, keep_orientation;

    /* of dim-eval */
    const char *weights, *log, *only; /* NULL: not given */
    uint32_t runs, measure_steps;

    /* of amdim */
    uint32_t ndf, rkhs, depth, mixture, views;
    float tclip, penalty, beta1, weight_decay;
    uint64_t warmup;              /* steps */

    /* of local_dim and global_dim */
    int dim_preset;               /* of dim_terms.c; 0 = none */
    float alpha, beta, pairs;     /* weights of global, local, local-local information; 0 = none */
    float act_penalty, gradient_penalty, class_pairs;
    int coordinates, repeat;      /* EX_COORDINATES_..., dim_repeat */
    uint32_t occlude, local_samples, global_samples, classes;
    const char *globals;          /* tap; NULL = the code */

    /* of two_views */
    int loss;                     /* EX_LOSS_... */
    float invariance, variance, covariance, redundancy; /* weights in it */

    /* of infogan; EX_UNSET where the preset decides, and NULL of `categorical` */
    int preset, std;              /* of infogan_presets, and 1 = learned */
    const char *categorical;      /* numbers with commas between */
    uint32_t continuous, noise;
    float lambda, lambda_cont, lr_d, lr_g, leak;
    uint64_t every;               /* steps */
    const char *generate, *codes, *infer; /* .npy files; NULL = none */
    bool gan;
} ex_options;

/* What a program is: texts for --help, defaults, and which taps are probed. */
typedef struct ex_program {
    const char *name, *summary;
    const char *units_help;       /* what --units means here; NULL = there is no such option */
    const char *data_help;        /* of --data, whose signals the program opens itself; NULL = it names files of images */
    const char *example;          /* arguments of an example line */
    const char *taps;             /* whose features are probed, with commas between */
    const char *code;             /* the tap whose features the picture compares and --embed writes */
    bool objective;               /* it trains a dim_objective, by objective.h: it measures something else than probes */
    bool generative;              /* which has a prior, and maximises no information */
    bool evaluates;               /* it trains nothing, and is installed, with a man page */
    bool dim;                     /* its objective is DIM's, by dim_terms.h */
    void (*preset)(ex_options *o); /* of options that say what others are where they are not given; NULL = there are none */
    bool infogan;                 /* or has adversaries, and infogan's options */
    bool conv;                    /* its encoder is ex_conv_encoder()'s */
    bool classes;                 /* it calls ex_add_classes() */
    bool two_views;               /* or compares two views, and has two_views' options */
    void (*check)(ex_options *o); /* puts in what follows from options, and ends the program where they do not fit; NULL = nothing */
    ex_options defaults;          /* views: 0 = no views of images are made, and amdim's options are not there */
} ex_program;

/* A probe, by its name in --probes and in files, and its title. */
typedef struct ex_probe {
    const char *name, *title;
    dim_probe_kind kind;
} ex_probe;
#define EX_PROBES 5
extern const ex_probe ex_probes[EX_PROBES];

/* Accuracies on test of the run's probes, in [0, 1]. */
typedef struct ex_accuracy {
    double of[EX_PROBES];
} ex_accuracy;

/* The probes of all taps at one moment. */
typedef struct ex_evaluation {
    bool valid;
    ex_accuracy tap[EX_MAX_TAPS];
    double classifier[EX_MAX_CLASSIFIERS]; /* accuracies of the model's own classifiers */
    double measure[EX_MAX_MEASURES]; /* of a program on an objective, in place of all these */
} ex_evaluation;

/* Some samples of a dataset: `count` at even distances of its first `total`. */
typedef struct ex_samples {
    dim_dataset *data;            /* NULL = there are none */
    int64_t total, count;
    const dim_augment *clean;     /* what images go through when they are read; NULL = they stay as they are */
} ex_samples;

typedef struct ex_run ex_run;
typedef struct ex_task ex_task; /* objective.h */

/* What --out asks for: writes a picture into that folder and says so.  A drawing returns false, and says why in `why`,
 * when there is none. */
typedef bool ex_drawing(ex_run *run, dim_encoder *encoder, const char *path, const char **why);

struct ex_run {
    const ex_program *program;
    ex_options o;
    const char *taps[EX_MAX_TAPS]; /* probed; NULL ends the list */
    char tap_names[EX_LIST];
    const ex_probe *probes[EX_PROBES + 1]; /* NULL ends the list */
    dim_context *ctx;
    dim_dataset *train;           /* what is trained on */
    dim_dataset *labelled;        /* the training images that have labels: train, but for --unlabelled and --labels; NULL = no probes */
    dim_dataset *test;            /* NULL = there is none */
    ex_samples probed, tested;    /* what the probes learn from and are measured on: none without probes, or of test */
    int64_t skipped;              /* broken files of datasets that are gone */
    int64_t shape[3];             /* of an image of probed and tested: channels, height, width */
    dim_augment *augment;         /* makes o.views views of each training image; NULL = the images themselves */
    dim_augment *clean;           /* makes an image of `shape` out of a training image; NULL = it is one */
    const char *const *class_names; /* of samples that the program makes itself; NULL = the dataset knows them */
    const char *classifiers[EX_MAX_CLASSIFIERS]; /* that the model has; NULL ends the list */
    bool supervised;              /* the first of them is ex_add_classes()'s */
    dim_tensor *train_labels, *test_labels; /* of probed and tested */
    FILE *log;
    FILE *events;                 /* of --tensorboard; NULL = none */
    bool events_failed;           /* something was not written */
    double train_s;               /* seconds spent in training steps, data included */
    double wait_s;                /* of these, seconds until the loader had the batch */
    int lock;                     /* of the folder; -1 = none */
    bool replaces;                /* a run is in the folder, until this one is saved first */
    bool draw_late;               /* `drawing` waits for that */
    bool begun;                   /* files of the run are written from now on */
    bool ended;                   /* training is over: nothing more is left to cut short */
    bool has_checkpoint;          /* of step checkpoint_at */
    uint64_t checkpoint_at;
    double last_report;           /* when progress was shown last */
    ex_evaluation pixels, first, last; /* of raw pixels (--table), before and after training */
    dim_encoder *encoder;         /* what is trained, from ex_train() on: a model on an encoder */
    dim_model *model;
    ex_task *task;                /* or, from ex_train_objective() on, an objective */
    ex_drawing *drawing;          /* what ex_train() draws before the first step; NULL = nothing */
    const char *drawing_name;

    double *reports;              /* of the last step; NULL = not known */

    /* of the last line of the log */
    long row_at;                  /* where it is */
    /* and, while that is of the step that --resume goes on after: */
    bool evaluated;               /* it has the probes' accuracies */
    char *row;                    /* else the line without the probes' columns; NULL = there is none */
};

/* ---- common.c */

/* Reads the command line (which may end the program), makes the context, opens the data. */
void ex_start(ex_run *run, const ex_program *program, int argc, char **argv);

/* The DIM paper's encoder that --encoder names, or the convolutional one for the data's image size: taps local, conv, fc, global. */
dim_encoder *ex_conv_encoder(ex_run *run);
const char *ex_encoder_name(int i); /* ex_options.encoder */

/* Adds a layer to an encoder of the program's own; its size need not be set. */
void ex_add_layer(ex_run *run, dim_encoder_builder *b, dim_layer_options layer);

/* Adds the prior that --prior names, if any. */
void ex_add_prior(ex_run *run, dim_model *model);

/* Trains by the options, with probes, reports, and what --out asks for.  Returns the program's exit code. */
int ex_train(ex_run *run, dim_encoder *encoder, dim_model *model);

void ex_finish(ex_run *run);

/* Ends the program with exit code 1 and the context's error unless a call succeeded. */
#define EX_TRY(run, call) ex_check(run, call, #call)
void ex_check(ex_run *run, dim_status status, const char *what);

void ex_draw(ex_run *run, dim_encoder *encoder, ex_drawing *drawing, const char *name);

bool ex_stopped(const ex_run *run); /* Ctrl-C or its like asked to end the training */

bool ex_nothing_left(const ex_run *run); /* of a run that goes on: neither steps nor probes */

double ex_seconds(void); /* a monotonic clock */

/* ---- args.c */

void ex_parse(const ex_program *program, int argc, char **argv, ex_options *o);

/* One line on stderr and exit code 2: for what the caller of the program has to put right. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3), noreturn))
#endif
void ex_usage_error(const ex_program *program, const char *format, ...);

/* ---- data.c */

void ex_data_open(ex_run *run);
/* What ex_data_open() does last, for a program that sets run->train and run->test itself: sizes, and what is probed. */
void ex_data_use(ex_run *run);
bool ex_data_has_files(const ex_run *run); /* an image is a file */
bool ex_data_resizes(const ex_run *run); /* --image-size is for it */
const char *ex_noun(const ex_run *run); /* "images" or "signals" */
const char *ex_class_name(const ex_run *run, const dim_dataset *data, int64_t label); /* NULL = it has none */
const char *ex_data_advice(const ex_run *run, dim_status status); /* what helps against it; "" = nothing is known */
int64_t ex_skipped(const ex_run *run); /* broken files so far, of --skip-broken */

/* The images of all of a dataset, or of at most so many of them. */
ex_samples ex_samples_of(dim_dataset *data, int64_t most);

dim_tensor *ex_tested_images(ex_run *run, int64_t most); /* at most so many test images, at even distances */

/* Samples first .. first + count - 1, as dim_dataset_read() does it; images of s->clean's shape, if that is given. */
void ex_samples_read(ex_run *run, const ex_samples *s, int64_t first, int64_t count, dim_tensor *images,
                     dim_tensor *labels);
dim_tensor *ex_samples_labels(ex_run *run, const ex_samples *s);

/* (count, d) features of samples at a tap, a map flattened in (C, H, W) order.  It shows progress: `doing` what.  NULL when
 * training is to end. */
dim_tensor *ex_features(ex_run *run, dim_encoder *encoder, const char *tap, const ex_samples *s, const char *doing);

/* ---- labels.c: --labels, --classify-weight, --finetune */

/* --labels: all training images, most without a label, or with --finetune those that have one, become run->train; those that
 * have one are run->labelled, too. */
void ex_hide_labels(ex_run *run);

/* Adds what labels teach the encoder, if options ask for it: a network on a map or vector, whose gradient reaches the encoder. */
void ex_add_classes(ex_run *run, dim_encoder *encoder, dim_model *model);
void ex_classify(ex_run *run, dim_tensor *images, dim_tensor *logits); /* of that network */

/* ---- views.c */

/* Training gets --views random views of each image by a preset, in [0, 1]: normalisation is left to the encoder, which
 * also does it for the whole images that are probed.  These get the preset `clean` first when resize is true. */
void ex_use_views(ex_run *run, dim_augment_preset preset, dim_augment_preset clean, bool resize);

/* ---- probes.c */

/* How well classes can be told from each tap's features, the encoder frozen.  Not valid without probes or after Ctrl-C. */
ex_evaluation ex_evaluate(ex_run *run);
ex_evaluation ex_evaluate_pixels(ex_run *run); /* where --table asks for it */

/* ---- report.c */

void ex_log_open(ex_run *run, bool resumed); /* resumed: with the lines that there are */
void ex_log_step(ex_run *run, uint64_t step, uint64_t epoch, const ex_evaluation *e);
/* Puts an evaluation into the last line, which lacks it. */
void ex_log_evaluation(ex_run *run, uint64_t step, uint64_t epoch, const ex_evaluation *e);
int ex_log_probes(const ex_run *run); /* the number of columns of probes and classifiers, which are the last ones */
void ex_report_evaluation(ex_run *run, uint64_t step, const ex_evaluation *e);
/* Keeps what was reported of the step that has been made: evaluations may change it. */
void ex_report_take(ex_run *run);
void ex_report_progress(ex_run *run, uint64_t step, bool last);

/* What takes a while now: on a terminal a line that is rewritten, elsewhere a line now and then. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void ex_report_note(ex_run *run, const char *format, ...);
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
void ex_report_count(ex_run *run, const char *format, ...); /* the same, but for what is said often */
void ex_report_clear(void); /* takes the line away again */
void ex_report_table(const ex_run *run, const dim_encoder *encoder); /* what --table asks for */

void ex_print_number(double value); /* as JSON has it, into standard output */

bool ex_report_close(ex_run *run); /* false, after saying so, when a line of stdout or log.csv was not written */

/* ---- folder.c: --out */

/* Makes the folder, unless there is a run in it that must not be lost, or none that --resume could go on with. */
void ex_folder_open(ex_run *run);
bool ex_folder_resumes(const ex_run *run); /* --resume, and there is a checkpoint */
bool ex_folder_has_run(const ex_run *run);
/* After a save of a run that replaces another: removes what is the other's, which is all but the file that was saved. */
void ex_folder_replace(ex_run *run, const char *saved);
void ex_folder_restore(ex_run *run);       /* of a run that ends without a save: leaves the other as it was */
const char *ex_folder_file(const ex_run *run, const char *name, char path[EX_MAX_PATH]);

/* Makes a folder, named by an option, and those above it, or ends the program. */
void ex_folder_make(const ex_program *program, const char *option, const char *path);

/* ---- tensorboard.c */

void ex_tensorboard_open(ex_run *run); /* ends the program where nothing can be written */
void ex_tensorboard_step(ex_run *run, uint64_t step); /* what was reported of it */
void ex_tensorboard_evaluation(ex_run *run, uint64_t step, const ex_evaluation *e);
bool ex_tensorboard_close(ex_run *run); /* false, after saying so, when something was not written */

/* ---- resume.c */

bool ex_checkpoint_save(ex_run *run, const dim_loader *loader); /* false, and says why */
void ex_checkpoint_load(ex_run *run, dim_loader *loader); /* one that does not fit ends the program */
/* What there was of a log, when it goes on. */
typedef struct ex_old_log {
    unsigned long long last;      /* its last step, or that of the checkpoint */
    bool broken, other;           /* its first line is not one of a log; is one with other columns of probes */
} ex_old_log;

/* Copies the lines of the log that there is up to the model's step; the times go on from the last one's. */
ex_old_log ex_log_continue(ex_run *run, FILE *log, const char *header);

/* ---- embed.c: arrays for NumPy, FILE.npy, and beside it FILE.<what>.npy */

/* Ends the program where the option's FILE.npy, or that beside it unless `what` is NULL, cannot be written or is read. */
void ex_npy_check(const ex_program *program, const ex_options *o, const char *option, const char *path, const char *what);
/* Ends the program where `path` is the same file as the `other` one, which is `what`. */
void ex_npy_distinct(const ex_program *program, const char *option, const char *path, const char *other, const char *what);
const char *ex_npy_beside(const char *path, const char *what, char beside[EX_MAX_PATH]);
bool ex_npy_save(const ex_run *run, const char *option, const dim_tensor *t, const char *what, const char *path); /* false, and says why */

void ex_embed_check(ex_run *run, const dim_encoder *encoder); /* ends the program where --embed cannot work */
bool ex_embed(ex_run *run, dim_encoder *encoder); /* what --embed asks for; false, and says why */

/* ---- grid.c */

/* Rows of `columns` images (N, C, H, W) in f32, -1 black and 1 white; a gap between the n parts, which are of one shape but
 * for N, a multiple of columns. */
bool ex_draw_grid(const dim_tensor *const *parts, int n, int64_t columns, const char *caption, const char *path,
                  const char **why);

/* ---- picture.c */

ex_drawing ex_picture;           /* query images and the 9 nearest to each, by cosine */
ex_drawing ex_picture_euclidean; /* the same by Euclidean distance */

#endif
