# Toolchain: builds for 64-bit ARM on another Debian machine and runs the programs under qemu.  Libraries are those of
# build/arm64-root, which `sh tests/arm64_root.sh` makes.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
get_filename_component(CMAKE_SYSROOT ${CMAKE_CURRENT_LIST_DIR}/../../build/arm64-root ABSOLUTE)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static -L ${CMAKE_SYSROOT})

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(dim_arm64_lib_ ${CMAKE_SYSROOT}/usr/lib/aarch64-linux-gnu)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CMAKE_SYSROOT})
# OpenBLAS lies in a folder of its own, which on an installed system Debian's alternatives point to.
set(ENV{PKG_CONFIG_LIBDIR} ${dim_arm64_lib_}/pkgconfig:${dim_arm64_lib_}/openblas-pthread/pkgconfig)
