/* From a tensor's columns to codes and kinds. */
#include "information/information.h"

#include "base/math.h"
#include "information/sort.h"

#include <stdio.h>

int64_t dim__mi_columns_of(const dim_tensor *t) { return t->rank == 1 ? 1 : t->shape[1]; }

double dim__mi_element(const dim_tensor *t, int64_t row, int64_t column, uint64_t *key)
{
    const char *p = t->data + (row * t->stride[0] + (t->rank > 1 ? column * t->stride[1] : 0)) * (int64_t)dim__dtype_size(t->dtype);
    double x;
    int64_t whole;
    float f32;
    int32_t i32;
    switch (t->dtype) {
    case DIM_F64:
        memcpy(&x, p, sizeof x);
        *key = dim__key_of_double(x);
        return x;
    case DIM_F32:
        memcpy(&f32, p, sizeof f32);
        *key = dim__key_of_double((double)f32);
        return (double)f32;
    case DIM_I64: memcpy(&whole, p, sizeof whole); break;
    case DIM_I32:
        memcpy(&i32, p, sizeof i32);
        whole = i32;
        break;
    default: whole = *(const unsigned char *)p; break;
    }
    *key = dim__key_of_int(whole);
    return (double)whole;
}

void dim__mi_values(const dim_tensor *t, int64_t column, const int32_t *row, int64_t offset, int64_t n, double *out)
{
    int64_t size = (int64_t)dim__dtype_size(t->dtype), stride = t->stride[0] * size;
    const char *p = t->data + offset * stride + (t->rank > 1 ? column * t->stride[1] * size : 0);
    uint64_t ignored;
    float f32;
    for (int64_t i = 0; i < n; i++) {
        int64_t at = row != NULL ? row[i] : i;
        if (t->dtype == DIM_F64) {
            memcpy(&out[i], p + at * stride, sizeof *out);
        } else if (t->dtype == DIM_F32) {
            memcpy(&f32, p + at * stride, sizeof f32);
            out[i] = (double)f32;
        } else {
            out[i] = dim__mi_element(t, at + offset, column, &ignored);
        }
    }
}

const char *dim__mi_column_text(char buffer[96], const dim__mi_side *side, const dim__mi_column *c)
{
    if (c->name[0] != '\0')
        snprintf(buffer, 96, "column %lld '%s' of %c", (long long)c->number, c->name, side->letter);
    else
        snprintf(buffer, 96, "column %lld of %c", (long long)c->number, side->letter);
    return buffer;
}

dim_information_kind dim__mi_find_kind(const dim__mi_column *c, int64_t n, int32_t *count)
{
    if (c->distinct == 1)
        return DIM_INFORMATION_KIND_CONSTANT;
    if (c->distinct <= dim__max64(2, dim__min64(256, n / 20)))
        return DIM_INFORMATION_KIND_DISCRETE;
    int64_t shared = 0;
    memset(count, 0, (size_t)c->distinct * sizeof *count);
    for (int64_t i = 0; i < n; i++)
        count[c->code[i]]++;
    for (int64_t k = 0; k < c->distinct; k++)
        shared += count[k] > 1 ? count[k] : 0;
    return shared * 100 > n ? DIM_INFORMATION_KIND_TIED : DIM_INFORMATION_KIND_CONTINUOUS;
}

typedef struct scratch {
    uint64_t *key;
    int32_t *order, *spare;
} scratch;

/* Values of all columns, of which s has none yet. */
static dim_status read_values(const dim__mi *m, const dim__mi_source *source, const dim__mi_side *s)
{
    for (int64_t j = 0; j < s->given; j++) {
        s->columns[j].value = dim__alloc(m->ctx, (size_t)m->n * sizeof(double));
        if (s->columns[j].value == NULL)
            return DIM_E_NOMEM;
    }
    for (int64_t i = 0; i < m->n; i += DIM__MI_READ)
        for (int64_t j = 0; j < s->given; j++)
            dim__mi_values(source->t, j, m->rows + i, source->offset, dim__min64(DIM__MI_READ, m->n - i), s->columns[j].value + i);
    return DIM_OK;
}

