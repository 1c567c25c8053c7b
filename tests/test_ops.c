/* One harness for all ops: op_cases.h says what is checked.  What has no mathematics in double to be compared with (the
 * random ops, the state update, what stop_gradient stops) has tests in test_ops_special.c, ops of several ranks in test_ranks.c. */
#include "failing_onednn.h"
#include "op_cases.h"
#include "sanitized.h"

#include "base/math.h"
#include "compile/compile.h"
#include "graph/tiling.h"
#include "objective/score_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after what it needs */
#include <cmocka.h>

enum { MOST_OPS = 256, MOST_DIFFERENCES = 64 };

static const op_case *const case_tables[] = { op_cases_basic, op_cases_reduce, op_cases_nn, op_cases_conv, op_cases_views };
static const op_bad *const bad_tables[] = { op_bads_basic, op_bads_reduce, op_bads_nn, op_bads_conv, op_bads_views };
enum { TABLES = sizeof case_tables / sizeof *case_tables };

static const dim__op *const all_ops[] = { /* NULL at the end */
#define X(name) &dim__op_##name,
#include "ops/op_list.def"
#include "objective/op_list.def"
#undef X
    NULL
};

static const char *const tested_elsewhere[] = { "dropout", "noise_normal", "noise_uniform", "derangement",
                                                "random_location", "state_update", "crop_rows", "occlude", "place",
                                                "gather_ranks", "scatter_ranks", "mean_ranks", "share_ranks" };

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

typedef struct setup {
    const char *name;
    uint32_t threads;
    dim_gemm gemm;
    dim_cpu_level cpu;
    dim_executor executor;
    bool fails; /* oneDNN, whenever it is asked to run something */
    dim_context *ctx;
    size_t memory; /* that the context holds by itself */
} setup;

/* A reference executor follows the planned one of as many threads. */
enum { ONE, ONE_REFERENCE_EXECUTOR, TWO, TWO_REFERENCE_EXECUTOR, THREE, REFERENCE_KERNELS, BASELINE, AVX2, BLAS, SETUPS };

static setup setups[SETUPS] = {
    [ONE] = { .name = "1 thread", .threads = 1 },
    [ONE_REFERENCE_EXECUTOR] = { .name = "1 thread, reference executor", .threads = 1,
                                 .executor = DIM_EXECUTOR_REFERENCE },
    [TWO] = { .name = "2 threads", .threads = 2 },
    [TWO_REFERENCE_EXECUTOR] = { .name = "2 threads, reference executor", .threads = 2,
                                 .executor = DIM_EXECUTOR_REFERENCE },
    [THREE] = { .name = "3 threads", .threads = 3 },
    [REFERENCE_KERNELS] = { .name = "reference kernels", .threads = 2, .gemm = DIM_GEMM_REFERENCE,
                            .cpu = DIM_CPU_REFERENCE },
    [BASELINE] = { .name = "baseline kernels", .threads = 1, .cpu = DIM_CPU_BASELINE },
    [AVX2] = { .name = "AVX2 kernels", .threads = 1, .cpu = DIM_CPU_AVX2 },
    [BLAS] = { .name = "CBLAS", .threads = 2, .gemm = DIM_GEMM_BLAS },
};

/* In bf16, where all of a case's values are that can be; each pair follows planned and reference executor. */
static setup halves[] = {
    { .name = "bf16, 1 thread", .threads = 1 },
    { .name = "bf16, 1 thread, reference executor", .threads = 1, .executor = DIM_EXECUTOR_REFERENCE },
    { .name = "bf16, 2 threads", .threads = 2 },
    { .name = "bf16, 2 threads, reference executor", .threads = 2, .executor = DIM_EXECUTOR_REFERENCE },
    { .name = "bf16 emulated, baseline kernels", .threads = 2, .gemm = DIM_GEMM_BLAS, .cpu = DIM_CPU_BASELINE },
    { .name = "bf16, oneDNN fails, 1 thread", .threads = 1, .fails = true },
    { .name = "bf16, oneDNN fails, 3 threads", .threads = 3, .fails = true },
    { .name = "bf16 emulated, reference kernels", .threads = 2, .gemm = DIM_GEMM_REFERENCE, .cpu = DIM_CPU_REFERENCE },
};
enum { HALVES = sizeof halves / sizeof *halves };

