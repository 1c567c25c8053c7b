/* From a graph to a program that runs without allocating: autodiff, passes, memory plan, program. */
#ifndef DIM_COMPILE_COMPILE_H
#define DIM_COMPILE_COMPILE_H

#include "graph/graph.h"
#include <assert.h>

/* Emits the gradient of the scalar `loss` with respect to every input and trainable parameter that it depends on, then
 * the deferred nodes.  dim__graph_grad() gives them afterwards; they are kept. */
dim_status dim__graph_backward(dim__graph *g, dim__vid loss);
typedef struct dim__aim { /* a loss, and for what it is differentiated */
    dim__vid loss;
    uint32_t reach;       /* bits of dim__value.reach; no two aims of a graph have one in common */
} dim__aim;
/* Several losses with one forward part: each has a walk of its own, and its gradient ends at what it is not aimed at. */
dim_status dim__graph_backward_each(dim__graph *g, const dim__aim *aims, int n);
dim__vid dim__graph_grad(const dim__graph *g, dim__vid v); /* DIM__NONE when v has none */

/* Passes over a graph: passes/pass_list.def names them; each file says what its pass does. */
typedef enum dim__stage {
    DIM__BEFORE_GRADIENT, /* part of dim__graph_backward, and of dim__compile where there is no gradient */
    DIM__AFTER_GRADIENT   /* part of dim__program_create */
} dim__stage;
#define DIM__PASS(name, bit, stage) dim_status dim__pass_##name(dim__graph *g);
#define DIM__SWITCH(name, bit)
#include "compile/passes/pass_list.def"
#undef DIM__PASS
#undef DIM__SWITCH
dim_status dim__run_passes(dim__graph *g, dim__stage stage);

/* Finds the nodes whose outputs somebody needs (passes/dead.c); part of dim__program_create. */
dim_status dim__pass_dead(dim__graph *g, bool *alive);
void dim__mark_alive(const dim__graph *g, bool *needed, bool *alive); /* the same with room for all values in `needed` */

/* Where each value lies: plan.c.  Offsets are into one arena; see the diagram there. */
typedef struct dim__plan {
    int64_t *offset;      /* of each value; -1 where it has memory of its own (params) or none */
    int64_t *workspace;   /* of each node; -1 = none */
    int64_t size;         /* of the arena */
} dim__plan;
dim_status dim__plan_create(const dim__graph *g, const bool *alive, bool share, dim__plan *plan);
void dim__plan_free(dim_context *ctx, dim__plan *plan);

/* Runs a node; op->run, by tiles where an operand is bf16 that it does not take itself. */
void dim__run_node(const dim__op *op, const dim__exec *e);

/* A graph compiled for running; owns the graph. */
typedef struct dim__program dim__program;
dim_status dim__program_create(dim__graph *g, dim__program **out); /* g is destroyed on failure, too */
/* The arena of the program that would be made of g, without its memory.  g is good for nothing afterwards but to be destroyed. */
dim_status dim__graph_arena(dim__graph *g, int64_t *bytes);
void dim__program_destroy(dim__program *p);
dim__graph *dim__program_graph(dim__program *p);
void *dim__program_data(dim__program *p, dim__vid v); /* memory of an input or kept value */
float dim__program_scalar(dim__program *p, dim__vid v);
/* Lets all nodes read an input from `data`, which is laid out as the input is and stays where it is during the runs; NULL = from
 * the program's own memory again.  No node ever writes to it. */
void dim__program_bind(dim__program *p, dim__vid input, const void *data);
void dim__program_forward(dim__program *p, uint64_t seed, uint64_t step);  /* up to the loss */
void dim__program_gradient(dim__program *p, uint64_t seed, uint64_t step); /* up to the state updates */
void dim__program_commit(dim__program *p, uint64_t seed, uint64_t step);   /* the state updates */
void dim__program_backward(dim__program *p, uint64_t seed, uint64_t step); /* both */
/* Before the commit: a state that it would mix with what is not finite, or NULL. */
const dim__param *dim__program_bad_state(const dim__program *p);
/* A hash of what it has to say to other ranks: two programs with the same one say it in the same order, in the same sizes. */
uint64_t dim__program_talk(const dim__program *p);
int64_t dim__program_arena(const dim__program *p); /* bytes */

/* ---- One way from emission to a program: compile.c ---------------------------------------------------------------- */

enum { DIM__USUAL_PROGRAMS = 6, DIM__MOST_PROGRAMS = 64, DIM__MOST_AIMS = DIM__GROUPS };

typedef struct dim__program_key { /* what a program depends on; numbers of its owner's, so that memory compares */
    int64_t n[8];
} dim__program_key;

typedef struct dim__recipe { /* how to make a program */
    dim__program_key key;
    /* Writes the graph, keeps what is to be read after a run, and leaves in `notes` which values these are.  Returns how
     * many losses it wrote to `aims`, DIM__MOST_AIMS at most.  Without any the program runs forward only, and changes no
     * state.  Failures are the graph's. */
    int (*emit)(void *arg, dim__graph *g, void *notes, dim__aim *aims);
    void *arg;
    size_t notes;        /* bytes of them, cleared before */
    bool exact;          /* bf16 or not, all values stay floats: what the caller gave is not to be rounded */
} dim__recipe;

typedef struct dim__compiled {
    dim__program_key key;
    dim__program *program; /* NULL = none */
    void *notes;
    uint64_t used;
} dim__compiled;

typedef struct dim__programs { /* those that one owner used last */
    dim_context *ctx;
    int most;
    dim__compiled list[DIM__MOST_PROGRAMS];
    uint64_t uses;
} dim__programs;

void dim__programs_init(dim__programs *ps, dim_context *ctx, int most);
void dim__programs_free(dim__programs *ps);
/* The program with this key: one that is kept, or a new one in the place of that not used for longest.  It stays until
 * `most` others have been asked for. */
dim_status dim__compile(dim__programs *ps, const dim__recipe *r, dim__compiled **out);
/* How much memory its program would work in, in bytes. */
dim_status dim__recipe_arena(dim_context *ctx, const dim__recipe *r, int64_t *bytes);

/* Called after each node of a run, for measurements; fn NULL = off again. */
typedef void (*dim__profile_fn)(void *user, const dim__op *op, const dim__exec *e, double seconds);
void dim__program_profile(dim__program *p, dim__profile_fn fn, void *user);

#endif
