/* dim-mi's page: all that is printed, and the picture, in one file without scripts. */
#include "mi.h"

#include <stdlib.h>
#include <string.h>

static void put_escaped(FILE *to, const char *text)
{
    for (int length = 1; *text != '\0'; text += length == 0 ? 1 : length) {
        length = mi_utf8((const unsigned char *)text);
        switch (*text) {
        case '&': fputs("&amp;", to); break;
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '"': fputs("&quot;", to); break;
        default:
            if (length == 0)
                fputs("&#xfffd;", to);
            else if ((unsigned char)*text >= ' ' || *text == '\n')
                fwrite(text, 1, (size_t)length, to);
        }
    }
}

static void put_base64(FILE *to, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        uint32_t three = (uint32_t)bytes[i] << 16 | (i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0) | (i + 2 < size ? bytes[i + 2] : 0);
        for (int k = 0; k < 4; k++)
            fputc(i + (size_t)k > size ? '=' : digits[three >> (18 - 6 * k) & 63], to);
    }
}

static void put_picture(const mi_run *run, FILE *to)
{
    const char *why = "";
    size_t size;
    uint8_t *bytes = mi_plot_bytes(run, &size, &why);
    if (bytes == NULL) {
        fprintf(to, "<p>No picture: ");
        put_escaped(to, why);
        fprintf(to, ".</p>\n");
        return;
    }
    fprintf(to, "<p><img alt=\"Methods with their intervals, value against rows, shares of the rows, and the null, lags or scores\" "
                "src=\"data:image/png;base64,");
    put_base64(to, bytes, size);
    fprintf(to, "\"/></p>\n");
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
        put_escaped(to, line);
        fprintf(to, "</li>\n");
        at += length + 1;
    }
    for (int64_t i = 0; i < dim_information_remarks(run->info); i++) {
        char buffer[MI_TEXT_ROOM];
        fprintf(to, "<li>");
        put_escaped(to, mi_note(run->info, i, buffer));
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
            put_escaped(to, s->names[j]);
        }
        fprintf(to, "</p>\n");
    }
}

void mi_html(const mi_run *run, FILE *to)
{
    size_t size;
    char *text = mi_text(run, mi_print, &size);
    fprintf(to, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n<title>Mutual information of ");
    put_escaped(to, run->o.file[0]);
    fprintf(to, "</title>\n<style>body { font-family: sans-serif; max-width: 82em; margin: 1em auto; padding: 0 1em } "
                "pre { background: #f4f4f4; padding: 1em; overflow: auto } img { max-width: 100%%; height: auto }</style>\n"
                "</head>\n<body>\n"
                "<h1>How much do these columns tell about those?</h1>\n<p>");
    put_escaped(to, run->o.file[0]);
    fprintf(to, ", by dim-mi of libdim %s, seed %llu</p>\n<pre>", dim_version(), (unsigned long long)run->o.seed);
    put_escaped(to, text);
    fprintf(to, "</pre>\n");
    free(text);
    put_names(run, to);
    put_picture(run, to);
    put_notes(run, to);
    fprintf(to, "</body>\n</html>\n");
}
