#include "case.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ----------------------------------------------------------------------------------------------------------- */

uint64_t random_bits(uint64_t *state) /* splitmix64 */
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int below(uint64_t *state, int n) { return (int)(random_bits(state) % (uint64_t)n); }

double uniform(uint64_t *state, double low, double high)
{
    return low + (high - low) * (double)(random_bits(state) >> 11) / 9007199254740992.0;
}

typedef struct maker {
    uint64_t r;
    test_case *c;
} maker;

static int upto(maker *m, int low, int high) { return low + below(&m->r, high - low + 1); }
static bool chance(maker *m, int percent) { return below(&m->r, 100) < percent; }

void spell(char out[NAME], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out, NAME, format, args);
    va_end(args);
    if (n < 0 || n >= NAME)
        abort();
}

/* ---- values ------------------------------------------------------------------------------------------------------------ */

shape shape_of(const test_case *c, ref r)
{
    return r.app < 0 ? c->in[r.index].s : c->nets[c->apps[r.app].net].l[r.index].out;
}

int views_of(const test_case *c, ref r) { return r.app < 0 ? c->in[r.index].views : c->apps[r.app].views; }

void name_of(const test_case *c, ref r, char out[NAME])
{
    (void)c;
    if (r.app < 0)
        spell(out, "i%d", r.index);
    else
        spell(out, "f%d.t%d", r.app, r.index);
}

bool reads(const test_case *c, ref r, int input)
{
    if (r.app < 0)
        return r.index == input;
    for (int k = 0; k < c->nets[c->apps[r.app].net].inputs; k++)
        if (reads(c, c->apps[r.app].of[k], input))
            return true;
    return false;
}

static shape random_shape(maker *m)
{
    switch (below(&m->r, 4)) {
    case 0: return (shape){ upto(m, 1, 4), 0, upto(m, 2, 9) };
    case 1: return (shape){ upto(m, 2, 6), 0, 0 };
    default: return (shape){ upto(m, 1, 4), upto(m, 2, 6), upto(m, 2, 6) };
    }
}

static ref add_input(maker *m, shape s, int views, dim_input_kind kind, bool label)
{
    input_spec *in = &m->c->in[m->c->n_inputs];
    int64_t n = (int64_t)m->c->samples * views * (label ? 1 : units(s));
    double size = chance(m, 30) ? uniform(&m->r, 0.02, 0.3) : uniform(&m->r, 0.5, 1.5), offset = uniform(&m->r, -1, 1);
    *in = (input_spec){ .kind = kind, .label = label, .views = views, .s = s };
    in->data = malloc((size_t)n * sizeof *in->data);
    in->labels = malloc((size_t)n * sizeof *in->labels);
    if (in->data == NULL || in->labels == NULL)
        abort();
    for (int64_t i = 0; i < n; i++)
        in->data[i] = (float)(offset + size * uniform(&m->r, -1, 1));
    return (ref){ -1, m->c->n_inputs++ };
}

/* ---- layers ------------------------------------------------------------------------------------------------------------ */

static void random_window(maker *m, dim_layer_options *o, shape in)
{
    bool map = is_map(in), pool = o->kind == DIM_LAYER_MAX_POOL || o->kind == DIM_LAYER_AVG_POOL;
    o->kernel = (uint32_t)upto(m, 1, 4);
    o->kernel_w = map && chance(m, 40) ? (uint32_t)upto(m, 1, 4) : 0;
    o->stride = chance(m, 50) ? (uint32_t)upto(m, 1, 3) : 0;
    o->stride_w = map && o->stride > 0 && chance(m, 30) ? (uint32_t)upto(m, 1, 3) : 0;
    if (o->kind == DIM_LAYER_AVG_POOL)
        return;
    o->padding = chance(m, 50) ? (uint32_t)upto(m, 0, 2) : 0;
    o->padding_h = map && chance(m, 20) ? (uint32_t)upto(m, 0, 1) : 0;
    o->padding_w = map && chance(m, 20) ? (uint32_t)upto(m, 0, 1) : 0;
    if (pool)
        return;
    o->dilation = chance(m, 25) ? (uint32_t)upto(m, 1, 2) : 0;
    o->dilation_w = map && chance(m, 20) ? (uint32_t)upto(m, 1, 2) : 0;
    o->no_bias = chance(m, 30);
    if (o->kind != DIM_LAYER_CONV_TRANSPOSE) {
        o->padding_mode = chance(m, 25) ? DIM_PADDING_REFLECT : DIM_PADDING_ZERO;
        return;
    }
    o->output_padding = chance(m, 30);
    o->output_padding_h = map && chance(m, 15);
    o->output_padding_w = map && chance(m, 15);
}

