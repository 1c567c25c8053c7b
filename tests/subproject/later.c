#include <dim/dim.h>

const char *later_version(void);

const char *later_version(void)
{
    return dim_version();
}
