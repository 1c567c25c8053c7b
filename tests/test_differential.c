/* Random stacks of layers and random objectives against a plain evaluation in double (oracle/): values, losses, gradients of
 * inputs, and parameters after steps.
 *
 * How far floats may be off differs from case to case, so the oracle evaluates each case with the errors of single precision, too,
 * a few times; libdim's error may be some times the largest of theirs.  Cases where a ReLU or a maximum hangs on the last digit are left
 * out.  Noise is what libdim drew: a twin of the objective, whose parameters stand still, has a squared error against zeros
 * for every drawn value, and its gradient is the value.
 *
 * DIM_DIFFERENTIAL_SEED and DIM_DIFFERENTIAL_CASES choose others than the usual cases. */
#include "objective_tests.h"

#include "oracle/case.h"
#include "oracle/tape.h"

#include <math.h>

enum { CASES = 300, MAX_PROBES = 40, ROUGH = 3 };
static const double TIMES = 100, FLOOR = 3e-6; /* of the single-precision oracle's error, and of a result's size */

typedef struct built {
    const test_case *c;
    dim_objective *obj;
    dim_network *nets[MAX_NETS];
    dim_estimator *estimators[MAX_LOSSES];
    ref probes[MAX_PROBES];             /* what is drawn: inputs, and taps of layers */
    int n_probes;
} built;

static double found_worst;
static int disagreements;

/* ---- building ---------------------------------------------------------------------------------------------------------- */

static const char *text(char out[NAME], const char *format, int i)
{
    spell(out, format, i);
    return out;
}

static const char *layer_name(char out[NAME], int i)
{
    return i == -1 ? "input" : i < 0 ? text(out, "in%d", -1 - i) : text(out, "t%d", i);
}

static dim_network *build_net(const net_spec *n)
{
    dim_encoder_builder *b;
    dim_network *out;
    char name[NAME], tap[NAME], from[NAME];
    ok(dim_encoder_builder_create(ctx, (uint32_t)n->in[0].c, (uint32_t)n->in[0].h, (uint32_t)n->in[0].w, &b));
    for (int k = 1; k < n->inputs; k++)
        ok(dim_encoder_builder_add_input(b, text(name, "in%d", k), (uint32_t)n->in[k].c, (uint32_t)n->in[k].h,
                                         (uint32_t)n->in[k].w));
    for (int i = 0; i < n->n; i++) {
        dim_layer_options o = n->l[i].o;
        o.size = sizeof o;
        o.name = text(name, "l%d", i);
        o.tap = text(tap, "t%d", i);
        o.from = n->l[i].from != NO_LAYER ? layer_name(from, n->l[i].from) : NULL;
        ok(dim_encoder_builder_add(b, &o));
    }
    ok(dim_encoder_builder_finish(b, NULL, &out));
    dim_encoder_builder_destroy(b);
    for (int i = 0; i < n->n; i++) {
        int64_t got[3];
        shape s = n->l[i].out;
        ok(dim_encoder_tap_shape(out, text(tap, "t%d", i), got));
        if (got[0] != s.c || got[1] != (is_map(s) ? s.h : 1) || got[2] != (s.w > 0 ? s.w : 1))
            fail_msg("layer %d: libdim gives (%d, %d, %d), not (%d, %d, %d)", i, (int)got[0], (int)got[1], (int)got[2], s.c, s.h,
                     s.w);
    }
    return out;
}

static dim_tensor *tensor_of(shape s, int rows, const float *data)
{
    int64_t d[4] = { rows, s.c, is_map(s) ? s.h : s.w, s.w };
    return f32_tensor(is_map(s) ? 4 : is_signal(s) ? 3 : 2, d, data);
}

