/* What AMDIM sees, and where it finds it again. */
#include "amdim.h"
#include "canvas.h"

#include <math.h>
#include <stdlib.h>

enum { GAP = 14, MARGIN = 3 };
enum { IMAGES = 8, VIEWS = 8 };                      /* views.png: rows, and views in each */
enum { ROWS = 6, GROUPS = 2, PAIRS = ROWS * GROUPS, COLUMNS = 4 }; /* scores.png */
enum { BAR = 18 };                                   /* height of the bar of colours, that of a character */

/* Images at even distances: the first ones of a folder are all of one class. */
static dim_tensor *pick(ex_run *run, dim_dataset *data, int64_t count)
{
    ex_samples some = ex_samples_of(data, count);
    int64_t shape[4] = { count };
    dim_tensor *images = NULL;
    dim_dataset_shape(data, shape + 1);
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_U8, 4, shape, &images));
    ex_samples_read(run, &some, 0, count, images, NULL);
    return images;
}

/* Whether there are enough images for a picture. */
static bool enough(const dim_dataset *data, int64_t count, const char **why)
{
    *why = "there are too few images";
    return dim_dataset_count(data) >= count;
}

/* (views N, C, H, W) of bytes, not normalised. */
static dim_tensor *views_of(ex_run *run, const dim_tensor *images, uint32_t views)
{
    dim_augment_apply_options o;
    dim_tensor *out = NULL;
    int64_t shape[4] = { views * dim_tensor_size(images, 0), run->shape[0], run->shape[1], run->shape[2] };
    DIM_OPTIONS_INIT(&o);
    o.views = views;
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_U8, 4, shape, &out));
    EX_TRY(run, dim_augment_apply(run->augment, images, &o, out));
    return out;
}

/* How many times an image is enlarged to be some `side` pixels high. */
static int64_t scale_of(const int64_t shape[3], int64_t side)
{
    return shape[1] >= side ? 1 : (side + shape[1] / 2) / shape[1];
}

bool amdim_draw_views(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    static const char title[] = "Left: a training image. Right of it: eight random views, as training sees them.";
    ex_canvas c;
    int64_t image[3], scale = scale_of(run->shape, 64);
    dim_dataset_shape(run->train, image);
    int64_t image_scale = scale_of(image, 64), size = run->shape[0] * run->shape[1] * run->shape[2];
    int64_t view_w = run->shape[2] * scale + 2 * EX_BORDER, view_h = run->shape[1] * scale + 2 * EX_BORDER;
    int64_t image_w = image[2] * image_scale + 2 * EX_BORDER, image_h = image[1] * image_scale + 2 * EX_BORDER;
    int64_t row = image_h > view_h ? image_h : view_h, inside = image_w + GAP + VIEWS * (view_w + MARGIN) - MARGIN;
    int64_t top = GAP + ex_canvas_caption(NULL, 0, 0, inside, title) + GAP / 2;
    (void)encoder;
    if (!enough(run->train, IMAGES, why) ||
        !ex_canvas_open(&c, inside + 2 * GAP, top + IMAGES * (row + MARGIN) - MARGIN + GAP, why))
        return false;
    dim_tensor *images = pick(run, run->train, IMAGES), *views = views_of(run, images, VIEWS);
    const uint8_t *from = dim_tensor_const_data(images), *to = dim_tensor_const_data(views);
    ex_canvas_caption(&c, GAP, GAP, inside, title);
    for (int64_t i = 0; i < IMAGES; i++) {
        int64_t y = top + i * (row + MARGIN), x = GAP + image_w + GAP, middle = y + (row - image_h) / 2;
        ex_canvas_border(&c, GAP, middle, image_w - 2 * EX_BORDER, image_h - 2 * EX_BORDER, ex_dark, false);
        ex_canvas_image(&c, GAP, middle, from + i * image[0] * image[1] * image[2], image, image_scale);
        for (int64_t v = 0; v < VIEWS; v++, x += view_w + MARGIN)
            ex_canvas_image(&c, x, y + (row - view_h) / 2, to + (v * IMAGES + i) * size, run->shape, scale);
    }
    dim_tensor_destroy(views);
    dim_tensor_destroy(images);
    return ex_canvas_close(&c, path, why);
}

/* ---- scores */

typedef struct heat {
    int64_t side, width;      /* of phi7's map; of the space */
    const float *f1, *phi7;   /* (2 PAIRS, width), (2 PAIRS, width, side, side): first views, then second views */
    float low, high;          /* scores that the colours reach from and to */
    float *room;              /* two planes of a view */
} heat;

/* f1 of view a against place l of view b, divided by sqrt(rkhs). */
static float score(const heat *h, int64_t a, int64_t b, int64_t l)
{
    int64_t places = h->side * h->side;
    double sum = 0;
    for (int64_t k = 0; k < h->width; k++)
        sum += (double)h->f1[a * h->width + k] * (double)h->phi7[(b * h->width + k) * places + l];
    return (float)(sum / sqrt((double)h->width));
}

