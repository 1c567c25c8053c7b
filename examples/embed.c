/* --embed: features and labels as arrays for NumPy. */
#include "common.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char ending[] = ".npy";

static const char *tap_of(const ex_run *run) { return run->o.embed_tap != NULL ? run->o.embed_tap : run->program->code; }

static const char *labels_file(const ex_run *run, char path[EX_MAX_PATH])
{
    const char *file = run->o.embed;
    snprintf(path, EX_MAX_PATH, "%.*s.labels%s", (int)(strlen(file) - (sizeof ending - 1)), file, ending);
    return path;
}

/* Tries it: permissions do not tell of a disk that is read-only, or of a folder such as /proc. */
static void check_writable(const ex_run *run, const char *folder)
{
    char path[EX_MAX_PATH + 16];
    snprintf(path, sizeof path, "%s/.embed-XXXXXX", folder);
    int file = mkstemp(path);
    if (file < 0)
        ex_usage_error(run->program, "--embed: no file can be made in the folder %s: %s", folder, strerror(errno));
    close(file);
    unlink(path);
}

static void check_place(const ex_run *run, const char *path)
{
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        ex_usage_error(run->program, "--embed: %s is a folder", path);
}

void ex_embed_check(ex_run *run, const dim_encoder *encoder)
{
    const char *path = run->o.embed, *slash;
    char folder[EX_MAX_PATH], labels[EX_MAX_PATH];
    int64_t shape[3];
    struct stat info;
    if (path == NULL)
        return;
    size_t length = strlen(path), end = sizeof ending - 1;
    if (length <= end || strcmp(path + length - end, ending) != 0)
        ex_usage_error(run->program, "--embed: %s does not end in %s", path, ending);
    if (length + sizeof ".labels" > sizeof folder)
        ex_usage_error(run->program, "--embed: the path is too long");
    slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1, slash != NULL ? path : ".");
    if (stat(folder, &info) != 0)
        ex_usage_error(run->program, "--embed: the folder %s does not exist", folder);
    check_writable(run, folder);
    check_place(run, path);
    check_place(run, labels_file(run, labels));
    if (dim_encoder_tap_shape(encoder, tap_of(run), shape) != DIM_OK)
        ex_usage_error(run->program, "--embed-tap: %s", dim_context_error(run->ctx));
}

static bool save(ex_run *run, const dim_tensor *t, const char *what, const char *path)
{
    if (dim_tensor_save_npy(t, path) != DIM_OK) {
        ex_report_clear();
        fprintf(stderr, "%s: --embed: %s\n", run->program->name, dim_context_error(run->ctx));
        return false;
    }
    fprintf(stderr, "%s %s\n", what, path);
    return true;
}

/* Without classes there is no file of labels, also none of an earlier run. */
static bool save_labels(ex_run *run, const ex_samples *s)
{
    char path[EX_MAX_PATH];
    labels_file(run, path);
    if (dim_dataset_classes(s->data) == 0) {
        unlink(path);
        return true;
    }
    dim_tensor *labels = ex_samples_labels(run, s);
    bool saved = save(run, labels, "labels:  ", path);
    dim_tensor_destroy(labels);
    return saved;
}

bool ex_embed(ex_run *run, dim_encoder *encoder)
{
    if (run->o.embed == NULL)
        return true;
    bool train = run->o.embed_split == EX_EMBED_TRAIN || run->test == NULL;
    ex_samples s = ex_samples_of(train ? run->train : run->test, INT64_MAX);
    s.clean = train ? run->clean : NULL;
    dim_tensor *features = ex_features(run, encoder, tap_of(run), &s, train ? "features of training images"
                                                                             : "features of test images");
    ex_report_clear();
    bool saved = save(run, features, "features:", run->o.embed) && save_labels(run, &s);
    dim_tensor_destroy(features);
    return saved;
}
