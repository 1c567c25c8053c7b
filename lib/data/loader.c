#include "data/loader.h"

#include "base/rng.h"
#include "base/thread.h"
#include "data/augment/augment.h"

#include <stdio.h>
#include <unistd.h>

/* A batch.  The slots form a ring: the b-th batch since the last seek lies in slot b modulo their number.  The caller holds at most one, so
 * that `prefetch` others can be prepared meanwhile.  What is in a slot belongs to a worker from when it claims the batch
 * until the batch is ready, and to the caller's side otherwise; only `ready` and the counters are locked. */
typedef struct slot {
    dim_tensor *images, *labels;           /* a whole batch */
    dim_tensor *last_images, *last_labels; /* views of the first samples, for an epoch's smaller last batch; or NULL */
    bool ready;
    bool last;
    uint64_t epoch;
    dim_status status;
    dim__sample_error error;               /* when status is not DIM_OK */
} slot;

/* Makes whole batches, on a thread of its own or in the caller's calls.  Nothing that it needs is shared with others. */
typedef struct worker {
    struct dim_loader *loader;
    pthread_t thread;
    int32_t *order; /* of the samples in an epoch; NULL = in order */
    uint64_t order_epoch;
    bool order_valid;
    void *sample;   /* an image before it is augmented */
    void *scratch;  /* for the augmentation */
} worker;

struct dim_loader {
    dim_context *ctx;
    dim_dataset *ds;
    uint64_t seed;
    int64_t rank, ranks;      /* which of so many equal slices of each batch this is */
    int64_t batch, rest;      /* samples of a slice, and of the last batch's; rest 0 = all batches are whole */
    uint64_t batches;         /* of an epoch */
    dim__augment_fit *augment; /* or NULL */
    int64_t views;
    slot *slots;
    uint64_t n_slots;
    worker *workers;
    uint32_t n_workers;
    uint64_t epoch;           /* of the batch given last */
    bool holding;             /* the caller has a batch, number `given` - 1 */
    uint64_t first;           /* number of the batch at which the last seek began; batches are counted from there */
    uint64_t given;           /* batches given to the caller */

    bool threaded;            /* mutex and conditions exist */
    uint32_t started;         /* threads */
    pid_t home;               /* the process that has them: a forked child has none */
    pthread_mutex_t lock;     /* of claimed, returned and the slots' ready */
    pthread_cond_t is_ready, is_returned;
    uint64_t claimed, returned; /* batches */
    uint32_t busy;            /* workers that are making one */
    bool seeking;             /* no new ones now */
    atomic_bool stop;         /* set under the lock, read between samples too: what is being made is not wanted */
};

dim_context *dim__loader_context(const dim_loader *loader) { return loader->ctx; }
uint64_t dim__loader_epoch(const dim_loader *loader) { return loader->epoch; }
uint64_t dim__loader_batches(const dim_loader *loader) { return loader->batches; }

/* Sample number `index` of the dataset, the i-th of n in its batch, into a slot. */
static dim_status make_sample(worker *w, slot *s, int64_t index, int64_t i, int64_t n)
{
    dim_loader *l = w->loader;
    const dim__augment_fit *fit = l->augment;
    int64_t label;
    void *image = fit != NULL ? w->sample : s->images->data + (size_t)i * l->ds->bytes;
    dim__reading side = l->threaded ? DIM__READING_WORKER : DIM__READING_CALLER;
    DIM__TRY(dim__dataset_sample(l->ds, side, index, image, &label, &s->error));
    ((int32_t *)(void *)s->labels->data)[i] = (int32_t)label;
    for (int64_t view = 0; fit != NULL && view < l->views; view++) {
        dim__augment_key key = { l->seed, s->epoch, (uint64_t)index, (uint64_t)view };
        float *to = (float *)(void *)s->images->data + (view * n + i) * s->images->stride[0];
        dim__augment_view(fit, image, &key, w->scratch, DIM_F32, to, s->images->stride + 1);
    }
    return DIM_OK;
}

/* Fills a slot with the b-th batch.  Runs on a worker's thread: no context in here. */
static void make_batch(worker *w, uint64_t b, slot *s)
{
    dim_loader *l = w->loader;
    uint64_t number = l->first + b; /* over all epochs */
    int64_t in_epoch = (int64_t)(number % l->batches);
    s->epoch = number / l->batches;
    s->last = l->rest != 0 && (uint64_t)in_epoch + 1 == l->batches;
    s->status = DIM_OK;
    if (w->order != NULL && (!w->order_valid || w->order_epoch != s->epoch)) {
        dim__rng_permutation(w->order, l->ds->count, l->seed, dim__mix(dim__hash_text("loader order"), s->epoch));
        w->order_epoch = s->epoch;
        w->order_valid = true;
    }
    int64_t n = s->last ? l->rest : l->batch, first = in_epoch * l->batch * l->ranks + l->rank * n;
    for (int64_t i = 0; i < n && !atomic_load_explicit(&l->stop, memory_order_relaxed); i++) {
        s->status = make_sample(w, s, w->order != NULL ? w->order[first + i] : first + i, i, n);
        if (s->status != DIM_OK)
            return;
    }
}

