/**
 * @file mpi.h
 * @brief The communicator of <dim/comm.h> over MPI: a header alone, compiled in your program against the MPI that is there.
 *
 * libdim.so knows no MPI, since the interfaces of Open MPI and MPICH differ in binary form.  Compile and link your program as that MPI
 * wants it, by mpicc or by CMake's MPI::MPI_C.  <dim/dim.h> does not include this header.
 *
 *     MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);   // libdim has threads, but only the one that steps calls MPI
 *     dim_comm comm;
 *     if (dim_mpi_comm(MPI_COMM_WORLD, 60, &comm) == MPI_SUCCESS)
 *         dim_objective_communicate(obj, &comm);
 *     ...
 *     dim_mpi_end(&comm);                                           // when no objective uses it any more
 *     MPI_Finalize();
 */
#ifndef DIM_MPI_H
#define DIM_MPI_H
#ifndef DIM_EXPERIMENTAL
#error "this may still change: define DIM_EXPERIMENTAL before including it"
#endif
#include <dim/comm.h>

#include <limits.h>
#include <mpi.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

DIM_BEGIN_DECLS

/** Sums of fewer floats than this are made of everybody's numbers at once: one message in the place of two. */
#define DIM_MPI_SMALL 4096

/* ---- The inside: what dim_mpi_comm() puts into its table.  Not for programs to call. ------------------------------------------- */

/** What the functions of the communicator work on. */
typedef struct dim_mpi {
    double seconds;   /**< that a call waits for the other ranks */
    char *room;       /**< what is sent and received: MPI may write to it even after a call was given up */
    size_t size;      /**< of room */
    size_t ranks;     /**< in comm */
    long broken;      /**< a call has failed, and nothing is known of the others */
    MPI_Comm comm;    /**< a copy of the caller's, so that messages of both keep apart */
} dim_mpi;

/** At least so many bytes of room, what was in it is lost; NULL = the memory is not to be had. */
static inline char *dim_mpi_room(dim_mpi *m, size_t bytes)
{
    if (bytes > m->size) {
        free(m->room);
        m->room = (char *)malloc(bytes);
        m->size = m->room != NULL ? bytes : 0;
    }
    return m->room;
}

/** Until the request is done, or its time is over.  `code` is what starting it returned. */
static inline int dim_mpi_wait(dim_mpi *m, int code, MPI_Request *request)
{
    double until = MPI_Wtime() + m->seconds;
    int done = 0;
    while (code == MPI_SUCCESS && !done && MPI_Wtime() <= until) {
        code = MPI_Test(request, &done, MPI_STATUS_IGNORE);
        if (!done)
            sched_yield();
    }
    if (done && code == MPI_SUCCESS)
        return 0;
    m->broken = 1;
    return code != MPI_SUCCESS ? code : -1;
}

/** gather of <dim/comm.h>; at most INT_MAX bytes, or eights of them. */
static inline int dim_mpi_gather(void *user, const void *mine, void *all, size_t bytes)
{
    dim_mpi *m = (dim_mpi *)user;
    size_t unit = bytes % 8 == 0 ? 8 : 1;
    char *room = bytes / unit > INT_MAX || m->broken ? NULL : dim_mpi_room(m, (m->ranks + 1) * bytes);
    MPI_Datatype type = unit == 8 ? MPI_DOUBLE : MPI_BYTE; /* eights: nobody converts between ranks that are alike */
    MPI_Request request = MPI_REQUEST_NULL;
    if (room == NULL)
        return -1;
    memcpy(room, mine, bytes);
    int n = (int)(bytes / unit);
    int code = dim_mpi_wait(m, MPI_Iallgather(room, n, type, room + bytes, n, type, m->comm, &request), &request);
    if (code == 0)
        memcpy(all, room + bytes, m->ranks * bytes);
    return code;
}

/** sum = the ranks' blocks of `count` floats in `all`, added in the order of ranks. */
static inline void dim_mpi_add(const dim_mpi *m, const float *all, float *sum, size_t count)
{
    for (size_t i = 0; i < count; i++)
        sum[i] = all[i];
    for (size_t r = 1; r < m->ranks; r++)
        for (size_t i = 0; i < count; i++)
            sum[i] += all[r * count + i];
}

/** scatter_sum of <dim/comm.h>. */
static inline int dim_mpi_scatter_sum(void *user, const float *all, float *mine, size_t count)
{
    dim_mpi *m = (dim_mpi *)user;
    size_t whole = m->ranks * count;
    float *room = count > INT_MAX || m->broken ? NULL : (float *)(void *)dim_mpi_room(m, 2 * whole * sizeof *room);
    MPI_Request request = MPI_REQUEST_NULL;
    if (room == NULL)
        return -1;
    memcpy(room, all, whole * sizeof *room);
    int code = dim_mpi_wait(m, MPI_Ialltoall(room, (int)count, MPI_FLOAT, room + whole, (int)count, MPI_FLOAT, m->comm, &request),
                            &request);
    if (code == 0)
        dim_mpi_add(m, room + whole, mine, count);
    return code;
}

