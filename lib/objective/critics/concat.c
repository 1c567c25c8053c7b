/* T([x ; y]): ReLU layers on the concatenated pair, then one score ("concat and convolve" when x has locations).
 *
 * The first layer is linear in the pair, W [x ; y] = Wx x + Wy y, so its two halves are computed once a sample and the
 * concatenation is never made.  Weights are stored as for the concatenation: (hidden, x then y). */
#include "base/math.h"
#include "objective/critics/critics.h"

#include <math.h>
#include <stdio.h>

static int hidden_layers(const dim_term_options *o)
{
    int n = 0;
    while (n < DIM_MAX_HIDDEN && o->hidden[n] != 0)
        n++;
    return n;
}

/* After each hidden layer's sum: ReLU, and where the option asks for it the batch norm that docs/estimators.md warns of: with the
 * statistics of one kind of pair it hides from the critic which kind it is. */
static dim__vid activate(const dim__pairing *p, int layer, dim__vid h)
{
    char name[16];
    h = dim__emit_relu(p->scope.g, h);
    snprintf(name, sizeof name, "bn%d", layer);
    return p->o->batch_norm ? dim__nn_batch_norm(&p->scope, name, h) : h;
}

/* The layers after the first: h (pairs, hidden[0]) -> (rows, columns) scores. */
static dim__vid finish(const dim__pairing *p, dim__vid h, int64_t rows, int64_t columns)
{
    char name[16];
    int n = hidden_layers(p->o);
    h = activate(p, 1, dim__nn_rows(&p->scope, h));
    for (int i = 1; i < n; i++) {
        snprintf(name, sizeof name, "fc%d", i + 1);
        h = activate(p, i + 1, dim__nn_linear(&p->scope, name, h, p->o->hidden[i], true, NULL));
    }
    snprintf(name, sizeof name, "fc%d", n + 1);
    return dim__emit_reshape(p->scope.g, dim__nn_linear(&p->scope, name, h, 1, true, NULL), dim__shape2(rows, columns));
}

/* Rows of y that make pairs at once.  Without a gradient nobody wants the hidden layers afterwards, and those of all pairs may
 * be thousands of times what there is else.  Batch statistics are of all pairs, though. */
static int64_t rows_at_once(const dim__pairing *p)
{
    enum { MOST_BLOCKS = 128 }; /* each is some nodes of the program */
    int64_t widest = 0;         /* two layers live at once */
    for (int i = 0; i < hidden_layers(p->o); i++)
        widest = dim__max64(widest, (int64_t)p->o->hidden[i] + (i > 0 ? p->o->hidden[i - 1] : 0));
    int64_t all = p->n * p->globals;
    if (p->limit == 0 || (p->o->batch_norm && p->scope.training))
        return all;
    double row = (double)dim__pairing_columns(p) * (double)widest * sizeof(float);
    int64_t rows = (int64_t)fmin((double)p->limit / row, (double)all);
    return dim__max64(rows, (all + MOST_BLOCKS - 1) / MOST_BLOCKS);
}

/* The scores of rows first .. first + n - 1 of hy (N G, hidden) with all of hx, which has all ranks': (1, n N L).  More rows than
 * `most` are halved, so that a score is copied a few times and not once a block. */
static dim__vid pair_rows(const dim__pairing *p, dim__vid hy, dim__vid hx, int64_t first, int64_t n, int64_t most)
{
    dim__graph *g = p->scope.g;
    int64_t h = p->o->hidden[0];
    if (dim__graph_status(g) != DIM_OK)
        return DIM__NONE;
    if (n > most) {
        int64_t half = (n / most + 1) / 2 * most;
        dim__vid before = pair_rows(p, hy, hx, first, half, most);
        dim__vid after = pair_rows(p, hy, hx, first + half, n - half, most);
        return dim__emit_concat(g, before, after);
    }
    dim__vid some = dim__emit_slice(g, dim__emit_reshape(g, hy, dim__shape2(1, p->n * p->globals * h)), first * h, n * h);
    some = dim__emit_reshape(g, some, dim__shape2(n, h));
    return finish(p, dim__emit_pair_sum(g, some, hx), 1, n * dim__pairing_columns(p));
}

