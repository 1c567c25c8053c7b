/* A step: rounds of players that move together.  Each pass is forward, a look at the losses, gradient, a look at the gradients,
 * states, parameters. */
#include "kernels/kernels.h"
#include "train/objective.h"

/* Where this program leaves the gradients of those that move; NULL where none flows. */
static void bind_gradients(dim_objective *obj, dim__objective_program *p)
{
    dim__graph *g = dim__program_graph(p->program);
    const float **grads = p->grads;
    for (int64_t k = 0; k < obj->n_players && !p->bound; k++)
        for (int64_t i = 0; i < obj->players[k].n_params; i++, grads++)
            for (int64_t v = 0; v < g->n_values; v++)
                if (g->values[v].kind == DIM__PARAM && g->values[v].param == obj->players[k].params[i])
                    *grads = dim__program_data(p->program, dim__graph_grad(g, (dim__vid)v));
    p->bound = true;
}

/* Else a slip of the pen, a loss of other networks than those that were given, would train nothing and say nothing. */
static dim_status check_reached(const dim_objective *obj, const dim__objective_program *p, uint32_t movers)
{
    const float *const *grads = p->grads;
    for (int64_t k = 0; k < obj->n_players; k++) {
        const dim__player *player = &obj->players[k];
        bool reached = (movers >> k & 1) == 0 || player->n_params == 0;
        for (int64_t i = 0; i < player->n_params; i++)
            reached = *grads++ != NULL || reached;
        if (!reached)
            return dim__fail(obj->ctx, DIM_E_STATE, "player '%s' minimises nothing that depends on what it was given", player->name);
    }
    return DIM_OK;
}

/* DIM_E_NUMERIC with what keeps a player's optimizer from its next step. */
static dim_status check_player(const dim_objective *obj, const dim__objective_program *p, dim__player *player)
{
    int64_t bad = dim__optim_check(&player->optim);
    char text[160], name[DIM__FULL_NAME_SIZE];
    if (bad < 0)
        return DIM_OK;
    const dim__param *param = player->params[bad];
    const char *full = dim__objective_full_name(obj, param, name);
    if (!obj->ctx->kernels->finite(player->optim.slots[bad].g, param->count))
        return dim__objective_not_finite(obj, p, true, "the gradient of '%s' is not finite", full);
    dim__optim_why(&player->optim, bad, text, sizeof text);
    return dim__fail(obj->ctx, DIM_E_NUMERIC, "'%s' at step %llu: %s; nothing was updated", full,
                     (unsigned long long)obj->steps, text);
}

/* One outlier can make a variance infinite while loss and gradients are not, and a running variance would stay so. */
static dim_status check_gradients(dim_objective *obj, const dim__objective_program *p, uint32_t movers)
{
    const float *const *grads = p->grads;
    char name[DIM__FULL_NAME_SIZE];
    for (int64_t k = 0; k < obj->n_players; k++)
        for (int64_t i = 0; i < obj->players[k].n_params; i++)
            obj->players[k].optim.slots[i].g = *grads++;
    DIM__TRY(dim__objective_sum_gradients(obj, movers));
    for (int64_t k = 0; k < obj->n_players; k++)
        if ((movers >> k & 1) != 0)
            DIM__TRY(check_player(obj, p, &obj->players[k]));
    const dim__param *bad = dim__program_bad_state(p->program);
    return bad == NULL ? DIM_OK : dim__objective_not_finite(obj, p, true, "the batch's share of '%s' is not finite",
                                                            dim__objective_full_name(obj, bad, name));
}

static void update(dim_objective *obj, uint32_t movers)
{
    for (int64_t k = 0; k < obj->n_players; k++)
        if ((movers >> k & 1) != 0)
            (void)dim__optim_step(&obj->players[k].optim); /* which has been checked */
}

/* Of these inputs, which are not all missing. */
static int64_t first_given(const dim_objective *obj, uint64_t inputs)
{
    int64_t i = 0;
    while ((inputs >> i & 1) == 0 || obj->inputs[i].batch == NULL || obj->inputs[i].o.kind != DIM_INPUT_GIVEN)
        i++;
    return i;
}

