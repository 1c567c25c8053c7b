#!/bin/sh
# Describes the ABI of a library on stdout.
# Usage: abi_dump.sh SOURCE LIBRARY     LIBRARY is built with its tests, so that lib/api has debug information
set -eu
abidw --suppressions "$1/tests/abi/private.abignore" --no-corpus-path --no-comp-dir-path --no-show-locs \
    --no-elf-needed --drop-undefined-syms --exported-interfaces-only "$2" |
    sed "s,path='[^']*/lib/api/,path='lib/api/,"
