/* The library on a thread with the 128 KiB of stack that musl gives by default, below which nothing is mapped: the main flows.
 * Frames are bounded by tests/checks/stack.sh. */
#define _GNU_SOURCE /* pthread_setattr_default_np */

#include "base/pool.h"
#include "base/thread.h"

#include <dim/dim.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "sanitized.h"

/* A sanitizer's frames are several times as large. */
enum { STACK = SANITIZED ? 1 << 20 : 128 << 10 };

static dim_context *ctx;
static dim_status failure;

/* On such a thread a failed assertion cannot go back to cmocka. */
#define OK(call)                                                                                     \
    do {                                                                                             \
        dim_status status_ = (call);                                                                 \
        if (status_ != DIM_OK) {                                                                     \
            failure = status_;                                                                       \
            print_error("%s:%d: %s: %s\n", __FILE__, __LINE__, dim_status_name(status_), dim_context_error(ctx)); \
            return NULL;                                                                             \
        }                                                                                            \
    } while (0)

static void on_small_stack(void *(*fn)(void *), void *arg)
{
    pthread_attr_t attr;
    pthread_t id;
    failure = DIM_OK;
    char *memory = mmap(NULL, STACK + 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    assert_int_equal(mprotect(memory + 65536, STACK, PROT_READ | PROT_WRITE), 0);
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstack(&attr, memory + 65536, STACK), 0);
    assert_int_equal(pthread_create(&id, &attr, fn, arg), 0);
    assert_int_equal(pthread_join(id, NULL), 0);
    pthread_attr_destroy(&attr);
    munmap(memory, STACK + 65536);
    assert_int_equal(failure, DIM_OK);
}

typedef struct preset {
    dim_encoder_kind kind;
    uint32_t side; /* 0 = vectors */
    const char *x;
    int64_t batch;
} preset;

static void *train(void *arg)
{
    const preset *p = arg;
    const int64_t image[4] = { p->batch, 3, p->side, p->side }, vector[2] = { p->batch, 64 };
    dim_context_options o;
    dim_encoder_options eo;
    dim_term_options to;
    dim_encoder *enc;
    dim_model *model;
    dim_tensor *x;
    DIM_OPTIONS_INIT(&o);
    DIM_OPTIONS_INIT(&eo);
    DIM_OPTIONS_INIT(&to);
    o.threads = 2;
    OK(dim_context_create(&o, &ctx));
    eo.kind = p->kind;
    eo.channels = p->side == 0 ? 64 : 3;
    eo.ndf = p->kind >= DIM_ENCODER_AMDIM32 && p->kind <= DIM_ENCODER_AMDIM128 ? 8 : 0;
    eo.depth = eo.ndf > 0 ? 1 : 0;
    to.x = p->x;
    to.units = 64;
    OK(dim_encoder_create(ctx, &eo, &enc));
    OK(dim_model_create(enc, NULL, &model));
    OK(dim_model_add_term(model, &to));
    OK(dim_tensor_create(ctx, p->side == 0 ? DIM_F32 : DIM_U8, p->side == 0 ? 2 : 4, p->side == 0 ? vector : image, &x));
    for (int64_t i = 0; i < dim_tensor_count(x); i++)
        if (p->side == 0)
            ((float *)dim_tensor_data(x))[i] = (float)(i * 31 % 101) / 101;
        else
            ((uint8_t *)dim_tensor_data(x))[i] = (uint8_t)(i * 31 % 251);
    OK(dim_model_step(model, x));
    OK(dim_model_evaluate(model, x));
    dim_tensor_destroy(x);
    dim_model_destroy(model);
    dim_encoder_destroy(enc);
    dim_context_destroy(ctx);
    return NULL;
}
