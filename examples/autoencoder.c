/* A variational autoencoder (arXiv 1312.6114): an encoder makes of an image x a Gaussian code, a decoder y an image again.
 *
 *     minimise  |y(z) - x|^2  +  gamma KL(q(z | x) || N(0, I)),    z drawn from q(z | x)
 *
 * Both are the bound on -log p(x) where y has noise of variance gamma / 2.  Codes drawn from N(0, I) become new images. */
#include "autoencoder.h"
#include "canvas.h"
#include "objective.h"

static const ex_program program = {
    .name = "autoencoder",
    .summary = "Trains a variational autoencoder on images; its picture has reconstructions and samples.",
    .units_help = "width of the code",
    .example = "--data idx:mnist --epochs 5 --out out",
    .objective = true,
    .generative = true,
    .defaults = { .epochs = 5, .batch = 64, .lr = 1e-3f, .units = 16, .prior_weight = 1 },
};

static void give(ex_run *run, ex_task *task, dim_tensor *images)
{
    EX_TRY(run, dim_objective_set(task->objective, "images", images));
}

/* At most so many test images, at even distances; the objective holds them.  @return how many. */
static int64_t give_tested(ex_run *run, ex_task *task, int64_t most)
{
    dim_tensor *images = NULL;
    ex_samples some = ex_samples_of(run->test, INT64_MAX);
    some.count = some.count < most ? some.count : most;
    const int64_t shape[4] = { some.count, run->shape[0], run->shape[1], run->shape[2] };
    EX_TRY(run, dim_tensor_create(run->ctx, dim_dataset_dtype(run->test), 4, shape, &images));
    ex_samples_read(run, &some, 0, some.count, images, NULL);
    give(run, task, images);
    dim_tensor_destroy(images);
    return some.count;
}

static bool measure(ex_run *run, ex_task *task, double values[EX_MAX_MEASURES])
{
    give_tested(run, task, 500);
    EX_TRY(run, dim_objective_evaluate(task->objective));
    EX_TRY(run, dim_objective_report(task->objective, "error", &values[0]));
    EX_TRY(run, dim_objective_report(task->objective, "kl", &values[1]));
    return true;
}

static bool draw(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    static const char *const values[] = { "images", "decoder", "samples" };
    enum { COLUMNS = 12, ROWS = 4, PARTS = sizeof values / sizeof *values };
    dim_tensor *part[PARTS];
    int64_t columns = give_tested(run, run->task, COLUMNS);
    (void)encoder;
    for (int i = 0; i < PARTS; i++) {
        int64_t shape[4] = { i + 1 < PARTS ? columns : columns * ROWS, run->shape[0], run->shape[1], run->shape[2] };
        EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 4, shape, &part[i]));
        EX_TRY(run, dim_objective_compute(run->task->objective, values[i], part[i]));
    }
    bool drawn = ex_draw_grid((const dim_tensor *const *)part, PARTS, columns, "First row: test images. Second row: their "
                              "reconstructions. Below: images of codes that were drawn from N(0, I).", path, why);
    for (int i = 0; i < PARTS; i++)
        dim_tensor_destroy(part[i]);
    return drawn;
}

int main(int argc, char **argv)
{
    ex_run run;
    ex_task task = { .loss = "all.loss", .measures = { { "test.error", "an image" }, { "test.kl", "nats" } }, .give = give,
                     .measure = measure, .drawing = draw, .drawing_name = "images.png" };
    ex_start(&run, &program, argc, argv); /* options, context, data */
    if (run.shape[1] % 4 != 0 || run.shape[2] % 4 != 0)
        ex_usage_error(&program, "--data: the images are %d x %d, but sides must be multiples of 4; --image-size makes the "
                       "images of a folder so large", (int)run.shape[2], (int)run.shape[1]);
    EX_TRY(&run, autoencoder_objective(run.ctx, run.shape, run.o.units, run.o.prior_weight, run.o.lr, &task.objective));
    int code = ex_train_objective(&run, &task);
    dim_objective_destroy(task.objective);
    ex_finish(&run);
    return code;
}
