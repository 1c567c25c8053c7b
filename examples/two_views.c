/* Information between two views of one scene, here the left and the right half of an image: two encoders f and g learn,
 * without labels, to say what the halves have in common, so that one can tell which halves belong together.
 *
 *     maximise  I(f(left) ; g(right))
 *
 * I is a lower bound of mutual information, InfoNCE by default, with the critic g' W f.  One player trains f, g and W.  What
 * they have learnt shows on test images: the bound in nats, and how often a left half finds its own right half. */
#include "canvas.h"
#include "objective.h"

#include <stdlib.h>

static const ex_program program = {
    .name = "two_views",
    .summary = "Trains two encoders to find what the left and the right half of an image have in common, and lets left halves "
               "find their right halves among those of 1000 test images.",
    .units_help = "width of the codes of both halves",
    .example = "--data cifar10:cifar-10-batches-bin --epochs 5 --out out",
    .objective = true,
    .defaults = {
        .epochs = 3,
        .batch = 128,
        .lr = 1e-3f,
        .units = 64,
        .estimator = DIM_ESTIMATOR_INFONCE,
    },
};

enum { LEFT, RIGHT, SIDES, MOST = 1000 };
static const char *const sides[SIDES] = { "left", "right" }; /* inputs */
static const char *const codes[SIDES] = { "f", "g" };        /* applied networks */

typedef struct two_views {
    dim_network *network[SIDES];
    dim_tensor *images;           /* of the test set */
    float *scores;                /* of left half i and right half j */
} two_views;

static int64_t half(const ex_run *run) { return run->shape[2] / 2; }

static dim_tensor *side_of(ex_run *run, dim_tensor *images, int side)
{
    dim_tensor *view = NULL;
    EX_TRY(run, dim_tensor_slice(images, 3, side == LEFT ? 0 : run->shape[2] - half(run), half(run), 1, &view));
    return view;
}

/* ---- the objective */

static dim_network *build_network(ex_run *run)
{
    dim_network *network = NULL;
    dim_encoder_builder *b = NULL;
    EX_TRY(run, dim_encoder_builder_create(run->ctx, (uint32_t)run->shape[0], (uint32_t)run->shape[1], (uint32_t)half(run), &b));
    for (uint32_t width = 32; width <= 128; width *= 2) {
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = width, .kernel = 3, .stride = 2, .padding = 1 });
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM });
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_RELU });
    }
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 256 });
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_RELU });
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = run->o.units, .tap = "global" });
    EX_TRY(run, dim_encoder_builder_finish(b, NULL, &network));
    dim_encoder_builder_destroy(b);
    return network;
}

static void add_side(ex_run *run, dim_objective *objective, two_views *own, int side)
{
    dim_input_options input;
    DIM_OPTIONS_INIT(&input);
    input.name = sides[side];
    input.shape[0] = run->shape[0];
    input.shape[1] = run->shape[1];
    input.shape[2] = half(run);
    EX_TRY(run, dim_objective_add_input(objective, &input));
    own->network[side] = build_network(run);
    EX_TRY(run, dim_objective_apply(objective, own->network[side], sides[side], codes[side]));
}

/* I(f ; g).  Each b is to tell its own a from the other ones: a left half chooses among right halves. */
static void add_information(ex_run *run, dim_objective *objective)
{
    dim_estimator *estimator = NULL;
    dim_estimator_options how;
    dim_term_options term;
    dim_loss_options loss;
    DIM_OPTIONS_INIT(&how);
    DIM_OPTIONS_INIT(&term);
    DIM_OPTIONS_INIT(&loss);
    how.kind = (dim_estimator_kind)run->o.estimator;
    EX_TRY(run, dim_estimator_create(run->ctx, &how, &estimator));
    term.estimator = estimator;
    term.critic = DIM_CRITIC_BILINEAR;
    loss.name = "mi";
    loss.kind = DIM_LOSS_INFORMATION;
    loss.a = codes[RIGHT];
    loss.b = codes[LEFT];
    loss.term = &term;
    EX_TRY(run, dim_objective_add_loss(objective, &loss));
    dim_estimator_destroy(estimator);
}

static dim_objective *build_objective(ex_run *run, two_views *own)
{
    dim_objective *objective = NULL;
    dim_player_options player;
    dim_optimizer_options adam;
    EX_TRY(run, dim_objective_create(run->ctx, NULL, &objective));
    add_side(run, objective, own, LEFT);
    add_side(run, objective, own, RIGHT);
    add_information(run, objective);
    DIM_OPTIONS_INIT(&adam);
    DIM_OPTIONS_INIT(&player);
    adam.lr = run->o.lr;
    player.name = "all";
    player.optimizer = &adam;
    EX_TRY(run, dim_objective_add_player(objective, &player));
    EX_TRY(run, dim_objective_give(objective, "all", codes[LEFT]));
    EX_TRY(run, dim_objective_give(objective, "all", codes[RIGHT]));
    EX_TRY(run, dim_objective_give(objective, "all", "mi")); /* W */
    EX_TRY(run, dim_objective_minimise(objective, "all", "mi", 1));
    return objective;
}

