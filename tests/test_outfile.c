/* Files that are replaced atomically: io/outfile.c, and base/file.c. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/rng.h"
#include "file_tests.h"
#include "io/weights.h"
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static dim_context *ctx;
static char dir[64], path[128];
static float numbers[3] = {1, 2, 3}, one = 4;
static const dim__array weights[2] = {{"x", 1, {3}, numbers}, {"y", 0, {0}, &one}};

static int setup(void **state)
{
    dim_context_options o;
    (void)state;
    DIM_OPTIONS_INIT(&o);
    o.threads = 1;
    strcpy(dir, "/tmp/dim-outfile-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/w.safetensors", dir);
    if (dim_context_create(&o, &ctx) != DIM_OK)
        return -1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    dim_context_destroy(ctx);
    unlink(path);
    return rmdir(dir); /* rmdir: no temporary file may be left */
}

static void assert_says(const char *what)
{
    if (strstr(dim_context_error(ctx), what) == NULL)
        fail_msg("'%s' is not in '%s'", what, dim_context_error(ctx));
}

/* The temporary file, of which there must be one. */
static void find_temp(char name[512])
{
    DIR *d = opendir(dir);
    assert_non_null(d);
    name[0] = '\0';
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        if (strncmp(e->d_name, ".dim-", 5) == 0) {
            assert_true(name[0] == '\0');
            snprintf(name, 512, "%s/%s", dir, e->d_name);
        }
    closedir(d);
    assert_true(name[0] != '\0');
}

