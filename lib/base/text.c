#include "base/text.h"

#include <string.h>

size_t dim__utf8(const char *text, size_t size)
{
    const unsigned char *p = (const unsigned char *)text;
    if (size == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    /* Of a first byte the second one's range, which leaves out what is too long, surrogates and what is beyond U+10FFFF. */
    unsigned char least = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char most = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    size_t n = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : p[0] >= 0xe0 && p[0] <= 0xef ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
    if (n == 0 || size < n || p[1] < least || p[1] > most)
        return 0;
    for (size_t k = 2; k < n; k++)
        if (p[k] < 0x80 || p[k] > 0xbf)
            return 0;
    return n;
}

/* U+0000 to U+001F, U+007F to U+009F. */
static int is_control(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    return (n == 1 && (p[0] < 0x20 || p[0] == 0x7f)) || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

void dim__escape(char *text, size_t room)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = strlen(text);
    for (size_t i = 0; i < length;) {
        size_t n = dim__utf8(text + i, length - i);
        if (n > 0 && !is_control(text + i, n)) {
            i += n;
            continue;
        }
        unsigned char byte = (unsigned char)text[i];
        if (i + 4 >= room) {
            text[i] = '\0';
            return;
        }
        if (length + 3 >= room)
            length = room - 4;
        memmove(text + i + 4, text + i + 1, length - i - 1);
        length += 3;
        text[length] = '\0';
        memcpy(text + i, (char[4]){ '\\', 'x', digits[byte >> 4], digits[byte & 15] }, 4);
        i += 4;
    }
}
