#!/bin/sh
# dim-eval on an encoder of a few steps and images in four classes: numbers, files, the page, and its exit codes.
# Usage: dim_eval.sh DIM_EVAL LOCAL_DIM FIXTURES VERSION     LOCAL_DIM '' where examples are not built; exit code 77 without libpng
set -u
program=$1 local_dim=$2 shades=$3/shades version=$4 failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failed=1; }
run() { # CODE, arguments
    want=$1
    shift
    "$program" --threads 1 "$@" >"$work/out" 2>"$work/err"
    code=$?
    [ "$code" = "$want" ] || { cat "$work/out" "$work/err"; fail "exit code $code, not $want: $*"; }
}
prints() { grep -q -e "$1" "$work/out" || { cat "$work/out"; fail "not printed: $1"; }; }
says() { grep -q -e "$1" "$work/err" || { cat "$work/err"; fail "not said: $1"; }; }

# The command line.
[ "$("$program" --version)" = "dim-eval of libdim $version" ] || fail "--version"
"$program" --help >"$work/help" || fail "--help"
awk '/^Example/ { exit } length > 79 { print; bad = 1 } END { exit bad }' "$work/help" || fail "--help: lines are too long"
grep -q -- '--steps\|--lr\|--resume\|--critic' "$work/help" && fail "--help has options of training"
"$program" --man >"$work/man" || fail "--man"
sed -n 's/^  \(--[a-z-]*\).*/\1/p' "$work/help" | while read -r option; do
    sed 's/\\//g' "$work/man" | grep -q "^fB$option" || echo "$option"
done | grep . && fail "the man page lacks options"
if command -v mandoc >/dev/null; then mandoc -T lint -W warning "$work/man" >/dev/null || fail "mandoc"; fi
run 2 --data idx:missing
says '--weights is missing'
run 2 --weights missing.safetensors
says '--data is missing'
run 2 --weights missing.safetensors --data idx:missing --steps 3
says "there is no option '--steps'"
[ -n "$local_dim" ] || exit "$failed"

for class in 0 1 2 3; do
    mkdir -p "$work/data/train/<$class>" "$work/data/test/<$class>"
    for i in 0 1 2 3 4 5 6 7 8 9; do cp "$shades/$class.png" "$work/data/train/<$class>/$i.png"; done
    for i in 0 1 2 3; do cp "$shades/$class.png" "$work/data/test/<$class>/$i.png"; done
done
data=folder:$work/data weights=$work/run/weights.safetensors
"$local_dim" --data "$data" --batch 8 --threads 1 --units 32 --steps 4 --eval-every 2 --probe-train 40 --out "$work/run" \
    --tensorboard "$work/events/a" >"$work/out" 2>"$work/err"
code=$?
grep -q 'lacks libpng\|neither libjpeg' "$work/err" && exit 77
[ $code = 0 ] || { cat "$work/err"; fail "local_dim"; exit 1; }

