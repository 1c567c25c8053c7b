#include "nn/network_text.h"

#include "base/enums.h"
#include "nn/layers/layer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const dim__field pixel_fields[] = {
    DIM__FIELDS(dim_encoder_options, mean, F32, DIM_MAX_CHANNELS, NULL),
    DIM__FIELDS(dim_encoder_options, std, F32, DIM_MAX_CHANNELS, NULL),
};
static const dim__table pixel_table = DIM__TABLE(dim_encoder_options, pixel_fields);

enum { LINE = 1024 };

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static dim_status append(dim_context *ctx, char **text, int64_t *size, int64_t *capacity, const char *line)
{
    int64_t n = (int64_t)strlen(line);
    DIM__TRY(dim__grow(ctx, text, capacity, *size + n + 2, 1));
    memcpy(*text + *size, line, (size_t)n);
    memcpy(*text + *size + n, "\n", 2);
    *size += n + 1;
    return DIM_OK;
}

/* The first one's name goes without saying. */
static void put_input(const dim__stack *s, int k, char line[LINE])
{
    const dim__input *in = &s->inputs[k];
    snprintf(line, LINE, "input%s%s %" PRId64 " %" PRId64 " %" PRId64, k > 0 ? " " : "", k > 0 ? in->name : "", in->shape[0],
             in->shape[1], in->shape[2]);
}

static void put_layer(const dim__stack *s, const dim__layer *l, char line[LINE])
{
    int used = snprintf(line, LINE, "%s %s", l->def->name, l->name);
    if (l->def->from)
        used += snprintf(line + used, LINE - (size_t)used, " from %s", dim__stack_name(s, l->from));
    if (l->tap[0] != '\0')
        used += snprintf(line + used, LINE - (size_t)used, " as %s", l->tap);
    dim__fields_put(line, (size_t)used, LINE, &dim__layer_table, &l->o);
}

static dim_status write(const dim_encoder *enc, char **text, int64_t *capacity)
{
    const dim__stack *s = &enc->stack;
    dim_encoder_options pixels = { .size = sizeof pixels };
    char line[LINE];
    int64_t size = 0;
    put_input(s, 0, line);
    DIM__TRY(append(enc->ctx, text, &size, capacity, line));
    memcpy(pixels.mean, enc->mean, sizeof pixels.mean);
    memcpy(pixels.std, enc->std, sizeof pixels.std);
    if (enc->normalise) {
        size_t used = (size_t)snprintf(line, sizeof line, "pixels");
        dim__fields_put(line, used, sizeof line, &pixel_table, &pixels);
        DIM__TRY(append(enc->ctx, text, &size, capacity, line));
    }
    for (int k = 1; k < s->n_inputs; k++) {
        put_input(s, k, line);
        DIM__TRY(append(enc->ctx, text, &size, capacity, line));
    }
    for (int64_t i = 0; i < s->count; i++) {
        put_layer(s, &s->layers[i], line);
        DIM__TRY(append(enc->ctx, text, &size, capacity, line));
    }
    return DIM_OK;
}