static void test_umask_and_mode(void **state)
{
    struct stat st;
    (void)state;
    unlink(path);
    mode_t old = umask(027);
    assert_int_equal(dim__weights_save(ctx, path, weights, 2, NULL, 0), DIM_OK);
    umask(old);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(dim__weights_save(ctx, path, weights, 2, NULL, 0), DIM_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(chmod(path, 0646), 0); /* more than the umask gives */
    assert_int_equal(dim__weights_save(ctx, path, weights, 2, NULL, 0), DIM_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0646);
}

/* Nobody may open the new file before it is complete who could not read the old one. */
static void test_private_while_written(void **state)
{
    static const mode_t modes[] = { 0600, 0644, 0400, 0666, 0640 };
    (void)state;
    mode_t before = umask(0);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        dim__outfile *f;
        struct stat st;
        char temp[512];
        write_bytes(path, "old", 3);
        assert_int_equal(chmod(path, modes[i]), 0);
        assert_int_equal(dim__outfile_open(ctx, path, &f), DIM_OK);
        find_temp(temp);
        assert_int_equal(stat(temp, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(dim__outfile_write(f, "new", 3), DIM_OK);
        assert_int_equal(stat(temp, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(dim__outfile_commit(f), DIM_OK);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, modes[i]);
    }
    umask(before);
}

/* The old file's group is the new one's; where it cannot be had, the other group gets no more than everybody. */
static void test_group(void **state)
{
    struct stat st;
    int code;
    (void)state;
    if (geteuid() != 0)
        return; /* only root can make such a file */
    write_bytes(path, "old", 3);
    assert_int_equal(chown(path, (uid_t)-1, 7), 0);
    assert_int_equal(chmod(path, 0664), 0);
    assert_int_equal(dim__weights_save(ctx, path, weights, 2, NULL, 0), DIM_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_gid == 7 && (st.st_mode & 0777) == 0664);
    assert_int_equal(chmod(dir, 0777), 0);
    pid_t pid = fork();
    if (pid == 0)
        _exit(setgid(1) == 0 && setuid(1) == 0 && dim__weights_save(ctx, path, weights, 2, NULL, 0) == DIM_OK ? 0 : 1);
    assert_int_equal(waitpid(pid, &code, 0), pid);
    assert_int_equal(code, 0);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_gid == 1 && (st.st_mode & 0777) == 0644);
}

static void test_unwritable(void **state)
{
    char name[192];
    (void)state;
        snprintf(name, sizeof name, "%s/missing/w", dir);
    assert_int_equal(dim__weights_save(ctx, name, weights, 2, NULL, 0), DIM_E_IO);
    assert_says("missing/w");
    write_bytes(path, "old", 3);
    snprintf(name, sizeof name, "%s/w.safetensors/w", dir); /* a file in place of a directory */
    assert_int_equal(dim__weights_save(ctx, name, weights, 2, NULL, 0), DIM_E_IO);
    assert_int_equal(dim__weights_save(ctx, dir, weights, 2, NULL, 0), DIM_E_IO);
    assert_int_equal(dim__weights_save(ctx, "/dev/null", weights, 2, NULL, 0), DIM_E_IO); /* must stay a device */
    snprintf(name, sizeof name, "%s/", dir);
    assert_int_equal(dim__weights_save(ctx, name, weights, 2, NULL, 0), DIM_E_IO);
    assert_int_equal(dim__weights_save(ctx, "", weights, 2, NULL, 0), DIM_E_IO);
    if (geteuid() != 0) {
        assert_int_equal(chmod(dir, 0555), 0);
        assert_int_equal(dim__weights_save(ctx, path, weights, 2, NULL, 0), DIM_E_IO);
        assert_int_equal(chmod(dir, 0755), 0);
    }
    assert_int_equal(files_in(dir), 1);
}

static void test_abort_and_two_at_once(void **state)
{
    dim__outfile *f, *g;
    unsigned char raw[64];
    (void)state;
    write_bytes(path, "old", 3);
    assert_int_equal(dim__outfile_open(ctx, path, &f), DIM_OK);
    assert_int_equal(dim__outfile_open(ctx, path, &g), DIM_OK);
    assert_int_equal(dim__outfile_write(f, "first", 5), DIM_OK);
    assert_int_equal(dim__outfile_write(g, "second", 6), DIM_OK);
    dim__outfile_abort(f);
    assert_int_equal(read_bytes(path, raw, sizeof raw), 3);
    assert_int_equal(dim__outfile_commit(g), DIM_OK);
    assert_int_equal(read_bytes(path, raw, sizeof raw), 6);
    assert_memory_equal(raw, "second", 6);
    assert_int_equal(files_in(dir), 1);
    dim__outfile_abort(NULL);
}

/* A limit on the size of files: an error, and nothing is left, whatever the process does with the signal. */
static volatile sig_atomic_t signals;
static void count_signal(int number) { signals += number == SIGXFSZ; }

static void *save_large(void *status)
{
    static float big[100000];
    *(dim_status *)status = dim__weights_save(ctx, path, &(dim__array){"big", 1, {100000}, big}, 1, NULL, 0);
    return NULL;
}

static void test_size_limit(void **state)
{
    static const char old_contents[] = "old contents";
    struct rlimit old, small;
    unsigned char raw[64];
    sigset_t mask, now, none;
    (void)state;
    write_bytes(path, old_contents, 12);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 100000;
    sigemptyset(&none);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int way = 0; way < 5; way++) { /* ignored, the default, a handler, blocked, on another thread */
        dim_status s = DIM_OK;
        pthread_t thread;
        struct sigaction action, before;
        memset(&action, 0, sizeof action);
        action.sa_handler = way == 0 ? SIG_IGN : way == 2 ? count_signal : SIG_DFL;
        assert_int_equal(sigaction(SIGXFSZ, &action, &before), 0);
        sigemptyset(&mask);
        if (way == 3)
            sigaddset(&mask, SIGXFSZ);
        assert_int_equal(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
        if (way == 4) {
            assert_int_equal(pthread_create(&thread, NULL, save_large, &s), 0);
            assert_int_equal(pthread_join(thread, NULL), 0);
        } else {
            save_large(&s);
        }
        assert_int_equal(s, DIM_E_IO);
        assert_says(strerror(EFBIG));
        assert_int_equal(sigpending(&now), 0);
        assert_false(sigismember(&now, SIGXFSZ));
        assert_int_equal(pthread_sigmask(SIG_SETMASK, &none, &now), 0);
        assert_int_equal(sigismember(&now, SIGXFSZ), way == 3);
        assert_int_equal(sigaction(SIGXFSZ, &before, NULL), 0);
        assert_int_equal(files_in(dir), 1);
        assert_int_equal(read_bytes(path, raw, sizeof raw), 12);
        assert_memory_equal(raw, old_contents, 12);
    }
    assert_int_equal(signals, 0);
    /* one that the host has pending stays its own */
    sigemptyset(&mask);
    sigaddset(&mask, SIGXFSZ);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &mask, NULL), 0);
    assert_int_equal(raise(SIGXFSZ), 0);
    dim_status s;
    save_large(&s);
    assert_int_equal(s, DIM_E_IO);
    assert_int_equal(sigpending(&now), 0);
    assert_true(sigismember(&now, SIGXFSZ));
    int number;
    assert_int_equal(sigwait(&mask, &number), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &none, NULL), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
}

/* Names cannot be guessed: no two are alike, whatever is there already. */
static void test_names(void **state)
{
    dim__outfile *f[20];
    char name[20][512];
    (void)state;
    write_bytes(path, "old", 3);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(dim__outfile_open(ctx, path, &f[i]), DIM_OK);
        find_temp(name[i]);
        assert_int_equal(strlen(name[i]), strlen(dir) + strlen("/.dim-0123456789abcdef-0123456789abcdef.tmp"));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(name[k], name[i]);
        dim__outfile_abort(f[i]);
    }
}

