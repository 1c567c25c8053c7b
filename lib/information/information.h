/* Mutual information of columns: what a measurement is inside.
 *
 *     read.c     tensors -> rows that count, columns with codes and kinds
 *     copies.c   rows that repeat others -> rows that count once, or columns that are counted
 *     scores.c   codes -> normal scores, on which all methods but the counts work
 *     methods.def, knn.c, gauss.c, discrete.c, critic.c   one method each: a dim__mi_answer
 *     choose.c   which of them are asked, and which one is believed
 *     pairs.c    all pairs of columns: a measurement each */
#ifndef DIM_INFORMATION_INFORMATION_H
#define DIM_INFORMATION_INFORMATION_H

#include "tensor/tensor.h"
#ifndef DIM_EXPERIMENTAL
#define DIM_EXPERIMENTAL
#endif
#include <dim/information.h>

/* Streams of random numbers, each with a seed of its own or of a fold; no two are the same. */
enum {
    DIM__MI_STREAM_SUBSAMPLE = 0x6d690001,
    DIM__MI_STREAM_DITHER = 0x6d690100,
    DIM__MI_STREAM_PARTS = 0x6d690200,
    DIM__MI_STREAM_ORDER = 0x6d690300,
    DIM__MI_STREAM_CURVE = 0x6d690400,
    DIM__MI_STREAM_BATCH = 0x6d690500,
    DIM__MI_STREAM_FOLD = 0x6d690600,
    DIM__MI_STREAM_HALF = 0x6d690700,
    DIM__MI_STREAM_NARROW = 0x6d690800,
    DIM__MI_STREAM_COMPONENTS = 0x6d690900,
    DIM__MI_STREAM_COMPONENTS_ROWS = 0x6d690a00,
    DIM__MI_STREAM_WEIGHTS = 0x6d690b00,
    DIM__MI_STREAM_FOLD_ORDER = 0x6d690c00,
    DIM__MI_STREAM_DRAW = 0x6d690d00,
    DIM__MI_STREAM_SINGLES = 0x6d690e00,
    DIM__MI_STREAM_MARGINS = 0x6d690f00
};

enum {
    DIM__MI_LEAST_ROWS = 30,
    DIM__MI_FEW_GROUPS = 10, /* by whose differences no error is told well */
    DIM__MI_NAME = 48,       /* of a column, with its end */
    DIM__MI_LEFT_OUT = 160,
    DIM__MI_REASONS = 480,
    DIM__MI_SIDES = 3,
    DIM__MI_CURVE = 4,
    DIM__MI_LAGS = 400
};

/* What lies so many elements behind p, which may be NULL. */
#define DIM__BEHIND(p, count) ((p) != NULL ? (p) + (count) : NULL)

typedef struct dim__mi_memory {  /* of a column */
    double first;                /* |correlation| at lag 1 */
    int64_t lag;                 /* the first at which it has forgotten */
    double r[DIM__MI_LAGS];      /* correlations at the lags of a list, until then */
} dim__mi_memory;

typedef struct dim__mi_ready {   /* what many measurements of one column with the same rows share: pairs.c */
    dim__mi_memory memory;
    uint32_t dithers;
    float *scores;               /* (dithers, n) */
} dim__mi_ready;

typedef struct dim__mi_column {
    int64_t number;              /* in the caller's tensor */
    char name[DIM__MI_NAME];     /* "" = has none */
    dim_information_kind kind;   /* never AUTO */
    bool found;                  /* the kind was not given */
    bool whole;                  /* all values are whole numbers */
    int64_t distinct;
    double *value;               /* (n) */
    int32_t *code;               /* (n): how many different values are below this one */
    const dim__mi_ready *ready;  /* NULL, or somebody else's */
} dim__mi_column;

typedef struct dim__mi_coordinates { /* of a row, from the caller's columns: matrix (number - center), or as they are */
    int64_t given, d;            /* columns that there were, and that are left */
    int64_t *number;             /* (d) */
    double *center, *matrix;     /* (d), (d, d); NULL = axes */
} dim__mi_coordinates;

