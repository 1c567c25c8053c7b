/* Networks of several inputs: against PyTorch in double, their samples in memory of several kinds, their files, and what is
 * refused. */
#include "model/model.h"
#include "nn/encoder.h"
#include "ops/ops.h"
#include <dim/dim.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 4, INPUTS = 3 };

static dim_context *ctx;
static const char path[] = "inputs.safetensors";
/* Of the network of fixtures/make_inputs.py. */
static const int64_t shapes[INPUTS][3] = { { 3, 6, 5 }, { 4, 0, 0 }, { 2, 6, 5 } };

static void ok(dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s", dim_status_name(status), dim_context_error(ctx));
}

static void expect(dim_status want, const char *text, dim_status got)
{
    if (got != want || strstr(dim_context_error(ctx), text) == NULL)
        fail_msg("%s (%s) instead of %s (%s)", dim_status_name(got), got == DIM_OK ? "" : dim_context_error(ctx),
                 dim_status_name(want), text);
}

static int open_with(dim_executor executor)
{
    dim_context_options o;
    DIM_OPTIONS_INIT(&o);
    o.threads = 2;
    o.executor = executor;
    return dim_context_create(&o, &ctx) == DIM_OK ? 0 : -1;
}

static int open_context(void **state)
{
    (void)state;
    return open_with(DIM_EXECUTOR_PLANNED);
}

static int open_reference(void **state)
{
    (void)state;
    return open_with(DIM_EXECUTOR_REFERENCE);
}

static int close_context(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    remove(path);
    return 0;
}

static dim_status add(dim_encoder_builder *b, dim_layer_options o)
{
    o.size = sizeof o;
    return dim_encoder_builder_add(b, &o);
}

static dim_encoder_builder *builder(const int64_t in[3])
{
    dim_encoder_builder *b;
    ok(dim_encoder_builder_create(ctx, (uint32_t)in[0], (uint32_t)in[1], (uint32_t)in[2], &b));
    return b;
}

static dim_status add_input(dim_encoder_builder *b, const char *name, const int64_t in[3])
{
    return dim_encoder_builder_add_input(b, name, (uint32_t)in[0], (uint32_t)in[1], (uint32_t)in[2]);
}

static dim_encoder *finish(dim_encoder_builder *b, const dim_encoder_options *o)
{
    dim_encoder *enc;
    ok(dim_encoder_builder_finish(b, o, &enc));
    dim_encoder_builder_destroy(b);
    return enc;
}

/* The network of fixtures/make_inputs.py.  The last input comes between the layers. */
static dim_encoder *network(void)
{
    dim_encoder_builder *b = builder(shapes[0]);
    ok(add_input(b, "z", shapes[1]));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .name = "map", .out = 5, .kernel = 3, .padding = 1 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = "z" })); /* a vector behind a map */
    ok(add_input(b, "m", shapes[2]));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = "m", .tap = "joined" })); /* two maps */
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "z" }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .name = "side", .out = 6 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = "joined", .tap = "wide" })); /* a map behind a vector */
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FLATTEN }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .name = "flat", .out = 7 }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = "z" })); /* two vectors */
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .name = "top", .out = 5, .tap = "top" }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "joined" }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .name = "direct", .out = 3, .tap = "direct" }));
    return finish(b, NULL);
}

static int64_t each(const int64_t in[3]) { return in[0] * (in[1] > 0 ? in[1] * in[2] : 1); }

static dim_tensor *tensor(dim_dtype dtype, int64_t n, const int64_t in[3])
{
    dim_tensor *t;
    ok(dim_tensor_create(ctx, dtype, in[1] > 0 ? 4 : 2, (int64_t[]){ n, in[0], in[1], in[2] }, &t));
    return t;
}

/* Samples that differ, of the network's inputs. */
static void make_inputs(int64_t n, dim_tensor *x[INPUTS])
{
    for (int k = 0; k < INPUTS; k++) {
        x[k] = tensor(DIM_F32, n, shapes[k]);
        for (int64_t i = 0; i < n * each(shapes[k]); i++)
            ((float *)dim_tensor_data(x[k]))[i] = (float)sin(0.7 * (double)(i + 1) * (k + 1));
    }
}

static void destroy(dim_tensor *const *x, int n)
{
    for (int k = 0; k < n; k++)
        dim_tensor_destroy(x[k]);
}

