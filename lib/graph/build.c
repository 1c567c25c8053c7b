/* Emission: values and nodes are appended in the order in which they will run. */
#include "base/math.h"
#include "graph/graph.h"
#include "graph/tiling.h"

static const dim__shape scalar_shape = { 0, { 0 } };

/* More elements than this is a mistake, and would overflow byte counts. */
static const int64_t MOST_ELEMENTS = INT64_C(1) << 56;

dim_status dim__graph_create(dim_context *ctx, dim__graph **out)
{
    dim__graph *g = dim__calloc(ctx, 1, sizeof *g);
    if (g == NULL)
        return DIM_E_NOMEM;
    g->ctx = ctx;
    g->aim = DIM__REACH_ALL;
    g->views = 1;
    *out = g;
    return DIM_OK;
}

void dim__graph_destroy(dim__graph *g)
{
    if (g == NULL)
        return;
    dim__free(g->ctx, g->values);
    dim__free(g->ctx, g->nodes);
    dim__free(g->ctx, g->deferred);
    dim__free(g->ctx, g->grads);
    dim__free(g->ctx, g);
}

dim_status dim__graph_status(const dim__graph *g) { return g->status; }

void dim__graph_fail(dim__graph *g, dim_status status)
{
    if (g->status == DIM_OK)
        g->status = status;
}

const dim__shape *dim__shape_of(const dim__graph *g, dim__vid v)
{
    return v == DIM__NONE ? &scalar_shape : &g->values[v].shape;
}

int64_t dim__count_of(const dim__graph *g, dim__vid v) { return dim__shape_count(dim__shape_of(g, v)); }

bool dim__wants_grad(const dim__graph *g, dim__vid v) { return v != DIM__NONE && (g->values[v].reach & g->aim) != 0; }

dim__vid dim__graph_value(dim__graph *g, const dim__value *value)
{
    int64_t n = 1;
    for (int i = 0; i < value->shape.rank; i++)
        if (!dim__mul64(n, value->shape.d[i], &n) || n > MOST_ELEMENTS) {
            char text[128];
            dim__graph_fail(g, dim__fail(g->ctx, DIM_E_NOMEM, "a tensor of shape %s is too large",
                                         dim__op_shape_text(text, &value->shape)));
            return DIM__NONE;
        }
    if (g->n_values >= INT32_MAX ||
        dim__grow(g->ctx, &g->values, &g->cap_values, g->n_values + 1, sizeof *g->values) != DIM_OK) {
        dim__graph_fail(g, DIM_E_NOMEM);
        return DIM__NONE;
    }
    g->values[g->n_values] = *value;
    return (dim__vid)g->n_values++;
}

dim__vid dim__graph_input(dim__graph *g, dim_dtype dtype, dim__shape shape, bool wants_grad)
{
    return g->status != DIM_OK ? DIM__NONE
                               : dim__graph_value(g, &(dim__value){ .kind = DIM__INPUT, .dtype = dtype, .shape = shape,
                                                                    .alias_of = DIM__NONE,
                                                                    .reach = wants_grad ? DIM__REACH_INPUT : 0 });
}

dim__vid dim__graph_param(dim__graph *g, dim__param *param, uint32_t group)
{
    if (g->status != DIM_OK)
        return DIM__NONE;
    if (param == NULL) { /* dim__params_get() failed and said why */
        dim__graph_fail(g, DIM_E_NOMEM);
        return DIM__NONE;
    }
    for (int64_t v = 0; v < g->n_values; v++)
        if (g->values[v].kind == DIM__PARAM && g->values[v].param == param)
            return (dim__vid)v;
    return dim__graph_value(g, &(dim__value){ .kind = DIM__PARAM, .dtype = DIM_F32, .shape = param->spec.shape,
                                              .alias_of = DIM__NONE, .param = param,
                                              .reach = param->spec.state ? 0 : dim__reach_of_group(group) });
}

dim__vid dim__graph_const(dim__graph *g, dim__shape shape, float fill)
{
    return g->status != DIM_OK ? DIM__NONE
                               : dim__graph_value(g, &(dim__value){ .kind = DIM__CONST, .dtype = DIM_F32, .shape = shape,
                                                                    .alias_of = DIM__NONE, .fill = fill });
}

void dim__graph_keep(dim__graph *g, dim__vid v)
{
    if (v != DIM__NONE)
        g->values[v].keep = true;
}

dim__vid dim__graph_origin(const dim__graph *g, dim__vid v, int64_t *offset)
{
    int64_t sum = 0;
    for (; g->values[v].alias_of != DIM__NONE; v = g->values[v].alias_of)
        sum += g->values[v].offset;
    if (offset != NULL)
        *offset = sum;
    return v;
}

