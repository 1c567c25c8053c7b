/* A method of information that says 1/4 of any two columns. */
#include "information/information.h"

#include <stdio.h>

static bool accepts(const dim__mi *m, char why[128])
{
    bool single = m->side[0].d == 1 && m->side[1].d == 1 && m->side[2].d == 0;
    snprintf(why, 128, "there are more than two columns");
    return single;
}

static dim_status run(const dim__mi *m, dim__mi_answer *a)
{
    a->r.raw = a->r.bound = 0.25;
    a->r.low = 0.125;
    a->r.high = a->r.ceiling = 0.5;
    a->r.rows = m->n;
    a->r.effective_rows = (double)m->n;
    for (int64_t i = 0; i < m->n; i++)
        a->pointwise[i] = a->r.raw;
    return DIM_OK;
}

const dim__mi_method dim__mi_added = { "added", accepts, run, NULL };
