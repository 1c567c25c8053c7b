#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

bool ex_process_start(void)
{
    struct stat out;
    bool standard = fstat(STDOUT_FILENO, &out) == 0;
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
    signal(SIGXFSZ, SIG_IGN);
    return standard;
}
