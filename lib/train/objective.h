/* The inside of an objective: inputs, applied networks, losses and players. */
#ifndef DIM_TRAIN_OBJECTIVE_H
#define DIM_TRAIN_OBJECTIVE_H

#include "base/comm.h"
#include "compile/compile.h"
#include "io/params.h"
#include "objective/losses/losses.h"
#include "optim/optim.h"
#include "tensor/tensor.h"

enum {
    DIM__MOST_VIEWS = 8,
    DIM__MOST_INPUTS = 64,   /* sets of them are bits */
    DIM__MOST_PLAYERS = 30,  /* each has a bit of dim__value.reach */
    DIM__REPORT_NAME = 64
};

typedef struct dim__ref {    /* a value */
    int64_t application;     /* -1: an input */
    int64_t index;           /* of the input, or of the network's layer */
} dim__ref;

typedef struct dim__objective_input {
    char name[DIM__TAP_SIZE];
    dim_input_options o;     /* checked; its name is NULL */
    bool read;               /* by a network */
    const dim_encoder *pixels; /* whose mean and std hold; NULL = nobody's */
    dim_tensor *batch;       /* given: a view of the caller's; NULL = not given */
} dim__objective_input;

typedef struct dim__trained { /* what can be given to a player: a network, or the critic of a loss */
    dim_encoder *network;    /* NULL: a critic */
    int64_t at;              /* first application of the network, or the loss */
    uint32_t player;         /* DIM__NOBODY at first */
} dim__trained;

typedef struct dim__application {
    char name[DIM__TAP_SIZE];
    int64_t trained;         /* its network */
    int n_of;
    dim__ref of[DIM_MAX_INPUTS];
    uint64_t reads;          /* inputs, as bits */
    int64_t views;           /* of what it reads */
    uint64_t stream;         /* number of its first draw, as its declaration had it */
} dim__application;

typedef struct dim__objective_loss {
    dim__loss loss;
    dim__ref of[DIM__LOSS_VALUES];
    bool whole;              /* the first is paired as a whole map */
    int n_of;
    int64_t trained;         /* its critic; -1 = it has none */
    uint64_t stream;         /* as an application's */
} dim__objective_loss;

typedef struct dim__aimed {  /* a loss that a player minimises */
    int64_t loss;
    float weight;
    bool against;            /* what the loss has for its other player */
} dim__aimed;

typedef struct dim__player {
    char name[DIM__TAP_SIZE];
    dim_optimizer_options optimizer; /* checked */
    uint32_t turns;
    bool afterwards;
    dim__aimed *aims;
    int64_t n_aims, cap_aims;
    dim__optim optim;
    dim__param **params;     /* in the order of the optimizer's slots */
    int64_t n_params;
} dim__player;

typedef struct dim__objective_report {
    char name[DIM__REPORT_NAME];
    enum { DIM__OF_LOSS, DIM__OF_VALUE, DIM__OF_ACCURACY, DIM__OF_MEAN, DIM__OF_SUM, DIM__OF_RATE, DIM__OF_NORM } kind;
    int64_t owner;           /* the loss or the player */
    double value;
    double counted[2];       /* several ranks: right and labelled rows of all, for OF_ACCURACY */
} dim__objective_report;

typedef struct dim__objective_program { /* the notes of a compiled objective */
    dim__program *program;
    dim__vid *inputs;        /* of each input; DIM__NONE = not needed */
    dim__vid *reports;       /* of each report; DIM__NONE = none in this program */
    dim__vid *sums;          /* of each player that moves, or of all: what it minimises */
    dim__vid out;            /* of a program that computes a value */
    bool frozen;             /* COMPUTE: what it draws is apart from steps */
    bool bound;              /* grads are filled */
    uint64_t talk;           /* several ranks: hash of what the program has to say to the others, in which order; 0 = not known */
    const float **grads;     /* of all players' parameters, one player after the other */
} dim__objective_program;

typedef enum dim__objective_mode { /* first numbers of the programs' keys */
    DIM__OBJECTIVE_STEP = 0, /* then the players that move, as bits, and whether losses of nobody are in */
    DIM__OBJECTIVE_EVALUATE = 1,
    DIM__OBJECTIVE_COMPUTE = 2, /* then application and index of the value */
    DIM__OBJECTIVE_GRADIENT = 3, /* then loss and input */
    DIM__OBJECTIVE_OBSERVE = 4 /* as COMPUTE, but as a step has the value */
} dim__objective_mode;

typedef struct dim__owner {  /* of an objective that is under something, such as a model, which adds what is its own */
    bool (*taken)(const void *arg, const char *name); /* it has, or will have, something of that name */
    dim_status (*fix)(void *arg); /* adds what is missing, then calls dim__objective_declare() */
    const char *text;        /* who steps the objective, and saves it */
} dim__owner;

