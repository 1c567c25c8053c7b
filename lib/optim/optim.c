#include "optim/optim.h"

#include "base/math.h"
#include "base/pool.h"
#include "optim/rules.h"
#include <inttypes.h>

enum {
    GRAIN = 16384,    /* elements that are worth a thread */
    BLOCK = 1024,     /* elements clamped at a time */
    MAX_PIECES = 256, /* a context has no more threads */
    LINE = 16         /* floats of one cache line: states start on lines of their own */
};

#define RULE_ENTRY(kind, rule) [DIM_OPTIMIZER_##kind] = &dim__rule_##rule,
static const dim__rule *const RULES[] = {DIM__RULE_LIST(RULE_ENTRY)};
#undef RULE_ENTRY

const dim__rule *dim__rule_of(dim_optimizer_kind kind)
{
    size_t i = (size_t)kind;
    return i < sizeof RULES / sizeof RULES[0] ? RULES[i] : NULL;
}

const char *dim__rule_name(int kind)
{
#define RULE_NAME(kind, rule) [DIM_OPTIMIZER_##kind] = #rule,
    static const char *const names[] = {DIM__RULE_LIST(RULE_NAME)};
#undef RULE_NAME
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

typedef struct step_task {
    dim__optim *opt;
    const dim__rule *rule;
    dim__update update;
    double squares[MAX_PIECES]; /* of each thread's piece */
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
    (void)s;
    (void)first;
    t->squares[thread] += t->update.kernels->sum_sq(g, n);
}

static void apply(step_task *t, dim__slot *s, int64_t first, const float *g, int64_t n, int thread)
{
    (void)thread;
    t->rule->update(&t->update, s->w + first, s->m == NULL ? NULL : s->m + first, s->v == NULL ? NULL : s->v + first, g,
                    n);
}

static void norm_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    each_part(arg, begin, end, thread, add_squares);
}

static void update_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    each_part(arg, begin, end, thread, apply);
}

void dim__optim_step(dim__optim *opt)
{
    int64_t total = 0;
    step_task t = {.opt = opt, .rule = dim__rule_of(opt->o.kind)};
    double steps = (double)opt->steps + 1;
    t.update = (dim__update){.kernels = opt->ctx->kernels,
                             .o = &opt->o,
                             .lr = (double)dim__schedule_lr(&opt->o, opt->steps),
                             .bias1 = 1 - pow((double)opt->o.beta1, steps),
                             .bias2 = 1 - pow((double)opt->o.beta2, steps),
                             .grad_scale = 1};
    for (int64_t i = 0; i < opt->n_slots; i++)
        total += opt->slots[i].count;
    if (opt->o.clip_norm > 0) {
        double sum = 0;
        dim__parallel(opt->ctx, total, GRAIN, norm_piece, &t);
        for (int i = 0; i < MAX_PIECES; i++)
            sum += t.squares[i];
        opt->grad_norm = sqrt(sum);
        if (!isfinite(opt->grad_norm))
            return;
        /* PyTorch's clip_grad_norm_, its 1e-6 included */
        double scale = (double)opt->o.clip_norm / (opt->grad_norm + 1e-6);
        t.update.grad_scale = scale < 1 ? (float)scale : 1;
    }
    dim__parallel(opt->ctx, total, GRAIN, update_piece, &t);
    opt->steps++;
}
