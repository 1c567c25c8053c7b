/* Programs of the objective. */
#include "model/model.h"

/* Notes with room for what a program of this model has. */
static size_t notes_size(const dim_model *model)
{
    return sizeof(dim__model_program) +
           (size_t)(model->enc->params.count + model->params.count) * sizeof(const float *) +
           (size_t)model->n_reports * sizeof(dim__vid);
}

typedef struct request {
    dim_model *model;
    int64_t batch;
    dim__run_mode mode;
} request;

static int emit(void *arg, dim__graph *g, void *notes, dim__aim *aims)
{
    const request *r = arg;
    dim__model_program *p = notes;
    p->mode = r->mode;
    p->grads = (const float **)(p + 1);
    p->reports = (dim__vid *)(p->grads + r->model->enc->params.count + r->model->params.count);
    dim__model_emit(r->model, g, r->batch, p);
    aims[0] = (dim__aim){ p->total, DIM__REACH_ALL };
    return r->mode != DIM__RUN_EVALUATE;
}

dim_status dim__model_compile(dim_model *model, int64_t batch, dim__run_mode mode, dim__model_program **out)
{
    request r = { model, batch, mode };
    dim__compiled *c;
    DIM__TRY(dim__compile(&model->programs,
                          &(dim__recipe){ .key = { { DIM__PROGRAM_OBJECTIVE, mode, batch } }, .emit = emit, .arg = &r,
                                          .notes = notes_size(model) }, &c));
    *out = c->notes;
    (*out)->program = c->program;
    return DIM_OK;
}

/* Parameters and reports are declared by being emitted once. */
static dim_status declare(dim_model *model)
{
    dim__graph *g = NULL;
    dim__model_program p = { .mode = DIM__RUN_LABELED };
    model->n_reports = 0;
    DIM__TRY(dim__graph_create(model->ctx, &g));
    dim__model_emit(model, g, 2 * model->views, &p);
    dim_status status = dim__graph_status(g);
    dim__graph_destroy(g);
    return status == DIM_OK ? dim__model_list_training(model) : status;
}

static dim_status make_room_for_code(dim_model *model)
{
    const int64_t *code = model->enc->stack.layers[model->enc->global].out;
    size_t units = dim__is_map(code) ? 0 : (size_t)code[0];
    if (model->code_mean == NULL)
        model->code_mean = dim__calloc(model->ctx, units, sizeof *model->code_mean);
    if (model->code_std == NULL)
        model->code_std = dim__calloc(model->ctx, units, sizeof *model->code_std);
    return model->code_mean != NULL && model->code_std != NULL ? DIM_OK : DIM_E_NOMEM;
}

dim_status dim__model_fix(dim_model *model)
{
    if (model->fixed)
        return DIM_OK;
    if (model->n_terms + model->n_priors == 0)
        return dim__fail(model->ctx, DIM_E_STATE, "the model has no terms: add one with dim_model_add_term()");
    dim_status status = declare(model);
    if (status == DIM_OK)
        status = make_room_for_code(model);
    if (status != DIM_OK)
        model->n_reports = 0;
    model->fixed = status == DIM_OK;
    return status;
}
