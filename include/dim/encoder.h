/**
 * @file encoder.h
 * @brief Encoders: the papers' networks by name, any other stack by the builder, features at named taps.
 *
 * Images are (N, C, H, W) tensors of u8 or f32 with any strides (a permuted NHWC array costs nothing extra).  u8
 * pixels become x / 127.5 - 1, or (x / 255 - mean) / std when the options give a mean and std; f32 is taken as it is,
 * or as (x - mean) / std.  Signals are (N, C, L), or (N, C, 1, L).  Vectors are (N, features).  Features come out as
 * (N, C, H, W), of signals as (N, C, L), or as (N, d).
 */
#ifndef DIM_ENCODER_H
#define DIM_ENCODER_H

#include <dim/tensor.h>

DIM_BEGIN_DECLS

/** Opaque encoder. */
typedef struct dim_encoder dim_encoder;
/** Opaque builder of a custom encoder. */
typedef struct dim_encoder_builder dim_encoder_builder;

/** Networks of the papers.  Taps in brackets. */
typedef enum dim_encoder_kind {
    DIM_ENCODER_CONV32 = 0,    /**< 32 x 32: 4x4 stride-2 convs 64, 128 [local], 256 [conv]; 1024 [fc]; [global] */
    DIM_ENCODER_CONV28 = 1,    /**< 28 x 28: two 5x5 stride-2 convs 64, 128 [local, conv]; 1024 [fc]; [global] */
    DIM_ENCODER_CONV64 = 2,    /**< 64 x 64: conv32 with a fourth conv 512 [conv]; [local] is the third */
    DIM_ENCODER_ALEX64 = 3,    /**< 64 x 64: AlexNet-like; [local], [conv], [fc], [global] (DIM, appendix) */
    DIM_ENCODER_INFOMAX32 = 4, /**< 32 x 32: Infomax-KL; [map] (also [local]), [top], [mean] (also
                                    [global]), [logvar] */
    DIM_ENCODER_INFOMAX64 = 5, /**< 64 x 64: one stage more */
    DIM_ENCODER_MLP = 6,       /**< vectors: `hidden` ReLU layers, linear; [fc] the last hidden layer, [global] */
    /** 32 x 32: AMDIM's residual network; [f7], [f5] maps, [f1] (also [global]); [phi7] (also [local]), [phi5] in the
     *  space of f1, their means over locations [phi7_mean], [phi5_mean] */
    DIM_ENCODER_AMDIM32 = 7,
    DIM_ENCODER_AMDIM64 = 8,   /**< 64 x 64: the same, one stage of stride 2 more */
    DIM_ENCODER_AMDIM128 = 9,  /**< 128 x 128: the same behind a 5x5 stride-2 stem with reflected borders */
    /** 64 x 64: alex64's convolutions on 7 x 7 crops of 16 x 16, folded to 192 x 7 x 7 [local] (also [conv]); a conv 384, 4096
     *  [fc], [global] (DIM's comparison with CPC) */
    DIM_ENCODER_FOLDALEX64 = 10,
    /** 64 x 64: the same without linear layers: 5 x 5 globals of `units` [global], a map; [local], [conv] as there */
    DIM_ENCODER_FOLDMULTIALEX64 = 11,
    /** 32 x 32: six residual blocks; [local] 512 x 8 x 8, [conv] 1024 x 4 x 4, 1024 [fc], [global] */
    DIM_ENCODER_RESNET19 = 12,
    DIM_ENCODER_RESNET34 = 13,  /**< 32 x 32: the same with twelve blocks */
    /** 32 x 32: resnet19 on 7 x 7 crops of 8 x 8, folded to 1024 x 7 x 7 [local] (also [conv]); 1024 [fc], [global] */
    DIM_ENCODER_FOLDRESNET19 = 14,
    DIM_ENCODER_FOLDRESNET34 = 15, /**< 32 x 32: the same with eleven blocks (DIM's comparison with CPC) */
    DIM_ENCODER_KIND_FORCE_INT = 0x7fffffff
} dim_encoder_kind;

