#define _GNU_SOURCE /* memfd_create() */
#include "fuzz.h"

#include "io/weights_header.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 4, LINKS = 16 };

size_t fuzz_room = (size_t)64 << 20;
long fuzz_accepted;
static size_t held, held_before;
static dim_context *context;

void fuzz_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "FAULT: %s:%d: not so: %s\n", file, line, what);
    abort();
}

static void *take(void *user, size_t size, size_t align)
{
    (void)user;
    if (size > fuzz_room || held > fuzz_room - size)
        return NULL;
    void *memory = aligned_alloc(align, (size + align - 1) / align * align);
    held += memory != NULL ? size : 0;
    return memory;
}

static void give(void *user, void *memory, size_t size)
{
    (void)user;
    held -= size;
    free(memory);
}

dim_context *fuzz_new_context(void)
{
    dim_context *ctx = NULL;
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    o.seed = 1;
    o.threads = o.blas_threads = 1;
    o.gemm = DIM_GEMM_REFERENCE;
    o.alloc = take;
    o.free = give;
    fuzz_require(dim_context_create(&o, &ctx) == DIM_OK);
    return ctx;
}

dim_context *fuzz_context(void)
{
    if (context == NULL)
        context = fuzz_new_context();
    return context;
}

int fuzz_status(dim_status status)
{
    fuzz_accepted += status == DIM_OK;
    fuzz_require(status == DIM_OK || strcmp(dim_status_name(status), "DIM_UNKNOWN") != 0);
    fuzz_require(status == DIM_OK || dim_context_error(fuzz_context())[0] != '\0');
    return status == DIM_OK;
}

void fuzz_begin(void)
{
    (void)fuzz_context();
    held_before = held;
}

void fuzz_end(void) { fuzz_require(held == held_before); }

static int files[FILES] = { -1, -1, -1, -1 };

const char *fuzz_file(int which, const void *data, size_t size)
{
    static char paths[FILES][40];
    if (files[which] < 0) {
        files[which] = memfd_create("fuzz", MFD_CLOEXEC);
        fuzz_require(files[which] >= 0);
        snprintf(paths[which], sizeof paths[which], "/proc/self/fd/%d", files[which]);
    }
    fuzz_require(ftruncate(files[which], 0) == 0);
    fuzz_require(pwrite(files[which], data, size, 0) == (ssize_t)size);
    return paths[which];
}

static char folder[64];
static char links[LINKS][96];

static void remove_folder(void)
{
    for (int i = 0; i < LINKS; i++)
        if (links[i][0] != '\0')
            unlink(links[i]);
    rmdir(folder);
}

const char *fuzz_folder(void)
{
    if (folder[0] == '\0') {
        struct stat st;
        const char *in = stat("/dev/shm", &st) == 0 ? "/dev/shm" : "/tmp";
        snprintf(folder, sizeof folder, "%s/dim-fuzz-XXXXXX", in);
        fuzz_require(mkdtemp(folder) != NULL);
        atexit(remove_folder);
    }
    return folder;
}

static char *find_link(const char *name)
{
    char path[sizeof links[0]];
    snprintf(path, sizeof path, "%s/%.30s", fuzz_folder(), name);
    for (int i = 0; i < LINKS; i++)
        if (strcmp(links[i], path) == 0)
            return links[i];
    for (int i = 0; i < LINKS; i++)
        if (links[i][0] == '\0') {
            memcpy(links[i], path, sizeof path);
            return links[i];
        }
    fuzz_fail(__FILE__, __LINE__, "room for a link");
    return NULL;
}

void fuzz_link(const char *name, int which)
{
    char *path = find_link(name);
    if (access(path, F_OK) != 0)
        fuzz_require(symlink(fuzz_file(which, "", 0), path) == 0);
}

void fuzz_unlink(const char *name)
{
    char *path = find_link(name);
    unlink(path);
    path[0] = '\0';
}

unsigned fuzz_byte(fuzz_bytes *b)
{
    if (b->left == 0)
        return 0;
    b->left--;
    return *b->at++;
}

const uint8_t *fuzz_take(fuzz_bytes *b, size_t n, size_t *got)
{
    const uint8_t *at = b->at;
    *got = n < b->left ? n : b->left;
    b->at += *got;
    b->left -= *got;
    return at;
}

/* Where the JSON object that begins the text ends. */
static size_t object_end(const uint8_t *text, size_t size)
{
    int depth = 0;
    int quoted = 0;
    for (size_t i = 0; i < size; i++) {
        if (quoted) {
            quoted = text[i] != '"';
            i += text[i] == '\\';
        } else if (text[i] == '"') {
            quoted = 1;
        } else if (text[i] == '{') {
            depth++;
        } else if (text[i] == '}' && --depth <= 0) {
            return i + 1;
        }
    }
    return size;
}

static void put_sum(uint8_t *digits, const uint8_t *from, size_t size)
{
    char text[DIM__ST_DIGITS + 1];
    snprintf(text, sizeof text, "%016" PRIx64, dim__st_checksum_bytes(DIM__ST_CHECKSUM_START, from, (int64_t)size));
    memcpy(digits, text, DIM__ST_DIGITS);
}

size_t fuzz_repair(uint8_t *file, size_t size, int checked)
{
    uint8_t *header = file + 8;
    if (size < 8)
        return size;
    size_t length = object_end(header, size - 8);
    while (8 + length < size && header[length] == ' ')
        length++;
    if (checked) { /* whole words */
        size_t more = (4 - length % 4) % 4;
        memmove(header + length + more, header + length, size - 8 - length);
        memset(header + length, ' ', more);
        length += more;
        size += more;
    }
    for (int i = 0; i < 8; i++)
        file[i] = (uint8_t)((uint64_t)length >> (8 * i));
    if (!checked || length < DIM__ST_OWN_DIGITS_AT + DIM__ST_DIGITS ||
        memcmp(header, DIM__ST_CHECKED_BEGIN, DIM__ST_DIGITS_AT) != 0)
        return size;
    for (; size % 4 != 0; size++)
        file[size] = 0;
    int own = memcmp(header + DIM__ST_OWN_AT, DIM__ST_OWN_BEGIN, DIM__ST_OWN_DIGITS_AT - DIM__ST_OWN_AT) == 0;
    memset(header + DIM__ST_DIGITS_AT, '0', DIM__ST_DIGITS);
    if (own) {
        memset(header + DIM__ST_OWN_DIGITS_AT, '0', DIM__ST_DIGITS);
        put_sum(header + DIM__ST_OWN_DIGITS_AT, header, length);
    }
    put_sum(header + DIM__ST_DIGITS_AT, header, size - 8);
    return size;
}

const char *fuzz_tensors(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size + 8);
    fuzz_require(copy != NULL);
    size--;
    memcpy(copy, data + 1, size);
    if ((data[0] & 1) != 0)
        size = fuzz_repair(copy, size, (data[0] & 2) != 0);
    const char *path = fuzz_file(0, copy, size);
    free(copy);
    return path;
}
