#!/bin/sh
# What the example programs say and write, on a folder of images in four classes.
# Usage: examples.sh LOCAL_DIM AMDIM FIXTURES     exit code 77 where the build has no libpng
set -u
local_dim=$1 amdim=$2 shades=$3/shades failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failed=1; }

for class in 0 1 2 3; do
    mkdir -p "$work/data/train/$class" "$work/data/test/$class"
    for i in 0 1 2 3 4 5 6 7 8 9; do
        for j in 0 1 2 3; do cp "$shades/$class.png" "$work/data/train/$class/$i$j.png"; done
    done
    for i in 0 1 2 3; do cp "$shades/$class.png" "$work/data/test/$class/$i.png"; done
done
run() { # CODE PROGRAM, further arguments
    code=$1 program=$2
    shift 2
    "$program" --data "folder:$work/data" --batch 8 --threads 1 "$@" >"$work/stdout" 2>"$work/stderr"
    got=$?
    grep -q 'lacks libpng\|neither libjpeg' "$work/stderr" && exit 77
    [ $got = "$code" ] || { cat "$work/stderr"; fail "exit code $got instead of $code: $*"; }
}
says() { grep -q "$1" "$work/stderr" || { cat "$work/stderr"; fail "'$1' is not said"; }; }

# A folder's samples are sorted by class: the probes take them from all classes.
run 0 "$local_dim" --steps 0 --probe-train 80 --json --taps conv --table
sed 's/.*"probe"://' "$work/stdout" | grep -q '"conv":{"knn":1.0000,"ridge":1.0000}' || { cat "$work/stdout"; fail "probes of some classes"; }
grep -q 'raw pixels .* 100.0 %   *100.0 %' "$work/stderr" || { cat "$work/stderr"; fail "probes of pixels"; }
[ "$failed" = 0 ] && echo "the example programs do as they say"
exit "$failed"
