/* Any sequence of public calls.  The bytes are a program: which function of the list of all (every.h), and each of its arguments,
 * by the parameter's type: handles that are alive or NULL, numbers that matter, options with some members set, names.  Half of the
 * calls begin with the arguments of the function's case, so that they lead somewhere.  Handles are destroyed in any order, the
 * contexts among them.  What a caller must not do is not done: see the places that say "contract". */
#include "fuzz.h"

#include "every.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_CALLS = 24, ROOM = 8 << 20, NUMBERS = 1 << 21, OPTIONS = 6, OPTIONS_SIZE = 1024, ARRAYS = 6, LONG = 8192 };

static every_world w;
static fuzz_bytes b;
static float written[NUMBERS];                        /* by functions; as wide as a code can be within ROOM */
static _Alignas(64) uint8_t options[OPTIONS][OPTIONS_SIZE]; /* of a call and, nested, its options */
static int n_options;
static int64_t arrays[ARRAYS][LONG];
static int n_arrays;
static _Alignas(64) double wrapped[4096];

/* ---- values ------------------------------------------------------------------------------------------------------ */

static int64_t take_number(void)
{
    static const int64_t numbers[] = { 16,        64,        -1,        -2,        1000,      4097,          255,
                                       INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 1ll << 31, (1ll << 32) + 1, 1ll << 62,
                                       1ll << 24, 1ll << 40 };
    unsigned x = fuzz_byte(&b);
    return x < 200 ? x % 10 : numbers[x % (sizeof numbers / sizeof *numbers)];
}

static double take_float(void)
{
    static const double numbers[] = { NAN, INFINITY, -INFINITY, 1e-45, 3e38, -3e38, 1e20, -1, 0.5, 1, 2, 1e-3, 0.25, 100 };
    unsigned x = fuzz_byte(&b);
    return x < 100 ? x / 100.0 : numbers[x % (sizeof numbers / sizeof *numbers)];
}

static const char *take_text(void)
{
    static const char *const texts[] = {
        "",       "x",      "y",       "z",         "fx",        "fx.fc",       "mi",     "ce",    "learner", "rival", "global",
        "local",  "vector", "input",   "fc",        "term",      "classifier",  "loss",   "prior", "a b",     "gx",    "global:local",
        "x z",    "gx.fc",  "h",       "mi.value",  "loss.pos",  "code.mean",   "lr",     "npy:f", "idx:.",   "csv:f", "folder:.",
        "stl10:.", "f",     "f2",      "no/such",   "infonce",   "fx.linear1.weight",     "encoder.conv1.weight", "conv1.weight",
        "a-name-that-is-longer-than-31-characters", "mean",      "logvar",      "learner.lr", "\xff\xfe", "%s%n", "_hidden", "./f",
    };
    unsigned x = fuzz_byte(&b);
    return x == 255 ? NULL : texts[x % (sizeof texts / sizeof *texts)];
}

static void *take_handle(const char *type)
{
    int n = 0;
    unsigned x = fuzz_byte(&b);
    for (int i = 0; i < w.n; i++)
        n += strcmp(w.parts[i].type, type) == 0;
    if (n == 0 || x == 255)
        return NULL;
    int which = (int)(x % (unsigned)n);
    for (int i = 0; i < w.n; i++)
        if (strcmp(w.parts[i].type, type) == 0 && which-- == 0)
            return w.parts[i].handle;
    return NULL;
}

static int sample(void *user, int64_t index, void *image, int64_t *label)
{
    (void)user;
    *(char *)image = (char)index;
    *label = index % 3;
    return index == 5;
}

static void release(void *user, void *data)
{
    (void)user;
    (void)data;
}

static void log_nothing(void *user, dim_log_level level, const char *message)
{
    (void)user;
    (void)level;
    fuzz_require(message != NULL && message[0] != '\0');
}

static void (*take_callback(const char *type))(void)
{
    if (fuzz_byte(&b) == 255)
        return NULL;
    if (strcmp(type, "dim_sample_fn") == 0)
        return (void (*)(void))sample;
    if (strcmp(type, "dim_release_fn") == 0)
        return (void (*)(void))release;
    if (strcmp(type, "dim_log_fn") == 0)
        return (void (*)(void))log_nothing;
    return NULL; /* of a context's allocator; those of fuzz_new_context() are exercised all the time */
}

