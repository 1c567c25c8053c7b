/* Checkpoints whose metadata somebody has changed, with checksums that are right again. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/weights_header.h"
#include "model/model.h"
#include "resume_tests.h"
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

static char path[64];

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "test_checkpoint_file_%ld", (long)getpid());
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

typedef struct contents { /* of a file: header and data */
    char *header;
    size_t header_size;
    unsigned char *data;
    size_t data_size;
} contents;

static contents read_contents(void)
{
    contents c = { NULL, 0, NULL, 0 };
    unsigned char length[8];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(length, 1, 8, f), 8);
    for (int k = 7; k >= 0; k--)
        c.header_size = c.header_size << 8 | length[k];
    c.header = calloc(c.header_size + 1, 1);
    c.data = malloc(1 << 22);
    assert_true(c.header != NULL && c.data != NULL);
    assert_int_equal(fread(c.header, 1, c.header_size, f), c.header_size);
    c.data_size = fread(c.data, 1, 1 << 22, f);
    assert_true(c.data_size > 0 && c.data_size < 1 << 22);
    fclose(f);
    return c;
}

static void put_sum(contents *c, size_t at, bool data)
{
    char digits[DIM__ST_DIGITS + 1];
    uint64_t h = dim__st_checksum_bytes(DIM__ST_CHECKSUM_START, (unsigned char *)c->header, (int64_t)c->header_size);
    if (data)
        h = dim__st_checksum_bytes(h, c->data, (int64_t)c->data_size);
    snprintf(digits, sizeof digits, "%016" PRIx64, h);
    memcpy(c->header + at, digits, DIM__ST_DIGITS);
}

/* With checksums that are right. */
static void write_contents(contents *c)
{
    memset(c->header + DIM__ST_DIGITS_AT, '0', DIM__ST_DIGITS);
    memset(c->header + DIM__ST_OWN_DIGITS_AT, '0', DIM__ST_DIGITS);
    put_sum(c, DIM__ST_OWN_DIGITS_AT, false);
    put_sum(c, DIM__ST_DIGITS_AT, true);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (int k = 0; k < 8; k++)
        fputc((int)(c->header_size >> 8 * k & 255), f);
    assert_int_equal(fwrite(c->header, 1, c->header_size, f), c->header_size);
    assert_int_equal(fwrite(c->data, 1, c->data_size, f), c->data_size);
    assert_int_equal(fclose(f), 0);
}

static void free_contents(contents *c)
{
    free(c->header);
    free(c->data);
}

/* Puts `text` into the header in place of what stands from `at` on, `length` bytes, and pads it to words again. */
static void splice(contents *c, size_t at, size_t length, const char *text)
{
    while (c->header[c->header_size - 1] == ' ')
        c->header_size--;
    size_t more = strlen(text), size = c->header_size - length + more, padded = (size + 7) / 8 * 8;
    char *header = calloc(padded + 1, 1);
    assert_non_null(header);
    memcpy(header, c->header, at);
    memcpy(header + at, text, more);
    memcpy(header + at + more, c->header + at + length, c->header_size - at - length);
    memset(header + size, ' ', padded - size);
    free(c->header);
    c->header = header;
    c->header_size = padded;
}

/* Behind the checksums. */
static void add_metadata(contents *c, const char *text) { splice(c, DIM__ST_OWN_DIGITS_AT + DIM__ST_DIGITS + 1, 0, text); }

static void set_value(contents *c, const char *key, const char *value)
{
    char quoted[128];
    snprintf(quoted, sizeof quoted, "\"%s\":\"", key);
    const char *found = strstr(c->header, quoted);
    if (found == NULL) {
        snprintf(quoted, sizeof quoted, ",\"%s\":\"%s\"", key, value);
        add_metadata(c, quoted);
        return;
    }
    size_t at = (size_t)(found - c->header) + strlen(quoted);
    splice(c, at, strcspn(c->header + at, "\""), value);
}

static const plan usual = { .recipe = LOCAL, .seed = 3, .samples = 0 };

static void save_one(void)
{
    world w = opened(&usual);
    ok(&w, world_step(&w));
    ok(&w, dim_checkpoint_save(w.model, w.loader, path));
    world_close(&w);
}

