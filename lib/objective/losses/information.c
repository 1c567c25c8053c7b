/* Information between two values as a loss: options, and emission of features, critic and estimator. */
#include "objective/losses/losses.h"

#include "base/enums.h"
#include "base/math.h"
#include "objective/estimators/handle.h"

#include <math.h>
#include <stdio.h>

static const dim__range critics = { .type = "dim_critic", .name = dim__critic_name };
static const dim__range mixture = DIM__UP_TO(1024);

#define F(member, kind, range, usual) DIM__FIELD(dim_term_options, member, kind, range, usual)
static const dim__field fields[] = {
    DIM__QUIET(dim_term_options, critic, U32, &critics, 0),
    F(weight, F32, &dim__finite, 1),
    F(units, U32, &dim__width, 2048),
    F(batch_norm, U32, &dim__switch, 0),
    DIM__FIELDS(dim_term_options, hidden, U32, DIM_MAX_HIDDEN, &dim__width),
    F(mixture, U32, &mixture, 0),
    F(mixture_tau, F32, NULL, 0), /* only a mixture looks at it */
    F(shortcut, U32, &dim__shortcut_range, 0),
    F(local_samples, U32, &dim__width, 0),
    F(global_samples, U32, NULL, 0), /* see check_samples() */
    F(act_penalty, F32, &dim__not_negative, 0),
    F(repeat, U32, &dim__repeat_range, 0),
    DIM__QUIET(dim_term_options, reserved1, U32, &dim__reserved, 0),
};
#undef F
const dim__table dim__term_table = DIM__TABLE(dim_term_options, fields);

static dim_status set_mixture(dim_context *ctx, const char *name, const dim_estimator_options *estimator, dim_term_options *o)
{
    if (o->mixture == 0)
        return DIM_OK;
    if (estimator->kind != DIM_ESTIMATOR_INFONCE || estimator->negatives != DIM_NEGATIVES_ALL)
        return dim__fail(ctx, DIM_E_INVALID, "term '%s': mixture is %u; it needs InfoNCE over all pairs", name, o->mixture);
    if (!dim__critic_def_of(o->critic)->mixes)
        return dim__fail(ctx, DIM_E_INVALID, "term '%s': mixture is %u; the critic %s cannot have one", name, o->mixture,
                         dim__critic_name((int)o->critic));
    if (o->mixture_tau == 0)
        o->mixture_tau = 1;
    if (!(o->mixture_tau > 0) || !isfinite(o->mixture_tau))
        return dim__fail(ctx, DIM_E_INVALID, "term '%s': mixture_tau is %g; it must be above 0", name,
                         (double)o->mixture_tau);
    return DIM_OK;
}

dim_status dim__information_options(dim_context *ctx, const char *name, const dim_term_options *in, dim__information *out)
{
    dim__information t = { .state = NULL };
    DIM__TRY(dim__options_read(ctx, &dim__term_table, in, &t.o));
    DIM__TRY(dim__check_hidden(ctx, "dim_term_options", t.o.hidden));
    if (t.o.hidden[0] == 0)
        t.o.hidden[0] = t.o.hidden[1] = 512;
    if (t.o.estimator != NULL)
        t.estimator = t.o.estimator->o;
    else
        DIM__TRY(dim__estimator_options(ctx, NULL, &t.estimator));
    DIM__TRY(set_mixture(ctx, name, &t.estimator, &t.o));
    t.o.name = t.o.x = t.o.y = NULL;
    t.o.estimator = NULL;
    *out = t;
    return DIM_OK;
}

