/* Tiny ImageNet's val_annotations.txt: on each line an image, its class and more, with tabs between. */
#include "data/sources/listing.h"

enum { MAX_SIZE = 1 << 26 /* bytes */ };

static dim_status add_line(dim__listing *list, const char *path, char *line, int64_t number, const char *const *names,
                           int64_t classes)
{
    char *name = line, *class_name = strchr(line, '\t');
    if (class_name == NULL)
        return dim__fail(list->ctx, DIM_E_FORMAT, "%s: line %lld must be a file and its class with a tab between", path,
                         (long long)number);
    *class_name++ = '\0';
    class_name[strcspn(class_name, "\t")] = '\0';
    int64_t label = dim__names_find(names, classes, class_name);
    if (label < 0)
        return dim__fail(list->ctx, DIM_E_FORMAT, "%s: line %lld: class \"%.100s\" is not a folder of train", path,
                         (long long)number, class_name);
    if (*name == '\0' || strchr(name, '/') != NULL)
        return dim__fail(list->ctx, DIM_E_FORMAT, "%s: line %lld: \"%.100s\" is not the name of a file", path,
                         (long long)number, name);
    return dim__listing_add(list, "images/", name, label);
}

dim_status dim__annotations_read(dim__listing *list, dim__stream *s, const char *const *names, int64_t classes)
{
    const char *path = dim__stream_path(s);
    int64_t size = dim__stream_size(s), number = 1;
    if (size > MAX_SIZE)
        return dim__fail(list->ctx, DIM_E_FORMAT, "%s has %lld bytes; it must have %d at most", path, (long long)size, MAX_SIZE);
    char *text = dim__calloc(list->ctx, (size_t)size + 1, 1);
    if (text == NULL)
        return DIM_E_NOMEM;
    dim_status status = dim__stream_read(s, text, (size_t)size);
    if (status == DIM_OK && memchr(text, '\0', (size_t)size) != NULL)
        status = dim__fail(list->ctx, DIM_E_FORMAT, "%s is not a text file", path);
    for (char *at = text; status == DIM_OK && *at != '\0'; number++) {
        size_t length = strcspn(at, "\n");
        char *next = at + length + (at[length] != '\0');
        if (length > 0 && at[length - 1] == '\r')
            length--;
        at[length] = '\0';
        if (length > 0)
            status = add_line(list, path, at, number, names, classes);
        at = next;
    }
    if (status == DIM_OK)
        status = dim__listing_check_once(list, path);
    dim__free(list->ctx, text);
    return status;
}
