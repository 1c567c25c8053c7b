#include "losses.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct oracle {
    const test_case *c;
    uint64_t single;      /* the seed of rounding errors; 0 = double */
    param *list;
    int64_t n, cap, pass;
    double average[MAX_LOSSES];
};

typedef struct passing { /* one forward pass */
    oracle *o;
    draws *d;
    bool frozen, in_done[MAX_INPUTS], app_done[MAX_APPS];
    value in[MAX_INPUTS], app[MAX_APPS][MAX_LAYERS];
    double average[MAX_LOSSES];
} passing;

/* ---- results ----------------------------------------------------------------------------------------------------------- */

static void *made(int64_t count, size_t size)
{
    void *memory = calloc((size_t)count + 1, size);
    if (memory == NULL)
        abort();
    return memory;
}

double *result_put(results *r, const char *name, int64_t count, double size)
{
    if (r->n == r->cap) {
        r->cap = 2 * r->cap + 16;
        r->list = realloc(r->list, (size_t)r->cap * sizeof *r->list);
        if (r->list == NULL)
            abort();
    }
    result *e = &r->list[r->n++];
    *e = (result){ .count = count, .v = made(count, sizeof(double)), .size = size };
    spell(e->name, "%s", name);
    return e->v;
}

const result *result_find(const results *r, const char *name)
{
    for (int64_t i = 0; i < r->n; i++)
        if (strcmp(r->list[i].name, name) == 0)
            return &r->list[i];
    return NULL;
}

void results_free(results *r)
{
    for (int64_t i = 0; i < r->n; i++)
        free(r->list[i].v);
    free(r->list);
    memset(r, 0, sizeof *r);
}

static void put_number(results *r, const char *head, const char *tail, double v)
{
    char name[NAME];
    spell(name, "%s%s", head, tail);
    *result_put(r, name, 1, fabs(v)) = v;
}

/* ---- parameters -------------------------------------------------------------------------------------------------------- */

oracle *oracle_create(const test_case *c, uint64_t single)
{
    oracle *o = made(1, sizeof *o);
    o->c = c;
    o->single = single;
    for (int i = 0; i < MAX_LOSSES; i++)
        o->average[i] = NAN;
    return o;
}

void oracle_destroy(oracle *o)
{
    for (int64_t i = 0; i < o->n; i++) {
        free(o->list[i].v);
        free(o->list[i].moved);
        free(o->list[i].velocity);
    }
    free(o->list);
    free(o);
}

/* Of whom a name is: a network's first application or a loss. */
static int owner_of(const test_case *c, const char *name)
{
    int i = atoi(name + 1);
    return name[0] == 'f' ? c->nets[c->apps[i].net].owner : c->losses[i].owner;
}

void oracle_param(oracle *o, const char *name, int64_t count, const float *values, bool state)
{
    if (o->n == o->cap) {
        o->cap = 2 * o->cap + 16;
        o->list = realloc(o->list, (size_t)o->cap * sizeof *o->list);
        if (o->list == NULL)
            abort();
    }
    param *p = &o->list[o->n++];
    *p = (param){ .state = state, .count = count, .owner = owner_of(o->c, name) };
    spell(p->name, "%s", name);
    p->v = made(count, sizeof(double));
    p->moved = made(count, sizeof(double));
    p->velocity = made(count, sizeof(double));
    for (int64_t i = 0; i < count; i++)
        p->v[i] = (double)values[i];
}

static param *param_of(const world *w, const char *layer, const char *what, int64_t count)
{
    char name[NAME];
    oracle *o = w->o;
    spell(name, "%s%s%s%s", w->prefix, layer, layer[0] != '\0' ? "." : "", what);
    for (int64_t i = 0; i < o->n; i++)
        if (strcmp(o->list[i].name, name) == 0) {
            if (o->list[i].count != count) {
                fprintf(stderr, "'%s' has %lld values, not %lld\n", name, (long long)o->list[i].count, (long long)count);
                abort();
            }
            return &o->list[i];
        }
    fprintf(stderr, "libdim has no parameter '%s'\n", name);
    abort();
}

