#include "process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

static bool had[3] = { true, true, true }; /* of the process, as descriptors are */

bool ex_process_had(int fd) { return had[fd]; }

bool ex_process_start(void)
{
    struct stat s;
    int fd;
    for (fd = 0; fd <= 2; fd++)
        had[fd] = fstat(fd, &s) == 0;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
    signal(SIGXFSZ, SIG_IGN);
    return had[STDOUT_FILENO];
}
