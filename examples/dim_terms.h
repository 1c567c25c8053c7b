/* The objective of Deep InfoMax by the options: what local_dim and global_dim share. */
#ifndef EXAMPLES_DIM_TERMS_H
#define EXAMPLES_DIM_TERMS_H

#include "common.h"

enum { EX_COORDINATES_NONE, EX_COORDINATES_ABSOLUTE, EX_COORDINATES_RELATIVE };

/* The paper's: alpha, beta and gamma, and the authors' optimizer and initial weights. */
const char *ex_dim_preset_name(int i); /* "none", which is the program's own defaults, and so on; NULL after the last */
void ex_dim_preset(ex_options *o);     /* what o->dim_preset says, in place of defaults */

/* Ends the program where the options do not fit together. */
void ex_dim_check(const ex_program *program, const ex_options *o);

/* A model of
 *
 *     maximise  alpha I(C(x) ; E(x))  +  beta / M^2 sum over locations (i, j) of I(C_ij(x) ; E(x))  -  gamma D(prior)
 *
 * with alpha, beta, gamma and what else the options ask for: information between the locations of an image, coordinates, a
 * discrete code. */
dim_model *ex_dim_model(ex_run *run, dim_encoder *encoder);

#endif
