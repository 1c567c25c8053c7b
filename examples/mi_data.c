/* From files to x, y, z, weights and groups. */
#include "mi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where columns come from: a table of text, or an array, which is treated as a table without names. */
typedef struct source {
    mi_table t;
    const double *array;         /* (rows, columns); NULL = it is text */
    const int64_t *whole;        /* the same, where they are whole numbers of 64 bits; else NULL */
} source;

typedef struct list {
    int64_t *at, count;
} list;

typedef struct plan {            /* which column is what */
    source *s;
    list side[MI_SIDES], weights, groups, unordered, continuous;
} plan;

static void note(mi_run *run, const char *text)
{
    size_t old = run->data.notes != NULL ? strlen(run->data.notes) : 0, more = strlen(text);
    char *notes = realloc(run->data.notes, old + more + 2);
    if (notes == NULL)
        mi_end(MI_DATA, "out of memory");
    memcpy(notes + old, text, more);
    memcpy(notes + old + more, "\n", 2);
    run->data.notes = notes;
}

/* ---- which columns ------------------------------------------------------------------------------------------------------- */

static list select_columns(const source *s, const char *option, const char *text)
{
    list l = { NULL, 0 };
    char error[MI_ERROR];
    if (text != NULL && !mi_table_select(&s->t, option, text, &l.at, &l.count, error))
        mi_end(MI_USAGE, "%s", error);
    return l;
}

static bool has(const list *l, int64_t column)
{
    for (int64_t i = 0; i < l->count; i++)
        if (l->at[i] == column)
            return true;
    return false;
}

static list one_column(const source *s, const char *option, const char *text)
{
    list l = select_columns(s, option, text);
    if (text != NULL && l.count != 1)
        mi_end(MI_USAGE, "%s: %s are %lld columns; there must be 1", option, text, (long long)l.count);
    return l;
}

/* Where columns have names, a first one without a name has those of the rows: R and pandas write tables so. */
static bool has_row_names(const mi_table *t)
{
    return t->names != NULL && t->columns > 1 && t->names[0][0] == '\0' && t->names[1][0] != '\0';
}

/* All columns that nothing else names. */
static list rest_of(mi_run *run, const plan *p)
{
    list l = { mi_alloc((size_t)p->s->t.columns, sizeof(int64_t)), 0 };
    bool *taken = mi_alloc((size_t)p->s->t.columns, sizeof *taken);
    const list *others[] = { &p->side[MI_Y], &p->side[MI_Z], &p->weights, &p->groups };
    for (size_t k = 0; k < sizeof others / sizeof *others; k++)
        for (int64_t i = 0; i < others[k]->count; i++)
            taken[others[k]->at[i]] = true;
    if (has_row_names(&p->s->t) && !taken[0]) {
        taken[0] = true;
        note(run, "column 1 has no name: it was taken as names or numbers of the rows and left out (--x takes it)");
    }
    for (int64_t c = 0; c < p->s->t.columns; c++)
        if (!taken[c])
            l.at[l.count++] = c;
    free(taken);
    return l;
}

static plan make_plan(mi_run *run, source *s)
{
    const mi_options *o = &run->o;
    plan p = { .s = s };
    char name[MI_COLUMN_TEXT];
    p.side[MI_Y] = select_columns(s, "--y", o->y);
    p.side[MI_Z] = select_columns(s, "--given", o->given);
    p.weights = one_column(s, "--weights", o->weights);
    p.groups = one_column(s, "--group", o->group);
    p.unordered = select_columns(s, "--unordered", o->unordered);
    p.continuous = select_columns(s, "--continuous", o->continuous);
    p.side[MI_X] = o->x != NULL ? select_columns(s, "--x", o->x) : rest_of(run, &p);
    run->data.square = o->matrix && o->y == NULL;
    if (run->data.square)
        p.side[MI_Y] = (list){ NULL, 0 };
    if (p.side[MI_X].count == 0)
        mi_end(MI_USAGE, "--x: no column of %s is left for it", s->t.path);
    for (int64_t i = 0; i < p.side[MI_Y].count; i++)
        if (has(&p.side[MI_X], p.side[MI_Y].at[i]))
            mi_end(MI_USAGE, "--y: %s is in --x, too", mi_table_text(&s->t, p.side[MI_Y].at[i], name));
    return p;
}

