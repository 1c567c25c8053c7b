/* Texts of --help, in lines; characters of any texts. */
#ifndef EXAMPLES_WORDS_H
#define EXAMPLES_WORDS_H

#include <stdio.h>

/* Prints words between the columns `left` and `right`, on from `column`.  @return the column after them. */
int ex_print_words(const char *text, int left, int right, int column);

/* Prints a text of a man page: a dash of an option stays one, and no line begins with a command. */
void ex_print_roff(const char *text);

/* How many bytes a character of UTF-8 has; 0: it is not one. */
int ex_utf8(const unsigned char *at);

/* Writes a text of JSON with its quotes; bytes that are not UTF-8 become U+FFFD. */
void ex_json_text(FILE *to, const char *text);

#endif