static bool open_setup(setup *s, dim_precision precision)
{
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    o.threads = s->threads;
    o.gemm = s->gemm;
    o.cpu = s->cpu;
    o.executor = s->executor;
    o.blas_threads = 1;
    o.precision = precision;
    if (dim_context_create(&o, &s->ctx) != DIM_OK)
        return false;
    if (s->fails)
        fail_onednn(s->ctx, 0);
    s->memory = dim_context_memory(s->ctx);
    return true;
}

static int open_contexts(void **state)
{
    (void)state;
    for (int k = 0; k < SETUPS; k++)
        if (!open_setup(&setups[k], DIM_PRECISION_F32))
            return -1;
    for (int k = 0; k < HALVES; k++)
        if (!open_setup(&halves[k], DIM_PRECISION_BF16))
            return -1;
    return 0;
}

static int close_contexts(void **state)
{
    int leaks = 0;
    (void)state;
    for (int k = 0; k < SETUPS; k++) {
        dim__plans_forget(setups[k].ctx); /* plans are kept for their next use */
        leaks += dim_context_memory(setups[k].ctx) != setups[k].memory;
        dim_context_destroy(setups[k].ctx);
    }
    for (int k = 0; k < HALVES; k++)
        dim_context_destroy(halves[k].ctx);
    return leaks;
}

/* ---- inputs ------------------------------------------------------------------------------------------------------ */

float op_random(int input, int64_t i)
{
    uint64_t z = (uint64_t)(input + 1) * 0x9e3779b97f4a7c15u + (uint64_t)i * 0xd1342543de82ef95u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (float)((double)((z ^ z >> 31) >> 11) * 0x1p-52 - 1);
}

void op_fill_default(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    (void)c;
    assert_null(index); /* what indices are in range, the case must say */
    for (int64_t i = 0; i < n; i++) {
        float r = op_random(input, i);
        x[i] = r < 0 ? 0.95f * r - 0.05f : 0.95f * r + 0.05f;
    }
}

void op_fill_distinct(const op_case *c, int input, float *x, int32_t *index, int64_t n)
{
    int64_t stride = n / 2 + 1; /* i stride mod n visits every number when they have no common factor */
    (void)c;
    assert_null(index);
    for (int64_t a = stride, b = n; b != 0 || a != 1;) {
        if (b == 0) { /* a is a common factor above 1: try the next stride */
            a = ++stride;
            b = n;
        }
        int64_t rest = a % (b == 0 ? 1 : b);
        a = b;
        b = rest;
    }
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)((i + input) * stride % n * 2 - n) / (float)n;
}

/* Rounded to bf16, to nearest even. */
static float half_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void fill(const op_case *c, int input, void *data, int64_t n)
{
    bool index = (c->i32 >> input & 1) != 0;
    if (c->fill == NULL)
        op_fill_default(c, input, index ? NULL : data, index ? data : NULL, n);
    else
        c->fill(c, input, index ? NULL : data, index ? data : NULL, n);
}

/* In a context for bf16 rounded to that, so that it does not matter whether the op takes it. */
static void fill_for(const op_case *c, const dim_context *ctx, int input, void *data)
{
    int64_t n = op_count(&c->in[input]);
    fill(c, input, data, n);
    for (int64_t i = 0; ctx->precision == DIM_PRECISION_BF16 && (c->i32 >> input & 1) == 0 && i < n; i++)
        ((float *)data)[i] = half_of(((float *)data)[i]);
}

/* ---- one run of a case ------------------------------------------------------------------------------------------- */

typedef struct result {
    float *out[DIM__MAX_OUT];
    float *grad[DIM__MAX_IN];
    float loss;
    bool seen[MOST_OPS]; /* ops that the graph holds */
} result;

static int n_outputs(const op_case *c) { return c->n_out > 0 ? c->n_out : 1; }
static bool in_loss(const op_case *c, int k) { return (c->no_grad_out >> k & 1) == 0; }
static float weight(int out, int64_t i) { return op_random(100 + out, i); }

static float *copy_of(const void *data, int64_t n)
{
    float *copy = malloc((size_t)n * sizeof *copy + 1);
    assert_true(copy != NULL && data != NULL);
    memcpy(copy, data, (size_t)n * sizeof *copy);
    return copy;
}

static void note_ops(const dim__graph *g, bool *seen)
{
    for (int64_t i = 0; i < g->n_nodes; i++)
        for (int k = 0; all_ops[k] != NULL; k++)
            if (all_ops[k] == g->nodes[i].op)
                seen[k] = true;
}

