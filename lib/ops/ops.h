/* One emission function an op: what nn/ and objective/ write graphs with.  Shapes in comments; "rows" stands for all axes
 * but the last.  Ops named *_grad and the like are emitted by the backward of their op and have no function here unless
 * several ops need them. */
#ifndef DIM_OPS_OPS_H
#define DIM_OPS_OPS_H

#include "graph/emit.h"

#define X(name) DIM__OP_DECLARE(name)
#include "ops/op_list.def"
#undef X

/* What moves over a map, along the height and along the width.  The kernel of a convolution is its weights', whatever is said
 * here; pooling has no dilation. */
typedef struct dim__window {
    int64_t kernel[2], stride[2], padding[2], dilation[2];
} dim__window;

/* The same along both. */
static inline dim__window dim__square(int64_t kernel, int64_t stride, int64_t padding)
{
    return (dim__window){ { kernel, kernel }, { stride, stride }, { padding, padding }, { 1, 1 } };
}

/* ---- matrix products: ops/matmul.c, ops/bias.c, ops/conv2d.c, ops/depthwise.c ------------------------------------- */

/* op(a) op(b): operands are seen as matrices (rows, last).  Result (m, n); its backward emits the smaller gradient first,
 * so that an operand's memory can be freed before the larger one is made. */
dim__vid dim__emit_matmul(dim__graph *g, dim__vid a, dim__vid b, bool trans_a, bool trans_b);
/* x (rows, c) + bias (c) */
dim__vid dim__emit_add_bias(dim__graph *g, dim__vid x, dim__vid bias);
/* x (N, H, W, I), w (O, KH, KW, I) -> (N, OH, OW, O); zero padding.  1x1 stride 1 is a plain matrix product. */
dim__vid dim__emit_conv2d(dim__graph *g, dim__vid x, dim__vid w, dim__window window);
/* Transposed: x (N, OH, OW, O), w -> (N, height, width, I), of which conv2d would make the size of x. */
dim__vid dim__emit_conv2d_transpose(dim__graph *g, dim__vid x, dim__vid w, dim__window window, int64_t height,
                                    int64_t width);
/* x (N, H, W, C), w (KH, KW, C) -> (N, OH, OW, C): each channel by itself */
dim__vid dim__emit_depthwise(dim__graph *g, dim__vid x, dim__vid w, dim__window window);
dim__attr dim__op_conv_attr(dim__window window); /* of these */
/* Whether the op makes a convolution as its output 0: conv2d, or conv2d_moments that passes/fuse.c makes of it. */
static inline bool dim__op_convolves(const dim__op *op)
{
    return op == &dim__op_conv2d || op == &dim__op_conv2d_moments;
}

/* ---- normalisation: ops/batch_norm.c, ops/layer_norm.c ----------------------------------------------------------------- */

/* x (rows, c): statistics over the rows, biased variance.  Outputs: y, mean (c), var (c, biased), rstd (c) = first .. + 3. */
dim__vid dim__emit_batch_norm(dim__graph *g, dim__vid x, dim__vid gamma, dim__vid beta, double eps);
/* Frozen statistics: y = (x - mean) / sqrt(var + eps) gamma + beta; gradients flow to x, gamma and beta. */
dim__vid dim__emit_channel_affine(dim__graph *g, dim__vid x, dim__vid gamma, dim__vid beta, dim__vid mean, dim__vid var,
                                  double eps);
/* each row of x (rows, c) */
dim__vid dim__emit_layer_norm(dim__graph *g, dim__vid x, dim__vid gamma, dim__vid beta, double eps);

/* ---- pooling, padding: ops/pool.c, ops/upsample.c, ops/pad.c ------------------------------------------------------ */

