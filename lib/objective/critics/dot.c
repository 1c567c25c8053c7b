/* Inner products: plain, bilinear, and "encode and dot" (DIM, appendix) with a residual network before it. */
#include "base/comm.h"
#include "objective/critics/critics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int64_t dim__pairing_columns(const dim__pairing *p) { return p->n * p->l * dim__ranks(p->scope.g->comm); }

dim__vid dim__for_each_global(const dim__pairing *p, dim__vid x)
{
    dim__graph *g = p->scope.g;
    if (p->globals == 1 || dim__graph_status(g) != DIM_OK)
        return x;
    int64_t l = dim__shape_of(g, x)->d[1], c = dim__shape_last(dim__shape_of(g, x));
    x = dim__emit_broadcast_mid(g, dim__emit_reshape(g, x, dim__shape2(p->n, l * c)), p->globals);
    return dim__emit_reshape(g, x, dim__shape3(p->n * p->globals, l, c));
}

dim__scores dim__dot_scores(const dim__pairing *p, dim__vid x, dim__vid y)
{
    dim__graph *g = p->scope.g;
    dim__scores s = DIM__NO_SCORES;
    if (dim__graph_status(g) != DIM_OK)
        return s;
    int64_t u = dim__shape_last(dim__shape_of(g, x));
    if (u != dim__shape_last(dim__shape_of(g, y))) {
        dim__graph_fail(g, dim__fail(p->scope.params->ctx, DIM_E_SHAPE,
                                     "term '%.*s': a dot product needs features of one width, but x has "
                                     "%lld and y has %lld",
                                     (int)strcspn(p->scope.prefix, "."), p->scope.prefix, (long long)u,
                                     (long long)dim__shape_last(dim__shape_of(g, y))));
        return s;
    }
    s.global = y;
    if (p->partner == DIM__NONE) {
        s.y = y;
        s.x = dim__emit_gather_ranks(g, x);
        return s;
    }
    x = dim__emit_reshape(g, x, dim__shape3(p->n, p->l, u));
    s.pos = dim__emit_row_dot(g, dim__for_each_global(p, x), y);
    s.neg = dim__emit_row_dot(g, dim__for_each_global(p, dim__emit_gather(g, dim__emit_gather_ranks(g, x), p->partner)), y);
    return s;
}

/* S starts near the identity when it can, unless another start is asked for. */
dim__vid dim__emit_projection(const dim__scope *scope, dim__vid x, int64_t units, dim_shortcut start)
{
    dim__graph *g = scope->g;
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    int64_t in = dim__shape_last(dim__shape_of(g, x));
    bool eye = start == DIM_SHORTCUT_IDENTITY && units >= in;
    dim__param_spec shortcut = { .shape = dim__shape2(units, in),
                                 .fill = eye ? DIM__FILL_EYE : DIM__FILL_UNIFORM,
                                 .a = eye ? 0.01f : (float)(1 / sqrt((double)in)) };
    dim__vid h = dim__nn_linear(scope, "fc1", x, units, false, NULL);
    h = dim__emit_relu(g, dim__nn_batch_norm(scope, "bn", h));
    h = dim__nn_linear(scope, "fc2", h, units, true, NULL);
    dim__vid s = dim__emit_matmul(g, x, dim__nn_param(scope, "shortcut", "weight", &shortcut), false, true);
    return dim__nn_layer_norm(scope, "norm", dim__emit_add(g, h, s));
}

static dim__vid project(const dim__scope *scope, dim__vid x, const dim_term_options *o)
{
    return dim__emit_projection(scope, x, o->units, o->shortcut);
}

/* First layer that is repeated: the one after the tap, or that whose output the tap is, but for what works on it in place. */
static int64_t first_repeated(const dim__pairing *p)
{
    const dim__stack *s = &p->enc->stack;
    int64_t first = p->layer;
    if (p->o->repeat == DIM_REPEAT_AFTER_TAP)
        return p->layer + 1;
    while (first > 0 && s->layers[first].input == first - 1 && s->layers[first].o.kind != DIM_LAYER_FOLD &&
           !dim__layer_has_weights(&s->layers[first]))
        first--;
    return first + (s->layers[first].o.kind == DIM_LAYER_FOLD); /* what made the crops that are folded there is not repeated */
}

/* Whether the layers first .. last read only each other and the one before them. */
static bool stand_alone(const dim__pairing *p, int64_t first, int64_t last)
{
    char why[64] = "the code does not come after the tap";
    bool good = last >= first;
    for (int64_t i = first; i <= last && good; i++) {
        const dim__layer *l = &p->enc->stack.layers[i];
        good = l->input >= first - 1 && (l->from == DIM__LAYER_NONE || l->from >= first - 1);
        snprintf(why, sizeof why, "layer %lld reads what is before it", (long long)i);
    }
    if (!good)
        dim__graph_fail(p->scope.g, dim__fail(p->enc->ctx, DIM_E_UNSUPPORTED,
                                              "term '%.*s': the layers after the tap cannot be repeated, because %s",
                                              (int)strcspn(p->scope.prefix, "."), p->scope.prefix, why));
    return good;
}

static void emit_repeated(dim__pairing *p, const dim__stack *part)
{
    dim__graph *g = p->scope.g;
    dim__scope mine = dim__scope_in(&p->scope, "x.");
    dim__vid *out = dim__calloc(part->ctx, (size_t)part->count, sizeof *out);
    if (out == NULL) {
        dim__graph_fail(g, DIM_E_NOMEM);
        return;
    }
    mine.init = p->enc->init;
    if (dim__graph_status(g) == DIM_OK)
        dim__stack_emit(part, &mine, &p->x, 0, part->count - 1, p->o->units, out);
    p->x = out[part->count - 1];
    p->x_in_space = true;
    dim__free(part->ctx, out);
}

/* DIM(G)'s x-side (DIM, appendix): the encoder's own layers from about the local tap on again, with fresh weights, the last linear
 * layer `units` wide. */
static void repeat_top(dim__pairing *p)
{
    const dim_encoder *enc = p->enc;
    const dim__stack *s = &enc->stack;
    dim__stack part;
    int64_t first = first_repeated(p), last = enc->global;
    if (s->layers[last].o.kind == DIM_LAYER_GAUSSIAN)
        last = s->layers[last].input; /* a Gaussian code's mean */
    if (!stand_alone(p, first, last))
        return;
    dim_status status = dim__stack_part(s, first, last, dim__stack_shape(s, p->layer), &part);
    if (status != DIM_OK) {
        dim__graph_fail(p->scope.g, status);
        return;
    }
    emit_repeated(p, &part);
    dim__stack_free(&part);
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
        return DIM__NO_SCORES;
    /* y first: backward then begins with x, whose activations are the large ones, before y's gradients need memory, too.
     * Against a whole map a global feature that is wide enough already is taken as it is. */
    bool wide_enough = p->x_in_space && dim__shape_last(dim__shape_of(p->scope.g, y)) == (int64_t)p->o->units;
    if (!wide_enough && p->o->repeat == DIM_REPEAT_FROM_TAP)
        y = dim__nn_linear(&p->scope, "y", y, p->o->units, true, NULL);
    else if (!wide_enough)
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
        return DIM__NO_SCORES;
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