/* loss = sum over outputs and elements of weight * output */
static dim__vid emit_loss(dim__graph *g, const op_case *c, dim__vid first, dim__vid *weights)
{
    dim__vid loss = DIM__NONE;
    for (int k = 0; k < n_outputs(c); k++) {
        weights[k] = DIM__NONE;
        if (!in_loss(c, k))
            continue;
        weights[k] = dim__graph_input(g, DIM_F32, *dim__shape_of(g, dim__out(first, k)), false);
        dim__vid sum = dim__emit_sum_all(g, dim__emit_mul(g, dim__out(first, k), weights[k]), 1);
        loss = loss == DIM__NONE ? sum : dim__emit_add(g, loss, sum);
    }
    dim__graph_keep(g, loss);
    return loss;
}

typedef struct emitted { /* values of a case's graph */
    dim__vid in[DIM__MAX_IN], grads[DIM__MAX_IN], weights[DIM__MAX_OUT], first, loss;
    dim__vid shown[DIM__MAX_OUT]; /* of outputs that do not keep their memory: copies that do, where they are f32 */
} emitted;

/* `keep`: inputs and outputs keep their memory.  Else they are temporaries that the planner may reuse. */
static dim__graph *emit_case(const op_case *c, dim_context *ctx, bool keep, emitted *v)
{
    dim__graph *g = NULL;
    dim__vid given[DIM__MAX_IN];
    assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
    for (int k = 0; k < c->n_in; k++) {
        bool index = (c->i32 >> k & 1) != 0;
        v->in[k] = dim__graph_input(g, index ? DIM_I32 : DIM_F32, c->in[k], (c->grad >> k & 1) != 0);
        given[k] = keep || index ? v->in[k] : dim__emit_affine(g, v->in[k], 1, 0);
    }
    v->first = c->build(g, c, given);
    if (dim__graph_status(g) != DIM_OK)
        fail_msg("%s (%s): %s", c->op, c->label, dim_context_error(ctx));
    for (int k = 0; k < n_outputs(c); k++) {
        char have[128], want[128];
        if (!dim__shape_equal(dim__shape_of(g, dim__out(v->first, k)), &c->out[k]))
            fail_msg("%s (%s): output %d is %s, not %s", c->op, c->label, k,
                     dim__op_shape_text(have, dim__shape_of(g, dim__out(v->first, k))),
                     dim__op_shape_text(want, &c->out[k]));
        if (keep)
            dim__graph_keep(g, dim__out(v->first, k));
    }
    for (int k = 0; k < n_outputs(c); k++) {
        dim__vid out = dim__out(v->first, k);
        v->shown[k] = keep || g->values[out].dtype != DIM_F32 ? DIM__NONE : dim__emit_affine(g, out, 1, 0);
        dim__graph_keep(g, v->shown[k]);
    }
    v->loss = emit_loss(g, c, v->first, v->weights);
    assert_int_equal(c->grad != 0 ? dim__graph_backward(g, v->loss) : dim__graph_finish(g), DIM_OK);
    for (int k = 0; k < c->n_in; k++) {
        v->grads[k] = dim__graph_grad(g, v->in[k]);
        if ((c->grad >> k & 1) != 0 && v->grads[k] == DIM__NONE)
            fail_msg("%s (%s): no gradient of input %d", c->op, c->label, k);
    }
    return g;
}

static void fill_weights(const op_case *c, int out, float *data)
{
    for (int64_t i = 0; i < op_count(&c->out[out]); i++)
        data[i] = weight(out, i);
}

/* Ops that have run with an operand in bf16. */
static bool halved[MOST_OPS];

static void note_halves(const dim__graph *g)
{
    for (int64_t i = 0; i < g->n_nodes; i++) {
        const dim__node *node = &g->nodes[i];
        bool half = false;
        for (int k = 0; k < node->n_in; k++)
            half = half || g->values[node->in[k]].dtype == DIM__BF16;
        for (int k = 0; k < node->op->n_out; k++)
            half = half || g->values[node->out[k]].dtype == DIM__BF16;
        for (int k = 0; all_ops[k] != NULL; k++)
            halved[k] = halved[k] || (half && all_ops[k] == node->op);
    }
}