num *weights(const world *w, const char *layer, const char *what, int64_t count)
{
    param *p = param_of(w, layer, what, count);
    if (p->on != w->o->pass) {
        p->on = w->o->pass;
        p->x = tape_nums(count);
        for (int64_t i = 0; i < count; i++)
            p->x[i] = leaf(p->v[i]);
    }
    return p->x;
}

const double *state_of(const world *w, const char *layer, const char *what, int64_t count)
{
    return param_of(w, layer, what, count)->v;
}

static double rounded(const oracle *o, double v) { return o->single != 0 ? (double)(float)v : v; }

void move_state(const world *w, const char *layer, const char *what, const double *batch)
{
    char name[NAME];
    spell(name, "%s%s.%s", w->prefix, layer, what);
    for (int64_t i = 0; i < w->o->n; i++) {
        param *p = &w->o->list[i];
        for (int64_t k = 0; strcmp(p->name, name) == 0 && k < p->count; k++)
            p->moved[k] = rounded(w->o, 0.9 * p->moved[k] + 0.1 * batch[k]);
    }
}

/* ---- a pass ------------------------------------------------------------------------------------------------------------ */

static void begin(passing *p, oracle *o, draws *d, bool frozen)
{
    memset(p, 0, sizeof *p);
    p->o = o;
    p->d = d;
    p->frozen = frozen;
    memcpy(p->average, o->average, sizeof p->average);
    o->pass++;
    tape_reset(o->single != 0 ? o->single + (uint64_t)o->pass : 0);
    for (int64_t i = 0; i < o->n; i++)
        memcpy(o->list[i].moved, o->list[i].v, (size_t)o->list[i].count * sizeof(double));
}

static void note_decisions(results *out)
{
    out->decisions = out->decisions * 31 + tape_decisions();
    out->close = out->close || tape_was_close();
}

static value value_at(passing *p, ref r);

static value input_value(passing *p, int i)
{
    const input_spec *in = &p->o->c->in[i];
    if (!p->in_done[i]) {
        p->in_done[i] = true;
        p->in[i] = new_value(p->o->c->samples * in->views, in->s);
        for (int64_t k = 0; k < (int64_t)p->in[i].rows * units(in->s); k++)
            p->in[i].x[k] = leaf(in->kind == DIM_INPUT_GIVEN || p->frozen ? (double)in->data[k] : p->d->input[i][k]);
    }
    return p->in[i];
}

static int first_app(const test_case *c, int net)
{
    int i = 0;
    while (c->apps[i].net != net)
        i++;
    return i;
}

static void apply(passing *p, int i)
{
    const test_case *c = p->o->c;
    const app_spec *a = &c->apps[i];
    const net_spec *n = &c->nets[a->net];
    world w = { .o = p->o, .training = !p->frozen && n->owner >= 0 };
    value before[3];
    p->app_done[i] = true;
    for (int k = 0; k < n->inputs; k++)
        before[k] = value_at(p, a->of[k]);
    spell(w.prefix, "f%d.", first_app(c, a->net));
    run_layers(&w, n, 0, n->n - 1, 0, before, p->app[i], p->d, i);
}

static value value_at(passing *p, ref r)
{
    if (r.app < 0)
        return input_value(p, r.index);
    if (!p->app_done[r.app])
        apply(p, r.app);
    return p->app[r.app][r.index];
}

static void sides_of(passing *p, int i, side s[3])
{
    const test_case *c = p->o->c;
    const loss_spec *l = &c->losses[i];
    memset(s, 0, 3 * sizeof *s);
    for (int k = 0; k < l->n_of; k++) {
        ref r = l->of[k];
        s[k].views = views_of(c, r);
        s[k].of = r.app >= 0 ? &c->nets[c->apps[r.app].net] : NULL;
        s[k].layer = r.index;
        if (r.app < 0 && c->in[r.index].label)
            s[k].labels = c->in[r.index].labels;
        else
            s[k].v = value_at(p, r);
    }
}

