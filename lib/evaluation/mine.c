/* MINE between input and code (arXiv 1801.04062; DIM, arXiv 1808.06670, section 4): a network on the input, and one on
 * what it makes of the input and the code.  Or the critic of <dim/information.h>. */
#include "evaluation/study.h"

#include "base/math.h"
#include "eval/eval.h"
#include "information/information.h"
#include "tensor/tensor.h"

#include <inttypes.h>

enum { SMALL = 8, FEATURES = 256 };
#define COUNT(list) ((int)(sizeof (list) / sizeof *(list)))

/* x -> 256.  Without batch norm, by which rows of a batch would tell of each other. */
static dim_status make_features(const dim__study *s, dim_encoder **out)
{
    const int64_t *d = s->x->shape;
    const dim_layer_options maps[] = {
        { .kind = DIM_LAYER_CONV, .out = 64, .kernel = 4, .stride = 2, .padding = 1 }, { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_CONV, .out = 128, .kernel = 4, .stride = 2, .padding = 1 }, { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_CONV, .out = 256, .kernel = 4, .stride = 2, .padding = 1 }, { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_LINEAR, .out = FEATURES }, { .kind = DIM_LAYER_RELU },
    };
    const dim_layer_options units[] = {
        { .kind = DIM_LAYER_LINEAR, .out = 512 }, { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_LINEAR, .out = FEATURES }, { .kind = DIM_LAYER_RELU },
    };
    if (s->x->rank == 2)
        return dim__study_network(s, (int64_t[]){ d[1], 0, 0 }, 0, units, COUNT(units), out);
    bool small = d[2] < SMALL || d[3] < SMALL;
    return dim__study_network(s, d + 1, 0, small ? units : maps, small ? COUNT(units) : COUNT(maps), out);
}

static dim_status make_critic(const dim__study *s, dim_encoder **out)
{
    const dim_layer_options layers[] = {
        { .kind = DIM_LAYER_CONCAT, .from = "z" }, { .kind = DIM_LAYER_LINEAR, .out = 512 }, { .kind = DIM_LAYER_RELU },
        { .kind = DIM_LAYER_LINEAR, .out = 128 }, { .kind = DIM_LAYER_RELU }, { .kind = DIM_LAYER_LINEAR, .out = 1 },
    };
    return dim__study_network(s, (int64_t[]){ FEATURES, 0, 0 }, s->d, layers, COUNT(layers), out);
}

static dim_status prepare(dim__study *s)
{
    dim_status status;
    dim_encoder *features = NULL, *critic = NULL;
    DIM__TRY(dim__study_player(s, 0, 0));
    DIM__TRY_OR(done, make_features(s, &features));
    DIM__TRY_OR(done, make_critic(s, &critic));
    DIM__TRY_OR(done, dim__objective_apply(s->obj, features, "x", "features"));
    DIM__TRY_OR(done, dim__objective_apply(s->obj, critic, "features z", "joint"));
    DIM__TRY_OR(done, dim__objective_apply(s->obj, critic, "features w", "product"));
    DIM__TRY_OR(done, dim__study_give(s, "features"));
    status = dim__study_give(s, "joint");
done:
    dim__encoder_release(features);
    dim__encoder_release(critic);
    return status;
}

const dim__dual dim__dual_mine = { DIM_ESTIMATOR_DV, 64, prepare };

/* Images as rows of a matrix, which the measurement wants. */
static dim_status as_columns(dim_context *ctx, const dim_tensor *x, dim_tensor **out)
{
    dim_tensor *copy = NULL;
    DIM__TRY(dim__tensor_create(ctx, x->dtype, x->rank, x->shape, &copy));
    dim_status status = dim__tensor_copy(copy, x);
    if (status == DIM_OK)
        status = dim__tensor_reshape(copy, 2, (int64_t[]){ x->shape[0], dim__tensor_count(x) / x->shape[0] }, out);
    dim__tensor_destroy(copy);
    return status;
}

static dim_status by_critic(const dim__study *s, const dim_tensor *codes, dim_evaluation_estimate *out)
{
    dim_information_options o;
    dim_information_data data;
    dim_information *info = NULL;
    dim_tensor *x = NULL;
    DIM__TRY(dim__study_refuse(s->ctx, s->what, "batch", s->o.batch != 0));
    DIM__TRY(dim__study_refuse(s->ctx, s->what, "lr", s->o.lr != 0));
    DIM__TRY(dim__study_refuse(s->ctx, s->what, "held_out", s->o.held_out != 0));
    DIM__TRY(as_columns(s->ctx, s->x, &x));
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&data);
    o.method = DIM_INFORMATION_CRITIC;
    o.max_steps = s->o.steps;
    o.seed = s->o.seed;
    o.progress = s->o.progress;
    o.user = s->o.user;
    data.x = x;
    data.y = codes;
    dim_status status = dim__information_measure(s->ctx, &o, &data, &info);
    if (status == DIM_OK) {
        const dim_information_result *r = &info->answers[0].r;
        *out = (dim_evaluation_estimate){ sizeof *out, r->value, r->standard_error, (double)NAN, r->rows, r->rows };
    }
    dim__information_destroy(info);
    dim__tensor_destroy(x);
    return status;
}

static dim_status check_input(dim_context *ctx, const dim_tensor *x, const dim_tensor *z)
{
    char text[128];
    int64_t row;
    if (x->dtype != DIM_F32 && x->dtype != DIM_U8)
        return dim__fail(ctx, DIM_E_INVALID, "dim_evaluation_mine: x is %s; it must be f32 or u8", dim__dtype_name(x->dtype));
    if ((x->rank != 2 && x->rank != 4) || dim__tensor_count(x) == 0)
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_mine: x has shape %s; it must be (N, d) or (N, C, H, W), and not empty",
                         dim__shape_text(text, x->rank, x->shape));
    if (z->rank != 2 || z->shape[0] != x->shape[0])
        return dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_mine: z has shape %s; it must be (%" PRId64 ", d), one for each of x",
                         dim__shape_text(text, z->rank, z->shape), x->shape[0]);
    if (x->dtype == DIM_F32 && dim__tensor_not_finite(x, &row) != NULL)
        return dim__fail(ctx, DIM_E_NUMERIC, "x has a value that is not finite in row %" PRId64, row);
    return DIM_OK;
}

dim_status dim__evaluation_mine(dim_context *ctx, const dim_evaluation_options *options, const dim_tensor *x, const dim_tensor *z,
                                dim_evaluation_estimate *out)
{
    dim__study s = { .ctx = ctx, .what = "mine", .mixing = DIM__MIX_ROWS, .x = x };
    dim__matrix codes = { 0 };
    dim_evaluation_estimate r;
    size_t size;
    DIM__TRY(dim__struct_size(ctx, "dim_evaluation_estimate", out, sizeof size, &size));
    DIM__TRY(dim__study_options(ctx, options, &s.o));
    DIM__TRY(dim__study_refuse(ctx, s.what, "sigmoid", s.o.sigmoid != 0));
    DIM__TRY(check_input(ctx, x, z));
    dim_status status = dim__matrix_of(ctx, "z", z, &codes);
    s.z = codes.x;
    s.n = codes.n;
    s.d = codes.d;
    if (status == DIM_OK)
        status = s.o.mine == DIM_MINE_CRITIC ? by_critic(&s, z, &r) : dim__dual_run(&s, &dim__dual_mine, &r);
    if (status == DIM_OK)
        dim__give_result(out, size, &r, sizeof r);
    dim__free(ctx, codes.owned);
    return status;
}
