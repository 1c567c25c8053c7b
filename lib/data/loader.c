#include "data/loader.h"

#include "base/rng.h"

#include <signal.h>

enum { DEFAULT_BATCH = 64, DEFAULT_PREFETCH = 2, MAX_PREFETCH = 4096 };

/* A batch.  The slots form a ring: batch number b lies in slot b modulo their number.  The caller holds at most one, so
 * that `prefetch` others can be prepared meanwhile.  What is in a slot belongs to the thread from when the slot is given
 * back until the batch is counted as made, and to the caller's side otherwise; only the counters are locked. */
typedef struct slot {
    dim_tensor *images, *labels;           /* a whole batch */
    dim_tensor *last_images, *last_labels; /* views of the first samples, for an epoch's smaller last batch; or NULL */
    bool last;
    uint64_t epoch;
    dim_status status;
    dim__sample_error error;               /* when status is not DIM_OK */
} slot;

struct dim_loader {
    dim_context *ctx;
    dim_dataset *ds;
    uint64_t seed;
    int64_t batch, rest;     /* samples of a batch, and of the last one; rest 0 = all batches are whole */
    uint64_t batches;        /* of an epoch */
    int32_t *order;          /* the current epoch's, of the side that makes batches; NULL = in order */
    uint64_t order_epoch;
    bool order_valid;
    slot *slots;
    uint64_t n_slots;
    uint64_t epoch;          /* of the batch given last */
    bool holding;            /* the caller has a batch, number `given` - 1 */
    uint64_t given;          /* batches given to the caller */

    bool threaded;           /* the thread runs, and mutex and conditions exist */
    pthread_t thread;
    pthread_mutex_t lock;    /* of made and returned */
    pthread_cond_t is_made, is_returned;
    uint64_t made, returned; /* batches */
    atomic_bool stop;        /* set under the lock, read between samples too */
};

dim_context *dim__loader_context(const dim_loader *loader) { return loader->ctx; }
uint64_t dim__loader_epoch(const dim_loader *loader) { return loader->epoch; }
uint64_t dim__loader_batches(const dim_loader *loader) { return loader->batches; }

/* Fills a slot with batch `number`, counted over all epochs.  Runs on the loader's thread: no context in here. */
static void make_batch(dim_loader *l, uint64_t number, slot *s)
{
    int64_t in_epoch = (int64_t)(number % l->batches);
    s->epoch = number / l->batches;
    s->last = l->rest != 0 && (uint64_t)in_epoch + 1 == l->batches;
    s->status = DIM_OK;
    if (l->order != NULL && (!l->order_valid || l->order_epoch != s->epoch)) {
        dim__rng_permutation(l->order, l->ds->count, l->seed, dim__mix(dim__hash_text("loader order"), s->epoch));
        l->order_epoch = s->epoch;
        l->order_valid = true;
    }
    int64_t first = in_epoch * l->batch, n = s->last ? l->rest : l->batch;
    int32_t *labels = (int32_t *)(void *)s->labels->data;
    for (int64_t i = 0; i < n && !atomic_load_explicit(&l->stop, memory_order_relaxed); i++) {
        int64_t label, index = l->order != NULL ? l->order[first + i] : first + i;
        s->status = dim__dataset_sample(l->ds, index, s->images->data + (size_t)i * l->ds->bytes, &label, &s->error);
        if (s->status != DIM_OK)
            return;
        labels[i] = (int32_t)label;
    }
}

