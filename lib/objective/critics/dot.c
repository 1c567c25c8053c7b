/* Inner products: plain, bilinear, and "encode and dot" (DIM, appendix) with a residual network before it. */
#include "objective/critics/critics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

dim__scores dim__dot_scores(const dim__pairing *p, dim__vid x, dim__vid y)
{
    dim__graph *g = p->scope.g;
    dim__scores none = { DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE };
    if (dim__graph_status(g) != DIM_OK)
        return none;
    int64_t u = dim__shape_last(dim__shape_of(g, x));
    if (u != dim__shape_last(dim__shape_of(g, y))) {
        dim__graph_fail(g, dim__fail(p->scope.params->ctx, DIM_E_SHAPE,
                                     "term '%.*s': a dot product needs features of one width, but x has "
                                     "%lld and y has %lld",
                                     (int)strcspn(p->scope.prefix, "."), p->scope.prefix, (long long)u,
                                     (long long)dim__shape_last(dim__shape_of(g, y))));
        return none;
    }
    if (p->partner == DIM__NONE)
        return (dim__scores){ DIM__NONE, DIM__NONE, DIM__NONE, y, x };
    x = dim__emit_reshape(g, x, dim__shape3(p->n, p->l, u));
    dim__vid pos = dim__emit_row_dot(g, x, y), neg = dim__emit_row_dot(g, dim__emit_gather(g, x, p->partner), y);
    return (dim__scores){ DIM__NONE, pos, neg, DIM__NONE, DIM__NONE };
}

/* phi: h = W2 relu(BN(W1 x)) + b2 + S x, then layer norm (DIM, appendix).  S starts near the identity when it can, unless
 * another start is asked for. */
static dim__vid project(const dim__scope *scope, dim__vid x, const dim_term_options *o)
{
    dim__graph *g = scope->g;
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    int64_t in = dim__shape_last(dim__shape_of(g, x)), units = o->units;
    bool eye = o->shortcut == DIM_SHORTCUT_IDENTITY && units >= in;
    dim__param_spec shortcut = { .shape = dim__shape2(units, in),
                                 .fill = eye ? DIM__FILL_EYE : DIM__FILL_UNIFORM,
                                 .a = eye ? 0.01f : (float)(1 / sqrt((double)in)) };
    dim__vid h = dim__nn_linear(scope, "fc1", x, units, false, NULL);
    h = dim__emit_relu(g, dim__nn_batch_norm(scope, "bn", h));
    h = dim__nn_linear(scope, "fc2", h, units, true, NULL);
    dim__vid s = dim__emit_matmul(g, x, dim__nn_param(scope, "shortcut", "weight", &shortcut), false, true);
    return dim__nn_layer_norm(scope, "norm", dim__emit_add(g, h, s));
}

/* Whether the layers tap + 1 .. last read only each other and the tap. */
static bool stand_alone(const dim__pairing *p, int64_t last)
{
    char why[64] = "the code does not come after the tap";
    bool good = last > p->layer;
    for (int64_t i = p->layer + 1; i <= last && good; i++) {
        const dim__layer *l = &p->enc->stack.layers[i];
        good = l->input >= p->layer && (l->from == DIM__LAYER_NONE || l->from >= p->layer);
        snprintf(why, sizeof why, "layer %lld reads what is before it", (long long)i);
    }
    if (!good)
        dim__graph_fail(p->scope.g, dim__fail(p->enc->ctx, DIM_E_UNSUPPORTED,
                                              "term '%.*s': the layers after the tap cannot be repeated, because %s",
                                              (int)strcspn(p->scope.prefix, "."), p->scope.prefix, why));
    return good;
}

/* DIM(G)'s x-side (DIM, appendix): the encoder's own layers after the local tap again, with fresh weights, the last linear
 * layer `units` wide. */
static void repeat_top(dim__pairing *p)
{
    const dim_encoder *enc = p->enc;
    const dim__stack *s = &enc->stack;
    dim__graph *g = p->scope.g;
    dim__scope mine = dim__scope_in(&p->scope, "x.");
    int64_t last = enc->global;
    if (s->layers[last].o.kind == DIM_LAYER_GAUSSIAN)
        last = s->layers[last].input; /* a Gaussian code's mean */
    if (!stand_alone(p, last))
        return;
    dim__vid *out = dim__calloc(enc->ctx, (size_t)s->count, sizeof *out);
    if (out == NULL) {
        dim__graph_fail(g, DIM_E_NOMEM);
        return;
    }
    mine.init = enc->init;
    if (dim__graph_status(g) == DIM_OK)
        dim__stack_emit(s, &mine, &p->x, p->layer + 1, last, p->o->units, out);
    p->x = out[last];
    p->x_in_space = true;
    dim__free(enc->ctx, out);
}

static dim_status check_whole(dim_context *ctx, const char *term, const dim_encoder *enc, const int64_t map[3])
{
    (void)map;
    return enc != NULL ? DIM_OK
                       : dim__fail(ctx, DIM_E_INVALID, "loss '%s': the dot critic repeats a network's layers on a whole map, "
                                   "but a is an input", term);
}

static dim__scores score_dot(const dim__pairing *p)
{
    dim__scope scope_x = dim__scope_in(&p->scope, "x."), scope_y = dim__scope_in(&p->scope, "y.");
    dim__vid x = dim__nn_rows(&p->scope, p->x), y = p->y;
    if (dim__graph_status(p->scope.g) != DIM_OK)
        return (dim__scores){ DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE };
    /* y first: backward then begins with x, whose activations are the large ones, before y's gradients need memory, too.
     * Against a whole map a global feature that is wide enough already is taken as it is. */
    if (!p->x_in_space || dim__shape_last(dim__shape_of(p->scope.g, y)) != (int64_t)p->o->units)
        y = project(&scope_y, y, p->o);
    if (!p->x_in_space)
        x = project(&scope_x, x, p->o);
    return dim__dot_scores(p, x, y);
}

static dim__scores score_plain(const dim__pairing *p)
{
    return dim__dot_scores(p, dim__nn_rows(&p->scope, p->x), p->y);
}

/* x' W y */
static dim__scores score_bilinear(const dim__pairing *p)
{
    dim__graph *g = p->scope.g;
    dim__vid x = dim__nn_rows(&p->scope, p->x);
    if (dim__graph_status(g) != DIM_OK)
        return (dim__scores){ DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE, DIM__NONE };
    int64_t dx = dim__shape_last(dim__shape_of(g, x)), dy = dim__shape_last(dim__shape_of(g, p->y));
    dim__param_spec w = { .shape = dim__shape2(dx, dy), .fill = DIM__FILL_UNIFORM, .a = (float)(1 / sqrt((double)dx)) };
    return dim__dot_scores(p, dim__emit_matmul(g, x, dim__nn_param(&p->scope, "", "weight", &w), false, false), p->y);
}

const dim__critic_def dim__critic_dot = {
    .kind = DIM_CRITIC_DOT, .name = "dot", .mixes = true, .check_whole = check_whole, .whole = repeat_top,
    .score = score_dot
};
const dim__critic_def dim__critic_plain_dot = {
    .kind = DIM_CRITIC_PLAIN_DOT, .name = "plain-dot", .mixes = true, .score = score_plain
};
const dim__critic_def dim__critic_bilinear = {
    .kind = DIM_CRITIC_BILINEAR, .name = "bilinear", .score = score_bilinear
};
