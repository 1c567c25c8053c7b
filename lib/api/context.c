#include "base/context.h"
#include "base/cpu.h"
#include "base/enums.h"
#include "base/memory.h"
#include "base/pool.h"
#include "kernels/gemm.h"
#include "kernels/kernels.h"

#include <stdio.h>

#define VERSION_TEXT_(x) #x
#define VERSION_TEXT(x) VERSION_TEXT_(x)
#define VERSION VERSION_TEXT(DIM_VERSION_MAJOR) "." VERSION_TEXT(DIM_VERSION_MINOR) "." VERSION_TEXT(DIM_VERSION_PATCH)

enum { MAX_THREADS = 256 };

/* Smaller graphs fit a cache, where keeping costs least. */
static const int64_t RECOMPUTE_FROM = 16 << 20;
/* See passes/recompute.c.  Who takes bf16 wants speed, and where it is native has half the memory already. */
static const double RECOMPUTE_WORTH = 0.4, RECOMPUTE_WORTH_BF16 = 6;

static const struct {
    uint32_t bit; /* 0 = the pass cannot be left out */
    const char *name;
} passes[] = {
#define DIM__PASS(name, bit, stage) { bit, #name },
#define DIM__SWITCH(name, bit) { bit, #name },
#include "compile/passes/pass_list.def"
#undef DIM__PASS
#undef DIM__SWITCH
};
enum { N_PASSES = (int)(sizeof passes / sizeof *passes) };

_Static_assert(sizeof(dim_context_options) == 2 * sizeof(size_t) + 32 + 5 * sizeof(void *) + (8 - sizeof(size_t)),
               "dim_context_options has no hidden padding");

/* NULL when it is none. */
static const char *pass_name(uint32_t bit)
{
    for (int i = 0; i < N_PASSES; i++)
        if (passes[i].bit == bit)
            return passes[i].name;
    return NULL;
}

static bool all_are_passes(uint32_t bits)
{
    for (uint32_t bit = 1; bit != 0; bit <<= 1)
        if ((bits & bit) != 0 && pass_name(bit) == NULL)
            return false;
    return true;
}

static const dim__range threads = { 0, MAX_THREADS, "at most 256", NULL, NULL };
static const dim__field fields[] = {
    DIM__QUIET(dim_context_options, threads, U32, &threads, 0),
    DIM__QUIET(dim_context_options, gemm, U32, &dim__gemm_kind_range, 0),
    DIM__QUIET(dim_context_options, cpu, U32, &dim__cpu_level_range, 0),
    DIM__QUIET(dim_context_options, executor, U32, &dim__executor_range, 0),
    DIM__QUIET(dim_context_options, reserved0, U32, &dim__reserved, 0),
    DIM__QUIET(dim_context_options, precision, U32, &dim__precision_range, 0),
};
static const dim__table table = DIM__TABLE(dim_context_options, fields);

static dim_status check_options(dim_context *boot, const dim_context_options *o)
{
    if ((o->alloc == NULL) != (o->free == NULL))
        return dim__fail(boot, DIM_E_INVALID, "alloc and free must be given together");
    DIM__TRY(dim__options_check(boot, "", &table, o));
    if (!all_are_passes(o->disabled_passes))
        return dim__fail(boot, DIM_E_INVALID, "disabled_passes is %u; it has bits that are not a dim_pass",
                         (unsigned)o->disabled_passes);
    return DIM_OK;
}

/* The cap that the caller set, or everything when the processor has less than that. */
static dim_cpu_level kernel_level(dim_cpu_level cap)
{
    return cap != DIM_CPU_REFERENCE && cap > dim__cpu_detect() ? DIM_CPU_AUTO : cap;
}

/* What changes results by rounding must be in the text: checkpoints tell by it whether they go on with the same bits. */
static const char *name_passes(const dim_context *ctx, char text[96])
{
    size_t used = 0;
    text[0] = '\0';
    if (ctx->executor == DIM_EXECUTOR_REFERENCE)
        return ", reference executor";
    for (uint32_t bit = 1; bit != 0; bit <<= 1) /* in the order of dim_pass, whatever that of the list is */
        if ((ctx->disabled_passes & bit) != 0)
            used += (size_t)snprintf(text + used, 96 - used, "%s%s", used == 0 ? ", without " : "+", pass_name(bit));
    return text;
}