static void *thread_main(void *arg)
{
    dim_loader *l = arg;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->stop && l->made - l->returned == l->n_slots)
            pthread_cond_wait(&l->is_returned, &l->lock);
        if (l->stop)
            break;
        uint64_t number = l->made;
        pthread_mutex_unlock(&l->lock);
        make_batch(l, number, &l->slots[number % l->n_slots]);
        pthread_mutex_lock(&l->lock);
        l->made++;
        pthread_cond_signal(&l->is_made);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static dim_status start_thread(dim_loader *l)
{
    sigset_t all, before;
    if (pthread_mutex_init(&l->lock, NULL) != 0)
        goto no_lock;
    if (pthread_cond_init(&l->is_made, NULL) != 0)
        goto no_made;
    if (pthread_cond_init(&l->is_returned, NULL) != 0)
        goto no_returned;
    /* The thread inherits the mask: the caller's signals are the caller's threads' business. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&l->thread, NULL, thread_main, l);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0) {
        l->threaded = true;
        return DIM_OK;
    }
    pthread_cond_destroy(&l->is_returned);
no_returned:
    pthread_cond_destroy(&l->is_made);
no_made:
    pthread_mutex_destroy(&l->lock);
no_lock:
    return dim__fail(l->ctx, DIM_E_NOMEM, "the system gives no thread to a loader; no_thread = 1 does without");
}

static dim_status make_slot(dim_loader *l, slot *s)
{
    const dim_dataset *ds = l->ds;
    int64_t shape[4] = { l->batch, ds->shape[0], ds->shape[1], ds->shape[2] };
    DIM__TRY(dim__tensor_create(l->ctx, ds->dtype, ds->rank + 1, shape, &s->images));
    DIM__TRY(dim__tensor_create(l->ctx, DIM_I32, 1, shape, &s->labels));
    if (l->rest != 0) {
        DIM__TRY(dim__tensor_slice(s->images, 0, 0, l->rest, 1, &s->last_images));
        DIM__TRY(dim__tensor_slice(s->labels, 0, 0, l->rest, 1, &s->last_labels));
    }
    return DIM_OK;
}

static dim_status check_options(const dim_dataset *ds, const dim_loader_options *o)
{
    if (o->reserved0 != 0)
        return dim__fail(ds->ctx, DIM_E_INVALID, "dim_loader_options: reserved0 is %u, not 0", o->reserved0);
    if (o->in_order > 1 || o->keep_last > 1 || o->no_thread > 1)
        return dim__fail(ds->ctx, DIM_E_INVALID, "dim_loader_options: in_order %u, keep_last %u, no_thread %u: 0 or 1",
                         o->in_order, o->keep_last, o->no_thread);
    if (o->prefetch > MAX_PREFETCH)
        return dim__fail(ds->ctx, DIM_E_INVALID, "dim_loader_options: prefetch is %u, at most %d are taken", o->prefetch,
                         MAX_PREFETCH);
    if (!o->keep_last && (int64_t)o->batch > ds->count)
        return dim__fail(ds->ctx, DIM_E_INVALID, "dim_loader_options: batch %u is larger than the dataset of %lld "
                         "samples, and keep_last is 0", o->batch, (long long)ds->count);
    if (!o->in_order && ds->count > INT32_MAX)
        return dim__fail(ds->ctx, DIM_E_INVALID, "a dataset of %lld samples is read in_order only; at most %d are "
                         "shuffled", (long long)ds->count, INT32_MAX);
    return DIM_OK;
}

dim_status dim__loader_create(dim_dataset *ds, const dim_loader_options *options, dim_loader **out)
{
    dim_loader_options o;
    dim_context *ctx = ds->ctx;
    dim_status status;
    DIM__TRY(dim__options_copy(ctx, "dim_loader_options", &o, sizeof o, options));
    if (o.batch == 0)
        o.batch = DEFAULT_BATCH;
    if (o.prefetch == 0)
        o.prefetch = DEFAULT_PREFETCH;
    DIM__TRY(check_options(ds, &o));
    dim_loader *l = dim__calloc(ctx, 1, sizeof *l);
    if (l == NULL)
        return DIM_E_NOMEM;
    l->ctx = dim__context_retain(ctx);
    l->ds = ds;
    ds->refs++;
    l->seed = o.seed != 0 ? o.seed : ctx->seed;
    l->batch = (int64_t)o.batch < ds->count ? (int64_t)o.batch : ds->count;
    l->rest = o.keep_last ? ds->count % l->batch : 0;
    l->batches = (uint64_t)(ds->count / l->batch) + (l->rest != 0);
    l->n_slots = o.no_thread ? 1 : (uint64_t)o.prefetch + 1;
    atomic_init(&l->stop, false);
    l->slots = dim__calloc(ctx, (size_t)l->n_slots, sizeof *l->slots);
    status = l->slots != NULL ? DIM_OK : DIM_E_NOMEM;
    for (uint64_t i = 0; status == DIM_OK && i < l->n_slots; i++)
        status = make_slot(l, &l->slots[i]);
    if (status == DIM_OK && !o.in_order) {
        l->order = dim__calloc(ctx, (size_t)ds->count, sizeof *l->order);
        status = l->order != NULL ? DIM_OK : DIM_E_NOMEM;
    }
    if (status == DIM_OK && !o.no_thread)
        status = start_thread(l);
    if (status == DIM_OK)
        *out = l;
    else
        dim__loader_destroy(l);
    return status;
}

/* Gives back the batch that the caller holds and waits for the next. */
static void take_from_thread(dim_loader *l)
{
    pthread_mutex_lock(&l->lock);
    if (l->holding) {
        l->returned++;
        pthread_cond_signal(&l->is_returned);
    }
    while (l->made == l->given)
        pthread_cond_wait(&l->is_made, &l->lock);
    pthread_mutex_unlock(&l->lock);
}

dim_status dim__loader_next(dim_loader *l, dim_tensor **images, dim_tensor **labels)
{
    slot *s = &l->slots[l->given % l->n_slots];
    if (l->threaded)
        take_from_thread(l);
    else
        make_batch(l, l->given, s);
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

void dim__loader_destroy(dim_loader *l)
{
    if (l == NULL)
        return;
    dim_context *ctx = l->ctx;
    if (l->threaded) {
        pthread_mutex_lock(&l->lock);
        atomic_store(&l->stop, true);
        pthread_cond_signal(&l->is_returned);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
        pthread_cond_destroy(&l->is_returned);
        pthread_cond_destroy(&l->is_made);
        pthread_mutex_destroy(&l->lock);
    }
    for (uint64_t i = 0; l->slots != NULL && i < l->n_slots; i++) {
        dim__tensor_destroy(l->slots[i].images);
        dim__tensor_destroy(l->slots[i].labels);
        dim__tensor_destroy(l->slots[i].last_images);
        dim__tensor_destroy(l->slots[i].last_labels);
    }
    dim__free(ctx, l->slots);
    dim__free(ctx, l->order);
    dim__dataset_release(l->ds);
    dim__free(ctx, l);
    dim__context_release(ctx);
}
