/**
 * @file index.h
 * @brief An index of features that answers which of them are nearest to a query, for serving.
 *
 *     dim_index_create(ctx, DIM_PROBE_KNN_COSINE, 64, &index);
 *     dim_index_add(index, features);
 *     dim_index_search(index, queries, indices, distances);
 *
 * The answers are exact: those of dim_probe_nearest(), bit for bit.  What does not depend on the queries is computed once: a search
 * for one query reads each row once.
 */
#ifndef DIM_INDEX_H
#define DIM_INDEX_H
#ifndef DIM_EXPERIMENTAL
#error "this may still change: define DIM_EXPERIMENTAL before including it"
#endif
#include <dim/probe.h>

DIM_BEGIN_DECLS

/** Rows of features, numbered from 0 in the order in which they were added. */
typedef struct dim_index dim_index;

/**
 * @brief Makes an index without rows.
 * @param ctx      context
 * @param kind     KNN_EUCLIDEAN or KNN_COSINE: by which distance
 * @param features numbers in a row, from 1 to 2147483647
 * @param out      the index
 * @return DIM_E_INVALID, DIM_E_NOMEM.
 */
DIM_API dim_status dim_index_create(dim_context *ctx, dim_probe_kind kind, int64_t features, dim_index **out);

/** Releases an index; NULL is ignored. */
DIM_API void dim_index_destroy(dim_index *index);

/**
 * @brief Copies rows into the index, behind those that are there.  After a failure it is as before.
 * @param index the index
 * @param rows  (N, features) f32, or (N, C, H, W), finite.  Rows of zeros have no direction: their cosine distance is 1.
 *
 * Rows may come in portions of any size.  Some work is left to the next search: it is done for the new rows alone, but for all
 * of them where their number has grown by half since, or where one is longer than all before.
 * @return DIM_E_INVALID, DIM_E_SHAPE, DIM_E_NUMERIC (a number that is not finite), DIM_E_NOMEM.
 */
DIM_API dim_status dim_index_add(dim_index *index, const dim_tensor *rows);

/**
 * @brief The k nearest rows for every query, nearest first; equal distances by number.
 * @param index     the index
 * @param queries   (M, features) f32, or (M, C, H, W), finite
 * @param indices   i64 (M, k), 1 <= k <= dim_index_count(): numbers of rows
 * @param distances f32 or f64 (M, k), as dim_probe_nearest() has them; NULL = not wanted
 *
 * Memory: the index has its rows twice, and 40 bytes more for each, 56 by cosine; where rows were added after a search, room for up
 * to twice as many.
 * @return DIM_E_INVALID, DIM_E_SHAPE (also where k is larger than the number of rows), DIM_E_NUMERIC, DIM_E_NOMEM.
 */
DIM_API dim_status dim_index_search(dim_index *index, const dim_tensor *queries, dim_tensor *indices, dim_tensor *distances);

/** Number of rows. */
DIM_API int64_t dim_index_count(const dim_index *index);

/** Numbers in a row. */
DIM_API int64_t dim_index_features(const dim_index *index);

/** By which distance: KNN_EUCLIDEAN or KNN_COSINE. */
DIM_API dim_probe_kind dim_index_kind(const dim_index *index);

/**
 * @brief Writes the index to a file, which replaces an old one only when all of it is on the disk.
 * @param index the index
 * @param path  the file: safetensors, with the rows as the tensor "rows" in f32, and checksums
 * @return DIM_E_INVALID, DIM_E_IO, DIM_E_NOMEM.
 */
DIM_API dim_status dim_index_save(const dim_index *index, const char *path);

/**
 * @brief Makes an index of such a file.
 * @param ctx  context
 * @param path the file
 * @param out  the index, which gives the same answers
 * @return DIM_E_IO, DIM_E_FORMAT (not such a file, or damaged in any place), DIM_E_NUMERIC (a row that is not finite),
 *         DIM_E_NOMEM.
 */
DIM_API dim_status dim_index_load(dim_context *ctx, const char *path, dim_index **out);

DIM_END_DECLS

#endif
