#include "base/pool.h"
#include "base/cpu.h"
#include "base/thread.h"

#include <sched.h>
#include <time.h>
#include <unistd.h>

/* How long a thread looks for work, or for the others' end, before it sleeps.  Calls of one step follow each other within
 * microseconds, and a sleeper costs some ten of them to wake; between steps nobody should burn a processor. */
enum { SPIN_NANOSECONDS = 30000 };

/* After this many looks, some microseconds, the thread offers its processor before each further one: on a busy machine
 * the one that it waits for may be queued behind it. */
enum { PATIENCE = 64 };

/*
 * A worker sleeps when its number in `posted` stays what it has seen.  Sleeper and waker are each a store followed by a
 * load of what the other stores, both sequentially consistent, so at least one of them notices the other:
 *
 *     caller:  posted = k;      if (sleeping) lock, signal
 *     worker:  sleeping = 1;    if (posted is old) wait          (lock held from the store to the wait)
 *
 * The caller waits for the end of a call in the same way, on `pending`.
 */
typedef struct worker {
    _Alignas(64) atomic_uint posted; /* number of the last piece given to this worker */
    atomic_int sleeping;
    struct dim__pool *pool;
    int64_t begin, end;              /* of that piece */
    int thread;
    bool sound;                      /* mutex and condition exist */
    pthread_t id;
    pthread_mutex_t lock;
    pthread_cond_t wake;
} worker;

struct dim__pool {
    _Alignas(64) atomic_uint pending; /* pieces of this call that workers have not ended */
    atomic_int caller_sleeping;
    dim__task_fn fn;                 /* NULL = workers are to end */
    void *arg;
    uint32_t threads;
    uint32_t started;                /* workers 1 .. started exist */
    bool spin;
    bool sound;
    bool busy;                       /* a call is being worked on: what its tasks call in turn, they do alone */
    pid_t home;                      /* the process that has the workers: a forked child has none of them */
    pthread_mutex_t lock;
    pthread_cond_t done;
    worker workers[];                /* of threads 1 .. threads - 1 */
};

static int64_t nanoseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Waits a little for (*value == number) to be `equal`; false when the patience ends first. */
static bool spin(const dim__pool *pool, const atomic_uint *value, unsigned number, bool equal)
{
    if (!pool->spin)
        return false;
    int64_t until = 0;
    for (int looks = 0;; looks++) {
        if ((atomic_load_explicit(value, memory_order_acquire) == number) == equal)
            return true;
        if (looks < PATIENCE) {
            relax();
            continue;
        }
        int64_t now = nanoseconds();
        if (until == 0)
            until = now + SPIN_NANOSECONDS;
        if (now >= until)
            return false;
        sched_yield();
    }
}

static void await_post(worker *w, unsigned seen)
{
    if (spin(w->pool, &w->posted, seen, false))
        return;
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->sleeping, 1);
    while (atomic_load(&w->posted) == seen)
        pthread_cond_wait(&w->wake, &w->lock);
    atomic_store(&w->sleeping, 0);
    pthread_mutex_unlock(&w->lock);
}

static void post(worker *w)
{
    atomic_store(&w->posted, atomic_load_explicit(&w->posted, memory_order_relaxed) + 1);
    if (atomic_load(&w->sleeping)) {
        pthread_mutex_lock(&w->lock);
        pthread_cond_signal(&w->wake);
        pthread_mutex_unlock(&w->lock);
    }
}

