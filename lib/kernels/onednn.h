/* oneDNN, found at run time: version 2 or 3 behind one interface.  What its matrix products (gemm_onednn.c), convolutions
 * (conv_onednn.c) and products in bf16 (product_onednn.c) share.
 *
 * The library is loaded when a context asks for it rather than linked: programs that link libdim then run where oneDNN
 * is not installed, with the CBLAS, and libdim.so does not pull in its C++, OpenCL and OpenMP libraries.  Loading takes
 * about 1 ms.  Its headers are not needed either (onednn_abi.h).
 *
 * A process whose global scope has a libdnnl already, because the program links one, gets that one: the calls that another
 * copy makes inside itself would end in the first. */
#ifndef DIM_KERNELS_ONEDNN_H
#define DIM_KERNELS_ONEDNN_H

#include "base/exit.h"
#include "kernels/conv.h"
#include "kernels/gemm.h"

#include <signal.h>

#if defined(DIM_HAVE_ONEDNN)
#include "kernels/onednn_abi.h"

#include <dlfcn.h>
#include <string.h>

typedef struct dim__onednn dim__onednn;

/* What differs between the versions.  False: oneDNN cannot do it, or has no memory; an md that is NULL is such a failure. */
typedef struct dim__onednn_api {
    bool (*load)(dim__onednn *d, void *library);
    dim__md *(*md_strides)(dim__onednn *d, int n, const int64_t *dims, unsigned type, const int64_t *strides);
    dim__md *(*md_any)(dim__onednn *d, int n, const int64_t *dims, unsigned type); /* oneDNN chooses the layout */
    dim__md *(*md_part)(dim__onednn *d, const dim__md *whole, const int64_t *dims, const int64_t *first);
    void (*md_free)(dim__onednn *d, dim__md *md);
    bool (*md_offset)(const dim__onednn *d, const dim__md *md, int64_t *elements); /* before the first */
    /* Of DX and DW `hint` is the forward pass. */
    bool (*convolution)(dim__onednn *d, dim__conv_pass pass, const dim__md *x, const dim__md *w, const dim__md *y,
                        const int64_t *stride, const int64_t *padding, const struct dnnl_primitive_attr *attr,
                        const struct dnnl_primitive_desc *hint, struct dnnl_primitive_desc **out);
    bool (*matmul)(dim__onednn *d, const dim__md *a, const dim__md *b, const dim__md *c,
                   const struct dnnl_primitive_attr *attr, struct dnnl_primitive_desc **out);
} dim__onednn_api;
extern const dim__onednn_api dim__onednn_2, dim__onednn_3;

struct dim__onednn { /* a context's */
    dim_context *ctx;
    char name[32];
    dim__dnnl_sgemm gemm;
    void (*omp_set_threads)(int n); /* NULL when oneDNN was built without OpenMP */
    int (*omp_get_threads)(void);
    const dim__onednn_api *api;
    dim__dnnl_common call;
    union {
        dim__dnnl_2 two;
        dim__dnnl_3 three;
    };
    atomic_bool ready;          /* its first product was made, for which it makes code */
    dim__exit *exit;            /* the context's */
    struct dnnl_engine *engine; /* NULL until a primitive is asked for */
    bool broken;                /* it cannot have an engine: matrix products only */
    struct dim__onednn_plan *plans;    /* see onednn_plans.h */
    int64_t n_idle, n_useless;  /* plans that nobody holds; shapes without one */
    void (*forget)(dim_context *ctx); /* drops them all; NULL while there are none */
    bool no_memory;             /* of the context's; else a failure is oneDNN's */
};

/* Finds the functions of a table.  POSIX gives functions as object pointers; copying the bits is the conversion that C allows. */
static inline bool dim__onednn_find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}
#define DIM__DNNL_FIND(result, name, parameters) found = found && dim__onednn_find(library, "dnnl_" #name, &to->name);

int dim__onednn_major(const dim_context *ctx); /* 0 without it */

/* oneDNN's C++ ends the process, or writes to where nothing is, when it has no memory for its objects and its code.  So
 * whoever has it make some asks first whether the system has a lot of it; no more can be done. */
bool dim__onednn_has_room(void);

/* The context's, ready for primitives to be made; *out is NULL where there are none. */
dim_status dim__onednn_of(dim_context *ctx, dim__onednn **out);

