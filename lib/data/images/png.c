/* PNG by libpng. */
#include "data/images/decoder.h"

#if DIM_HAVE_PNG

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct job {
    png_structp png;
    png_infop info;
    const uint8_t *at;
    size_t left;
    dim_status status;
    char *text;
    dim__image image;
    uint64_t memory; /* that may be used */
    uint8_t **rows;
} job;

static void on_error(png_structp png, png_const_charp message)
{
    job *j = png_get_error_ptr(png);
    snprintf(j->text, DIM__IMAGE_TEXT, "not a valid PNG file: %.150s", message);
    j->status = strstr(message, "emory") != NULL ? DIM_E_NOMEM : DIM_E_FORMAT; /* libpng tells no other way */
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

static void on_read(png_structp png, png_bytep data, size_t size)
{
    job *j = png_get_io_ptr(png);
    if (size > j->left)
        png_error(png, "it is truncated");
    memcpy(data, j->at, size);
    j->at += size;
    j->left -= size;
}

/* 8 bits of red, green and blue. */
static void ask_for_rgb(job *j)
{
    int type = png_get_color_type(j->png, j->info);
    png_set_strip_16(j->png);
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(j->png);
    if (type == PNG_COLOR_TYPE_GRAY)
        png_set_expand_gray_1_2_4_to_8(j->png);
    if ((type & PNG_COLOR_MASK_COLOR) == 0)
        png_set_gray_to_rgb(j->png);
    png_set_strip_alpha(j->png);
    png_set_interlace_handling(j->png);
    png_read_update_info(j->png, j->info);
}

static void decode(job *j)
{
    png_set_read_fn(j->png, j, on_read);
    png_set_user_limits(j->png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); /* checked here, to say so */
    /* Texts, profiles and the like are passed over: libpng would take the memory that their length claims, or unpack them.
     * No chunk is longer than the file. */
    png_set_keep_unknown_chunks(j->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_set_chunk_malloc_max(j->png, j->left);
    png_read_info(j->png, j->info);
    int64_t height = png_get_image_height(j->png, j->info), width = png_get_image_width(j->png, j->info);
    j->status = dim__image_room(&j->image, height, width, (uint64_t)height * sizeof *j->rows, j->memory, j->text);
    if (j->status != DIM_OK)
        return;
    j->rows = malloc((size_t)height * sizeof *j->rows);
    if (j->rows == NULL) {
        j->status = DIM_E_NOMEM;
        return;
    }
    ask_for_rgb(j);
    if (png_get_rowbytes(j->png, j->info) != 3 * (size_t)width)
        png_error(j->png, "its rows cannot be converted to RGB");
    for (int64_t y = 0; y < height; y++)
        j->rows[y] = j->image.pixels + y * width * 3;
    png_read_image(j->png, j->rows);
    png_read_end(j->png, NULL);
}

/* The job is not a variable of this function, so that its contents hold after the longjmp(). */
static void decode_or_return(job *j)
{
    if (setjmp(png_jmpbuf(j->png)) == 0)
        decode(j);
}

dim_status dim__png_decode(const uint8_t *data, size_t size, uint64_t memory, dim__image *out, char text[DIM__IMAGE_TEXT])
{
    job j;
    memset(&j, 0, sizeof j);
    j.text = text;
    j.memory = memory;
    j.at = data;
    j.left = size;
    j.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &j, on_error, on_warning);
    if (j.png != NULL)
        j.info = png_create_info_struct(j.png);
    if (j.info == NULL)
        j.status = DIM_E_NOMEM;
    else
        decode_or_return(&j);
    png_destroy_read_struct(&j.png, &j.info, NULL);
    free(j.rows);
    if (j.status == DIM_OK)
        *out = j.image;
    else
        free(j.image.pixels);
    return j.status;
}

#else

#include <string.h>

dim_status dim__png_decode(const uint8_t *data, size_t size, uint64_t memory, dim__image *out, char text[DIM__IMAGE_TEXT])
{
    (void)data, (void)size, (void)memory, (void)out;
    memcpy(text, "this build has no libpng to read PNG", sizeof "this build has no libpng to read PNG");
    return DIM_E_UNSUPPORTED;
}

#endif
