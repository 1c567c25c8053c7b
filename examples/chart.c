/* Widths are in units of a picture that shrinks with the page: of 420, texts of 13 stay readable on a phone. */
#include "chart.h"

#include "html.h"
#include "words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 420, TEXT = 13 };

/* Colours that differ for those who cannot tell red from green (Okabe and Ito), then two of them again in other shades. */
static const char *const colors[] = { "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00",
                                      "#999933", "#332288", "#882255", "#777777" };
enum { N_COLORS = sizeof colors / sizeof *colors };

static void begin(FILE *to, double width, double height, const char *what)
{
    fprintf(to, "<svg viewBox=\"0 0 %g %g\" font-size=\"%d\" role=\"img\" aria-label=\"", width, height, TEXT);
    ex_html_text(to, what);
    fprintf(to, "\">\n");
}

static void end(FILE *to) { fprintf(to, "</svg>\n"); }

/* anchor: start, middle or end. */
static void text_at(FILE *to, double x, double y, const char *anchor, const char *text)
{
    fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"#333\">", x, y, anchor);
    ex_html_text(to, text);
    fprintf(to, "</text>\n");
}

static void line_at(FILE *to, double x0, double y0, double x1, double y1, const char *color)
{
    fprintf(to, "<path d=\"M%.1f %.1fL%.1f %.1f\" stroke=\"%s\"/>\n", x0, y0, x1, y1, color);
}

static void box(FILE *to, double x, double y, double width, double height, const char *color, double opacity)
{
    fprintf(to, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" fill-opacity=\"%.2f\"/>\n", x, y, width, height,
            color, opacity);
}

/* ---- bars ---------------------------------------------------------------------------------------------------------------- */

static bool begins_group(const ex_bar *bars, int i)
{
    return bars[i].group != NULL && (i == 0 || bars[i].group != bars[i - 1].group);
}

void ex_chart_bars(FILE *to, const ex_bar *bars, int n, double high, double scale, const char *unit)
{
    enum { LEFT = 126, RIGHT = 104, EACH = 20 };
    double height = 6, y = 4, room = WIDTH - LEFT - RIGHT;
    char number[80];
    for (int i = 0; i < n; i++)
        height += EACH + (begins_group(bars, i) ? 22 : 0);
    begin(to, WIDTH, height, "Bars, each with its value and deviation");
    for (int i = 0; i < n; i++) {
        const ex_bar *b = &bars[i];
        if (begins_group(bars, i)) {
            fprintf(to, "<g font-weight=\"bold\">");
            text_at(to, 0, y + 16, "start", b->group);
            fprintf(to, "</g>");
            y += 22;
        }
        double share = high > 0 ? fmin(1, fmax(0, b->value / high)) : 0, spread = high > 0 ? b->deviation / high : 0;
        text_at(to, LEFT - 8, y + 14, "end", b->name);
        box(to, LEFT, y + 3, room, EACH - 6, "#888", 0.12);
        if (isfinite(b->value))
            box(to, LEFT, y + 3, room * share, EACH - 6, colors[0], 1);
        if (isfinite(b->value) && isfinite(spread) && spread > 0) {
            double from = LEFT + room * fmax(0, share - spread), until = LEFT + room * fmin(1, share + spread), middle = y + EACH / 2.0;
            line_at(to, from, middle, until, middle, "#222");
            line_at(to, from, middle - 4, from, middle + 4, "#222");
            line_at(to, until, middle - 4, until, middle + 4, "#222");
        }
        if (!isfinite(b->value))
            snprintf(number, sizeof number, "none");
        else if (isfinite(b->deviation))
            snprintf(number, sizeof number, "%.1f \302\261 %.1f %s", b->value * scale, b->deviation * scale, unit);
        else
            snprintf(number, sizeof number, "%.1f %s", b->value * scale, unit);
        text_at(to, LEFT + room + 6, y + 14, "start", number);
        y += EACH;
    }
    end(to);
}

/* ---- axes ---------------------------------------------------------------------------------------------------------------- */

typedef struct frame {
    FILE *to;
    double left, top, width, height, x_low, x_high, y_low, y_high;
} frame;

static double at_x(const frame *f, double x) { return f->left + f->width * (x - f->x_low) / (f->x_high - f->x_low); }
static double at_y(const frame *f, double y) { return f->top + f->height * (1 - (y - f->y_low) / (f->y_high - f->y_low)); }

/* 1, 2 or 5 times a power of ten, for some `count` steps. */
static double nice_step(double range, int count)
{
    double raw = range / count, power = pow(10, floor(log10(raw))), rest = raw / power;
    return power * (rest < 1.5 ? 1 : rest < 3.5 ? 2 : rest < 7.5 ? 5 : 10);
}

/* Whether a range is nothing but rounding: such steps would not move a number along it. */
static bool is_flat(double low, double high) { return !(high - low > 1e-9 * fmax(fabs(low), fabs(high))); }

static void widen(double *low, double *high)
{
    double room = !is_flat(*low, *high) ? 0.05 * (*high - *low) : fabs(*low) > 0 ? 0.1 * fabs(*low) : 0.5;
    *low -= room;
    *high += room;
}