/* The partner that is no partner: the second view of the next image. */
static int64_t stranger(int64_t i) { return PAIRS + (i + 1) % PAIRS; }

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* Colours reach over nearly all scores that are drawn: the outermost hundredths would take most of the range. */
static bool set_range(heat *h)
{
    int64_t places = h->side * h->side, n = 0;
    float *all = malloc((size_t)(3 * PAIRS * places) * sizeof *all);
    if (all == NULL)
        return false;
    for (int64_t i = 0; i < PAIRS; i++)
        for (int64_t l = 0; l < places; l++) {
            all[n++] = score(h, i, PAIRS + i, l);
            all[n++] = score(h, PAIRS + i, i, l);
            all[n++] = score(h, i, stranger(i), l);
        }
    qsort(all, (size_t)n, sizeof *all, by_value);
    h->low = all[n / 100];
    h->high = all[n - 1 - n / 100];
    if (!(h->high > h->low))
        h->high = h->low + 1;
    free(all);
    return true;
}

/* From dark blue over purple and orange to light yellow; t in [0, 1]. */
static void color_of(float t, uint8_t color[3])
{
    static const uint8_t stops[6][3] = { { 13, 8, 90 },    { 84, 2, 163 },   { 156, 23, 158 },
                                         { 218, 91, 105 }, { 252, 166, 54 }, { 244, 242, 70 } };
    float at = 5 * (t < 0 ? 0 : t > 1 ? 1 : t);
    int i = at < 5 ? (int)at : 4;
    for (int k = 0; k < 3; k++)
        color[k] = (uint8_t)(stops[i][k] + (at - (float)i) * ((float)stops[i + 1][k] - (float)stops[i][k]) + 0.5f);
}

/* Between the centres of the places, which lie at 1/8, 2/8 ... 7/8 of the image; the border goes on outside of them. */
static float between(const float *map, int64_t side, float y, float x)
{
    float most = (float)(side - 1);
    y = y < 0 ? 0 : y > most ? most : y;
    x = x < 0 ? 0 : x > most ? most : x;
    int64_t i = (int64_t)y < side - 1 ? (int64_t)y : side - 2, j = (int64_t)x < side - 1 ? (int64_t)x : side - 2;
    float u = y - (float)i, v = x - (float)j;
    const float *m = map + i * side + j;
    return (1 - u) * ((1 - v) * m[0] + v * m[1]) + u * ((1 - v) * m[side] + v * m[side + 1]);
}

/* How much brighter an image is at each place than around it: its outlines, without what is dark or bright in it. */
static void outlines(const uint8_t *image, const int64_t shape[3], float *out)
{
    enum { MOST = 30 };
    int64_t h = shape[1], w = shape[2], plane = h * w, reach = h / 10 + 1;
    float *gray = out + plane;
    for (int64_t i = 0; i < plane; i++)
        gray[i] = shape[0] == 3 ? 0.299f * image[i] + 0.587f * image[i + plane] + 0.114f * image[i + 2 * plane] : image[i];
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) {
            float sum = 0, edge;
            int count = 0;
            for (int64_t v = y < reach ? 0 : y - reach; v <= y + reach && v < h; v++)
                for (int64_t u = x < reach ? 0 : x - reach; u <= x + reach && u < w; u++, count++)
                    sum += gray[v * w + u];
            edge = 0.4f * (gray[y * w + x] - sum / (float)count);
            out[y * w + x] = edge < -MOST ? -MOST : edge > MOST ? MOST : edge;
        }
}

/* The scores of f1 of view a over view b in colours, with the outlines of b's picture: where that is dark or bright does not
 * show, so that all shades are the scores'.  room: two planes of it. */
static void draw_heat(ex_canvas *c, int64_t x0, int64_t y0, const heat *h, int64_t a, int64_t b, const uint8_t *image,
                      const int64_t shape[3], int64_t scale)
{
    float map[64];
    int64_t height = shape[1] * scale, width = shape[2] * scale;
    for (int64_t l = 0; l < h->side * h->side; l++)
        map[l] = score(h, a, b, l);
    outlines(image, shape, h->room);
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            float s = between(map, h->side, ((float)y + 0.5f) / (float)height * (float)(h->side + 1) - 1,
                              ((float)x + 0.5f) / (float)width * (float)(h->side + 1) - 1);
            uint8_t color[3], *to = c->rgb + 3 * ((y0 + EX_BORDER + y) * c->width + x0 + EX_BORDER + x);
            color_of((s - h->low) / (h->high - h->low), color);
            for (int k = 0; k < 3; k++) {
                float shade = color[k] + h->room[y / scale * shape[2] + x / scale] + 0.5f;
                to[k] = (uint8_t)(shade < 0 ? 0 : shade > 255 ? 255 : shade);
            }
        }
}

