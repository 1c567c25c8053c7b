/* Text in pictures: a font of 5 x 9 dots, of which the two lowest are below the line.  Its drawing is its table. */
#include "canvas.h"

#include <string.h>

enum { ACROSS = 16, FIRST = ' ', LAST = '~', WIDE = EX_GLYPH_WIDTH, HIGH = EX_GLYPH_HEIGHT };

/* ACROSS characters from FIRST on, the next ones below them, and so on. */
static const char *const dots[] = {
    "        #    # #   # #    #   ##     ##     #      #   #                                        ",
    "        #    # #   # #   #### ##  # #  #    #     #     #     #     #                         # ",
    "        #    # #  ##### # #      #  # #     #    #       #  # # #   #                        #  ",
    "        #          # #   ###    #    #           #       #   ###  #####       #####         #   ",
    "        #         #####   # #  #    # # #        #       #  # # #   #                      #    ",
    "                   # #  ####  #  ## #  #          #     #     #     #    ##          ##   #     ",
    "        #          # #    #      ##  ## #          #   #                 ##          ##         ",
    "                                                                          #                     ",
    "                                                                         #                      ",
    " ###    #    ###  #####    #  #####   ##  #####  ###   ###                 #         #     ###  ",
    "#   #  ##   #   #    #    ##  #      #        # #   # #   #  ##    ##     #           #   #   # ",
    "#  ##   #       #   #    # #  ####  #        #  #   # #   #  ##    ##    #    #####    #      # ",
    "# # #   #      #     #  #  #      # ####    #    ###   ####             #               #    #  ",
    "##  #   #     #       # #####     # #   #  #    #   #     #  ##          #    #####    #    #   ",
    "#   #   #    #    #   #    #  #   # #   #  #    #   #    #   ##    ##     #           #         ",
    " ###   ###  #####  ###     #   ###   ###   #     ###   ##          ##      #         #      #   ",
    "                                                                    #                           ",
    "                                                                   #                            ",
    " ###   ###  ####   ###  ###   ##### #####  ###  #   #  ###    ### #   # #     #   # #   #  ###  ",
    "#   # #   # #   # #   # #  #  #     #     #   # #   #   #      #  #  #  #     ## ## #   # #   # ",
    "    # #   # #   # #     #   # #     #     #     #   #   #      #  # #   #     # # # ##  # #   # ",
    " ## # ##### ####  #     #   # ####  ####  # ### #####   #      #  ##    #     # # # # # # #   # ",
    "# # # #   # #   # #     #   # #     #     #   # #   #   #      #  # #   #     #   # #  ## #   # ",
    "# # # #   # #   # #   # #  #  #     #     #   # #   #   #   #  #  #  #  #     #   # #   # #   # ",
    " ###  #   # ####   ###  ###   ##### #      #### #   #  ###   ##   #   # ##### #   # #   #  ###  ",
    "                                                                                                ",
    "                                                                                                ",
    "####   ###  ####   #### ##### #   # #   # #   # #   # #   # #####  ###         ###    #         ",
    "#   # #   # #   # #       #   #   # #   # #   # #   # #   #     #  #    #        #   # #        ",
    "#   # #   # #   # #       #   #   # #   # #   #  # #  #   #    #   #     #       #  #   #       ",
    "####  #   # ####   ###    #   #   # #   # # # #   #    # #    #    #      #      #              ",
    "#     # # # # #       #   #   #   # #   # # # #  # #    #    #     #       #     #              ",
    "#     #  #  #  #      #   #   #   #  # #  # # # #   #   #   #      #        #    #              ",
    "#      ## # #   # ####    #    ###    #    # #  #   #   #   #####  ###         ###              ",
    "                                                                                          ##### ",
    "                                                                                                ",
    " #          #               #         ##        #       #      #  #      ##                     ",
    "  #         #               #        #  #       #                 #       #                     ",
    "   #   ###  # ##   ###   ## #  ###   #     #### # ##   ##     ##  #  #    #   ## #  # ##   ###  ",
    "          # ##  # #   # #  ## #   # ###   #   # ##  #   #      #  # #     #   # # # ##  # #   # ",
    "       #### #   # #     #   # #####  #    #   # #   #   #      #  ##      #   # # # #   # #   # ",
    "      #   # #   # #   # #   # #      #    #   # #   #   #      #  # #     #   #   # #   # #   # ",
    "       #### ####   ###   ####  ###   #     #### #   #  ###     #  #  #   ###  #   # #   #  ###  ",
    "                                              #             #  #                                ",
    "                                           ###               ##                                 ",
    "                         #                                           #    #    #                ",
    "                         #                                          #     #     #               ",
    "####   #### # ##   #### ###   #   # #   # #   # #   # #   # #####   #     #     #    #          ",
    "#   # #   # ##  # #      #    #   # #   # #   #  # #  #   #    #   #      #      #  # # #       ",
    "#   # #   # #      ###   #    #   # #   # # # #   #   #   #   #     #     #     #      #        ",
    "#   # #   # #         #  #  # #  ##  # #  # # #  # #  #   #  #      #     #     #               ",
    "####   #### #     ####    ##   ## #   #    # #  #   #  #### #####    #    #    #                ",
    "#         #                                               #                                     ",
    "#         #                                            ###                                      ",
};

