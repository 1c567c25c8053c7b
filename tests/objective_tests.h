/* What the tests of objectives share: the functions of <dim/objective.h> with options in one line, failing on errors. */
#ifndef DIM_TESTS_OBJECTIVE_TESTS_H
#define DIM_TESTS_OBJECTIVE_TESTS_H

#define DIM_EXPERIMENTAL
#include <dim/objective.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static _Thread_local dim_context *ctx; /* tests of several ranks have one on each of their threads */

static inline void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

static inline void expect(dim_status want, const char *text, dim_status got)
{
    assert_int_equal(got, want);
    if (strstr(dim_context_error(ctx), text) == NULL)
        fail_msg("'%s' is not in '%s'", text, dim_context_error(ctx));
}

static inline int open_context(void **state)
{
    dim_context_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 1;
    return dim_context_create(&o, &ctx) == DIM_OK ? 0 : -1;
}

static inline int close_context(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    return 0;
}

/* Contexts in which a step must give the same numbers, but for rounding: the test makes them of these options. */
static inline void in_planned_contexts(void (*test)(dim_context_options options))
{
    test((dim_context_options){ .threads = 1 });
    test((dim_context_options){ .threads = 2, .blas_threads = 1 });
    test((dim_context_options){ .threads = 1, .disabled_passes = 127 });
}

static inline void in_reference_context(void (*test)(dim_context_options options))
{
    test((dim_context_options){ .threads = 1, .executor = DIM_EXECUTOR_REFERENCE, .cpu = DIM_CPU_REFERENCE,
                                .gemm = DIM_GEMM_REFERENCE });
}

/* The rest of a network, and the end of its builder. */
static inline dim_network *network_on(dim_encoder_builder *b, const dim_layer_options *layers, size_t n)
{
    dim_network *net;
    for (size_t i = 0; i < n; i++) {
        dim_layer_options layer = layers[i];
        layer.size = sizeof layer;
        ok(dim_encoder_builder_add(b, &layer));
    }
    ok(dim_encoder_builder_finish(b, NULL, &net));
    dim_encoder_builder_destroy(b);
    return net;
}

static inline dim_network *network_of(int64_t c, int64_t h, int64_t w, const dim_layer_options *layers, size_t n)
{
    dim_encoder_builder *b;
    ok(dim_encoder_builder_create(ctx, (uint32_t)c, (uint32_t)h, (uint32_t)w, &b));
    return network_on(b, layers, n);
}

#define LAYERS(...) \
    (const dim_layer_options[]){ __VA_ARGS__ }, sizeof((dim_layer_options[]){ __VA_ARGS__ }) / sizeof(dim_layer_options)

static inline dim_objective *objective(uint64_t seed)
{
    dim_objective *obj;
    dim_objective_options o;
    DIM_OPTIONS_INIT(&o);
    o.seed = seed;
    ok(dim_objective_create(ctx, &o, &obj));
    return obj;
}

/* The caller's hold of the network goes with it: for networks that are applied once. */
static inline void apply(dim_objective *obj, dim_network *net, const char *of, const char *as)
{
    ok(dim_objective_apply(obj, net, of, as));
    dim_encoder_destroy(net);
}

static inline void add_input(dim_objective *obj, dim_input_options o)
{
    o.size = sizeof o;
    ok(dim_objective_add_input(obj, &o));
}

static inline void add_loss(dim_objective *obj, dim_loss_options o)
{
    o.size = sizeof o;
    ok(dim_objective_add_loss(obj, &o));
}

static inline void add_player(dim_objective *obj, dim_player_options o, dim_optimizer_options optimizer)
{
    o.size = sizeof o;
    optimizer.size = sizeof optimizer;
    o.optimizer = &optimizer;
    ok(dim_objective_add_player(obj, &o));
}

#define INPUT(obj, ...) add_input(obj, (dim_input_options){ __VA_ARGS__ })
#define VECTOR(obj, called, width) INPUT(obj, .name = called, .shape = { width })
#define OF(...) (dim_player_options){ __VA_ARGS__ }
#define PLAYER(obj, player, ...) add_player(obj, player, (dim_optimizer_options){ __VA_ARGS__ })
#define LOSS(obj, ...) add_loss(obj, (dim_loss_options){ __VA_ARGS__ })

static inline void own(dim_objective *obj, const char *player, const char *as) { ok(dim_objective_give(obj, player, as)); }

static inline void minimise(dim_objective *obj, const char *player, const char *loss, float weight)
{
    ok(dim_objective_minimise(obj, player, loss, weight));
}

static inline double report(const dim_objective *obj, const char *name)
{
    double value = 0;
    ok(dim_objective_report(obj, name, &value));
    return value;
}

static inline dim_tensor *f32_tensor(int rank, const int64_t *shape, const float *data)
{
    dim_tensor *t;
    ok(dim_tensor_create(ctx, DIM_F32, rank, shape, &t));
    if (data != NULL)
        memcpy(dim_tensor_data(t), data, (size_t)dim_tensor_count(t) * sizeof *data);
    return t;
}

/* The objective holds the memory; the caller's hold goes. */
static inline void set_input(dim_objective *obj, const char *input, dim_tensor *batch)
{
    ok(dim_objective_set(obj, input, batch));
    dim_tensor_destroy(batch);
}

#endif
