/* dim-mi's picture: four panels with axes. */
#include "canvas.h"
#include "mi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PANEL_WIDTH = 640, PANEL_HEIGHT = 440, LEFT = 100, RIGHT = 28, TOP = 62, BOTTOM = 66, MARGIN = 16 };

static const uint8_t gray[3] = { 205, 205, 205 }, pale[3] = { 190, 216, 232 };

typedef struct axis {
    double low, high;
} axis;

typedef struct panel {
    ex_canvas *c;
    int64_t x0, y0, width, height; /* of the plot itself, in pixels */
    axis x, y;
} panel;

/* ---- drawing ------------------------------------------------------------------------------------------------------------- */

/* How far along an axis, in pixels; what is far beyond its ends stays outside of the picture. */
static int64_t along(axis a, double x, int64_t pixels)
{
    double share = (x - a.low) / (a.high - a.low);
    return (int64_t)(fmax(-10, fmin(10, share)) * (double)pixels + 0.5);
}

static int64_t at_x(const panel *p, double x) { return p->x0 + along(p->x, x, p->width); }

static int64_t at_y(const panel *p, double y) { return p->y0 + p->height - along(p->y, y, p->height); }

static void dot(const panel *p, int64_t x, int64_t y, int radius, const uint8_t color[3])
{
    for (int dy = -radius; dy <= radius; dy++) {
        int half = (int)(sqrt((double)(radius * radius - dy * dy)) + 0.5);
        ex_canvas_fill(p->c, x - half, y + dy, 2 * half + 1, 1, color);
    }
}

static void segment(const panel *p, int64_t x0, int64_t y0, int64_t x1, int64_t y1, const uint8_t color[3])
{
    int64_t dx = x1 - x0, dy = y1 - y0, steps = llabs(dx) > llabs(dy) ? llabs(dx) : llabs(dy);
    for (int64_t k = 0; k <= steps; k++)
        ex_canvas_fill(p->c, x0 + (steps > 0 ? dx * k / steps : 0) - 1, y0 + (steps > 0 ? dy * k / steps : 0) - 1, 2, 2, color);
}

static void dashed(const panel *p, int64_t x0, int64_t x1, int64_t y, const uint8_t color[3])
{
    for (int64_t x = x0; x < x1; x += 12)
        ex_canvas_fill(p->c, x, y - 1, x1 - x < 7 ? x1 - x : 7, 2, color);
}

/* An interval that does not end there. */
static void arrow_up(const panel *p, int64_t x, int64_t y, const uint8_t color[3])
{
    for (int k = 0; k < 9; k++)
        ex_canvas_fill(p->c, x - k, y + 2 * k, 2 * k + 1, 2, color);
}

static void arrow_right(const panel *p, int64_t x, int64_t y, const uint8_t color[3])
{
    for (int k = 0; k < 9; k++)
        ex_canvas_fill(p->c, x - 2 * k - 2, y - k, 2, 2 * k + 1, color);
}

static void centred(const panel *p, int64_t x, int64_t y, const char *text)
{
    ex_canvas_text(p->c, x - ex_text_width(text) / 2, y, text, ex_dark);
}

/* ---- axes ---------------------------------------------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of ten, for about `count` steps. */
static double nice_step(axis a, int count)
{
    double raw = (a.high - a.low) / count, power = pow(10, floor(log10(raw))), rest = raw / power;
    return power * (rest < 1.5 ? 1 : rest < 3.5 ? 2 : rest < 7.5 ? 5 : 10);
}

static axis axis_of(double low, double high)
{
    double room = 0.06 * (high - low);
    if (!(high - low > 1e-9 * fmax(fabs(low), fabs(high)))) /* the same but for rounding: labels would have all its digits */
        room = fabs(low) > 0 ? 0.1 * fabs(low) : 0.5;
    return (axis){ low - room, high + room };
}

/* An axis from 0, which information has. */
static axis axis_from_zero(double high) { return (axis){ 0, high > 0 ? 1.08 * high : 1 }; }

static const char *tick_text(double x, double step, char buffer[32])
{
    int digits = (int)fmax(0, -floor(log10(step) + 1e-9));
    snprintf(buffer, 32, "%.*f", digits, fabs(x) < step / 1000 ? 0.0 : x);
    return buffer;
}

/* least: of a step; 1 where there is nothing between whole numbers. */
static void ticks_x(const panel *p, double least)
{
    char text[32];
    double step = fmax(nice_step(p->x, 6), least);
    for (double x = ceil(p->x.low / step) * step; x <= p->x.high + step / 1000; x += step) {
        ex_canvas_fill(p->c, at_x(p, x), p->y0 + p->height, 2, 6, ex_dark);
        centred(p, at_x(p, x), p->y0 + p->height + 9, tick_text(x, step, text));
    }
}