static dim__vid pair_all(const dim__pairing *p, dim__vid hy, dim__vid hx)
{
    int64_t most = rows_at_once(p), rows = p->n * p->globals;
    if (most >= rows)
        return finish(p, dim__emit_pair_sum(p->scope.g, hy, hx), rows, dim__pairing_columns(p));
    return dim__emit_reshape(p->scope.g, pair_rows(p, hy, hx, 0, rows, most), dim__shape2(rows, dim__pairing_columns(p)));
}

static dim__scores score(const dim__pairing *p)
{
    dim__graph *g = p->scope.g;
    dim__scores s = DIM__NO_SCORES;
    dim__vid x = dim__nn_rows(&p->scope, p->x);
    if (dim__graph_status(g) != DIM_OK)
        return s;
    int64_t dx = dim__shape_last(dim__shape_of(g, x)), dy = dim__shape_last(dim__shape_of(g, p->y)),
            h = p->o->hidden[0];
    float bound = (float)(1 / sqrt((double)(dx + dy)));
    dim__param_spec w = { .shape = dim__shape2(h, dx + dy), .fill = DIM__FILL_UNIFORM, .a = bound };
    dim__param_spec b = { .shape = dim__shape1(h), .fill = DIM__FILL_UNIFORM, .a = bound };
    dim__vid weight = dim__nn_param(&p->scope, "fc1", "weight", &w);
    dim__vid hx = dim__emit_matmul(g, x, dim__emit_slice(g, weight, 0, dx), false, true);
    dim__vid hy = dim__emit_matmul(g, p->y, dim__emit_slice(g, weight, dx, dy), false, true);
    hy = dim__emit_add_bias(g, hy, dim__nn_param(&p->scope, "fc1", "bias", &b));
    s.global = p->y;
    if (p->partner == DIM__NONE) {
        s.all = pair_all(p, hy, dim__emit_gather_ranks(g, hx));
        return s;
    }
    hx = dim__emit_reshape(g, hx, dim__shape3(p->n, p->l, h));
    hy = dim__emit_broadcast_mid(g, hy, p->l);
    dim__vid other = dim__for_each_global(p, dim__emit_gather(g, dim__emit_gather_ranks(g, hx), p->partner));
    s.pos = finish(p, dim__emit_add(g, dim__for_each_global(p, hx), hy), p->n * p->globals, p->l);
    s.neg = finish(p, dim__emit_add(g, other, hy), p->n * p->globals, p->l);
    return s;
}

/* DIM(G)'s x-side: 3x3 conv 64, 3x3 conv 32, without padding; of a signal, which alone has one row, conv 3 each. */
static void convolve_map(dim__pairing *p)
{
    dim__graph *g = p->scope.g;
    if (dim__graph_status(g) != DIM_OK)
        return;
    bool signal = dim__shape_of(g, p->x)->d[1] == 1;
    dim__window window = dim__square(3, 1, 0);
    window.kernel[0] = signal ? 1 : 3;
    p->x = dim__emit_relu(g, dim__nn_conv(&p->scope, "conv1", p->x, &window, &(dim__filters){ 64, signal, true }));
    p->x = dim__emit_relu(g, dim__nn_conv(&p->scope, "conv2", p->x, &window, &(dim__filters){ 32, signal, true }));
}

static dim_status check_whole(dim_context *ctx, const char *term, const dim_encoder *enc, const int64_t map[3])
{
    (void)enc;
    if ((map[1] >= 5 || dim__is_signal(map)) && map[2] >= 5)
        return DIM_OK;
    if (dim__is_signal(map))
        return dim__fail(ctx, DIM_E_SHAPE, "term '%s': the concat critic needs a signal of 5 at least, but the tap has %lld", term,
                         (long long)map[2]);
    return dim__fail(ctx, DIM_E_SHAPE,
                     "term '%s': the concat critic needs a map of 5 x 5 at least, but the tap has %lld x %lld", term,
                     (long long)map[1], (long long)map[2]);
}

const dim__critic_def dim__critic_concat = {
    .kind = DIM_CRITIC_CONCAT, .name = "concat", .check_whole = check_whole, .whole = convolve_map, .score = score
};
const dim__critic_def dim__critic_mlp = { .kind = DIM_CRITIC_MLP, .name = "mlp", .score = score };