static void *work(void *arg)
{
    worker *w = arg;
    dim__pool *pool = w->pool;
    for (unsigned seen = 0;; seen++) {
        await_post(w, seen);
        if (pool->fn == NULL)
            return NULL;
        pool->fn(pool->arg, w->begin, w->end, w->thread);
        if (atomic_fetch_sub(&pool->pending, 1) == 1 && atomic_load(&pool->caller_sleeping)) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

static void await_end(dim__pool *pool)
{
    if (spin(pool, &pool->pending, 0, true))
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->caller_sleeping, 1);
    while (atomic_load(&pool->pending) != 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    atomic_store(&pool->caller_sleeping, 0);
    pthread_mutex_unlock(&pool->lock);
}

static bool make_lock(pthread_mutex_t *lock, pthread_cond_t *cond)
{
    if (pthread_mutex_init(lock, NULL) != 0)
        return false;
    if (pthread_cond_init(cond, NULL) == 0)
        return true;
    pthread_mutex_destroy(lock);
    return false;
}

static bool start_workers(dim__pool *pool)
{
    bool ok = true;
    for (uint32_t i = 1; ok && i < pool->threads; i++) {
        worker *w = &pool->workers[i - 1];
        w->pool = pool;
        w->thread = (int)i;
        w->sound = ok = make_lock(&w->lock, &w->wake);
        ok = ok && dim__thread_start(&w->id, work, w) == 0;
        pool->started += ok;
    }
    return ok;
}

dim_status dim__pool_create(dim_context *ctx, uint32_t threads, dim__pool **out)
{
    uint32_t workers = threads > 1 ? threads - 1 : 0;
    dim__pool *pool = dim__calloc(ctx, 1, sizeof *pool + workers * sizeof pool->workers[0]);
    if (pool == NULL)
        return DIM_E_NOMEM;
    pool->threads = threads;
    pool->home = getpid();
    pool->spin = threads <= dim__cpu_count(); /* else a spinning thread is in the way of a working one */
    pool->sound = make_lock(&pool->lock, &pool->done);
    if (!pool->sound || !start_workers(pool)) {
        dim__pool_destroy(ctx, pool);
        return dim__fail(ctx, DIM_E_SYSTEM, "the system cannot start %u threads", (unsigned)threads);
    }
    *out = pool;
    return DIM_OK;
}

void dim__pool_destroy(dim_context *ctx, dim__pool *pool)
{
    if (pool == NULL)
        return;
    if (pool->home != getpid()) { /* nobody to wait for, and the locks may have been held at the fork */
        dim__free(ctx, pool);
        return;
    }
    pool->fn = NULL;
    for (uint32_t i = 0; i < pool->started; i++)
        post(&pool->workers[i]);
    for (uint32_t i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].id, NULL);
    for (uint32_t i = 0; i + 1 < pool->threads; i++)
        if (pool->workers[i].sound) {
            pthread_cond_destroy(&pool->workers[i].wake);
            pthread_mutex_destroy(&pool->workers[i].lock);
        }
    if (pool->sound) {
        pthread_cond_destroy(&pool->done);
        pthread_mutex_destroy(&pool->lock);
    }
    dim__free(ctx, pool);
}

int dim__parallel_pieces(const dim_context *ctx, int64_t n, int64_t grain)
{
    int64_t pieces = n / (grain < 1 ? 1 : grain);
    int64_t threads = ctx->pool == NULL ? 1 : ctx->pool->threads;
    if (n <= 0)
        return 0;
    return (int)(pieces < 1 ? 1 : pieces > threads ? threads : pieces);
}

int64_t dim__parallel_begin(int64_t n, int pieces, int k)
{
    int64_t rest = n % pieces;
    return n / pieces * k + (k < rest ? k : rest);
}

void dim__parallel(dim_context *ctx, int64_t n, int64_t grain, dim__task_fn fn, void *arg)
{
    dim__pool *pool = ctx->pool;
    int pieces = dim__parallel_pieces(ctx, n, grain);
    if (pieces == 0)
        return;
    if (pieces == 1 || pool->busy) {
        fn(arg, 0, n, 0);
        return;
    }
    if (pool->home != getpid()) {
        for (int k = 0; k < pieces; k++)
            fn(arg, dim__parallel_begin(n, pieces, k), dim__parallel_begin(n, pieces, k + 1), k);
        return;
    }
    pool->busy = true; /* post() publishes it, too */
    pool->fn = fn;
    pool->arg = arg;
    atomic_store_explicit(&pool->pending, (unsigned)pieces - 1, memory_order_relaxed); /* post() publishes it */
    for (int k = 1; k < pieces; k++) {
        pool->workers[k - 1].begin = dim__parallel_begin(n, pieces, k);
        pool->workers[k - 1].end = dim__parallel_begin(n, pieces, k + 1);
        post(&pool->workers[k - 1]);
    }
    fn(arg, 0, dim__parallel_begin(n, pieces, 1), 0);
    await_end(pool);
    pool->busy = false;
}
