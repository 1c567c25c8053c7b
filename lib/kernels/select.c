#include "base/cpu.h"
#include "kernels/kernels.h"

extern const dim__kernels dim__kernels_ref, dim__kernels_baseline;
#if defined(__x86_64__)
extern const dim__kernels dim__kernels_avx2, dim__kernels_avx512;
#endif

const dim__kernels *dim__kernels_select(dim_cpu_level level)
{
    dim_cpu_level best = dim__cpu_detect();
    if (level == DIM_CPU_REFERENCE)
        return &dim__kernels_ref;
    if (level == DIM_CPU_AUTO)
        level = best;
    if (level < DIM_CPU_BASELINE || level > best)
        return NULL;
#if defined(__x86_64__)
    if (level == DIM_CPU_AVX512)
        return &dim__kernels_avx512;
    if (level == DIM_CPU_AVX2)
        return &dim__kernels_avx2;
#endif
    return level == DIM_CPU_BASELINE ? &dim__kernels_baseline : NULL;
}
