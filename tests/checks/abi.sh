#!/bin/sh
# The shared library against the committed description of its ABI.  Any difference fails: an addition wants a new
# description (tests/checks/abi_update.sh), anything else a new soname.
# Usage: abi.sh SOURCE LIBRARY
set -u
baseline=$1/tests/abi/libdim.abi
if ! command -v abidiff >/dev/null; then
    echo "FAIL: abidiff is missing: install abigail-tools"
    exit 1
fi
if [ "$(uname -m)" != x86_64 ]; then
    echo "SKIP: the description is of x86_64"
    exit 77
fi
abidiff --headers-dir2 "$1/include" --drop-private-types --no-show-locs "$baseline" "$2"
code=$?
case $code in
0) echo "no difference" ;;
*) echo "FAIL: the ABI differs (abidiff $code); if these are additions only, run tests/checks/abi_update.sh" ;;
esac
exit $code
