# Build options, compiler flags and sanitizers.  As a part of another project libdim leaves that project's settings alone:
# what is no option of libdim is set for this directory only, and the cache is written at top level only.

if(CMAKE_SOURCE_DIR STREQUAL PROJECT_SOURCE_DIR)
    set(DIM_TOP_LEVEL ON)
else()
    set(DIM_TOP_LEVEL OFF)
endif()
if(DIM_TOP_LEVEL)
    option(BUILD_SHARED_LIBS "Build libdim.so" ON) # a parent's decides for libdim too; static where it has none
    if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
        set(CMAKE_BUILD_TYPE Release CACHE STRING "Release, Debug, RelWithDebInfo or MinSizeRel" FORCE)
    endif()
    set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()
option(DIM_BUILD_STATIC "Build libdim.a" ON)
option(DIM_BUILD_TESTS "Build the tests (needs cmocka)" ${DIM_TOP_LEVEL})
option(DIM_BUILD_EXAMPLES "Build the example programs" ${DIM_TOP_LEVEL})
option(DIM_INSTALL "Install libdim with the project" ${DIM_TOP_LEVEL})
option(DIM_WERROR "Treat warnings as errors" OFF)
set(DIM_BLAS AUTO CACHE STRING "CBLAS: AUTO, openblas, blis or cblas (any other with a cblas.pc)")
set_property(CACHE DIM_BLAS PROPERTY STRINGS AUTO openblas blis cblas)
set(DIM_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them: address,undefined or thread")
option(DIM_FUZZ "Build the fuzzers of tests/fuzz too (clang alone has libFuzzer)" OFF)
foreach(name ONEDNN ZLIB JPEG PNG)
    set(DIM_WITH_${name} AUTO CACHE STRING "Use ${name}: AUTO, ON (fail without it) or OFF")
    set_property(CACHE DIM_WITH_${name} PROPERTY STRINGS AUTO ON OFF)
endforeach()

if(DEFINED DIM_WITH_JSON)
    message(STATUS "libdim: DIM_WITH_JSON is ignored: libdim reads JSON itself")
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
# Files have static functions of the same names, and vec.c is compiled three times: one file, one unit.
set(CMAKE_UNITY_BUILD OFF)
# No compiler fuses a product with a sum unless asked to, as vec.c asks: Clang would where the processor can, and the bytes
# of images and what tests expect would depend on it.  For the directory, so that a target's own flags come after it.
# Nor may it assume that there are no NaN, or add in another order: -Ofast and -ffast-math, be they a parent project's, are
# taken back, and no start-up code is linked that makes the process drop denormal numbers, as an -O for good would have it.
add_compile_options(-fno-fast-math -ffp-contract=off)
add_link_options(-O2 -fno-fast-math -fno-unsafe-math-optimizations)

# Everything that compiles C here, tests and examples included.
add_library(dim_flags INTERFACE)
target_compile_options(dim_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes)
target_compile_definitions(dim_flags INTERFACE _POSIX_C_SOURCE=200809L _FILE_OFFSET_BITS=64)
if(DIM_WERROR)
    target_compile_options(dim_flags INTERFACE -Werror)
endif()
if(DIM_SANITIZE)
    target_compile_options(dim_flags INTERFACE -fsanitize=${DIM_SANITIZE} -fno-sanitize-recover=all
        -fno-omit-frame-pointer)
    target_link_options(dim_flags INTERFACE -fsanitize=${DIM_SANITIZE})
endif()
if(DIM_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "libdim: DIM_FUZZ wants clang, whose libFuzzer it uses; this is ${CMAKE_C_COMPILER_ID}")
    endif()
    # With coverage counted, and a sanitizer, loops of vec.c stay scalar.
    target_compile_options(dim_flags INTERFACE -fsanitize=fuzzer-no-link -Wno-pass-failed)
    # The innermost loops of products teach a fuzzer nothing, and nearly all the time went into counting them.
    set_source_files_properties(lib/kernels/gemm_ref.c lib/kernels/dgemm.c PROPERTIES COMPILE_OPTIONS "-fno-sanitize=fuzzer-no-link")
endif()
