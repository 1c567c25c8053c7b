#include "mi_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- fields ---------------------------------------------------------------------------------------------------------- */

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_missing(const char *text)
{
    static const char *const words[] = { "", "na", "n/a", "<na>", "nan", "null", "none", "?" };
    text += *text == '-' || *text == '+';
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

/* The point is moved out of the number: strtod() takes that of the locale, but digits and an exponent everywhere. */
mi_kind mi_number(const char *text, double *out)
{
    enum { MOST = 320 };
    char digits[MOST + 24];
    const char *at = text + (*text == '-' || *text == '+');
    int n = 0, exponent = 0, written = 0;
    if (is_missing(text))
        return MI_MISSING;
    if (strcasecmp(at, "inf") == 0 || strcasecmp(at, "infinity") == 0) {
        *out = *text == '-' ? -(double)INFINITY : (double)INFINITY;
        return MI_NUMBER;
    }
    for (bool point = false; is_digit(*at) || (*at == '.' && !point); at++) {
        if (at - text >= MOST)
            return MI_TEXT;
        if (*at == '.') {
            point = true;
            continue;
        }
        exponent -= point;
        digits[n++] = *at;
    }
    if (n == 0)
        return MI_TEXT;
    if (*at == 'e' || *at == 'E') {
        bool below = at[1] == '-';
        at += 1 + (at[1] == '-' || at[1] == '+');
        if (!is_digit(*at))
            return MI_TEXT;
        for (; is_digit(*at); at++)
            written = written < 10000 ? written * 10 + (*at - '0') : written;
        exponent += below ? -written : written;
    }
    if (*at != '\0')
        return MI_TEXT;
    snprintf(digits + n, sizeof digits - (size_t)n, "e%d", exponent);
    *out = strtod(digits, NULL);
    if (*text == '-')
        *out = -*out;
    return isfinite(*out) ? MI_NUMBER : MI_TEXT;
}

/* Whole numbers without an exponent: whether int64_t holds one is in `fits`. */
static bool is_whole(const char *text, int64_t *out, bool *fits)
{
    bool below = *text == '-';
    const char *at = text + (*text == '-' || *text == '+');
    *fits = true;
    *out = 0;
    if (!is_digit(*at))
        return false;
    for (; is_digit(*at); at++) { /* below 0, where there is one number more */
        int digit = *at - '0';
        *fits = *fits && *out >= (INT64_MIN + digit) / 10;
        *out = *fits ? 10 * *out - digit : 0;
    }
    *fits = *fits && (below || *out > INT64_MIN);
    *out = *fits && !below ? -*out : *out;
    return *at == '\0';
}

/* ---- lines to fields --------------------------------------------------------------------------------------------------- */

typedef struct scan {
    mi_table *t;
    const char *at, *end;
    char *to;                /* fields are written over what was read: they never become longer */
    char separator;
    int64_t line;            /* from 1 */
    int64_t room;            /* rows that t->line has */
    int64_t records, first_line; /* the names' included */
    char *error;
} scan;

static bool is_blank(const scan *s, char c) { return c == ' ' || (c == '\t' && s->separator != '\t'); }
static bool is_end(char c) { return c == '\n' || c == '\r'; }

static void skip_blanks(scan *s)
{
    while (s->at < s->end && is_blank(s, *s->at))
        s->at++;
}

/* Over an end of line: \n, \r\n or \r. */
static void skip_end(scan *s)
{
    s->at += *s->at == '\r' && s->at + 1 < s->end && s->at[1] == '\n' ? 2 : 1;
    s->line++;
}

static bool wrong_byte(const scan *s)
{
    snprintf(s->error, MI_ERROR, "%s: line %lld has a zero byte: it is not text", s->t->path, (long long)s->line);
    return false;
}

static bool read_quoted(scan *s, int64_t column)
{
    int64_t begin = s->line;
    char c = '"';
    for (s->at++; s->at < s->end; s->at++) {
        c = *s->at;
        if (c == '\0')
            return wrong_byte(s);
        if (c == '"' && (s->at + 1 == s->end || s->at[1] != '"'))
            break;
        s->at += c == '"'; /* a doubled quote is one */
        s->line += c == '\n';
        *s->to++ = c;
    }
    if (s->at == s->end) {
        snprintf(s->error, MI_ERROR, "%s: line %lld, column %lld: a quote begins here that nothing ends", s->t->path, (long long)begin,
                 (long long)column + 1);
        return false;
    }
    s->at++;
    skip_blanks(s);
    if (s->at < s->end && *s->at != s->separator && !is_end(*s->at)) {
        snprintf(s->error, MI_ERROR, "%s: line %lld, column %lld: after the quote that ends a field there is '%c', not a separator",
                 s->t->path, (long long)s->line, (long long)column + 1, *s->at > ' ' && *s->at <= '~' ? *s->at : '?');
        return false;
    }
    return true;
}

/* more: a separator ended it, and not the line. */
static bool read_field(scan *s, int64_t column, bool *more)
{
    skip_blanks(s);
    if (s->at < s->end && *s->at == '"') {
        if (!read_quoted(s, column))
            return false;
    } else {
        char *begin = s->to;
        for (; s->at < s->end && *s->at != s->separator && !is_end(*s->at); s->at++) {
            if (*s->at == '\0')
                return wrong_byte(s);
            *s->to++ = *s->at;
        }
        while (s->to > begin && is_blank(s, s->to[-1]))
            s->to--;
    }
    *more = s->at < s->end && *s->at == s->separator;
    if (s->at < s->end && !*more)
        skip_end(s);
    else
        s->at += *more;
    *s->to++ = '\0';         /* in the place of what ended the field, or behind the text */
    return true;
}

static bool note_row(scan *s, int64_t line)
{
    mi_table *t = s->t;
    if (s->records == s->room) {
        int64_t room = s->room < 1024 ? 1024 : 2 * s->room;
        int64_t *more = realloc(t->line, (size_t)room * sizeof *more);
        if (more == NULL) {
            snprintf(s->error, MI_ERROR, "%s: no memory for %lld rows", t->path, (long long)room);
            return false;
        }
        t->line = more;
        s->room = room;
    }
    t->line[s->records++] = line;
    return true;
}

/* One record, which a blank line is not. */
static bool read_record(scan *s)
{
    mi_table *t = s->t;
    int64_t fields = 0, line = s->line;
    skip_blanks(s);
    if (s->at == s->end)
        return true;
    if (is_end(*s->at)) {
        skip_end(s);
        return true;
    }
    for (bool more = true; more; fields++)
        if (!read_field(s, fields, &more))
            return false;
    if (s->records == 0) {
        t->columns = fields;
        s->first_line = line;
    } else if (fields != t->columns) {
        snprintf(s->error, MI_ERROR, "%s: line %lld has %lld field%s, but line %lld has %lld", t->path, (long long)line,
                 (long long)fields, fields == 1 ? "" : "s", (long long)s->first_line, (long long)t->columns);
        return false;
    }
    return note_row(s, line);
}

/* A tab where there is one outside of quotes, else a comma, else a semicolon. */
static char find_separator(const char *at, const char *end)
{
    bool quoted = false, comma = false, semicolon = false;
    while (at < end && (is_end(*at) || *at == ' '))
        at++;
    for (; at < end && (quoted || !is_end(*at)); at++) {
        quoted = quoted != (*at == '"');
        if (*at == '\t' && !quoted)
            return '\t';
        comma = comma || (*at == ',' && !quoted);
        semicolon = semicolon || (*at == ';' && !quoted);
    }
    return comma || !semicolon ? ',' : ';';
}

static const char *next_of(const char *field) { return field + strlen(field) + 1; }

/* Names are neither numbers nor missing; a first line that has a number has none, and one with nothing missing needs one. */
static bool has_names(const mi_table *t)
{
    bool any = false;
    const char *field = t->text;
    double x;
    for (int64_t c = 0; c < t->columns; c++, field = next_of(field)) {
        mi_kind kind = mi_number(field, &x);
        if (kind == MI_NUMBER)
            return false;
        any = any || kind == MI_TEXT;
    }
    return any;
}

/* The first record becomes names. */
static bool take_names(scan *s)
{
    mi_table *t = s->t;
    t->names = malloc((size_t)t->columns * sizeof *t->names);
    if (t->names == NULL) {
        snprintf(s->error, MI_ERROR, "%s: no memory for %lld names", t->path, (long long)t->columns);
        return false;
    }
    for (int64_t c = 0; c < t->columns; c++, t->first = next_of(t->first))
        t->names[c] = t->first;
    t->rows--;
    memmove(t->line, t->line + 1, (size_t)t->rows * sizeof *t->line);
    return true;
}

bool mi_table_parse(mi_table *t, char *text, size_t size, const char *path, mi_header header, char separator, char error[MI_ERROR])
{
    static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, as Windows writes it */
    scan s = { .t = t, .at = text, .end = text + size, .to = text, .separator = separator, .line = 1, .error = error };
    *t = (mi_table){ .path = path, .text = text, .first = text, .guessed = header == MI_HEADER_AUTO };
    if (size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        snprintf(error, MI_ERROR, "%s is UTF-16; it must be UTF-8", path);
        return false;
    }
    if (size >= 3 && memcmp(text, mark, 3) == 0)
        s.at += 3;
    if (separator == '\0')
        s.separator = find_separator(s.at, s.end);
    while (s.at < s.end)
        if (!read_record(&s))
            return false;
    t->rows = s.records;
    if (t->rows > 0 && (header == MI_HEADER_YES || (header == MI_HEADER_AUTO && has_names(t))) && !take_names(&s))
        return false;
    if (t->rows == 0) {
        snprintf(error, MI_ERROR, t->names != NULL ? "%s has a line of names but no rows (--no-header: it is a row)" : "%s is empty", path);
        return false;
    }
    return true;
}

void mi_table_free(mi_table *t)
{
    free(t->text);
    free(t->line);
    free(t->names);
    *t = (mi_table){ .rows = 0 };
}

const char *mi_table_name(const mi_table *t, int64_t column, char buffer[32])
{
    if (t->names != NULL && t->names[column][0] != '\0')
        return t->names[column];
    snprintf(buffer, 32, "#%lld", (long long)column + 1);
    return buffer;
}

void mi_tame(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c != '\0'; c++) {
        bool second = c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0; /* of UTF-8: U+0080 to U+009F */
        if (second)
            *c++ = '?';
        *c = second || *c < ' ' || *c == 0x7f ? '?' : *c;
    }
}

