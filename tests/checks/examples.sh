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

# --taps that name nothing, or one tap twice.
for taps in '' ',' conv,conv conv,fc,conv; do run 2 "$local_dim" --steps 1 --taps "$taps"; done
says 'names conv twice'

# A run that was stopped in its last evaluation, as the log shows it: --resume makes it.
out=$work/out usual="--steps 10 --eval-every 5 --probe-train 80 --json --taps fc,conv --units 32"
columns() { sed 's/"train_s.*//' "$1"; }
# shellcheck disable=SC2086
run 0 "$local_dim" $usual --out "$out" --checkpoint-every 10
columns "$work/stdout" | tail -n 1 >"$work/line"
cp "$out/log.csv" "$work/log.csv"
# shellcheck disable=SC2086
run 0 "$local_dim" $usual --out "$out" --resume
says 'nothing is left to train: 10 steps are asked for, and the checkpoint is after step 10'
[ -s "$work/stdout" ] && fail "an evaluation again"
cmp "$out/log.csv" "$work/log.csv" || fail "log.csv after --resume without steps"
sed '$s/\(,[^,]*\)\{4\}$/,,,,/' "$work/log.csv" >"$out/log.csv"
cmp -s "$out/log.csv" "$work/log.csv" && fail "nothing was cut off"
# shellcheck disable=SC2086
run 0 "$local_dim" $usual --out "$out" --resume
grep -q 'nothing is left' "$work/stderr" && fail "an evaluation was left"
cmp "$out/log.csv" "$work/log.csv" || { diff "$out/log.csv" "$work/log.csv"; fail "log.csv after an evaluation made up for"; }
columns "$work/stdout" | cmp - "$work/line" || fail "the evaluation made up for"

# What --resume says: fewer steps than there are, another seed.
run 0 "$local_dim" --steps 3 --probe-train 0 --taps fc,conv --units 32 --out "$out" --resume --seed 5
says 'nothing is left to train: 3 steps are asked for, and the checkpoint is after step 10'
says "the seed is the checkpoint's, 0, in place of 5"

# Pictures are left alone by a --resume that is refused.
usual="--ndf 8 --rkhs 32 --depth 1 --probe-train 0 --checkpoint-every 1 --out $work/amdim"
# shellcheck disable=SC2086
run 0 "$amdim" $usual --steps 1
if [ -e "$work/amdim/views.png" ]; then
    echo kept >"$work/amdim/views.png"
    # shellcheck disable=SC2086
    run 2 "$amdim" $usual --steps 2 --resume --rkhs 64
    grep -q kept "$work/amdim/views.png" || fail "a refused --resume has drawn views.png"
    # shellcheck disable=SC2086
    run 0 "$amdim" $usual --steps 2 --resume --threads 2
    says 'may differ in their last bits'
    grep -q kept "$work/amdim/views.png" && fail "no views.png after --resume"
fi
[ "$failed" = 0 ] && echo "the example programs do as they say"
exit "$failed"