/* Whether there are locations to draw from. */
static dim_status check_samples(dim_context *ctx, const char *name, const dim_term_options *o, const dim__side *x, const dim__side *y)
{
    if (o->local_samples > 0 && (x->whole || !dim__is_map(x->shape)))
        return dim__fail(ctx, DIM_E_SHAPE, "term '%s': local_samples is %u, but x is %s, which has no locations to draw from", name,
                         o->local_samples, x->whole ? "a map as a whole" : "a vector");
    if (o->global_samples > (1 << 24) && o->global_samples != DIM_ALL_LOCATIONS)
        return dim__fail(ctx, DIM_E_INVALID, "term '%s': global_samples is %u; it must be 16777216 at most, or DIM_ALL_LOCATIONS",
                         name, o->global_samples);
    if (o->global_samples > 0 && !dim__is_map(y->shape))
        return dim__fail(ctx, DIM_E_SHAPE, "term '%s': global_samples is %u, but y is a vector, which has no locations to draw from",
                         name, o->global_samples);
    if (o->global_samples > 1 && o->mixture > 0)
        return dim__fail(ctx, DIM_E_INVALID, "term '%s': mixture is %u and global_samples %u; a mixture is made of one global", name,
                         o->mixture, o->global_samples);
    return DIM_OK;
}

dim_status dim__information_check(dim_context *ctx, const char *name, const dim__information *t, const dim__side *x,
                                  const dim__side *y)
{
    const dim__critic_def *critic = dim__critic_def_of(t->o.critic);
    DIM__TRY(check_samples(ctx, name, &t->o, x, y));
    if (t->o.repeat != 0 && !(x->whole && t->o.critic == DIM_CRITIC_DOT))
        return dim__fail(ctx, DIM_E_INVALID, "term '%s': repeat is %s; it is an option of the dot critic on a whole map", name,
                         dim__repeat_name((int)t->o.repeat));
    if (x->whole && critic->check_whole != NULL)
        DIM__TRY(critic->check_whole(ctx, name, x->enc, x->shape));
    if (t->estimator.kind == DIM_ESTIMATOR_MINE && (x->views > 1 || y->views > 1))
        return dim__fail(ctx, DIM_E_UNSUPPORTED,
                         "term '%s': MINE has one moving average, but a model of views has several estimates; use DV", name);
    return DIM_OK;
}

/* ---- emission ---------------------------------------------------------------------------------------------------- */

typedef struct emission {
    dim__graph *g;
    const dim__scope *scope;
    dim__information *t;
    const dim__side *x, *y;
    int64_t n;
} emission;

/* The rows of one view. */
static dim__vid of_view(const emission *e, const dim__side *side, int64_t view)
{
    return side->views == 1 ? side->v : dim__emit_view_rows(e->g, side->v, view, side->views);
}

static void pair_map(const emission *e, dim__vid x, dim__pairing *p)
{
    const dim__critic_def *critic = dim__critic_def_of(e->t->o.critic);
    p->x = x;
    if (critic->whole != NULL)
        critic->whole(p);
    if (dim__graph_status(e->g) != DIM_OK)
        return;
    x = p->x;
    int64_t c = dim__shape_last(dim__shape_of(e->g, x)), size = dim__count_of(e->g, x) / p->n;
    if (size > c) /* flattened as PyTorch does: channels first */
        x = dim__emit_swap_last(e->g, dim__emit_reshape(e->g, x, dim__shape3(p->n, size / c, c)));
    p->l = 1;
    p->x = dim__emit_reshape(e->g, x, dim__shape3(p->n, 1, size));
}

/* So many of the l locations of each sample of a map: (N drawn, c). */
static dim__vid draw_locations(const emission *e, dim__vid map, int64_t l, int64_t c, int64_t drawn)
{
    dim__vid at = dim__emit_random_location(e->g, e->n, drawn, l);
    return dim__emit_gather(e->g, dim__emit_reshape(e->g, map, dim__shape2(e->n * l, c)), at);
}