static dim_status infer(dim__graph *g, dim__node *node, dim__infer *inf)
{
    *inf = (dim__infer){ .ctx = g->ctx, .comm = g->comm, .op = node->op->name, .n_in = node->n_in, .attr = &node->attr };
    for (int i = 0; i < node->n_in; i++) {
        inf->in[i] = g->values[node->in[i]].shape;
        inf->in_type[i] = g->values[node->in[i]].dtype;
        inf->bf16 |= (uint32_t)dim__op_reads_bf16(node->op, i) << i;
    }
    for (int k = 0; k < node->op->n_out && node->out[k] != DIM__NONE; k++)
        inf->out_type[k] = g->values[node->out[k]].dtype;
    DIM__TRY(node->op->infer(inf));
    node->workspace = dim__node_workspace(node->op, inf);
    return DIM_OK;
}

dim_status dim__node_infer(dim__graph *g, dim__node *node)
{
    dim__infer inf;
    return infer(g, node, &inf);
}

static uint32_t reach_of(const dim__graph *g, const dim__node *node)
{
    uint32_t reach = 0;
    for (int i = 0; i < node->n_in && node->op->backward != NULL; i++)
        reach |= g->values[node->in[i]].reach;
    return reach;
}

static bool make_node(dim__graph *g, const dim__op *op, int n_in, const dim__vid *in, const dim__attr *attr,
                      dim__node *node)
{
    if (g->status != DIM_OK)
        return false;
    *node = (dim__node){ .op = op, .n_in = n_in };
    for (int k = 0; k < DIM__MAX_OUT; k++)
        node->out[k] = DIM__NONE;
    if (n_in < op->min_in || n_in > op->max_in) {
        dim__graph_fail(g, dim__fail(g->ctx, DIM_E_INVALID, "%s takes %d to %d inputs, not %d", op->name, op->min_in,
                                     op->max_in, n_in));
        return false;
    }
    if (attr != NULL && op->attr_size == 0) {
        dim__graph_fail(g, dim__fail(g->ctx, DIM_E_INVALID, "%s has no attr_size, but attributes", op->name));
        return false;
    }
    if (attr != NULL)
        node->attr = *attr;
    for (int i = 0; i < n_in; i++) {
        if (in[i] < 0 || in[i] >= g->n_values) {
            dim__graph_fail(g, dim__fail(g->ctx, DIM_E_INVALID, "%s: input %d is not a value of this graph",
                                         op->name, i));
            return false;
        }
        node->in[i] = in[i];
    }
    if ((op->flags & DIM__OP_RANDOM) != 0)
        node->stream = node->attr.stream > 0 ? node->attr.stream - 1 : g->next_stream++;
    if ((op->flags & DIM__OP_RANDOM) != 0 && g->comm != NULL && node->attr.views == 0)
        node->attr.views = g->views;
    return true;
}

dim__vid dim__emit(dim__graph *g, const dim__op *op, int n_in, const dim__vid *in, const dim__attr *attr)
{
    dim__node node;
    dim__infer inf;
    if (!make_node(g, op, n_in, in, attr, &node))
        return DIM__NONE;
    dim_status status = infer(g, &node, &inf);
    if (status == DIM_OK)
        status = dim__grow(g->ctx, &g->nodes, &g->cap_nodes, g->n_nodes + 1, sizeof *g->nodes);
    if (status != DIM_OK) {
        dim__graph_fail(g, status);
        return DIM__NONE;
    }
    uint32_t reach = reach_of(g, &node);
    for (int k = 0; k < op->n_out; k++) {
        dim__value value = { .kind = DIM__TEMP, .dtype = inf.out_type[k], .shape = inf.out[k], .alias_of = DIM__NONE,
                             .reach = reach };
        if ((op->flags & DIM__OP_ALIAS) != 0) {
            value.alias_of = dim__graph_origin(g, node.in[0], &value.offset);
            value.offset += inf.offset;
            value.dtype = g->values[value.alias_of].dtype;
        }
        node.out[k] = dim__graph_value(g, &value);
        if (node.out[k] == DIM__NONE)
            return DIM__NONE;
    }
    g->nodes[g->n_nodes++] = node;
    return op->n_out > 0 ? node.out[0] : DIM__NONE;
}

void dim__graph_defer(dim__graph *g, const dim__op *op, int n_in, const dim__vid *in, const dim__attr *attr)
{
    dim__node node;
    if (!make_node(g, op, n_in, in, attr, &node))
        return;
    dim_status status = dim__grow(g->ctx, &g->deferred, &g->cap_deferred, g->n_deferred + 1, sizeof *g->deferred);
    if (status == DIM_OK)
        g->deferred[g->n_deferred++] = node;
    else
        dim__graph_fail(g, status);
}

dim_status dim__graph_finish(dim__graph *g)
{
    g->forward_nodes = g->gradient_nodes = g->n_nodes;
    for (int64_t i = 0; i < g->n_deferred; i++) {
        dim__node node = g->deferred[i];
        dim__emit(g, node.op, node.n_in, node.in, &node.attr);
    }
    g->n_deferred = 0;
    return g->status;
}
