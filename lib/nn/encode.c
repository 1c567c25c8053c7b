/* Encoding: batches through programs of the encoder, features out of them. */
#include "base/math.h"
#include "nn/encoder.h"

#include <stdio.h>

enum { CHUNK = 256 }; /* samples a program: enough to fill the machine, little enough to stay small in memory */

typedef struct ends { /* of a program that encodes */
    dim__vid in, out;
} ends;

dim_status dim__encoder_tap(const dim_encoder *enc, const char *tap, int64_t *layer)
{
    char names[256] = "";
    size_t used = 0;
    int64_t found = tap == NULL ? enc->global : dim__stack_tap(&enc->stack, tap);
    if (found >= 0) {
        *layer = found;
        return DIM_OK;
    }
    if (found == -1)
        return dim__fail(enc->ctx, DIM_E_INVALID, "the tap 'input' is what the encoder reads; only a layer's 'from' can name "
                         "it");
    for (int64_t i = 0; i < enc->stack.count && used < sizeof names - DIM__TAP_SIZE - 2; i++)
        if (enc->stack.layers[i].tap[0] != '\0' && enc->stack.layers[i].tap[0] != '_')
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", used > 0 ? ", " : "",
                                     enc->stack.layers[i].tap);
    return dim__fail(enc->ctx, DIM_E_INVALID, "the encoder has no tap '%.40s'; it has %s", tap, names);
}

typedef struct request {
    dim_encoder *enc;
    int64_t batch, layer;
} request;

static int emit(void *arg, dim__graph *g, void *notes, dim__aim *aims)
{
    (void)aims;
    const request *r = arg;
    ends *e = notes;
    dim__vid *values = dim__calloc(r->enc->ctx, (size_t)r->enc->stack.count, sizeof *values);
    if (values == NULL) {
        dim__graph_fail(g, DIM_E_NOMEM);
        return 0;
    }
    dim__net net = dim__encoder_net(r->enc, g, false);
    e->in = dim__graph_input(g, DIM_F32, dim__encoder_input_shape(r->enc, r->batch), false);
    dim__encoder_emit(r->enc, &net, e->in, values);
    e->out = values[r->layer];
    dim__graph_keep(g, e->out);
    dim__free(r->enc->ctx, values);
    return 0;
}

static dim_status find_program(dim_encoder *enc, int64_t batch, int64_t layer, dim__compiled **out)
{
    request r = { enc, batch, layer };
    return dim__compile(&enc->programs, &(dim__recipe){ .key = { { batch, layer } }, .emit = emit, .arg = &r,
                                                        .notes = sizeof(ends) }, out);
}

dim_status dim__encoder_encode(dim_encoder *enc, const dim_tensor *images, int64_t layer, dim_tensor *features)
{
    int64_t batch;
    DIM__TRY(dim__encoder_check_images(enc, images, &batch));
    DIM__TRY(dim__check_features(enc->ctx, "features", enc->stack.layers[layer].out, batch, features));
    DIM__TRY(dim__check_output(enc->ctx, "features", features));
    DIM__TRY(dim__check_apart(enc->ctx, "images", images, "features", features)); /* pieces are read after some are written */
    dim__compiled *c;
    int64_t tail = batch % CHUNK;
    if (tail > 0) /* compile both before anything is written */
        DIM__TRY(find_program(enc, tail, layer, &c));
    if (batch >= CHUNK)
        DIM__TRY(find_program(enc, CHUNK, layer, &c));
    for (int64_t first = 0; first < batch; first += CHUNK) {
        int64_t n = dim__min64(CHUNK, batch - first);
        DIM__TRY(find_program(enc, n, layer, &c));
        const ends *e = c->notes;
        bool passed_on = dim__graph_origin(dim__program_graph(c->program), e->out, NULL) == e->in; /* nothing is made */
        const float *ready = passed_on ? NULL : dim__encoder_ready_input(enc, images, first);
        dim__program_bind(c->program, e->in, ready);
        if (ready == NULL)
            dim__encoder_fill_input(enc, images, first, n, dim__program_data(c->program, e->in));
        dim__program_forward(c->program, 0, 0);
        dim__deliver_features(enc->stack.layers[layer].out, dim__program_data(c->program, e->out), first, n, features);
    }
    return DIM_OK;
}
