#include "data/sources/number.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { MOST = 100 /* characters */, EXACT = 10 /* powers of ten that a float holds: 5^10 < 2^24 */ };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool dim__number_written(const char *at)
{
    bool any = false, point = false;
    for (at += *at == '-' || *at == '+'; is_digit(*at) || (*at == '.' && !point); at++) {
        any = any || *at != '.';
        point = point || *at == '.';
    }
    if (any && (*at == 'e' || *at == 'E')) {
        at += 1 + (at[1] == '-' || at[1] == '+');
        any = is_digit(*at);
        while (is_digit(*at))
            at++;
    }
    return any && *at == '\0';
}

/* The point is moved out of the number, since strtof() takes that of the locale, but takes digits and an exponent everywhere. */
bool dim__number_parse(const char *text, float *out)
{
    static const float power[EXACT + 1] = { 1, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f };
    char digits[MOST + 24];
    const char *at = text;
    bool negative = *at == '-', any = false;
    int n = 0, exponent = 0, written = 0;
    uint32_t whole = 0; /* while it is below 2^24 */
    at += *at == '-' || *at == '+';
    for (bool point = false; is_digit(*at) || (*at == '.' && !point); at++) {
        if (at - text >= MOST)
            return false;
        if (*at == '.') {
            point = true;
            continue;
        }
        any = true;
        exponent -= point;
        digits[n++] = *at;
        if (whole < 1u << 24)
            whole = whole * 10 + (uint32_t)(*at - '0');
    }
    if (!any)
        return false;
    if (*at == 'e' || *at == 'E') {
        bool below = at[1] == '-';
        at += 1 + (at[1] == '-' || at[1] == '+');
        if (!is_digit(*at))
            return false;
        for (; is_digit(*at); at++)
            written = written < 10000 ? written * 10 + (*at - '0') : written;
        exponent += below ? -written : written;
    }
    if (*at != '\0')
        return false;
    if (whole < 1u << 24 && exponent >= -EXACT && exponent <= EXACT) { /* both are exact, so one rounding makes it exact */
        *out = exponent < 0 ? (float)whole / power[-exponent] : (float)whole * power[exponent];
    } else {
        snprintf(digits + n, sizeof digits - (size_t)n, "e%d", exponent);
        *out = strtof(digits, NULL);
    }
    if (negative)
        *out = -*out;
    return isfinite(*out);
}