static void build_inputs(built *b)
{
    char name[NAME];
    for (int i = 0; i < b->c->n_inputs; i++) {
        const input_spec *in = &b->c->in[i];
        text(name, "i%d", i);
        INPUT(b->obj, .name = name, .kind = in->kind, .dtype = in->label ? DIM_I32 : DIM_F32,
              .shape = { in->s.c, in->s.h, in->s.w }, .views = in->label ? 0 : (uint32_t)in->views,
              .want_gradient = !in->label && in->kind == DIM_INPUT_GIVEN);
        if (!in->label) {
            set_input(b->obj, name, tensor_of(in->s, b->c->samples * in->views, in->data));
            continue;
        }
        dim_tensor *t;
        ok(dim_tensor_create(ctx, DIM_I64, 1, (int64_t[]){ b->c->samples }, &t));
        memcpy(dim_tensor_data(t), in->labels, (size_t)b->c->samples * sizeof *in->labels);
        set_input(b->obj, name, t);
    }
}

static void build_apps(built *b)
{
    char of[4 * NAME], one[NAME], name[NAME];
    for (int i = 0; i < b->c->n_nets; i++)
        b->nets[i] = build_net(&b->c->nets[i]);
    for (int i = 0; i < b->c->n_apps; i++) {
        const app_spec *a = &b->c->apps[i];
        of[0] = '\0';
        for (int k = 0; k < b->c->nets[a->net].inputs; k++) {
            name_of(b->c, a->of[k], one);
            strcat(strcat(of, " "), one);
        }
        ok(dim_objective_apply(b->obj, b->nets[a->net], of, text(name, "f%d", i)));
    }
}

static void build_losses(built *b)
{
    for (int i = 0; i < b->c->n_losses; i++) {
        const loss_spec *l = &b->c->losses[i];
        char name[NAME], of[3][NAME], whole[NAME];
        dim_loss_options o = { .name = text(name, "L%d", i), .kind = l->kind, .adversary = l->adversary,
                               .sum_units = l->sum_units };
        const char **const values[3] = { &o.a, &o.b, &o.c };
        dim_term_options term = l->term;
        for (int k = 0; k < l->n_of; k++) {
            name_of(b->c, l->of[k], of[k]);
            *values[k] = of[k];
        }
        if (l->whole) {
            spell(whole, "global:%s", of[0]);
            o.a = whole;
        }
        if (l->has_term) {
            dim_estimator_options e = l->est;
            e.size = sizeof e;
            ok(dim_estimator_create(ctx, &e, &b->estimators[i]));
            term.size = sizeof term;
            term.estimator = b->estimators[i];
            o.term = &term;
        }
        add_loss(b->obj, o);
    }
}

static void build_players(built *b, bool twin)
{
    char name[NAME], other[NAME];
    for (int k = 0; k < b->c->n_players; k++) {
        const player_spec *p = &b->c->players[k];
        text(name, "p%d", k);
        PLAYER(b->obj, OF(.name = name, .turns = twin ? 1 : (uint32_t)p->turns, .afterwards = !twin && p->afterwards),
               .kind = DIM_OPTIMIZER_SGD, .lr = twin ? 1e-30f : p->lr, .momentum = p->momentum);
        for (int i = 0; i < b->c->n_apps; i++)
            if (b->c->nets[b->c->apps[i].net].owner == k)
                own(b->obj, name, text(other, "f%d", i));
        for (int i = 0; i < b->c->n_losses; i++)
            if (b->c->losses[i].owner == k)
                own(b->obj, name, text(other, "L%d", i));
        for (int i = 0; i < p->n_aims; i++)
            minimise(b->obj, name, text(other, "L%d", p->aim[i]), p->weight[i]);
    }
}

