/* Decoded images as the network's tensors have them. */
#include "data/image.h"

#include "base/math.h"
#include "data/pixels.h"

#include <stdlib.h>

void dim__image_planes(const dim__image *image, uint8_t *planes)
{
    int64_t height = image->height, width = image->width, n = height * width;
    int turn = image->orientation;
    bool sideways = turn >= 5; /* a row of the file is a column */
    int64_t row = 3 * (sideways ? height : width), down = sideways ? 3 : row, right = sideways ? row : 3;
    const uint8_t *first = image->pixels; /* the upper left pixel, and the way to the next one below and beside */
    if (turn == 3 || turn == 4 || turn == 7 || turn == 8) {
        first += (height - 1) * down;
        down = -down;
    }
    if (turn == 2 || turn == 3 || turn == 6 || turn == 7) {
        first += (width - 1) * right;
        right = -right;
    }
    for (int64_t y = 0; y < height; y++) {
        const uint8_t *from = first + y * down;
        for (int64_t x = 0; x < width; x++, planes++) {
            const uint8_t *pixel = from + x * right;
            planes[0] = pixel[0];
            planes[n] = pixel[1];
            planes[2 * n] = pixel[2];
        }
    }
}

/* Half of d, a half rounded to the even number: where torchvision's CenterCrop begins. */
static int64_t half(int64_t d)
{
    return d / 2 + (d % 2 != 0 && d / 2 % 2 != 0);
}

dim_status dim__image_fit(const dim__image *image, int64_t side, const char *name, const dim__image_rules *rules,
                          uint8_t *planes, dim__sample_error *error)
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
    uint64_t bytes = 6 * (uint64_t)(h * w); /* the pixels and their planes */
    size_t extra = shorter != side ? dim__pixels_resize_scratch(from, height, width) : 0;
    bytes += shorter != side ? 3 * (uint64_t)(height * width) + extra : 0;
    if (bytes > rules->memory)
        return dim__sample_fail(error, DIM_E_FORMAT, "%s: %lld x %lld pixels take %llu bytes to resize; image_memory allows "
                                "%llu", name, (long long)w, (long long)h, (unsigned long long)bytes,
                                (unsigned long long)rules->memory);
    source = malloc((size_t)(3 * h * w));
    if (shorter != side) {
        resized = malloc((size_t)(3 * height * width));
        scratch = malloc(extra);
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