/* Whole numbers of 64 bits have keys that their doubles have not. */
static dim_status read_column(dim__mi *m, const dim__mi_source *s, dim__mi_column *c, const scratch *room)
{
    bool floats = s->t->dtype == DIM_F64 || s->t->dtype == DIM_F32;
    c->code = dim__calloc(m->ctx, (size_t)m->n, sizeof *c->code);
    if (c->code == NULL)
        return DIM_E_NOMEM;
    c->whole = true;
    for (int64_t i = 0; i < m->n; i++) {
        if (floats)
            room->key[i] = dim__key_of_double(c->value[i]);
        else
            (void)dim__mi_element(s->t, m->rows[i] + s->offset, c->number, &room->key[i]);
        c->whole = c->whole && c->value[i] == rint(c->value[i]);
    }
    dim__sort_keys(room->key, m->n, room->order, room->spare);
    c->distinct = dim__code_keys(room->key, m->n, room->order, c->code);
    dim_information_kind kind = s->kinds != NULL ? (dim_information_kind)s->kinds[c->number] : DIM_INFORMATION_KIND_AUTO;
    c->kind = dim__mi_find_kind(c, m->n, room->order);
    c->found = kind == DIM_INFORMATION_KIND_AUTO;
    if (!c->found && c->kind != DIM_INFORMATION_KIND_CONSTANT)
        c->kind = kind;
    if (s->names != NULL && s->names[c->number] != NULL)
        snprintf(c->name, sizeof c->name, "%s", s->names[c->number]);
    return DIM_OK;
}

void dim__mi_list_column(char list[DIM__MI_LEFT_OUT], const dim__mi_side *s, const dim__mi_column *c, const char *why)
{
    char text[96];
    size_t used = strlen(list);
    int n = snprintf(list + used, DIM__MI_LEFT_OUT - used, "%s%s %s", used > 0 ? ", " : "", dim__mi_column_text(text, s, c), why);
    if (used + (size_t)n >= DIM__MI_LEFT_OUT)
        memcpy(list + DIM__MI_LEFT_OUT - 4, "...", 4);
}

static void drop_column(dim__mi *m, const dim__mi_side *s, dim__mi_column *c, const char *why)
{
    dim__mi_list_column(m->left_out, s, c, why);
    dim__free(m->ctx, c->value);
    dim__free(m->ctx, c->code);
    *c = (dim__mi_column){ .number = c->number };
    m->warnings |= DIM_INFORMATION_CONSTANT_COLUMNS;
}

/* Columns with the same order of rows tell the same: one is an increasing function of the other. */
static bool repeats(const dim__mi_side *s, const dim__mi_column *c, int64_t n)
{
    for (int64_t k = 0; k < s->d; k++)
        if (s->columns[k].distinct == c->distinct && s->columns[k].kind == c->kind &&
            memcmp(s->columns[k].code, c->code, (size_t)n * sizeof *c->code) == 0)
            return true;
    return false;
}

void dim__mi_sum_up(dim__mi_side *s)
{
    s->discrete = s->symbols = true;
    for (int64_t j = 0; j < s->d; j++) {
        dim_information_kind kind = s->columns[j].kind;
        s->symbols = s->symbols && kind == DIM_INFORMATION_KIND_UNORDERED;
        s->discrete = s->discrete && (kind == DIM_INFORMATION_KIND_UNORDERED || kind == DIM_INFORMATION_KIND_DISCRETE);
    }
}

dim_status dim__mi_read_side(dim__mi *m, int side, const dim__mi_source *source)
{
    dim__mi_side *s = &m->side[side];
    scratch room = { dim__calloc(m->ctx, (size_t)m->n, sizeof *room.key), dim__calloc(m->ctx, (size_t)m->n, sizeof *room.order),
                     dim__calloc(m->ctx, (size_t)m->n, sizeof *room.spare) };
    s->given = dim__mi_columns_of(source->t);
    s->columns = dim__calloc(m->ctx, (size_t)s->given, sizeof *s->columns);
    s->kinds = s->columns != NULL ? dim__calloc(m->ctx, (size_t)s->given, sizeof *s->kinds) : NULL;
    bool enough = room.key != NULL && room.order != NULL && room.spare != NULL && s->columns != NULL && s->kinds != NULL;
    dim_status status = enough ? read_values(m, source, s) : DIM_E_NOMEM;
    for (int64_t j = 0; j < s->given && status == DIM_OK; j++) {
        dim__mi_column *c = &s->columns[s->d]; /* those left out leave no gap */
        double *value = s->columns[j].value;
        s->columns[j].value = NULL;
        *c = (dim__mi_column){ .number = j, .value = value };
        status = read_column(m, source, c, &room);
        bool constant = c->kind == DIM_INFORMATION_KIND_CONSTANT;
        if (status != DIM_OK || constant || repeats(s, c, m->n)) {
            s->kinds[j] = constant ? DIM_INFORMATION_KIND_CONSTANT : DIM_INFORMATION_KIND_AUTO;
            drop_column(m, s, c, constant ? "is constant" : "repeats another");
            continue;
        }
        s->d++;
    }
    for (int64_t j = s->d; j < s->given && s->columns != NULL; j++) /* after a failure */
        dim__free(m->ctx, s->columns[j].value);
    dim__mi_sum_up(s);
    dim__free(m->ctx, room.key);
    dim__free(m->ctx, room.order);
    dim__free(m->ctx, room.spare);
    return status;
}