/* The samples of a training pass of all losses, or of one, checked. */
static dim_status count_samples(const dim_objective *obj, int64_t loss, int64_t *samples)
{
    uint64_t inputs = 0;
    for (int64_t i = 0; i < obj->n_losses; i++)
        inputs |= loss < 0 || loss == i ? dim__objective_loss_reads(obj, i) : 0;
    DIM__TRY(dim__objective_samples(obj, inputs, false, samples));
    if (*samples < 0)
        return dim__fail(obj->ctx, DIM_E_STATE, "no input that the losses read was given, so the number of samples is unknown");
    if (*samples < 2)
        return dim__fail(obj->ctx, DIM_E_SHAPE, "input '%s' has %lld sample%s; losses compare 2 at least",
                         obj->inputs[first_given(obj, inputs)].name, (long long)*samples, *samples == 1 ? "" : "s");
    return DIM_OK;
}

static dim_status prepare(dim_objective *obj, const dim__wanted *w, dim__objective_program **out)
{
    DIM__TRY(dim__objective_compile(obj, w, out));
    return dim__objective_feed(obj, *out, w->samples, false);
}

static dim_status forward(dim_objective *obj, const dim__wanted *w, dim__objective_program **out)
{
    *out = NULL;
    dim_status status = prepare(obj, w, out);
    DIM__TRY(dim__objective_agree(obj, status, w, *out));
    dim__program_forward((*out)->program, obj->seed, obj->draws);
    DIM__TRY(dim__comm_status(obj->ctx, obj->comm));
    return dim__objective_check_losses(obj, *out, w->mode == DIM__OBJECTIVE_STEP);
}

static void note_rates(dim_objective *obj, uint32_t players)
{
    for (int64_t i = 0; i < obj->n_reports; i++)
        if (obj->reports[i].kind == DIM__OF_RATE && (players >> obj->reports[i].owner & 1) != 0) {
            const dim__player *player = &obj->players[obj->reports[i].owner];
            obj->reports[i].value = (double)dim__schedule_lr(&player->optimizer, player->optim.steps);
        }
}

static dim_status pass(dim_objective *obj, const dim__wanted *step, uint32_t movers, bool others)
{
    dim__wanted w = *step;
    dim__objective_program *p;
    w.movers = movers;
    w.others = others;
    DIM__TRY(forward(obj, &w, &p));
    bind_gradients(obj, p);
    DIM__TRY(check_reached(obj, p, movers));
    dim__program_gradient(p->program, obj->seed, obj->draws);
    DIM__TRY(dim__comm_status(obj->ctx, obj->comm));
    DIM__TRY(check_gradients(obj, p, movers));
    DIM__TRY(dim__objective_count(obj, p));
    dim__program_commit(p->program, obj->seed, obj->draws);
    note_rates(obj, movers);
    update(obj, movers);
    obj->draws++;
    dim__objective_collect(obj, p);
    return DIM_OK;
}

/* Players first .. end - 1 move together. */
static int64_t end_of_round(const dim_objective *obj, int64_t first)
{
    int64_t end = first + 1;
    while (end < obj->n_players && !obj->players[end].afterwards)
        end++;
    return end;
}

/* first: no pass of this step was before. */
static dim_status play_round(dim_objective *obj, uint32_t players, const dim__wanted *step, int64_t begin, int64_t end,
                             bool *first)
{
    for (uint32_t turn = 0;; turn++) {
        uint32_t movers = 0;
        for (int64_t i = begin; i < end; i++)
            if (obj->players[i].turns > turn && obj->players[i].n_aims > 0)
                movers |= dim__reach_of_group((uint32_t)i) & players;
        if (movers == 0)
            return DIM_OK;
        DIM__TRY(pass(obj, step, movers, *first));
        *first = false;
    }
}

static dim_status check_players(const dim_objective *obj)
{
    for (int64_t i = 0; i < obj->n_players; i++)
        if (obj->players[i].n_aims > 0)
            return DIM_OK;
    return dim__fail(obj->ctx, DIM_E_STATE, "nobody minimises anything: add players with dim_objective_add_player(), and "
                     "losses for them with dim_objective_minimise()");
}

static dim_status get_ready(dim_objective *obj, int64_t loss, int64_t *samples)
{
    DIM__TRY(count_samples(obj, loss, samples));
    return dim__objective_fix(obj);
}