static dim_tensor *encode(dim_encoder *enc, dim_tensor *const x[INPUTS], const char *tap)
{
    int64_t shape[3];
    dim_tensor *y;
    ok(dim_encoder_tap_shape(enc, tap, shape));
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ dim_tensor_size(x[0], 0), shape[0] * shape[1] * shape[2] }, &y));
    ok(dim_encoder_encode_inputs(enc, INPUTS, (const dim_tensor *const[]){ x[0], x[1], x[2] }, tap, y));
    return y;
}

/* ---- against PyTorch --------------------------------------------------------------------------------------------- */

/* The next numbers that PyTorch has; got is in (outer, rows, columns) and they in (outer, columns, rows). */
static void compare(const char *what, const float *got, int64_t outer, int64_t rows, int64_t columns, const double **want)
{
    int64_t n = outer * rows * columns;
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs((*want)[i]));
    assert_true(most > 0);
    for (int64_t i = 0; i < n; i++) { /* i counts as PyTorch does */
        int64_t o = i / (rows * columns), c = i / rows % columns, r = i % rows;
        double x = got[(o * rows + r) * columns + c];
        if (!(fabs(x - (*want)[i]) <= 1e-5 * most)) /* sums of some 500 floats, and of sums */
            fail_msg("%s: %.9g at %lld, where PyTorch has %.9g", what, x, (long long)i, (*want)[i]);
    }
    *want += n;
}

/* With the fixture's weights. */
static dim_encoder *trained(void)
{
    dim_encoder *enc = network();
    ok(dim_encoder_load(enc, DIM_TEST_DATA "/inputs.safetensors"));
    return enc;
}

static void given(dim_tensor *x[INPUTS])
{
    dim_tensor *all;
    ok(dim_tensor_load_npy(ctx, DIM_TEST_DATA "/inputs_given.npy", &all));
    const float *from = dim_tensor_const_data(all);
    for (int k = 0; k < INPUTS; k++) {
        x[k] = tensor(DIM_F32, N, shapes[k]);
        memcpy(dim_tensor_data(x[k]), from, (size_t)(N * each(shapes[k])) * sizeof *from);
        from += N * each(shapes[k]);
    }
    dim_tensor_destroy(all);
}

typedef struct pass { /* forward and backward */
    dim_encoder *enc;
    dim__vid in[INPUTS];
} pass;

/* Half the sum of the squares of two taps. */
static int emit(void *arg, dim__graph *g, void *notes, dim__aim *aims)
{
    static const char *const taps[] = { "top", "direct" };
    pass *p = arg;
    dim__vid values[32], loss[2];
    (void)notes;
    assert_true(p->enc->stack.count <= 32);
    dim__scope scope = dim__encoder_scope(p->enc, g, true);
    for (int k = 0; k < INPUTS; k++)
        p->in[k] = dim__graph_input(g, DIM_F32, dim__encoder_input_shape(p->enc, k, N), true);
    dim__encoder_emit(p->enc, &scope, p->in, values);
    for (int i = 0; i < 2; i++) {
        int64_t layer;
        ok(dim__encoder_tap(p->enc, taps[i], &layer));
        loss[i] = dim__emit_sum_all(g, dim__emit_mul(g, values[layer], values[layer]), 0.5);
    }
    aims[0] = (dim__aim){ dim__emit_add(g, loss[0], loss[1]), DIM__REACH_ALL };
    return 1;
}

static float *gradient(dim__program *p, dim__vid v)
{
    float *data = dim__program_data(p, dim__graph_grad(dim__program_graph(p), v));
    assert_non_null(data);
    return data;
}

static void compare_gradients(dim_encoder *enc, dim_tensor *const x[INPUTS], const double **want)
{
    static const char *const names[] = { "map.weight", "map.bias", "side.weight", "side.bias", "flat.weight", "flat.bias",
                                         "top.weight", "top.bias", "direct.weight", "direct.bias" };
    dim__programs ps;
    dim__compiled *c;
    pass p = { .enc = enc };
    dim__programs_init(&ps, ctx, 1);
    ok(dim__compile(&ps, &(dim__recipe){ .emit = emit, .arg = &p }, &c));
    for (int k = 0; k < INPUTS; k++)
        dim__encoder_fill_input(enc, k, x[k], 0, N, dim__program_data(c->program, p.in[k]));
    dim__program_forward(c->program, 0, 0);
    dim__program_backward(c->program, 0, 0);
    for (int k = 0; k < INPUTS; k++) {
        const int64_t *in = shapes[k];
        compare(enc->stack.inputs[k].name, gradient(c->program, p.in[k]), N, in[1] > 0 ? in[1] * in[2] : 1, in[0], want);
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        dim__param *own = dim__params_find(&enc->params, names[i]);
        assert_non_null(own);
        dim__param copy = *own; /* that has the gradient for its values */
        float *out = malloc((size_t)own->count * sizeof *out);
        assert_non_null(out);
        copy.data = gradient(c->program, dim__graph_param(dim__program_graph(c->program), own, 0));
        dim__param_export(&copy, out);
        compare(names[i], out, 1, own->count, 1, want);
        free(out);
    }
    dim__programs_free(&ps);
}

