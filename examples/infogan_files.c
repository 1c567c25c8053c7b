/* --generate, --codes and --infer: arrays for NumPy. */
#include "infogan.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 100 }; /* of codes, if none are given */
static const uint64_t SEED = 3; /* beside that of the measures */

dim_tensor *infogan_read_codes(ex_run *run, const infogan *own)
{
    dim_tensor *given = NULL, *codes = NULL;
    if (run->o.codes == NULL)
        return NULL;
    if (dim_tensor_load_npy(run->ctx, run->o.codes, &given) != DIM_OK)
        ex_usage_error(run->program, "--codes: %s", dim_context_error(run->ctx));
    if (dim_tensor_rank(given) != 2 || dim_tensor_size(given, 1) != own->n_codes)
        ex_usage_error(run->program, "--codes: %s has not rows of %d numbers, one for each code", run->o.codes, own->n_codes);
    int64_t rows = dim_tensor_size(given, 0);
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 2, (int64_t[]){ rows, own->n_codes }, &codes));
    if (dim_tensor_copy(codes, given) != DIM_OK)
        ex_usage_error(run->program, "--codes: %s: %s", run->o.codes, dim_context_error(run->ctx));
    dim_tensor_destroy(given);
    const float *x = dim_tensor_const_data(codes);
    for (int64_t i = 0; i < rows * own->n_codes; i++) {
        const infogan_code *c = &own->code[i % own->n_codes];
        if (!isfinite(x[i]) || (c->classes > 0 && (x[i] < 0 || x[i] >= (float)c->classes || x[i] != floorf(x[i]))))
            ex_usage_error(run->program, c->classes > 0 ? "--codes: %s: %s is %g in row %lld; it must be a whole number from 0 to %d"
                                                        : "--codes: %s: %s is %g in row %lld; it must be finite",
                           run->o.codes, c->name, (double)x[i], (long long)(i / own->n_codes), (int)c->classes - 1);
    }
    return codes;
}

void infogan_check_files(const ex_program *program, const ex_options *o)
{
    char beside[EX_MAX_PATH];
    if (o->codes != NULL && o->generate == NULL)
        ex_usage_error(program, "--codes needs --generate");
    if (o->generate != NULL)
        ex_npy_check(program, o, "--generate", o->generate, "codes");
    if (o->infer != NULL)
        ex_npy_check(program, o, "--infer", o->infer, NULL);
    for (int i = 0; i < 2 && o->generate != NULL; i++) {
        const char *file = i == 0 ? o->generate : ex_npy_beside(o->generate, "codes", beside);
        if (o->infer != NULL)
            ex_npy_distinct(program, "--infer", o->infer, file, "a file of --generate");
        if (o->codes != NULL && i == 0) /* written as they were read, they may be those beside it */
            ex_npy_distinct(program, "--generate", file, o->codes, "the file of --codes");
    }
    if (o->infer != NULL && o->codes != NULL)
        ex_npy_distinct(program, "--infer", o->infer, o->codes, "the file of --codes");
}

static bool generate(ex_run *run, infogan *own)
{
    char path[EX_MAX_PATH];
    const char *file = run->o.generate;
    if (own->codes == NULL) {
        EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 2, (int64_t[]){ ROWS, own->n_codes }, &own->codes));
        infogan_draw_codes(own, run->o.seed + SEED, ROWS, dim_tensor_data(own->codes));
    }
    dim_tensor *codes = own->codes;
    int64_t rows = dim_tensor_size(codes, 0);
    float *noise = infogan_room(run, rows * run->o.noise, sizeof *noise);
    infogan_draw_noise(run->o.seed + SEED, rows * run->o.noise, noise);
    dim_tensor *images = infogan_make(run, own, dim_tensor_const_data(codes), noise, rows, false);
    bool saved = ex_npy_save(run, "--generate", images, "images:    ", file) &&
                 ex_npy_save(run, "--generate", codes, "codes:     ", ex_npy_beside(file, "codes", path));
    dim_tensor_destroy(images);
    free(noise);
    return saved;
}

/* Of all test images, in the dataset's order. */
static bool infer(ex_run *run, const infogan *own)
{
    enum { PIECE = 256 };
    dim_tensor *codes = NULL;
    ex_samples s = ex_samples_of(infogan_tested(run), INT64_MAX);
    float *said = infogan_room(run, PIECE * own->said, sizeof *said);
    EX_TRY(run, dim_tensor_create(run->ctx, DIM_F32, 2, (int64_t[]){ s.count, own->n_codes }, &codes));
    float *out = dim_tensor_data(codes);
    for (int64_t at = 0, some; at < s.count; at += some) {
        dim_tensor *images = NULL;
        int64_t shape[4] = { some = s.count - at < PIECE ? s.count - at : PIECE, run->shape[0], run->shape[1], run->shape[2] };
        EX_TRY(run, dim_tensor_create(run->ctx, dim_dataset_dtype(s.data), 4, shape, &images));
        ex_samples_read(run, &s, at, some, images, NULL);
        infogan_say(run, own, images, false, said);
        for (int64_t i = 0; i < some; i++)
            for (int k = 0; k < own->n_codes; k++) {
                const float *x = said + i * own->said + own->code[k].at;
                int64_t category = own->code[k].classes > 0 ? infogan_largest(x, own->code[k].classes) : 0;
                *out++ = own->code[k].classes > 0 ? (float)category : *x;
            }
        dim_tensor_destroy(images);
    }
    free(said);
    bool saved = ex_npy_save(run, "--infer", codes, "codes:     ", run->o.infer);
    dim_tensor_destroy(codes);
    return saved;
}

bool infogan_finish(ex_run *run, ex_task *task)
{
    infogan *own = task->own;
    infogan_done(run, own);
    bool saved = run->o.generate == NULL || generate(run, own);
    return (run->o.infer == NULL || infer(run, own)) && saved;
}
