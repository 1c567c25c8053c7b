/* What a code is worth beside probes: <dim/evaluation.h>.  What cannot be measured of these data is said, and left out. */
#define DIM_EXPERIMENTAL
#include "evaluate.h"

#include <dim/evaluation.h>
#include <math.h>

enum { PICTURED = 20, COLUMNS = 10, VIEWED = 256 /* images of which views are made at once */ };

/* Whether it could be measured; else says why not. */
static bool measured(ev_run *run, const ev_evaluation *e, dim_status status)
{
    if (status == DIM_OK)
        return true;
    if (status == DIM_E_NOMEM)
        EX_TRY(&run->ex, status);
    ex_report_clear();
    fprintf(stderr, "%s: no %s: %s\n", run->ex.program->name, e->name, dim_context_error(run->ex.ctx));
    return false;
}

static int show(void *user, double fraction, const char *text)
{
    ex_report_count(user, "%s: %.0f %%", text, 100 * fraction);
    return 0;
}

/* Of networks that learn from `rows` rows, of which a fifth may be held out. */
static dim_evaluation_options options_of(ev_run *run, int64_t rows, uint32_t batch)
{
    dim_evaluation_options o;
    DIM_OPTIONS_INIT(&o);
    o.steps = run->ex.o.measure_steps;
    o.batch = rows * 4 / 5 < batch ? (uint32_t)(rows * 4 / 5) : batch;
    o.progress = show;
    o.user = &run->ex;
    return o;
}

static ev_value plain(double value, double deviation, const char *unit) { return (ev_value){ value, deviation, 1, false, unit }; }

/* Of features that are not too wide: time grows with the cube of their number. */
void ev_codes(ev_run *run, const ev_evaluation *e, const ev_features *f)
{
    dim_code_statistics s;
    const double none = (double)NAN;
    DIM_OPTIONS_INIT(&s);
    if (f->width > e->number) {
        ex_report_clear();
        fprintf(stderr, "%s: no %s of \"%s\": %lld units are more than %d\n", run->ex.program->name, e->name, f->tap,
                (long long)f->width, e->number);
        return;
    }
    if (!measured(run, e, dim_evaluation_codes(run->ex.ctx, f->test, NULL, &s)))
        return;
    ev_found(run, e, f, "codes.rankme", "RankMe", plain(s.rankme, none, ""));
    ev_found(run, e, f, "codes.effective", "effective dimensions", plain(s.effective, none, ""));
    ev_found(run, e, f, "codes.mean", "mean |mean| of units", plain(s.mean, none, ""));
    ev_found(run, e, f, "codes.deviation", "mean deviation of units", plain(s.deviation, none, ""));
    ev_found(run, e, f, "codes.correlation", "mean |correlation| of units", plain(s.correlation, none, ""));
    ev_found(run, e, f, "codes.dead", "units that never change", plain((double)s.dead, none, ""));
}

/* ---- alignment ------------------------------------------------------------------------------------------------------------- */

/* Random views as AMDIM makes them, in the images' own size: small ones are moved, of larger ones a part is enlarged. */
static dim_augment *views_of(ev_run *run)
{
    enum { SMALL = 48 };
    ex_run *ex = &run->ex;
    const int64_t h = ex->shape[1], w = ex->shape[2], least = h < w ? h : w;
    const bool small = least < SMALL;
    const dim_augment_op_options ops[] = {
        { .op = DIM_AUGMENT_OP_FLIP },
        { .op = small ? DIM_AUGMENT_OP_TRANSLATE : DIM_AUGMENT_OP_RESIZED_CROP,
          .p = small ? 0.8f : 1, .shift = least > 4 ? 4 : (uint32_t)(least - 1),
          .height = small ? 0 : (uint32_t)h, .width = small ? 0 : (uint32_t)w },
        { .op = DIM_AUGMENT_OP_COLOR_JITTER, .p = 0.8f, .brightness = 0.4f, .contrast = 0.4f, .saturation = 0.4f, .hue = 0.2f },
        { .op = DIM_AUGMENT_OP_GRAYSCALE, .p = 0.25f },
    };
    dim_augment *views = NULL;
    EX_TRY(ex, dim_augment_create(ex->ctx, NULL, &views));
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        dim_augment_op_options op = ops[i];
        op.size = sizeof op;
        EX_TRY(ex, dim_augment_add(views, &op));
    }
    return views;
}