static int divisor(maker *m, int n)
{
    int d = upto(m, 1, n);
    while (n % d != 0)
        d--;
    return d;
}

/* Another layer's output or an input that `from` may name. */
static int random_from(maker *m, const net_spec *n, shape in, bool alike)
{
    for (int tries = 0; tries < 12; tries++) {
        int i = upto(m, -n->inputs, n->n - 1);
        shape s = i < 0 ? n->in[-1 - i] : n->l[i].out;
        if (!alike || same(s, in))
            return i;
    }
    return NO_LAYER;
}

static bool random_layer(maker *m, net_spec *n, layer_spec *l, shape in)
{
    dim_layer_options *o = &l->o;
    *l = (layer_spec){ .from = NO_LAYER };
    o->kind = (dim_layer_kind)below(&m->r, DIM_LAYER_DEPTHWISE + 1);
    o->out = (uint32_t)upto(m, 1, 5);
    switch (o->kind) {
    case DIM_LAYER_CONV:
    case DIM_LAYER_CONV_TRANSPOSE: random_window(m, o, in); break;
    case DIM_LAYER_DEPTHWISE:
    case DIM_LAYER_MAX_POOL:
    case DIM_LAYER_AVG_POOL: o->out = 0; random_window(m, o, in); break;
    case DIM_LAYER_LINEAR: o->out = (uint32_t)upto(m, 1, 8); o->no_bias = chance(m, 20); break;
    case DIM_LAYER_LEAKY_RELU: o->out = 0; o->slope = chance(m, 50) ? (float)uniform(&m->r, 0.05, 0.6) : 0; break;
    case DIM_LAYER_LAYER_NORM: /* of one channel nothing is left but rounding, times 1 / sqrt(eps) */
        if (in.c < 2)
            return false;
        o->out = 0;
        break;
    case DIM_LAYER_SLICE: o->start = (uint32_t)upto(m, 0, 2); break;
    case DIM_LAYER_PAD_CHANNELS: o->out = (uint32_t)(in.c + upto(m, 0, 2)); break;
    case DIM_LAYER_DROPOUT: o->out = 0; o->rate = chance(m, 30) ? 0 : (float)uniform(&m->r, 0.1, 0.6); break;
    case DIM_LAYER_ADD:
    case DIM_LAYER_GAUSSIAN: o->out = 0; l->from = random_from(m, n, in, true); break;
    case DIM_LAYER_CONCAT:
    case DIM_LAYER_FROM: o->out = 0; l->from = random_from(m, n, in, false); break;
    case DIM_LAYER_UNFLATTEN:
        o->out = (uint32_t)divisor(m, in.c);
        o->height = chance(m, 60) ? (uint32_t)divisor(m, in.c / (int)o->out) : 0;
        o->width = o->height == 0 ? (uint32_t)(in.c / (int)o->out) : 0;
        break;
    case DIM_LAYER_UPSAMPLE:
        o->out = 0;
        o->stride = (uint32_t)upto(m, 0, 3);
        o->stride_w = is_map(in) && o->stride > 0 && chance(m, 30) ? (uint32_t)upto(m, 1, 3) : 0;
        break;
    default: o->out = 0;
    }
    if (l->from == NO_LAYER && (o->kind == DIM_LAYER_ADD || o->kind == DIM_LAYER_CONCAT || o->kind == DIM_LAYER_FROM ||
                                o->kind == DIM_LAYER_GAUSSIAN))
        return false;
    return layer_shape(n, l, in) && units(l->out) <= 220 && l->out.c <= 24;
}

