#include "kernels/onednn.h"

#include "base/cpu.h"

#if defined(DIM__ONEDNN_PRIMITIVES)
#include <dlfcn.h>

static bool find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool load(dim__onednn *d)
{
    void *library = dlopen("libdnnl.so.2", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    bool found = library != NULL;
#define X(name) found = found && find(library, "dnnl_" #name, &d->name);
    DIM__ONEDNN_FUNCTIONS(X)
#undef X
    if (library != NULL)
        dlclose(library);
    return found && d->engine_create(&d->engine, dnnl_cpu, 0) == dnnl_success;
}

dim_status dim__onednn_of(dim_context *ctx, dim__onednn **out)
{
    dim__gemm_state *state = ctx->gemm_state;
    if (state->onednn == NULL) {
        dim__onednn *d = dim__calloc(ctx, 1, sizeof *d);
        if (d == NULL)
            return DIM_E_NOMEM;
        if (!load(d))
            d->engine = NULL;
        state->onednn = d;
    }
    *out = state->onednn->engine != NULL ? state->onednn : NULL;
    return DIM_OK;
}

bool dim__onednn_memory(const dim__onednn *d, dnnl_memory_t *out, const dnnl_memory_desc_t *desc)
{
    return d->memory_create(out, desc, d->engine, DNNL_MEMORY_NONE) == dnnl_success;
}

bool dim__onednn_is_fast(const dim__onednn *d, const_dnnl_primitive_desc_t desc)
{
    const char *name = NULL;
    return d->primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &name) == dnnl_success && name != NULL &&
           strstr(name, "avx512") != NULL && strstr(name, "gemm") == NULL;
}

bool dim__onednn_attr(const dim__onednn *d, dnnl_primitive_attr_t *out)
{
    return d->primitive_attr_create(out) == dnnl_success &&
           d->primitive_attr_set_scratchpad_mode(*out, dnnl_scratchpad_mode_user) == dnnl_success;
}

void dim__plan_hold(dim_context *ctx, const void *plan, int by)
{
    dim__onednn *d = ((dim__gemm_state *)ctx->gemm_state)->onednn;
    dim__plan_head *head = (dim__plan_head *)plan;
    head->holds += by;
    if (head->holds > 0 || d->n_plans <= DIM__KEEP_PLANS)
        return;
    d->n_plans--;
    if (head->conv)
        dim__conv_plan_drop(ctx, d, (struct dim__conv_plan *)head);
    else
        dim__product_plan_drop(ctx, d, (struct dim__product_plan *)head);
}

void dim__onednn_teardown(dim_context *ctx)
{
    dim__gemm_state *state = ctx->gemm_state;
    dim__onednn *d = state != NULL ? state->onednn : NULL;
    if (d == NULL)
        return;
    dim__conv_plans_free(ctx, d);
    dim__product_plans_free(ctx, d);
    if (d->engine != NULL)
        d->engine_destroy(d->engine);
    dim__free(ctx, d);
    state->onednn = NULL;
}

bool dim__gemm_native_bf16(const dim_context *ctx)
{
    const dim__gemm_state *state = ctx->gemm_state;
    return state->kind == DIM_GEMM_ONEDNN && dim__cpu_has_bf16();
}

#else
void dim__onednn_teardown(dim_context *ctx) { (void)ctx; }

void dim__plan_hold(dim_context *ctx, const void *plan, int by)
{
    (void)ctx;
    (void)plan;
    (void)by;
}

bool dim__gemm_native_bf16(const dim_context *ctx)
{
    (void)ctx;
    return false;
}
#endif
