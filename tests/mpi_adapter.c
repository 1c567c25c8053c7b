/* <dim/mpi.h> alone, run by mpirun: what the four functions give, for sizes on both sides of each limit, and that a call ends when
 * another rank does not come.  Says "good" on rank 0. */
#define DIM_EXPERIMENTAL
#include <dim/mpi.h>

#include <stdio.h>
#include <time.h>

static int rank, ranks;

static void expect(int good, const char *what, size_t n)
{
    if (good)
        return;
    fprintf(stderr, "rank %d of %d: %s of %zu\n", rank, ranks, what, n);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Numbers whose sums depend on the order: only that of the ranks gives these bits. */
static float number(int of, size_t i) { return (of % 2 == 0 ? 1.0f : -1.0f) * (float)(1 + i % 97) * (of == 1 ? 16777217.0f : 0.1f); }

static float total(size_t i)
{
    float sum = number(0, i);
    for (int r = 1; r < ranks; r++)
        sum += number(r, i);
    return sum;
}

static void try_sums(const dim_comm *c, size_t n)
{
    float *all = (float *)malloc(((size_t)ranks * n + 1) * sizeof *all), *mine = (float *)malloc((n + 1) * sizeof *mine);
    int good = all != NULL && mine != NULL;
    expect(good, "memory", n);
    for (size_t i = 0; i < n; i++)
        mine[i] = number(rank, i);
    expect(c->sum(c->user, mine, n) == 0, "sum", n);
    for (size_t i = 0; i < n; i++)
        good = good && mine[i] == total(i);
    expect(good, "numbers of sum", n);
    for (size_t i = 0; i < (size_t)ranks * n; i++)
        all[i] = number(rank, i);
    expect(c->scatter_sum(c->user, all, mine, n) == 0, "scatter_sum", n);
    for (size_t i = 0; i < n; i++)
        good = good && mine[i] == total((size_t)rank * n + i);
    expect(good, "numbers of scatter_sum", n);
    free(all);
    free(mine);
}

static void try_bytes(const dim_comm *c, size_t n)
{
    unsigned char *all = (unsigned char *)malloc((size_t)ranks * n + 1);
    int good = all != NULL;
    expect(good, "memory", n);
    for (size_t i = 0; i < n; i++)
        all[(size_t)rank * n + i] = (unsigned char)(7 * i + (size_t)rank);
    expect(c->gather(c->user, all + (size_t)rank * n, all, n) == 0, "gather", n); /* in its place */
    for (int r = 0; r < ranks; r++)
        for (size_t i = 0; i < n; i++)
            good = good && all[(size_t)r * n + i] == (unsigned char)(7 * i + (size_t)r);
    expect(good, "bytes of gather", n);
    expect(c->broadcast(c->user, all + (size_t)rank * n, n) == 0, "broadcast", n);
    for (size_t i = 0; i < n; i++)
        good = good && all[(size_t)rank * n + i] == (unsigned char)(7 * i);
    expect(good, "bytes of broadcast", n);
    free(all);
}

/* Rank 0 waits for one second, the others come after three; what they send then must not hurt. */
static void try_patience(const dim_comm *c)
{
    char all[64] = { 0 };
    time_t begin = time(NULL);
    if (rank > 0) {
        struct timespec three = { 3, 0 };
        nanosleep(&three, NULL);
    } else {
        expect(c->gather(c->user, all, all, 1) != 0, "a gather without the others", 1);
        expect(time(NULL) - begin < 3, "a gather that waits", 1);
        expect(c->sum(c->user, NULL, 5) != 0, "a call after that", 5);
    }
    if (rank > 0)
        c->gather(c->user, all + rank, all, 1);
    MPI_Barrier(MPI_COMM_WORLD);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = { 1, 3, 8, 4095, 4096, 4097, 100001 };
    int level;
    dim_comm c, hurried;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    expect(dim_mpi_comm(MPI_COMM_WORLD, 120, &c) == MPI_SUCCESS && dim_mpi_comm(MPI_COMM_WORLD, 1, &hurried) == MPI_SUCCESS,
           "dim_mpi_comm", 0);
    expect((int)c.rank == rank && (int)c.ranks == ranks, "rank and ranks", 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        try_sums(&c, sizes[i]);
        try_bytes(&c, sizes[i]);
    }
    if (ranks > 1)
        try_patience(&hurried);
    dim_mpi_end(&hurried);
    dim_mpi_end(&c);
    MPI_Finalize();
    if (rank == 0)
        printf("good\n");
    return 0;
}