static void ticks_y(const panel *p)
{
    char text[32];
    double step = nice_step(p->y, 5);
    for (double y = ceil(p->y.low / step) * step; y <= p->y.high + step / 1000; y += step) {
        ex_canvas_fill(p->c, p->x0 - 6, at_y(p, y), 6, 2, ex_dark);
        ex_canvas_fill(p->c, p->x0, at_y(p, y), p->width, 1, gray);
        tick_text(y, step, text);
        ex_canvas_text(p->c, p->x0 - 10 - ex_text_width(text), at_y(p, y) - 8, text, ex_dark);
    }
}

static void frame(const panel *p)
{
    ex_canvas_fill(p->c, p->x0 - 2, p->y0, 2, p->height + 2, ex_dark);
    ex_canvas_fill(p->c, p->x0 - 2, p->y0 + p->height, p->width + 2, 2, ex_dark);
}

/* What the numbers beside the plot are. */
static void name_y(const panel *p, const char *text) { ex_canvas_text(p->c, p->x0 - ex_text_width(text) / 2, p->y0 - 24, text, ex_dark); }

/* A panel with its title; ticks follow when the axes are known. */
static panel open_panel(ex_canvas *c, int number, int64_t top, const char *title, const char *below)
{
    panel p = { .c = c, .width = PANEL_WIDTH - LEFT - RIGHT, .height = PANEL_HEIGHT - TOP - BOTTOM };
    int64_t x = MARGIN + number % 2 * PANEL_WIDTH, y = top + number / 2 * PANEL_HEIGHT;
    p.x0 = x + LEFT;
    p.y0 = y + TOP;
    ex_canvas_text(c, x, y + 8, title, ex_dark);
    centred(&p, p.x0 + p.width / 2, p.y0 + p.height + 34, below);
    return p;
}

static void say(const panel *p, const char *text)
{
    frame(p);
    centred(p, p->x0 + p->width / 2, p->y0 + p->height / 2, text);
}

/* ---- the methods ----------------------------------------------------------------------------------------------------------- */

static void draw_candidates(const mi_run *run, ex_canvas *c, int64_t top)
{
    int64_t count = dim_information_candidates(run->info), shown = count < 8 ? count : 8;
    dim_information_result r[8];
    double high = 0, s = mi_scale(run);
    panel p = open_panel(c, 0, top, "Methods, each with its interval; blue: taken", mi_unit(run));
    if (run->r.verdict == DIM_INFORMATION_NONE) { /* it may be called auto then */
        say(&p, "no answer");
        return;
    }
    for (int64_t i = 0; i < shown; i++) {
        DIM_OPTIONS_INIT(&r[i]);
        mi_try(run, dim_information_get_candidate(run->info, i, &r[i]));
        if (r[i].verdict != DIM_INFORMATION_NONE)
            high = fmax(high, s * (isfinite(r[i].high) ? r[i].high : 1.2 * r[i].value));
    }
    p.x = axis_from_zero(high);
    ticks_x(&p, 0);
    for (int64_t i = 0; i < shown; i++) {
        int64_t y = p.y0 + p.height * (2 * i + 1) / (2 * shown);
        const uint8_t *color = i == 0 ? ex_blue : ex_dark;
        const char *name = dim_information_method_name(r[i].method);
        ex_canvas_text(c, p.x0 - 10 - ex_text_width(name), y - 8, name, ex_dark);
        if (r[i].verdict == DIM_INFORMATION_NONE) {
            ex_canvas_text(c, p.x0 + 10, y - 8, "no answer", ex_dark);
            continue;
        }
        bool open = !isfinite(r[i].high);
        int64_t left = at_x(&p, s * r[i].low), right = open ? p.x0 + p.width : at_x(&p, s * r[i].high);
        ex_canvas_fill(c, left, y - 2, right - left, 4, color);
        ex_canvas_fill(c, left - 1, y - 9, 3, 18, color);
        if (open)
            arrow_right(&p, right, y, color);
        else
            ex_canvas_fill(c, right - 1, y - 9, 3, 18, color);
        dot(&p, at_x(&p, s * r[i].value), y, 7, color);
    }
    frame(&p);
}

/* ---- value against rows ------------------------------------------------------------------------------------------------------ */