/** Initial weights. */
typedef enum dim_init {
    DIM_INIT_KAIMING = 0, /**< U(-b, b), b = 1/sqrt(fan in): PyTorch's default for conv and linear, biases too */
    DIM_INIT_DCGAN = 1,   /**< weights N(0, 0.02), biases 0 */
    DIM_INIT_FORCE_INT = 0x7fffffff
} dim_init;

/** Most channels that can have a mean and std of their own. */
#define DIM_MAX_CHANNELS 16
/** Most hidden layers of an MLP by options. */
#define DIM_MAX_HIDDEN 8

/** Append only.  Zero in any field means the library's default. */
typedef struct dim_encoder_options {
    size_t size;                    /**< set by DIM_OPTIONS_INIT */
    dim_encoder_kind kind;          /**< CONV32 */
    dim_init init;                  /**< KAIMING */
    /** Of the images; 0 = 3, for conv28 1.  MLP: features of the vectors, required; at most 2^24 */
    uint32_t channels;
    /** Width of [global], at most 2^24; 0 = 64, foldmultialex64 192, infomax 256, amdim 512 (its "rkhs": 4 ndf at least, 8 ndf for 64 x 64
     *  and more) */
    uint32_t units;
    uint32_t hidden[DIM_MAX_HIDDEN];/**< MLP: widths of the hidden layers; 0 ends the list; all 0 = one of 1024 */
    float mean[DIM_MAX_CHANNELS];   /**< with std: normalisation in units of [0, 1] pixels */
    float std[DIM_MAX_CHANNELS];    /**< all 0 = none; else > 0 for every channel */
    uint64_t seed;                  /**< of the initial weights; 0 = the context's */
    uint32_t ndf;                   /**< amdim: width of the first layer; 0 = 64; at most 2^20 */
    uint32_t depth;                 /**< amdim: residual blocks a stage; 0 = 3; at most 64 */
    uint32_t block_norm;            /**< amdim: 1 = batch norm inside the blocks and phi5, phi7 */
    uint32_t reserved0;             /**< must be 0; keeps the struct unpadded */
} dim_encoder_options;

