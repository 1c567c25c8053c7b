/* What a checkpoint's settings and a model's differ in, told by the name of the option. */
#include "train/settings.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct piece { /* "lr 0.001" or "adam" of "adam, step, lr 0.001" */
    const char *text;
    size_t length, name; /* name: bytes of it, with the space behind; 0 = none */
    int number;          /* of those without a name, from 0 */
} piece;

static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* The piece after p, or the first; false at the end. */
static bool next_piece(const char *value, piece *p)
{
    int number = p->text == NULL ? 0 : p->number + (p->name == 0);
    const char *text = p->text == NULL ? value : p->text + p->length;
    if (*text == '\0')
        return false;
    text += p->text == NULL ? 0 : 2;
    const char *end = strstr(text, ", "), *space = strchr(text, ' ');
    *p = (piece){ text, end != NULL ? (size_t)(end - text) : strlen(text), 0, number };
    if (is_letter(*text) && space != NULL && space < text + p->length)
        p->name = (size_t)(space - text) + 1;
    return true;
}

/* The piece of `value` that stands for the same option. */
static bool partner(const char *value, const piece *of, piece *out)
{
    *out = (piece){ .text = NULL };
    while (next_piece(value, out))
        if (out->name == of->name &&
            (of->name > 0 ? memcmp(out->text, of->text, of->name) == 0 : out->number == of->number))
            return true;
    return false;
}

static bool same(const piece *a, const piece *b)
{
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

/* A number as the shortest text that reads back the same, 0.0002 for 0.000199999995.  Where the locale has no decimal point
 * it stays as it is. */
static int put_word(char *out, size_t room, const char *word, size_t length)
{
    char text[32], *end;
    if (length < sizeof text && memchr(word, '.', length) != NULL) {
        memcpy(text, word, length);
        text[length] = '\0';
        float x = strtof(text, &end);
        for (int digits = 1; *end == '\0' && digits < 9; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, (double)x);
            if (strtof(text, NULL) == x)
                return snprintf(out, room, "%s", text);
        }
    }
    return snprintf(out, room, "%.*s", (int)length, word);
}

static const char *shown(const piece *p, char out[DIM__SETTING_VALUE])
{
    size_t at = 0;
    for (size_t i = 0; i < p->length && at < DIM__SETTING_VALUE - 1;) {
        size_t length = 0;
        while (i + length < p->length && p->text[i + length] != ' ')
            length++;
        at += (size_t)snprintf(out + at, DIM__SETTING_VALUE - at, "%s", i > 0 ? " " : "");
        if (at < DIM__SETTING_VALUE)
            at += (size_t)put_word(out + at, DIM__SETTING_VALUE - at, p->text + i, length);
        i += length + 1;
    }
    return out;
}

static dim_status fail_of(dim_context *ctx, const char *key, const piece *then, const piece *now)
{
    char a[DIM__SETTING_VALUE] = "", b[DIM__SETTING_VALUE] = "";
    if (then == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "%s has %s here, but the checkpoint does not have it", key, shown(now, b));
    if (now == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "%s has %s in the checkpoint, but it is missing here",
                         key, shown(then, a));
    return dim__fail(ctx, DIM_E_INVALID,
                     then->name > 0 ? "%s has %s in the checkpoint, but %s here"
                                    : "%s is '%s' in the checkpoint, but '%s' here",
                     key, shown(then, a), shown(now, b));
}

dim_status dim__settings_compare(dim_context *ctx, const char *key, const char *then, const char *now)
{
    piece p = { .text = NULL }, q;
    if (strcmp(then, now) == 0)
        return DIM_OK;
    if (strstr(then, ", ") == NULL && strstr(now, ", ") == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "%s is '%s' in the checkpoint, but '%s' here", key, then, now);
    while (next_piece(then, &p)) {
        bool found = partner(now, &p, &q);
        if (!found || !same(&p, &q))
            return fail_of(ctx, key, &p, found ? &q : NULL);
    }
    p.text = NULL;
    while (next_piece(now, &p))
        if (!partner(then, &p, &q))
            return fail_of(ctx, key, NULL, &p);
    return dim__fail(ctx, DIM_E_INVALID, "%s is '%s' in the checkpoint, but '%s' here", key, then, now);
}
