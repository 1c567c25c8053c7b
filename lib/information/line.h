/* Counts of numbers of a class in a distance, of what has one coordinate. */
#ifndef DIM_INFORMATION_LINE_H
#define DIM_INFORMATION_LINE_H

#include "information/kdtree.h"

typedef struct dim__line dim__line;

/* Of a space with d = 1. */
dim_status dim__line_create(dim_context *ctx, const dim__space *space, dim__line **out);
void dim__line_destroy(dim_context *ctx, dim__line *line); /* NULL ok */

/* As dim__kdtree_count(). */
int64_t dim__line_count(const dim__line *line, float at, int32_t class_of, float eps);

#endif
