#!/bin/sh
# libdim as a part of another project, in its build tree, without pkg-config, and what is said to be left out.
# Usage: subproject.sh SOURCE CC CXX CMAKE
set -u
source=$1 cmake=$4 failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failed=1; }
run() { # WHAT COMMAND...
    what=$1
    shift
    "$@" >"$work/log" 2>&1 && return 0
    tail -n 40 "$work/log"
    fail "$what"
    return 1
}
export CC="$2" CXX="$3" CMAKE_BUILD_PARALLEL_LEVEL=2
export CMAKE_GENERATOR="Unix Makefiles"
command -v ninja >/dev/null && CMAKE_GENERATOR=Ninja
parent=$work/parent dim=-DDIM_SOURCE=$source

# A parent without a build type, without BUILD_SHARED_LIBS, with unity builds.  It checks its own settings.
run "FetchContent" "$cmake" -S "$source/tests/subproject" -B "$work/fetch" "$dim" -DFETCH=ON
run "add_subdirectory" "$cmake" -S "$source/tests/subproject" -B "$parent" "$dim" -DCMAKE_UNITY_BUILD=ON || exit 1
run "build with the parent" "$cmake" --build "$parent" || exit 1
run "the parent's program" "$parent/user"
[ ! -e "$parent/compile_commands.json" ] || fail "compile_commands.json, which the parent did not ask for"
run "installation of the parent" "$cmake" --install "$parent" --prefix "$work/none"
[ ! -e "$work/none" ] || fail "installed, though DIM_INSTALL is off: $(find "$work/none")"

# find_package(dim) in a build tree; what the parent exports, from its build tree and installed.
run "find_package in a build tree" "$cmake" -S "$source/tests/consumer" -B "$work/tree" -DCMAKE_PREFIX_PATH="$parent/dim" &&
    run "build with a build tree" "$cmake" --build "$work/tree" && run "program with a build tree" "$work/tree/cmake_c_static"
use_export() { # NAME PREFIX EXPORTED
    run "$1 targets" "$cmake" -S "$source/tests/subproject/user" -B "$work/$1" -DCMAKE_PREFIX_PATH="$2" -DEXPORTED="$3" &&
        run "build with $1 targets" "$cmake" --build "$work/$1" && run "program with $1 targets" "$work/$1/main"
}
use_export exported "$parent/dim" "$parent/parentTargets.cmake"
run "DIM_INSTALL=ON" "$cmake" -S "$source/tests/subproject" -B "$parent" -DDIM_INSTALL=ON &&
    run "build with DIM_INSTALL=ON" "$cmake" --build "$parent" &&
    run "installation with libdim" "$cmake" --install "$parent" --prefix "$work/prefix" &&
    use_export installed "$work/prefix" "$work/prefix/lib/cmake/parent/parentTargets.cmake"

# The shared library in a parent with BUILD_SHARED_LIBS, and with flags that would leave out all checks of numbers.
run "BUILD_SHARED_LIBS=ON" "$cmake" -S "$source/tests/subproject" -B "$parent" -DBUILD_SHARED_LIBS=ON -DCMAKE_C_FLAGS=-Ofast &&
    run "build with BUILD_SHARED_LIBS=ON" "$cmake" --build "$parent" && run "program with libdim.so" "$parent/user"
run "a program beside -Ofast" "$2" -std=c11 -O1 -I"$source/include" "$source/tests/subproject/numbers.c" -o "$work/numbers" \
    -L"$parent/dim" -ldim -Wl,-rpath,"$parent/dim" -lm && run "numbers beside -Ofast" "$work/numbers"
[ -e "$parent/dim/libdim.so.0" ] || fail "no libdim.so, though the parent has BUILD_SHARED_LIBS"

# Built in another way, with such flags, libdim's sources refuse.
flags="-ffast-math -Ofast -ffinite-math-only"
"$2" -dM -E -funsafe-math-optimizations -x c /dev/null | grep -q __ASSOCIATIVE_MATH__ && flags="$flags -funsafe-math-optimizations"
for flag in $flags; do
    "$2" -std=c11 -D_POSIX_C_SOURCE=200809L -DDIM_BUILD=1 "$flag" -I"$source/include" -I"$source/lib" -fsyntax-only \
        "$source/lib/objective/evaluate.c" >"$work/log" 2>&1 && fail "$flag is taken"
    grep -q 'append -fno-fast-math' "$work/log" || fail "$flag: $(cat "$work/log")"
done

# Without pkg-config the same is found; what is left out is said, with the reason.
summary() { # BUILD OPTION...
    build=$work/$1
    shift
    run "configuration: $*" "$cmake" -S "$source" -B "$build" -DDIM_BUILD_TESTS=OFF -DDIM_BUILD_EXAMPLES=OFF "$@"
    grep '^-- libdim: ' "$work/log" >"$build.txt"
}
summary with
summary without -DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON
diff "$work/with.txt" "$work/without.txt" || fail "found with pkg-config (<) and without (>)"
summary less -DDIM_WITH_JPEG=OFF -DDIM_INCLUDE_PNG= # as if there were no header
for line in 'without libjpeg (libjpeg62-turbo-dev), since DIM_WITH_JPEG=OFF' 'without libpng (libpng-dev), since it is not there'; do
    grep -q "$line" "$work/less.txt" || { cat "$work/less.txt"; fail "it is not said: $line"; }
done
[ "$failed" = 0 ] && echo "libdim is a part of another project and leaves its settings alone"
exit "$failed"
