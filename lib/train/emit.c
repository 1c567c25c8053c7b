/* The objective as a graph.  A value is emitted when a loss asks for it, so a program has only what it needs: a network's
 * running statistics move when a player's loss reads the network, as if one had called it by hand. */
#include "train/objective.h"

#include <stdio.h>

typedef struct emission {
    dim_objective *obj;
    const dim__wanted *w;
    dim__graph *g;
    dim__objective_program *p;
    dim__vid **layers;       /* of each application, once it is emitted: its network's values */
} emission;

static int64_t rows(const emission *e, int64_t views) { return e->w->samples * views; }

static dim__vid emit_input(emission *e, int64_t i)
{
    const dim__objective_input *in = &e->obj->inputs[i];
    int64_t n = rows(e, (int64_t)in->o.views);
    dim__shape shape = dim__is_label(in) ? dim__shape1(n) : dim__batch_shape(n, in->o.shape);
    if (e->p->inputs[i] == DIM__NONE) {
        bool wants = e->w->mode == DIM__OBJECTIVE_GRADIENT && e->w->input == i;
        e->p->inputs[i] = dim__graph_input(e->g, dim__is_label(in) ? DIM_I32 : DIM_F32, shape, wants);
        if (dim__is_label(in)) /* accuracies are counted after the run */
            dim__graph_keep(e->g, e->p->inputs[i]);
    }
    return e->p->inputs[i];
}

static dim__vid emit_value(emission *e, dim__ref ref);

/* Whatever else a program has, an application or a loss draws the same noise: that of the declaration, which has all. */
static void set_stream(const emission *e, uint64_t *stream)
{
    if (e->obj->fixed)
        e->g->next_stream = *stream;
    else
        *stream = e->g->next_stream;
}

static void emit_application(emission *e, int64_t i)
{
    dim__application *a = &e->obj->applications[i];
    const dim__trained *t = &e->obj->trained[a->trained];
    dim__vid of[DIM_MAX_INPUTS];
    for (int k = 0; k < a->n_of; k++)
        of[k] = emit_value(e, a->of[k]);
    dim__vid *layers = dim__calloc(e->obj->ctx, (size_t)t->network->stack.count, sizeof *layers);
    if (layers == NULL) {
        dim__graph_fail(e->g, DIM_E_NOMEM);
        return;
    }
    dim__scope scope = dim__encoder_scope(t->network, e->g, e->w->mode != DIM__OBJECTIVE_COMPUTE && t->player != DIM__NOBODY);
    scope.group = t->player;
    set_stream(e, &a->stream);
    e->g->views = a->views;
    dim__encoder_emit(t->network, &scope, of, layers);
    e->layers[i] = layers;
}

static dim__vid emit_value(emission *e, dim__ref ref)
{
    if (dim__graph_status(e->g) != DIM_OK)
        return DIM__NONE;
    if (ref.application < 0)
        return emit_input(e, ref.index);
    if (e->layers[ref.application] == NULL)
        emit_application(e, ref.application);
    return dim__graph_status(e->g) == DIM_OK ? e->layers[ref.application][ref.index] : DIM__NONE;
}

static void note(emission *e, int64_t report, dim__vid v)
{
    e->p->reports[report] = v;
    dim__graph_keep(e->g, v);
}

/* The reports of a loss are in the order in which they were listed; the first is its own. */
static void note_reports(emission *e, int64_t loss, const dim__loss_nodes *nodes)
{
    dim_objective *obj = e->obj;
    int next = obj->losses[loss].loss.def->reports_only ? 0 : -1;
    for (int64_t r = 0; r < obj->n_reports && e->p->reports != NULL; r++)
        if (obj->reports[r].kind <= DIM__OF_MEAN && obj->reports[r].owner == loss) {
            note(e, r, next < 0 ? nodes->loss : nodes->reports[next].v);
            next++;
        }
}

static void list_reports(emission *e, int64_t loss, const dim__loss_nodes *nodes)
{
    static const int kinds[] = { DIM__OF_VALUE, DIM__OF_ACCURACY, DIM__OF_MEAN };
    const dim__loss *l = &e->obj->losses[loss].loss;
    dim_status status = l->def->reports_only ? DIM_OK : dim__objective_list(e->obj, loss, DIM__OF_LOSS, l->name, "");
    for (int k = 0; k < nodes->n_reports && status == DIM_OK; k++)
        status = dim__objective_list(e->obj, loss, kinds[nodes->reports[k].kind], l->name, nodes->reports[k].suffix);
    if (status != DIM_OK)
        dim__graph_fail(e->g, status);
}