static void run_case(const op_case *c, dim_context *ctx, bool keep, result *r)
{
    emitted v;
    dim__program *p = NULL;
    dim__graph *g = emit_case(c, ctx, keep, &v);
    memset(r, 0, sizeof *r);
    g->all_bf16 = true; /* where the context is for bf16 at all */
    note_ops(g, r->seen);
    if (dim__program_create(g, &p) != DIM_OK)
        fail_msg("%s (%s): %s", c->op, c->label, dim_context_error(ctx));
    note_halves(dim__program_graph(p));
    for (int k = 0; k < c->n_in; k++)
        if (dim__program_data(p, v.in[k]) != NULL)
            fill_for(c, ctx, k, dim__program_data(p, v.in[k]));
    for (int k = 0; k < n_outputs(c); k++)
        if (v.weights[k] != DIM__NONE)
            fill_weights(c, k, dim__program_data(p, v.weights[k]));
    dim__program_forward(p, 5, 7);
    dim__program_backward(p, 5, 7);
    if (v.loss != DIM__NONE)
        r->loss = dim__program_scalar(p, v.loss);
    for (int k = 0; k < n_outputs(c); k++)
        if (keep || v.shown[k] != DIM__NONE)
            r->out[k] = copy_of(dim__program_data(p, keep ? dim__out(v.first, k) : v.shown[k]), op_count(&c->out[k]));
    for (int k = 0; k < c->n_in; k++)
        if ((c->grad >> k & 1) != 0)
            r->grad[k] = copy_of(dim__program_data(p, v.grads[k]), op_count(&c->in[k]));
    dim__program_destroy(p);
}

/* ---- one run with every value in a fenced block of its own ------------------------------------------------------- */

/* Within one arena a write past a value's end falls on another value.  Here it falls on a fence, or with the address
 * sanitizer on nothing.  What a node leaves unwritten of its outputs, or reads of its workspace first, is NaN. */
enum { FENCE = SEES_ENDS ? 0 : 64 };

static char *fenced(size_t size)
{
    char *block = NULL;
    assert_int_equal(posix_memalign((void **)&block, 64, size + FENCE + (size + FENCE == 0)), 0);
    memset(block, 0xff, size + FENCE);
    return block;
}

static size_t bytes_of(const dim__graph *g, int64_t v)
{
    return (size_t)dim__shape_count(&g->values[v].shape) * dim__value_size(g->values[v].dtype);
}

static void run_fenced(const op_case *c, dim_context *ctx, result *r)
{
    emitted v;
    bool keep = ctx->precision == DIM_PRECISION_F32;
    dim__graph *g = emit_case(c, ctx, keep, &v);
    g->all_bf16 = true;
    assert_int_equal(dim__pass_precision(g), DIM_OK);
    char **data = calloc((size_t)g->n_values, sizeof *data);
    assert_non_null(data);
    memset(r, 0, sizeof *r);
    for (int64_t i = 0; i < g->n_values; i++) {
        const dim__value *value = &g->values[i];
        int64_t n = dim__shape_count(&value->shape);
        int64_t offset = value->offset * (int64_t)dim__value_size(value->dtype);
        data[i] = value->alias_of != DIM__NONE ? data[value->alias_of] + offset : fenced(bytes_of(g, i));
        for (int64_t k = 0; k < n && value->kind == DIM__CONST; k++)
            ((float *)data[i])[k] = value->fill;
    }
    for (int k = 0; k < c->n_in; k++)
        fill_for(c, ctx, k, data[v.in[k]]);
    for (int k = 0; k < n_outputs(c); k++)
        if (v.weights[k] != DIM__NONE)
            fill_weights(c, k, (float *)data[v.weights[k]]);
    for (int64_t i = 0; i < g->n_nodes; i++) {
        const dim__node *node = &g->nodes[i];
        dim__exec e = { .ctx = ctx, .n_in = node->n_in, .attr = &node->attr, .stream = node->stream, .seed = 5,
                        .step = 7, .workspace = fenced(node->workspace) };
        for (int k = 0; k < node->n_in; k++) {
            e.in[k] = data[node->in[k]];
            e.in_shape[k] = &g->values[node->in[k]].shape;
            e.in_type[k] = g->values[node->in[k]].dtype;
        }
        for (int k = 0; k < node->op->n_out; k++) {
            e.out[k] = data[node->out[k]];
            e.out_shape[k] = &g->values[node->out[k]].shape;
            e.out_type[k] = g->values[node->out[k]].dtype;
        }
        if (node->op->run != NULL)
            dim__run_node(node->op, &e);
        for (int k = 0; k < FENCE; k++)
            if (((char *)e.workspace)[node->workspace + (size_t)k] != (char)0xff)
                fail_msg("%s (%s): %s writes past its workspace", c->op, c->label, node->op->name);
        free(e.workspace);
    }
    for (int64_t i = 0; i < g->n_values; i++)
        for (int k = 0; k < FENCE && g->values[i].alias_of == DIM__NONE; k++)
            if (data[i][bytes_of(g, i) + (size_t)k] != (char)0xff)
                fail_msg("%s (%s): a write past value %d", c->op, c->label, (int)i);
    r->loss = v.loss == DIM__NONE ? 0 : *(float *)data[v.loss];
    for (int k = 0; k < n_outputs(c); k++)
        if (keep || v.shown[k] != DIM__NONE)
            r->out[k] = copy_of(data[keep ? dim__out(v.first, k) : v.shown[k]], op_count(&c->out[k]));
    for (int k = 0; k < c->n_in; k++)
        if ((c->grad >> k & 1) != 0)
            r->grad[k] = copy_of(data[v.grads[k]], op_count(&c->in[k]));
    for (int64_t i = 0; i < g->n_values; i++)
        if (g->values[i].alias_of == DIM__NONE)
            free(data[i]);
    free(data);
    dim__graph_destroy(g);
}