static measured measure_loss(passing *p, int i, int pick)
{
    const test_case *c = p->o->c;
    const loss_spec *l = &c->losses[i];
    world w = { .o = p->o, .training = l->owner >= 0 };
    way drawn;
    side s[3];
    sides_of(p, i, s);
    spell(w.prefix, "L%d.", i);
    if (l->kind == DIM_LOSS_INFORMATION)
        ways_of(l, c->samples, s[0].views, s[1].views, s[1].v.s, MOST_DRAWS, pick, &drawn);
    return measure(&w, l, s, c->samples, &drawn, &p->average[i]);
}

static int ways(const test_case *c, int i)
{
    const loss_spec *l = &c->losses[i];
    if (l->kind != DIM_LOSS_INFORMATION)
        return 1;
    return ways_of(l, c->samples, views_of(c, l->of[0]), views_of(c, l->of[1]), shape_of(c, l->of[1]), MOST_DRAWS, 0, NULL);
}

static double distance(const results *reported, const char *name, const char *tail, double v)
{
    char full[NAME];
    spell(full, "%s%s", name, tail);
    const result *r = result_find(reported, full);
    return r == NULL ? INFINITY : fabs(r->v[0] - v) / (1 + fabs(v));
}

bool oracle_pick(oracle *o, draws *d, const results *reported)
{
    passing p;
    bool clear = true;
    begin(&p, o, d, false);
    for (int i = 0; i < o->c->n_losses; i++) {
        double best = INFINITY, second = INFINITY;
        char name[NAME];
        spell(name, "L%d", i);
        for (int pick = 0; pick < ways(o->c, i); pick++) {
            measured m = measure_loss(&p, i, pick);
            if (ways(o->c, i) == 1)
                break;
            double far = distance(reported, name, "", value_of(m.loss)) + distance(reported, name, ".value", m.value) +
                         distance(reported, name, ".pos", m.pos) + distance(reported, name, ".neg", m.neg);
            second = fmin(second, fmax(far, best));
            d->pick[i] = far < best ? pick : d->pick[i];
            best = fmin(best, far);
        }
        clear = clear && (ways(o->c, i) == 1 || second > 1e-4 + 10 * best);
    }
    for (int i = 0; i < o->c->n_apps; i++) /* what no loss reads, too: all noise is known afterwards */
        value_at(&p, (ref){ i, 0 });
    clear = clear && !d->unclear;
    d->given = false;
    return clear;
}

/* ---- what is compared -------------------------------------------------------------------------------------------------- */

static double most(const double *v, int64_t n)
{
    double size = 0;
    for (int64_t i = 0; i < n; i++)
        size = fmax(size, fabs(v[i]));
    return size;
}

/* What is 0 by cancellation has the rounding errors of what cancels: at least some of the loss's size. */
static void put_gradient(results *out, const char *name, const num *x, int64_t n, double of_loss)
{
    double *v = result_put(out, name, n, 0);
    for (int64_t i = 0; i < n; i++)
        v[i] = grad_of(x[i]);
    out->list[out->n - 1].size = most(v, n) + 0.03 * (1 + fabs(of_loss));
}

static void put_measured(results *out, const test_case *c, const char *head, int i, const measured *m)
{
    char name[NAME];
    const loss_spec *l = &c->losses[i];
    spell(name, "%sL%d", head, i);
    put_number(out, name, "", value_of(m->loss));
    out->list[out->n - 1].size += 1;
    if (l->kind == DIM_LOSS_INFORMATION) {
        put_number(out, name, ".value", m->value);
        out->list[out->n - 1].size += 1;
        put_number(out, name, ".pos", m->pos);
        put_number(out, name, ".neg", m->neg);
        out->list[out->n - 1].size += 0.1;
        out->list[out->n - 2].size += 0.1;
    }
    if (l->kind == DIM_LOSS_CROSS_ENTROPY && c->in[l->of[1].index].label && l->of[1].app < 0)
        put_number(out, name, ".accuracy", m->accuracy);
    if (isnan(out->list[out->n - 1].size))
        out->list[out->n - 1].size = 0;
}