static void test_pytorch(void **state)
{
    static const char *const taps[] = { "wide", "top", "direct" };
    dim_tensor *x[INPUTS], *expected;
    (void)state;
    dim_encoder *enc = trained();
    given(x);
    ok(dim_tensor_load_npy(ctx, DIM_TEST_DATA "/inputs_expected.npy", &expected));
    assert_int_equal(dim_tensor_dtype(expected), DIM_F64);
    const double *want = dim_tensor_const_data(expected), *end = want + dim_tensor_count(expected);
    for (int i = 0; i < 3; i++) {
        dim_tensor *y = encode(enc, x, taps[i]);
        compare(taps[i], dim_tensor_const_data(y), N, dim_tensor_size(y, 1), 1, &want);
        dim_tensor_destroy(y);
    }
    compare_gradients(enc, x, &want);
    assert_ptr_equal(want, end);
    destroy(x, INPUTS);
    dim_tensor_destroy(expected);
    dim_encoder_destroy(enc);
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

/* Channels that lie last in memory are read where they are, others are copied, each input by itself; batches go in pieces. */
static void test_layouts(void **state)
{
    enum { MANY = 259 };
    dim_tensor *x[INPUTS], *last[INPUTS];
    (void)state;
    dim_encoder *enc = network();
    make_inputs(MANY, x);
    dim_tensor *want = encode(enc, x, "top");
    for (int k = 0; k < INPUTS; k += 2) {
        dim_tensor *nhwc;
        ok(dim_tensor_create(ctx, DIM_F32, 4, (int64_t[]){ MANY, shapes[k][1], shapes[k][2], shapes[k][0] }, &nhwc));
        ok(dim_tensor_permute(nhwc, (int[]){ 0, 3, 1, 2 }, &last[k]));
        ok(dim_tensor_copy(last[k], x[k]));
        dim_tensor_destroy(nhwc);
    }
    for (int which = 1; which < 4; which++) { /* the first, the last, both */
        dim_tensor *some[INPUTS] = { which & 1 ? last[0] : x[0], x[1], which & 2 ? last[2] : x[2] };
        dim_tensor *y = encode(enc, some, "top");
        assert_memory_equal(dim_tensor_const_data(y), dim_tensor_const_data(want), MANY * 5 * sizeof(float));
        dim_tensor_destroy(y);
    }
    for (int k = 0; k < INPUTS; k++) { /* the end of the last piece, alone */
        dim_tensor *few;
        ok(dim_tensor_slice(x[k], 0, 256, 3, 1, &few));
        dim_tensor_destroy(x[k]);
        x[k] = few;
    }
    dim_tensor *y = encode(enc, x, "top");
    assert_memory_equal(dim_tensor_const_data(y), (const float *)dim_tensor_const_data(want) + 256 * 5, 3 * 5 * sizeof(float));
    dim_tensor_destroy(y);
    dim_tensor_destroy(want);
    dim_tensor_destroy(last[0]);
    dim_tensor_destroy(last[2]);
    destroy(x, INPUTS);
    dim_encoder_destroy(enc);
}

/* A vector stands at every position of a signal, too, before its channels and behind them. */
static void test_signals(void **state)
{
    enum { C = 2, L = 5, Z = 3, ALL = C + Z };
    static const int64_t signal[3] = { C, 0, L }, vector[3] = { Z, 0, 0 };
    dim_tensor *x, *z, *y;
    (void)state;
    for (int behind = 0; behind < 2; behind++) {
        dim_encoder_builder *b = builder(behind ? signal : vector);
        ok(add_input(b, "other", behind ? vector : signal));
        ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = "other" }));
        ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FLATTEN }));
        dim_encoder *enc = finish(b, NULL);
        ok(dim_tensor_create(ctx, DIM_F32, 3, (int64_t[]){ N, C, L }, &x));
        z = tensor(DIM_F32, N, vector);
        ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ N, ALL * L }, &y));
        float *from = dim_tensor_data(x), *at = dim_tensor_data(z);
        for (int i = 0; i < N * C * L; i++)
            from[i] = (float)i;
        for (int i = 0; i < N * Z; i++)
            at[i] = (float)(1000 + i);
        ok(dim_encoder_encode_inputs(enc, 2, (const dim_tensor *const[]){ behind ? x : z, behind ? z : x }, NULL, y));
        const float *got = dim_tensor_const_data(y);
        for (int n = 0; n < N; n++)
            for (int c = 0; c < ALL; c++)
                for (int l = 0; l < L; l++) {
                    int of_x = behind ? c : c - Z, of_z = behind ? c - C : c;
                    float want = of_x >= 0 && of_x < C ? from[(n * C + of_x) * L + l] : at[n * Z + of_z];
                    assert_true(got[(n * ALL + c) * L + l] == want);
                }
        destroy((dim_tensor *[]){ x, z, y }, 3);
        dim_encoder_destroy(enc);
    }
}

