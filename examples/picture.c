/* The retrieval picture: each row a query, an image or a signal, and the 9 of the test set that its features are nearest
 * to. */
#include "canvas.h"
#include "common.h"
#include "queries.h"

enum { ROWS = 10, NEAREST = 9, MARGIN = 4, GAP = 14 };
enum { MOST = 10000 /* training images that are looked through, where there are no test images */ };
enum { SIGNAL_WIDTH = 128, SIGNAL_HEIGHT = 48 };
enum { NAME = 13 /* most characters of a class's name */ };

/* Of run->test, or of run->train. */
typedef struct gallery {
    ex_samples samples;
    int64_t *labels;
    int64_t classes;                          /* below 2: borders have nothing to tell */
    bool signals;
    dim_probe_kind kind;                      /* by which distance */
    int64_t size[2];                          /* width and height of a sample in the picture */
    int64_t queries[ROWS], found[ROWS][NEAREST];
} gallery;

/* g->found: the query itself comes first, as a rule, and is left out. */
static void find_nearest(ex_run *run, dim_encoder *encoder, gallery *g)
{
    dim_tensor *keys = ex_features(run, encoder, run->program->code, &g->samples, "drawing retrieval.png");
    dim_tensor *some = NULL, *indices = NULL;
    int64_t width = dim_tensor_size(keys, 1), shape[2] = { ROWS, width }, nearest[2] = { ROWS, NEAREST + 1 };
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 2, shape, &some));
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_I64, 2, nearest, &indices));
    for (int64_t i = 0; i < ROWS; i++)
        memcpy((float *)dim_tensor_data(some) + i * width,
               (const float *)dim_tensor_const_data(keys) + g->queries[i] * width, (size_t)width * sizeof(float));
    EX_TRY(run, dim_probe_neighbors(run->ctx, g->kind, some, keys, indices));
    const int64_t *index = dim_tensor_const_data(indices);
    for (int64_t i = 0; i < ROWS; i++)
        for (int64_t j = 0, k = 0; j <= NEAREST && k < NEAREST; j++)
            if (index[i * (NEAREST + 1) + j] != g->queries[i])
                g->found[i][k++] = index[i * (NEAREST + 1) + j];
    dim_tensor_destroy(indices);
    dim_tensor_destroy(some);
    dim_tensor_destroy(keys);
}

/* What is written beside a row; of a name that is too long, its beginning. */
static void name_of(const ex_run *run, const gallery *g, int64_t label, char text[NAME + 1])
{
    const char *name = ex_class_name(run, g->samples.data, label);
    if (label < 0 || g->classes < 2)
        text[0] = '\0';
    else if (name == NULL)
        snprintf(text, NAME + 1, "class %d", (int)label);
    else
        snprintf(text, NAME + 1, strlen(name) > NAME ? "%.*s.." : "%.*s", strlen(name) > NAME ? NAME - 2 : NAME, name);
}

static int64_t widest_name(const ex_run *run, const gallery *g)
{
    int64_t widest = 0;
    for (int i = 0; i < ROWS; i++) {
        char text[NAME + 1];
        name_of(run, g, g->labels[g->queries[i]], text);
        int64_t width = ex_text_width(text);
        widest = width > widest ? width : widest;
    }
    return widest > 0 ? widest + GAP : 0;
}

/* A signal's first channel, from its least to its greatest value: these say nothing of its form. */
static void draw_signal(ex_run *run, ex_canvas *c, int64_t x, int64_t y, const gallery *g, int64_t index)
{
    dim_tensor *signal = NULL;
    int64_t shape[4] = { 1, run->shape[0], run->shape[1], run->shape[2] };
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 4, shape, &signal));
    ex_samples_read(run, &g->samples, index, 1, signal, NULL);
    const float *values = dim_tensor_const_data(signal);
    float low = values[0], high = values[0];
    for (int64_t i = 1; i < shape[3]; i++) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    ex_canvas_line(c, x, y, g->size[0], g->size[1], values, shape[3], low, high);
    dim_tensor_destroy(signal);
}

static void draw_sample(ex_run *run, ex_canvas *c, int64_t x, int64_t y, const gallery *g, int64_t index)
{
    dim_tensor *image = NULL;
    int64_t shape[4] = { 1, run->shape[0], run->shape[1], run->shape[2] };
    if (g->signals) {
        draw_signal(run, c, x, y, g, index);
        return;
    }
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_U8, 4, shape, &image));
    ex_samples_read(run, &g->samples, index, 1, image, NULL);
    ex_canvas_image(c, x, y, dim_tensor_const_data(image), run->shape, g->size[1] / run->shape[1]);
    dim_tensor_destroy(image);
}