const char *mi_table_text(const mi_table *t, int64_t column, char buffer[MI_COLUMN_TEXT])
{
    int n = snprintf(buffer, MI_COLUMN_TEXT, "column %lld", (long long)column + 1);
    if (t->names != NULL && t->names[column][0] != '\0')
        snprintf(buffer + n, (size_t)(MI_COLUMN_TEXT - n), " '%.60s'", t->names[column]);
    mi_tame(buffer);
    return buffer;
}

/* ---- columns ----------------------------------------------------------------------------------------------------------- */

typedef struct labels {      /* of one column: texts by an open hash table, numbered in the order of their coming */
    const char **text;       /* (room) */
    int64_t *code;
    int64_t room, count;
} labels;

typedef struct reading {
    const mi_table *t;
    mi_column *columns;
    int64_t count;
    int64_t *slot;           /* (columns of the table): number in `columns` + 1, or 0 */
    int64_t *numbers, *texts; /* (count): fields of either kind */
    int64_t *first_text;     /* (count): row */
    const char **example;    /* (count): that text */
    labels *labels;          /* (count) */
    char *error;
} reading;

static bool no_memory(const reading *r)
{
    snprintf(r->error, MI_ERROR, "%s: no memory for %lld columns of %lld rows", r->t->path, (long long)r->count, (long long)r->t->rows);
    return false;
}

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    return hash ^ hash >> 29;
}

