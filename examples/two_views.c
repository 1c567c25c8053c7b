/* Information between two views of one scene, here the left and the right half of an image: two encoders f and g learn,
 * without labels, to say what the halves have in common, so that one can tell which halves belong together.
 *
 *     maximise  I(f(left) ; g(right))
 *
 * I is a lower bound of mutual information, InfoNCE by default, with the critic g' W f.  One player trains f, g and W.  What
 * they have learnt shows on test images: the bound in nats, and how often a left half finds its own right half.
 *
 * With --loss vicreg or barlow-twins there are no negatives, and batches may be small: what a projector makes of both codes
 * becomes alike, while its units stay apart.  Then halves are scored by the cosine of the projections. */
#include "two_views.h"

#include <stdlib.h>

static void check(ex_options *o);

static const ex_program program = {
    .name = "two_views",
    .summary = "Trains two encoders to find what the left and the right half of an image have in common, and lets left halves "
               "find their right halves among those of 1000 test images.",
    .units_help = "width of the codes of both halves",
    .example = "--data cifar10:cifar-10-batches-bin --epochs 5 --out out",
    .objective = true,
    .two_views = true,
    .check = check,
    .defaults = {
        .epochs = 3,
        .invariance = 25,
        .variance = 25,
        .covariance = 1,
        .redundancy = 5e-3f,
        .batch = 128,
        .lr = 1e-3f,
        .units = 64,
        .estimator = DIM_ESTIMATOR_INFONCE,
    },
};

enum { MOST = 1000, PROJECTED = 256 }; /* test images; width of the projectors */
static const char *const codes[SIDES] = { "f", "g" }; /* applied networks */

static dim_network *build_network(ex_run *run)
{
    dim_network *network = NULL;
    dim_encoder_builder *b = NULL;
    EX_TRY(run, dim_encoder_builder_create(run->ctx, (uint32_t)run->shape[0], (uint32_t)run->shape[1],
                                           (uint32_t)two_views_half(run), &b));
    for (uint32_t width = 32; width <= 128; width *= 2) {
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_CONV, .out = width, .kernel = 3, .stride = 2, .padding = 1 });
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM });
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_RELU });
    }
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = 256 });
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_RELU });
    ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = run->o.units, .tap = "global" });
    if (run->o.loss != EX_LOSS_INFORMATION) {
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = PROJECTED, .no_bias = 1 });
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_BATCH_NORM });
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_RELU });
        ex_add_layer(run, b, (dim_layer_options){ .kind = DIM_LAYER_LINEAR, .out = PROJECTED, .tap = "projected" });
    }
    EX_TRY(run, dim_encoder_builder_finish(b, NULL, &network));
    dim_encoder_builder_destroy(b);
    return network;
}

static void add_side(ex_run *run, dim_objective *objective, two_views *own, int side)
{
    dim_input_options input;
    DIM_OPTIONS_INIT(&input);
    input.name = two_views_sides[side];
    input.shape[0] = run->shape[0];
    input.shape[1] = run->shape[1];
    input.shape[2] = two_views_half(run);
    EX_TRY(run, dim_objective_add_input(objective, &input));
    own->network[side] = build_network(run);
    EX_TRY(run, dim_objective_apply(objective, own->network[side], two_views_sides[side], codes[side]));
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

/* Of what the projectors make of f and g. */
static void add_alike(ex_run *run, dim_objective *objective)
{
    const ex_options *o = &run->o;
    dim_loss_options loss;
    DIM_OPTIONS_INIT(&loss);
    loss.name = "views";
    loss.a = "f.projected";
    loss.b = "g.projected";
    if (o->loss == EX_LOSS_VICREG) {
        loss.kind = DIM_LOSS_VICREG;
        loss.invariance = o->invariance;
        loss.variance = o->variance;
        loss.covariance = o->covariance;
    } else {
        loss.kind = DIM_LOSS_BARLOW_TWINS;
        loss.redundancy = o->redundancy;
    }
    EX_TRY(run, dim_objective_add_loss(objective, &loss));
}

static dim_objective *build_objective(ex_run *run, two_views *own)
{
    dim_objective *objective = NULL;
    dim_player_options player;
    dim_optimizer_options adam;
    EX_TRY(run, dim_objective_create(run->ctx, NULL, &objective));
    add_side(run, objective, own, LEFT);
    add_side(run, objective, own, RIGHT);
    bool information = run->o.loss == EX_LOSS_INFORMATION;
    if (information)
        add_information(run, objective);
    else
        add_alike(run, objective);
    DIM_OPTIONS_INIT(&adam);
    DIM_OPTIONS_INIT(&player);
    adam.lr = run->o.lr;
    player.name = "all";
    player.optimizer = &adam;
    EX_TRY(run, dim_objective_add_player(objective, &player));
    EX_TRY(run, dim_objective_give(objective, "all", codes[LEFT]));
    EX_TRY(run, dim_objective_give(objective, "all", codes[RIGHT]));
    if (information)
        EX_TRY(run, dim_objective_give(objective, "all", "mi")); /* W */
    EX_TRY(run, dim_objective_minimise(objective, "all", information ? "mi" : "views", 1));
    return objective;
}

static void check(ex_options *o)
{
    if (!(o->invariance > 0 && o->variance > 0 && o->covariance > 0 && o->redundancy > 0))
        ex_usage_error(&program, "--invariance, --variance, --covariance, --redundancy: they must be above 0");
}

int main(int argc, char **argv)
{
    ex_run run;
    two_views own = { .images = NULL };
    ex_start(&run, &program, argc, argv); /* options, context, data */
    if (two_views_half(&run) == 0 || dim_dataset_count(run.test) < 2)
        ex_usage_error(&program, "--data: %s: there must be two test images, two pixels wide, at least", run.o.data);

    own.images = ex_tested_images(&run, MOST);
    const int64_t tested = dim_tensor_size(own.images, 0);
    own.scores = malloc((size_t)(tested * tested) * sizeof *own.scores);
    if (own.scores == NULL)
        ex_usage_error(&program, "out of memory");

    const bool information = run.o.loss == EX_LOSS_INFORMATION;
    own.value = information ? "mi.value" : "views";
    bool bound = dim_estimator_bound((dim_estimator_kind)run.o.estimator) != DIM_BOUND_NONE;
    ex_task task = {
        .objective = build_objective(&run, &own),
        .loss = information ? "mi" : "views",
        .measures = { information ? (ex_measure){ "test.mi", bound ? "nats" : "(no bound)", NULL }
                                  : (ex_measure){ "test.views", "(loss)", NULL }, { "test.top1", "%", NULL }, { "test.top5", "%", NULL } },
        .give = two_views_give, .measure = two_views_measure, .drawing = two_views_draw,
        .drawing_name = "retrieval.png", .own = &own,
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
