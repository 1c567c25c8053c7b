/* The fields of a table, each from the function of its own name in the file that makes it (a trailing _ where C has the
 * name): a new kernel is listed here once, and a table that lacks it does not compile. */
#ifndef DIM_KERNELS_TABLE_H
#define DIM_KERNELS_TABLE_H

#define DIM__KERNEL_FIELDS \
    .add = add, .mul = mul, .affine = affine, .axpy = axpy, \
    .relu = relu, .relu_grad = relu_grad, .leaky = leaky, .leaky_grad = leaky_grad, \
    .sigmoid = sigmoid, .sigmoid_grad = sigmoid_grad, .tanh = tanh_, .tanh_grad = tanh_grad, \
    .softplus = softplus, .exp = exp_, .exp_shift = exp_shift, .exp_from = exp_from, \
    .sigmoid_scale = sigmoid_scale, \
    .to_bf16 = to_bf16, .from_bf16 = from_bf16, \
    .sum = sum, .sum_sq = sum_sq, .dot = dot, .max = max, \
    .sum_exp = sum_exp, .sum_softplus = sum_softplus, .finite = finite_, \
    .dot_rows = dot_rows, .add_rows = add_rows, .few_rows = few_rows, \
    .add_scaled = add_scaled, .col_max = col_max, .add_bias = add_bias, .bias_relu = bias_relu, \
    .col_sum = col_sum, .col_dot = col_dot, .col_moments = col_moments, .col_affine = col_affine, \
    .bn_grad_sums = bn_grad_sums, .bn_grad_apply = bn_grad_apply, \
    .layer_norm = layer_norm, .layer_norm_grad = layer_norm_grad, \
    .window_max = window_max, .window_extreme = window_extreme, .window_max_grad = window_max_grad, \
    .window_sum = window_sum, .window_add = window_add, \
    .near_least = near_least, .near_box = near_box, .near_count = near_count, \
    .adam = adam

#endif
