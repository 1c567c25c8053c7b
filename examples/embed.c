/* Arrays for NumPy that a program writes: where they may be; and --embed, features and labels. */
#include "common.h"
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char ending[] = ".npy";

static const char *tap_of(const ex_run *run) { return run->o.embed_tap != NULL ? run->o.embed_tap : run->program->code; }

/* ---- arrays of any option */

const char *ex_npy_beside(const char *path, const char *what, char beside[EX_MAX_PATH])
{
    snprintf(beside, EX_MAX_PATH, "%.*s.%s%s", (int)(strlen(path) - (sizeof ending - 1)), path, what, ending);
    return beside;
}

/* Tries it: permissions do not tell of a disk that is read-only, or of a folder such as /proc. */
static void check_writable(const ex_program *program, const char *option, const char *folder)
{
    char path[EX_MAX_PATH + 16];
    snprintf(path, sizeof path, "%s/.array-XXXXXX", folder);
    int file = mkstemp(path);
    if (file < 0)
        ex_usage_error(program, "%s: no file can be made in the folder %s: %s", option, folder, strerror(errno));
    close(file);
    unlink(path);
}

void ex_npy_distinct(const ex_program *program, const char *option, const char *path, const char *other, const char *what)
{
    ex_identity a = ex_identity_of(path), b = ex_identity_of(other);
    if (ex_is_same(&a, &b))
        ex_usage_error(program, "%s: %s is %s, which it would replace", option, path, what);
}

/* Where it is not one of the arrays of --data. */
static void check_place(const ex_program *program, const ex_options *o, const char *option, const char *path)
{
    static const char *const parts[] = { "", "/train.npy", "/test.npy", "/train.labels.npy", "/test.labels.npy" };
    static const char kind[] = "npy:";
    char file[EX_MAX_PATH + 32];
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        ex_usage_error(program, "%s: %s is a folder", option, path);
    if (strncmp(o->data, kind, sizeof kind - 1) != 0 || strlen(o->data) >= EX_MAX_PATH - sizeof ".labels")
        return;
    const char *data = o->data + sizeof kind - 1;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(file, sizeof file, "%s%s", data, parts[i]);
        ex_npy_distinct(program, option, path, file, "a file of --data");
    }
    if (strlen(data) > sizeof ending - 1)
        ex_npy_distinct(program, option, path, ex_npy_beside(data, "labels", file), "a file of --data");
}

void ex_npy_check(const ex_program *program, const ex_options *o, const char *option, const char *path, const char *what)
{
    char folder[EX_MAX_PATH], beside[EX_MAX_PATH];
    struct stat info;
    size_t length = strlen(path), end = sizeof ending - 1;
    if (length <= end || strcmp(path + length - end, ending) != 0)
        ex_usage_error(program, "%s: %s does not end in %s", option, path, ending);
    if (length + sizeof ".labels" > sizeof folder)
        ex_usage_error(program, "%s: the path is too long", option);
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash != NULL ? (int)(slash - path) + 1 : 1, slash != NULL ? path : ".");
    if (stat(folder, &info) != 0)
        ex_usage_error(program, "%s: the folder %s does not exist", option, folder);
    check_writable(program, option, folder);
    check_place(program, o, option, path);
    if (what != NULL)
        check_place(program, o, option, ex_npy_beside(path, what, beside));
}

bool ex_npy_save(const ex_run *run, const char *option, const dim_tensor *t, const char *what, const char *path)
{
    if (dim_tensor_save_npy(t, path) != DIM_OK) {
        ex_report_clear();
        fprintf(stderr, "%s: %s: %s\n", run->program->name, option, dim_context_error(run->ctx));
        return false;
    }
    fprintf(stderr, "%s %s\n", what, path);
    return true;
}

/* ---- --embed */

void ex_embed_check(ex_run *run, const dim_encoder *encoder)
{
    int64_t shape[3];
    if (run->o.embed == NULL)
        return;
    ex_npy_check(run->program, &run->o, "--embed", run->o.embed, "labels");
    if (dim_encoder_tap_shape(encoder, tap_of(run), shape) != DIM_OK)
        ex_usage_error(run->program, "--embed-tap: %s", dim_context_error(run->ctx));
}

/* Without classes there is no file of labels, also none of an earlier run. */
static bool save_labels(ex_run *run, const ex_samples *s)
{
    char path[EX_MAX_PATH];
    ex_npy_beside(run->o.embed, "labels", path);
    if (dim_dataset_classes(s->data) == 0) {
        unlink(path);
        return true;
    }
    dim_tensor *labels = ex_samples_labels(run, s);
    bool saved = ex_npy_save(run, "--embed", labels, "labels:  ", path);
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
    bool saved = ex_npy_save(run, "--embed", features, "features:", run->o.embed) && save_labels(run, &s);
    dim_tensor_destroy(features);
    return saved;
}
