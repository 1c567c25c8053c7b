/* What the networks read: tensors that were given, as floats with the channels last, and draws. */
#include "base/rng.h"
#include "train/objective.h"

#include <math.h>
#include <stdio.h>

uint64_t dim__objective_reads(const dim_objective *obj, dim__ref ref)
{
    return ref.application < 0 ? UINT64_C(1) << ref.index : obj->applications[ref.application].reads;
}

uint64_t dim__objective_loss_reads(const dim_objective *obj, int64_t loss)
{
    uint64_t reads = 0;
    for (int k = 0; k < obj->losses[loss].n_of; k++)
        reads |= dim__objective_reads(obj, obj->losses[loss].of[k]);
    return reads;
}

dim_status dim__objective_samples(const dim_objective *obj, uint64_t inputs, bool computing, int64_t *out)
{
    const dim__objective_input *first = NULL;
    *out = -1;
    for (int64_t i = 0; i < obj->n_inputs; i++) {
        const dim__objective_input *in = &obj->inputs[i];
        if (in->batch == NULL || (inputs >> i & 1) == 0 || (in->o.kind != DIM_INPUT_GIVEN && !computing))
            continue;
        int64_t n = in->batch->shape[0] / (dim__is_label(in) ? 1 : (int64_t)in->o.views);
        if (first != NULL && n != *out)
            return dim__fail(obj->ctx, DIM_E_SHAPE, "input '%s' has %lld samples, but input '%s' has %lld", in->name,
                             (long long)n, first->name, (long long)*out);
        first = in;
        *out = n;
    }
    return DIM_OK;
}

/* The least number of classes that a loss compares with these labels. */
static int64_t classes_of(const dim_objective *obj, int64_t input)
{
    int64_t least = INT32_MAX;
    for (int64_t i = 0; i < obj->n_losses; i++) {
        const dim__objective_loss *l = &obj->losses[i];
        if (l->loss.def == &dim__loss_cross_entropy && l->of[1].application < 0 && l->of[1].index == input) {
            int64_t classes = dim__objective_side(obj, l->of[0]).shape[0];
            least = classes < least ? classes : least;
        }
    }
    return least;
}

static dim_status feed_labels(const dim_objective *obj, int64_t i, int32_t *out)
{
    const dim__objective_input *in = &obj->inputs[i];
    const dim_tensor *t = in->batch;
    int64_t classes = classes_of(obj, i);
    for (int64_t n = 0; n < t->shape[0]; n++) {
        int64_t at = n * t->stride[0];
        int64_t label = t->dtype == DIM_I32 ? ((const int32_t *)t->data)[at] : ((const int64_t *)t->data)[at];
        if (label < -1 || label >= classes)
            return dim__fail(obj->ctx, DIM_E_INVALID, "label %lld of sample %lld in input '%s' is outside [0, %lld), and is not "
                             "-1 for none", (long long)label, (long long)n, in->name, (long long)classes);
        for (int64_t v = 0; v < (int64_t)in->o.views; v++)
            out[v * t->shape[0] + n] = (int32_t)label;
    }
    return DIM_OK;
}

/* Steps and computations draw from streams of their own: computing between steps changes nothing about them. */
/* `row` is the number of the first. */
static void draw_rows(const dim_objective *obj, const dim__objective_input *in, bool apart, int64_t row, int64_t rows, float *out)
{
    int64_t each = dim__sample_size(in->o.shape);
    uint64_t name = dim__hash_text(in->name);
    uint64_t stream = apart ? dim__mix(dim__mix(name, obj->computed), 1) : dim__mix(name, obj->draws);
    switch (in->o.kind) {
    case DIM_INPUT_NORMAL: dim__rng_normal(out, rows * each, obj->seed, stream, row * each); break;
    case DIM_INPUT_UNIFORM:
        dim__rng_uniform(out, rows * each, obj->seed, stream, row * each);
        if (in->o.low != 0 || in->o.high != 1)
            for (int64_t i = 0; i < rows * each; i++)
                out[i] = in->o.low + (in->o.high - in->o.low) * out[i];
        break;
    default:
        memset(out, 0, (size_t)(rows * each) * sizeof *out);
        for (int64_t n = 0; n < rows; n++)
            out[n * each + (int64_t)dim__rng_below((uint64_t)each, obj->seed, stream, (uint64_t)(row + n))] = 1;
    }
}

