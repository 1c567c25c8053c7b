/* What the example programs' pictures are made of: queries, text, borders, and the files that they become. */
#include "../examples/canvas.h"
#include "../examples/output.h"
#include "../examples/queries.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 10 };

/* The queries' labels, and that no image is chosen twice. */
static void choose(const int64_t *labels, int64_t n, int64_t queries[ROWS], int64_t theirs[ROWS])
{
    assert_true(ex_choose_queries(labels, n, queries, ROWS));
    for (int i = 0; i < ROWS; i++) {
        assert_in_range(queries[i], 0, n - 1);
        theirs[i] = labels[queries[i]];
        for (int j = 0; j < i; j++)
            assert_int_not_equal(queries[i], queries[j]);
    }
}

static void same(const int64_t *a, const int64_t *b)
{
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(a[i], b[i]);
}

/* Sorted by class, as folders are. */
static void queries_are_of_all_classes(void **state)
{
    int64_t labels[400], queries[ROWS], theirs[ROWS];
    (void)state;
    for (int i = 0; i < 400; i++)
        labels[i] = i / 40;
    choose(labels, 400, queries, theirs);
    same(theirs, (const int64_t[]){ 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 });
    for (int i = 0; i < 400; i++)
        labels[i] = i / 100;
    choose(labels, 400, queries, theirs);
    same(theirs, (const int64_t[]){ 0, 0, 0, 1, 1, 1, 2, 2, 3, 3 });
    same(queries, (const int64_t[]){ 0, 33, 66, 100, 133, 166, 200, 250, 300, 350 });
    for (int i = 0; i < 400; i++)
        labels[i] = i / 4;
    choose(labels, 400, queries, theirs);
    same(theirs, (const int64_t[]){ 0, 10, 20, 30, 40, 50, 60, 70, 80, 90 });
}

static void queries_of_small_classes(void **state)
{
    int64_t labels[12], queries[ROWS], theirs[ROWS];
    (void)state;
    for (int i = 0; i < 12; i++) /* in any order: two classes of one image each */
        labels[i] = i == 5 ? 7 : i == 9 ? 3 : 4;
    choose(labels, 12, queries, theirs);
    same(theirs, (const int64_t[]){ 3, 4, 4, 4, 4, 4, 4, 4, 4, 7 });
    for (int i = 0; i < 12; i++) /* none has a label */
        labels[i] = -1;
    choose(labels, 12, queries, theirs);
    for (int i = 0; i < 12; i++) /* as many images as queries */
        labels[i] = i % 3;
    choose(labels, ROWS, queries, theirs);
    same(theirs, (const int64_t[]){ 0, 0, 0, 0, 1, 1, 1, 2, 2, 2 });
}

static void open_canvas(ex_canvas *c, int64_t width, int64_t height)
{
    *c = (ex_canvas){ malloc((size_t)(3 * width * height)), width, height };
    assert_non_null(c->rgb);
    memset(c->rgb, 255, (size_t)(3 * width * height));
}

/* Dots of a text, as rows of '#', a space between characters. */
static void dots_are(const char *text, const char *const rows[EX_GLYPH_HEIGHT])
{
    ex_canvas c;
    open_canvas(&c, ex_text_width(text) + 4, EX_GLYPH_HEIGHT * EX_DOT);
    ex_canvas_text(&c, 0, 0, text, ex_dark);
    for (int y = 0; y < EX_GLYPH_HEIGHT * EX_DOT; y++)
        for (int x = 0; x < c.width; x++) {
            const char *row = rows[y / EX_DOT];
            bool set = x / EX_DOT < (int)strlen(row) && row[x / EX_DOT] == '#';
            const uint8_t *color = set ? ex_dark : ex_white;
            if (memcmp(c.rgb + 3 * (y * c.width + x), color, 3) != 0)
                fail_msg("'%s': dot %d, %d", text, x / EX_DOT, y / EX_DOT);
        }
    free(c.rgb);
}

static void text_has_its_dots(void **state)
{
    (void)state;
    dots_are("Ag", (const char *const[]){ " ###       ", "#   #      ", "#   #  ####", "##### #   #", "#   # #   #",
                                          "#   # #   #", "#   #  ####", "          #", "       ### " });
    dots_are("~", (const char *const[]){ "", "", " #", "# # #", "   #", "", "", "", "" });
    /* No character of the font: two bytes, one '?'. */
    dots_are("\xC3\xA4!", (const char *const[]){ " ###    #", "#   #   #", "    #   #", "   #    #", "  #     #", "",
                                                "  #     #", "", "" });
}

static void captions_break_between_words(void **state)
{
    const int64_t ten = 10 * EX_GLYPH_WIDTH * EX_DOT;
    (void)state;
    assert_int_equal(ex_canvas_caption(NULL, 0, 0, ten, ""), 0);
    assert_int_equal(ex_canvas_caption(NULL, 0, 0, ten, "one two th"), EX_LINE);
    assert_int_equal(ex_canvas_caption(NULL, 0, 0, ten, "one two thr"), 2 * EX_LINE);
    assert_int_equal(ex_canvas_caption(NULL, 0, 0, ten, "aaaaaaaaaaaaa b"), 2 * EX_LINE);
    ex_canvas c; /* what is outside of the canvas is left out */
    open_canvas(&c, 20, 20);
    ex_canvas_caption(&c, 10, 10, ten, "one two three four");
    free(c.rgb);
}

