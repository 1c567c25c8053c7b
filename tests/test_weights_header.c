/* Headers of safetensors: which are accepted, what is said of the others, memory.  From memory, without a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/weights_header.h"
#include <stdio.h>
#include <stdlib.h>

typedef struct meter { /* an allocator that knows how much it gave at most, and fails where it is told to */
    size_t now, most;
    long calls, fail_at;
} meter;

static void *take(void *user, size_t size, size_t align)
{
    meter *m = user;
    if (++m->calls == m->fail_at)
        return NULL;
    m->now += size;
    m->most = m->now > m->most ? m->now : m->most;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void give(void *user, void *memory, size_t size)
{
    ((meter *)user)->now -= size;
    free(memory);
}

static meter memory;
static dim_context *ctx;

static int setup(void **state)
{
    dim_context_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 1;
    o.alloc = take;
    o.free = give;
    o.alloc_user = &memory;
    return dim_context_create(&o, &ctx) == DIM_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    return memory.now == 0 ? 0 : -1;
}

/* From memory of exactly its size, so that a sanitizer sees a byte too many. */
static dim_status parse(const char *header, size_t size, int64_t data)
{
    dim__st_header h;
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, header, size);
    dim_status status = dim__st_header_parse(ctx, "FILE", copy, (int64_t)size, data, &h);
    if (status == DIM_OK)
        dim__st_header_free(ctx, &h);
    free(copy);
    return status;
}

/* Undoes \xNN in place. */
static size_t unescape(char *text)
{
    char *out = text;
    for (const char *p = text; *p != '\0' && *p != '\n'; out++) {
        unsigned byte = (unsigned char)*p;
        bool escaped = *p == '\\';
        if (escaped)
            assert_int_equal(sscanf(p, "\\x%2x", &byte), 1);
        p += escaped ? 4 : 1;
        *out = (char)byte;
    }
    return (size_t)(out - text);
}

/* The verdicts of another parser: fixtures/make_headers.py. */
static void test_verdicts(void **state)
{
    static char line[1 << 17];
    int lines = 0, right = 0;
    FILE *f = fopen(DIM_TEST_DATA "/headers.txt", "r");
    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        char *header;
        bool good = line[0] == '+';
        long data = strtol(line + 2, &header, 10);
        size_t size = unescape(++header);
        dim_status status = parse(header, size, data);
        lines++;
        right += good;
        if (status != (good ? DIM_OK : DIM_E_FORMAT))
            fail_msg("line %d: %s: %s", lines, dim_status_name(status), dim_context_error(ctx));
        if (!good && strstr(dim_context_error(ctx), "FILE") == NULL)
            fail_msg("line %d: the file is not named: %s", lines, dim_context_error(ctx));
        for (const char *p = dim_context_error(ctx); *p != '\0'; p++)
            assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
    }
    assert_int_equal(fclose(f), 0);
    assert_true(lines > 1500 && right > 60);
}

