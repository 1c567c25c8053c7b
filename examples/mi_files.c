/* The files that dim-mi writes: none of them is its input or another one, and each is written whole or not at all. */
#include "mi.h"
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- which is which -------------------------------------------------------------------------------------------------------- */

void mi_files_check(const mi_options *o)
{
    const char *const option[] = { "--json", "--pointwise", "--plot", "--report" };
    const char *const path[] = { o->json, o->pointwise, o->plot, o->report };
    enum { N = sizeof path / sizeof *path };
    ex_identity to[N] = { { .known = false } };
    struct stat out;
    for (int k = 0; k < N; k++) {
        if (path[k] == NULL)
            continue;
        if (strcmp(path[k], "-") == 0) {
            if (k > 0)
                mi_end(MI_USAGE, "%s: standard output, -, takes only --json", option[k]);
            continue;
        }
        to[k] = ex_identity_of(path[k]);
        for (int i = 0; i < o->files; i++) {
            ex_identity from = ex_identity_of(o->file[i]);
            if (strcmp(o->file[i], "-") != 0 && ex_is_same(&to[k], &from))
                mi_end(MI_USAGE, "%s: %s is a file to read, which it would replace", option[k], path[k]);
        }
        for (int i = 0; i < k; i++)
            if (ex_is_same(&to[k], &to[i]))
                mi_end(MI_USAGE, "%s and %s: both would write %s", option[i], option[k], path[k]);
        if (fstat(STDOUT_FILENO, &out) == 0) {
            ex_identity standard = { S_ISREG(out.st_mode), out.st_dev, out.st_ino, NULL };
            if (ex_is_same(&to[k], &standard))
                mi_end(MI_USAGE, "%s: %s is where standard output goes", option[k], path[k]);
        }
    }
}

/* ---- writing --------------------------------------------------------------------------------------------------------------- */

bool mi_save(const char *path, const void *bytes, size_t size)
{
    if (ex_write_file(path, bytes, size))
        return true;
    fprintf(stderr, "dim-mi: cannot write %s: %s\n", path, strerror(errno));
    return false;
}

char *mi_text(const mi_run *run, void (*print)(const mi_run *run, FILE *to), size_t *size)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, size);
    if (to == NULL)
        mi_end(MI_DATA, "out of memory");
    print(run, to);
    bool failed = ferror(to) != 0;
    if (fclose(to) != 0 || failed)
        mi_end(MI_DATA, "out of memory");
    return text;
}

bool mi_tell(const mi_run *run, void (*print)(const mi_run *run, FILE *to))
{
    size_t size;
    char *text = mi_text(run, print, &size);
    errno = EBADF; /* what a closed one has */
    bool told = run->standard && fwrite(text, 1, size, stdout) == size && fflush(stdout) == 0;
    if (!told)
        fprintf(stderr, "dim-mi: cannot write to standard output: %s\n", strerror(errno));
    free(text);
    return told;
}

bool mi_write(const mi_run *run, const char *path, void (*print)(const mi_run *run, FILE *to))
{
    size_t size;
    char *text = mi_text(run, print, &size);
    bool written = mi_save(path, text, size);
    free(text);
    return written;
}
