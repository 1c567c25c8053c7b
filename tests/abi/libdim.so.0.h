/* What programs that are linked with libdim.so.0 rely on; written by tests/checks/abi_update.sh. */
#include <stddef.h>
#include <stdint.h>
#define DIM_ALL_LOCATIONS UINT32_C(0xffffffff)
#define DIM_MAX_CHANNELS 16
#define DIM_MAX_HIDDEN 8
#define DIM_MAX_INPUTS 8
#define DIM_MAX_MILESTONES 8
#define DIM_MAX_RANK 8
#define DIM_OPTIONS_INIT(p)
#define DIM_STATUS_MAP(X)
typedef enum dim_status {
    DIM_OK = 0,
    DIM_E_INVALID = -1,
    DIM_E_NOMEM = -2,
    DIM_E_SHAPE = -3,
    DIM_E_UNSUPPORTED = -4,
    DIM_E_NUMERIC = -5,
    DIM_E_IO = -6,
    DIM_E_FORMAT = -7,
    DIM_E_STATE = -8,
    DIM_E_CALLBACK = -9,
    DIM_E_SYSTEM = -10,
    DIM_STATUS_FORCE_INT = 0x7fffffff,
} dim_status;
const char *dim_status_name(dim_status);
const char *dim_status_message(dim_status);
typedef struct dim_context dim_context;
typedef enum dim_log_level {
    DIM_LOG_INFO = 0,
    DIM_LOG_WARNING = 1,
    DIM_LOG_LEVEL_FORCE_INT = 0x7fffffff,
} dim_log_level;
typedef enum dim_gemm {
    DIM_GEMM_AUTO = 0,
    DIM_GEMM_BLAS = 1,
    DIM_GEMM_ONEDNN = 2,
    DIM_GEMM_REFERENCE = 3,
    DIM_GEMM_FORCE_INT = 0x7fffffff,
} dim_gemm;
typedef enum dim_cpu_level {
    DIM_CPU_AUTO = 0,
    DIM_CPU_BASELINE = 1,
    DIM_CPU_AVX2 = 2,
    DIM_CPU_AVX512 = 3,
    DIM_CPU_REFERENCE = 4,
    DIM_CPU_LEVEL_FORCE_INT = 0x7fffffff,
} dim_cpu_level;
typedef enum dim_executor {
    DIM_EXECUTOR_PLANNED = 0,
    DIM_EXECUTOR_REFERENCE = 1,
    DIM_EXECUTOR_FORCE_INT = 0x7fffffff,
} dim_executor;
typedef enum dim_precision {
    DIM_PRECISION_F32 = 0,
    DIM_PRECISION_BF16 = 1,
    DIM_PRECISION_FORCE_INT = 0x7fffffff,
} dim_precision;
typedef enum dim_pass {
    DIM_PASS_FUSE = 1,
    DIM_PASS_DEAD = 2,
    DIM_PASS_INPLACE = 4,
    DIM_PASS_STREAM = 8,
    DIM_PASS_RECOMPUTE = 16,
    DIM_PASS_ORDER = 32,
    DIM_PASS_ACCUMULATE = 64,
    DIM_PASS_FORCE_INT = 0x7fffffff,
} dim_pass;
typedef void *(*dim_alloc_fn)(void *, size_t, size_t);
typedef void (*dim_free_fn)(void *, void *, size_t);
typedef void (*dim_log_fn)(void *, dim_log_level, const char *);
typedef struct dim_context_options {
    size_t size;
    uint64_t seed;
    uint32_t threads;
    uint32_t blas_threads;
    dim_gemm gemm;
    dim_cpu_level cpu;
    dim_executor executor;
    uint32_t reserved0;
    dim_alloc_fn alloc;
    dim_free_fn free;
    void *alloc_user;
    dim_log_fn log;
    void *log_user;
    uint32_t disabled_passes;
    dim_precision precision;
} dim_context_options;
dim_status dim_context_create(const dim_context_options *, dim_context **);
void dim_context_destroy(dim_context *);
const char *dim_context_error(const dim_context *);
const char *dim_context_describe(const dim_context *);
size_t dim_context_memory(const dim_context *);
uint64_t dim_context_allocations(const dim_context *);
const char *dim_precision_name(dim_precision);
const char *dim_version(void);
typedef struct dim_tensor dim_tensor;
typedef enum dim_dtype {
    DIM_F32 = 0,
    DIM_U8 = 1,
    DIM_I32 = 2,
    DIM_I64 = 3,
    DIM_F64 = 4,
    DIM_DTYPE_FORCE_INT = 0x7fffffff,
} dim_dtype;
size_t dim_dtype_size(dim_dtype);
typedef void (*dim_release_fn)(void *, void *);
dim_status dim_tensor_create(dim_context *, dim_dtype, int, const int64_t *, dim_tensor **);
dim_status dim_tensor_wrap(dim_context *, dim_dtype, int, const int64_t *, const int64_t *, void *, dim_release_fn, void *, dim_tensor **);
dim_status dim_tensor_permute(dim_tensor *, const int *, dim_tensor **);
dim_status dim_tensor_slice(dim_tensor *, int, int64_t, int64_t, int64_t, dim_tensor **);
dim_status dim_tensor_reshape(dim_tensor *, int, const int64_t *, dim_tensor **);
dim_status dim_tensor_copy(dim_tensor *, const dim_tensor *);
dim_dtype dim_tensor_dtype(const dim_tensor *);
int dim_tensor_rank(const dim_tensor *);
int64_t dim_tensor_size(const dim_tensor *, int);
int64_t dim_tensor_stride(const dim_tensor *, int);
int64_t dim_tensor_count(const dim_tensor *);
int dim_tensor_is_contiguous(const dim_tensor *);
void *dim_tensor_data(dim_tensor *);
const void *dim_tensor_const_data(const dim_tensor *);
dim_status dim_tensor_load_npy(dim_context *, const char *, dim_tensor **);
dim_status dim_tensor_save_npy(const dim_tensor *, const char *);
void dim_tensor_destroy(dim_tensor *);
typedef struct dim_augment dim_augment;
typedef enum dim_augment_preset {
    DIM_AUGMENT_EMPTY = 0,
    DIM_AUGMENT_AMDIM32 = 1,
    DIM_AUGMENT_AMDIM64 = 2,
    DIM_AUGMENT_AMDIM128 = 3,
    DIM_AUGMENT_AMDIM32_TEST = 4,
    DIM_AUGMENT_AMDIM64_TEST = 5,
    DIM_AUGMENT_AMDIM128_TEST = 6,
    DIM_AUGMENT_PRESET_FORCE_INT = 0x7fffffff,
} dim_augment_preset;
typedef enum dim_augment_op {
    DIM_AUGMENT_OP_FLIP = 0,
    DIM_AUGMENT_OP_TRANSLATE = 1,
    DIM_AUGMENT_OP_RESIZED_CROP = 2,
    DIM_AUGMENT_OP_COLOR_JITTER = 3,
    DIM_AUGMENT_OP_GRAYSCALE = 4,
    DIM_AUGMENT_OP_RESIZE = 5,
    DIM_AUGMENT_OP_CENTER_CROP = 6,
    DIM_AUGMENT_OP_NORMALIZE = 7,
    DIM_AUGMENT_OP_FORCE_INT = 0x7fffffff,
} dim_augment_op;
typedef enum dim_augment_sharing {
    DIM_AUGMENT_SHARING_DEFAULT = 0,
    DIM_AUGMENT_SHARING_IMAGE = 1,
    DIM_AUGMENT_SHARING_VIEW = 2,
    DIM_AUGMENT_SHARING_FORCE_INT = 0x7fffffff,
} dim_augment_sharing;
typedef struct dim_augment_op_options {
    size_t size;
    dim_augment_op op;
    dim_augment_sharing sharing;
    float p;
    uint32_t shift;
    uint32_t height;
    uint32_t width;
    float area_min;
    float area_max;
    float aspect_min;
    float aspect_max;
    float brightness;
    float contrast;
    float saturation;
    float hue;
    float mean[3];
    float std[3];
} dim_augment_op_options;
typedef struct dim_augment_options {
    size_t size;
    dim_augment_preset preset;
    uint32_t reserved0;
} dim_augment_options;
dim_status dim_augment_create(dim_context *, const dim_augment_options *, dim_augment **);
dim_status dim_augment_add(dim_augment *, const dim_augment_op_options *);
dim_status dim_augment_shape(const dim_augment *, const int64_t[3], int64_t[3]);
typedef struct dim_augment_apply_options {
    size_t size;
    uint64_t seed;
    uint64_t epoch;
    const int64_t *index;
    uint32_t views;
    uint32_t reserved0;
} dim_augment_apply_options;
dim_status dim_augment_apply(const dim_augment *, const dim_tensor *, const dim_augment_apply_options *, dim_tensor *);
void dim_augment_destroy(dim_augment *);
typedef struct dim_dataset dim_dataset;
typedef struct dim_loader dim_loader;
typedef enum dim_split {
    DIM_SPLIT_TRAIN = 0,
    DIM_SPLIT_TEST = 1,
    DIM_SPLIT_UNLABELED = 2,
    DIM_SPLIT_TRAIN_UNLABELED = 3,
    DIM_SPLIT_FORCE_INT = 0x7fffffff,
} dim_split;
typedef enum dim_labels {
    DIM_LABELS_FINE = 0,
    DIM_LABELS_COARSE = 1,
    DIM_LABELS_NONE = 2,
    DIM_LABELS_FORCE_INT = 0x7fffffff,
} dim_labels;
typedef enum dim_on_error {
    DIM_ON_ERROR_FAIL = 0,
    DIM_ON_ERROR_SKIP = 1,
    DIM_ON_ERROR_FORCE_INT = 0x7fffffff,
} dim_on_error;
typedef struct dim_dataset_options {
    size_t size;
    dim_labels labels;
    dim_on_error on_error;
    uint32_t image_size;
    uint32_t keep_orientation;
    uint64_t image_memory;
    const char *label_column;
} dim_dataset_options;
dim_status dim_dataset_open(dim_context *, const char *, dim_split, dim_dataset **);
dim_status dim_dataset_open_with(dim_context *, const char *, dim_split, const dim_dataset_options *, dim_dataset **);
dim_status dim_dataset_from_tensors(dim_context *, dim_tensor *, dim_tensor *, dim_dataset **);
typedef int (*dim_sample_fn)(void *, int64_t, void *, int64_t *);
dim_status dim_dataset_from_callback(dim_context *, int64_t, dim_dtype, int, const int64_t *, int64_t, dim_sample_fn, void *, dim_dataset **);
int64_t dim_dataset_count(const dim_dataset *);
int64_t dim_dataset_classes(const dim_dataset *);
const char *dim_dataset_class_name(const dim_dataset *, int64_t);
int64_t dim_dataset_skipped(const dim_dataset *);
int64_t dim_dataset_left_out(const dim_dataset *);
dim_dtype dim_dataset_dtype(const dim_dataset *);
int dim_dataset_shape(const dim_dataset *, int64_t[3]);
dim_status dim_dataset_read(dim_dataset *, int64_t, int64_t, dim_tensor *, dim_tensor *);
void dim_dataset_destroy(dim_dataset *);
typedef struct dim_loader_options {
    size_t size;
    uint64_t seed;
    uint32_t batch;
    uint32_t in_order;
    uint32_t keep_last;
    uint32_t prefetch;
    uint32_t no_thread;
    uint32_t reserved0;
    const dim_augment *augment;
    uint32_t views;
    uint32_t workers;
    uint32_t rank;
    uint32_t ranks;
} dim_loader_options;
dim_status dim_loader_create(dim_dataset *, const dim_loader_options *, dim_loader **);
dim_status dim_loader_next(dim_loader *, dim_tensor **, dim_tensor **);
uint64_t dim_loader_epoch(const dim_loader *);
uint64_t dim_loader_batches(const dim_loader *);
void dim_loader_destroy(dim_loader *);
typedef struct dim_encoder dim_encoder;
typedef struct dim_encoder_builder dim_encoder_builder;
typedef enum dim_encoder_kind {
    DIM_ENCODER_CONV32 = 0,
    DIM_ENCODER_CONV28 = 1,
    DIM_ENCODER_CONV64 = 2,
    DIM_ENCODER_ALEX64 = 3,
    DIM_ENCODER_INFOMAX32 = 4,
    DIM_ENCODER_INFOMAX64 = 5,
    DIM_ENCODER_MLP = 6,
    DIM_ENCODER_AMDIM32 = 7,
    DIM_ENCODER_AMDIM64 = 8,
    DIM_ENCODER_AMDIM128 = 9,
    DIM_ENCODER_FOLDALEX64 = 10,
    DIM_ENCODER_FOLDMULTIALEX64 = 11,
    DIM_ENCODER_RESNET19 = 12,
    DIM_ENCODER_RESNET34 = 13,
    DIM_ENCODER_FOLDRESNET19 = 14,
    DIM_ENCODER_FOLDRESNET34 = 15,
    DIM_ENCODER_KIND_FORCE_INT = 0x7fffffff,
} dim_encoder_kind;
typedef enum dim_init {
    DIM_INIT_KAIMING = 0,
    DIM_INIT_DCGAN = 1,
    DIM_INIT_FORCE_INT = 0x7fffffff,
} dim_init;
typedef struct dim_encoder_options {
    size_t size;
    dim_encoder_kind kind;
    dim_init init;
    uint32_t channels;
    uint32_t units;
    uint32_t hidden[8];
    float mean[16];
    float std[16];
    uint64_t seed;
    uint32_t ndf;
    uint32_t depth;
    uint32_t block_norm;
    uint32_t reserved0;
} dim_encoder_options;
dim_status dim_encoder_create(dim_context *, const dim_encoder_options *, dim_encoder **);
typedef enum dim_layer_kind {
    DIM_LAYER_CONV = 0,
    DIM_LAYER_LINEAR = 1,
    DIM_LAYER_BATCH_NORM = 2,
    DIM_LAYER_LAYER_NORM = 3,
    DIM_LAYER_RELU = 4,
    DIM_LAYER_LEAKY_RELU = 5,
    DIM_LAYER_SIGMOID = 6,
    DIM_LAYER_TANH = 7,
    DIM_LAYER_SOFTPLUS = 8,
    DIM_LAYER_MAX_POOL = 9,
    DIM_LAYER_AVG_POOL = 10,
    DIM_LAYER_GLOBAL_MAX = 11,
    DIM_LAYER_GLOBAL_AVG = 12,
    DIM_LAYER_FLATTEN = 13,
    DIM_LAYER_DROPOUT = 14,
    DIM_LAYER_ADD = 15,
    DIM_LAYER_CONCAT = 16,
    DIM_LAYER_SLICE = 17,
    DIM_LAYER_FROM = 18,
    DIM_LAYER_GAUSSIAN = 19,
    DIM_LAYER_PAD_CHANNELS = 20,
    DIM_LAYER_CONV_TRANSPOSE = 21,
    DIM_LAYER_UNFLATTEN = 22,
    DIM_LAYER_UPSAMPLE = 23,
    DIM_LAYER_DEPTHWISE = 24,
    DIM_LAYER_CROPS = 25,
    DIM_LAYER_FOLD = 26,
    DIM_LAYER_OCCLUDE = 27,
    DIM_LAYER_KIND_FORCE_INT = 0x7fffffff,
} dim_layer_kind;
typedef enum dim_layer_init {
    DIM_LAYER_INIT_DEFAULT = 0,
    DIM_LAYER_INIT_ZERO = 1,
    DIM_LAYER_INIT_IDENTITY = 2,
    DIM_LAYER_INIT_NORMAL = 3,
    DIM_LAYER_INIT_FORCE_INT = 0x7fffffff,
} dim_layer_init;
typedef enum dim_padding_mode {
    DIM_PADDING_ZERO = 0,
    DIM_PADDING_REFLECT = 1,
    DIM_PADDING_MODE_FORCE_INT = 0x7fffffff,
} dim_padding_mode;
typedef struct dim_layer_options {
    size_t size;
    dim_layer_kind kind;
    uint32_t out;
    uint32_t kernel;
    uint32_t kernel_w;
    uint32_t stride;
    uint32_t padding;
    dim_padding_mode padding_mode;
    uint32_t no_bias;
    float slope;
    float rate;
    uint32_t start;
    dim_layer_init init;
    const char *from;
    const char *name;
    const char *tap;
    uint32_t output_padding;
    uint32_t height;
    uint32_t width;
    uint32_t stride_w;
    uint32_t padding_h;
    uint32_t padding_w;
    uint32_t dilation;
    uint32_t dilation_w;
    uint32_t output_padding_h;
    uint32_t output_padding_w;
} dim_layer_options;
dim_status dim_encoder_builder_create(dim_context *, uint32_t, uint32_t, uint32_t, dim_encoder_builder **);
dim_status dim_encoder_builder_add_input(dim_encoder_builder *, const char *, uint32_t, uint32_t, uint32_t);
dim_status dim_encoder_builder_add(dim_encoder_builder *, const dim_layer_options *);
dim_status dim_encoder_builder_finish(dim_encoder_builder *, const dim_encoder_options *, dim_encoder **);
void dim_encoder_builder_destroy(dim_encoder_builder *);
int dim_encoder_tap_count(const dim_encoder *);
const char *dim_encoder_tap_name(const dim_encoder *, int);
dim_status dim_encoder_tap_shape(const dim_encoder *, const char *, int64_t[3]);
dim_status dim_encoder_encode(dim_encoder *, const dim_tensor *, const char *, dim_tensor *);
dim_status dim_encoder_encode_inputs(dim_encoder *, int, const dim_tensor *const *, const char *, dim_tensor *);
int dim_encoder_parameter_count(const dim_encoder *);
const char *dim_encoder_parameter_name(const dim_encoder *, int);
dim_status dim_encoder_get_parameter(const dim_encoder *, const char *, dim_tensor **);
dim_status dim_encoder_set_parameter(dim_encoder *, const char *, const dim_tensor *);
dim_status dim_encoder_save(const dim_encoder *, const char *);
dim_status dim_encoder_load(dim_encoder *, const char *);
dim_status dim_encoder_open(dim_context *, const char *, dim_encoder **);
void dim_encoder_destroy(dim_encoder *);
typedef struct dim_estimator dim_estimator;
typedef enum dim_estimator_kind {
    DIM_ESTIMATOR_JSD = 0,
    DIM_ESTIMATOR_DV = 1,
    DIM_ESTIMATOR_MINE = 2,
    DIM_ESTIMATOR_INFONCE = 3,
    DIM_ESTIMATOR_NWJ = 4,
    DIM_ESTIMATOR_SMILE = 5,
    DIM_ESTIMATOR_RKL = 6,
    DIM_ESTIMATOR_H2 = 7,
    DIM_ESTIMATOR_X2 = 8,
    DIM_ESTIMATOR_W1 = 9,
    DIM_ESTIMATOR_GAN = 10,
    DIM_ESTIMATOR_KIND_FORCE_INT = 0x7fffffff,
} dim_estimator_kind;
typedef enum dim_negatives {
    DIM_NEGATIVES_ALL = 0,
    DIM_NEGATIVES_SHUFFLE = 1,
    DIM_NEGATIVES_FORCE_INT = 0x7fffffff,
} dim_negatives;
typedef enum dim_bound {
    DIM_BOUND_NONE = 0,
    DIM_BOUND_LOWER = 1,
    DIM_BOUND_ESTIMATE = 2,
    DIM_BOUND_FORCE_INT = 0x7fffffff,
} dim_bound;
typedef struct dim_estimator_options {
    size_t size;
    dim_estimator_kind kind;
    dim_negatives negatives;
    float smile_tau;
    float mine_rate;
    float scale;
    uint32_t reserved0;
    float penalty;
    float clip;
    uint64_t score_memory;
} dim_estimator_options;
typedef struct dim_estimate {
    size_t size;
    double loss;
    double value;
    double positive_mean;
    double negative_mean;
} dim_estimate;
dim_status dim_estimator_create(dim_context *, const dim_estimator_options *, dim_estimator **);
dim_status dim_estimator_evaluate(dim_estimator *, const dim_tensor *, const dim_tensor *, const dim_tensor *, dim_estimate *, dim_tensor *, dim_tensor *);
dim_status dim_estimator_evaluate_scores(dim_estimator *, const dim_tensor *, dim_estimate *, dim_tensor *);
dim_status dim_estimator_evaluate_pairs(dim_estimator *, const dim_tensor *, const dim_tensor *, dim_estimate *, dim_tensor *, dim_tensor *);
dim_bound dim_estimator_bound(dim_estimator_kind);
const char *dim_estimator_name(dim_estimator_kind);
dim_status dim_estimator_from_name(const char *, dim_estimator_kind *);
void dim_estimator_destroy(dim_estimator *);
typedef struct dim_optimizer dim_optimizer;
typedef enum dim_optimizer_kind {
    DIM_OPTIMIZER_ADAM = 0,
    DIM_OPTIMIZER_ADAMW = 1,
    DIM_OPTIMIZER_SGD = 2,
    DIM_OPTIMIZER_RMSPROP = 3,
    DIM_OPTIMIZER_KIND_FORCE_INT = 0x7fffffff,
} dim_optimizer_kind;
typedef enum dim_schedule_kind {
    DIM_SCHEDULE_CONSTANT = 0,
    DIM_SCHEDULE_STEP = 1,
    DIM_SCHEDULE_COSINE = 2,
    DIM_SCHEDULE_KIND_FORCE_INT = 0x7fffffff,
} dim_schedule_kind;
typedef struct dim_optimizer_options {
    size_t size;
    dim_optimizer_kind kind;
    float lr;
    float beta1;
    float beta2;
    float eps;
    float weight_decay;
    float momentum;
    float alpha;
    uint32_t nesterov;
    float clip_norm;
    float clip_value;
    dim_schedule_kind schedule;
    float gamma;
    float min_lr;
    uint64_t warmup_steps;
    uint64_t total_steps;
    uint64_t milestones[8];
} dim_optimizer_options;
dim_status dim_optimizer_create(dim_context *, const dim_optimizer_options *, dim_optimizer **);
dim_status dim_optimizer_update(dim_optimizer *, int, dim_tensor *const *, const dim_tensor *const *);
float dim_optimizer_lr(const dim_optimizer *);
uint64_t dim_optimizer_steps(const dim_optimizer *);
void dim_optimizer_destroy(dim_optimizer *);
typedef struct dim_prior dim_prior;
typedef enum dim_prior_kind {
    DIM_PRIOR_KL = 0,
    DIM_PRIOR_UNIFORM = 1,
    DIM_PRIOR_GAUSSIAN = 2,
    DIM_PRIOR_KIND_FORCE_INT = 0x7fffffff,
} dim_prior_kind;
typedef struct dim_prior_options {
    size_t size;
    dim_prior_kind kind;
    uint32_t sum_units;
    uint32_t minimax;
    uint32_t hidden1;
    uint32_t hidden2;
    float gradient_penalty;
    const dim_optimizer_options *optimizer;
} dim_prior_options;
dim_status dim_prior_create(dim_context *, const dim_prior_options *, dim_prior **);
dim_status dim_prior_evaluate(dim_prior *, const dim_tensor *, const dim_tensor *, double *, dim_tensor *, dim_tensor *);
void dim_prior_destroy(dim_prior *);
const char *dim_prior_name(dim_prior_kind);
typedef struct dim_model dim_model;
typedef enum dim_critic {
    DIM_CRITIC_DOT = 0,
    DIM_CRITIC_CONCAT = 1,
    DIM_CRITIC_BILINEAR = 2,
    DIM_CRITIC_MLP = 3,
    DIM_CRITIC_PLAIN_DOT = 4,
    DIM_CRITIC_FORCE_INT = 0x7fffffff,
} dim_critic;
typedef enum dim_shortcut {
    DIM_SHORTCUT_IDENTITY = 0,
    DIM_SHORTCUT_RANDOM = 1,
    DIM_SHORTCUT_FORCE_INT = 0x7fffffff,
} dim_shortcut;
typedef enum dim_repeat {
    DIM_REPEAT_AFTER_TAP = 0,
    DIM_REPEAT_FROM_TAP = 1,
    DIM_REPEAT_FORCE_INT = 0x7fffffff,
} dim_repeat;
typedef struct dim_term_options {
    size_t size;
    const char *name;
    const char *x;
    const char *y;
    const dim_estimator *estimator;
    dim_critic critic;
    float weight;
    uint32_t units;
    uint32_t batch_norm;
    uint32_t hidden[8];
    uint32_t mixture;
    float mixture_tau;
    dim_shortcut shortcut;
    uint32_t local_samples;
    uint32_t global_samples;
    float act_penalty;
    dim_repeat repeat;
    uint32_t reserved1;
} dim_term_options;
typedef struct dim_model_options {
    size_t size;
    uint64_t seed;
    uint32_t views;
    uint32_t occlude;
} dim_model_options;
dim_status dim_model_create(dim_encoder *, const dim_model_options *, dim_model **);
dim_status dim_model_add_term(dim_model *, const dim_term_options *);
dim_status dim_model_add_prior(dim_model *, const dim_prior *, float);
typedef struct dim_classifier_options {
    size_t size;
    const char *name;
    const char *tap;
    uint32_t classes;
    uint32_t hidden;
    float dropout;
    float clip;
    float penalty;
    float weight;
} dim_classifier_options;
dim_status dim_model_add_classifier(dim_model *, const dim_classifier_options *);
dim_status dim_model_set_optimizer(dim_model *, const dim_optimizer_options *);
dim_status dim_model_step(dim_model *, const dim_tensor *);
dim_status dim_model_step_labeled(dim_model *, const dim_tensor *, const dim_tensor *);
dim_status dim_model_classify(dim_model *, const char *, const dim_tensor *, dim_tensor *);
dim_status dim_model_evaluate(dim_model *, const dim_tensor *);
int dim_model_report_count(const dim_model *);
const char *dim_model_report_name(const dim_model *, int);
dim_status dim_model_report(const dim_model *, const char *, double *);
dim_status dim_model_code_stats(const dim_model *, float *, float *);
uint64_t dim_model_steps(const dim_model *);
int dim_model_parameter_count(dim_model *);
const char *dim_model_parameter_name(dim_model *, int);
dim_status dim_model_get_parameter(dim_model *, const char *, dim_tensor **);
dim_status dim_model_set_parameter(dim_model *, const char *, const dim_tensor *);
dim_status dim_model_save(dim_model *, const char *);
dim_status dim_model_load(dim_model *, const char *);
void dim_model_destroy(dim_model *);
const char *dim_critic_name(dim_critic);
const char *dim_repeat_name(dim_repeat);
const char *dim_shortcut_name(dim_shortcut);
dim_status dim_checkpoint_save(dim_model *, const dim_loader *, const char *);
dim_status dim_checkpoint_load(dim_model *, dim_loader *, const char *);
typedef enum dim_probe_kind {
    DIM_PROBE_KNN_COSINE = 0,
    DIM_PROBE_KNN_EUCLIDEAN = 1,
    DIM_PROBE_RIDGE = 2,
    DIM_PROBE_LINEAR = 3,
    DIM_PROBE_SVM = 4,
    DIM_PROBE_MLP = 5,
    DIM_PROBE_KIND_FORCE_INT = 0x7fffffff,
} dim_probe_kind;
typedef struct dim_probe_options {
    size_t size;
    dim_probe_kind kind;
    uint32_t k;
    float validation;
    float lambda;
    uint32_t epochs;
    uint32_t batch;
    float lr;
    uint32_t reserved0;
    uint64_t seed;
    uint32_t runs;
    uint32_t hidden;
    float dropout;
    uint32_t reserved1;
} dim_probe_options;
typedef struct dim_probe_result {
    size_t size;
    double accuracy;
    double train_accuracy;
    double validation_accuracy;
    double chosen;
    double lambda;
    uint32_t converged;
    uint32_t edge;
    double accuracy_std;
    uint32_t runs;
    uint32_t reserved0;
} dim_probe_result;
dim_status dim_probe_run(dim_context *, const dim_probe_options *, const dim_tensor *, const dim_tensor *, const dim_tensor *, const dim_tensor *, dim_probe_result *);
dim_status dim_probe_features(dim_encoder *, const char *, dim_dataset *, int64_t, int64_t, dim_tensor **);
dim_status dim_probe_neighbors(dim_context *, dim_probe_kind, const dim_tensor *, const dim_tensor *, dim_tensor *);
dim_status dim_probe_nearest(dim_context *, dim_probe_kind, const dim_tensor *, const dim_tensor *, dim_tensor *, dim_tensor *);