/**
 * @brief Creates one of the networks of the papers (DIM, arXiv 1808.06670, appendix; Infomax-KL,
 *        kexue.fm/archives/6024).
 * @param ctx     context of the encoder
 * @param options NULL = conv32 for 3 x 32 x 32 images with 64 units; copied
 * @param out     set only on DIM_OK; release with dim_encoder_destroy()
 * @return DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_encoder_create(dim_context *ctx, const dim_encoder_options *options, dim_encoder **out);

/** A layer of a custom encoder. */
typedef enum dim_layer_kind {
    DIM_LAYER_CONV = 0,        /**< 2-D convolution: out, kernel, stride, padding, dilation, no_bias; on a signal 1-D */
    DIM_LAYER_LINEAR = 1,      /**< out, no_bias; a map is flattened in (C, H, W) order first */
    DIM_LAYER_BATCH_NORM = 2,  /**< per channel; epsilon 1e-5, momentum 0.1 */
    DIM_LAYER_LAYER_NORM = 3,  /**< over the channels of each position; epsilon 1e-5 */
    DIM_LAYER_RELU = 4,        /**< max(x, 0) */
    DIM_LAYER_LEAKY_RELU = 5,  /**< slope; 0 = 0.2 */
    DIM_LAYER_SIGMOID = 6,     /**< 1 / (1 + e^-x) */
    DIM_LAYER_TANH = 7,        /**< tanh x */
    DIM_LAYER_SOFTPLUS = 8,    /**< log(1 + e^x) */
    DIM_LAYER_MAX_POOL = 9,    /**< kernel, stride (0 = kernel), padding */
    DIM_LAYER_AVG_POOL = 10,   /**< kernel, stride (0 = kernel) */
    DIM_LAYER_GLOBAL_MAX = 11, /**< maximum over all positions: (C, H, W) or (C, L) -> C */
    DIM_LAYER_GLOBAL_AVG = 12, /**< mean over all positions */
    DIM_LAYER_FLATTEN = 13,    /**< (C, H, W) -> C H W, in PyTorch's order */
    DIM_LAYER_DROPOUT = 14,    /**< rate: probability of zeroing in training; survivors are scaled */
    DIM_LAYER_ADD = 15,        /**< adds the tap named `from` (same shape): a residual sum */
    /** Appends the channels of the tap named `from`, which is as high and wide; of a vector and a map, in either order, the
     *  vector stands at every position */
    DIM_LAYER_CONCAT = 16,
    DIM_LAYER_SLICE = 17,      /**< channels start .. start + out - 1 */
    DIM_LAYER_FROM = 18,       /**< goes on from the tap named `from`: starts a branch */
    DIM_LAYER_GAUSSIAN = 19,   /**< mean + e^(logvar / 2) noise, `from` names logvar; just the mean when encoding */
    DIM_LAYER_PAD_CHANNELS = 20, /**< zeros as further channels, until there are `out` */
    /** Transposed convolution: out, kernel, stride, padding, dilation, output_padding, no_bias; PyTorch's ConvTranspose2d, on
     *  a signal ConvTranspose1d: a side of (H - 1) stride - 2 padding + dilation (kernel - 1) + 1 + output_padding comes out,
     *  weights are (in, out, kernel, kernel) */
    DIM_LAYER_CONV_TRANSPOSE = 21,
    /** A vector of out x height x width -> (out, height, width), in PyTorch's order; height 0: of out x width -> a signal */
    DIM_LAYER_UNFLATTEN = 22,
    DIM_LAYER_UPSAMPLE = 23,   /**< each pixel `stride` x `stride` times; 0 = 2: nearest neighbour */
    /** Convolution of each channel by itself: kernel, stride, padding, dilation, no_bias; as many channels come out as come
     *  in.  PyTorch's Conv2d with as many groups; weights are (C, 1, kernel, kernel) */
    DIM_LAYER_DEPTHWISE = 24,
    /** Cuts a map into crops as a window moves over it: kernel, stride (0 = kernel).  The layers that follow see each crop as a
     *  sample of its own, batch norm has its statistics over all crops, and FOLD puts them together.  Until then only names that
     *  begin with "_" can be taps, which are for layers to refer to each other by.  PyTorch's Unfold, reshaped */
    DIM_LAYER_CROPS = 25,
    /** What became of the crops, each a vector or a map of one pixel, as the pixels of one map: as high and wide as there were
     *  crops.  FLATTEN makes a vector of a larger map */
    DIM_LAYER_FOLD = 26,
    /** Hides a block of kernel x kernel_w of each sample's map, at a random place, in training: zeros in all channels.  Encoding
     *  sees all of it */
    DIM_LAYER_OCCLUDE = 27,
    DIM_LAYER_KIND_FORCE_INT = 0x7fffffff
} dim_layer_kind;

/** Initial weights of one conv or linear layer. */
typedef enum dim_layer_init {
    DIM_LAYER_INIT_DEFAULT = 0,  /**< as the encoder's */
    DIM_LAYER_INIT_ZERO = 1,     /**< zeros: a residual branch that starts silent */
    DIM_LAYER_INIT_IDENTITY = 2, /**< linear and 1x1 conv: 1 on the diagonal, U(-0.01, 0.01) elsewhere */
    DIM_LAYER_INIT_NORMAL = 3,   /**< N(0, 0.02) */
    DIM_LAYER_INIT_FORCE_INT = 0x7fffffff
} dim_layer_init;

/** What a convolution sees beyond the border. */
typedef enum dim_padding_mode {
    DIM_PADDING_ZERO = 0,    /**< zeros */
    DIM_PADDING_REFLECT = 1, /**< mirrored without repeating the border; padding < size.  Not for transposed ones */
    DIM_PADDING_MODE_FORCE_INT = 0x7fffffff
} dim_padding_mode;

/**
 * Append only.  Zero in any field means the library's default.
 *
 * A layer reads those options that dim_layer_kind names for its kind, and `name` and `tap`.  The others change nothing; they are
 * not refused.
 *
 * Of a window on a signal, kernel, stride, padding and dilation are along the signal, as PyTorch's Conv1d has them; what ends
 * in _h does not exist there, and what ends in _w is not needed.
 */