/* Mean and std are the first input's; a tap may be one of the inputs, and need no others. */
static void test_pixels(void **state)
{
    static const int64_t two[3] = { 2, 1, 1 };
    static const char *const taps[2] = { "first", "second" };
    dim_encoder_options o;
    dim_tensor *x[2], *y;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.mean[0] = o.mean[1] = 0.5f;
    o.std[0] = o.std[1] = 0.25f;
    dim_encoder_builder *b = builder(two);
    ok(add_input(b, "other", two));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "input", .tap = taps[0] }));
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "other", .tap = taps[1] }));
    dim_encoder *enc = finish(b, &o);
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 1, 2 }, &y));
    for (int type = 0; type < 2; type++) {
        for (int k = 0; k < 2; k++) {
            x[k] = tensor(type == 0 ? DIM_F32 : DIM_U8, 1, two);
            for (int c = 0; c < 2; c++)
                if (type == 0)
                    ((float *)dim_tensor_data(x[k]))[c] = (float)(10 * k + c);
                else
                    ((uint8_t *)dim_tensor_data(x[k]))[c] = (uint8_t)(10 * k + c);
        }
        for (int k = 0; k < 2; k++) {
            ok(dim_encoder_encode_inputs(enc, 2, (const dim_tensor *const[]){ x[0], x[1] }, taps[k], y));
            for (int c = 0; c < 2; c++) {
                float given = (float)(10 * k + c), scaled = type == 0 ? given : given / 255;
                float want = k == 0 ? (scaled - 0.5f) / 0.25f : type == 0 ? given : given / 127.5f - 1;
                assert_true(fabsf(((const float *)dim_tensor_const_data(y))[c] - want) < 1e-6f);
            }
        }
        destroy(x, 2);
    }
    dim_tensor_destroy(y);
    dim_encoder_destroy(enc);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void test_file(void **state)
{
    dim_encoder *again;
    dim_tensor *x[INPUTS];
    (void)state;
    dim_encoder *enc = network();
    ok(dim_encoder_save(enc, path));
    ok(dim_encoder_open(ctx, path, &again));
    make_inputs(N, x);
    assert_int_equal(dim_encoder_tap_count(enc), dim_encoder_tap_count(again));
    for (int i = 0; i < dim_encoder_tap_count(enc); i++) {
        const char *tap = dim_encoder_tap_name(enc, i);
        dim_tensor *a = encode(enc, x, tap), *b = encode(again, x, tap);
        assert_int_equal(dim_tensor_count(a), dim_tensor_count(b));
        assert_memory_equal(dim_tensor_const_data(a), dim_tensor_const_data(b), (size_t)dim_tensor_count(a) * sizeof(float));
        dim_tensor_destroy(a);
        dim_tensor_destroy(b);
    }
    destroy(x, INPUTS);
    dim_encoder_destroy(enc);
    dim_encoder_destroy(again);
}

