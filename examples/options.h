/* The table of options, which feeds the parser and --help. */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H

#include "common.h"

#include <stddef.h>

typedef enum ex_option_kind { EX_HEADING, EX_TEXT, EX_FILE, EX_SWITCH, EX_U32, EX_U64, EX_REAL, EX_NAME } ex_option_kind;

typedef struct ex_option {
    const char *name, *value;          /* "--steps", "N"; of a heading its text */
    ex_option_kind kind;
    size_t offset;                     /* of the field in ex_options */
    double least, most;                /* numbers: what is allowed; most 0 = what the field can hold */
    const char *help;                  /* NULL = the program's own text (--units) */
    const char *unset;                 /* text, file: what holds when it is not given; NULL = the program says */
    const char *(*choice)(int number); /* name: those there are, from 0 on, NULL after the last */
    int first;                         /* name: the field's value for the first of them */
} ex_option;

#define EX_FIELD(f) offsetof(ex_options, f)

/* The options of a program in the order of --help; NULL after the last. */
const ex_option *ex_option_at(const ex_program *p, int i);

#endif
