/* A random objective as plain data: inputs, networks, applications, losses, players.  generate.c makes them, oracle.c evaluates
 * them in double, test_differential.c builds them with libdim. */
#ifndef DIM_TESTS_ORACLE_CASE_H
#define DIM_TESTS_ORACLE_CASE_H

#define DIM_EXPERIMENTAL
#include <dim/objective.h>

#include <stdbool.h>
#include <stdint.h>

enum {
    MAX_LAYERS = 16,
    MAX_INPUTS = 24,
    MAX_NETS = 5,
    MAX_APPS = 6,
    MAX_LOSSES = 4,
    MAX_PLAYERS = 3,
    MAX_STEPS = 2,
    MAX_PASSES = 16,
    MAX_SAMPLES = 6,
    MAX_PAIRS = 12,    /* of views */
    MOST_DRAWS = 100,  /* ways in which a loss can draw its negatives and locations */
    NAME = 48
};

typedef struct shape { /* (C, H, W) a map, (C, 0, L) a signal, (C, 0, 0) a vector */
    int c, h, w;
} shape;

static inline bool is_vector(shape s) { return s.w == 0; }
static inline bool is_signal(shape s) { return s.h == 0 && s.w > 0; }
static inline int places(shape s) { return (s.h > 0 ? s.h : 1) * (s.w > 0 ? s.w : 1); }
static inline int units(shape s) { return s.c * places(s); }
static inline bool same(shape a, shape b) { return a.c == b.c && a.h == b.h && a.w == b.w; }

typedef struct layer_spec {
    dim_layer_options o;   /* without texts: */
    int from;              /* a layer; -1, -2, ... an input; NO_LAYER */
    shape in, out;
} layer_spec;

enum { NO_LAYER = -100 };

typedef struct net_spec { /* layers are named "l0", "l1", ..., their taps "t0", "t1", ..., its inputs "input", "in1", "in2" */
    shape in[3];
    int inputs, n;
    layer_spec l[MAX_LAYERS];
    dim_padding_mode mode;
    int owner;             /* a player; -1 nobody */
} net_spec;

typedef struct input_spec {     /* "i0", "i1", ... */
    dim_input_kind kind;
    bool label;
    int views;
    shape s;
    float *data;           /* rows x units, as (N, C, H, W); of a drawn input what computing takes */
    int64_t *labels;
} input_spec;

typedef struct ref {       /* a value: an input, or a tap of an application */
    int app, index;        /* app -1: input `index` */
} ref;

typedef struct app_spec {       /* "f0", "f1", ... */
    int net;
    ref of[3];
    int views;
} app_spec;

typedef struct loss_spec {      /* "L0", "L1", ... */
    dim_loss_kind kind;
    ref of[3];
    int n_of;
    bool whole, has_term;
    dim_adversary adversary;
    uint32_t sum_units;
    dim_term_options term;
    dim_estimator_options est;
    int owner;             /* of the critic */
} loss_spec;

typedef struct player_spec {    /* "p0", "p1", ... */
    int turns;
    bool afterwards;
    float lr, momentum;
    int n_aims, aim[MAX_LOSSES];
    float weight[MAX_LOSSES];
} player_spec;

typedef struct test_case {
    uint64_t seed;
    int samples, steps, n_inputs, n_nets, n_apps, n_losses, n_players;
    input_spec in[MAX_INPUTS];
    net_spec nets[MAX_NETS];
    app_spec apps[MAX_APPS];
    loss_spec losses[MAX_LOSSES];
    player_spec players[MAX_PLAYERS];
} test_case;

/* A parameter by its name in libdim, "f0.l3.weight".  Of several applications of a network the first one names it. */
typedef struct param {
    char name[NAME];
    bool state;            /* a running statistic */
    int owner;
    int64_t count;
    double *v, *moved;     /* the value, and what a pass makes of a state */
    double *velocity;
    int *x;                /* its numbers on the tape */
    int64_t on;            /* the pass that these are of */
} param;

/* Noise of layers and drawn inputs in one pass, as libdim drew it: what a layer gave, or an input was. */
typedef struct draws {
    double *input[MAX_INPUTS];
    double *layer[MAX_APPS][MAX_LAYERS];
    bool given;            /* layer[] is what the layer gave, to be turned into noise, */
    bool unclear, later;   /* which a dropped 0 does not tell: that counts in a later pass, whose parameters are others */
    int pick[MAX_LOSSES];  /* which of the ways to draw */
} draws;

/* Named numbers that are compared. */
typedef struct result {
    char name[NAME];
    int64_t count;
    double *v;
    double size;           /* errors are to be seen against this at least */
} result;

typedef struct results {
    result *list;
    int64_t n, cap;
    uint64_t decisions;    /* all branches taken */
    bool close;            /* one of them closely */
    bool unreached;        /* a player moved nothing */
} results;

static inline bool is_map(shape s) { return s.h > 0; }

/* generate.c */
void spell(char out[NAME], const char *format, ...);    /* aborts where it does not fit */
test_case *make_case(uint64_t seed, bool stack); /* one network of many layers, or an objective of many parts */
void free_case(test_case *c);
shape shape_of(const test_case *c, ref r);
int views_of(const test_case *c, ref r);
void name_of(const test_case *c, ref r, char out[NAME]);
bool reads(const test_case *c, ref r, int input);       /* whether the value depends on it */
bool layer_shape(const net_spec *n, layer_spec *l, shape in);     /* fills in and out; false: it does not fit */
uint64_t random_bits(uint64_t *state);
int below(uint64_t *state, int n);
double uniform(uint64_t *state, double low, double high);

/* describe.c: to stdout */
void describe(const test_case *c);

/* oracle.c */
typedef struct oracle oracle;
oracle *oracle_create(const test_case *c, uint64_t single); /* 0: in double; else with errors of float, by this seed */
void oracle_destroy(oracle *o);
void oracle_param(oracle *o, const char *name, int64_t count, const float *values, bool state);
double *result_put(results *r, const char *name, int64_t count, double size);
const result *result_find(const results *r, const char *name);
void results_free(results *r);
/* What libdim reported of pass `k`, with the parameters as they were set, decides which way each loss drew: picks.  False where
 * two ways give much the same. */
bool oracle_pick(oracle *o, draws *d, const results *reported);
void oracle_values(oracle *o, results *out);                          /* all values, frozen: "f0.t3" */
void oracle_evaluate(oracle *o, draws *d, results *out);              /* losses, and gradients of inputs */
void oracle_step(oracle *o, int step, draws *passes, int *pass, results *out);
int passes_of(const test_case *c);                                    /* in one step */
double oracle_steepest(oracle *o, draws *d, int player);                /* its largest gradient in a pass */

#endif