/* What a checkpoint says of the inputs. */
static void test_settings(void **state)
{
    dim__settings s = { .ctx = ctx };
    (void)state;
    dim_encoder *enc = network();
    ok(dim__settings_of_network(&s, "encoder", enc));
    assert_string_equal(dim__settings_find(&s, "encoder.input"), "3 x 6 x 5");
    assert_string_equal(dim__settings_find(&s, "encoder.input1"), "z, 4 x 0 x 0");
    assert_string_equal(dim__settings_find(&s, "encoder.input2"), "m, 2 x 6 x 5");
    assert_non_null(strstr(dim__settings_find(&s, "encoder.layer0"), "reads -1"));
    assert_non_null(strstr(dim__settings_find(&s, "encoder.layer2"), "reads 1 and -2"));
    assert_non_null(strstr(dim__settings_find(&s, "encoder.layer3"), "reads 2 and -3"));
    dim__settings_free(&s);
    dim_encoder_destroy(enc);
}

/* ---- refused ----------------------------------------------------------------------------------------------------- */

static void test_builder_refuses(void **state)
{
    static const int64_t four[3] = { 4, 0, 0 }, map[3] = { 2, 6, 5 }, other[3] = { 2, 5, 6 };
    char name[16];
    (void)state;
    dim_encoder_builder *b = builder(map);
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = "local" }));
    assert_int_equal(dim_encoder_builder_add_input(NULL, "z", 4, 0, 0), DIM_E_INVALID);
    expect(DIM_E_INVALID, "name is NULL", add_input(b, NULL, four));
    expect(DIM_E_INVALID, "input name ''", add_input(b, "", four));
    expect(DIM_E_INVALID, "input name 'a b'", add_input(b, "a b", four));
    expect(DIM_E_INVALID, "cannot be named 'input'", add_input(b, "input", four));
    expect(DIM_E_INVALID, "cannot be named 'local'", add_input(b, "local", four));
    expect(DIM_E_INVALID, "cannot be named 'global'", add_input(b, "global", four));
    expect(DIM_E_INVALID, "'z' of 0 x 0 x 0", dim_encoder_builder_add_input(b, "z", 0, 0, 0));
    expect(DIM_E_INVALID, "'z' of 4 x 6 x 0", dim_encoder_builder_add_input(b, "z", 4, 6, 0));
    expect(DIM_E_INVALID, "'z' of 16777217", dim_encoder_builder_add_input(b, "z", (1 << 24) + 1, 0, 0));
    expect(DIM_E_INVALID, "'z' of 4 x 65537 x 1", dim_encoder_builder_add_input(b, "z", 4, 65537, 1));
    expect(DIM_E_INVALID, "'z' of 4 x 1 x 4294967295", dim_encoder_builder_add_input(b, "z", 4, 1, UINT32_MAX));
    expect(DIM_E_INVALID, "'z', which does not exist", add(b, (dim_layer_options){ .kind = DIM_LAYER_FROM, .from = "z" }));
    ok(add_input(b, "z", four));
    expect(DIM_E_INVALID, "cannot be named 'z'", add_input(b, "z", four));
    expect(DIM_E_INVALID, "are named 'z'", add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = "z" }));
    ok(add_input(b, "m", other));
    expect(DIM_E_SHAPE, "another height or width", add(b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = "m" }));
    expect(DIM_E_SHAPE, "another shape", add(b, (dim_layer_options){ .kind = DIM_LAYER_ADD, .from = "z" }));
    for (int k = 3; k < DIM_MAX_INPUTS; k++) {
        snprintf(name, sizeof name, "i%d", k);
        ok(add_input(b, name, four));
    }
    expect(DIM_E_INVALID, "at most 8 inputs", add_input(b, "more", four));
    dim_encoder_builder_destroy(b);
    b = builder(four); /* whose doubling ends at 2^56 numbers */
    for (int i = 0; i < 54; i++) {
        snprintf(name, sizeof name, "t%d", i);
        ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = name }));
        ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = name }));
    }
    ok(add(b, (dim_layer_options){ .kind = DIM_LAYER_RELU, .tap = "all" }));
    expect(DIM_E_SHAPE, "too large", add(b, (dim_layer_options){ .kind = DIM_LAYER_CONCAT, .from = "all" }));
    dim_encoder_builder_destroy(b);
}

#define ENCODE(count, a, b, c, tap) \
    dim_encoder_encode_inputs(enc, count, (const dim_tensor *const[]){ a, b, c }, tap, y)