static void draw_curve(const mi_run *run, ex_canvas *c, int64_t top)
{
    dim_tensor *t = NULL;
    double low = INFINITY, high = -INFINITY, s = mi_scale(run), goal = fmin(run->r.value + run->r.deficit, run->r.high);
    panel p = open_panel(c, 1, top, "Value against rows; dashed: what more may add", "rows, on a logarithmic scale");
    if (run->r.verdict == DIM_INFORMATION_NONE) {
        say(&p, "no answer");
        return;
    }
    mi_try(run, dim_information_curve(run->info, &t));
    const double *row = dim_tensor_const_data(t);
    int64_t count = dim_tensor_size(t, 0), last_x = 0, last_y = 0;
    for (int64_t i = 0; i < count; i++) {
        low = fmin(low, s * fmin(row[4 * i + 1], row[4 * i + 2]));
        high = fmax(high, s * (isfinite(row[4 * i + 3]) ? row[4 * i + 3] : row[4 * i + 1]));
    }
    if (isfinite(goal))
        high = fmax(high, s * goal);
    p.x = (axis){ log(row[0]) - 0.35, log(row[4 * (count - 1)]) + 0.7 };
    p.y = axis_of(low, high);
    ticks_y(&p);
    for (int64_t i = 0; i < count; i++) {
        const double *at = row + 4 * i;
        char text[32];
        int64_t x = at_x(&p, log(at[0])), y = at_y(&p, s * at[1]), y_low = at_y(&p, s * at[2]);
        int64_t y_high = isfinite(at[3]) ? at_y(&p, s * at[3]) : p.y0;
        ex_canvas_fill(c, x - 2, y_high, 4, y_low - y_high, ex_blue);
        if (isfinite(at[3]))
            ex_canvas_fill(c, x - 9, y_high - 1, 18, 3, ex_blue);
        else
            arrow_up(&p, x, y_high, ex_blue);
        ex_canvas_fill(c, x - 9, y_low - 1, 18, 3, ex_blue);
        if (i > 0)
            segment(&p, last_x, last_y, x, y, ex_blue);
        dot(&p, x, y, 7, ex_blue);
        snprintf(text, sizeof text, "%.0f", at[0]);
        centred(&p, x, p.y0 + p.height + 9, text);
        ex_canvas_fill(c, x, p.y0 + p.height, 2, 6, ex_dark);
        last_x = x;
        last_y = y;
    }
    if (isfinite(goal))
        dashed(&p, last_x + 10, p.x0 + p.width, at_y(&p, s * goal), ex_orange);
    name_y(&p, mi_unit(run));
    frame(&p);
    dim_tensor_destroy(t);
}

/* ---- histograms ---------------------------------------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Finite values of x to the front, by size; how many. */
static int64_t sort_finite(double *x, int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (isfinite(x[i]))
            x[count++] = x[i];
    qsort(x, (size_t)count, sizeof *x, by_number);
    return count;
}

/* Bars of sorted values, and a line at `mark`. */
static void draw_histogram(panel *p, const char *what, const double *x, int64_t n, double mark)
{
    enum { MOST = 40 };
    int64_t count[MOST] = { 0 }, high = 1;
    int bars = n < 50 ? 12 : n < 1000 ? 25 : MOST;
    double low_end = x[n / 500], high_end = x[n - 1 - n / 500]; /* a few far out would make all others one bar */
    p->x = axis_of(fmin(low_end, mark), fmax(high_end, mark));
    for (int64_t i = 0; i < n; i++) {
        int bar = (int)((x[i] - p->x.low) / (p->x.high - p->x.low) * bars);
        if (x[i] >= p->x.low && x[i] <= p->x.high)
            count[bar < bars ? bar : bars - 1]++;
    }
    for (int b = 0; b < bars; b++)
        high = count[b] > high ? count[b] : high;
    p->y = axis_from_zero((double)high);
    ticks_y(p);
    ticks_x(p, 0);
    for (int b = 0; b < bars; b++) {
        int64_t left = p->x0 + p->width * b / bars, right = p->x0 + p->width * (b + 1) / bars, y = at_y(p, (double)count[b]);
        ex_canvas_fill(p->c, left + 1, y, right - left - 2, p->y0 + p->height - y, ex_blue);
    }
    ex_canvas_fill(p->c, at_x(p, mark) - 1, p->y0, 3, p->height, ex_orange);
    name_y(p, what);
    frame(p);
}

