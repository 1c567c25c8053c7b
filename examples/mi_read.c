/* The bytes of a file, or of standard input, unpacked when they are gzip. */
#include "mi_table.h"
#include "process.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if EX_HAVE_ZLIB
#include <zlib.h>
#endif

enum { CHUNK = 1 << 20 };
static const size_t most = (size_t)1 << 33; /* unpacked */

typedef struct bytes {
    uint8_t *at;
    size_t used, room;
} bytes;

/* Room for another chunk and one byte.  NULL, or what is wrong. */
static const char *grow(bytes *b)
{
    if (b->used + CHUNK + 1 <= b->room)
        return NULL;
    size_t room = b->room == 0 ? CHUNK + 1 : 2 * b->room;
    uint8_t *more = b->used < most ? realloc(b->at, room) : NULL;
    if (more == NULL)
        return b->used >= most ? "it has more than 8 GiB" : "no memory for it";
    b->at = more;
    b->room = room;
    return NULL;
}

static const char *read_all(FILE *from, bytes *b)
{
    for (size_t got = 1; got > 0; b->used += got) {
        const char *wrong = grow(b);
        if (wrong != NULL)
            return wrong;
        got = fread(b->at + b->used, 1, CHUNK, from);
    }
    return ferror(from) ? strerror(errno) : NULL;
}

static bool is_packed(const bytes *b) { return b->used >= 2 && b->at[0] == 0x1f && b->at[1] == 0x8b; }

#if EX_HAVE_ZLIB
/* Nothing but zeros, as tapes have behind a file. */
static bool is_padding(const uint8_t *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (at[i] != 0)
            return false;
    return true;
}

/* One member, of which a file may have several, one after the other. */
static const char *unpack_member(z_stream *z, const bytes *packed, size_t *at, bytes *b)
{
    int code = inflateReset(z);
    while (code == Z_OK || code == Z_BUF_ERROR) {
        const char *wrong = grow(b);
        if (wrong != NULL)
            return wrong;
        size_t left = packed->used - *at;
        z->next_in = packed->at + *at;
        z->avail_in = left < CHUNK ? (uInt)left : CHUNK;
        z->next_out = b->at + b->used;
        z->avail_out = CHUNK;
        const uInt in = z->avail_in;
        code = inflate(z, Z_NO_FLUSH);
        *at += in - z->avail_in;
        b->used += CHUNK - z->avail_out;
        if (code == Z_BUF_ERROR && *at == packed->used)
            return "it ends in the middle of the packed data";
    }
    return code == Z_STREAM_END ? NULL : z->msg != NULL ? z->msg : code == Z_MEM_ERROR ? "no memory for it" : "its packed data are damaged";
}

static const char *unpack(const bytes *packed, bytes *b)
{
    enum { GZIP = 16 };
    static char text[128];
    z_stream z = { .zalloc = NULL };
    const char *wrong = inflateInit2(&z, GZIP + MAX_WBITS) == Z_OK ? NULL : "no memory for it";
    if (wrong != NULL)
        return wrong;
    for (size_t at = 0; wrong == NULL && at < packed->used && !(at > 0 && is_padding(packed->at + at, packed->used - at));) {
        if (at > 0 && (packed->used - at < 2 || packed->at[at] != 0x1f || packed->at[at + 1] != 0x8b)) {
            snprintf(text, sizeof text, "behind the packed data, from byte %llu on, it has something else", (unsigned long long)at);
            wrong = text;
        } else {
            wrong = unpack_member(&z, packed, &at, b);
        }
    }
    if (wrong != NULL && wrong != text) { /* zlib's own texts end with its stream */
        snprintf(text, sizeof text, "%s", wrong);
        wrong = text;
    }
    inflateEnd(&z);
    return wrong;
}
#else
static const char *unpack(const bytes *packed, bytes *b)
{
    (void)packed, (void)b;
    return "it is packed by gzip, and this build is without zlib";
}
#endif

char *mi_file_read(const char *path, size_t *size, char error[MI_ERROR])
{
    bytes raw = { .at = NULL }, unpacked = { .at = NULL };
    bool standard = strcmp(path, "-") == 0;
    if (standard && !ex_process_had(STDIN_FILENO)) {
        snprintf(error, MI_ERROR, "-: standard input is closed");
        return NULL;
    }
    FILE *from = standard ? stdin : fopen(path, "rb");
    if (from == NULL) {
        snprintf(error, MI_ERROR, "%s: %s", path, strerror(errno));
        return NULL;
    }
    const char *wrong = read_all(from, &raw);
    if (!standard)
        fclose(from);
    bool packed = wrong == NULL && is_packed(&raw);
    if (packed) {
        wrong = unpack(&raw, &unpacked);
        if (wrong == NULL)
            wrong = grow(&unpacked); /* of nothing, too, there are bytes */
        free(raw.at);
        raw = unpacked;
    }
    if (wrong != NULL) {
        snprintf(error, MI_ERROR, "%s: %s", path, wrong);
        free(raw.at);
        return NULL;
    }
    *size = raw.used;
    return (char *)raw.at;
}
