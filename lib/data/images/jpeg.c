/* JPEG by libjpeg-turbo.  What it reports as damage of the picture is an error here, as the file's end within it is;
 * what programs write wrongly without harm to the picture is not. */
#include "data/images/decoder.h"

#if DIM_HAVE_JPEG

#include <limits.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

/* Pixels that the scans may go over, for each byte of memory.  A progressive file has some ten scans; a forged one has
 * hundreds of a few bytes, each of which costs a pass over the picture. */
enum { PIXELS_A_BYTE = 2, TABLES = 1 << 24 };

typedef struct job {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    dim_status status;
    char *text;
    dim__image image;
    uint64_t memory; /* that may be used */
    uint8_t *inks; /* a row of CMYK */
} job;

static void on_error(j_common_ptr jpeg)
{
    job *j = jpeg->client_data;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    snprintf(j->text, DIM__IMAGE_TEXT, "not a valid JPEG file: %.150s", message);
    j->status = jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? DIM_E_NOMEM : DIM_E_FORMAT;
    longjmp(j->failed, 1);
}

static void on_message(j_common_ptr jpeg, int level)
{
    int code = jpeg->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM &&
        code != JWRN_TOO_MUCH_DATA)
        on_error(jpeg);
}

static void on_output(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void on_progress(j_common_ptr jpeg)
{
    job *j = jpeg->client_data;
    uint64_t pixels = (uint64_t)(j->image.height * j->image.width), scans = (uint64_t)j->jpeg.input_scan_number;
    if (scans <= 1 || (scans + PIXELS_A_BYTE - 1) / PIXELS_A_BYTE <= j->memory / pixels)
        return;
    snprintf(j->text, DIM__IMAGE_TEXT, "%llu scans or more over %llu pixels each; image_memory of %llu allows %d pixels in "
             "all for each of its bytes", (unsigned long long)scans, (unsigned long long)pixels,
             (unsigned long long)j->memory, PIXELS_A_BYTE);
    j->status = DIM_E_FORMAT;
    longjmp(j->failed, 1);
}

/* Bytes of the coefficients of a picture in several scans, which are kept until the last. */
static uint64_t coefficients(struct jpeg_decompress_struct *jpeg)
{
    uint64_t blocks = 0;
    if (!jpeg_has_multiple_scans(jpeg))
        return 0;
    for (int i = 0; i < jpeg->num_components; i++) { /* whole units of interleaving, as libjpeg pads them */
        const jpeg_component_info *c = &jpeg->comp_info[i];
        uint64_t h = (uint64_t)c->h_samp_factor, v = (uint64_t)c->v_samp_factor;
        blocks += (c->width_in_blocks + h - 1) / h * h * ((c->height_in_blocks + v - 1) / v * v);
    }
    return blocks * sizeof(JBLOCK);
}

/* a b / 255, rounded */
static uint8_t share(int a, int b)
{
    int t = a * b + 128;
    return (uint8_t)(((t >> 8) + t) >> 8);
}

/* Programs write the inks inverted, as Adobe began: 255 is none. */
static void ink_row(uint8_t *rgb, const uint8_t *inks, int64_t width)
{
    for (int64_t x = 0; x < width; x++, rgb += 3, inks += 4)
        for (int c = 0; c < 3; c++)
            rgb[c] = (uint8_t)(inks[3] - share(255 - inks[c], inks[3]));
}

static void decode(job *j, const uint8_t *data, size_t size)
{
    struct jpeg_decompress_struct *jpeg = &j->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->client_data = j;
    jpeg->progress = &j->progress;
    jpeg_mem_src(jpeg, data, (unsigned long)size);
    jpeg_read_header(jpeg, TRUE);
    /* In place of JPEGMEM's; what dim__image_room() does not count are tables and a few rows. */
    jpeg->mem->max_memory_to_use = j->memory < (uint64_t)LONG_MAX - TABLES ? (long)j->memory + TABLES : LONG_MAX;
    j->status = dim__image_room(&j->image, jpeg->image_height, jpeg->image_width, coefficients(jpeg), j->memory, j->text);
    if (j->status != DIM_OK)
        return;
    bool inks = jpeg->jpeg_color_space == JCS_CMYK || jpeg->jpeg_color_space == JCS_YCCK;
    jpeg->out_color_space = inks ? JCS_CMYK : JCS_RGB;
    if (inks)
        j->inks = malloc(4 * (size_t)jpeg->image_width);
    if (inks && j->inks == NULL) {
        j->status = DIM_E_NOMEM;
        return;
    }
    jpeg_start_decompress(jpeg);
    while (jpeg->output_scanline < jpeg->output_height) {
        uint8_t *row = j->image.pixels + (size_t)jpeg->output_scanline * jpeg->image_width * 3;
        JSAMPROW to = inks ? j->inks : row;
        if (jpeg_read_scanlines(jpeg, &to, 1) == 1 && inks)
            ink_row(row, j->inks, jpeg->image_width);
    }
    jpeg_finish_decompress(jpeg);
}

/* The job is not a variable of this function, so that its contents hold after the longjmp(). */
static void decode_or_return(job *j, const uint8_t *data, size_t size)
{
    if (setjmp(j->failed) == 0)
        decode(j, data, size);
}

dim_status dim__jpeg_decode(const uint8_t *data, size_t size, uint64_t memory, dim__image *out, char text[DIM__IMAGE_TEXT])
{
    job j;
    memset(&j, 0, sizeof j);
    j.text = text;
    j.memory = memory;
    j.jpeg.err = jpeg_std_error(&j.errors);
    j.jpeg.client_data = &j;
    j.errors.error_exit = on_error;
    j.errors.emit_message = on_message;
    j.errors.output_message = on_output;
    j.progress.progress_monitor = on_progress;
    decode_or_return(&j, data, size);
    jpeg_destroy_decompress(&j.jpeg);
    free(j.inks);
    if (j.status == DIM_OK)
        *out = j.image;
    else
        free(j.image.pixels);
    return j.status;
}

#else

#include <string.h>

dim_status dim__jpeg_decode(const uint8_t *data, size_t size, uint64_t memory, dim__image *out, char text[DIM__IMAGE_TEXT])
{
    (void)data, (void)size, (void)memory, (void)out;
    memcpy(text, "this build has no libjpeg to read JPEG", sizeof "this build has no libjpeg to read JPEG");
    return DIM_E_UNSUPPORTED;
}

#endif