static shape last_shape(const net_spec *n) { return n->n > 0 ? n->l[n->n - 1].out : n->in[0]; }

static void add_layer(net_spec *n, const layer_spec *l)
{
    if (n->n == MAX_LAYERS)
        abort();
    n->l[n->n++] = *l;
}

/* vector: of this width in the end; 0 whatever comes. */
static int make_net(maker *m, const shape *in, int inputs, int layers, int vector)
{
    net_spec *n = &m->c->nets[m->c->n_nets];
    layer_spec l;
    *n = (net_spec){ .inputs = inputs, .owner = -1 };
    for (int k = 0; k < inputs; k++)
        n->in[k] = in[k];
    for (int tries = 0; n->n < layers && tries < 300; tries++)
        if (random_layer(m, n, &l, last_shape(n)))
            add_layer(n, &l);
    if (vector > 0 || n->n == 0) {
        l = (layer_spec){ .from = NO_LAYER, .o = { .kind = DIM_LAYER_LINEAR, .out = (uint32_t)(vector > 0 ? vector : 3) } };
        layer_shape(n, &l, last_shape(n));
        add_layer(n, &l);
    }
    return m->c->n_nets++;
}

/* ---- applications ------------------------------------------------------------------------------------------------------ */

static int add_app(maker *m, int net_index, const ref *of)
{
    app_spec *a = &m->c->apps[m->c->n_apps];
    a->net = net_index;
    a->views = views_of(m->c, of[0]);
    for (int k = 0; k < m->c->nets[net_index].inputs; k++)
        a->of[k] = of[k];
    return m->c->n_apps++;
}

/* Any value that is not labels; views -1 of any number. */
static ref random_value(maker *m, int views)
{
    const test_case *c = m->c;
    for (int tries = 0; tries < 40; tries++) {
        ref r = { -1, 0 };
        if (c->n_apps > 0 && chance(m, 70)) {
            r.app = below(&m->r, c->n_apps);
            int last = c->nets[c->apps[r.app].net].n - 1;
            r.index = chance(m, 70) ? last : upto(m, 0, last);
        } else {
            r.index = below(&m->r, c->n_inputs);
        }
        if ((r.app >= 0 || !c->in[r.index].label) && (views < 0 || views_of(c, r) == views))
            return r;
    }
    return add_input(m, random_shape(m), views < 0 ? 1 : views, DIM_INPUT_GIVEN, false);
}

/* Maps of height 1 count as signals where inputs have them, so networks do not read such. */
static bool readable(const test_case *c, ref r) { return shape_of(c, r).h != 1; }

static void random_app(maker *m, int layers)
{
    ref of[3] = { random_value(m, -1) };
    int inputs = chance(m, 25) ? 2 : 1;
    if (!readable(m->c, of[0]))
        return;
    for (int k = 0; inputs == 1 && k < m->c->n_nets && chance(m, 40); k++)
        if (m->c->nets[k].inputs == 1 && same(m->c->nets[k].in[0], shape_of(m->c, of[0]))) {
            add_app(m, k, of); /* shared weights */
            return;
        }
    if (m->c->n_nets == MAX_NETS)
        return;
    shape in[3] = { shape_of(m->c, of[0]) };
    for (int k = 1; k < inputs; k++) {
        of[k] = random_value(m, views_of(m->c, of[0]));
        if (!readable(m->c, of[k]))
            return;
        in[k] = shape_of(m->c, of[k]);
    }
    add_app(m, make_net(m, in, inputs, layers, chance(m, 40) ? upto(m, 2, 5) : 0), of);
}

/* ---- losses ------------------------------------------------------------------------------------------------------------ */

/* Another value of that shape and number of views, or an input made for it. */
static ref partner_of(maker *m, ref a)
{
    for (int tries = 0; tries < 8; tries++) {
        ref r = random_value(m, views_of(m->c, a));
        if (same(shape_of(m->c, r), shape_of(m->c, a)) && (r.app != a.app || r.index != a.index))
            return r;
    }
    return add_input(m, shape_of(m->c, a), views_of(m->c, a), DIM_INPUT_GIVEN, false);
}

