#!/bin/sh
# The headers and the shared library against tests/abi/libdim.so.0.h, what programs rely on.  Breaks fail, and so do
# additions that this file does not list yet.
# Usage: abi.sh SOURCE CC LIBRARY     LIBRARY is built with its tests, so that lib/api has debug information
set -u
source=$1 cc=$2 library=$3 abi=$1/tests/abi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$abi/functions.sh"

fail() {
    echo "FAIL: $*"
    exit 1
}

abi_interface "$source/include" >"$work/new.h" || fail "the headers cannot be read"
abi_compare "$baseline" "$work/new.h"
case $? in
0) ;;
1) fail "additions that $baseline does not list; if they are meant: sh tests/checks/abi_update.sh" ;;
2) fail "programs that are linked with libdim.so.0 would break; docs/abi.md says what may change" ;;
*) fail "the interfaces cannot be compared" ;;
esac

# The same of what the compiler made of the declarations.  Without debug information, or with other versions of symbols,
# abidiff would compare nothing and be content.
command -v abidiff >/dev/null || fail "abidiff is missing: install abigail-tools"
objdump -h "$library" | grep -q '\.debug_info' || fail "$library has no debug information"
abi_stub "$baseline" "$work/old.so" "-Wl,--version-script=$source/lib/dim.map" || fail "$baseline does not compile"
# Additions were compared above; only those that need DIM_EXPERIMENTAL are not in the baseline.
abidiff --no-show-locs --no-added-syms "$work/old.so" "$library" || fail "$library is not what its headers declare (abidiff $?)"
echo "the library has what programs rely on"
