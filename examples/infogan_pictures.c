/* What the codes mean: sheets that vary one code, samples, the information by steps, categories and classes. */
#include "canvas.h"
#include "infogan.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 10, STEPS = 10 /* of a continuous code */, GAP = 14 };
static const float WIDEST = 2; /* a continuous code in a sheet: twice as far as in training */
static const uint64_t SEED = 4; /* beside that of the measures */

static const infogan *own_of(const ex_run *run) { return run->task->own; }

/* Grids have -1 for black. */
static void scale(const infogan *own, dim_tensor *images)
{
    float *x = dim_tensor_data(images);
    for (int64_t i = 0; !own->tanh && i < dim_tensor_count(images); i++)
        x[i] = 2 * x[i] - 1;
}

/* Draws images of rows of codes; each row of the picture has one noise. */
static bool draw_codes(ex_run *run, const float *codes, const float *noise, int64_t count, int64_t columns, const char *caption,
                       const char *path, const char **why)
{
    dim_tensor *images = infogan_make(run, own_of(run), codes, noise, count, false);
    scale(own_of(run), images);
    bool drawn = ex_draw_grid((const dim_tensor *const[]){ images }, 1, columns, caption, path, why);
    dim_tensor_destroy(images);
    return drawn;
}

/* Column j of a sheet has value j of the code; all else is that of the row. */
static bool draw_sheet(ex_run *run, int k, const char *path, const char **why)
{
    const infogan *own = own_of(run);
    const infogan_code *c = &own->code[k];
    int64_t columns = c->classes > 0 ? c->classes : STEPS, n = own->n_codes, width = run->o.noise;
    float *row = infogan_room(run, ROWS * n, sizeof *row), *row_noise = infogan_room(run, ROWS * width, sizeof *row_noise);
    float *codes = infogan_room(run, ROWS * columns * n, sizeof *codes);
    float *noise = infogan_room(run, ROWS * columns * width, sizeof *noise);
    char caption[200];
    infogan_draw_codes(own, run->o.seed + SEED, ROWS, row);
    infogan_draw_noise(run->o.seed + SEED, ROWS * width, row_noise);
    for (int64_t i = 0; i < ROWS * columns; i++) {
        int64_t r = i / columns, j = i % columns;
        memcpy(codes + i * n, row + r * n, (size_t)n * sizeof *codes);
        memcpy(noise + i * width, row_noise + r * width, (size_t)width * sizeof *noise);
        for (int l = 0; l < n && l < own->n_categorical && c->classes == 0; l++) /* that rows show all categories */
            codes[i * n + l] = (float)(r % own->code[l].classes);
        codes[i * n + k] = c->classes > 0 ? (float)j : WIDEST * (2 * (float)j / (STEPS - 1) - 1);
    }
    if (c->classes > 0)
        snprintf(caption, sizeof caption, "Columns: each of the %d categories of %s. Rows: %d draws of all else.", (int)c->classes,
                 c->name, ROWS);
    else
        snprintf(caption, sizeof caption, "Columns: %s from %g to %g; it is drawn from -1 to 1 in training. Rows: %d draws of all "
                 "else.", c->name, -(double)WIDEST, (double)WIDEST, ROWS);
    bool drawn = draw_codes(run, codes, noise, ROWS * columns, columns, caption, path, why);
    free(row);
    free(row_noise);
    free(codes);
    free(noise);
    return drawn;
}

static bool draw_samples(ex_run *run, const char *path, const char **why)
{
    const infogan *own = own_of(run);
    float *codes = infogan_room(run, ROWS * STEPS * own->n_codes, sizeof *codes);
    float *noise = infogan_room(run, ROWS * STEPS * (int64_t)run->o.noise, sizeof *noise);
    infogan_draw_codes(own, run->o.seed + SEED, ROWS * STEPS, codes);
    infogan_draw_noise(run->o.seed + SEED, ROWS * STEPS * (int64_t)run->o.noise, noise);
    bool drawn = draw_codes(run, codes, noise, ROWS * STEPS, STEPS, "Images of codes and noise that were drawn.", path, why);
    free(codes);
    free(noise);
    return drawn;
}

/* ---- information by steps, of log.csv */

typedef struct history {
    float *nats;                  /* [code][point] */
    int64_t points;
    unsigned long long last;      /* step */
} history;