static void free_result(result *r)
{
    for (int k = 0; k < DIM__MAX_OUT; k++)
        free(r->out[k]);
    for (int k = 0; k < DIM__MAX_IN; k++)
        free(r->grad[k]);
}

/* ---- the double-precision reference ------------------------------------------------------------------------------ */

typedef struct oracle {
    double *in[DIM__MAX_IN];
    double *out[DIM__MAX_OUT];
    double *diff[DIM__MAX_IN];   /* central differences at `at` */
    int64_t at[DIM__MAX_IN][MOST_DIFFERENCES];
    int n_diff[DIM__MAX_IN];
} oracle;

static double reference_loss(const op_case *c, oracle *o)
{
    double loss = 0;
    c->ref(c, (const double *const *)o->in, o->out);
    for (int k = 0; k < n_outputs(c); k++)
        for (int64_t i = 0; in_loss(c, k) && i < op_count(&c->out[k]); i++)
            loss += weight(k, i) * o->out[k][i];
    return loss;
}

static void differences(const op_case *c, oracle *o, int k)
{
    int64_t n = op_count(&c->in[k]);
    o->n_diff[k] = (int)dim__min64(n, MOST_DIFFERENCES);
    o->diff[k] = malloc(sizeof(double) * MOST_DIFFERENCES);
    assert_non_null(o->diff[k]);
    for (int j = 0; j < o->n_diff[k]; j++) {
        int64_t i = n <= MOST_DIFFERENCES ? j : (n - 1) * j / (MOST_DIFFERENCES - 1);
        double x = o->in[k][i], h = 1e-5 * (fabs(x) > 1 ? fabs(x) : 1), up, down;
        o->in[k][i] = x + h;
        up = reference_loss(c, o);
        o->in[k][i] = x - h;
        down = reference_loss(c, o);
        o->in[k][i] = x;
        o->at[k][j] = i;
        o->diff[k][j] = (up - down) / (2 * h);
    }
}

/* With `half` of the inputs rounded to bf16. */
static void make_oracle(const op_case *c, bool half, oracle *o)
{
    memset(o, 0, sizeof *o);
    for (int k = 0; k < c->n_in; k++) {
        int64_t n = op_count(&c->in[k]);
        bool index = (c->i32 >> k & 1) != 0;
        float *x = malloc((size_t)n * sizeof *x + 1);
        o->in[k] = malloc((size_t)n * sizeof(double) + 1);
        assert_true(x != NULL && o->in[k] != NULL);
        fill(c, k, x, n);
        for (int64_t i = 0; i < n; i++) {
            int32_t number;
            memcpy(&number, &x[i], sizeof number);
            o->in[k][i] = index ? number : (double)(half ? half_of(x[i]) : x[i]);
        }
        free(x);
    }
    for (int k = 0; k < n_outputs(c); k++) {
        o->out[k] = malloc((size_t)op_count(&c->out[k]) * sizeof(double) + 1);
        assert_non_null(o->out[k]);
    }
    for (int k = 0; k < c->n_in; k++)
        if ((c->grad >> k & 1) != 0)
            differences(c, o, k);
    c->ref(c, (const double *const *)o->in, o->out);
}

static void free_oracle(oracle *o)
{
    for (int k = 0; k < DIM__MAX_IN; k++) {
        free(o->in[k]);
        free(o->diff[k]);
    }
    for (int k = 0; k < DIM__MAX_OUT; k++)
        free(o->out[k]);
}

static double largest(const double *x, int64_t n)
{
    double most = 1;
    for (int64_t i = 0; i < n; i++)
        most = fabs(x[i]) > most ? fabs(x[i]) : most;
    return most;
}

