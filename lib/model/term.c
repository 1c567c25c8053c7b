/* One term of the objective: features of the two sides, critic, estimator, for every pair of views.  Its options, and then
 * its emission. */
#include "model/model.h"
#include "objective/estimators/handle.h"

#include <math.h>
#include <stdio.h>

static dim_status set_name(dim_model *model, dim__term *t, const char *name)
{
    if (name == NULL) {
        const char *usual = t->whole || !dim__is_map(model->enc->stack.layers[t->x].out) ? "global" : "local";
        snprintf(t->name, sizeof t->name, "%s", usual);
        if (dim__model_name_taken(model, t->name))
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
        return dim__fail(model->ctx, DIM_E_SHAPE, "x is '%.40s', but that tap is not a map", x);
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
        return dim__fail(model->ctx, DIM_E_INVALID, "mixture is %u; it needs InfoNCE over all pairs", o->mixture);
    if (!dot)
        return dim__fail(model->ctx, DIM_E_INVALID, "mixture is %u; it needs the critic DOT or PLAIN_DOT", o->mixture);
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
    if (!t->whole || t->o.critic != DIM_CRITIC_CONCAT || ((map[1] >= 5 || dim__is_signal(map)) && map[2] >= 5))
        return DIM_OK;
    if (dim__is_signal(map))
        return dim__fail(model->ctx, DIM_E_SHAPE, "term '%s': the concat critic needs a signal of 5 at least, but the tap has "
                         "%lld", t->name, (long long)map[2]);
    return dim__fail(model->ctx, DIM_E_SHAPE,
                     "term '%s': the concat critic needs a map of 5 x 5 at least, but the tap has %lld x %lld", t->name,
                     (long long)map[1], (long long)map[2]);
}

static dim_status set_critic(dim_model *model, dim_term_options *o)
{
    if (dim__critic_def_of(o->critic) == NULL)
        return dim__fail(model->ctx, DIM_E_INVALID, "critic is %d, which is not a dim_critic", (int)o->critic);
    if (o->weight == 0)
        o->weight = 1;
    if (!isfinite(o->weight))
        return dim__fail(model->ctx, DIM_E_INVALID, "a term's weight is %g; it must be finite", (double)o->weight);
    if (o->batch_norm > 1)
        return dim__fail(model->ctx, DIM_E_INVALID, "batch_norm is %u; it is a switch, 0 or 1", o->batch_norm);
    if ((int)o->shortcut < DIM_SHORTCUT_IDENTITY || o->shortcut > DIM_SHORTCUT_RANDOM)
        return dim__fail(model->ctx, DIM_E_INVALID, "shortcut is %d, which is not a dim_shortcut", (int)o->shortcut);
    if (o->reserved0 != 0)
        return dim__fail(model->ctx, DIM_E_INVALID, "dim_term_options: reserved0 is %u; it must be 0", o->reserved0);
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

/* ---- emission ---------------------------------------------------------------------------------------------------- */

static dim__net term_net(const dim__emission *e, const dim__term *t)
{
    dim__net net = { .g = e->g, .params = &e->model->params, .training = true };
    snprintf(net.prefix, sizeof net.prefix, "%s.", t->name);
    return net;
}

/* DIM(G)'s x-side for a dot product (DIM, appendix): the encoder's own layers after the local tap again, with fresh
 * weights, the last linear layer `units` wide. */
static dim__vid repeat_top(const dim__emission *e, const dim__term *t, const dim__net *net, dim__vid x)
{
    const dim__stack *s = &e->model->enc->stack;
    dim__net mine = dim__net_in(net, "x.");
    int64_t last = e->model->enc->global;
    if (s->layers[last].o.kind == DIM_LAYER_GAUSSIAN)
        last = s->layers[last].input; /* a Gaussian code's mean */
    dim__vid *out = dim__calloc(e->model->ctx, (size_t)s->count, sizeof *out);
    if (out == NULL) {
        dim__graph_fail(e->g, DIM_E_NOMEM);
        return DIM__NONE;
    }
    mine.init = e->model->enc->init;
    for (int64_t i = t->x + 1; i <= last; i++)
        if (s->layers[i].input < t->x || (s->layers[i].from != -2 && s->layers[i].from < t->x) || last <= t->x) {
            dim__graph_fail(e->g, dim__fail(e->model->ctx, DIM_E_UNSUPPORTED,
                                            "term '%s': the layers after the tap cannot be "
                                            "repeated, because layer %lld reads what is before it",
                                            t->name, (long long)i));
            break;
        }
    if (dim__graph_status(e->g) == DIM_OK)
        dim__stack_emit(s, &mine, x, t->x + 1, last, t->o.units, out);
    dim__vid top = out[last];
    dim__free(e->model->ctx, out);
    return top;
}

/* DIM(G)'s x-side for a concatenation: 3x3 conv 64, 3x3 conv 32, flattened.  Of a signal kernels are of 3. */
static dim__vid convolve_map(const dim__emission *e, const dim__term *t, const dim__net *net, dim__vid x)
{
    bool signal = dim__is_signal(e->model->enc->stack.layers[t->x].out);
    dim__window window = dim__square(3, 1, 0);
    if (signal)
        window.kernel[0] = 1;
    x = dim__op_relu_(e->g, dim__nn_conv(net, "conv1", x, &window, &(dim__filters){ 64, signal, true }));
    return dim__op_relu_(e->g, dim__nn_conv(net, "conv2", x, &window, &(dim__filters){ 32, signal, true }));
}

/* The rows of one view. */
static dim__vid of_view(const dim__emission *e, int64_t layer, int64_t view)
{
    dim__vid v = e->layers[layer];
    return e->model->views == 1 ? v : dim__op_view_rows_(e->g, v, view, e->model->views);
}

static void pair_map(const dim__emission *e, const dim__term *t, dim__vid x, dim__pairing *p)
{
    if (t->o.critic == DIM_CRITIC_DOT) {
        x = repeat_top(e, t, &p->net, x);
        p->x_in_space = true;
    } else if (t->o.critic == DIM_CRITIC_CONCAT) {
        x = convolve_map(e, t, &p->net, x);
    }
    if (dim__graph_status(e->g) != DIM_OK)
        return;
    int64_t c = dim__shape_last(dim__shape_of(e->g, x)), size = dim__count_of(e->g, x) / p->n;
    if (size > c) /* flattened as PyTorch does: channels first */
        x = dim__op_swap_last_(e->g, dim__op_reshape_(e->g, x, dim__shape3(p->n, size / c, c)));
    p->l = 1;
    p->x = dim__op_reshape_(e->g, x, dim__shape3(p->n, 1, size));
}

static void pair_locations(const dim__emission *e, dim__vid x, dim__pairing *p)
{
    if (dim__graph_status(e->g) != DIM_OK)
        return;
    int64_t c = dim__shape_last(dim__shape_of(e->g, x));
    p->l = dim__count_of(e->g, x) / (p->n * c);
    p->x = dim__op_reshape_(e->g, x, dim__shape3(p->n, p->l, c));
}

/* The antecedent: a vector, or one random location of a map (AMDIM's 5 -> 5). */
static dim__vid antecedent(const dim__emission *e, const dim__term *t, int64_t view, int64_t n)
{
    dim__vid y = of_view(e, t->y, view);
    const int64_t *shape = e->model->enc->stack.layers[t->y].out;
    if (!dim__is_map(shape) || dim__graph_status(e->g) != DIM_OK)
        return y;
    int64_t l = dim__map_height(shape) * shape[2];
    dim__vid at = dim__op_random_location_(e->g, n, l);
    return dim__op_gather_(e->g, dim__op_reshape_(e->g, y, dim__shape2(n * l, shape[0])), at);
}

/* m_k(f) (AMDIM, section 3.6): k antecedents of each sample, f plus a network's k outputs; (N, d) -> (N k, d). */
static dim__vid mix(const dim__emission *e, const dim__term *t, dim__vid y, int64_t n)
{
    dim__net net = term_net(e, t), mine = dim__net_in(&net, "mixture.");
    if (dim__graph_status(e->g) != DIM_OK)
        return DIM__NONE;
    int64_t d = dim__shape_last(dim__shape_of(e->g, y)), k = t->o.mixture;
    dim__vid h = dim__op_relu_(e->g, dim__nn_linear(&mine, "fc1", y, d, true, NULL));
    h = dim__nn_linear(&mine, "fc2", h, k * d, true, NULL);
    h = dim__op_add_(e->g, dim__op_reshape_(e->g, h, dim__shape3(n, k, d)), dim__op_broadcast_mid_(e->g, y, k));
    return dim__op_reshape_(e->g, h, dim__shape2(n * k, d));
}

/* A state that lives with the model but not in its weights. */
static void declare_state(const dim__emission *e, dim__term *t)
{
    char name[DIM__NAME_SIZE];
    dim__param_spec spec = dim__estimator_state_spec();
    if (t->estimator.kind != DIM_ESTIMATOR_MINE || t->state != NULL)
        return;
    snprintf(name, sizeof name, "%s.moving_average", t->name);
    t->state = dim__params_get(&e->model->params, name, &spec);
    if (t->state == NULL)
        dim__graph_fail(e->g, DIM_E_NOMEM);
}

static const dim__est_nodes NO_NODES = { DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE };

/* y of one view against x of another. */
static dim__est_nodes emit_pair(const dim__emission *e, dim__term *t, int64_t view_y, int64_t view_x)
{
    int64_t n = e->batch / e->model->views;
    dim__pairing p = {
        .net = term_net(e, t), .y = antecedent(e, t, view_y, n), .n = n, .o = &t->o, .partner = DIM__NONE
    };
    dim__vid x = of_view(e, t->x, view_x);
    if (t->whole)
        pair_map(e, t, x, &p);
    else
        pair_locations(e, x, &p);
    if (t->o.mixture > 0)
        p.y = mix(e, t, p.y, n);
    bool shuffle = t->estimator.negatives == DIM_NEGATIVES_SHUFFLE;
    if (shuffle)
        p.partner = dim__op_derangement_(e->g, n);
    dim__scores s = dim__critic_def_of(t->o.critic)->score(&p);
    if (dim__graph_status(e->g) != DIM_OK)
        return NO_NODES;
    if (t->o.mixture > 0)
        return dim__emit_mixture(e->g, &t->estimator, s.y, s.x, n, t->o.mixture, t->o.mixture_tau);
    if (shuffle)
        return dim__emit_estimator_pairs(e->g, &t->estimator, s.pos, s.neg, t->state);
    return s.y != DIM__NONE ? dim__emit_dot_estimator(e->g, &t->estimator, s.y, s.x, n, t->state)
                            : dim__emit_estimator(e->g, &t->estimator, s.all, n, t->state);
}

static void add_scaled(dim__graph *g, dim__vid *sum, dim__vid more, double scale)
{
    more = scale == 1 ? more : dim__op_affine_(g, more, scale, 0);
    *sum = *sum == DIM__NONE ? more : dim__op_add_(g, *sum, more);
}

dim__vid dim__emit_term(dim__emission *e, dim__term *t)
{
    int64_t views = e->model->views;
    double share = views == 1 ? 1 : 1 / (double)(views * (views - 1));
    dim__est_nodes sum = NO_NODES;
    dim__vid weighted = DIM__NONE;
    declare_state(e, t);
    for (int64_t a = 0; a < views; a++)
        for (int64_t b = 0; b < views && dim__graph_status(e->g) == DIM_OK; b++) {
            if (a == b && views > 1)
                continue;
            dim__est_nodes pair = emit_pair(e, t, a, b);
            if (dim__graph_status(e->g) != DIM_OK)
                break;
            add_scaled(e->g, &sum.loss, pair.loss, share);
            add_scaled(e->g, &sum.value, pair.value, share);
            add_scaled(e->g, &sum.pos, pair.pos, share);
            add_scaled(e->g, &sum.neg, pair.neg, share);
        }
    if (dim__graph_status(e->g) == DIM_OK)
        weighted = dim__op_affine_(e->g, sum.loss, t->o.weight, 0);
    dim__emit_loss(e, weighted, "loss", t->name);
    dim__emit_report(e, DIM__REPORT_SCALAR, sum.value, t->name, ".value");
    dim__emit_report(e, DIM__REPORT_SCALAR, sum.pos, t->name, ".pos");
    dim__emit_report(e, DIM__REPORT_SCALAR, sum.neg, t->name, ".neg");
    return weighted;
}
