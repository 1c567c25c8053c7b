#include "every.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void every_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("FAIL: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    abort();
}

#define MUST(call) must(w, call, #call)
static void must(const every_world *w, dim_status status, const char *what)
{
    if (status != DIM_OK && !w->lenient)
        every_fail("%s: %s", what, w->ctx != NULL ? dim_context_error(w->ctx) : dim_status_name(status));
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

void every_world_start(every_world *w, const char *folder)
{
    memset(w, 0, sizeof *w);
    snprintf(w->path, sizeof w->path, "%s/every-%ld.file", folder, (long)getpid());
}

void every_destroy(const char *type, void *handle)
{
    char name[64];
    every_value a = { .p = handle };
    every_result r;
    snprintf(name, sizeof name, "%s_destroy", type);
    const every_function *f = every_find(name);
    if (f == NULL)
        every_fail("there is no %s()", name);
    f->call(&a, &r);
}

void every_world_end(every_world *w, const int *order)
{
    for (int k = 0; k < w->n; k++) {
        const every_part *part = &w->parts[order != NULL ? order[k] : k];
        every_destroy(part->type, part->handle);
    }
    w->n = 0;
    if (w->memory.live != 0)
        every_fail("%ld blocks of memory are left when everything is destroyed", w->memory.live);
    unlink(w->path);
}

void *every_keep(every_world *w, const char *type, const char *name, void *handle)
{
    if (handle == NULL)
        return NULL;
    if (w->n == EVERY_PARTS)
        every_fail("more than %d parts", EVERY_PARTS);
    w->parts[w->n++] = (every_part){ type, name, handle };
    return handle;
}

int every_part_of(const every_world *w, const void *handle)
{
    for (int i = 0; i < w->n; i++)
        if (w->parts[i].handle == handle)
            return i;
    return -1;
}

void *every_give(every_world *w, void *handle)
{
    int at = every_part_of(w, handle);
    if (at < 0 && w->lenient)
        return NULL;
    if (at < 0)
        every_fail("a handle is not in the world");
    if (handle == w->ctx && w->lenient)
        w->ctx = NULL;
    w->n--;
    memmove(&w->parts[at], &w->parts[at + 1], (size_t)(w->n - at) * sizeof *w->parts);
    return handle;
}

void *every_known(const every_world *w, const char *name)
{
    for (int i = 0; i < w->n; i++)
        if (strcmp(w->parts[i].name, name) == 0)
            return w->parts[i].handle;
    return NULL;
}

#define KNOWN(type, name)                            \
    do {                                             \
        type *known = every_known(w, name);          \
        if (known != NULL)                           \
            return known;                            \
    } while (0)
#define KEEP(type, name, handle) every_keep(w, #type, name, handle)

/* ---- context and tensors ----------------------------------------------------------------------------------------- */

dim_context *w_context(every_world *w)
{
    dim_context_options o;
    if (w->ctx != NULL)
        return w->ctx;
    if (w->make_context != NULL) {
        w->ctx = w->make_context();
        return KEEP(dim_context, "context", w->ctx);
    }
    DIM_OPTIONS_INIT(&o);
    o.seed = 1;
    o.threads = o.blas_threads = 1;
    o.alloc = take;
    o.free = give;
    o.alloc_user = &w->memory;
    MUST(dim_context_create(&o, &w->ctx));
    return KEEP(dim_context, "context", w->ctx);
}

/* Pseudo-random in [-1, 1], and far enough from 0 for a difference to be seen. */
static double element(int64_t i) { return (double)((i * 73 + 41) % 101 - 50) / 50.0; }

dim_tensor *w_tensor(every_world *w, const char *name, dim_dtype dtype, int rank, const int64_t *shape)
{
    dim_tensor *t = NULL;
    KNOWN(dim_tensor, name);
    MUST(dim_tensor_create(w_context(w), dtype, rank, shape, &t));
    for (int64_t i = 0; i < dim_tensor_count(t); i++) {
        double x = element(i + (int64_t)strlen(name));
        if (dtype == DIM_F32)
            ((float *)dim_tensor_data(t))[i] = (float)x;
        else if (dtype == DIM_U8)
            ((uint8_t *)dim_tensor_data(t))[i] = (uint8_t)(127 + 100 * x);
        else if (dtype == DIM_I32)
            ((int32_t *)dim_tensor_data(t))[i] = (int32_t)i;
        else if (dtype == DIM_I64)
            ((int64_t *)dim_tensor_data(t))[i] = i;
    }
    return KEEP(dim_tensor, name, t);
}

dim_tensor *w_rows(every_world *w, const char *name, int64_t n, int64_t d)
{
    return w_tensor(w, name, DIM_F32, 2, (int64_t[]){ n, d });
}

dim_tensor *w_labels(every_world *w, const char *name, int64_t n, int64_t classes)
{
    KNOWN(dim_tensor, name);
    dim_tensor *t = w_tensor(w, name, DIM_I32, 1, &n);
    for (int64_t i = 0; i < n; i++)
        ((int32_t *)dim_tensor_data(t))[i] = (int32_t)(i % classes);
    return t;
}

dim_tensor *w_images(every_world *w) { return w_tensor(w, "images", DIM_F32, 4, (int64_t[]){ 6, 2, 8, 8 }); }
dim_tensor *w_pixels(every_world *w) { return w_tensor(w, "pixels", DIM_U8, 4, (int64_t[]){ 6, 3, 8, 8 }); }

/* ---- networks ---------------------------------------------------------------------------------------------------- */

static void add_layer(every_world *w, dim_encoder_builder *b, dim_layer_kind kind, uint32_t out, uint32_t kernel, uint32_t stride,
                      const char *tap)
{
    dim_layer_options o;
    DIM_OPTIONS_INIT(&o);
    o.kind = kind;
    o.out = out;
    o.kernel = kernel;
    o.stride = stride;
    o.padding = kernel == 3;
    o.tap = tap;
    MUST(dim_encoder_builder_add(b, &o));
}

dim_encoder_builder *w_builder(every_world *w)
{
    dim_encoder_builder *b = NULL;
    KNOWN(dim_encoder_builder, "builder");
    MUST(dim_encoder_builder_create(w_context(w), 2, 8, 8, &b));
    add_layer(w, b, DIM_LAYER_CONV, 4, 3, 2, NULL);
    add_layer(w, b, DIM_LAYER_BATCH_NORM, 0, 0, 0, NULL);
    add_layer(w, b, DIM_LAYER_RELU, 0, 0, 0, "local");
    add_layer(w, b, DIM_LAYER_DEPTHWISE, 0, 3, 1, NULL);
    add_layer(w, b, DIM_LAYER_LAYER_NORM, 0, 0, 0, NULL);
    add_layer(w, b, DIM_LAYER_MAX_POOL, 0, 2, 2, NULL);
    add_layer(w, b, DIM_LAYER_LINEAR, 4, 0, 0, "vector");
    add_layer(w, b, DIM_LAYER_TANH, 0, 0, 0, NULL);
    add_layer(w, b, DIM_LAYER_LINEAR, 3, 0, 0, "global");
    return KEEP(dim_encoder_builder, "builder", b);
}

dim_encoder *w_encoder(every_world *w)
{
    dim_encoder *enc = NULL;
    KNOWN(dim_encoder, "encoder");
    MUST(dim_encoder_builder_finish(w_builder(w), NULL, &enc));
    return KEEP(dim_encoder, "encoder", enc);
}

dim_encoder *w_pair(every_world *w)
{
    dim_encoder_builder *b = NULL;
    dim_encoder *enc = NULL;
    dim_layer_options o;
    KNOWN(dim_encoder, "pair");
    MUST(dim_encoder_builder_create(w_context(w), 4, 0, 0, &b));
    MUST(dim_encoder_builder_add_input(b, "z", 2, 0, 0));
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_LAYER_CONCAT;
    o.from = "z";
    MUST(dim_encoder_builder_add(b, &o));
    add_layer(w, b, DIM_LAYER_LINEAR, 3, 0, 0, NULL);
    MUST(dim_encoder_builder_finish(b, NULL, &enc));
    dim_encoder_builder_destroy(b);
    return KEEP(dim_encoder, "pair", enc);
}

dim_encoder *w_mlp(every_world *w)
{
    dim_encoder *enc = NULL;
    dim_encoder_options o;
    KNOWN(dim_encoder, "mlp");
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_ENCODER_MLP;
    o.channels = o.hidden[0] = 4;
    o.units = 3;
    MUST(dim_encoder_create(w_context(w), &o, &enc));
    return KEEP(dim_encoder, "mlp", enc);
}

/* ---- model and what it is made of -------------------------------------------------------------------------------- */

dim_estimator *w_estimator(every_world *w)
{
    dim_estimator *e = NULL;
    KNOWN(dim_estimator, "estimator");
    MUST(dim_estimator_create(w_context(w), NULL, &e));
    return KEEP(dim_estimator, "estimator", e);
}

dim_index *w_index(every_world *w)
{
    dim_index *index = NULL;
    KNOWN(dim_index, "index");
    MUST(dim_index_create(w_context(w), DIM_PROBE_KNN_COSINE, 4, &index));
    MUST(dim_index_add(index, w_rows(w, "indexed", 5, 4)));
    return KEEP(dim_index, "index", index);
}

dim_prior *w_prior(every_world *w)
{
    dim_prior *p = NULL;
    KNOWN(dim_prior, "prior");
    MUST(dim_prior_create(w_context(w), NULL, &p));
    return KEEP(dim_prior, "prior", p);
}

dim_prior *w_adversary(every_world *w)
{
    dim_prior *p = NULL;
    dim_prior_options o;
    KNOWN(dim_prior, "adversary");
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_PRIOR_UNIFORM;
    o.hidden1 = o.hidden2 = 3;
    MUST(dim_prior_create(w_context(w), &o, &p));
    return KEEP(dim_prior, "adversary", p);
}

dim_optimizer *w_optimizer(every_world *w)
{
    dim_optimizer *o = NULL;
    KNOWN(dim_optimizer, "optimizer");
    MUST(dim_optimizer_create(w_context(w), NULL, &o));
    return KEEP(dim_optimizer, "optimizer", o);
}

dim_model *w_model(every_world *w)
{
    dim_model *m = NULL;
    dim_term_options t;
    dim_classifier_options c;
    KNOWN(dim_model, "model");
    MUST(dim_model_create(w_encoder(w), NULL, &m));
    DIM_OPTIONS_INIT(&t);
    t.units = 4;
    MUST(dim_model_add_term(m, &t));
    MUST(dim_model_add_prior(m, w_adversary(w), 0));
    DIM_OPTIONS_INIT(&c);
    c.classes = 3;
    MUST(dim_model_add_classifier(m, &c));
    return KEEP(dim_model, "model", m);
}

dim_model *w_stepped(every_world *w)
{
    dim_model *m = w_model(w);
    if (dim_model_steps(m) == 0)
        MUST(dim_model_step_labeled(m, w_images(w), w_labels(w, "classes", 6, 3)));
    return m;
}

/* ---- data -------------------------------------------------------------------------------------------------------- */

dim_augment *w_augment(every_world *w)
{
    dim_augment *aug = NULL;
    dim_augment_op_options o;
    KNOWN(dim_augment, "augment");
    MUST(dim_augment_create(w_context(w), NULL, &aug));
    DIM_OPTIONS_INIT(&o);
    o.op = DIM_AUGMENT_OP_RESIZED_CROP;
    o.height = o.width = 6;
    MUST(dim_augment_add(aug, &o));
    o.op = DIM_AUGMENT_OP_COLOR_JITTER;
    o.brightness = o.contrast = o.saturation = 0.4f;
    o.hue = 0.1f;
    MUST(dim_augment_add(aug, &o));
    return KEEP(dim_augment, "augment", aug);
}

dim_dataset *w_dataset(every_world *w)
{
    dim_dataset *ds = NULL;
    KNOWN(dim_dataset, "dataset");
    MUST(dim_dataset_from_tensors(w_context(w), w_pixels(w), w_labels(w, "classes", 6, 3), &ds));
    return KEEP(dim_dataset, "dataset", ds);
}

dim_dataset *w_vectors(every_world *w)
{
    dim_dataset *ds = NULL;
    KNOWN(dim_dataset, "vectors");
    MUST(dim_dataset_from_tensors(w_context(w), w_images(w), w_labels(w, "classes", 6, 3), &ds));
    return KEEP(dim_dataset, "vectors", ds);
}

dim_loader *w_loader(every_world *w)
{
    dim_loader *loader = NULL;
    dim_loader_options o;
    KNOWN(dim_loader, "loader");
    DIM_OPTIONS_INIT(&o);
    o.batch = 2;
    o.no_thread = 1;
    o.augment = w_augment(w);
    o.views = 2;
    MUST(dim_loader_create(w_dataset(w), &o, &loader));
    return KEEP(dim_loader, "loader", loader);
}

/* ---- objective --------------------------------------------------------------------------------------------------- */

static void add_input(every_world *w, dim_objective *obj, const char *name, dim_input_kind kind, dim_dtype dtype, int64_t d)
{
    dim_input_options o;
    DIM_OPTIONS_INIT(&o);
    o.name = name;
    o.kind = kind;
    o.dtype = dtype;
    o.shape[0] = d;
    o.want_gradient = kind == DIM_INPUT_GIVEN && dtype == DIM_F32;
    MUST(dim_objective_add_input(obj, &o));
}

dim_objective *w_objective(every_world *w)
{
    dim_objective *obj = NULL;
    dim_loss_options l;
    dim_term_options t;
    dim_player_options p;
    KNOWN(dim_objective, "objective");
    MUST(dim_objective_create(w_context(w), NULL, &obj));
    KEEP(dim_objective, "objective", obj);
    add_input(w, obj, "x", DIM_INPUT_GIVEN, DIM_F32, 4);
    add_input(w, obj, "z", DIM_INPUT_NORMAL, DIM_F32, 3);
    add_input(w, obj, "y", DIM_INPUT_GIVEN, DIM_I32, 0);
    MUST(dim_objective_apply(obj, w_mlp(w), "x", "fx"));
    DIM_OPTIONS_INIT(&t);
    t.units = 4;
    DIM_OPTIONS_INIT(&l);
    l.name = "mi";
    l.a = "fx.fc";
    l.b = "fx";
    l.term = &t;
    MUST(dim_objective_add_loss(obj, &l));
    DIM_OPTIONS_INIT(&l);
    l.name = "ce";
    l.kind = DIM_LOSS_CROSS_ENTROPY;
    l.a = "fx";
    l.b = "y";
    MUST(dim_objective_add_loss(obj, &l));
    DIM_OPTIONS_INIT(&p);
    p.name = "learner";
    MUST(dim_objective_add_player(obj, &p));
    MUST(dim_objective_give(obj, "learner", "fx"));
    MUST(dim_objective_give(obj, "learner", "mi"));
    MUST(dim_objective_minimise(obj, "learner", "ce", 1));
    MUST(dim_objective_minimise(obj, "learner", "mi", 0.5f));
    return obj;
}

dim_objective *w_ungiven(every_world *w)
{
    dim_objective *obj = w_objective(w);
    dim_loss_options l;
    dim_term_options t;
    DIM_OPTIONS_INIT(&t);
    t.units = 4;
    DIM_OPTIONS_INIT(&l);
    l.term = &t;
    l.name = "rival";
    l.a = "fx.fc";
    l.b = "fx";
    MUST(dim_objective_add_loss(obj, &l));
    return obj;
}

dim_objective *w_ready(every_world *w)
{
    dim_objective *obj = w_objective(w);
    MUST(dim_objective_set(obj, "x", w_rows(w, "x", 6, 4)));
    MUST(dim_objective_set(obj, "y", w_labels(w, "classes", 6, 3)));
    return obj;
}

dim_information *w_measured(every_world *w)
{
    dim_information *info = NULL;
    dim_information_options o;
    dim_information_data d;
    KNOWN(dim_information, "measured");
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&d);
    o.permutations = 19;
    d.x = w_rows(w, "columns x", 60, 2);
    d.y = w_rows(w, "columns y", 60, 1);
    MUST(dim_information_measure(w_context(w), &o, &d, &info));
    return KEEP(dim_information, "measured", info);
}