/* (N, H, W, C) -> (N, OH, OW, C), OH = floor((H + 2 padding - kernel) / stride) + 1; padding counts as -inf */
dim__vid dim__emit_max_pool(dim__graph *g, dim__vid x, dim__window window);
dim__vid dim__emit_avg_pool(dim__graph *g, dim__vid x, dim__window window); /* without padding */
dim__attr dim__op_pool_attr(dim__window window);
/* (N, H, W, C) -> (N, factor_h H, factor_w W, C): nearest neighbour */
dim__vid dim__emit_upsample(dim__graph *g, dim__vid x, int64_t factor_h, int64_t factor_w);
/* (N, H, W, C) -> (N, H + 2 pad_h, W + 2 pad_w, C); reflect mirrors without the border, pad_h < H, pad_w < W */
dim__vid dim__emit_pad2d(dim__graph *g, dim__vid x, int64_t pad_h, int64_t pad_w, bool reflect);
/* (N, L..., C) -> (N, C): maximum over the middle axes; the gradient goes to the first of equal maxima */
dim__vid dim__emit_max_mid(dim__graph *g, dim__vid x);

/* ---- elementwise: ops/activation.c, ops/elementwise.c -------------------------------------------------------------------- */

dim__vid dim__emit_relu(dim__graph *g, dim__vid x);
dim__vid dim__emit_leaky_relu(dim__graph *g, dim__vid x, double slope); /* slope > 0 */
dim__vid dim__emit_sigmoid(dim__graph *g, dim__vid x);
dim__vid dim__emit_tanh(dim__graph *g, dim__vid x);
dim__vid dim__emit_softplus(dim__graph *g, dim__vid x);
dim__vid dim__emit_exp(dim__graph *g, dim__vid x);
dim__vid dim__emit_rsqrt(dim__graph *g, dim__vid x); /* 1 / sqrt(x), x > 0 */
dim__vid dim__emit_affine(dim__graph *g, dim__vid x, double scale, double shift); /* scale x + shift */
dim__vid dim__emit_add(dim__graph *g, dim__vid a, dim__vid b);
dim__vid dim__emit_mul(dim__graph *g, dim__vid a, dim__vid b);

/* The gradient before the activation that a fused node applies to its output 0; dy itself when there is none. */
dim__vid dim__op_before_activation(dim__graph *g, const dim__node *node, dim__vid dy);

/* The same numbers as DIM_F32 or DIM__BF16; no gradient */
dim__vid dim__emit_cast(dim__graph *g, dim__vid x, dim_dtype type);

/* ---- random: ops/random.c; draws are functions of (seed, step, stream, index) ---------------------------------------------- */

dim__vid dim__emit_dropout(dim__graph *g, dim__vid x, double rate); /* survivors times 1 / (1 - rate) */
/* Zeros in a block at a random place of each (H, W, C). */
dim__vid dim__emit_occlude(dim__graph *g, dim__vid x, int64_t height, int64_t width);
dim__vid dim__emit_noise_normal(dim__graph *g, dim__shape shape);
dim__vid dim__emit_noise_uniform(dim__graph *g, dim__shape shape);   /* [0, 1) */
dim__vid dim__emit_derangement(dim__graph *g, int64_t n);            /* i32 (n), no fixed point; n >= 2 */

/* ---- shape: ops/shape.c, ops/gather.c, ops/crops.c ------------------------------------------------------------------- */

dim__vid dim__emit_reshape(dim__graph *g, dim__vid x, dim__shape shape);       /* same count; an alias */
dim__vid dim__emit_stop_gradient(dim__graph *g, dim__vid x);                   /* an alias */
dim__vid dim__emit_concat(dim__graph *g, dim__vid a, dim__vid b);              /* along the last axis; rows equal */
dim__vid dim__emit_slice(dim__graph *g, dim__vid x, int64_t start, int64_t n); /* of the last axis */
dim__vid dim__emit_pad_last(dim__graph *g, dim__vid x, int64_t c);             /* zeros up to c on the last axis */
dim__vid dim__emit_view_rows(dim__graph *g, dim__vid x, int64_t view, int64_t views); /* (views N, ...) -> its N rows */
dim__vid dim__emit_swap_last(dim__graph *g, dim__vid x);                       /* (N, P, C) -> (N, C, P) */
dim__vid dim__emit_broadcast_mid(dim__graph *g, dim__vid x, int64_t l);        /* (N, C) -> (N, l, C) */
dim__vid dim__emit_sum_mid(dim__graph *g, dim__vid x, double scale);           /* (N, L..., C) -> (N, C), times scale */
dim__vid dim__emit_gather(dim__graph *g, dim__vid x, dim__vid index);          /* x (N, ...), i32 index (M) -> (M, ...) */
/* (N, H, W, C) -> (N rows columns, kernel_h, kernel_w, C): what the window sees at each of its places; without padding */
dim__vid dim__emit_crops(dim__graph *g, dim__vid x, dim__window window);

