/* A model from its beginning to its end. */
#include "model/model.h"

static const dim__range views = DIM__UP_TO(8);
_Static_assert(DIM__MOST_VIEWS == 8, "as many as the table allows");
static const dim__field fields[] = {
    DIM__QUIET(dim_model_options, views, U32, &views, 1),
    DIM__QUIET(dim_model_options, occlude, U32, NULL, 0), /* its layer checks it */
};
static const dim__table table = DIM__TABLE(dim_model_options, fields);

dim_status dim__model_create(dim_encoder *enc, const dim_model_options *options, dim_model **out)
{
    dim_context *ctx = enc->ctx;
    dim_model_options o;
    dim_optimizer_options optimizer;
    if (enc->stack.n_inputs > 1)
        return dim__fail(ctx, DIM_E_UNSUPPORTED, "a model has one input, but the encoder has %d ('%s' is the second)",
                         enc->stack.n_inputs, enc->stack.inputs[1].name);
    DIM__TRY(dim__options_read(ctx, &table, options, &o));
    DIM__TRY(dim__optim_options(ctx, NULL, &optimizer));
    dim_model *model = dim__calloc(ctx, 1, sizeof *model);
    if (model == NULL)
        return DIM_E_NOMEM;
    model->ctx = dim__context_retain(ctx);
    model->enc = dim__encoder_retain(enc);
    model->optimizer = optimizer;
    model->views = o.views;
    model->occlude = o.occlude;
    dim_objective_options objective = { .size = sizeof objective, .seed = o.seed };
    dim_status status = dim__objective_create(ctx, &objective, &model->obj);
    if (status == DIM_OK)
        status = dim__model_begin(model);
    if (status == DIM_OK)
        *out = model;
    else
        dim__model_destroy(model);
    return status;
}

void dim__model_destroy(dim_model *model)
{
    if (model == NULL)
        return;
    dim_context *ctx = model->ctx;
    dim__objective_destroy(model->obj);
    dim__free(ctx, model->reports);
    dim__free(ctx, model->code_mean);
    dim__free(ctx, model->code_std);
    dim__free(ctx, model->terms);
    dim__free(ctx, model->priors);
    dim__free(ctx, model->classifiers);
    dim__encoder_release(model->enc);
    dim__free(ctx, model);
    dim__context_release(ctx);
}
