/* A compiled graph: one arena, one list of ready nodes. */
#include "base/rng.h"
#include "compile/compile.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"
#include "ops/ops.h"
#include "ops/product.h"

#include <time.h>

struct dim__program {
    dim__graph *g;
    dim__plan plan;
    char *arena;
    dim__exec *execs;         /* of the nodes that run */
    const dim__node **nodes;  /* that they are of */
    int64_t n_execs;
    int64_t forward, gradient; /* execs before the gradient's, and before the state updates */
    dim__profile_fn profile;  /* NULL = nobody measures */
    void *profile_user;
};

static void *address(const dim__program *p, dim__vid v)
{
    const dim__graph *g = p->g;
    int64_t offset;
    v = dim__graph_origin(g, v, &offset);
    offset *= (int64_t)dim__value_size(g->values[v].dtype);
    if (g->values[v].kind == DIM__PARAM)
        return (char *)g->values[v].param->data + offset;
    return p->plan.offset[v] < 0 ? NULL : p->arena + p->plan.offset[v] + offset;
}

static void make_exec(dim__program *p, const dim__node *node, int64_t workspace)
{
    dim__exec *e = &p->execs[p->n_execs];
    *e = (dim__exec){ .ctx = p->g->ctx, .comm = p->g->comm, .n_in = node->n_in, .attr = &node->attr, .stream = node->stream };
    for (int i = 0; i < node->n_in; i++) {
        e->in[i] = address(p, node->in[i]);
        e->in_shape[i] = &p->g->values[node->in[i]].shape;
        e->in_type[i] = p->g->values[node->in[i]].dtype;
    }
    for (int k = 0; k < node->op->n_out; k++) {
        e->out[k] = address(p, node->out[k]);
        e->out_shape[k] = &p->g->values[node->out[k]].shape;
        e->out_type[k] = p->g->values[node->out[k]].dtype;
    }
    e->workspace = workspace < 0 ? NULL : p->arena + workspace;
    p->nodes[p->n_execs++] = node;
    dim__hold_plan(node->op, e, 1);
}

static void fill_constants(dim__program *p)
{
    const dim__graph *g = p->g;
    for (int64_t v = 0; v < g->n_values; v++) {
        float *data = g->values[v].kind == DIM__CONST ? address(p, (dim__vid)v) : NULL;
        for (int64_t i = 0; data != NULL && i < dim__count_of(g, (dim__vid)v); i++)
            data[i] = g->values[v].fill;
    }
}

#ifndef NDEBUG
/* What every pass promises: a node whose op, operands or types it changed has the plan and the workspace of its new ones. */
static bool all_inferred(dim__graph *g, const bool *alive)
{
    for (int64_t i = 0; i < g->n_nodes; i++) {
        dim__node again = g->nodes[i];
        if (alive[i] && (again.op->flags & DIM__OP_ALIAS) == 0 && dim__node_infer(g, &again) == DIM_OK &&
            (again.workspace != g->nodes[i].workspace || again.attr.plan != g->nodes[i].attr.plan))
            return false;
    }
    return true;
}
#endif

/* Passes, which nodes run, and where everything lies.  The caller frees `alive`, one a node, and the plan, also after a failure. */
static dim_status find_plan(dim__graph *g, bool **alive, dim__plan *plan)
{
    dim_context *ctx = g->ctx;
    DIM__TRY(g->status);
    DIM__TRY(dim__run_passes(g, DIM__AFTER_GRADIENT));
    *alive = dim__calloc(ctx, (size_t)g->n_nodes + 1, sizeof **alive);
    if (*alive == NULL)
        return DIM_E_NOMEM;
    DIM__TRY(dim__pass_dead(g, *alive));
    assert(all_inferred(g, *alive));
    return dim__plan_create(g, *alive, ctx->executor == DIM_EXECUTOR_PLANNED, plan);
}

dim_status dim__graph_arena(dim__graph *g, int64_t *bytes)
{
    bool *alive = NULL;
    dim__plan plan = { .size = 0 };
    dim_status status = find_plan(g, &alive, &plan);
    *bytes = plan.size;
    dim__plan_free(g->ctx, &plan);
    dim__free(g->ctx, alive);
    dim__plans_trim(g->ctx);
    return status;
}

dim_status dim__program_create(dim__graph *g, dim__program **out)
{
    dim_context *ctx = g->ctx;
    bool *alive = NULL;
    size_t nodes;
    dim_status status = DIM_E_NOMEM;
    dim__program *p = dim__calloc(ctx, 1, sizeof *p);
    if (p == NULL)
        goto done;
    p->g = g;
    DIM__TRY_OR(done, find_plan(g, &alive, &p->plan));
    nodes = (size_t)g->n_nodes + 1;
    status = DIM_E_NOMEM;
    p->execs = dim__calloc(ctx, nodes, sizeof *p->execs);
    p->nodes = dim__calloc(ctx, nodes, sizeof *p->nodes);
    p->arena = dim__alloc(ctx, (size_t)p->plan.size);
    if (p->execs == NULL || p->nodes == NULL || p->arena == NULL)
        goto done;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        if (i == g->forward_nodes)
            p->forward = p->n_execs;
        if (i == g->gradient_nodes)
            p->gradient = p->n_execs;
        if (alive[i] && (g->nodes[i].op->flags & DIM__OP_ALIAS) == 0)
            make_exec(p, &g->nodes[i], p->plan.workspace[i]);
    }
    if (g->forward_nodes >= g->n_nodes)
        p->forward = p->n_execs;
    if (g->gradient_nodes >= g->n_nodes)
        p->gradient = p->n_execs;
    fill_constants(p);
    dim__plans_trim(ctx);
    status = DIM_OK;
    *out = p;