typedef struct dim__mi_side {
    char letter;                 /* 'x', 'y' or 'z' */
    int64_t d, given;            /* columns that are left, and that there were */
    dim__mi_column *columns;     /* (given), of which d are in use */
    uint8_t *kinds;              /* (given): CONSTANT, or AUTO; NULL in parts of a measurement */
    bool discrete;               /* all of them are DISCRETE or UNORDERED */
    bool symbols;                /* all of them are UNORDERED, or the side is taken as one symbol a row */
    double *center, *matrix;     /* as of coordinates, where columns are components; else NULL */
} dim__mi_side;

typedef struct dim__mi_answer {  /* what one method says */
    dim_information_result r;
    double *pointwise;           /* (n) */
    const char *remark;          /* for the report: why it is not believed; NULL = nothing speaks against it */
    char reasons[DIM__MI_REASONS]; /* why no method could take these columns; "" = one could */
    char left_out[DIM__MI_LEFT_OUT]; /* columns that this method had no use for, for texts */
    bool components;             /* of a side, instead of its columns */
    bool narrow;                 /* critics saw canonical pairs alone */
    uint32_t cut;                /* warnings: what ended critics' training too early; 0 = nothing */
    struct dim__mi_fitted *fitted; /* critics for dim_information_gradient(), or NULL */
    double *null;                /* (r.permutations), of a method whose permutations are part of its run; else NULL */
    int64_t n_curve;
    double curve[DIM__MI_CURVE][4]; /* rows, value, low, high */
} dim__mi_answer;

typedef struct dim__mi {         /* what is measured */
    dim_context *ctx;
    dim_information_options o;   /* read and filled in */
    bool free_neighbors;         /* their number was not given */
    int64_t given;               /* rows of the caller's x */
    int64_t n;                   /* rows that are used */
    int32_t *rows;               /* (n): their numbers in x */
    dim__mi_side side[DIM__MI_SIDES];
    double *weights;             /* (n), mean 1, or NULL */
    int32_t *groups;             /* (n), numbered from 0, or NULL; rows of a group follow each other */
    int64_t n_groups;
    bool series;
    int64_t block;               /* of a series: rows */
    int64_t theiler;             /* of a series: rows so close are not neighbours; of groups 0, or, if those of one are none, above */
    double share, least_share;   /* of a series, of groups: as how many rows a row counts; for the columns that depend most on others */
    int sorted_side;
    int64_t sorted;              /* 1 + number of the column of that side that the rows are sorted by; 0 = they are not */
    int64_t dropped, duplicates;
    uint32_t warnings;           /* of reading; each method adds its own */
    char left_out[DIM__MI_LEFT_OUT]; /* columns that are constant or repeat others, for texts */
    bool pairwise;               /* two columns of many: no critics */
    bool value_only;             /* nobody reads more than raw and the p-value */
    double deadline;             /* of training, as dim__mi_now() counts; 0 = none */
} dim__mi;

struct dim_information {
    dim_context *ctx;
    int64_t given, n;
    int32_t *rows;               /* (n) */
    int64_t count;               /* of answers, the believed one first */
    dim__mi_answer *answers;
    bool rivals;                 /* GAUSS and KNN competed, and the first of the answers is one of them: the p-value is of both */
    bool contest;                /* the same of CRITIC and KNN */
    int64_t n_curve, n_null;
    double *curve;               /* (n_curve, 4) */
    double *null;                /* (n_null) */
    char *report;
    char *texts[32];             /* of warnings, by bit; NULL = not set */
    char *sorted;                /* that rows are sorted, and by what; NULL = they are not, or nobody is misled */
    int64_t columns[DIM__MI_SIDES]; /* that there were */
    uint8_t *kinds[DIM__MI_SIDES]; /* (columns) as which they were taken; AUTO: one repeats another */
};