void oracle_values(oracle *o, results *out)
{
    passing p;
    begin(&p, o, NULL, true);
    for (int i = 0; i < o->c->n_apps; i++) {
        char name[NAME];
        ref last = { i, o->c->nets[o->c->apps[i].net].n - 1 };
        value v = value_at(&p, last);
        name_of(o->c, last, name);
        double *x = result_put(out, name, (int64_t)v.rows * units(v.s), 0);
        for (int64_t k = 0; k < (int64_t)v.rows * units(v.s); k++)
            x[k] = value_of(v.x[k]);
        out->list[out->n - 1].size = most(x, (int64_t)v.rows * units(v.s));
    }
    note_decisions(out);
}

static num sum_of_aims(const player_spec *p, const measured *m)
{
    sum_begin();
    for (int k = 0; k < p->n_aims; k++)
        sum_add(m[p->aim[k]].loss, (double)p->weight[k]);
    return sum_end();
}

static void put_sum(results *out, const char *head, int player, double v)
{
    char name[NAME];
    spell(name, "%sp%d.loss", head, player);
    put_number(out, name, "", v);
    out->list[out->n - 1].size += 1;
}

void oracle_evaluate(oracle *o, draws *d, results *out)
{
    const test_case *c = o->c;
    measured m[MAX_LOSSES];
    char name[NAME];
    passing p;
    begin(&p, o, d, false);
    for (int i = 0; i < c->n_losses; i++) {
        m[i] = measure_loss(&p, i, d->pick[i]);
        put_measured(out, c, "", i, &m[i]);
    }
    for (int k = 0; k < c->n_players; k++)
        put_sum(out, "", k, value_of(sum_of_aims(&c->players[k], m)));
    for (int i = 0; i < c->n_losses; i++) {
        tape_backward(m[i].loss);
        for (int k = 0; k < c->n_inputs; k++) {
            const loss_spec *l = &c->losses[i];
            bool of_rows = l->kind == DIM_LOSS_CROSS_ENTROPY && reads(c, l->of[1], k), used = false;
            for (int j = 0; j < l->n_of; j++)
                used = used || reads(c, l->of[j], k);
            if (!used || of_rows || c->in[k].label || c->in[k].kind != DIM_INPUT_GIVEN)
                continue;
            spell(name, "dL%d/i%d", i, k);
            value v = input_value(&p, k);
            put_gradient(out, name, v.x, (int64_t)v.rows * units(v.s), value_of(m[i].loss));
        }
    }
    note_decisions(out);
}

/* ---- a step ------------------------------------------------------------------------------------------------------------ */

static bool minimises(const player_spec *p, int loss)
{
    for (int k = 0; k < p->n_aims; k++)
        if (p->aim[k] == loss)
            return true;
    return false;
}

static bool loss_is_in(const test_case *c, int loss, unsigned movers, bool first)
{
    bool by_mover = false, by_anyone = false;
    for (int k = 0; k < c->n_players; k++) {
        by_mover = by_mover || ((movers >> k & 1) != 0 && minimises(&c->players[k], loss));
        by_anyone = by_anyone || minimises(&c->players[k], loss);
    }
    return by_mover || (first && !by_anyone);
}

/* SGD of one parameter; returns the largest change of its value. */
static double descend(oracle *o, const player_spec *pl, param *p, bool first, bool *reached)
{
    double change = 0;
    for (int64_t i = 0; i < p->count; i++) {
        double g = p->on == o->pass ? grad_of(p->x[i]) : 0;
        *reached = *reached || g != 0;
        p->velocity[i] = rounded(o, first ? g : (double)pl->momentum * p->velocity[i] + g);
        double move = (double)pl->lr * p->velocity[i];
        change = fmax(change, fabs(move));
        p->moved[i] = rounded(o, p->v[i] - move);
    }
    return change;
}

typedef struct stepping {
    oracle *o;
    measured m[MAX_LOSSES];
    double loss[MAX_LOSSES], sum[MAX_PLAYERS], *changes;
    bool first;
    int moves[MAX_PLAYERS];
} stepping;

static void move(stepping *s, int k, results *out)
{
    oracle *o = s->o;
    const player_spec *pl = &o->c->players[k];
    num sum = sum_of_aims(pl, s->m);
    bool reached = false;
    s->sum[k] = value_of(sum);
    tape_backward(sum);
    for (int64_t i = 0; i < o->n; i++)
        if (!o->list[i].state && o->list[i].owner == k)
            s->changes[i] = fmax(s->changes[i], descend(o, pl, &o->list[i], s->moves[k] == 0, &reached));
    s->moves[k]++;
    out->unreached = out->unreached || !reached;
}