dim_information *w_critics(every_world *w)
{
    dim_information *info = NULL;
    dim_information_options o;
    dim_information_data d;
    KNOWN(dim_information, "critics");
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&d);
    o.method = DIM_INFORMATION_CRITIC;
    o.order = DIM_INFORMATION_ORDER_SERIES; /* else rows that repeat others count once */
    o.block = 1;
    o.folds = 2;
    o.max_steps = 10;
    d.x = w_rows(w, "many columns x", 200, 2);
    d.y = w_rows(w, "many columns y", 200, 1);
    MUST(dim_information_measure(w_context(w), &o, &d, &info));
    return KEEP(dim_information, "critics", info);
}

dim_objective *w_trained(every_world *w)
{
    dim_objective *obj = w_ready(w);
    if (dim_objective_steps(obj) == 0)
        MUST(dim_objective_step(obj));
    return obj;
}

const char *w_file(every_world *w, const char *kind)
{
    if (strcmp(kind, "npy") == 0)
        MUST(dim_tensor_save_npy(w_rows(w, "rows", 6, 4), w->path));
    else if (strcmp(kind, "weights") == 0)
        MUST(dim_encoder_save(w_encoder(w), w->path));
    else if (strcmp(kind, "index") == 0)
        MUST(dim_index_save(w_index(w), w->path));
    else if (strcmp(kind, "model") == 0)
        MUST(dim_model_save(w_stepped(w), w->path));
    else if (strcmp(kind, "checkpoint") == 0)
        MUST(dim_checkpoint_save(w_stepped(w), w_loader(w), w->path));
    else if (strcmp(kind, "objective") == 0)
        MUST(dim_objective_save(w_trained(w), w->path));
    else if (strcmp(kind, "objective.checkpoint") == 0)
        MUST(dim_objective_checkpoint_save(w_trained(w), w_loader(w), w->path));
    else
        every_fail("no file of kind %s", kind);
    return w->path;
}
