#!/bin/sh
# The reference is made without a single warning, and without the values that only fix the width of an enum.
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
if grep -rl --include='*.html' --exclude='*_source.html' 'DIM_[A-Z_]*_FORCE_INT' "$work/doxygen"; then
    echo "FAIL: these pages show a ..._FORCE_INT"
    exit 1
fi
[ "$pages" -gt 20 ] || { echo "FAIL: only $pages pages"; exit 1; }
echo "$pages pages without a warning"