static void random_estimator(maker *m, loss_spec *l)
{
    dim_estimator_options *o = &l->est;
    o->kind = (dim_estimator_kind)below(&m->r, DIM_ESTIMATOR_GAN + 1);
    o->negatives = chance(m, 35) ? DIM_NEGATIVES_SHUFFLE : DIM_NEGATIVES_ALL;
    o->smile_tau = chance(m, 50) ? (float)uniform(&m->r, 0.1, 2) : 0;
    o->mine_rate = chance(m, 70) ? (float)uniform(&m->r, 0.05, 0.9) : 0;
    o->scale = chance(m, 40) ? (float)uniform(&m->r, -0.3, 0.8) : 0;
    o->penalty = chance(m, 30) ? (float)uniform(&m->r, 0.01, 0.3) : 0;
    o->clip = chance(m, 30) ? (float)uniform(&m->r, 0.5, 4) : 0;
    o->score_memory = chance(m, 30) ? (uint64_t)upto(m, 4, 64) : 0;
    if (views_of(m->c, l->of[0]) > 1 || views_of(m->c, l->of[1]) > 1)
        o->kind = o->kind == DIM_ESTIMATOR_MINE ? DIM_ESTIMATOR_DV : o->kind;
}

/* Whether the dot critic can repeat what comes after the value: a chain that ends in a linear layer. */
static bool repeatable(const test_case *c, ref r)
{
    if (r.app < 0)
        return false;
    const net_spec *n = &c->nets[c->apps[r.app].net];
    for (int i = r.index + 1; i < n->n; i++)
        if (n->l[i].from != NO_LAYER || (n->l[i].o.kind == DIM_LAYER_DROPOUT && n->l[i].o.rate > 0))
            return false;
    return r.index + 1 < n->n && n->l[n->n - 1].o.kind == DIM_LAYER_LINEAR;
}

static void random_critic(maker *m, loss_spec *l)
{
    shape a = shape_of(m->c, l->of[0]), b = shape_of(m->c, l->of[1]);
    dim_term_options *t = &l->term;
    t->critic = (dim_critic)below(&m->r, DIM_CRITIC_PLAIN_DOT + 1);
    t->units = (uint32_t)(chance(m, 30) ? b.c : upto(m, 2, 5));
    t->shortcut = chance(m, 30) ? DIM_SHORTCUT_RANDOM : DIM_SHORTCUT_IDENTITY;
    t->batch_norm = chance(m, 25);
    for (int i = upto(m, 1, 3) - 1; i >= 0; i--)
        t->hidden[i] = (uint32_t)upto(m, 2, 4);
    l->whole = is_map(a) && a.h > 1 && chance(m, 35);
    if (t->critic == DIM_CRITIC_DOT && l->whole && !repeatable(m->c, l->of[0]))
        l->whole = false;
    if (t->critic == DIM_CRITIC_CONCAT && (a.h < 5 || a.w < 5))
        l->whole = false;
    if (t->critic == DIM_CRITIC_PLAIN_DOT && (l->whole ? units(a) : a.c) != b.c)
        t->critic = DIM_CRITIC_BILINEAR;
    l->has_term = true;
    if (chance(m, 25) && (t->critic == DIM_CRITIC_DOT || t->critic == DIM_CRITIC_PLAIN_DOT)) {
        t->mixture = (uint32_t)upto(m, 1, 3);
        t->mixture_tau = chance(m, 60) ? (float)uniform(&m->r, 0.3, 2) : 0;
        l->est.kind = DIM_ESTIMATOR_INFONCE;
        l->est.negatives = DIM_NEGATIVES_ALL;
    }
}

static int way_count(const test_case *c, const loss_spec *l)
{
    /* as oracle_pick() counts them, in closed form */
    static const int derangements[MAX_SAMPLES + 1] = { 0, 0, 1, 2, 9, 44, 265 };
    int a = views_of(c, l->of[0]), b = views_of(c, l->of[1]), pairs = a > 1 && b > 1 ? b * (a - 1) : a * b;
    double total = 1, each = l->est.negatives == DIM_NEGATIVES_SHUFFLE ? derangements[c->samples] : 1;
    if (!is_vector(shape_of(c, l->of[1])))
        each *= pow(places(shape_of(c, l->of[1])), c->samples);
    total = pow(each, pairs);
    return total > MOST_DRAWS || pairs > MAX_PAIRS ? MOST_DRAWS + 1 : (int)total;
}

