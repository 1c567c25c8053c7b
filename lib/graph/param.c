#include "graph/param.h"

#include "base/math.h"
#include "base/rng.h"

void dim__params_init(dim__params *ps, dim_context *ctx, uint64_t seed)
{
    *ps = (dim__params){ .ctx = ctx, .seed = seed };
}

void dim__params_free(dim__params *ps)
{
    for (int64_t i = 0; i < ps->count; i++) {
        dim__free(ps->ctx, ps->list[i]->name);
        dim__free(ps->ctx, ps->list[i]->data);
        dim__free(ps->ctx, ps->list[i]);
    }
    dim__free(ps->ctx, ps->list);
    ps->list = NULL;
    ps->count = ps->capacity = 0;
}

dim__param *dim__params_find(const dim__params *ps, const char *name)
{
    for (int64_t i = 0; i < ps->count; i++)
        if (strcmp(ps->list[i]->name, name) == 0)
            return ps->list[i];
    return NULL;
}

static void fill(dim__param *p, uint64_t seed)
{
    const dim__param_spec *s = &p->spec;
    uint64_t stream = dim__hash_text(p->name);
    if (s->fill == DIM__FILL_NORMAL) {
        dim__rng_normal(p->data, p->count, seed, stream, 0);
        for (int64_t i = 0; i < p->count; i++)
            p->data[i] *= s->a;
    } else if (s->fill == DIM__FILL_UNIFORM || s->fill == DIM__FILL_EYE) {
        dim__rng_uniform(p->data, p->count, seed, stream, 0);
        for (int64_t i = 0; i < p->count; i++)
            p->data[i] = (2 * p->data[i] - 1) * s->a;
        int64_t columns = dim__shape_last(&s->shape), rows = dim__shape_rows(&s->shape);
        if (s->fill == DIM__FILL_EYE)
            for (int64_t i = 0; i < rows && i < columns; i++)
                p->data[i * columns + i] = 1;
    } else {
        for (int64_t i = 0; i < p->count; i++)
            p->data[i] = s->a;
    }
}

/* Elements of a new one, or -1. */
static int64_t count_of(dim__params *ps, const char *name, const dim__shape *shape)
{
    int64_t count = 1, together;
    for (int i = 0; i < shape->rank; i++)
        if (!dim__mul64(count, shape->d[i], &count)) {
            dim__fail(ps->ctx, DIM_E_NOMEM, "parameter '%s' is too large", name);
            return -1;
        }
    together = count;
    for (int64_t i = 0; i < ps->count && together <= ps->most; i++)
        together += ps->list[i]->count;
    ps->too_many = ps->most > 0 && together > ps->most;
    return ps->too_many ? -1 : count;
}

static dim__param *make(dim__params *ps, const char *name, const dim__param_spec *spec)
{
    int64_t count = count_of(ps, name, &spec->shape);
    if (count < 0)
        return NULL;
    if (dim__grow(ps->ctx, &ps->list, &ps->capacity, ps->count + 1, sizeof *ps->list) != DIM_OK)
        return NULL;
    dim__param *p = dim__calloc(ps->ctx, 1, sizeof *p);
    if (p == NULL)
        return NULL;
    p->spec = *spec;
    p->count = count;
    p->name = dim__strdup(ps->ctx, name);
    p->data = dim__calloc(ps->ctx, (size_t)p->count, sizeof *p->data);
    if (p->name == NULL || p->data == NULL) {
        dim__free(ps->ctx, p->name);
        dim__free(ps->ctx, p->data);
        dim__free(ps->ctx, p);
        return NULL;
    }
    fill(p, ps->seed);
    ps->list[ps->count++] = p;
    return p;
}

dim__param *dim__params_get(dim__params *ps, const char *name, const dim__param_spec *spec)
{
    dim__param *p = dim__params_find(ps, name);
    if (p == NULL)
        return make(ps, name, spec);
    if (!dim__shape_equal(&p->spec.shape, &spec->shape)) {
        char a[128], b[128];
        dim__fail(ps->ctx, DIM_E_SHAPE, "parameter '%s' is used with shapes %s and %s", name,
                  dim__op_shape_text(a, &p->spec.shape), dim__op_shape_text(b, &spec->shape));
        return NULL;
    }
    return p;
}

int dim__param_export_shape(const dim__param *p, int64_t shape[4])
{
    const dim__shape *s = &p->spec.shape;
    const int64_t *d = s->d;
    int rank = s->rank;
    memcpy(shape, d, (size_t)(rank < 4 ? rank : 4) * sizeof *shape);
    if (p->spec.layout == DIM__LAYOUT_OHWI)
        memcpy(shape, (int64_t[]){ d[0], d[3], d[1], d[2] }, 4 * sizeof *shape);
    if (p->spec.layout == DIM__LAYOUT_HWC) {
        memcpy(shape, (int64_t[]){ d[2], 1, d[0], d[1] }, 4 * sizeof *shape);
        rank = 4;
    }
    if (!p->spec.signal)
        return rank;
    shape[2] = shape[3];
    return 3;
}

/* Memory is (O, P, C) with P positions; exported is (O, C, P). */
static void positions(const dim__param *p, int64_t *o, int64_t *pos, int64_t *c)
{
    const dim__shape *s = &p->spec.shape;
    *o = p->spec.layout == DIM__LAYOUT_HWC ? 1 : s->d[0];
    *c = p->spec.layout == DIM__LAYOUT_FLAT ? p->spec.map[2] : dim__shape_last(s);
    *pos = p->count / (*o * *c);
}

static void transpose(const float *in, float *out, int64_t outer, int64_t rows, int64_t columns)
{
    for (int64_t k = 0; k < outer; k++, in += rows * columns, out += rows * columns)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++)
                out[j * rows + i] = in[i * columns + j];
}

void dim__param_export(const dim__param *p, float *out)
{
    int64_t o, pos, c;
    if (p->spec.layout == DIM__LAYOUT_PLAIN) {
        memcpy(out, p->data, (size_t)p->count * sizeof *out);
        return;
    }
    positions(p, &o, &pos, &c);
    transpose(p->data, out, o, pos, c);
}

void dim__param_import(dim__param *p, const float *in)
{
    int64_t o, pos, c;
    if (p->spec.layout == DIM__LAYOUT_PLAIN) {
        memcpy(p->data, in, (size_t)p->count * sizeof *in);
        return;
    }
    positions(p, &o, &pos, &c);
    transpose(in, p->data, o, c, pos);
}
