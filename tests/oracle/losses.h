/* Losses of values, as docs/objective.md and docs/estimators.md define them. */
#ifndef DIM_TESTS_ORACLE_LOSSES_H
#define DIM_TESTS_ORACLE_LOSSES_H

#include "net.h"

typedef struct side {
    value v;             /* views x samples rows; of labels none */
    int views;
    const net_spec *of;       /* the network of whose layer `layer` it is the output; NULL: an input */
    int layer;
    const int64_t *labels;
} side;

typedef struct measured {
    num loss;
    double value, pos, neg, accuracy;
} measured;

/* One way in which a loss can draw: of each pair of views the partners, and the locations of y. */
typedef struct way {
    int partner[MAX_PAIRS][MAX_SAMPLES], location[MAX_PAIRS][MAX_SAMPLES];
} way;

int pairs_of(int views_a, int views_b);
/* Number of ways, at most `most` + 1; the `pick`-th one goes into *out, if it is not NULL. */
int ways_of(const loss_spec *l, int samples, int views_a, int views_b, shape b, int most, int pick, way *out);

/* average: MINE's moving average of E_neg[e^u], NAN before the first batch; it is moved. */
measured measure(const world *w, const loss_spec *l, const side s[3], int samples, const way *drawn, double *average);

/* An estimator alone, of inner products, with several rows of `global` a sample.  partner: NULL for all pairs. */
measured measure_features(const loss_spec *l, int samples, value global, value local, const int *partner, double *average);
/* Of scores: rows of positives and of negatives. */
measured measure_scores(const loss_spec *l, int rows, num *pos, int n_pos, num *neg, int n_neg, double *average);

#endif