static void random_information(maker *m, loss_spec *l)
{
    l->n_of = 2;
    l->of[1] = random_value(m, -1);
    if (chance(m, 30) && !is_vector(shape_of(m->c, l->of[0])) && shape_of(m->c, l->of[0]).c > 1) /* one for a plain dot */
        l->of[1] = add_input(m, (shape){ shape_of(m->c, l->of[0]).c, 0, 0 }, views_of(m->c, l->of[0]), DIM_INPUT_GIVEN, false);
    random_estimator(m, l);
    if (way_count(m->c, l) > MOST_DRAWS)
        l->est.negatives = DIM_NEGATIVES_ALL;
    if (way_count(m->c, l) > MOST_DRAWS)
        l->of[1] = add_input(m, (shape){ upto(m, 2, 5), 0, 0 }, 1, DIM_INPUT_GIVEN, false);
    random_critic(m, l);
}

static void random_cross_entropy(maker *m, loss_spec *l)
{
    test_case *c = m->c;
    shape a = shape_of(c, l->of[0]);
    int views = views_of(c, l->of[0]);
    l->n_of = 2;
    if (!is_vector(a) || a.c < 2) {
        l->of[0] = add_input(m, a = (shape){ upto(m, 2, 5), 0, 0 }, views, DIM_INPUT_GIVEN, false);
    }
    if (chance(m, 60)) {
        l->of[1] = add_input(m, (shape){ 0, 0, 0 }, 1, DIM_INPUT_GIVEN, true);
        for (int n = 0; n < c->samples; n++)
            c->in[l->of[1].index].labels[n] = chance(m, 20) ? -1 : below(&m->r, a.c);
        return;
    }
    l->of[1] = add_input(m, a, views, chance(m, 50) ? DIM_INPUT_ONE_HOT : DIM_INPUT_GIVEN, false);
    float *x = c->in[l->of[1].index].data;
    for (int n = 0; n < c->samples * views; n++) { /* powers of two whose sum is exactly 1 */
        float rest = 1;
        for (int k = 0; k < a.c; k++) {
            x[n * a.c + k] = k == a.c - 1 ? rest : rest * (chance(m, 50) ? 0.5f : 0.25f);
            rest -= x[n * a.c + k];
        }
    }
}

static void random_loss(maker *m, int kind)
{
    test_case *c = m->c;
    loss_spec *l = &c->losses[c->n_losses];
    *l = (loss_spec){ .kind = (dim_loss_kind)kind, .n_of = 1, .owner = -1 };
    l->of[0] = random_value(m, -1);
    switch (l->kind) {
    case DIM_LOSS_INFORMATION: random_information(m, l); break;
    case DIM_LOSS_TELL_APART: l->of[1] = random_value(m, views_of(c, l->of[0])); l->n_of = 2; break;
    case DIM_LOSS_PASS_AS_TRUE: break;
    case DIM_LOSS_CROSS_ENTROPY: random_cross_entropy(m, l); break;
    default:
        l->n_of = l->kind == DIM_LOSS_GAUSSIAN && chance(m, 60) ? 3 : 2;
        for (int k = 1; k < l->n_of; k++)
            l->of[k] = partner_of(m, l->of[0]);
        l->sum_units = chance(m, 40);
    }
    if (l->kind == DIM_LOSS_TELL_APART || l->kind == DIM_LOSS_PASS_AS_TRUE)
        l->adversary = (dim_adversary)below(&m->r, DIM_ADVERSARY_LEAST_SQUARES + 1);
    c->n_losses++;
}

/* ---- players ----------------------------------------------------------------------------------------------------------- */

static void own_all_behind(maker *m, ref r, int player, int percent)
{
    test_case *c = m->c;
    if (r.app < 0)
        return;
    net_spec *n = &c->nets[c->apps[r.app].net];
    if (n->owner < 0 && chance(m, percent))
        n->owner = player;
    for (int k = 0; k < n->inputs; k++)
        own_all_behind(m, c->apps[r.app].of[k], player, percent);
}

