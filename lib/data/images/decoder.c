#include "data/images/decoder.h"

#include <stdio.h>
#include <stdlib.h>

dim_status dim__image_room(dim__image *image, int64_t height, int64_t width, uint64_t more, uint64_t memory,
                           char text[DIM__IMAGE_TEXT])
{
    if (height < 1 || width < 1 || height > DIM__IMAGE_SIDE || width > DIM__IMAGE_SIDE ||
        height * width > DIM__IMAGE_PIXELS) {
        snprintf(text, DIM__IMAGE_TEXT, "%lld x %lld pixels; width and height must be at most %d, and their product %d",
                 (long long)width, (long long)height, DIM__IMAGE_SIDE, DIM__IMAGE_PIXELS);
        return DIM_E_FORMAT;
    }
    uint64_t bytes = (uint64_t)(height * width * 3);
    if (more > memory || bytes > memory - more) {
        snprintf(text, DIM__IMAGE_TEXT, "%lld x %lld pixels take %llu bytes to decode; image_memory allows %llu",
                 (long long)width, (long long)height, (unsigned long long)(bytes + more), (unsigned long long)memory);
        return DIM_E_FORMAT;
    }
    image->height = height;
    image->width = width;
    image->pixels = malloc((size_t)bytes);
    return image->pixels != NULL ? DIM_OK : DIM_E_NOMEM;
}