/* Within the case's tolerances and, relative to the largest number, `more` for outputs and `more_grad` for gradients.
 * Outputs but the first are statistics, maybe of a rounded first: with |dy| <= more |y| a variance moves by up to
 * 2 |y - mean| |dy|, where |y| is at most some twice the largest deviation. */
static void compare(const op_case *c, const char *where, const oracle *o, const result *r, double more, double more_grad)
{
    for (int k = 0; k < n_outputs(c); k++) {
        double allowed = (c->tol + (k == 0 ? 1 : 4) * more) * largest(o->out[k], op_count(&c->out[k]));
        for (int64_t i = 0; r->out[k] != NULL && i < op_count(&c->out[k]); i++)
            if (!(fabs(r->out[k][i] - o->out[k][i]) <= allowed)) /* NaN fails, too */
                fail_msg("%s (%s), %s: output %d [%lld] is %.9g, not %.9g within %.2g", c->op, c->label, where, k,
                         (long long)i, r->out[k][i], o->out[k][i], allowed);
    }
    for (int k = 0; k < c->n_in; k++) {
        double allowed = o->diff[k] == NULL ? 0 : (c->tol_grad + more_grad) * largest(o->diff[k], o->n_diff[k]);
        for (int j = 0; j < o->n_diff[k]; j++)
            if (!(fabs(r->grad[k][o->at[k][j]] - o->diff[k][j]) <= allowed))
                fail_msg("%s (%s), %s: gradient of input %d [%lld] is %.9g, not %.9g within %.2g", c->op, c->label,
                         where, k, (long long)o->at[k][j], r->grad[k][o->at[k][j]], o->diff[k][j], allowed);
    }
}