static void random_player(maker *m)
{
    test_case *c = m->c;
    player_spec *p = &c->players[c->n_players];
    *p = (player_spec){ .turns = chance(m, 25) ? 2 : 1, .afterwards = c->n_players > 0 && chance(m, 35),
                   .momentum = chance(m, 20) ? 0.5f : 0, .lr = 1 };
    for (int i = 0; i < c->n_losses; i++) {
        loss_spec *l = &c->losses[i];
        if (!chance(m, 65))
            continue;
        p->aim[p->n_aims] = i;
        p->weight[p->n_aims++] = chance(m, 40) ? 1 : (float)uniform(&m->r, -1, 2);
        if (l->kind == DIM_LOSS_INFORMATION && l->owner < 0 && chance(m, 70))
            l->owner = c->n_players;
        for (int k = 0; k < l->n_of; k++)
            own_all_behind(m, l->of[k], c->n_players, 75);
    }
    bool has = false; /* who has nothing cannot move */
    for (int i = 0; i < c->n_nets; i++)
        has = has || c->nets[i].owner == c->n_players;
    for (int i = 0; i < c->n_losses; i++)
        has = has || c->losses[i].owner == c->n_players;
    c->n_players += has;
}

/* ---- cases ------------------------------------------------------------------------------------------------------------- */

static void make_stack(maker *m)
{
    test_case *c = m->c;
    ref of[3];
    shape in[3];
    int inputs = chance(m, 30) ? upto(m, 2, 3) : 1, views = chance(m, 15) ? 2 : 1;
    for (int k = 0; k < inputs; k++) {
        in[k] = k > 0 && chance(m, 30) ? in[0] : random_shape(m);
        of[k] = add_input(m, in[k], views, DIM_INPUT_GIVEN, false);
    }
    int app = add_app(m, make_net(m, in, inputs, upto(m, 3, 11), 0), of);
    loss_spec *l = &c->losses[c->n_losses++];
    *l = (loss_spec){ .kind = DIM_LOSS_SQUARED_ERROR, .n_of = 2, .owner = -1 };
    l->of[0] = (ref){ app, c->nets[0].n - 1 };
    l->of[1] = add_input(m, shape_of(c, l->of[0]), views, DIM_INPUT_GIVEN, false);
    l->sum_units = chance(m, 50);
    c->players[c->n_players++] = (player_spec){ .turns = 1, .n_aims = 1, .weight = { 1 }, .lr = 1 };
    c->nets[0].owner = 0;
}

static void make_objective(maker *m)
{
    int apps = upto(m, 1, 4), losses = upto(m, 1, 3), players = upto(m, 1, 3), views = chance(m, 30) ? upto(m, 2, 3) : 1;
    for (int k = upto(m, 1, 2); k > 0; k--)
        add_input(m, random_shape(m), chance(m, 75) ? views : 1, DIM_INPUT_GIVEN, false);
    if (chance(m, 35))
        add_input(m, random_shape(m), 1, chance(m, 50) ? DIM_INPUT_NORMAL : DIM_INPUT_UNIFORM, false);
    for (int k = 0; k < apps; k++)
        random_app(m, upto(m, 1, 5));
    for (int k = 0; k < losses; k++)
        random_loss(m, chance(m, 55) ? DIM_LOSS_INFORMATION : below(&m->r, DIM_LOSS_GAUSSIAN + 1));
    for (int k = 0; k < players; k++)
        random_player(m);
}

test_case *make_case(uint64_t seed, bool stack)
{
    maker m = { .r = seed, .c = calloc(1, sizeof(test_case)) };
    if (m.c == NULL)
        abort();
    m.c->seed = seed;
    m.c->samples = upto(&m, 2, 4);
    m.c->steps = chance(&m, 40) ? 2 : 1;
    if (stack)
        make_stack(&m);
    else
        make_objective(&m);
    return m.c;
}

void free_case(test_case *c)
{
    for (int i = 0; i < c->n_inputs; i++) {
        free(c->in[i].data);
        free(c->in[i].labels);
    }
    free(c);
}