/* Whether a dot of a character is set; column WIDE - 1 is the space to the next one. */
static bool is_set(unsigned char c, int row, int column)
{
    int at = c < FIRST || c > LAST ? '?' - FIRST : c - FIRST;
    return dots[at / ACROSS * HIGH + row][at % ACROSS * WIDE + column] == '#';
}

/* The bytes of UTF-8 after the first one of a character: with that one, a '?'. */
static bool is_continued(unsigned char c) { return (c & 0xC0) == 0x80; }

int64_t ex_text_width(const char *text)
{
    int64_t count = 0;
    for (; *text != '\0'; text++)
        count += !is_continued((unsigned char)*text);
    return count * WIDE * EX_DOT;
}

void ex_canvas_text(ex_canvas *c, int64_t x0, int64_t y0, const char *text, const uint8_t color[3])
{
    for (; *text != '\0'; text++) {
        if (is_continued((unsigned char)*text))
            continue;
        for (int row = 0; row < HIGH; row++)
            for (int column = 0; column < WIDE; column++)
                if (is_set((unsigned char)*text, row, column))
                    ex_canvas_fill(c, x0 + EX_DOT * column, y0 + EX_DOT * row, EX_DOT, EX_DOT, color);
        x0 += WIDE * EX_DOT;
    }
}

/* How much of a text is its first line, in a width: whole words, as many as fit, but one at least. */
static size_t line_of(const char *text, int64_t width)
{
    size_t end = strcspn(text, " ");
    for (size_t next = end; text[next] != '\0';) {
        next += 1 + strcspn(text + next + 1, " ");
        if ((int64_t)next * WIDE * EX_DOT > width)
            break;
        end = next;
    }
    return end;
}

int64_t ex_canvas_caption(ex_canvas *c, int64_t x0, int64_t y0, int64_t width, const char *text)
{
    int64_t y = y0;
    while (*text != '\0') {
        char line[256];
        size_t length = line_of(text, width);
        if (c != NULL && length < sizeof line) {
            memcpy(line, text, length);
            line[length] = '\0';
            ex_canvas_text(c, x0, y, line, ex_dark);
        }
        text += length;
        text += *text == ' ';
        y += EX_LINE;
    }
    return y - y0;
}

int64_t ex_canvas_key(ex_canvas *c, int64_t x0, int64_t y0, const uint8_t color[3], bool dashed, const char *text)
{
    enum { SIDE = EX_KEY - 2 * EX_BORDER, GAP = 14 };
    ex_canvas_border(c, x0, y0, SIDE, SIDE, color, dashed);
    x0 += EX_KEY + GAP / 2;
    ex_canvas_text(c, x0, y0 + (EX_KEY - EX_GLYPH_HEIGHT * EX_DOT) / 2 + EX_DOT, text, ex_dark);
    return x0 + ex_text_width(text) + 2 * GAP;
}