static void add_probe(built *b, ref of)
{
    char input_name[NAME], loss_name[NAME], value[NAME];
    shape s = shape_of(b->c, of);
    if (b->n_probes == MAX_PROBES)
        fail_msg("too many draws");
    name_of(b->c, of, value);
    text(input_name, "z%d", b->n_probes);
    INPUT(b->obj, .name = input_name, .shape = { s.c, s.h, s.w }, .views = (uint32_t)views_of(b->c, of), .want_gradient = 1);
    set_input(b->obj, input_name, tensor_of(s, b->c->samples * views_of(b->c, of), NULL));
    LOSS(b->obj, .name = text(loss_name, "q%d", b->n_probes), .kind = DIM_LOSS_SQUARED_ERROR, .a = input_name, .b = value,
         .sum_units = 1);
    b->probes[b->n_probes++] = of;
}

static bool draws_noise(const layer_spec *l)
{
    return l->o.kind == DIM_LAYER_GAUSSIAN || (l->o.kind == DIM_LAYER_DROPOUT && l->o.rate > 0);
}

static void add_probes(built *b)
{
    for (int i = 0; i < b->c->n_inputs; i++)
        if (b->c->in[i].kind != DIM_INPUT_GIVEN)
            add_probe(b, (ref){ -1, i });
    for (int i = 0; i < b->c->n_apps; i++) {
        const net_spec *n = &b->c->nets[b->c->apps[i].net];
        for (int k = 0; k < n->n; k++)
            if (n->owner >= 0 && draws_noise(&n->l[k]))
                add_probe(b, (ref){ i, k });
    }
}

static void build(built *b, const test_case *c, bool twin)
{
    *b = (built){ .c = c, .obj = objective(c->seed | 1) };
    build_inputs(b);
    build_apps(b);
    build_losses(b);
    build_players(b, twin);
    if (twin)
        add_probes(b);
}

static void destroy(built *b)
{
    dim_objective_destroy(b->obj);
    for (int i = 0; i < MAX_NETS; i++)
        dim_encoder_destroy(b->nets[i]);
    for (int i = 0; i < MAX_LOSSES; i++)
        dim_estimator_destroy(b->estimators[i]);
}

/* ---- parameters -------------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

static bool is_state(const char *name) { return ends_with(name, "running_mean") || ends_with(name, "running_var"); }

/* Numbers other than the usual 0 and 1, the same for everyone who has the name. */
static void set_parameters(dim_objective *obj, uint64_t seed, oracle *const *oracles, int n)
{
    for (int i = 0; i < dim_objective_parameter_count(obj); i++) {
        char name[NAME];
        dim_tensor *t;
        uint64_t r = seed;
        spell(name, "%s", dim_objective_parameter_name(obj, i));
        for (const char *c = name; *c != '\0'; c++)
            r = r * 31 + (uint64_t)*c;
        ok(dim_objective_get_parameter(obj, name, &t));
        float *x = dim_tensor_data(t);
        double fan = dim_tensor_rank(t) > 1 ? (double)dim_tensor_count(t) / (double)dim_tensor_size(t, 0) : 1;
        double size = uniform(&r, 0.3, 1.8) / sqrt(fan);
        for (int64_t k = 0; k < dim_tensor_count(t); k++)
            x[k] = (float)(ends_with(name, "running_var") ? uniform(&r, 0.02, 2) : size * uniform(&r, -1, 1));
        ok(dim_objective_set_parameter(obj, name, t));
        for (int k = 0; k < n; k++)
            oracle_param(oracles[k], name, dim_tensor_count(t), x, is_state(name));
        dim_tensor_destroy(t);
    }
}

/* ---- draws ------------------------------------------------------------------------------------------------------------- */

static void put_reports(const built *b, const char *head, results *out)
{
    char name[NAME];
    for (int i = 0; i < dim_objective_report_count(b->obj); i++) {
        const char *report_name = dim_objective_report_name(b->obj, i);
        spell(name, "%s%s", head, report_name);
        *result_put(out, name, 1, 0) = report(b->obj, report_name);
    }
}

