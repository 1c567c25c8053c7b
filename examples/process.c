#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

void ex_process_start(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
    signal(SIGXFSZ, SIG_IGN);
}