static int64_t place_of(const labels *l, const char *text)
{
    int64_t at = (int64_t)(hash_of(text) & (uint64_t)(l->room - 1));
    while (l->text[at] != NULL && strcmp(l->text[at], text) != 0)
        at = (at + 1) & (l->room - 1);
    return at;
}

static bool grow(labels *l)
{
    labels more = { .room = l->room == 0 ? 64 : 2 * l->room, .count = l->count };
    more.text = calloc((size_t)more.room, sizeof *more.text);
    more.code = calloc((size_t)more.room, sizeof *more.code);
    if (more.text == NULL || more.code == NULL) {
        free(more.text);
        free(more.code);
        return false;
    }
    for (int64_t i = 0; i < l->room; i++)
        if (l->text[i] != NULL) {
            int64_t at = place_of(&more, l->text[i]);
            more.text[at] = l->text[i];
            more.code[at] = l->code[i];
        }
    free(l->text);
    free(l->code);
    *l = more;
    return true;
}

/* -1: no memory. */
static int64_t label_of(labels *l, const char *text)
{
    if (2 * (l->count + 1) > l->room && !grow(l))
        return -1;
    int64_t at = place_of(l, text);
    if (l->text[at] == NULL) {
        l->text[at] = text;
        l->code[at] = l->count++;
    }
    return l->code[at];
}

static void count_whole(mi_column *c, int64_t row, const char *field, double x)
{
    int64_t whole;
    bool fits;
    if (!is_whole(field, &whole, &fits))
        return;
    c->whole += fits;
    bool held = fits && fabs(x) < 9e18 && (int64_t)x == whole;
    if (!held && fabs(x) > 9007199254740992.0 && c->wide < 0) /* 2^53 */
        c->wide = row;
}

static void count_field(reading *r, int64_t k, int64_t row, const char *field)
{
    double x;
    mi_kind kind = mi_number(field, &x);
    r->columns[k].missing += kind == MI_MISSING;
    r->numbers[k] += kind == MI_NUMBER;
    if (kind == MI_NUMBER)
        count_whole(&r->columns[k], row, field, x);
    if (kind == MI_TEXT && r->texts[k]++ == 0) {
        r->first_text[k] = row;
        r->example[k] = field;
    }
}

