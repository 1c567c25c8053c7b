#!/bin/sh
# The installed package, used from C and C++, shared and static, through pkg-config and through find_package; DESTDIR;
# uninstall.
# Usage: install.sh SOURCE BUILD CC CXX CMAKE
set -u
source=$1 build=$2 cc=$3 cxx=$4 cmake=$5 failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failed=1; }

# Under DESTDIR, as a package builder does, then moved: the tree works where it lies.
DESTDIR=$work/root "$cmake" --install "$build" >"$work/log" 2>&1 || { cat "$work/log"; fail "install"; }
pc=$(find "$work/root" -name dim.pc)
[ -n "$pc" ] || { fail "no dim.pc under DESTDIR"; exit 1; }
lib=${pc%/pkgconfig/dim.pc}
prefix=$work/root$(sed -n 's/^CMAKE_INSTALL_PREFIX:[A-Z]*=//p' "$build/CMakeCache.txt")
outside=$(find "$work/root" ! -type d | grep -v "^$prefix/" || true)
[ -z "$outside" ] || fail "files outside the prefix: $outside"
for file in "$lib/libdim.so.0" "$lib/libdim.a" "$lib/cmake/dim/dimConfig.cmake" "$prefix/include/dim/dim.h"; do
    [ -e "$file" ] || fail "not installed: $file"
done
private=$(find "$prefix/include" -type f ! -path '*/include/dim/*')
[ -z "$private" ] || fail "headers outside dim/: $private"
export PKG_CONFIG_PATH="$lib/pkgconfig"
export LD_LIBRARY_PATH="$lib"

case $(pkg-config --cflags dim) in
    *png* | *cjson* | *blas*) fail "dim.pc asks for headers of what libdim uses inside" ;;
esac

try() { # name, command that builds $work/NAME
    name=$1
    shift
    if ! "$@" -o "$work/$name" >"$work/log" 2>&1; then
        cat "$work/log"
        fail "$name does not build: $*"
    elif ! "$work/$name"; then
        fail "$name does not run"
    fi
}
c=$source/tests/consumer/consumer.c
cpp=$source/tests/consumer/consumer.cpp
flags="-Wall -Wextra -Wpedantic -Werror"
# shellcheck disable=SC2046,SC2086
{
    try pc_c "$cc" -std=c11 $flags "$c" $(pkg-config --cflags --libs dim)
    try pc_cxx "$cxx" -std=c++11 $flags "$cpp" $(pkg-config --cflags --libs dim)
    # The shared library goes away, so that -ldim finds the archive.
    mkdir "$work/shared" && mv "$lib"/libdim.so* "$work/shared"
    try pc_c_static "$cc" -std=c11 $flags "$c" $(pkg-config --static --cflags --libs dim)
    try pc_cxx_static "$cxx" -std=c++11 $flags "$cpp" $(pkg-config --static --cflags --libs dim)
    mv "$work/shared"/* "$lib"
}

"$cmake" -S "$source/tests/consumer" -B "$work/consumer" -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" \
    -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 &&
    "$cmake" --build "$work/consumer" >>"$work/log" 2>&1 || { cat "$work/log"; fail "find_package"; }
for name in c cxx c_static cxx_static; do
    "$work/consumer/cmake_$name" || fail "cmake_$name does not run"
done

DESTDIR=$work/root "$cmake" --build "$build" --target uninstall >"$work/log" 2>&1 || { cat "$work/log"; fail "uninstall"; }
left=$(find "$work/root" ! -type d)
[ -z "$left" ] || fail "left after uninstall: $left"
[ "$failed" = 0 ] && echo "installed, used eight ways, removed"
exit "$failed"
