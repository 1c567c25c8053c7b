#include "page.h"

#include "chart.h"
#include "html.h"
#include "options.h"
#include "output.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* ---- data and network ---------------------------------------------------------------------------------------------------- */

static void put_number(FILE *to, const char *name, int64_t value)
{
    char text[40];
    snprintf(text, sizeof text, "%lld", (long long)value);
    ex_html_row(to, name, text);
}

static void put_names(ex_run *run, FILE *to, int64_t classes)
{
    enum { MOST = 40 };
    fprintf(to, "<tr><th>classes</th><td>%lld", (long long)classes);
    for (int64_t c = 0; c < classes && c < MOST && ex_class_name(run, run->train, c) != NULL; c++) {
        fputs(c == 0 ? ": " : ", ", to);
        ex_html_text(to, ex_class_name(run, run->train, c));
    }
    fprintf(to, "%s</td></tr>\n", classes > MOST ? ", ..." : "");
}

void ex_page_data(ex_run *run, FILE *to)
{
    char text[80];
    int64_t classes = dim_dataset_classes(run->train);
    ex_html_section(to, "Data");
    fprintf(to, "<table>\n");
    ex_html_row(to, "data", run->o.data);
    snprintf(text, sizeof text, "%lld x %lld, %lld channel%s", (long long)run->shape[2], (long long)run->shape[1], (long long)run->shape[0],
             run->shape[0] == 1 ? "" : "s");
    ex_html_row(to, "size", text);
    put_number(to, "for training", dim_dataset_count(run->train));
    if (run->test != NULL)
        put_number(to, "for testing", dim_dataset_count(run->test));
    if (classes > 0)
        put_names(run, to, classes);
    fprintf(to, "</table>\n");
}

void ex_page_network(ex_run *run, const dim_encoder *encoder, FILE *to)
{
    int64_t parameters = 0;
    for (int i = 0; i < dim_encoder_parameter_count(encoder); i++) {
        dim_tensor *t = NULL;
        EX_TRY(run, dim_encoder_get_parameter(encoder, dim_encoder_parameter_name(encoder, i), &t));
        parameters += dim_tensor_count(t);
        dim_tensor_destroy(t);
    }
    ex_html_section(to, "Network");
    fprintf(to, "<p>%lld numbers in %d parameters. Features, in the order of the layers:</p>\n<table>\n", (long long)parameters,
            dim_encoder_parameter_count(encoder));
    for (int i = 0; i < dim_encoder_tap_count(encoder); i++) {
        const char *name = dim_encoder_tap_name(encoder, i);
        int64_t s[3];
        char text[80];
        if (dim_encoder_tap_shape(encoder, name, s) != DIM_OK)
            continue;
        if (s[1] * s[2] > 1)
            snprintf(text, sizeof text, "%lld x %lld x %lld = %lld", (long long)s[0], (long long)s[1], (long long)s[2],
                     (long long)(s[0] * s[1] * s[2]));
        else
            snprintf(text, sizeof text, "%lld", (long long)s[0]);
        ex_html_row(to, name, text);
    }
    fprintf(to, "</table>\n");
}

/* ---- options --------------------------------------------------------------------------------------------------------------- */

static bool option_text(const ex_options *o, const ex_option *option, char *text, size_t room)
{
    const char *field = (const char *)o + option->offset;
    switch (option->kind) {
    case EX_TEXT:
    case EX_FILE:
        if (*(const char *const *)field == NULL)
            return false;
        snprintf(text, room, "%s", *(const char *const *)field);
        return true;
    case EX_SWITCH:
        snprintf(text, room, "yes");
        return *(const bool *)field;
    case EX_U32: snprintf(text, room, "%u", (unsigned)*(const uint32_t *)field); return true;
    case EX_U64: snprintf(text, room, "%llu", (unsigned long long)*(const uint64_t *)field); return true;
    case EX_REAL: snprintf(text, room, "%g", (double)*(const float *)field); return true;
    case EX_NAME: {
        int number = *(const int *)field - option->first;
        const char *name = number >= 0 ? option->choice(number) : NULL;
        snprintf(text, room, "%s", name != NULL ? name : "");
        return name != NULL;
    }
    default: return false;
    }
}

void ex_page_options(const ex_run *run, FILE *to)
{
    char text[EX_MAX_PATH];
    ex_html_section(to, "Settings");
    fprintf(to, "<table>\n");
    for (const ex_option *o = NULL; (o = ex_option_next(run->program, o)) != NULL;)
        if (o->kind != EX_HEADING && option_text(&run->o, o, text, sizeof text))
            ex_html_row(to, o->name, text);
    fprintf(to, "</table>\n");
}

/* ---- the log --------------------------------------------------------------------------------------------------------------- */

enum { FIRST = 4, MOST_COLUMNS = 64, POINTS = 300 }; /* columns: step, epoch and two times come first */

typedef struct table {
    char *names;                  /* the first line, cut into names */
    const char *name[MOST_COLUMNS];
    int columns;
    double *values;               /* (rows, columns), NaN where there is none */
    int64_t rows, room;
} table;