static void free_plan(plan *p)
{
    for (int k = 0; k < MI_SIDES; k++)
        free(p->side[k].at);
    free(p->weights.at);
    free(p->groups.at);
    free(p->unordered.at);
    free(p->continuous.at);
}

/* ---- their values ---------------------------------------------------------------------------------------------------------- */

static void read_array(const source *s, mi_column *c)
{
    c->value = mi_alloc((size_t)s->t.rows, sizeof(double));
    c->exact = s->whole != NULL ? mi_alloc((size_t)s->t.rows, sizeof *c->exact) : NULL;
    for (int64_t i = 0; i < s->t.rows; i++) {
        c->value[i] = s->array[i * s->t.columns + c->number];
        if (s->whole != NULL)
            c->exact[i] = s->whole[i * s->t.columns + c->number];
    }
    c->whole = s->whole != NULL ? s->t.rows : 0;
    c->wide = -1;                /* nothing is lost */
}

/* They belong to the run until free_columns(): what ends the program meanwhile leaves nothing that nobody holds. */
static mi_column *read_columns(mi_run *run, const plan *p, const list *l, const list *labels)
{
    const source *s = p->s;
    mi_column *columns = run->data.reading = mi_alloc((size_t)l->count, sizeof *columns);
    char error[MI_ERROR];
    for (int64_t k = 0; k < l->count; k++) {
        columns[k].number = l->at[k];
        columns[k].labels = has(labels, l->at[k]);
    }
    if (s->array == NULL && !mi_table_read(&s->t, columns, l->count, error))
        mi_end(MI_DATA, "%s", error);
    for (int64_t k = 0; k < l->count && s->array != NULL; k++)
        read_array(s, &columns[k]);
    return columns;
}

static void free_columns(mi_run *run, int64_t count)
{
    mi_column *columns = run->data.reading;
    run->data.reading = NULL;
    for (int64_t k = 0; k < count; k++) {
        free(columns[k].value);
        free(columns[k].exact);
    }
    free(columns);
}

/* Where a row is: lines of a file are counted from 1, rows of an array as NumPy does. */
static const char *place_of(const source *s, int64_t row, char text[64])
{
    if (s->array == NULL)
        snprintf(text, 64, "line %lld", (long long)s->t.line[row]);
    else
        snprintf(text, 64, "row %lld, counted from 0", (long long)row);
    return text;
}

/* Ends the program where a value is missing, unless such rows are dropped. */
static void check_missing(const mi_run *run, const source *s, const mi_column *c)
{
    int64_t count = 0, first = -1;
    char name[MI_COLUMN_TEXT], where[64];
    for (int64_t i = 0; i < s->t.rows; i++)
        if (!isfinite(c->value[i])) {
            first = first < 0 ? i : first;
            count++;
        }
    if (count == 0 || run->o.drop)
        return;
    mi_end(MI_DATA, "%s: %s has %lld missing or infinite value%s, the first in %s; --missing drop leaves such rows out", s->t.path,
           mi_table_text(&s->t, c->number, name), (long long)count, count == 1 ? "" : "s", place_of(s, first, where));
}

/* Whether whole numbers of 64 bits hold all values, and double does not: one type holds them all. */
static bool is_exact(const mi_column *columns, int64_t count, int64_t rows)
{
    bool wide = false;
    for (int64_t k = 0; k < count; k++) {
        const mi_column *c = &columns[k];
        if (c->labels ? c->missing > 0 : c->whole < rows)
            return false;
        wide = wide || c->exact != NULL;
    }
    return wide;
}

/* A tensor (rows, columns) that has a column's values one after the other: f64, or i64. */
static dim_tensor *tensor_of(const mi_run *run, const mi_column *columns, int64_t count, int64_t rows)
{
    dim_tensor *across = NULL, *t = NULL;
    bool exact = is_exact(columns, count, rows);
    mi_try(run, dim_tensor_create(run->ctx, exact ? DIM_I64 : DIM_F64, 2, (int64_t[]){ count, rows }, &across));
    for (int64_t k = 0; k < count; k++) {
        const mi_column *c = &columns[k];
        int64_t *whole = (int64_t *)dim_tensor_data(across) + k * rows;
        if (!exact)
            memcpy(whole, c->value, (size_t)rows * sizeof(double)); /* as wide */
        for (int64_t i = 0; i < rows && exact; i++)
            whole[i] = c->exact != NULL ? c->exact[i] : (int64_t)c->value[i];
    }
    mi_try(run, dim_tensor_permute(across, (int[]){ 1, 0 }, &t));
    dim_tensor_destroy(across);
    return t;
}

