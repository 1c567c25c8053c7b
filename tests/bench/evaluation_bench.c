/* What dim_evaluation_ndm(), _mine() and _reconstruct() say of the data of evaluation_torch.py, beside which it is to be read.
 *
 *     evaluation_bench ndm|mine|reconstruct FOLDER [--steps N] [--batch N] [--lr X] [--seeds N] [--sigmoid]
 *
 * A line of JSON for each seed, with the value on the held-out fifth; of a decoder, the squared error there. */
#define DIM_EXPERIMENTAL
#include <dim/evaluation.h>

#include "tools.h"

#include <stdbool.h>
#include <string.h>

static dim_context *ctx;

static dim_tensor *read_from(const char *folder, const char *name)
{
    char path[4096];
    dim_tensor *t;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    check(ctx, dim_tensor_load_npy(ctx, path, &t));
    return t;
}

/* The first four fifths train the decoder, the last is for testing. */
static double decode(dim_tensor *x, dim_tensor *z, const dim_evaluation_options *o)
{
    int64_t n = dim_tensor_size(z, 0), cut = n - n / 5;
    dim_tensor *parts[4];
    dim_reconstruction r;
    DIM_OPTIONS_INIT(&r);
    check(ctx, dim_tensor_slice(z, 0, 0, cut, 1, &parts[0]));
    check(ctx, dim_tensor_slice(x, 0, 0, cut, 1, &parts[1]));
    check(ctx, dim_tensor_slice(z, 0, cut, n - cut, 1, &parts[2]));
    check(ctx, dim_tensor_slice(x, 0, cut, n - cut, 1, &parts[3]));
    check(ctx, dim_evaluation_reconstruct(ctx, o, parts[0], parts[1], parts[2], parts[3], &r, NULL));
    for (int i = 0; i < 4; i++)
        dim_tensor_destroy(parts[i]);
    return r.squared_error;
}

static double value_of(const char *what, dim_tensor *x, dim_tensor *z, const dim_evaluation_options *o)
{
    dim_evaluation_estimate e;
    DIM_OPTIONS_INIT(&e);
    if (strcmp(what, "reconstruct") == 0)
        return decode(x, z, o);
    if (strcmp(what, "ndm") == 0)
        check(ctx, dim_evaluation_ndm(ctx, o, z, &e));
    else
        check(ctx, dim_evaluation_mine(ctx, o, x, z, &e));
    return e.value;
}

int main(int argc, char **argv)
{
    dim_evaluation_options o;
    long seeds = 3;
    bool known = argc >= 3 && (strcmp(argv[1], "ndm") == 0 || strcmp(argv[1], "mine") == 0 || strcmp(argv[1], "reconstruct") == 0);
    DIM_OPTIONS_INIT(&o);
    o.steps = 300;
    o.batch = 64;
    for (int i = 3; i < argc && known; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--sigmoid") == 0)
            o.sigmoid = 1;
        else if (value == NULL)
            known = false;
        else if (strcmp(argv[i], "--steps") == 0)
            o.steps = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--batch") == 0)
            o.batch = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--lr") == 0)
            o.lr = strtof(argv[++i], NULL);
        else if (strcmp(argv[i], "--seeds") == 0)
            seeds = strtol(argv[++i], NULL, 10);
        else
            known = false;
    }
    if (!known) {
        fprintf(stderr, "usage: evaluation_bench ndm|mine|reconstruct FOLDER [--steps N] [--batch N] [--lr X] [--seeds N] [--sigmoid]\n");
        return 2;
    }
    if (dim_context_create(NULL, &ctx) != DIM_OK)
        return 1;
    dim_tensor *x = read_from(argv[2], "x.npy"), *z = read_from(argv[2], "z.npy");
    for (long k = 0; k < seeds; k++) {
        o.seed = (uint64_t)k + 1;
        printf("{\"what\": \"%s\", \"seed\": %ld, \"value\": %.5f}\n", argv[1], k, value_of(argv[1], x, z, &o));
        fflush(stdout);
    }
    dim_tensor_destroy(x);
    dim_tensor_destroy(z);
    dim_context_destroy(ctx);
    return 0;
}