/* What a rank has is brought to what all have. */
static void make_global(dim__graph *g, dim__loss_nodes *nodes)
{
    dim__vid *local[2 + DIM__LOSS_REPORTS];
    int n = 0;
    if (g->comm == NULL || dim__graph_status(g) != DIM_OK)
        return;
    if (nodes->ranks == DIM__LOSS_ALIKE)
        nodes->loss = dim__emit_share_ranks(g, nodes->loss);
    if (nodes->ranks != DIM__LOSS_OF_SAMPLES)
        return;
    local[n++] = &nodes->loss;
    if (nodes->against != DIM__NONE)
        local[n++] = &nodes->against;
    for (int k = 0; k < nodes->n_reports; k++)
        if (nodes->reports[k].kind == DIM__LOSS_REPORT_SCALAR)
            local[n++] = &nodes->reports[k].v;
    dim__emit_mean_ranks(g, n, local);
}

/* A loss is computed in f32, and from f32, whatever a context stores activations in.  What has a critic is a network, too, and
 * its estimator looks after itself. */
static void make_exact(emission *e, const dim__loss_in *in, int64_t first)
{
    dim__graph *g = e->g;
    for (int k = 0; k < DIM__LOSS_VALUES; k++)
        if (in->side[k].v != DIM__NONE)
            g->values[in->side[k].v].exact = true;
    for (int64_t v = first; v < g->n_values; v++)
        g->values[v].exact = true;
}

static bool minimised_by(const dim_objective *obj, int64_t loss, uint32_t players)
{
    for (int64_t i = 0; i < obj->n_players; i++)
        for (int64_t k = 0; k < obj->players[i].n_aims && (players >> i & 1) != 0; k++)
            if (obj->players[i].aims[k].loss == loss)
                return true;
    return false;
}

/* A loss of a step may have no gradient: one that is only reported. */
static bool is_differentiated(const emission *e, int64_t loss)
{
    return e->w->mode == DIM__OBJECTIVE_GRADIENT ||
           (e->w->mode == DIM__OBJECTIVE_STEP && minimised_by(e->obj, loss, e->w->movers));
}

static dim__loss_nodes emit_loss(emission *e, int64_t i)
{
    const dim__loss_nodes none = { .loss = DIM__NONE, .against = DIM__NONE };
    dim_objective *obj = e->obj;
    dim__objective_loss *l = &obj->losses[i];
    dim__loss_in in = { .scope = { .g = e->g, .params = &obj->params },
                        .loss = &l->loss, .samples = e->w->samples };
    in.scope.group = l->trained < 0 ? DIM__NOBODY : obj->trained[l->trained].player;
    in.scope.training = in.scope.group != DIM__NOBODY;
    in.scope.differentiated = is_differentiated(e, i);
    snprintf(in.scope.prefix, sizeof in.scope.prefix, "%s.", l->loss.name);
    for (int k = 0; k < DIM__LOSS_VALUES; k++) {
        in.side[k].v = DIM__NONE;
        if (k >= l->n_of)
            continue;
        in.side[k] = dim__objective_side(obj, l->of[k]);
        in.side[k].v = emit_value(e, l->of[k]);
    }
    in.side[0].whole = l->whole;
    if (dim__graph_status(e->g) != DIM_OK)
        return none;
    set_stream(e, &l->stream);
    int64_t first = e->g->n_values;
    e->g->views = in.side[0].views;
    dim__loss_nodes nodes = l->loss.def->emit(&in);
    make_global(e->g, &nodes);
    if (!l->loss.def->critic)
        make_exact(e, &in, first);
    if (l->loss.weighted)
        nodes.loss = dim__emit_affine(e->g, nodes.loss, l->loss.weight, 0);
    if (dim__graph_status(e->g) != DIM_OK)
        return none;
    if (!obj->fixed)
        list_reports(e, i, &nodes);
    note_reports(e, i, &nodes);
    return nodes;
}