/* Digits that are lost are said. */
static void note_wide(mi_run *run, const plan *p, const mi_column *columns, int64_t count)
{
    char text[256], name[MI_COLUMN_TEXT], where[64];
    if (is_exact(columns, count, p->s->t.rows))
        return;
    for (int64_t k = 0; k < count; k++) {
        const mi_column *c = &columns[k];
        if (c->labels || c->wide < 0)
            continue;
        snprintf(text, sizeof text, "%s, %s: a whole number beyond 2^53 lost its last digits: whole numbers up to 64 bits keep them, "
                 "where all columns of a side are such; --unordered takes them as labels", mi_table_text(&p->s->t, c->number, name),
                 place_of(p->s, c->wide, where));
        note(run, text);
    }
}

/* Other encodings, such as Latin-1, are printed as they are, but a page and JSON must be UTF-8. */
static void note_names(mi_run *run, const mi_table *t, const list *l)
{
    char text[256], buffer[32], name[MI_COLUMN_TEXT];
    for (int64_t k = 0; k < l->count; k++) {
        const unsigned char *at = (const unsigned char *)mi_table_name(t, l->at[k], buffer);
        while (*at != '\0' && ex_utf8(at) > 0)
            at += ex_utf8(at);
        if (*at == '\0')
            continue;
        snprintf(text, sizeof text, "the name of %s is not UTF-8; --json and --report write U+FFFD in place of such bytes",
                 mi_table_text(t, l->at[k], name));
        note(run, text);
        return;
    }
}

static void fill_side(mi_run *run, const plan *p, int which)
{
    mi_side *side = &run->data.side[which];
    const list *l = &p->side[which];
    const mi_table *t = &p->s->t;
    mi_column *columns = read_columns(run, p, l, &p->unordered);
    char buffer[32], text[160], name[MI_COLUMN_TEXT];
    side->columns = l->count;
    side->kinds = mi_alloc((size_t)l->count, sizeof *side->kinds);
    side->names = mi_alloc((size_t)l->count, sizeof *side->names);
    for (int64_t k = 0; k < l->count; k++) {
        const mi_column *c = &columns[k];
        check_missing(run, p->s, c);
        side->names[k] = strdup(mi_table_name(t, c->number, buffer));
        if (side->names[k] == NULL)
            mi_end(MI_DATA, "out of memory");
        bool continuous = has(&p->continuous, c->number), unordered = c->labels || has(&p->unordered, c->number);
        if (continuous && unordered)
            mi_end(MI_USAGE, "--continuous: %s %s", mi_table_text(t, c->number, name), c->text ? "has text" : "is in --unordered, too");
        side->kinds[k] = unordered ? DIM_INFORMATION_KIND_UNORDERED
                         : continuous ? DIM_INFORMATION_KIND_CONTINUOUS : DIM_INFORMATION_KIND_AUTO;
        if (c->text && !has(&p->unordered, c->number)) {
            snprintf(text, sizeof text, "%s is text: %lld label%s", mi_table_text(t, c->number, name), (long long)c->distinct,
                     c->distinct == 1 ? "" : "s");
            note(run, text);
        }
    }
    note_names(run, t, l);
    note_wide(run, p, columns, l->count);
    side->t = tensor_of(run, columns, l->count, t->rows);
    free_columns(run, l->count);
}

static void fill_weights(mi_run *run, const plan *p)
{
    char name[MI_COLUMN_TEXT], where[64];
    double sum = 0;
    if (p->weights.count == 0)
        return;
    mi_column *c = read_columns(run, p, &p->weights, &(list){ NULL, 0 });
    if (c->text)
        mi_end(MI_DATA, "--weights: %s of %s has text", mi_table_text(&p->s->t, c->number, name), p->s->t.path);
    check_missing(run, p->s, c);
    for (int64_t i = 0; i < p->s->t.rows; i++) {
        if (c->value[i] < 0)
            mi_end(MI_DATA, "--weights: %s of %s is %g in %s; weights are 0 or more", mi_table_text(&p->s->t, c->number, name),
                   p->s->t.path, c->value[i], place_of(p->s, i, where));
        sum += isfinite(c->value[i]) ? c->value[i] : 0;
    }
    if (!(sum > 0))
        mi_end(MI_DATA, "--weights: %s of %s is 0 in all rows", mi_table_text(&p->s->t, c->number, name), p->s->t.path);
    run->data.weights = tensor_of(run, c, 1, p->s->t.rows);
    free_columns(run, 1);
}

