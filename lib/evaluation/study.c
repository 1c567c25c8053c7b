/* An objective, its batches, and what the caller hears. */
#include "evaluation/study.h"

#include "base/fields.h"
#include "base/math.h"
#include "base/rng.h"
#include "tensor/tensor.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const uint64_t STREAM_ORDER = 0x6f72646572, STREAM_MIX = 0x6d6978; /* of draws */
enum { X, Z, W };
static const char *const NAMES[3] = { "x", "z", "w" };

static const char *mine_name(int kind)
{
    static const char *const names[] = { "NETWORK", "CRITIC" };
    return kind >= 0 && kind < (int)(sizeof names / sizeof *names) ? names[kind] : NULL;
}

static const dim__range mines = { .type = "dim_mine_kind", .name = mine_name };
static const dim__range steps = { 0, 1e9, "10^9 at most", NULL, NULL };

#define F(member, kind, range, usual) DIM__QUIET(dim_evaluation_options, member, kind, range, usual)
static const dim__field fields[] = {
    F(steps, U32, &steps, 0),
    F(batch, U32, &dim__width, 0),
    F(lr, F32, &dim__not_negative, 0),
    F(held_out, F32, &dim__fraction, 0),
    F(sigmoid, U32, &dim__switch, 0),
    F(mine, U32, &mines, 0),
    F(seed, U64, NULL, 0),
};
#undef F
static const dim__table table = DIM__TABLE(dim_evaluation_options, fields);

dim_status dim__study_options(dim_context *ctx, const dim_evaluation_options *given, dim_evaluation_options *out)
{
    DIM__TRY(dim__options_read(ctx, &table, given, out));
    if (out->seed == 0)
        out->seed = ctx->seed;
    return DIM_OK;
}

dim_status dim__study_refuse(dim_context *ctx, const char *what, const char *option, bool given)
{
    if (!given)
        return DIM_OK;
    return dim__fail(ctx, DIM_E_INVALID, "dim_evaluation_%s: dim_evaluation_options.%s is set; it must be 0 here", what, option);
}

dim_status dim__study_sizes(dim__study *s, uint32_t batch, int64_t rows)
{
    if (s->o.steps == 0)
        s->o.steps = 2000;
    if (s->o.batch == 0)
        s->o.batch = (uint32_t)dim__min64(batch, rows);
    if (s->o.batch < 2)
        return dim__fail(s->ctx, rows < 2 ? DIM_E_SHAPE : DIM_E_INVALID, "dim_evaluation_%s: a batch of %u, of %" PRId64 " rows to "
                         "train on; it must have 2 at least", s->what, s->o.batch, rows);
    if ((int64_t)s->o.batch > rows)
        return dim__fail(s->ctx, DIM_E_SHAPE, "dim_evaluation_%s: dim_evaluation_options.batch is %u, but %" PRId64 " rows are "
                         "trained on", s->what, s->o.batch, rows);
    return DIM_OK;
}

/* ---- what it is made of ---------------------------------------------------------------------------------------------- */

static dim_status add_input(dim__study *s, int k, dim_dtype dtype, int rank, const int64_t *shape)
{
    dim_input_options in;
    int64_t batch[DIM_MAX_RANK] = { s->o.batch };
    DIM_OPTIONS_INIT(&in);
    in.name = NAMES[k];
    for (int i = 1; i < rank; i++)
        in.shape[i - 1] = batch[i] = shape[i];
    DIM__TRY(dim__objective_add_input(s->obj, &in));
    DIM__TRY(dim__tensor_create(s->ctx, dtype, rank, batch, &s->batch[k]));
    return dim__objective_set(s->obj, NAMES[k], s->batch[k]);
}