static int64_t count(const ex_canvas *c, const uint8_t color[3])
{
    int64_t n = 0;
    for (int64_t i = 0; i < c->width * c->height; i++)
        n += memcmp(c->rgb + 3 * i, color, 3) == 0;
    return n;
}

/* A border says by its shape what it says by its colour. */
static void borders_differ_in_shape(void **state)
{
    enum { SIDE = 32, ALL = SIDE + 2 * EX_BORDER };
    ex_canvas solid, dashed;
    (void)state;
    open_canvas(&solid, ALL, ALL);
    open_canvas(&dashed, ALL, ALL);
    ex_canvas_border(&solid, 0, 0, SIDE, SIDE, ex_blue, false);
    ex_canvas_border(&dashed, 0, 0, SIDE, SIDE, ex_orange, true);
    int64_t ring = ALL * ALL - SIDE * SIDE;
    assert_int_equal(count(&solid, ex_blue), ring);
    assert_in_range(count(&dashed, ex_orange), ring / 3, 2 * ring / 3);
    free(solid.rgb);
    free(dashed.rgb);
}

/* From the least value below to the greatest above, without gaps; what is beyond the range lies on the border. */
static void lines_follow_values(void **state)
{
    enum { WIDE = 40, HIGH = 20 };
    ex_canvas c;
    (void)state;
    open_canvas(&c, WIDE + 2 * EX_BORDER, HIGH + 2 * EX_BORDER);
    ex_canvas_line(&c, 0, 0, WIDE, HIGH, (const float[]){ -1, 3, -7 }, 3, -1, 1);
    for (int64_t x = 0; x < c.width; x++) {
        int64_t first = -1, last = -1, set = 0;
        for (int64_t y = 0; y < c.height; y++)
            if (memcmp(c.rgb + 3 * (y * c.width + x), ex_dark, 3) == 0) {
                first = first < 0 ? y : first;
                last = y;
                set++;
            }
        bool inside = x >= EX_BORDER && x < EX_BORDER + WIDE;
        assert_int_equal(set, inside ? last - first + 1 : 0);
        assert_true(!inside || (set >= 2 && first >= EX_BORDER && last < EX_BORDER + HIGH));
        if (x == EX_BORDER || x == EX_BORDER + WIDE - 1)
            assert_int_equal(last, EX_BORDER + HIGH - 1);
        if (x == EX_BORDER + WIDE / 2)
            assert_int_equal(first, EX_BORDER);
    }
    free(c.rgb);
}

static void holds(const char *path, const char *text)
{
    char got[32] = "";
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, got, sizeof got - 1), (ssize_t)strlen(text));
    assert_string_equal(got, text);
    close(fd);
}

static void files_are_replaced_whole(void **state)
{
    char folder[] = "test_pictures_XXXXXX";
    struct rlimit before, small;
    struct stat info;
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_true(ex_write_file("file", "old", 3));
    assert_int_equal(chmod("file", 0640), 0);
    assert_int_equal(symlink("file", "link"), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 2;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    bool written = ex_write_file("link", "other", 5), made = ex_write_file("made", "other", 5);
    int error = errno;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(written || made);
    assert_int_equal(error, EFBIG);
    holds("file", "old"); /* the old file is there */
    assert_int_equal(unlink("made"), -1);
    assert_true(ex_write_file("link", "other", 5));
    holds("file", "other");
    assert_int_equal(lstat("link", &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat("file", &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_false(ex_write_file(".", "x", 1));
    assert_int_equal(errno, EISDIR);
    assert_int_equal(unlink("link"), 0);
    assert_int_equal(symlink("new", "link"), 0);
    assert_true(ex_write_file("link", "through", 7));
    holds("new", "through");
    assert_int_equal(unlink("link") + unlink("new") + unlink("file"), 0);
    assert_int_equal(chdir(".."), 0);
    assert_int_equal(rmdir(folder), 0); /* nothing is left */
}

static void pipes_are_written_to(void **state)
{
    char folder[] = "test_pictures_XXXXXX", got[8] = "";
    struct stat info;
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    int fd = open("pipe", O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0 && ex_write_file("pipe", "text", 4));
    assert_int_equal(read(fd, got, sizeof got), 4);
    assert_string_equal(got, "text");
    assert_true(stat("pipe", &info) == 0 && S_ISFIFO(info.st_mode));
    close(fd);
    assert_int_equal(unlink("pipe"), 0);
    assert_int_equal(chdir(".."), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_of_all_classes),   cmocka_unit_test(queries_of_small_classes),
        cmocka_unit_test(text_has_its_dots),            cmocka_unit_test(captions_break_between_words),
        cmocka_unit_test(borders_differ_in_shape),      cmocka_unit_test(lines_follow_values),
        cmocka_unit_test(files_are_replaced_whole),     cmocka_unit_test(pipes_are_written_to),
    };
    return cmocka_run_group_tests_name("pictures", tests, NULL, NULL);
}
