/* Files of arrays by name, as fixtures/make_estimators.py and make_objective.py write them. */
#ifndef DIM_TESTS_RECORDS_H
#define DIM_TESTS_RECORDS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum record_type { RECORD_F32 = 0, RECORD_F64 = 1, RECORD_I32 = 2 } record_type;

typedef struct record {
    char name[64];
    int32_t dtype, rank; /* a record_type */
    int64_t dim[4];
} record;

typedef struct records {
    char *data;
    size_t size;
} records;

static inline int64_t record_count(const record *r)
{
    int64_t n = 1;
    for (int i = 0; i < r->rank; i++)
        n *= r->dim[i];
    return n;
}

/* The record at `at`, which moves on to the next, and its data; NULL at the end. */
static inline const void *records_next(const records *all, size_t *at, record *r)
{
    if (*at >= all->size)
        return NULL;
    memcpy(r, all->data + *at, sizeof *r);
    const void *data = all->data + *at + sizeof *r;
    *at += sizeof *r + ((size_t)record_count(r) * (r->dtype == RECORD_F64 ? 8 : 4) + 7) / 8 * 8;
    return data;
}

static inline const void *records_find(const records *all, const char *name, record *r)
{
    const void *data;
    for (size_t at = 0; (data = records_next(all, &at, r)) != NULL;)
        if (strcmp(r->name, name) == 0)
            return data;
    r->rank = 0;
    return NULL;
}

static inline int records_load(const char *path, records *out)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return -1;
    fseek(f, 0, SEEK_END);
    out->size = (size_t)ftell(f);
    rewind(f);
    out->data = malloc(out->size);
    size_t got = out->data == NULL ? 0 : fread(out->data, 1, out->size, f);
    fclose(f);
    return got == out->size ? 0 : -1;
}

static inline void records_free(records *all) { free(all->data); }

#endif
