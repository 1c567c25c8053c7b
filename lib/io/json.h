/* JSON (RFC 8259), strictly, from memory, one token after the other.  Linear, allocates nothing, does not recurse.
 *
 *     dim__json j;
 *     dim__json_begin(&j, text, size);
 *     while ((token = dim__json_next(&j)) > DIM__JSON_END) ...
 *
 * Not accepted, beside what the grammar leaves out: bytes that are not UTF-8, halves of surrogate pairs, a byte order mark,
 * more than DIM__JSON_DEPTH levels.  What a key or a number means, and whether a key comes twice, is the caller's business. */
#ifndef DIM_IO_JSON_H
#define DIM_IO_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIM__JSON_DEPTH = 127 }; /* as the reference implementation of safetensors has it */

typedef enum dim__json_token {
    DIM__JSON_BAD,    /* it is not JSON: `wrong` says why, `at` is where; for ever from now on */
    DIM__JSON_END,    /* behind the value; what follows in the text, from `at` on, was not looked at */
    DIM__JSON_OBJECT, /* begins */
    DIM__JSON_ARRAY,
    DIM__JSON_CLOSE,  /* the innermost of these ends */
    DIM__JSON_KEY,
    DIM__JSON_STRING,
    DIM__JSON_NUMBER,
    DIM__JSON_WORD    /* true, false or null */
} dim__json_token;

typedef struct dim__json {
    const char *text;
    size_t size, at;
    size_t begin, length; /* of the last token in the text; of a key or a string, what is between the quotes */
    const char *wrong;
    int depth;
    int expect;                          /* one of json.c's states */
    unsigned char inside[DIM__JSON_DEPTH]; /* DIM__JSON_OBJECT or DIM__JSON_ARRAY */
} dim__json;

void dim__json_begin(dim__json *j, const char *text, size_t size);
dim__json_token dim__json_next(dim__json *j);
/* The rest of the value that begins with `first`, the token given last.  false: it is not JSON. */
bool dim__json_skip(dim__json *j, dim__json_token first);

/* Whether the key or string given last is `text`, as a whole and after its escapes. */
bool dim__json_is(const dim__json *j, const char *text);
/* Writes it, with a NUL behind it, to `out`, which has room for length + 1 bytes and may be where it lies in the text: it
 * never becomes longer, and what comes next is behind it.  The character U+0000 becomes the two bytes C0 80, which no other
 * character has: so strings that differ differ for strcmp(), too. */
void dim__json_decode(const dim__json *j, char *out);
/* The number given last, when it is written as a size: 0, or digits that do not begin with 0, up to INT64_MAX. */
bool dim__json_whole(const dim__json *j, int64_t *out);

#endif
