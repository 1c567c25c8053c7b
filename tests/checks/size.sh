#!/bin/sh
# A stripped libdim.so stays below 1.5 megabytes.
# Usage: size.sh LIBRARY
set -eu
copy=$(mktemp)
trap 'rm -f "$copy"' EXIT
strip -o "$copy" "$1"
size=$(wc -c <"$copy")
echo "stripped: $size bytes"
[ "$size" -lt 1500000 ]
