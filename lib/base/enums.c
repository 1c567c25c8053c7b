#include "base/enums.h"

#include <dim/dim.h>
#include <string.h>

/* A switch, so that the compiler knows when a value is missing. */
#define DIM__ENUM(enum_, stem)                                                             \
    const dim__range dim__##stem##_range = { .type = #enum_, .name = dim__##stem##_name }; \
    const char *dim__##stem##_name(int value)                                              \
    {                                                                                      \
        switch ((enum_)value) {
#define DIM__VALUE(value, text) case value: return text;
#define DIM__END(force) \
        case force:     \
            break;      \
        }               \
        return NULL;    \
    }
#include "base/enums.def"
#undef DIM__ENUM
#undef DIM__VALUE
#undef DIM__END

int dim__enum_value(const char *(*name)(int value), const char *text)
{
    for (int i = 0; name(i) != NULL; i++)
        if (strcmp(name(i), text) == 0)
            return i;
    return -1;
}
