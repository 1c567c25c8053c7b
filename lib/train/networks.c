/* Networks, applied to values. */
#include "train/objective.h"

/* The networks that read an input take its pixels in one way. */
static dim_status share_pixels(dim_objective *obj, dim__input *in, const dim_encoder *net)
{
    const dim_encoder *other = in->pixels;
    if (other == NULL || other == net) {
        in->pixels = net;
        return DIM_OK;
    }
    if (other->normalise == net->normalise && memcmp(other->mean, net->mean, sizeof net->mean) == 0 &&
        memcmp(other->std, net->std, sizeof net->std) == 0)
        return DIM_OK;
    return dim__fail(obj->ctx, DIM_E_INVALID, "two networks that read input '%s' have other mean and std", in->name);
}

static dim_status check_shape(const dim_objective *obj, const char *as, int k, const dim_encoder *net, const dim__side *side)
{
    const int64_t *wants = net->stack.input;
    if (side->labels)
        return dim__fail(obj->ctx, DIM_E_SHAPE, "'%s': a network cannot read labels", as);
    if (memcmp(side->shape, wants, 3 * sizeof *wants) == 0)
        return DIM_OK;
    return dim__fail(obj->ctx, DIM_E_SHAPE, "'%s': the network takes (%lld, %lld, %lld) as input %d, but the value is (%lld, "
                     "%lld, %lld)", as, (long long)wants[0], (long long)wants[1], (long long)wants[2], k,
                     (long long)side->shape[0], (long long)side->shape[1], (long long)side->shape[2]);
}

/* The values of "z c". */
static dim_status find_values(const dim_objective *obj, dim__application *a, const char *of)
{
    for (of += strspn(of, " "); *of != '\0'; of += strspn(of, " ")) {
        size_t length = strcspn(of, " ");
        if (a->n_of == DIM__MOST_OF)
            return dim__fail(obj->ctx, DIM_E_INVALID, "'%s': a network reads %d values at most", a->name, DIM__MOST_OF);
        DIM__TRY(dim__objective_find(obj, of, length, &a->of[a->n_of++]));
        of += length;
    }
    return DIM_OK;
}

static dim_status check_values(dim_objective *obj, dim__application *a, const dim_encoder *net)
{
    if (a->n_of != 1)
        return dim__fail(obj->ctx, DIM_E_INVALID, "'%s': the network reads 1 value, not %d", a->name, a->n_of);
    for (int k = 0; k < a->n_of; k++) {
        dim__side side = dim__objective_side(obj, a->of[k]);
        DIM__TRY(check_shape(obj, a->name, k, net, &side));
        if (k > 0 && side.views != a->views)
            return dim__fail(obj->ctx, DIM_E_SHAPE, "'%s': its values have %lld and %lld views", a->name, (long long)a->views,
                             (long long)side.views);
        a->views = side.views;
    }
    return DIM_OK;
}

static dim_status trained_of(dim_objective *obj, dim_encoder *net, int64_t *out)
{
    for (int64_t i = 0; i < obj->n_trained; i++)
        if (obj->trained[i].network == net) {
            *out = i;
            return DIM_OK;
        }
    DIM__TRY(dim__grow(obj->ctx, &obj->trained, &obj->cap_trained, obj->n_trained + 1, sizeof *obj->trained));
    *out = obj->n_trained;
    obj->trained[obj->n_trained++] = (dim__trained){ dim__encoder_retain(net), obj->n_applications, DIM__NOBODY };
    return DIM_OK;
}

dim_status dim__objective_apply(dim_objective *obj, dim_encoder *net, const char *of, const char *as)
{
    dim__application a = { .n_of = 0, .views = 1 };
    DIM__TRY(dim__objective_check_name(obj, "the application's name", as));
    if (net->ctx != obj->ctx)
        return dim__fail(obj->ctx, DIM_E_INVALID, "'%s': the network is of another context", as);
    memcpy(a.name, as, strlen(as) + 1);
    DIM__TRY(find_values(obj, &a, of));
    DIM__TRY(check_values(obj, &a, net));
    if (a.of[0].application < 0)
        DIM__TRY(share_pixels(obj, &obj->inputs[a.of[0].index], net));
    DIM__TRY(dim__grow(obj->ctx, &obj->applications, &obj->cap_applications, obj->n_applications + 1,
                       sizeof *obj->applications));
    DIM__TRY(trained_of(obj, net, &a.trained));
    obj->applications[obj->n_applications++] = a;
    return DIM_OK;
}
