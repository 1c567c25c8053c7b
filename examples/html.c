#include "html.h"

#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Wide things scroll or shrink, so that a page fits a phone. */
static const char style[] =
    "body { font-family: sans-serif; max-width: 82em; margin: 1em auto; padding: 0 1em; color: #222; background: #fff }\n"
    "body { line-height: 1.4; overflow-wrap: anywhere }\n"
    "pre { background: #f4f4f4; padding: 1em; overflow: auto }\nimg { max-width: 100%; height: auto }\n"
    "svg { display: block; width: 100%; max-width: 44em; height: auto; font-family: sans-serif }\n"
    "table { border-collapse: collapse }\nth, td { text-align: left; padding: 0.15em 1em 0.15em 0; vertical-align: top }\n"
    "td { overflow-wrap: anywhere }\ntd.n, th.n { text-align: right; white-space: nowrap; overflow-wrap: normal }\n"
    ".charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24em), 1fr)); gap: 0 2em }\n"
    "h3 { margin-bottom: 0.2em }\n"
    ".wide { overflow-x: auto }\n.wide th, .wide td { overflow-wrap: normal; white-space: nowrap }\n"
    ".plot img { min-width: 50em }\nh2 { margin-top: 1.6em; border-bottom: 1px solid #ccc }\n";

void ex_html_text(FILE *to, const char *text)
{
    for (int length = 1; *text != '\0'; text += length == 0 ? 1 : length) {
        length = ex_utf8((const unsigned char *)text);
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

void ex_html_begin(FILE *to, const char *title, const char *heading)
{
    fprintf(to, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>");
    ex_html_text(to, title);
    fprintf(to, "</title>\n<style>\n%s</style>\n</head>\n<body>\n<h1>", style);
    ex_html_text(to, heading);
    fprintf(to, "</h1>\n");
}

void ex_html_end(FILE *to) { fprintf(to, "</body>\n</html>\n"); }

static void put_element(FILE *to, const char *element, const char *text)
{
    fprintf(to, "<%s>", element);
    ex_html_text(to, text);
    fprintf(to, "</%s>\n", element);
}

void ex_html_section(FILE *to, const char *heading) { put_element(to, "h2", heading); }

void ex_html_paragraph(FILE *to, const char *text) { put_element(to, "p", text); }

void ex_html_row(FILE *to, const char *name, const char *value)
{
    fprintf(to, "<tr><th>");
    ex_html_text(to, name);
    fprintf(to, "</th><td>");
    ex_html_text(to, value);
    fprintf(to, "</td></tr>\n");
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

void ex_html_picture(FILE *to, const uint8_t *png, size_t size, const char *what, const char *why)
{
    if (png == NULL) {
        fprintf(to, "<p>No picture: ");
        ex_html_text(to, why);
        fprintf(to, ".</p>\n");
        return;
    }
    fprintf(to, "<p><img alt=\"");
    ex_html_text(to, what);
    fprintf(to, "\" src=\"data:image/png;base64,");
    put_base64(to, png, size);
    fprintf(to, "\"/></p>\n");
}

/* All of a file, malloc()'s; NULL: errno. */
static uint8_t *read_file(const char *path, size_t *size)
{
    uint8_t *bytes = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    long end = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (end > 0 && fseek(file, 0, SEEK_SET) == 0)
        bytes = malloc((size_t)end);
    if (bytes != NULL && fread(bytes, 1, (size_t)end, file) != (size_t)end) {
        free(bytes);
        bytes = NULL;
        errno = EIO;
    }
    *size = end > 0 ? (size_t)end : 0;
    fclose(file);
    return bytes;
}

void ex_html_picture_file(FILE *to, const char *path, const char *what)
{
    size_t size = 0;
    uint8_t *bytes = read_file(path, &size);
    ex_html_picture(to, bytes, size, what, bytes == NULL ? strerror(errno) : "");
    free(bytes);
}