struct dim_objective {
    dim_context *ctx;
    const dim__owner *owner; /* NULL = nobody */
    void *owned_by;          /* its arg */
    dim__params params;      /* of critics */
    uint64_t seed, steps, draws; /* draws counts forward passes of steps: noise is a function of seed and this */
    uint64_t computed;       /* values: their draws are of a stream of their own */
    dim__objective_input *inputs;
    int64_t n_inputs, cap_inputs;
    dim__application *applications;
    int64_t n_applications, cap_applications;
    dim__trained *trained;
    int64_t n_trained, cap_trained;
    dim__objective_loss *losses;
    int64_t n_losses, cap_losses;
    dim__player *players;
    int64_t n_players, cap_players;
    bool fixed;              /* critics' parameters and reports are declared, optimizers made */
    dim__programs programs;
    dim__comm *comm;         /* of several ranks; NULL = one */
    bool same;               /* several ranks: parameters are those of all */
    float *gradients;        /* several ranks: room for those of all players, and for what ranks.c gathers */
    dim__objective_report *reports;
    int64_t n_reports, cap_reports;
    bool reported;
    const dim__objective_program *last; /* that ran */
    char name[DIM__FULL_NAME_SIZE]; /* of the parameter that was asked for last */
};

dim_status dim__objective_create(dim_context *ctx, const dim_objective_options *options, dim_objective **out);
void dim__objective_destroy(dim_objective *obj);

/* ---- what it is made of: inputs.c, networks.c, losses.c, players.c; values.c ------------------------------------------- */

dim_status dim__objective_add_input(dim_objective *obj, const dim_input_options *options);
dim_status dim__objective_set(dim_objective *obj, const char *input, dim_tensor *batch);
dim_status dim__objective_apply(dim_objective *obj, dim_encoder *network, const char *of, const char *as);
dim_status dim__objective_add_loss(dim_objective *obj, const dim_loss_options *options);
dim_status dim__objective_add_player(dim_objective *obj, const dim_player_options *options);
dim_status dim__objective_give(dim_objective *obj, const char *player, const char *as);
dim_status dim__objective_minimise(dim_objective *obj, const char *player, const char *loss, float weight);

/* The same of what is checked already, names included: for objectives that are put together inside. */
dim_status dim__objective_put_input(dim_objective *obj, const dim__objective_input *in);
dim_status dim__objective_put_application(dim_objective *obj, dim_encoder *network, const dim__application *a);
dim_status dim__objective_put_loss(dim_objective *obj, const dim__objective_loss *loss);
dim_status dim__objective_put_player(dim_objective *obj, const dim__player *player);
dim_status dim__objective_put_aim(dim_objective *obj, int64_t player, dim__aimed aim);
/* What an owner puts at the end goes to the front: the last losses before all others, the last players behind the first one,
 * which it put long ago.  So its losses draw what they draw where nothing was added, and its players move before the added. */
void dim__objective_to_front(dim_objective *obj, int64_t losses, int64_t players);
void dim__objective_from_front(dim_objective *obj, int64_t losses, int64_t players); /* the way back */
void dim__objective_cut(dim_objective *obj, int64_t n_losses, int64_t n_players); /* takes out those from there on */
/* DIM_E_STATE where somebody owns the objective: `what` only the owner can do. */
dim_status dim__objective_check_free(const dim_objective *obj, const char *what);

bool dim__objective_has(const dim_objective *obj, const char *name); /* an input, application, loss or player */
/* Before anything is added: not fixed yet, and the name is plain and free.  `what` begins the text: "the input's name". */
dim_status dim__objective_check_name(const dim_objective *obj, const char *what, const char *name);
/* "x", "fx", "fx.local", of which `length` bytes count. */
dim_status dim__objective_find(const dim_objective *obj, const char *text, size_t length, dim__ref *out);
int64_t dim__objective_find_input(const dim_objective *obj, const char *name);  /* -1: there is none, with a text */
int64_t dim__objective_find_loss(const dim_objective *obj, const char *name);   /* the same */
int64_t dim__objective_find_player(const dim_objective *obj, const char *name); /* the same */
/* The value as a loss's side, without v. */
dim__side dim__objective_side(const dim_objective *obj, dim__ref ref);
static inline const dim_encoder *dim__network_of(const dim_objective *obj, int64_t application)
{
    return obj->trained[obj->applications[application].trained].network;
}

/* Sides' rows as tensors have them: samples times views, or samples for labels. */
static inline bool dim__is_label(const dim__objective_input *in) { return in->o.dtype == DIM_I32; }

/* ---- emission: emit.c; programs: compile.c ----------------------------------------------------------------------------- */

typedef struct dim__wanted { /* what a program is for */
    dim__objective_mode mode;
    int64_t samples;
    uint32_t movers;         /* STEP: bits of players */
    bool others;             /* STEP: losses that nobody minimises are in, too, to be reported */
    int64_t without;         /* an input that is missing: losses that read it are out, unless a mover needs them; -1 = none is */
    dim__ref value;          /* COMPUTE, OBSERVE */
    int64_t loss, input;     /* GRADIENT */
} dim__wanted;

/* Writes the graph; the number of aims.  p has room for its lists. */
int dim__objective_emit(dim_objective *obj, const dim__wanted *w, dim__graph *g, dim__objective_program *p,
                        dim__aim *aims);
