#include "nn/network_text.h"

#include "nn/layers/layer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define F(member, kind) DIM__FIELD(dim_layer_options, member, kind)
const dim__field dim__layer_fields[DIM__LAYER_FIELDS] = {
    F(out, U32), F(kernel, U32), F(kernel_w, U32), F(stride, U32), F(padding, U32), F(padding_mode, U32), F(no_bias, U32),
    F(slope, F32), F(rate, F32), F(start, U32), F(output_padding, U32), F(height, U32), F(width, U32),
    F(stride_w, U32), F(padding_h, U32), F(padding_w, U32), F(dilation, U32), F(dilation_w, U32), F(output_padding_h, U32),
    F(output_padding_w, U32),
};
#undef F

static const dim__field pixel_fields[] = {
    DIM__FIELDS(dim_encoder_options, mean, F32, DIM_MAX_CHANNELS), DIM__FIELDS(dim_encoder_options, std, F32, DIM_MAX_CHANNELS),
};
enum { PIXEL_FIELDS = (int)(sizeof pixel_fields / sizeof *pixel_fields), LINE = 1024 };

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

static void put_layer(const dim__stack *s, const dim__layer *l, char line[LINE])
{
    int used = snprintf(line, LINE, "%s %s", l->def->name, l->name);
    if (l->def->from)
        used += snprintf(line + used, LINE - (size_t)used, " from %s", l->from < 0 ? "input" : s->layers[l->from].tap);
    if (l->tap[0] != '\0')
        used += snprintf(line + used, LINE - (size_t)used, " as %s", l->tap);
    dim__fields_put(line, (size_t)used, LINE, dim__layer_fields, DIM__LAYER_FIELDS, &l->o);
}

static dim_status write(const dim_encoder *enc, char **text, int64_t *capacity)
{
    const dim__stack *s = &enc->stack;
    dim_encoder_options pixels = { .size = sizeof pixels };
    char line[LINE];
    int64_t size = 0;
    snprintf(line, sizeof line, "input %" PRId64 " %" PRId64 " %" PRId64, s->input[0], s->input[1], s->input[2]);
    DIM__TRY(append(enc->ctx, text, &size, capacity, line));
    memcpy(pixels.mean, enc->mean, sizeof pixels.mean);
    memcpy(pixels.std, enc->std, sizeof pixels.std);
    if (enc->normalise) {
        size_t used = (size_t)snprintf(line, sizeof line, "pixels");
        dim__fields_put(line, used, sizeof line, pixel_fields, PIXEL_FIELDS, &pixels);
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
static bool get_fields(char *rest, const dim__field *fields, size_t n, void *options)
{
    while (rest != NULL) {
        char *next = strstr(rest, ", ");
        if (next != NULL)
            *next = '\0';
        if (!dim__field_get(rest, fields, n, options))
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

static bool find_kind(const char *name, dim_layer_kind *kind)
{
    for (int k = 0; dim__layer_def_of((dim_layer_kind)k) != NULL; k++)
        if (strcmp(dim__layer_def_of((dim_layer_kind)k)->name, name) == 0) {
            *kind = (dim_layer_kind)k;
            return true;
        }
    return false;
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

static dim_status get_layer(reader *r, char *line)
{
    dim_layer_options o = { .size = sizeof o };
    char kind[DIM__TAP_SIZE], name[DIM__TAP_SIZE], from[DIM__TAP_SIZE], tap[DIM__TAP_SIZE], key[8], why[sizeof r->ctx->error];
    char *fields = cut_fields(line);
    if (!word(&line, kind, sizeof kind) || !find_kind(kind, &o.kind))
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
    if (*line != '\0' || !get_fields(fields, dim__layer_fields, DIM__LAYER_FIELDS, &o))
        return bad_line(r, "its options are not ', NAME NUMBER' each");
    dim_status status = dim__stack_add(&r->stack, &o);
    if (status == DIM_OK || status == DIM_E_NOMEM)
        return status;
    memcpy(why, r->ctx->error, sizeof why);
    return bad_line(r, why);
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

static dim_status get_input(reader *r, char *line)
{
    int64_t *in = r->stack.input;
    char key[8];
    if (!word(&line, key, sizeof key) || strcmp(key, "input") != 0 || !number(&line, 1 << 24, &in[0]) ||
        !number(&line, 65536, &in[1]) || !number(&line, 65536, &in[2]) || *line != '\0' || in[0] < 1 ||
        (in[1] > 0 && in[2] == 0))
        return bad_line(r, "it is not 'input CHANNELS HEIGHT WIDTH'");
    r->options.channels = (uint32_t)in[0];
    return DIM_OK;
}

static dim_status get_line(reader *r, char *line)
{
    if (++r->line == 1)
        return get_input(r, line);
    if (r->line > 2 || strncmp(line, "pixels,", 7) != 0)
        return get_layer(r, line);
    return get_fields(cut_fields(line), pixel_fields, PIXEL_FIELDS, &r->options)
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
    }
    dim__stack_free(&r.stack);
    dim__free(ctx, copy);
    return status;
}
