#include "dim_terms.h"

#include "objective.h"

static const struct {
    const char *name;
    float alpha, beta, gamma;
} presets[] = { { "none", 0, 0, 0 }, { "dim-g", 1, 0, 1 }, { "dim-l", 0, 1, 0.1f }, { "dim-lg", 0.5f, 0.1f, 0.1f } };
enum { N_PRESETS = sizeof presets / sizeof *presets };

const char *ex_dim_preset_name(int i) { return i >= 0 && i < N_PRESETS ? presets[i].name : NULL; }

void ex_dim_preset(ex_options *o)
{
    if (o->dim_preset == 0)
        return;
    o->alpha = presets[o->dim_preset].alpha;
    o->beta = presets[o->dim_preset].beta;
    o->prior = DIM_PRIOR_UNIFORM;
    o->prior_weight = presets[o->dim_preset].gamma;
    o->lr = 1e-4f;
    o->beta1 = 0.5f;
    o->batch = 64;
    o->shortcut = DIM_SHORTCUT_IDENTITY;
    o->repeat = DIM_REPEAT_FROM_TAP;
}

void ex_dim_check(const ex_program *program, const ex_options *o)
{
    if (o->alpha == 0 && o->beta == 0 && o->pairs == 0 && o->coordinates == EX_COORDINATES_NONE && o->classes == 0)
        ex_usage_error(program, "--alpha 0 and --beta 0 leave nothing to learn; --pairs, --coordinates or --classes would do");
    if (o->global_samples > 0 && o->globals == NULL)
        ex_usage_error(program, "--global-samples needs --globals: one global has no locations to draw from");
    if (o->gradient_penalty > 0 && (o->prior_weight == 0 || (o->prior != DIM_PRIOR_UNIFORM && o->prior != DIM_PRIOR_GAUSSIAN)))
        ex_usage_error(program, "--gradient-penalty needs --prior uniform or gaussian: no other prior has a discriminator");
    if (o->local_samples > 0 && o->beta == 0 && o->pairs == 0)
        ex_usage_error(program, "--local-samples needs --beta or --pairs above 0: nothing else has locations to draw from");
    if (o->occlude > 0 && o->finetune)
        ex_usage_error(program, "--occlude and --finetune exclude each other: fine-tuning has no objective but the labels");
    if (o->classes == 1)
        ex_usage_error(program, "--classes: 1 is too few; it must be 0 or at least 2");
    if (o->class_pairs > 0 && o->classes == 0)
        ex_usage_error(program, "--class-pairs needs --classes, which makes the discrete code");
}

static dim_estimator *estimator(ex_run *run)
{
    dim_estimator *made = NULL;
    dim_estimator_options how;
    DIM_OPTIONS_INIT(&how);
    how.kind = (dim_estimator_kind)run->o.estimator;
    how.negatives = DIM_NEGATIVES_ALL; /* every other image of the batch gives negative pairs */
    EX_TRY(run, dim_estimator_create(run->ctx, &how, &made));
    return made;
}

/* A weight of 0 leaves the term out. */
static void add_term(ex_run *run, dim_model *model, const dim_estimator *how, dim_term_options term)
{
    if (term.weight == 0)
        return;
    term.size = sizeof term;
    term.estimator = how;
    term.critic = (dim_critic)run->o.critic;
    term.units = run->o.units;
    term.shortcut = (dim_shortcut)run->o.shortcut;
    term.act_penalty = run->o.act_penalty;
    EX_TRY(run, dim_model_add_term(model, &term));
}

static void add_terms(ex_run *run, dim_model *model)
{
    const ex_options *o = &run->o;
    dim_estimator *how = estimator(run);
    bool whole_dot = o->critic == DIM_CRITIC_DOT; /* only that one repeats layers */
    uint32_t globals = o->global_samples > 0 ? o->global_samples : DIM_ALL_LOCATIONS;
    uint32_t others = o->local_samples > 0 ? o->local_samples : DIM_ALL_LOCATIONS;
    /* I(C_ij(x) ; E(x)), averaged over the locations, and over the globals where they are a map, too. */
    add_term(run, model, how, (dim_term_options){ .name = "local", .x = "local", .y = o->globals, .weight = o->beta,
                                                  .local_samples = o->local_samples, .global_samples = o->globals != NULL ? globals : 0 });
    /* I(C(x) ; E(x)).  With the dot product the map goes through a copy of the encoder's later layers with weights of its own,
     * into `units` dimensions; with concatenation through two convolutions, then joined with E(x). */
    add_term(run, model, how, (dim_term_options){ .name = "global", .x = "global:local", .y = "global", .weight = o->alpha,
                                                  .repeat = whole_dot ? (dim_repeat)o->repeat : DIM_REPEAT_AFTER_TAP });
    /* I(C_ij(x) ; C_kl(x)), between the locations of an image. */
    add_term(run, model, how, (dim_term_options){ .name = "pairs", .x = "local", .y = "local", .weight = o->pairs,
                                                  .local_samples = o->local_samples, .global_samples = others });
    dim_estimator_destroy(how);
}

