/* The table of options, which feeds the parser and --help. */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include "common.h"

#include <stddef.h>

typedef enum ex_option_kind { EX_HEADING, EX_TEXT, EX_FILE, EX_SWITCH, EX_U32, EX_U64, EX_REAL, EX_NAME } ex_option_kind;

/* What a program needs in order to have an option; 0: each program has it. */
enum {
    EX_FILES = 1,   /* its --data names files of images */
    EX_SIGNALS = 2, /* or signals, as its data_help says */
    EX_MODEL = 4,   /* it trains a dim_model, not a dim_objective */
    EX_UNITS = 8,   /* it has a units_help */
    EX_AMDIM = 16,  /* it makes views of images */
    EX_CONTRAST = 32, /* it maximises information, by pairs of samples */
    EX_GENERATIVE = 64, /* or has nothing but a prior */
    EX_INFOGAN = 128,  /* its adversaries have presets, codes, and a learning rate each */
    EX_ONE_RATE = 256, /* or all is trained with one */
    EX_DIM = 512,      /* its objective is DIM's */
    EX_TWO_VIEWS = 1024, /* it compares two views of each image */
    EX_CONV = 2048,    /* its encoder is one of several of the paper */
    EX_CLASSES = 4096  /* its encoder can learn from labels, too */
};

typedef struct ex_option {
    const char *name, *value;          /* "--steps", "N" */
    ex_option_kind kind;
    size_t offset;                     /* of the field in ex_options */
    double least, most;                /* numbers: what is allowed; most 0 = what the field can hold */
    const char *help;                  /* NULL = the program's own text (--data of signals, --units) */
    const char *unset;                 /* what holds when it is not given; NULL = the program says */
    const char *(*choice)(int number); /* name: those there are, from 0 on, NULL after the last */
    int first;                         /* name: the field's value for the first of them */
    unsigned needs;                    /* EX_... */
} ex_option;

#define EX_FIELD(f) offsetof(ex_options, f)

/* The options and headings of a program in the order of --help: the first one after `last`, which is NULL at the start;
 * NULL after the last. */
const ex_option *ex_option_next(const ex_program *p, const ex_option *last);

#endif
