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
#include <unistd.h>

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

static void leave_out(dim__listing *list, dim__left_out why, const char *path)
{
    list->left_out[why]++;
    if (why != DIM__LEFT_HIDDEN && list->first_left_out[0] == '\0')
        snprintf(list->first_left_out, sizeof list->first_left_out, "%s", path);
}

int64_t dim__listing_left_out(const dim__listing *list)
{
    int64_t n = 0;
    for (int i = 0; i < DIM__LEFT_REASONS; i++)
        n += list->left_out[i];
    return n;
}

/* The next name that is not hidden; NULL at the end, with *status set. */
static const char *next_name(dim__listing *list, DIR *dir, const char *path, dim_status *status)
{
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL)
            *status = errno == 0 ? DIM_OK : dim__fail(list->ctx, DIM_E_IO, "cannot list the folder %.4096s: %s", path,
                                                      strerror(errno));
        if (entry == NULL || entry->d_name[0] != '.')
            return entry != NULL ? entry->d_name : NULL;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            leave_out(list, DIM__LEFT_HIDDEN, "");
    }
}

/* Folders that systems and archivers put beside those of the user. */
static bool is_systems(const char *name)
{
    static const char *const names[] = { "__MACOSX", "@eaDir", "lost+found", "$RECYCLE.BIN", "System Volume Information" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
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

static bool is_image(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL &&
           (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0 || strcasecmp(dot, ".png") == 0);
}

/* Adds the folder `name` to `folders`, or sees what else it is. */
static dim_status look_at(dim__listing *list, dim__listing *folders, walk *w, const char *name)
{
    size_t length = strlen(w->path);
    struct stat st;
    dim_status status = DIM_OK;
    if (!enter(w, name))
        return dim__fail(list->ctx, DIM_E_IO, "a path in %.200s is too long", w->path);
    if (stat(w->path, &st) != 0 && (errno == ENOENT || errno == ELOOP))
        status = dim__fail(list->ctx, DIM_E_FORMAT, "%s is a symbolic link that leads nowhere; among the class folders it "
                           "may be a class that is missing", w->path);
    else if (stat(w->path, &st) != 0)
        status = dim__fail(list->ctx, DIM_E_IO, "cannot tell what %.4096s is: %s", w->path, strerror(errno));
    else if (!S_ISDIR(st.st_mode)) {
        leave_out(list, DIM__LEFT_OTHER, w->path);
        list->images += is_image(name);
    } else if (is_systems(name)) {
        leave_out(list, DIM__LEFT_SYSTEM, w->path);
    } else {
        status = dim__listing_add(folders, "", name, 0);
    }
    w->path[length] = '\0';
    return status;
}

static dim_status begin_at(dim_context *ctx, const char *root, walk *w)
{
    size_t length = strlen(root);
    if (length >= sizeof w->path)
        return dim__fail(ctx, DIM_E_IO, "a path of %zu bytes is too long: %.100s...", length, root);
    memcpy(w->path, root, length + 1);
    w->root = length + 1;
    w->depth = 0;
    return DIM_OK;
}

/* The texts of a listing, sorted. */
static const char **sorted_texts(const dim__listing *list)
{
    const char **sorted = dim__calloc(list->ctx, (size_t)list->count + 1, sizeof *sorted);
    for (int64_t i = 0; sorted != NULL && i < list->count; i++)
        sorted[i] = list->text + list->files[i].at;
    if (sorted != NULL && list->count > 1)
        qsort(sorted, (size_t)list->count, sizeof *sorted, by_text);
    return sorted;
}

dim_status dim__names_folders(dim__listing *list, const char *root, const char ***out, int64_t *count)
{
    dim_context *ctx = list->ctx;
    dim__listing folders = { .ctx = ctx };
    walk w;
    DIR *dir = NULL;
    const char *name, **sorted = NULL;
    dim_status status = DIM_OK;
    DIM__TRY(begin_at(ctx, root, &w));
    DIM__TRY(open_folder(ctx, root, &dir));
    while ((name = next_name(list, dir, root, &status)) != NULL)
        DIM__TRY_OR(done, look_at(list, &folders, &w, name));
    if (status != DIM_OK)
        goto done;
    if (folders.count == 0) {
        status = list->images == 0 ? dim__fail(ctx, DIM_E_FORMAT, "%s has no class folders", root)
                             : dim__fail(ctx, DIM_E_FORMAT, "%s has no class folders, but %lld image files; labels = "
                                         "DIM_LABELS_NONE opens images without classes", root, (long long)list->images);
        goto done;
    }
    sorted = sorted_texts(&folders);
    const char **block = sorted != NULL ? dim__names_block(ctx, sorted, folders.count) : NULL;
    status = block != NULL ? DIM_OK : DIM_E_NOMEM;
    if (status == DIM_OK) {
        *out = block;
        *count = folders.count;
    }
done:
    dim__free(ctx, sorted);
    dim__listing_free(&folders);
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

static dim__folder_id *find_seen(dim__folder_id *table, int64_t room, uint64_t device, uint64_t inode)
{
    uint64_t mask = (uint64_t)room - 1;
    uint64_t at = (inode * 0x9e3779b97f4a7c15u ^ device * 0xc2b2ae3d27d4eb4fu) >> 20 & mask;
    while (table[at].used && (table[at].device != device || table[at].inode != inode))
        at = (at + 1) & mask;
    return &table[at];
}

/* Notes a folder; *again: it was there already.  So each is gone through once, however many links lead to it. */
static dim_status note_folder(dim__listing *list, const struct stat *st, bool *again)
{
    if (2 * (list->n_seen + 1) > list->room_seen) {
        int64_t room = list->room_seen > 0 ? 2 * list->room_seen : 64;
        dim__folder_id *table = dim__calloc(list->ctx, (size_t)room, sizeof *table);
        if (table == NULL)
            return DIM_E_NOMEM;
        for (int64_t i = 0; i < list->room_seen; i++)
            if (list->seen[i].used)
                *find_seen(table, room, list->seen[i].device, list->seen[i].inode) = list->seen[i];
        dim__free(list->ctx, list->seen);
        list->seen = table;
        list->room_seen = room;
    }
    dim__folder_id *id = find_seen(list->seen, list->room_seen, (uint64_t)st->st_dev, (uint64_t)st->st_ino);
    *again = id->used;
    list->n_seen += !id->used;
    *id = (dim__folder_id){ (uint64_t)st->st_dev, (uint64_t)st->st_ino, true };
    return DIM_OK;
}

static dim_status read_folder(dim__listing *list, walk *w, const struct stat *st, int64_t label)
{
    dim_context *ctx = list->ctx;
    size_t length = strlen(w->path);
    const char *name;
    struct stat below;
    bool again;
    DIR *dir;
    dim_status status = DIM_OK;
    for (int i = 0; i < w->depth; i++)
        if (w->inside[i].dev == st->st_dev && w->inside[i].ino == st->st_ino)
            return dim__fail(ctx, DIM_E_FORMAT, "%s is a link to a folder that it lies in", w->path);
    DIM__TRY(note_folder(list, st, &again));
    if (again)
        return dim__fail(ctx, DIM_E_FORMAT, "%s is a folder that a symbolic link leads to as well, or a link to it; its images "
                         "must not be there twice", w->path);
    if (w->depth == MAX_DEPTH)
        return dim__fail(ctx, DIM_E_FORMAT, "%s lies more than %d folders deep", w->path, MAX_DEPTH);
    w->inside[w->depth].dev = st->st_dev;
    w->inside[w->depth++].ino = st->st_ino;
    DIM__TRY(open_folder(ctx, w->path, &dir));
    while ((name = next_name(list, dir, w->path, &status)) != NULL) {
        if (!enter(w, name))
            status = dim__fail(ctx, DIM_E_IO, "a path below %.200s is too long", w->path);
        else if (is_systems(name) && is_folder(w->path, &below))
            leave_out(list, DIM__LEFT_SYSTEM, w->path);
        else if (is_folder(w->path, &below))
            status = read_folder(list, w, &below, label);
        else if (is_image(name))
            status = dim__listing_add(list, "", w->path + w->root, label);
        else
            leave_out(list, stat(w->path, &below) == 0 ? DIM__LEFT_OTHER : DIM__LEFT_LINK, w->path);
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
    walk w;
    DIM__TRY(begin_at(ctx, root, &w));
    DIM__TRY(dim__names_folders(list, root, &folders, &count));
    dim_status status = DIM_OK;
    for (int64_t i = 0; status == DIM_OK && i < count; i++) {
        int64_t label = dim__names_find(names, classes, folders[i]);
        if (label < 0)
            status = dim__fail(ctx, DIM_E_FORMAT, "%s/%s is a class that train does not have", root, folders[i]);
        else if (enter(&w, folders[i]) && is_folder(w.path, &st))
            status = read_folder(list, &w, &st, label);
        else
            status = dim__fail(ctx, DIM_E_IO, "the folder %s/%s is gone", root, folders[i]);
        w.path[w.root - 1] = '\0';
    }
    dim__free(ctx, folders);
    return status;
}

dim_status dim__listing_read_flat(dim__listing *list, const char *root)
{
    struct stat st;
    walk w;
    DIM__TRY(begin_at(list->ctx, root, &w));
    if (!is_folder(root, &st))
        return dim__fail(list->ctx, DIM_E_IO, "%s is not a folder", root);
    return read_folder(list, &w, &st, -1);
}

/* By path, as bsearch() wants it. */
static int text_is(const void *key, const void *element)
{
    return strcmp(key, *(const char *const *)element);
}

dim_status dim__listing_count_unlisted(dim__listing *list, const char *root, const char *folder)
{
    dim_context *ctx = list->ctx;
    const char *name, **sorted = NULL;
    DIR *dir = NULL;
    dim_status status;
    walk w;
    DIM__TRY(begin_at(ctx, root, &w));
    if (!enter(&w, folder))
        return dim__fail(ctx, DIM_E_IO, "a path in %.200s is too long", root);
    if (access(w.path, F_OK) != 0)
        return DIM_OK; /* each image that is listed says that it is missing */
    DIM__TRY(open_folder(ctx, w.path, &dir));
    sorted = sorted_texts(list);
    status = sorted != NULL ? DIM_OK : DIM_E_NOMEM;
    size_t length = strlen(w.path);
    while (status == DIM_OK && (name = next_name(list, dir, w.path, &status)) != NULL) {
        if (!enter(&w, name))
            status = dim__fail(ctx, DIM_E_IO, "a path below %.200s is too long", w.path);
        else if (bsearch(w.path + w.root, sorted, (size_t)list->count, sizeof *sorted, text_is) == NULL)
            leave_out(list, is_image(name) ? DIM__LEFT_UNLISTED : DIM__LEFT_OTHER, w.path);
        w.path[length] = '\0';
    }
    dim__free(ctx, sorted);
    closedir(dir);
    return status;
}

void dim__listing_tell(const dim__listing *list, const char *root, const char *const *names, int64_t classes)
{
    static const char *const what[] = { "hidden", "of other kinds than JPEG and PNG or beside the classes",
                                        "links that lead nowhere", "folders of the system's", "without a class" };
    char text[400] = "";
    const char *empty = NULL;
    int64_t total = dim__listing_left_out(list), n_empty = 0, at = 0;
    size_t used = 0;
    for (int i = 0; i < DIM__LEFT_REASONS; i++)
        if (list->left_out[i] > 0)
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%lld %s", used > 0 ? ", " : "",
                                     (long long)list->left_out[i], what[i]);
    if (total > 0)
        dim__log(list->ctx, total > list->left_out[DIM__LEFT_HIDDEN] ? DIM_LOG_WARNING : DIM_LOG_INFO,
                 "%s: left out are %s%s%s", root, text, list->first_left_out[0] != '\0' ? "; the first is " : "",
                 list->first_left_out);
    for (int64_t c = 0; c < classes; c++) { /* files are sorted by class */
        int64_t first = at;
        while (at < list->count && list->files[at].label == c)
            at++;
        if (at == first && n_empty++ == 0)
            empty = names[c];
    }
    if (n_empty > 0)
        dim__log(list->ctx, DIM_LOG_WARNING, "%s: %lld of %lld classes have no image; the first is %s", root,
                 (long long)n_empty, (long long)classes, empty);
}

dim_status dim__listing_check_once(const dim__listing *list, const char *what)
{
    const char **sorted = sorted_texts(list);
    dim_status status = sorted != NULL ? DIM_OK : DIM_E_NOMEM;
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
    dim__free(list->ctx, list->seen);
    dim__free(list->ctx, list->files);
    dim__free(list->ctx, list->text);
}
