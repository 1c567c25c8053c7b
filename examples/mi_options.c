/* dim-mi's command line, its --help, and the man page that is made of it. */
#include "mi.h"
#include "words.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum kind { HEADING, TEXT, SWITCH, COUNT, SHARE, HEADER_YES, HEADER_NO, METHOD } kind;

typedef struct option {
    const char *name, *value, *help;
    kind kind;
    size_t at;               /* in mi_options */
    double least, most;
} option;

#define AT(field) offsetof(mi_options, field)
static const option options[] = {
    { "Columns", NULL, "", HEADING, 0, 0, 0 },
    { "--x", "LIST", "columns of x: names, numbers from 1, ranges, with commas between, such as temp,3,5-8 (default: all that nothing "
      "else names, but a first one without a name)", TEXT, AT(x), 0, 0 },
    { "--y", "LIST", "columns of y", TEXT, AT(y), 0, 0 },
    { "--given", "LIST", "columns of z, which are known anyway: I(X;Y|Z)", TEXT, AT(given), 0, 0 },
    { "--unordered", "LIST", "these are labels, whose order means nothing; columns of text are anyway", TEXT, AT(unordered), 0, 0 },
    { "--continuous", "LIST", "these are continuous, even if they have few values", TEXT, AT(continuous), 0, 0 },
    { "--weights", "COLUMN", "how much each row counts", TEXT, AT(weights), 0, 0 },
    { "--group", "COLUMN", "rows with the same value here are never parted", TEXT, AT(group), 0, 0 },
    { "--header", NULL, "the first line has names (default: if it has no number)", HEADER_YES, AT(header), 0, 0 },
    { "--no-header", NULL, "the first line is a row", HEADER_NO, AT(header), 0, 0 },
    { "--missing", "WHAT", "rows in which a value is missing (empty, NA, NaN, ?): fail, or drop them (default fail)", TEXT,
      AT(missing), 0, 0 },

    { "Measurement", NULL, "", HEADING, 0, 0, 0 },
    { "--method", "NAME", "auto, knn, gauss, critic, discrete, knn2 (default auto)", METHOD, AT(method), 0, 0 },
    { "--neighbors", "K", "of knn and knn2 (default 3)", COUNT, AT(neighbors), 1, 1e6 },
    { "--permutations", "B", "for a p-value of independence, 19 or more (default 0: none)", COUNT, AT(permutations), 0, 1e6 },
    { "--confidence", "SHARE", "of the interval (default 0.95)", SHARE, AT(confidence), 0.5, 1 },
    { "--lag", "A:B", "row i of x meets row i + lag of y, for each lag from A to B; or one lag", TEXT, AT(lag), 0, 0 },
    { "--series", NULL, "rows follow each other in time (default: found)", SWITCH, AT(series), 0, 0 },
    { "--iid", NULL, "rows are independent of each other", SWITCH, AT(iid), 0, 0 },
    { "--block", "L", "of a series: rows of a block (default: from the autocorrelation)", COUNT, AT(block), 1, 4e9 },
    { "--matrix", NULL, "every column of x against every column of y, one pair a line, the largest first. Without --x and --y all "
      "columns with each other. Values alone; --permutations adds p-values, not corrected for the number of pairs", SWITCH,
      AT(matrix), 0, 0 },
    { "--seed", "N", "of random orders, folds and permutations (default 0, as the library's)", COUNT, AT(seed), 0, 9e15 },
    { "--threads", "N", "that share the work (default: one for each processor)", COUNT, AT(threads), 1, 256 },
    { "--time", "SECONDS", "critics stop training then", SHARE, AT(seconds), 0, 1e9 },

    { "Output", NULL, "", HEADING, 0, 0, 0 },
    { "--bits", NULL, "in bits, not nats", SWITCH, AT(bits), 0, 0 },
    { "--json", "FILE", "write all numbers as JSON; with - to standard output, in place of the text. null: a number that does not exist; "
      "\"inf\": an infinite one", TEXT, AT(json), 0, 0 },
    { "--pointwise", "FILE", "write the share of each row, as .npy or as .csv", TEXT, AT(pointwise), 0, 0 },
    { "--plot", "FILE.png", "draw candidates, value against rows, rows' shares, and the null, the lags or the scores", TEXT,
      AT(plot), 0, 0 },
    { "--report", "FILE.html", "all of it as one page without scripts", TEXT, AT(report), 0, 0 },
    { "--quiet", NULL, "no notes and no progress", SWITCH, AT(quiet), 0, 0 },
    { "--strict", NULL, "exit code 4 when the value is only a lower bound", SWITCH, AT(strict), 0, 0 },

    { "More", NULL, "", HEADING, 0, 0, 0 },
    { "--help", NULL, "print this text", SWITCH, AT(help), 0, 0 },
    { "--man", NULL, "print it as a man page", SWITCH, AT(man), 0, 0 },
    { "--version", NULL, "print the version of libdim", SWITCH, AT(version), 0, 0 },
};
enum { N_OPTIONS = sizeof options / sizeof *options };

