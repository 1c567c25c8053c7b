/* Bytes as UTF-8: what is read from files, and what is shown of it. */
#ifndef DIM_BASE_TEXT_H
#define DIM_BASE_TEXT_H

#include <stddef.h>

/* Bytes of the character that `text` begins with, 1 to 4; 0 where its first `size` bytes begin with none: a byte that is
 * not UTF-8, a sequence that is too long for its character, half of a surrogate pair, the end. */
size_t dim__utf8(const char *text, size_t size);

/* Makes a text of at most room - 1 bytes one that a terminal or a log can show: every byte of a control character, and
 * every byte that is not UTF-8, becomes \x1b or the like.  What does not fit any more is cut off. */
void dim__escape(char *text, size_t room);

#endif
