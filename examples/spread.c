/* Labelled training images for the probes, spread over a training set whose samples are sorted by class. */
#include "common.h"

/* Called for one sample at a time; it must not use the probed dataset's context, so that `all` has one of its own. */
static int read_one(void *user, int64_t index, void *image, int64_t *label)
{
    ex_spread *s = user;
    int64_t shape[4] = { 1 }, one = 1;
    dim_tensor *pixels = NULL, *class = NULL;
    dim_dataset_shape(s->all, shape + 1);
    bool good = dim_tensor_wrap(s->ctx, DIM_U8, 4, shape, NULL, image, NULL, NULL, &pixels) == DIM_OK &&
                dim_tensor_wrap(s->ctx, DIM_I64, 1, &one, NULL, label, NULL, NULL, &class) == DIM_OK &&
                dim_dataset_read(s->all, ex_spread_at(s, index), 1, pixels, class) == DIM_OK;
    if (!good)
        fprintf(stderr, "%s\n", dim_context_error(s->ctx));
    dim_tensor_destroy(class);
    dim_tensor_destroy(pixels);
    return good ? 0 : 1;
}

int64_t ex_spread_at(const ex_spread *s, int64_t i) { return s->total > 0 ? i * s->total / s->count : i; }

static void open_apart(ex_run *run, ex_spread *s)
{
    dim_context_options context;
    dim_dataset_options o;
    DIM_OPTIONS_INIT(&context);
    DIM_OPTIONS_INIT(&o);
    context.threads = 1;
    o.image_size = run->o.image_size;
    if (dim_context_create(&context, &s->ctx) != DIM_OK)
        ex_usage_error(run->program, "libdim has no second context here");
    if (dim_dataset_open_with(s->ctx, run->o.data, DIM_SPLIT_TRAIN, &o, &s->all) != DIM_OK)
        ex_usage_error(run->program, "--data: %s", dim_context_error(s->ctx));
}

void ex_spread_open(ex_run *run)
{
    ex_spread *s = &run->spread;
    int64_t shape[3];
    int rank = dim_dataset_shape(run->train, shape);
    bool sorted = strncmp(run->o.data, "folder:", 7) == 0 || strncmp(run->o.data, "tiny:", 5) == 0;
    if (!sorted || run->o.probe_train >= dim_dataset_count(run->train))
        return;
    open_apart(run, s);
    s->total = dim_dataset_count(s->all);
    s->count = run->o.probe_train;
    EX_TRY(run, dim_dataset_from_callback(run->ctx, s->count, DIM_U8, rank, shape, dim_dataset_classes(run->train),
                                          read_one, s, &run->probed));
}

void ex_spread_close(ex_spread *s)
{
    dim_dataset_destroy(s->all);
    dim_context_destroy(s->ctx);
}