enum { POINTS = 100 }; /* each of several steps, whose noise would hide the curve */

/* The column of a name in a line of them; -1 = there is none. */
static int column_of(const char *line, const char *name)
{
    size_t length = strlen(name);
    for (int i = 0; line != NULL; i++, line = strchr(line, ','), line = line != NULL ? line + 1 : NULL)
        if (strncmp(line, name, length) == 0 && (line[length] == ',' || line[length] == '\n'))
            return i;
    return -1;
}

static double number_in(const char *line, int column)
{
    for (int i = 0; i < column && line != NULL; i++) {
        line = strchr(line, ',');
        line = line != NULL ? line + 1 : NULL;
    }
    return line == NULL || *line == ',' ? NAN : strtod(line, NULL);
}

/* Means of the steps that each point stands for: losses, and then nats. */
static bool read_history(ex_run *run, const infogan *own, history *h)
{
    char path[EX_MAX_PATH], *line = NULL;
    size_t room = 0;
    int64_t counts[POINTS] = { 0 };
    int columns[INFOGAN_MOST_CODES];
    FILE *log = fopen(ex_folder_file(run, "log.csv", path), "r");
    h->last = ex_steps(run);
    h->points = h->last < POINTS ? (int64_t)h->last : POINTS;
    h->nats = infogan_room(run, own->n_codes * POINTS, sizeof *h->nats);
    bool good = log != NULL && getline(&line, &room, log) > 0 && h->points > 1;
    for (int k = 0; good && k < own->n_codes; k++)
        good = (columns[k] = column_of(line, own->code[k].loss)) >= 0;
    while (good && getline(&line, &room, log) > 0) {
        unsigned long long step = strtoull(line, NULL, 10);
        if (step == 0 || step > h->last)
            continue;
        int64_t at = (int64_t)((step - 1) * (unsigned long long)h->points / h->last);
        counts[at]++;
        for (int k = 0; k < own->n_codes; k++)
            h->nats[k * POINTS + at] += (float)number_in(line, columns[k]);
    }
    free(line);
    if (log != NULL)
        fclose(log);
    for (int64_t at = 0; good && at < h->points; at++) {
        good = counts[at] > 0;
        for (int k = 0; k < own->n_codes && good; k++)
            h->nats[k * POINTS + at] = (float)infogan_nats(own, k, (double)h->nats[k * POINTS + at] / (double)counts[at]);
    }
    return good;
}

static void draw_curve(ex_canvas *c, int64_t x, int64_t y, int64_t w, int64_t height, const infogan_code *code, const history *h,
                       const float *nats)
{
    float high = (float)code->prior, top = 1.1f * high;
    char text[120];
    for (int64_t i = 0; i < h->points; i++)
        top = nats[i] > top ? nats[i] : top;
    snprintf(text, sizeof text, code->classes > 0 ? "%s: %.3f nats at the end; dashed: H(c) = %.3f" : "%s: %.3f nats at the end",
             code->name, (double)nats[h->points - 1], code->prior);
    ex_canvas_text(c, x, y, text, ex_dark);
    y += EX_LINE;
    ex_canvas_frame(c, x, y, w, height);
    if (code->classes > 0)
        for (int64_t at = 0; at < w; at += 16)
            ex_canvas_fill(c, x + EX_BORDER + at, y + EX_BORDER + (int64_t)((1 - high / top) * (float)(height - 1)), 8, 2, ex_orange);
    ex_canvas_line(c, x, y, w, height, nats, h->points, 0, top);
}

static bool draw_information(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    enum { WIDTH = 640, HEIGHT = 120, EACH = EX_LINE + HEIGHT + 2 * EX_BORDER + GAP };
    const infogan *own = own_of(run);
    history h;
    ex_canvas c;
    char caption[240];
    (void)encoder;
    bool good = read_history(run, own, &h);
    *why = "log.csv has less than 2 steps";
    snprintf(caption, sizeof caption, "The bound on the information between each code and the images, in nats, from step 1 to step "
             "%llu. Frames begin at 0.", h.last);
    int64_t top = GAP + ex_canvas_caption(NULL, 0, 0, WIDTH, caption) + GAP;
    good = good && ex_canvas_open(&c, WIDTH + 2 * EX_BORDER + 2 * GAP, top + own->n_codes * EACH, why);
    if (good) {
        ex_canvas_caption(&c, GAP, GAP, WIDTH, caption);
        for (int k = 0; k < own->n_codes; k++)
            draw_curve(&c, GAP, top + k * EACH, WIDTH, HEIGHT, &own->code[k], &h, h.nats + k * POINTS);
        good = ex_canvas_close(&c, path, why);
    }
    free(h.nats);
    return good;
}

