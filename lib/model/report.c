/* Reports: those of the objective, under the model's names and in its order. */
#include "model/model.h"

#include <math.h>
#include <stdio.h>

/* The report "<a><b>", which is the objective's "<own><b>". */
static dim_status list(dim_model *model, const char *a, const char *own, const char *b, bool labelled)
{
    const dim__objective_report *of = dim__objective_find_report(model->obj, own, b);
    assert(of != NULL);
    DIM__TRY(dim__grow(model->ctx, &model->reports, &model->cap_reports, model->n_reports + 1, sizeof *model->reports));
    dim__report *r = &model->reports[model->n_reports++];
    *r = (dim__report){ .of = of - model->obj->reports, .labelled = labelled };
    snprintf(r->name, sizeof r->name, "%s%s", a, *a == '\0' ? b + 1 : b);
    return DIM_OK;
}

dim_status dim__model_list_reports(dim_model *model)
{
    static const char *const of_term[] = { "", ".value", ".pos", ".neg" };
    DIM__TRY(list(model, "", "@model", ".loss", false));
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
    DIM__TRY(list(model, "", "@model", ".lr", false));
    return model->optimizer.clip_norm > 0 ? list(model, "", "@model", ".grad_norm", false) : DIM_OK;
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
