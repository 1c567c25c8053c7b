/* The passes of the list, one after the other. */
#include "compile/compile.h"

typedef struct pass {
    uint32_t bit;
    dim__stage stage;
    dim_status (*run)(dim__graph *g);
} pass;

static const pass passes[] = {
#define DIM__PASS(name, bit, stage) { bit, stage, dim__pass_##name },
#define DIM__SWITCH(name, bit)
#include "compile/passes/pass_list.def"
#undef DIM__PASS
#undef DIM__SWITCH
};

dim_status dim__run_passes(dim__graph *g, dim__stage stage)
{
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
        if (passes[i].stage == stage && (passes[i].bit == 0 || dim__pass_on(g->ctx, (dim_pass)passes[i].bit)))
            DIM__TRY(passes[i].run(g));
    return DIM_OK;
}
