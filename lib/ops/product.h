/* Ops that are one matrix product of their two inputs, in f32 or, by a plan, in bf16: products and plain convolutions.
 *
 * In bf16 both inputs are that.  Whether the processor multiplies it says attr->plan after infer: passes/precision.c keeps
 * such a node, and multiplies in f32 what is rounded to bf16 where there is no plan.  In f32 a plan is the faster way, if any. */
#ifndef DIM_OPS_PRODUCT_H
#define DIM_OPS_PRODUCT_H

#include "kernels/gemm.h"
#include "graph/op.h"

/* For infer: refuses inputs of two types, and sets attr->plan to one or to NULL. */
dim_status dim__product_prepare(dim__infer *inf, dim__product_key key);
/* The op's workspace, when all it may need is that of a product. */
size_t dim__product_workspace(const dim__infer *inf);
void dim__product_run(const dim__exec *e, dim__product_key key);

/* A program's hold of the plan that infer left in a node's attributes, if its op has such: by = 1 or -1. */
void dim__hold_plan(const dim__op *op, const dim__exec *e, int by);

#endif
