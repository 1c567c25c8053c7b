/* Every public function in one list, which tests/every.sh writes from the headers when the tests are built: so a function that is
 * new is in it, and "dim_foo has no case" until a case says what it is called with.
 *
 * A case is the list of arguments of one valid call, EVERY_CASE(dim_foo, P(w_encoder(w)), T("global"), N(3)), in one of
 * tests/every_cases_*.c.  It takes what it needs of a world, whose parts are made when they are first asked for. */
#ifndef DIM_TESTS_EVERY_H
#define DIM_TESTS_EVERY_H

#include "failing_alloc.h"

#ifndef DIM_EXPERIMENTAL
#define DIM_EXPERIMENTAL
#endif
#include <dim/dim.h>

#define EVERY_WEAK __attribute__((weak))

typedef struct every_value { /* one argument; which member counts follows from the parameter's type */
    void *p;
    int64_t i;
    double d;
    void (*f)(void);
} every_value;

typedef struct every_result {
    dim_status status;
    const void *p;
    int64_t i;
    double d;
} every_result;

typedef enum every_kind {
    EVERY_NUMBER,     /* whole numbers */
    EVERY_ENUM,
    EVERY_FLOAT,
    EVERY_HANDLE,     /* dim_x * */
    EVERY_HANDLES,    /* dim_x *const * */
    EVERY_HANDLE_OUT, /* dim_x ** */
    EVERY_OPTIONS,    /* const dim_x_options * */
    EVERY_RESULT,     /* a struct that is filled */
    EVERY_TEXT,
    EVERY_ARRAY,      /* numbers */
    EVERY_ARRAY_OUT,
    EVERY_USER,       /* void * */
    EVERY_CALLBACK
} every_kind;

typedef struct every_parameter {
    every_kind kind;
    const char *type; /* "dim_tensor" of const dim_tensor * */
    int constant;
} every_parameter;

enum { EVERY_ARGUMENTS = 10, EVERY_PARTS = 48, EVERY_NUMBERS = 64 };

typedef struct every_world every_world;

typedef struct every_function {
    const char *name, *returns;
    int n;
    every_parameter parameter[EVERY_ARGUMENTS];
    void (*call)(const every_value *a, every_result *r);
    void (*arguments)(every_world *w, every_value *a); /* the case; NULL = it has none */
} every_function;

typedef struct every_field { /* a member of a public struct, or an array */
    const char *in, *name;
    every_kind kind;
    const char *type; /* as a parameter's */
    size_t offset, size;
} every_field;

typedef struct every_struct {
    const char *name;
    size_t size;
} every_struct;

extern const every_function every_functions[];
extern const int every_count;
extern const every_field every_fields[];
extern const int every_field_count;
extern const every_struct every_structs[];
extern const int every_struct_count;
const every_function *every_find(const char *name); /* NULL = there is none */

/* ---- the world: every_world.c ------------------------------------------------------------------------------------ */

typedef struct every_part {
    const char *type; /* "dim_encoder" */
    const char *name; /* by which it is found again */
    void *handle;
} every_part;

struct every_world {
    failing memory;
    dim_context *ctx;
    every_part parts[EVERY_PARTS]; /* that are to be destroyed, in the order in which they were made; the context is the first */
    int n;
    /* What functions write into; compared before and after a failure. */
    union {
        double d[EVERY_NUMBERS];
        int64_t i[EVERY_NUMBERS];
        float f[EVERY_NUMBERS];
        dim_estimate estimate;
        dim_probe_result probe;
        dim_information_result information;
        dim_code_statistics codes;
        dim_evaluation_estimate score;
        dim_reconstruction reconstruction;
    } numbers;
    void *out[2]; /* handles */
    union { /* options of the case */
        dim_context_options context;
        dim_augment_options augment;
        dim_augment_op_options augment_op;
        dim_augment_apply_options augment_apply;
        dim_dataset_options dataset;
        dim_loader_options loader;
        dim_encoder_options encoder;
        dim_layer_options layer;
        dim_estimator_options estimator;
        dim_optimizer_options optimizer;
        dim_prior_options prior;
        dim_probe_options probe;
        dim_term_options term;
        dim_model_options model;
        dim_classifier_options classifier;
        dim_objective_options objective;
        dim_comm comm;
        dim_input_options input;
        dim_loss_options loss;
        dim_player_options player;
        dim_information_options information;
        dim_ssim_options ssim;
        dim_evaluation_options evaluation;
    } o;
    dim_information_data columns; /* beside options */
    dim_tensor *list[4]; /* of EVERY_HANDLES */
    char path[200];
    int lenient;                       /* parts that cannot be made are NULL: for the fuzzer, which goes on */
    dim_context *(*make_context)(void); /* NULL = one that counts in `memory` */
};

