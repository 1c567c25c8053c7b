/**
 * @file status.h
 * @brief What every fallible function returns.
 */
#ifndef DIM_STATUS_H
#define DIM_STATUS_H

#include <dim/export.h>

DIM_BEGIN_DECLS

/**
 * One list feeds the enum, the names and the messages.  Numbers never change; new ones are appended.
 */
#define DIM_STATUS_MAP(X)                                              \
    X(OK,             0, "success")                                    \
    X(E_INVALID,     -1, "invalid argument")                           \
    X(E_NOMEM,       -2, "out of memory")                              \
    X(E_SHAPE,       -3, "tensor shapes do not agree")                 \
    X(E_UNSUPPORTED, -4, "not supported by this build")                \
    X(E_NUMERIC,     -5, "a number is not finite")                     \
    X(E_IO,          -6, "reading or writing failed")                  \
    X(E_FORMAT,      -7, "a file does not have the expected format")   \
    X(E_STATE,       -8, "the object is not ready for this call")      \
    X(E_CALLBACK,    -9, "a callback of the caller reported failure")  \
    X(E_SYSTEM,     -10, "the system refused something other than memory")

/** One line of the enum; not defined outside this header. */
#define DIM_STATUS_ENUM(name, num, text) DIM_##name = num,
/**
 * Result of a call.  DIM_OK is 0, every error is negative:
 *
 * | status            | number | when |
 * |-------------------|-------:|------|
 * | DIM_OK            |  0 | success |
 * | DIM_E_INVALID     | -1 | an argument or option is wrong: NULL, out of range, an unknown name |
 * | DIM_E_NOMEM       | -2 | the allocator gave nothing, or a size overflows |
 * | DIM_E_SHAPE       | -3 | sizes of tensors or layers do not agree |
 * | DIM_E_UNSUPPORTED | -4 | this build, or this kind of object, cannot do it |
 * | DIM_E_NUMERIC     | -5 | NaN or infinity in an input, a loss or a gradient; nothing was changed |
 * | DIM_E_IO          | -6 | the system failed to read or write |
 * | DIM_E_FORMAT      | -7 | a file is damaged, truncated or of another kind |
 * | DIM_E_STATE       | -8 | the object is not ready for this call, or not any more |
 * | DIM_E_CALLBACK    | -9 | a function of the caller's said that it failed |
 * | DIM_E_SYSTEM      | -10 | the system has no thread, lock or file descriptor to give |
 */
typedef enum dim_status { DIM_STATUS_MAP(DIM_STATUS_ENUM) DIM_STATUS_FORCE_INT = 0x7fffffff } dim_status;
#undef DIM_STATUS_ENUM

/**
 * @brief Name of a status, such as "DIM_E_SHAPE".
 * @return a static string; "DIM_UNKNOWN" for a number that is not a status.  Thread-safe.
 */
DIM_API const char *dim_status_name(dim_status status);

/**
 * @brief One-line meaning of a status.  dim_context_error() has the detail of the last failure.
 * @return a static string.  Thread-safe.
 */
DIM_API const char *dim_status_message(dim_status status);

DIM_END_DECLS

#endif