/* A loss more, which the model minimises beside its terms. */
static void add_loss(ex_run *run, dim_model *model, dim_loss_options loss, float weight)
{
    dim_objective *objective = dim_model_objective(model);
    loss.size = sizeof loss;
    EX_TRY(run, dim_objective_add_loss(objective, &loss));
    if (loss.kind == DIM_LOSS_COORDINATES) /* its network is the model's to train */
        EX_TRY(run, dim_objective_give(objective, "model", loss.name));
    EX_TRY(run, dim_objective_minimise(objective, "model", loss.name, weight));
}

/* Logits of the classes of a discrete code: one layer on a tap. */
static void add_head(ex_run *run, dim_model *model, const dim_encoder *encoder, const char *tap, const char *as)
{
    int64_t shape[3];
    char value[40];
    EX_TRY(run, dim_encoder_tap_shape(encoder, tap, shape));
    bool vector = shape[1] == 1 && shape[2] == 1;
    if (vector)
        shape[1] = shape[2] = 0;
    dim_layer_options layer = { .kind = vector ? DIM_LAYER_LINEAR : DIM_LAYER_CONV, .out = run->o.classes, .kernel = vector ? 0 : 1 };
    dim_network *head = ex_network(run, shape, &layer, 1);
    snprintf(value, sizeof value, "encoder.%s", tap);
    EX_TRY(run, dim_objective_apply(dim_model_objective(model), head, value, as));
    EX_TRY(run, dim_objective_give(dim_model_objective(model), "model", as));
    dim_encoder_destroy(head);
}

static void add_losses(ex_run *run, dim_model *model, const dim_encoder *encoder)
{
    const char *code = run->o.occlude > 0 ? "occluded" : "encoder";
    if (run->o.coordinates != EX_COORDINATES_NONE)
        add_loss(run, model, (dim_loss_options){ .name = "coordinates", .kind = DIM_LOSS_COORDINATES, .a = "encoder.local", .b = code,
                                                 .relative = run->o.coordinates == EX_COORDINATES_RELATIVE }, 1);
    if (run->o.classes == 0)
        return;
    add_head(run, model, encoder, "global", "symbol");
    add_head(run, model, encoder, "local", "symbol_each");
    add_loss(run, model, (dim_loss_options){ .name = "discrete", .kind = DIM_LOSS_DISCRETE, .a = "symbol" }, 1);
    add_loss(run, model, (dim_loss_options){ .name = "discrete_each", .kind = DIM_LOSS_DISCRETE, .a = "symbol_each" }, 1);
    if (run->o.class_pairs > 0)
        add_loss(run, model, (dim_loss_options){ .name = "discrete_pairs", .kind = DIM_LOSS_DISCRETE, .a = "symbol", .b = "symbol_each" },
                 run->o.class_pairs);
}

dim_model *ex_dim_model(ex_run *run, dim_encoder *encoder)
{
    dim_model *model = NULL;
    dim_model_options how;
    DIM_OPTIONS_INIT(&how);
    how.occlude = run->o.occlude;
    if (dim_model_create(encoder, &how, &model) != DIM_OK)
        ex_usage_error(run->program, "--occlude: %s", dim_context_error(run->ctx));
    if (!run->o.finetune) {
        add_terms(run, model);
        add_losses(run, model, encoder);
    }
    ex_add_prior(run, model); /* - gamma D(prior): --prior and --prior-weight */
    ex_add_classes(run, encoder, model); /* --classify-weight, --finetune */
    dim_optimizer_options adam;
    DIM_OPTIONS_INIT(&adam);
    adam.lr = run->o.lr;
    adam.beta1 = run->o.beta1;
    EX_TRY(run, dim_model_set_optimizer(model, &adam));
    return model;
}
