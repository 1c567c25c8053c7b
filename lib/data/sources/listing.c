#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "data/sources/listing.h"

#include "base/file.h"
#include "data/source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>

enum { MAX_DEPTH = 32, MAX_PATH = 4096 };

/* The path of a walk, and the folders that it is in. */
typedef struct walk {
    char path[MAX_PATH];
    size_t root; /* bytes of the path that are not in the files' paths */
    struct {
        dev_t dev;
        ino_t ino;
    } inside[MAX_DEPTH];
    int depth;
} walk;

static dim_status open_folder(dim_context *ctx, const char *path, DIR **out)
{
    *out = dim__open_folder(path);
    if (*out != NULL)
        return DIM_OK;
    return dim__fail(ctx, errno == ENOMEM ? DIM_E_NOMEM : DIM_E_IO, "cannot list the folder %.4096s: %s", path,
                     strerror(errno));
}

/* The next name that is not hidden; NULL at the end, with *status set. */
static const char *next_name(dim_context *ctx, DIR *dir, const char *path, dim_status *status)
{
    struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(dir);
    } while (entry != NULL && entry->d_name[0] == '.');
    if (entry == NULL)
        *status = errno == 0 ? DIM_OK
                             : dim__fail(ctx, DIM_E_IO, "cannot list the folder %.4096s: %s", path, strerror(errno));
    return entry != NULL ? entry->d_name : NULL;
}

static bool enter(walk *w, const char *name)
{
    size_t length = strlen(w->path), more = strlen(name);
    if (length + 1 + more >= sizeof w->path)
        return false;
    w->path[length] = '/';
    memcpy(w->path + length + 1, name, more + 1);
    return true;
}

