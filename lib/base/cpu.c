#define _GNU_SOURCE /* sched_getaffinity */

#include "base/cpu.h"

#include <unistd.h>

#ifdef __linux__
#include <sched.h>
#endif

dim_cpu_level dim__cpu_detect(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    /* The builtin also asks whether the operating system saves the wide registers. */
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return DIM_CPU_BASELINE;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return DIM_CPU_AVX512;
    return DIM_CPU_AVX2;
#else
    return DIM_CPU_BASELINE;
#endif
}

bool dim__cpu_has_bf16(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    return dim__cpu_detect() == DIM_CPU_AVX512 && __builtin_cpu_supports("avx512bf16") > 0;
#else
    return false;
#endif
}

uint32_t dim__cpu_count(void)
{
#ifdef __linux__
    /* On machines with more than 1024 processors the call fails and sysconf answers. */
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int count = CPU_COUNT(&set);
        if (count > 0)
            return (uint32_t)count;
    }
#endif
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint32_t)count : 1;
}
