/* Numbers in text files. */
#ifndef DIM_DATA_SOURCES_NUMBER_H
#define DIM_DATA_SOURCES_NUMBER_H

#include <stdbool.h>

/* A whole text as a finite number: sign, digits with a point, exponent; rounded to the nearest float, the same in every locale.
 * False for anything else, such as a number that a float cannot hold, or one of more than 100 characters. */
bool dim__number_parse(const char *text, float *out);
/* Whether a text is written as such a number is, however large the number and long the text. */
bool dim__number_written(const char *text);

#endif
