/* Reports: of losses, in the order in which they were added, then of players. */
#include "train/objective.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

dim_status dim__objective_list(dim_objective *obj, int64_t owner, int kind, const char *a, const char *b)
{
    DIM__TRY(dim__grow(obj->ctx, &obj->reports, &obj->cap_reports, obj->n_reports + 1, sizeof *obj->reports));
    dim__objective_report *r = &obj->reports[obj->n_reports++];
    *r = (dim__objective_report){ .owner = owner, .value = NAN };
    r->kind = kind;
    snprintf(r->name, sizeof r->name, "%s%s", a, b);
    return DIM_OK;
}

dim_status dim__objective_list_reports(dim_objective *obj)
{
    for (int64_t i = 0; i < obj->n_players; i++) {
        const dim__player *p = &obj->players[i];
        if (p->n_aims > 0)
            DIM__TRY(dim__objective_list(obj, i, DIM__OF_SUM, p->name, ".loss"));
        DIM__TRY(dim__objective_list(obj, i, DIM__OF_RATE, p->name, ".lr"));
        if (p->optimizer.clip_norm > 0)
            DIM__TRY(dim__objective_list(obj, i, DIM__OF_NORM, p->name, ".grad_norm"));
    }
    return DIM_OK;
}

dim__objective_report *dim__objective_find_report(const dim_objective *obj, const char *a, const char *b)
{
    size_t head = strlen(a);
    for (int64_t i = 0; i < obj->n_reports; i++)
        if (strncmp(obj->reports[i].name, a, head) == 0 && strcmp(obj->reports[i].name + head, b) == 0)
            return &obj->reports[i];
    return NULL;
}

void dim__objective_accuracy_counts(const dim_objective *obj, const dim__objective_program *p, int64_t report, double counts[2])
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
    counts[0] = (double)right;
    counts[1] = (double)labelled;
}

/* Part of the labelled rows whose most probable class is their label; NaN when none is. */
static double accuracy(const dim_objective *obj, const dim__objective_program *p, int64_t report)
{
    double own[2];
    const double *counts = obj->reports[report].counted;
    if (obj->comm == NULL) {
        dim__objective_accuracy_counts(obj, p, report, own);
        counts = own;
    }
    return counts[1] > 0 ? counts[0] / counts[1] : NAN;
}

static double mean(const dim__objective_program *p, dim__vid v)
{
    const float *x = dim__program_data(p->program, v);
    int64_t n = dim__count_of(dim__program_graph(p->program), v);
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += fabs((double)x[i]);
    return sum / (double)n;
}

static double value_of(const dim_objective *obj, const dim__objective_program *p, int64_t i)
{
    switch (obj->reports[i].kind) {
    case DIM__OF_ACCURACY: return accuracy(obj, p, i);
    case DIM__OF_MEAN: return mean(p, p->reports[i]);
    default: return (double)dim__program_scalar(p->program, p->reports[i]);
    }
}

/* What this program does not have stays as an earlier pass of the step left it. */
void dim__objective_collect(dim_objective *obj, const dim__objective_program *p)
{
    for (int64_t i = 0; i < obj->n_reports; i++) {
        dim__objective_report *r = &obj->reports[i];
        if (r->kind == DIM__OF_NORM)
            r->value = obj->players[r->owner].optim.grad_norm;
        else if (p->reports[i] != DIM__NONE)
            r->value = value_of(obj, p, i);
    }
    obj->last = p;
    obj->reported = true;
}

dim_status dim__objective_not_finite(const dim_objective *obj, const dim__objective_program *p, bool step, const char *format, ...)
{
    char what[2 * DIM__FULL_NAME_SIZE], input[DIM__TAP_SIZE + 96];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    bool found = dim__objective_bad_input(obj, p, input, sizeof input);
    return dim__fail(obj->ctx, DIM_E_NUMERIC, "%s at step %llu%s%s%s", what, (unsigned long long)obj->steps, found ? ": " : "",
                     found ? input : "", step ? "; nothing was updated" : "");
}

dim_status dim__objective_check_losses(dim_objective *obj, const dim__objective_program *p, bool step)
{
    for (int64_t i = 0; i < obj->n_reports; i++) {
        const dim__objective_report *r = &obj->reports[i];
        double value = r->kind == DIM__OF_LOSS && p->reports[i] != DIM__NONE ? (double)dim__program_scalar(p->program, p->reports[i]) : 0;
        if (isfinite(value))
            continue;
        const char *what = obj->losses[r->owner].loss.def->what;
        return dim__objective_not_finite(obj, p, step, "the %s of '%s' is %g", what != NULL ? what : "loss", r->name, value);
    }
    for (int64_t i = 0; i < obj->n_players; i++) {
        double value = p->sums[i] != DIM__NONE ? (double)dim__program_scalar(p->program, p->sums[i]) : 0;
        if (!isfinite(value))
            return dim__objective_not_finite(obj, p, step, "the sum that player '%s' minimises is %g", obj->players[i].name, value);
    }
    return DIM_OK;
}