typedef struct dim_layer_options {
    size_t size;                 /**< set by DIM_OPTIONS_INIT */
    dim_layer_kind kind;         /**< CONV */
    uint32_t out;                /**< channels or units that come out; at most 2^24 */
    uint32_t kernel;             /**< side, at most 4096, as stride, dilation and padding are; see kernel_w */
    /** Width when it differs from kernel; 0 = kernel.  A signal has one axis: there it cannot differ, nor can stride_w and
     *  dilation_w from theirs */
    uint32_t kernel_w;
    uint32_t stride;             /**< conv, transposed conv: 0 = 1; see stride_w */
    uint32_t padding;            /**< on all four sides; padding_h and padding_w come in addition */
    dim_padding_mode padding_mode; /**< ZERO */
    uint32_t no_bias;            /**< 1 = conv or linear without bias */
    float slope;                 /**< LEAKY_RELU */
    float rate;                  /**< DROPOUT, in [0, 1) */
    uint32_t start;              /**< SLICE */
    dim_layer_init init;         /**< CONV, LINEAR: weights; a bias then starts at 0 */
    /** ADD, CONCAT, FROM, GAUSSIAN: name of a tap or an input.  Names have 1 to 31 letters, digits, '_', '-' and '.'; copied */
    const char *from;
    const char *name;            /**< of the parameters in saved weights; NULL = kind and number, "conv1"; copied */
    const char *tap;             /**< names the output of this layer; NULL = unnamed; copied */
    uint32_t output_padding;     /**< CONV_TRANSPOSE: rows and columns more, less than stride */
    uint32_t height;             /**< UNFLATTEN, at most 65536; 0 = the vector becomes a signal */
    uint32_t width;              /**< UNFLATTEN, at most 65536; 0 = what out and height leave of the vector */
    uint32_t stride_w;           /**< along the width when it differs from stride; 0 = stride; pooling: 0 and 0 = the kernel */
    uint32_t padding_h;          /**< above and below, besides padding: kernel 3 x 1 has padding 0, padding_h 1 */
    uint32_t padding_w;          /**< left and right, besides padding */
    uint32_t dilation;           /**< pixels from one element of the kernel to the next; convolutions only; 0 = 1 */
    uint32_t dilation_w;         /**< along the width when it differs from dilation; 0 = dilation */
    uint32_t output_padding_h;   /**< CONV_TRANSPOSE: rows more, besides output_padding */
    uint32_t output_padding_w;   /**< CONV_TRANSPOSE: columns more, besides output_padding */
} dim_layer_options;

/**
 * @brief Starts a custom encoder, of images (C, H, W), signals (C, L) or vectors.
 *
 * The input has the tap name "input", which only a layer's `from` can name; dim_encoder_builder_add_input() adds more of
 * them.  Layers are checked as they are added, so an error names the layer.
 *
 * A signal has one axis, and so have the windows of layers on it: weights of a convolution are (out, in, kernel), as in
 * PyTorch's Conv1d.  An image of height 1 is not a signal: a kernel of 3 on it is 3 x 3.
 * @param ctx      context of the encoder
 * @param channels channels of the images or signals, or features of the vectors; at most 2^24
 * @param height   of images, at most 65536; 0 for signals and vectors
 * @param width    of images, or length of signals, at most 65536; 0 for vectors
 * @param out      set only on DIM_OK; release with dim_encoder_builder_destroy()
 * @return DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_encoder_builder_create(dim_context *ctx, uint32_t channels, uint32_t height, uint32_t width,
                                              dim_encoder_builder **out);

/** Most inputs of an encoder. */
#define DIM_MAX_INPUTS 8

/**
 * @brief Adds an input besides the one that the builder began with, before or between the layers.
 *
 * Layers added after it read it by its name in `from`, as a tap: DIM_LAYER_CONCAT joins it to what came before,
 * DIM_LAYER_FROM starts a branch.  dim_encoder_encode_inputs() encodes with several inputs; a dim_model takes encoders of
 * one input only.
 * @param b        the builder
 * @param name     as taps are named, and neither "global" nor the name of another tap or input; copied
 * @param channels as in dim_encoder_builder_create()
 * @param height   as there
 * @param width    as there
 * @return DIM_E_INVALID, also for more than DIM_MAX_INPUTS inputs; the builder stays as it was.
 */
