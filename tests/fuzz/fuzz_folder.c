/* Folders of class folders, with names of any bytes: folders, files, links, dangling ones and such that lead back; and Tiny
 * ImageNet's list of names.  Bytes say what is made: kind of entry, name, and the folder to go on in. */
#define _XOPEN_SOURCE 700 /* nftw() */
#include "fuzz.h"

#include <ftw.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST = 12, NAME = 24 };

static const uint8_t png[] = {
    0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0,
    0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 10, 'I', 'D', 'A', 'T', 0x78, 0x9c, 0x63, 0x60, 0, 0, 0, 2, 0, 1, 0x48, 0xaf, 0xa4,
    0x71, 0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82
};

static int drop(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)at;
    return type == FTW_DP ? rmdir(path) : unlink(path);
}

/* Letters are frequent, endings of images too; no '/' and no NUL in it. */
static void take_name(fuzz_bytes *b, char name[NAME])
{
    static const char *const endings[] = { "", ".png", ".JPG", ".jpeg", ".webp", ".tif", "." };
    char text[16];
    size_t got;
    unsigned how = fuzz_byte(b);
    const uint8_t *at = fuzz_take(b, how & 7, &got);
    memcpy(text, at, got);
    text[got] = '\0';
    for (size_t i = 0; i < got; i++)
        if (text[i] == '/' || text[i] == '\0')
            text[i] = 'a';
    snprintf(name, NAME, "%s%s", text, endings[(how >> 3) % (sizeof endings / sizeof *endings)]);
}

/* Makes entries below the open folder `in`; those that cannot be made are left out. */
static void make(fuzz_bytes *b, const char *image, int in)
{
    char name[NAME], other[NAME];
    for (int i = 0; i < MOST && b->left > 0; i++) {
        unsigned kind = fuzz_byte(b) % 6;
        take_name(b, name);
        if (kind == 0) {
            (void)!mkdirat(in, name, 0755);
        } else if (kind == 1) {
            int below = openat(in, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (below >= 0)
                make(b, image, below);
            if (below >= 0)
                close(below);
        } else if (kind == 2) {
            return;
        } else if (kind == 3) {
            take_name(b, other);
            (void)!symlinkat(other, in, name);
        } else {
            (void)!symlinkat(kind == 4 ? image : ".", in, name);
        }
    }
}

static int make_split(fuzz_bytes *b, const char *image, const char *name)
{
    char path[160];
    snprintf(path, sizeof path, "%s/t/%s", fuzz_folder(), name);
    (void)!mkdir(path, 0755);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    fuzz_require(fd >= 0);
    make(b, image, fd);
    return fd;
}

static void try_open(const char *kind, dim_split split, unsigned how)
{
    char spec[160];
    dim_dataset *ds = NULL;
    dim_dataset_options o;
    DIM_OPTIONS_INIT(&o);
    o.image_size = how & 4 ? 2 : 0;
    o.on_error = how & 8 ? DIM_ON_ERROR_SKIP : DIM_ON_ERROR_FAIL;
    snprintf(spec, sizeof spec, "%s:%s/t", kind, fuzz_folder());
    fuzz_begin();
    if (fuzz_status(dim_dataset_open_with(fuzz_context(), spec, split, &o, &ds)))
        fuzz_require(dim_dataset_count(ds) > 0 && dim_dataset_class_name(ds, dim_dataset_classes(ds) - 1) != NULL);
    else
        fuzz_require(ds == NULL);
    dim_dataset_destroy(ds);
    fuzz_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char root[160], path[200], image[40];
    fuzz_bytes b = { data, size };
    unsigned how = fuzz_byte(&b);
    snprintf(image, sizeof image, "%s", fuzz_file(0, png, sizeof png));
    snprintf(root, sizeof root, "%s/t", fuzz_folder());
    fuzz_require(mkdir(root, 0755) == 0);
    int train = make_split(&b, image, "train");
    if ((how & 1) != 0) {
        int val = make_split(&b, image, "val");
        if ((how & 2) != 0) { /* what is left is the list */
            snprintf(path, sizeof path, "%s/val/val_annotations.txt", root);
            (void)!symlink(fuzz_file(1, b.at, b.left), path);
        }
        close(val);
        try_open((how & 16) != 0 ? "tiny" : "folder", DIM_SPLIT_TEST, how);
    }
    close(train);
    try_open("folder", DIM_SPLIT_TRAIN, how);
    fuzz_require(nftw(root, drop, 8, FTW_DEPTH | FTW_PHYS) == 0);
    return 0;
}