static const char summary[] =
    "Measures the mutual information of columns: how much do these tell about those? Columns may be continuous, rounded, discrete or "
    "labels, on any scale, one or many; the method is chosen by what the rows show, and the answer has an interval.";
static const char files[] =
    "FILE is a table: fields with commas, tabs or semicolons between them, quoted or not, numbers with a decimal point, plain or "
    "gzip, or - for standard input; or an array of NumPy's, rows first, whose columns are called by numbers. Two arrays are x and y, "
    "a third one is z.";
static const char codes[] =
    "Exit code: 0 with an answer, 1 for wrong usage, 2 for bad data or what could not be written, 3 when the rows support no answer, "
    "4 with --strict for a lower bound.";
static const char *const usage[] = { "dim-mi [OPTION...] FILE --y COLUMNS", "dim-mi [OPTION...] --matrix FILE",
                                     "dim-mi [OPTION...] X.npy Y.npy [Z.npy]" };
static const char *const examples[] = { "dim-mi cars.csv --x hp,wt --y mpg --permutations 999 --plot cars.png", "dim-mi --matrix cars.csv",
                                        "dim-mi wind.csv --x speed --y power --lag -24:24" };

/* ---- --help ------------------------------------------------------------------------------------------------------------ */

static void print_words(const char *text, int left, int column)
{
    enum { RIGHT = 79 };
    (void)ex_print_words(text, left, RIGHT, column);
    putchar('\n');
}

static void print_help(void)
{
    enum { LEFT = 24 };
    for (size_t i = 0; i < sizeof usage / sizeof *usage; i++)
        printf("%s %s\n", i == 0 ? "Usage:" : "      ", usage[i]);
    putchar('\n');
    print_words(summary, 0, 0);
    putchar('\n');
    print_words(files, 0, 0);
    for (int i = 0; i < N_OPTIONS; i++) {
        const option *o = &options[i];
        if (o->kind == HEADING) {
            printf("\n%s\n", o->name);
            continue;
        }
        int width = printf("  %s%s%s", o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
        printf("%*s", width < LEFT ? LEFT - width : 1, "");
        print_words(o->help, LEFT, width < LEFT ? LEFT : width + 1);
    }
    putchar('\n');
    print_words(codes, 0, 0);
    printf("\nExamples\n");
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        printf("  %s\n", examples[i]);
}

static void print_man(void)
{
    printf(".TH DIM\\-MI 1 \"\" \"libdim %s\" \"User Commands\"\n.SH NAME\ndim\\-mi \\- mutual information of columns, with an interval\n"
           ".SH SYNOPSIS\n", dim_version());
    for (size_t i = 0; i < sizeof usage / sizeof *usage; i++) {
        ex_print_roff(usage[i]);
        printf("\n.br\n");
    }
    printf(".SH DESCRIPTION\n");
    ex_print_roff(summary);
    printf("\n.PP\n");
    ex_print_roff(files);
    printf("\n.SH OPTIONS\n");
    for (int i = 0; i < N_OPTIONS; i++) {
        const option *o = &options[i];
        if (o->kind == HEADING) {
            printf(".SS %s\n", o->name);
            continue;
        }
        printf(".TP\n\\fB");
        ex_print_roff(o->name);
        printf("\\fR");
        if (o->value != NULL) {
            printf(" \\fI");
            ex_print_roff(o->value);
            printf("\\fR");
        }
        putchar('\n');
        ex_print_roff(o->help);
        putchar('\n');
    }
    printf(".SH EXIT STATUS\n");
    ex_print_roff(codes);
    printf("\n.SH EXAMPLES\n");
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        ex_print_roff(examples[i]);
        printf("\n.br\n");
    }
}

