/* Sections that the pages of several programs have. */
#ifndef EXAMPLES_PAGE_H
#define EXAMPLES_PAGE_H

#include "common.h"

/* Which samples there are. */
void ex_page_data(ex_run *run, FILE *to);
/* Taps and parameters. */
void ex_page_network(ex_run *run, const dim_encoder *encoder, FILE *to);
/* Curves of a log.csv: what was reported of steps, and what was measured now and then.  false: the file is missing. */
bool ex_page_curves(FILE *to, const char *log);
/* Options with the values that hold, but for those without one. */
void ex_page_options(const ex_run *run, FILE *to);

/* Writes a page into the folder of --out; false, and says why. */
bool ex_page_write(ex_run *run, const char *name, void (*print)(ex_run *run, FILE *to));

/* ---- page_run.c */

/* report.html of a run that was saved; false, and says why. */
bool ex_page_run(ex_run *run);

#endif
