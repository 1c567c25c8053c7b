/* One call of a public function by its case, and what may be changed about it. */
#ifndef DIM_TESTS_EVERY_RUN_H
#define DIM_TESTS_EVERY_RUN_H

#include "every.h"

enum { EVERY_REGIONS = 16 };

typedef struct every_region { /* what a function may write, and a copy */
    unsigned char *at, *copy;
    size_t size;
} every_region;

typedef struct every_run {
    const every_function *f;
    every_world w;
    every_value a[EVERY_ARGUMENTS];
    every_result r;
    every_region regions[EVERY_REGIONS];
    int n_regions;
    const char *what; /* for texts: what is done to the call */
} every_run;

/* Makes a world and the arguments, and copies what may be written. */
void every_begin(every_run *run, const every_function *f, const char *what);
/* Copies it again, after arguments were exchanged. */
void every_copy(every_run *run);
void every_call(every_run *run);
int every_has_status(const every_function *f);
/* The status is not DIM_OK: it must be one of the list, with a text, and nothing may have been written. */
void every_check_failure(every_run *run);
/* ... after which the same call succeeds with the arguments `a`. */
void every_again(every_run *run, const every_value *a);
/* Outputs are those of a run of the same case; 1 when they are. */
int every_same(const every_run *x, const every_run *y);
/* Takes over what was made, and destroys all in an order. */
void every_adopt(every_run *run);
void every_end(every_run *run, const int *order);
void every_fault(const every_run *run, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/* The tensors among the arguments: where their handles are. */
typedef struct every_tensor {
    dim_tensor **at;
    int constant;
} every_tensor;
int every_tensors(every_run *run, every_tensor out[EVERY_ARGUMENTS]);

#endif
