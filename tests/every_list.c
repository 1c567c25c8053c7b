#include "every.h"

#include "every_list.inc"

const every_function *every_find(const char *name)
{
    for (int i = 0; i < every_count; i++)
        if (strcmp(every_functions[i].name, name) == 0)
            return &every_functions[i];
    return NULL;
}