static void test_encode_refuses(void **state)
{
    dim_tensor *x[INPUTS], *y, *less, *numbers, *wide, *within, *found;
    dim_dataset *data;
    dim_model *model = NULL;
    (void)state;
    dim_encoder *enc = network();
    make_inputs(N, x);
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ N, 3 }, &y));
    ok(dim_tensor_create(ctx, DIM_I32, 2, (int64_t[]){ N, 4 }, &numbers));
    ok(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ N, 5 }, &wide));
    ok(dim_tensor_slice(x[2], 0, 1, 3, 1, &less));
    ok(dim_tensor_slice(x[1], 1, 0, 3, 1, &within));
    assert_int_equal(dim_encoder_encode_inputs(NULL, 3, (const dim_tensor *const[]){ x[0], x[1], x[2] }, NULL, y), DIM_E_INVALID);
    expect(DIM_E_INVALID, "inputs is NULL", dim_encoder_encode_inputs(enc, 3, NULL, NULL, y));
    expect(DIM_E_INVALID, "features is NULL",
           dim_encoder_encode_inputs(enc, 3, (const dim_tensor *const[]){ x[0], x[1], x[2] }, NULL, NULL));
    expect(DIM_E_INVALID, "3 inputs (input, z, m), but 1 is given", dim_encoder_encode(enc, x[0], NULL, y));
    expect(DIM_E_INVALID, "but 2 are given", ENCODE(2, x[0], x[1], x[2], NULL));
    expect(DIM_E_INVALID, "but 4 are given", ENCODE(4, x[0], x[1], x[2], NULL));
    expect(DIM_E_INVALID, "but 0 are given", ENCODE(0, x[0], x[1], x[2], NULL));
    expect(DIM_E_INVALID, "but -1 are given", ENCODE(-1, x[0], x[1], x[2], NULL));
    expect(DIM_E_INVALID, "samples of 'input' are NULL", ENCODE(3, NULL, x[1], x[2], NULL));
    expect(DIM_E_INVALID, "samples of 'm' are NULL", ENCODE(3, x[0], x[1], NULL, NULL));
    expect(DIM_E_SHAPE, "samples of 'input' are 4, but samples of 'm' are 3", ENCODE(3, x[0], x[1], less, NULL));
    expect(DIM_E_SHAPE, "samples of 'z' have shape (4, 5), the encoder takes (N, 4)", ENCODE(3, x[0], wide, x[2], NULL));
    expect(DIM_E_SHAPE, "samples of 'm' have shape (4, 3, 6, 5), the encoder takes (N, 2, 6, 5)",
           ENCODE(3, x[0], x[1], x[0], NULL));
    expect(DIM_E_INVALID, "samples of 'z' have dtype i32", ENCODE(3, x[0], numbers, x[2], NULL));
    expect(DIM_E_INVALID, "'z' is what the encoder reads", ENCODE(3, x[0], x[1], x[2], "z"));
    expect(DIM_E_INVALID, "has no tap 'mystery'", ENCODE(3, x[0], x[1], x[2], "mystery"));
    expect(DIM_E_INVALID, "samples of 'z' and features share memory",
           dim_encoder_encode_inputs(enc, 3, (const dim_tensor *const[]){ x[0], x[1], x[2] }, NULL, within));
    expect(DIM_E_UNSUPPORTED, "a model has one input, but the encoder has 3", dim_model_create(enc, NULL, &model));
    assert_null(model);
    ok(dim_dataset_from_tensors(ctx, x[0], NULL, &data));
    expect(DIM_E_INVALID, "but 1 is given", dim_probe_features(enc, NULL, data, 0, N, &found));
    dim_dataset_destroy(data);
    destroy((dim_tensor *[]){ y, less, numbers, wide, within }, 5);
    destroy(x, INPUTS);
    dim_encoder_destroy(enc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pytorch),         cmocka_unit_test(test_layouts),  cmocka_unit_test(test_pixels),
        cmocka_unit_test(test_file),            cmocka_unit_test(test_settings), cmocka_unit_test(test_builder_refuses),
        cmocka_unit_test(test_encode_refuses),  cmocka_unit_test(test_signals),
    };
    const struct CMUnitTest plain[] = { cmocka_unit_test(test_pytorch) }; /* nothing fused, no memory shared */
    int failed = cmocka_run_group_tests(tests, open_context, close_context);
    return failed + cmocka_run_group_tests(plain, open_reference, close_context);
}
