#include <string.h>

const char *later_version(void);

int main(void)
{
    return strcmp(later_version(), "0.1.0") != 0;
}
