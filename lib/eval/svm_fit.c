/* Dual coordinate descent for linear support vector machines with the hinge loss: Hsieh, Chang, Lin, Keerthi and
 * Sundararajan, "A dual coordinate descent method for large-scale linear SVM", ICML 2008, algorithm 3 with its shrinking.
 *
 *     minimise over 0 <= alpha_i <= C    |w|^2 / 2 - sum alpha_i,    w = sum alpha_i y_i z_i
 *
 * one alpha after the other, in random order, until the projected gradients of all of them lie within TOLERANCE, which is what
 * LIBLINEAR and scikit-learn's LinearSVC stop at.  LIBLINEAR itself does not serve: it prints by a pointer that all of a process
 * share, orders samples by rand(), allocates without asking, and wants rows as lists of pairs, four times the memory. */
#include "base/pool.h"
#include "base/rng.h"
#include "eval/svm.h"
#include "kernels/kernels.h"

#include <math.h>

static const double TOLERANCE = 1e-4;

typedef struct problem { /* a class against the rest, on one thread */
    const dim__svm *s;
    int64_t n, active;    /* samples; those that are not shrunk away, first in order */
    int32_t class;
    double c;
    const double *square; /* (n): |z_i|^2 */
    double *alpha;        /* (n) */
    double *sum;          /* (p): w in double */
    float *w;             /* (p) */
    int32_t *order;       /* (n) */
    uint64_t drawn;
    uint32_t word[4];
    double most, least;   /* projected gradients of the last look */
    double above, below;  /* a sample at a bound whose gradient is beyond them is shrunk away */
} problem;

static int64_t draw(problem *q, int64_t bound)
{
    if (q->drawn % 4 == 0)
        dim__philox(q->s->seed, (uint64_t)q->class, q->drawn / 4, q->word);
    return (int64_t)((uint64_t)q->word[q->drawn++ % 4] * (uint64_t)bound >> 32);
}

static void shuffle(problem *q)
{
    for (int64_t i = q->active - 1; i > 0; i--) {
        int64_t j = draw(q, i + 1);
        int32_t kept = q->order[i];
        q->order[i] = q->order[j];
        q->order[j] = kept;
    }
}

static void look(problem *q)
{
    const dim__kernels *kernels = q->s->ctx->kernels;
    const int64_t p = q->s->p;
    shuffle(q);
    q->most = -(double)INFINITY;
    q->least = (double)INFINITY;
    for (int64_t k = 0; k < q->active; k++) {
        const int32_t i = q->order[k];
        const float *z = q->s->z + i * p;
        double y = q->s->labels[i] == q->class ? 1 : -1, a = q->alpha[i];
        float score;
        kernels->dot_rows(&score, z, p, q->w, 1, p);
        double gradient = y * (double)score - 1;
        if ((a == 0 && gradient > q->above) || (a == q->c && gradient < q->below)) {
            q->order[k--] = q->order[--q->active];
            q->order[q->active] = i;
            continue;
        }
        if ((a == 0 && gradient > 0) || (a == q->c && gradient < 0))
            gradient = 0;
        q->most = gradient > q->most ? gradient : q->most;
        q->least = gradient < q->least ? gradient : q->least;
        if (fabs(gradient) <= 1e-12)
            continue;
        double next = a - gradient / q->square[i];
        q->alpha[i] = next < 0 ? 0 : next > q->c ? q->c : next;
        kernels->axpy(q->w, (float)((q->alpha[i] - a) * y), z, p);
    }
}

/* w of the alphas: rounding has added up in that of the updates. */
static void renew(problem *q)
{
    const int64_t p = q->s->p;
    memset(q->sum, 0, (size_t)p * sizeof *q->sum);
    for (int64_t i = 0; i < q->n; i++) {
        const float *z = q->s->z + i * p;
        double a = q->s->labels[i] == q->class ? q->alpha[i] : -q->alpha[i];
        for (int64_t j = 0; j < p && a != 0; j++)
            q->sum[j] += a * (double)z[j];
    }
    for (int64_t j = 0; j < p; j++)
        q->w[j] = (float)q->sum[j];
}

static void all_active(problem *q)
{
    q->active = q->n;
    q->above = (double)INFINITY;
    q->below = -(double)INFINITY;
}