static bool is_folder(const char *path, struct stat *st)
{
    return stat(path, st) == 0 && S_ISDIR(st->st_mode);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static dim_status add_text(dim__listing *list, const char *text, size_t size)
{
    DIM__TRY(dim__grow(list->ctx, &list->text, &list->room, list->length + (int64_t)size, 1));
    memcpy(list->text + list->length, text, size);
    list->length += (int64_t)size;
    return DIM_OK;
}

dim_status dim__names_folders(dim_context *ctx, const char *root, const char ***out, int64_t *count)
{
    dim__listing list = { .ctx = ctx };
    walk w = { .depth = 0 };
    struct stat st;
    DIR *dir = NULL;
    const char *name, **sorted = NULL, **block = NULL;
    dim_status status = DIM_OK;
    if (strlen(root) >= sizeof w.path)
        return dim__fail(ctx, DIM_E_IO, "a path of %zu bytes is too long: %.100s...", strlen(root), root);
    size_t length = strlen(root);
    memcpy(w.path, root, length + 1);
    DIM__TRY(open_folder(ctx, root, &dir));
    while ((name = next_name(ctx, dir, root, &status)) != NULL) {
        if (enter(&w, name) && is_folder(w.path, &st))
            DIM__TRY_OR(done, dim__listing_add(&list, "", name, 0));
        w.path[length] = '\0';
    }
    if (status == DIM_OK && list.count == 0)
        status = dim__fail(ctx, DIM_E_FORMAT, "%s has no class folders", root);
    if (status != DIM_OK)
        goto done;
    sorted = dim__calloc(ctx, (size_t)list.count, sizeof *sorted);
    status = sorted != NULL ? DIM_OK : DIM_E_NOMEM;
    if (status != DIM_OK)
        goto done;
    for (int64_t i = 0; i < list.count; i++)
        sorted[i] = list.text + list.files[i].at;
    qsort(sorted, (size_t)list.count, sizeof *sorted, by_text);
    block = dim__names_block(ctx, sorted, list.count);
    status = block != NULL ? DIM_OK : DIM_E_NOMEM;
    if (status == DIM_OK) {
        *out = block;
        *count = list.count;
    }
done:
    dim__free(ctx, sorted);
    dim__listing_free(&list);
    closedir(dir);
    return status;
}

int64_t dim__names_find(const char *const *names, int64_t count, const char *name)
{
    const char *const *found = bsearch(&name, names, (size_t)count, sizeof *names, by_text);
    return found != NULL ? found - names : -1;
}

dim_status dim__listing_add(dim__listing *list, const char *folder, const char *name, int64_t label)
{
    int64_t at = list->length;
    DIM__TRY(dim__grow(list->ctx, &list->files, &list->capacity, list->count + 1, sizeof *list->files));
    if (*folder != '\0')
        DIM__TRY(add_text(list, folder, strlen(folder)));
    DIM__TRY(add_text(list, name, strlen(name) + 1));
    list->files[list->count++] = (dim__file){ NULL, at, label };
    return DIM_OK;
}

static bool is_image(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL &&
           (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 || strcasecmp(dot, ".png") == 0);
}

static dim_status read_folder(dim__listing *list, walk *w, const struct stat *st, int64_t label)
{
    dim_context *ctx = list->ctx;
    size_t length = strlen(w->path);
    const char *name;
    struct stat below;
    DIR *dir;
    dim_status status = DIM_OK;
    for (int i = 0; i < w->depth; i++)
        if (w->inside[i].dev == st->st_dev && w->inside[i].ino == st->st_ino)
            return dim__fail(ctx, DIM_E_FORMAT, "%s is a link to a folder that it lies in", w->path);
    if (w->depth == MAX_DEPTH)
        return dim__fail(ctx, DIM_E_FORMAT, "%s lies more than %d folders deep", w->path, MAX_DEPTH);
    w->inside[w->depth].dev = st->st_dev;
    w->inside[w->depth++].ino = st->st_ino;
    DIM__TRY(open_folder(ctx, w->path, &dir));
    while ((name = next_name(ctx, dir, w->path, &status)) != NULL) {
        if (!enter(w, name))
            status = dim__fail(ctx, DIM_E_IO, "a path below %.200s is too long", w->path);
        else if (is_folder(w->path, &below))
            status = read_folder(list, w, &below, label);
        else if (is_image(name))
            status = dim__listing_add(list, "", w->path + w->root, label);
        w->path[length] = '\0';
        if (status != DIM_OK)
            break;
    }
    w->depth--;
    closedir(dir);
    return status;
}

dim_status dim__listing_read(dim__listing *list, const char *root, const char *const *names, int64_t classes)
{
    dim_context *ctx = list->ctx;
    const char **folders = NULL;
    int64_t count = 0;
    struct stat st;
    walk w = { .root = strlen(root) + 1 };
    DIM__TRY(dim__names_folders(ctx, root, &folders, &count));
    dim_status status = DIM_OK;
    snprintf(w.path, sizeof w.path, "%s", root); /* its length was checked above */
    for (int64_t i = 0; status == DIM_OK && i < count; i++) {
        int64_t label = dim__names_find(names, classes, folders[i]);
        if (label < 0)
            status = dim__fail(ctx, DIM_E_FORMAT, "%s/%s is a class that train does not have", root, folders[i]);
        else if (enter(&w, folders[i]) && is_folder(w.path, &st))
            status = read_folder(list, &w, &st, label);
        w.path[w.root - 1] = '\0';
    }
    dim__free(ctx, folders);
    return status;
}

dim_status dim__listing_check_once(const dim__listing *list, const char *what)
{
    const char **sorted = dim__calloc(list->ctx, (size_t)list->count + 1, sizeof *sorted);
    dim_status status = sorted != NULL ? DIM_OK : DIM_E_NOMEM;
    for (int64_t i = 0; sorted != NULL && i < list->count; i++)
        sorted[i] = list->text + list->files[i].at;
    if (sorted != NULL && list->count > 1)
        qsort(sorted, (size_t)list->count, sizeof *sorted, by_text);
    for (int64_t i = 1; status == DIM_OK && i < list->count; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status = dim__fail(list->ctx, DIM_E_FORMAT, "%s has two lines for %.200s", what, sorted[i]);
    dim__free(list->ctx, sorted);
    return status;
}

static int by_label(const void *a, const void *b)
{
    const dim__file *x = a, *y = b;
    return x->label != y->label ? (x->label < y->label ? -1 : 1) : strcmp(x->path, y->path);
}

void dim__listing_sort(dim__listing *list)
{
    for (int64_t i = 0; i < list->count; i++)
        list->files[i].path = list->text + list->files[i].at;
    if (list->count > 1)
        qsort(list->files, (size_t)list->count, sizeof *list->files, by_label);
}

void dim__listing_free(dim__listing *list)
{
    dim__free(list->ctx, list->files);
    dim__free(list->ctx, list->text);
}