/* The shares of rows, in the printed unit; NaN where a row was not used. */
static double *shares_of(const mi_run *run)
{
    dim_tensor *t = NULL;
    double *x = mi_alloc((size_t)run->data.rows, sizeof *x);
    mi_try(run, dim_tensor_create(run->ctx, DIM_F64, 1, &run->data.rows, &t));
    mi_try(run, dim_information_pointwise(run->info, t));
    for (int64_t i = 0; i < run->data.rows; i++)
        x[i] = ((const double *)dim_tensor_const_data(t))[i] * mi_scale(run);
    dim_tensor_destroy(t);
    return x;
}

static void draw_shares(const mi_run *run, ex_canvas *c, int64_t top)
{
    double *x = shares_of(run);
    panel p = open_panel(c, 2, top, "Shares of the rows; orange: their mean", mi_unit(run));
    int64_t n = sort_finite(x, run->data.rows);
    if (n > 0 && run->r.verdict != DIM_INFORMATION_NONE)
        draw_histogram(&p, "rows", x, n, run->r.raw * mi_scale(run));
    else
        say(&p, "there are none");
    free(x);
}

static void draw_null(const mi_run *run, ex_canvas *c, int64_t top)
{
    dim_tensor *t = NULL;
    panel p = open_panel(c, 3, top, "Permutations; orange: the value of the data", mi_unit(run));
    if (dim_information_null(run->info, &t) != DIM_OK) {
        say(&p, "this method has none here");
        return;
    }
    int64_t n = dim_tensor_size(t, 0);
    double *x = dim_tensor_data(t);
    for (int64_t i = 0; i < n; i++)
        x[i] *= mi_scale(run);
    n = sort_finite(x, n);
    if (n > 0)
        draw_histogram(&p, "permutations", x, n, run->r.raw * mi_scale(run));
    dim_tensor_destroy(t);
}

/* ---- lags, scores ---------------------------------------------------------------------------------------------------------------- */

static void draw_lags(const mi_run *run, ex_canvas *c, int64_t top)
{
    double high = 0, s = mi_scale(run);
    panel p = open_panel(c, 3, top, run->o.permutations > 0 ? "Value against lag; orange: 95 % of permutations below"
                                                            : "Value against lag, with its interval",
                         "lag: rows by which y comes later");
    for (int64_t k = 0; k < run->n_lags; k++)
        if (run->lags[k].r.verdict != DIM_INFORMATION_NONE)
            high = fmax(fmax(high, s * run->lags[k].null), s * (isfinite(run->lags[k].r.high) ? run->lags[k].r.high
                                                                                             : run->lags[k].r.value));
    p.x = (axis){ (double)run->o.lag_from - 0.5, (double)run->o.lag_to + 0.5 };
    p.y = axis_from_zero(high);
    ticks_y(&p);
    ticks_x(&p, 1);
    int64_t half = p.width / run->n_lags / 3 < 6 ? p.width / run->n_lags / 3 : 6;
    for (int64_t k = 0; k < run->n_lags; k++) {
        const dim_information_result *r = &run->lags[k].r;
        if (r->verdict == DIM_INFORMATION_NONE)
            continue;
        int64_t x = at_x(&p, (double)run->lags[k].lag), top_y = isfinite(r->high) ? at_y(&p, s * r->high) : p.y0;
        ex_canvas_fill(c, x - half, top_y, 2 * half + 1, at_y(&p, s * r->low) - top_y, pale);
        if (isfinite(run->lags[k].null))
            ex_canvas_fill(c, x - half - 2, at_y(&p, s * fmax(0, run->lags[k].null)) - 1, 2 * half + 5, 3, ex_orange);
    }
    for (int64_t k = 0, last_x = -1, last_y = 0; k < run->n_lags; k++) {
        const dim_information_result *r = &run->lags[k].r;
        if (r->verdict == DIM_INFORMATION_NONE)
            continue;
        int64_t x = at_x(&p, (double)run->lags[k].lag), y = at_y(&p, s * r->value);
        if (last_x >= 0)
            segment(&p, last_x, last_y, x, y, ex_blue);
        dot(&p, x, y, 4, ex_blue);
        last_x = x;
        last_y = y;
    }
    name_y(&p, mi_unit(run));
    frame(&p);
}

/* Column 0 of a side. */
static double *column_of(const mi_run *run, const mi_side *s)
{
    dim_tensor *t = NULL;
    double *x = mi_alloc((size_t)run->data.rows, sizeof *x);
    mi_try(run, dim_tensor_create(run->ctx, DIM_F64, 2, (int64_t[]){ run->data.rows, 1 }, &t));
    mi_try(run, dim_tensor_copy(t, s->t));
    memcpy(x, dim_tensor_const_data(t), (size_t)run->data.rows * sizeof *x);
    dim_tensor_destroy(t);
    return x;
}

