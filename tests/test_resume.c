/* Checkpoints: what goes on from one equals what was never interrupted, bit for bit. */
#define _XOPEN_SOURCE 700
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "model/model.h"
#include "resume_tests.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char dir[64], path[128], other[128];

static void remove_files(void)
{
    DIR *d = opendir(dir);
    char name[512];
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        snprintf(name, sizeof name, "%s/%s", dir, e->d_name);
        unlink(name);
    }
    closedir(d);
}

static int count_files(void)
{
    int n = 0;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(d);
    return n;
}

static int setup(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/dim-resume-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/checkpoint", dir);
    snprintf(other, sizeof other, "%s/other", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    remove_files();
    return rmdir(dir);
}

static void steps(world *w, int n)
{
    for (int i = 0; i < n; i++)
        ok(w, world_step(w));
}

typedef struct bytes {
    unsigned char *data;
    size_t size;
} bytes;

static bytes read_file(const char *name)
{
    bytes b = { NULL, 0 };
    FILE *f = fopen(name, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    b.size = (size_t)ftell(f);
    rewind(f);
    b.data = malloc(b.size + 1);
    assert_non_null(b.data);
    assert_int_equal(fread(b.data, 1, b.size, f), b.size);
    fclose(f);
    return b;
}

static void write_file(const char *name, const unsigned char *data, size_t size)
{
    unlink(name); /* some file systems flush a file that is truncated and written again */
    FILE *f = fopen(name, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static void same_bytes(const bytes *a, const bytes *b)
{
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->data, b->data, a->size);
}

/* All that a checkpoint restores, as a number. */
static uint64_t digest(const world *w)
{
    const dim_model *m = w->model;
    const dim__params *stores[2] = { &m->enc->params, &m->obj->params };
    uint64_t h = dim__mix(m->obj->steps, m->obj->seed);
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < stores[k]->count; i++)
            for (int64_t j = 0; j < stores[k]->list[i]->count; j++) {
                uint32_t u;
                memcpy(&u, &stores[k]->list[i]->data[j], sizeof u);
                h = dim__mix(h, u);
            }
    for (int64_t k = 0; k < m->obj->n_players; k++) {
        h = dim__mix(h, m->obj->players[k].optim.steps);
        for (int64_t i = 0; i < m->obj->players[k].optim.n_slots; i++)
            for (int64_t j = 0; j < m->obj->players[k].optim.slots[i].count; j++) {
                const dim__slot *s = &m->obj->players[k].optim.slots[i];
                uint32_t u[2] = { 0, 0 };
                if (s->m != NULL)
                    memcpy(&u[0], &s->m[j], sizeof u[0]);
                if (s->v != NULL)
                    memcpy(&u[1], &s->v[j], sizeof u[1]);
                h = dim__mix(h, (uint64_t)u[0] << 32 | u[1]);
            }
    }
    dim__loader_info info;
    dim__loader_describe(w->loader, &info);
    return dim__mix(h, dim__mix(info.position.seed, info.position.next));
}

/* Another seed everywhere and other threads of the loader: all that matters must come from the file. */
static plan stranger(const plan *p)
{
    plan q = *p;
    q.seed += 1000;
    q.prefetch = 5 - p->prefetch;
    q.workers = 2;
    q.no_thread = 0;
    return q;
}

enum { EPOCH = 4, MORE = 6 }; /* batches of 8, 8, 8 and 6 */

static void resume_at(const plan *p, int before)
{
    world a = opened(p);
    steps(&a, before);
    ok(&a, dim_checkpoint_save(a.model, a.loader, path));
    steps(&a, MORE);
    ok(&a, dim_checkpoint_save(a.model, a.loader, other));
    bytes want = read_file(other);
    uint64_t end = digest(&a);
    world_close(&a);

    plan q = stranger(p);
    world b = opened(&q);
    for (int round = 0; round < 2; round++) { /* fresh, and after steps of its own */
        ok(&b, dim_checkpoint_load(b.model, b.loader, path));
        assert_int_equal(dim_model_steps(b.model), before);
        assert_int_equal(dim_loader_epoch(b.loader), before == 0 ? 0 : (before - 1) / EPOCH);
        steps(&b, MORE);
        assert_true(digest(&b) == end);
        ok(&b, dim_checkpoint_save(b.model, b.loader, other));
        bytes got = read_file(other);
        same_bytes(&want, &got);
        free(got.data);
        steps(&b, 1);
    }
    world_close(&b);
    free(want.data);
}

static void test_recipes(void **state)
{
    (void)state;
    for (int r = 0; r < RECIPES; r++)
        for (uint32_t threads = 1; threads <= 2; threads++) {
            const int at[] = { 0, 1, EPOCH - 1, EPOCH, EPOCH + 2 };
            plan p = { .recipe = (recipe)r, .threads = threads, .seed = 11, .prefetch = 3, .workers = 1,
                       .no_thread = threads - 1 };
            for (size_t i = 0; i < sizeof at / sizeof *at; i++)
                resume_at(&p, at[i]);
        }
}

/* An average that is not set yet is a NaN; a checkpoint of that time takes back one that is. */
static void test_unset_average(void **state)
{
    plan p = { .recipe = MINE, .seed = 1 };
    (void)state;
    world w = opened(&p);
    ok(&w, dim_checkpoint_save(w.model, w.loader, path));
    dim__param *average = dim__params_find(&w.model->obj->params, "local.moving_average");
    assert_non_null(average);
    assert_true(isnan(average->data[0]));
    steps(&w, 1);
    assert_false(isnan(average->data[0]));
    ok(&w, dim_checkpoint_load(w.model, w.loader, path));
    assert_true(isnan(average->data[0]));
    world_close(&w);
}

/* What reads weights reads checkpoints. */
static void test_serves_as_weights(void **state)
{
    plan p = { .recipe = ADVERSARIAL, .seed = 1 }, q = { .recipe = ADVERSARIAL, .seed = 2 };
    dim_tensor *a, *b;
    (void)state;
    world w = opened(&p), v = opened(&q);
    steps(&w, 2);
    ok(&w, dim_checkpoint_save(w.model, w.loader, path));
    ok(&v, dim_encoder_load(v.enc, path));
    for (int i = 0; i < dim_encoder_parameter_count(v.enc); i++) {
        const char *full = dim_encoder_parameter_name(v.enc, i);
        ok(&v, dim_encoder_get_parameter(v.enc, full, &b));
        ok(&w, dim_encoder_get_parameter(w.enc, full, &a));
        assert_memory_equal(dim_tensor_const_data(a), dim_tensor_const_data(b), (size_t)dim_tensor_count(a) * 4);
        dim_tensor_destroy(a);
        dim_tensor_destroy(b);
    }
    ok(&v, dim_model_load(v.model, path));
    assert_int_equal(dim_model_steps(v.model), 0);
    /* and without the loader, the model alone is restored */
    ok(&v, dim_checkpoint_load(v.model, NULL, path));
    assert_int_equal(dim_model_steps(v.model), 2);
    world_close(&w);
    world_close(&v);
}

/* Checkpoints that do not fit: the text names both values, and nothing changes. */
typedef struct misfit {
    plan p;
    const char *says[3];
} misfit;

static void test_misfits(void **state)
{
    const plan local = { .recipe = LOCAL };
    const misfit cases[] = {
        { { .recipe = LOCAL, .batch = 6 }, { "loader.batch", "'8' in the checkpoint", "'6' here" } },
        { { .recipe = LOCAL, .in_order = 1 }, { "loader.order", "'shuffled'", "'in order'" } },
        { { .recipe = LOCAL, .no_keep_last = 1 }, { "loader.last_batch", "'6'", "'0'" } },
        { { .recipe = LOCAL, .samples = 46 }, { "loader.dataset", "'30 samples", "'46 samples" } },
        { { .recipe = LOCAL, .lr = 0.25f }, { "optimizer0", "lr 0.002 in", "lr 0.25 here" } },
        { { .recipe = LOCAL, .scale = 0.5f }, { "term.local.estimator", "scale 1", "scale 0.5" } },
        { { .recipe = LOCAL, .units = 32 }, { "term.local", "units 16", "units 32" } },
        { { .recipe = LOCAL, .width = 32 }, { "encoder.layer3", "out 24", "out 32" } },
        { { .recipe = LOCAL, .more_terms = 1 }, { "term.more", "here", "missing in the checkpoint" } },
        { { .recipe = INFOMAX }, { "encoder.layer7", "kind 18", "missing in the checkpoint" } },
        { { .recipe = ADVERSARIAL }, { "term.local.estimator", "jsd", "infonce" } },
        { { .recipe = CLASSIFIERS }, { "term.local.estimator", "jsd", "infonce" } },
        { { .recipe = VIEWS }, { "views", "'1'", "'2'" } },
    };
    (void)state;
    world w = opened(&local);
    steps(&w, 2);
    ok(&w, dim_checkpoint_save(w.model, w.loader, path));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world v = opened(&cases[i].p);
        steps(&v, 1);
        uint64_t before = digest(&v);
        assert_int_equal(dim_checkpoint_load(v.model, v.loader, path), DIM_E_INVALID);
        for (int k = 0; k < 3; k++)
            if (strstr(dim_context_error(v.ctx), cases[i].says[k]) == NULL)
                fail_msg("'%s' is not in '%s'", cases[i].says[k], dim_context_error(v.ctx));
        assert_true(digest(&v) == before);
        steps(&v, 1);
        world_close(&v);
    }
    world_close(&w);
    /* the other way round: settings that are missing here; augmentations; a checkpoint without a place in the data */
    const plan saved[] = { { .recipe = LOCAL, .more_terms = 1 }, { .recipe = VIEWS, .brightness = 0.2f }, local };
    const plan used[] = { local, { .recipe = VIEWS }, local };
    const char *const says[] = { "term.more", "brightness 0.2", "saved without a loader" };
    for (int i = 0; i < 3; i++) {
        world a = opened(&saved[i]), b = opened(&used[i]);
        ok(&a, dim_checkpoint_save(a.model, i == 2 ? NULL : a.loader, path));
        steps(&b, 1);
        uint64_t before = digest(&b);
        assert_int_equal(dim_checkpoint_load(b.model, b.loader, path), DIM_E_INVALID);
        if (strstr(dim_context_error(b.ctx), says[i]) == NULL)
            fail_msg("'%s' is not in '%s'", says[i], dim_context_error(b.ctx));
        assert_true(digest(&b) == before);
        world_close(&a);
        world_close(&b);
    }
}

static dim_model *small_amdim(dim_context *ctx, const dim_encoder_options *eo)
{
    dim_encoder *enc;
    dim_model *model;
    dim_term_options term;
    DIM_OPTIONS_INIT(&term);
    term.critic = DIM_CRITIC_PLAIN_DOT;
    term.y = "f1";
    term.x = "phi7";
    assert_int_equal(dim_encoder_create(ctx, eo, &enc), DIM_OK);
    assert_int_equal(dim_model_create(enc, NULL, &model), DIM_OK);
    assert_int_equal(dim_model_add_term(model, &term), DIM_OK);
    dim_encoder_destroy(enc);
    return model;
}

/* Where layers differ, the encoder's options are named from which they follow. */
static void test_other_encoder(void **state)
{
    dim_context *ctx;
    dim_encoder_options o, p;
    const char *const says[] = { "encoder has ndf 2 in the checkpoint, but ndf 3 here",
                                 "encoder has depth 1 in the checkpoint, but depth 2 here",
                                 "encoder has units 16 in the checkpoint, but units 24 here",
                                 "encoder has block_norm 0 in the checkpoint, but block_norm 1 here" };
    (void)state;
    assert_int_equal(dim_context_create(NULL, &ctx), DIM_OK);
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_ENCODER_AMDIM32;
    o.ndf = 2;
    o.units = 16;
    o.depth = 1;
    dim_model *model = small_amdim(ctx, &o);
    assert_int_equal(dim_checkpoint_save(model, NULL, path), DIM_OK);
    dim_model_destroy(model);
    for (int i = 0; i < 4; i++) {
        p = o;
        *(i == 0 ? &p.ndf : i == 1 ? &p.depth : i == 2 ? &p.units : &p.block_norm) += i == 2 ? 8 : 1;
        model = small_amdim(ctx, &p);
        assert_int_equal(dim_checkpoint_load(model, NULL, path), DIM_E_INVALID);
        if (strcmp(dim_context_error(ctx), says[i]) != 0)
            fail_msg("'%s', not '%s'", dim_context_error(ctx), says[i]);
        dim_model_destroy(model);
    }
    dim_context_destroy(ctx);
}

static void test_arguments(void **state)
{
    plan p = { .recipe = LOCAL };
    (void)state;
    world w = opened(&p), v = opened(&p);
    assert_int_equal(dim_checkpoint_save(NULL, w.loader, path), DIM_E_INVALID);
    assert_int_equal(dim_checkpoint_load(NULL, w.loader, path), DIM_E_INVALID);
    assert_int_equal(dim_checkpoint_save(w.model, w.loader, NULL), DIM_E_INVALID);
    assert_int_equal(dim_checkpoint_load(w.model, w.loader, NULL), DIM_E_INVALID);
    assert_int_equal(dim_checkpoint_save(w.model, v.loader, path), DIM_E_INVALID);
    assert_int_equal(dim_checkpoint_load(w.model, v.loader, path), DIM_E_INVALID);
    assert_int_equal(dim_checkpoint_save(w.model, w.loader, "/nonexistent/x"), DIM_E_IO);
    assert_int_equal(dim_checkpoint_load(w.model, w.loader, "/nonexistent/x"), DIM_E_IO);
    ok(&w, dim_model_save(w.model, path)); /* weights are no checkpoint */
    assert_int_equal(dim_checkpoint_load(w.model, w.loader, path), DIM_E_FORMAT);
    world_close(&w);
    world_close(&v);
}

static void test_damaged(void **state)
{
    plan p = { .recipe = MINE };
    (void)state;
    world w = opened(&p);
    steps(&w, 3);
    ok(&w, dim_checkpoint_save(w.model, w.loader, path));
    bytes good = read_file(path);
    steps(&w, 1);
    uint64_t before = digest(&w);
    size_t header = 0;
    for (int k = 7; k >= 0; k--)
        header = header << 8 | good.data[k];
    header += 8;
    assert_true(header > 1000 && header < good.size);
    for (size_t at = 0; at < good.size; at += at < header ? 13 : 1 + good.size / 300) { /* cut off */
        write_file(path, good.data, at);
        assert_int_not_equal(dim_checkpoint_load(w.model, w.loader, path), DIM_OK);
    }
    for (size_t at = 0; at < good.size; at += at < header ? 1 : 1 + good.size / 300) { /* one bit */
        unsigned char bit = (unsigned char)(1u << at % 8);
        good.data[at] ^= bit;
        write_file(path, good.data, good.size);
        dim_status status = dim_checkpoint_load(w.model, w.loader, path);
        if (status != DIM_E_FORMAT)
            fail_msg("byte %zu: %s", at, dim_status_name(status));
        good.data[at] ^= bit;
    }
    assert_true(digest(&w) == before);
    write_file(path, good.data, good.size);
    ok(&w, dim_checkpoint_load(w.model, w.loader, path));
    assert_int_equal(dim_model_steps(w.model), 3);
    world_close(&w);
    free(good.data);
}

typedef struct failing {
    long calls, fail_at, live;
} failing;

static void *take(void *user, size_t size, size_t align)
{
    failing *f = user;
    if (++f->calls == f->fail_at)
        return NULL;
    f->live++;
    return aligned_alloc(align, (size + align - 1) / align * align);
}

static void give(void *user, void *memory, size_t size)
{
    (void)size;
    ((failing *)user)->live--;
    free(memory);
}

/* Every allocation of saving and of loading fails in turn: in models that were used, and in fresh ones. */
static void test_no_memory(void **state)
{
    failing memory = { 0, 0, 0 };
    plan p = { .recipe = ADVERSARIAL, .alloc = take, .free = give, .user = &memory };
    (void)state;
    for (int used = 0; used < 2; used++) {
        world w = opened(&p);
        steps(&w, used);
        dim_status status = DIM_E_NOMEM;
        for (long n = 1; status != DIM_OK; n++) {
            long live = memory.live;
            memory.fail_at = memory.calls + n;
            status = dim_checkpoint_save(w.model, w.loader, path);
            memory.fail_at = 0;
            assert_true(status == DIM_OK || status == DIM_E_NOMEM);
            if (used)
                assert_int_equal(memory.live, live);
            assert_true(count_files() <= 2); /* `other` may be there */
        }
        world_close(&w);
        assert_int_equal(memory.live, 0);
        w = opened(&p);
        steps(&w, 2 * used);
        status = DIM_E_NOMEM;
        uint64_t before = digest(&w);
        for (long n = 1; status != DIM_OK; n++) {
            memory.fail_at = memory.calls + n;
            status = dim_checkpoint_load(w.model, w.loader, path);
            memory.fail_at = 0;
            assert_true(status == DIM_OK || status == DIM_E_NOMEM);
            if (status != DIM_OK && used)
                assert_true(digest(&w) == before);
        }
        assert_int_equal(dim_model_steps(w.model), used);
        steps(&w, 1);
        world_close(&w);
        assert_int_equal(memory.live, 0);
    }
}

static void count_warning(void *user, dim_log_level level, const char *message)
{
    if (level == DIM_LOG_WARNING && strstr(message, "threads") != NULL)
        ++*(int *)user;
    if (level == DIM_LOG_WARNING && strstr(message, "seed is the checkpoint's, 6, in place of 7") != NULL)
        *(int *)user += 100;
}

static void test_differences_warn(void **state)
{
    int warnings = 0;
    plan p = { .recipe = LOCAL, .threads = 1, .seed = 3, .log = count_warning, .user = &warnings };
    (void)state;
    world w = opened(&p);
    ok(&w, dim_checkpoint_save(w.model, w.loader, path));
    ok(&w, dim_checkpoint_load(w.model, w.loader, path));
    assert_int_equal(warnings, 0);
    world_close(&w);
    p.threads = 2;
    w = opened(&p);
    ok(&w, dim_checkpoint_load(w.model, w.loader, path));
    assert_int_equal(warnings, 1);
    world_close(&w);
    p.threads = 1;
    p.seed = 4;
    w = opened(&p);
    ok(&w, dim_checkpoint_load(w.model, w.loader, path));
    assert_int_equal(warnings, 101);
    world_close(&w);
}

/* The killed program */

static pid_t start_driver(const char *every, int *ready)
{
    int fd[2];
    assert_int_equal(pipe(fd), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fd[1], STDOUT_FILENO);
        close(fd[0]);
        close(fd[1]);
        execl(DIM_RESUME_DRIVER, "resume_driver", dir, "150", every, (char *)NULL);
        _exit(127);
    }
    close(fd[1]);
    *ready = fd[0];
    return pid;
}