/* Groups are equal or not, nothing else: the bits of a number, or the number of a label, will do. */
static void fill_groups(mi_run *run, const plan *p)
{
    char name[MI_COLUMN_TEXT], where[64];
    if (p->groups.count == 0)
        return;
    mi_column *c = read_columns(run, p, &p->groups, &p->groups);
    mi_try(run, dim_tensor_create(run->ctx, DIM_I64, 1, (int64_t[]){ p->s->t.rows }, &run->data.groups));
    for (int64_t i = 0; i < p->s->t.rows; i++) {
        double value = c->value[i] + 0.0; /* -0 is 0 */
        if (isnan(value))
            mi_end(MI_DATA, "--group: %s of %s has no value in %s", mi_table_text(&p->s->t, c->number, name), p->s->t.path,
                   place_of(p->s, i, where));
        memcpy((int64_t *)dim_tensor_data(run->data.groups) + i, &value, sizeof value);
    }
    free_columns(run, 1);
}

/* Whether the first row has nothing but numbers such as 1999, and the second one has none. */
static bool looks_like_years(const mi_table *t)
{
    const char *field = t->first;
    for (int64_t k = 0; k < 2 * t->columns && t->rows > 1; k++, field += strlen(field) + 1) {
        double x = 0;
        bool year = mi_number(field, &x) == MI_NUMBER && x == floor(x) && x >= 1500 && x <= 2200;
        if (year != (k < t->columns))
            return false;
    }
    return t->rows > 1;
}

static void fill(mi_run *run, source *s)
{
    plan p = make_plan(run, s);
    bool all_text = true;
    run->data.rows = s->t.rows;
    for (int k = 0; k < MI_SIDES; k++)
        if (p.side[k].count > 0)
            fill_side(run, &p, k);
    fill_weights(run, &p);
    fill_groups(run, &p);
    for (int k = 0; k < MI_SIDES; k++)
        for (int64_t j = 0; j < run->data.side[k].columns; j++)
            all_text = all_text && run->data.side[k].kinds[j] == DIM_INFORMATION_KIND_UNORDERED;
    if (s->array == NULL && s->t.guessed && s->t.names != NULL && all_text)
        note(run, "the first line was taken as names (--no-header: it is a row)");
    if (s->array == NULL && s->t.guessed && s->t.names == NULL && looks_like_years(&s->t))
        note(run, "the first line, which looks like years, was taken as a row (--header: it has names)");
    free_plan(&p);
}

/* ---- files ----------------------------------------------------------------------------------------------------------------- */

static bool is_array(const char *path)
{
    size_t n = strlen(path);
    return n > 4 && strcmp(path + n - 4, ".npy") == 0;
}

static dim_tensor *load(const mi_run *run, const char *path)
{
    dim_tensor *t = NULL;
    mi_try(run, dim_tensor_load_npy(run->ctx, path, &t));
    if (dim_tensor_rank(t) < 1 || dim_tensor_rank(t) > 2)
        mi_end(MI_DATA, "%s has %d axes; it must be (rows) or (rows, columns)", path, dim_tensor_rank(t));
    if (dim_tensor_rank(t) == 2 && dim_tensor_size(t, 1) == 0)
        mi_end(MI_DATA, "%s has no columns", path);
    if (dim_tensor_rank(t) == 2)
        return t;
    dim_tensor *column = NULL;
    mi_try(run, dim_tensor_reshape(t, 2, (int64_t[]){ dim_tensor_size(t, 0), 1 }, &column));
    dim_tensor_destroy(t);
    return column;
}

/* As of a table, with the file's name and the number of the column. */
static void check_array(mi_run *run, const char *path, const dim_tensor *t)
{
    const void *at = dim_tensor_const_data(t); /* rows of numbers */
    int64_t rows = dim_tensor_size(t, 0), columns = dim_tensor_size(t, 1);
    source s = { .t = { .path = path, .rows = rows }, .array = at };
    if (dim_tensor_dtype(t) != DIM_F32 && dim_tensor_dtype(t) != DIM_F64)
        return;
    mi_column *c = run->data.reading = mi_alloc(1, sizeof *c);
    c->value = mi_alloc((size_t)rows, sizeof(double));
    for (c->number = 0; c->number < columns; c->number++) {
        for (int64_t i = 0, k = c->number; i < rows; i++, k += columns)
            c->value[i] = dim_tensor_dtype(t) == DIM_F32 ? (double)((const float *)at)[k] : ((const double *)at)[k];
        check_missing(run, &s, c);
    }
    free_columns(run, 1);
}