dim_status dim__objective_step(dim_objective *obj, uint32_t players, int64_t without)
{
    dim__wanted w = { .mode = DIM__OBJECTIVE_STEP, .without = without };
    bool first = true;
    dim_status status = check_players(obj);
    if (status == DIM_OK)
        status = get_ready(obj, -1, &w.samples);
    if (status != DIM_OK)
        return dim__objective_refuse(obj, status);
    for (int64_t i = 0; i < obj->n_players; i = end_of_round(obj, i))
        DIM__TRY(play_round(obj, players, &w, i, end_of_round(obj, i), &first));
    obj->steps++;
    return DIM_OK;
}

dim_status dim__objective_evaluate(dim_objective *obj, int64_t without)
{
    dim__wanted w = { .mode = DIM__OBJECTIVE_EVALUATE, .without = without };
    dim__objective_program *p;
    dim_status status = get_ready(obj, -1, &w.samples);
    if (status != DIM_OK)
        return dim__objective_refuse(obj, status);
    DIM__TRY(forward(obj, &w, &p));
    DIM__TRY(dim__objective_count(obj, p));
    note_rates(obj, DIM__REACH_ALL);
    dim__objective_collect(obj, p);
    return DIM_OK;
}

/* Whether that gradient can be asked for, and written to `out`. */
static dim_status check_gradient(dim_objective *obj, const char *loss, const char *input, const dim_tensor *out, dim__wanted *w)
{
    char text[128];
    w->loss = dim__objective_find_loss(obj, loss);
    if (w->loss < 0)
        return DIM_E_INVALID;
    w->input = dim__objective_find_input(obj, input);
    if (w->input < 0)
        return DIM_E_INVALID;
    const dim__objective_input *in = &obj->inputs[w->input];
    if (!in->o.want_gradient)
        return dim__fail(obj->ctx, DIM_E_INVALID, "input '%s' was added without want_gradient", input);
    if ((dim__objective_loss_reads(obj, w->loss) >> w->input & 1) == 0)
        return dim__fail(obj->ctx, DIM_E_INVALID, "the loss '%s' does not depend on input '%s'", loss, input);
    DIM__TRY(count_samples(obj, w->loss, &w->samples));
    if (in->batch == NULL)
        return dim__fail(obj->ctx, DIM_E_STATE, "input '%s' was not given: dim_objective_set() gives it", input);
    if (out->dtype != DIM_F32 || out->rank != in->batch->rank ||
        memcmp(out->shape, in->batch->shape, (size_t)out->rank * sizeof *out->shape) != 0)
        return dim__fail(obj->ctx, DIM_E_SHAPE, "the gradient of input '%s' is %s %s; it must be f32 and of the input's shape",
                         input, dim__dtype_name(out->dtype), dim__shape_text(text, out->rank, out->shape));
    DIM__TRY(dim__check_output(obj->ctx, "gradient", out));
    return dim__objective_fix(obj);
}

dim_status dim__objective_gradient(dim_objective *obj, const char *loss, const char *input, dim_tensor *out)
{
    dim__wanted w = { .mode = DIM__OBJECTIVE_GRADIENT, .without = -1 };
    dim_status status = check_gradient(obj, loss, input, out, &w);
    if (status != DIM_OK)
        return dim__objective_refuse(obj, status);
    const dim__objective_input *in = &obj->inputs[w.input];
    dim__objective_program *p;
    DIM__TRY(forward(obj, &w, &p));
    dim__program_gradient(p->program, obj->seed, obj->draws);
    DIM__TRY(dim__comm_status(obj->ctx, obj->comm));
    dim__graph *g = dim__program_graph(p->program);
    float *grad = dim__program_data(p->program, dim__graph_grad(g, p->inputs[w.input]));
    int64_t rows = w.samples * (int64_t)in->o.views;
    if (grad == NULL)
        return dim__fail(obj->ctx, DIM_E_INVALID, "the loss '%s' does not depend on input '%s'", loss, input);
    if (!obj->ctx->kernels->finite(grad, dim__tensor_count(out)))
        return dim__objective_not_finite(obj, p, false, "the gradient of input '%s' is not finite", input);
    dim__deliver_gradient(in->o.shape, in->pixels, grad, rows, out);
    return DIM_OK;
}
