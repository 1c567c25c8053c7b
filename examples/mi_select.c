/* Columns of a table by names, numbers and ranges. */
#include "mi_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- columns ----------------------------------------------------------------------------------------------------------- */

typedef struct selection {
    const mi_table *t;
    const char *option;
    int64_t *list, count, room;
    char *error;
} selection;

static bool add(selection *s, int64_t column)
{
    char name[MI_COLUMN_TEXT];
    if (s->count == s->t->columns) { /* one of them is there twice */
        snprintf(s->error, MI_ERROR, "%s: a column is given twice", s->option);
        return false;
    }
    for (int64_t i = 0; i < s->count && s->count < 1000; i++)
        if (s->list[i] == column) {
            snprintf(s->error, MI_ERROR, "%s: %s is given twice", s->option, mi_table_text(s->t, column, name));
            return false;
        }
    s->list[s->count++] = column;
    return true;
}

/* How many columns have that name, and the last one of them. */
static int64_t count_named(const mi_table *t, const char *name, size_t length, int64_t *column)
{
    int64_t found = 0;
    for (int64_t c = 0; c < t->columns && t->names != NULL; c++)
        if (strlen(t->names[c]) == length && strncmp(t->names[c], name, length) == 0 && length > 0) {
            *column = c;
            found++;
        }
    return found;
}

/* A number from 1, or a range of them, in item[0 .. length - 1]. */
static bool is_range(const char *item, size_t length, int64_t *from, int64_t *to)
{
    int64_t number[2] = { 0, 0 };
    int part = 0;
    bool any = false;
    for (size_t i = 0; i < length; i++) {
        if (item[i] == '-' && part == 0 && any) {
            part = 1;
            any = false;
        } else if (item[i] >= '0' && item[i] <= '9' && number[part] < INT64_MAX / 100) {
            number[part] = 10 * number[part] + (item[i] - '0');
            any = true;
        } else {
            return false;
        }
    }
    *from = number[0];
    *to = number[part];
    return any;
}

/* What the table has, so far as there is room. */
static void list_columns(const mi_table *t, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (int64_t c = 0; c < t->columns && t->names != NULL; c++) {
        if (used + 60 > room) {
            snprintf(text + used, room - used, ", ...");
            return;
        }
        used += (size_t)snprintf(text + used, room - used, "%s%.40s", c > 0 ? ", " : "", t->names[c]);
    }
}

/* Years are numbers, and may be names. */
static const char *names_hint(const mi_table *t)
{
    return t->names == NULL && t->guessed ? "; the first line was taken as a row (--header: it has names)" : "";
}

static bool add_item(selection *s, const char *item, size_t length)
{
    int64_t from, to, column = 0, found = count_named(s->t, item, length, &column);
    char names[256];
    if (found == 1)
        return add(s, column);
    if (found > 1) {
        snprintf(s->error, MI_ERROR, "%s: %lld columns are called '%.*s'; give a number from 1", s->option, (long long)found,
                 (int)(length < 60 ? length : 60), item);
        return false;
    }
    if (is_range(item, length, &from, &to)) {
        if (from < 1 || to > s->t->columns || to < from) {
            snprintf(s->error, MI_ERROR, "%s: %.*s is not within the columns 1 to %lld of %s%s", s->option,
                     (int)(length < 60 ? length : 60), item, (long long)s->t->columns, s->t->path, names_hint(s->t));
            return false;
        }
        for (int64_t c = from; c <= to; c++)
            if (!add(s, c - 1))
                return false;
        return true;
    }
    list_columns(s->t, names, sizeof names);
    snprintf(s->error, MI_ERROR, "%s: %s has no column '%.*s'; it has %lld%s%s%s", s->option, s->t->path, (int)(length < 60 ? length : 60),
             item, (long long)s->t->columns, names[0] != '\0' ? ": " : " without names", names, names_hint(s->t));
    return false;
}

bool mi_table_select(const mi_table *t, const char *option, const char *list, int64_t **out, int64_t *count, char error[MI_ERROR])
{
    selection s = { .t = t, .option = option, .error = error };
    int64_t column = 0;
    s.list = malloc((size_t)t->columns * sizeof *s.list);
    if (s.list == NULL) {
        snprintf(error, MI_ERROR, "no memory for %lld columns", (long long)t->columns);
        return false;
    }
    bool whole = count_named(t, list, strlen(list), &column) == 1; /* such as "a, b" */
    bool ok = whole ? add(&s, column) : true;
    for (const char *at = list; !whole && ok && at != NULL;) {
        size_t length = strcspn(at, ",");
        ok = add_item(&s, at, length);
        at = at[length] == ',' ? at + length + 1 : NULL;
    }
    *out = s.list;
    *count = s.count;
    if (!ok) {
        free(s.list);
        *out = NULL;
    }
    return ok;
}
