/* What the fuzzers share.  Each is a function that takes any bytes: with clang libFuzzer calls it (CMake option DIM_FUZZ), and in
 * every build the test fuzz_<name> calls it with the files of corpus/<name>, where the files are that once were faults.
 *
 * What the library may spend is bounded, too: libFuzzer gets limits for one allocation, for all memory and for the time of an
 * input (tests/fuzz/run.sh), and sees all allocations, because the context has hooks that call the C library. */
#ifndef DIM_TESTS_FUZZ_H
#define DIM_TESTS_FUZZ_H

#include "base/context.h"
#include <dim/dim.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One for the whole run, with one thread and plain loops.  It refuses what would come to more than `fuzz_room` bytes. */
dim_context *fuzz_context(void);
dim_context *fuzz_new_context(void); /* another one */
extern size_t fuzz_room;

/* Ends the process with the text when the condition is false. */
#define fuzz_require(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))
void fuzz_fail(const char *file, int line, const char *what);
/* DIM_OK, or an error with a text: anything else is a fault.  Counts what is accepted: a corpus must have some of it. */
int fuzz_status(dim_status status);
extern long fuzz_accepted;
/* The context holds as many bytes as before. */
void fuzz_begin(void);
void fuzz_end(void);

/* A file of these bytes in memory; the path is valid until the next call with the same `which` (0 to 3). */
const char *fuzz_file(int which, const void *data, size_t size);
/* A folder in which `name` is that file; made once, and removed when the process ends. */
const char *fuzz_folder(void);
void fuzz_link(const char *name, int which);
void fuzz_unlink(const char *name);

/* The next byte, or 0; the next `n` bytes, or as many as there are. */
typedef struct fuzz_bytes {
    const uint8_t *at;
    size_t left;
} fuzz_bytes;
unsigned fuzz_byte(fuzz_bytes *b);
const uint8_t *fuzz_take(fuzz_bytes *b, size_t n, size_t *got);

/* Of a copy of a safetensors file, so that what changes its text is not refused for its length alone: the header's length, which
 * becomes that of the first JSON object, and with `checked` a checkpoint's checksum.  Returns a size; the room is size + 8. */
size_t fuzz_repair(uint8_t *file, size_t size, int checked);
/* fuzz_file(0) of the bytes behind the first one, of which size is at least 1: its bit 0 = repaired, bit 1 = with the checksum. */
const char *fuzz_tensors(const uint8_t *data, size_t size);

#endif
