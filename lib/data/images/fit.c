/* Decoded images as the network's tensors have them. */
#include "data/image.h"

#include "base/math.h"
#include "data/pixels.h"

#include <stdlib.h>

void dim__image_planes(const dim__image *image, uint8_t *planes)
{
    int64_t n = image->height * image->width;
    const uint8_t *from = image->pixels;
    for (int64_t i = 0; i < n; i++, from += 3) {
        planes[i] = from[0];
        planes[n + i] = from[1];
        planes[2 * n + i] = from[2];
    }
}

/* Half of d, a half rounded to the even number: where torchvision's CenterCrop begins. */
static int64_t half(int64_t d)
{
    return d / 2 + (d % 2 != 0 && d / 2 % 2 != 0);
}

dim_status dim__image_fit(const dim__image *image, int64_t side, const char *name, uint8_t *planes,
                          dim__sample_error *error)
{
    int64_t h = image->height, w = image->width, shorter = dim__min64(h, w);
    int64_t height = h == shorter ? side : side * h / w, width = w == shorter ? side : side * w / h;
    int64_t from[3] = { 3, h, w }, to[3] = { 3, height, width };
    dim__box whole = { 0, 0, h, w }, centre = { half(height - side), half(width - side), side, side };
    uint8_t *source = NULL, *resized = NULL;
    void *scratch = NULL;
    dim_status status = DIM_OK;
    if (height * width > DIM__IMAGE_PIXELS)
        return dim__sample_fail(error, DIM_E_FORMAT, "%s: %lld x %lld pixels are too long and thin for size %lld", name,
                                (long long)w, (long long)h, (long long)side);
    source = malloc((size_t)(3 * h * w));
    if (shorter != side) {
        resized = malloc((size_t)(3 * height * width));
        scratch = malloc(dim__pixels_resize_scratch(from, height, width));
    }
    if (source == NULL || (shorter != side && (resized == NULL || scratch == NULL))) {
        status = dim__sample_fail(error, DIM_E_NOMEM, "%s: no memory to resize it", name);
        goto done;
    }
    dim__image_planes(image, source);
    if (shorter != side)
        dim__pixels_resize(resized, source, from, &whole, height, width, scratch);
    dim__pixels_crop(planes, shorter != side ? resized : source, to, &centre);
done:
    free(scratch);
    free(resized);
    free(source);
    return status;
}
