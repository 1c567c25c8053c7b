/* Pages in one file: without scripts, and without anything that is elsewhere. */
#ifndef EXAMPLES_HTML_H
#define EXAMPLES_HTML_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The page up to its heading.  Texts of all functions are plain ones, of any characters; those that are not UTF-8 become U+FFFD. */
void ex_html_begin(FILE *to, const char *title, const char *heading);
void ex_html_end(FILE *to);

void ex_html_text(FILE *to, const char *text);
void ex_html_section(FILE *to, const char *heading);
void ex_html_paragraph(FILE *to, const char *text);
/* A row of two columns, between <table> and </table>. */
void ex_html_row(FILE *to, const char *name, const char *value);

/* A PNG; NULL: says that there is none, and why. */
void ex_html_picture(FILE *to, const uint8_t *png, size_t size, const char *what, const char *why);
/* That of a file. */
void ex_html_picture_file(FILE *to, const char *path, const char *what);

#endif
