#include "optim/optim.h"

#include <math.h>

float dim__schedule_lr(const dim_optimizer_options *o, uint64_t step)
{
    const double pi = 3.14159265358979323846;
    double lr = (double)o->lr;
    switch (o->schedule) {
    case DIM_SCHEDULE_STEP:
        for (int i = 0; i < DIM_MAX_MILESTONES && o->milestones[i] != 0 && step >= o->milestones[i]; i++)
            lr *= (double)o->gamma;
        break;
    case DIM_SCHEDULE_COSINE: { /* arXiv 1608.03983, equation 5, without restarts */
        double part = step >= o->total_steps ? 1 : (double)step / (double)o->total_steps;
        lr = (double)o->min_lr + (lr - (double)o->min_lr) * (1 + cos(pi * part)) / 2;
        break;
    }
    default:
        break;
    }
    if (step < o->warmup_steps)
        lr *= (double)(step + 1) / (double)o->warmup_steps;
    return (float)lr;
}