static void give(ex_run *run, ex_task *task, dim_tensor *images)
{
    for (int side = 0; side < SIDES; side++) {
        dim_tensor *view = side_of(run, images, side);
        EX_TRY(run, dim_objective_set(task->objective, sides[side], view));
        dim_tensor_destroy(view);
    }
}

/* ---- what it has learnt */

/* The mean of the bound over batches of test images: of as many as in training, since InfoNCE depends on that. */
static double information(ex_run *run, ex_task *task, dim_tensor *images)
{
    int64_t n = dim_tensor_size(images, 0), count = n < run->o.batch ? n : run->o.batch, batches = n / count;
    double sum = 0, value = 0;
    for (int64_t i = 0; i < batches; i++) {
        dim_tensor *some = NULL;
        EX_TRY(run, dim_tensor_slice(images, 0, i * count, count, 1, &some));
        give(run, task, some);
        EX_TRY(run, dim_objective_evaluate(task->objective));
        EX_TRY(run, dim_objective_report(task->objective, "mi.value", &value));
        sum += value;
        dim_tensor_destroy(some);
    }
    return sum / (double)batches;
}

static dim_tensor *encode(ex_run *run, const two_views *own, int side)
{
    dim_tensor *code = NULL, *view = side_of(run, own->images, side);
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 2, (int64_t[]){ dim_tensor_size(view, 0), run->o.units }, &code));
    EX_TRY(run, dim_encoder_encode(own->network[side], view, NULL, code));
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

/* scores[i][j] = g(right j)' W f(left i) */
static void score(ex_run *run, const ex_task *task, const two_views *own)
{
    dim_tensor *left = encode(run, own, LEFT), *right = encode(run, own, RIGHT), *critic = NULL;
    EX_TRY(run, dim_objective_get_parameter(task->objective, "mi.weight", &critic));
    const float *f = dim_tensor_const_data(left), *g = dim_tensor_const_data(right), *w = dim_tensor_const_data(critic);
    int64_t n = dim_tensor_size(left, 0), d = run->o.units;
    float *asked = malloc((size_t)d * sizeof *asked); /* W f */
    if (asked == NULL)
        ex_usage_error(&program, "out of memory");
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

static bool measure(ex_run *run, ex_task *task, double values[EX_MAX_MEASURES])
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
    const int64_t shape[4] = { 1, run->shape[0], run->shape[1], half(run) };
    EX_TRY(run, dim_tensor_slice(view, 0, index, 1, 1, &one));
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_U8, 4, shape, &bytes));
    EX_TRY(run, dim_tensor_copy(bytes, one));
    ex_canvas_image(c, x, y, dim_tensor_const_data(bytes), shape + 1, scale);
    dim_tensor_destroy(bytes);
    dim_tensor_destroy(one);
    dim_tensor_destroy(view);
}

static bool draw(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    const ex_task *task = run->task;
    const two_views *own = task->own;
    ex_canvas c;
    char title[256], own_half[64];
    int64_t n = dim_tensor_size(own->images, 0), scale = run->shape[1] >= 64 ? 1 : 3, right = 0, best[NEAREST];
    int64_t w = half(run) * scale, h = run->shape[1] * scale, step = w + 2 * EX_BORDER + MARGIN;
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

int main(int argc, char **argv)
{
    ex_run run;
    two_views own = { .images = NULL };
    ex_start(&run, &program, argc, argv); /* options, context, data */
    if (half(&run) == 0 || dim_dataset_count(run.test) < 2)
        ex_usage_error(&program, "--data: %s: there must be two test images, two pixels wide, at least", run.o.data);

    ex_samples tested = ex_samples_of(run.test, INT64_MAX);
    tested.count = tested.count < MOST ? tested.count : MOST; /* at even distances */
    const int64_t shape[4] = { tested.count, run.shape[0], run.shape[1], run.shape[2] };
    EX_TRY(&run, dim_tensor_create(run.ctx, dim_dataset_dtype(run.test), 4, shape, &own.images));
    ex_samples_read(&run, &tested, 0, tested.count, own.images, NULL);
    own.scores = malloc((size_t)(tested.count * tested.count) * sizeof *own.scores);
    if (own.scores == NULL)
        ex_usage_error(&program, "out of memory");

    ex_task task = {
        .objective = build_objective(&run, &own),
        .loss = "mi",
        .measures = { { "test.mi", "nats" }, { "test.top1", "%" }, { "test.top5", "%" } },
        .give = give, .measure = measure, .drawing = draw, .drawing_name = "retrieval.png", .own = &own,
    };
    int code = ex_train_objective(&run, &task);

    dim_objective_destroy(task.objective);
    for (int side = 0; side < SIDES; side++)
        dim_encoder_destroy(own.network[side]);
    dim_tensor_destroy(own.images);
    free(own.scores);
    ex_finish(&run);
    return code;
}
