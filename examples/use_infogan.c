/* What infogan trained, in a program of one's own: makes an image of each category, and infers the codes of images.
 *
 *     infogan --data idx:mnist --steps 5000 --out out
 *     use_infogan out/weights.safetensors [IMAGES.npy]
 *
 * The networks are those of --preset mnist with its codes; the names of the applications, made and true_d, are those of the
 * file.  infogan_networks.c has the other presets'. */
#define DIM_EXPERIMENTAL
#include <dim/dim.h>
#include <dim/objective.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOISE = 62, CATEGORIES = 10, CONTINUOUS = 2, CODES = NOISE + CATEGORIES + CONTINUOUS, SIDE = 28 };

static const dim_layer_options generator[] = {
    { .kind = DIM_LAYER_LINEAR, .out = 1024 }, { .kind = DIM_LAYER_BATCH_NORM }, { .kind = DIM_LAYER_RELU },
    { .kind = DIM_LAYER_LINEAR, .out = 128 * 7 * 7 }, { .kind = DIM_LAYER_BATCH_NORM }, { .kind = DIM_LAYER_RELU },
    { .kind = DIM_LAYER_UNFLATTEN, .out = 128, .height = 7 },
    { .kind = DIM_LAYER_CONV_TRANSPOSE, .out = 64, .kernel = 4, .stride = 2, .padding = 1 },
    { .kind = DIM_LAYER_BATCH_NORM }, { .kind = DIM_LAYER_RELU },
    { .kind = DIM_LAYER_CONV_TRANSPOSE, .out = 1, .kernel = 4, .stride = 2, .padding = 1 }, { .kind = DIM_LAYER_SIGMOID },
};

static const dim_layer_options discriminator[] = { /* and Q, whose numbers come out */
    { .kind = DIM_LAYER_CONV, .out = 64, .kernel = 4, .stride = 2, .padding = 1 }, { .kind = DIM_LAYER_LEAKY_RELU, .slope = 0.1f },
    { .kind = DIM_LAYER_CONV, .out = 128, .kernel = 4, .stride = 2, .padding = 1 },
    { .kind = DIM_LAYER_BATCH_NORM }, { .kind = DIM_LAYER_LEAKY_RELU, .slope = 0.1f },
    { .kind = DIM_LAYER_LINEAR, .out = 1024 },
    { .kind = DIM_LAYER_BATCH_NORM }, { .kind = DIM_LAYER_LEAKY_RELU, .slope = 0.1f, .tap = "trunk" },
    { .kind = DIM_LAYER_LINEAR, .out = 1, .name = "true", .tap = "logit" },
    { .kind = DIM_LAYER_FROM, .from = "trunk" },
    { .kind = DIM_LAYER_LINEAR, .out = 128, .name = "q1" },
    { .kind = DIM_LAYER_BATCH_NORM }, { .kind = DIM_LAYER_LEAKY_RELU, .slope = 0.1f },
    { .kind = DIM_LAYER_LINEAR, .out = CATEGORIES + CONTINUOUS, .name = "q" },
};

static dim_context *ctx;

static void check(dim_status status)
{
    if (status == DIM_OK)
        return;
    fprintf(stderr, "use_infogan: %s: %s\n", dim_status_name(status),
            ctx != NULL ? dim_context_error(ctx) : dim_status_message(status));
    exit(1);
}

/* Applies a network of n layers to an input of that shape. */
static void apply(dim_objective *obj, const char *input, const int64_t shape[3], const dim_layer_options *layers, int n, const char *as)
{
    dim_input_options in;
    dim_encoder_options options;
    dim_encoder_builder *b;
    dim_network *network;
    DIM_OPTIONS_INIT(&in);
    in.name = input;
    memcpy(in.shape, shape, sizeof in.shape);
    check(dim_objective_add_input(obj, &in));
    check(dim_encoder_builder_create(ctx, (uint32_t)shape[0], (uint32_t)shape[1], (uint32_t)shape[2], &b));
    for (int i = 0; i < n; i++) {
        dim_layer_options layer = layers[i];
        layer.size = sizeof layer;
        check(dim_encoder_builder_add(b, &layer));
    }
    DIM_OPTIONS_INIT(&options);
    options.std[0] = shape[1] > 0; /* 1 of images: bytes are read as x / 255, as in training */
    check(dim_encoder_builder_finish(b, &options, &network));
    dim_encoder_builder_destroy(b);
    check(dim_objective_apply(obj, network, input, as));
    dim_encoder_destroy(network); /* the objective has it */
}

/* A row an image: the likeliest category, and the means of the continuous codes. */
static void print_codes(dim_objective *obj, dim_tensor *images)
{
    int64_t rows = dim_tensor_size(images, 0);
    dim_tensor *q;
    check(dim_tensor_create(ctx, DIM_F32, 2, (const int64_t[]){ rows, CATEGORIES + CONTINUOUS }, &q));
    check(dim_objective_set(obj, "images", images));
    check(dim_objective_compute(obj, "true_d", q));
    for (int64_t i = 0; i < rows; i++) {
        const float *x = (const float *)dim_tensor_const_data(q) + i * (CATEGORIES + CONTINUOUS);
        int best = 0;
        for (int k = 1; k < CATEGORIES; k++)
            best = x[k] > x[best] ? k : best;
        printf("%d %.4f %.4f\n", best, (double)x[CATEGORIES], (double)x[CATEGORIES + 1]);
    }
    dim_tensor_destroy(q);
}

/* An image of each category, of noise and continuous codes of 0. */
static dim_tensor *make(dim_objective *obj)
{
    dim_tensor *codes, *images;
    check(dim_tensor_create(ctx, DIM_F32, 2, (const int64_t[]){ CATEGORIES, CODES }, &codes));
    float *x = dim_tensor_data(codes);
    memset(x, 0, sizeof *x * CATEGORIES * CODES);
    for (int k = 0; k < CATEGORIES; k++)
        x[k * CODES + NOISE + k] = 1;
    check(dim_tensor_create(ctx, DIM_F32, 4, (const int64_t[]){ CATEGORIES, 1, SIDE, SIDE }, &images));
    check(dim_objective_set(obj, "codes", codes));
    check(dim_objective_compute(obj, "made", images));
    dim_tensor_destroy(codes);
    return images;
}

static int end_output(void)
{
    const int lost = ferror(stdout);
    if (fclose(stdout) == 0 && !lost)
        return 0;
    fprintf(stderr, "use_infogan: cannot write to standard output\n");
    return 1;
}

int main(int argc, char **argv)
{
    dim_objective *obj;
    dim_tensor *images;
    if (argc < 2 || argc > 3 || argv[1][0] == '-') {
        const int help = argc == 2 && strcmp(argv[1], "--help") == 0;
        fprintf(help ? stdout : stderr, "Usage: use_infogan WEIGHTS [IMAGES.npy]\n");
        return help ? end_output() : 2;
    }
    check(dim_context_create(NULL, &ctx));
    check(dim_objective_create(ctx, NULL, &obj));
    apply(obj, "codes", (const int64_t[]){ CODES, 0, 0 }, generator, sizeof generator / sizeof *generator, "made");
    apply(obj, "images", (const int64_t[]){ 1, SIDE, SIDE }, discriminator, sizeof discriminator / sizeof *discriminator, "true_d");
    check(dim_objective_load(obj, argv[1]));
    if (argc == 3)
        check(dim_tensor_load_npy(ctx, argv[2], &images));
    else
        images = make(obj);
    print_codes(obj, images);
    dim_tensor_destroy(images);
    dim_objective_destroy(obj);
    dim_context_destroy(ctx);
    return end_output();
}