typedef struct dim__mi_orders {  /* of y's rows, as if they had nothing to do with x's: permute.c */
    const dim__mi *m;
    int32_t *partner;            /* (n): with a condition, a row that is near in it, or itself */
    int32_t *class_of;           /* (n): with a condition, the labels that it has of a row */
    int64_t classes;
    int64_t count;               /* of orders that differ, o.permutations at most */
    int32_t *turn;               /* of a series: by how many rows more than a block it is turned round, in a random order */
    int64_t all;                 /* of groups whose orders are all used: how many there are; else 0 */
    int32_t *spare;              /* (3 n) */
} dim__mi_orders;

/* A method.  One file and one line in methods.def. */
typedef struct dim__mi_method {
    const char *name;
    /* Whether it can take these columns; else the reason in `why`. */
    bool (*accepts)(const dim__mi *m, char why[128]);
    /* Fills answer->r from raw on, and answer->pointwise, which has room for n. */
    dim_status (*run)(const dim__mi *m, dim__mi_answer *answer);
    /* The statistic of the p-value for y's rows in the orders 0, which is theirs, to orders->count; values has as many. */
    dim_status (*null)(const dim__mi *m, const dim__mi_orders *orders, double *values); /* NULL: it is part of run */
} dim__mi_method;

#define X(kind, name) extern const dim__mi_method name;
#include "information/methods.def"
#undef X
const dim__mi_method *dim__mi_method_of(dim_information_method method); /* NULL for AUTO, CONSTANT and other numbers */
const char *dim__mi_method_name(int method);

/* ---- read.c, columns.c, copies.c ---------------------------------------------------------------------------------- */

typedef struct dim__mi_source {  /* of the columns of one side, checked */
    const dim_tensor *t;
    const uint8_t *kinds;
    const char *const *names;
    int64_t offset;              /* row of the tensor that belongs to row 0 */
} dim__mi_source;
/* Everything of m but `o` and `ctx`; what was read is freed by dim__mi_free(), also after a failure. */
dim_status dim__mi_read(dim__mi *m, const dim_information_data *data);
void dim__mi_free(dim__mi *m);
/* Its parts: arguments, and the rows that are whole in all columns; groups; copies.c: rows that repeat others. */
dim_status dim__mi_read_rows(dim__mi *m, const dim_information_data *data, dim__mi_source source[DIM__MI_SIDES]);
dim_status dim__mi_read_groups(dim__mi *m, const dim_tensor *t);
dim_status dim__mi_find_copies(dim__mi *m);

int64_t dim__mi_columns_of(const dim_tensor *t);
/* Element of a tensor (N) or (N, d) as a double, and as a key that keeps the order exactly. */
double dim__mi_element(const dim_tensor *t, int64_t row, int64_t column, uint64_t *key);
/* Values of a column in rows offset + row[i], or offset + i where row is NULL.  A column after the other has a tensor's rows read from
 * memory as often as it has columns, so that readers take all columns of DIM__MI_READ rows at a time. */
enum { DIM__MI_READ = 64 };
void dim__mi_values(const dim_tensor *t, int64_t column, const int32_t *row, int64_t offset, int64_t n, double *out);
/* Few values are DISCRETE.  Else more than one row in a hundred that shares its value makes a column TIED.  count (distinct). */
dim_information_kind dim__mi_find_kind(const dim__mi_column *c, int64_t n, int32_t *count);
void dim__mi_sum_up(dim__mi_side *s); /* kinds of the columns -> that of the side */
/* Columns of the rows that m->rows names: codes, kinds; constant ones and repeated ones are left out. */
dim_status dim__mi_read_side(dim__mi *m, int side, const dim__mi_source *source);
/* "column 3 'pressure' of x" */
const char *dim__mi_column_text(char buffer[96], const dim__mi_side *side, const dim__mi_column *c);
/* Adds that, and why, to a list of columns that are left out. */
void dim__mi_list_column(char list[DIM__MI_LEFT_OUT], const dim__mi_side *side, const dim__mi_column *c, const char *why);

/* The rows rows[0 .. n - 1] of m, in their order if there are groups: a measurement of its own; also freed by dim__mi_free(). */
dim_status dim__mi_subset(const dim__mi *m, const int32_t *rows, int64_t n, dim__mi *out);

