/* report.html: what a training program was asked for, what came of it, and its pictures. */
#include "chart.h"
#include "html.h"
#include "objective.h"
#include "page.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Names of the pictures in the folder, sorted; each and the list are malloc()'s. */
static char **find_pictures(const char *folder, int *count)
{
    char **names = NULL;
    DIR *open = opendir(folder);
    const struct dirent *entry;
    *count = 0;
    while (open != NULL && (entry = readdir(open)) != NULL) {
        size_t length = strlen(entry->d_name);
        if (length < 5 || strcmp(entry->d_name + length - 4, ".png") != 0)
            continue;
        char **more = realloc(names, (size_t)(*count + 1) * sizeof *more);
        if (more == NULL)
            break;
        names = more;
        names[*count] = strdup(entry->d_name);
        *count += names[*count] != NULL;
    }
    if (open != NULL)
        closedir(open);
    if (*count > 0)
        qsort(names, (size_t)*count, sizeof *names, by_text);
    return names;
}

static void put_pictures(ex_run *run, FILE *to)
{
    int count;
    char path[EX_MAX_PATH], **names = find_pictures(run->o.out, &count);
    if (count > 0)
        ex_html_section(to, "Pictures");
    for (int i = 0; i < count; i++) {
        fprintf(to, "<h3>");
        ex_html_text(to, names[i]);
        fprintf(to, "</h3>\n");
        ex_html_picture_file(to, ex_folder_file(run, names[i], path), names[i]);
        free(names[i]);
    }
    free(names);
}

static void put_probes(const ex_run *run, FILE *to)
{
    ex_bar bars[EX_PROBES * EX_MAX_TAPS + EX_MAX_CLASSIFIERS];
    int n = 0;
    double none = (double)NAN;
    for (int i = 0; i < EX_MAX_TAPS && run->taps[i] != NULL; i++)
        for (int k = 0; run->probes[k] != NULL; k++)
            bars[n++] = (ex_bar){ run->taps[i], run->probes[k]->title, run->last.tap[i].of[k], none };
    for (int i = 0; i < EX_MAX_CLASSIFIERS && run->classifiers[i] != NULL; i++)
        bars[n++] = (ex_bar){ "online classifiers", run->classifiers[i], run->last.classifier[i], none };
    ex_html_section(to, "Accuracy on test samples");
    fprintf(to, "<p>%lld test %s; the probes learned from %u labelled training %s.</p>\n", (long long)run->tested.count, ex_noun(run),
            (unsigned)run->o.probe_train, ex_noun(run));
    ex_chart_bars(to, bars, n, 1, 100, "%");
}

static void put_measures(const ex_run *run, FILE *to)
{
    char text[64];
    ex_html_section(to, "Measures at the end");
    fprintf(to, "<table>\n");
    for (int i = 0; i < ex_measures(run); i++) {
        const ex_measure *m = &run->task->measures[i];
        bool share = m->unit != NULL && strcmp(m->unit, "%") == 0;
        snprintf(text, sizeof text, "%.7g", run->last.measure[i]); /* as log.csv has it, from which a resumed run takes it */
        double value = (share ? 100 : 1) * strtod(text, NULL);
        int digits = share ? 1 : value == floor(value) ? 0 : 4; /* a number of things has none */
        snprintf(text, sizeof text, "%.*f %s", digits, value, m->unit != NULL ? m->unit : "");
        if (isnan(value))
            snprintf(text, sizeof text, "not measured");
        ex_html_row(to, m->name, text);
    }
    fprintf(to, "</table>\n");
}

static void print(ex_run *run, FILE *to)
{
    char text[200], path[EX_MAX_PATH];
    snprintf(text, sizeof text, "%s: %s", run->program->name, run->o.out);
    ex_html_begin(to, text, run->program->name);
    ex_html_paragraph(to, run->program->summary);
    snprintf(text, sizeof text, "%llu step%s in %.1f s, by libdim %s.", (unsigned long long)ex_steps(run), ex_steps(run) == 1 ? "" : "s",
             run->train_s, dim_version());
    ex_html_paragraph(to, text);
    if (run->last.valid && run->task == NULL)
        put_probes(run, to);
    if (run->last.valid && run->task != NULL)
        put_measures(run, to);
    ex_page_data(run, to);
    if (run->encoder != NULL)
        ex_page_network(run, run->encoder, to);
    ex_html_section(to, "Training");
    if (run->log != NULL)
        fflush(run->log);
    if (!ex_page_curves(to, ex_folder_file(run, "log.csv", path)))
        ex_html_paragraph(to, "log.csv is missing, so curves are not shown.");
    put_pictures(run, to);
    ex_page_options(run, to);
    ex_html_end(to);
}

bool ex_page_run(ex_run *run) { return ex_page_write(run, "report.html", print); }
