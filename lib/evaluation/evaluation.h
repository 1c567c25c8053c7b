/* What a representation is worth, beside probes.  A measure is one file:
 *
 *     ssim.c           similarity of images
 *     codes.c          dimensions, spread and correlations of codes; eigenvalues.c
 *     sphere.c         alignment and uniformity of directions
 *     ndm.c, mine.c    networks that tell pairs apart, by dual.c
 *     reconstruct.c    a decoder
 *     study.c          how a network of these is trained: an objective, its batches, what the caller hears
 */
#ifndef DIM_EVALUATION_EVALUATION_H
#define DIM_EVALUATION_EVALUATION_H

#include "base/context.h"

#ifndef DIM_EXPERIMENTAL
#define DIM_EXPERIMENTAL
#endif
#include <dim/evaluation.h>
#include <string.h>

dim_status dim__evaluation_ssim(dim_context *ctx, const dim_ssim_options *options, const dim_tensor *a, const dim_tensor *b,
                                double *mean, dim_tensor *each);
dim_status dim__evaluation_codes(dim_context *ctx, const dim_tensor *codes, dim_tensor *units, dim_code_statistics *out);
dim_status dim__evaluation_alignment(dim_context *ctx, const dim_tensor *x, const dim_tensor *y, double *alignment);
dim_status dim__evaluation_uniformity(dim_context *ctx, const dim_tensor *x, double *uniformity);

/* What was computed into the caller's struct, which is so large (dim__struct_size()). */
static inline void dim__give_result(void *out, size_t size, const void *result, size_t known)
{
    memcpy((char *)out + sizeof size, (const char *)result + sizeof size, (size < known ? size : known) - sizeof size);
}

enum { DIM__SSIM_WINDOW = 11 }; /* by default */

/* Eigenvalues of a symmetric matrix (n, n), the largest first; the matrix is used up.  room: 2 n numbers.  The same
 * bits for any number of threads. */
void dim__eigenvalues(dim_context *ctx, double *a, int64_t n, double *values, double *room);

/* ---- networks that are trained to measure ----------------------------------------------------------------------------- */

dim_status dim__evaluation_ndm(dim_context *ctx, const dim_evaluation_options *options, const dim_tensor *codes,
                               dim_evaluation_estimate *out);
dim_status dim__evaluation_mine(dim_context *ctx, const dim_evaluation_options *options, const dim_tensor *x, const dim_tensor *z,
                                dim_evaluation_estimate *out);
dim_status dim__evaluation_reconstruct(dim_context *ctx, const dim_evaluation_options *options, const dim_tensor *codes,
                                       const dim_tensor *images, const dim_tensor *test_codes, const dim_tensor *test_images,
                                       dim_reconstruction *result, dim_tensor **out);

#endif