/* What the twin's next pass draws; false where that is too large for a square. */
static bool observe(const built *twin, draws *d, bool later)
{
    char input_name[NAME], loss_name[NAME];
    bool finite = true;
    d->given = true;
    d->later = later;
    for (int i = 0; i < twin->n_probes; i++) {
        ref of = twin->probes[i];
        int rows = twin->c->samples * views_of(twin->c, of);
        dim_tensor *t = tensor_of(shape_of(twin->c, of), rows, NULL);
        double *x = malloc((size_t)dim_tensor_count(t) * sizeof *x);
        assert_non_null(x);
        dim_status status = dim_objective_gradient(twin->obj, text(loss_name, "q%d", i), text(input_name, "z%d", i), t);
        if (status != DIM_E_NUMERIC)
            ok(status);
        finite = finite && status == DIM_OK;
        for (int64_t k = 0; k < dim_tensor_count(t); k++)
            x[k] = -0.5 * rows * (double)((const float *)dim_tensor_const_data(t))[k];
        dim_tensor_destroy(t);
        *(of.app < 0 ? &d->input[of.index] : &d->layer[of.app][of.index]) = x;
    }
    return finite;
}

static void draws_free(draws *d)
{
    for (int i = 0; i < MAX_INPUTS; i++)
        free(d->input[i]);
    for (int i = 0; i < MAX_APPS; i++)
        for (int k = 0; k < MAX_LAYERS; k++)
            free(d->layer[i][k]);
}

/* The draws of all passes; false where they are ambiguous. */
static bool observe_all(const built *twin, oracle *still, draws *passes, int n)
{
    bool clear = true;
    for (int k = 0; k < n; k++) {
        results reported = { .n = 0 };
        if (!observe(twin, &passes[k], k > 0) || dim_objective_evaluate(twin->obj) == DIM_E_NUMERIC)
            return false;
        put_reports(twin, "", &reported);
        clear = oracle_pick(still, &passes[k], &reported) && clear;
        results_free(&reported);
        dim_status status = dim_objective_step(twin->obj);
        if (status == DIM_E_STATE) /* a player's losses lead to nothing that it has */
            return false;
        ok(status);
    }
    return clear;
}

/* ---- libdim's side ----------------------------------------------------------------------------------------------------- */

static void put_tensor(results *out, const char *name, const dim_tensor *t)
{
    double *v = result_put(out, name, dim_tensor_count(t), 0);
    for (int64_t k = 0; k < dim_tensor_count(t); k++)
        v[k] = (double)((const float *)dim_tensor_const_data(t))[k];
}

static void put_values(const built *b, results *out)
{
    for (int i = 0; i < b->c->n_apps; i++) {
        char name[NAME];
        ref last = { i, b->c->nets[b->c->apps[i].net].n - 1 };
        dim_tensor *t = tensor_of(shape_of(b->c, last), b->c->samples * views_of(b->c, last), NULL);
        name_of(b->c, last, name);
        ok(dim_objective_compute(b->obj, name, t));
        put_tensor(out, name, t);
        dim_tensor_destroy(t);
    }
}

static bool all_zero(const result *r)
{
    for (int64_t k = 0; k < r->count; k++)
        if (r->v[k] != 0)
            return false;
    return true;
}

/* The gradients that the oracle has; where no path leads to the input libdim refuses, and the oracle has zeros. */
static void put_gradients(const built *b, const results *wanted, results *out)
{
    char loss_name[NAME], input_name[NAME];
    for (int64_t i = 0; i < wanted->n; i++) {
        int l, k;
        const result *w = &wanted->list[i];
        if (sscanf(w->name, "dL%d/i%d", &l, &k) != 2)
            continue;
        const input_spec *in = &b->c->in[k];
        dim_tensor *t = tensor_of(in->s, b->c->samples * in->views, NULL);
        dim_status status = dim_objective_gradient(b->obj, text(loss_name, "L%d", l), text(input_name, "i%d", k), t);
        if (status != DIM_E_INVALID || !all_zero(w))
            ok(status);
        put_tensor(out, w->name, t);
        dim_tensor_destroy(t);
    }
}