static void tick(double value, double step, char text[40])
{
    int digits = (int)fmax(0, -floor(log10(step) + 1e-9));
    value = fabs(value) < step / 1000 ? 0.0 : value;
    if (fabs(value) >= 1e6 || digits > 4)
        snprintf(text, 40, "%.3g", value);
    else
        snprintf(text, 40, "%.*f", digits, value);
}

/* Room for the numbers at the left: small ones are long, as -0.000105 is. */
static double room_for_numbers(const frame *f, double least)
{
    const double step = nice_step(f->y_high - f->y_low, 4), digit = 0.62 * TEXT;
    double room = least;
    for (double y = ceil(f->y_low / step) * step; y <= f->y_high + step / 1000; y += step) {
        char text[40];
        tick(y, step, text);
        room = fmax(room, 10 + digit * (double)strlen(text));
    }
    return room;
}

/* Ticks with numbers, and what the axes are. */
static void axes(const frame *f, const char *x_name, const char *y_name, bool y_ticks)
{
    char text[40];
    double bottom = f->top + f->height, step = nice_step(f->x_high - f->x_low, 5);
    for (double x = ceil(f->x_low / step) * step; x <= f->x_high + step / 1000; x += step) {
        tick(x, step, text);
        line_at(f->to, at_x(f, x), bottom, at_x(f, x), bottom + 4, "#333");
        text_at(f->to, at_x(f, x), bottom + 18, "middle", text);
    }
    step = nice_step(f->y_high - f->y_low, 4);
    for (double y = ceil(f->y_low / step) * step; y <= f->y_high + step / 1000 && y_ticks; y += step) {
        tick(y, step, text);
        line_at(f->to, f->left, at_y(f, y), f->left + f->width, at_y(f, y), "#ddd");
        text_at(f->to, f->left - 5, at_y(f, y) + 4, "end", text);
    }
    fprintf(f->to, "<path d=\"M%.1f %.1fV%.1fH%.1f\" fill=\"none\" stroke=\"#333\"/>\n", f->left, f->top, bottom, f->left + f->width);
    text_at(f->to, f->left + f->width / 2, bottom + 36, "middle", x_name);
    text_at(f->to, f->left, f->top - 8, "middle", y_name);
}

/* Names with a square of their colour each, in lines.  Draws from y on; c NULL: only the height. */
static double key(FILE *to, double y, const char *const *names, int64_t n)
{
    double x = 0, top = y;
    for (int64_t i = 0; i < n; i++) {
        double width = 26;
        for (const char *c = names[i]; *c != '\0'; c++)
            width += ((unsigned char)*c & 0xc0) != 0x80 ? 7.4 : 0;
        if (x > 0 && x + width > WIDTH) {
            x = 0;
            y += 19;
        }
        if (to != NULL) {
            box(to, x, y + 3, 11, 11, colors[i % N_COLORS], 1);
            text_at(to, x + 16, y + 13, "start", names[i]);
        }
        x += width;
    }
    return y + 19 - top;
}

/* ---- lines, points, histograms --------------------------------------------------------------------------------------------- */

