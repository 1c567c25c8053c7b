#include "base/comm.h"

#include <string.h>

/* Whether a call is still to be made. */
static bool talks(const dim__comm *comm) { return comm->failed == NULL; }

static bool fails(dim__comm *comm, const char *function, int code)
{
    if (code == 0)
        return false;
    comm->failed = function;
    comm->code = code;
    return true;
}

void dim__comm_gather(dim__comm *comm, const void *mine, void *all, size_t bytes)
{
    const dim_comm *c = &comm->calls;
    if (!talks(comm) || (bytes > 0 && fails(comm, "gather", c->gather(c->user, mine, all, bytes))))
        memset(all, 0, bytes * c->ranks);
}

void dim__comm_sum(dim__comm *comm, float *data, int64_t count)
{
    const dim_comm *c = &comm->calls;
    if (!talks(comm) || (count > 0 && fails(comm, "sum", c->sum(c->user, data, (size_t)count))))
        memset(data, 0, (size_t)count * sizeof *data);
}

void dim__comm_scatter_sum(dim__comm *comm, const float *all, float *mine, int64_t count)
{
    const dim_comm *c = &comm->calls;
    if (!talks(comm) || (count > 0 && fails(comm, "scatter_sum", c->scatter_sum(c->user, all, mine, (size_t)count))))
        memset(mine, 0, (size_t)count * sizeof *mine);
}

void dim__comm_broadcast(dim__comm *comm, void *data, size_t bytes)
{
    const dim_comm *c = &comm->calls;
    if (talks(comm) && bytes > 0)
        fails(comm, "broadcast", c->broadcast(c->user, data, bytes));
}

void dim__comm_totals(dim__comm *comm, const double *mine, double *total, int64_t n, double *room)
{
    dim__comm_gather(comm, mine, room, (size_t)n * sizeof *room);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t r = 0; r < dim__ranks(comm); r++)
            sum += room[r * n + i];
        total[i] = sum;
    }
}

dim_status dim__comm_status(dim_context *ctx, const dim__comm *comm)
{
    if (comm == NULL || comm->failed == NULL)
        return DIM_OK;
    return dim__fail(ctx, DIM_E_CALLBACK, "rank %u of %u: %s of the communicator returned %d; this objective cannot step any more",
                     comm->calls.rank, comm->calls.ranks, comm->failed, comm->code);
}