/* Rows are numbered as those of all ranks together, (view, rank, sample); what is computed apart is this rank's alone. */
static void draw(const dim_objective *obj, const dim__objective_input *in, bool apart, int64_t samples, float *out)
{
    int64_t views = (int64_t)in->o.views, ranks = apart ? 1 : dim__ranks(obj->comm), rank = apart ? 0 : dim__rank(obj->comm);
    if (ranks == 1)
        draw_rows(obj, in, apart, 0, samples * views, out);
    else
        for (int64_t v = 0; v < views; v++)
            draw_rows(obj, in, apart, (v * ranks + rank) * samples, samples, out + v * samples * dim__sample_size(in->o.shape));
}

bool dim__objective_bad_input(const dim_objective *obj, const dim__objective_program *p, char *text, size_t room)
{
    for (int64_t i = 0; i < obj->n_inputs; i++) {
        const dim__objective_input *in = &obj->inputs[i];
        int64_t row, used = 0, samples = in->batch != NULL ? in->batch->shape[0] / (int64_t)in->o.views : 0;
        bool drawn = in->o.kind != DIM_INPUT_GIVEN && p->out == DIM__NONE; /* only computing takes what was given for it */
        if (in->batch == NULL || p->inputs[i] == DIM__NONE || drawn)
            continue;
        const float *x = dim__tensor_not_finite(in->batch, &row);
        if (x == NULL)
            continue;
        used = snprintf(text, room, "input '%s' is %s in sample %lld", in->name, isnan(*x) ? "NaN" : "infinite",
                        (long long)(row % samples));
        if (in->o.views > 1)
            snprintf(text + used, room - (size_t)used, " of view %lld", (long long)(row / samples));
        return true;
    }
    return false;
}

/* A cross-entropy against rows takes it for granted that each sums to 1. */
static dim_status check_rows(const dim_objective *obj, int64_t input, int64_t rows, const float *x)
{
    const dim__objective_input *in = &obj->inputs[input];
    bool compared = false;
    for (int64_t i = 0; i < obj->n_losses; i++) {
        const dim__objective_loss *l = &obj->losses[i];
        compared = compared || (l->loss.def == &dim__loss_cross_entropy && l->of[1].application < 0 && l->of[1].index == input);
    }
    for (int64_t n = 0; n < rows && compared; n++, x += in->o.shape[0]) {
        double sum = 0;
        for (int64_t k = 0; k < in->o.shape[0]; k++)
            sum += (double)x[k];
        if (isfinite(sum) && fabs(sum - 1) > 1e-3)
            return dim__fail(obj->ctx, DIM_E_INVALID, "row %lld of input '%s' sums to %g; a cross-entropy needs rows that sum to 1",
                             (long long)n, in->name, sum);
    }
    return DIM_OK;
}

dim_status dim__objective_feed(dim_objective *obj, const dim__objective_program *p, int64_t samples, bool computing)
{
    for (int64_t i = 0; i < obj->n_inputs; i++) {
        const dim__objective_input *in = &obj->inputs[i];
        int64_t rows = samples * (int64_t)in->o.views;
        void *data = dim__program_data(p->program, p->inputs[i]);
        if (data == NULL)
            continue;
        bool drawn = in->o.kind != DIM_INPUT_GIVEN && !(computing && in->batch != NULL);
        if (!drawn && in->batch == NULL)
            return dim__fail(obj->ctx, DIM_E_STATE, "input '%s' was not given: dim_objective_set() gives it%s", in->name,
                             obj->owner != NULL ? ", or, of a model's own inputs, the step (labels by dim_model_step_labeled())" : "");
        if (drawn)
            draw(obj, in, p->frozen, samples, data);
        else if (dim__is_label(in))
            DIM__TRY(feed_labels(obj, i, data));
        else {
            dim__fill_input(obj->ctx, in->o.shape, in->pixels, in->batch, 0, rows, data);
            DIM__TRY(check_rows(obj, i, rows, data));
        }
    }
    return DIM_OK;
}