static bool fill_field(reading *r, int64_t k, int64_t row, const char *field)
{
    mi_column *c = &r->columns[k];
    bool fits;
    double x = (double)NAN;
    if (c->labels && !is_missing(field)) {
        int64_t code = label_of(&r->labels[k], field);
        if (code < 0)
            return no_memory(r);
        x = (double)code;
    } else if (!c->labels && mi_number(field, &x) == MI_MISSING) {
        x = (double)NAN;
    }
    c->value[row] = x;
    if (c->exact != NULL)
        (void)is_whole(field, &c->exact[row], &fits);
    return true;
}

static bool walk(reading *r, bool fill)
{
    const char *field = r->t->first;
    for (int64_t row = 0; row < r->t->rows; row++)
        for (int64_t c = 0; c < r->t->columns; c++, field = next_of(field)) {
            if (r->slot[c] == 0)
                continue;
            if (!fill)
                count_field(r, r->slot[c] - 1, row, field);
            else if (!fill_field(r, r->slot[c] - 1, row, field))
                return false;
        }
    return true;
}

/* Whether a text is a number but for a comma in the place of the point. */
static bool has_decimal_comma(const char *text)
{
    char copy[64];
    size_t n = strlen(text);
    double x;
    if (n >= sizeof copy || strchr(text, ',') == NULL || strchr(text, '.') != NULL)
        return false;
    memcpy(copy, text, n + 1);
    *strchr(copy, ',') = '.';
    return mi_number(copy, &x) == MI_NUMBER;
}

/* Text makes labels of a column, unless it looks like a slip among numbers. */
static bool decide(reading *r, int64_t k)
{
    mi_column *c = &r->columns[k];
    char name[MI_COLUMN_TEXT];
    c->text = r->texts[k] > 0;
    if (!c->text || c->labels)
        return true;
    double x = 0;
    (void)mi_number(r->example[k], &x);
    bool comma = has_decimal_comma(r->example[k]), large = isinf(x);
    c->labels = r->numbers[k] <= r->texts[k] && !comma && !large;
    if (!c->labels)
        snprintf(r->error, MI_ERROR, "%s: line %lld, %s: '%.60s' is %s (--unordered takes the column as labels)", r->t->path,
                 (long long)r->t->line[r->first_text[k]], mi_table_text(r->t, c->number, name), r->example[k],
                 large ? "too large: numbers end at 1.8e308" : comma ? "not a number: its decimal sign must be a point"
                                                                     : "not a number, but most of the column are");
    return c->labels;
}

static bool make_exact(reading *r, mi_column *c)
{
    if (c->labels || c->wide < 0 || c->whole < r->t->rows)
        return true;
    c->exact = malloc((size_t)r->t->rows * sizeof *c->exact);
    return c->exact != NULL || no_memory(r);
}

static bool read_columns(reading *r)
{
    for (int64_t k = 0; k < r->count; k++) {
        r->slot[r->columns[k].number] = k + 1;
        r->columns[k].value = malloc((size_t)r->t->rows * sizeof(double));
        if (r->columns[k].value == NULL)
            return no_memory(r);
        r->columns[k].whole = 0;
        r->columns[k].wide = -1;
        r->columns[k].exact = NULL;
    }
    (void)walk(r, false);
    for (int64_t k = 0; k < r->count; k++)
        if (!decide(r, k) || !make_exact(r, &r->columns[k]))
            return false;
    return walk(r, true);
}

bool mi_table_read(const mi_table *t, mi_column *columns, int64_t count, char error[MI_ERROR])
{
    size_t n = (size_t)count;
    reading r = { t, columns, count, calloc((size_t)t->columns, sizeof(int64_t)), calloc(n, sizeof(int64_t)), calloc(n, sizeof(int64_t)),
                  calloc(n, sizeof(int64_t)), calloc(n, sizeof(char *)), calloc(n, sizeof(labels)), error };
    bool ok = r.slot != NULL && r.numbers != NULL && r.texts != NULL && r.first_text != NULL && r.example != NULL && r.labels != NULL;
    ok = ok ? read_columns(&r) : no_memory(&r);
    for (int64_t k = 0; k < count && r.labels != NULL; k++) {
        columns[k].distinct = r.labels[k].count;
        free(r.labels[k].text);
        free(r.labels[k].code);
    }
    free(r.slot);
    free(r.numbers);
    free(r.texts);
    free(r.first_text);
    free(r.example);
    free(r.labels);
    return ok;
}