static void same_bits(const op_case *c, const char *what, const result *a, const result *b)
{
    if (memcmp(&a->loss, &b->loss, sizeof a->loss) != 0)
        fail_msg("%s (%s): loss differs %s: %.9g, %.9g", c->op, c->label, what, a->loss, b->loss);
    for (int k = 0; k < n_outputs(c); k++)
        if (a->out[k] != NULL && b->out[k] != NULL &&
            memcmp(a->out[k], b->out[k], (size_t)op_count(&c->out[k]) * sizeof(float)) != 0)
            fail_msg("%s (%s): output %d differs %s", c->op, c->label, k, what);
    for (int k = 0; k < c->n_in; k++)
        if (a->grad[k] != NULL &&
            memcmp(a->grad[k], b->grad[k], (size_t)op_count(&c->in[k]) * sizeof(float)) != 0)
            fail_msg("%s (%s): gradient of input %d differs %s", c->op, c->label, k, what);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static void check_case(const op_case *c)
{
    result base[SETUPS], other;
    oracle o;
    assert_true(c->build != NULL && c->ref != NULL && (c->grad == 0 || c->tol_grad > 0));
    make_oracle(c, false, &o);
    for (int k = 0; k < SETUPS; k++) {
        run_case(c, setups[k].ctx, true, &base[k]);
        compare(c, setups[k].name, &o, &base[k], 0, 0);
    }
    same_bits(c, "between executors", &base[ONE], &base[ONE_REFERENCE_EXECUTOR]);
    same_bits(c, "between executors with 2 threads", &base[TWO], &base[TWO_REFERENCE_EXECUTOR]);
    run_case(c, setups[TWO].ctx, true, &other);
    same_bits(c, "between two runs", &base[TWO], &other);
    free_result(&other);
    for (int k = ONE; k <= TWO; k += TWO - ONE) {
        result alone;
        run_fenced(c, setups[k].ctx, &other);
        same_bits(c, "when every value has its own memory", &base[k], &other);
        free_result(&other);
        run_case(c, setups[k].ctx, false, &other);
        run_case(c, setups[k + 1].ctx, false, &alone);
        same_bits(c, "when memory is shared", &other, &alone);
        free_result(&other);
        free_result(&alone);
    }
    for (int k = 0; k < SETUPS; k++)
        free_result(&base[k]);
    free_oracle(&o);
}

static void test_cases(void **state)
{
    (void)state;
    for (int t = 0; t < TABLES; t++)
        for (const op_case *c = case_tables[t]; c->op != NULL; c++)
            if (c->covered_by == NULL)
                check_case(c);
}

/* Whether rounding makes equal what the case keeps apart, so that another element is the maximum. */
static bool has_ties(const op_case *c) { return c->fill == op_fill_distinct && op_count(&c->in[0]) > 256; }

/* Inputs, outputs and all between them in bf16.  One rounding is 2^-9 of a number, and a case may make several. */
static void check_half(const op_case *c)
{
    result r[HALVES];
    oracle o;
    make_oracle(c, true, &o);
    for (int k = 0; k < HALVES; k++) {
        run_case(c, halves[k].ctx, false, &r[k]);
        compare(c, halves[k].name, &o, &r[k], 0x1p-8, 0x1p-7);
    }
    same_bits(c, "between executors in bf16", &r[0], &r[1]);
    same_bits(c, "between executors in bf16 with 2 threads", &r[2], &r[3]);
    for (int k = 0; k < HALVES; k += 2) {
        result alone;
        run_fenced(c, halves[k].ctx, &alone);
        same_bits(c, "in bf16 when every value has its own memory", &r[k], &alone);
        free_result(&alone);
    }
    for (int k = 0; k < HALVES; k++)
        free_result(&r[k]);
    free_oracle(&o);
}

static void test_halves(void **state)
{
    (void)state;
    for (int t = 0; t < TABLES; t++)
        for (const op_case *c = case_tables[t]; c->op != NULL; c++)
            if (c->covered_by == NULL && !has_ties(c))
                check_half(c);
    for (int k = 0; all_ops[k] != NULL; k++) {
        const dim__op *op = all_ops[k];
        /* the pass casts their operands back */
        bool emulated = (op->flags & DIM__OP_PRODUCT) != 0 && !dim__gemm_native_bf16(halves[0].ctx);
        if (!halved[k] && !emulated && (dim__op_reads_bf16(op, 0) || dim__op_writes_bf16(op, 0)))
            fail_msg("%s can be in bf16, but was not in any case", op->name);
    }
}

static bool is_tested_elsewhere(const char *op)
{
    for (size_t k = 0; k < sizeof tested_elsewhere / sizeof *tested_elsewhere; k++)
        if (strcmp(op, tested_elsewhere[k]) == 0)
            return true;
    return false;
}

/* Whether op number `wanted` is in the graph of a case of `op`. */
static bool emitted_by(const char *op, int wanted)
{
    bool found = false;
    for (int t = 0; t < TABLES && !found; t++)
        for (const op_case *c = case_tables[t]; c->op != NULL && !found; c++)
            if (c->covered_by == NULL && strcmp(c->op, op) == 0) {
                result r;
                run_case(c, setups[ONE].ctx, true, &r);
                found = r.seen[wanted];
                free_result(&r);
            }
    return found;
}

static void test_every_op_has_a_case(void **state)
{
    (void)state;
    for (int k = 0; all_ops[k] != NULL; k++) {
        const char *name = all_ops[k]->name;
        bool covered = is_tested_elsewhere(name);
        assert_true(k < MOST_OPS);
        assert_true(((all_ops[k]->flags & DIM__OP_PRODUCT) != 0) == (all_ops[k]->product != NULL));
        for (int t = 0; t < TABLES && !covered; t++)
            for (const op_case *c = case_tables[t]; c->op != NULL && !covered; c++)
                if (strcmp(c->op, name) == 0) {
                    const char *by = c->covered_by != NULL ? c->covered_by : name;
                    if (!emitted_by(by, k))
                        fail_msg("%s: no case of %s emits it", name, by);
                    covered = true;
                }
        if (!covered)
            fail_msg("%s has no case", name);
    }
    for (int t = 0; t < TABLES; t++)
        for (const op_case *c = case_tables[t]; c->op != NULL; c++) {
            bool known = false;
            for (int k = 0; all_ops[k] != NULL; k++)
                known = known || strcmp(all_ops[k]->name, c->op) == 0;
            if (!known)
                fail_msg("%s is in no op list", c->op);
        }
}

/* Emits the case's op alone; runs it when it is accepted, so that a sanitiser sees wrong sizes. */
static dim_status try_shapes(const op_case *c, dim_context *ctx, bool run)
{
    dim__graph *g = NULL;
    dim__program *p = NULL;
    dim__vid in[DIM__MAX_IN];
    assert_int_equal(dim__graph_create(ctx, &g), DIM_OK);
    for (int k = 0; k < c->n_in; k++)
        in[k] = dim__graph_input(g, (c->i32 >> k & 1) != 0 ? DIM_I32 : DIM_F32, c->in[k], (c->grad >> k & 1) != 0);
    dim__vid out = c->build(g, c, in);
    dim_status status = dim__graph_status(g);
    if (status != DIM_OK || !run) {
        assert_true(status == DIM_OK || out == DIM__NONE);
        dim__graph_destroy(g);
        return status;
    }
    dim__graph_keep(g, out);
    assert_int_equal(dim__graph_finish(g), DIM_OK);
    assert_int_equal(dim__program_create(g, &p), DIM_OK);
    for (int k = 0; k < c->n_in; k++)
        if (dim__program_data(p, in[k]) != NULL)
            fill(c, k, dim__program_data(p, in[k]), op_count(&c->in[k]));
    dim__program_forward(p, 5, 7);
    dim__program_destroy(p);
    return DIM_OK;
}

static void must_name(const op_case *c, const char *what, dim_status status)
{
    const char *text = dim_context_error(setups[ONE].ctx), *grad = strstr(c->op, "_grad");
    size_t length = strlen(c->op);
    char name[64];
    if (grad != NULL && strcmp(grad, "_grad") == 0) /* a case of a gradient goes through its op, which refuses first */
        length -= strlen("_grad");
    snprintf(name, sizeof name, "%.*s", (int)length, c->op);
    if (c->also != NULL && strstr(text, c->also) != NULL)
        snprintf(name, sizeof name, "%s", c->also);
    if (status != DIM_E_SHAPE || strstr(text, name) == NULL)
        fail_msg("%s (%s), %s: %s, \"%s\"", c->op, c->label, what, dim_status_name(status), text);
}

static void check_changed_shapes(const op_case *c)
{
    dim_context *ctx = setups[ONE].ctx;
    for (int k = 0; k < c->n_in; k++) {
        op_case changed = *c;
        changed.i32 ^= 1u << k;
        changed.grad &= ~(1u << k);
        must_name(&changed, "another element type", try_shapes(&changed, ctx, false));
        for (int axis = -2; axis < c->in[k].rank; axis++) { /* -2: an axis less, -1: an axis more */
            changed = *c;
            dim__shape *s = &changed.in[k];
            if (axis == -1 && s->rank < DIM__MAX_DIMS)
                s->d[s->rank++] = 1;
            else if (axis == -2 && s->rank > 0)
                s->rank--;
            else if (axis >= 0)
                s->d[axis]++;
            else
                continue;
            dim_status status = try_shapes(&changed, ctx, true);
            if (status != DIM_OK)
                must_name(&changed, "another shape", status);
        }
    }
}

static void test_changed_shapes(void **state)
{
    (void)state;
    for (int t = 0; t < TABLES; t++)
        for (const op_case *c = case_tables[t]; c->op != NULL; c++)
            if (c->covered_by == NULL)
                check_changed_shapes(c);
}

static void test_bad_shapes(void **state)
{
    (void)state;
    for (int t = 0; t < TABLES; t++)
        for (const op_bad *b = bad_tables[t]; b->op != NULL; b++) {
            op_case c = { .op = b->op, .label = b->label, .n_in = b->n_in, .i32 = b->i32, .build = b->build };
            memcpy(c.in, b->in, sizeof c.in);
            memcpy(c.p, b->p, sizeof c.p);
            must_name(&c, "must be refused", try_shapes(&c, setups[ONE].ctx, false));
        }
}

/* Too few or too many inputs never reach an op. */
static void test_input_counts(void **state)
{
    (void)state;
    for (int k = 0; all_ops[k] != NULL; k++) {
        const dim__op *op = all_ops[k];
        dim__vid in[DIM__MAX_IN + 1];
        for (int n = 0; n <= DIM__MAX_IN; n++) {
            dim__graph *g = NULL;
            if (n >= op->min_in && n <= op->max_in)
                continue;
            assert_int_equal(dim__graph_create(setups[ONE].ctx, &g), DIM_OK);
            for (int i = 0; i < n; i++)
                in[i] = dim__graph_input(g, DIM_F32, dim__shape2(2, 3), true);
            assert_int_equal(dim__emit(g, op, n, in, NULL), DIM__NONE);
            assert_int_not_equal(dim__graph_status(g), DIM_OK);
            assert_non_null(strstr(dim_context_error(setups[ONE].ctx), op->name));
            dim__graph_destroy(g);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_op_has_a_case),
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_halves),
        cmocka_unit_test(test_changed_shapes),
        cmocka_unit_test(test_bad_shapes),
        cmocka_unit_test(test_input_counts),
    };
    return cmocka_run_group_tests(tests, open_contexts, close_contexts);
}
