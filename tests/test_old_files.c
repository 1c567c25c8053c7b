/* Weights and checkpoints that the library of commit fde7884 wrote, and what it did next: today's goes on from them.  The
 * files are in fixtures/old/, what they are of is in old/world.h, how they were made in old/program.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "old/record.h"

static const char *const dir = DIM_TEST_DATA "/old";

/* Ways to compute the same: what another machine does is between them. */
static const old_way ways[] = {
    { .seed = OLD_SEED, .threads = 1 },
    { .seed = OLD_SEED + 1000, .threads = 2 }, /* seeds must come from the file */
    { .seed = OLD_SEED, .threads = 1, .gemm = DIM_GEMM_BLAS, .cpu = DIM_CPU_BASELINE },
    { .seed = OLD_SEED + 1000, .threads = 2, .executor = DIM_EXECUTOR_REFERENCE },
    { .seed = OLD_SEED, .threads = 1, .gemm = DIM_GEMM_REFERENCE, .cpu = DIM_CPU_REFERENCE },
};
enum { WAYS = sizeof ways / sizeof *ways };

static void ok(const old_world *w, dim_status status)
{
    if (status != DIM_OK)
        fail_msg("%s: %s: %s", old_names[w->recipe], dim_status_name(status), dim_context_error(w->ctx));
}

static void begin(old_world *w, old_record *r, int recipe, const old_way *way)
{
    char path[512];
    memset(w, 0, sizeof *w);
    *r = (old_record){ .f = fopen(old_path(path, dir, (old_recipe)recipe, OLD_TEXT), "r") };
    assert_non_null(r->f);
    ok(w, old_open(w, (old_recipe)recipe, way));
}

static void end(old_world *w, old_record *r)
{
    fclose(r->f);
    old_close(w);
}

static void same(const old_world *w, const old_record *r)
{
    if (r->wrong != 0)
        fail_msg("%s: %d lines differ, by %.3g of their tolerance at most; %s", old_names[w->recipe], r->wrong, r->worst,
                 r->differs);
}

/* The encoder's weights, in each of the three files; the model's in two of them. */
static void test_weights(void **state)
{
    static const char *const files[] = { OLD_ENCODER, OLD_MODEL, OLD_CHECKPOINT };
    char path[512];
    double worst = 0;
    (void)state;
    for (int recipe = 0; recipe < OLD_RECIPES; recipe++)
        for (int way = 0; way < WAYS; way++)
            for (int file = 0; file < 3; file++) {
                old_world w;
                old_record r;
                begin(&w, &r, recipe, &ways[way]);
                ok(&w, dim_encoder_load(w.enc, old_path(path, dir, w.recipe, files[file])));
                ok(&w, old_record_encoder(&w, &r));
                if (file > 0) {
                    ok(&w, dim_model_load(w.model, path));
                    ok(&w, old_record_model(&w, &r));
                    assert_int_equal(dim_model_steps(w.model), 0);
                }
                same(&w, &r);
                worst = r.worst > worst ? r.worst : worst;
                end(&w, &r);
            }
    print_message("features differ by %.2g of their tolerance at most\n", worst);
}

static void test_checkpoints(void **state)
{
    char path[512];
    double worst = 0;
    (void)state;
    for (int recipe = 0; recipe < OLD_RECIPES; recipe++)
        for (int way = 0; way < WAYS; way++) {
            old_world w;
            old_record r;
            begin(&w, &r, recipe, &ways[way]);
            ok(&w, dim_checkpoint_load(w.model, w.loader, old_path(path, dir, w.recipe, OLD_CHECKPOINT)));
            assert_int_equal(dim_model_steps(w.model), OLD_BEFORE);
            ok(&w, old_record_encoder(&w, &r));
            ok(&w, old_record_model(&w, &r));
            ok(&w, old_record_steps(&w, &r));
            same(&w, &r);
            worst = r.worst > worst ? r.worst : worst;
            end(&w, &r);
        }
    print_message("steps differ by %.2g of their tolerance at most\n", worst);
}

/* The comparison sees the optimizers' moments: after as many steps on other images, the same parameters, with the same draws
 * and batches to come, go on differently. */
static void test_moments_matter(void **state)
{
    char path[512];
    (void)state;
    for (int recipe = 0; recipe < OLD_RECIPES; recipe++) {
        old_world w;
        old_record r;
        dim_tensor *images, *labels;
        begin(&w, &r, recipe, &ways[0]);
        ok(&w, old_next_batch(&w, 0, &images, &labels));
        for (int i = 0; i < OLD_BEFORE; i++)
            ok(&w, old_train(&w, images, labels));
        for (int i = 1; i < OLD_BEFORE; i++)
            ok(&w, old_next_batch(&w, i, &images, &labels));
        ok(&w, dim_model_load(w.model, old_path(path, dir, w.recipe, OLD_MODEL)));
        ok(&w, old_record_encoder(&w, &r));
        ok(&w, old_record_model(&w, &r));
        same(&w, &r);
        ok(&w, old_record_steps(&w, &r));
        if (r.worst < 20)
            fail_msg("%s: other moments differ by %g tolerances only", old_names[recipe], r.worst);
        end(&w, &r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_moments_matter),
    };
    return cmocka_run_group_tests_name("old_files", tests, NULL, NULL);
}