dim_status dim__study_begin(dim__study *s)
{
    dim_objective_options o;
    DIM_OPTIONS_INIT(&o);
    o.seed = s->o.seed;
    DIM__TRY(dim__objective_create(s->ctx, &o, &s->obj));
    DIM__TRY(add_input(s, Z, DIM_F32, 2, (int64_t[]){ s->n, s->d }));
    if (s->x != NULL)
        DIM__TRY(add_input(s, X, s->x->dtype, s->x->rank, s->x->shape));
    if (s->mixing != DIM__MIX_NOTHING)
        DIM__TRY(add_input(s, W, DIM_F32, 2, (int64_t[]){ s->n, s->d }));
    s->order = dim__calloc(s->ctx, (size_t)s->n, sizeof *s->order);
    s->rows = dim__calloc(s->ctx, 2 * (size_t)s->o.batch, sizeof *s->rows);
    return s->order == NULL || s->rows == NULL ? DIM_E_NOMEM : DIM_OK;
}

void dim__study_end(dim__study *s)
{
    dim__objective_destroy(s->obj);
    for (int k = 0; k < 3; k++)
        dim__tensor_destroy(s->batch[k]);
    dim__free(s->ctx, s->order);
    dim__free(s->ctx, s->rows);
}

dim_status dim__study_network(const dim__study *s, const int64_t shape[3], int64_t second, const dim_layer_options *layers, int count,
                              dim_encoder **out)
{
    dim__stack stack = { .ctx = s->ctx };
    dim_encoder_options o;
    DIM_OPTIONS_INIT(&o);
    o.channels = (uint32_t)shape[0];
    o.seed = s->o.seed;
    dim_status status = dim__stack_add_input(&stack, "input", shape);
    if (status == DIM_OK && second > 0)
        status = dim__stack_add_input(&stack, "z", (int64_t[]){ second, 0, 0 });
    for (int i = 0; i < count && status == DIM_OK; i++)
        status = dim__add(&stack, layers[i]);
    if (status == DIM_OK)
        status = dim__encoder_from_stack(&stack, &o, 0, out);
    dim__stack_free(&stack); /* empty when the network took it */
    return status;
}

dim_status dim__study_give(const dim__study *s, const char *as) { return dim__objective_give(s->obj, "player", as); }

dim_status dim__study_player(const dim__study *s, uint64_t first, uint64_t second)
{
    dim_player_options p;
    dim_optimizer_options o;
    DIM_OPTIONS_INIT(&p);
    DIM_OPTIONS_INIT(&o);
    o.lr = s->o.lr; /* 0 = 1e-4, there as here */
    o.beta1 = 0.5f; /* the DIM authors' */
    o.schedule = first + second > 0 ? DIM_SCHEDULE_STEP : DIM_SCHEDULE_COSINE;
    o.total_steps = first + second > 0 ? 0 : s->o.steps;
    o.milestones[0] = first > 0 ? first : second;
    o.milestones[1] = first > 0 && second > first ? second : 0;
    p.name = "player";
    p.optimizer = &o;
    return dim__objective_add_player(s->obj, &p);
}

/* ---- batches --------------------------------------------------------------------------------------------------------- */

static void gather(const dim__study *s, const int32_t *rows, int64_t m)
{
    float *z = (float *)(void *)s->batch[Z]->data;
    for (int64_t i = 0; i < m; i++)
        memcpy(z + i * s->d, s->z + rows[i] * s->d, (size_t)s->d * sizeof *z);
    if (s->x == NULL)
        return;
    const dim_tensor *x = s->x, *to = s->batch[X];
    int64_t size = (int64_t)dim__dtype_size(x->dtype);
    for (int64_t i = 0; i < m; i++)
        dim__strided_copy(x->rank - 1, x->shape + 1, x->dtype, to->data + i * to->stride[0] * size, to->stride + 1, x->dtype,
                          x->data + rows[i] * x->stride[0] * size, x->stride + 1);
}

void dim__study_mix(const dim__study *s, const int32_t *rows, int64_t m, uint64_t draw, int32_t *room, float *out)
{
    uint64_t stream = dim__mix(STREAM_MIX, draw);
    if (s->mixing == DIM__MIX_ROWS) {
        dim__rng_derangement(room, m, s->o.seed, stream);
        for (int64_t i = 0; i < m; i++)
            memcpy(out + i * s->d, s->z + rows[room[i]] * s->d, (size_t)s->d * sizeof *out);
        return;
    }
    for (int64_t j = 0; j < s->d; j++) {
        dim__rng_permutation(room, m, s->o.seed, dim__mix(stream, (uint64_t)j));
        for (int64_t i = 0; i < m; i++)
            out[i * s->d + j] = s->z[rows[room[i]] * s->d + j];
    }
}

