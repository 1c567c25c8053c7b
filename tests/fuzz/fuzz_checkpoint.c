/* Checkpoints of a small model with a loader.  The first byte says what is mended: 1 the header's length, 2 the checksum.
 * What is accepted is saved again, and read again. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

typedef struct run {
    dim_model *model;
    dim_loader *loader;
} run;

static run make_run(void)
{
    dim_context *ctx = fuzz_context();
    run r = { NULL, NULL };
    dim_encoder *enc = NULL;
    dim_dataset *ds = NULL;
    dim_tensor *x = NULL;
    dim_encoder_options o;
    dim_term_options term;
    dim_loader_options lo;
    DIM_OPTIONS_INIT(&o);
    o.kind = DIM_ENCODER_MLP;
    o.channels = o.units = o.hidden[0] = 2;
    DIM_OPTIONS_INIT(&term);
    term.x = "fc";
    term.critic = DIM_CRITIC_BILINEAR;
    DIM_OPTIONS_INIT(&lo);
    lo.batch = 2;
    lo.no_thread = 1;
    fuzz_require(dim_encoder_create(ctx, &o, &enc) == DIM_OK && dim_model_create(enc, NULL, &r.model) == DIM_OK);
    fuzz_require(dim_model_add_term(r.model, &term) == DIM_OK);
    fuzz_require(dim_tensor_create(ctx, DIM_F32, 2, (int64_t[]){ 4, 2 }, &x) == DIM_OK);
    fuzz_require(dim_dataset_from_tensors(ctx, x, NULL, &ds) == DIM_OK);
    fuzz_require(dim_loader_create(ds, &lo, &r.loader) == DIM_OK);
    dim_tensor_destroy(x);
    dim_dataset_destroy(ds);
    dim_encoder_destroy(enc);
    fuzz_require(dim_model_parameter_count(r.model) > 0); /* fixed */
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static run r;
    if (size == 0)
        return 0;
    if (r.model == NULL)
        r = make_run();
    const char *path = fuzz_tensors(data, size);
    fuzz_begin();
    if (fuzz_status(dim_checkpoint_load(r.model, (data[0] & 4) != 0 ? NULL : r.loader, path))) {
        dim_tensor *batch = NULL;
        fuzz_require(dim_loader_next(r.loader, &batch, NULL) == DIM_OK && dim_tensor_size(batch, 0) == 2);
    }
    fuzz_end();
    return 0;
}