static void draw_line(const frame *f, const ex_line *l, const char *color, bool dots)
{
    fprintf(f->to, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" d=\"", color);
    for (int64_t i = 0; i < l->n; i++)
        fprintf(f->to, "%c%.1f %.1f", i == 0 ? 'M' : 'L', at_x(f, l->x[i]), at_y(f, l->y[i]));
    fprintf(f->to, "\"/>\n");
    for (int64_t i = 0; i < l->n && dots; i++)
        fprintf(f->to, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", at_x(f, l->x[i]), at_y(f, l->y[i]), color);
}

void ex_chart_lines(FILE *to, const ex_line *lines, int n, const char *x_name, const char *y_name, bool dots)
{
    enum { MOST = 32 };
    const char *names[MOST];
    frame f = { .to = to, .left = 56, .top = 26, .height = 220, .x_low = INFINITY, .x_high = -INFINITY,
                .y_low = INFINITY, .y_high = -INFINITY };
    n = n < MOST ? n : MOST;
    for (int k = 0; k < n; k++) {
        names[k] = lines[k].name;
        for (int64_t i = 0; i < lines[k].n; i++) {
            f.x_low = fmin(f.x_low, lines[k].x[i]);
            f.x_high = fmax(f.x_high, lines[k].x[i]);
            f.y_low = fmin(f.y_low, lines[k].y[i]);
            f.y_high = fmax(f.y_high, lines[k].y[i]);
        }
    }
    if (!(f.x_high >= f.x_low))
        return;
    if (is_flat(f.x_low, f.x_high))
        widen(&f.x_low, &f.x_high);
    widen(&f.y_low, &f.y_high);
    f.left = room_for_numbers(&f, f.left);
    f.width = WIDTH - 14 - f.left;
    double below = n > 1 ? key(NULL, 0, names, n) : 0;
    begin(to, WIDTH, f.top + f.height + 46 + below, y_name);
    axes(&f, x_name, y_name, true);
    for (int k = 0; k < n; k++)
        draw_line(&f, &lines[k], colors[k % N_COLORS], dots);
    if (n > 1)
        key(to, f.top + f.height + 44, names, n);
    end(to);
}

void ex_chart_points(FILE *to, const double *x, const double *y, const int64_t *classes, int64_t n, const char *const *names,
                     int64_t n_classes)
{
    enum { MOST = 40 };           /* classes in the key: more say nothing */
    frame f = { .to = to, .left = 10, .top = 4, .width = WIDTH - 20, .height = WIDTH - 20, .x_low = INFINITY, .x_high = -INFINITY,
                .y_low = INFINITY, .y_high = -INFINITY };
    for (int64_t i = 0; i < n; i++) {
        f.x_low = fmin(f.x_low, x[i]);
        f.x_high = fmax(f.x_high, x[i]);
        f.y_low = fmin(f.y_low, y[i]);
        f.y_high = fmax(f.y_high, y[i]);
    }
    if (n < 1)
        return;
    widen(&f.x_low, &f.x_high);
    widen(&f.y_low, &f.y_high);
    bool keyed = n_classes > 1 && n_classes <= MOST;
    begin(to, WIDTH, f.top + f.height + 8 + (keyed ? key(NULL, 0, names, n_classes) : 0), "Points by class");
    fprintf(to, "<rect x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"none\" stroke=\"#ccc\"/>\n", f.left, f.top, f.width, f.height);
    int64_t paths = n_classes < N_COLORS ? n_classes : N_COLORS;
    for (int64_t c = paths > 0 ? 0 : -1; c < paths || c < 0; c++) { /* a path a colour, of dots */
        fprintf(to, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"4\" stroke-linecap=\"round\" stroke-opacity=\"0.6\" d=\"",
                colors[c < 0 ? 0 : c]);
        for (int64_t i = 0; i < n; i++)
            if (c < 0 || (classes[i] >= 0 && classes[i] % N_COLORS == c))
                fprintf(to, "M%.1f %.1fh0", at_x(&f, x[i]), at_y(&f, y[i]));
        fprintf(to, "\"/>\n");
        if (c < 0)
            break;
    }
    if (keyed)
        key(to, f.top + f.height + 6, names, n_classes);
    end(to);
}

void ex_chart_histogram(FILE *to, const int64_t *counts, int n, double low, double high, const char *x_name)
{
    frame f = { .to = to, .left = 14, .top = 14, .width = WIDTH - 28, .height = 160, .x_low = low, .x_high = high, .y_high = 1 };
    int64_t most = 1;
    for (int i = 0; i < n; i++)
        most = counts[i] > most ? counts[i] : most;
    if (is_flat(low, high))
        widen(&f.x_low, &f.x_high);
    begin(to, WIDTH, f.top + f.height + 44, "Histogram");
    for (int i = 0; i < n; i++) {
        double height = f.height * (double)counts[i] / (double)most;
        box(to, f.left + f.width * i / n, f.top + f.height - height, f.width / n - 0.5, height, colors[0], 1);
    }
    axes(&f, x_name, "", false);
    end(to);
}

/* ---- matrix ---------------------------------------------------------------------------------------------------------------- */

/* How many of the first `most` bytes whole characters take. */
static int first_bytes(const char *text, int most)
{
    int used = 0, length;
    while (text[used] != '\0' && (length = ex_utf8((const unsigned char *)text + used)) > 0 && used + length <= most)
        used += length;
    return used;
}

void ex_chart_matrix(FILE *to, const int64_t *counts, int64_t n, const char *const *names)
{
    enum { LEFT = 96, NUMBERED = 20 };
    double side = (double)(WIDTH - LEFT) / (double)n;
    char text[24];
    begin(to, WIDTH, 24 + side * (double)n, "Shares of each class by what it is taken for");
    text_at(to, LEFT, 16, "start", n <= NUMBERED ? "taken for; % of the row" : "taken for");
    for (int64_t i = 0; i < n; i++) {
        int64_t all = 0;
        double y = 24 + side * (double)i;
        for (int64_t j = 0; j < n; j++)
            all += counts[i * n + j];
        if (n <= NUMBERED || i % ((n + 39) / 40) == 0) {
            snprintf(text, sizeof text, "%.*s", first_bytes(names[i], 12), names[i]);
            text_at(to, LEFT - 6, y + side / 2 + (n <= 30 ? 4 : 2), "end", text);
        }
        for (int64_t j = 0; j < n; j++) {
            double share = all > 0 ? (double)counts[i * n + j] / (double)all : 0, x = LEFT + side * (double)j;
            if (counts[i * n + j] > 0 || i == j)
                box(to, x, y, side - (n <= NUMBERED ? 1 : 0), side - (n <= NUMBERED ? 1 : 0), i == j ? colors[0] : colors[1],
                    0.06 + 0.94 * share);
            if (n > NUMBERED || share < 0.005)
                continue;
            fprintf(to, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" font-size=\"%g\" fill=\"%s\">%.0f</text>\n", x + side / 2,
                    y + side / 2 + 4, n <= 12 ? 12.0 : 9.0, i == j && share > 0.5 ? "#fff" : "#222", 100 * share);
        }
    }
    end(to);
}
