/* w -= lr sign(g) */
#include "optim/rules.h"

static void update(const dim__update *u, float *w, float *m, float *v, const float *g, int64_t n)
{
    (void)m, (void)v;
    for (int64_t i = 0; i < n; i++)
        w[i] -= g[i] > 0 ? (float)u->lr : g[i] < 0 ? -(float)u->lr : 0;
}

const dim__rule dim__rule_added = { .update = update };