/* ---- series.c ----------------------------------------------------------------------------------------------------- */

/* even: as dim__mi_scores_kept(). */
dim_status dim__mi_remember(const dim__mi *m, const dim__mi_column *c, double **even, dim__mi_memory *out);
/* sorted.c: whether they only look like one since they are sorted by a column. */
dim_status dim__mi_find_sorted(dim__mi *m);
/* Decides whether the rows are a series: block and theiler; and finds as how many rows those of a series and of groups count. */
dim_status dim__mi_find_order(dim__mi *m);

/* ---- scores.c ----------------------------------------------------------------------------------------------------- */

/* (n) normal scores Phi^-1((rank - 1/2) / n) of a column; equal values share the mean of their ranks. */
dim_status dim__mi_scores(const dim__mi *m, const dim__mi_column *c, double *out);
/* The same of one column after the other: those without ties and weights have the same scores, which are computed once.  *even is
 * NULL at first, and to be freed. */
dim_status dim__mi_scores_kept(const dim__mi *m, const dim__mi_column *c, double **even, double *out);
/* The same with equal values in a random order, which depends on the seed, the column and the number of the dither. */
dim_status dim__mi_dithered(const dim__mi *m, const dim__mi_side *side, const dim__mi_column *c, uint32_t dither, float *out);
/* out (n): those of a column without ties, from its least value to its largest. */
void dim__mi_even_scores(const dim__mi *m, int64_t n, float *out);
bool dim__mi_has_ties(const dim__mi_column *c); /* of a column that is not UNORDERED */
/* One symbol a row of some columns of sides: code (n), numbered from 0.  Returns DIM_E_NOMEM or OK. */
dim_status dim__mi_symbols(const dim__mi *m, uint32_t sides, bool unordered_only, int32_t *code, int64_t *count);

/* ---- progress.c -------------------------------------------------------------------------------------------------- */

/* Stops with DIM_E_CALLBACK when the caller's progress function says so. */
dim_status dim__mi_progress(const dim__mi *m, double fraction, const char *text);
double dim__mi_now(void); /* seconds */

/* ---- permute.c ---------------------------------------------------------------------------------------------------- */

/* Whether there are such orders, of all rows or of stretches of `rows` of a series. */
dim_status dim__mi_orders_check(const dim__mi *m, int64_t rows);
/* How many there are to use in a stretch of `rows` rows: those asked for, or of a series as many as there are, if these are fewer. */
int64_t dim__mi_orders_count(const dim__mi *m, int64_t asked, int64_t rows);
int64_t dim__mi_orders_of(int64_t groups, int64_t most); /* how many these have, their own among them; more than `most` = that many */
dim_status dim__mi_orders_create(const dim__mi *m, dim__mi_orders *out);
void dim__mi_orders_free(dim__mi_orders *orders);
/* Row i is to meet row order[i] of y; number 0 leaves all in place. */
void dim__mi_order(const dim__mi_orders *orders, int64_t number, int32_t *order);

/* ---- discrete.c ------------------------------------------------------------------------------------------------------ */

/* Grassberger's entropy of a side that is discrete, of weighted rows that of the frequencies with Miller's correction; NaN of others. */
dim_status dim__mi_entropy(const dim__mi *m, int side, double *out);
/* Good & Turing: the share of what can occur that was seen, of the joint symbols of sides, as bits. */
dim_status dim__mi_coverage(const dim__mi *m, uint32_t sides, double *out);

/* ---- choose.c, report.c --------------------------------------------------------------------------------------------- */

/* Asks the methods, and puts the one that is believed first. */
dim_status dim__mi_choose(const dim__mi *m, dim_information *info);
/* The report and the texts of warnings. */
bool dim__mi_disagrees(const dim__mi_answer *other, const dim__mi_answer *taken); /* lies outside, and nothing speaks against it */
dim_status dim__mi_describe(const dim__mi *m, dim_information *info);
/* What the report ends with: that rows are sorted, and warnings. */
int64_t dim__mi_remarks(const dim_information *info);
const char *dim__mi_remark(const dim_information *info, int64_t i); /* "" beyond the last one */