DIM_API dim_status dim_encoder_builder_add_input(dim_encoder_builder *b, const char *name, uint32_t channels,
                                                 uint32_t height, uint32_t width);

/**
 * @brief Adds a layer, which reads the layer before it; an encoder has at most 4096.
 * @param b     the builder
 * @param layer the layer; its texts are copied
 * @return DIM_E_SHAPE (the layer does not fit its input), DIM_E_INVALID (a bad option, an unknown or repeated name),
 *         DIM_E_NOMEM; the builder stays as it was.
 */
DIM_API dim_status dim_encoder_builder_add(dim_encoder_builder *b, const dim_layer_options *layer);

/**
 * @brief Makes the encoder; the builder can be used again or destroyed.
 *
 * Taps "local" and "global" are what a model uses unless told otherwise; without a tap named "global" the last layer's
 * output gets that name.
 * @param b       the builder
 * @param options init, mean, std and seed count; NULL = defaults.  mean and std are for the first input only.
 * @param out     set only on DIM_OK; release with dim_encoder_destroy()
 * @return DIM_E_STATE (no layers), DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_encoder_builder_finish(dim_encoder_builder *b, const dim_encoder_options *options,
                                              dim_encoder **out);

/** @brief Releases a builder; NULL is ignored. */
DIM_API void dim_encoder_builder_destroy(dim_encoder_builder *b);

/** @brief Number of named taps, without "input" and those whose name starts with "_". */
DIM_API int dim_encoder_tap_count(const dim_encoder *enc);
/** @brief Name of a tap, in the order of the layers; NULL out of range.  Owned by the encoder. */
DIM_API const char *dim_encoder_tap_name(const dim_encoder *enc, int index);
/**
 * @brief Shape of a tap for one sample.
 * @param enc   the encoder
 * @param tap   its name; NULL = "global"
 * @param shape set to (C, H, W) for a map, (C, 1, L) for a signal, (d, 1, 1) for a vector
 * @return DIM_E_INVALID for an unknown tap; the text lists the taps that the encoder has.
 */
DIM_API dim_status dim_encoder_tap_shape(const dim_encoder *enc, const char *tap, int64_t shape[3]);

/**
 * @brief Encodes a batch of any size, with frozen statistics and without dropout or noise.
 *
 * Works in pieces of 256 samples or, where their activations would take more than 128 MiB, of 128, 64, 32 ...: of foldalex64 in
 * f32 of 16.  The encoder keeps the memory of a piece for the next call: one block for each of the last six combinations
 * of piece size and tap.  So calls of many sizes with large images hold six such blocks; in bf16 each block has a rounded
 * copy of the weights, too.
 *
 * f32 vectors, and f32 images whose channels lie last (strides H W C, 1, W C, C), are read where they are, without a
 * copy, unless the encoder has mean and std; other images are converted, once.  Images are not checked for NaN and
 * infinity: one of them in an image reaches the features of this image only.
 * @param enc      the encoder
 * @param images   (N, C, H, W), (N, C, L) or (N, features), u8 or f32, any strides; (N, C, L) and (N, C, 1, L) are the
 *                 same, here as in features
 * @param tap      name of the tap; NULL = "global"
 * @param features f32: (N, C, H, W) or (N, C H W) for a map, (N, C, L) or (N, C L) for a signal, (N, d) for a vector; may be
 *                 strided.  It must not share memory with images, and no two of its elements may share memory.
 * @return DIM_E_SHAPE, DIM_E_INVALID (unknown tap, dtype, shared memory, an encoder of several inputs), DIM_E_NOMEM.
 */
DIM_API dim_status dim_encoder_encode(dim_encoder *enc, const dim_tensor *images, const char *tap,
                                      dim_tensor *features);