# Its event file: a record for the version, one for each step, one for each evaluation (before, after 2, after 4).
[ "$(ls "$work/events/a" | grep -c '^events\.out\.tfevents\.[0-9]\{10\}\.')" = 1 ] || fail "there is not one event file"
cat "$work"/events/a/* | tr -d '\0' >"$work/events.bin"
grep -q -a 'brain\.Event:2' "$work/events.bin" || fail "the event file has no version"
[ "$(grep -a -o 'global\.ridge' "$work/events.bin" | wc -l)" = 3 ] || fail "the event file lacks evaluations"
[ "$(grep -a -o 'local\.value' "$work/events.bin" | wc -l)" = 4 ] || fail "the event file lacks steps"
"$local_dim" --data "$data" --batch 8 --steps 0 --probe-train 40 --tensorboard "$0" >"$work/out" 2>"$work/err"
[ $? = 2 ] || fail "--tensorboard with a file: exit code"
says '--tensorboard: '

# Probes find what the training program's found; a perfect code confuses nothing.
run 0 --weights "$weights" --data "$data" --probe-train 40 --taps fc,global --measure-steps 3 --runs 2 --out "$work/eval"
logged=$(tail -n 1 "$work/run/log.csv")
columns=$(head -n 1 "$work/run/log.csv")
value_of() { # COLUMN
    echo "$columns" | tr , '\n' | grep -n -x -F "$1" | cut -d: -f1 | { read -r at && echo "$logged" | cut -d, -f"$at"; }
}
for tap in fc global; do
    for probe in knn ridge; do
        own=$(awk -v tap=$tap -v probe=$probe '$1 == tap && $3 == probe { print $4 / 100 }' "$work/out")
        awk -v a="$own" -v b="$(value_of $tap.$probe)" 'BEGIN { exit !(a != "" && b != "" && a - b < 1e-3 && b - a < 1e-3) }' ||
            fail "$tap.$probe: $own, but the log has $(value_of $tap.$probe)"
    done
done
prints '^fc  *1024  linear  *100.00 %  *0.00  *1$'
prints '^fc  *1024  svm  *100.00 %  *0.00  *2$'
prints '^global  *64  mlp .* 2$'
for number in codes.rankme alignment uniformity ndm ndm-sigmoid mine reconstruction.ssim reconstruction.padded-ssim; do
    prints "^global  *64  $number  *-*[0-9.]* "
done
# Two views of an image are alike, but not the same: codes of two images are at -uniformity / 2 on average, at least.
awk '$1 == "global" { of[$3] = $4 } END { exit !(of["alignment"] > 1e-3 && of["alignment"] < -of["uniformity"] / 4) }' "$work/out" ||
    { cat "$work/out"; fail "alignment"; }
grep -q '^fc .* ndm' "$work/out" && fail "NDM of what is not the code"
prints '^fc  *1024  retrieval-euclidean  *33.33 %' # 3 others of a class among the 9 nearest
tr -d '\n ' <"$work/eval/results.json" | grep -q '"confusion":\[\[4,0,0,0\],\[0,4,0,0\],\[0,0,4,0\],\[0,0,0,4\]\]}$' || fail "confusion"
tr -d '\n' <"$work/eval/results.json" | sed 's/"\([^"\\]\|\\.\)*"/S/g; s/-\{0,1\}[0-9][0-9.]*\(e[+-][0-9]*\)\{0,1\}/N/g; s/null/N/g' >"$work/shape"
for pass in 1 2 3 4 5 6; do # members and elements become one value, from the inside
    sed 's/\[\([NS]\(,[NS]\)*\)\{0,1\}\]/N/g; s/{\(S:[NS]\(,S:[NS]\)*\)\{0,1\}}/N/g' "$work/shape" >"$work/shape.$pass"
    mv "$work/shape.$pass" "$work/shape"
done
[ "$(cat "$work/shape")" = N ] || { cat "$work/shape"; fail "results.json is not JSON"; }

# Files of features: a row an image, by class.
[ "$(wc -l <"$work/eval/features.csv")" = 17 ] || fail "features.csv: lines"
head -n 1 "$work/eval/features.csv" | grep -q '^label,f0,.*,f63$' || fail "features.csv: names"
[ "$(cut -d, -f1 "$work/eval/features.csv" | tr -d '\n')" = label0000111122223333 ] || fail "features.csv: labels"
head -c 128 "$work/eval/features.npy" | grep -q "'<f4'.*(16, 64)" || fail "features.npy"
head -c 128 "$work/eval/features.labels.npy" | grep -q "'<i8'.*(16,)" || fail "features.labels.npy"

# Pages: those of the training program and of dim-eval.  Well-formed, whole in one file, with every part.
well_formed() { # FILE
    grep -q '<script\|<link\|<iframe' "$1" && fail "$1: scripts or links"
    grep -oE '(src|href|url)=?[("]+[^"]{0,30}' "$1" | grep -v '^src="data:image/png;base64,' | grep . && fail "$1: something is elsewhere"
    grep -q 'nan\|inf"' "$1" && grep -o '.\{30\}\(nan\|inf"\).\{10\}' "$1" | grep -v base64 | grep '[MLHVxyr]="\{0,1\}[-0-9. ]*\(nan\|inf\)' && fail "$1: numbers"
    # A digit is at least 7 wide: numbers at an axis begin inside the picture.
    sed -n 's/.*<text x="\([-0-9.]*\)"[^>]*text-anchor="end"[^>]*>\([-+0-9.e]*\)<.*/\1 \2/p' "$1" |
        awk '$1 < 7 * length($2) { print; bad = 1 } END { exit bad }' || fail "$1: numbers are cut off"
    sed 's/base64,[^"]*/base64/g' "$1" | tr '\n' ' ' | grep -oE '<[^>]*>' | awk -v file="$1" '
        /^<!/ || /\/>$/ || /^<meta/ { next }
        /^<\// { name = substr($0, 3, length($0) - 3); if (stack[depth--] != name) { print file ": " $0 " ends " stack[depth + 1]; bad = 1; exit } next }
        { sub(/^</, ""); sub(/[ >].*/, ""); stack[++depth] = $0 }
        END { if (!bad && depth != 0) { print file ": " stack[depth] " does not end"; bad = 1 } exit bad }' || fail "$1 is not well-formed"
}
page=$work/eval/report.html
well_formed "$page"
well_formed "$work/run/report.html"
for heading in 'What can be read' 'Confusion' 'Nearest by the cosine' 'Nearest by Euclidean distance' 'Map of the code' 'Values of the code' \
    'Reconstructions' 'Filters of the first layer' 'Training' 'Data' 'Network' 'All numbers' 'Settings'; do
    grep -q ">$heading" "$page" || fail "the page lacks: $heading"