/* Without a context yet, for functions that make one.  `folder` is for files. */
void every_world_start(every_world *w, const char *folder);
/* Destroys the parts that are left, in order[0 .. n - 1]; NULL = as they were made.  Fails the process when memory is lost. */
void every_world_end(every_world *w, const int *order);
void every_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Takes a handle into the world, and out of it (for functions that destroy it); index of the part, -1 = none. */
void *every_keep(every_world *w, const char *type, const char *name, void *handle);
void *every_give(every_world *w, void *handle);
int every_part_of(const every_world *w, const void *handle);
void *every_known(const every_world *w, const char *name);
void every_destroy(const char *type, void *handle);

/* Parts.  Tensors of the same name are the same; `fill` gives their elements, from 0. */
dim_context *w_context(every_world *w);
dim_tensor *w_tensor(every_world *w, const char *name, dim_dtype dtype, int rank, const int64_t *shape);
dim_tensor *w_rows(every_world *w, const char *name, int64_t n, int64_t d);     /* f32, in [-1, 1] */
dim_tensor *w_labels(every_world *w, const char *name, int64_t n, int64_t classes); /* i32 0, 1, ..., 0, 1, ... */
dim_tensor *w_images(every_world *w);                                           /* f32 (6, 2, 8, 8) */
dim_tensor *w_pixels(every_world *w);                                           /* u8 (6, 3, 8, 8) */
dim_encoder_builder *w_builder(every_world *w);
dim_encoder *w_encoder(every_world *w);   /* of w_images(): taps local (4, 4, 4), vector, global (3) */
dim_encoder *w_pair(every_world *w);      /* of vectors of 4 and 2, "z" */
dim_encoder *w_mlp(every_world *w);       /* vectors of 4 -> 3 */
dim_model *w_model(every_world *w);       /* w_encoder() with a term, a prior and a classifier of 3 classes */
dim_model *w_stepped(every_world *w);     /* the same after a step */
dim_estimator *w_estimator(every_world *w);
dim_index *w_index(every_world *w);       /* of 5 rows of 4 features */
dim_prior *w_prior(every_world *w);       /* KL */
dim_prior *w_adversary(every_world *w);   /* uniform, of 3 hidden units */
dim_optimizer *w_optimizer(every_world *w);
dim_augment *w_augment(every_world *w);   /* two operations */
dim_dataset *w_dataset(every_world *w);   /* w_pixels() with labels */
dim_dataset *w_vectors(every_world *w);   /* 6 images as w_images() with labels */
dim_loader *w_loader(every_world *w);
dim_objective *w_objective(every_world *w);  /* inputs x, z and labels y, network f applied as "fx", losses, player; not fixed */
dim_objective *w_ungiven(every_world *w);    /* the same with a loss "rival" whose critic nobody has */
dim_objective *w_ready(every_world *w);      /* w_objective() with inputs given */
dim_objective *w_trained(every_world *w);    /* the same after a step */
dim_information *w_measured(every_world *w); /* 60 rows of two columns against one, with 19 permutations */
dim_information *w_critics(every_world *w);  /* 200 rows of two columns against one, by critics */
const char *w_file(every_world *w, const char *kind); /* "npy", "weights", "model", "checkpoint", "objective", "objective.checkpoint" */

#define P(pointer) (every_value){ .p = (void *)(uintptr_t)(pointer) }
#define N(number) (every_value){ .i = (int64_t)(number) }
#define F(number) (every_value){ .d = (number) }
#define T(text) P(text)
#define CALLBACK(function) (every_value){ .f = (void (*)(void))(function) }
/* Sets the fields of w->o.member, after DIM_OPTIONS_INIT(). */
#define O(member, ...) P((DIM_OPTIONS_INIT(&w->o.member), (void)(__VA_ARGS__), &w->o.member))
#define RESULT(member) P((DIM_OPTIONS_INIT(&w->numbers.member), &w->numbers.member))

#define EVERY_CASE(name, ...)                                   \
    void every_case_##name(every_world *w, every_value *a);     \
    void every_case_##name(every_world *w, every_value *a)      \
    {                                                           \
        const every_value given[] = { __VA_ARGS__ };            \
        (void)w;                                                \
        memcpy(a, given, sizeof given);                         \
    }
#define EVERY_CASE_OF_NOTHING(name)                             \
    void every_case_##name(every_world *w, every_value *a);     \
    void every_case_##name(every_world *w, every_value *a)      \
    {                                                           \
        (void)w;                                                \
        (void)a;                                                \
    }

#endif
