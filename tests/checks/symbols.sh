#!/bin/sh
# What libdim.so exports = lib/dim.map = the functions that the public headers declare.
# Usage: symbols.sh SOURCE LIBRARY
set -u
source=$1 library=$2 failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

# A declaration starts with DIM_API at the beginning of a line, and its name stands before the first parenthesis.
cat "$source"/include/dim/*.h | awk '
    /^DIM_API/ {
        if (!index($0, "(")) { print "unreadable:" $0; next }
        sub(/[ ]*\(.*/, ""); sub(/.*[ *]/, ""); print
    }' | sort >"$work/headers"
sed -n '/^global:/,/^local:/s/^ *\([A-Za-z0-9_]*\);.*/\1/p' "$source/lib/dim.map" | sort >"$work/map"
nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sed 's/@.*//' | sort >"$work/exported"

compare() { # a b
    if ! diff "$work/$1" "$work/$2" >"$work/diff"; then
        echo "FAIL: $1 (<) and $2 (>) differ:"
        grep '^[<>]' "$work/diff"
        failed=1
    fi
}
compare headers map
compare map exported
nodes=$(nm -D --defined-only "$library" | awk '$2 != "A" { print $3 }' | sed 's/.*@@*//' | sort -u)
if [ "$nodes" != LIBDIM_0 ]; then
    echo "FAIL: version nodes of the exports are: $nodes"
    failed=1
fi
nm -D --undefined-only "$library" | grep -w 'dim_[a-z_]*\|dim__[a-z_]*' && { echo "FAIL: undefined"; failed=1; }
soname=$(objdump -p "$library" | awk '$1 == "SONAME" { print $2 }')
if [ "$soname" != libdim.so.0 ]; then
    echo "FAIL: the soname is $soname"
    failed=1
fi
[ -s "$work/headers" ] || { echo "FAIL: no declarations found"; failed=1; }
[ "$failed" = 0 ] && echo "$(wc -l <"$work/map") functions agree"
exit "$failed"