/* The end of what set_up() begins; it may have failed on the way. */
static void tear_down(dim_context *ctx)
{
    dim__gemm_teardown(ctx);
    dim__pool_destroy(ctx, ctx->pool);
}

static dim_status set_up(dim_context *ctx, const dim_context_options *o)
{
    ctx->teardown = tear_down;
    ctx->kernels = dim__kernels_select(kernel_level(o->cpu));
    if (ctx->kernels == NULL)
        return dim__fail(ctx, DIM_E_UNSUPPORTED, "this build has no kernels for cpu level %d", (int)o->cpu);
    if (ctx->threads > 1)
        DIM__TRY(dim__pool_create(ctx, ctx->threads, &ctx->pool));
    DIM__TRY(dim__gemm_setup(ctx, o->gemm, o->blas_threads));
    bool native = ctx->precision == DIM_PRECISION_BF16 && dim__gemm_native_bf16(ctx);
    ctx->recompute_worth = native ? RECOMPUTE_WORTH_BF16 : RECOMPUTE_WORTH;
    char without[96];
    snprintf(ctx->describe, sizeof ctx->describe, "libdim " VERSION ", %s, %s, %u thread%s%s%s", ctx->kernels->name,
             dim__gemm_name(ctx), (unsigned)ctx->threads, ctx->threads == 1 ? "" : "s", name_passes(ctx, without),
             ctx->precision == DIM_PRECISION_F32 ? "" : native ? ", bf16" : ", bf16 emulated");
    return DIM_OK;
}

/* Nobody will have a context to ask for the text. */
static dim_status refuse(dim_context *ctx, dim_status status)
{
    dim__log(ctx, DIM_LOG_WARNING, "no context: %s", ctx->error);
    return status;
}

dim_status dim_context_create(const dim_context_options *options, dim_context **out)
{
    /* Starts life on the stack, so that even its own memory comes from the caller's hooks and is counted. */
    dim_context boot = {.alloc = dim__system_alloc, .free = dim__system_free};
    dim_context_options o;
    if (out == NULL)
        return DIM_E_INVALID;
    DIM__TRY(dim__options_copy(&boot, "dim_context_options", &o, sizeof o, options));
    boot.log = o.log;
    boot.log_user = o.log_user;
    dim_status status = check_options(&boot, &o);
    if (status != DIM_OK)
        return refuse(&boot, status);
    if (o.alloc != NULL) {
        boot.alloc = o.alloc;
        boot.free = o.free;
        boot.alloc_user = o.alloc_user;
    }
    boot.seed = o.seed;
    boot.executor = o.executor;
    boot.recompute_from = RECOMPUTE_FROM;
    boot.disabled_passes = o.disabled_passes;
    boot.precision = o.precision;
    boot.threads = o.threads != 0 ? o.threads : dim__cpu_count();
    if (boot.threads > MAX_THREADS)
        boot.threads = MAX_THREADS;
    dim_context *ctx = dim__alloc(&boot, sizeof *ctx + DIM__TEXT);
    if (ctx == NULL)
        return refuse(&boot, DIM_E_NOMEM);
    memcpy(ctx, &boot, sizeof *ctx);
    ctx->text = (char *)(ctx + 1);
    atomic_init(&ctx->refs, 1);
    status = set_up(ctx, &o);
    if (status == DIM_OK) {
        *out = ctx;
        return DIM_OK;
    }
    refuse(ctx, status);
    dim__context_release(ctx);
    return status;
}

void dim_context_destroy(dim_context *ctx)
{
    if (ctx != NULL)
        dim__context_release(ctx);
}

const char *dim_context_error(const dim_context *ctx)
{
    return ctx == NULL ? "" : ctx->error;
}

const char *dim_context_describe(const dim_context *ctx)
{
    return ctx == NULL ? "" : ctx->describe;
}

size_t dim_context_memory(const dim_context *ctx)
{
    return ctx == NULL ? 0 : ctx->memory;
}

uint64_t dim_context_allocations(const dim_context *ctx)
{
    return ctx == NULL ? 0 : ctx->allocations;
}

const char *dim_precision_name(dim_precision precision)
{
    return dim__precision_name((int)precision);
}

const char *dim_version(void)
{
    return VERSION;
}
