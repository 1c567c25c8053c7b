/* Where a step's time goes: seconds, FLOP/s and bytes/s of each op beside what this machine can do at most, which is
 * measured in the same process: a large matrix product and a large copy.
 *
 * Bytes are those of an op's inputs and outputs, each counted once: what it moves when nothing stays in a cache. */
#include "bench.h"

#include "base/math.h"
#include "base/pool.h"
#include "kernels/gemm.h"
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 512, NAME = 96, GEMM = 2048, COPY = 1 << 26 /* floats */ };

typedef struct row {
    char name[NAME];
    int64_t calls;
    double seconds, flops, bytes;
} row;

struct profile {
    dim_context *ctx;
    bool by_shape;
    int count;
    row rows[ROWS];
};

profile *profile_create(dim_context *ctx, bool by_shape)
{
    profile *p = calloc(1, sizeof *p);
    if (p == NULL)
        exit(1);
    p->ctx = ctx;
    p->by_shape = by_shape;
    return p;
}

void profile_destroy(profile *p) { free(p); }

static double bytes_of(const dim__op *op, const dim__exec *e)
{
    int64_t n = 0;
    for (int i = 0; i < e->n_in; i++)
        n += dim__shape_count(e->in_shape[i]) * (int64_t)dim__value_size(e->in_type[i]);
    for (int k = 0; k < op->n_out; k++)
        n += dim__shape_count(e->out_shape[k]) * (int64_t)dim__value_size(e->out_type[k]);
    return (double)n;
}

static void add_shape(char *text, const dim__shape *s, dim_dtype type)
{
    size_t at = strlen(text);
    for (int i = 0; i < s->rank; i++, at = strlen(text))
        snprintf(text + at, NAME - at, "%c%lld", i == 0 ? ' ' : 'x', (long long)s->d[i]);
    snprintf(text + at, NAME - at, "%s", type == DIM__BF16 ? "h" : "");
}

static row *find_row(profile *p, const char *name)
{
    for (int i = 0; i < p->count; i++)
        if (strcmp(p->rows[i].name, name) == 0)
            return &p->rows[i];
    row *r = &p->rows[p->count < ROWS - 1 ? p->count++ : ROWS - 1]; /* the last takes what does not fit */
    memcpy(r->name, name, NAME);
    return r;
}

static void took(void *user, const dim__op *op, const dim__exec *e, double seconds)
{
    profile *p = user;
    char name[NAME] = "";
    snprintf(name, NAME, "%s", op->name);
    for (int i = 0; p->by_shape && i < e->n_in && i < 2; i++)
        add_shape(name, e->in_shape[i], e->in_type[i]);
    row *r = find_row(p, name);
    r->calls++;
    r->seconds += seconds;
    r->flops += dim__op_flops(op, e->in_shape, e->out_shape, e->attr);
    r->bytes += bytes_of(op, e);
}

void profile_attach(profile *p, dim__program *program) { dim__program_profile(program, took, p); }

/* ---- ceilings ---------------------------------------------------------------------------------------------------- */

typedef struct copy_task {
    float *to;
    const float *from;
} copy_task;

static void copy_piece(void *arg, int64_t begin, int64_t end, int thread)
{
    const copy_task *t = arg;
    (void)thread;
    memcpy(t->to + begin, t->from + begin, (size_t)(end - begin) * sizeof *t->to);
}

/* The best of a few, since a ceiling is what can be reached. */
static void measure(dim_context *ctx, double *flops, double *bytes)
{
    size_t n = (size_t)GEMM * GEMM;
    float *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b), *c = malloc(n * sizeof *c);
    float *from = malloc(COPY * sizeof *from), *to = malloc(COPY * sizeof *to);
    *flops = *bytes = 0;
    if (a != NULL && b != NULL && c != NULL && from != NULL && to != NULL) {
        copy_task t = { to, from };
        for (size_t i = 0; i < n; i++) {
            a[i] = (float)(i % 17) - 8;
            b[i] = (float)(i % 19) - 9;
        }
        memset(from, 1, COPY * sizeof *from);
        for (int k = 0; k < 4; k++) {
            double start = now();
            dim__gemm(ctx, false, false, GEMM, GEMM, GEMM, 1, a, GEMM, b, GEMM, 0, c, GEMM);
            double middle = now();
            dim__parallel(ctx, COPY, 1 << 16, copy_piece, &t);
            double end = now();
            *flops = dim__max64((int64_t)*flops, (int64_t)(2.0 * GEMM * GEMM * GEMM / (middle - start)));
            *bytes = dim__max64((int64_t)*bytes, (int64_t)(2.0 * COPY * sizeof(float) / (end - middle)));
        }
    }
    free(a);
    free(b);
    free(c);
    free(from);
    free(to);
}

/* ---- table ------------------------------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
    double x = ((const row *)a)->seconds, y = ((const row *)b)->seconds;
    return x < y ? 1 : x > y ? -1 : 0;
}

void profile_print(profile *p, const char *title, int steps, double seconds)
{
    double flops, bytes, inside = 0, total_flops = 0;
    measure(p->ctx, &flops, &bytes);
    qsort(p->rows, (size_t)p->count, sizeof *p->rows, by_time);
    fprintf(stderr, "%s: %s\nceilings: %.0f GFLOP/s (%d^3 product), %.1f GB/s (copy)\n", title,
            dim_context_describe(p->ctx), flops / 1e9, GEMM, bytes / 1e9);
    fprintf(stderr, "%-*s %6s %9s %6s %9s %6s %8s %6s\n", p->by_shape ? 60 : 22, "op", "calls", "ms/step", "share",
            "GFLOP/s", "of", "GB/s", "of");
    for (int i = 0; i < p->count; i++) {
        const row *r = &p->rows[i];
        inside += r->seconds;
        total_flops += r->flops;
        fprintf(stderr, "%-*s %6.0f %9.3f %5.1f%% %9.1f %5.1f%% %8.1f %5.0f%%\n", p->by_shape ? 60 : 22, r->name,
                (double)r->calls / steps, r->seconds / steps * 1e3, 100 * r->seconds / seconds,
                r->flops / r->seconds / 1e9, 100 * r->flops / r->seconds / flops, r->bytes / r->seconds / 1e9,
                100 * r->bytes / r->seconds / bytes);
    }
    fprintf(stderr, "%-*s %6s %9.3f %5.1f%%\n", p->by_shape ? 60 : 22, "(input, optimizer)", "",
            (seconds - inside) / steps * 1e3, 100 * (seconds - inside) / seconds);
    fprintf(stderr, "%-*s %6s %9.3f        %9.1f %5.1f%%\n", p->by_shape ? 60 : 22, "step", "", seconds / steps * 1e3,
            total_flops / seconds / 1e9, 100 * total_flops / seconds / flops);
}