/* Codes of n samples from the first on, VIEWED at most: of a view of each in codes[0], of another one in codes[1]. */
static void encode_views(ev_run *run, const dim_augment *views, const ex_samples *s, int64_t first, int64_t n, dim_tensor *const *codes)
{
    ex_run *ex = &run->ex;
    dim_tensor *images = NULL, *both = NULL;
    dim_augment_apply_options o;
    int64_t shape[4] = { n, ex->shape[0], ex->shape[1], ex->shape[2] }, index[VIEWED];
    for (int64_t i = 0; i < n; i++)
        index[i] = first + i;
    DIM_OPTIONS_INIT(&o);
    o.views = 2;
    o.index = index;
    EX_TRY(ex, dim_tensor_create(ex->ctx, DIM_U8, 4, shape, &images));
    shape[0] = 2 * n;
    EX_TRY(ex, dim_tensor_create(ex->ctx, DIM_U8, 4, shape, &both));
    ex_samples_read(ex, s, first, n, images, NULL);
    EX_TRY(ex, dim_augment_apply(views, images, &o, both));
    for (int k = 0; k < 2; k++) {
        dim_tensor *view = NULL, *rows = NULL;
        EX_TRY(ex, dim_tensor_slice(both, 0, k * n, n, 1, &view));
        EX_TRY(ex, dim_tensor_slice(codes[k], 0, first, n, 1, &rows));
        EX_TRY(ex, dim_encoder_encode(run->encoder, view, run->program.code, rows));
        dim_tensor_destroy(view);
        dim_tensor_destroy(rows);
    }
    dim_tensor_destroy(images);
    dim_tensor_destroy(both);
}

/* Of at most e->number images. */
void ev_alignment(ev_run *run, const ev_evaluation *e, const ev_features *f)
{
    ex_run *ex = &run->ex;
    ex_samples some = run->shown;
    dim_tensor *codes[2] = { NULL, NULL };
    double value;
    some.count = some.count > e->number ? e->number : some.count;
    if (dim_dataset_dtype(some.data) != DIM_U8 || (ex->shape[0] != 1 && ex->shape[0] != 3) || ex->shape[1] < 2 || ex->shape[2] < 2) {
        ex_report_clear();
        fprintf(stderr, "%s: no %s: views are made of gray or RGB images of bytes\n", ex->program->name, e->name);
        return;
    }
    dim_augment *views = views_of(run);
    for (int k = 0; k < 2; k++)
        EX_TRY(ex, dim_tensor_create(ex->ctx, DIM_F32, 2, (int64_t[]){ some.count, f->width }, &codes[k]));
    for (int64_t at = 0; at < some.count; at += VIEWED) {
        ex_report_count(ex, "%s: %lld of %lld", e->title, (long long)at, (long long)some.count);
        encode_views(run, views, &some, at, some.count - at < VIEWED ? some.count - at : VIEWED, codes);
    }
    if (measured(run, e, dim_evaluation_alignment(ex->ctx, codes[0], codes[1], &value)))
        ev_found(run, e, f, NULL, NULL, plain(value, (double)NAN, ""));
    dim_augment_destroy(views);
    for (int k = 0; k < 2; k++)
        dim_tensor_destroy(codes[k]);
}

void ev_uniformity(ev_run *run, const ev_evaluation *e, const ev_features *f)
{
    double value;
    if (measured(run, e, dim_evaluation_uniformity(run->ex.ctx, f->test, &value)))
        ev_found(run, e, f, NULL, NULL, plain(value, (double)NAN, ""));
}

/* ---- networks that measure ------------------------------------------------------------------------------------------------- */

static void found_estimate(ev_run *run, const ev_evaluation *e, const ev_features *f, const dim_evaluation_estimate *r)
{
    ev_found(run, e, f, NULL, NULL, plain(r->value, r->standard_error, "nats"));
}

void ev_ndm(ev_run *run, const ev_evaluation *e, const ev_features *f)
{
    dim_evaluation_estimate r;
    dim_evaluation_options o = options_of(run, dim_tensor_size(f->test, 0), 500);
    DIM_OPTIONS_INIT(&r);
    o.sigmoid = (uint32_t)e->number;
    if (measured(run, e, dim_evaluation_ndm(run->ex.ctx, &o, f->test, &r)))
        found_estimate(run, e, f, &r);
}

