#define _GNU_SOURCE /* RTLD_DEFAULT */

#include "kernels/onednn.h"

#include "base/cpu.h"
#include "base/memory.h"
#include "base/thread.h"
#include "kernels/gemm_backend.h"

#if defined(DIM_HAVE_ONEDNN)
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* More than oneDNN takes to be loaded, for its first product or for one primitive, code that it makes included. */
enum { ROOM = 64 << 20 };

/* ---- the library ------------------------------------------------------------------------------------------------- */

/* As the library's own calls find it: in the global scope first, where a program may have another OpenMP. */
static bool find_openmp(void *library, const char *name, void *function)
{
    return dim__onednn_find(RTLD_DEFAULT, name, function) || dim__onednn_find(library, name, function);
}

/* All of it, or nothing. */
static bool load(dim__onednn *d, void *library)
{
    bool found = true;
    {
        dim__dnnl_sgemm *to = &d->gemm;
        DIM__DNNL_SGEMM(DIM__DNNL_FIND)
    }
    if (!found)
        return false;
    const dim__dnnl_version *version = d->gemm.version();
    d->omp_set_threads = NULL;
    d->omp_get_threads = NULL;
    d->api = version->major == 3 ? &dim__onednn_3 : version->major == 2 ? &dim__onednn_2 : NULL;
    if (d->api == NULL)
        return false;
    if (version->cpu_runtime == DIM__DNNL_RUNTIME_OMP)
        found = find_openmp(library, "omp_set_num_threads", &d->omp_set_threads) &&
                find_openmp(library, "omp_get_max_threads", &d->omp_get_threads);
    else
        found = version->cpu_runtime == DIM__DNNL_RUNTIME_SEQ; /* other runtimes start threads of their own */
    dim__dnnl_common *to = &d->call;
    DIM__DNNL_COMMON(DIM__DNNL_FIND)
    snprintf(d->name, sizeof d->name, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
    return found && d->api->load(d, library);
}

static bool load_file(dim__onednn *d, const char *name)
{
    /* Never unloaded: OpenMP's per-thread data outlives any context. */
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    bool usable = library != NULL && load(d, library);
    if (library != NULL)
        dlclose(library);
    return usable;
}

/* Debian 13 names its version 3 after a minor one, as libdnnl.so.3.6. */
static bool load_any(dim__onednn *d)
{
    char name[32];
    if (dlsym(RTLD_DEFAULT, "dnnl_version") != NULL)
        return load(d, RTLD_DEFAULT);
    if (load_file(d, "libdnnl.so.3"))
        return true;
    for (int minor = 31; minor >= 0; minor--) {
        snprintf(name, sizeof name, "libdnnl.so.3.%d", minor);
        if (load_file(d, name))
            return true;
    }
    return load_file(d, "libdnnl.so.2");
}

bool dim__onednn_has_room(void)
{
    void *room = dim__system_alloc(NULL, ROOM, 64);
    if (room != NULL)
        dim__system_free(NULL, room, ROOM);
    return room != NULL;
}

dim_status dim__onednn_open(dim_context *ctx, dim__onednn **out)
{
    dim__onednn *d = dim__calloc(ctx, 1, sizeof *d);
    *out = NULL;
    if (d == NULL)
        return DIM_E_NOMEM;
    if (!dim__onednn_has_room()) {
        dim__free(ctx, d);
        return dim__fail(ctx, DIM_E_NOMEM, "no memory to load oneDNN");
    }
    d->ctx = ctx;
    atomic_init(&d->ready, false);
    d->exit = &((dim__gemm_state *)ctx->gemm_state)->exit;
    bool found = load_any(d);
    if (found)
        *out = d;
    else
        dim__free(ctx, d);
    return DIM_OK;
}

const char *dim__onednn_name(const dim__onednn *d) { return d->name; }

int dim__onednn_major(const dim_context *ctx)
{
    const dim__onednn *d = ((const dim__gemm_state *)ctx->gemm_state)->onednn;
    return d != NULL ? d->gemm.version()->major : 0;
}

dim_status dim__onednn_of(dim_context *ctx, dim__onednn **out)
{
    dim__onednn *d = ((dim__gemm_state *)ctx->gemm_state)->onednn;
    *out = NULL;
    if (d == NULL || d->broken || dim__exit_begun(d->exit))
        return DIM_OK;
    if (!dim__onednn_has_room())
        return dim__fail(ctx, DIM_E_NOMEM, "no memory for oneDNN to prepare an operation");
    if (d->engine == NULL && d->call.engine_create(&d->engine, DIM__DNNL_CPU, 0) != 0) {
        d->engine = NULL;
        d->broken = true;
        return DIM_OK;
    }
    *out = d;
    return DIM_OK;
}

void dim__onednn_teardown(dim_context *ctx)
{
    dim__gemm_state *state = ctx->gemm_state;
    dim__onednn *d = state != NULL ? state->onednn : NULL;
    if (d == NULL)
        return;
    if (d->forget != NULL)
        d->forget(ctx);
    if (d->engine != NULL && !dim__exit_begun(d->exit))
        d->call.engine_destroy(d->engine);
    dim__free(ctx, d);
    state->onednn = NULL;
}

bool dim__gemm_native_bf16(const dim_context *ctx)
{
    const dim__gemm_state *state = ctx->gemm_state;
    return state->kind == DIM_GEMM_ONEDNN && !state->onednn->broken && dim__cpu_has_bf16();
}

/* ---- descriptors of memory --------------------------------------------------------------------------------------- */

static const dim__md *keep(dim__mds *s, dim__md *md)
{
    if (md != NULL && s->n == (int)(sizeof s->made / sizeof *s->made)) {
        s->d->api->md_free(s->d, md);
        return NULL;
    }
    if (md != NULL)
        s->made[s->n++] = md;
    return md;
}

const dim__md *dim__md_plain(dim__mds *s, int n, const int64_t *dims, unsigned type, const int64_t *strides)
{
    return keep(s, s->d->api->md_strides(s->d, n, dims, type, strides));
}

const dim__md *dim__md_nhwc(dim__mds *s, const int64_t dims[4], unsigned type)
{
    const int64_t strides[4] = { dims[2] * dims[3] * dims[1], 1, dims[3] * dims[1], dims[1] };
    return dim__md_plain(s, 4, dims, type, strides);
}

const dim__md *dim__md_any(dim__mds *s, int n, const int64_t *dims, unsigned type)
{
    return keep(s, s->d->api->md_any(s->d, n, dims, type));
}

const dim__md *dim__md_part(dim__mds *s, const dim__md *whole, const int64_t *dims, const int64_t *first)
{
    return whole == NULL ? NULL : keep(s, s->d->api->md_part(s->d, whole, dims, first));
}

void dim__mds_free(dim__mds *s)
{
    while (s->n > 0)
        s->d->api->md_free(s->d, s->made[--s->n]);
}

size_t dim__md_bytes(const dim__onednn *d, const dim__md *md)
{
    return md == NULL ? 0 : dim__onednn_lines(d->call.memory_desc_get_size(md));
}

/* ---- objects ----------------------------------------------------------------------------------------------------- */

const dim__md *dim__onednn_md_of(const dim__onednn *d, const struct dnnl_primitive_desc *desc, unsigned query)
{
    return d->call.primitive_desc_query_md(desc, query, 0);
}

bool dim__onednn_memory(const dim__onednn *d, const dim__md *md, struct dnnl_memory **out)
{
    return md != NULL && d->call.memory_create(out, md, d->engine, NULL) == 0;
}

bool dim__onednn_stream(const dim__onednn *d, struct dnnl_stream **out)
{
    return d->call.stream_create(out, d->engine, DIM__DNNL_STREAM_DEFAULT) == 0;
}

bool dim__onednn_reorder(const dim__onednn *d, const dim__md *from, const dim__md *to, struct dnnl_primitive **out)
{
    struct dnnl_primitive_desc *desc = NULL;
    bool made = from != NULL && to != NULL &&
                d->call.reorder_primitive_desc_create(&desc, from, d->engine, to, d->engine, NULL) == 0 &&
                d->call.primitive_create(out, desc) == 0;
    dim__onednn_free_desc(d, desc);
    return made;
}

bool dim__onednn_attr(const dim__onednn *d, struct dnnl_primitive_attr **out)
{
    return d->call.primitive_attr_create(out) == 0 &&
           d->call.primitive_attr_set_scratchpad_mode(*out, DIM__DNNL_SCRATCHPAD_USER) == 0;
}

const char *dim__onednn_kind(const dim__onednn *d, const struct dnnl_primitive_desc *desc)
{
    const char *name = NULL;
    return d->call.primitive_desc_query(desc, DIM__DNNL_QUERY_NAME, 0, &name) == 0 && name != NULL ? name : "";
}

bool dim__onednn_is_fast(const dim__onednn *d, const struct dnnl_primitive_desc *desc)
{
    const char *name = dim__onednn_kind(d, desc);
    /* Version 3 calls AVX-512 with what came after it AVX10, "avx10_1_512" for one. */
    return (strstr(name, "avx512") != NULL || strstr(name, "avx10_") != NULL) && strstr(name, "gemm") == NULL;
}

bool dim__onednn_execute(const dim__onednn *d, const struct dnnl_primitive *primitive, struct dnnl_stream *stream,
                         const dim__dnnl_arg *args, int n, void *const *data)
{
    for (int i = 0; i < n; i++)
        if (d->call.memory_set_data_handle(args[i].memory, data[i]) != 0)
            return false;
    return d->call.primitive_execute(primitive, stream, n, args) == 0;
}

void dim__onednn_free_desc(const dim__onednn *d, struct dnnl_primitive_desc *desc)
{
    if (desc != NULL && !dim__exit_begun(d->exit))
        d->call.primitive_desc_destroy(desc);
}

void dim__onednn_free_attr(const dim__onednn *d, struct dnnl_primitive_attr *attr)
{
    if (attr != NULL && !dim__exit_begun(d->exit))
        d->call.primitive_attr_destroy(attr);
}

void dim__onednn_free_primitive(const dim__onednn *d, struct dnnl_primitive *primitive)
{
    if (primitive != NULL && !dim__exit_begun(d->exit))
        d->call.primitive_destroy(primitive);
}

void dim__onednn_free_memory(const dim__onednn *d, struct dnnl_memory *memory)
{
    if (memory != NULL && !dim__exit_begun(d->exit))
        d->call.memory_destroy(memory);
}

void dim__onednn_free_stream(const dim__onednn *d, struct dnnl_stream *stream)
{
    if (stream != NULL && !dim__exit_begun(d->exit))
        d->call.stream_destroy(stream);
}

/* ---- the guard --------------------------------------------------------------------------------------------------- */

bool dim__onednn_enter(dim__onednn *d, dim__onednn_guard *guard)
{
    sigset_t set;
    if (!dim__exit_enter(d->exit))
        return false;
    dim__signals_that_wait(&set);
    pthread_sigmask(SIG_BLOCK, &set, &guard->signals);
    guard->threads = d->omp_get_threads != NULL ? d->omp_get_threads() : 1;
    if (guard->threads != 1)
        d->omp_set_threads(1);
    return true;
}

void dim__onednn_leave(dim__onednn *d, const dim__onednn_guard *guard)
{
    if (guard->threads != 1)
        d->omp_set_threads(guard->threads);
    pthread_sigmask(SIG_SETMASK, &guard->signals, NULL);
    dim__exit_leave(d->exit);
}

#else
dim_status dim__onednn_open(dim_context *ctx, struct dim__onednn **out)
{
    (void)ctx;
    *out = NULL;
    return DIM_OK;
}

const char *dim__onednn_name(const struct dim__onednn *d)
{
    (void)d;
    return "";
}

void dim__onednn_teardown(dim_context *ctx) { (void)ctx; }

bool dim__gemm_native_bf16(const dim_context *ctx)
{
    (void)ctx;
    return false;
}
#endif
