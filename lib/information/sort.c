/* Radix sorts of 8 bits a pass: stable, linear, and bits that all keys share cost nothing. */
#include "information/sort.h"

enum { BITS = 8, BUCKETS = 1 << BITS, PASSES = 4, FEW = 48 };

/* Where the buckets of a word of 32 bits begin, pass by pass; false where all are in one. */
static bool begin_buckets(int32_t first[BUCKETS], int64_t n)
{
    bool useful = true;
    for (int32_t b = 0, sum = 0; b < BUCKETS; b++) {
        int32_t count = first[b];
        useful = useful && count != n;
        first[b] = sum;
        sum += count;
    }
    return useful;
}

/* Sorts `order` by 32 bits of the keys. */
static void sort_half(const uint64_t *key, int half, int64_t n, int32_t *order, int32_t *spare)
{
    int32_t first[PASSES][BUCKETS] = { { 0 } }, *from = order, *to = spare;
    for (int64_t i = 0; i < n; i++)
        for (int pass = 0; pass < PASSES; pass++)
            first[pass][key[i] >> (half + pass * BITS) & (BUCKETS - 1)]++;
    for (int pass = 0; pass < PASSES; pass++) {
        int shift = half + pass * BITS;
        if (!begin_buckets(first[pass], n))
            continue;
        for (int64_t i = 0; i < n; i++)
            to[first[pass][key[from[i]] >> shift & (BUCKETS - 1)]++] = from[i];
        int32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != order)
        memcpy(order, from, (size_t)n * sizeof *order);
}

/* Puts in order a few that agree in their upper halves; false where they are too many and not in order already. */
static bool settle(const uint64_t *key, int64_t n, int32_t *order)
{
    for (int64_t i = 1; i < n; i++) {
        int32_t one = order[i];
        int64_t k = i;
        if (key[order[i - 1]] <= key[one])
            continue;
        if (n > FEW)
            return false;
        for (; k > 0 && key[order[k - 1]] > key[one]; k--)
            order[k] = order[k - 1];
        order[k] = one;
    }
    return true;
}

static void number(int32_t *order, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        order[i] = (int32_t)i;
}

/* By the upper halves first, in which doubles differ nearly always.  Where many agree in them, the lower halves are sorted, too. */
void dim__sort_keys(const uint64_t *key, int64_t n, int32_t *order, int32_t *spare)
{
    number(order, n);
    sort_half(key, 32, n, order, spare);
    for (int64_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && key[order[end]] >> 32 == key[order[i]] >> 32; )
            end++;
        if (end - i > 1 && !settle(key, end - i, order + i)) {
            number(order, n);
            sort_half(key, 0, n, order, spare);
            sort_half(key, 32, n, order, spare);
            return;
        }
    }
}

/* As unsigned numbers they are in the floats' order; and back. */
static uint32_t key_of_bits(uint32_t bits) { return bits >> 31 ? ~bits : bits | UINT32_C(1) << 31; }
static uint32_t bits_of_key(uint32_t key) { return key >> 31 ? key & ~(UINT32_C(1) << 31) : ~key; }

void dim__sort_floats(float *x, int64_t n, float *spare)
{
    int32_t first[PASSES][BUCKETS] = { { 0 } };
    uint32_t key;
    if (n <= FEW) {
        for (int64_t i = 1; i < n; i++) {
            float one = x[i];
            int64_t k = i;
            for (; k > 0 && x[k - 1] > one; k--)
                x[k] = x[k - 1];
            x[k] = one;
        }
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        memcpy(&key, &x[i], sizeof key);
        key = key_of_bits(key);
        memcpy(&x[i], &key, sizeof key);
        for (int pass = 0; pass < PASSES; pass++)
            first[pass][key >> pass * BITS & (BUCKETS - 1)]++;
    }
    for (int pass = 0; pass < PASSES; pass++) { /* an even number of times, so that they end where they began */
        (void)begin_buckets(first[pass], n);
        for (int64_t i = 0; i < n; i++) {
            memcpy(&key, &x[i], sizeof key);
            memcpy(&spare[first[pass][key >> pass * BITS & (BUCKETS - 1)]++], &key, sizeof key);
        }
        float *swap = x;
        x = spare;
        spare = swap;
    }
    for (int64_t i = 0; i < n; i++) {
        memcpy(&key, &x[i], sizeof key);
        key = bits_of_key(key);
        memcpy(&x[i], &key, sizeof key);
    }
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