static dim_tensor *images_of(ev_run *run, const ex_samples *s)
{
    ex_run *ex = &run->ex;
    dim_tensor *images = NULL;
    int64_t shape[4] = { s->count, ex->shape[0], ex->shape[1], ex->shape[2] };
    EX_TRY(ex, dim_tensor_create(ex->ctx, dim_dataset_dtype(s->data), 4, shape, &images));
    ex_samples_read(ex, s, 0, s->count, images, NULL);
    return images;
}

void ev_mine(ev_run *run, const ev_evaluation *e, const ev_features *f)
{
    dim_evaluation_estimate r;
    dim_evaluation_options o = options_of(run, dim_tensor_size(f->test, 0), 64);
    dim_tensor *images = images_of(run, &run->shown);
    DIM_OPTIONS_INIT(&r);
    o.mine = (dim_mine_kind)e->number;
    if (measured(run, e, dim_evaluation_mine(run->ex.ctx, &o, images, f->test, &r)))
        found_estimate(run, e, f, &r);
    dim_tensor_destroy(images);
}

/* ---- reconstruction -------------------------------------------------------------------------------------------------------- */

/* Some images at even distances, as floats in [-1, 1]. */
static dim_tensor *some_of(ev_run *run, const dim_tensor *images)
{
    int64_t n = dim_tensor_size(images, 0), each = n > 0 ? dim_tensor_count(images) / n : 0;
    int64_t shape[4] = { PICTURED, dim_tensor_size(images, 1), dim_tensor_size(images, 2), dim_tensor_size(images, 3) };
    dim_tensor *some = NULL;
    EX_TRY(&run->ex, dim_tensor_create(run->ex.ctx, DIM_F32, 4, shape, &some));
    float *out = dim_tensor_data(some);
    const void *from = dim_tensor_const_data(images);
    for (int64_t i = 0; i < PICTURED * each; i++) {
        int64_t at = i / each * n / PICTURED * each + i % each;
        out[i] = dim_tensor_dtype(images) == DIM_U8 ? (float)((const uint8_t *)from)[at] / 127.5f - 1 : ((const float *)from)[at];
    }
    return some;
}

void ev_reconstruction(ev_run *run, const ev_evaluation *e, const ev_features *f)
{
    ex_run *ex = &run->ex;
    dim_reconstruction r;
    dim_evaluation_options o = options_of(run, ex->probed.count, 64);
    dim_tensor *train = images_of(run, &ex->probed), *test = images_of(run, &run->shown), *made = NULL;
    const double none = (double)NAN;
    DIM_OPTIONS_INIT(&r);
    if (measured(run, e, dim_evaluation_reconstruct(ex->ctx, &o, f->train, train, f->test, test, &r, &made))) {
        ev_found(run, e, f, "reconstruction.squared-error", "squared error of pixels", plain(r.squared_error, none, ""));
        ev_found(run, e, f, "reconstruction.ssim", "SSIM", plain(r.ssim, none, ""));
        ev_found(run, e, f, "reconstruction.ms-ssim", "MS-SSIM", plain(r.ms_ssim, none, ""));
        ev_found(run, e, f, "reconstruction.padded-ssim", "\"MS-SSIM\" of the paper", plain(r.padded_ssim, none, ""));
        run->originals = some_of(run, test);
        run->reconstructed = some_of(run, made);
    }
    dim_tensor_destroy(train);
    dim_tensor_destroy(test);
    dim_tensor_destroy(made);
}

bool ev_reconstructions(ex_run *ex, dim_encoder *encoder, const char *path, const char **why)
{
    const ev_run *run = (const ev_run *)ex;
    dim_tensor *parts[2 * PICTURED / COLUMNS] = { NULL };
    (void)encoder;
    *why = "no decoder was trained";
    if (run->reconstructed == NULL)
        return false;
    enum { PARTS = sizeof parts / sizeof *parts };
    for (int k = 0; k < PARTS; k++)
        EX_TRY(ex, dim_tensor_slice(k % 2 == 0 ? run->originals : run->reconstructed, 0, k / 2 * COLUMNS, COLUMNS, 1, &parts[k]));
    bool drawn = ex_draw_grid((const dim_tensor *const *)parts, PARTS, COLUMNS,
                              "Test images, and below each row what a decoder makes of their codes.", path, why);
    for (int k = 0; k < PARTS; k++)
        dim_tensor_destroy(parts[k]);
    return drawn;
}