/* i32 (n times): for each n so many times n l + a random location in [0, l), with replacement: rows of (N l, C) for gather */
dim__vid dim__emit_random_location(dim__graph *g, int64_t n, int64_t times, int64_t l);

/* ---- pairs and reductions: ops/pairs.c, ops/reduce.c ------------------------------------------------------------------------ */

/* a (N, L, C) or (N, C), b (N, C) -> (N, L) or (N): <a[n, l], b[n]> */
dim__vid dim__emit_row_dot(dim__graph *g, dim__vid a, dim__vid b);
/* s (N, L), b (N, C) -> (N, L, C): s[n, l] b[n]: the gradient of row_dot for a */
dim__vid dim__emit_row_scale(dim__graph *g, dim__vid s, dim__vid b);
/* a (R, C), b (M, C) -> (R, M, C): a[r] + b[m] */
dim__vid dim__emit_pair_sum(dim__graph *g, dim__vid a, dim__vid b);
dim__vid dim__emit_sum_all(dim__graph *g, dim__vid x, double scale);           /* scalar: scale times the sum */
/* scalar s -> every element of `shape` is scale s: the gradient of sum_all */
dim__vid dim__emit_fill_from(dim__graph *g, dim__vid s, dim__shape shape, double scale);
dim__vid dim__emit_log_sum_exp(dim__graph *g, dim__vid x);                     /* (rows, c) -> (rows) */
/* logits (N, C), i32 labels (N), -1 = none -> scalar mean cross-entropy of the labelled rows, 0 when there are none; and the
 * probabilities (N, C) as output 1 */
dim__vid dim__emit_softmax_xent(dim__graph *g, dim__vid logits, dim__vid labels);
/* i32 labels (N) -> sqrt(N / labelled rows) of a row with a label, 0 of another: the mean square of rows times it is that of
 * the labelled rows */
dim__vid dim__emit_labelled(dim__graph *g, dim__vid labels);
/* i32 (rows): row (axis 0) or column (axis 1) of each location of a map, in the order of the map's rows; `from` other than
 * DIM__NONE, i32 (rows) as dim__emit_random_location() has them: how far from there it is, plus height or width - 1 */
dim__vid dim__emit_place(dim__graph *g, dim__vid from, int64_t rows, int64_t height, int64_t width, int axis);
/* x (N, C), i32 labels (N) -> scalar: the share of rows whose largest element is the label's; no gradient */
dim__vid dim__emit_accuracy(dim__graph *g, dim__vid x, dim__vid labels);
/* 0.5 (mu^2 + e^lv - 1 - lv), times scale, summed: scalar */
dim__vid dim__emit_kl_normal(dim__graph *g, dim__vid mu, dim__vid lv, double scale);
/* (rows, c) -> mean (c) and standard deviation (c, biased) = first, + 1; no gradient */
dim__vid dim__emit_unit_stats(dim__graph *g, dim__vid x);
/* ---- several ranks, one batch: ops/ranks.c; where the graph has no other ranks these leave values as they are ------------------ */

dim__vid dim__emit_gather_ranks(dim__graph *g, dim__vid x);         /* (n, ...) -> (ranks n, ...), in the order of ranks */
void dim__emit_mean_ranks(dim__graph *g, int n, dim__vid **x);      /* each *x[k], a scalar, becomes its mean over the ranks */
dim__vid dim__emit_mean_rank(dim__graph *g, dim__vid x);            /* of one scalar */
/* The same; of what every rank computes alike, each takes its share of the gradient. */
dim__vid dim__emit_share_ranks(dim__graph *g, dim__vid x);

/* Effect, for dim__graph_defer(): state = (1 - rate) state + rate factor value, same shapes.  Inputs: state, value. */
dim__attr dim__op_state_update_attr(double rate, double factor);

#endif
