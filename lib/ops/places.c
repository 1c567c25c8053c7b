/* Where locations are, as labels; and how often a class was the label.
 *
 * place: attr.place; without an input the label of row r, a location of a map of height x width, is its row (axis 0) or its
 * column (axis 1); with an input i32 (rows), locations by their rows among all, how far r is from it, from -(size - 1) on
 * counted from 0. */
#include "ops/ops.h"
#include "ops/run.h"

static int64_t along(int64_t r, const dim__attr_place *a)
{
    int64_t at = r % (a->height * a->width);
    return a->axis == 0 ? at / a->width : at % a->width;
}

static dim_status place_infer(dim__infer *inf)
{
    const dim__attr_place *a = &inf->attr->place;
    DIM__TRY(dim__infer_types(inf, 1));
    if (a->rows < 1 || a->height < 1 || a->width < 1 || a->rows % (a->height * a->width) != 0 || a->axis < 0 || a->axis > 1)
        return dim__fail(inf->ctx, DIM_E_SHAPE, "%s: %lld rows of a map of %lld x %lld", inf->op, (long long)a->rows,
                         (long long)a->height, (long long)a->width);
    if (inf->n_in == 1 && (inf->in[0].rank != 1 || inf->in[0].d[0] != a->rows))
        return dim__infer_fail(inf, 0, "one location a row");
    inf->out[0] = dim__shape1(a->rows);
    inf->out_type[0] = DIM_I32;
    return DIM_OK;
}

static void place_run(const dim__exec *e)
{
    const dim__attr_place *a = &e->attr->place;
    const int32_t *from = e->n_in == 1 ? e->in[0] : NULL;
    int32_t *label = e->out[0];
    int64_t size = a->axis == 0 ? a->height : a->width;
    for (int64_t r = 0; r < a->rows; r++)
        label[r] = (int32_t)(from == NULL ? along(r, a) : along(r, a) - along(from[r], a) + size - 1);
}

const dim__op dim__op_place = {
    .name = "place", .min_in = 0, .max_in = 1, .n_out = 1, .attr_size = DIM__ATTR_SIZE(place),
    .infer = place_infer, .run = place_run,
};

dim__vid dim__emit_place(dim__graph *g, dim__vid from, int64_t rows, int64_t height, int64_t width, int axis)
{
    dim__attr attr = { .place = { .rows = rows, .height = height, .width = width, .axis = axis } };
    return dim__emit(g, &dim__op_place, from != DIM__NONE, &from, &attr);
}

/* ---- accuracy: the share of rows whose largest element, the first of equals, is the label's --------------------------- */

static dim_status accuracy_infer(dim__infer *inf)
{
    DIM__TRY(dim__infer_types(inf, 2));
    if (inf->in[0].rank != 2 || inf->in[0].d[0] < 1 || inf->in[0].d[1] < 1)
        return dim__infer_fail(inf, 0, "(N, C), not empty");
    if (inf->in[1].rank != 1 || inf->in[1].d[0] != inf->in[0].d[0])
        return dim__infer_fail(inf, 1, "one label a row of input 0");
    inf->out[0] = dim__scalar();
    return DIM_OK;
}

static void accuracy_run(const dim__exec *e)
{
    int64_t n = e->in_shape[0]->d[0], c = e->in_shape[0]->d[1], right = 0;
    const float *x = e->in[0];
    const int32_t *label = e->in[1];
    for (int64_t r = 0; r < n; r++, x += c) {
        int64_t best = 0;
        for (int64_t k = 1; k < c; k++)
            best = x[k] > x[best] ? k : best;
        right += best == label[r];
    }
    *(float *)e->out[0] = (float)((double)right / (double)n);
}

const dim__op dim__op_accuracy = {
    .name = "accuracy", .min_in = 2, .max_in = 2, .n_out = 1, .infer = accuracy_infer, .run = accuracy_run,
};

dim__vid dim__emit_accuracy(dim__graph *g, dim__vid x, dim__vid labels)
{
    return dim__emit2(g, &dim__op_accuracy, x, labels, NULL);
}
