/* Scores of joint rows and of rows of the product of the marginals: the dual form of the divergence between both, as a
 * loss and as what is measured in the end. */
#include "evaluation/study.h"

#include "base/math.h"
#include "eval/eval.h"
#include "objective/estimators/handle.h"

#include <inttypes.h>

enum { LEAST_ROWS = 4 }; /* of either part */

static dim__loss_nodes emit(const dim__loss_in *in)
{
    dim__graph *g = in->scope.g;
    dim__vid side[2];
    for (int k = 0; k < 2; k++)
        side[k] = dim__emit_reshape(g, in->side[k].v, dim__shape2(in->samples, 1));
    return dim__loss_alone(dim__emit_estimator_pairs(g, in->loss->more, side[0], side[1], NULL).loss);
}

static const dim__loss_def dual = { .name = "dual", .least = 2, .most = 2, .emit = emit };

static dim_status add_loss(const dim__study *s, const dim_estimator_options *estimator)
{
    dim__objective_loss l = { .loss = { .name = "dual", .def = &dual, .more = estimator }, .n_of = 2, .trained = -1 };
    DIM__TRY(dim__objective_find(s->obj, "joint", 5, &l.of[0]));
    DIM__TRY(dim__objective_find(s->obj, "product", 7, &l.of[1]));
    DIM__TRY(dim__objective_put_loss(s->obj, &l));
    return dim__objective_minimise(s->obj, "player", "dual", 1);
}

/* E[u] - log E[e^u], and the error of sampling both. */
static void value_of(const float *joint, const float *product, int64_t m, double *value, double *error)
{
    double n = (double)m, most = -HUGE_VAL, mean = 0, square = 0, sum = 0, sum_square = 0;
    for (int64_t i = 0; i < m; i++)
        most = fmax(most, (double)product[i]);
    for (int64_t i = 0; i < m; i++) {
        double e = exp((double)product[i] - most);
        mean += (double)joint[i] / n;
        sum += e / n;
        sum_square += e * e / n;
    }
    for (int64_t i = 0; i < m; i++)
        square += ((double)joint[i] - mean) * ((double)joint[i] - mean) / n;
    *value = mean - log(sum) - most;
    *error = sqrt((square + fmax(sum_square - sum * sum, 0) / (sum * sum)) / n);
}

static dim_status measure(dim__study *s, const int32_t *rows, int64_t m, uint64_t draw, double *value, double *error)
{
    dim_status status = DIM_E_NOMEM;
    float *mixed = dim__calloc(s->ctx, (size_t)(m * s->d), sizeof *mixed);
    float *scores = dim__calloc(s->ctx, 2 * (size_t)m, sizeof *scores);
    int32_t *room = dim__calloc(s->ctx, (size_t)m, sizeof *room);
    if (mixed == NULL || scores == NULL || room == NULL)
        goto done;
    dim__study_mix(s, rows, m, draw, room, mixed);
    DIM__TRY_OR(done, dim__study_compute(s, "joint", rows, m, mixed, 1, scores));
    DIM__TRY_OR(done, dim__study_compute(s, "product", rows, m, mixed, 1, scores + m));
    value_of(scores, scores + m, m, value, error);
    if (!isfinite(*value) || !isfinite(*error))
        status = dim__fail(s->ctx, DIM_E_NUMERIC, "dim_evaluation_%s: scores are not finite: training diverged, or a row of codes is "
                           "far from all others", s->what);
done:
    dim__free(s->ctx, mixed);
    dim__free(s->ctx, scores);
    dim__free(s->ctx, room);
    return status;
}

static dim_status run(dim__study *s, const dim__dual *how, int32_t *rows, int64_t trained, dim_evaluation_estimate *out)
{
    dim_estimator_options given, estimator;
    double error;
    DIM_OPTIONS_INIT(&given);
    given.kind = how->kind;
    DIM__TRY(dim__estimator_options(s->ctx, &given, &estimator));
    DIM__TRY(dim__study_sizes(s, how->batch, trained));
    DIM__TRY(dim__study_begin(s));
    DIM__TRY(how->prepare(s));
    DIM__TRY(add_loss(s, &estimator));
    DIM__TRY(dim__study_train(s, rows, trained));
    out->trained = trained;
    out->held_out = s->n - trained;
    DIM__TRY(measure(s, rows + trained, out->held_out, s->o.steps, &out->value, &out->standard_error));
    int64_t some = dim__min64(trained, out->held_out);
    for (int64_t i = 0; i < some; i++) /* spread over all, as those that are held out are */
        rows[i] = rows[i * trained / some];
    return measure(s, rows, some, (uint64_t)s->o.steps + 1, &out->trained_value, &error);
}

dim_status dim__dual_run(dim__study *s, const dim__dual *how, dim_evaluation_estimate *out)
{
    const dim_probe_options part = { .size = sizeof part, .validation = s->o.held_out > 0 ? s->o.held_out : 0.2f };
    int64_t trained = 0;
    int32_t *rows = NULL;
    if (s->n < 2 * LEAST_ROWS)
        return dim__fail(s->ctx, DIM_E_SHAPE, "dim_evaluation_%s: %" PRId64 " rows are too few to train on and to hold out; at least %d",
                         s->what, s->n, 2 * (int)LEAST_ROWS);
    DIM__TRY(dim__probe_split(s->ctx, &part, s->n, 0, &trained, &rows));
    dim_status status = DIM_OK;
    if (trained < LEAST_ROWS || s->n - trained < LEAST_ROWS)
        status = dim__fail(s->ctx, DIM_E_SHAPE, "dim_evaluation_%s: of %" PRId64 " rows %" PRId64 " are held out and %" PRId64
                           " are left; both must be %d at least", s->what, s->n, s->n - trained, trained, (int)LEAST_ROWS);
    if (status == DIM_OK)
        status = run(s, how, rows, trained, out);
    dim__study_end(s);
    dim__free(s->ctx, rows);
    return status;
}
