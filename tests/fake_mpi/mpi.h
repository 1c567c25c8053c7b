/* What <dim/mpi.h> needs of an MPI, declared as MPICH does, so that check_headers compiles it where there is none.  check_mpi runs it
 * with a real one. */
#ifndef DIM_TESTS_FAKE_MPI_H
#define DIM_TESTS_FAKE_MPI_H

#ifdef __cplusplus
extern "C" {
#endif

typedef int MPI_Comm, MPI_Request, MPI_Datatype, MPI_Errhandler;
typedef struct MPI_Status { int MPI_SOURCE, MPI_TAG, MPI_ERROR; } MPI_Status;

#define MPI_SUCCESS 0
#define MPI_ERR_NO_MEM 34
#define MPI_BYTE ((MPI_Datatype)1)
#define MPI_FLOAT ((MPI_Datatype)2)
#define MPI_DOUBLE ((MPI_Datatype)3)
#define MPI_REQUEST_NULL ((MPI_Request)4)
#define MPI_ERRORS_RETURN ((MPI_Errhandler)5)
#define MPI_STATUS_IGNORE ((MPI_Status *)1)

double MPI_Wtime(void);
int MPI_Test(MPI_Request *request, int *flag, MPI_Status *status);
int MPI_Iallgather(const void *send, int n, MPI_Datatype type, void *receive, int m, MPI_Datatype of, MPI_Comm c, MPI_Request *request);
int MPI_Ialltoall(const void *send, int n, MPI_Datatype type, void *receive, int m, MPI_Datatype of, MPI_Comm c, MPI_Request *request);
int MPI_Ibcast(void *data, int n, MPI_Datatype type, int root, MPI_Comm c, MPI_Request *request);
int MPI_Comm_dup(MPI_Comm c, MPI_Comm *copy);
int MPI_Comm_free(MPI_Comm *c);
int MPI_Comm_rank(MPI_Comm c, int *rank);
int MPI_Comm_size(MPI_Comm c, int *size);
int MPI_Comm_set_errhandler(MPI_Comm c, MPI_Errhandler handler);

#ifdef __cplusplus
}
#endif

#endif
