/* Numbers with derivatives: every operation is written down with its partial derivatives, and walking back gives the gradient of
 * one number with respect to all others.  Slow, and the same few lines whatever is computed: what libdim's tests compare with.
 *
 * In single precision every result is off by a random part of a float's last digit, as if it had been rounded, exact or not: how
 * far several such computations are from the one in double tells how many digits a computation in floats can have. */
#ifndef DIM_TESTS_ORACLE_TAPE_H
#define DIM_TESTS_ORACLE_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int num; /* a number on the tape */

void tape_reset(uint64_t single);  /* an empty tape; what tape_room() gave is gone.  0: double, else the seed of the errors */
void *tape_room(size_t bytes);     /* zeroed memory that lives until the next reset */
num *tape_nums(int64_t count);
void tape_free(void);

double value_of(num a);
double grad_of(num a);             /* by the last tape_backward() */
void tape_backward(num of);

/* Decisions: which branch a maximum or an absolute value takes.  Two computations can only be compared where these are equal and
 * none was close. */
uint64_t tape_decisions(void);     /* a hash of all since the reset */
bool tape_was_close(void);         /* a decision hung on the last digits of a float, */
void tape_is_close(void);          /* or something else did */

num leaf(double v);
num add(num a, num b);
num sub(num a, num b);
num mul(num a, num b);
num affine(num a, double scale, double shift);
num t_exp(num a);
num t_tanh(num a);
num t_sigmoid(num a);
num t_softplus(num a);
num t_rsqrt(num a);
num t_clamp(num a, double low, double high);
num leaky(num a, double slope, double size); /* of a layer whose largest number is about `size` */
num most_of(const num *a, int64_t n);
num log_sum_exp(const num *a, int64_t n);
num mean_of(const num *a, int64_t n);

/* A sum of many: sum_begin(); sum_add(...), sum_product(...); sum_end(). */
void sum_begin(void);
void sum_add(num a, double scale);
void sum_product(num a, num b);
num sum_end(void);

#endif
