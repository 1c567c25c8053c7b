#include "optim/optim.h"

#include "base/math.h"
#include "base/pool.h"
#include "optim/rules.h"
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum {
    GRAIN = 16384,    /* elements that are worth a thread */
    BLOCK = 1024,     /* elements clamped at a time */
    MAX_PIECES = 256, /* a context has no more threads */
    LINE = 16         /* floats of one cache line: states start on lines of their own */
};

static const dim__rule *const RULES[] = {
#define X(kind, rule) [DIM_OPTIMIZER_##kind] = &dim__rule_##rule,
#include "optim/rule_list.def"
#undef X
};

const dim__rule *dim__rule_of(dim_optimizer_kind kind)
{
    size_t i = (size_t)kind;
    return i < sizeof RULES / sizeof RULES[0] ? RULES[i] : NULL;
}

const char *dim__rule_name(int kind)
{
    static const char *const names[] = {
#define X(kind, rule) [DIM_OPTIMIZER_##kind] = #rule,
#include "optim/rule_list.def"
#undef X
    };
    return dim__rule_of((dim_optimizer_kind)kind) != NULL ? names[kind] : NULL;
}

dim_status dim__optim_init(dim__optim *opt, dim_context *ctx, const dim_optimizer_options *checked)
{
    memset(opt, 0, sizeof *opt);
    opt->ctx = ctx;
    opt->o = *checked;
    return DIM_OK;
}

static dim_status check_same(dim__optim *opt, int64_t n, const int64_t *counts)
{
    if (n != opt->n_slots)
        return dim__fail(opt->ctx, DIM_E_SHAPE, "%" PRId64 " parameters, but the optimizer has state for %" PRId64, n,
                         opt->n_slots);
    for (int64_t i = 0; i < n; i++)
        if (counts[i] != opt->slots[i].count)
            return dim__fail(opt->ctx, DIM_E_SHAPE, "parameter %" PRId64 " has %" PRId64
                             " elements, but the optimizer has state for %" PRId64, i, counts[i], opt->slots[i].count);
    return DIM_OK;
}

/* By the threads, so that each first touches about what it will update. */
static void clear_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    (void)thread;
    memset((float *)arg + begin, 0, (size_t)(end - begin) * sizeof(float));
}

dim_status dim__optim_prepare(dim__optim *opt, int64_t n, const int64_t *counts)
{
    const dim__rule *rule = dim__rule_of(opt->o.kind);
    bool m = rule->needs_m || (rule->m_with_momentum && opt->o.momentum > 0), v = rule->needs_v;
    int64_t total = 0;
    if (opt->slots != NULL)
        return check_same(opt, n, counts);
    for (int64_t i = 0; i < n; i++)
        total += (counts[i] + LINE - 1) / LINE * LINE;
    dim__slot *slots = dim__calloc(opt->ctx, (size_t)n, sizeof *slots);
    if (slots == NULL)
        return DIM_E_NOMEM;
    total *= m + v;
    float *at = dim__alloc(opt->ctx, (size_t)total * sizeof *at);
    if (at == NULL) {
        dim__free(opt->ctx, slots);
        return DIM_E_NOMEM;
    }
    opt->states = at;
    dim__parallel(opt->ctx, total, GRAIN, clear_piece, at);
    for (int64_t i = 0; i < n; i++) {
        int64_t room = (counts[i] + LINE - 1) / LINE * LINE;
        slots[i].count = counts[i];
        slots[i].m = m ? at : NULL;
        at += m ? room : 0;
        slots[i].v = v ? at : NULL;
        at += v ? room : 0;
    }
    opt->slots = slots;
    opt->n_slots = n;
    return DIM_OK;
}

void dim__optim_free(dim__optim *opt)
{
    if (opt->ctx == NULL)
        return;
    dim__free(opt->ctx, opt->states);
    dim__free(opt->ctx, opt->slots);
    memset(opt, 0, sizeof *opt);
}

/* Where all gradients are below GRADIENT, and no step is above STEP, nothing overflows in the kernels: the square of a gradient
 * fits, and STEP is less than half of what lies between the largest floats, so that no weight is carried beyond them. */
#define GRADIENT 1e18
#define STEP 1e30
#define MOMENT 1e37