done
[ "$(grep -c 'src="data:image/png;base64,iVBOR' "$page")" = 4 ] || fail "the page lacks pictures"
[ "$(grep -c 'src="data:image/png;base64,iVBOR' "$work/run/report.html")" = 1 ] || fail "report.html of local_dim lacks the picture"
grep -q '&lt;0&gt;' "$page" && ! grep -q '<0>' "$page" || fail "names of classes are not escaped"
grep -q '<h3>loss</h3>' "$page" && grep -q 'accuracy on test samples' "$page" || fail "the page lacks curves"
grep -q 'name="viewport"' "$page" || fail "the page does not fit a phone"
grep -q '\.wide th, \.wide td { overflow-wrap: normal' "$page" || fail "words of the table of numbers break on a phone"

# The same again is the same; some of it; JSON on standard output; nothing is written without --out.
cp "$work/eval/results.json" "$work/first.json"
run 0 --weights "$weights" --data "$data" --probe-train 40 --taps fc,global --measure-steps 3 --runs 2 --out "$work/eval"
cmp -s "$work/first.json" "$work/eval/results.json" || fail "twice is not the same"
run 0 --weights "$weights" --data "$data" --probe-train 40 --taps fc --only ridge,knn
[ "$(wc -l <"$work/out")" = 3 ] || { cat "$work/out"; fail "--only"; }
run 0 --weights "$weights" --data "$data" --probe-train 40 --taps fc --only knn --json
prints '^{"features":"fc","width":1024,"evaluation":"knn","value":[0-9.]*,"deviation":[0-9.]*,"runs":1}\]'
run 0 --weights "$weights" --data "$data" --probe-train 40 --only ridge,codes # usual taps
for tap in conv fc global; do prints "^$tap .* ridge "; done

# Without labels: what needs none.
run 0 --weights "$weights" --data "$data" --probe-train 0 --measure-steps 3 --out "$work/bare"
prints '^global  *64  codes.rankme '
prints '^global  *64  mine '
prints '^global  *64  alignment '
grep -q ' knn ' "$work/out" && fail "a probe without labels"
well_formed "$work/bare/report.html"
grep -q '>Confusion' "$work/bare/report.html" && fail "confusion without labels"
head -n 1 "$work/bare/features.csv" | grep -q '^f0,' || fail "features.csv without labels"

# Nothing of an earlier call is left, and a run's page is its own.  A log that never changes has curves, too.
run 0 --weights "$weights" --data "$data" --probe-train 40 --taps global --only knn --out "$work/eval"
[ ! -e "$work/eval/reconstruction.png" ] || fail "an old picture is there"
grep -q '>Reconstructions' "$page" && fail "reconstructions of an earlier call"
awk 'BEGIN { print "step,epoch,train_s,wait_s,loss"; for (i = 1; i <= 700; i++) print i ",0,0,0,1.386294" }' >"$work/flat.csv"
timeout 120 "$program" --threads 1 --weights "$weights" --data "$data" --probe-train 0 --taps global --only codes --log "$work/flat.csv" \
    --out "$work/eval" >"$work/out" 2>"$work/err" || { cat "$work/err"; fail "a flat log"; }
[ ! -e "$work/eval/features.labels.npy" ] || fail "labels of an earlier call"
grep -q '<h3>loss</h3>' "$page" || fail "the page lacks the curve of a flat log"
run 2 --weights "$weights" --data "$data" --probe-train 40 --out "$work/run"
says 'there is a training run in'

# What does not fit.
run 2 --weights "$weights" --data "$data" --probe-train 0 --only knn
says '--only: knn needs labels'
run 2 --weights "$weights" --data "$data" --log "$work/flat.csv"
says '--log needs --out'
run 2 --weights "$weights" --data "$data" --log "$work/missing.csv" --out "$work/other"
says '--log: cannot read .*missing.csv: No such file'
run 2 --weights "$weights" --data "$data" --measure-steps 2000000000
says '--measure-steps'
"$program" --weights "$weights" --data "$data" >&- 2>"$work/err"
[ $? = 2 ] || fail "no standard output: exit code"
says 'standard output is closed, and --out is missing'
if [ "$(id -u)" != 0 ]; then # who may write everywhere
    mkdir -m 555 "$work/sealed"
    run 2 --weights "$weights" --data "$data" --out "$work/sealed"
    says '--out: cannot write into .*sealed: Permission denied'
fi
run 2 --weights "$weights" --data "$data" --probe-train 40 --taps fc,none
says '--taps: .*none'
run 2 --weights "$weights" --data "$data" --probe-train 40 --only ridge,best
says "--only: 'best' is not an evaluation"
run 2 --weights "$weights" --data "$data" --probe-train 40 --image-size 28
says '--data: the encoder does not take images of 28 x 28 with [13] channel'
run 2 --weights "$work/missing.safetensors" --data "$data"
says '--weights: .*missing.safetensors'
head -c 1000 "$weights" >"$work/cut.safetensors"
run 2 --weights "$work/cut.safetensors" --data "$data"
says '--weights: .*cut.safetensors'
run 2 --weights "$weights" --data "$data" --probe-train 40 --out "$work/first.json"
says '--out: .*first.json'
mkdir -p "$work/full/report.html"
run 1 --weights "$weights" --data "$data" --probe-train 40 --taps global --only knn --out "$work/full"
says 'cannot write .*full/report.html'
[ -s "$work/full/results.json" ] || fail "what can be written is not"
if [ -e /dev/full ]; then
    "$program" --weights "$weights" --data "$data" --probe-train 40 --taps global --only knn >/dev/full 2>"$work/err"
    [ $? = 1 ] || fail "a full disk: exit code"
    says 'cannot write to standard output'
fi

[ "$failed" = 0 ] && echo "dim-eval: numbers, files, pages and exit codes as they should be"
exit "$failed"