static void *thread_main(void *arg)
{
    worker *w = arg;
    dim_loader *l = w->loader;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (l->seeking || (!l->stop && l->claimed - l->returned == l->n_slots))
            pthread_cond_wait(&l->is_returned, &l->lock);
        if (l->stop)
            break;
        uint64_t b = l->claimed++;
        slot *s = &l->slots[b % l->n_slots];
        l->busy++;
        pthread_mutex_unlock(&l->lock);
        make_batch(w, b, s);
        pthread_mutex_lock(&l->lock);
        l->busy--;
        s->ready = true;
        pthread_cond_signal(&l->is_ready);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* What was started before a failure is stopped by dim__loader_destroy(). */
static dim_status start_threads(dim_loader *l)
{
    const char *what = "a lock";
    char reason[100] = "error";
    int code;
    if ((code = pthread_mutex_init(&l->lock, NULL)) != 0)
        goto failed;
    if ((code = pthread_cond_init(&l->is_ready, NULL)) != 0)
        goto no_ready;
    if ((code = pthread_cond_init(&l->is_returned, NULL)) != 0)
        goto no_returned;
    l->threaded = true;
    l->home = getpid();
    while (code == 0 && l->started < l->n_workers) {
        worker *w = &l->workers[l->started];
        code = dim__thread_start(&w->thread, thread_main, w);
        l->started += code == 0;
    }
    if (code == 0)
        return DIM_OK;
    what = "a thread";
    goto failed;
no_returned:
    pthread_cond_destroy(&l->is_ready);
no_ready:
    pthread_mutex_destroy(&l->lock);
failed:
    if (strerror_r(code, reason, sizeof reason) != 0)
        snprintf(reason, sizeof reason, "error %d", code);
    return dim__fail(l->ctx, DIM_E_SYSTEM, "the system has not %s to give after %u of the loader's %u threads (%s); no_thread = 1 "
                     "needs none", what, l->started, l->n_workers, reason);
}

static void stop_threads(dim_loader *l)
{
    pthread_mutex_lock(&l->lock);
    atomic_store(&l->stop, true);
    pthread_cond_broadcast(&l->is_returned);
    pthread_mutex_unlock(&l->lock);
    for (uint32_t i = 0; i < l->started; i++)
        pthread_join(l->workers[i].thread, NULL);
    pthread_cond_destroy(&l->is_returned);
    pthread_cond_destroy(&l->is_ready);
    pthread_mutex_destroy(&l->lock);
}

static dim_status make_slot(dim_loader *l, slot *s)
{
    const dim_dataset *ds = l->ds;
    const int64_t *sample = l->augment != NULL ? l->augment->out : ds->shape;
    int64_t shape[4] = { l->views * l->batch, sample[0], sample[1], sample[2] };
    dim_dtype dtype = l->augment != NULL ? DIM_F32 : ds->dtype;
    DIM__TRY(dim__tensor_create(l->ctx, dtype, ds->rank + 1, shape, &s->images));
    DIM__TRY(dim__tensor_create(l->ctx, DIM_I32, 1, &l->batch, &s->labels));
    if (l->rest != 0) {
        DIM__TRY(dim__tensor_slice(s->images, 0, 0, l->views * l->rest, 1, &s->last_images));
        DIM__TRY(dim__tensor_slice(s->labels, 0, 0, l->rest, 1, &s->last_labels));
    }
    return DIM_OK;
}

static dim_status make_worker(dim_loader *l, worker *w, bool in_order)
{
    w->loader = l;
    if (!in_order && (w->order = dim__calloc(l->ctx, (size_t)l->ds->count, sizeof *w->order)) == NULL)
        return DIM_E_NOMEM;
    if (l->augment == NULL)
        return DIM_OK;
    w->sample = dim__alloc(l->ctx, l->ds->bytes);
    w->scratch = dim__alloc(l->ctx, l->augment->scratch);
    return w->sample != NULL && w->scratch != NULL ? DIM_OK : DIM_E_NOMEM;
}

static dim_status check_augment(const dim_dataset *ds, const dim_loader_options *o)
{
    if (o->augment == NULL && o->views > 1)
        return dim__fail(ds->ctx, DIM_E_INVALID, "dim_loader_options: views is %u, but augment is NULL", o->views);
    if (o->augment == NULL)
        return DIM_OK;
    if (o->augment->ctx != ds->ctx)
        return dim__fail(ds->ctx, DIM_E_INVALID, "dim_loader_options: augment belongs to another context");
    if (ds->dtype != DIM_U8 || ds->rank != 3)
        return dim__fail(ds->ctx, DIM_E_INVALID, "a dataset of %s %s cannot be augmented; augment needs u8 images",
                         dim__dtype_name(ds->dtype), ds->rank == 3 ? "images" : "vectors");
    return DIM_OK;
}

static const dim__range prefetch = DIM__UP_TO(4096), workers = DIM__UP_TO(256), views = DIM__UP_TO(1024), ranks = DIM__UP_TO(65536);

#define F(member, range, usual) DIM__QUIET(dim_loader_options, member, U32, range, usual)
static const dim__field fields[] = { /* what a checkpoint keeps of a loader is in model/settings.c */
    F(batch, NULL, 64),
    F(in_order, &dim__switch, 0),
    F(keep_last, &dim__switch, 0),
    F(prefetch, &prefetch, 2),
    F(no_thread, &dim__switch, 0),
    F(reserved0, &dim__reserved, 0),
    F(views, &views, 0),
    F(workers, &workers, 0),
    F(rank, NULL, 0),
    F(ranks, &ranks, 1),
};
#undef F
static const dim__table table = DIM__TABLE(dim_loader_options, fields);

static dim_status check_options(const dim_dataset *ds, const dim_loader_options *o)
{
    if (o->no_thread && o->workers > 1)
        return dim__fail(ds->ctx, DIM_E_INVALID, "dim_loader_options.workers is %u; it must be 1 at most with no_thread",
                         o->workers);
    if (o->rank >= o->ranks)
        return dim__fail(ds->ctx, DIM_E_INVALID, "dim_loader_options.rank is %u of %u ranks; it must be below their number", o->rank,
                         o->ranks);
    if (o->ranks > 1 && ((int64_t)o->ranks > ds->count || (!o->keep_last && (int64_t)o->batch * o->ranks > ds->count)))
        return dim__fail(ds->ctx, DIM_E_INVALID, "dim_loader_options: %u ranks with a batch of %u each want more than the dataset's "
                         "%lld samples", o->ranks, o->batch, (long long)ds->count);
    if (!o->keep_last && (int64_t)o->batch > ds->count)
        return dim__fail(ds->ctx, DIM_E_INVALID, "dim_loader_options: batch %u is larger than the dataset of %lld "
                         "samples, and keep_last is 0", o->batch, (long long)ds->count);
    if (!o->in_order && ds->count > INT32_MAX)
        return dim__fail(ds->ctx, DIM_E_INVALID, "a dataset of %lld samples is too large to shuffle (at most %d); "
                         "set in_order", (long long)ds->count, INT32_MAX);
    return check_augment(ds, o);
}

/* Everything that allocates; dim__loader_destroy() releases what was made before a failure. */
static dim_status fill_loader(dim_loader *l, const dim_loader_options *o)
{
    dim_context *ctx = l->ctx;
    if (o->augment != NULL) {
        l->augment = dim__calloc(ctx, 1, sizeof *l->augment);
        if (l->augment == NULL)
            return DIM_E_NOMEM;
        DIM__TRY(dim__augment_fit_to(ctx, &o->augment->list, l->ds->shape, l->augment));
    }
    l->slots = dim__calloc(ctx, (size_t)l->n_slots, sizeof *l->slots);
    l->workers = dim__calloc(ctx, l->n_workers, sizeof *l->workers);
    if (l->slots == NULL || l->workers == NULL)
        return DIM_E_NOMEM;
    for (uint64_t i = 0; i < l->n_slots; i++)
        DIM__TRY(make_slot(l, &l->slots[i]));
    for (uint32_t i = 0; i < l->n_workers; i++)
        DIM__TRY(make_worker(l, &l->workers[i], o->in_order));
    return o->no_thread ? DIM_OK : start_threads(l);
}

dim_status dim__loader_create(dim_dataset *ds, const dim_loader_options *options, dim_loader **out)
{
    dim_loader_options o;
    dim_context *ctx = ds->ctx;
    DIM__TRY(dim__options_read(ctx, &table, options, &o));
    DIM__TRY(check_options(ds, &o));
    dim_loader *l = dim__calloc(ctx, 1, sizeof *l);
    if (l == NULL)
        return DIM_E_NOMEM;
    l->ctx = dim__context_retain(ctx);
    l->ds = ds;
    ds->refs++;
    l->seed = o.seed != 0 ? o.seed : ctx->seed;
    l->rank = (int64_t)o.rank;
    l->ranks = (int64_t)o.ranks;
    int64_t most = ds->count / l->ranks;
    l->batch = (int64_t)o.batch < most ? (int64_t)o.batch : most;
    int64_t all = l->batch * l->ranks; /* ranks have as many samples each, also in a last batch that leaves some over */
    l->rest = o.keep_last ? ds->count % all / l->ranks : 0;
    l->batches = (uint64_t)(ds->count / all) + (l->rest != 0);
    l->views = o.views > 1 ? o.views : 1;
    l->n_workers = o.workers > 1 ? o.workers : 1;
    l->n_slots = o.no_thread ? 1 : (uint64_t)(o.prefetch > l->n_workers ? o.prefetch : l->n_workers) + 1;
    atomic_init(&l->stop, false);
    dim_status status = fill_loader(l, &o);
    if (status == DIM_OK)
        *out = l;
    else
        dim__loader_destroy(l);
    return status;
}

/* The threads, and whatever they were writing at the fork, stayed in the parent. */
static bool in_child(const dim_loader *l) { return l->threaded && l->home != getpid(); }

/* Gives back the batch that the caller holds and waits for the next. */
static void take_from_threads(dim_loader *l)
{
    pthread_mutex_lock(&l->lock);
    if (l->holding) {
        l->slots[l->returned++ % l->n_slots].ready = false;
        pthread_cond_signal(&l->is_returned);
    }
    while (!l->slots[l->given % l->n_slots].ready)
        pthread_cond_wait(&l->is_ready, &l->lock);
    pthread_mutex_unlock(&l->lock);
}

dim_status dim__loader_next(dim_loader *l, dim_tensor **images, dim_tensor **labels)
{
    slot *s = &l->slots[l->given % l->n_slots];
    if (in_child(l))
        return dim__fail(l->ctx, DIM_E_STATE, "the loader's threads are in the process that forked this one; make a loader "
                         "here");
    dim__dataset_settle(l->ds);
    if (l->threaded)
        take_from_threads(l);
    else
        make_batch(&l->workers[0], l->given, s);
    l->given++;
    l->holding = true; /* also a batch that failed: its slot goes back with the next call */
    if (s->status != DIM_OK)
        return dim__dataset_sample_fail(l->ds, &s->error);
    l->epoch = s->epoch;
    *images = s->last ? s->last_images : s->images;
    if (labels != NULL)
        *labels = s->last ? s->last_labels : s->labels;
    return DIM_OK;
}

void dim__loader_describe(const dim_loader *l, dim__loader_info *out)
{
    *out = (dim__loader_info){ .dataset = l->ds, .augment = l->augment, .batch = l->batch * l->ranks, .last = l->rest * l->ranks,
                               .views = l->views, .in_order = l->workers[0].order == NULL,
                               .position = { l->seed, l->first + l->given } };
}

void dim__loader_seek(dim_loader *l, const dim__loader_position *position)
{
    if (in_child(l))
        return; /* dim__loader_next() fails */
    dim__dataset_settle(l->ds);
    if (l->threaded) { /* until no worker uses a slot */
        pthread_mutex_lock(&l->lock);
        l->seeking = true;
        atomic_store(&l->stop, true);
        while (l->busy > 0)
            pthread_cond_wait(&l->is_ready, &l->lock);
    }
    l->seed = position->seed;
    l->first = position->next;
    l->given = l->claimed = l->returned = 0;
    l->epoch = position->next > 0 ? (position->next - 1) / l->batches : 0;
    l->holding = false;
    for (uint64_t i = 0; i < l->n_slots; i++)
        l->slots[i].ready = false;
    for (uint32_t i = 0; i < l->n_workers; i++)
        l->workers[i].order_valid = false;
    if (l->threaded) {
        atomic_store(&l->stop, false);
        l->seeking = false;
        pthread_cond_broadcast(&l->is_returned);
        pthread_mutex_unlock(&l->lock);
    }
}

void dim__loader_destroy(dim_loader *l)
{
    if (l == NULL)
        return;
    dim_context *ctx = l->ctx;
    if (l->threaded && !in_child(l)) {
        dim__dataset_settle(l->ds); /* a worker may wait for it */
        stop_threads(l);
    }
    for (uint32_t i = 0; l->workers != NULL && i < l->n_workers; i++) {
        dim__free(ctx, l->workers[i].order);
        dim__free(ctx, l->workers[i].sample);
        dim__free(ctx, l->workers[i].scratch);
    }
    for (uint64_t i = 0; l->slots != NULL && i < l->n_slots; i++) {
        dim__tensor_destroy(l->slots[i].images);
        dim__tensor_destroy(l->slots[i].labels);
        dim__tensor_destroy(l->slots[i].last_images);
        dim__tensor_destroy(l->slots[i].last_labels);
    }
    dim__free(ctx, l->slots);
    dim__free(ctx, l->workers);
    dim__free(ctx, l->augment);
    dim__dataset_release(l->ds);
    dim__free(ctx, l);
    dim__context_release(ctx);
}
