/* The data of signals.c, which signals_data.c opens. */
#ifndef EXAMPLES_SIGNALS_H
#define EXAMPLES_SIGNALS_H

#include "common.h"

void signals_open(ex_run *run);

#endif
