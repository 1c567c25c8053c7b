#!/bin/sh
# Writes tests/abi/libdim.so.0.h anew, after additions to the headers.  Refuses breaks.
# CC is the compiler, cc by default.
set -u
source=$(cd "$(dirname "$0")/../.." && pwd)
cc=${CC:-cc} abi=$source/tests/abi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$abi/functions.sh"

abi_interface "$source/include" >"$work/new.h" || exit 1
if [ -e "$baseline" ]; then
    abi_compare "$baseline" "$work/new.h"
    if [ $? -gt 1 ]; then
        echo "FAIL: not written.  If no release has what breaks here: remove $baseline and call again."
        exit 1
    fi
fi
cp "$work/new.h" "$baseline"
