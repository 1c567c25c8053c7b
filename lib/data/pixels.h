/* Operations on planar bytes (C, H, W), C = 1 or 3, with their parameters given.  The reference of each is torchvision
 * 0.14 on PIL images: the bytes are the same.  Nothing here allocates. */
#ifndef DIM_DATA_PIXELS_H
#define DIM_DATA_PIXELS_H

#include <stddef.h>
#include <stdint.h>

typedef struct dim__box {
    int64_t top, left, height, width;
} dim__box;

/* dst and src must not overlap. */
void dim__pixels_flip(uint8_t *dst, const uint8_t *src, const int64_t shape[3]);
/* Mirrored at the border, whose pixels are not repeated; |down| < H, |right| < W. */
void dim__pixels_translate(uint8_t *dst, const uint8_t *src, const int64_t shape[3], int64_t down, int64_t right);
void dim__pixels_crop(uint8_t *dst, const uint8_t *src, const int64_t shape[3], const dim__box *box);
/* The box alone, resized by the bicubic filter (a = -0.5), widened when shrinking; scratch as below. */
void dim__pixels_resize(uint8_t *dst, const uint8_t *src, const int64_t shape[3], const dim__box *box, int64_t height,
                        int64_t width, void *scratch);
/* Bytes for any box of an image of this shape; a multiple of 64. */
size_t dim__pixels_resize_scratch(const int64_t shape[3], int64_t height, int64_t width);

/* In place. */
void dim__pixels_brightness(uint8_t *image, const int64_t shape[3], float factor);
void dim__pixels_contrast(uint8_t *image, const int64_t shape[3], float factor);
void dim__pixels_saturation(uint8_t *image, const int64_t shape[3], float factor); /* nothing with 1 channel */
void dim__pixels_hue(uint8_t *image, const int64_t shape[3], float turn);          /* likewise; turn in [-0.5, 0.5] */
void dim__pixels_grayscale(uint8_t *image, const int64_t shape[3]);                /* likewise */

#endif