/* Descriptors of memory that are made for a while and go together.  What was not made is NULL, which what takes descriptors
 * refuses, so that nobody has to ask in between. */
typedef struct dim__mds {
    dim__onednn *d;
    dim__md *made[16];
    int n;
} dim__mds;
const dim__md *dim__md_plain(dim__mds *s, int n, const int64_t *dims, unsigned type, const int64_t *strides);
const dim__md *dim__md_nhwc(dim__mds *s, const int64_t dims[4], unsigned type); /* dims: N, C, H, W */
const dim__md *dim__md_any(dim__mds *s, int n, const int64_t *dims, unsigned type);
const dim__md *dim__md_part(dim__mds *s, const dim__md *whole, const int64_t *dims, const int64_t *first);
void dim__mds_free(dim__mds *s);

size_t dim__md_bytes(const dim__onednn *d, const dim__md *md); /* in whole lines */
static inline size_t dim__onednn_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* What a primitive expects there; owned by `desc`. */
const dim__md *dim__onednn_md_of(const dim__onednn *d, const struct dnnl_primitive_desc *desc, unsigned query);

/* A memory object whose address is set when it is used. */
bool dim__onednn_memory(const dim__onednn *d, const dim__md *md, struct dnnl_memory **out);
bool dim__onednn_stream(const dim__onednn *d, struct dnnl_stream **out);
/* What copies from one layout to the other. */
bool dim__onednn_reorder(const dim__onednn *d, const dim__md *from, const dim__md *to, struct dnnl_primitive **out);
/* Attributes of primitives whose scratch memory is ours. */
bool dim__onednn_attr(const dim__onednn *d, struct dnnl_primitive_attr **out);
/* The name of its implementation, such as "jit:avx512_core". */
const char *dim__onednn_kind(const dim__onednn *d, const struct dnnl_primitive_desc *desc);
/* Whether a primitive is one of those that were measured to win: generated for AVX-512, not a plain loop or a sgemm. */
bool dim__onednn_is_fast(const dim__onednn *d, const struct dnnl_primitive_desc *desc);

/* Sets each argument's address and runs. */
bool dim__onednn_execute(const dim__onednn *d, const struct dnnl_primitive *primitive, struct dnnl_stream *stream,
                         const dim__dnnl_arg *args, int n, void *const *data);

/* These take NULL. */
void dim__onednn_free_desc(const dim__onednn *d, struct dnnl_primitive_desc *desc);
void dim__onednn_free_attr(const dim__onednn *d, struct dnnl_primitive_attr *attr);
void dim__onednn_free_primitive(const dim__onednn *d, struct dnnl_primitive *primitive);
void dim__onednn_free_memory(const dim__onednn *d, struct dnnl_memory *memory);
void dim__onednn_free_stream(const dim__onednn *d, struct dnnl_stream *stream);

/* Around every call of oneDNN's, per thread.
 *
 * oneDNN divides its work over OpenMP threads, whose idle spinning would fight with our pool.  We call it with one
 * OpenMP thread from each of our own instead; that number is kept per thread by OpenMP and is put back after the call,
 * so neither the process's setting nor the caller's changes, and no OpenMP team is ever started.
 *
 * A signal handler that runs while a thread is inside oneDNN's generated code corrupts memory (version 2.6.3 on AVX-512:
 * a plain loop of dnnl_sgemm under an interval timer ends in "free(): invalid size"), so signals wait for the call's
 * end.  Workers of the pool have them blocked anyway; this is for the caller's thread. */
typedef struct dim__onednn_guard {
    int threads;
    sigset_t signals;
} dim__onednn_guard;
/* False when the process is ending: oneDNN cannot be called any more, and its objects are not released either. */
bool dim__onednn_enter(dim__onednn *d, dim__onednn_guard *guard);
void dim__onednn_leave(dim__onednn *d, const dim__onednn_guard *guard);
#endif

/* Opens the library for a context: *out is NULL where there is none that is usable. */
struct dim__onednn;
dim_status dim__onednn_open(dim_context *ctx, struct dim__onednn **out);
const char *dim__onednn_name(const struct dim__onednn *d);
void dim__onednn_teardown(dim_context *ctx);

#endif