/* ---- categories and classes */

static void draw_cell(ex_canvas *c, int64_t x, int64_t y, int64_t side, double share, bool matched)
{
    uint8_t shade[3];
    for (int i = 0; i < 3; i++)
        shade[i] = (uint8_t)(255 - share * (255 - ex_blue[i]));
    if (matched)
        ex_canvas_fill(c, x, y, side, side, ex_orange);
    ex_canvas_fill(c, x + 3, y + 3, side - 6, side - 6, shade);
}

static bool draw_confusion(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    enum { MOST = 40, LEFT = 60 };
    const infogan *own = own_of(run);
    const infogan_code *code = &own->code[own->best];
    const infogan_matching *m = &own->match[own->best];
    int64_t classes = own->classes, side = classes <= 10 ? 52 : 30, rows = code->classes;
    ex_canvas c;
    char text[240];
    (void)encoder;
    if (own->n_categorical == 0 || classes == 0 || classes > MOST || rows > MOST || !own->measured) {
        *why = "it needs a categorical code, an evaluation, and labels of at most 40 classes";
        return false;
    }
    snprintf(text, sizeof text, "Test images of each class (columns) by the category of %s (rows): the share of the class. Orange: "
             "matched one to one. Wrong: %.1f %%.", code->name, 100 * m->error);
    int64_t inside = LEFT + classes * side, width = inside > 560 ? inside : 560;
    int64_t top = GAP + ex_canvas_caption(NULL, 0, 0, width, text) + GAP;
    if (!ex_canvas_open(&c, width + 2 * GAP, top + EX_LINE + rows * side + GAP, why))
        return false;
    ex_canvas_caption(&c, GAP, GAP, width, text);
    for (int64_t j = 0; j < classes; j++) {
        int64_t of_class = 0, x = GAP + LEFT + j * side;
        for (int64_t k = 0; k < rows; k++)
            of_class += m->counts[k * classes + j];
        snprintf(text, sizeof text, "%d", (int)j);
        ex_canvas_text(&c, x + (side - ex_text_width(text)) / 2, top, text, ex_dark);
        for (int64_t k = 0; k < rows; k++) {
            double share = of_class > 0 ? (double)m->counts[k * classes + j] / (double)of_class : 0;
            int64_t y = top + EX_LINE + k * side;
            draw_cell(&c, x, y, side, share, m->class_of[k] == j);
            snprintf(text, sizeof text, "%.0f", 100 * share);
            if (side > 40 && share >= 0.005)
                ex_canvas_text(&c, x + (side - ex_text_width(text)) / 2, y + (side - EX_GLYPH_HEIGHT * EX_DOT) / 2, text,
                               share > 0.5 ? ex_white : ex_dark);
        }
    }
    for (int64_t k = 0; k < rows; k++) {
        snprintf(text, sizeof text, "%d", (int)k);
        ex_canvas_text(&c, GAP, top + EX_LINE + k * side + (side - EX_GLYPH_HEIGHT * EX_DOT) / 2, text, ex_dark);
    }
    return ex_canvas_close(&c, path, why);
}

/* ---- all of them */

static bool draw_next_sheet(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    (void)encoder;
    return draw_sheet(run, own_of(run)->sheet, path, why);
}

bool infogan_draw(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    infogan *own = run->task->own;
    (void)encoder;
    for (own->sheet = 0; own->sheet < own->n_codes; own->sheet++) {
        char name[INFOGAN_NAME + 8];
        snprintf(name, sizeof name, "%s.png", own->code[own->sheet].name);
        ex_draw(run, NULL, draw_next_sheet, name);
    }
    ex_draw(run, NULL, draw_information, "information.png");
    if (own->n_categorical > 0 && own->classes > 0 && own->measured) /* else that of an earlier part of the run stays */
        ex_draw(run, NULL, draw_confusion, "confusion.png");
    return draw_samples(run, path, why);
}
