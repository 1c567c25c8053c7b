/* The loss of linear probes: cross-entropy of a softmax of scores. */
#include "base/math.h"
#include "base/pool.h"
#include "eval/eval.h"

double dim__cross_entropy(const float *scores, int64_t classes, int32_t label)
{
    float top = scores[0];
    double sum = 0;
    for (int64_t j = 1; j < classes; j++)
        top = scores[j] > top ? scores[j] : top;
    for (int64_t j = 0; j < classes; j++)
        sum += (double)expf(scores[j] - top);
    return log(sum) + (double)top - (double)scores[label];
}

typedef struct softmax_task {
    float *scores;
    const int32_t *labels, *pick;
    int64_t classes;
    float scale;
    double *losses;
} softmax_task;

static void softmax_rows(void *arg, int64_t begin, int64_t end, int thread)
{
    const softmax_task *t = arg;
    const int64_t c = t->classes;
    (void)thread;
    for (int64_t i = begin; i < end; i++) {
        float *s = t->scores + i * c, top = s[0];
        int32_t label = t->labels[t->pick != NULL ? t->pick[i] : i];
        double sum = 0, own = (double)s[label];
        for (int64_t j = 1; j < c; j++)
            top = s[j] > top ? s[j] : top;
        for (int64_t j = 0; j < c; j++)
            sum += (double)(s[j] = expf(s[j] - top));
        if (t->losses != NULL)
            t->losses[i] = log(sum) + (double)top - own;
        float scale = (float)((double)t->scale / sum);
        for (int64_t j = 0; j < c; j++)
            s[j] *= scale;
        s[label] -= t->scale;
    }
}

void dim__softmax_grad(dim_context *ctx, float *scores, const int32_t *labels, const int32_t *pick, int64_t n,
                       int64_t classes, float scale, double *losses)
{
    softmax_task t = {scores, labels, pick, classes, scale, losses};
    dim__parallel(ctx, n, 1 + 1024 / classes, softmax_rows, &t);
}
