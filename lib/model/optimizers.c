/* The optimizers of a model: one for encoder and critics, one for each prior's discriminator, one for each classifier.  So
 * clipping by norm lets neither of them change the others' gradients, and steps without labels do not count. */
#include "model/model.h"

/* Lists the trained parameters of one group, of encoder and model; their number. */
static int64_t list_group(dim_model *model, uint32_t group, dim__param **list, int64_t *counts)
{
    dim__params *const stores[2] = { &model->enc->params, &model->params };
    int64_t n = 0;
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < stores[k]->count; i++) {
            dim__param *p = stores[k]->list[i];
            if (p->spec.state || p->spec.group != group)
                continue;
            list[n] = p;
            counts[n++] = p->count;
        }
    return n;
}

const dim_optimizer_options *dim__model_group_options(const dim_model *model, int64_t group)
{
    const dim__model_prior *p = group >= 1 && group <= model->n_priors ? &model->priors[group - 1] : NULL;
    return p != NULL && p->spec.own_optimizer ? &p->spec.optimizer : &model->optimizer;
}

dim_status dim__model_make_optimizers(dim_model *model)
{
    dim_context *ctx = model->ctx;
    if (model->optims != NULL)
        return DIM_OK;
    int64_t n_groups = dim__model_groups_count(model), total = 0, most = model->enc->params.count + model->params.count;
    dim__optim *optims = dim__calloc(ctx, (size_t)n_groups, sizeof *optims);
    dim__param **trained = dim__calloc(ctx, (size_t)most, sizeof *trained);
    int64_t *counts = dim__calloc(ctx, (size_t)most, sizeof *counts);
    dim_status status = optims != NULL && trained != NULL && counts != NULL ? DIM_OK : DIM_E_NOMEM;
    int64_t made = 0;
    for (; status == DIM_OK && made < n_groups; made++) {
        int64_t n = list_group(model, (uint32_t)made, trained + total, counts);
        status = dim__optim_init(&optims[made], ctx, dim__model_group_options(model, made));
        if (status != DIM_OK)
            break;
        status = n > 0 ? dim__optim_prepare(&optims[made], n, counts) : DIM_OK; /* the KL prior trains nothing */
        for (int64_t i = 0; status == DIM_OK && i < n; i++)
            optims[made].slots[i].w = trained[total + i]->data;
        total += n;
    }
    dim__free(ctx, counts);
    if (status == DIM_OK) {
        model->optims = optims;
        model->trained = trained;
        model->n_trained = total;
        return DIM_OK;
    }
    for (int64_t i = 0; i < made; i++)
        dim__optim_free(&optims[i]);
    dim__free(ctx, optims);
    dim__free(ctx, trained);
    return status;
}
