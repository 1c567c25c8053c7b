/* What lib/kernels/onednn_abi.h declares of oneDNN's interface against the headers of the version that is installed.  The
 * compiler does the checking; built only where there are such headers. */
#include <oneapi/dnnl/dnnl.h>

#define DIM__DNNL_TYPES 1
typedef dnnl_version_t dim__dnnl_version;
typedef dnnl_exec_arg_t dim__dnnl_arg;
#if DNNL_VERSION_MAJOR == 2
typedef dnnl_memory_desc_t dim__md;
typedef dnnl_convolution_desc_t dim__dnnl2_convolution;
typedef dnnl_matmul_desc_t dim__dnnl2_matmul;
#else
typedef struct dnnl_memory_desc dim__md;
typedef void dim__dnnl2_convolution;
typedef void dim__dnnl2_matmul;
#endif
#include "kernels/onednn_abi.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CHECK(result, name, parameters)                                                                              \
    _Static_assert(__builtin_types_compatible_p(__typeof__(dnnl_##name), result parameters), "dnnl_" #name);
DIM__DNNL_SGEMM(CHECK)
DIM__DNNL_COMMON(CHECK)
#if DNNL_VERSION_MAJOR == 2
DIM__DNNL_2(CHECK)
#elif DNNL_VERSION_MAJOR == 3
DIM__DNNL_3(CHECK)
#else
#error "lib/kernels/onednn_abi.h knows nothing of this version"
#endif

#define SAME(ours, theirs) _Static_assert((int)(ours) == (int)(theirs), #theirs);
SAME(DIM__DNNL_CPU, dnnl_cpu)
SAME(DIM__DNNL_RUNTIME_SEQ, DNNL_RUNTIME_SEQ)
SAME(DIM__DNNL_RUNTIME_OMP, DNNL_RUNTIME_OMP)
SAME(DIM__DNNL_BF16, dnnl_bf16)
SAME(DIM__DNNL_F32, dnnl_f32)
SAME(DIM__DNNL_ANY, dnnl_format_tag_any)
SAME(DIM__DNNL_FORWARD_TRAINING, dnnl_forward_training)
SAME(DIM__DNNL_CONVOLUTION_DIRECT, dnnl_convolution_direct)
SAME(DIM__DNNL_SCRATCHPAD_USER, dnnl_scratchpad_mode_user)
SAME(DIM__DNNL_STREAM_DEFAULT, dnnl_stream_default_flags)
SAME(DIM__DNNL_QUERY_NAME, dnnl_query_impl_info_str)
SAME(DIM__DNNL_QUERY_WEIGHTS, dnnl_query_weights_md)
SAME(DIM__DNNL_QUERY_DIFF_WEIGHTS, dnnl_query_diff_weights_md)
SAME(DIM__DNNL_QUERY_SCRATCHPAD, dnnl_query_scratchpad_md)
SAME(DIM__DNNL_ARG_SRC, DNNL_ARG_SRC)
SAME(DIM__DNNL_ARG_SRC, DNNL_ARG_FROM)
SAME(DIM__DNNL_ARG_DST, DNNL_ARG_DST)
SAME(DIM__DNNL_ARG_DST, DNNL_ARG_TO)
SAME(DIM__DNNL_ARG_WEIGHTS, DNNL_ARG_WEIGHTS)
SAME(DIM__DNNL_ARG_SCRATCHPAD, DNNL_ARG_SCRATCHPAD)
SAME(DIM__DNNL_ARG_DIFF_SRC, DNNL_ARG_DIFF_SRC)
SAME(DIM__DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_DST)
SAME(DIM__DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_WEIGHTS)
SAME(0, dnnl_success)

/* The structs that onednn_abi.h declares itself, as C lays them out on 64-bit machines. */
SAME(16, sizeof(dnnl_exec_arg_t))
SAME(0, offsetof(dnnl_exec_arg_t, arg))
SAME(8, offsetof(dnnl_exec_arg_t, memory))
SAME(32, sizeof(dnnl_version_t))
SAME(0, offsetof(dnnl_version_t, major))
SAME(16, offsetof(dnnl_version_t, hash))
SAME(24, offsetof(dnnl_version_t, cpu_runtime))

#if DNNL_VERSION_MAJOR == 2
SAME(DIM__DNNL2_MD_SIZE, sizeof(dnnl_memory_desc_t))
SAME(DIM__DNNL2_MD_OFFSET, offsetof(dnnl_memory_desc_t, offset0))
SAME(DIM__DNNL2_CONVOLUTION_SIZE, sizeof(dnnl_convolution_desc_t))
SAME(DIM__DNNL2_MATMUL_SIZE, sizeof(dnnl_matmul_desc_t))
#else
SAME(DIM__DNNL3_QUERY_OFFSET, dnnl_query_submemory_offset_s64)
#endif

/* That the compiler has checked what is said above. */
static void test_declarations(void **state)
{
    (void)state;
    print_message("as the headers of oneDNN %d.%d have it\n", DNNL_VERSION_MAJOR, DNNL_VERSION_MINOR);
    assert_true(DNNL_VERSION_MAJOR == 2 || DNNL_VERSION_MAJOR == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_declarations) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
