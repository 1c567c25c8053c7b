/* Event files, which TensorBoard shows: scalars by name and step.
 *
 * A file is a row of records: the length in 8 bytes, its checksum in 4, the bytes, their checksum in 4, all little-endian; each is a
 * protobuf message Event (tensorflow/core/util/event.proto). */
#ifndef EXAMPLES_EVENTS_H
#define EXAMPLES_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct ex_event { /* one message as it grows */
    unsigned char *bytes; /* malloc()'s */
    size_t size, room;
    bool failed;          /* memory ran out */
} ex_event;

/* Begins the message of a step with scalars, at a time in seconds since 1970. */
void ex_event_begin(ex_event *e, double seconds, int64_t step);
void ex_event_scalar(ex_event *e, const char *name, float value);
/* Writes the record and releases the message.  false: errno. */
bool ex_event_end(ex_event *e, FILE *to);
/* The record that a file begins with. */
bool ex_event_version(FILE *to, double seconds);

/* CRC-32C, as it is masked in records. */
uint32_t ex_masked_crc(const unsigned char *bytes, size_t size);

#endif
