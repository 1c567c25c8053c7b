/* What the processor can do. */
#ifndef DIM_BASE_CPU_H
#define DIM_BASE_CPU_H

#include <dim/context.h>
#include <stdbool.h>

/* The best of DIM_CPU_BASELINE, DIM_CPU_AVX2 and DIM_CPU_AVX512 that processor and operating system support. */
dim_cpu_level dim__cpu_detect(void);
bool dim__cpu_has_bf16(void); /* instructions that multiply bf16: AVX512_BF16, which AMX comes with */
uint32_t dim__cpu_count(void); /* that this process may run on, at least 1 */

#endif
