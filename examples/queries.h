/* Which images the retrieval picture asks about. */
#ifndef EXAMPLES_QUERIES_H
#define EXAMPLES_QUERIES_H

#include <stdbool.h>
#include <stdint.h>

/* Chooses `count` of n images by their labels, n >= count, each once and in the order of their classes: of many classes one
 * image each of some at even distances, of few several images each, at even distances within the class.  False when memory
 * runs out. */
bool ex_choose_queries(const int64_t *labels, int64_t n, int64_t *queries, int64_t count);

#endif
