#!/bin/sh
# Every public header compiles alone, and twice, as C11, C17, C++11 and C++20 without a warning; C structs have no padding, but that
# of <dim/mpi.h>, whose struct never leaves the program that compiles it.  What that header needs of an MPI is in tests/fake_mpi.
# Usage: headers.sh SOURCE CC CXX
set -u
include=$1/include fake=$1/tests/fake_mpi cc=$2 cxx=$3 failed=0 count=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

check() { # compiler standard extension further-flags
    printf '#define DIM_EXPERIMENTAL 1\n#include <dim/%s>\n#include <dim/%s>\nextern int dim_check_;\n' "$name" "$name" >"$work/check.$3"
    # -Wpedantic forbids an empty unit, hence the declaration.
    if ! $1 -std="$2" -Wall -Wextra -Wpedantic -Werror $4 -I "$include" -isystem "$fake" -fsyntax-only "$work/check.$3"; then
        echo "FAIL: <dim/$name> as $2"
        failed=1
    fi
    count=$((count + 1))
}

for header in "$include"/dim/*.h; do
    name=${header##*/}
    padded=-Wpadded
    [ "$name" = mpi.h ] && padded=
    for std in c11 c17; do check "$cc" $std c "$padded -Wstrict-prototypes"; done
    for std in c++11 c++20; do check "$cxx" $std cpp ""; done
done
[ "$count" -gt 0 ] || failed=1
[ "$failed" = 0 ] && echo "$count compilations without a warning"
exit "$failed"
