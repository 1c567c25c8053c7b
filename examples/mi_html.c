/* dim-mi's page: all that is printed, and the picture, in one file without scripts. */
#include "html.h"
#include "mi.h"

#include <stdlib.h>
#include <string.h>

static void put_picture(const mi_run *run, FILE *to)
{
    const char *why = "";
    size_t size;
    uint8_t *bytes = mi_plot_bytes(run, &size, &why);
    fprintf(to, "<div class=\"wide plot\">\n");
    ex_html_picture(to, bytes, size, "Methods with their intervals, value against rows, shares of the rows, and the null, lags or scores",
                    why);
    fprintf(to, "</div>\n");
    free(bytes);
}

static void put_notes(const mi_run *run, FILE *to)
{
    fprintf(to, "<ul>\n");
    for (const char *at = run->data.notes != NULL ? run->data.notes : ""; *at != '\0';) {
        size_t length = strcspn(at, "\n");
        char line[MI_TEXT_ROOM];
        snprintf(line, sizeof line, "%.*s", (int)length, at);
        fprintf(to, "<li>");
        ex_html_text(to, line);
        fprintf(to, "</li>\n");
        at += length + 1;
    }
    for (int64_t i = 0; i < dim_information_remarks(run->info); i++) {
        char buffer[MI_TEXT_ROOM];
        fprintf(to, "<li>");
        ex_html_text(to, mi_note(run->info, i, buffer));
        fprintf(to, "</li>\n");
    }
    fprintf(to, "<li>The interval is one if the dependence is of a kind that these rows can show.</li>\n</ul>\n");
}

/* All of them, in full: the text above shortens them. */
static void put_names(const mi_run *run, FILE *to)
{
    for (int k = 0; k < MI_SIDES; k++) {
        const mi_side *s = &run->data.side[k];
        if (s->t == NULL)
            continue;
        fprintf(to, "<p>%c: ", "xyz"[k]);
        for (int64_t j = 0; j < s->columns; j++) {
            fputs(j > 0 ? ", " : "", to);
            ex_html_text(to, s->names[j]);
        }
        fprintf(to, "</p>\n");
    }
}

void mi_html(const mi_run *run, FILE *to)
{
    size_t size;
    char *text = mi_text(run, mi_print, &size);
    char title[MI_TEXT_ROOM];
    snprintf(title, sizeof title, "Mutual information of %s", run->o.file[0]);
    ex_html_begin(to, title, "How much do these columns tell about those?");
    fprintf(to, "<p>");
    ex_html_text(to, run->o.file[0]);
    fprintf(to, ", by dim-mi of libdim %s, seed %llu</p>\n<pre>", dim_version(), (unsigned long long)run->o.seed);
    ex_html_text(to, text);
    fprintf(to, "</pre>\n");
    free(text);
    put_names(run, to);
    put_picture(run, to);
    put_notes(run, to);
    ex_html_end(to);
}
