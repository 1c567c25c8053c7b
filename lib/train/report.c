/* Reports: of losses, in the order in which they were added, then of players. */
#include "train/objective.h"

#include <math.h>
#include <stdio.h>

static dim_status list(dim_objective *obj, int64_t owner, bool norm)
{
    DIM__TRY(dim__grow(obj->ctx, &obj->reports, &obj->cap_reports, obj->n_reports + 1, sizeof *obj->reports));
    dim__objective_report *r = &obj->reports[obj->n_reports++];
    *r = (dim__objective_report){ .owner = owner };
    r->kind = norm ? DIM__OF_NORM : DIM__OF_RATE;
    snprintf(r->name, sizeof r->name, "%s%s", obj->players[owner].name, norm ? ".grad_norm" : ".lr");
    return DIM_OK;
}

dim_status dim__objective_list_reports(dim_objective *obj)
{
    for (int64_t i = 0; i < obj->n_players; i++) {
        DIM__TRY(list(obj, i, false));
        if (obj->players[i].optimizer.clip_norm > 0)
            DIM__TRY(list(obj, i, true));
    }
    for (int64_t i = 0; i < obj->n_reports; i++)
        obj->reports[i].value = NAN;
    return DIM_OK;
}

/* Part of the labelled rows whose most probable class is their label; NaN when none is. */
static double accuracy(const dim_objective *obj, const dim__objective_program *p, int64_t report)
{
    dim__vid v = p->reports[report];
    const dim__shape *s = dim__shape_of(dim__program_graph(p->program), v);
    const float *x = dim__program_data(p->program, v);
    const int32_t *labels = dim__program_data(p->program, p->inputs[obj->losses[obj->reports[report].owner].of[1].index]);
    int64_t right = 0, labelled = 0;
    for (int64_t n = 0; n < s->d[0]; n++, x += s->d[1]) {
        int64_t best = 0;
        for (int64_t k = 1; k < s->d[1]; k++)
            best = x[k] > x[best] ? k : best;
        labelled += labels[n] >= 0;
        right += best == labels[n];
    }
    return labelled > 0 ? (double)right / (double)labelled : NAN;
}

/* What this program does not have stays as an earlier pass of the step left it. */
void dim__objective_collect(dim_objective *obj, const dim__objective_program *p)
{
    for (int64_t i = 0; i < obj->n_reports; i++) {
        dim__objective_report *r = &obj->reports[i];
        if (r->kind == DIM__OF_NORM)
            r->value = obj->players[r->owner].optim.grad_norm;
        else if (p->reports[i] != DIM__NONE)
            r->value = r->kind == DIM__OF_ACCURACY ? accuracy(obj, p, i) : (double)dim__program_scalar(p->program, p->reports[i]);
    }
    obj->reported = true;
}

dim_status dim__objective_check_losses(dim_objective *obj, const dim__objective_program *p, bool step)
{
    const char *rest = step ? "; nothing was updated" : "";
    for (int64_t i = 0; i < obj->n_reports; i++) {
        double value = obj->reports[i].kind == DIM__OF_LOSS && p->reports[i] != DIM__NONE
                           ? (double)dim__program_scalar(p->program, p->reports[i]) : 0;
        if (!isfinite(value))
            return dim__fail(obj->ctx, DIM_E_NUMERIC, "the loss of '%s' is %g at step %llu%s", obj->reports[i].name, value,
                             (unsigned long long)obj->steps, rest);
    }
    for (int64_t i = 0; i < obj->n_players; i++) {
        double value = p->sums[i] != DIM__NONE ? (double)dim__program_scalar(p->program, p->sums[i]) : 0;
        if (!isfinite(value))
            return dim__fail(obj->ctx, DIM_E_NUMERIC, "what '%s' minimises is %g at step %llu%s", obj->players[i].name, value,
                             (unsigned long long)obj->steps, rest);
    }
    return DIM_OK;
}