static void put_parameters(const built *b, const char *head, results *out)
{
    for (int i = 0; i < dim_objective_parameter_count(b->obj); i++) {
        char name[NAME], full[NAME];
        dim_tensor *t;
        spell(name, "%s", dim_objective_parameter_name(b->obj, i));
        spell(full, "%s%s", head, name);
        ok(dim_objective_get_parameter(b->obj, name, &t));
        put_tensor(out, full, t);
        dim_tensor_destroy(t);
    }
}

static void run_libdim(const built *b, const results *wanted, results *out)
{
    put_values(b, out);
    ok(dim_objective_evaluate(b->obj));
    put_reports(b, "", out);
    put_gradients(b, wanted, out);
    for (int step = 0; step < b->c->steps; step++) {
        char head[NAME];
        ok(dim_objective_step(b->obj));
        put_reports(b, text(head, "s%d.", step), out);
        put_parameters(b, head, out);
    }
}

/* ---- comparing --------------------------------------------------------------------------------------------------------- */

static void run_oracle(oracle *o, const test_case *c, draws *passes, results *out)
{
    int pass = 0;
    oracle_values(o, out);
    oracle_evaluate(o, &passes[0], out);
    for (int step = 0; step < c->steps; step++)
        oracle_step(o, step, passes, &pass, out);
}

static bool all_finite(const results *r)
{
    for (int64_t i = 0; i < r->n; i++)
        for (int64_t k = 0; k < r->list[i].count && !ends_with(r->list[i].name, "accuracy"); k++)
            if (!(fabs(r->list[i].v[k]) < 1e15))
                return false;
    return true;
}

static void compare(const test_case *c, bool stack, const results *want, const results single[ROUGH], const results *got)
{
    for (int64_t i = 0; i < want->n; i++) {
        const result *w = &want->list[i], *g = result_find(got, w->name);
        double off = 0, may = 0;
        int64_t worst = 0;
        if (g == NULL || g->count != w->count)
            fail_msg("seed %llu: libdim has no '%s' of %lld", (unsigned long long)c->seed, w->name, (long long)w->count);
        for (int64_t k = 0; k < w->count; k++) {
            double d = isnan(w->v[k]) && isnan(g->v[k]) ? 0 : fabs(w->v[k] - g->v[k]);
            for (int r = 0; r < ROUGH && !isnan(w->v[k]); r++)
                may = fmax(may, fabs(w->v[k] - single[r].list[i].v[k]));
            if (!(d <= off)) {
                off = d;
                worst = k;
            }
        }
        may = FLOOR * w->size + TIMES * may;
        found_worst = may > 0 ? fmax(found_worst, off / may) : found_worst;
        if (!(off <= may)) {
            print_error("%s[%lld] is %.9g, not %.9g (may be off by %.2g).  Repeat with "
                        "DIM_DIFFERENTIAL_SEED=%llu DIM_DIFFERENTIAL_CASES=1, %s\n", w->name, (long long)worst, g->v[worst],
                        w->v[worst], may, (unsigned long long)c->seed,
                        stack ? "stacks" : "objectives");
            if (disagreements++ == 0)
                describe(c);
            return; /* what follows from it is off, too */
        }
    }
}

/* Steps that change a parameter by about a half. */
static void choose_rates(test_case *c, oracle *still, draws *d)
{
    for (int k = 0; k < c->n_players; k++) {
        double steepest = oracle_steepest(still, d, k);
        c->players[k].lr = steepest > 0 ? (float)ldexp(1, -1 - (int)ceil(log2(steepest))) : 1;
    }
}

/* Every loss, and so every number of samples, comes from something that was given. */
static bool enough_given(const test_case *c)
{
    for (int i = 0; i < c->n_losses; i++)
        for (int k = 0; k < c->n_inputs; k++)
            for (int j = 0; j < c->losses[i].n_of; j++)
                if (c->in[k].kind == DIM_INPUT_GIVEN && reads(c, c->losses[i].of[j], k))
                    return true;
    return false;
}

