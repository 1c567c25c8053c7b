/* AMDIM's pictures. */
#ifndef EXAMPLES_AMDIM_H
#define EXAMPLES_AMDIM_H

#include "common.h"

ex_drawing amdim_draw_views;  /* rows of an image and views of it, as training sees them */
ex_drawing amdim_draw_scores; /* how f1 of a view scores the 7 x 7 places of other views */

#endif
