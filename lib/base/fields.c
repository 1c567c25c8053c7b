#include "base/fields.h"

#include <errno.h>
#include <float.h>
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

/* ---- checking ---------------------------------------------------------------------------------------------------- */

const dim__range dim__finite = { -(double)FLT_MAX, (double)FLT_MAX, "finite", NULL, NULL };
const dim__range dim__not_negative = { 0, (double)FLT_MAX, "finite and at least 0", NULL, NULL };
const dim__range dim__share = { 0, 1, "0 to 1", NULL, NULL };
const dim__range dim__fraction = { 0, 1 - (double)FLT_EPSILON / 2, "in [0, 1)", NULL, NULL };
const dim__range dim__width = DIM__UP_TO(16777216);
const dim__range dim__switch = { 0, 1, NULL, NULL, NULL };
const dim__range dim__reserved = { 0, 0, "0", NULL, NULL };

static double element_of(const dim__field *f, const void *options, int i)
{
    const char *p = (const char *)options + f->offset;
    uint32_t u32;
    uint64_t u64;
    float f32;
    switch (f->type) {
    case DIM__U32: memcpy(&u32, p + (size_t)i * sizeof u32, sizeof u32); return u32;
    case DIM__U64: memcpy(&u64, p + (size_t)i * sizeof u64, sizeof u64); return (double)u64;
    default: memcpy(&f32, p + (size_t)i * sizeof f32, sizeof f32); return (double)f32;
    }
}

static dim_status refuse(dim_context *ctx, const char *where, const dim__field *f, int i, double x)
{
    const dim__range *range = f->range;
    char name[64], value[32];
    if (f->count == 1)
        snprintf(name, sizeof name, "%s", f->name);
    else
        snprintf(name, sizeof name, "%s[%d]", f->name, i);
    snprintf(value, sizeof value, f->type == DIM__F32 ? "%g" : "%.0f", x);
    if (range->name != NULL)
        return dim__fail(ctx, DIM_E_INVALID, "%s%s is %d, which is not a %s", where, name, (int)(uint32_t)x, range->type);
    if (range == &dim__switch)
        return dim__fail(ctx, DIM_E_INVALID, "%s%s is %s; it is a switch, 0 or 1", where, name, value);
    return dim__fail(ctx, DIM_E_INVALID, "%s%s is %s; it must be %s", where, name, value, range->text);
}

dim_status dim__options_check(dim_context *ctx, const char *where, const dim__table *table, const void *options)
{
    for (const dim__field *f = table->fields; f < table->fields + table->n; f++)
        for (int i = 0; f->range != NULL && i < f->count; i++) {
            double x = element_of(f, options, i);
            bool good = f->range->name != NULL ? f->range->name((int)(uint32_t)x) != NULL
                                               : x >= f->range->least && x <= f->range->most; /* false for NaN */
            if (!good)
                return refuse(ctx, where, f, i, x);
        }
    return DIM_OK;
}

void dim__options_fill(const dim__table *table, void *options)
{
    for (const dim__field *f = table->fields; f < table->fields + table->n; f++) {
        char *at = (char *)options + f->offset;
        uint32_t u32 = (uint32_t)f->usual;
        float f32 = (float)f->usual;
        if (f->usual != 0 && element_of(f, options, 0) == 0)
            memcpy(at, f->type == DIM__F32 ? (void *)&f32 : (void *)&u32, sizeof u32);
    }
}

dim_status dim__options_read(dim_context *ctx, const dim__table *table, const void *in, void *out)
{
    char where[64];
    snprintf(where, sizeof where, "%s.", table->type);
    DIM__TRY(dim__options_copy(ctx, table->type, out, table->size, in));
    DIM__TRY(dim__options_check(ctx, where, table, out));
    dim__options_fill(table, out);
    return DIM_OK;
}

/* ---- texts ------------------------------------------------------------------------------------------------------- */

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

size_t dim__fields_put(char *text, size_t used, size_t room, const dim__table *table, const void *options)
{
    char value[32];
    for (const dim__field *f = table->fields; f < table->fields + table->n; f++) {
        int count = f->quiet ? 0 : f->count;
        while (count > 0 && !put_element(f, options, count - 1, value))
            count--;
        for (int i = 0; i < count && used < room; i++) {
            put_element(f, options, i, value);
            used += (size_t)(i == 0 ? snprintf(text + used, room - used, ", %s %s", f->name, value)
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

bool dim__field_get(const char *text, const dim__table *table, void *options)
{
    size_t length = strcspn(text, " ");
    const dim__field *f = NULL;
    for (size_t k = 0; k < table->n && f == NULL; k++)
        if (!table->fields[k].quiet && strlen(table->fields[k].name) == length &&
            memcmp(table->fields[k].name, text, length) == 0)
            f = &table->fields[k];
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
