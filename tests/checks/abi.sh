#!/bin/sh
# The shared library against the committed description of its ABI.  Any difference fails: an addition wants a new
# description (tests/checks/abi_update.sh), anything else a new soname.
# Usage: abi.sh SOURCE LIBRARY
set -u
if ! command -v abidiff >/dev/null || ! command -v abidw >/dev/null; then
    echo "FAIL: abidiff or abidw is missing: install abigail-tools"
    exit 1
fi
if [ "$(uname -m)" != x86_64 ]; then
    echo "SKIP: the description is of x86_64"
    exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
sh "$1/tests/checks/abi_dump.sh" "$1" "$2" >"$work/new.abi" || exit 1
if ! grep -q '<function-decl' "$work/new.abi"; then
    echo "FAIL: $2 has no debug information of its functions"
    exit 1
fi
abidiff --no-show-locs "$1/tests/abi/libdim.abi" "$work/new.abi"
code=$?
if [ $code != 0 ]; then
    echo "FAIL: the ABI differs (abidiff $code); if these are additions only, run tests/checks/abi_update.sh"
    exit 1
fi
echo "no difference in $(grep -c '<function-decl' "$work/new.abi") functions"