typedef struct step_task {
    dim__optim *opt;
    const dim__rule *rule;
    dim__update update;
    bool apply;                 /* exact steps: else they are tried */
    double squares[MAX_PIECES]; /* of each thread's piece */
    int64_t bad[MAX_PIECES];    /* exact steps: slot + 1 that does not fit, or 0 */
} step_task;

/* Gradients are the caller's to keep, so a clamped block is a copy.  NaN stays NaN. */
static const float *clamp(float *block, const float *g, float limit, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        block[i] = g[i] > limit ? limit : g[i] < -limit ? -limit : g[i];
    return block;
}

/* Calls f for the part of each slot, in blocks when gradients are clamped, that lies in [begin, end) of all. */
typedef void (*part_fn)(step_task *t, dim__slot *s, int64_t first, const float *g, int64_t n, int thread);

static void each_part(step_task *t, int64_t begin, int64_t end, int thread, part_fn f)
{
    float block[BLOCK];
    float limit = t->opt->o.clip_value;
    int64_t start = 0;
    for (int64_t i = 0; i < t->opt->n_slots && start < end; i++) {
        dim__slot *s = &t->opt->slots[i];
        int64_t first = dim__max64(begin - start, 0), last = dim__min64(end - start, s->count);
        start += s->count;
        while (s->g != NULL && first < last) {
            int64_t n = limit > 0 ? dim__min64(last - first, BLOCK) : last - first;
            f(t, s, first, limit > 0 ? clamp(block, s->g + first, limit, n) : s->g + first, n, thread);
            first += n;
        }
    }
}

static void add_squares(step_task *t, dim__slot *s, int64_t first, const float *g, int64_t n, int thread)
{
    t->squares[thread] += t->update.kernels->sum_sq(g, n);
    if (g != s->g + first && !t->update.kernels->finite(s->g + first, n)) /* an infinity that was clamped */
        t->squares[thread] = INFINITY;
}

static void add_weights(step_task *t, dim__slot *s, int64_t first, const float *g, int64_t n, int thread)
{
    (void)g;
    t->squares[thread] += t->update.kernels->sum_sq(s->w + first, n);
}

/* Infinite when a v is not finite. */
static void add_moments(step_task *t, dim__slot *s, int64_t first, const float *g, int64_t n, int thread)
{
    (void)g;
    if (s->m != NULL)
        t->squares[thread] += t->update.kernels->sum_sq(s->m + first, n);
    if (s->v != NULL && !t->update.kernels->finite(s->v + first, n))
        t->squares[thread] = INFINITY;
}

static void apply(step_task *t, dim__slot *s, int64_t first, const float *g, int64_t n, int thread)
{
    (void)thread;
    t->rule->update(&t->update, s->w + first, s->m == NULL ? NULL : s->m + first, s->v == NULL ? NULL : s->v + first, g,
                    n);
}

static bool fits(double x) { return fabs(x) <= FLT_MAX; } /* not NaN */

static void apply_exactly(step_task *t, dim__slot *s, int64_t first, const float *g, int64_t n, int thread)
{
    for (int64_t i = 0, k = first; i < n; i++, k++) {
        dim__element e = { .w = s->w[k], .m = s->m == NULL ? 0 : s->m[k], .v = s->v == NULL ? 0 : s->v[k] };
        t->rule->exact(&t->update, &e, g[i]);
        if (!fits(e.w) || !fits(e.m) || !fits(e.v)) {
            t->bad[thread] = t->bad[thread] == 0 ? s - t->opt->slots + 1 : t->bad[thread];
            return;
        }
        if (!t->apply)
            continue;
        s->w[k] = (float)e.w;
        if (s->m != NULL)
            s->m[k] = (float)e.m;
        if (s->v != NULL)
            s->v[k] = (float)e.v;
    }
}

#define PIECE(name, part)                                                    \
    static void name(void *arg, int64_t begin, int64_t end, int thread)      \
    {                                                                        \
        each_part(arg, begin, end, thread, part);                            \
    }
PIECE(squares_piece, add_squares)
PIECE(weights_piece, add_weights)
PIECE(moments_piece, add_moments)
PIECE(update_piece, apply)
PIECE(exact_piece, apply_exactly)
#undef PIECE

