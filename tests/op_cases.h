/* What test_ops.c checks of each op.  A file of cases is one table of op_case and one of op_bad, both ended by an entry
 * without a name; test_ops.c walks over all tables and fails for an op of op_list.def that has no case.
 *
 * For each case the harness checks: every output against ref() in double; the analytic gradient of
 * sum(weight * output) against central differences of ref(); planned against reference executor bit for bit, with
 * outputs kept, with memory shared, and with every value in fenced memory of its own; 1 against 2 and 3 threads;
 * reference against best kernels; that a wrong dtype of each input is refused, naming the op; that inputs with changed
 * sizes or rank are refused with DIM_E_SHAPE or accepted without a crash.  op_bad lists what must be refused.
 */
#ifndef DIM_TESTS_OP_CASES_H
#define DIM_TESTS_OP_CASES_H

#include "compile/compile.h"
#include "ops/ops.h"

typedef struct op_case op_case;
struct op_case {
    const char *op;              /* name in op_list.def */
    const char *label;           /* what this case is about */
    const char *also;            /* another op that the case emits, whose refusal is as good */
    const char *covered_by;      /* a *_grad op: nothing below is set; a case of this op must have emitted it */
    int n_in;
    dim__shape in[DIM__MAX_IN];
    uint32_t i32;                /* bit k: input k holds indices */
    uint32_t grad;               /* bit k: the gradient of input k is checked */
    int n_out;                   /* outputs to compare, 0 = 1 */
    uint32_t no_grad_out;        /* bit k: output k stays out of the loss (its gradient is not defined) */
    dim__shape out[DIM__MAX_OUT];/* expected */
    double p[6];                 /* constants for build() and ref() */
    dim__window window;          /* of cases whose windows differ by axis; else p has stride and padding, see there */
    /* Emits the op, usually through its dim__op_<name>_(); returns output 0. */
    dim__vid (*build)(dim__graph *g, const op_case *c, const dim__vid *in);
    /* The mathematics, written naively.  Index inputs come as doubles, too. */
    void (*ref)(const op_case *c, const double *const *in, double *const *out);
    /* Values of one input; NULL = op_fill_default: U(-1, 1) but 0.05 from 0 at least (kinks).  Indices need one. */
    void (*fill)(const op_case *c, int input, float *x, int32_t *index, int64_t n);
    double tol;                  /* of outputs: |y - ref| <= tol max(1, largest |ref|) */
    double tol_grad;             /* of gradients, likewise; 0 = no gradient to check */
};

typedef struct op_bad { /* emission must give DIM_E_SHAPE and an error text that contains the op's name */
    const char *op;
    const char *label;
    int n_in;
    dim__shape in[DIM__MAX_IN];
    uint32_t i32;
    double p[6];
    dim__vid (*build)(dim__graph *g, const op_case *c, const dim__vid *in); /* sees a case with in, n_in and p set */
} op_bad;

extern const op_case op_cases_basic[], op_cases_reduce[], op_cases_nn[], op_cases_conv[], op_cases_views[];
extern const op_bad op_bads_basic[], op_bads_reduce[], op_bads_nn[], op_bads_conv[], op_bads_views[];

/* Fillers; each input of a case gets other numbers, the same in every run. */
void op_fill_default(const op_case *c, int input, float *x, int32_t *index, int64_t n);
void op_fill_distinct(const op_case *c, int input, float *x, int32_t *index, int64_t n); /* for maxima */
float op_random(int input, int64_t i); /* U(-1, 1) */

static inline int64_t op_count(const dim__shape *s) { return dim__shape_count(s); }

/* Of normalisation, and the moments that it takes. */
#define OP_NORM_EPS 1e-5
static inline void op_moments(const double *x, int64_t n, int64_t step, double *mean, double *var)
{
    double sum = 0, sq = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i * step];
    for (int64_t i = 0; i < n; i++)
        sq += (x[i * step] - sum / (double)n) * (x[i * step] - sum / (double)n);
    *mean = sum / (double)n;
    *var = sq / (double)n;
}

/* Element (n, h, w, ch) of an NHWC map; 0 outside. */
static inline double op_at(const double *x, const dim__shape *s, int64_t n, int64_t h, int64_t w, int64_t ch)
{
    if (h < 0 || w < 0 || h >= s->d[1] || w >= s->d[2])
        return 0;
    return x[((n * s->d[1] + h) * s->d[2] + w) * s->d[3] + ch];
}

#define GRAD_OF(name, by) { .op = name, .label = "by the gradient check", .covered_by = by }

/* Shapes for the tables, and windows: of the height, then of the width. */
#define WINDOW(kh, kw, sh, sw, ph, pw, dh, dw) { { kh, kw }, { sh, sw }, { ph, pw }, { dh, dw } }
#define S0 { 0, { 0 } }
#define S1(a) { 1, { a } }
#define S2(a, b) { 2, { a, b } }
#define S3(a, b, c) { 3, { a, b, c } }
#define S4(a, b, c, d) { 4, { a, b, c, d } }
#define S5(a, b, c, d, e) { 5, { a, b, c, d, e } }

#endif
