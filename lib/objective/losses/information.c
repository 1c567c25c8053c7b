/* Information between two values as a loss: options, and emission of features, critic and estimator. */
#include "objective/losses/losses.h"

#include "objective/estimators/handle.h"

#include <math.h>
#include <stdio.h>

static dim_status set_mixture(dim_context *ctx, const dim_estimator_options *estimator, dim_term_options *o)
{
    bool dot = o->critic == DIM_CRITIC_DOT || o->critic == DIM_CRITIC_PLAIN_DOT;
    if (o->mixture == 0)
        return DIM_OK;
    if (o->mixture > 1024)
        return dim__fail(ctx, DIM_E_INVALID, "mixture is %u; at most 1024 antecedents are possible", o->mixture);
    if (estimator->kind != DIM_ESTIMATOR_INFONCE || estimator->negatives != DIM_NEGATIVES_ALL)
        return dim__fail(ctx, DIM_E_INVALID, "mixture is %u; it needs InfoNCE over all pairs", o->mixture);
    if (!dot)
        return dim__fail(ctx, DIM_E_INVALID, "mixture is %u; it needs the critic DOT or PLAIN_DOT", o->mixture);
    if (o->mixture_tau == 0)
        o->mixture_tau = 1;
    if (!(o->mixture_tau > 0) || !isfinite(o->mixture_tau))
        return dim__fail(ctx, DIM_E_INVALID, "mixture_tau is %g; it must be above 0", (double)o->mixture_tau);
    return DIM_OK;
}

static dim_status set_critic(dim_context *ctx, dim_term_options *o)
{
    if (dim__critic_def_of(o->critic) == NULL)
        return dim__fail(ctx, DIM_E_INVALID, "critic is %d, which is not a dim_critic", (int)o->critic);
    if (o->batch_norm > 1)
        return dim__fail(ctx, DIM_E_INVALID, "batch_norm is %u; it is a switch, 0 or 1", o->batch_norm);
    if ((int)o->shortcut < DIM_SHORTCUT_IDENTITY || o->shortcut > DIM_SHORTCUT_RANDOM)
        return dim__fail(ctx, DIM_E_INVALID, "shortcut is %d, which is not a dim_shortcut", (int)o->shortcut);
    if (o->reserved0 != 0)
        return dim__fail(ctx, DIM_E_INVALID, "dim_term_options: reserved0 is %u; it must be 0", o->reserved0);
    if (o->units == 0)
        o->units = 2048;
    DIM__TRY(dim__check_hidden(ctx, "dim_term_options", o->hidden));
    if (o->hidden[0] == 0)
        o->hidden[0] = o->hidden[1] = 512;
    if (o->units > (1u << 24))
        return dim__fail(ctx, DIM_E_INVALID, "units is %u; it must be 16777216 at most", o->units);
    for (int i = 0; i < DIM_MAX_HIDDEN; i++)
        if (o->hidden[i] > (1u << 24))
            return dim__fail(ctx, DIM_E_INVALID, "hidden[%d] is %u; it must be 16777216 at most", i,
                             o->hidden[i]);
    return DIM_OK;
}

dim_status dim__information_options(dim_context *ctx, const dim_term_options *in, dim__information *out)
{
    dim__information t = { .state = NULL };
    DIM__TRY(dim__options_copy(ctx, "dim_term_options", &t.o, sizeof t.o, in));
    if (t.o.estimator != NULL)
        t.estimator = t.o.estimator->o;
    else
        DIM__TRY(dim__estimator_options(ctx, NULL, &t.estimator));
    DIM__TRY(set_critic(ctx, &t.o));
    DIM__TRY(set_mixture(ctx, &t.estimator, &t.o));
    t.o.name = t.o.x = t.o.y = NULL;
    t.o.estimator = NULL;
    *out = t;
    return DIM_OK;
}

/* The convolutions of the concat critic on a whole map are two of 3 x 3 without padding. */
dim_status dim__information_check(dim_context *ctx, const char *name, const dim__information *t, const dim__side *x,
                                  const dim__side *y)
{
    if (x->whole && t->o.critic == DIM_CRITIC_CONCAT && (x->shape[1] < 5 || x->shape[2] < 5))
        return dim__fail(ctx, DIM_E_SHAPE,
                         "term '%s': the concat critic needs a map of 5 x 5 at least, but the tap has %lld x %lld", name,
                         (long long)x->shape[1], (long long)x->shape[2]);
    if (t->estimator.kind == DIM_ESTIMATOR_MINE && (x->views > 1 || y->views > 1))
        return dim__fail(ctx, DIM_E_UNSUPPORTED,
                         "MINE has one moving average, but a model of views has several estimates; use DV");
    return DIM_OK;
}

/* ---- emission ---------------------------------------------------------------------------------------------------- */