static dim_status subset_column(const dim__mi *m, const dim__mi *out, const int32_t *rows, const dim__mi_column *from, dim__mi_column *c)
{
    int32_t *number = dim__calloc(m->ctx, (size_t)from->distinct, sizeof *number);
    *c = *from;
    c->ready = NULL;
    c->value = dim__calloc(m->ctx, (size_t)out->n, sizeof *c->value);
    c->code = dim__calloc(m->ctx, (size_t)out->n, sizeof *c->code);
    c->distinct = 0;
    bool room = number != NULL && c->value != NULL && c->code != NULL;
    for (int64_t i = 0; i < out->n && room; i++)
        number[from->code[rows[i]]] = 1;
    for (int64_t k = 0; k < from->distinct && room; k++) {
        int32_t there = number[k];
        number[k] = (int32_t)c->distinct;
        c->distinct += there;
    }
    for (int64_t i = 0; i < out->n && room; i++) {
        c->value[i] = from->value[rows[i]];
        c->code[i] = number[from->code[rows[i]]];
    }
    dim__free(m->ctx, number);
    return room ? DIM_OK : DIM_E_NOMEM;
}

dim_status dim__mi_subset(const dim__mi *m, const int32_t *rows, int64_t n, dim__mi *out)
{
    *out = *m;
    out->n = n;
    out->rows = NULL;
    out->weights = NULL;
    out->groups = NULL;
    for (int k = 0; k < DIM__MI_SIDES; k++) {
        out->side[k].d = 0;
        out->side[k].columns = NULL;
        out->side[k].kinds = NULL;
    }
    for (int k = 0; k < DIM__MI_SIDES; k++) {
        out->side[k].columns = dim__calloc(m->ctx, (size_t)m->side[k].d, sizeof(dim__mi_column));
        if (out->side[k].columns == NULL)
            return DIM_E_NOMEM;
        for (int64_t j = 0; j < m->side[k].d; j++) {
            out->side[k].d = j + 1;
            DIM__TRY(subset_column(m, out, rows, &m->side[k].columns[j], &out->side[k].columns[j]));
        }
    }
    if (m->groups != NULL) {
        out->groups = dim__calloc(m->ctx, (size_t)n, sizeof *out->groups);
        out->n_groups = 0;
        if (out->groups == NULL)
            return DIM_E_NOMEM;
        for (int64_t i = 0; i < n; i++) { /* without those that have no rows here */
            out->n_groups += i == 0 || m->groups[rows[i]] != m->groups[rows[i - 1]];
            out->groups[i] = (int32_t)(out->n_groups - 1);
        }
    }
    if (m->weights != NULL) {
        double sum = 0;
        out->weights = dim__calloc(m->ctx, (size_t)n, sizeof *out->weights);
        if (out->weights == NULL)
            return DIM_E_NOMEM;
        for (int64_t i = 0; i < n; i++)
            sum += m->weights[rows[i]];
        for (int64_t i = 0; i < n; i++)
            out->weights[i] = sum > 0 ? m->weights[rows[i]] * (double)n / sum : 1;
    }
    return DIM_OK;
}

void dim__mi_free(dim__mi *m)
{
    for (int k = 0; k < DIM__MI_SIDES; k++) {
        for (int64_t j = 0; j < m->side[k].d; j++) {
            dim__free(m->ctx, m->side[k].columns[j].value);
            dim__free(m->ctx, m->side[k].columns[j].code);
        }
        dim__free(m->ctx, m->side[k].columns);
        dim__free(m->ctx, m->side[k].kinds);
    }
    dim__free(m->ctx, m->rows);
    dim__free(m->ctx, m->weights);
    dim__free(m->ctx, m->groups);
}
