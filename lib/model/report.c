/* Reports: those of the objective, under the model's names and in its order. */
#include "model/model.h"

#include <math.h>
#include <stdio.h>

/* One more: report `of` of the objective, as "<a><b>". */
static dim_status list_as(dim_model *model, int64_t of, const char *a, const char *b, bool labelled)
{
    DIM__TRY(dim__grow(model->ctx, &model->reports, &model->cap_reports, model->n_reports + 1, sizeof *model->reports));
    dim__report *r = &model->reports[model->n_reports++];
    *r = (dim__report){ .of = of, .labelled = labelled };
    snprintf(r->name, sizeof r->name, "%s%s", a, b);
    return DIM_OK;
}

/* The report "<a><b>", which is the objective's "<own><b>". */
static dim_status list(dim_model *model, const char *a, const char *own, const char *b, bool labelled)
{
    const dim__objective_report *of = dim__objective_find_report(model->obj, own, b);
    assert(of != NULL);
    return list_as(model, of - model->obj->reports, a, b + (*a == '\0' && *b == '.'), labelled);
}

static bool reads_labels(const dim_objective *obj, int64_t loss)
{
    return (dim__objective_loss_reads(obj, loss) >> DIM__MODEL_LABELS & 1) != 0;
}

static bool minimises_labels(const dim_objective *obj, const dim__player *p)
{
    for (int64_t k = 0; k < p->n_aims; k++)
        if (reads_labels(obj, p->aims[k].loss))
            return true;
    return false;
}

/* Of what was added to the objective, under the names that they have there. */
static dim_status list_added(dim_model *model)
{
    const dim_objective *obj = model->obj;
    for (int64_t i = 0; i < obj->n_reports; i++) {
        const dim__objective_report *r = &obj->reports[i];
        bool of_loss = r->kind <= DIM__OF_MEAN;
        if (r->owner < (of_loss ? obj->n_losses - model->added_losses : obj->n_players - model->added_players))
            continue;
        bool labelled = of_loss ? reads_labels(obj, r->owner) : r->kind == DIM__OF_SUM && minimises_labels(obj, &obj->players[r->owner]);
        DIM__TRY(list_as(model, i, r->name, "", labelled));
    }
    return DIM_OK;
}

dim_status dim__model_list_reports(dim_model *model)
{
    static const char *const of_term[] = { "", ".value", ".pos", ".neg" };
    DIM__TRY(list(model, "", "model", ".loss", minimises_labels(model->obj, &model->obj->players[0])));
    for (int64_t i = 0; i < model->n_terms; i++)
        for (size_t k = 0; k < sizeof of_term / sizeof *of_term; k++)
            DIM__TRY(list(model, model->terms[i].name, model->terms[i].name, of_term[k], false));
    for (int64_t i = 0; i < model->n_priors; i++) {
        DIM__TRY(list(model, model->priors[i].name, model->priors[i].name, "", false));
        if (dim__objective_find_report(model->obj, model->priors[i].name, ".disc") != NULL)
            DIM__TRY(list(model, model->priors[i].name, model->priors[i].name, ".disc", false));
    }
    for (int64_t i = 0; i < model->n_classifiers; i++) {
        DIM__TRY(list(model, model->classifiers[i].name, model->classifiers[i].name, "", true));
        DIM__TRY(list(model, model->classifiers[i].name, model->classifiers[i].name, ".accuracy", true));
    }
    DIM__TRY(list(model, "code", "code", ".mean", false));
    DIM__TRY(list(model, "code", "code", ".std", false));
    DIM__TRY(list(model, "", "model", ".lr", false));
    if (model->optimizer.clip_norm > 0)
        DIM__TRY(list(model, "", "model", ".grad_norm", false));
    return list_added(model);
}

static void copy_code(const dim_model *model, const char *what, float *out)
{
    const dim__objective_report *r = dim__objective_find_report(model->obj, "code", what);
    const dim__objective_program *p = model->obj->last;
    dim__vid v = p->reports[r - model->obj->reports];
    if (v != DIM__NONE)
        memcpy(out, dim__program_data(p->program, v), (size_t)dim__count_of(dim__program_graph(p->program), v) * sizeof *out);
}

void dim__model_collect(dim_model *model, dim__run_mode mode)
{
    for (int64_t i = 0; i < model->n_reports; i++) {
        dim__report *r = &model->reports[i];
        const dim__objective_report *of = &model->obj->reports[r->of];
        bool missing = of->kind == DIM__OF_MEAN && model->obj->last->reports[r->of] == DIM__NONE; /* a code that is a map */
        r->value = r->labelled && mode != DIM__RUN_LABELED ? NAN : missing ? 0 : of->value;
    }
    copy_code(model, ".mean", model->code_mean);
    copy_code(model, ".std", model->code_std);
    model->reported = true;
}
