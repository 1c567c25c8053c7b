/* Linear support vector machines on standardised features: the loss is that of scikit-learn's LinearSVC(loss="hinge"),
 * the intercept being the weight of a constant feature of 1 and penalised as the others are. */
#include "base/math.h"
#include "eval/svm.h"

#include <inttypes.h>

/* C lambda n = 1.  Machines of small C are found soon, so the choice begins with one of them. */
static const double CS[] = {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 1e1, 1e2};
enum { BEGIN = 4, MOST = sizeof CS / sizeof CS[0], LOOKS = 1000 };

typedef struct machine {
    dim__svm s;
    dim__scaler scaler;
    int32_t *pick, *labels;  /* train's samples, those that are held out last, and their classes */
    float *z, *w;            /* (n, p), (p, classes) */
} machine;

static void machine_free(dim_context *ctx, machine *m)
{
    void *all[] = {m->pick, m->labels, m->z, m->w};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim__free(ctx, all[i]);
    dim__scaler_free(ctx, &m->scaler);
}

static dim_status machine_init(machine *m, const dim_probe_options *o, const dim__probe_data *data)
{
    dim_context *ctx = m->s.ctx;
    const size_t n = (size_t)data->n, p = (size_t)data->d + 1, c = (size_t)data->classes;
    if (data->n > INT32_MAX)
        return dim__fail(ctx, DIM_E_INVALID, "%" PRId64 " training samples are more than %d", data->n, INT32_MAX);
    DIM__TRY(dim__scaler_create(ctx, data->train, data->n, data->d, &m->scaler));
    m->labels = dim__calloc(ctx, n, sizeof *m->labels);
    m->z = dim__calloc(ctx, n, p * sizeof *m->z);
    m->w = dim__calloc(ctx, p, c * sizeof *m->w);
    if (m->labels == NULL || m->z == NULL || m->w == NULL)
        return DIM_E_NOMEM;
    for (int64_t i = 0; i < data->n; i++)
        m->labels[i] = data->train_labels[m->pick != NULL ? m->pick[i] : i];
    dim__scaler_rows(ctx, &m->scaler, data->train, m->pick, 0, data->n, m->z);
    m->s = (dim__svm){.ctx = ctx, .p = data->d + 1, .classes = data->classes, .z = m->z, .labels = m->labels,
                      .seed = o->seed, .looks = o->epochs != 0 ? o->epochs : LOOKS, .w = m->w};
    return DIM_OK;
}

static double hinge(const float *scores, int64_t classes, int32_t label)
{
    double sum = 0;
    for (int64_t c = 0; c < classes; c++) {
        double below = 1 - (c == label ? 1 : -1) * (double)scores[c];
        sum += below > 0 ? below : 0;
    }
    return sum;
}

static dim_status held_out(const machine *m, const dim__probe_data *data, int64_t cut, double *share, double *loss)
{
    dim__linear_test held = {.scaler = &m->scaler, .x = data->train, .w = m->w, .labels = data->train_labels,
                             .pick = m->pick, .first = cut, .last = data->n, .classes = data->classes, .loss = hinge};
    return dim__linear_test_run(m->s.ctx, &held, share, loss);
}

/* Walks the grid from its beginning down, then up, as long as something gets better.  The choice is the C with the most right
 * on the samples from cut on, of equally good ones that of the least hinge loss. */
static dim_status choose(machine *m, const dim__probe_data *data, int64_t cut, double *c, dim_probe_result *result)
{
    double least = (double)INFINITY, loss_of_best = 0, share, loss;
    int at = -1;
    for (int way = -1; way <= 1; way += 2) {
        bool better = true;
        for (int i = way < 0 ? BEGIN : BEGIN + 1; i >= 0 && i < MOST && better; i += way) {
            DIM__TRY(dim__svm_fit(&m->s, cut, CS[i]));
            DIM__TRY(held_out(m, data, cut, &share, &loss));
            better = at < 0 || share > result->validation_accuracy || loss < least;
            least = loss < least ? loss : least;
            if (at >= 0 && (share < result->validation_accuracy ||
                            (share == result->validation_accuracy && !(loss < loss_of_best))))
                continue;
            at = i;
            result->validation_accuracy = share;
            loss_of_best = loss;
        }
    }
    result->edge = at == 0 || at == MOST - 1;
    *c = CS[at];
    return DIM_OK;
}

static dim_status fit_once(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data, uint32_t run,
                           dim_probe_result *result)
{
    dim_status status;
    machine m = {.s.ctx = ctx};
    const bool choice = o->lambda == 0 && o->validation != 0, part = o->runs > 1;
    int64_t cut = data->n;
    double c = 1, loss;
    if (choice || part)
        DIM__TRY(dim__probe_split(ctx, o, data->n, run, &cut, &m.pick));
    DIM__TRY_OR(done, machine_init(&m, o, data));
    if (choice)
        DIM__TRY_OR(done, choose(&m, data, cut, &c, result));
    const int64_t n = part ? cut : data->n;
    if (o->lambda != 0)
        c = 1 / ((double)o->lambda * (double)n);
    DIM__TRY_OR(done, dim__svm_fit(&m.s, n, c));
    if (part)
        DIM__TRY_OR(done, held_out(&m, data, cut, &result->validation_accuracy, &loss));
    result->lambda = o->lambda != 0 ? (double)o->lambda : 1 / (c * (double)n);
    result->chosen = (double)m.s.most;
    result->converged = m.s.converged;
    if (!m.s.converged)
        dim__log(ctx, DIM_LOG_WARNING, "SVM probe: not converged after %" PRIu32 " looks at train", m.s.most);
    DIM__TRY_OR(done, dim__linear_result(ctx, data, &m.scaler, m.w, result));
done:
    machine_free(ctx, &m);
    return status;
}

dim_status dim__probe_svm(dim_context *ctx, const dim_probe_options *o, const dim__probe_data *data,
                          dim_probe_result *result)
{
    return dim__probe_runs(ctx, o, data, fit_once, result);
}
