#include "base/context.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Each block is preceded by a header of one alignment unit that remembers its size, so that the free hook can be told. */
enum { ALIGN = 64 };

/* No struct of the API will ever be as large as this; a size above it was never set. */
enum { LARGEST_STRUCT = 4096 };

dim_context *dim__context_retain(dim_context *ctx)
{
    atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
    return ctx;
}

void dim__context_release(dim_context *ctx)
{
    if (atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (ctx->teardown != NULL)
        ctx->teardown(ctx);
    /* The hooks are read from the block that they release: dim__free() would write to it afterwards. */
    dim_context last = {.alloc = ctx->alloc, .free = ctx->free, .alloc_user = ctx->alloc_user, .memory = ctx->memory};
    dim__free(&last, ctx);
}

void *dim__alloc(dim_context *ctx, size_t size)
{
    size_t total = (size > 0 ? size : 1) + ALIGN; /* of nothing, too, the address is within the block: leak checkers look for it there */
    char *block = total < size || total > PTRDIFF_MAX ? NULL : ctx->alloc(ctx->alloc_user, total, ALIGN);
    if (block == NULL) {
        dim__fail(ctx, DIM_E_NOMEM, "no memory for %zu bytes", size);
        return NULL;
    }
    memcpy(block, &total, sizeof total);
    ctx->memory += total;
    ctx->allocations++;
    return block + ALIGN;
}

void *dim__calloc(dim_context *ctx, size_t n, size_t size)
{
    if (size != 0 && n > SIZE_MAX / size) {
        dim__fail(ctx, DIM_E_NOMEM, "no memory for %zu x %zu bytes", n, size);
        return NULL;
    }
    void *memory = dim__alloc(ctx, n * size);
    if (memory != NULL)
        memset(memory, 0, n * size);
    return memory;
}

dim_status dim__grow(dim_context *ctx, void *array, int64_t *capacity, int64_t need, size_t element)
{
    void *old, *grown;
    if (need <= *capacity)
        return DIM_OK;
    int64_t more = *capacity < 8 ? 8 : *capacity * 2;
    if (more < need)
        more = need;
    grown = dim__calloc(ctx, (size_t)more, element);
    if (grown == NULL)
        return DIM_E_NOMEM;
    memcpy(&old, array, sizeof old); /* array is the address of a pointer to any type */
    if (old != NULL)
        memcpy(grown, old, (size_t)*capacity * element);
    dim__free(ctx, old);
    memcpy(array, &grown, sizeof grown);
    *capacity = more;
    return DIM_OK;
}

void dim__free(dim_context *ctx, void *memory)
{
    if (memory == NULL)
        return;
    char *block = (char *)memory - ALIGN;
    size_t total;
    memcpy(&total, block, sizeof total);
    ctx->memory -= total;
    ctx->free(ctx->alloc_user, block, total);
}

char *dim__strdup(dim_context *ctx, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = dim__alloc(ctx, size);
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

/* A byte of UTF-8 that no character begins with. */
static bool is_within(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

/* What does not fit keeps its beginning and its end: one has the reason, whichever has the long path. */
static void shorten(char *out, size_t room, const char *text, size_t length)
{
    static const char gap[] = " ... ";
    size_t head = room / 2, tail = room - head - sizeof gap;
    if (length < room) {
        memcpy(out, text, length + 1);
        return;
    }
    while (head > 0 && is_within(text[head])) /* a character stays whole */
        head--;
    while (is_within(text[length - tail]))
        tail--;
    memcpy(out, text, head);
    memcpy(out + head, gap, sizeof gap - 1);
    memcpy(out + head + sizeof gap - 1, text + length - tail, tail + 1);
}

/* The sign that printf() shows of a NaN says nothing. */
static void drop_nan_signs(char *text)
{
    for (char *at = text; (at = strstr(at, " -nan")) != NULL; at++)
        memmove(at + 1, at + 2, strlen(at + 2) + 1);
}

dim_status dim__fail(dim_context *ctx, dim_status status, const char *format, ...)
{
    char *text = ctx->text != NULL ? ctx->text : ctx->error;
    va_list args;
    va_start(args, format);
    vsnprintf(text, ctx->text != NULL ? DIM__TEXT : sizeof ctx->error, format, args);
    va_end(args);
    drop_nan_signs(text);
    dim__escape(text, ctx->text != NULL ? DIM__TEXT : sizeof ctx->error); /* it may quote a name from a file */
    if (text != ctx->error)
        shorten(ctx->error, sizeof ctx->error, text, strlen(text));
    return status;
}

void dim__log(dim_context *ctx, dim_log_level level, const char *format, ...)
{
    char message[512];
    va_list args;
    if (ctx->log == NULL)
        return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    dim__escape(message, sizeof message);
    ctx->log(ctx->log_user, level, message);
}

dim_status dim__struct_size(dim_context *ctx, const char *what, const void *options, size_t least, size_t *size)
{
    memcpy(size, options, sizeof *size);
    if (*size < least || *size > LARGEST_STRUCT)
        return dim__fail(ctx, DIM_E_INVALID, "%s: size is %zu; set it with DIM_OPTIONS_INIT", what, *size);
    return DIM_OK;
}

dim_status dim__options_copy(dim_context *ctx, const char *what, void *copy, size_t known, const void *options)
{
    size_t size = 0;
    memset(copy, 0, known);
    if (options != NULL) {
        DIM__TRY(dim__struct_size(ctx, what, options, sizeof size, &size));
        for (size_t i = known; i < size; i++)
            if (((const unsigned char *)options)[i] != 0)
                return dim__fail(ctx, DIM_E_INVALID, "%s sets an option that this version does not know", what);
        memcpy(copy, options, size < known ? size : known);
    }
    memcpy(copy, &known, sizeof known);
    return DIM_OK;
}
