/* dim-eval's results as a page and as JSON. */
#include "chart.h"
#include "evaluate.h"
#include "html.h"
#include "page.h"
#include "words.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- report.html ----------------------------------------------------------------------------------------------------------- */

static void put_bars(const ev_run *run, FILE *to)
{
    ex_bar bars[EV_NUMBERS];
    int n = 0;
    for (int i = 0; i < run->n_numbers; i++)
        if (run->numbers[i].v.share)
            bars[n++] = (ex_bar){ run->numbers[i].tap, run->numbers[i].title, run->numbers[i].v.value, run->numbers[i].v.deviation };
    if (n == 0)
        return;
    ex_html_section(to, "What can be read from the features");
    fprintf(to, "<p>Shares of %lld test images, with probes that learned from %lld labelled training images; 9 nearest: how many of the "
                "9 other test images that are nearest to one are of its class. Whiskers: the deviation over the runs, or of one run that "
                "of so many test images.</p>\n",
            (long long)run->ex.tested.count, (long long)run->ex.probed.count);
    ex_chart_bars(to, bars, n, 1, 100, "%");
}

static void put_numbers(const ev_run *run, FILE *to)
{
    ex_html_section(to, "All numbers");
    fprintf(to, "<p>RankMe and effective dimensions: how many directions the features use. Alignment: the mean squared distance of the "
                "codes of two random views of an image, small where codes ignore what views change; uniformity: how evenly codes fill a "
                "sphere, the lower the better, near -4 at best. NDM: how much units depend on each other. MINE: how much of the image "
                "is in the code, good for comparisons alone.</p>\n");
    fprintf(to, "<div class=\"wide\"><table>\n<tr><th>features</th><th class=\"n\">width</th><th>evaluation</th><th class=\"n\">value</th>"
                "<th class=\"n\">deviation</th><th class=\"n\">runs</th></tr>\n");
    for (int i = 0; i < run->n_numbers; i++) {
        const ev_number *v = &run->numbers[i];
        fprintf(to, "<tr><td>");
        ex_html_text(to, v->tap);
        fprintf(to, "</td><td class=\"n\">%lld</td><td>", (long long)v->width);
        ex_html_text(to, v->title);
        fprintf(to, "</td><td class=\"n\">%.*f %s</td>", v->v.share ? 2 : 4, (v->v.share ? 100 : 1) * v->v.value, v->v.unit);
        if (isfinite(v->v.deviation))
            fprintf(to, "<td class=\"n\">%.*f</td>", v->v.share ? 2 : 4, (v->v.share ? 100 : 1) * v->v.deviation);
        else
            fprintf(to, "<td class=\"n\"></td>");
        fprintf(to, "<td class=\"n\">%lld</td></tr>\n", (long long)v->v.runs);
    }
    fprintf(to, "</table></div>\n");
}

static void put_confusion(const ev_run *run, FILE *to)
{
    if (run->confusion == NULL)
        return;
    ex_html_section(to, "Confusion");
    fprintf(to, "<p>Rows: what test images show. Columns, in the same order: what kNN by cosine takes them for, from \"");
    ex_html_text(to, run->program.code);
    fprintf(to, "\".</p>\n");
    ex_chart_matrix(to, run->confusion, run->classes, (const char *const *)run->class_names);
}

static void put_map(const ev_run *run, FILE *to)
{
    ex_html_section(to, "Map of the code");
    fprintf(to, "<p>The first two principal components of \"");
    ex_html_text(to, run->program.code);
    fprintf(to, "\", which have %.0f %% and %.0f %% of the variance, of %lld images. features.npy and features.csv have all of it, for "
                "t-SNE or UMAP.</p>\n", 100 * run->map_share[0], 100 * run->map_share[1], (long long)run->mapped);
    ex_chart_points(to, run->map, run->map + run->mapped, run->map_classes, run->mapped, (const char *const *)run->class_names,
                    run->classes);
}

static void put_values(const ev_run *run, int64_t width, FILE *to)
{
    double *x = calloc((size_t)width, sizeof *x);
    fprintf(to, "<div class=\"charts\"><div><h3>Values of the code, all units</h3>\n");
    ex_chart_histogram(to, run->bins, EV_BINS, run->bins_low, run->bins_high, "value");
    fprintf(to, "</div>\n<div><h3>Deviation of each unit, sorted</h3>\n");
    for (int64_t j = 0; j < width && x != NULL; j++)
        x[j] = (double)(j + 1);
    if (x != NULL)
        ex_chart_lines(to, &(ex_line){ "deviation", x, run->deviations, width }, 1, "unit", "", false);
    fprintf(to, "</div></div>\n");
    free(x);
}

