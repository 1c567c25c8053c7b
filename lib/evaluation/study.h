/* How a network is trained to measure: an objective on the inputs "z", codes, and where they are wanted "x", what they
 * are codes of, and "w", codes that were mixed, so that nothing but their marginals is left. */
#ifndef DIM_EVALUATION_STUDY_H
#define DIM_EVALUATION_STUDY_H

#include "evaluation/evaluation.h"
#include "nn/encoder.h"
#include "train/objective.h"

typedef enum dim__mixing {
    DIM__MIX_NOTHING, /* there is no "w" */
    DIM__MIX_UNITS,   /* every unit has a permutation of its own */
    DIM__MIX_ROWS     /* rows are those of others */
} dim__mixing;

typedef struct dim__study {
    dim_context *ctx;
    const char *what;        /* "ndm": for texts, and for who hears of progress */
    dim_evaluation_options o; /* filled in */
    dim__mixing mixing;
    const float *z;          /* (n, d) */
    int64_t n, d;
    const dim_tensor *x;     /* (n, ...) or NULL */
    dim_objective *obj;
    dim_tensor *batch[3];    /* of x, z and w; NULL where there is none */
    int32_t *order, *rows;   /* of the epoch; of the batch */
} dim__study;

/* Options as they were given, checked: 0 stands for the default still, but for the seed. */
dim_status dim__study_options(dim_context *ctx, const dim_evaluation_options *given, dim_evaluation_options *out);
/* DIM_E_INVALID for an option of another function. */
dim_status dim__study_refuse(dim_context *ctx, const char *what, const char *option, bool given);
/* Steps and batch by default, the latter not above the rows that are trained on; and whether these are enough. */
dim_status dim__study_sizes(dim__study *s, uint32_t batch, int64_t rows);

/* Objective, inputs and their batches.  The study's first seven members are set; dim__study_end() frees it, also after
 * a failure. */
dim_status dim__study_begin(dim__study *s);
void dim__study_end(dim__study *s);

/* A network of layers on one input or, where `second` is above 0, also on vectors named "z".  Layers and seed as a
 * builder has them. */
dim_status dim__study_network(const dim__study *s, const int64_t shape[3], int64_t second, const dim_layer_options *layers, int count,
                              dim_encoder **out);
/* The player "player" gets what was applied. */
dim_status dim__study_give(const dim__study *s, const char *as);
/* The player, before anything is given to him.  By steps: a tenth of the rate after first, a hundredth after second;
 * both 0: a cosine. */
dim_status dim__study_player(const dim__study *s, uint64_t first, uint64_t second);

/* Trains on rows (n). */
dim_status dim__study_train(dim__study *s, const int32_t *rows, int64_t n);
/* Of rows (m), and of mixed codes (m, d) or NULL: the values (m, of one sample's size), by frozen networks. */
dim_status dim__study_compute(dim__study *s, const char *value, const int32_t *rows, int64_t m, const float *mixed, int64_t size,
                              float *out);
/* Codes of rows (m), mixed: (m, d). */
void dim__study_mix(const dim__study *s, const int32_t *rows, int64_t m, uint64_t draw, int32_t *room, float *out);

/* dual.c: a network gives scores to rows and to mixed ones, is trained by an estimator, and tells what it finds on rows
 * that are held out.  `prepare` applies networks, the last as "joint" and as "product", and makes the player. */
typedef struct dim__dual {
    dim_estimator_kind kind;
    uint32_t batch;          /* usual */
    dim_status (*prepare)(dim__study *s);
} dim__dual;
extern const dim__dual dim__dual_ndm, dim__dual_mine;
dim_status dim__dual_run(dim__study *s, const dim__dual *how, dim_evaluation_estimate *out);

/* reconstruct.c: codes -> images (N, C, H, W), of which N does not count. */
dim_status dim__decoder_make(const dim__study *s, const int64_t shape[4], dim_encoder **out);

#endif
