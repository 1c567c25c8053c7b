/* The JSON reader: the whole text, skipping what begins at the token that the first byte says.  A second reader, which knows the
 * grammar alone, accepts the same. */
#include "fuzz.h"

#include "io/json.h"

#include <stdlib.h>
#include <string.h>

/* ---- the grammar of RFC 8259 ------------------------------------------------------------------------------------- */

typedef struct text {
    const uint8_t *at, *end;
    int depth;
} text;

static void blanks(text *t)
{
    while (t->at < t->end && (*t->at == ' ' || *t->at == '\t' || *t->at == '\n' || *t->at == '\r'))
        t->at++;
}

static int byte(text *t, int c)
{
    if (t->at == t->end || *t->at != c)
        return 0;
    t->at++;
    return 1;
}

static int digits(text *t)
{
    const uint8_t *begin = t->at;
    while (t->at < t->end && *t->at >= '0' && *t->at <= '9')
        t->at++;
    return t->at > begin;
}

static int number(text *t)
{
    (void)byte(t, '-');
    if (!byte(t, '0') && !digits(t))
        return 0;
    if (byte(t, '.') && !digits(t))
        return 0;
    if (byte(t, 'e') || byte(t, 'E')) {
        if (!byte(t, '+'))
            (void)byte(t, '-');
        return digits(t);
    }
    return 1;
}

static int hex4(text *t, unsigned *out)
{
    *out = 0;
    for (int i = 0; i < 4; i++, t->at++) {
        if (t->at == t->end)
            return 0;
        unsigned c = *t->at | 0x20u;
        if ((*t->at < '0' || *t->at > '9') && (c < 'a' || c > 'f'))
            return 0;
        *out = *out * 16 + (*t->at <= '9' ? *t->at - (unsigned)'0' : c - 'a' + 10);
    }
    return 1;
}

static int escape(text *t)
{
    unsigned high, low;
    if (t->at == t->end)
        return 0;
    if (*t->at != 'u')
        return strchr("\"\\/bfnrt", *t->at) != NULL && *t->at != '\0' && t->at++ != NULL;
    t->at++;
    if (!hex4(t, &high) || (high >= 0xdc00 && high < 0xe000))
        return 0;
    if (high < 0xd800 || high >= 0xe000)
        return 1;
    return byte(t, '\\') && byte(t, 'u') && hex4(t, &low) && low >= 0xdc00 && low < 0xe000;
}

/* One character of more than one byte: the shortest form, no surrogates, up to U+10FFFF. */
static int wide(text *t)
{
    unsigned first = *t->at++, more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1, code = first & (0x3fu >> more);
    if (first < 0xc2 || first > 0xf4)
        return 0;
    for (unsigned i = 0; i < more; i++, t->at++) {
        if (t->at == t->end || (*t->at & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (*t->at & 0x3fu);
    }
    return code >= (unsigned[]){ 0x80, 0x800, 0x10000 }[more - 1] && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
}

static int string(text *t)
{
    if (!byte(t, '"'))
        return 0;
    while (t->at < t->end && *t->at != '"') {
        if (*t->at < 0x20)
            return 0;
        if (byte(t, '\\') ? !escape(t) : *t->at < 0x80 ? t->at++ == NULL : !wide(t))
            return 0;
    }
    return byte(t, '"');
}

static int value(text *t);

static int members(text *t, int object)
{
    int end = object ? '}' : ']', good;
    blanks(t);
    if (byte(t, end))
        return 1;
    do {
        blanks(t);
        good = !object || string(t);
        blanks(t);
        good = good && (!object || byte(t, ':')) && value(t);
        blanks(t);
    } while (good && byte(t, ','));
    return good && byte(t, end);
}

static int word(text *t, const char *w)
{
    size_t n = strlen(w);
    if ((size_t)(t->end - t->at) < n || memcmp(t->at, w, n) != 0)
        return 0;
    t->at += n;
    return 1;
}

static int value(text *t)
{
    int object, good;
    blanks(t);
    if (t->at == t->end)
        return 0;
    if (*t->at == '"')
        return string(t);
    if (*t->at != '{' && *t->at != '[')
        return word(t, "true") || word(t, "false") || word(t, "null") || number(t);
    if (t->depth == DIM__JSON_DEPTH)
        return 0;
    object = *t->at++ == '{';
    t->depth++;
    good = members(t, object);
    t->depth--;
    return good;
}

/* ------------------------------------------------------------------------------------------------------------------- */

static void look(const dim__json *j, dim__json_token token, char *room)
{
    int64_t whole = -1;
    fuzz_require(j->begin + j->length <= j->size);
    if (token == DIM__JSON_KEY || token == DIM__JSON_STRING) {
        dim__json_decode(j, room);
        fuzz_require(strlen(room) <= j->length);
        fuzz_require(!dim__json_is(j, "dtype") || strcmp(room, "dtype") == 0);
    } else if (token == DIM__JSON_NUMBER) {
        fuzz_require(!dim__json_whole(j, &whole) || whole >= 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dim__json j;
    dim__json_token token;
    if (size == 0)
        return 0;
    unsigned skip = data[0], n = 0;
    char *copy = malloc(size), *room = malloc(size);
    fuzz_require(copy != NULL && room != NULL);
    memcpy(copy, data + 1, size - 1);
    dim__json_begin(&j, copy, size - 1);
    while ((token = dim__json_next(&j)) > DIM__JSON_END) {
        look(&j, token, room);
        if (n++ == skip && token != DIM__JSON_CLOSE && token != DIM__JSON_KEY && !dim__json_skip(&j, token))
            break;
    }
    text t = { data + 1, data + size, 0 };
    int good = value(&t);
    text start = { data + 1, data + size, 0 };
    blanks(&start);
    /* Where a number alone ends is a matter of taste: 0 and 48, or 048.  With brackets there is no doubt. */
    if (start.at < start.end && strchr("{[\"", *start.at) != NULL && *start.at != '\0') {
        fuzz_require(good == (token == DIM__JSON_END));
        fuzz_require(!good || j.at == (size_t)(t.at - data) - 1);
    }
    fuzz_accepted += good;
    free(room);
    free(copy);
    return 0;
}
