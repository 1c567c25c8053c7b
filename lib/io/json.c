#include "io/json.h"

#include "base/text.h"

#include <string.h>

enum { VALUE, FIRST /* a value or key, or the end */, KEY, MORE /* a comma or the end */, DONE, WRONG };

void dim__json_begin(dim__json *j, const char *text, size_t size)
{
    memset(j, 0, sizeof *j);
    j->text = text;
    j->size = size;
    j->expect = VALUE;
}

static dim__json_token wrong(dim__json *j, const char *why)
{
    j->wrong = why;
    j->expect = WRONG;
    j->begin = j->at;
    j->length = 0;
    return DIM__JSON_BAD;
}

/* The byte at `at`, which is no NUL of the text's: those are an error wherever they stand. */
static char peek(const dim__json *j) { return j->at < j->size ? j->text[j->at] : '\0'; }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static void skip_blanks(dim__json *j)
{
    while (j->at < j->size && memchr(" \t\n\r", j->text[j->at], 4) != NULL)
        j->at++;
}

/* ---- strings --------------------------------------------------------------------------------------------------------- */

/* Four hexadecimal digits, or -1. */
static int32_t hex4(const char *p, size_t size)
{
    int32_t value = 0;
    for (size_t k = 0; k < 4; k++) {
        char c = k < size ? p[k] : '\0';
        int digit = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static bool is_high(int32_t c) { return c >= 0xd800 && c <= 0xdbff; }
static bool is_low(int32_t c) { return c >= 0xdc00 && c <= 0xdfff; }

/* Behind a backslash at `at`.  NULL = it is one. */
static const char *scan_escape(dim__json *j)
{
    const char *p = j->text + j->at;
    size_t left = j->size - j->at;
    if (left >= 2 && p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) != NULL) {
        j->at += 2;
        return NULL;
    }
    if (left < 2 || p[1] != 'u')
        return "a backslash begins none of the escapes that JSON has";
    int32_t c = hex4(p + 2, left - 2);
    if (c < 0)
        return "\\u needs four hexadecimal digits";
    if (is_low(c) || (is_high(c) && (left < 12 || p[6] != '\\' || p[7] != 'u' || !is_low(hex4(p + 8, left - 8)))))
        return "\\u has half of a surrogate pair";
    j->at += is_high(c) ? 12 : 6;
    return NULL;
}

/* From its quote on.  NULL = it is one. */
static const char *scan_string(dim__json *j)
{
    j->begin = ++j->at;
    while (j->at < j->size && j->text[j->at] != '"') {
        unsigned char c = (unsigned char)j->text[j->at];
        const char *why = NULL;
        size_t n = c < 0x80 ? 1 : dim__utf8(j->text + j->at, j->size - j->at);
        if (c < 0x20)
            why = "a control character stands in a string";
        else if (c == '\\')
            why = scan_escape(j);
        else if (n == 0)
            why = "a byte is not UTF-8";
        else
            j->at += n;
        if (why != NULL)
            return why;
    }
    if (j->at == j->size)
        return "a string has no end";
    j->length = j->at++ - j->begin;
    return NULL;
}

/* The next character of a string that was scanned, as UTF-8 into `out`; *p goes on.  Returns its bytes: one of a character's
 * where the text has it as it is. */
static size_t decode_next(const char **p, char out[4])
{
    static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 }; /* of a character of so many bytes */
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    const char *at = *p;
    if (at[0] != '\\' || at[1] != 'u') {
        out[0] = at[0] != '\\' ? at[0] : values[strchr(names, at[1]) - names];
        *p += at[0] != '\\' ? 1 : 2;
        return 1;
    }
    int32_t c = hex4(at + 2, 4);
    *p += 6;
    if (is_high(c)) {
        c = 0x10000 + ((c - 0xd800) << 10) + (hex4(at + 8, 4) - 0xdc00);
        *p += 6;
    }
    if (c > 0 && c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t k = n - 1; k > 0; k--, c >>= 6)
        out[k] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(first[n] | c);
    return n;
}

bool dim__json_is(const dim__json *j, const char *text)
{
    const char *p = j->text + j->begin, *end = p + j->length;
    char c[4];
    while (p < end) {
        size_t n = decode_next(&p, c);
        if (strncmp(text, c, n) != 0) /* which ends with the text */
            return false;
        text += n;
    }
    return *text == '\0';
}

void dim__json_decode(const dim__json *j, char *out)
{
    const char *p = j->text + j->begin, *end = p + j->length;
    char c[4];
    while (p < end) {
        size_t n = decode_next(&p, c);
        memcpy(out, c, n);
        out += n;
    }
    *out = '\0';
}

