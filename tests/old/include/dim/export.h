/**
 * @file export.h
 * @brief Symbol visibility of libdim.
 */
#ifndef DIM_EXPORT_H
#define DIM_EXPORT_H

/**
 * @def DIM_API
 * @brief Before every public function.  DIM_STATIC is set by the pkg-config and CMake packages of the static library.
 */
#if defined(DIM_STATIC)
#define DIM_API
#elif defined(_WIN32)
#ifdef DIM_BUILD
#define DIM_API __declspec(dllexport)
#else
#define DIM_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define DIM_API __attribute__((visibility("default")))
#else
#define DIM_API
#endif

/**
 * @def DIM_BEGIN_DECLS
 * @brief Opens C linkage in C++.
 * @def DIM_END_DECLS
 * @brief Closes it.
 */
#ifdef __cplusplus
#define DIM_BEGIN_DECLS extern "C" {
#define DIM_END_DECLS }
#else
#define DIM_BEGIN_DECLS
#define DIM_END_DECLS
#endif

/**
 * @brief Prepare an options struct: every field zero (the library's default), `size` set.
 *
 * Works for every struct of libdim whose first member is `size_t size`, from C11 and C++11.
 * Needs <string.h>, which this header includes.
 */
#define DIM_OPTIONS_INIT(p) (memset((p), 0, sizeof *(p)), (void)((p)->size = sizeof *(p)))

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#endif
