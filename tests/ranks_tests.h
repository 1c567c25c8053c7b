/* Ranks as threads of one program, each with a context of its own, and a communicator of memory between them: what several
 * processes would do, without any MPI.  It counts what travels. */
#ifndef DIM_TESTS_RANKS_TESTS_H
#define DIM_TESTS_RANKS_TESTS_H

#include "objective_tests.h"

#include <dim/comm.h>
#include <pthread.h>
#include <time.h>

enum { MOST_RANKS = 4 };

typedef struct traffic { /* of one rank, as it would be on a wire: bytes that it sends to others */
    int64_t calls[4], bytes[4]; /* gather, sum, scatter_sum, broadcast */
} traffic;

typedef struct team {
    uint32_t ranks;
    int seconds;                /* that a rank waits for the others */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t waiting;
    uint64_t round;
    bool dead;                  /* a rank has given up */
    const void *slot[MOST_RANKS];
    traffic sent[MOST_RANKS];
} team;

typedef struct member {
    team *of;
    uint32_t rank;
    int64_t calls, last;        /* the call of this number never comes about; 0 = all do */
} member;

static inline void team_init(team *t, uint32_t ranks)
{
    memset(t, 0, sizeof *t);
    t->ranks = ranks;
    t->seconds = 300;           /* with sanitizers, on a busy machine */
    assert_int_equal(pthread_mutex_init(&t->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&t->changed, NULL), 0);
}

static inline void team_end(team *t)
{
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
}

/* Until all are here; not 0 when one of them does not come. */
static inline int meet(team *t)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += t->seconds;
    pthread_mutex_lock(&t->lock);
    uint64_t round = t->round;
    if (++t->waiting == t->ranks) {
        t->waiting = 0;
        t->round++;
        pthread_cond_broadcast(&t->changed);
    }
    while (t->round == round && !t->dead)
        if (pthread_cond_timedwait(&t->changed, &t->lock, &until) != 0)
            t->dead = true;
    if (t->round == round)
        t->dead = true;
    int failed = t->round == round;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    return failed;
}

/* Shows the others `data`; what follows until meet() is the time in which all can be read. */
static inline int show(member *m, const void *data, int function, int64_t bytes)
{
    if (++m->calls == m->last)
        return 7;
    m->of->slot[m->rank] = data;
    m->of->sent[m->rank].calls[function]++;
    m->of->sent[m->rank].bytes[function] += bytes;
    return meet(m->of);
}

static inline int member_gather(void *user, const void *mine, void *all, size_t bytes)
{
    member *m = user;
    if (show(m, mine, 0, (int64_t)bytes * (m->of->ranks - 1)) != 0)
        return 7;
    for (uint32_t r = 0; r < m->of->ranks; r++)
        if (m->of->slot[r] != (char *)all + r * bytes)
            memcpy((char *)all + r * bytes, m->of->slot[r], bytes);
    return meet(m->of);
}

/* A sum of everybody's, of which a rank adds its part of the numbers up and sends them to the others. */
static inline int member_sum(void *user, float *data, size_t count)
{
    member *m = user;
    uint32_t ranks = m->of->ranks;
    float *sum = malloc((count + 1) * sizeof *sum);
    if (sum == NULL || show(m, data, 1, (int64_t)(2 * count * sizeof *data * (ranks - 1) / ranks)) != 0) {
        free(sum);
        return 7;
    }
    for (size_t i = 0; i < count; i++) {
        sum[i] = ((const float *)m->of->slot[0])[i];
        for (uint32_t r = 1; r < ranks; r++)
            sum[i] += ((const float *)m->of->slot[r])[i];
    }
    int failed = meet(m->of);
    memcpy(data, sum, count * sizeof *data);
    free(sum);
    return failed;
}

static inline int member_scatter_sum(void *user, const float *all, float *mine, size_t count)
{
    member *m = user;
    if (show(m, all, 2, (int64_t)(count * sizeof *all * (m->of->ranks - 1))) != 0)
        return 7;
    for (size_t i = 0; i < count; i++) {
        mine[i] = ((const float *)m->of->slot[0])[m->rank * count + i];
        for (uint32_t r = 1; r < m->of->ranks; r++)
            mine[i] += ((const float *)m->of->slot[r])[m->rank * count + i];
    }
    return meet(m->of);
}

static inline int member_broadcast(void *user, void *data, size_t bytes)
{
    member *m = user;
    if (show(m, data, 3, m->rank == 0 ? (int64_t)bytes * (m->of->ranks - 1) : 0) != 0)
        return 7;
    if (m->rank > 0)
        memcpy(data, m->of->slot[0], bytes);
    return meet(m->of);
}

static inline dim_comm comm_of(member *m)
{
    return (dim_comm){ .size = sizeof(dim_comm), .rank = m->rank, .ranks = m->of->ranks, .user = m, .gather = member_gather,
                       .sum = member_sum, .scatter_sum = member_scatter_sum, .broadcast = member_broadcast };
}

typedef struct rank_thread {
    member me;
    void (*fn)(member *me, void *arg);
    void *arg;
    dim_context_options options;
} rank_thread;

static inline void *rank_main(void *arg)
{
    rank_thread *t = arg;
    dim_context_options o = t->options;
    o.size = sizeof o;
    o.threads = o.threads != 0 ? o.threads : 1;
    if (dim_context_create(&o, &ctx) != DIM_OK)
        abort();
    t->fn(&t->me, t->arg);
    dim_context_destroy(ctx);
    return NULL;
}

/* fn on each rank's thread, where `ctx` is the rank's own.  A failed assertion there ends the program. */
static inline void on_ranks(team *t, dim_context_options options, void (*fn)(member *me, void *arg), void *arg)
{
    pthread_t thread[MOST_RANKS];
    rank_thread rank[MOST_RANKS];
    for (uint32_t r = 0; r < t->ranks; r++) {
        rank[r] = (rank_thread){ .me = { .of = t, .rank = r }, .fn = fn, .arg = arg, .options = options };
        assert_int_equal(pthread_create(&thread[r], NULL, rank_main, &rank[r]), 0);
    }
    for (uint32_t r = 0; r < t->ranks; r++)
        assert_int_equal(pthread_join(thread[r], NULL), 0);
}

#endif