/* Numbers near the end of 64 bits, from which counting would go on at 0, and a loader wait for ever. */
static void test_numbers(void **state)
{
    static const struct {
        const char *key, *value, *says; /* NULL = it is accepted */
    } cases[] = {
        { "dim.state.loader.epoch", "18446744073709551615",
          "'dim.state.loader.epoch' is missing or is not a number up to 4611686018427387904" },
        { "dim.state.loader.epoch", "4611686018427387905", "loader.epoch" },
        { "dim.state.loader.epoch", "4611686018427387904", "the checkpoint is at batch 1 of epoch 4611686018427387904" },
        { "dim.state.loader.epoch", "1152921504606846976", "there are at most 2^62" }, /* 4 batches an epoch */
        { "dim.state.loader.batch", "4", "but an epoch has 4 batches" },
        { "dim.state.loader.batch", "18446744073709551615", "loader.batch" },
        { "dim.state.loader.batch", "99999999999999999999999999", "loader.batch" },
        { "dim.state.loader.batch", "-1", "loader.batch" },
        { "dim.state.loader.batch", "", "loader.batch" },
        { "dim.state.steps", "18446744073709551615", "state.steps" },
        { "dim.state.draws", "18446744073709551615", "state.draws" },
        { "dim.state.optimizer0.steps", "18446744073709551615", "state.optimizer0.steps" },
        { "dim.state.loader.epoch", "1152921504606846975", NULL },
        { "dim.state.loader.seed", "18446744073709551615", NULL },
        { "dim.state.seed", "18446744073709551615", NULL },
        { "dim.state.steps", "4611686018427387904", NULL },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint32_t no_thread = 0; no_thread < 2; no_thread++) {
            plan p = usual;
            p.no_thread = no_thread;
            p.prefetch = 2; /* a ring whose length does not divide 2^64 */
            save_one();
            contents c = read_contents();
            set_value(&c, cases[i].key, cases[i].value);
            write_contents(&c);
            free_contents(&c);
            world w = opened(&p);
            dim_status status = dim_checkpoint_load(w.model, w.loader, path);
            if (status != (cases[i].says == NULL ? DIM_OK : DIM_E_FORMAT))
                fail_msg("%s '%s': %s: %s", cases[i].key, cases[i].value, dim_status_name(status), dim_context_error(w.ctx));
            if (cases[i].says != NULL && strstr(dim_context_error(w.ctx), cases[i].says) == NULL)
                fail_msg("'%s' is not in '%s'", cases[i].says, dim_context_error(w.ctx));
            for (int k = 0; k < 6; k++)
                ok(&w, world_step(&w));
            world_close(&w);
        }
}

/* Much metadata costs in proportion: with a search through all for each, this would take many minutes. */
static void test_much_metadata(void **state)
{
    enum { KEYS = 400000, ROOM = 24 * KEYS };
    char *text = malloc(ROOM);
    (void)state;
    assert_non_null(text);
    for (int kind = 0; kind < 2; kind++) { /* other programs' keys, before and behind ours; a setting among them */
        size_t used = 0;
        for (int i = 0; i < KEYS; i++)
            used += (size_t)snprintf(text + used, ROOM - used, ",\"%c%d\":\"y\"", kind == 0 ? 'x' : 'a', i);
        save_one();
        contents c = read_contents();
        add_metadata(&c, text);
        if (kind == 1)
            add_metadata(&c, ",\"dim.x\":\"1\"");
        write_contents(&c);
        free_contents(&c);
        world w = opened(&usual);
        dim_status status = dim_checkpoint_load(w.model, w.loader, path);
        assert_int_equal(status, kind == 0 ? DIM_OK : DIM_E_INVALID);
        if (kind == 1)
            assert_non_null(strstr(dim_context_error(w.ctx), "x is '1' in the checkpoint, but missing here"));
        world_close(&w);
    }
    free(text);
}

static void test_twice(void **state)
{
    (void)state;
    save_one();
    contents c = read_contents();
    add_metadata(&c, ",\"dim.state.st\\u0065ps\":\"7\"");
    write_contents(&c);
    free_contents(&c);
    world w = opened(&usual);
    assert_int_equal(dim_checkpoint_load(w.model, w.loader, path), DIM_E_FORMAT);
    assert_non_null(strstr(dim_context_error(w.ctx), "__metadata__ has 'dim.state.steps' twice"));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_much_metadata),
        cmocka_unit_test(test_twice),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
