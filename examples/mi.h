/* dim-mi, the program: what its parts share.
 *
 *     mi_options.c         the command line, --help, the man page
 *     mi_read.c, mi_table.c, mi_select.c   files, and tables of text
 *     mi_data.c            files to x, y, z, weights and groups
 *     mutual_information.c what is measured, and the program's end
 *     mi_files.c           files to write
 *     mi_text.c            what it prints; mi_json.c, mi_plot.c, mi_html.c: the same as JSON, picture, page */
#ifndef EXAMPLES_MI_H
#define EXAMPLES_MI_H

#define DIM_EXPERIMENTAL
#include "mi_table.h"
#include "words.h"
#include <dim/dim.h>
#include <dim/information.h>

#include <stdio.h>

enum { MI_ANSWER = 0, MI_USAGE = 1, MI_DATA = 2, MI_NOTHING = 3, MI_BOUND = 4 }; /* exit codes */
enum { MI_X, MI_Y, MI_Z, MI_SIDES };

typedef struct mi_options {
    const char *file[3];
    int files;
    const char *x, *y, *given, *weights, *group, *unordered, *continuous; /* lists of columns; NULL = not given */
    int header;                  /* mi_header */
    int method;                  /* dim_information_method */
    uint64_t neighbors, permutations, seed, threads, block;
    double confidence, seconds;  /* 0 = not given */
    const char *lag;             /* A or A:B; NULL = not given */
    int64_t lag_from, lag_to;
    bool bits, series, iid, drop, matrix, quiet, strict, help, man, version;
    const char *missing;
    const char *json, *pointwise, *plot, *report; /* files; NULL = none */
} mi_options;

/* A side, or weights, or groups: a tensor (rows, columns). */
typedef struct mi_side {
    dim_tensor *t;
    int64_t columns;
    uint8_t *kinds;
    char **names;
} mi_side;

typedef struct mi_data {
    int64_t rows;
    mi_side side[MI_SIDES];
    dim_tensor *weights, *groups;
    mi_column *reading;          /* columns that are being made to tensors, else NULL */
    bool square;                 /* --matrix of columns with each other: y is x */
    char *notes;                 /* lines */
} mi_data;

/* One measurement with a lag. */
typedef struct mi_lag {
    int64_t lag;
    dim_information_result r;
    double null;                 /* that 95 % of the permutations are below; NaN = there are none */
} mi_lag;

typedef struct mi_run {
    mi_options o;
    dim_context *ctx;
    mi_data data;
    dim_information *info;       /* of one measurement, or of the best lag; NULL with --matrix */
    dim_information_result r;
    mi_lag *lags;                /* NULL = one measurement */
    int64_t n_lags;
    double *value, *low, *high, *p; /* (columns of x, columns of y) of --matrix */
    double started, shown;       /* seconds */
    double done, share;          /* of the work: before this call, and in it */
    bool terminal;               /* standard error is one */
    bool standard;               /* there is a standard output */
} mi_run;

/* ---- mutual_information.c */

/* Measures column i of x with column j of y; the caller's. */
dim_information *mi_measure_pair(const mi_run *run, int64_t i, int64_t j);

#if defined(__GNUC__)
__attribute__((format(printf, 2, 3), noreturn))
#endif
void mi_end(int code, const char *format, ...);
/* Ends the program unless a call succeeded. */
void mi_try(const mi_run *run, dim_status status);
void *mi_alloc(size_t count, size_t size); /* zeros, or the end */

/* ---- mi_files.c */

/* Ends the program when a file to write is one to read, or is written twice. */
void mi_files_check(const mi_options *o);
/* Writes a file.  False, and a message: an old one is as it was. */
bool mi_save(const char *path, const void *bytes, size_t size);
/* What is printed, in memory: malloc()'s. */
char *mi_text(const mi_run *run, void (*print)(const mi_run *run, FILE *to), size_t *size);
bool mi_write(const mi_run *run, const char *path, void (*print)(const mi_run *run, FILE *to));
/* The same to standard output. */
bool mi_tell(const mi_run *run, void (*print)(const mi_run *run, FILE *to));

/* ---- mi_options.c */

void mi_parse(mi_run *run, int argc, char **argv);

/* ---- mi_data.c */

void mi_data_read(mi_run *run);
void mi_data_free(mi_data *data);

/* ---- mi_text.c */

double mi_scale(const mi_run *run);      /* of nats to what is printed */
const char *mi_unit(const mi_run *run);
const char *mi_what(const mi_run *run);  /* "I(X;Y)" */
/* A name without control characters, at most `room` - 1 bytes with "..." where it is longer. */
const char *mi_name(const char *name, char *buffer, size_t room);
void mi_print(const mi_run *run, FILE *to);
/* A text of the library's as the program says it: options by their names here, columns by name alone (the library counts them from 0
 * within a side). */
enum { MI_TEXT_ROOM = 1024 };
const char *mi_plain(const char *text, char buffer[MI_TEXT_ROOM]);
/* Note i of a measurement so; "" beyond the last one. */
const char *mi_note(const dim_information *info, int64_t i, char buffer[MI_TEXT_ROOM]);
/* Pairs of --matrix by value: numbers i * columns of y + j, NaN last.  malloc()'s. */
int64_t *mi_sorted_pairs(const mi_run *run, int64_t *count);

/* ---- mi_json.c, mi_plot.c, mi_html.c */

void mi_json(const mi_run *run, FILE *to);
/* False, and a message: it was not written. */
bool mi_pointwise(const mi_run *run, const char *path);
bool mi_plot(const mi_run *run, const char *path);
/* The picture as a PNG in memory, malloc()'s; NULL: `why`. */
uint8_t *mi_plot_bytes(const mi_run *run, size_t *size, const char **why);
void mi_html(const mi_run *run, FILE *to);

/* ---- mi_scores.c */

/* (n) normal scores of values; NaN where they are not finite. */
void mi_scores(const double *values, int64_t n, double *out);

#endif
