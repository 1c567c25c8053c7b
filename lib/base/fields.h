/* Options structs by tables: names and places of the fields that matter, for files that keep them as text. */
#ifndef DIM_BASE_FIELDS_H
#define DIM_BASE_FIELDS_H

#include "base/context.h"

typedef enum dim__field_type { DIM__U32, DIM__U64, DIM__F32 } dim__field_type;

typedef struct dim__field {
    const char *name;
    size_t offset;
    dim__field_type type;
    int count; /* an array of so many; its zeros at the end are left out */
} dim__field;

#define DIM__FIELD(type, member, kind) { #member, offsetof(type, member), DIM__##kind, 1 }
#define DIM__FIELDS(type, member, kind, n) { #member, offsetof(type, member), DIM__##kind, n }

/* %.9g, which gives the float back, and the same text in every locale. */
void dim__put_float(char *text, size_t room, float x);

/* Appends ", name value ..." for each field that is not 0; cut off where there is no room.  Returns the text's length. */
size_t dim__fields_put(char *text, size_t used, size_t room, const dim__field *fields, size_t n, const void *options);

/* Reads one "name value ..." back into options; false where it is not what dim__fields_put() writes. */
bool dim__field_get(const char *text, const dim__field *fields, size_t n, void *options);

#endif
