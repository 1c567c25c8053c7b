/* One view: what is drawn, and the operations in their order. */
#include "data/augment/op.h"

#include "base/rng.h"

void dim__augment_draw_op(const dim_augment_op_options *op, int place, const dim__augment_key *key,
                          const int64_t shape[3], dim__augment_draw *out)
{
    const dim__augment_def *def = dim__augment_def_of(op->op);
    uint64_t view = op->sharing == DIM_AUGMENT_SHARING_IMAGE ? UINT64_MAX : key->view;
    uint64_t stream = dim__mix(dim__mix(dim__mix(dim__hash_text("augment"), key->epoch), key->index), view);
    memset(out, 0, sizeof *out);
    dim__rng_uniform(out->number, DIM__AUGMENT_NUMBERS, key->seed, stream, (int64_t)place * DIM__AUGMENT_NUMBERS);
    out->done = out->number[0] < op->p;
    if (def->draw != NULL)
        def->draw(op, shape, out);
}

static void write_f32(const dim__augment_fit *fit, const uint8_t *from, float *dst, const int64_t stride[3])
{
    for (int64_t c = 0; c < fit->out[0]; c++)
        for (int64_t y = 0; y < fit->out[1]; y++, from += fit->out[2]) {
            float *row = dst + c * stride[0] + y * stride[1];
            for (int64_t x = 0; x < fit->out[2]; x++)
                row[x * stride[2]] = fit->value[c][from[x]];
        }
}

static void write_u8(const dim__augment_fit *fit, const uint8_t *from, uint8_t *dst, const int64_t stride[3])
{
    for (int64_t c = 0; c < fit->out[0]; c++)
        for (int64_t y = 0; y < fit->out[1]; y++, from += fit->out[2])
            for (int64_t x = 0; x < fit->out[2]; x++)
                dst[c * stride[0] + y * stride[1] + x * stride[2]] = from[x];
}

void dim__augment_view(const dim__augment_fit *fit, const uint8_t *image, const dim__augment_key *key, void *scratch,
                       dim_dtype dtype, void *dst, const int64_t stride[3])
{
    dim__augment_draw draw;
    uint8_t *bytes = scratch;
    dim__augment_work w = { bytes, bytes + fit->image_bytes, bytes + 2 * fit->image_bytes,
                            { fit->in[0], fit->in[1], fit->in[2] } };
    memcpy(w.image, image, (size_t)(fit->in[0] * fit->in[1] * fit->in[2]));
    for (int i = 0; i < fit->list.count; i++) {
        const dim_augment_op_options *op = &fit->list.op[i];
        const dim__augment_def *def = dim__augment_def_of(op->op);
        dim__augment_draw_op(op, i, key, w.shape, &draw);
        if (draw.done)
            def->run(&w, op, &draw, fit->after[i]);
        else if (def->skip != NULL)
            def->skip(&w, fit->after[i]);
    }
    if (dtype == DIM_F32)
        write_f32(fit, w.image, dst, stride);
    else
        write_u8(fit, w.image, dst, stride);
}