static double largest(const dim_tensor *t)
{
    double most = 0;
    for (int64_t i = 0; i < dim__tensor_count(t); i++)
        most = fmax(most, fabs((double)((const float *)(const void *)t->data)[i]));
    return most;
}

/* In the caller's words: names of networks say nothing to him. */
static dim_status diverged(const dim__study *s, uint32_t step)
{
    char inputs[64] = "";
    if (s->batch[X] != NULL && s->batch[X]->dtype == DIM_F32)
        snprintf(inputs, sizeof inputs, " and inputs up to %.3g", largest(s->batch[X]));
    return dim__fail(s->ctx, DIM_E_NUMERIC, "dim_evaluation_%s: training diverged at step %u, in which codes are up to %.3g in "
                     "magnitude%s; standardise them, or take a smaller lr", s->what, step, largest(s->batch[Z]), inputs);
}

dim_status dim__study_train(dim__study *s, const int32_t *rows, int64_t n)
{
    int64_t batch = s->o.batch, at = n;
    uint64_t epoch = 0;
    for (uint32_t step = 0; step < s->o.steps; step++) {
        double done = (double)step / (double)s->o.steps;
        if (s->o.progress != NULL && s->o.progress(s->o.user, done, s->what) != 0)
            return dim__fail(s->ctx, DIM_E_CALLBACK, "dim_evaluation_%s: stopped by progress after %u of %u steps", s->what, step,
                             s->o.steps);
        if (at + batch > n) {
            dim__rng_permutation(s->order, n, s->o.seed, dim__mix(STREAM_ORDER, epoch++));
            at = 0;
        }
        for (int64_t i = 0; i < batch; i++)
            s->rows[i] = rows[s->order[at++]];
        gather(s, s->rows, batch);
        if (s->mixing != DIM__MIX_NOTHING)
            dim__study_mix(s, s->rows, batch, step, s->rows + batch, (float *)(void *)s->batch[W]->data);
        dim_status status = dim__objective_step(s->obj, UINT32_MAX, -1);
        DIM__TRY(status == DIM_E_NUMERIC ? diverged(s, step) : status);
    }
    return DIM_OK;
}

/* The first m of each batch are given. */
static dim_status set_batch(dim__study *s, int64_t m)
{
    for (int k = 0; k < 3; k++) {
        dim_tensor *some = NULL;
        if (s->batch[k] == NULL)
            continue;
        DIM__TRY(dim__tensor_slice(s->batch[k], 0, 0, m, 1, &some));
        dim_status status = dim__objective_set(s->obj, NAMES[k], some);
        dim__tensor_destroy(some);
        DIM__TRY(status);
    }
    return DIM_OK;
}

dim_status dim__study_compute(dim__study *s, const char *value, const int32_t *rows, int64_t m, const float *mixed, int64_t size,
                              float *out)
{
    for (int64_t first = 0; first < m; first += s->o.batch) {
        int64_t count = dim__min64(s->o.batch, m - first);
        dim_tensor *to = NULL;
        gather(s, rows + first, count);
        if (mixed != NULL)
            memcpy(s->batch[W]->data, mixed + first * s->d, (size_t)(count * s->d) * sizeof *mixed);
        DIM__TRY(set_batch(s, count));
        DIM__TRY(dim__tensor_wrap(s->ctx, DIM_F32, 2, (int64_t[]){ count, size }, NULL, out + first * size, NULL, NULL, &to));
        dim_status status = dim__objective_compute(s->obj, value, false, to);
        dim__tensor_destroy(to);
        DIM__TRY(status);
    }
    return set_batch(s, s->o.batch);
}
