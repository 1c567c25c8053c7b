/* The halves of two_views.c, and what was learnt of them: the bound on test images, and which halves find each other. */
#include "canvas.h"
#include "two_views.h"

#include <math.h>
#include <stdlib.h>

const char *const two_views_sides[SIDES] = { "left", "right" };

int64_t two_views_half(const ex_run *run) { return run->shape[2] / 2; }

static dim_tensor *side_of(ex_run *run, dim_tensor *images, int side)
{
    dim_tensor *view = NULL;
    EX_TRY(run, dim_tensor_slice(images, 3, side == LEFT ? 0 : run->shape[2] - two_views_half(run), two_views_half(run), 1, &view));
    return view;
}

void two_views_give(ex_run *run, ex_task *task, dim_tensor *images)
{
    for (int side = 0; side < SIDES; side++) {
        dim_tensor *view = side_of(run, images, side);
        EX_TRY(run, dim_objective_set(task->objective, two_views_sides[side], view));
        dim_tensor_destroy(view);
    }
}

/* The mean of the bound, or of the loss, over batches of test images: of as many as in training, since InfoNCE depends on that. */
static double information(ex_run *run, ex_task *task, dim_tensor *images)
{
    const two_views *own = task->own;
    int64_t n = dim_tensor_size(images, 0), count = n < run->o.batch ? n : run->o.batch, batches = n / count;
    double sum = 0, value = 0;
    for (int64_t i = 0; i < batches; i++) {
        dim_tensor *some = NULL;
        EX_TRY(run, dim_tensor_slice(images, 0, i * count, count, 1, &some));
        two_views_give(run, task, some);
        EX_TRY(run, dim_objective_evaluate(task->objective));
        EX_TRY(run, dim_objective_report(task->objective, own->value, &value));
        sum += value;
        dim_tensor_destroy(some);
    }
    return sum / (double)batches;
}

static dim_tensor *encode(ex_run *run, const two_views *own, int side, const char *tap)
{
    dim_tensor *code = NULL, *view = side_of(run, own->images, side);
    int64_t shape[3];
    EX_TRY(run, dim_encoder_tap_shape(own->network[side], tap, shape));
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 2, (int64_t[]){ dim_tensor_size(view, 0), shape[0] }, &code));
    EX_TRY(run, dim_encoder_encode(own->network[side], view, tap, code));
    dim_tensor_destroy(view);
    return code;
}

static float dot(const float *x, const float *y, int64_t d)
{
    float sum = 0;
    for (int64_t k = 0; k < d; k++)
        sum += x[k] * y[k];
    return sum;
}

/* Each row less the mean of all, and of length 1. */
static void normalise(dim_tensor *rows)
{
    float *x = dim_tensor_data(rows);
    int64_t n = dim_tensor_size(rows, 0), d = dim_tensor_size(rows, 1);
    for (int64_t k = 0; k < d; k++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++)
            sum += (double)x[i * d + k];
        for (int64_t i = 0; i < n; i++)
            x[i * d + k] -= (float)(sum / (double)n);
    }
    for (int64_t i = 0; i < n; i++) {
        float length = sqrtf(dot(x + i * d, x + i * d, d));
        for (int64_t k = 0; k < d && length > 0; k++)
            x[i * d + k] /= length;
    }
}

/* scores[i][j] = cosine of the projections of left i and right j */
static void score_alike(ex_run *run, const two_views *own)
{
    dim_tensor *left = encode(run, own, LEFT, "projected"), *right = encode(run, own, RIGHT, "projected");
    int64_t n = dim_tensor_size(left, 0), d = dim_tensor_size(left, 1);
    normalise(left);
    normalise(right);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            own->scores[i * n + j] = dot((const float *)dim_tensor_const_data(left) + i * d,
                                         (const float *)dim_tensor_const_data(right) + j * d, d);
    dim_tensor_destroy(right);
    dim_tensor_destroy(left);
}

/* scores[i][j] = g(right j)' W f(left i) */
static void score_information(ex_run *run, const ex_task *task, const two_views *own)
{
    dim_tensor *left = encode(run, own, LEFT, NULL), *right = encode(run, own, RIGHT, NULL), *critic = NULL;
    EX_TRY(run, dim_objective_get_parameter(task->objective, "mi.weight", &critic));
    const float *f = dim_tensor_const_data(left), *g = dim_tensor_const_data(right), *w = dim_tensor_const_data(critic);
    int64_t n = dim_tensor_size(left, 0), d = run->o.units;
    float *asked = malloc((size_t)d * sizeof *asked); /* W f */
    if (asked == NULL)
        ex_usage_error(run->program, "out of memory");
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < d; k++)
            asked[k] = dot(w + k * d, f + i * d, d);
        for (int64_t j = 0; j < n; j++)
            own->scores[i * n + j] = dot(g + j * d, asked, d);
    }
    free(asked);
    dim_tensor_destroy(critic);
    dim_tensor_destroy(right);
    dim_tensor_destroy(left);
}

