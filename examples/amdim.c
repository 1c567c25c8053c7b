/* Augmented multi-view Deep InfoMax, AMDIM (arXiv 1906.00910): an encoder learns from images without labels, so that
 * what it says about one random view of an image tells which places belong to another view of the same image.
 *
 *     maximise  I(f1(a) ; f5(b)_ij) + I(f1(a) ; f7(b)_ij) + I(f5(a) ; f5(b)_ij)
 *
 * averaged over the locations (i, j) and over the ordered pairs of views (a, b).  f7 and f5 are the encoder's maps of
 * 7 x 7 and 5 x 5 locations, f1 is its summary; of the antecedent f5(a) one random location of each image counts.  I is
 * InfoNCE, a score s is phi(x) . phi(y) / sqrt(rkhs), and every location of every other image is a negative. */
#include "common.h"

#include "amdim.h"
#include <math.h>

static const ex_program program = {
    .name = "amdim",
    .summary = "Trains AMDIM, multi-view and multi-scale Deep InfoMax, on images and probes the features it learns.\n"
               "Images of 32 x 32 are taken whole; larger ones give crops of 64 x 64, or of 128 x 128 from that size on.",
    .example = "--data cifar10:cifar-10-batches-bin --steps 3900 --eval-every 390 --out out",
    .taps = "f1,phi5_mean,phi7_mean",
    .code = "f1",
    .defaults = {
        .epochs = 300,
        .batch = 64,
        .lr = 2e-4f,
        .estimator = DIM_ESTIMATOR_INFONCE,
        .critic = DIM_CRITIC_PLAIN_DOT,
        .prior = EX_PRIOR_NONE,
        .prior_weight = 0.1f,
        .probe_train = 20000,
        .ndf = 64,
        .rkhs = 512,
        .depth = 3,
        .tclip = 20,
        .penalty = 0.04f,
        .views = 2,
        .beta1 = 0.8f,
        .weight_decay = 1e-5f,
        .warmup = 500,
    },
};

/* What belongs to a size of images: the views, the encoder for them, its normalisation. */
typedef struct pipeline {
    int64_t least; /* the smaller side of images */
    dim_augment_preset views, clean;
    dim_encoder_kind encoder;
    float mean[3], std[3];
} pipeline;

static const pipeline pipelines[] = {
    { 128, DIM_AUGMENT_AMDIM128, DIM_AUGMENT_AMDIM128_TEST, DIM_ENCODER_AMDIM128, /* ImageNet's mean and std */
      { 0.485f, 0.456f, 0.406f }, { 0.229f, 0.224f, 0.225f } },
    { 64, DIM_AUGMENT_AMDIM64, DIM_AUGMENT_AMDIM64_TEST, DIM_ENCODER_AMDIM64, /* STL-10's */
      { 0.43f, 0.42f, 0.39f }, { 0.27f, 0.26f, 0.27f } },
    { 32, DIM_AUGMENT_AMDIM32, DIM_AUGMENT_AMDIM32_TEST, DIM_ENCODER_AMDIM32, /* CIFAR-10's */
      { 125.3f / 255, 123.0f / 255, 113.9f / 255 }, { 63.0f / 255, 62.1f / 255, 66.7f / 255 } },
};
enum { N_PIPELINES = sizeof pipelines / sizeof *pipelines };

static const pipeline *choose(const ex_run *run)
{
    int64_t h = run->shape[1], w = run->shape[2];
    for (int i = 0; i < N_PIPELINES; i++)
        if (h >= pipelines[i].least && w >= pipelines[i].least && (pipelines[i].least > 32 || (h == 32 && w == 32)))
            return &pipelines[i];
    ex_usage_error(&program, "--data: the images are %lld x %lld, but this program takes 32 x 32, or 64 x 64 and more; "
                   "--image-size makes the images of a folder or of STL-10 so large",
                   (long long)w, (long long)h);
}

static dim_encoder *build_encoder(ex_run *run, const pipeline *p)
{
    dim_encoder *encoder = NULL;
    dim_encoder_options o;
    DIM_OPTIONS_INIT(&o);
    o.kind = p->encoder;
    o.channels = (uint32_t)run->shape[0];
    o.units = run->o.rkhs;
    o.ndf = run->o.ndf;
    o.depth = run->o.depth;
    memcpy(o.mean, p->mean, o.channels * sizeof(float));
    memcpy(o.std, p->std, o.channels * sizeof(float));
    if (dim_encoder_create(run->ctx, &o, &encoder) != DIM_OK)
        ex_usage_error(&program, "--ndf, --rkhs, --depth: %s", dim_context_error(run->ctx));
    return encoder;
}

