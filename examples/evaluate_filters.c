/* The filters of the first layer, where it is a convolution of gray or RGB images. */
#include "canvas.h"
#include "evaluate.h"

#include <math.h>
#include <stdlib.h>

enum { GAP = 14, MOST = 256, COLUMNS = 16, SIDE = 32 /* of a filter in the picture, at least */ };

/* The first parameter with four axes; NULL = the first layer is none of that kind. */
static dim_tensor *first_filters(ex_run *run, const dim_encoder *encoder)
{
    for (int i = 0; i < dim_encoder_parameter_count(encoder); i++) {
        dim_tensor *t = NULL;
        EX_TRY(run, dim_encoder_get_parameter(encoder, dim_encoder_parameter_name(encoder, i), &t));
        if (dim_tensor_rank(t) == 4 && (dim_tensor_size(t, 1) == 1 || dim_tensor_size(t, 1) == 3) && dim_tensor_size(t, 2) > 1)
            return t;
        dim_tensor_destroy(t);
        if (i > 1)
            break;
    }
    return NULL;
}

/* Gray is 0, and the weight that is farthest from it black or white. */
static void to_bytes(const float *x, int64_t n, uint8_t *out)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs((double)x[i]));
    for (int64_t i = 0; i < n; i++)
        out[i] = (uint8_t)(127.5 + (most > 0 ? 127 * (double)x[i] / most : 0));
}

bool ev_filters(ex_run *run, dim_encoder *encoder, const char *path, const char **why)
{
    ex_canvas c;
    dim_tensor *t = first_filters(run, encoder);
    *why = "the first layer is not a convolution of gray or RGB images";
    if (t == NULL)
        return false;
    const int64_t shape[3] = { dim_tensor_size(t, 1), dim_tensor_size(t, 2), dim_tensor_size(t, 3) }, each = shape[0] * shape[1] * shape[2];
    int64_t n = dim_tensor_size(t, 0) < MOST ? dim_tensor_size(t, 0) : MOST, scale = (SIDE + shape[1] - 1) / shape[1];
    int64_t w = shape[2] * scale + 2 * EX_BORDER, h = shape[1] * scale + 2 * EX_BORDER;
    uint8_t *bytes = malloc((size_t)each);
    bool good = bytes != NULL && ex_canvas_open(&c, COLUMNS * w + 2 * GAP, (n + COLUMNS - 1) / COLUMNS * h + 2 * GAP, why);
    for (int64_t i = 0; i < n && good; i++) {
        int64_t x = GAP + i % COLUMNS * w, y = GAP + i / COLUMNS * h;
        to_bytes((const float *)dim_tensor_const_data(t) + i * each, each, bytes);
        ex_canvas_frame(&c, x, y, shape[2] * scale, shape[1] * scale);
        ex_canvas_image(&c, x, y, bytes, shape, scale);
    }
    good = good && ex_canvas_close(&c, path, why);
    free(bytes);
    dim_tensor_destroy(t);
    return good;
}
