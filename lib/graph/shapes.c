/* What the ops' infer functions share. */
#include "graph/op.h"

#include "base/math.h"
#include "tensor/tensor.h"
#include <stdio.h>

size_t dim__value_size(dim_dtype type) { return type == DIM__BF16 ? sizeof(uint16_t) : dim__dtype_size(type); }

bool dim__shape_equal(const dim__shape *a, const dim__shape *b)
{
    if (a->rank != b->rank)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (a->d[i] != b->d[i])
            return false;
    return true;
}

const char *dim__op_shape_text(char buffer[128], const dim__shape *s)
{
    size_t used = (size_t)snprintf(buffer, 128, "(");
    for (int i = 0; i < s->rank && used < 100; i++) /* 100 + ", " + 20 digits + ")" fits */
        used += (size_t)snprintf(buffer + used, 128 - used, i ? ", %lld" : "%lld", (long long)s->d[i]);
    snprintf(buffer + used, 128 - used, ")");
    return buffer;
}

dim_status dim__infer_fail(const dim__infer *inf, int input, const char *wanted)
{
    char text[128];
    if (input < 0 || input >= inf->n_in)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: %s", inf->op, wanted);
    return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: input %d is %s%s, wants %s", inf->op, input,
                     inf->in_type[input] == DIM_F32 ? "" : inf->in_type[input] == DIM_I32 ? "i32 " : "not f32 ",
                     dim__op_shape_text(text, &inf->in[input]), wanted);
}

dim_status dim__infer_types(const dim__infer *inf, uint32_t i32)
{
    for (int k = 0; k < inf->n_in; k++) {
        bool index = (i32 >> k & 1) != 0, half = inf->in_type[k] == DIM__BF16 && (inf->bf16 >> k & 1) != 0;
        if (inf->in_type[k] != (index ? DIM_I32 : DIM_F32) && !half)
            return dim__infer_fail(inf, k, index ? "elements of type i32" : "elements of type f32");
    }
    return DIM_OK;
}

dim__attr dim__attr_given(dim__shape shape)
{
    dim__attr attr = { .shape = { .rank = shape.rank } };
    for (int k = 0; k < shape.rank && k < DIM__MAX_DIMS; k++)
        attr.shape.d[k] = shape.d[k];
    return attr;
}

dim_status dim__infer_given(dim__infer *inf)
{
    const dim__attr_shape *given = &inf->attr->shape;
    int64_t n = 1;
    if (given->rank < 0 || given->rank > DIM__MAX_DIMS)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: rank %lld, wants 0 to %d", inf->op, (long long)given->rank,
                         DIM__MAX_DIMS);
    inf->out[0].rank = (int)given->rank;
    for (int k = 0; k < inf->out[0].rank; k++) {
        if (!dim__mul64(n, given->d[k], &n))
            return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: size %lld of axis %d", inf->op, (long long)given->d[k], k);
        inf->out[0].d[k] = given->d[k];
    }
    return DIM_OK;
}

dim_status dim__infer_same(dim__infer *inf)
{
    char text[128];
    DIM__TRY(dim__infer_types(inf, 0));
    for (int k = 1; k < inf->n_in; k++)
        if (!dim__shape_equal(&inf->in[k], &inf->in[0]))
            return dim__infer_fail(inf, k, dim__op_shape_text(text, &inf->in[0]));
    inf->out[0] = inf->in[0];
    return DIM_OK;
}
