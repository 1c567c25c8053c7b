/* One term of the objective: features of the two sides, critic, estimator, for every pair of views. */
#include "model/model.h"
#include "objective/estimators/handle.h"

#include <math.h>
#include <stdio.h>

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

/* DIM(G)'s x-side for a concatenation: 3x3 conv 64, 3x3 conv 32, flattened. */
static dim__vid convolve_map(const dim__emission *e, const dim__net *net, dim__vid x)
{
    x = dim__op_relu_(e->g, dim__nn_conv(net, "conv1", x, 64, 3, 3, 1, 0, true));
    return dim__op_relu_(e->g, dim__nn_conv(net, "conv2", x, 32, 3, 3, 1, 0, true));
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
        x = convolve_map(e, &p->net, x);
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
    int64_t l = shape[1] * shape[2];
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

dim__term_nodes dim__emit_term(const dim__emission *e, dim__term *t)
{
    int64_t views = e->model->views;
    double share = views == 1 ? 1 : 1 / (double)(views * (views - 1));
    dim__term_nodes nodes = { DIM__NONE, NO_NODES };
    declare_state(e, t);
    for (int64_t a = 0; a < views; a++)
        for (int64_t b = 0; b < views && dim__graph_status(e->g) == DIM_OK; b++) {
            if (a == b && views > 1)
                continue;
            dim__est_nodes pair = emit_pair(e, t, a, b);
            if (dim__graph_status(e->g) != DIM_OK)
                break;
            add_scaled(e->g, &nodes.est.loss, pair.loss, share);
            add_scaled(e->g, &nodes.est.value, pair.value, share);
            add_scaled(e->g, &nodes.est.pos, pair.pos, share);
            add_scaled(e->g, &nodes.est.neg, pair.neg, share);
        }
    if (dim__graph_status(e->g) == DIM_OK)
        nodes.weighted = dim__op_affine_(e->g, nodes.est.loss, t->o.weight, 0);
    return nodes;
}