/* I(y of one view ; x of another) */
static void add_term(ex_run *run, dim_model *model, const dim_estimator *estimator, const char *name, const char *y,
                     const char *x, uint32_t mixture)
{
    dim_term_options term;
    DIM_OPTIONS_INIT(&term);
    term.name = name;
    term.y = y;
    term.x = x;
    term.estimator = estimator;
    term.critic = (dim_critic)run->o.critic;
    term.units = run->o.rkhs;
    term.shortcut = (dim_shortcut)run->o.shortcut;
    term.mixture = mixture;
    if (dim_model_add_term(model, &term) != DIM_OK)
        ex_usage_error(&program, "--estimator, --critic, --mixture: this objective is not possible: %s",
                       dim_context_error(run->ctx));
}

static void add_objective(ex_run *run, dim_model *model)
{
    dim_estimator *estimator = NULL;
    dim_estimator_options how;
    DIM_OPTIONS_INIT(&how);
    how.kind = (dim_estimator_kind)run->o.estimator;
    how.scale = 1 / sqrtf((float)run->o.rkhs);
    how.penalty = run->o.penalty;
    how.clip = run->o.tclip;
    EX_TRY(run, dim_estimator_create(run->ctx, &how, &estimator));
    add_term(run, model, estimator, "1to5", "f1", "phi5", 0);
    add_term(run, model, estimator, "1to7", "f1", "phi7", run->o.mixture);
    add_term(run, model, estimator, "5to5", "phi5", "phi5", 0); /* of a map as y, one random location */
    dim_estimator_destroy(estimator);
}

/* How well classes can be told, watched during training: no gradient of a classifier reaches the encoder. */
static void add_classifiers(ex_run *run, dim_model *model)
{
    static const char *const names[EX_MAX_CLASSIFIERS] = { "linear", "mlp" };
    for (int i = 0; i < EX_MAX_CLASSIFIERS && dim_dataset_classes(run->train) > 1; i++) {
        dim_classifier_options o;
        DIM_OPTIONS_INIT(&o);
        o.name = run->classifiers[i] = names[i];
        o.tap = "f1";
        o.classes = (uint32_t)dim_dataset_classes(run->train);
        o.hidden = i == 0 ? 0 : 1024;
        o.dropout = i == 0 ? 0 : 0.2f;
        o.clip = 10;
        o.penalty = 1e-3f;
        EX_TRY(run, dim_model_add_classifier(model, &o));
    }
}

static void set_optimizer(ex_run *run, dim_model *model)
{
    uint64_t epoch = (uint64_t)dim_dataset_count(run->train) / run->o.batch;
    dim_optimizer_options adam;
    DIM_OPTIONS_INIT(&adam);
    adam.lr = run->o.lr;
    adam.beta1 = run->o.beta1 > 0 ? run->o.beta1 : -1; /* 0 would be the library's default */
    adam.weight_decay = run->o.weight_decay;
    adam.warmup_steps = run->o.warmup;
    adam.schedule = DIM_SCHEDULE_STEP; /* late in the authors' 300 epochs */
    adam.gamma = 0.2f;
    adam.milestones[0] = 250 * epoch;
    adam.milestones[1] = 280 * epoch;
    if (dim_model_set_optimizer(model, &adam) != DIM_OK)
        ex_usage_error(&program, "--lr, --beta1, --weight-decay, --warmup: %s", dim_context_error(run->ctx));
}

int main(int argc, char **argv)
{
    ex_run run;
    ex_start(&run, &program, argc, argv); /* options, context, data */
    const pipeline *p = choose(&run);
    ex_use_views(&run, p->views, p->clean, p->least > 32);
    run.drawing = amdim_draw_views;
    run.drawing_name = "views.png";

    dim_encoder *encoder = build_encoder(&run, p);
    dim_model *model = NULL;
    dim_model_options views;
    DIM_OPTIONS_INIT(&views);
    views.views = run.o.views;
    if (dim_model_create(encoder, &views, &model) != DIM_OK)
        ex_usage_error(&program, "--views: %s", dim_context_error(run.ctx));
    add_objective(&run, model);
    ex_add_prior(&run, model);
    add_classifiers(&run, model);
    set_optimizer(&run, model);

    int code = ex_train(&run, encoder, model);

    ex_draw(&run, encoder, amdim_draw_scores, "scores.png");
    dim_model_destroy(model);
    dim_encoder_destroy(encoder);
    ex_finish(&run);
    return code;
}
