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
    int64_t gaussian;        /* layer that samples a Gaussian code; -1 = none */
    dim__programs programs;  /* that encode */
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

/* For the encoders' files: adds one layer; the rest of the options as given. */
dim_status dim__add(dim__stack *s, dim_layer_options layer);
dim_status dim__add_conv_bn_relu(dim__stack *s, uint32_t out, uint32_t kernel, uint32_t stride, uint32_t padding,
                                 const char *tap);
dim_status dim__add_linear_bn_relu(dim__stack *s, uint32_t out, const char *tap);

dim_status dim__encoder_create(dim_context *ctx, const dim_encoder_options *options, dim_encoder **out);
/* Takes the stack over on success.  DIM_E_FORMAT when its parameters have more than `most` elements together; 0 = any number. */
dim_status dim__encoder_from_stack(dim__stack *s, const dim_encoder_options *checked, int64_t most, dim_encoder **out);
dim_encoder *dim__encoder_retain(dim_encoder *enc);
void dim__encoder_release(dim_encoder *enc);

/* The input of a graph for a batch: (N, H, W, C) or (N, C). */
dim__shape dim__encoder_input_shape(const dim_encoder *enc, int64_t batch);
/* Emits the whole stack; out has one value a layer. */
void dim__encoder_emit(const dim_encoder *enc, dim__net *net, dim__vid x, dim__vid *out);
dim__net dim__encoder_net(dim_encoder *enc, dim__graph *g, bool training);

/* Whether a batch has samples of shape (C, H, W), where (N, C, L) is as good as (N, C, 1, L), or vectors (N, C). */
bool dim__sample_fits(const dim_tensor *t, const int64_t sample[3]);
/* From one channel, row and column to the next; 0 along an axis that it has not. */
void dim__sample_strides(const dim_tensor *t, int64_t stride[3]);

/* Checks a batch of images or vectors against the encoder; N into *batch. */
dim_status dim__encoder_check_images(const dim_encoder *enc, const dim_tensor *images, int64_t *batch);
/* Samples first .. first + n - 1 as the network wants them: NHWC floats, scaled. */
void dim__encoder_fill_input(const dim_encoder *enc, const dim_tensor *images, int64_t first, int64_t n, float *out);
/* Samples first .. where they lie, if that is how the network wants them; or NULL. */
const float *dim__encoder_ready_input(const dim_encoder *enc, const dim_tensor *images, int64_t first);

/* Layer of a tap name (NULL = "global"); DIM_E_INVALID names the taps there are. */
dim_status dim__encoder_tap(const dim_encoder *enc, const char *tap, int64_t *layer);
dim_status dim__encoder_encode(dim_encoder *enc, const dim_tensor *images, int64_t layer, dim_tensor *features);

#endif
