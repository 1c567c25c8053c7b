#!/bin/sh
# What changed in the interface between two versions: our own verdict, then abidiff's report.
# Usage: abi_diff.sh [OLD [NEW]]     each a revision of git, a folder with dim/*.h in it, or an interface.
#        Without OLD: tests/abi/libdim.so.0.h; without NEW: include.     CC is the compiler, cc by default.
# Exit code 0: no difference, 1: additions only, 2: breaks, 3: something failed.
set -u
source=$(cd "$(dirname "$0")/../.." && pwd)
cc=${CC:-cc} abi=$source/tests/abi
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
. "$abi/functions.sh"

interface() { # version name
    if [ -f "$1" ]; then
        cp "$1" "$work/$2.h"
    elif [ -d "$1" ]; then
        abi_interface "$1" >"$work/$2.h"
    else
        mkdir "$work/$2" && git -C "$source" archive "$1" include | tar -x -C "$work/$2" &&
            abi_interface "$work/$2/include" >"$work/$2.h"
    fi
}
interface "${1:-$baseline}" old && interface "${2:-$source/include}" new || exit 3
abi_compare "$work/old.h" "$work/new.h"
verdict=$?
abi_stub "$work/old.h" "$work/old.so" && abi_stub "$work/new.h" "$work/new.so" || exit 3
abidiff --no-show-locs --harmless "$work/old.so" "$work/new.so"
# 1 and 2 say that abidiff itself failed.  What it calls incompatible differs from version to version.
[ $(($? & 3)) = 0 ] || exit 3
exit $verdict
