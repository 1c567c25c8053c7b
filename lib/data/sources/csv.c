/* Vectors as text: a line a sample, fields with commas or tabs between them, perhaps a header.  A stream is gone through
 * twice: to see how many lines of how many fields there are, then for the numbers. */
#include "data/source.h"
#include "data/sources/number.h"
#include "data/sources/parse.h"

#include <strings.h>

enum { CHUNK = 1 << 16, MAX_LINE = 1 << 26 };

/* Lines of a stream, one after the other. */
typedef struct reader {
    dim_context *ctx;
    dim__stream *s;
    char *buffer;
    int64_t room, begin, end; /* what is not handed out yet is begin .. end - 1 */
    bool all;                 /* the stream has no more */
    int64_t number;           /* of the line handed out last, from 1 */
} reader;

static dim_status fill(reader *r)
{
    size_t got;
    if (r->begin > 0) /* not again and again for a long line */
        memmove(r->buffer, r->buffer + r->begin, (size_t)(r->end - r->begin));
    r->end -= r->begin;
    r->begin = 0;
    if (r->end > MAX_LINE)
        return dim__fail(r->ctx, DIM_E_FORMAT, "%s: line %lld is longer than %d bytes", dim__stream_path(r->s),
                         (long long)r->number + 1, MAX_LINE);
    DIM__TRY(dim__grow(r->ctx, &r->buffer, &r->room, r->end + CHUNK + 1, 1));
    DIM__TRY(dim__stream_some(r->s, r->buffer + r->end, CHUNK, &got));
    r->end += (int64_t)got;
    r->all = got < CHUNK;
    return DIM_OK;
}

static bool is_blank(char c) { return c == ' ' || c == '\r'; }

/* The next line that has more than blanks, as text that may be changed; NULL after the last. */
static dim_status next_line(reader *r, char **line)
{
    for (int64_t seen = 0;;) {
        char *from = r->buffer + r->begin, *end = memchr(from + seen, '\n', (size_t)(r->end - r->begin - seen));
        if (end == NULL && !r->all) {
            seen = r->end - r->begin;
            DIM__TRY(fill(r));
            continue;
        }
        int64_t n = end != NULL ? end - from : r->end - r->begin, blanks = 0;
        r->begin += n + (end != NULL);
        r->number++;
        seen = 0;
        while (blanks < n && is_blank(from[blanks]))
            blanks++;
        if (blanks < n) {
            if (memchr(from, '\0', (size_t)n) != NULL)
                return dim__fail(r->ctx, DIM_E_FORMAT, "%s: line %lld has a zero byte: it is not text",
                                 dim__stream_path(r->s), (long long)r->number);
            from[n] = '\0';
            *line = from;
            return DIM_OK;
        }
        if (end == NULL) {
            *line = NULL;
            return DIM_OK;
        }
    }
}

static dim_status rewind_reader(reader *r)
{
    r->begin = r->end = r->number = 0;
    r->all = false;
    DIM__TRY(dim__stream_rewind(r->s));
    return fill(r);
}

/* Cuts the next field off *at, without its quotes and the blanks around it.  Sets *at to NULL after the last. */
static const char *next_field(char **at, char separator)
{
    char *from = *at, *to, *end;
    while (*from != separator && is_blank(*from))
        from++;
    if (*from == '"') {
        to = ++from;
        for (end = from; *end != '\0' && (*end != '"' || end[1] == '"'); end++) {
            end += *end == '"'; /* a doubled quote is one */
            *to++ = *end;
        }
        bool more = *end == '\0'; /* no quote ends it, or more comes after: then they are part of a text, which is not a number */
        for (end += *end == '"'; *end != '\0' && *end != separator; end++)
            more = more || !is_blank(*end);
        if (more) {
            from--;
            to = end;
        }
    } else {
        end = strchr(from, separator);
        if (end == NULL)
            end = from + strlen(from);
        for (to = end; to > from && is_blank(to[-1]);)
            to--;
    }
    *at = *end != '\0' ? end + 1 : NULL;
    *to = '\0';
    return from;
}

typedef struct table {
    char separator;
    bool header;
    int64_t columns, rows, label; /* number of the labels' column; -1 = none */
} table;

