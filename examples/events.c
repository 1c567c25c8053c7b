#include "events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Castagnoli's polynomial, bit by bit: a step's record has some hundred bytes. */
static uint32_t crc_of(const unsigned char *bytes, size_t size)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

uint32_t ex_masked_crc(const unsigned char *bytes, size_t size)
{
    uint32_t crc = crc_of(bytes, size);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

/* ---- protobuf: a number of field and kind, then the value */

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
enum { WALL_TIME = 1, STEP = 2, FILE_VERSION = 3, SUMMARY = 5 }; /* of Event */
enum { VALUE = 1 };                                             /* of Summary */
enum { TAG = 1, SIMPLE_VALUE = 2 };                             /* of Summary.Value */

static void put(ex_event *e, const void *bytes, size_t size)
{
    if (!e->failed && e->size + size > e->room) {
        size_t room = 2 * (e->size + size) + 256;
        unsigned char *more = realloc(e->bytes, room);
        e->failed = more == NULL;
        if (more != NULL) {
            e->bytes = more;
            e->room = room;
        }
    }
    if (e->failed)
        return;
    memcpy(e->bytes + e->size, bytes, size);
    e->size += size;
}

static void put_little(unsigned char *out, uint64_t value, int bytes)
{
    for (int k = 0; k < bytes; k++)
        out[k] = (unsigned char)(value >> (8 * k));
}

static void put_fixed(ex_event *e, uint64_t value, int bytes)
{
    unsigned char out[8];
    put_little(out, value, bytes);
    put(e, out, (size_t)bytes);
}

static int varint(unsigned char out[10], uint64_t value)
{
    int n = 0;
    for (; value >= 128; value >>= 7)
        out[n++] = (unsigned char)(value | 128);
    out[n++] = (unsigned char)value;
    return n;
}

static void put_varint(ex_event *e, uint64_t value)
{
    unsigned char out[10];
    put(e, out, (size_t)varint(out, value));
}

static void put_field(ex_event *e, int field, int kind) { put_varint(e, (uint64_t)(field << 3 | kind)); }

static void put_time(ex_event *e, double seconds)
{
    uint64_t bits;
    memcpy(&bits, &seconds, sizeof bits);
    put_field(e, WALL_TIME, FIXED64);
    put_fixed(e, bits, 8);
}

void ex_event_begin(ex_event *e, double seconds, int64_t step)
{
    *e = (ex_event){ .bytes = NULL };
    put_time(e, seconds);
    put_field(e, STEP, VARINT);
    put_varint(e, (uint64_t)step);
}

/* A summary of its own each: messages of a repeated kind add up. */
void ex_event_scalar(ex_event *e, const char *name, float value)
{
    size_t length = strlen(name);
    unsigned char scratch[10];
    uint64_t inner = 1 + (uint64_t)varint(scratch, length) + length + 1 + 4;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_field(e, SUMMARY, BYTES);
    put_varint(e, 1 + (uint64_t)varint(scratch, inner) + inner);
    put_field(e, VALUE, BYTES);
    put_varint(e, inner);
    put_field(e, TAG, BYTES);
    put_varint(e, length);
    put(e, name, length);
    put_field(e, SIMPLE_VALUE, FIXED32);
    put_fixed(e, bits, 4);
}

bool ex_event_end(ex_event *e, FILE *to)
{
    unsigned char head[12], tail[4];
    bool good = !e->failed;
    if (good) {
        put_little(head, e->size, 8);
        put_little(head + 8, ex_masked_crc(head, 8), 4);
        put_little(tail, ex_masked_crc(e->bytes, e->size), 4);
        good = fwrite(head, 1, sizeof head, to) == sizeof head && fwrite(e->bytes, 1, e->size, to) == e->size &&
               fwrite(tail, 1, sizeof tail, to) == sizeof tail && fflush(to) == 0;
    } else
        errno = ENOMEM;
    int error = errno;
    free(e->bytes);
    e->bytes = NULL;
    errno = error;
    return good;
}

bool ex_event_version(FILE *to, double seconds)
{
    static const char version[] = "brain.Event:2";
    ex_event e = { .bytes = NULL };
    put_time(&e, seconds);
    put_field(&e, FILE_VERSION, BYTES);
    put_varint(&e, sizeof version - 1);
    put(&e, version, sizeof version - 1);
    return ex_event_end(&e, to);
}