/* Files of somebody else under the names that older versions would take, more than they would try, and folders. */
static void test_foreign_leftovers(void **state)
{
    char name[512];
    (void)state;
    write_bytes(path, "old", 3);
    for (unsigned n = 0; n < 10100; n++) {
        snprintf(name, sizeof name, "%s/.dim-%016" PRIx64 "-%u.tmp", dir, dim__hash_text("w.safetensors"), n);
        assert_int_equal(n % 2 == 0 ? mkdir(name, 0700) : symlink("nowhere", name), 0);
    }
    dim_status status = dim__weights_save(ctx, path, weights, 2, NULL, 0);
    int left = files_in(dir);
    for (unsigned n = 0; n < 10100; n++) {
        snprintf(name, sizeof name, "%s/.dim-%016" PRIx64 "-%u.tmp", dir, dim__hash_text("w.safetensors"), n);
        assert_int_equal(n % 2 == 0 ? rmdir(name) : unlink(name), 0);
    }
    assert_int_equal(status, DIM_OK);
    assert_int_equal(left, 10101);
}

/* A process without standard input, output and error: what is opened never comes in their place, and what is written to
 * them not into the file. */
static void test_descriptors(void **state)
{
    int code;
    unsigned char raw[64];
    (void)state;
    write_bytes(path, "old", 3);
    pid_t pid = fork();
    if (pid == 0) {
        dim__outfile *f;
        dim__weights_file *in;
        close(0);
        close(1);
        close(2);
        bool good = dim__weights_save(ctx, path, weights, 2, NULL, 0) == DIM_OK && dim__weights_file_open(ctx, path, &in) == DIM_OK;
        DIR *folder = dim__open_folder(dir);
        int null = dim__open("/dev/null", O_RDWR, 0), at = folder != NULL ? dim__open_at(dirfd(folder), ".", O_RDONLY, 0) : -1;
        good = good && folder != NULL && dirfd(folder) > 2 && null > 2 && at > 2 && (fcntl(null, F_GETFD) & FD_CLOEXEC) != 0 &&
               dim__outfile_open(ctx, path, &f) == DIM_OK && dim__outfile_write(f, "new", 3) == DIM_OK;
        for (int fd = 0; fd < 3; fd++)
            good = good && write(fd, "message", 7) < 0 && errno == EBADF;
        good = good && dim__outfile_write(f, "er", 2) == DIM_OK && dim__outfile_commit(f) == DIM_OK;
        _exit(good ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &code, 0), pid);
    assert_int_equal(code, 0);
    assert_int_equal(read_bytes(path, raw, sizeof raw), 5);
    assert_memory_equal(raw, "newer", 5);
    assert_int_equal(dim__open("/nonexistent/x", O_RDONLY, 0), -1);
    assert_int_equal(errno, ENOENT);
    assert_null(dim__open_folder(path));
    assert_int_equal(errno, ENOTDIR);
}

/* A process that dies while it writes leaves a file, which the next one who writes the same removes; not that of another
 * that lives. */
static void test_leftovers(void **state)
{
    dim__outfile *f;
    (void)state;
        write_bytes(path, "old", 3);
    for (int k = 0; k < 3; k++) {
        int code, gate[2], seen[2];
        char byte = 0;
        assert_int_equal(pipe(gate), 0);
        assert_int_equal(pipe(seen), 0);
        pid_t pid = fork();
        if (pid == 0) { /* two of them, half written, until the test goes on */
            dim__outfile *g;
            bool good = dim__outfile_open(ctx, path, &f) == DIM_OK && dim__outfile_open(ctx, path, &g) == DIM_OK &&
                        dim__outfile_write(f, "half", 4) == DIM_OK && write(seen[1], "!", 1) == 1;
            close(gate[1]);
            good = good && read(gate[0], &byte, 1) == 0;
            _exit(good ? 0 : 1);
        }
        close(gate[0]);
        close(seen[1]);
        assert_int_equal(read(seen[0], &byte, 1), 1);
        assert_int_equal(files_in(dir), 3);
        assert_int_equal(dim__weights_save(ctx, path, weights, 2, NULL, 0), DIM_OK);
        assert_int_equal(files_in(dir), 3);
        close(gate[1]);
        close(seen[0]);
        assert_int_equal(waitpid(pid, &code, 0), pid);
        assert_int_equal(code, 0);
        assert_int_equal(files_in(dir), 3);
        if (k == 0) {
            assert_int_equal(dim__outfile_open(ctx, path, &f), DIM_OK);
            assert_int_equal(files_in(dir), 2);
            dim__outfile_abort(f);
        } else {
            assert_int_equal(dim__weights_save(ctx, path, weights, 2, NULL, 0), DIM_OK);
        }
        assert_int_equal(files_in(dir), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_umask_and_mode),
        cmocka_unit_test(test_private_while_written),
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_size_limit),
        cmocka_unit_test(test_abort_and_two_at_once),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_foreign_leftovers),
        cmocka_unit_test(test_descriptors),
        cmocka_unit_test(test_leftovers),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
