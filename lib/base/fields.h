/* Options structs by tables, a line an option: what it is called, what it may be, what 0 stands for, and whether files keep it
 * as text. */
#ifndef DIM_BASE_FIELDS_H
#define DIM_BASE_FIELDS_H

#include "base/context.h"

typedef enum dim__field_type { DIM__U32, DIM__U64, DIM__F32 } dim__field_type;

/* What a field may be. */
typedef struct dim__range {
    double least, most;
    const char *text;               /* "it must be <text>" */
    const char *type;               /* of an enum instead: "dim_critic", and */
    const char *(*name)(int value); /* the names of its values, NULL for other numbers */
} dim__range;

/* 0 to `last` in a U32. */
#define DIM__UP_TO(last) { 0, last, #last " at most", NULL, NULL }

extern const dim__range dim__finite, dim__not_negative, /* finite and at least 0 */
    dim__share,                                         /* [0, 1] */
    dim__fraction,                                      /* [0, 1) */
    dim__width,                                         /* 2^24 at most */
    dim__switch, dim__reserved;

typedef struct dim__field {
    const char *name;
    size_t offset;
    dim__field_type type;
    int count;               /* an array of so many; its zeros at the end are left out of texts */
    const dim__range *range; /* NULL: every number is allowed */
    double usual;            /* what 0 stands for; 0 = nothing else */
    bool quiet;              /* checked alone: it decides nothing, or texts have it in another place */
} dim__field;

/* An option that texts have (checkpoints, networks): it changes the steps that follow. */
#define DIM__FIELD(type, member, kind, range, usual) \
    { #member, offsetof(type, member), DIM__##kind, 1, range, usual, false }
#define DIM__FIELDS(type, member, kind, n, range) { #member, offsetof(type, member), DIM__##kind, n, range, 0, false }
#define DIM__QUIET(type, member, kind, range, usual) \
    { #member, offsetof(type, member), DIM__##kind, 1, range, usual, true }

typedef struct dim__table { /* of an options struct */
    const char *type;
    size_t size;
    const dim__field *fields;
    size_t n;
} dim__table;

#define DIM__TABLE(type, fields) { #type, sizeof(type), fields, sizeof(fields) / sizeof(fields)[0] }

/* Whether each field is in its range: DIM_E_INVALID, "<where><field> is ...; it must be ...". */
dim_status dim__options_check(dim_context *ctx, const char *where, const dim__table *table, const void *options);
/* Puts in what 0 stands for. */
void dim__options_fill(const dim__table *table, void *options);
/* A copy (dim__options_copy()) that is checked, "dim_..._options.field is ...", and filled in. */
dim_status dim__options_read(dim_context *ctx, const dim__table *table, const void *in, void *out);

/* %.9g, which gives the float back, and the same text in every locale. */
void dim__put_float(char *text, size_t room, float x);

/* Appends ", name value ..." for each field that is not 0 or quiet; cut off at the end of the room.  Returns the text's length. */
size_t dim__fields_put(char *text, size_t used, size_t room, const dim__table *table, const void *options);

/* Reads one "name value ..." back into options; false where it is not what dim__fields_put() writes. */
bool dim__field_get(const char *text, const dim__table *table, void *options);

#endif