static void *take_array(const char *type)
{
    if (n_arrays == ARRAYS || fuzz_byte(&b) == 255)
        return NULL;
    int64_t *a = arrays[n_arrays++];
    memset(a, 0, 64 * sizeof *a); /* what is behind has stayed 0 */
    unsigned n = fuzz_byte(&b) % 9;
    for (unsigned i = 0; i < n; i++) {
        int64_t x = take_number();
        if (strcmp(type, "int") == 0)
            ((int *)(void *)a)[i] = (int)x;
        else
            a[i] = x;
    }
    return a;
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

static void *take_options(const char *type, int depth);

/* Numbers that only say how long something takes; contract: a caller who asks for a million threads waits for them. */
static int64_t bounded(const char *name, int64_t x)
{
    static const char *const slow[] = { "threads", "blas_threads", "workers", "prefetch", "epochs", "turns", "views", "depth" };
    for (size_t i = 0; i < sizeof slow / sizeof *slow; i++)
        if (strcmp(slow[i], name) == 0 && x > 3 && x < 1 << 30)
            return x % 4;
    return x;
}

static void set_member(uint8_t *at, const every_field *f, int depth)
{
    void *p = NULL;
    void (*callback)(void);
    float real;
    int64_t x;
    switch (f->kind) {
    case EVERY_FLOAT:
        real = (float)take_float();
        memcpy(at + (fuzz_byte(&b) % (f->size / sizeof real)) * sizeof real, &real, sizeof real);
        return;
    case EVERY_CALLBACK:
        callback = take_callback(f->type);
        memcpy(at, &callback, sizeof callback);
        return;
    case EVERY_NUMBER:
    case EVERY_ENUM:
        x = bounded(f->name, take_number());
        if (strcmp(f->type, "int64_t") == 0 || strcmp(f->type, "uint64_t") == 0)
            memcpy(at + (f->size > 8 ? fuzz_byte(&b) % (f->size / 8) * 8 : 0), &x, 8);
        else
            memcpy(at + (f->size > 4 ? fuzz_byte(&b) % (f->size / 4) * 4 : 0), &(int32_t){ (int32_t)x }, 4);
        return;
    case EVERY_HANDLE:
        p = take_handle(f->type);
        break;
    case EVERY_OPTIONS:
        p = depth < 2 ? take_options(f->type, depth + 1) : NULL;
        break;
    case EVERY_TEXT:
        p = (void *)(uintptr_t)take_text();
        break;
    case EVERY_ARRAY: /* contract: an element for each image, of which there are less than LONG */
        p = take_array(f->type);
        break;
    default:
        break;
    }
    memcpy(at, &p, sizeof p);
}

static size_t size_of(const char *type)
{
    for (int i = 0; i < every_struct_count; i++)
        if (strcmp(every_structs[i].name, type) == 0)
            return every_structs[i].size;
    fuzz_fail(__FILE__, __LINE__, type);
    return 0;
}

/* Zeros with a few members set. */
static void set_members(uint8_t *o, const char *type, int depth)
{
    int first = 0, n = 0;
    for (int i = 0; i < every_field_count; i++)
        if (strcmp(every_fields[i].in, type) == 0) {
            first = n == 0 ? i : first;
            n++;
        }
    for (unsigned k = fuzz_byte(&b) % 8; k > 0 && n > 0; k--) {
        const every_field *f = &every_fields[first + (int)(fuzz_byte(&b) % (unsigned)n)];
        set_member(o + f->offset, f, depth);
    }
    if (strcmp(type, "dim_context_options") == 0) { /* oneDNN would be loaded anew each time, and OpenBLAS takes 256 MB */
        dim_context_options *c = (dim_context_options *)(void *)o;
        c->gemm = c->gemm <= DIM_GEMM_ONEDNN ? DIM_GEMM_REFERENCE : c->gemm;
        c->threads = c->threads == 0 ? 1 : c->threads;
        c->blas_threads = c->blas_threads == 0 ? 0 : 1;
    }
}

static void *take_options(const char *type, int depth)
{
    size_t size = size_of(type);
    unsigned how = fuzz_byte(&b);
    if (n_options == OPTIONS || how == 255)
        return NULL;
    uint8_t *o = options[n_options++];
    memset(o, 0, OPTIONS_SIZE);
    if (how >= 248) /* of an older or newer program, or wrong */
        size = (size_t[]){ 0, 3, size - 8, size + 16, 8, SIZE_MAX, size + 8 }[how - 248];
    set_members(o, type, depth);
    memcpy(o, &size, sizeof size);
    return o;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void take_argument(const every_function *f, int i, every_value *a)
{
    const every_parameter *p = &f->parameter[i];
    size_t size;
    switch (p->kind) {
    case EVERY_NUMBER:
    case EVERY_ENUM:
        a->i = take_number();
        break;
    case EVERY_FLOAT:
        a->d = take_float();
        break;
    case EVERY_HANDLE:
        a->p = take_handle(p->type);
        break;
    case EVERY_HANDLES: /* contract: as many as the count says, which is limited below */
        for (int k = 0; k < 2; k++)
            w.list[(i & 1) * 2 + k] = take_handle(p->type);
        a->p = fuzz_byte(&b) == 255 ? NULL : &w.list[(i & 1) * 2];
        break;
    case EVERY_HANDLE_OUT:
        a->p = fuzz_byte(&b) == 255 ? NULL : a->p != NULL ? a->p : &w.out[1];
        break;
    case EVERY_OPTIONS:
        a->p = take_options(p->type, 0);
        break;
    case EVERY_RESULT: /* contract: its size is not larger than what is there */
        a->p = fuzz_byte(&b) == 255 ? NULL : (void *)written;
        size = (fuzz_byte(&b) & 7) != 0 ? size_of(p->type) : 8;
        memcpy(written, &size, sizeof size);
        break;
    case EVERY_TEXT:
        a->p = (void *)(uintptr_t)take_text();
        break;
    case EVERY_ARRAY:
        a->p = take_array(p->type);
        break;
    case EVERY_ARRAY_OUT:
        a->p = fuzz_byte(&b) == 255 ? NULL : (void *)written;
        break;
    case EVERY_USER:
        a->p = fuzz_byte(&b) == 255 ? NULL : (void *)wrapped;
        break;
    case EVERY_CALLBACK:
        a->f = take_callback(p->type);
        break;
    }
}

/* As in set_members(): neither without options nor with a size that ends before `gemm`, which is then OpenBLAS. */
static void keep_reference(every_value *a)
{
    static dim_context_options plain;
    size_t size = 0;
    if (a->p != NULL)
        memcpy(&size, a->p, sizeof size);
    if (a->p == NULL || (size >= sizeof size && size < offsetof(dim_context_options, gemm) + sizeof plain.gemm)) {
        DIM_OPTIONS_INIT(&plain);
        plain.threads = plain.blas_threads = 1;
        a->p = &plain;
    }
    if (a->p == &plain || (a->p == &w.o.context && w.o.context.size == sizeof w.o.context))
        ((dim_context_options *)a->p)->gemm = DIM_GEMM_REFERENCE;
}

/* Trainings of a few steps: without options, or with a size that ends before `steps`, it were thousands. */
static void keep_short(every_value *a)
{
    static dim_evaluation_options plain;
    size_t size = 0;
    if (a->p != NULL)
        memcpy(&size, a->p, sizeof size);
    if (a->p == NULL || (size >= sizeof size && size < offsetof(dim_evaluation_options, steps) + sizeof plain.steps)) {
        DIM_OPTIONS_INIT(&plain);
        a->p = &plain;
    }
    if (size >= sizeof size || a->p == &plain)
        ((dim_evaluation_options *)a->p)->steps = ((dim_evaluation_options *)a->p)->steps % 4 + 1;
}

/* Contract: the memory that is wrapped is there, and so are elements of lists. */
static void keep_contracts(const every_function *f, every_value *a)
{
    if (strcmp(f->name, "dim_tensor_wrap") == 0) {
        int64_t *shape = a[3].p, *strides = a[4].p;
        for (int i = 0; shape != NULL && i < 8; i++)
            shape[i] = i < 4 && shape[i] > 5 ? shape[i] % 5 : i < 4 ? shape[i] : 1;
        for (int i = 0; strides != NULL && i < 8; i++)
            strides[i] = strides[i] % 32;
        a[2].i = a[2].i > 4 && a[2].i < 9 ? 4 : a[2].i;
        a[5].p = a[5].p != NULL ? wrapped + 2048 : NULL;
    }
    for (int i = 0; i < f->n; i++)
        if (f->parameter[i].kind == EVERY_HANDLES)
            a[1].i = a[1].i > 2 ? 2 : a[1].i;
    if (strcmp(f->name, "dim_context_create") == 0)
        keep_reference(&a[0]);
    for (int i = 0; i < f->n; i++)
        if (f->parameter[i].kind == EVERY_OPTIONS && strcmp(f->parameter[i].type, "dim_evaluation_options") == 0)
            keep_short(&a[i]);
    if (strcmp(f->name, "dim_augment_apply") == 0 && w.o.augment_apply.size == sizeof w.o.augment_apply)
        w.o.augment_apply.index = NULL; /* the case has six */
    for (int i = 0; i < f->n; i++) /* the case's own are small */
        if (f->parameter[i].kind == EVERY_ARRAY_OUT && a[i].p != NULL)
            a[i].p = written;
}

static void adopt(const every_function *f)
{
    int lent = strcmp(f->name, "dim_loader_next") == 0, k = 0;
    for (int i = 0; i < f->n && !lent; i++)
        if (f->parameter[i].kind == EVERY_HANDLE_OUT)
            for (k = 0; k < 2; k++)
                every_keep(&w, f->parameter[i].type, "made", w.out[k]);
    w.out[0] = w.out[1] = NULL;
}

static void destroy_one(void)
{
    if (w.n == 0)
        return;
    every_part part = w.parts[fuzz_byte(&b) % (unsigned)w.n];
    every_give(&w, part.handle);
    every_destroy(part.type, part.handle);
}

/* A handle that a destroying function gets is not the world's any more. */
static void forget(const every_function *f, const every_value *a)
{
    if (f->n == 1 && strstr(f->name, "_destroy") != NULL && a[0].p != NULL)
        (void)every_give(&w, a[0].p);
}

/* With DIM_FUZZ_TRACE in the environment, to see what a program of bytes does. */
static void trace(const every_function *f, const every_value *a, const every_result *r)
{
    if (getenv("DIM_FUZZ_TRACE") == NULL)
        return;
    fprintf(stderr, "%s(", f->name);
    for (int i = 0; i < f->n; i++) {
        every_kind kind = f->parameter[i].kind;
        if (kind == EVERY_TEXT && a[i].p != NULL)
            fprintf(stderr, "%s\"%s\"", i > 0 ? ", " : "", (const char *)a[i].p);
        else if (kind == EVERY_NUMBER || kind == EVERY_ENUM)
            fprintf(stderr, "%s%lld", i > 0 ? ", " : "", (long long)a[i].i);
        else if (kind == EVERY_FLOAT)
            fprintf(stderr, "%s%g", i > 0 ? ", " : "", a[i].d);
        else
            fprintf(stderr, "%s%p", i > 0 ? ", " : "", a[i].p);
    }
    if (r == NULL)
        fputs(")\n", stderr);
    else
        fprintf(stderr, ") = %s, made %p; %s\n", dim_status_name(r->status), w.out[0], w.ctx != NULL ? dim_context_error(w.ctx) : "");
}

static void one_call(void)
{
    every_value a[EVERY_ARGUMENTS] = { { NULL, 0, 0, NULL } };
    every_result r = { DIM_OK, NULL, 0, 0 };
    const every_function *f = &every_functions[fuzz_byte(&b) % (unsigned)every_count];
    unsigned how = fuzz_byte(&b);
    if (f->arguments == NULL)
        return;
    while (w.n > EVERY_PARTS - 20)
        destroy_one();
    n_options = n_arrays = 0;
    w.out[0] = w.out[1] = NULL;
    if ((how & 1) != 0) {
        f->arguments(&w, a);
        for (unsigned k = how >> 1 & 3; k > 0 && f->n > 0; k--) {
            int i = (int)(fuzz_byte(&b) % (unsigned)f->n);
            if (strcmp(f->name, "dim_tensor_wrap") != 0 && strcmp(f->name, "dim_context_create") != 0 &&
                strstr(f->name, "_destroy") == NULL) /* whose handle was taken out of the world */
                take_argument(f, i, &a[i]);
        }
    } else {
        for (int i = 0; i < f->n; i++)
            take_argument(f, i, &a[i]);
        keep_contracts(f, a);
    }
    if (strcmp(f->name, "dim_tensor_wrap") != 0)
        keep_contracts(f, a);
    forget(f, a);
    trace(f, a, NULL);
    f->call(a, &r);
    trace(f, a, &r);
    fuzz_require(strcmp(dim_status_name(r.status), "DIM_UNKNOWN") != 0);
    fuzz_require(r.status == DIM_OK || (w.out[0] == NULL && w.out[1] == NULL));
    fuzz_accepted += strcmp(f->returns, "dim_status") == 0 && r.status == DIM_OK;
    adopt(f);
}

/* Files that calls wrote into the folder where they are made. */
static void clear_folder(void)
{
    DIR *dir = opendir(".");
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            unlink(e->d_name);
    if (dir != NULL)
        closedir(dir);
}

static void start(void)
{
    fuzz_room = ROOM;
    fuzz_require(chdir(fuzz_folder()) == 0);
    atexit(clear_folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int started;
    if (!started)
        start();
    started = 1;
    b = (fuzz_bytes){ data, size };
    fuzz_begin();
    every_world_start(&w, ".");
    w.lenient = 1;
    w.make_context = fuzz_new_context;
    for (int k = 0; k < MOST_CALLS && b.left > 0; k++)
        if ((fuzz_byte(&b) & 15) == 15)
            destroy_one();
        else
            one_call();
    while (w.n > 0)
        destroy_one();
    w.memory.live = 0;
    every_world_end(&w, NULL);
    fuzz_end();
    return 0;
}
