#!/bin/sh
# The reference is made without a single warning, and shows no enumerator that only fixes an enum's width.
# Usage: doxygen.sh SOURCE
set -u
if ! command -v doxygen >/dev/null; then
    echo "FAIL: doxygen is missing: install doxygen"
    exit 1
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$1" || exit 1
if ! { cat docs/Doxyfile; echo "OUTPUT_DIRECTORY = $work"; } | doxygen - >"$work/log" 2>&1 || [ -s "$work/log" ]; then
    cat "$work/log"
    echo "FAIL: warnings"
    exit 1
fi
pages=$(find "$work/doxygen" -name '*.html' | wc -l)
[ "$pages" -gt 20 ] || { echo "FAIL: only $pages pages"; exit 1; }
grep -q DIM_CPU_REFERENCE "$work/doxygen/context_8h.html" || { echo "FAIL: context_8h.html lists no enumerators"; exit 1; }
if grep -rlE '[A-Z]_FORCE_INT' "$work/doxygen"; then
    echo "FAIL: these pages show enumerators *_FORCE_INT"
    exit 1
fi
echo "$pages pages without a warning"
