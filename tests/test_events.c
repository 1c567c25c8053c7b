/* Event files: checksums against published values, and files read back by a reader that knows the format and nothing of the writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../examples/events.h"
#include <stdlib.h>
#include <string.h>

/* RFC 3720, B.4, and the check value of "123456789"; masked as TensorFlow does it: turned by 15 bits, plus a constant. */
static void test_checksums(void **state)
{
    unsigned char zeros[32] = { 0 }, ones[32], up[32];
    (void)state;
    for (int i = 0; i < 32; i++) {
        ones[i] = 0xff;
        up[i] = (unsigned char)i;
    }
    const struct {
        const void *bytes;
        size_t size;
        uint32_t crc;
    } cases[] = { { zeros, 32, 0x8a9136aau }, { ones, 32, 0x62a8ab43u }, { up, 32, 0x46dd794eu }, { "123456789", 9, 0xe3069283u } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t crc = cases[i].crc, masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
        assert_int_equal(ex_masked_crc(cases[i].bytes, cases[i].size), masked);
    }
    /* The first 12 bytes of every file that TensorFlow writes: a record of 24 bytes. */
    static const unsigned char length[8] = { 24 };
    assert_int_equal(ex_masked_crc(length, 8), 0x224b7fa3u);
}

typedef struct reader {
    const unsigned char *at, *end;
} reader;

static uint64_t little(reader *r, int bytes)
{
    uint64_t v = 0;
    assert_true(r->end - r->at >= bytes);
    for (int k = 0; k < bytes; k++)
        v |= (uint64_t)*r->at++ << (8 * k);
    return v;
}

static uint64_t varint(reader *r)
{
    uint64_t v = 0;
    for (int shift = 0;; shift += 7) {
        assert_true(r->at < r->end && shift < 64);
        v |= (uint64_t)(*r->at & 127) << shift;
        if ((*r->at++ & 128) == 0)
            return v;
    }
}

static reader part(reader *r, uint64_t size)
{
    assert_true((uint64_t)(r->end - r->at) >= size);
    reader p = { r->at, r->at + size };
    r->at += size;
    return p;
}

typedef struct scalar {
    char name[600];
    float value;
    int names;
} scalar;

typedef struct event {
    double seconds;
    int64_t step;
    char version[32];
    scalar scalars[4];
    int n;
} event;

static void read_value(reader r, scalar *s)
{
    while (r.at < r.end) {
        uint64_t field = varint(&r);
        if (field == (1 << 3 | 2)) {
            uint64_t size = varint(&r);
            reader text = part(&r, size);
            assert_true(size < sizeof s->name);
            memcpy(s->name, text.at, size);
            s->names++;
        } else {
            assert_int_equal(field, 2 << 3 | 5);
            uint32_t bits = (uint32_t)little(&r, 4);
            memcpy(&s->value, &bits, sizeof bits);
        }
    }
}

static void read_summary(reader r, event *e)
{
    while (r.at < r.end) {
        assert_int_equal(varint(&r), 1 << 3 | 2);
        uint64_t size = varint(&r);
        assert_true(e->n < 4);
        read_value(part(&r, size), &e->scalars[e->n++]);
    }
}

static event read_event(reader r)
{
    static event e;
    memset(&e, 0, sizeof e);
    while (r.at < r.end) {
        uint64_t field = varint(&r), bits;
        switch (field) {
        case 1 << 3 | 1:
            bits = little(&r, 8);
            memcpy(&e.seconds, &bits, sizeof bits);
            break;
        case 2 << 3 | 0: e.step = (int64_t)varint(&r); break;
        case 3 << 3 | 2: {
            uint64_t size = varint(&r);
            reader text = part(&r, size);
            assert_true(size < sizeof e.version);
            memcpy(e.version, text.at, size);
            break;
        }
        case 5 << 3 | 2: {
            uint64_t size = varint(&r);
            read_summary(part(&r, size), &e);
            break;
        }
        default: fail_msg("field %llu", (unsigned long long)field);
        }
    }
    return e;
}

/* The next record, whose checksums are right. */
static event read_record(reader *r)
{
    const unsigned char *head = r->at;
    uint64_t size = little(r, 8);
    assert_int_equal(little(r, 4), ex_masked_crc(head, 8));
    reader message = part(r, size);
    assert_int_equal(little(r, 4), ex_masked_crc(message.at, size));
    return read_event(message);
}

static void test_file(void **state)
{
    static char long_name[500];
    char *bytes = NULL;
    size_t size = 0;
    ex_event e;
    (void)state;
    memset(long_name, 'n', sizeof long_name - 1); /* its length takes two bytes */
    FILE *to = open_memstream(&bytes, &size);
    assert_non_null(to);
    assert_true(ex_event_version(to, 1700000000.25));
    ex_event_begin(&e, 1700000001.5, 300);
    ex_event_scalar(&e, "loss", -1.25f);
    ex_event_scalar(&e, long_name, 3e30f);
    ex_event_scalar(&e, "", 0);
    assert_true(ex_event_end(&e, to));
    ex_event_begin(&e, 1700000002, INT64_C(1) << 40);
    assert_true(ex_event_end(&e, to));
    fclose(to);
    reader r = { (const unsigned char *)bytes, (const unsigned char *)bytes + size };
    assert_memory_equal(bytes, "\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22\x09", 13); /* as TensorFlow's files begin */
    event first = read_record(&r);
    assert_string_equal(first.version, "brain.Event:2");
    assert_true(first.seconds == 1700000000.25 && first.n == 0);
    event second = read_record(&r);
    assert_true(second.seconds == 1700000001.5 && second.step == 300 && second.n == 3 && second.version[0] == '\0');
    assert_string_equal(second.scalars[0].name, "loss");
    assert_true(second.scalars[0].value == -1.25f && second.scalars[0].names == 1);
    assert_string_equal(second.scalars[1].name, long_name);
    assert_true(second.scalars[1].value == 3e30f);
    assert_true(second.scalars[2].name[0] == '\0' && second.scalars[2].value == 0 && second.scalars[2].names == 1);
    event third = read_record(&r);
    assert_true(third.step == INT64_C(1) << 40 && third.n == 0);
    assert_true(r.at == r.end);
    free(bytes);
}

/* What cannot be written is told. */
static void test_full(void **state)
{
    FILE *to = fopen("/dev/full", "wb");
    (void)state;
    if (to == NULL)
        return;
    assert_false(ex_event_version(to, 1));
    fclose(to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
