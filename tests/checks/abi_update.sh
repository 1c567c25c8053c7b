#!/bin/sh
# Writes tests/abi/libdim.abi anew, after an addition to the ABI.
# Usage: abi_update.sh [LIBRARY]     default: build/release/libdim.so
set -eu
source=$(cd "$(dirname "$0")/../.." && pwd)
sh "$source/tests/checks/abi_dump.sh" "$source" "${1:-$source/build/release/libdim.so}" >"$source/tests/abi/libdim.abi"
echo "tests/abi/libdim.abi: $(grep -c '<function-decl' "$source/tests/abi/libdim.abi") functions"