typedef struct checked {
    test_case *c;
    oracle *still, *exact, *rough[ROUGH];
    draws passes[MAX_PASSES];
    results want, off[ROUGH], got;
} checked;

/* The oracles' results; false where these say nothing. */
static bool run_oracles(checked *k)
{
    bool usable;
    choose_rates(k->c, k->still, &k->passes[0]);
    run_oracle(k->exact, k->c, k->passes, &k->want);
    usable = !k->want.close && !k->want.unreached && all_finite(&k->want);
    for (int r = 0; r < ROUGH; r++) {
        run_oracle(k->rough[r], k->c, k->passes, &k->off[r]);
        usable = usable && k->want.decisions == k->off[r].decisions && all_finite(&k->off[r]);
    }
    return usable;
}

static bool observe_twin(checked *k)
{
    built twin;
    oracle *all[ROUGH + 2] = { k->still, k->exact };
    memcpy(all + 2, k->rough, sizeof k->rough);
    build(&twin, k->c, true);
    set_parameters(twin.obj, k->c->seed, all, ROUGH + 2);
    bool clear = observe_all(&twin, k->still, k->passes, passes_of(k->c) * k->c->steps);
    destroy(&twin);
    return clear;
}

static void checked_free(checked *k)
{
    for (int i = 0; i < MAX_PASSES; i++)
        draws_free(&k->passes[i]);
    for (int r = 0; r < ROUGH; r++) {
        results_free(&k->off[r]);
        oracle_destroy(k->rough[r]);
    }
    results_free(&k->want);
    results_free(&k->got);
    oracle_destroy(k->still);
    oracle_destroy(k->exact);
    free_case(k->c);
}

/* False: a case of which nothing can be said. */
static bool check_case(uint64_t seed, bool stack)
{
    checked k = { .c = make_case(seed, stack) };
    k.still = oracle_create(k.c, 0);
    k.exact = oracle_create(k.c, 0);
    for (int r = 0; r < ROUGH; r++)
        k.rough[r] = oracle_create(k.c, (uint64_t)(r + 1) << 32);
    bool usable = k.c->n_players > 0 && passes_of(k.c) * k.c->steps <= MAX_PASSES && enough_given(k.c) && observe_twin(&k) &&
                  run_oracles(&k);
    if (usable) {
        built b;
        build(&b, k.c, false);
        set_parameters(b.obj, seed, NULL, 0);
        run_libdim(&b, &k.want, &k.got);
        compare(k.c, stack, &k.want, k.off, &k.got);
        destroy(&b);
    }
    checked_free(&k);
    return usable;
}

static unsigned long long setting(const char *name, unsigned long long usual)
{
    const char *text_of = getenv(name);
    return text_of != NULL ? strtoull(text_of, NULL, 10) : usual;
}

static void check_cases(bool stack)
{
    unsigned long long seed = setting("DIM_DIFFERENTIAL_SEED", stack ? 1000000 : 2000000);
    unsigned long long cases = setting("DIM_DIFFERENTIAL_CASES", CASES), done = 0, tries = 0;
    found_worst = disagreements = 0;
    for (; done < cases && tries < 10 * cases; tries++)
        done += check_case(seed + tries, stack);
    tape_free();
    print_message("%llu cases of %llu compared; the worst error is %.2f of what it may be\n", done, tries, found_worst);
    assert_int_equal(disagreements, 0);
    assert_true(done == cases || cases == 1);
}

static void test_stacks(void **state)
{
    (void)state;
    check_cases(true);
}

static void test_objectives(void **state)
{
    (void)state;
    check_cases(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_stacks), cmocka_unit_test(test_objectives) };
    return cmocka_run_group_tests(tests, open_context, close_context);
}
