/* Putting an objective together (DIM eq. 8): alpha I_global + beta / M^2 sum I_local - gamma D(prior). */
#include "model/model.h"

#include "objective/estimators/handle.h"

#include <math.h>
#include <stdio.h>

dim_status dim__model_create(dim_encoder *enc, const dim_model_options *options, dim_model **out)
{
    dim_context *ctx = enc->ctx;
    dim_model_options o;
    dim_optimizer_options optimizer;
    DIM__TRY(dim__options_copy(ctx, "dim_model_options", &o, sizeof o, options));
    DIM__TRY(dim__optim_options(ctx, NULL, &optimizer));
    if (o.views > DIM__MAX_VIEWS)
        return dim__fail(ctx, DIM_E_INVALID, "views is %u; it must be %d at most", o.views, DIM__MAX_VIEWS);
    if (o.reserved0 != 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_model_options.reserved0 is %u; it must be 0", o.reserved0);
    dim_model *model = dim__calloc(ctx, 1, sizeof *model);
    if (model == NULL)
        return DIM_E_NOMEM;
    model->ctx = dim__context_retain(ctx);
    model->enc = dim__encoder_retain(enc);
    model->optimizer = optimizer;
    model->views = o.views != 0 ? o.views : 1;
    model->seed = o.seed != 0 ? o.seed : ctx->seed;
    dim__programs_init(&model->programs, ctx, DIM__MOST_PROGRAMS);
    dim__params_init(&model->params, ctx, model->seed);
    *out = model;
    return DIM_OK;
}

static void free_optimizers(dim_model *model)
{
    for (int64_t i = 0; model->optims != NULL && i < dim__model_groups_count(model); i++)
        dim__optim_free(&model->optims[i]);
    dim__free(model->ctx, model->optims);
    dim__free(model->ctx, model->trained);
    model->optims = NULL;
    model->trained = NULL;
}

void dim__model_destroy(dim_model *model)
{
    if (model == NULL)
        return;
    dim_context *ctx = model->ctx;
    dim__programs_free(&model->programs);
    free_optimizers(model);
    dim__free(ctx, model->reports);
    dim__free(ctx, model->code_mean);
    dim__free(ctx, model->code_std);
    dim__free(ctx, model->terms);
    dim__free(ctx, model->priors);
    dim__free(ctx, model->classifiers);
    dim__params_free(&model->params);
    dim__encoder_release(model->enc);
    dim__free(ctx, model);
    dim__context_release(ctx);
}

static bool name_taken(const dim_model *model, const char *name)
{
    for (int64_t i = 0; i < model->n_terms; i++)
        if (strcmp(model->terms[i].name, name) == 0)
            return true;
    for (int64_t i = 0; i < model->n_classifiers; i++)
        if (strcmp(model->classifiers[i].name, name) == 0)
            return true;
    return false;
}

/* Names end up in reports and weights, so they stay plain. */
dim_status dim__model_check_name(const dim_model *model, const char *name)
{
    DIM__TRY(dim__check_name(model->ctx, "the name", name, false));
    if (name_taken(model, name) || strcmp(name, "encoder") == 0 || strcmp(name, "loss") == 0 ||
        strcmp(name, "lr") == 0 || strncmp(name, "prior", 5) == 0 || strcmp(name, "code") == 0 ||
        strcmp(name, "grad_norm") == 0)
        return dim__fail(model->ctx, DIM_E_INVALID, "the name '%s' is taken", name);
    return DIM_OK;
}

static dim_status set_name(dim_model *model, dim__term *t, const char *name)
{
    if (name == NULL) {
        const char *usual = t->whole || !dim__is_map(model->enc->stack.layers[t->x].out) ? "global" : "local";
        snprintf(t->name, sizeof t->name, "%s", usual);
        if (name_taken(model, t->name))
            snprintf(t->name, sizeof t->name, "term%lld", (long long)model->n_terms);
        return DIM_OK;
    }
    DIM__TRY(dim__model_check_name(model, name));
    snprintf(t->name, sizeof t->name, "%s", name);
    return DIM_OK;
}

static dim_status set_sides(dim_model *model, dim__term *t, const char *x, const char *y)
{
    if (x == NULL)
        x = "local";
    t->whole = strncmp(x, "global:", 7) == 0;
    DIM__TRY(dim__encoder_tap(model->enc, t->whole ? x + 7 : x, &t->x));
    DIM__TRY(dim__encoder_tap(model->enc, y, &t->y));
    if (t->whole && !dim__is_map(model->enc->stack.layers[t->x].out))
        return dim__fail(model->ctx, DIM_E_SHAPE, "x is '%.40s', but that tap is no map", x);
    return DIM_OK;
}

static dim_status set_mixture(dim_model *model, const dim__term *t, dim_term_options *o)
{
    bool dot = o->critic == DIM_CRITIC_DOT || o->critic == DIM_CRITIC_PLAIN_DOT;
    if (o->mixture == 0)
        return DIM_OK;
    if (o->mixture > 1024)
        return dim__fail(model->ctx, DIM_E_INVALID, "mixture is %u; at most 1024 antecedents are possible", o->mixture);
    if (t->estimator.kind != DIM_ESTIMATOR_INFONCE || t->estimator.negatives != DIM_NEGATIVES_ALL)
        return dim__fail(model->ctx, DIM_E_INVALID, "mixture is %u, which takes InfoNCE over all pairs", o->mixture);
    if (!dot)
        return dim__fail(model->ctx, DIM_E_INVALID, "mixture is %u, which takes the critic DOT or PLAIN_DOT", o->mixture);
    if (o->mixture_tau == 0)
        o->mixture_tau = 1;
    if (!(o->mixture_tau > 0) || !isfinite(o->mixture_tau))
        return dim__fail(model->ctx, DIM_E_INVALID, "mixture_tau is %g; it must be above 0", (double)o->mixture_tau);
    return DIM_OK;
}

/* The convolutions of the concat critic on a whole map are two of 3 x 3 without padding. */
static dim_status check_whole_concat(dim_model *model, const dim__term *t)
{
    const int64_t *map = model->enc->stack.layers[t->x].out;
    if (!t->whole || t->o.critic != DIM_CRITIC_CONCAT || (map[1] >= 5 && map[2] >= 5))
        return DIM_OK;
    return dim__fail(model->ctx, DIM_E_SHAPE,
                     "term '%s': the concat critic needs a map of 5 x 5 at least, but the tap has %lld x %lld", t->name,
                     (long long)map[1], (long long)map[2]);
}

static dim_status set_critic(dim_model *model, dim_term_options *o)
{
    if (dim__critic_def_of(o->critic) == NULL)
        return dim__fail(model->ctx, DIM_E_INVALID, "%d is no kind of critic", (int)o->critic);
    if (o->weight == 0)
        o->weight = 1;
    if (!isfinite(o->weight))
        return dim__fail(model->ctx, DIM_E_INVALID, "a term's weight is %g", (double)o->weight);
    if (o->batch_norm > 1)
        return dim__fail(model->ctx, DIM_E_INVALID, "batch_norm is %u; it is a switch, 0 or 1", o->batch_norm);
    if ((int)o->shortcut < DIM_SHORTCUT_IDENTITY || o->shortcut > DIM_SHORTCUT_RANDOM)
        return dim__fail(model->ctx, DIM_E_INVALID, "%d is no kind of shortcut", (int)o->shortcut);
    if (o->reserved0 != 0)
        return dim__fail(model->ctx, DIM_E_INVALID, "dim_term_options: reserved0 is %u, not 0", o->reserved0);
    if (o->units == 0)
        o->units = 2048;
    DIM__TRY(dim__check_hidden(model->ctx, "dim_term_options", o->hidden));
    if (o->hidden[0] == 0)
        o->hidden[0] = o->hidden[1] = 512;
    if (o->units > (1u << 24))
        return dim__fail(model->ctx, DIM_E_INVALID, "units is %u; it must be 16777216 at most", o->units);
    for (int i = 0; i < DIM_MAX_HIDDEN; i++)
        if (o->hidden[i] > (1u << 24))
            return dim__fail(model->ctx, DIM_E_INVALID, "hidden[%d] is %u; it must be 16777216 at most", i,
                             o->hidden[i]);
    return DIM_OK;
}

dim_status dim__model_add_term(dim_model *model, const dim_term_options *term)
{
    dim__term t = { .state = NULL };
    dim_term_options *o = &t.o;
    if (model->fixed)
        return dim__fail(model->ctx, DIM_E_STATE, "the objective is fixed by its first use; add terms before");
    DIM__TRY(dim__options_copy(model->ctx, "dim_term_options", o, sizeof *o, term));
    DIM__TRY(set_sides(model, &t, o->x, o->y));
    DIM__TRY(set_name(model, &t, o->name));
    if (o->estimator != NULL)
        t.estimator = o->estimator->o;
    else
        DIM__TRY(dim__estimator_options(model->ctx, NULL, &t.estimator));
    DIM__TRY(set_critic(model, o));
    DIM__TRY(set_mixture(model, &t, o));
    DIM__TRY(check_whole_concat(model, &t));
    if (t.estimator.kind == DIM_ESTIMATOR_MINE && model->views > 1)
        return dim__fail(model->ctx, DIM_E_UNSUPPORTED,
                         "MINE has one moving average, but a model of views has several estimates; use DV");
    o->name = o->x = o->y = NULL;
    o->estimator = NULL;
    DIM__TRY(dim__grow(model->ctx, &model->terms, &model->cap_terms, model->n_terms + 1, sizeof *model->terms));
    model->terms[model->n_terms++] = t;
    return DIM_OK;
}

dim_status dim__model_add_prior(dim_model *model, const dim__prior_spec *spec, float weight)
{
    dim__model_prior p = { .spec = *spec, .weight = weight == 0 ? 1 : weight };
    if (model->fixed)
        return dim__fail(model->ctx, DIM_E_STATE, "the objective is fixed by its first use; add priors before");
    if (!isfinite(weight))
        return dim__fail(model->ctx, DIM_E_INVALID, "a prior's weight is %g", (double)weight);
    if (spec->o.kind == DIM_PRIOR_KL && model->enc->gaussian < 0)
        return dim__fail(model->ctx, DIM_E_INVALID,
                         "the KL prior needs an encoder with a Gaussian code (infomax, or a layer "
                         "DIM_LAYER_GAUSSIAN)");
    if (dim__is_map(model->enc->stack.layers[model->enc->global].out))
        return dim__fail(model->ctx, DIM_E_SHAPE,
                         "a prior needs a code that is a vector, but the tap 'global' is a map");
    if (model->n_priors == 0)
        snprintf(p.name, sizeof p.name, "prior");
    else
        snprintf(p.name, sizeof p.name, "prior%lld", (long long)model->n_priors);
    DIM__TRY(dim__grow(model->ctx, &model->priors, &model->cap_priors, model->n_priors + 1, sizeof *model->priors));
    model->priors[model->n_priors++] = p;
    return DIM_OK;
}

void dim__model_groups(dim_model *model, dim__param_group groups[2])
{
    groups[0] = (dim__param_group){ "encoder.", &model->enc->params };
    groups[1] = (dim__param_group){ "", &model->params };
}

static void name_report(dim_model *model, const char *a, const char *b)
{
    snprintf(model->reports[model->n_reports++].name, DIM__REPORT_SIZE, "%s%s", a, b);
}

/* In the order in which collect() of run.c fills them. */
static dim_status make_reports(dim_model *model)
{
    int64_t most = 5 + DIM__TERM_REPORTS * model->n_terms + 2 * model->n_priors + 2 * model->n_classifiers;
    const int64_t *code = model->enc->stack.layers[model->enc->global].out;
    size_t units = dim__is_map(code) ? 0 : (size_t)code[0];
    dim__report *reports = dim__calloc(model->ctx, (size_t)most, sizeof *reports);
    float *mean = dim__calloc(model->ctx, units, sizeof *mean), *std = dim__calloc(model->ctx, units, sizeof *std);
    if (reports == NULL || mean == NULL || std == NULL) {
        dim__free(model->ctx, reports);
        dim__free(model->ctx, mean);
        dim__free(model->ctx, std);
        return DIM_E_NOMEM;
    }
    model->reports = reports;
    model->code_mean = mean;
    model->code_std = std;
    name_report(model, "loss", "");
    for (int64_t i = 0; i < model->n_terms; i++) {
        name_report(model, model->terms[i].name, "");
        name_report(model, model->terms[i].name, ".value");
        name_report(model, model->terms[i].name, ".pos");
        name_report(model, model->terms[i].name, ".neg");
    }
    for (int64_t i = 0; i < model->n_priors; i++) {
        name_report(model, model->priors[i].name, "");
        if (model->priors[i].spec.o.kind != DIM_PRIOR_KL)
            name_report(model, model->priors[i].name, ".disc");
    }
    for (int64_t i = 0; i < model->n_classifiers; i++) {
        name_report(model, model->classifiers[i].name, "");
        name_report(model, model->classifiers[i].name, ".accuracy");
    }
    name_report(model, "code.mean", "");
    name_report(model, "code.std", "");
    name_report(model, "lr", "");
    if (model->optimizer.clip_norm > 0)
        name_report(model, "grad_norm", "");
    return DIM_OK;
}

dim_status dim__model_fix(dim_model *model)
{
    if (model->fixed)
        return DIM_OK;
    if (model->n_terms + model->n_priors == 0)
        return dim__fail(model->ctx, DIM_E_STATE, "the model has no terms: add one with dim_model_add_term()");
    dim_status status = dim__model_declare(model);
    if (status == DIM_OK)
        status = make_reports(model);
    model->fixed = status == DIM_OK;
    return status;
}
