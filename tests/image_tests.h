/* Image files made in memory, for the tests of sources. */
#ifndef DIM_IMAGE_TESTS_H
#define DIM_IMAGE_TESTS_H

#include "data_tests.h"

#include <stdbool.h>

#if DIM_HAVE_JPEG && DIM_HAVE_PNG

#include <jpeglib.h>
#include <png.h>

enum { IMAGE_ROOM = 1 << 17 };

typedef struct image_file {
    unsigned char bytes[IMAGE_ROOM];
    size_t size;
} image_file;

static inline void image_append(png_structp png, png_bytep data, size_t size)
{
    image_file *f = png_get_io_ptr(png);
    assert_true(f->size + size <= sizeof f->bytes);
    memcpy(f->bytes + f->size, data, size);
    f->size += size;
}

/* `rows` are packed as PNG has them. */
static inline void make_png(image_file *f, int type, int depth, int interlace, int w, int h, const unsigned char *rows)
{
    png_color palette[16];
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    assert_non_null(info);
    f->size = 0;
    png_set_write_fn(png, f, image_append, NULL);
    png_set_user_limits(png, 0x7fffffff, 0x7fffffff);
    png_set_IHDR(png, info, (png_uint_32)w, (png_uint_32)h, depth, type, interlace, 0, 0);
    for (int i = 0; i < 16; i++)
        palette[i] = (png_color){ (png_byte)(i * 16), (png_byte)(255 - i), (png_byte)(i * i) };
    if (type == PNG_COLOR_TYPE_PALETTE) {
        png_set_PLTE(png, info, palette, 16);
        png_set_tRNS(png, info, (const png_byte[]){ 0, 128 }, 2, NULL);
    }
    png_write_info(png, info);
    size_t stride = png_get_rowbytes(png, info);
    int passes = png_set_interlace_handling(png);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < h; y++)
            png_write_row(png, rows + (size_t)y * stride);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
}

/* `rows` have 1, 3 or 4 bytes a pixel; 4 are the inks as they shall stand in the file. */
static inline void make_jpeg(image_file *f, int channels, bool progressive, int w, int h, const unsigned char *rows)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL;
    unsigned long size = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, &size);
    jpeg.image_width = (JDIMENSION)w;
    jpeg.image_height = (JDIMENSION)h;
    jpeg.input_components = channels;
    jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    jpeg.restart_interval = progressive ? 0 : 2;
    if (progressive)
        jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    for (int y = 0; y < h; y++) {
        JSAMPROW row = (JSAMPROW)(rows + (size_t)y * (size_t)w * (size_t)channels);
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    assert_true(size <= sizeof f->bytes);
    memcpy(f->bytes, bytes, size);
    f->size = size;
    free(bytes);
}

/* A picture to make files of: `channels` bytes a pixel. */
static inline void paint(unsigned char *rows, int w, int h, int channels, int seed)
{
    for (int i = 0; i < w * h * channels; i++) {
        int x = i / channels % w, y = i / channels / w;
        rows[i] = (unsigned char)(20 + seed * 37 % 100 + x * 3 + y * 2 + i % channels * 40);
    }
}

#endif
#endif