static void pair_locations(const emission *e, dim__vid x, dim__pairing *p)
{
    if (dim__graph_status(e->g) != DIM_OK)
        return;
    int64_t c = dim__shape_last(dim__shape_of(e->g, x)), drawn = e->t->o.local_samples;
    p->l = dim__count_of(e->g, x) / (p->n * c);
    if (drawn > 0) {
        x = draw_locations(e, x, p->l, c, drawn);
        p->l = drawn;
    }
    p->x = dim__emit_reshape(e->g, x, dim__shape3(p->n, p->l, c));
}

/* Antecedents (N G, C): a vector, or locations of a map, of which one is AMDIM's 5 -> 5. */
static void antecedents(const emission *e, int64_t view, dim__pairing *p)
{
    const int64_t *shape = e->y->shape;
    p->y = of_view(e, e->y, view);
    p->globals = 1;
    if (!dim__is_map(shape) || dim__graph_status(e->g) != DIM_OK)
        return;
    int64_t l = dim__map_height(shape) * shape[2], drawn = dim__max64(e->t->o.global_samples, 1);
    bool all = e->t->o.global_samples == DIM_ALL_LOCATIONS;
    p->globals = all ? l : drawn;
    p->y = all ? dim__emit_reshape(e->g, p->y, dim__shape2(e->n * l, shape[0])) : draw_locations(e, p->y, l, shape[0], drawn);
}

/* m_k(f) (AMDIM, section 3.6): k antecedents of each sample, f plus a network's k outputs; (N, d) -> (N k, d). */
static dim__vid mix(const emission *e, dim__vid y)
{
    dim__scope mine = dim__scope_in(e->scope, "mixture.");
    if (dim__graph_status(e->g) != DIM_OK)
        return DIM__NONE;
    int64_t d = dim__shape_last(dim__shape_of(e->g, y)), k = e->t->o.mixture, n = e->n;
    dim__vid h = dim__emit_relu(e->g, dim__nn_linear(&mine, "fc1", y, d, true, NULL));
    h = dim__nn_linear(&mine, "fc2", h, k * d, true, NULL);
    h = dim__emit_reshape(e->g, h, dim__shape3(n, k, d));
    h = dim__emit_add(e->g, h, dim__emit_broadcast_mid(e->g, y, k));
    return dim__emit_reshape(e->g, h, dim__shape2(n * k, d));
}

/* A state that lives with the critic's parameters but not in saved weights. */
static void declare_state(const dim__scope *scope, dim__information *t)
{
    char name[DIM__NAME_SIZE];
    dim__param_spec spec = dim__estimator_state_spec();
    if (t->estimator.kind != DIM_ESTIMATOR_MINE || t->state != NULL)
        return;
    snprintf(name, sizeof name, "%smoving_average", scope->prefix);
    t->state = dim__params_get(scope->params, name, &spec);
    if (t->state == NULL)
        dim__graph_fail(scope->g, DIM_E_NOMEM);
}

static const dim__est_nodes NO_NODES = { DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE };

static dim__est_nodes estimate(const emission *e, const dim__scores *s)
{
    dim__information *t = e->t;
    if (t->o.mixture > 0)
        return dim__emit_mixture(e->g, &t->estimator, s->y, s->x, e->n, t->o.mixture, t->o.mixture_tau);
    if (t->estimator.negatives == DIM_NEGATIVES_SHUFFLE)
        return dim__emit_estimator_pairs(e->g, &t->estimator, s->pos, s->neg, t->state);
    return s->y != DIM__NONE ? dim__emit_dot_estimator(e->g, &t->estimator, s->y, s->x, e->n, t->state)
                             : dim__emit_estimator(e->g, &t->estimator, s->all, e->n, t->state);
}

/* What the penalty of y's activations comes to once the loss gets its weight. */
static dim__vid activity(const emission *e, dim__vid y)
{
    double rows = (double)dim__shape_rows(dim__shape_of(e->g, y)), weight = (double)e->t->o.weight;
    return dim__emit_mean_rank(e->g, dim__emit_sum_all(e->g, dim__emit_mul(e->g, y, y), (double)e->t->o.act_penalty / weight / rows));
}

