/* Names of the values of public enums, and which numbers are values.  enums.def is the one list; a value that it lacks is a
 * warning of the compiler's. */
#ifndef DIM_BASE_ENUMS_H
#define DIM_BASE_ENUMS_H

#include "base/fields.h"

/* "bf16"; NULL for a number that is not a value.  Values count from 0 without gaps. */
#define DIM__ENUM(type, stem)                   \
    const char *dim__##stem##_name(int value); \
    extern const dim__range dim__##stem##_range;
#define DIM__VALUE(value, text)
#define DIM__END(force)
#include "base/enums.def"
#undef DIM__ENUM
#undef DIM__VALUE
#undef DIM__END

/* The value of a name, by a function like those above; -1 for what is not a name. */
int dim__enum_value(const char *(*name)(int value), const char *text);

#endif