static bool read_names(table *t, FILE *file)
{
    size_t room = 0;
    if (getline(&t->names, &room, file) <= 0 || strncmp(t->names, "step,", 5) != 0)
        return false;
    t->names[strcspn(t->names, "\r\n")] = '\0';
    for (char *at = strtok(t->names, ","); at != NULL && t->columns < MOST_COLUMNS; at = strtok(NULL, ","))
        t->name[t->columns++] = at;
    return t->columns > FIRST;
}

static bool add_row(table *t, const char *line)
{
    if (t->rows == t->room) {
        int64_t room = t->room > 0 ? 2 * t->room : 256;
        double *more = realloc(t->values, (size_t)(room * t->columns) * sizeof *more);
        if (more == NULL)
            return false;
        t->values = more;
        t->room = room;
    }
    double *row = t->values + t->rows * t->columns;
    for (int k = 0; k < t->columns; k++) {
        char *end = (char *)line;
        row[k] = line != NULL ? strtod(line, &end) : (double)NAN;
        if (end == line || !isfinite(row[k]))
            row[k] = (double)NAN;
        line = line != NULL ? strchr(line, ',') : NULL;
        line = line != NULL ? line + 1 : NULL;
    }
    t->rows += isfinite(row[0]);
    return true;
}

static bool read_table(table *t, const char *path)
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    *t = (table){ .columns = 0 };
    bool good = file != NULL && read_names(t, file);
    while (good && getline(&line, &room, file) > 0)
        good = add_row(t, line);
    free(line);
    if (file != NULL)
        fclose(file);
    return good;
}

/* A column's values against steps into x and y, of POINTS each at most: means of neighbours. */
static ex_line line_of(const table *t, int column, double *x, double *y)
{
    ex_line l = { .name = t->name[column], .x = x, .y = y };
    int64_t count = 0, at = 0;
    for (int64_t i = 0; i < t->rows; i++)
        count += isfinite(t->values[i * t->columns + column]);
    int64_t points = count < POINTS ? count : POINTS, in_point = 0;
    for (int64_t i = 0; i < t->rows; i++) {
        const double *row = t->values + i * t->columns;
        if (!isfinite(row[column]))
            continue;
        if (in_point == 0)
            x[l.n] = y[l.n] = 0;
        x[l.n] += row[0];
        y[l.n] += row[column];
        in_point++;
        if (++at * points / count > l.n) {
            x[l.n] /= (double)in_point;
            y[l.n++] /= (double)in_point;
            in_point = 0;
        }
    }
    return l;
}

static bool is_share(const char *name) /* of test samples */
{
    const char *ending = strrchr(name, '.');
    for (int k = 0; k < EX_PROBES && ending != NULL; k++)
        if (strcmp(ending + 1, ex_probes[k].name) == 0)
            return true;
    return ending != NULL && strcmp(ending + 1, "test") == 0;
}

bool ex_page_curves(FILE *to, const char *log)
{
    table t;
    bool good = read_table(&t, log) && t.rows > 0;
    double *room = good ? calloc((size_t)t.columns, 2 * POINTS * sizeof *room) : NULL, *at = room;
    ex_line shares[MOST_COLUMNS];
    int n_shares = 0;
    if (room != NULL) {
        fprintf(to, "<div class=\"charts\">\n");
        for (int k = FIRST; k < t.columns; k++, at += 2 * POINTS) {
            ex_line l = line_of(&t, k, at, at + POINTS);
            if (is_share(l.name) && l.n > 0)
                shares[n_shares++] = l;
            else if (l.n > 1) {
                fprintf(to, "<div><h3>");
                ex_html_text(to, l.name);
                fprintf(to, "</h3>\n");
                ex_chart_lines(to, &l, 1, "step", "", 2 * l.n < t.rows && l.n < 40);
                fprintf(to, "</div>\n");
            }
        }
        if (n_shares > 0) {
            fprintf(to, "<div><h3>accuracy on test samples</h3>\n");
            ex_chart_lines(to, shares, n_shares, "step", "", true);
            fprintf(to, "</div>\n");
        }
        fprintf(to, "</div>\n");
    }
    free(room);
    free(t.values);
    free(t.names);
    return good;
}

/* ---- writing --------------------------------------------------------------------------------------------------------------- */

bool ex_page_write(ex_run *run, const char *name, void (*print)(ex_run *run, FILE *to))
{
    char path[EX_MAX_PATH], *text = NULL;
    size_t size = 0;
    ex_folder_file(run, name, path);
    FILE *to = open_memstream(&text, &size);
    bool good = to != NULL;
    if (good) {
        print(run, to);
        good = ferror(to) == 0;
        good = fclose(to) == 0 && good;
    }
    if (!good)
        errno = ENOMEM;
    good = good && ex_write_file(path, text, size);
    ex_report_clear();
    if (good)
        fprintf(stderr, "report:     %s\n", path);
    else
        fprintf(stderr, "%s: cannot write %s: %s\n", run->program->name, path, strerror(errno));
    free(text);
    return good;
}
