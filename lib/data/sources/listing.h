/* The files of class folders. */
#ifndef DIM_DATA_SOURCES_LISTING_H
#define DIM_DATA_SOURCES_LISTING_H

#include "base/context.h"

typedef struct dim__file {
    const char *path; /* below the listing's root; set by dim__listing_sort() */
    int64_t at;       /* of the path in the text */
    int64_t label;
} dim__file;

typedef struct dim__listing {
    dim_context *ctx;
    dim__file *files;
    int64_t count, capacity;
    char *text; /* all paths */
    int64_t length, room;
} dim__listing;

/* The folders in `root` that are not hidden, sorted, as one block.  DIM_E_IO, DIM_E_FORMAT (none). */
dim_status dim__names_folders(dim_context *ctx, const char *root, const char ***out, int64_t *count);
/* Number of a name in sorted ones; -1 = none. */
int64_t dim__names_find(const char *const *names, int64_t count, const char *name);

/* Adds the file folder + name. */
dim_status dim__listing_add(dim__listing *list, const char *folder, const char *name, int64_t label);
/* Adds what lies in or below the class folders in `root`.  DIM_E_IO; DIM_E_FORMAT: a folder that is no class, folders
 * that hold themselves by a symbolic link or are too deep. */
dim_status dim__listing_read(dim__listing *list, const char *root, const char *const *names, int64_t classes);
/* DIM_E_FORMAT when a file is listed twice, naming it and `what` lists it. */
dim_status dim__listing_check_once(const dim__listing *list, const char *what);
/* By label and path.  Once, after the last file was added. */
void dim__listing_sort(dim__listing *list);
void dim__listing_free(dim__listing *list);

#endif
