/* The inside of an encoder: a stack with parameters, and the programs that encode with it. */
#ifndef DIM_NN_ENCODER_H
#define DIM_NN_ENCODER_H

#include "compile/compile.h"
#include "nn/stack.h"
#include "tensor/tensor.h"

struct dim_encoder {
    dim_context *ctx;
    int refs;                /* the caller's and the models' */
    dim__stack stack;
    dim__params params;
    char made[96];           /* the options that its layers follow from */
    dim_init init;
    bool normalise;
    float mean[DIM_MAX_CHANNELS], std[DIM_MAX_CHANNELS];
    int64_t global;          /* layer of the tap "global" */
    int64_t gaussian;        /* layer that samples a Gaussian code, or DIM__LAYER_NONE */
    dim__programs programs;  /* that encode */
    int64_t *pieces;         /* (layers): dim__encoder_piece(); 0 = not known yet */
};

/* An encoder of one of the papers: a file in nn/encoders/ and a line in encoder_list.def. */
typedef struct dim__encoder_def {
    dim_encoder_kind kind;
    const char *name;
    uint32_t channels, side, units;                                  /* defaults; side 0 = vectors */
    dim_status (*build)(dim__stack *s, const dim_encoder_options *o); /* o: channels and units filled in */
} dim__encoder_def;

#define X(name) extern const dim__encoder_def dim__encoder_##name;
#include "nn/encoders/encoder_list.def"
#undef X

const char *dim__encoder_name(int kind); /* "conv32"; NULL for what is not a dim_encoder_kind */

/* For the encoders' files: adds one layer; the rest of the options as given. */
dim_status dim__add(dim__stack *s, dim_layer_options layer);
dim_status dim__add_conv_bn_relu(dim__stack *s, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t padding,
                                 const char *tap);
dim_status dim__add_linear_bn_relu(dim__stack *s, uint32_t out, const char *tap);
/* Name of the current output as a tap, until the next layer is added; one that starts with "_" when it has none. */
const char *dim__tap_here(dim__stack *s);

dim_status dim__encoder_create(dim_context *ctx, const dim_encoder_options *options, dim_encoder **out);
/* Takes the stack over on success.  DIM_E_FORMAT when its parameters have more than `most` elements together; 0 = any number. */
dim_status dim__encoder_from_stack(dim__stack *s, const dim_encoder_options *checked, int64_t most, dim_encoder **out);
dim_encoder *dim__encoder_retain(dim_encoder *enc);
void dim__encoder_release(dim_encoder *enc);

/* Input k of a graph for a batch. */
dim__shape dim__encoder_input_shape(const dim_encoder *enc, int k, int64_t batch);
/* Makes all inputs in a graph. */
void dim__encoder_emit_inputs(const dim_encoder *enc, dim__graph *g, int64_t batch, dim__vid inputs[DIM_MAX_INPUTS]);
/* Emits the whole stack on one value an input; out has one value a layer. */
void dim__encoder_emit(const dim_encoder *enc, dim__scope *scope, const dim__vid *inputs, dim__vid *out);
dim__scope dim__encoder_scope(dim_encoder *enc, dim__graph *g, bool training);

/* "images", "signals", "vectors" or, where there are several inputs, "samples of 'z'": what texts call input k. */
enum { DIM__INPUT_TEXT = DIM__TAP_SIZE + 16 };
const char *dim__encoder_input_text(const dim_encoder *enc, int k, char text[DIM__INPUT_TEXT]);
/* Whether a batch has samples of shape (C, H, W), where (N, C, L) is as good as (N, C, 1, L), or vectors (N, C). */
bool dim__sample_fits(const dim_tensor *t, const int64_t sample[3]);
/* From one channel, row and column to the next; 0 along an axis that it has not. */
void dim__sample_strides(const dim_tensor *t, int64_t stride[3]);
/* "(N, 3, 32, 32)", "(N, 3, 32)" or "(N, 3)": what texts say of such a batch; n < 0 stands for N. */
enum { DIM__BATCH_TEXT = 96 };
const char *dim__batch_text(char text[DIM__BATCH_TEXT], int64_t n, const int64_t sample[3]);

/* Checks a batch of images or vectors against input k; N into *batch. */
dim_status dim__encoder_check_input(const dim_encoder *enc, int k, const dim_tensor *images, int64_t *batch);
/* Samples first .. first + n - 1 as the network wants them: NHWC floats, scaled; the first input with mean and std. */
void dim__encoder_fill_input(const dim_encoder *enc, int k, const dim_tensor *images, int64_t first, int64_t n, float *out);
/* The same for samples (C, H, W) that `pixels` scales; NULL: nobody does, and a byte x becomes x / 127.5 - 1. */
void dim__fill_input(dim_context *ctx, const int64_t shape[3], const dim_encoder *pixels, const dim_tensor *images,
                     int64_t first, int64_t n, float *out);
/* The gradient of n samples of such floats, which it may change, as the gradient of the caller's. */
void dim__deliver_gradient(const int64_t shape[3], const dim_encoder *pixels, float *grad, int64_t n, dim_tensor *out);
/* Samples first .. where they lie, if that is how the network wants them; or NULL. */
const float *dim__encoder_ready_input(const dim_encoder *enc, int k, const dim_tensor *images, int64_t first);

/* Layer of a tap name (NULL = "global"); DIM_E_INVALID names the taps there are. */
dim_status dim__encoder_tap(const dim_encoder *enc, const char *tap, int64_t *layer);
/* Whether f takes a batch of values: f32 (N, C, H, W), (N, C, L) of a signal, or of both (N, C H W); (N, C) of a vector. */
dim_status dim__check_features(dim_context *ctx, const char *name, const int64_t shape[3], int64_t batch, const dim_tensor *f);
/* n samples of NHWC values to rows first .. of f, in (C, H, W) order. */
void dim__deliver_features(const int64_t shape[3], const float *in, int64_t first, int64_t n, dim_tensor *f);
/* How many samples are encoded at a time, up to this layer: as many as a program of some memory has room for. */
dim_status dim__encoder_piece(dim_encoder *enc, int64_t layer, int64_t *piece);
/* `count` inputs, which must be all that the encoder has. */
dim_status dim__encoder_encode(dim_encoder *enc, int count, const dim_tensor *const *inputs, int64_t layer,
                               dim_tensor *features);

#endif