typedef struct emission {
    dim__graph *g;
    const dim__net *net;
    dim__information *t;
    const dim__side *x, *y;
    int64_t n;
} emission;

/* Whether the layers tap + 1 .. last read only each other and the tap. */
static bool stand_alone(const emission *e, const dim_encoder *enc, int64_t tap, int64_t last)
{
    char why[64] = "the code does not come after the tap";
    bool good = last > tap;
    for (int64_t i = tap + 1; i <= last && good; i++) {
        const dim__layer *l = &enc->stack.layers[i];
        good = l->input >= tap && (l->from == DIM__LAYER_NONE || l->from >= tap);
        snprintf(why, sizeof why, "layer %lld reads what is before it", (long long)i);
    }
    if (!good)
        dim__graph_fail(e->g, dim__fail(enc->ctx, DIM_E_UNSUPPORTED,
                                        "term '%.*s': the layers after the tap cannot be repeated, because %s",
                                        (int)strcspn(e->net->prefix, "."), e->net->prefix, why));
    return good;
}

/* DIM(G)'s x-side for a dot product (DIM, appendix): the encoder's own layers after the local tap again, with fresh
 * weights, the last linear layer `units` wide. */
static dim__vid repeat_top(const emission *e, dim__vid x)
{
    const dim_encoder *enc = e->x->enc;
    const dim__stack *s = &enc->stack;
    dim__net mine = dim__net_in(e->net, "x.");
    int64_t last = enc->global, tap = e->x->layer;
    if (s->layers[last].o.kind == DIM_LAYER_GAUSSIAN)
        last = s->layers[last].input; /* a Gaussian code's mean */
    if (!stand_alone(e, enc, tap, last))
        return DIM__NONE;
    dim__vid *out = dim__calloc(enc->ctx, (size_t)s->count, sizeof *out);
    if (out == NULL) {
        dim__graph_fail(e->g, DIM_E_NOMEM);
        return DIM__NONE;
    }
    mine.init = enc->init;
    if (dim__graph_status(e->g) == DIM_OK)
        dim__stack_emit(s, &mine, &x, tap + 1, last, e->t->o.units, out);
    dim__vid top = out[last];
    dim__free(enc->ctx, out);
    return top;
}

/* DIM(G)'s x-side for a concatenation: 3x3 conv 64, 3x3 conv 32, flattened. */
static dim__vid convolve_map(const emission *e, dim__vid x)
{
    x = dim__op_relu_(e->g, dim__nn_conv(e->net, "conv1", x, 64, 3, 3, 1, 0, true));
    return dim__op_relu_(e->g, dim__nn_conv(e->net, "conv2", x, 32, 3, 3, 1, 0, true));
}

/* The rows of one view. */
static dim__vid of_view(const emission *e, const dim__side *side, int64_t view)
{
    return side->views == 1 ? side->v : dim__op_view_rows_(e->g, side->v, view, side->views);
}

static void pair_map(const emission *e, dim__vid x, dim__pairing *p)
{
    if (e->t->o.critic == DIM_CRITIC_DOT) {
        x = repeat_top(e, x);
        p->x_in_space = true;
    } else if (e->t->o.critic == DIM_CRITIC_CONCAT) {
        x = convolve_map(e, x);
    }
    if (dim__graph_status(e->g) != DIM_OK)
        return;
    int64_t c = dim__shape_last(dim__shape_of(e->g, x)), size = dim__count_of(e->g, x) / p->n;
    if (size > c) /* flattened as PyTorch does: channels first */
        x = dim__op_swap_last_(e->g, dim__op_reshape_(e->g, x, dim__shape3(p->n, size / c, c)));
    p->l = 1;
    p->x = dim__op_reshape_(e->g, x, dim__shape3(p->n, 1, size));
}

static void pair_locations(const emission *e, dim__vid x, dim__pairing *p)
{
    if (dim__graph_status(e->g) != DIM_OK)
        return;
    int64_t c = dim__shape_last(dim__shape_of(e->g, x));
    p->l = dim__count_of(e->g, x) / (p->n * c);
    p->x = dim__op_reshape_(e->g, x, dim__shape3(p->n, p->l, c));
}

/* The antecedent: a vector, or one random location of a map (AMDIM's 5 -> 5). */
static dim__vid antecedent(const emission *e, int64_t view)
{
    dim__vid y = of_view(e, e->y, view);
    const int64_t *shape = e->y->shape;
    if (!dim__is_map(shape) || dim__graph_status(e->g) != DIM_OK)
        return y;
    int64_t l = shape[1] * shape[2];
    dim__vid at = dim__op_random_location_(e->g, e->n, l);
    return dim__op_gather_(e->g, dim__op_reshape_(e->g, y, dim__shape2(e->n * l, shape[0])), at);
}