done:
    dim__free(ctx, alive);
    if (status != DIM_OK && p != NULL) {
        dim__program_destroy(p);
    } else if (status != DIM_OK) {
        dim__graph_destroy(g);
    }
    return status;
}

void dim__program_destroy(dim__program *p)
{
    if (p == NULL)
        return;
    dim_context *ctx = p->g->ctx;
    for (int64_t i = 0; i < p->n_execs; i++)
        dim__hold_plan(p->nodes[i]->op, &p->execs[i], -1);
    dim__plan_free(ctx, &p->plan);
    dim__free(ctx, p->arena);
    dim__free(ctx, p->execs);
    dim__free(ctx, p->nodes);
    dim__graph_destroy(p->g);
    dim__free(ctx, p);
}

dim__graph *dim__program_graph(dim__program *p) { return p->g; }

void *dim__program_data(dim__program *p, dim__vid v) { return v == DIM__NONE ? NULL : address(p, v); }

float dim__program_scalar(dim__program *p, dim__vid v)
{
    const float *data = dim__program_data(p, v);
    return data == NULL ? 0 : *data;
}

void dim__program_bind(dim__program *p, dim__vid input, const void *data)
{
    const dim__graph *g = p->g;
    for (int64_t i = 0; i < p->n_execs; i++) {
        dim__exec *e = &p->execs[i];
        const dim__node *node = p->nodes[i];
        for (int k = 0; k < e->n_in; k++) {
            int64_t offset;
            if (dim__graph_origin(g, node->in[k], &offset) == input)
                e->in[k] = data == NULL ? address(p, node->in[k])
                                        : (char *)data + offset * (int64_t)dim__value_size(g->values[input].dtype);
        }
    }
}

uint64_t dim__program_talk(const dim__program *p)
{
    uint64_t hash = 0;
    for (int64_t i = 0; i < p->n_execs; i++) {
        const dim__op *op = p->nodes[i]->op;
        if ((op->flags & DIM__OP_RANKS) == 0)
            continue;
        hash = dim__mix(hash, dim__hash_text(op->name));
        hash = dim__mix(hash, (uint64_t)(i < p->forward) + 2 * (uint64_t)(i < p->gradient));
        for (int k = 0; k < op->n_out; k++)
            hash = dim__mix(hash, (uint64_t)dim__shape_count(p->execs[i].out_shape[k]));
    }
    return dim__mix(hash, 1) | 1; /* not 0 */
}

int64_t dim__program_arena(const dim__program *p) { return p->plan.size; }

void dim__program_profile(dim__program *p, dim__profile_fn fn, void *user)
{
    p->profile = fn;
    p->profile_user = user;
}

static void run_measured(dim__program *p, int64_t i)
{
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    dim__run_node(p->nodes[i]->op, &p->execs[i]);
    clock_gettime(CLOCK_MONOTONIC, &end);
    p->profile(p->profile_user, p->nodes[i]->op, &p->execs[i],
               (double)(end.tv_sec - start.tv_sec) + 1e-9 * (double)(end.tv_nsec - start.tv_nsec));
}

static void run(dim__program *p, int64_t from, int64_t to, uint64_t seed, uint64_t step)
{
    for (int64_t i = from; i < to; i++) {
        dim__exec *e = &p->execs[i];
        e->seed = seed;
        e->step = step;
        if (p->profile == NULL)
            dim__run_node(p->nodes[i]->op, e);
        else
            run_measured(p, i);
    }
}

void dim__program_forward(dim__program *p, uint64_t seed, uint64_t step) { run(p, 0, p->forward, seed, step); }

void dim__program_gradient(dim__program *p, uint64_t seed, uint64_t step)
{
    run(p, p->forward, p->gradient, seed, step);
}

void dim__program_commit(dim__program *p, uint64_t seed, uint64_t step)
{
    run(p, p->gradient, p->n_execs, seed, step);
}

void dim__program_backward(dim__program *p, uint64_t seed, uint64_t step)
{
    run(p, p->forward, p->n_execs, seed, step);
}

const dim__param *dim__program_bad_state(const dim__program *p)
{
    const dim__graph *g = p->g;
    for (int64_t i = p->gradient; i < p->n_execs; i++) {
        const dim__exec *e = &p->execs[i];
        if (p->nodes[i]->op != &dim__op_state_update || g->ctx->kernels->finite(e->in[1], dim__shape_count(e->in_shape[1])))
            continue;
        for (int64_t v = 0; v < g->n_values; v++)
            if (g->values[v].kind == DIM__PARAM && g->values[v].param->data == e->in[0])
                return g->values[v].param;
    }
    return NULL;
}