static void draw_row(ex_run *run, ex_canvas *c, const gallery *g, int i, int64_t x, int64_t y)
{
    char name[NAME + 1];
    int64_t w = g->size[0], h = g->size[1], label = g->labels[g->queries[i]];
    name_of(run, g, label, name);
    ex_canvas_text(c, x, y + EX_BORDER + (h - EX_GLYPH_HEIGHT * EX_DOT) / 2, name, ex_dark);
    x += widest_name(run, g);
    ex_canvas_frame(c, x, y, w, h);
    draw_sample(run, c, x, y, g, g->queries[i]);
    x += w + 2 * EX_BORDER + GAP;
    for (int j = 0; j < NEAREST; j++, x += w + 2 * EX_BORDER + MARGIN) {
        bool same = g->labels[g->found[i][j]] == label;
        if (g->classes > 1)
            ex_canvas_border(c, x, y, w, h, same ? ex_blue : ex_orange, !same);
        draw_sample(run, c, x, y, g, g->found[i][j]);
    }
}

static bool draw(ex_run *run, const gallery *g, const char *path, const char **why)
{
    ex_canvas c;
    char title[256], same[64];
    int64_t names = widest_name(run, g), right = 0, w = g->size[0] + 2 * EX_BORDER, h = g->size[1] + 2 * EX_BORDER;
    int64_t inside = names + w + GAP + NEAREST * (w + MARGIN) - MARGIN;
    const char *split = run->test != NULL ? "test" : "training", *noun = ex_noun(run);
    snprintf(title, sizeof title,
             "Left: a %s %.*s. Right of it: the %d other %s %s whose features \"%s\" are nearest, by %s, "
             "nearest first.",
             split, (int)strlen(noun) - 1, noun, NEAREST, split, noun, run->program->code,
             g->kind == DIM_PROBE_KNN_COSINE ? "the cosine" : "Euclidean distance");
    int64_t top = GAP + ex_canvas_caption(NULL, 0, 0, inside, title) + GAP / 2;
    int64_t key = g->classes > 1 ? EX_KEY + GAP : 0;
    if (!ex_canvas_open(&c, inside + 2 * GAP, top + ROWS * (h + MARGIN) - MARGIN + key + GAP, why))
        return false;
    ex_canvas_caption(&c, GAP, GAP, inside, title);
    for (int i = 0; i < ROWS; i++) {
        draw_row(run, &c, g, i, GAP, top + i * (h + MARGIN));
        for (int j = 0; j < NEAREST; j++)
            right += g->labels[g->found[i][j]] == g->labels[g->queries[i]];
    }
    if (key > 0) {
        int64_t y = c.height - GAP - EX_KEY;
        snprintf(same, sizeof same, "the same class (%d of %d)", (int)right, ROWS * NEAREST);
        int64_t x = ex_canvas_key(&c, GAP, y, ex_blue, false, same);
        ex_canvas_key(&c, x, y, ex_orange, true, "another class");
    }
    return ex_canvas_close(&c, path, why);
}

static bool draw_nearest(ex_run *run, dim_encoder *encoder, dim_probe_kind kind, const char *path, const char **why)
{
    gallery g = { .samples = ex_samples_of(run->test, INT64_MAX), .kind = kind };
    if (run->test == NULL) {
        g.samples = ex_samples_of(run->train, MOST);
        g.samples.clean = run->clean;
    }
    g.classes = dim_dataset_classes(g.samples.data);
    g.signals = run->program->data_help != NULL;
    int64_t scale = run->shape[1] >= 64 ? 1 : 2;
    g.size[0] = g.signals ? SIGNAL_WIDTH : run->shape[2] * scale;
    g.size[1] = g.signals ? SIGNAL_HEIGHT : run->shape[1] * scale;
    bool drawable = g.signals || (dim_dataset_dtype(g.samples.data) == DIM_U8 && (run->shape[0] == 1 || run->shape[0] == 3));
    if (!drawable || g.samples.count <= NEAREST) {
        *why = g.signals ? "it needs at least 10 signals" : "it needs at least 10 images of bytes, gray or RGB";
        return false;
    }
    dim_tensor *labels = ex_samples_labels(run, &g.samples);
    g.labels = dim_tensor_data(labels);
    bool drawn = ex_choose_queries(g.labels, g.samples.count, g.queries, ROWS);
    if (drawn) {
        find_nearest(run, encoder, &g);
        drawn = draw(run, &g, path, why);
    } else
        *why = "out of memory";
    dim_tensor_destroy(labels);
    return drawn;
}

bool ex_picture(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    return draw_nearest(run, encoder, DIM_PROBE_KNN_COSINE, path, why);
}

bool ex_picture_euclidean(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    return draw_nearest(run, encoder, DIM_PROBE_KNN_EUCLIDEAN, path, why);
}