static void test_texts(void **state)
{
    static const struct {
        const char *header;
        int64_t data;
        const char *says;
    } cases[] = {
        { "", 0, "not a JSON object" },
        { "[]", 0, "not a JSON object" },
        { " {}", 0, "not a JSON object" },
        { "{", 0, "not valid JSON: a name in quotes is missing, at byte 1 of 1" },
        { "{\"a\":1,", 0, "its entry is not an object" },
        { "{\"a\":{\"shape\":[048]}}", 0, "not valid JSON: a number begins with 0, at byte 16 of 21" },
        { "{\"a\\q\":1}", 0, "a backslash begins none of the escapes" },
        { "{}x", 0, "goes on after its JSON object, at byte 2" },
        { "{}\n", 0, "goes on" },
        { "{} ", 4, "4 follow" },
        { "{\"__metadata__\":[]}", 0, "__metadata__ is not an object of texts" },
        { "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "__metadata__ has 'k' twice" },
        { "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "tensor '__metadata__': there are two of this name" },
        { "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor 'a': dtype is missing" },
        { "{\"a\":{\"dtype\":4,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype" },
        { "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "shape is missing" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets is missing" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 8, "data_offsets is missing or is not two" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "begin <= end" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "'a': its entry has two of 'shape'" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4.0],\"data_offsets\":[0,16]}}", 16, "not a size" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, "shape is too large" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "2 elements of 4 bytes do not fill data_offsets [0, 4]" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "which leaves a hole after 0" },
        { "{\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
          "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "but the one before ends at 8" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "take 4 bytes, but 3 follow" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
          "\"\\u0061\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "tensor 'a': there are two of this name" },
        /* a name may not speak to the terminal, or begin a line of a log */
        { "{\"\\u001b[2Jx\\ny\xc2\x9b\":1}", 0, "tensor '\\x1b[2Jx\\x0ay\\xc2\\x9b': its entry" },
        { "{\"a\\u0000b\":1}", 0, "tensor 'a\\xc0\\x80b': its entry" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(cases[i].header, strlen(cases[i].header), cases[i].data), DIM_E_FORMAT);
        if (strstr(dim_context_error(ctx), cases[i].says) == NULL)
            fail_msg("'%s' is not in '%s'", cases[i].says, dim_context_error(ctx));
    }
}

/* Names and keys as a whole and after their escapes; the order of everything is free. */
static void test_contents(void **state)
{
    static const char text[] =
        "{\"b\\u0000\":{\"data_offsets\":[4,4],\"shape\":[0 , 7],\"dtype\":\"F\\u00364\",\"more\":[{\"dtype\":1}]},"
        "\"__metadata__\":{\"z\":\"1\",\"\\u0061\\n\":\"\\u00e9\",\"a\":\"\"},"
        "\"\xc3\xa9\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1,2],\"data_offsets\":[4,6]},"
        "\"a\":{\"shape\":[],\"data_offsets\":[0,4],\"dtype\":\"F32\"}}  ";
    char copy[sizeof text];
    dim__st_header h;
    int64_t shape[DIM__ST_MAX_RANK] = { 0 };
    (void)state;
    memcpy(copy, text, sizeof text);
    assert_int_equal(dim__st_header_parse(ctx, "FILE", copy, sizeof text - 1, 6, &h), DIM_OK);
    assert_int_equal(h.count, 3);
    assert_int_equal(h.n_meta, 3);
    assert_null(dim__st_header_find(&h, "b")); /* the name goes on behind its NUL */
    const dim__st_entry *e = dim__st_header_find(&h, "b\xc0\x80");
    assert_non_null(e);
    assert_int_equal(e->type, DIM__ST_F64);
    assert_string_equal(e->dtype, "F64");
    assert_int_equal(e->rank, 2);
    dim__st_header_shape(&h, e, shape);
    assert_true(shape[0] == 0 && shape[1] == 7);
    e = dim__st_header_find(&h, "\xc3\xa9");
    assert_true(e != NULL && e->rank == 10 && e->begin == 4 && e->end == 6 && e->type == DIM__ST_OTHER);
    e = dim__st_header_find(&h, "a");
    assert_true(e != NULL && e->rank == 0 && e->begin == 0 && e->end == 4 && e->type == DIM__ST_F32);
    assert_string_equal(dim__st_header_meta(&h, "a\n"), "\xc3\xa9");
    assert_string_equal(dim__st_header_meta(&h, "a"), "");
    assert_string_equal(dim__st_header_meta(&h, "z"), "1");
    assert_null(dim__st_header_meta(&h, "__metadata__"));
    assert_string_equal(h.meta[0].key, "z"); /* as they come: what is told of a file begins at its beginning */
    assert_string_equal(h.meta[2].key, "a");
    dim__st_header_free(ctx, &h);
}

typedef struct growing {
    char *text;
    size_t used, room;
} growing;

static void add(growing *g, const char *format, ...)
{
    va_list args;
    if (g->room - g->used < 4096) {
        g->room = 2 * g->room + 65536;
        g->text = realloc(g->text, g->room);
        assert_non_null(g->text);
    }
    va_start(args, format);
    g->used += (size_t)vsnprintf(g->text + g->used, g->room - g->used, format, args);
    va_end(args);
}

/* Much in little: as many tensors, keys, members, levels as a header of some MB can have.  The memory beside the text is
 * three times its size at most, and the time linear. */
static void test_memory(void **state)
{
    enum { N = 100000, SHAPES = 5 };
    (void)state;
    for (int shape = 0; shape < SHAPES; shape++) {
        growing g = { NULL, 0, 0 };
        dim__st_header h;
        add(&g, shape == 1 ? "{\"__metadata__\":{\"format\":\"\"" : "{\"__metadata__\":{}");
        for (int i = 0; i < N; i++)
            if (shape == 0)
                add(&g, ",\"%x\":{\"dtype\":\"\",\"shape\":[],\"data_offsets\":[0,0]}", i);
            else if (shape == 1)
                add(&g, ",\"%x\":\"\"", i);
            else if (shape == 2)
                add(&g, "%s[]", i == 0 ? ",\"a\":{\"m\":[" : ",");
            else if (shape == 3)
                add(&g, "%s0", i == 0 ? ",\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,0],\"shape\":[" : ",");
            else
                add(&g, "%s\\u0061", i == 0 ? ",\"" : "");
        add(&g, shape == 1 ? "}}" : shape == 2 ? "],\"dtype\":\"F32\",\"data_offsets\":[0,0],\"shape\":[0]}}" : shape == 3 ? "]}}"
            : shape == 4 ? "\":{\"dtype\":\"F32\",\"data_offsets\":[0,0],\"shape\":[0]}}" : "}");
        size_t before = memory.most = memory.now;
        dim_status status = dim__st_header_parse(ctx, "FILE", g.text, (int64_t)g.used, 0, &h);
        if (status != DIM_OK)
            fail_msg("%d: %s", shape, dim_context_error(ctx));
        if (memory.most - before > 3 * g.used)
            fail_msg("%d: %zu bytes for a header of %zu", shape, memory.most - before, g.used);
        assert_int_equal(h.count, shape == 0 ? N : shape == 1 ? 0 : 1);
        assert_int_equal(h.n_meta, shape == 1 ? N + 1 : 0);
        dim__st_header_free(ctx, &h);
        free(g.text);
    }
}

static void test_no_memory(void **state)
{
    static const char text[] = "{\"__metadata__\":{\"k\":\"\"},\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}";
    dim_status status = DIM_E_NOMEM;
    int failed = -1;
    (void)state;
    for (long n = 1; status != DIM_OK; n++, failed++) {
        memory.fail_at = memory.calls + n;
        status = parse(text, sizeof text - 1, 4);
        assert_true(status == DIM_OK || status == DIM_E_NOMEM);
    }
    memory.fail_at = 0;
    assert_int_equal(failed, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts), cmocka_unit_test(test_texts),     cmocka_unit_test(test_contents),
        cmocka_unit_test(test_memory),   cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
