/* The tables of dim-mi.  The first byte says how they are read; after a second one, which says how long it is, comes a list of
 * columns, then the table.  What was read is written with all fields quoted, and read again: it is the same. */
#include "fuzz.h"

#include "mi_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *copy_of(const uint8_t *from, size_t size)
{
    char *copy = malloc(size + 1);
    fuzz_require(copy != NULL);
    memcpy(copy, from, size);
    return copy;
}

static const char *after(const char *field) { return field + strlen(field) + 1; }

/* Fields stay within the text, one after the other. */
static void walk(const mi_table *t, size_t size)
{
    const char *field = t->first;
    char name[32];
    fuzz_require(t->rows > 0 && t->columns > 0);
    for (int64_t i = 0; i < t->rows; i++) {
        fuzz_require(t->line[i] > 0 && (i == 0 || t->line[i] > t->line[i - 1]));
        for (int64_t c = 0; c < t->columns; c++, field = after(field))
            fuzz_require(field >= t->text && field <= t->text + size);
    }
    fuzz_require(field <= t->text + size + 1);
    for (int64_t c = 0; c < t->columns; c++)
        fuzz_require(mi_table_name(t, c, name)[0] != '\0');
}

static void write_again(const mi_table *t)
{
    const char *field = t->first;
    char error[MI_ERROR], *text = malloc(8), *at = text;
    size_t room = 8;
    mi_table again;
    for (int64_t k = 0; k < t->rows * t->columns; k++, field = after(field)) {
        size_t used = (size_t)(at - text), need = used + 2 * strlen(field) + 5;
        if (need > room) {
            room = 2 * need;
            text = realloc(text, room);
        }
        fuzz_require(text != NULL);
        at = text + used;
        *at++ = '"';
        for (const char *c = field; *c != '\0'; c++) {
            if (*c == '"')
                *at++ = '"';
            *at++ = *c;
        }
        *at++ = '"';
        *at++ = (k + 1) % t->columns == 0 ? '\n' : ',';
    }
    fuzz_require(mi_table_parse(&again, text, (size_t)(at - text), "again", MI_HEADER_NO, ',', error));
    fuzz_require(again.rows == t->rows && again.columns == t->columns);
    const char *old = t->first, *new = again.first;
    for (int64_t k = 0; k < t->rows * t->columns; k++, old = after(old), new = after(new))
        fuzz_require(strcmp(old, new) == 0);
    mi_table_free(&again);
}

static void read_columns(const mi_table *t, const int64_t *list, int64_t count, int labels)
{
    char error[MI_ERROR] = "";
    mi_column *columns = calloc((size_t)count, sizeof *columns);
    fuzz_require(columns != NULL);
    for (int64_t k = 0; k < count; k++) {
        columns[k].number = list[k];
        columns[k].labels = labels != 0;
    }
    bool read = mi_table_read(t, columns, count, error);
    fuzz_require(read || (error[0] != '\0' && !labels));
    for (int64_t k = 0; k < count; k++) {
        int64_t missing = 0;
        for (int64_t i = 0; read && i < t->rows; i++) {
            double x = columns[k].value[i];
            missing += isnan(x);
            fuzz_require(columns[k].exact == NULL || (double)columns[k].exact[i] == x);
            fuzz_require(!columns[k].labels || isnan(x) || (x >= 0 && x < (double)columns[k].distinct && x == floor(x)));
        }
        fuzz_require(!read || columns[k].missing == missing);
        fuzz_require(!read || (columns[k].whole <= t->rows && columns[k].wide >= -1 && columns[k].wide < t->rows));
        fuzz_require(!read || columns[k].exact == NULL || (columns[k].whole == t->rows && columns[k].wide >= 0));
        free(columns[k].value);
        free(columns[k].exact);
    }
    free(columns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char separators[] = { '\0', ',', '\t', ';' };
    fuzz_bytes b = { data, size };
    unsigned how = fuzz_byte(&b), length = fuzz_byte(&b);
    size_t got, n = 0;
    const uint8_t *given = fuzz_take(&b, length % 64, &got);
    char error[MI_ERROR] = "", wanted[64];
    for (size_t i = 0; i < got; i++)
        if (given[i] != 0)
            wanted[n++] = (char)given[i];
    wanted[n] = '\0';
    mi_table t;
    bool parsed = mi_table_parse(&t, copy_of(b.at, b.left), b.left, "x.csv", (mi_header)(how % 3), separators[how >> 2 & 3], error);
    fuzz_require(parsed || error[0] != '\0');
    if (parsed) {
        int64_t *list = NULL, count = 0;
        walk(&t, b.left);
        write_again(&t);
        if (mi_table_select(&t, "--x", wanted, &list, &count, error)) {
            fuzz_require(count > 0 && count <= t.columns);
            read_columns(&t, list, count, how >> 4 & 1);
            free(list);
            fuzz_accepted++;
        } else {
            fuzz_require(list == NULL && error[0] != '\0');
        }
    }
    mi_table_free(&t);
    return 0;
}