/* From orange over gray to blue, -1 to 1. */
static void mix(double at, uint8_t color[3])
{
    const uint8_t *end = at < 0 ? ex_orange : ex_blue;
    double share = fmin(1, fabs(at));
    for (int k = 0; k < 3; k++)
        color[k] = (uint8_t)(gray[k] + share * (end[k] - gray[k]));
}

static void draw_scores(const mi_run *run, ex_canvas *c, int64_t top)
{
    enum { MOST = 5000 };
    int64_t n = run->data.rows, lag = run->o.lag_from, step = n > MOST ? n / MOST : 1;
    double *x = column_of(run, &run->data.side[MI_X]), *y = column_of(run, &run->data.side[MI_Y]), *share = shares_of(run);
    double most = 0;
    panel p = open_panel(c, 3, top, "Normal scores; share above 0: blue, below: orange", "x");
    mi_scores(x, n, x);
    mi_scores(y, n, y);
    for (int64_t i = 0; i < n; i++)
        most = isfinite(share[i]) ? fmax(most, fabs(share[i])) : most;
    p.x = p.y = (axis){ -3.6, 3.6 };
    ticks_y(&p);
    ticks_x(&p, 0);
    for (int64_t i = 0; i < n; i += step) {
        uint8_t color[3];
        if (i + lag < 0 || i + lag >= n || !isfinite(x[i]) || !isfinite(y[i + lag]))
            continue;
        mix(isfinite(share[i]) && most > 0 ? 2 * share[i] / most : 0, color);
        dot(&p, at_x(&p, fmax(-3.5, fmin(3.5, x[i]))), at_y(&p, fmax(-3.5, fmin(3.5, y[i + lag]))), n > 2000 ? 2 : 4, color);
    }
    name_y(&p, "y");
    frame(&p);
    free(x);
    free(y);
    free(share);
}

/* ---- all of it ------------------------------------------------------------------------------------------------------------------- */

static bool draw(const mi_run *run, ex_canvas *c, const char **why)
{
    char title[256], x[64], y[64];
    const mi_side *s = run->data.side;
    const dim_information_result *r = &run->r;
    int64_t top = MARGIN + EX_LINE;
    if (!ex_canvas_open(c, 2 * PANEL_WIDTH + 2 * MARGIN, top + 2 * PANEL_HEIGHT, why))
        return false;
    mi_name(s[MI_X].names[0], x, 40);
    mi_name(s[MI_Y].names[0], y, 40);
    int used = snprintf(title, sizeof title, "x: %s%s, y: %s%s.  ", x, s[MI_X].columns > 1 ? ", ..." : "", y,
                        s[MI_Y].columns > 1 ? ", ..." : "");
    if (r->verdict == DIM_INFORMATION_NONE)
        snprintf(title + used, sizeof title - (size_t)used, "No answer");
    else if (isinf(r->high))
        snprintf(title + used, sizeof title - (size_t)used, "%s >= %.3f %s, at least %.3f", mi_what(run), r->value * mi_scale(run),
                 mi_unit(run), r->low * mi_scale(run));
    else
        snprintf(title + used, sizeof title - (size_t)used, "%s = %.3f %s [%.3f, %.3f]", mi_what(run), r->value * mi_scale(run),
                 mi_unit(run), r->low * mi_scale(run), r->high * mi_scale(run));
    ex_canvas_text(c, MARGIN, MARGIN, title, ex_dark);
    draw_candidates(run, c, top);
    draw_curve(run, c, top);
    draw_shares(run, c, top);
    bool single = s[MI_X].columns == 1 && s[MI_Y].columns == 1;
    if (run->lags != NULL)
        draw_lags(run, c, top);
    else if (r->permutations > 0)
        draw_null(run, c, top);
    else if (single)
        draw_scores(run, c, top);
    else {
        panel p = open_panel(c, 3, top, "Permutations", mi_unit(run));
        say(&p, "--permutations B draws them");
    }
    return true;
}

uint8_t *mi_plot_bytes(const mi_run *run, size_t *size, const char **why)
{
    ex_canvas c;
    return draw(run, &c, why) ? ex_canvas_pack(&c, size, why) : NULL;
}

bool mi_plot(const mi_run *run, const char *path)
{
    const char *why = "";
    size_t size;
    uint8_t *bytes = mi_plot_bytes(run, &size, &why);
    if (bytes == NULL)
        fprintf(stderr, "dim-mi: --plot: %s: %s\n", path, why);
    bool written = bytes != NULL && mi_save(path, bytes, size);
    free(bytes);
    return written;
}
