/* The assignment problem by shortest augmenting paths (Kuhn and Munkres), O(n^2 m) of the n that are fewer and the m that are
 * more: ten classes are matched with many categories in a moment. */
#include "infogan.h"

#include <stdlib.h>

enum { NONE = -1 };

typedef struct assignment {
    const int64_t *counts;
    int64_t rows, columns;        /* rows <= columns */
    int64_t row_step, column_step; /* in counts, which have it the other way round where there are fewer columns */
    int64_t *u, *v;               /* potentials of rows and columns: u + v <= cost, with equality in the matching */
    int64_t *row_of;              /* of each column, and of one more column in which the next row begins */
    int64_t *before;              /* the column from which a path comes to each column */
    int64_t *slack;
    bool *seen;
} assignment;

static int64_t cost(const assignment *a, int64_t row, int64_t column)
{
    return -a->counts[row * a->row_step + column * a->column_step];
}

/* From column `at`: looks at all columns from its row, moves the potentials, and returns the nearest column. */
static int64_t advance(assignment *a, int64_t at)
{
    int64_t row = a->row_of[at], nearest = NONE;
    a->seen[at] = true;
    for (int64_t j = 0; j < a->columns; j++) {
        if (a->seen[j])
            continue;
        int64_t left = cost(a, row, j) - a->u[row] - a->v[j];
        if (left < a->slack[j]) {
            a->slack[j] = left;
            a->before[j] = at;
        }
        if (nearest == NONE || a->slack[j] < a->slack[nearest])
            nearest = j;
    }
    int64_t delta = a->slack[nearest];
    for (int64_t j = 0; j <= a->columns; j++)
        if (a->seen[j]) {
            a->u[a->row_of[j]] += delta;
            a->v[j] -= delta;
        } else
            a->slack[j] -= delta;
    return nearest;
}

static void solve(assignment *a)
{
    for (int64_t j = 0; j <= a->columns; j++)
        a->row_of[j] = NONE;
    for (int64_t row = 0; row < a->rows; row++) {
        int64_t at = a->columns;
        for (int64_t j = 0; j <= a->columns; j++) {
            a->slack[j] = INT64_MAX / 2;
            a->seen[j] = false;
        }
        a->row_of[a->columns] = row;
        while (a->row_of[at] != NONE)
            at = advance(a, at);
        for (; at != a->columns; at = a->before[at])
            a->row_of[at] = a->row_of[a->before[at]];
    }
}

bool infogan_match(const int64_t *counts, int64_t rows, int64_t columns, int64_t *column_of)
{
    bool turned = rows > columns;
    size_t room = (size_t)(turned ? rows : columns) + 1;
    assignment a = { .counts = counts, .rows = turned ? columns : rows, .columns = turned ? rows : columns,
                     .row_step = turned ? 1 : columns, .column_step = turned ? columns : 1,
                     .u = calloc(room, sizeof *a.u), .v = calloc(room, sizeof *a.v), .row_of = calloc(room, sizeof *a.row_of),
                     .before = calloc(room, sizeof *a.before), .slack = calloc(room, sizeof *a.slack),
                     .seen = calloc(room, sizeof *a.seen) };
    bool good = a.u != NULL && a.v != NULL && a.row_of != NULL && a.before != NULL && a.slack != NULL && a.seen != NULL;
    if (good)
        solve(&a);
    for (int64_t i = 0; good && i < rows; i++)
        column_of[i] = NONE;
    for (int64_t j = 0; good && j < a.columns; j++)
        if (a.row_of[j] != NONE)
            column_of[turned ? j : a.row_of[j]] = turned ? a.row_of[j] : j;
    free(a.u);
    free(a.v);
    free(a.row_of);
    free(a.before);
    free(a.slack);
    free(a.seen);
    return good;
}
