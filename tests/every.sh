#!/bin/sh
# Writes the list of all public functions, for test_every_function and the fuzzer of calls, from the headers.
# Usage: every.sh SOURCE CC OUT
set -u
source=$1 cc=$2 out=$3 abi=$1/tests/abi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
. "$abi/functions.sh"
abi_interface "$source/include" EXPERIMENTAL >"$work/interface.h" || exit 1
awk -f "$source/tests/every.awk" "$work/interface.h" >"$work/list" && mv "$work/list" "$out"