/* m_k(f) (AMDIM, section 3.6): k antecedents of each sample, f plus a network's k outputs; (N, d) -> (N k, d). */
static dim__vid mix(const emission *e, dim__vid y)
{
    dim__net mine = dim__net_in(e->net, "mixture.");
    if (dim__graph_status(e->g) != DIM_OK)
        return DIM__NONE;
    int64_t d = dim__shape_last(dim__shape_of(e->g, y)), k = e->t->o.mixture, n = e->n;
    dim__vid h = dim__op_relu_(e->g, dim__nn_linear(&mine, "fc1", y, d, true, NULL));
    h = dim__nn_linear(&mine, "fc2", h, k * d, true, NULL);
    h = dim__op_add_(e->g, dim__op_reshape_(e->g, h, dim__shape3(n, k, d)), dim__op_broadcast_mid_(e->g, y, k));
    return dim__op_reshape_(e->g, h, dim__shape2(n * k, d));
}

/* A state that lives with the critic's parameters but not in saved weights. */
static void declare_state(const dim__net *net, dim__information *t)
{
    char name[DIM__NAME_SIZE];
    dim__param_spec spec = dim__estimator_state_spec();
    if (t->estimator.kind != DIM_ESTIMATOR_MINE || t->state != NULL)
        return;
    snprintf(name, sizeof name, "%smoving_average", net->prefix);
    t->state = dim__params_get(net->params, name, &spec);
    if (t->state == NULL)
        dim__graph_fail(net->g, DIM_E_NOMEM);
}

static const dim__est_nodes NO_NODES = { DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE };

/* y of one view against x of another. */
static dim__est_nodes emit_pair(const emission *e, int64_t view_y, int64_t view_x)
{
    dim__information *t = e->t;
    int64_t n = e->n;
    dim__pairing p = { .net = *e->net, .y = antecedent(e, view_y), .n = n, .o = &t->o, .partner = DIM__NONE };
    dim__vid x = of_view(e, e->x, view_x);
    if (e->x->whole)
        pair_map(e, x, &p);
    else
        pair_locations(e, x, &p);
    if (t->o.mixture > 0)
        p.y = mix(e, p.y);
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

/* Of two sides with several views each, those of different views are paired; else all with all. */
dim__est_nodes dim__emit_information(const dim__net *net, dim__information *t, const dim__side *x, const dim__side *y,
                                     int64_t samples)
{
    emission e = { net->g, net, t, x, y, samples };
    bool apart = x->views > 1 && y->views > 1;
    double share = 1 / (double)(apart ? y->views * (x->views - 1) : y->views * x->views);
    dim__est_nodes sum = NO_NODES;
    declare_state(net, t);
    for (int64_t a = 0; a < y->views; a++)
        for (int64_t b = 0; b < x->views && dim__graph_status(e.g) == DIM_OK; b++) {
            if (a == b && apart)
                continue;
            dim__est_nodes pair = emit_pair(&e, a, b);
            if (dim__graph_status(e.g) != DIM_OK)
                break;
            add_scaled(e.g, &sum.loss, pair.loss, share);
            add_scaled(e.g, &sum.value, pair.value, share);
            add_scaled(e.g, &sum.pos, pair.pos, share);
            add_scaled(e.g, &sum.neg, pair.neg, share);
        }
    return sum;
}

static dim_status check(dim_context *ctx, dim__loss *loss, const dim__side *side, const dim_loss_options *given)
{
    const dim_term_options *o = given->term;
    DIM__TRY(dim__information_options(ctx, o, &loss->information));
    if (o != NULL && (o->name != NULL || o->x != NULL || o->y != NULL || o->weight != 0))
        return dim__fail(ctx, DIM_E_INVALID, "loss '%s': the term's name, x, y and weight must be 0; the loss has its own",
                         loss->name);
    if (side[0].whole && side[0].enc == NULL && loss->information.o.critic == DIM_CRITIC_DOT)
        return dim__fail(ctx, DIM_E_INVALID, "loss '%s': the dot critic repeats a network's layers on a whole map, but a is an "
                         "input", loss->name);
    return dim__information_check(ctx, loss->name, &loss->information, &side[0], &side[1]);
}

static dim__loss_nodes emit(const dim__loss_in *in)
{
    dim__est_nodes n = dim__emit_information(&in->net, &in->loss->information, &in->side[0], &in->side[1], in->samples);
    return (dim__loss_nodes){ .loss = n.loss, .n_reports = 3,
                              .reports = { { ".value", DIM__LOSS_REPORT_SCALAR, n.value },
                                           { ".pos", DIM__LOSS_REPORT_SCALAR, n.pos },
                                           { ".neg", DIM__LOSS_REPORT_SCALAR, n.neg } } };
}

const dim__loss_def dim__loss_information = {
    .kind = DIM_LOSS_INFORMATION, .name = "information", .least = 2, .most = 2, .critic = true,
    .options = DIM__LOSS_TAKES_TERM, .check = check, .emit = emit
};
