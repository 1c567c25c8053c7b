#include "base/fields.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is between the digits is a point. */
void dim__put_float(char *text, size_t room, float x)
{
    char raw[32];
    size_t n = 0;
    snprintf(raw, sizeof raw, "%.9g", (double)x);
    for (const char *c = raw; *c != '\0' && n + 1 < room; c++)
        if (strchr("0123456789+-einfa", *c) != NULL)
            text[n++] = *c;
        else if (n == 0 || text[n - 1] != '.')
            text[n++] = '.';
    text[n] = '\0';
}

static bool put_element(const dim__field *f, const void *options, int i, char text[32])
{
    const char *p = (const char *)options + f->offset;
    uint32_t u32;
    uint64_t u64;
    float f32;
    switch (f->type) {
    case DIM__U32:
        memcpy(&u32, p + (size_t)i * sizeof u32, sizeof u32);
        snprintf(text, 32, "%" PRIu32, u32);
        return u32 != 0;
    case DIM__U64:
        memcpy(&u64, p + (size_t)i * sizeof u64, sizeof u64);
        snprintf(text, 32, "%" PRIu64, u64);
        return u64 != 0;
    default:
        memcpy(&f32, p + (size_t)i * sizeof f32, sizeof f32);
        dim__put_float(text, 32, f32);
        return f32 != 0;
    }
}

size_t dim__fields_put(char *text, size_t used, size_t room, const dim__field *fields, size_t n, const void *options)
{
    char value[32];
    for (size_t k = 0; k < n; k++) {
        int count = fields[k].count;
        while (count > 0 && !put_element(&fields[k], options, count - 1, value))
            count--;
        for (int i = 0; i < count && used < room; i++) {
            put_element(&fields[k], options, i, value);
            used += (size_t)(i == 0 ? snprintf(text + used, room - used, ", %s %s", fields[k].name, value)
                                    : snprintf(text + used, room - used, " %s", value));
        }
    }
    return used;
}

/* A decimal number in any locale, as dim__put_float() writes it: digits that are collected exactly enough for %.9g to return. */
static bool get_float(const char *text, const char **end, float *out)
{
    double mantissa = 0;
    int scale = 0, digits = 0, exponent = 0;
    bool negative = *text == '-', point = false;
    text += *text == '-' || *text == '+';
    for (; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        if (++digits > 17) /* dim__put_float() writes nine */
            return false;
        mantissa = mantissa * 10 + (*text - '0');
        scale -= point;
    }
    if (digits == 0)
        return false;
    if (*text == 'e') {
        char *after;
        long e = strtol(text + 1, &after, 10);
        if (after == text + 1 || e < -400 || e > 400)
            return false;
        exponent = (int)e;
        text = after;
    }
    double value = mantissa * pow(10, scale + exponent);
    *out = (float)(negative ? -value : value);
    *end = text;
    return isfinite(*out);
}

static bool get_element(const dim__field *f, const char **text, void *at)
{
    float f32;
    if (f->type == DIM__F32) {
        if (!get_float(*text, text, &f32))
            return false;
        memcpy(at, &f32, sizeof f32);
        return true;
    }
    char *end;
    if (**text < '0' || **text > '9')
        return false;
    errno = 0;
    unsigned long long value = strtoull(*text, &end, 10);
    if (errno != 0 || (f->type == DIM__U32 && value > UINT32_MAX))
        return false;
    uint32_t u32 = (uint32_t)value;
    uint64_t u64 = value;
    memcpy(at, f->type == DIM__U32 ? (void *)&u32 : (void *)&u64, f->type == DIM__U32 ? sizeof u32 : sizeof u64);
    *text = end;
    return true;
}

bool dim__field_get(const char *text, const dim__field *fields, size_t n, void *options)
{
    size_t length = strcspn(text, " ");
    const dim__field *f = NULL;
    for (size_t k = 0; k < n && f == NULL; k++)
        if (strlen(fields[k].name) == length && memcmp(fields[k].name, text, length) == 0)
            f = &fields[k];
    if (f == NULL)
        return false;
    char *at = (char *)options + f->offset;
    text += length;
    if (*text == '\0')
        return false;
    for (int i = 0; i < f->count && *text == ' '; i++, at += f->type == DIM__U64 ? 8 : 4) {
        text++;
        if (!get_element(f, &text, at))
            return false;
    }
    return *text == '\0';
}
