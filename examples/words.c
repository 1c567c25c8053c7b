#include "words.h"

#include <stdbool.h>
#include <string.h>

/* Prints a word, on the next line when this one is full.  @return the column after it. */
static int print_word(const char *word, int length, int left, int right, int column)
{
    if (column > left && column + 1 + length > right) {
        printf("\n%*s", left, "");
        column = left;
    } else if (column > left) {
        putchar(' ');
        column++;
    }
    printf("%.*s", length, word);
    return column + length;
}

int ex_print_words(const char *text, int left, int right, int column)
{
    while (*text != '\0') {
        int length = (int)strcspn(text, " \n");
        column = print_word(text, length, left, right, column);
        text += length;
        text += *text != '\0';
    }
    return column;
}

int ex_utf8(const unsigned char *at)
{
    int length = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : 0;
    for (int i = 1; i < length; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
        (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return length;
}

void ex_print_roff(const char *text)
{
    for (bool begins = true; *text != '\0'; text++) {
        if (begins && (*text == '.' || *text == '\''))
            printf("\\&");
        if (*text == '-' || *text == '\\')
            putchar('\\');
        putchar(*text);
        begins = *text == '\n';
    }
}

void ex_json_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        int length = ex_utf8(at);
        if (*at == '"' || *at == '\\')
            fprintf(to, "\\%c", *at);
        else if (length == 0)
            fprintf(to, "\\ufffd");
        else if (*at < ' ')
            fprintf(to, "\\u%04x", *at);
        else
            fwrite(at, 1, (size_t)length, to);
        at += length == 0 ? 1 : length;
    }
    fputc('"', to);
}