dim_status dim__objective_fix(dim_objective *obj); /* idempotent */
dim_status dim__objective_declare(dim_objective *obj); /* the same, of one that has all of its owner's; for owners */
void dim__objective_undeclare(dim_objective *obj);     /* as before */
dim_status dim__objective_compile(dim_objective *obj, const dim__wanted *w, dim__objective_program **out);

/* ---- running: feed.c, run.c, compute.c, report.c ------------------------------------------------------------------------ */

/* Inputs that a value or a loss reads, as bits. */
uint64_t dim__objective_reads(const dim_objective *obj, dim__ref ref);
uint64_t dim__objective_loss_reads(const dim_objective *obj, int64_t loss);
/* The number of samples of those inputs that were given; -1 when none was.  Drawn ones count for computing only. */
dim_status dim__objective_samples(const dim_objective *obj, uint64_t inputs, bool computing, int64_t *out);
/* Fills the program's inputs.  computing: drawn inputs that were given are taken as they are. */
dim_status dim__objective_feed(dim_objective *obj, const dim__objective_program *p, int64_t samples, bool computing);

dim_status dim__objective_step(dim_objective *obj, uint32_t players, int64_t without); /* players as bits; dim__wanted.without */
dim_status dim__objective_evaluate(dim_objective *obj, int64_t without);
/* as_in_step: with the batch's statistics, and with noise and draws of the next step; else with frozen ones, and without noise. */
dim_status dim__objective_compute(dim_objective *obj, const char *value, bool as_in_step, dim_tensor *out);
dim_status dim__objective_gradient(dim_objective *obj, const char *loss, const char *input, dim_tensor *out);

dim_status dim__objective_list(dim_objective *obj, int64_t owner, int kind, const char *a, const char *b); /* one more report */
dim_status dim__objective_list_reports(dim_objective *obj); /* the players': they come last */
/* DIM_E_NUMERIC: what the format says, and the input and sample from which it comes, if one is not finite itself.  That is
 * looked for only now, so that what goes well pays nothing. */
#if defined(__GNUC__)
__attribute__((format(printf, 4, 5)))
#endif
dim_status dim__objective_not_finite(const dim_objective *obj, const dim__objective_program *p, bool step, const char *format, ...);
/* The text of that input: "input 'x' is NaN in sample 3"; false where all that the program reads is finite. */
bool dim__objective_bad_input(const dim_objective *obj, const dim__objective_program *p, char *text, size_t room);
/* DIM_E_NUMERIC for the first loss that is not finite. */
dim_status dim__objective_check_losses(dim_objective *obj, const dim__objective_program *p, bool step);
void dim__objective_collect(dim_objective *obj, const dim__objective_program *p);
dim__objective_report *dim__objective_find_report(const dim_objective *obj, const char *a, const char *b); /* "<a><b>"; NULL = none */

/* ---- several ranks: ranks.c; nothing is done where there is one ------------------------------------------------------------ */

dim_status dim__objective_communicate(dim_objective *obj, const dim_comm *comm);
/* Before a program runs, also when this rank cannot run it (status, p NULL): DIM_OK on all ranks, or on none. */
dim_status dim__objective_agree(dim_objective *obj, dim_status status, const dim__wanted *w, dim__objective_program *p);
/* For what fails on this rank before it comes to that: the others are told, and fail, too.  Returns status. */
dim_status dim__objective_refuse(dim_objective *obj, dim_status status);
/* The movers' slots get the sums over all ranks for gradients. */
dim_status dim__objective_sum_gradients(dim_objective *obj, uint32_t movers);
/* Reports that are counted outside the program are counted over all ranks. */
dim_status dim__objective_count(dim_objective *obj, const dim__objective_program *p);

/* Right and labelled rows of a report OF_ACCURACY, of this rank. */
void dim__objective_accuracy_counts(const dim_objective *obj, const dim__objective_program *p, int64_t report, double counts[2]);

/* Lists of parameters, as saved, of the fixed objective. */
typedef struct dim__objective_groups {
    dim__param_group *list;
    int n;
} dim__objective_groups;
dim_status dim__objective_groups_make(dim_objective *obj, dim__objective_groups *out); /* fixes it; the list is the caller's */
void dim__objective_groups_free(dim_objective *obj, dim__objective_groups *groups);
/* The parameter's name there: "fx.linear1.weight". */
const char *dim__objective_full_name(const dim_objective *obj, const dim__param *param, char name[DIM__FULL_NAME_SIZE]);
int dim__objective_parameter_count(dim_objective *obj);                    /* 0 when fixing fails; so do the others */
const char *dim__objective_parameter_name(dim_objective *obj, int index);  /* valid until the next call */
dim_status dim__objective_get_parameter(dim_objective *obj, const char *name, dim_tensor **out);
dim_status dim__objective_set_parameter(dim_objective *obj, const char *name, const dim_tensor *values);
/* The file also says which layers the network has that was first applied as "encoder", if there is one. */
dim_status dim__objective_save(dim_objective *obj, const char *path);
dim_status dim__objective_load(dim_objective *obj, const char *path);

#endif
