/* A radix sort of 8 bits a pass: stable, linear, and bits that all keys share cost nothing. */
#include "information/sort.h"

enum { BITS = 8, BUCKETS = 1 << BITS, PASSES = 8 };

void dim__sort_keys(const uint64_t *key, int64_t n, int32_t *order, int32_t *spare)
{
    int32_t *from = order, *to = spare;
    for (int64_t i = 0; i < n; i++)
        order[i] = (int32_t)i;
    for (int pass = 0; pass < PASSES; pass++) {
        int shift = pass * BITS;
        int64_t first[BUCKETS + 1] = { 0 };
        for (int64_t i = 0; i < n; i++)
            first[(key[i] >> shift & (BUCKETS - 1)) + 1]++;
        if (n == 0 || first[(key[0] >> shift & (BUCKETS - 1)) + 1] == n)
            continue;
        for (int b = 0; b < BUCKETS; b++)
            first[b + 1] += first[b];
        for (int64_t i = 0; i < n; i++)
            to[first[key[from[i]] >> shift & (BUCKETS - 1)]++] = from[i];
        int32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != order)
        memcpy(order, from, (size_t)n * sizeof *order);
}

int64_t dim__code_keys(const uint64_t *key, int64_t n, const int32_t *order, int32_t *code)
{
    int32_t now = -1;
    for (int64_t i = 0; i < n; i++) {
        now += i == 0 || key[order[i]] != key[order[i - 1]];
        code[order[i]] = now;
    }
    return now + 1;
}

/* A table of the product of their numbers would be too large, so there is a chain of second labels for each first one. */
dim_status dim__number_pairs(dim_context *ctx, int64_t n, int32_t *code, int64_t *count, const int32_t *more)
{
    int32_t *head = dim__calloc(ctx, (size_t)*count + 1, sizeof *head), *chain = dim__calloc(ctx, (size_t)n, 3 * sizeof *chain);
    int64_t made = 0;
    if (head == NULL || chain == NULL) {
        dim__free(ctx, head);
        dim__free(ctx, chain);
        return DIM_E_NOMEM;
    }
    for (int64_t i = 0; i < n; i++) { /* chain: next + 1, second label, number */
        int32_t at = head[code[i]];
        while (at != 0 && chain[3 * (at - 1) + 1] != more[i])
            at = chain[3 * (at - 1)];
        if (at == 0) {
            chain[3 * made] = head[code[i]];
            chain[3 * made + 1] = more[i];
            chain[3 * made + 2] = (int32_t)made;
            at = head[code[i]] = (int32_t)++made;
        }
        code[i] = chain[3 * (at - 1) + 2];
    }
    *count = made;
    dim__free(ctx, head);
    dim__free(ctx, chain);
    return DIM_OK;
}