/** sum of <dim/comm.h>: each rank adds up its part of the numbers, then everybody gets all parts.  MPI's own sum may add in another
 *  order with another number of nodes, and need not give all ranks the same bits. */
static inline int dim_mpi_sum(void *user, float *data, size_t count)
{
    dim_mpi *m = (dim_mpi *)user;
    size_t part = count < DIM_MPI_SMALL ? count : (count + m->ranks - 1) / m->ranks, whole = m->ranks * part;
    float *room = part > INT_MAX || m->broken ? NULL : (float *)(void *)dim_mpi_room(m, (2 * whole + part) * sizeof *room);
    MPI_Request request = MPI_REQUEST_NULL;
    int code;
    if (room == NULL)
        return -1;
    float *sum = room, *send = room + part, *received = send + whole; /* send is free once it has been received */
    memcpy(send, data, count * sizeof *send);
    if (count < DIM_MPI_SMALL) {
        code = dim_mpi_wait(m, MPI_Iallgather(send, (int)part, MPI_FLOAT, received, (int)part, MPI_FLOAT, m->comm, &request), &request);
        if (code == 0)
            dim_mpi_add(m, received, data, count);
        return code;
    }
    memset(send + count, 0, (whole - count) * sizeof *send);
    code = dim_mpi_wait(m, MPI_Ialltoall(send, (int)part, MPI_FLOAT, received, (int)part, MPI_FLOAT, m->comm, &request), &request);
    if (code != 0)
        return code;
    dim_mpi_add(m, received, sum, part);
    code = dim_mpi_wait(m, MPI_Iallgather(sum, (int)part, MPI_FLOAT, send, (int)part, MPI_FLOAT, m->comm, &request), &request);
    if (code == 0)
        memcpy(data, send, count * sizeof *data);
    return code;
}

/** broadcast of <dim/comm.h>. */
static inline int dim_mpi_broadcast(void *user, void *data, size_t bytes)
{
    dim_mpi *m = (dim_mpi *)user;
    char *room = bytes > INT_MAX || m->broken ? NULL : dim_mpi_room(m, bytes);
    MPI_Request request = MPI_REQUEST_NULL;
    if (room == NULL)
        return -1;
    memcpy(room, data, bytes);
    int code = dim_mpi_wait(m, MPI_Ibcast(room, (int)bytes, MPI_BYTE, 0, m->comm, &request), &request);
    if (code == 0)
        memcpy(data, room, bytes);
    return code;
}

/* ---- For programs ---------------------------------------------------------------------------------------------------------- */

/**
 * @brief A communicator over all ranks of `world`, which all of them call at once.
 * @param world   copied by MPI_Comm_dup()
 * @param seconds that a call waits for the other ranks; above 0.  Ranks need not be equally fast, so this is far more than a step takes
 * @param out     set only on MPI_SUCCESS; release with dim_mpi_end()
 * @return MPI_SUCCESS, or an error of MPI's.
 */
static inline int dim_mpi_comm(MPI_Comm world, double seconds, dim_comm *out)
{
    int rank = 0, ranks = 0, code = MPI_ERR_NO_MEM;
    dim_mpi *m = (dim_mpi *)calloc(1, sizeof *m);
    if (m != NULL && (code = MPI_Comm_dup(world, &m->comm)) == MPI_SUCCESS) {
        MPI_Comm_set_errhandler(m->comm, MPI_ERRORS_RETURN);
        MPI_Comm_rank(m->comm, &rank);
        MPI_Comm_size(m->comm, &ranks);
    }
    if (code != MPI_SUCCESS) {
        free(m);
        return code;
    }
    m->seconds = seconds;
    m->ranks = (size_t)ranks;
    memset(out, 0, sizeof *out);
    out->size = sizeof *out;
    out->rank = (uint32_t)rank;
    out->ranks = (uint32_t)ranks;
    out->user = m;
    out->gather = dim_mpi_gather;
    out->sum = dim_mpi_sum;
    out->scatter_sum = dim_mpi_scatter_sum;
    out->broadcast = dim_mpi_broadcast;
    return MPI_SUCCESS;
}

/** @brief Releases what dim_mpi_comm() made, before MPI_Finalize(); not while an objective may still step.  After a call that was given
 *  up, memory that MPI may still write to stays. */
static inline void dim_mpi_end(dim_comm *comm)
{
    dim_mpi *m = (dim_mpi *)comm->user;
    if (m != NULL && !m->broken) {
        MPI_Comm_free(&m->comm);
        free(m->room);
        free(m);
    }
    comm->user = NULL;
}

DIM_END_DECLS

#endif
