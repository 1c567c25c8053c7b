#!/bin/sh
# The installed package, used from C and C++, shared and static, through pkg-config and through find_package; DESTDIR; a
# prefix of a user's own; uninstall.
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
for file in "$lib/libdim.so.0" "$lib/libdim.a" "$lib/pkgconfig/dim-static.pc" "$lib/cmake/dim/dimConfig.cmake" \
    "$prefix/include/dim/dim.h" "$prefix/bin/dim-mi" "$prefix/share/man/man1/dim-mi.1" "$prefix/bin/dim-eval" "$prefix/share/man/man1/dim-eval.1"; do
    [ -e "$file" ] || fail "not installed: $file"
done
for program in dim-mi dim-eval; do
    (unset LD_LIBRARY_PATH && "$prefix/bin/$program" --version >/dev/null) || fail "$program does not find the library beside it"
done
private=$(find "$prefix/include" -type f ! -path '*/include/dim/*')
[ -z "$private" ] || fail "headers outside dim/: $private"
foreign=$(grep -hE 'INTERFACE_|IMPORTED_' "$lib"/cmake/dim/dimTargets*.cmake | sed 's,${_IMPORT_PREFIX}/,,g' | grep '[";:=]/')
[ -z "$foreign" ] || fail "paths of this machine in the CMake package: $foreign"
export PKG_CONFIG_PATH="$lib/pkgconfig"
export LD_LIBRARY_PATH="$lib"

case $(pkg-config --cflags dim dim-static) in
    *png* | *blas*) fail "dim.pc or dim-static.pc asks for headers of what libdim uses inside" ;;
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
    # With the shared library beside it.
    try pc_c_static "$cc" -std=c11 $flags "$c" $(pkg-config --cflags --libs dim-static)
    try pc_cxx_static "$cxx" -std=c++11 $flags "$cpp" $(pkg-config --cflags --libs dim-static)
    for name in pc_c_static pc_cxx_static; do
        readelf -d "$work/$name" | grep "NEEDED.*libdim" && fail "$name is linked with the shared library"
    done
    # Without it, -ldim finds the archive.
    mkdir "$work/shared" && mv "$lib"/libdim.so* "$work/shared"
    try pc_c_alone "$cc" -std=c11 $flags "$c" $(pkg-config --static --cflags --libs dim)
    mv "$work/shared"/* "$lib"
}

"$cmake" -S "$source/tests/consumer" -B "$work/consumer" -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" \
    -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" 2>&1 &&
    "$cmake" --build "$work/consumer" >>"$work/log" 2>&1 || { cat "$work/log"; fail "find_package"; }
for name in c cxx c_static cxx_static; do
    "$work/consumer/cmake_$name" || fail "cmake_$name does not run"
done

uninstall() { "$cmake" --build "$build" --target uninstall >"$work/log" 2>&1; }
says_where() { grep -q "Removed [0-9]* files from $1\$" "$work/log" || { cat "$work/log"; fail "uninstall does not name $1"; }; }
DESTDIR=$work/root uninstall || { cat "$work/log"; fail "uninstall"; }
says_where "$prefix"
left=$(find "$work/root" -mindepth 1)
[ -z "$left" ] || fail "left after uninstall: $left"
DESTDIR=$work/root uninstall && fail "a second uninstall, of nothing, reports success"

# A prefix of one's own, with a run path in place of LD_LIBRARY_PATH.  What was there before stays, and so does an earlier
# installation into another prefix.
mkdir -p "$work/own/include" && unset LD_LIBRARY_PATH
"$cmake" --install "$build" --prefix "$work/earlier" >"$work/log" 2>&1 || { cat "$work/log"; fail "install --prefix"; }
"$cmake" --install "$build" --prefix "$work/own" >"$work/log" 2>&1 || { cat "$work/log"; fail "install --prefix"; }
PKG_CONFIG_PATH=$(dirname "$(find "$work/own" -name dim.pc)")
# shellcheck disable=SC2046
try pc_own "$cc" -std=c11 "$c" $(pkg-config --cflags --libs dim) "-Wl,-rpath,$(pkg-config --variable=libdir dim)"
cp "$build/install_manifest.txt" "$work/manifest"
uninstall || { cat "$work/log"; fail "uninstall of a prefix"; }
says_where "$work/own"
[ -e "$work/earlier/include/dim/dim.h" ] || fail "an earlier installation is not whole"
while read -r file; do
    [ ! -e "$file" ] && [ ! -L "$file" ] || fail "left after uninstall: $file"
    grep -qF "$file" "$work/log" || fail "removed without a word: $file"
done <"$work/manifest"
[ "$(find "$work/own")" = "$work/own
$work/own/include" ] || fail "folders after uninstall: $(find "$work/own")"

# A manifest of files that somebody else has removed.
cp "$work/manifest" "$build/install_manifest.txt"
uninstall && fail "an uninstall that finds no file reports success"
grep -q 'Nothing was removed' "$work/log" || { cat "$work/log"; fail "no reason"; }
rm -f "$build/install_manifest.txt"
[ "$failed" = 0 ] && echo "installed, used ten ways, removed"
exit "$failed"
