/* The files of class folders. */
#ifndef DIM_DATA_SOURCES_LISTING_H
#define DIM_DATA_SOURCES_LISTING_H

#include "data/stream.h"

typedef struct dim__file {
    const char *path; /* below the listing's root; set by dim__listing_sort() */
    int64_t at;       /* of the path in the text */
    int64_t label;
} dim__file;

/* Names in the folders that are no samples, by the reason. */
typedef enum dim__left_out { DIM__LEFT_HIDDEN, DIM__LEFT_OTHER, DIM__LEFT_LINK, DIM__LEFT_SYSTEM, DIM__LEFT_UNLISTED,
                             DIM__LEFT_REASONS } dim__left_out;

/* A folder that has been gone through. */
typedef struct dim__folder_id {
    uint64_t device, inode;
    bool used;
} dim__folder_id;

typedef struct dim__listing {
    dim_context *ctx;
    int64_t left_out[DIM__LEFT_REASONS];
    char first_left_out[256];  /* other than hidden ones */
    int64_t images;            /* image files beside class folders */
    dim__folder_id *seen;      /* a hash table of `room_seen`, a power of two, at most half full */
    int64_t n_seen, room_seen;
    dim__file *files;
    int64_t count, capacity;
    char *text; /* all paths */
    int64_t length, room;
} dim__listing;

/* The folders in `root` that may be classes, sorted, as one block.  What else is there counts as left out.  DIM_E_IO,
 * DIM_E_FORMAT (none, a link that leads nowhere). */
dim_status dim__names_folders(dim__listing *list, const char *root, const char ***out, int64_t *count);
/* Number of a name in sorted ones; -1 = none. */
int64_t dim__names_find(const char *const *names, int64_t count, const char *name);

/* Adds the file folder + name. */
dim_status dim__listing_add(dim__listing *list, const char *folder, const char *name, int64_t label);
/* Adds what lies in or below the class folders in `root`.  DIM_E_IO; DIM_E_FORMAT: a folder that is no class, one that is
 * reached twice by symbolic links, or is too deep. */
dim_status dim__listing_read(dim__listing *list, const char *root, const char *const *names, int64_t classes);
/* Adds all that lies in or below `root`, without labels. */
dim_status dim__listing_read_flat(dim__listing *list, const char *root);
/* Adds what a val_annotations.txt lists, by the sorted names of the classes. */
dim_status dim__annotations_read(dim__listing *list, dim__stream *s, const char *const *names, int64_t classes);
/* Counts the images in root/folder that a sorted listing does not have. */
dim_status dim__listing_count_unlisted(dim__listing *list, const char *root, const char *folder);
int64_t dim__listing_left_out(const dim__listing *list);
/* A line in the log about them, and one about classes without files. */
void dim__listing_tell(const dim__listing *list, const char *root, const char *const *names, int64_t classes);
/* DIM_E_FORMAT when a file is listed twice, naming it and `what` lists it. */
dim_status dim__listing_check_once(const dim__listing *list, const char *what);
/* By label and path.  Once, after the last file was added. */
void dim__listing_sort(dim__listing *list);
void dim__listing_free(dim__listing *list);

#endif