dim_status dim__network_write(const dim_encoder *enc, char **out)
{
    char *text = NULL;
    int64_t capacity = 0;
    dim_status status = write(enc, &text, &capacity);
    if (status == DIM_OK)
        *out = text;
    else
        dim__free(enc->ctx, text);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

/* The next word up to a space or the end, of at most size - 1 characters; false where there is none. */
static bool word(char **at, char *out, size_t size)
{
    size_t n = strcspn(*at, " ");
    if (n == 0 || n >= size)
        return false;
    memcpy(out, *at, n);
    out[n] = '\0';
    *at += n + ((*at)[n] == ' ');
    return true;
}

/* ", name value" and so on into options. */
static bool get_fields(char *rest, const dim__table *table, void *options)
{
    while (rest != NULL) {
        char *next = strstr(rest, ", ");
        if (next != NULL)
            *next = '\0';
        if (!dim__field_get(rest, table, options))
            return false;
        rest = next != NULL ? next + 2 : NULL;
    }
    return true;
}

/* Cuts the line behind its head; NULL where nothing follows. */
static char *cut_fields(char *line)
{
    char *comma = strstr(line, ", ");
    if (comma == NULL)
        return NULL;
    *comma = '\0';
    return comma + 2;
}

typedef struct reader {
    dim_context *ctx;
    const char *path;
    dim__stack stack;
    dim_encoder_options options; /* pixels */
    int line;
} reader;

static dim_status bad_line(const reader *r, const char *why)
{
    return dim__fail(r->ctx, DIM_E_FORMAT, "line %d of the network in %s: %s", r->line, r->path, why);
}

/* What the stack says of a line. */
static dim_status added(const reader *r, dim_status status)
{
    char why[sizeof r->ctx->error];
    if (status == DIM_OK || status == DIM_E_NOMEM)
        return status;
    memcpy(why, r->ctx->error, sizeof why);
    return bad_line(r, why);
}

static dim_status get_layer(reader *r, char *line)
{
    dim_layer_options o = { .size = sizeof o };
    char kind[DIM__TAP_SIZE], name[DIM__TAP_SIZE], from[DIM__TAP_SIZE], tap[DIM__TAP_SIZE], key[8];
    char *fields = cut_fields(line);
    int number = word(&line, kind, sizeof kind) ? dim__enum_value(dim__layer_name, kind) : -1;
    o.kind = (dim_layer_kind)number;
    if (number < 0)
        return bad_line(r, "it does not begin with a kind of layer that this version has");
    if (!word(&line, name, sizeof name))
        return bad_line(r, "the layer has no name");
    o.name = name;
    while (word(&line, key, sizeof key)) {
        if (strcmp(key, "from") == 0 && o.from == NULL && word(&line, from, sizeof from))
            o.from = from;
        else if (strcmp(key, "as") == 0 && o.tap == NULL && word(&line, tap, sizeof tap))
            o.tap = tap;
        else
            return bad_line(r, "after the name stand 'from TAP' and 'as TAP'");
    }
    if (*line != '\0' || !get_fields(fields, &dim__layer_table, &o))
        return bad_line(r, "its options are not ', NAME NUMBER' each");
    return added(r, dim__stack_add(&r->stack, &o));
}

static bool number(char **at, int64_t most, int64_t *out)
{
    char digits[12];
    if (!word(at, digits, sizeof digits) || strspn(digits, "0123456789") != strlen(digits))
        return false;
    *out = 0;
    for (const char *c = digits; *c != '\0'; c++)
        *out = *out * 10 + (*c - '0');
    return *out <= most;
}

/* A further input has a name. */
static dim_status get_input(reader *r, char *line)
{
    bool first = r->stack.n_inputs == 0;
    char key[8], name[DIM__TAP_SIZE] = "input";
    int64_t in[3];
    if (!word(&line, key, sizeof key) || strcmp(key, "input") != 0 || (!first && !word(&line, name, sizeof name)) ||
        !number(&line, 1 << 24, &in[0]) || !number(&line, 65536, &in[1]) || !number(&line, 65536, &in[2]) || *line != '\0')
        return bad_line(r, first ? "it is not 'input CHANNELS HEIGHT WIDTH'" : "it is not 'input NAME CHANNELS HEIGHT WIDTH'");
    if (first)
        r->options.channels = (uint32_t)in[0];
    return added(r, dim__stack_add_input(&r->stack, name, in));
}

static dim_status get_line(reader *r, char *line)
{
    if (++r->line == 1 || strncmp(line, "input ", 6) == 0)
        return get_input(r, line);
    if (r->line > 2 || strncmp(line, "pixels,", 7) != 0)
        return get_layer(r, line);
    return get_fields(cut_fields(line), &pixel_table, &r->options)
               ? DIM_OK
               : bad_line(r, "it is not 'pixels, mean NUMBERS, std NUMBERS'");
}

static dim_status get_lines(reader *r, char *text)
{
    while (*text != '\0') {
        char *end = strchr(text, '\n');
        if (end == NULL)
            return dim__fail(r->ctx, DIM_E_FORMAT, "the network in %s ends within a line", r->path);
        *end = '\0';
        DIM__TRY(get_line(r, text));
        text = end + 1;
    }
    return r->stack.count > 0 ? DIM_OK : dim__fail(r->ctx, DIM_E_FORMAT, "the network in %s has no layers", r->path);
}

dim_status dim__network_read(dim_context *ctx, const char *text, const char *path, int64_t most, dim_encoder **out)
{
    reader r = { .ctx = ctx, .path = path, .stack = { .ctx = ctx }, .options = { .size = sizeof r.options } };
    size_t size = strlen(text) + 1;
    char *copy = dim__alloc(ctx, size);
    if (copy == NULL)
        return DIM_E_NOMEM;
    memcpy(copy, text, size);
    dim_status status = get_lines(&r, copy);
    if (status == DIM_OK) {
        status = dim__encoder_from_stack(&r.stack, &r.options, most, out);
        if (status == DIM_E_FORMAT)
            dim__fail(ctx, status, "the network in %s has more weights than the file", path);
        if (status == DIM_E_INVALID) { /* mean and std, which are only checked now */
            r.line = 2;
            status = added(&r, status);
        }
    }
    dim__stack_free(&r.stack);
    dim__free(ctx, copy);
    return status;
}