/* Whether a field is a name, and not just what programs write for a number that is missing. */
static bool is_name(const char *field)
{
    static const char *const missing[] = { "", "nan", "inf", "infinity", "na", "n/a", "<na>", "null", "none", "?" };
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        if (strcasecmp(field + (*field == '-' || *field == '+'), missing[i]) == 0)
            return false;
    return !dim__number_written(field);
}

/* Which column has the labels, by the fields of the first line. */
static dim_status find_label(const reader *r, const dim__csv_request *request, char *line, table *t)
{
    const char *want = request->label_column != NULL ? request->label_column : "label";
    int64_t number = 0;
    const char *digit = want;
    t->label = -1;
    for (char *at = line; at != NULL; t->columns++) {
        const char *field = next_field(&at, t->separator);
        t->header = t->header || is_name(field);
        if (t->label < 0 && strcmp(field, want) == 0)
            t->label = t->columns;
    }
    if (!t->header)
        t->label = -1; /* a number that looks like the column's */
    if (t->label >= 0 || request->label_column == NULL)
        return DIM_OK;
    for (; *digit >= '0' && *digit <= '9' && number < t->columns; digit++)
        number = number * 10 + (*digit - '0');
    if (digit == want || *digit != '\0' || number >= t->columns)
        return dim__fail(r->ctx, DIM_E_INVALID, "%s: label_column is \"%.100s\", which is neither %s nor a number below %lld",
                         dim__stream_path(r->s), want, t->header ? "a name in the header" : "in a header, as there is none,",
                         (long long)t->columns);
    t->label = number;
    return DIM_OK;
}

/* The first pass. */
static dim_status measure(reader *r, const dim__csv_request *request, table *t)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, as Windows writes it */
    char *line;
    *t = (table){ .separator = ',' };
    DIM__TRY(rewind_reader(r));
    DIM__TRY(next_line(r, &line));
    if (line == NULL)
        return dim__fail(r->ctx, DIM_E_FORMAT, "%s is empty", dim__stream_path(r->s));
    if (strncmp(line, mark, 3) == 0)
        line += 3;
    if (memchr(line, '\t', strlen(line)) != NULL)
        t->separator = '\t';
    DIM__TRY(find_label(r, request, line, t));
    t->rows = !t->header;
    for (;;) {
        int64_t fields = 0;
        DIM__TRY(next_line(r, &line));
        if (line == NULL)
            break;
        for (char *at = line; at != NULL; fields++)
            next_field(&at, t->separator);
        if (fields != t->columns)
            return dim__fail(r->ctx, DIM_E_FORMAT, "%s: line %lld has %lld fields, but the first one has %lld",
                             dim__stream_path(r->s), (long long)r->number, (long long)fields, (long long)t->columns);
        t->rows++;
    }
    if (t->rows == 0)
        return dim__fail(r->ctx, DIM_E_FORMAT, "%s has a header but no line of numbers", dim__stream_path(r->s));
    return t->columns > (t->label >= 0) ? DIM_OK : dim__fail(r->ctx, DIM_E_FORMAT, "%s has no column but the labels'",
                                                               dim__stream_path(r->s));
}

/* One line's numbers into a row of f32 or u8. */
static dim_status read_row(const reader *r, const table *t, char *line, float *row, uint8_t *pixels, int32_t *label)
{
    const char *path = dim__stream_path(r->s);
    int64_t at_column = 0, kept = 0;
    for (char *at = line; at != NULL; at_column++) {
        const char *field = next_field(&at, t->separator);
        float x;
        if (at_column == t->label && label == NULL) /* nobody wants to know */
            continue;
        if (!dim__number_parse(field, &x))
            return dim__fail(r->ctx, DIM_E_FORMAT, "%s: line %lld, field %lld: \"%.40s\" is not a finite number with a point",
                             path, (long long)r->number, (long long)at_column, field);
        if (at_column == t->label) {
            if (!(x >= 0 && x <= 1 << 24 && x == (float)(int32_t)x))
                return dim__fail(r->ctx, DIM_E_FORMAT, "%s: line %lld: label \"%.40s\" is not a whole number, 0 .. %d", path,
                                 (long long)r->number, field, 1 << 24);
            *label = (int32_t)x;
        } else if (row != NULL) {
            row[kept++] = x;
        } else if (x >= 0 && x <= 255 && x == (float)(int)x) {
            pixels[kept++] = (uint8_t)x;
        } else {
            return dim__fail(r->ctx, DIM_E_FORMAT, "%s: line %lld, field %lld: \"%.40s\" is not a pixel, a whole number 0 .. 255",
                             path, (long long)r->number, (long long)at_column, field);
        }
    }
    return DIM_OK;
}

