/* Reports: one list of names, made when the objective is emitted for the first time; each program knows their values. */
#include "model/model.h"

#include <math.h>
#include <stdio.h>

static dim_status list(dim_model *model, dim__report_kind kind, const char *what, const char *a, const char *b)
{
    DIM__TRY(dim__grow(model->ctx, &model->reports, &model->cap_reports, model->n_reports + 1, sizeof *model->reports));
    dim__report *r = &model->reports[model->n_reports++];
    *r = (dim__report){ .kind = kind, .what = what };
    snprintf(r->name, sizeof r->name, "%s%s", a, b);
    return DIM_OK;
}

void dim__emission_value(dim__emission *e, int64_t report, dim__vid v)
{
    dim__graph_keep(e->g, v);
    if (e->program->reports != NULL)
        e->program->reports[report] = v;
}

static int64_t emit(dim__emission *e, dim__report_kind kind, dim__vid v, const char *what, const char *a, const char *b)
{
    if (dim__graph_status(e->g) != DIM_OK)
        return 0;
    if (e->model->fixed)
        assert(e->n_reports < e->model->n_reports && e->model->reports[e->n_reports].kind == kind);
    else
        dim__graph_fail(e->g, list(e->model, kind, what, a, b));
    dim__emission_value(e, e->n_reports, v);
    return e->n_reports++;
}

int64_t dim__emit_report(dim__emission *e, dim__report_kind kind, dim__vid v, const char *a, const char *b)
{
    return emit(e, kind, v, NULL, a, b);
}

void dim__emit_loss(dim__emission *e, dim__vid v, const char *what, const char *name)
{
    emit(e, DIM__REPORT_SCALAR, v, what, name, "");
}

dim_status dim__model_list_training(dim_model *model)
{
    DIM__TRY(list(model, DIM__REPORT_RATE, NULL, "lr", ""));
    return model->optimizer.clip_norm > 0 ? list(model, DIM__REPORT_NORM, NULL, "grad_norm", "") : DIM_OK;
}

/* Part of the rows whose most probable class is their label. */
static double accuracy(const dim__model_program *p, dim__vid probabilities)
{
    const dim__shape *s = dim__shape_of(dim__program_graph(p->program), probabilities);
    const float *x = dim__program_data(p->program, probabilities);
    const int32_t *labels = dim__program_data(p->program, p->labels);
    int64_t right = 0;
    for (int64_t n = 0; n < s->d[0]; n++, x += s->d[1]) {
        int64_t best = 0;
        for (int64_t k = 1; k < s->d[1]; k++)
            best = x[k] > x[best] ? k : best;
        right += best == labels[n];
    }
    return (double)right / (double)s->d[0];
}

static double mean(const dim__model_program *p, dim__vid v)
{
    const float *x = dim__program_data(p->program, v);
    int64_t n = dim__count_of(dim__program_graph(p->program), v);
    double sum = 0;
    for (int64_t i = 0; x != NULL && i < n; i++)
        sum += fabs((double)x[i]);
    return sum / (double)n;
}

/* Without labels a classifier has nothing to tell: NaN. */
static double value_of(const dim_model *model, const dim__model_program *p, int64_t i)
{
    switch (model->reports[i].kind) {
    case DIM__REPORT_SCALAR:
        return p->reports[i] == DIM__NONE ? NAN : dim__program_scalar(p->program, p->reports[i]);
    case DIM__REPORT_ACCURACY: return p->reports[i] == DIM__NONE ? NAN : accuracy(p, p->reports[i]);
    case DIM__REPORT_MEAN: return mean(p, p->reports[i]);
    case DIM__REPORT_RATE: return dim__schedule_lr(&model->optimizer, p->at_step);
    case DIM__REPORT_NORM: return model->optims != NULL ? model->optims[0].grad_norm : 0;
    }
    return NAN;
}

void dim__model_collect(dim_model *model, const dim__model_program *p)
{
    dim__program *program = p->program;
    for (int64_t i = 0; i < model->n_reports; i++)
        model->reports[i].value = value_of(model, p, i);
    if (p->code_mean != DIM__NONE) {
        size_t bytes = (size_t)dim__count_of(dim__program_graph(program), p->code_mean) * sizeof(float);
        memcpy(model->code_mean, dim__program_data(program, p->code_mean), bytes);
        memcpy(model->code_std, dim__program_data(program, p->code_std), bytes);
    }
    model->reported = true;
}

static dim_status not_finite(dim_model *model, const dim__model_program *p, const char *what, const char *name,
                             double value)
{
    return dim__fail(model->ctx, DIM_E_NUMERIC, "the %s of '%s' is %g at step %llu%s", what, name, value,
                     (unsigned long long)model->steps, p->mode == DIM__RUN_EVALUATE ? "" : "; nothing was updated");
}

dim_status dim__model_check_losses(dim_model *model, const dim__model_program *p)
{
    for (int64_t i = 0; i < model->n_reports; i++) {
        const dim__report *r = &model->reports[i];
        if (r->what == NULL || p->reports[i] == DIM__NONE)
            continue;
        double value = dim__program_scalar(p->program, p->reports[i]);
        if (!isfinite(value))
            return not_finite(model, p, r->what, r->name, value);
    }
    double total = dim__program_scalar(p->program, p->total);
    return isfinite(total) ? DIM_OK : not_finite(model, p, "sum", "all losses", total);
}
