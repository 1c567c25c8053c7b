/* The benchmark's parts: workloads (what is timed), profile (where the time goes). */
#ifndef DIM_TESTS_BENCH_H
#define DIM_TESTS_BENCH_H

#include "compile/compile.h"
#include <dim/dim.h>

typedef struct workload {
    const char *name;
    int64_t batch;
    uint32_t shape[3];           /* of one input: C, H, W; H = 0 for a vector */
    float lr;                    /* of Adam; 0 = only encode */
    dim_encoder *(*encoder)(dim_context *ctx);
    void (*objective)(dim_context *ctx, dim_model *model, const struct workload *w);
    /* of the objective, where several workloads share one */
    dim_estimator_kind estimator;
    uint32_t units;
    bool prior;
    uint32_t views;              /* of each image in the batch; 0 = 1 */
    const char *taps[4];         /* what encoding gives, computed in one pass; none = "global" */
} workload;

extern const workload workloads[]; /* a NULL name ends the table */

/* Ends the program with the context's error unless the call succeeded. */
void check(dim_context *ctx, dim_status status);
double now(void); /* seconds */

typedef struct profile profile;
/* by_shape: a row for each op and shape, else for each op. */
profile *profile_create(dim_context *ctx, bool by_shape);
void profile_attach(profile *p, dim__program *program);
/* Table on stderr, per step; `seconds` is what all steps took together. */
void profile_print(profile *p, const char *title, int steps, double seconds);
void profile_destroy(profile *p);

#endif