/**
 * @brief The same with all inputs of the encoder, which have one number of samples.
 * @param enc      the encoder
 * @param count    number of inputs that are given: all, whether the tap depends on them or not
 * @param inputs   in the order of dim_encoder_builder_add_input(), behind "input"; each as images above, u8 pixels of those
 *                 behind the first as x / 127.5 - 1
 * @param tap      name of the tap; NULL = "global"
 * @param features as above; it must not share memory with any input
 * @return as above.
 */
DIM_API dim_status dim_encoder_encode_inputs(dim_encoder *enc, int count, const dim_tensor *const *inputs,
                                             const char *tap, dim_tensor *features);

/** @brief Number of parameter tensors, running statistics included. */
DIM_API int dim_encoder_parameter_count(const dim_encoder *enc);
/** @brief Name of a parameter as in saved weights, such as "conv1.weight"; NULL out of range. */
DIM_API const char *dim_encoder_parameter_name(const dim_encoder *enc, int index);
/**
 * @brief Copy of a parameter, as f32 in PyTorch's layout (conv O, I, H, W, of signals O, I, L; linear out, in).
 * @param enc  the encoder
 * @param name as dim_encoder_parameter_name() gives it
 * @param out  set only on DIM_OK; the caller owns it
 * @return DIM_E_INVALID (no such parameter), DIM_E_NOMEM.
 */
DIM_API dim_status dim_encoder_get_parameter(const dim_encoder *enc, const char *name, dim_tensor **out);
/**
 * @brief Replaces a parameter's values.
 * @param enc    the encoder
 * @param name   as dim_encoder_parameter_name() gives it
 * @param values shape as dim_encoder_get_parameter() gives it; any dtype and strides; copied
 * @return DIM_E_INVALID (no such parameter), DIM_E_SHAPE, DIM_E_NUMERIC (a finite f64 that a float cannot hold), DIM_E_NOMEM.
 */
DIM_API dim_status dim_encoder_set_parameter(dim_encoder *enc, const char *name, const dim_tensor *values);

/**
 * @brief Writes all parameters as safetensors, atomically: the old file or the whole new one, never a part.  A symbolic
 *        link is replaced by the file.
 *
 * The file can be read anywhere that safetensors are; names are those of dim_encoder_parameter_name().  Checksums in its
 * metadata, "dim.checksum" and "dim.state.header", tell when the file is damaged or is changed while it is read.  A program
 * that rewrites it may copy them: where the header is another one, they are not looked at.
 * @return DIM_E_IO, DIM_E_NOMEM.
 */
DIM_API dim_status dim_encoder_save(const dim_encoder *enc, const char *path);
/**
 * @brief Reads parameters from safetensors (f32, f64, f16 or bf16) by name; a model's file serves too.
 *
 * The file must have every parameter in its shape; other tensors in the file are ignored.  Every number of a parameter must be
 * finite as a float; dim_encoder_set_parameter() puts others where they are wanted.  Nothing changes on failure.
 * @return DIM_E_IO, DIM_E_FORMAT (the file is damaged, or a parameter is missing; where all are there behind a prefix such as
 *         "module.", the text has it), DIM_E_SHAPE, DIM_E_NUMERIC (the text has tensor and element), DIM_E_NOMEM.
 */
DIM_API dim_status dim_encoder_load(dim_encoder *enc, const char *path);

/**
 * @brief Makes the encoder whose weights are in a file, inputs, layers, taps and pixel mean and std included.
 *
 * Files of dim_encoder_save() and dim_model_save() say which layers they are of, in their metadata under "dim.network"; files of
 * older versions and of other programs do not, and need dim_encoder_create() and dim_encoder_load().
 * @param ctx  context of the encoder
 * @param path the file
 * @param out  set only on DIM_OK; release with dim_encoder_destroy()
 * @return DIM_E_IO, DIM_E_FORMAT (the file is damaged, says nothing of layers, or says what this version does not know),
 *         DIM_E_SHAPE, DIM_E_NUMERIC (a weight is not finite as a float), DIM_E_NOMEM.
 */
DIM_API dim_status dim_encoder_open(dim_context *ctx, const char *path, dim_encoder **out);

/** @brief Releases an encoder; models made from it keep it alive.  NULL is ignored. */
DIM_API void dim_encoder_destroy(dim_encoder *enc);

DIM_END_DECLS

#endif
