/* What the tests of augmentation share. */
#ifndef DIM_AUGMENT_TESTS_H
#define DIM_AUGMENT_TESTS_H

#include "data_tests.h"

#include "data/augment/augment.h"
#include <dim/augment.h>

static inline dim_augment *augment(dim_context *c, dim_augment_preset preset)
{
    dim_augment_options o;
    dim_augment *aug = NULL;
    DIM_OPTIONS_INIT(&o);
    o.preset = preset;
    assert_int_equal(dim_augment_create(c, &o, &aug), DIM_OK);
    return aug;
}

static inline dim_augment_op_options op(dim_augment_op kind)
{
    dim_augment_op_options o;
    DIM_OPTIONS_INIT(&o);
    o.op = kind;
    return o;
}

static inline dim_tensor *tensor(dim_context *c, dim_dtype dtype, int64_t n, const int64_t shape[3])
{
    dim_tensor *t;
    const int64_t all[4] = { n, shape[0], shape[1], shape[2] };
    assert_int_equal(dim_tensor_create(c, dtype, 4, all, &t), DIM_OK);
    return t;
}

/* One image through an augmentation without chance, by the public functions. */

#endif