static int64_t set_up(step_task *t, dim__optim *opt)
{
    int64_t total = 0;
    double steps = (double)opt->steps + 1;
    memset(t, 0, sizeof *t);
    t->opt = opt;
    t->rule = dim__rule_of(opt->o.kind);
    t->update = (dim__update){.kernels = opt->ctx->kernels,
                              .o = &opt->o,
                              .lr = (double)dim__schedule_lr(&opt->o, opt->steps),
                              .bias1 = 1 - pow((double)opt->o.beta1, steps),
                              .bias2 = 1 - pow((double)opt->o.beta2, steps),
                              .grad_scale = opt->next.grad_scale};
    for (int64_t i = 0; i < opt->n_slots; i++)
        total += opt->slots[i].count;
    return total;
}

/* Joint norm of what the parts add up to; of numbers that are finite it is. */
static double norm_of(step_task *t, int64_t total, dim__task_fn piece)
{
    double sum = 0;
    memset(t->squares, 0, sizeof t->squares);
    dim__parallel(t->opt->ctx, total, GRAIN, piece, t);
    for (int i = 0; i < MAX_PIECES; i++)
        sum += t->squares[i];
    return sqrt(sum);
}

/* Whether the kernels may be used; norms stand for the largest elements. */
static bool is_ordinary(step_task *t, int64_t total, double norm)
{
    dim__optim *opt = t->opt;
    double decay = opt->o.weight_decay;
    if (isnan(opt->m_most))
        opt->m_most = norm_of(t, total, moments_piece);
    double g = t->update.grad_scale * norm + (decay > 0 ? decay * norm_of(t, total, weights_piece) : 0);
    opt->next.m_most = opt->m_most;
    double step = t->rule->reach(&t->update, g, &opt->next.m_most);
    return g <= GRADIENT && step <= STEP && t->update.lr <= STEP && opt->next.m_most <= MOMENT &&
           t->update.grad_scale >= FLT_MIN;
}

static int64_t first_bad_gradient(const dim__optim *opt)
{
    for (int64_t i = 0; i < opt->n_slots; i++)
        if (opt->slots[i].g != NULL && !opt->ctx->kernels->finite(opt->slots[i].g, opt->slots[i].count))
            return i;
    return -1;
}

static int64_t try_exactly(step_task *t, int64_t total)
{
    int64_t first = 0;
    dim__parallel(t->opt->ctx, total, GRAIN, exact_piece, t);
    for (int i = 0; i < MAX_PIECES && first == 0; i++)
        first = t->bad[i];
    t->opt->next.m_most = NAN;
    return first - 1;
}

int64_t dim__optim_check(dim__optim *opt)
{
    step_task t;
    opt->next.made = opt->next.exact = false;
    opt->next.grad_scale = 1;
    int64_t total = set_up(&t, opt);
    double norm = norm_of(&t, total, squares_piece);
    if (opt->o.clip_norm > 0) {
        opt->grad_norm = norm;
        /* PyTorch's clip_grad_norm_, its 1e-6 included */
        opt->next.grad_scale = t.update.grad_scale = fmin((double)opt->o.clip_norm / (norm + 1e-6), 1);
    }
    int64_t bad = isfinite(norm) ? -1 : first_bad_gradient(opt);
    if (bad >= 0)
        return bad;
    opt->next.exact = !is_ordinary(&t, total, norm);
    if (opt->next.exact)
        bad = try_exactly(&t, total);
    opt->next.made = bad < 0;
    return bad;
}

bool dim__optim_step(dim__optim *opt)
{
    step_task t;
    if (!opt->next.made && dim__optim_check(opt) >= 0)
        return false;
    int64_t total = set_up(&t, opt);
    t.apply = true;
    dim__parallel(opt->ctx, total, GRAIN, opt->next.exact ? exact_piece : update_piece, &t);
    opt->m_most = opt->next.m_most;
    opt->next.made = false;
    opt->steps++;
    return true;
}

void dim__optim_why(const dim__optim *opt, int64_t slot, char *text, size_t size)
{
    const dim__slot *s = &opt->slots[slot];
    double most = 0;
    for (int64_t i = 0; s->g != NULL && i < s->count; i++)
        most = fmax(most, fabs(s->g[i]));
    snprintf(text, size, "its largest gradient is %g, and with %s the weight or what is kept of it would not fit a float", most,
             dim__rule_name((int)opt->o.kind));
}

void dim__optim_replaced(dim__optim *opt, uint64_t steps)
{
    opt->m_most = NAN;
    opt->steps = steps;
}
