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

static dim__vid emit(void *arg, dim__graph *g, void *notes)
{
    const request *r = arg;
    ends *e = notes;
    dim__vid *values = dim__calloc(r->enc->ctx, (size_t)r->enc->stack.count, sizeof *values);
    if (values == NULL) {
        dim__graph_fail(g, DIM_E_NOMEM);
        return DIM__NONE;
    }
    dim__net net = dim__encoder_net(r->enc, g, false);
    e->in = dim__graph_input(g, DIM_F32, dim__encoder_input_shape(r->enc, r->batch), false);
    dim__encoder_emit(r->enc, &net, e->in, values);
    e->out = values[r->layer];
    dim__graph_keep(g, e->out);
    dim__free(r->enc->ctx, values);
    return DIM__NONE;
}

static dim_status find_program(dim_encoder *enc, int64_t batch, int64_t layer, dim__compiled **out)
{
    request r = { enc, batch, layer };
    return dim__compile(&enc->programs, &(dim__recipe){ .key = { { batch, layer } }, .emit = emit, .arg = &r,
                                                        .notes = sizeof(ends) }, out);
}

/* Features must be (N, C, H, W) or (N, C H W) for a map, (N, C, L) or (N, C L) for a signal, (N, d) for a vector. */
static dim_status check_features(const dim_encoder *enc, int64_t layer, int64_t batch, const dim_tensor *f)
{
    const int64_t *s = enc->stack.layers[layer].out;
    char text[128];
    bool flat = f->rank == 2 && f->shape[1] == dim__sample_size(s);
    if (f->dtype != DIM_F32)
        return dim__fail(enc->ctx, DIM_E_INVALID, "features have dtype %s; they must be f32", dim__dtype_name(f->dtype));
    if (f->rank > 0 && f->shape[0] == batch && (flat || dim__sample_fits(f, s)))
        return DIM_OK;
    dim__shape_text(text, f->rank, f->shape);
    if (dim__is_signal(s))
        return dim__fail(enc->ctx, DIM_E_SHAPE, "features have shape %s, but this tap gives (%lld, %lld, %lld)", text,
                         (long long)batch, (long long)s[0], (long long)s[2]);
    if (dim__is_map(s))
        return dim__fail(enc->ctx, DIM_E_SHAPE, "features have shape %s, but this tap gives (%lld, %lld, %lld, %lld)", text,
                         (long long)batch, (long long)s[0], (long long)s[1], (long long)s[2]);
    return dim__fail(enc->ctx, DIM_E_SHAPE, "features have shape %s, but this tap gives (%lld, %lld)", text,
                     (long long)batch, (long long)s[0]);
}

/* n samples of NHWC values to rows first .. of the caller's tensor, in (C, H, W) order. */
static void deliver(const int64_t s[3], const float *in, int64_t first, int64_t n, dim_tensor *f)
{
    int64_t h = dim__map_height(s), w = dim__map_width(s), c = s[0];
    int64_t shape[4] = { n, c, h, w }, from[4] = { c * h * w, 1, w * c, c }, to[4] = { f->stride[0] };
    dim__sample_strides(f, to + 1);
    if (f->rank == 2) { /* a flattened map: element (c, y, x) is column c H W + y W + x */
        to[3] = f->stride[1];
        to[2] = to[3] * w;
        to[1] = to[2] * h;
    }
    float *out = (float *)f->data + first * f->stride[0];
    dim__strided_copy(4, shape, DIM_F32, out, to, DIM_F32, in, from);
}

dim_status dim__encoder_encode(dim_encoder *enc, const dim_tensor *images, int64_t layer, dim_tensor *features)
{
    int64_t batch;
    DIM__TRY(dim__encoder_check_images(enc, images, &batch));
    DIM__TRY(check_features(enc, layer, batch, features));
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
        deliver(enc->stack.layers[layer].out, dim__program_data(c->program, e->out), first, n, features);
    }
    return DIM_OK;
}