static void put_picture(ex_run *run, const char *name, const char *heading, FILE *to)
{
    char path[EX_MAX_PATH];
    if (access(ex_folder_file(run, name, path), R_OK) != 0)
        return;
    ex_html_section(to, heading);
    ex_html_picture_file(to, path, heading);
}

static const char *log_of(const ev_run *run, char path[EX_MAX_PATH])
{
    const char *weights = run->ex.o.weights, *slash = strrchr(weights, '/');
    if (run->ex.o.log != NULL)
        return run->ex.o.log;
    snprintf(path, EX_MAX_PATH, "%.*slog.csv", slash != NULL ? (int)(slash - weights) + 1 : 0, weights);
    return path;
}

static void put_training(const ev_run *run, FILE *to)
{
    char path[EX_MAX_PATH];
    const char *log = log_of(run, path);
    ex_html_section(to, "Training");
    if (ex_page_curves(to, log))
        return;
    fprintf(to, "<p>No log of training was found in ");
    ex_html_text(to, log);
    fprintf(to, ".</p>\n");
}

void ev_page(ex_run *ex, FILE *to)
{
    ev_run *run = (ev_run *)ex;
    int64_t shape[3] = { 0, 0, 0 };
    char text[EX_MAX_PATH + 64];
    snprintf(text, sizeof text, "What %s has learnt", ex->o.weights);
    ex_html_begin(to, text, "What has it learnt?");
    snprintf(text, sizeof text, "%s on %s, by dim-eval of libdim %s.", ex->o.weights, ex->o.data, dim_version());
    ex_html_paragraph(to, text);
    dim_encoder_tap_shape(run->encoder, run->program.code, shape);
    put_bars(run, to);
    put_confusion(run, to);
    put_picture(ex, "retrieval.png", "Nearest by the cosine", to);
    put_picture(ex, "retrieval-euclidean.png", "Nearest by Euclidean distance", to);
    put_map(run, to);
    put_values(run, shape[0] * shape[1] * shape[2], to);
    put_picture(ex, "reconstruction.png", "Reconstructions", to);
    put_picture(ex, "filters.png", "Filters of the first layer", to);
    put_training(run, to);
    ex_page_data(ex, to);
    ex_page_network(ex, run->encoder, to);
    put_numbers(run, to);
    ex_page_options(ex, to);
    ex_html_end(to);
}

/* ---- results.json ---------------------------------------------------------------------------------------------------------- */

static void put_text(FILE *to, const char *name, const char *text)
{
    fprintf(to, "\"%s\":", name);
    ex_json_text(to, text);
}

static void put_json_number(FILE *to, const char *name, double x)
{
    if (isfinite(x))
        fprintf(to, ",\"%s\":%.17g", name, x);
    else
        fprintf(to, ",\"%s\":null", name);
}

void ev_json(ex_run *ex, FILE *to)
{
    const ev_run *run = (const ev_run *)ex;
    fputc('{', to);
    put_text(to, "version", dim_version());
    fputc(',', to);
    put_text(to, "weights", ex->o.weights);
    fputc(',', to);
    put_text(to, "data", ex->o.data);
    fprintf(to, ",\"train\":%lld,\"test\":%lld,\"seed\":%llu,\"results\":[", (long long)ex->probed.count, (long long)ex->tested.count,
            (unsigned long long)ex->o.seed);
    for (int i = 0; i < run->n_numbers; i++) {
        const ev_number *v = &run->numbers[i];
        fprintf(to, "%s\n{", i > 0 ? "," : "");
        put_text(to, "features", v->tap);
        fprintf(to, ",\"width\":%lld,", (long long)v->width);
        put_text(to, "evaluation", v->evaluation);
        put_json_number(to, "value", v->v.value);
        put_json_number(to, "deviation", v->v.deviation);
        fprintf(to, ",\"runs\":%lld}", (long long)v->v.runs);
    }
    fprintf(to, "]");
    for (int64_t i = 0; i < run->classes && run->confusion != NULL; i++)
        for (int64_t j = 0; j < run->classes; j++)
            fprintf(to, "%s%lld", i == 0 && j == 0 ? ",\n\"confusion\":[[" : j == 0 ? "],\n[" : ",",
                    (long long)run->confusion[i * run->classes + j]);
    fprintf(to, "%s}\n", run->confusion != NULL && run->classes > 0 ? "]]" : "");
}