/* Whether it came to its end, and well. */
static bool finished(pid_t pid)
{
    int code;
    assert_int_equal(waitpid(pid, &code, 0), pid);
    if (WIFSIGNALED(code) && WTERMSIG(code) == SIGKILL)
        return false;
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 0);
    return true;
}

static bool run_driver(const char *every)
{
    int ready;
    pid_t pid = start_driver(every, &ready);
    bool end = finished(pid);
    close(ready);
    return end;
}

/* Runs it from the checkpoint there is, killed after a number of steps and a while; true when it was faster. */
static bool run_and_kill(uint64_t draw)
{
    int ready;
    char byte;
    pid_t pid = start_driver("1", &ready);
    for (uint64_t n = draw % 7; n > 0; n--) /* 0: while it starts, or loads */
        if (read(ready, &byte, 1) != 1)
            break;
    nanosleep(&(struct timespec){ 0, (long)(draw / 7 % 8000) * 1000 }, NULL);
    kill(pid, SIGKILL);
    close(ready);
    return finished(pid);
}

static bool temporary_left(void)
{
    bool found = false;
    DIR *d = opendir(dir);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
        found = found || strncmp(e->d_name, ".dim-", 5) == 0;
    closedir(d);
    return found;
}

static void same_result(const bytes *weights, const bytes *last)
{
    char name[128];
    snprintf(name, sizeof name, "%s/weights", dir);
    bytes a = read_file(name);
    same_bytes(weights, &a);
    free(a.data);
    snprintf(name, sizeof name, "%s/last", dir);
    a = read_file(name);
    same_bytes(last, &a);
    free(a.data);
    assert_int_equal(count_files(), 3); /* with the checkpoint: no temporary file is left */
    remove_files();
}

