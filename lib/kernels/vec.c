/* The table for one instruction set: this file is compiled once for each, with DIM__VEC_SUFFIX naming the table. */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#ifndef DIM__VEC_SUFFIX
#define DIM__VEC_SUFFIX baseline
#endif

#include "kernels/vec_math.h"

#include "kernels/vec_elementwise.h"
#include "kernels/vec_reduce.h"
#include "kernels/vec_rows.h"
#include "kernels/vec_window.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)
#define TABLE JOIN(dim__kernels_, DIM__VEC_SUFFIX)

extern const dim__kernels TABLE;
const dim__kernels TABLE = {
    .name = TEXT(DIM__VEC_SUFFIX),
    .add = add, .mul = mul, .affine = affine, .axpy = axpy,
    .relu = relu, .relu_grad = relu_grad, .leaky = leaky, .leaky_grad = leaky_grad,
    .sigmoid = sigmoid, .sigmoid_grad = sigmoid_grad, .tanh = tanh_, .tanh_grad = tanh_grad,
    .softplus = softplus, .exp = exp_, .exp_shift = exp_shift, .sigmoid_scale = sigmoid_scale,
    .sum = sum, .sum_sq = sum_sq, .dot = dot, .max = max,
    .sum_exp = sum_exp, .sum_softplus = sum_softplus, .finite = finite_,
    .dot_rows = dot_rows, .add_rows = add_rows,
    .add_bias = add_bias, .col_sum = col_sum, .col_moments = col_moments, .col_affine = col_affine,
    .bn_grad_sums = bn_grad_sums, .bn_grad_apply = bn_grad_apply,
    .layer_norm = layer_norm, .layer_norm_grad = layer_norm_grad,
    .window_max = window_max, .window_max_grad = window_max_grad,
    .window_sum = window_sum, .window_add = window_add,
    .adam = adam,
};
