#include "queries.h"

#include <stdlib.h>

typedef struct place {
    int64_t label, index;
} place;

static int by_label(const void *a, const void *b)
{
    const place *p = a, *q = b;
    if (p->label != q->label)
        return p->label < q->label ? -1 : 1;
    return p->index < q->index ? -1 : p->index > q->index;
}

/* How many images of each class: class i has those from start[i] to start[i + 1]. */
static void share_out(const int64_t *start, int64_t classes, int64_t count, int64_t *take)
{
    if (classes >= count)
        for (int64_t i = 0; i < count; i++)
            take[classes * i / count] = 1;
    else /* one more of each class in turn, while it has one */
        for (int64_t i = 0, total = 0; total < count; i = (i + 1) % classes)
            if (take[i] < start[i + 1] - start[i]) {
                take[i]++;
                total++;
            }
}

bool ex_choose_queries(const int64_t *labels, int64_t n, int64_t *queries, int64_t count)
{
    int64_t classes = 0, chosen = 0;
    place *sorted = malloc((size_t)n * sizeof *sorted);
    int64_t *start = malloc((size_t)(n + 1) * sizeof *start), *take = calloc((size_t)n, sizeof *take);
    bool good = sorted != NULL && start != NULL && take != NULL;
    if (good) {
        for (int64_t i = 0; i < n; i++)
            sorted[i] = (place){ labels[i], i };
        qsort(sorted, (size_t)n, sizeof *sorted, by_label);
        for (int64_t i = 0; i < n; i++)
            if (i == 0 || sorted[i].label != sorted[i - 1].label)
                start[classes++] = i;
        start[classes] = n;
        share_out(start, classes, count, take);
        for (int64_t i = 0; i < classes; i++)
            for (int64_t j = 0; j < take[i]; j++)
                queries[chosen++] = sorted[start[i] + (start[i + 1] - start[i]) * j / take[i]].index;
    }
    free(sorted);
    free(start);
    free(take);
    return good;
}