static void test_killed(void **state)
{
    enum { KILLS = 50 };
    char name[128];
    int kills = 0, in_save = 0, runs = 0, fresh = 0;
    (void)state;
    remove_files();
    assert_true(run_driver("0"));
    snprintf(name, sizeof name, "%s/weights", dir);
    bytes weights = read_file(name);
    snprintf(name, sizeof name, "%s/last", dir);
    bytes last = read_file(name);
    remove_files();
    while (kills < KILLS) {
        if (run_and_kill(dim__mix(20, (uint64_t)(kills + runs)))) {
            same_result(&weights, &last);
            runs++;
        } else {
            kills++;
            in_save += temporary_left();
            fresh += access(path, F_OK) != 0;
        }
    }
    assert_true(run_driver("1"));
    same_result(&weights, &last);
    print_message("%d kills, %d of them in a save, %d before the first one was done, over %d runs\n", kills, in_save, fresh,
                  runs + 1);
    assert_true(in_save > 0 && fresh < KILLS / 2);
    free(weights.data);
    free(last.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recipes),
        cmocka_unit_test(test_unset_average),
        cmocka_unit_test(test_serves_as_weights),
        cmocka_unit_test(test_misfits),
        cmocka_unit_test(test_other_encoder),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_differences_warn),
        cmocka_unit_test(test_killed),
    };
    return cmocka_run_group_tests_name("resume", tests, setup, teardown);
}
