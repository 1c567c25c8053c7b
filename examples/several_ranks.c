/* Local Deep InfoMax on several ranks: every rank runs this program, mpirun -n 4 several_ranks cifar10:DIR 1000.
 * docs/several-machines.md explains it. */
#define DIM_EXPERIMENTAL
#include <dim/dim.h>
#include <dim/mpi.h>

#include <stdio.h>

enum { BATCH = 96 }; /* images of a step, of all ranks */

static dim_context *ctx;

/* A rank that cannot go on ends them all: the others would wait for it. */
static void check(dim_status status)
{
    if (status == DIM_OK)
        return;
    fprintf(stderr, "%s: %s\n", dim_status_name(status), ctx != NULL ? dim_context_error(ctx) : "");
    MPI_Abort(MPI_COMM_WORLD, 1);
}

static void train(dim_model *model, dim_loader *loader, long steps, int rank)
{
    double loss;
    for (long step = 0; step < steps; step++) {
        dim_tensor *images;
        check(dim_loader_next(loader, &images, NULL));
        check(dim_model_step(model, images));
        check(dim_model_report(model, "loss", &loss));
        if (rank == 0) /* it is the same on all ranks */
            printf("%ld %.9g\n", step, loss);
    }
    check(dim_checkpoint_save(model, loader, "several_ranks.dim")); /* rank 0 writes */
}

int main(int argc, char **argv)
{
    int level;
    dim_comm comm;
    dim_dataset *data;
    dim_loader *loader;
    dim_encoder *encoder;
    dim_model *model;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &level);
    if (dim_mpi_comm(MPI_COMM_WORLD, 60, &comm) != MPI_SUCCESS || argc < 3)
        MPI_Abort(MPI_COMM_WORLD, 2);
    check(dim_context_create(&(dim_context_options){ .size = sizeof(dim_context_options), .threads = 1 }, &ctx));
    check(dim_dataset_open(ctx, argv[1], DIM_SPLIT_TRAIN, &data));
    dim_loader_options o = { .size = sizeof o, .batch = BATCH / comm.ranks, .rank = comm.rank, .ranks = comm.ranks };
    check(dim_loader_create(data, &o, &loader));
    check(dim_encoder_create(ctx, NULL, &encoder));
    check(dim_model_create(encoder, NULL, &model));
    check(dim_model_add_term(model, &(dim_term_options){ .size = sizeof(dim_term_options), .units = 256 }));
    check(dim_objective_communicate(dim_model_objective(model), &comm));
    train(model, loader, strtol(argv[2], NULL, 10), (int)comm.rank);
    dim_model_destroy(model);
    dim_encoder_destroy(encoder);
    dim_loader_destroy(loader);
    dim_dataset_destroy(data);
    dim_context_destroy(ctx);
    dim_mpi_end(&comm);
    MPI_Finalize();
    return 0;
}