/* ---- numbers and words ----------------------------------------------------------------------------------------------- */

static bool scan_digits(dim__json *j)
{
    bool any = is_digit(peek(j));
    while (is_digit(peek(j)))
        j->at++;
    return any;
}

static const char *scan_number(dim__json *j)
{
    static const char no_digit[] = "a digit is missing in a number";
    j->begin = j->at;
    j->at += peek(j) == '-';
    if (peek(j) == '0')
        j->at++;
    else if (!scan_digits(j))
        return no_digit;
    if (is_digit(peek(j)))
        return "a number begins with 0";
    if (peek(j) == '.') {
        j->at++;
        if (!scan_digits(j))
            return no_digit;
    }
    if (peek(j) == 'e' || peek(j) == 'E') {
        j->at++;
        j->at += peek(j) == '+' || peek(j) == '-';
        if (!scan_digits(j))
            return no_digit;
    }
    j->length = j->at - j->begin;
    return NULL;
}

bool dim__json_whole(const dim__json *j, int64_t *out)
{
    int64_t value = 0;
    for (size_t i = 0; i < j->length; i++) {
        char c = j->text[j->begin + i];
        if (!is_digit(c) || value > (INT64_MAX - (c - '0')) / 10)
            return false;
        value = value * 10 + (c - '0');
    }
    *out = value;
    return j->length > 0;
}

static bool accept_word(dim__json *j)
{
    static const char *const words[] = { "true", "false", "null" };
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if (j->size - j->at < n || memcmp(j->text + j->at, words[i], n) != 0)
            continue;
        j->begin = j->at;
        j->length = n;
        j->at += n;
        return true;
    }
    return false;
}

/* ---- structure ------------------------------------------------------------------------------------------------------- */

static int after(const dim__json *j) { return j->depth > 0 ? MORE : DONE; }

static dim__json_token open_level(dim__json *j, dim__json_token kind)
{
    if (j->depth == DIM__JSON_DEPTH)
        return wrong(j, "it has more than 127 levels");
    j->begin = j->at++;
    j->length = 1;
    j->inside[j->depth++] = (unsigned char)kind;
    j->expect = FIRST;
    return kind;
}

static dim__json_token close_level(dim__json *j)
{
    j->begin = j->at++;
    j->length = 1;
    j->depth--;
    j->expect = after(j);
    return DIM__JSON_CLOSE;
}

static dim__json_token key(dim__json *j)
{
    const char *why = peek(j) == '"' ? scan_string(j) : "a name in quotes is missing";
    if (why != NULL)
        return wrong(j, why);
    skip_blanks(j);
    if (peek(j) != ':')
        return wrong(j, "a colon is missing");
    j->at++;
    j->expect = VALUE;
    return DIM__JSON_KEY;
}

static dim__json_token value(dim__json *j)
{
    char c = peek(j);
    if (c == '{' || c == '[')
        return open_level(j, c == '{' ? DIM__JSON_OBJECT : DIM__JSON_ARRAY);
    bool string = c == '"', number = c == '-' || is_digit(c);
    const char *why = string ? scan_string(j) : number ? scan_number(j) : accept_word(j) ? NULL : "a value is missing";
    if (why != NULL)
        return wrong(j, why);
    j->expect = after(j);
    return string ? DIM__JSON_STRING : number ? DIM__JSON_NUMBER : DIM__JSON_WORD;
}

dim__json_token dim__json_next(dim__json *j)
{
    if (j->expect == WRONG)
        return DIM__JSON_BAD;
    if (j->expect == DONE)
        return DIM__JSON_END;
    skip_blanks(j);
    bool object = j->depth > 0 && j->inside[j->depth - 1] == DIM__JSON_OBJECT;
    if (j->expect != VALUE && j->expect != KEY && peek(j) == (object ? '}' : ']'))
        return close_level(j);
    if (j->expect == MORE) {
        if (peek(j) != ',')
            return wrong(j, object ? "a comma or } is missing" : "a comma or ] is missing");
        j->at++;
        skip_blanks(j);
        j->expect = object ? KEY : VALUE;
    }
    return object && j->expect != VALUE ? key(j) : value(j);
}

bool dim__json_skip(dim__json *j, dim__json_token first)
{
    bool opened = first == DIM__JSON_OBJECT || first == DIM__JSON_ARRAY;
    int outer = opened ? j->depth - 1 : j->depth;
    while (j->depth > outer && dim__json_next(j) != DIM__JSON_BAD)
        ;
    return j->expect != WRONG;
}