/* ---- values ------------------------------------------------------------------------------------------------------------ */

static double number_of(const option *o, const char *text)
{
    double x = 0;
    bool number = mi_number(text, &x) == MI_NUMBER;
    if (!number || isinf(x))
        mi_end(MI_USAGE, "%s: '%s' is %s", o->name, text, isinf(x) ? "too large" : "not a number");
    return x;
}

static int method_of(const option *o, const char *text)
{
    const char *name;
    char choices[256] = "";
    size_t used = 0;
    for (int m = 0; (name = dim_information_method_name((dim_information_method)m)) != NULL; m++) {
        if (m == DIM_INFORMATION_CONSTANT) /* of results only */
            continue;
        if (strcmp(name, text) == 0)
            return m;
        if (used + strlen(name) + 3 < sizeof choices)
            used += (size_t)snprintf(choices + used, sizeof choices - used, "%s%s", used > 0 ? ", " : "", name);
    }
    mi_end(MI_USAGE, "%s: there is no '%s'; choose one of %s", o->name, text, choices);
}

static void set(mi_options *to, const option *o, const char *text)
{
    void *field = (char *)to + o->at;
    double x;
    switch (o->kind) {
    case TEXT:
        if (*text == '\0')
            mi_end(MI_USAGE, "%s: its value is empty", o->name);
        *(const char **)field = text;
        return;
    case SWITCH: *(bool *)field = true; return;
    case HEADER_YES: *(int *)field = MI_HEADER_YES; return;
    case HEADER_NO: *(int *)field = MI_HEADER_NO; return;
    case METHOD: *(int *)field = method_of(o, text); return;
    case COUNT:
        x = number_of(o, text);
        if (x != floor(x) || x < o->least || x > o->most)
            mi_end(MI_USAGE, "%s: %s is not a whole number from %.0f to %.0f", o->name, text, o->least, o->most);
        *(uint64_t *)field = (uint64_t)x;
        return;
    case SHARE:
        x = number_of(o, text);
        if (!((float)x > o->least && (float)x < o->most)) /* as the library takes it */
            mi_end(MI_USAGE, "%s: %s is not above %g and below %g", o->name, text, o->least, o->most);
        *(double *)field = x;
        return;
    case HEADING: return;
    }
}

static const option *find(const char *text, size_t length)
{
    for (int i = 0; i < N_OPTIONS; i++)
        if (options[i].kind != HEADING && strlen(options[i].name) == length && strncmp(options[i].name, text, length) == 0)
            return &options[i];
    return NULL;
}

/* "3" or "-2:5". */
static void read_lag(mi_options *o)
{
    const char *colon = strchr(o->lag, ':');
    char text[2][32];
    double x[2];
    if (strlen(o->lag) >= sizeof text[0])
        mi_end(MI_USAGE, "--lag: '%s' is not a lag or A:B", o->lag);
    snprintf(text[0], sizeof text[0], "%.*s", colon != NULL ? (int)(colon - o->lag) : (int)strlen(o->lag), o->lag);
    snprintf(text[1], sizeof text[1], "%s", colon != NULL ? colon + 1 : o->lag);
    for (int k = 0; k < 2; k++)
        if (mi_number(text[k], &x[k]) != MI_NUMBER || x[k] != floor(x[k]) || fabs(x[k]) > 1e9)
            mi_end(MI_USAGE, "--lag: '%s' is not a lag or A:B, whole numbers", o->lag);
    if (x[1] < x[0] || x[1] - x[0] >= 10000)
        mi_end(MI_USAGE, "--lag: %s: B must not be below A, and there may be 10000 lags at most", o->lag);
    o->lag_from = (int64_t)x[0];
    o->lag_to = (int64_t)x[1];
}

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

