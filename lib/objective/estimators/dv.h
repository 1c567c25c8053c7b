/* Donsker-Varadhan's parts, which MINE shares. */
#ifndef DIM_OBJECTIVE_DV_H
#define DIM_OBJECTIVE_DV_H

#include "objective/estimators/estimators.h"

enum { DIM__DV_ACC = 2 };

void dim__dv_row_forward(const dim__est_batch *b, const dim__row *row, double *acc);
void dim__dv_finish(dim__est_batch *b, const double *acc, dim__est_result *r);
void dim__dv_row_backward(const dim__est_batch *b, const dim__row *row, const double *acc);

#endif