static void use_arrays(mi_run *run)
{
    for (int k = 0; k < run->o.files; k++) {
        mi_side *side = &run->data.side[k];
        if (!is_array(run->o.file[k]))
            mi_end(MI_USAGE, "%s is not called .npy; several files are arrays of NumPy's, x, y and perhaps z", run->o.file[k]);
        side->t = load(run, run->o.file[k]);
        side->columns = dim_tensor_size(side->t, 1);
        if (dim_tensor_size(side->t, 0) != dim_tensor_size(run->data.side[0].t, 0))
            mi_end(MI_DATA, "%s has %lld rows, but %s has %lld", run->o.file[k], (long long)dim_tensor_size(side->t, 0), run->o.file[0],
                   (long long)dim_tensor_size(run->data.side[0].t, 0));
        check_array(run, run->o.file[k], side->t);
        side->names = mi_alloc((size_t)side->columns, sizeof *side->names);
        for (int64_t j = 0; j < side->columns; j++) {
            char name[32];
            snprintf(name, sizeof name, "%c%lld", "xyz"[k], (long long)j + 1);
            side->names[j] = strdup(name);
            if (side->names[j] == NULL)
                mi_end(MI_DATA, "out of memory");
        }
    }
    run->data.rows = dim_tensor_size(run->data.side[0].t, 0);
}

static void use_array(mi_run *run)
{
    source s = { .array = NULL };
    dim_tensor *t = load(run, run->o.file[0]), *copy = NULL, *whole = NULL;
    s.t = (mi_table){ .path = run->o.file[0], .rows = dim_tensor_size(t, 0), .columns = dim_tensor_size(t, 1) };
    int64_t shape[2] = { s.t.rows, s.t.columns };
    mi_try(run, dim_tensor_create(run->ctx, DIM_F64, 2, shape, &copy));
    mi_try(run, dim_tensor_copy(copy, t));
    s.array = dim_tensor_const_data(copy);
    if (dim_tensor_dtype(t) == DIM_I64) { /* in the order of C, too */
        mi_try(run, dim_tensor_create(run->ctx, DIM_I64, 2, shape, &whole));
        mi_try(run, dim_tensor_copy(whole, t));
        s.whole = dim_tensor_const_data(whole);
    }
    fill(run, &s);
    dim_tensor_destroy(whole);
    dim_tensor_destroy(t);
    dim_tensor_destroy(copy);
}

static void use_table(mi_run *run)
{
    const char *path = run->o.file[0], *end = strrchr(path, '.');
    char error[MI_ERROR];
    source s = { .array = NULL };
    size_t size, n = strlen(path);
    char *text = mi_file_read(path, &size, error);
    bool tabs = (end != NULL && (strcmp(end, ".tsv") == 0 || strcmp(end, ".tab") == 0)) || (n > 7 && strcmp(path + n - 7, ".tsv.gz") == 0);
    if (text == NULL || !mi_table_parse(&s.t, text, size, path, (mi_header)run->o.header, tabs ? '\t' : '\0', error))
        mi_end(MI_DATA, "%s", error);
    fill(run, &s);
    mi_table_free(&s.t);
}

void mi_data_read(mi_run *run)
{
    if (run->o.files > 1)
        use_arrays(run);
    else if (is_array(run->o.file[0]))
        use_array(run);
    else
        use_table(run);
    run->data.square = run->data.square || (run->o.matrix && run->data.side[MI_Y].t == NULL);
}

void mi_data_free(mi_data *data)
{
    for (int k = 0; k < MI_SIDES; k++) {
        for (int64_t j = 0; j < data->side[k].columns && data->side[k].names != NULL; j++)
            free(data->side[k].names[j]);
        free(data->side[k].names);
        free(data->side[k].kinds);
        dim_tensor_destroy(data->side[k].t);
    }
    dim_tensor_destroy(data->weights);
    dim_tensor_destroy(data->groups);
    free(data->notes);
}
