/* One term of the objective: the information between two layers of the encoder. */
#include "model/model.h"

#include <stdio.h>

static dim_status set_name(dim_model *model, dim__term *t, const char *name)
{
    if (name == NULL) {
        const char *usual = t->whole || !dim__is_map(model->enc->stack.layers[t->x].out) ? "global" : "local";
        snprintf(t->name, sizeof t->name, "%s", usual);
        if (dim__model_name_taken(model, t->name))
            snprintf(t->name, sizeof t->name, "term%lld", (long long)model->n_terms);
        return dim__model_check_name(model, t->name); /* something that was added may have it */
    }
    DIM__TRY(dim__model_check_name(model, name));
    snprintf(t->name, sizeof t->name, "%s", name);
    return DIM_OK;
}

static dim_status set_sides(dim_model *model, dim__term *t, const char *x, const char *y)
{
    if (x == NULL)
        x = "local";
    t->whole = strncmp(x, "global:", 7) == 0;
    DIM__TRY(dim__encoder_tap(model->enc, t->whole ? x + 7 : x, &t->x));
    DIM__TRY(dim__encoder_tap(model->enc, y, &t->y));
    if (t->whole && !dim__is_map(model->enc->stack.layers[t->x].out))
        return dim__fail(model->ctx, DIM_E_SHAPE, "x is '%.40s', but that tap is not a map", x);
    return DIM_OK;
}

/* A layer of the encoder as the side of a term. */
static dim__side side(const dim_model *model, int64_t layer, bool whole)
{
    return (dim__side){ .v = DIM__NONE, .shape = model->enc->stack.layers[layer].out, .views = model->views, .whole = whole,
                        .enc = model->enc, .layer = layer };
}

dim_status dim__model_add_term(dim_model *model, const dim_term_options *term)
{
    dim__term t = { .name = "" };
    dim_term_options o;
    if (model->obj->fixed)
        return dim__fail(model->ctx, DIM_E_STATE, "the objective is fixed by its first use; add terms before");
    DIM__TRY(dim__options_copy(model->ctx, "dim_term_options", &o, sizeof o, term));
    DIM__TRY(set_sides(model, &t, o.x, o.y));
    DIM__TRY(set_name(model, &t, o.name));
    DIM__TRY(dim__information_options(model->ctx, t.name, term, &t.information));
    dim__side x = side(model, t.x, t.whole), y = side(model, t.y, false);
    DIM__TRY(dim__information_check(model->ctx, t.name, &t.information, &x, &y));
    DIM__TRY(dim__grow(model->ctx, &model->terms, &model->cap_terms, model->n_terms + 1, sizeof *model->terms));
    model->terms[model->n_terms++] = t;
    return DIM_OK;
}
