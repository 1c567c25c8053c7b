#include "data/pixels.h"

#include <string.h>

/* Bytes are cut from floats, so a product must be rounded before it is added: lib/cmake/DimOptions.cmake sees to that. */

void dim__pixels_flip(uint8_t *dst, const uint8_t *src, const int64_t shape[3])
{
    int64_t rows = shape[0] * shape[1], w = shape[2];
    for (int64_t y = 0; y < rows; y++, dst += w, src += w)
        for (int64_t x = 0; x < w; x++)
            dst[x] = src[w - 1 - x];
}

static int64_t reflect(int64_t i, int64_t n)
{
    return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

void dim__pixels_translate(uint8_t *dst, const uint8_t *src, const int64_t shape[3], int64_t down, int64_t right)
{
    int64_t h = shape[1], w = shape[2];
    int64_t begin = right > 0 ? right : 0, end = right < 0 ? w + right : w; /* columns that come from inside */
    for (int64_t c = 0; c < shape[0]; c++)
        for (int64_t y = 0; y < h; y++, dst += w) {
            const uint8_t *row = src + (c * h + reflect(y - down, h)) * w;
            for (int64_t x = 0; x < begin; x++)
                dst[x] = row[reflect(x - right, w)];
            memcpy(dst + begin, row + begin - right, (size_t)(end - begin));
            for (int64_t x = end; x < w; x++)
                dst[x] = row[reflect(x - right, w)];
        }
}

void dim__pixels_crop(uint8_t *dst, const uint8_t *src, const int64_t shape[3], const dim__box *box)
{
    for (int64_t c = 0; c < shape[0]; c++)
        for (int64_t y = 0; y < box->height; y++, dst += box->width)
            memcpy(dst, src + (c * shape[1] + box->top + y) * shape[2] + box->left, (size_t)box->width);
}

/* Weights of the sum that PIL and so torchvision take for luma: 16-bit fixed point of 0.299, 0.587, 0.114. */
static uint8_t luma(uint8_t r, uint8_t g, uint8_t b)
{
    return (uint8_t)((r * 19595u + g * 38470u + b * 7471u + 0x8000u) >> 16);
}

/* a + factor (b - a) in single precision, cut to bytes */
static uint8_t blend(uint8_t a, uint8_t b, float factor)
{
    float part = factor * (float)(b - a);
    float value = (float)a + part;
    value = value > 0 ? value : 0;
    value = value < 255 ? value : 255;
    return (uint8_t)(int32_t)value;
}

/* Blends every pixel with one value. */
static void blend_with(uint8_t *image, const int64_t shape[3], uint8_t value, float factor)
{
    uint8_t table[256];
    int64_t n = shape[0] * shape[1] * shape[2];
    for (int i = 0; i < 256; i++)
        table[i] = blend(value, (uint8_t)i, factor);
    for (int64_t i = 0; i < n; i++)
        image[i] = table[image[i]];
}

void dim__pixels_brightness(uint8_t *image, const int64_t shape[3], float factor)
{
    blend_with(image, shape, 0, factor);
}

void dim__pixels_contrast(uint8_t *image, const int64_t shape[3], float factor)
{
    int64_t n = shape[1] * shape[2];
    uint64_t sum = 0;
    if (shape[0] == 3)
        for (int64_t i = 0; i < n; i++)
            sum += luma(image[i], image[n + i], image[2 * n + i]);
    else
        for (int64_t i = 0; i < n; i++)
            sum += image[i];
    blend_with(image, shape, (uint8_t)((double)sum / (double)n + 0.5), factor);
}

void dim__pixels_saturation(uint8_t *image, const int64_t shape[3], float factor)
{
    int64_t n = shape[1] * shape[2];
    if (shape[0] != 3)
        return;
    uint8_t *r = image, *g = image + n, *b = image + 2 * n;
    for (int64_t i = 0; i < n; i++) {
        uint8_t grey = luma(r[i], g[i], b[i]);
        r[i] = blend(grey, r[i], factor);
        g[i] = blend(grey, g[i], factor);
        b[i] = blend(grey, b[i], factor);
    }
}

void dim__pixels_grayscale(uint8_t *image, const int64_t shape[3])
{
    int64_t n = shape[1] * shape[2];
    if (shape[0] != 3)
        return;
    for (int64_t i = 0; i < n; i++)
        image[i] = image[n + i] = image[2 * n + i] = luma(image[i], image[n + i], image[2 * n + i]);
}

/* Hue and saturation as bytes, 255 being a whole turn and 1. */
static void to_hsv(const uint8_t rgb[3], uint8_t *hue, uint8_t *saturation, uint8_t *value)
{
    uint8_t r = rgb[0], g = rgb[1], b = rgb[2];
    uint8_t most = r > g ? r : g, least = r < g ? r : g;
    most = most > b ? most : b;
    least = least < b ? least : b;
    *value = most;
    *hue = *saturation = 0;
    if (most == least)
        return;
    float range = (float)(most - least);
    float rc = (float)(most - r) / range, gc = (float)(most - g) / range, bc = (float)(most - b) / range;
    float h;
    if (r == most)
        h = bc - gc;
    else if (g == most)
        h = (float)(2.0 + rc - bc);
    else
        h = (float)(4.0 + gc - rc);
    double turn = h / 6.0 + 1.0; /* in [5/6, 11/6] */
    h = (float)(turn >= 1 ? turn - 1 : turn);
    *hue = (uint8_t)(int)(h * 255.0);
    *saturation = (uint8_t)(int)(range / (float)most * 255.0);
}

static uint8_t rounded(double x) /* x in [0, 255] */
{
    return (uint8_t)(int)(x + 0.5);
}

static void from_hsv(uint8_t rgb[3], uint8_t hue, uint8_t saturation, uint8_t v)
{
    /* Which of v, p, q, t is red, green and blue, in each sixth of the turn. */
    static const uint8_t parts[6][3] = { { 0, 3, 1 }, { 2, 0, 1 }, { 1, 0, 3 }, { 1, 2, 0 }, { 3, 1, 0 }, { 0, 1, 2 } };
    double sixths = (double)hue * 6.0 / 255.0;
    int sixth = (int)sixths;
    float f = (float)(sixths - sixth), s = (float)(saturation / 255.0), x = v, sf = s * f;
    uint8_t vpqt[4] = { v, rounded(x * (1.0 - s)), rounded(x * (1.0 - sf)), rounded(x * (1.0 - s * (1.0 - f))) };
    for (int i = 0; i < 3; i++)
        rgb[i] = vpqt[parts[sixth % 6][i]];
}

void dim__pixels_hue(uint8_t *image, const int64_t shape[3], float turn)
{
    int64_t n = shape[1] * shape[2];
    if (shape[0] != 3)
        return;
    uint8_t shift = (uint8_t)(int)(turn * 255.0); /* rounded towards 0, then modulo 256 */
    for (int64_t i = 0; i < n; i++) {
        uint8_t rgb[3] = { image[i], image[n + i], image[2 * n + i] }, hue, saturation, value;
        to_hsv(rgb, &hue, &saturation, &value);
        if (saturation == 0)
            memset(rgb, value, 3);
        else
            from_hsv(rgb, (uint8_t)(hue + shift), saturation, value);
        for (int c = 0; c < 3; c++)
            image[c * n + i] = rgb[c];
    }
}
