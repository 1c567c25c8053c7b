/* One against the rest: a linear support vector machine for each class. */
#ifndef DIM_EVAL_SVM_H
#define DIM_EVAL_SVM_H

#include "eval/eval.h"

/* For each class c, with y = 1 for its samples and -1 for the rest, w_c minimises
 *
 *     |w|^2 / 2 + C sum over the samples of max(0, 1 - y w.z)
 *
 * Of two classes the second one's is minus the first one's. */
typedef struct dim__svm {
    dim_context *ctx;
    int64_t p, classes;       /* numbers of a sample, of which the last one is 1 */
    const float *z;           /* (n, p) */
    const int32_t *labels;    /* of z's rows */
    uint64_t seed;            /* of the order of samples */
    uint32_t looks;           /* at all samples, at most */
    float *w;                 /* (p, classes): the result */
    uint32_t most;            /* looks that the class took which took most */
    bool converged;
} dim__svm;

/* Fits the first n samples. */
dim_status dim__svm_fit(dim__svm *s, int64_t n, double c);

#endif