static dim_status make_images(const reader *r, const dim__csv_request *request, const table *t, dim_tensor **out)
{
    int64_t values = t->columns - (t->label >= 0), side = request->image_size, plane = side * side;
    if (side == 0)
        return dim__tensor_create(r->ctx, DIM_F32, 2, (int64_t[]){ t->rows, values }, out);
    if (values != plane && values != 3 * plane)
        return dim__fail(r->ctx, DIM_E_SHAPE, "%s has %lld columns of pixels; images of size %lld have %lld or %lld",
                         dim__stream_path(r->s), (long long)values, (long long)side, (long long)plane, (long long)(3 * plane));
    return dim__tensor_create(r->ctx, DIM_U8, 4, (int64_t[]){ t->rows, values / plane, side, side }, out);
}

/* The second pass. */
static dim_status read_rows(reader *r, const table *t, dim_tensor *images, dim_tensor *labels)
{
    char *line;
    int64_t values = dim__tensor_count(images) / t->rows;
    DIM__TRY(rewind_reader(r));
    if (t->header)
        DIM__TRY(next_line(r, &line));
    for (int64_t i = 0; i < t->rows; i++) {
        float *row = images->dtype == DIM_F32 ? (float *)(void *)images->data + i * values : NULL;
        uint8_t *pixels = row == NULL ? (uint8_t *)images->data + i * values : NULL;
        DIM__TRY(next_line(r, &line));
        if (line == NULL) /* it has been cut meanwhile */
            return dim__fail(r->ctx, DIM_E_FORMAT, "%s is truncated", dim__stream_path(r->s));
        if (i == 0 && !t->header && (unsigned char)line[0] == 0xef)
            line += 3; /* the mark that measure() saw */
        DIM__TRY(read_row(r, t, line, row, pixels, labels != NULL ? (int32_t *)(void *)labels->data + i : NULL));
    }
    return DIM_OK;
}

dim_status dim__csv_read(dim_context *ctx, dim__stream *s, const dim__csv_request *request, dim_tensor **images,
                         dim_tensor **labels)
{
    reader r = { .ctx = ctx, .s = s };
    table t;
    dim_tensor *x = NULL, *y = NULL;
    dim_status status;
    DIM__TRY_OR(done, dim__grow(ctx, &r.buffer, &r.room, CHUNK + 1, 1));
    DIM__TRY_OR(done, measure(&r, request, &t));
    DIM__TRY_OR(done, make_images(&r, request, &t, &x));
    if (t.label >= 0 && !request->no_labels)
        DIM__TRY_OR(done, dim__tensor_create(ctx, DIM_I32, 1, &t.rows, &y));
    DIM__TRY_OR(done, read_rows(&r, &t, x, y));
    *images = x;
    *labels = y;
    x = y = NULL;
done:
    dim__tensor_destroy(x);
    dim__tensor_destroy(y);
    dim__free(ctx, r.buffer);
    return status;
}

dim_status dim__source_csv(dim_context *ctx, const dim__request *request, dim__samples *out)
{
    static const char *const endings[] = { ".csv", ".csv.gz", NULL };
    dim__csv_request csv = { request->options.label_column, request->options.labels == DIM_LABELS_NONE,
                             request->options.image_size };
    dim__stream *s = NULL;
    char *path = NULL;
    DIM__TRY(dim__source_file(ctx, request, endings, &path));
    size_t n = strlen(path);
    dim_status status;
    DIM__TRY_OR(done, dim__stream_open(ctx, path, n > 3 && strcmp(path + n - 3, ".gz") == 0, &s));
    status = dim__csv_read(ctx, s, &csv, &out->images, &out->labels);
done:
    dim__stream_close(s);
    dim__free(ctx, path);
    return status;
}
