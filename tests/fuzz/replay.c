/* The corpus of a fuzzer as a test, in a build without libFuzzer: every file of the folders that are named is given to it.  At
 * least one of them must be accepted, or the fuzzer does not reach what it is for. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int replay(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return 0;
    size_t room = 1 << 20;
    uint8_t *data = malloc(room);
    size_t size = data != NULL ? fread(data, 1, room, f) : 0;
    fclose(f);
    /* A block of just the size, so that reading past it is seen. */
    uint8_t *exact = malloc(size > 0 ? size : 1);
    if (data == NULL || exact == NULL)
        abort();
    memcpy(exact, data, size);
    free(data);
    (void)LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 1;
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        if (dir == NULL) {
            fprintf(stderr, "FAIL: no folder %s\n", argv[i]);
            return 1;
        }
        for (struct dirent *e; (e = readdir(dir)) != NULL;)
            if (e->d_name[0] != '.')
                files += replay(argv[i], e->d_name);
        closedir(dir);
    }
    printf("%d files, %ld calls accepted\n", files, fuzz_accepted);
    if (files == 0 || fuzz_accepted == 0) {
        fprintf(stderr, "FAIL: nothing was accepted\n");
        return 1;
    }
    return 0;
}
