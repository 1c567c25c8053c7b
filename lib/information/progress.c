/* What a caller hears of a long measurement, and when it is to end. */
#include "information/information.h"

#include <time.h>

dim_status dim__mi_progress(const dim__mi *m, double fraction, const char *text)
{
    if (m->o.progress != NULL && m->o.progress(m->o.user, fraction, text) != 0)
        return dim__fail(m->ctx, DIM_E_CALLBACK, "stopped by progress at %s, %.0f %%", text, 100 * fraction);
    return DIM_OK;
}

double dim__mi_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
