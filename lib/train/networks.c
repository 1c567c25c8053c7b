/* Networks, applied to values. */
#include "train/objective.h"

static bool same_pixels(const dim_encoder *a, const dim_encoder *b)
{
    bool plain_a = a == NULL || !a->normalise, plain_b = b == NULL || !b->normalise;
    if (plain_a || plain_b)
        return plain_a && plain_b;
    return memcmp(a->mean, b->mean, sizeof a->mean) == 0 && memcmp(a->std, b->std, sizeof a->std) == 0;
}

/* All networks that read an input take its pixels in one way: with their mean and std as their first input, else plain. */
static dim_status check_pixels(const dim_objective *obj, const dim__application *a, const dim_encoder *net)
{
    for (int k = 0; k < a->n_of; k++) {
        if (a->of[k].application >= 0)
            continue;
        const dim__objective_input *in = &obj->inputs[a->of[k].index];
        bool first_too = k > 0 && a->of[0].application < 0 && a->of[0].index == a->of[k].index;
        if ((in->read && !same_pixels(in->pixels, k == 0 ? net : NULL)) || (first_too && !same_pixels(net, NULL)))
            return dim__fail(obj->ctx, DIM_E_INVALID, "'%s': input '%s' cannot be read with one mean and std here and with "
                             "another, or with none, elsewhere", a->name, in->name);
    }
    return DIM_OK;
}

/* Of an application that is certain: what it reads holds no network that the objective does not. */
static void note_inputs(dim_objective *obj, dim__application *a, dim_encoder *net)
{
    for (int k = 0; k < a->n_of; k++) {
        a->reads |= dim__objective_reads(obj, a->of[k]);
        if (a->of[k].application >= 0 || obj->inputs[a->of[k].index].read)
            continue;
        obj->inputs[a->of[k].index].read = true;
        obj->inputs[a->of[k].index].pixels = k == 0 ? net : NULL;
    }
}

static dim_status check_shape(const dim_objective *obj, const char *as, int k, const dim_encoder *net, const dim__side *side)
{
    const int64_t *wants = net->stack.inputs[k].shape;
    if (side->labels)
        return dim__fail(obj->ctx, DIM_E_SHAPE, "'%s': a network cannot read labels", as);
    if (dim__same_sample(side->shape, wants))
        return DIM_OK;
    return dim__fail(obj->ctx, DIM_E_SHAPE, "'%s': the network takes (%lld, %lld, %lld) as '%s', but the value is (%lld, %lld, "
                     "%lld)", as, (long long)wants[0], (long long)wants[1], (long long)wants[2], net->stack.inputs[k].name,
                     (long long)side->shape[0], (long long)side->shape[1], (long long)side->shape[2]);
}

/* The values of "z c". */
static dim_status find_values(const dim_objective *obj, dim__application *a, const char *of)
{
    for (of += strspn(of, " "); *of != '\0'; of += strspn(of, " ")) {
        size_t length = strcspn(of, " ");
        if (a->n_of == DIM_MAX_INPUTS)
            return dim__fail(obj->ctx, DIM_E_INVALID, "'%s': a network reads %d values at most", a->name, DIM_MAX_INPUTS);
        DIM__TRY(dim__objective_find(obj, of, length, &a->of[a->n_of++]));
        of += length;
    }
    return DIM_OK;
}

static dim_status check_values(dim_objective *obj, dim__application *a, const dim_encoder *net)
{
    if (a->n_of != net->stack.n_inputs)
        return dim__fail(obj->ctx, DIM_E_INVALID, "'%s': the network reads %d value%s, not %d", a->name, net->stack.n_inputs,
                         net->stack.n_inputs == 1 ? "" : "s", a->n_of);
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
    return dim__objective_put_application(obj, net, &a);
}

dim_status dim__objective_put_application(dim_objective *obj, dim_encoder *net, const dim__application *a)
{
    int64_t trained;
    DIM__TRY(check_pixels(obj, a, net));
    DIM__TRY(dim__grow(obj->ctx, &obj->applications, &obj->cap_applications, obj->n_applications + 1,
                       sizeof *obj->applications));
    DIM__TRY(trained_of(obj, net, &trained));
    dim__application *added = &obj->applications[obj->n_applications];
    *added = *a;
    added->trained = trained;
    note_inputs(obj, added, net);
    obj->n_applications++;
    return DIM_OK;
}