static void one_pass(stepping *s, draws *d, unsigned movers, results *out, measured *latest, double *values)
{
    oracle *o = s->o;
    const test_case *c = o->c;
    passing p;
    begin(&p, o, d, false);
    for (int i = 0; i < c->n_losses; i++)
        if (loss_is_in(c, i, movers, s->first)) {
            s->m[i] = latest[i] = measure_loss(&p, i, d->pick[i]);
            values[i] = value_of(s->m[i].loss);
        }
    for (int k = 0; k < c->n_players; k++)
        if ((movers >> k & 1) != 0)
            move(s, k, out);
    for (int64_t i = 0; i < o->n; i++)
        memcpy(o->list[i].v, o->list[i].moved, (size_t)o->list[i].count * sizeof(double));
    memcpy(o->average, p.average, sizeof p.average);
    note_decisions(out);
    s->first = false;
}

/* Players from begin on that move at the same time. */
static int end_of_round(const test_case *c, int begin)
{
    int end = begin + 1;
    while (end < c->n_players && !c->players[end].afterwards)
        end++;
    return end;
}

static unsigned movers_of(const test_case *c, int begin, int end, int turn)
{
    unsigned movers = 0;
    for (int k = begin; k < end; k++)
        movers |= turn < c->players[k].turns ? 1u << k : 0;
    return movers;
}

int passes_of(const test_case *c)
{
    int n = 0;
    for (int k = 0; k < c->n_players; k = end_of_round(c, k))
        for (int turn = 0; movers_of(c, k, end_of_round(c, k), turn) != 0; turn++)
            n++;
    return n;
}

static void put_step(stepping *s, const char *head, const measured *latest, const double *values, results *out)
{
    const test_case *c = s->o->c;
    char name[NAME];
    tape_reset(0);
    for (int i = 0; i < c->n_losses; i++) {
        measured m = latest[i];
        m.loss = leaf(values[i]);
        put_measured(out, c, head, i, &m);
    }
    for (int k = 0; k < c->n_players; k++)
        put_sum(out, head, k, s->sum[k]);
    for (int64_t i = 0; i < s->o->n; i++) {
        const param *p = &s->o->list[i];
        spell(name, "%s%s", head, p->name);
        double *v = result_put(out, name, p->count, s->changes[i] + 0.3 * most(p->v, p->count) + 0.02);
        memcpy(v, p->v, (size_t)p->count * sizeof *v);
    }
}

void oracle_step(oracle *o, int step, draws *passes, int *pass, results *out)
{
    const test_case *c = o->c;
    measured latest[MAX_LOSSES];
    double values[MAX_LOSSES];
    stepping s = { .o = o, .first = true, .changes = made(o->n, sizeof(double)) };
    char head[NAME];
    for (int k = 0; k < c->n_players; k++)
        s.moves[k] = step; /* whether it is the first move is all that counts */
    for (int k = 0; k < c->n_players; k = end_of_round(c, k)) {
        unsigned movers;
        for (int turn = 0; (movers = movers_of(c, k, end_of_round(c, k), turn)) != 0; turn++)
            one_pass(&s, &passes[(*pass)++], movers, out, latest, values);
    }
    spell(head, "s%d.", step);
    put_step(&s, head, latest, values, out);
    free(s.changes);
}

double oracle_steepest(oracle *o, draws *d, int player)
{
    const test_case *c = o->c;
    measured m[MAX_LOSSES];
    double steepest = 0;
    passing p;
    begin(&p, o, d, false);
    for (int i = 0; i < c->n_losses; i++)
        m[i] = measure_loss(&p, i, d->pick[i]);
    tape_backward(sum_of_aims(&c->players[player], m));
    for (int64_t i = 0; i < o->n; i++)
        for (int64_t k = 0; k < o->list[i].count && o->list[i].owner == player && o->list[i].on == o->pass; k++)
            steepest = fmax(steepest, fabs(grad_of(o->list[i].x[k])));
    return steepest;
}
