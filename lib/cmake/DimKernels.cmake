# lib/kernels/vec.c is compiled once an instruction set, with DIM__VEC_SUFFIX naming the table; the processor is asked at
# run time.  Adds to DIM_OBJECTS and DIM_OBJECT_TARGETS.

set(dim_vec ${CMAKE_CURRENT_SOURCE_DIR}/lib/kernels/vec.c)
# The compiler may fuse products with sums, and reorder nothing but what the source says with `omp simd`; errno and traps
# are nobody's.  GCC and Clang make vectors of all those loops; Clang warns (-Wpass-failed) where it cannot.
set(dim_vec_flags -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math -fopenmp-simd)
# GCC up to 13 puts vectors that are watched after the return at addresses that they must not have (GCC's bug 110027).
if(DIM_SANITIZE MATCHES "address" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND dim_vec_flags --param=asan-use-after-return=0)
endif()

function(dim_add_vec suffix)
    add_library(dim_vec_${suffix} OBJECT ${dim_vec})
    target_compile_definitions(dim_vec_${suffix} PRIVATE DIM__VEC_SUFFIX=${suffix})
    target_compile_options(dim_vec_${suffix} PRIVATE ${dim_vec_flags} ${ARGN})
endfunction()

if(EXISTS ${dim_vec})
    set(dim_levels baseline)
    dim_add_vec(baseline)
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
        # Just what dim__cpu_detect() asks for.
        dim_add_vec(avx2 -mavx2 -mfma)
        dim_add_vec(avx512 -mavx2 -mfma -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
        list(APPEND dim_levels avx2 avx512)
    endif()
    foreach(level ${dim_levels})
        list(APPEND DIM_OBJECTS $<TARGET_OBJECTS:dim_vec_${level}>)
        list(APPEND DIM_OBJECT_TARGETS dim_vec_${level})
    endforeach()
endif()
