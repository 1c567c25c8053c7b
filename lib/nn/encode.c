/* Encoding: batches through programs of the encoder, features out of them. */
#include "base/math.h"
#include "nn/encoder.h"

#include <stdio.h>

enum {
    PIECE = 256,             /* samples a program, at most: enough to fill the machine */
    ROOM = 128 * 1024 * 1024 /* bytes that its activations take, at most, unless those of one sample take more */
};

typedef struct ends { /* of a program that encodes */
    dim__vid in[DIM_MAX_INPUTS], out;
} ends;

dim_status dim__encoder_tap(const dim_encoder *enc, const char *tap, int64_t *layer)
{
    char names[256] = "";
    size_t used = 0;
    int64_t found = tap == NULL ? enc->global : dim__stack_tap(&enc->stack, tap);
    if (found >= 0 && !dim__in_crops(&enc->stack.layers[found])) {
        *layer = found;
        return DIM_OK;
    }
    if (found < 0 && found != DIM__LAYER_NONE)
        return dim__fail(enc->ctx, DIM_E_INVALID, "the tap '%s' is what the encoder reads; only a layer's 'from' can name "
                         "it", tap);
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
    dim__scope scope = dim__encoder_scope(r->enc, g, false);
    dim__encoder_emit_inputs(r->enc, g, r->batch, e->in);
    dim__encoder_emit(r->enc, &scope, e->in, values);
    e->out = values[r->layer];
    dim__graph_keep(g, e->out);
    dim__free(r->enc->ctx, values);
    return 0;
}

static dim__recipe recipe_of(request *r)
{
    return (dim__recipe){ .key = { { r->batch, r->layer } }, .emit = emit, .arg = r, .notes = sizeof(ends) };
}

static dim_status find_program(dim_encoder *enc, int64_t batch, int64_t layer, dim__compiled **out)
{
    request r = { enc, batch, layer };
    dim__recipe recipe = recipe_of(&r);
    return dim__compile(&enc->programs, &recipe, out);
}

/* Whatever the size of a batch: the bits of its features must not depend on what was encoded before it. */
dim_status dim__encoder_piece(dim_encoder *enc, int64_t layer, int64_t *piece)
{
    request r = { enc, PIECE, layer };
    for (; enc->pieces[layer] == 0; r.batch /= 2) {
        dim__recipe recipe = recipe_of(&r);
        int64_t bytes = 0;
        if (r.batch > 1)
            DIM__TRY(dim__recipe_arena(enc->ctx, &recipe, &bytes));
        if (bytes <= ROOM)
            enc->pieces[layer] = r.batch;
    }
    *piece = enc->pieces[layer];
    return DIM_OK;
}

static dim_status check_count(const dim_encoder *enc, int count)
{
    const dim__stack *s = &enc->stack;
    char names[DIM_MAX_INPUTS * (DIM__TAP_SIZE + 2)] = "";
    size_t used = 0;
    if (count == s->n_inputs)
        return DIM_OK;
    for (int k = 0; k < s->n_inputs; k++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", k > 0 ? ", " : "", s->inputs[k].name);
    return dim__fail(enc->ctx, DIM_E_INVALID, "the encoder has %d input%s (%s), but %d %s given", s->n_inputs,
                     s->n_inputs == 1 ? "" : "s", names, count, count == 1 ? "is" : "are");
}

/* All inputs, of as many samples each. */
static dim_status check_inputs(const dim_encoder *enc, int count, const dim_tensor *const *inputs, int64_t *batch)
{
    char a[DIM__INPUT_TEXT], b[DIM__INPUT_TEXT];
    int64_t n;
    DIM__TRY(check_count(enc, count));
    for (int k = 0; k < count; k++) {
        DIM__TRY(dim__encoder_check_input(enc, k, inputs[k], &n));
        if (k > 0 && n != *batch)
            return dim__fail(enc->ctx, DIM_E_SHAPE, "%s are %lld, but %s are %lld", dim__encoder_input_text(enc, 0, a),
                             (long long)*batch, dim__encoder_input_text(enc, k, b), (long long)n);
        *batch = n;
    }
    return DIM_OK;
}

/* Lets the program read samples first .. first + n - 1 of input k: where they lie, or copied. */
static void give(dim_encoder *enc, dim__program *p, const ends *e, int k, const dim_tensor *images, int64_t first, int64_t n)
{
    bool passed_on = dim__graph_origin(dim__program_graph(p), e->out, NULL) == e->in[k]; /* nothing is made */
    const float *ready = passed_on ? NULL : dim__encoder_ready_input(enc, k, images, first);
    dim__program_bind(p, e->in[k], ready);
    if (ready == NULL)
        dim__encoder_fill_input(enc, k, images, first, n, dim__program_data(p, e->in[k]));
}

dim_status dim__encoder_encode(dim_encoder *enc, int count, const dim_tensor *const *inputs, int64_t layer,
                               dim_tensor *features)
{
    char text[DIM__INPUT_TEXT];
    int64_t batch = 0;
    DIM__TRY(check_inputs(enc, count, inputs, &batch));
    DIM__TRY(dim__check_features(enc->ctx, "features", enc->stack.layers[layer].out, batch, features));
    DIM__TRY(dim__check_output(enc->ctx, "features", features));
    for (int k = 0; k < count; k++) /* pieces are read after some are written */
        DIM__TRY(dim__check_apart(enc->ctx, dim__encoder_input_text(enc, k, text), inputs[k], "features", features));
    dim__compiled *c;
    int64_t piece = 1;
    if (batch > 1)
        DIM__TRY(dim__encoder_piece(enc, layer, &piece));
    int64_t tail = batch % piece;
    if (tail > 0) /* compile both before anything is written */
        DIM__TRY(find_program(enc, tail, layer, &c));
    if (batch >= piece)
        DIM__TRY(find_program(enc, piece, layer, &c));
    for (int64_t first = 0; first < batch; first += piece) {
        int64_t n = dim__min64(piece, batch - first);
        DIM__TRY(find_program(enc, n, layer, &c));
        const ends *e = c->notes;
        for (int k = 0; k < count; k++)
            give(enc, c->program, e, k, inputs[k], first, n);
        dim__program_forward(c->program, 0, 0);
        dim__deliver_features(enc->stack.layers[layer].out, dim__program_data(c->program, e->out), first, n, features);
    }
    return DIM_OK;
}