/* What no option can see alone. */
static void check(mi_options *o)
{
    static const char *const ways[] = { "fail", "drop" };
    if (o->files == 0)
        mi_end(MI_USAGE, "a file is missing; see --help");
    if (o->missing != NULL && strcmp(o->missing, ways[0]) != 0 && strcmp(o->missing, ways[1]) != 0)
        mi_end(MI_USAGE, "--missing: there is no '%s'; choose one of fail, drop", o->missing);
    o->drop = o->missing != NULL && strcmp(o->missing, ways[1]) == 0;
    if (o->lag != NULL)
        read_lag(o);
    if (o->series && o->iid)
        mi_end(MI_USAGE, "--series and --iid exclude each other");
    if (o->permutations > 0 && o->permutations < 19)
        mi_end(MI_USAGE, "--permutations: %d is too few; with 19 p can be 0.05", (int)o->permutations);
    if (o->files == 1 && o->y == NULL && !o->matrix)
        mi_end(MI_USAGE, "--y is missing: which columns are to be told about? (--matrix: all pairs)");
    if (o->files > 1 && (o->x != NULL || o->y != NULL || o->given != NULL || o->weights != NULL || o->group != NULL))
        mi_end(MI_USAGE, "--x, --y, --given, --weights and --group name columns of one file, but there are %d", o->files);
    if (o->files > 1 && (o->unordered != NULL || o->continuous != NULL))
        mi_end(MI_USAGE, "--unordered and --continuous name columns of one file, but there are %d", o->files);
    if (o->matrix && (o->given != NULL || o->files > 2))
        mi_end(MI_USAGE, "--matrix has no condition");
    if (o->matrix && (o->pointwise != NULL || o->plot != NULL || o->report != NULL || (o->lag != NULL && o->lag_from != o->lag_to)))
        mi_end(MI_USAGE, "--matrix goes with neither --pointwise, --plot, --report nor several lags");
    if (o->pointwise != NULL && !ends_in(o->pointwise, ".npy") && !ends_in(o->pointwise, ".csv"))
        mi_end(MI_USAGE, "--pointwise: %s ends neither in .npy nor in .csv", o->pointwise);
    if (o->plot != NULL && !ends_in(o->plot, ".png"))
        mi_end(MI_USAGE, "--plot: %s does not end in .png; pictures are PNG", o->plot);
    mi_files_check(o);
}

void mi_parse(mi_run *run, int argc, char **argv)
{
    mi_options *o = &run->o;
    bool only_files = false;
    *o = (mi_options){ .files = 0 };
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i], *equals = strchr(text, '=');
        if (only_files || text[0] != '-' || strcmp(text, "-") == 0) {
            if (o->files == 3)
                mi_end(MI_USAGE, "there are more than three files, such as %s", text);
            o->file[o->files++] = text;
            continue;
        }
        if (strcmp(text, "--") == 0) {
            only_files = true;
            continue;
        }
        size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text);
        const option *found = strcmp(text, "-h") == 0 ? find("--help", 6) : find(text, length);
        if (found == NULL)
            mi_end(MI_USAGE, "there is no option '%s'; see --help", text);
        if (found->value == NULL && equals != NULL)
            mi_end(MI_USAGE, "%s takes no value", found->name);
        if (found->value != NULL && equals == NULL && (++i == argc || strncmp(argv[i], "--", 2) == 0))
            mi_end(MI_USAGE, "%s needs a value, %s; see --help", found->name, found->value);
        set(o, found, found->value == NULL ? "" : equals != NULL ? equals + 1 : argv[i]);
    }
    if (o->help)
        print_help();
    else if (o->man)
        print_man();
    else if (o->version)
        printf("dim-mi of libdim %s\n", dim_version());
    if (o->help || o->man || o->version) {
        errno = EBADF; /* what a closed one has */
        bool told = run->standard && fflush(stdout) == 0 && !ferror(stdout);
        if (!told)
            fprintf(stderr, "dim-mi: cannot write to standard output: %s\n", strerror(errno));
        exit(told ? MI_ANSWER : MI_DATA);
    }
    check(o);
}
