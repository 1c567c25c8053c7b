#include "words.h"

#include <stdio.h>
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
