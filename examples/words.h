/* Texts of --help, in lines. */
#ifndef EXAMPLES_WORDS_H
#define EXAMPLES_WORDS_H

/* Prints words between the columns `left` and `right`, on from `column`.  @return the column after them. */
int ex_print_words(const char *text, int left, int right, int column);

#endif
