#!/bin/sh
# Writes tests/abi/libdim.abi anew, after an addition to the ABI, from a library built with its tests (debug information).
# Usage: abi_update.sh [LIBRARY]     default: build/release/libdim.so
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
library=${1:-$source/build/release/libdim.so}
abidw --headers-dir "$source/include" --drop-private-types --no-corpus-path --no-comp-dir-path --no-show-locs \
    --out-file "$source/tests/abi/libdim.abi" "$library"
echo "tests/abi/libdim.abi: $(grep -c '<function-decl' "$source/tests/abi/libdim.abi") functions"
