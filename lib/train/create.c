/* An objective from its beginning to its end. */
#include "train/objective.h"

dim_status dim__objective_create(dim_context *ctx, const dim_objective_options *options, dim_objective **out)
{
    dim_objective_options o;
    DIM__TRY(dim__options_copy(ctx, "dim_objective_options", &o, sizeof o, options));
    dim_objective *obj = dim__calloc(ctx, 1, sizeof *obj);
    if (obj == NULL)
        return DIM_E_NOMEM;
    obj->ctx = dim__context_retain(ctx);
    obj->seed = o.seed != 0 ? o.seed : ctx->seed;
    dim__programs_init(&obj->programs, ctx, DIM__USUAL_PROGRAMS);
    dim__params_init(&obj->params, ctx, obj->seed);
    *out = obj;
    return DIM_OK;
}

static void clear(dim_objective *obj)
{
    dim_context *ctx = obj->ctx;
    dim__programs_free(&obj->programs);
    for (int64_t i = 0; i < obj->n_players; i++) {
        dim__optim_free(&obj->players[i].optim);
        dim__free(ctx, obj->players[i].params);
        dim__free(ctx, obj->players[i].aims);
    }
    for (int64_t i = 0; i < obj->n_trained; i++)
        dim__encoder_release(obj->trained[i].network);
    for (int64_t i = 0; i < obj->n_inputs; i++)
        dim__tensor_destroy(obj->inputs[i].batch);
}

void dim__objective_destroy(dim_objective *obj)
{
    if (obj == NULL)
        return;
    dim_context *ctx = obj->ctx;
    clear(obj);
    dim__free(ctx, obj->gradients);
    dim__free(ctx, obj->comm);
    dim__free(ctx, obj->reports);
    dim__free(ctx, obj->players);
    dim__free(ctx, obj->losses);
    dim__free(ctx, obj->trained);
    dim__free(ctx, obj->applications);
    dim__free(ctx, obj->inputs);
    dim__params_free(&obj->params);
    dim__free(ctx, obj);
    dim__context_release(ctx);
}