/* Whether it converged.  What the samples that are left agree on is tried on all. */
static bool solve(problem *q, uint32_t *looks)
{
    memset(q->alpha, 0, (size_t)q->n * sizeof *q->alpha);
    memset(q->w, 0, (size_t)q->s->p * sizeof *q->w);
    for (int64_t i = 0; i < q->n; i++)
        q->order[i] = (int32_t)i;
    all_active(q);
    for (*looks = 0; *looks < q->s->looks;) {
        bool all = q->active == q->n;
        look(q);
        ++*looks;
        if (q->most - q->least > TOLERANCE) {
            q->above = q->most > 0 ? q->most : (double)INFINITY;
            q->below = q->least < 0 ? q->least : -(double)INFINITY;
            continue;
        }
        renew(q);
        if (all && q->active == q->n)
            return true;
        all_active(q);
    }
    renew(q);
    return false;
}

typedef struct fit {
    dim__svm *s;
    int64_t n;
    double c;
    double *square;   /* (n) */
    double *alpha;    /* (pieces, n) */
    double *sum;      /* (pieces, p) */
    float *w;         /* (pieces, p) */
    int32_t *order;   /* (pieces, n) */
    uint32_t *looks;  /* (classes) */
    bool *converged;  /* (classes) */
} fit;

static void fit_classes(void *arg, int64_t begin, int64_t end, int thread)
{
    const fit *f = arg;
    const dim__svm *s = f->s;
    problem q = {.s = s, .n = f->n, .c = f->c, .square = f->square, .alpha = f->alpha + thread * f->n,
                 .sum = f->sum + thread * s->p, .w = f->w + thread * s->p, .order = f->order + thread * f->n};
    for (int64_t c = begin; c < end; c++) {
        q.class = (int32_t)c;
        q.drawn = 0;
        f->converged[c] = solve(&q, &f->looks[c]);
        for (int64_t j = 0; j < s->p; j++)
            s->w[j * s->classes + c] = q.w[j];
    }
}

static void squares(void *arg, int64_t begin, int64_t end, int thread)
{
    const fit *f = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        f->square[i] = f->s->ctx->kernels->sum_sq(f->s->z + i * f->s->p, f->s->p);
}

dim_status dim__svm_fit(dim__svm *s, int64_t n, double c)
{
    dim_status status = DIM_E_NOMEM;
    dim_context *ctx = s->ctx;
    const int64_t problems = s->classes == 2 ? 1 : s->classes;
    const size_t pieces = (size_t)dim__parallel_pieces(ctx, problems, 1), rows = (size_t)n, p = (size_t)s->p;
    fit f = {.s = s, .n = n, .c = c};
    f.square = dim__calloc(ctx, rows, sizeof *f.square);
    f.alpha = dim__calloc(ctx, pieces * rows, sizeof *f.alpha);
    f.sum = dim__calloc(ctx, pieces * p, sizeof *f.sum);
    f.w = dim__calloc(ctx, pieces * p, sizeof *f.w);
    f.order = dim__calloc(ctx, pieces * rows, sizeof *f.order);
    f.looks = dim__calloc(ctx, (size_t)problems, sizeof *f.looks);
    f.converged = dim__calloc(ctx, (size_t)problems, sizeof *f.converged);
    if (f.square == NULL || f.alpha == NULL || f.sum == NULL || f.w == NULL || f.order == NULL || f.looks == NULL ||
        f.converged == NULL)
        goto done;
    dim__parallel(ctx, n, 1 + 16384 / s->p, squares, &f);
    dim__parallel(ctx, problems, 1, fit_classes, &f);
    for (int64_t j = 0; j < s->p && s->classes == 2; j++)
        s->w[2 * j + 1] = -s->w[2 * j];
    s->most = 0;
    s->converged = true;
    for (int64_t i = 0; i < problems; i++) {
        s->most = f.looks[i] > s->most ? f.looks[i] : s->most;
        s->converged = s->converged && f.converged[i];
    }
    status = DIM_OK;
done:;
    void *all[] = {f.square, f.alpha, f.sum, f.w, f.order, f.looks, f.converged};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        dim__free(ctx, all[i]);
    return status;
}
