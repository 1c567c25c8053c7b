#include "ops/product.h"

#include "base/pool.h"
#include "kernels/kernels.h"
#include "ops/run.h"

#include <string.h>

dim_status dim__product_prepare(dim__infer *inf, dim__product_key key)
{
    const dim__product_plan *plan = NULL;
    if (inf->in_type[0] != inf->in_type[1])
        return dim__infer_fail(inf, 1, "the type of input 0");
    key.f32 = inf->in_type[0] != DIM__BF16;
    bool onto = inf->n_in > 2 && dim__shape_count(&inf->in[2]) != key.n; /* a matrix, which a plan would overwrite */
    if (!onto)
        DIM__TRY(dim__product_plan_get(inf->ctx, &key, &plan));
    inf->attr->plan = plan;
    return DIM_OK;
}

size_t dim__product_workspace(const dim__infer *inf)
{
    return inf->attr->plan != NULL ? dim__product_plan_workspace(inf->ctx, inf->attr->plan) : 0;
}

void dim__hold_plan(const dim__op *op, const dim__exec *e, int by)
{
    if ((op->flags & DIM__OP_PRODUCT) != 0 && e->attr->plan != NULL)
        dim__plan_hold(e->ctx, e->attr->plan, by);
}

typedef struct product_job {
    const dim__exec *e;
    const dim__product_key *key;
} product_job;

/* Rows of what the product is added to, in the place of the result. */
static void start_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const product_job *job = arg;
    const float *onto = job->e->in[2];
    int64_t n = job->key->n;
    bool row = dim__shape_count(job->e->in_shape[2]) == n;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        memcpy((float *)job->e->out[0] + i * n, row ? onto : onto + i * n, (size_t)n * sizeof *onto);
}

static double float_of(uint16_t half)
{
    uint32_t bits = (uint32_t)half << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Rows of C as a textbook has them: for a plan that ran out of memory. */
static void plain_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const product_job *job = arg;
    const dim__exec *e = job->e;
    const dim__product_key *k = job->key;
    const uint16_t *a = e->in[0], *b = e->in[1];
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        for (int64_t j = 0; j < k->n; j++) {
            double sum = 0;
            for (int64_t l = 0; l < k->k; l++)
                sum += float_of(a[k->trans_a ? l * k->m + i : i * k->k + l]) *
                       float_of(b[k->trans_b ? j * k->k + l : l * k->n + j]);
            float c = (float)sum;
            if (k->bf16_out)
                e->ctx->kernels->to_bf16((uint16_t *)e->out[0] + i * k->n + j, &c, 1);
            else
                ((float *)e->out[0])[i * k->n + j] = c;
        }
}

/* The row that a plan's product is added to. */
static void add_task(void *arg, int64_t begin, int64_t end, int thread)
{
    const product_job *job = arg;
    int64_t n = job->key->n;
    float *c = (float *)job->e->out[0] + begin * n;
    (void)thread;
    job->e->ctx->kernels->add_bias(c, c, job->e->in[2], end - begin, n);
}

static bool run_plan(const dim__exec *e)
{
    return e->attr->plan != NULL &&
           dim__product_plan_run(e->ctx, e->attr->plan, e->in[0], e->in[1], e->out[0], e->workspace);
}

void dim__product_run(const dim__exec *e, dim__product_key key)
{
    int64_t lda = key.trans_a ? key.m : key.k, ldb = key.trans_b ? key.k : key.n;
    bool onto = e->n_in > 2, planned = run_plan(e);
    if (planned && onto)
        dim__parallel(e->ctx, key.m, 1 + DIM__GRAIN / (1 + key.n), add_task, &(product_job){ e, &key });
    if (planned)
        return;
    if (e->in_type[0] != DIM__BF16) {
        if (onto && e->in[2] != e->out[0])
            dim__parallel(e->ctx, key.m, 1 + DIM__GRAIN / (1 + key.n), start_task, &(product_job){ e, &key });
        dim__gemm(e->ctx, key.trans_a, key.trans_b, key.m, key.n, key.k, 1, e->in[0], lda, e->in[1], ldb, onto,
                  e->out[0], key.n);
        return;
    }
    product_job job = { e, &key };
    dim__parallel(e->ctx, key.m, 1 + ((int64_t)1 << 16) / (1 + key.n * key.k), plain_task, &job);
}