/* The scale of colours, from the lowest to the highest score. */
static void draw_bar(ex_canvas *c, const heat *h)
{
    char low[48], high[48];
    snprintf(low, sizeof low, "score %.2f", (double)h->low);
    snprintf(high, sizeof high, "%.2f", (double)h->high);
    int64_t x = GAP + ex_text_width(low) + GAP / 2, y = c->height - GAP - BAR;
    int64_t bar = c->width - GAP - ex_text_width(high) - GAP / 2 - x;
    for (int64_t i = 0; i < bar; i++) {
        uint8_t color[3];
        color_of((float)i / (float)(bar - 1), color);
        ex_canvas_fill(c, x + i, y, 1, BAR, color);
    }
    ex_canvas_text(c, GAP, y + EX_DOT, low, ex_dark);
    ex_canvas_text(c, x + bar + GAP / 2, y + EX_DOT, high, ex_dark);
}

/* Columns: a view, another view of the image, scores of the first over the second, scores of the first over a view of
 * another image.  Their numbers stand above them. */
static void draw_rows(ex_canvas *c, const heat *h, const uint8_t *views, const int64_t shape[3], int64_t scale, int64_t top)
{
    static const char *const numbers[COLUMNS] = { "1", "2", "3", "4" };
    int64_t size = shape[0] * shape[1] * shape[2], w = shape[2] * scale, step = w + 2 * EX_BORDER + MARGIN;
    int64_t row = shape[1] * scale + 2 * EX_BORDER + MARGIN;
    for (int64_t i = 0; i < PAIRS; i++) {
        int64_t y = top + EX_LINE + i % ROWS * row, x = GAP + i / ROWS * (COLUMNS * step - MARGIN + 2 * GAP);
        for (int64_t k = 0; i % ROWS == 0 && k < COLUMNS; k++)
            ex_canvas_text(c, x + k * step + (w - ex_text_width(numbers[k])) / 2 + EX_BORDER, top, numbers[k], ex_dark);
        ex_canvas_border(c, x, y, w, shape[1] * scale, ex_dark, false);
        ex_canvas_image(c, x, y, views + i * size, shape, scale);
        ex_canvas_image(c, x + step, y, views + (PAIRS + i) * size, shape, scale);
        draw_heat(c, x + 2 * step, y, h, i, PAIRS + i, views + (PAIRS + i) * size, shape, scale);
        draw_heat(c, x + 3 * step, y, h, i, stranger(i), views + stranger(i) * size, shape, scale);
    }
}

static dim_tensor *encode(ex_run *run, dim_encoder *encoder, const dim_tensor *views, const char *tap, int64_t shape[3])
{
    dim_tensor *features = NULL;
    EX_TRY(run, dim_encoder_tap_shape(encoder, tap, shape));
    int64_t flat[2] = { 2 * PAIRS, shape[0] * shape[1] * shape[2] };
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 2, flat, &features));
    EX_TRY(run, dim_encoder_encode(encoder, views, tap, features));
    return features;
}

bool amdim_draw_scores(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    static const char title[] =
        "1: a view of an image. 2: another view of it. 3: how well f1 of the first fits each place of the second: yellow "
        "well, dark blue badly. 4: the same for a view of another image.";
    ex_canvas c;
    heat h;
    dim_dataset *data = run->test != NULL ? run->test : run->train;
    int64_t vector[3], map[3], scale = scale_of(run->shape, 96);
    int64_t w = run->shape[2] * scale + 2 * EX_BORDER + MARGIN, row = run->shape[1] * scale + 2 * EX_BORDER + MARGIN;
    int64_t inside = GROUPS * (COLUMNS * w - MARGIN) + (GROUPS - 1) * 2 * GAP;
    int64_t top = GAP + ex_canvas_caption(NULL, 0, 0, inside, title) + GAP / 2;
    if (run->o.critic != DIM_CRITIC_PLAIN_DOT) {
        *why = "it is for --critic plain-dot";
        return false;
    }
    if (!enough(data, PAIRS, why) ||
        !ex_canvas_open(&c, inside + 2 * GAP, top + EX_LINE + ROWS * row - MARGIN + BAR + 2 * GAP, why))
        return false;
    dim_tensor *images = pick(run, data, PAIRS), *views = views_of(run, images, 2);
    dim_tensor *f1 = encode(run, encoder, views, "f1", vector), *phi7 = encode(run, encoder, views, "phi7", map);
    h = (heat){ .side = map[1], .width = map[0], .f1 = dim_tensor_const_data(f1), .phi7 = dim_tensor_const_data(phi7),
                .room = malloc((size_t)(2 * run->shape[1] * run->shape[2]) * sizeof(float)) };
    bool drawn = h.room != NULL && set_range(&h);
    if (drawn) {
        ex_canvas_caption(&c, GAP, GAP, inside, title);
        draw_rows(&c, &h, dim_tensor_const_data(views), run->shape, scale, top);
        draw_bar(&c, &h);
    } else
        *why = "out of memory";
    free(h.room);
    dim_tensor_destroy(phi7);
    dim_tensor_destroy(f1);
    dim_tensor_destroy(views);
    dim_tensor_destroy(images);
    return ex_canvas_close(&c, path, why) && drawn;
}
