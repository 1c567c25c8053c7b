/* NDM, the neural dependency measure (DIM, arXiv 1808.06670, section 4): the divergence between codes and codes whose
 * units are permuted one by one, by a network of two hidden layers. */
#include "evaluation/study.h"

#include "base/math.h"
#include "eval/eval.h"

static dim_status prepare(dim__study *s)
{
    const dim_layer_options layers[] = {
        { .kind = DIM_LAYER_LINEAR, .out = 1000 }, { .kind = DIM_LAYER_RELU }, { .kind = DIM_LAYER_LINEAR, .out = 200 },
        { .kind = DIM_LAYER_RELU }, { .kind = DIM_LAYER_LINEAR, .out = 1 },
    };
    dim_encoder *net = NULL;
    DIM__TRY(dim__study_player(s, s->o.steps / 2, (uint64_t)s->o.steps * 3 / 4));
    DIM__TRY(dim__study_network(s, (int64_t[]){ s->d, 0, 0 }, 0, layers, (int)(sizeof layers / sizeof *layers), &net));
    dim_status status = dim__objective_apply(s->obj, net, "z", "joint");
    if (status == DIM_OK)
        status = dim__objective_apply(s->obj, net, "w", "product");
    dim__encoder_release(net);
    return status == DIM_OK ? dim__study_give(s, "joint") : status;
}

const dim__dual dim__dual_ndm = { DIM_ESTIMATOR_NWJ, 500, prepare };

dim_status dim__evaluation_ndm(dim_context *ctx, const dim_evaluation_options *options, const dim_tensor *codes,
                               dim_evaluation_estimate *out)
{
    dim__study s = { .ctx = ctx, .what = "ndm", .mixing = DIM__MIX_UNITS };
    dim__matrix z = { 0 };
    dim_status status;
    float *squashed = NULL;
    dim_evaluation_estimate r;
    size_t size;
    DIM__TRY(dim__struct_size(ctx, "dim_evaluation_estimate", out, sizeof size, &size));
    DIM__TRY(dim__study_options(ctx, options, &s.o));
    DIM__TRY(dim__study_refuse(ctx, s.what, "mine", s.o.mine != DIM_MINE_NETWORK));
    DIM__TRY_OR(done, dim__matrix_of(ctx, "codes", codes, &z));
    if (z.d < 2) {
        status = dim__fail(ctx, DIM_E_SHAPE, "dim_evaluation_ndm: codes has 1 unit; it must have 2 at least, to depend on each other");
        goto done;
    }
    s.z = z.x;
    s.n = z.n;
    s.d = z.d;
    if (s.o.sigmoid) {
        squashed = dim__calloc(ctx, (size_t)(z.n * z.d), sizeof *squashed);
        if (squashed == NULL) {
            status = DIM_E_NOMEM;
            goto done;
        }
        for (int64_t i = 0; i < z.n * z.d; i++)
            squashed[i] = (float)dim__sigmoid((double)z.x[i]);
        s.z = squashed;
    }
    DIM__TRY_OR(done, dim__dual_run(&s, &dim__dual_ndm, &r));
    dim__give_result(out, size, &r, sizeof r);
done:
    dim__free(ctx, squashed);
    dim__free(ctx, z.owned);
    return status;
}