/* y of one view against x of another. */
static dim__est_nodes emit_pair(const emission *e, int64_t view_y, int64_t view_x)
{
    dim__information *t = e->t;
    int64_t n = e->n;
    dim__pairing p = { .scope = *e->scope, .n = n, .o = &t->o, .enc = e->x->enc, .layer = e->x->layer, .partner = DIM__NONE,
                       .limit = e->scope->differentiated ? 0 : dim__stream_limit(e->g, &t->estimator) };
    antecedents(e, view_y, &p);
    dim__vid x = of_view(e, e->x, view_x);
    if (e->x->whole)
        pair_map(e, x, &p);
    else
        pair_locations(e, x, &p);
    if (t->o.mixture > 0)
        p.y = mix(e, p.y);
    if (t->estimator.negatives == DIM_NEGATIVES_SHUFFLE)
        p.partner = dim__emit_derangement(e->g, n);
    dim__scores s = dim__critic_def_of(t->o.critic)->score(&p);
    if (dim__graph_status(e->g) != DIM_OK)
        return NO_NODES;
    dim__est_nodes nodes = estimate(e, &s);
    if (t->o.act_penalty > 0)
        nodes.loss = dim__emit_add(e->g, nodes.loss, activity(e, s.global));
    return nodes;
}

static void add_scaled(dim__graph *g, dim__vid *sum, dim__vid more, double scale)
{
    more = scale == 1 ? more : dim__emit_affine(g, more, scale, 0);
    *sum = *sum == DIM__NONE ? more : dim__emit_add(g, *sum, more);
}

/* Of two sides with several views each, those of different views are paired; else all with all. */
dim__est_nodes dim__emit_information(const dim__scope *scope, dim__information *t, const dim__side *x, const dim__side *y,
                                     int64_t samples)
{
    emission e = { scope->g, scope, t, x, y, samples };
    bool apart = x->views > 1 && y->views > 1;
    int64_t same = apart ? dim__min64(x->views, y->views) : 0; /* pairs of one view with itself */
    double share = 1 / (double)(y->views * x->views - same);
    dim__est_nodes sum = NO_NODES;
    scope->g->views = 1; /* what is drawn is drawn for one at a time */
    declare_state(scope, t);
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
    DIM__TRY(dim__information_options(ctx, loss->name, o, &loss->information));
    if (o != NULL && (o->name != NULL || o->x != NULL || o->y != NULL || o->weight != 0))
        return dim__fail(ctx, DIM_E_INVALID, "loss '%s': the term's name, x, y and weight must be 0; the loss has its own",
                         loss->name);
    if (loss->information.o.critic == DIM_CRITIC_PLAIN_DOT && !side[0].whole && side[0].shape[0] != side[1].shape[0])
        return dim__fail(ctx, DIM_E_SHAPE, "loss '%s': a dot product needs features of one width, but a has %lld and b has %lld",
                         loss->name, (long long)side[0].shape[0], (long long)side[1].shape[0]);
    return dim__information_check(ctx, loss->name, &loss->information, &side[0], &side[1]);
}

static dim__loss_nodes emit(const dim__loss_in *in)
{
    dim__est_nodes n = dim__emit_information(&in->scope, &in->loss->information, &in->side[0], &in->side[1], in->samples);
    return (dim__loss_nodes){ .loss = n.loss, .against = DIM__NONE, .n_reports = 3,
                              .reports = { { ".value", DIM__LOSS_REPORT_SCALAR, n.value },
                                           { ".pos", DIM__LOSS_REPORT_SCALAR, n.pos },
                                           { ".neg", DIM__LOSS_REPORT_SCALAR, n.neg } } };
}

const dim__loss_def dim__loss_information = {
    .kind = DIM_LOSS_INFORMATION, .name = "information", .least = 2, .most = 2, .critic = true,
    .options = DIM__LOSS_TAKES_TERM, .check = check, .emit = emit
};