/* What a player minimises; DIM__NONE where the program does not have all of it. */
static dim__vid emit_sum(emission *e, const dim__player *p, const dim__loss_nodes *losses)
{
    dim__vid sum = DIM__NONE;
    for (int64_t k = 0; k < p->n_aims && dim__graph_status(e->g) == DIM_OK; k++) {
        const dim__loss_nodes *of = &losses[p->aims[k].loss];
        dim__vid v = p->aims[k].against ? of->against : of->loss;
        if (v == DIM__NONE)
            return DIM__NONE;
        v = p->aims[k].weight == 1 ? v : dim__emit_affine(e->g, v, p->aims[k].weight, 0);
        sum = sum == DIM__NONE ? v : dim__emit_add(e->g, sum, v);
    }
    return sum;
}

static bool misses(const emission *e, int64_t loss)
{
    return e->w->without >= 0 && (dim__objective_loss_reads(e->obj, loss) >> e->w->without & 1) != 0;
}

static bool has_loss(const emission *e, int64_t i)
{
    const dim__wanted *w = e->w;
    switch (w->mode) {
    case DIM__OBJECTIVE_STEP:
        return minimised_by(e->obj, i, w->movers) || (w->others && !minimised_by(e->obj, i, UINT32_MAX) && !misses(e, i));
    case DIM__OBJECTIVE_EVALUATE: return !misses(e, i);
    case DIM__OBJECTIVE_GRADIENT: return i == w->loss;
    default: return false;
    }
}

static int emit_losses(emission *e, dim__loss_nodes *losses, dim__aim *aims)
{
    dim_objective *obj = e->obj;
    int n = 0;
    for (int64_t i = 0; i < obj->n_losses && dim__graph_status(e->g) == DIM_OK; i++)
        losses[i] = has_loss(e, i) ? emit_loss(e, i) : (dim__loss_nodes){ .loss = DIM__NONE, .against = DIM__NONE };
    if (e->w->mode == DIM__OBJECTIVE_GRADIENT) {
        dim__graph_keep(e->g, losses[e->w->loss].loss);
        aims[n++] = (dim__aim){ losses[e->w->loss].loss, DIM__REACH_INPUT };
    }
    for (int64_t i = 0; i < obj->n_players; i++) {
        bool moves = e->w->mode == DIM__OBJECTIVE_STEP && (e->w->movers >> i & 1) != 0;
        if (!moves && e->w->mode != DIM__OBJECTIVE_EVALUATE)
            continue;
        dim__vid sum = e->p->sums[i] = emit_sum(e, &obj->players[i], losses);
        dim__graph_keep(e->g, sum);
        for (int64_t r = 0; r < obj->n_reports && e->p->reports != NULL; r++)
            if (obj->reports[r].kind == DIM__OF_SUM && obj->reports[r].owner == i)
                note(e, r, sum);
        if (moves && sum != DIM__NONE)
            aims[n++] = (dim__aim){ sum, dim__reach_of_group((uint32_t)i) };
    }
    return n;
}

int dim__objective_emit(dim_objective *obj, const dim__wanted *w, dim__graph *g, dim__objective_program *p, dim__aim *aims)
{
    emission e = { obj, w, g, p, dim__calloc(obj->ctx, (size_t)obj->n_applications, sizeof *e.layers) };
    dim__loss_nodes *losses = dim__calloc(obj->ctx, (size_t)obj->n_losses, sizeof *losses);
    int n = 0;
    for (int64_t i = 0; i < obj->n_inputs; i++)
        p->inputs[i] = DIM__NONE;
    for (int64_t i = 0; i < obj->n_reports; i++)
        p->reports[i] = DIM__NONE;
    for (int64_t i = 0; i < obj->n_players; i++)
        p->sums[i] = DIM__NONE;
    p->out = DIM__NONE;
    p->frozen = w->mode == DIM__OBJECTIVE_COMPUTE;
    g->comm = p->frozen ? NULL : obj->comm; /* what is frozen needs nobody else */
    if (e.layers == NULL || losses == NULL)
        dim__graph_fail(g, DIM_E_NOMEM);
    else if (w->mode == DIM__OBJECTIVE_COMPUTE || w->mode == DIM__OBJECTIVE_OBSERVE)
        dim__graph_keep(g, p->out = emit_value(&e, w->value));
    else
        n = emit_losses(&e, losses, aims);
    for (int64_t i = 0; e.layers != NULL && i < obj->n_applications; i++)
        dim__free(obj->ctx, e.layers[i]);
    dim__free(obj->ctx, e.layers);
    dim__free(obj->ctx, losses);
    return n;
}
