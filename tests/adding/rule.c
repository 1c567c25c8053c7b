/* w -= lr sign(g) */
#include "optim/rules.h"

static void update(const dim__update *u, float *w, float *m, float *v, const float *g, int64_t n)
{
    (void)m, (void)v;
    for (int64_t i = 0; i < n; i++)
        w[i] -= g[i] > 0 ? (float)u->lr : g[i] < 0 ? -(float)u->lr : 0;
}

static void exact(const dim__update *u, dim__element *e, double g) { e->w -= g > 0 ? u->lr : g < 0 ? -u->lr : 0; }

static double reach(const dim__update *u, double g, double *m_most)
{
    (void)g, (void)m_most;
    return u->lr;
}

const dim__rule dim__rule_added = { .update = update, .exact = exact, .reach = reach };
