/* The data of signals.c: waves of a generator, or an array of the caller's. */
#include "signals.h"

#include <math.h>

enum { WAVES = 6000, LENGTH = 128, FORMS = 6, PARTS = 5 /* the last of which is for testing */ };
static const char *const forms[FORMS] = { "sine", "triangle", "square", "saw", "pulse", "chirp" };

static float uniform(uint64_t *state) /* in [0, 1): the upper bits of splitmix64 */
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (float)((z ^ (z >> 31)) >> 40) * 0x1p-24f;
}

static float normal(uint64_t *state) /* the sum of 12 uniform numbers is near enough */
{
    float sum = -6;
    for (int i = 0; i < 12; i++)
        sum += uniform(state);
    return sum;
}

/* A wave at t periods. */
static float wave(int form, float t)
{
    float part = t - floorf(t);
    switch (form) {
    case 1: return 4 * fabsf(part - 0.5f) - 1;
    case 2: return part < 0.5f ? 1 : -1;
    case 3: return 2 * part - 1;
    case 4: return part < 0.15f ? 1 : -0.2f;
    default: return sinf(6.2831853f * part);
    }
}

/* 3 to 10 periods; those of a chirp become four times as short on the way. */
static void make_waves(ex_run *run, dim_tensor **signals, dim_tensor **labels)
{
    const int64_t shape[3] = { WAVES, 1, LENGTH };
    uint64_t state = run->o.seed;
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 3, shape, signals));
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_I64, 1, shape, labels));
    float *x = dim_tensor_data(*signals);
    for (int64_t i = 0; i < WAVES; i++) {
        int form = (int)(FORMS * uniform(&state));
        float periods = 3 * powf(10.0f / 3, uniform(&state)), phase = uniform(&state), size = 0.5f + uniform(&state);
        ((int64_t *)dim_tensor_data(*labels))[i] = form;
        for (int k = 0; k < LENGTH; k++) {
            float at = (float)k / LENGTH, t = form == 5 ? at * (0.4f + 0.6f * at) * 1.6f : at;
            *x++ = size * wave(form, phase + periods * t) + 0.2f * normal(&state);
        }
    }
    run->class_names = forms;
}

static void load_array(ex_run *run, const char *path, dim_tensor **signals, dim_tensor **labels)
{
    char name[EX_MAX_PATH];
    size_t length = strlen(path);
    if (length < 5 || strcmp(path + length - 4, ".npy") != 0 || length > sizeof name - 16)
        ex_usage_error(run->program, "--data: %s does not end in .npy, or is too long", path);
    if (dim_tensor_load_npy(run->ctx, path, signals) != DIM_OK)
        ex_usage_error(run->program, "--data: %s", dim_context_error(run->ctx));
    if (dim_tensor_rank(*signals) != 3)
        ex_usage_error(run->program, "--data: %s has %d axes; signals have 3: (signals, channels, values)", path,
                       dim_tensor_rank(*signals));
    snprintf(name, sizeof name, "%.*s.labels.npy", (int)length - 4, path);
    dim_status status = dim_tensor_load_npy(run->ctx, name, labels);
    if (status != DIM_OK && (status != DIM_E_IO || run->o.probe_train > 0))
        ex_usage_error(run->program, "--data: %s; --probe-train 0 trains without labels", dim_context_error(run->ctx));
    if (status == DIM_OK && (dim_tensor_rank(*labels) != 1 || dim_tensor_size(*labels, 0) != dim_tensor_size(*signals, 0)))
        ex_usage_error(run->program, "--data: %s has not one label for each of the %lld signals", name,
                       (long long)dim_tensor_size(*signals, 0));
}

/* Every fifth of the rows, or all others in their order. */
static dim_tensor *part_of(ex_run *run, dim_tensor *whole, dim_dtype dtype, bool test)
{
    int64_t n = dim_tensor_size(whole, 0), first = test ? PARTS - 1 : 0, parts = test ? 1 : PARTS - 1;
    int64_t shape[3] = { test ? n / PARTS : n - n / PARTS, dim_tensor_size(whole, 1), dim_tensor_size(whole, 2) };
    dim_tensor *part = NULL;
    EX_TRY(run, dim_tensor_create(run->ctx, dtype, dim_tensor_rank(whole), shape, &part));
    for (int64_t i = 0; i < parts; i++) {
        dim_tensor *from = NULL, *to = NULL;
        int64_t count = (n - first - i + PARTS - 1) / PARTS;
        EX_TRY(run, dim_tensor_slice(whole, 0, first + i, count, PARTS, &from));
        EX_TRY(run, dim_tensor_slice(part, 0, i, count, parts, &to));
        EX_TRY(run, dim_tensor_copy(to, from));
        dim_tensor_destroy(from);
        dim_tensor_destroy(to);
    }
    return part;
}

static dim_dataset *open_part(ex_run *run, dim_tensor *signals, dim_tensor *labels, bool test)
{
    dim_tensor *x = part_of(run, signals, DIM_F32, test);
    dim_tensor *y = labels != NULL ? part_of(run, labels, DIM_I64, test) : NULL;
    dim_dataset *part = NULL;
    if (dim_dataset_from_tensors(run->ctx, x, y, &part) != DIM_OK)
        ex_usage_error(run->program, "--data: %s", dim_context_error(run->ctx));
    dim_tensor_destroy(x);
    dim_tensor_destroy(y);
    return part;
}

void signals_open(ex_run *run)
{
    dim_tensor *signals = NULL, *labels = NULL;
    if (strcmp(run->o.data, "waves") == 0)
        make_waves(run, &signals, &labels);
    else if (strncmp(run->o.data, "npy:", 4) == 0)
        load_array(run, run->o.data + 4, &signals, &labels);
    else
        ex_usage_error(run->program, "--data: there is no '%s'; choose waves or npy:NAME.npy", run->o.data);
    if (dim_tensor_size(signals, 0) < PARTS)
        ex_usage_error(run->program, "--data: %s has only %lld signals", run->o.data, (long long)dim_tensor_size(signals, 0));
    run->train = open_part(run, signals, labels, false);
    run->test = open_part(run, signals, labels, true);
    dim_tensor_destroy(signals);
    dim_tensor_destroy(labels);
    ex_data_use(run);
}