static void score(ex_run *run, const ex_task *task, const two_views *own)
{
    if (run->o.loss == EX_LOSS_INFORMATION)
        score_information(run, task, own);
    else
        score_alike(run, own);
}

/* The right halves that fit a left half best, best first. */
static void find_best(const float *scores, int64_t n, int64_t *best, int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        best[k] = -1;
        for (int64_t j = 0; j < n; j++) {
            bool taken = false;
            for (int64_t l = 0; l < k; l++)
                taken |= best[l] == j;
            if (!taken && (best[k] < 0 || scores[j] > scores[best[k]]))
                best[k] = j;
        }
    }
}

bool two_views_measure(ex_run *run, ex_task *task, double values[EX_MAX_MEASURES])
{
    const two_views *own = task->own;
    int64_t n = dim_tensor_size(own->images, 0), found[2] = { 0, 0 };
    ex_report_note(run, "measuring on test images");
    values[0] = information(run, task, own->images);
    score(run, task, own);
    for (int64_t i = 0; i < n; i++) {
        int64_t better = 0;
        for (int64_t j = 0; j < n; j++)
            better += j != i && own->scores[i * n + j] >= own->scores[i * n + i];
        found[0] += better < 1;
        found[1] += better < 5;
    }
    values[1] = (double)found[0] / (double)n;
    values[2] = (double)found[1] / (double)n;
    return !ex_stopped(run);
}

/* ---- the picture */

enum { ROWS = 10, NEAREST = 9, MARGIN = 4, GAP = 14 };

static void draw_half(ex_run *run, ex_canvas *c, int64_t x, int64_t y, const two_views *own, int side, int64_t index,
                      int64_t scale)
{
    dim_tensor *view = side_of(run, own->images, side), *one = NULL, *bytes = NULL;
    const int64_t shape[4] = { 1, run->shape[0], run->shape[1], two_views_half(run) };
    EX_TRY(run, dim_tensor_slice(view, 0, index, 1, 1, &one));
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_U8, 4, shape, &bytes));
    EX_TRY(run, dim_tensor_copy(bytes, one));
    ex_canvas_image(c, x, y, dim_tensor_const_data(bytes), shape + 1, scale);
    dim_tensor_destroy(bytes);
    dim_tensor_destroy(one);
    dim_tensor_destroy(view);
}

bool two_views_draw(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    const ex_task *task = run->task;
    const two_views *own = task->own;
    ex_canvas c;
    char title[256], own_half[64];
    int64_t n = dim_tensor_size(own->images, 0), scale = run->shape[1] >= 64 ? 1 : 3, right = 0, best[NEAREST];
    int64_t w = two_views_half(run) * scale, h = run->shape[1] * scale, step = w + 2 * EX_BORDER + MARGIN;
    int64_t inside = step + GAP + NEAREST * step - MARGIN, width = inside > 640 ? inside : 640;
    (void)encoder;
    if (n < ROWS || (run->shape[0] != 1 && run->shape[0] != 3)) {
        *why = "it needs at least 10 test images, gray or RGB";
        return false;
    }
    snprintf(title, sizeof title, "Left: the left half of a test image. Right of it: the %d of %lld right halves that fit it "
             "best, best first.", NEAREST, (long long)n);
    int64_t top = GAP + ex_canvas_caption(NULL, 0, 0, width, title) + GAP / 2, row = h + 2 * EX_BORDER + MARGIN;
    if (!ex_canvas_open(&c, width + 2 * GAP, top + ROWS * row - MARGIN + EX_KEY + 2 * GAP, why))
        return false;
    ex_canvas_caption(&c, GAP, GAP, width, title);
    score(run, task, own);
    for (int64_t i = 0; i < ROWS; i++) {
        int64_t query = i * n / ROWS, x = GAP, y = top + i * row;
        find_best(own->scores + query * n, n, best, NEAREST);
        ex_canvas_frame(&c, x, y, w, h);
        draw_half(run, &c, x, y, own, LEFT, query, scale);
        x += step + GAP;
        for (int64_t k = 0; k < NEAREST; k++, x += step) {
            bool same = best[k] == query;
            right += same;
            ex_canvas_border(&c, x, y, w, h, same ? ex_blue : ex_orange, !same);
            draw_half(run, &c, x, y, own, RIGHT, best[k], scale);
        }
    }
    snprintf(own_half, sizeof own_half, "its own right half (%d of %d)", (int)right, ROWS);
    int64_t x = ex_canvas_key(&c, GAP, c.height - GAP - EX_KEY, ex_blue, false, own_half);
    ex_canvas_key(&c, x, c.height - GAP - EX_KEY, ex_orange, true, "another image's");
    return ex_canvas_close(&c, path, why);
}
