/* Tables of text: fields with commas, tabs or semicolons between them, perhaps a line of names, numbers with a point
 * whatever the locale is, text as labels. */
#ifndef EXAMPLES_MI_TABLE_H
#define EXAMPLES_MI_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MI_ERROR = 512 };

typedef enum mi_header { MI_HEADER_AUTO, MI_HEADER_YES, MI_HEADER_NO } mi_header;
typedef enum mi_kind { MI_NUMBER, MI_MISSING, MI_TEXT } mi_kind;

typedef struct mi_table {
    const char *path;        /* for messages */
    char *text;              /* all fields, row after row, each with its end; the names first, if there are any */
    const char *first;       /* field of the first row */
    int64_t rows, columns;
    int64_t *line;           /* (rows): of the file, from 1 */
    const char **names;      /* (columns); NULL = the file has none */
    bool guessed;            /* nobody said whether the first line has names */
} mi_table;

/* One column of a table as numbers. */
typedef struct mi_column {
    int64_t number;          /* from 0 */
    bool labels;             /* as given: take it as labels; afterwards: it is labels */
    bool text;               /* it has text */
    int64_t missing, distinct; /* distinct: of labels */
    double *value;           /* (rows): NaN where missing; labels are numbered from 0 in the order of their coming */
    int64_t whole;           /* how many are whole numbers that int64_t holds */
    int64_t wide;            /* row of the first whole number that double does not hold; -1 = there is none */
    int64_t *exact;          /* (rows): those whole numbers, where all are such and double does not hold one of them; else NULL */
} mi_column;

/* What a field is; a number goes to *out, and infinity where it is text because it is too large. */
mi_kind mi_number(const char *text, double *out);

/* Takes `text`, which malloc() made with room for size + 1 bytes; separator 0 = found from the first line.  False, and a text in
 * `error`: it is not a table.  One pass, no recursion, no memory but 8 bytes a row and a column. */
bool mi_table_parse(mi_table *t, char *text, size_t size, const char *path, mi_header header, char separator, char error[MI_ERROR]);

/* Fills columns, whose `value` and `exact` it makes; two passes for all of them.  False: a number is wrong, or memory ran out. */
bool mi_table_read(const mi_table *t, mi_column *columns, int64_t count, char error[MI_ERROR]);

/* Its name, or "#3" in buffer. */
const char *mi_table_name(const mi_table *t, int64_t column, char buffer[32]);

/* "column 3 'pressure'", for messages. */
enum { MI_COLUMN_TEXT = 96 };
const char *mi_table_text(const mi_table *t, int64_t column, char buffer[MI_COLUMN_TEXT]);

/* Control characters become '?': a terminal that gets them from a file obeys them. */
void mi_tame(char *text);

/* Columns of a list such as "temp,3,5-8": names first, then numbers from 1 and ranges of them.  *out is malloc()'s. */
bool mi_table_select(const mi_table *t, const char *option, const char *list, int64_t **out, int64_t *count, char error[MI_ERROR]);

void mi_table_free(mi_table *t);

/* The bytes of a file, unpacked when it is gzip; "-" is standard input.  Room for one more; NULL: `error` says why. */
char *mi_file_read(const char *path, size_t *size, char error[MI_ERROR]);

#endif
