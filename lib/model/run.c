/* One step: forward, a look at the loss, gradient, a look at the gradients, state updates, parameter updates. */
#include "base/math.h"
#include "base/pool.h"
#include "kernels/kernels.h"
#include "model/model.h"

/* Where this program leaves the gradients; NULL where none flows. */
static dim_status bind_gradients(dim_model *model, dim__model_program *p)
{
    dim__graph *g = dim__program_graph(p->program);
    DIM__TRY(dim__model_make_optimizers(model));
    if (p->bound)
        return DIM_OK;
    for (int64_t i = 0; i < model->n_trained; i++)
        for (int64_t v = 0; v < g->n_values; v++)
            if (g->values[v].kind == DIM__PARAM && g->values[v].param == model->trained[i])
                p->grads[i] = dim__program_data(p->program, dim__graph_grad(g, (dim__vid)v));
    p->bound = true;
    return DIM_OK;
}

typedef struct finite_task {
    const dim_model *model;
    const dim__model_program *p;
    bool bad[256];
} finite_task;

/* Over the elements of all gradients, one after the other, as if they were one. */
static void finite_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    finite_task *t = arg;
    bool good = true;
    int64_t start = 0;
    for (int64_t i = 0; i < t->model->n_trained && start < end; i++) {
        int64_t count = t->model->trained[i]->count, first = dim__max64(begin - start, 0);
        int64_t last = dim__min64(end - start, count);
        start += count;
        if (t->p->grads[i] != NULL && first < last)
            good = good && t->model->ctx->kernels->finite(t->p->grads[i] + first, last - first);
    }
    t->bad[thread] = !good;
}

static bool all_finite(dim_model *model, const dim__model_program *p)
{
    finite_task t = { .model = model, .p = p };
    int64_t total = 0;
    for (int64_t i = 0; i < model->n_trained; i++)
        total += model->trained[i]->count;
    dim__parallel(model->ctx, total, 1 << 16, finite_piece, &t);
    for (size_t k = 0; k < sizeof t.bad / sizeof *t.bad; k++)
        if (t.bad[k])
            return false;
    return true;
}

static dim_status check_gradients(dim_model *model, const dim__model_program *p)
{
    if (all_finite(model, p))
        return DIM_OK;
    for (int64_t i = 0; i < model->n_trained; i++)
        if (p->grads[i] != NULL && !model->ctx->kernels->finite(p->grads[i], model->trained[i]->count))
            return dim__fail(model->ctx, DIM_E_NUMERIC,
                             "the gradient of '%s' is not finite at step %llu; nothing was updated",
                             model->trained[i]->name, (unsigned long long)model->steps);
    return DIM_OK;
}

/* One outlier can make a variance infinite while loss and gradients are not, and a running variance would stay so. */
static dim_status check_states(dim_model *model, const dim__model_program *p)
{
    const dim__param *bad = dim__program_bad_state(p->program);
    if (bad == NULL)
        return DIM_OK;
    return dim__fail(model->ctx, DIM_E_NUMERIC, "the batch's share of '%s' is not finite at step %llu; nothing was updated",
                     bad->name, (unsigned long long)model->steps);
}

static void update(dim_model *model, const dim__model_program *p)
{
    int64_t at = 0;
    for (int64_t k = 0; k < dim__model_groups_count(model); k++) {
        dim__optim *opt = &model->optims[k];
        for (int64_t i = 0; i < opt->n_slots; i++)
            opt->slots[i].g = p->grads[at++];
        if (k <= model->n_priors || p->mode == DIM__RUN_LABELED)
            dim__optim_step(opt);
    }
}

/* Classes of the rows: the images' labels once for each view. */
static dim_status fill_labels(dim_model *model, const dim_tensor *labels, int64_t n, int32_t *out)
{
    char text[128];
    if (labels->dtype != DIM_I32 && labels->dtype != DIM_I64)
        return dim__fail(model->ctx, DIM_E_SHAPE, "labels are %s; they must be i32 or i64",
                         dim__dtype_name(labels->dtype));
    if (labels->rank != 1 || labels->shape[0] != n)
        return dim__fail(model->ctx, DIM_E_SHAPE, "labels have shape %s; it must be (%lld)",
                         dim__shape_text(text, labels->rank, labels->shape), (long long)n);
    for (int64_t i = 0; i < n; i++) {
        int64_t at = i * labels->stride[0];
        int64_t label =
            labels->dtype == DIM_I32 ? ((const int32_t *)labels->data)[at] : ((const int64_t *)labels->data)[at];
        for (int64_t k = 0; k < model->n_classifiers; k++)
            if (label < 0 || label >= (int64_t)model->classifiers[k].o.classes)
                return dim__fail(model->ctx, DIM_E_INVALID, "label %lld of image %lld is outside [0, %u)",
                                 (long long)label, (long long)i, model->classifiers[k].o.classes);
        for (int64_t v = 0; v < model->views; v++)
            out[v * n + i] = (int32_t)label;
    }
    return DIM_OK;
}

static dim_status check_batch(const dim_model *model, int64_t rows)
{
    if (rows % model->views != 0)
        return dim__fail(model->ctx, DIM_E_SHAPE, "a batch of %lld does not hold %lld views of each image",
                         (long long)rows, (long long)model->views);
    if (rows / model->views < 2)
        return dim__fail(model->ctx, DIM_E_SHAPE, "a batch of %lld has no negatives; it needs 2 images at least",
                         (long long)(rows / model->views));
    return DIM_OK;
}

dim_status dim__model_run(dim_model *model, const dim_tensor *images, const dim_tensor *labels, dim__run_mode mode)
{
    int64_t rows;
    dim__model_program *p;
    DIM__TRY(dim__encoder_check_input(model->enc, 0, images, &rows));
    DIM__TRY(check_batch(model, rows));
    DIM__TRY(dim__model_fix(model));
    DIM__TRY(dim__model_compile(model, rows, mode, &p));
    if (mode != DIM__RUN_EVALUATE)
        DIM__TRY(bind_gradients(model, p));
    if (mode == DIM__RUN_LABELED)
        DIM__TRY(fill_labels(model, labels, rows / model->views, dim__program_data(p->program, p->labels)));
    dim__encoder_fill_input(model->enc, 0, images, 0, rows, dim__program_data(p->program, p->input));
    dim__program_forward(p->program, model->seed, model->steps);
    DIM__TRY(dim__model_check_losses(model, p));
    p->at_step = model->steps;
    if (mode != DIM__RUN_EVALUATE) {
        dim__program_gradient(p->program, model->seed, model->steps);
        DIM__TRY(check_gradients(model, p));
        DIM__TRY(check_states(model, p));
        dim__program_commit(p->program, model->seed, model->steps);
        update(model, p);
        model->steps++;
    }
    dim__model_collect(model, p);
    return DIM_OK;
}