/* ---- measure.c ------------------------------------------------------------------------------------------------------- */

dim_status dim__information_measure(dim_context *ctx, const dim_information_options *options, const dim_information_data *data,
                                    dim_information **out);
void dim__information_destroy(dim_information *info);
/* m->o and what follows from it. */
dim_status dim__mi_read_options(dim__mi *m, const dim_information_options *in);
/* The measurement of what was read. */
dim_status dim__mi_measure(dim__mi *m, dim_information **out);

/* ---- pairs.c --------------------------------------------------------------------------------------------------------- */

typedef enum dim__mi_output { DIM__MI_VALUE, DIM__MI_LOW, DIM__MI_HIGH, DIM__MI_P, DIM__MI_OUTPUTS } dim__mi_output;
/* out[k]: NULL, or f64 or f32 (columns of x, columns of y). */
dim_status dim__information_matrix(dim_context *ctx, const dim_information_options *options, const dim_information_data *data,
                                   dim_tensor *const out[DIM__MI_OUTPUTS]);

/* ---- singles.c ------------------------------------------------------------------------------------------------------- */

typedef struct dim__mi_excess {  /* of single pairs of columns over their Gaussian copulas, summed */
    double value, error;
    double high;                 /* ends of the pairs' intervals */
} dim__mi_excess;

/* All 0 with a condition or weights. */
dim_status dim__mi_find_excess(const dim__mi *m, dim__mi_excess *out);

/* ---- gradient.c ---------------------------------------------------------------------------------------------------- */

typedef struct dim__mi_fitted dim__mi_fitted;
/* As dim_information_gradient(), of arguments that were checked. */
dim_status dim__mi_gradient(dim_context *ctx, const dim__mi_fitted *f, const dim_tensor *x, const dim_tensor *y, double *value,
                            dim_tensor *grad_x, dim_tensor *grad_y);
int64_t dim__mi_fitted_given(const dim__mi_fitted *f, int side); /* columns that the side must have */
void dim__mi_fitted_free(dim_context *ctx, dim__mi_fitted *f);

/* ---- matrix.c ---------------------------------------------------------------------------------------------------- */

/* The Cholesky factor of a matrix (n, n) in place, or that it has none. */
dim_status dim__mi_factor(dim_context *ctx, double *a, int64_t n, bool *definite);
/* By a factor L (n, n): x (n, m) := L^-1 x; x (n) := L'^-1 x. */
void dim__mi_solve_lower(const double *l, int64_t n, double *x, int64_t m);
void dim__mi_solve_upper(const double *l, int64_t n, double *x);
/* Adds `factor` times the squared lengths of rows by (L L')^-1 to out (n); L (d, d), and the rows' columns are z + column[j] n, or
 * z + j n where column is NULL. */
dim_status dim__mi_add_lengths(dim_context *ctx, const double *l, int64_t d, const double *z, const int64_t *column, int64_t n,
                               double factor, double *out);

/* ---- interval.c --------------------------------------------------------------------------------------------------- */

double dim__mi_worth(const dim__mi *m); /* as how many rows weighted ones, and those of a series, count; else n */
/* The same by the columns that depend most on others: effective_rows, and whether there is an answer. */
double dim__mi_least_worth(const dim__mi *m);
double dim__mi_z(const dim__mi *m); /* normal quantile of the confidence */
/* The least value of a permutation that counts as the own one: sums of the same numbers in another order differ by rounding. */
double dim__mi_least(double own, double rounding);
double dim__mi_mean(const double *x, int64_t n);
double dim__mi_deviation(const double *x, int64_t n); /* with n - 1; 0 for n < 2 */
double dim__mi_weighted_mean(const dim__mi *m, const double *x); /* without NaN */
/* Standard error of the mean of influence values, whose rows may be a series; effective_rows may be NULL. */
double dim__mi_error(const dim__mi *m, const double *influence, double *effective_rows);

#endif
