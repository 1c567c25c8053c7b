#!/bin/sh
# What the example programs say and write, on a folder of images in four classes.
# Usage: examples.sh LOCAL_DIM AMDIM INFOMAX_KL SIGNALS TWO_VIEWS AUTOENCODER INFOGAN FIXTURES     exit code 77 where the build lacks libpng
set -u
local_dim=$1 amdim=$2 infomax_kl=$3 signals=$4 two_views=$5 autoencoder=$6 infogan=$7 shades=$8/shades failed=0
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
data=folder:$work/data
run() { # CODE PROGRAM, further arguments
    code=$1 program=$2
    shift 2
    "$program" --data "$data" --batch 8 --threads 1 "$@" >"$work/stdout" 2>"$work/stderr"
    got=$?
    grep -q 'lacks libpng\|neither libjpeg' "$work/stderr" && exit 77
    [ $got = "$code" ] || { cat "$work/stderr"; fail "exit code $got instead of $code: $*"; }
}
says() { grep -q -e "$1" "$work/stderr" || { cat "$work/stderr"; fail "'$1' is not said"; }; }
columns() { sed 's/.*"probe"://; s/"train_s.*//' "$1"; }

# A folder's samples are sorted by class: the probes take them from all classes.
run 0 "$local_dim" --steps 0 --probe-train 80 --json --taps fc --table
columns "$work/stdout" | grep -q '"fc":{"knn":1.0000,"ridge":1.0000}' || { cat "$work/stdout"; fail "probes of some classes"; }
grep -q 'raw pixels .* 100.0 %   *100.0 %' "$work/stderr" || { cat "$work/stderr"; fail "probes of pixels"; }

# Others, by name, in the order of the list.
run 0 "$local_dim" --steps 0 --probe-train 80 --json --taps fc,global --table --probes svm,mlp,linear --out "$work/probes"
columns "$work/stdout" | grep -q '^{"fc":{"svm":1.0000,"mlp":[01].[0-9]*,"linear":1.0000},"global":{"svm":' ||
    { cat "$work/stdout"; fail "--probes"; }
head -n 1 "$work/probes/log.csv" | grep -q ',fc.svm,fc.mlp,fc.linear,global.svm,global.mlp,global.linear$' || fail "log.csv of --probes"
grep -q 'features  width        SVM        MLP     linear$' "$work/stderr" || { cat "$work/stderr"; fail "the table of --probes"; }
run 2 "$local_dim" --steps 1 --probe-train 80 --taps fc,global --probes svm,mlp --out "$work/probes" --resume
says 'has other columns; are --taps and --probes'

# Few labels: were k of kNN still 20, all of these would vote, and each image would get the same class.
run 0 "$local_dim" --steps 0 --probe-train 20 --json --taps fc
columns "$work/stdout" | grep -q '"fc":{"knn":1.0000' || { cat "$work/stdout"; fail "kNN with few labels"; }

# A run that was killed in its last evaluation, as the log shows it: --resume makes it.
out=$work/out usual="--steps 10 --eval-every 5 --probe-train 80 --json --taps fc,global --units 32"
# shellcheck disable=SC2086
run 0 "$local_dim" $usual --out "$out"
says '^step 10 of 10: loss .* ms a step, 0:00 left$' # progress in a file: whole lines
says '^opening folder:'
grep -q "$(printf '\r')" "$work/stderr" && fail "a file has lines that are rewritten"
columns "$work/stdout" | tail -n 1 >"$work/line"
cp "$out/log.csv" "$work/log.csv"
cp "$out/weights.safetensors" "$work/weights.safetensors"
# shellcheck disable=SC2086
run 0 "$local_dim" $usual --out "$out" --resume
says 'nothing is left to train: 10 steps are asked for, and the checkpoint is after step 10'
[ -s "$work/stdout" ] && fail "an evaluation again"
grep -q 'Accuracy on test samples' "$out/report.html" || fail "the report of a finished run loses its accuracies"
cmp "$out/log.csv" "$work/log.csv" || fail "log.csv after --resume without steps"
sed '$s/\(,[^,]*\)\{4\}$/,,,,/' "$work/log.csv" >"$out/log.csv"
cmp -s "$out/log.csv" "$work/log.csv" && fail "nothing was cut off"
# shellcheck disable=SC2086
run 0 "$local_dim" $usual --out "$out" --resume
grep -q 'nothing is left' "$work/stderr" && fail "an evaluation was left"
cmp "$out/log.csv" "$work/log.csv" || { diff "$out/log.csv" "$work/log.csv"; fail "log.csv after an evaluation made up for"; }
columns "$work/stdout" | cmp - "$work/line" || fail "the evaluation made up for"

# On a terminal, a line that is rewritten says what is done, also while probing.
if script -qec true /dev/null >/dev/null 2>&1; then # there are pseudo-terminals
    script -qec "'$local_dim' --data '$data' --batch 8 --threads 1 --units 32 --steps 2 --probe-train 80 --taps fc" /dev/null >"$work/stderr"
    for text in 'opening folder:' 'probing fc, training images' 'probing fc: kNN' 'probing fc: ridge' 'step 2 of 2: loss'; do
        says "$(printf '\r')$(printf '\033')\\[K$text"
    done
fi

# What --resume says: fewer steps than there are, another seed.
run 0 "$local_dim" --steps 3 --probe-train 0 --taps fc,global --units 32 --out "$out" --resume --seed 5
says 'nothing is left to train: 3 steps are asked for, and the checkpoint is after step 10'
says "the seed is the checkpoint's, 0, in place of 5"

# Labels that teach the encoder: few of them beside the objective, and alone, from weights that there are.
run 0 "$local_dim" --steps 24 --labels 40 --classify-weight 1 --prior none --units 32 --taps fc --json --out "$work/joint"
tail -n 1 "$work/stdout" | grep -q '"class":1.0000' || { cat "$work/stdout"; fail "labels beside the objective"; }
head -n 1 "$work/joint/log.csv" | grep -q ',class,class.accuracy,fc.knn,fc.ridge,class.test$' || fail "log of --classify-weight"
run 2 "$local_dim" --steps 25 --labels 20 --classify-weight 1 --prior none --units 32 --taps fc --out "$work/joint" --resume
says 'loader.unlabelled'
run 2 "$local_dim" --steps 25 --labels 40 --classify-weight 2 --prior none --units 32 --taps fc --out "$work/joint" --resume
says 'player.model.minimises.class'
run 0 "$local_dim" --steps 12 --labels 40 --finetune --init "$work/joint/weights.safetensors" --taps fc --json
tail -n 1 "$work/stdout" | grep -q '"class":1.0000' || { cat "$work/stdout"; fail "--finetune"; }
run 2 "$local_dim" --steps 1 --labels 42 --finetune
says '--labels: 42 is not a multiple of the 4 classes'
run 2 "$local_dim" --steps 1 --labels 164 --finetune
says '--labels: 164 are 41 of each class, but class 0 has only 40'
run 2 "$local_dim" --steps 1 --finetune --classify-tap nothing
says '--classify-tap: .*nothing'
run 2 "$local_dim" --steps 1 --encoder alex64
says '--encoder: the images are 32 x 32, but alex64 takes 64 x 64'
run 0 "$local_dim" --steps 2 --encoder foldresnet19 --prior none --units 16 --probe-train 0

# Weights to start from, as they are and in a checkpoint: the same features, so the same probes.
for file in weights checkpoint; do
    run 0 "$local_dim" --steps 0 --probe-train 80 --json --taps fc,global --units 16 --init "$out/$file.safetensors"
    columns "$work/stdout" | cmp - "$work/line" || fail "--init $file.safetensors"
done
run 2 "$local_dim" --steps 0 --probe-train 0 --init "$work/missing"
says '--init: .*missing'

# Features: a header of 128 bytes, then rows; images of one class are all the same here, and of two classes not.
run 0 "$local_dim" --steps 0 --probe-train 0 --units 16 --init "$work/weights.safetensors" --embed "$work/f.npy"
head -c 128 "$work/f.npy" | grep -q "'<f4'.*(16, 64)" || fail "--embed: shape"
tail -c +129 "$work/f.npy" | od -An -v -t x4 -w256 >"$work/rows"
[ "$(wc -l <"$work/rows") $(uniq "$work/rows" | wc -l) $(sort -u "$work/rows" | wc -l)" = "16 4 4" ] || fail "--embed: rows"
head -c 128 "$work/f.labels.npy" | grep -q "'<i8'.*(16,)" || fail "--embed: shape of labels"
[ "$(tail -c +129 "$work/f.labels.npy" | od -An -v -t d8 -w32 | tr -s ' ' ' ')" = " 0 0 0 0
 1 1 1 1
 2 2 2 2
 3 3 3 3" ] || fail "--embed: labels"
run 0 "$local_dim" --steps 0 --probe-train 0 --embed "$work/g.npy" --embed-split train --embed-tap conv
head -c 128 "$work/g.npy" | grep -q '(160, 4096)' || fail "--embed-split train --embed-tap conv"
run 2 "$local_dim" --steps 0 --embed "$work/f.txt"
says '--embed: .*f.txt does not end in .npy'
run 2 "$local_dim" --steps 0 --embed "$work/missing/f.npy"
says "--embed: the folder $work/missing/ does not exist"
mkdir "$work/folder.npy" "$work/h.labels.npy"
run 2 "$local_dim" --steps 0 --embed "$work/folder.npy"
says "--embed: $work/folder.npy is a folder"
run 2 "$local_dim" --steps 0 --embed "$work/h.npy"
says "--embed: $work/h.labels.npy is a folder"
if [ -d /proc/self ]; then # where root, too, may not make files
    run 2 "$local_dim" --steps 0 --embed /proc/f.npy
    says "--embed: no file can be made in the folder /proc"
fi
run 2 "$local_dim" --steps 0 --probe-train 0 --embed "$work/f.npy" --embed-tap nothing
says '--embed-tap: .*nothing'

# Broken files end the run, or are counted.
mkdir -p "$work/broken/train" "$work/broken/test"
cp -r "$work/data/train/0" "$work/data/train/3" "$work/broken/train"
cp -r "$work/data/test/0" "$work/data/test/3" "$work/broken/test"
head -c 60 "$shades/0.png" >"$work/broken/train/0/05.png"
data=folder:$work/broken
run 1 "$local_dim" --epochs 1 --units 32 --probe-train 0 --out "$work/broken-out"
says 'train/0/05.png.*--skip-broken puts the next image in the place'
run 0 "$local_dim" --epochs 1 --units 32 --probe-train 0 --out "$work/broken-out" --resume --skip-broken
grep -q '^10,' "$work/broken-out/log.csv" || fail "a run that had failed at a broken file does not go on"
# What failed is left out when such a run goes on, also when it fails again right away.
run 1 "$local_dim" --epochs 1 --units 32 --probe-train 0 --out "$work/broken-out" --overwrite --checkpoint-every 1
says '--resume goes on with the batch after the one that failed'
run 0 "$local_dim" --steps 9 --units 32 --probe-train 0 --out "$work/broken-out" --resume
run 0 "$local_dim" --epochs 1 --units 32 --probe-train 0 --skip-broken
says 'broken files in whose place another image was taken: 1$'

# A folder with a broken image from the start: a run that trained nothing is not in the way of the next one.
mkdir -p "$work/first/train/0" "$work/first/train/3"
cp -r "$work/broken/test" "$work/first"
cp "$work/broken/train/0/05.png" "$work/first/train/0/00.png"
for i in 1 2 3 4 5 6 7 8 9; do cp "$shades/3.png" "$work/first/train/3/0$i.png"; done
data=folder:$work/first
run 2 "$local_dim" --steps 1
says 'train/0/00.png.*--skip-broken puts the next image in the place'
mv "$work/first/train/0/00.png" "$work/first/train/3/10.png"
cp "$shades/0.png" "$work/first/train/0/00.png"
mkdir "$work/first-out"
head -n 2 "$work/broken-out/log.csv" >"$work/first-out/log.csv"
run 0 "$local_dim" --steps 1 --units 32 --probe-train 0 --skip-broken --out "$work/first-out"
for file in log.csv weights.safetensors checkpoint.safetensors; do cp "$work/first-out/$file" "$work/kept.$file"; done
for file in "$work"/first/train/3/*; do echo broken >"$file"; done
run 1 "$local_dim" --steps 1 --units 32 --probe-train 0 --out "$work/first-out" --overwrite
says 'no step was trained; the run in .* stays as it was'
for file in log.csv weights.safetensors checkpoint.safetensors; do
    cmp "$work/first-out/$file" "$work/kept.$file" || fail "a run that failed at its first step has changed $file"
done
[ ! -e "$work/first-out/log.csv.new" ] || fail "log.csv.new has stayed"
mkdir -p "$work/none/train"
data=folder:$work/none
run 2 "$local_dim" --steps 1
grep -q -e --skip-broken "$work/stderr" && fail "--skip-broken does not help where there are no images"

# Too few labelled images for probes.
mkdir -p "$work/few"
for split in train test; do mkdir "$work/few/$split"; cp -r "$work/data/test/0" "$work/data/test/1" "$work/few/$split"; done
data=folder:$work/few
run 2 "$local_dim" --steps 1 --batch 4
says 'there are only 8 labelled training images, and probes need 20'

# Images without labels, or without test images.
mkdir -p "$work/plain/train"
cp -r "$work/data/train/0" "$work/plain/train/all"
data=folder:$work/plain
run 2 "$local_dim" --steps 1
says 'cannot find a folder val or test in .*; --probe-train 0 does without test images'
run 0 "$local_dim" --steps 1 --units 32 --probe-train 0 --out "$work/plain-out" --embed "$work/p.npy"
head -c 128 "$work/p.npy" | grep -q '(40, 64)' || fail "features of training images"
grep -q '^picture: .*retrieval.png' "$work/stderr" || grep -q 'without libpng' "$work/stderr" || { cat "$work/stderr"; fail "no picture of training images"; }
cp -r "$work/plain/train" "$work/plain/test"
run 2 "$local_dim" --steps 1
says 'all images are of one class'

# STL-10's images without labels: 16 of them, and 20 labelled ones of two classes in each split.
mkdir "$work/stl10"
noise() { LC_ALL=C awk -v n="$1" 'BEGIN { for (i = 0; i < n * 27648; i++) printf "%c", 33 + (i * 7 + int(i / 96)) % 90 }'; }
noise 16 >"$work/stl10/unlabeled_X.bin"
noise 20 >"$work/stl10/train_X.bin"
cp "$work/stl10/train_X.bin" "$work/stl10/test_X.bin"
for split in train test; do printf '\1\2\1\2\1\2\1\2\1\2\1\2\1\2\1\2\1\2\1\2' >"$work/stl10/${split}_y.bin"; done
data=stl10:$work/stl10
run 0 "$infomax_kl" --units 8 --epochs 1 --unlabelled --probe-train 20 --taps mean --embed "$work/u.npy" --embed-split train
grep -q '^step      2 .*kNN' "$work/stdout" || { cat "$work/stdout"; fail "--unlabelled: 2 batches of 8, and probes"; }
head -c 128 "$work/u.npy" | grep -q '(16, 8)' || fail "--unlabelled: features"
[ ! -e "$work/u.labels.npy" ] || fail "labels of images that have none"
# As one set with those that have labels, which teach it; the probes have labels alone.
run 0 "$local_dim" --units 16 --epochs 1 --with-unlabelled --classify-weight 1 --probe-train 36 --taps fc --image-size 32 --out "$work/one"
grep -q '^step      4 .*kNN.*class classifier' "$work/stdout" || { cat "$work/stdout"; fail "--with-unlabelled: 4 batches of 8 of 36 images"; }
run 2 "$local_dim" --units 16 --epochs 2 --classify-weight 1 --probe-train 20 --taps fc --image-size 32 --out "$work/one" --resume
says 'loader.dataset'
data=folder:$work/data # of other kinds the training images
run 0 "$local_dim" --epochs 1 --unlabelled --probe-train 20 --taps fc --units 32 --embed "$work/v.npy" --embed-split train
grep -q '^step     20 .*kNN' "$work/stdout" || { cat "$work/stdout"; fail "--unlabelled: 20 batches of 8, and probes"; }
[ ! -e "$work/v.labels.npy" ] || fail "labels of images that are not read"

# Images in one folder, without class folders.
mkdir "$work/flat"
for i in 0 1 2 3 4 5 6 7 8 9; do cp "$shades/1.png" "$work/flat/$i.png"; done
touch "$work/flat/10.webp"
data=folder:$work/flat
run 2 "$local_dim" --steps 1
says 'flat has 10 image files itself.*--unlabelled --probe-train 0 trains without labels'
run 2 "$local_dim" --steps 1 --unlabelled
says 'cannot find a folder val or test in .*; --probe-train 0 does without test images'
run 0 "$local_dim" --steps 1 --unlabelled --probe-train 0 --units 32
says 'left out are 1 of other kinds than JPEG and PNG .*; the first is .*/flat/10.webp'

# NumPy arrays and CSV: 24 images of 28 x 28, of two classes.
mkdir "$work/npy" "$work/csv"
array() { # DESCR SHAPE HEADER'S LENGTH: that of the text below, in octal
    printf '\223NUMPY\1\0'"$3"'\0'"{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n" "$1" "$2"
}
{ array '|u1' '(24, 28, 28)' '\102'; noise 1 | head -c 18816; } >"$work/npy/train.npy"
{ array '|u1' '(24,)' '\73'; printf '\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1\0\1'; } >"$work/npy/train.labels.npy"
cp "$work/npy/train.npy" "$work/npy/test.npy"
cp "$work/npy/train.labels.npy" "$work/npy/test.labels.npy"
data=npy:$work/npy
run 0 "$local_dim" --steps 1 --probe-train 20 --units 32
grep -q 'kNN' "$work/stdout" || fail "npy: without probes"
data=npy:$work/npy/train.npy
run 2 "$local_dim" --steps 1 --probe-train 20
says 'is one file, of training data.*--probe-train 0 does without test images'
run 0 "$local_dim" --steps 1 --probe-train 0 --units 32
rm "$work/npy"/*.labels.npy
data=npy:$work/npy
run 2 "$local_dim" --steps 1 --probe-train 20
says 'the images have no labels.*--probe-train 0'
LC_ALL=C awk 'BEGIN { printf "class"; for (k = 0; k < 784; k++) printf ",p%d", k; print ""
    for (i = 0; i < 24; i++) { printf "%d", i % 2; for (k = 0; k < 784; k++) printf ",%d", (i * 31 + k * (1 + i % 2)) % 256; print "" } }' \
    >"$work/csv/train.csv"
cp "$work/csv/train.csv" "$work/csv/test.csv"
data=csv:$work/csv
run 2 "$local_dim" --steps 1 --probe-train 20 --label-column class
says 'has vectors, not images; --image-size'
run 0 "$local_dim" --steps 1 --probe-train 20 --label-column class --image-size 28 --units 32
grep -q 'kNN' "$work/stdout" || fail "csv: without probes"
run 2 "$local_dim" --steps 1 --label-column colour --image-size 28
says 'label_column is "colour", which is neither a name in the header nor a number below 785'
data=folder:$work/data

# Options of Deep InfoMax: all at once, gone on with as one run, refused with another one; what a preset says holds, but for what is given.
usual="--units 16 --probe-train 0 --coordinates absolute --occlude 9 --pairs 0.2 --globals conv --global-samples 3 --local-samples 5 \
    --act-penalty 0.01 --gradient-penalty 1 --classes 4 --class-pairs 0.5 --alpha 0.5 --repeat from-tap"
steps() { cut -d, -f1,5- "$1"; } # of a log, without times
# shellcheck disable=SC2086
run 0 "$local_dim" $usual --steps 2 --out "$work/dim"
head -n 1 "$work/dim/log.csv" | grep -q ',local,.*,global,.*,pairs,.*,coordinates,coordinates.row_accuracy,.*,discrete,.*,discrete_each,.*,discrete_pairs,' ||
    { cat "$work/dim/log.csv"; fail "columns of DIM's options"; }
# shellcheck disable=SC2086
run 0 "$local_dim" $usual --steps 3 --out "$work/dim" --resume
# shellcheck disable=SC2086
run 0 "$local_dim" $usual --steps 3 --out "$work/dim3"
steps "$work/dim/log.csv" >"$work/two"
steps "$work/dim3/log.csv" | cmp - "$work/two" || fail "DIM's options after --resume"
# shellcheck disable=SC2086
run 2 "$local_dim" $usual --steps 4 --out "$work/dim" --resume --coordinates relative
says 'loss.coordinates .*relative'
run 2 "$local_dim" --steps 1 --probe-train 0 --occlude 100
says '--occlude: .*larger than the map'
run 0 "$local_dim" --steps 1 --probe-train 0 --units 16 --preset dim-lg --out "$work/preset"
run 2 "$local_dim" --steps 2 --probe-train 0 --units 16 --preset dim-lg --alpha 0.25 --out "$work/preset" --resume
says 'term.global has weight 0.5 in the checkpoint, but weight 0.25 here'
run 0 "$local_dim" --steps 2 --probe-train 0 --units 16 --alpha 0.5 --beta 0.1 --prior-weight 0.1 --beta1 0.5 --shortcut identity \
    --repeat from-tap --out "$work/preset" --resume

# Pictures are left alone by a --resume that is refused.
usual="--ndf 8 --rkhs 32 --depth 1 --probe-train 0 --out $work/amdim"
# shellcheck disable=SC2086
run 0 "$amdim" $usual --steps 1
if [ -e "$work/amdim/views.png" ]; then
    for name in retrieval scores; do [ -s "$work/amdim/$name.png" ] || fail "no $name.png"; done
    echo kept >"$work/amdim/views.png"
    # shellcheck disable=SC2086
    run 2 "$amdim" $usual --steps 2 --resume --rkhs 64
    grep -q kept "$work/amdim/views.png" || fail "a refused --resume has drawn views.png"
    # shellcheck disable=SC2086
    run 0 "$amdim" $usual --steps 2 --resume --threads 2
    says 'may differ in their last bits'
    grep -q kept "$work/amdim/views.png" && fail "no views.png after --resume"
fi
# A number of the first and the last line of JSON: whether it grew as much as it must.
grows() { # NAME, most at first, least at last
    sed "s/.*\"$1\":\([0-9.]*\).*/\1/" "$work/stdout" | awk -v most="$2" -v least="$3" '
        NR == 1 { first = $1 } { last = $1 } END { exit !(NR > 1 && first <= most && last >= least) }' ||
        { cat "$work/stdout"; fail "$1 is not first at most $2 and last at least $3"; }
}
has_picture() { # DIR, name
    [ -s "$1/${2:-retrieval.png}" ] || grep -q 'without libpng' "$work/stderr" || { cat "$work/stderr"; fail "no picture in $1"; }
}

# Waves: what form they have is known better after training than before.
data=waves
run 0 "$signals" --steps 150 --batch 32 --probe-train 500 --taps global --json --table --out "$work/signals"
columns "$work/stdout" >"$work/lines"
mv "$work/lines" "$work/stdout"
grows knn 0.58 0.62
grep -q '^raw signals .*128 ' "$work/stderr" || { cat "$work/stderr"; fail "no table of signals"; }
grep -q '^Accuracy on 1200 test signals, with 500 labelled training signals$' "$work/stderr" || fail "no head of the table"
has_picture "$work/signals"
run 0 "$signals" --steps 151 --batch 32 --probe-train 500 --taps global --out "$work/signals" --resume
says 'goes on after step 150'

# An array of 40 signals of two channels, whose values are their number; every fifth is for testing.
array() { # FILE, shape, values
    printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': ($2), }" >"$1"
    LC_ALL=C awk -v n="$3" 'BEGIN { for (i = 0; i < 40; i++) for (k = 0; k < n; k++) printf "%c", 48 + i }' >>"$1"
}
array "$work/a.npy" '40, 2, 16' 32
data=npy:$work/a.npy
run 2 "$signals" --steps 1
says "a.labels.npy.*--probe-train 0 trains without labels"
run 0 "$signals" --steps 2 --probe-train 0 --embed "$work/s.npy" --out "$work/array"
head -c 128 "$work/s.npy" | grep -q '(8, 64)' || fail "features of signals for testing"
[ ! -e "$work/s.labels.npy" ] || fail "labels of signals that have none"
array "$work/a.labels.npy" '40,' 1
run 0 "$signals" --steps 1 --probe-train 32 --embed "$work/s.npy" --taps global
[ "$(tail -c +129 "$work/s.labels.npy" | od -An -v -t d8 -w64 | tr -s ' ')" = " 52 57 62 67 72 77 82 87" ] || fail "labels of signals for testing"
array "$work/a.labels.npy" '20,2' 1
run 2 "$signals" --steps 1
says 'a.labels.npy has not one label for each of the 40 signals'
array "$work/b.npy" '40, 32' 32
data=npy:$work/b.npy
run 2 "$signals" --steps 1
says '--data: .*b.npy has 2 axes; signals have 3'
data=npy:$work/missing.npy
run 2 "$signals" --steps 1
says '--data: .*missing.npy'

# Images whose halves are alike, and unlike those of other images: a left half finds its own right half.
mkdir "$work/halves"
for part in train:400 t10k:100; do
    LC_ALL=C awk -v n="${part#*:}" -v seed="${part%:*}" 'BEGIN {
        srand(length(seed))
        printf "%c%c%c%c", 0, 0, 8, 3
        printf "%c%c%c%c%c%c%c%c%c%c%c%c", 0, 0, n / 256, n % 256, 0, 0, 0, 8, 0, 0, 0, 8
        for (i = 0; i < n * 8; i++) { v = 1 + int(250 * rand()); for (k = 0; k < 8; k++) printf "%c", v }
    }' >"$work/halves/${part%:*}-images-idx3-ubyte"
    LC_ALL=C awk -v n="${part#*:}" 'BEGIN {
        printf "%c%c%c%c%c%c%c%c", 0, 0, 8, 1, 0, 0, n / 256, n % 256
        for (i = 0; i < n; i++) printf "%c", 0
    }' >"$work/halves/${part%:*}-labels-idx1-ubyte"
done
data=idx:$work/halves
run 0 "$two_views" --steps 60 --batch 32 --json --out "$work/views"
grows test.top1 0.1 0.5
grows test.top5 0.2 0.9
grows test.mi 0.1 2
has_picture "$work/views"
head -n 1 "$work/views/log.csv" | grep -q '^step,epoch,train_s,wait_s,mi,mi.value,.*,test.mi,test.top1,test.top5$' || fail "log of two_views"
[ "$(wc -l <"$work/views/log.csv")" = 62 ] || fail "two_views: lines of the log"
for loss in vicreg barlow-twins; do
    run 0 "$two_views" --steps 60 --batch 16 --json --loss $loss --out "$work/$loss"
    head -n 1 "$work/$loss/log.csv" | grep -q '^step,epoch,train_s,wait_s,views,views.invariance,.*,test.views,test.top1,test.top5$' ||
        fail "log of two_views --loss $loss"
    run 2 "$two_views" --steps 80 --batch 16 --loss $loss --out "$work/$loss" --resume --covariance 0
done
run 2 "$two_views" --steps 1 --out "$work/views"
says '--out: there is a run in .*; --resume goes on from it, --overwrite replaces it'
run 0 "$two_views" --steps 40 --batch 32 --json --out "$work/parts"
run 0 "$two_views" --steps 60 --batch 32 --json --out "$work/parts" --resume
says 'goes on after step 40'
for file in weights checkpoint; do cmp "$work/views/$file.safetensors" "$work/parts/$file.safetensors" || fail "two_views: $file in parts"; done
grep -v '^[0-9]*0,' "$work/views/log.csv" | cut -d, -f1,2,5- >"$work/whole.csv"
grep -v '^[0-9]*0,' "$work/parts/log.csv" | cut -d, -f1,2,5- | cmp - "$work/whole.csv" || fail "two_views: log.csv in parts"
"$two_views" --data "$data" --batch 32 --threads 1 --epochs 100000 --out "$work/views" --overwrite >"$work/stdout" 2>"$work/stderr" &
pid=$!
while kill -0 $pid 2>/dev/null && [ "$(cat "$work/views/log.csv.new" 2>/dev/null | wc -l)" -lt 3 ]; do sleep 0.05; done
kill -TERM $pid
wait $pid
[ $? = 143 ] || { cat "$work/stderr"; fail "exit code of two_views after SIGTERM"; }
says 'interrupted after [1-9][0-9]* steps'
says '^checkpoint: .*; --resume goes on from it$'
says '^weights: '
[ ! -e "$work/views/log.csv.new" ] || fail "two_views: log.csv.new has stayed"

# The same images come out of eight numbers each.
run 0 "$autoencoder" --steps 150 --batch 32 --units 8 --lr 0.003 --prior-weight 0.1 --out "$work/vae"
has_picture "$work/vae" images.png
says "^weights: "
awk -F, 'NR == 1 && $5 != "error" { bad = 1 } NR == 3 { first = $5 } { last = $5 }
         END { exit bad || NR != 152 || !(last < first / 2) }' "$work/vae/log.csv" ||
    { sed -n '1,3p;$p' "$work/vae/log.csv"; fail "the autoencoder learns nothing"; }
run 0 "$autoencoder" --steps 151 --batch 32 --units 8 --lr 0.003 --prior-weight 0.1 --out "$work/vae" --resume
says 'goes on after step 150'
data=folder:$work/data
run 2 "$autoencoder" --image-size 30
says '--data: the images are 30 x 30, but sides must be multiples of 4'

# Images of two classes, one dark at the top, one at the bottom, and all of a class alike: more than two categories find none.
mkdir "$work/halves28"
for part in train:96 t10k:40; do
    LC_ALL=C awk -v n="${part#*:}" 'BEGIN {
        printf "%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c%c", 0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, 28, 0, 0, 0, 28
        for (i = 0; i < n; i++) for (k = 0; k < 784; k++) printf "%c", ((k < 392) == i % 2 ? 80 : 20) + k * 17 % 40
    }' >"$work/halves28/${part%:*}-images-idx3-ubyte"
    LC_ALL=C awk -v n="${part#*:}" 'BEGIN { printf "%c%c%c%c%c%c%c%c", 0, 0, 8, 1, 0, 0, 0, n; for (i = 0; i < n; i++) printf "%c", i % 2 }' \
        >"$work/halves28/${part%:*}-labels-idx1-ubyte"
done
data=idx:$work/halves28
run 0 "$infogan" --steps 60 --every 20 --json --out "$work/gan" --generate "$work/g.npy" --infer "$work/i.npy"
grep -q '^{"event": "train", "step": 60, "d_loss": .*, "g_loss": .*, "mi_disc": .*, "mi_cont": .*, "step_ms": .*, "cpu_ms": .*, "seconds": ' "$work/stdout" &&
    grep -q '^{"event": "eval", "step": 60, "error": .*, "error_majority": .*, "error_eval_bn": .*, "used": .*, "q_accuracy": .*, "diversity": null, ' "$work/stdout" &&
    grep -q '^{"event": "done", "steps": 60, .*"step_ms_median": .*, "step_ms_min": .*, "cpu_ms_median": .*, "seconds": .*, "error": ' "$work/stdout" &&
    [ "$(wc -l <"$work/stdout")" = 6 ] || { cat "$work/stdout"; fail "lines of infogan --json"; }
sed -n 's/.*"train".*"mi_disc": \([0-9.-]*\).*/\1/p' "$work/stdout" | awk 'NR == 1 { first = $1 } { last = $1 } END { exit !(NR == 3 && last > first + 0.2) }' ||
    { cat "$work/stdout"; fail "codes are not found better after 60 steps than after 20"; }
says 'infogan: categories die: only [12] of the 10 of c1 get more than 1 % of the test images'
grep -q 'D wins\|learns nothing' "$work/stderr" && fail "infogan warns of what is well"
for name in samples c1 z1 z2 information confusion; do has_picture "$work/gan" $name.png; done
head -c 128 "$work/g.npy" | grep -q '(100, 1, 28, 28)' || fail "infogan --generate"
head -c 128 "$work/g.codes.npy" | grep -q '(100, 3)' || fail "codes of infogan --generate"
head -c 128 "$work/i.npy" | grep -q '(40, 3)' || fail "infogan --infer"
run 0 "$infogan" --steps 25 --every 20 --out "$work/gans"
grep -q '^step     20 | D .* G .* | nats: c1 .* of 2.303 z1 .* z2 .* ms a step$' "$work/stdout" || { cat "$work/stdout"; fail "infogan in text"; }
grep -q '^step     25 | D knows .* error .* | trained ' "$work/stdout" || { cat "$work/stdout"; fail "evaluations of infogan"; }
grep -q 'diversity' "$work/stdout" && fail "infogan: images that are all alike are a measure of diversity"
[ "$(grep -c '^ *[0-9] \(class [01]\|none\) ' "$work/stdout")" = 10 ] || { cat "$work/stdout"; fail "infogan: confusion"; }
run 0 "$infogan" --steps 60 --out "$work/gans" --resume --generate "$work/gs.npy"
says 'goes on after step 25'
for file in weights checkpoint; do cmp "$work/gan/$file.safetensors" "$work/gans/$file.safetensors" || fail "infogan: $file in parts"; done
cmp "$work/g.npy" "$work/gs.npy" || fail "infogan: images in parts"

# Images of codes that are given: those that were drawn are the same again; others, and what is not a code.
run 0 "$infogan" --steps 60 --out "$work/gans" --resume --generate "$work/gs.npy" --codes "$work/g.codes.npy"
says 'nothing is left to train'
cmp "$work/g.npy" "$work/gs.npy" || fail "infogan --codes"
grep -q 'no picture' "$work/stderr" && fail "infogan: a finished run loses a picture"
measures() { sed -n '/<h2>Measures at the end/,/<.table>/p' "$1/report.html"; }
[ "$(measures "$work/gans" | grep -c '<td>')" = 8 ] && [ "$(measures "$work/gans")" = "$(measures "$work/gan")" ] ||
    { measures "$work/gans"; fail "infogan: measures of a finished run"; }
codes() { # FILE SHAPE, then bytes in octal
    printf '\223NUMPY\1\0\166\0%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($2), }" >"$1"
    printf "$3" >>"$1"
}
codes "$work/c.npy" '1, 3' '\0\0\20\101\0\0\200\77\0\0\200\77' # 9 1 1
run 0 "$infogan" --steps 60 --out "$work/gans" --resume --generate "$work/gs.npy" --codes "$work/c.npy"
head -c 128 "$work/gs.npy" | grep -q '(1, 1, 28, 28)' || fail "infogan: an image of a code"
cmp "$work/c.npy" "$work/gs.codes.npy" || fail "infogan: the code of an image"
codes "$work/c.npy" '1, 3' '\0\0\40\101\0\0\200\77\0\0\200\77' # 10 1 1
run 2 "$infogan" --steps 1 --generate "$work/gs.npy" --codes "$work/c.npy"
says '^infogan: --codes: .*c.npy: c1 is 10 in row 0; it must be a whole number from 0 to 9$'
codes "$work/c.npy" '1, 3' '\0\0\20\101\0\0\200\77\0\0\200\177' # 9 1 inf
run 2 "$infogan" --steps 1 --generate "$work/gs.npy" --codes "$work/c.npy"
says '^infogan: --codes: .*c.npy: z2 is inf in row 0; it must be finite$'
codes "$work/c.npy" '1, 2' '\0\0\20\101\0\0\200\77'
run 2 "$infogan" --steps 1 --generate "$work/gs.npy" --codes "$work/c.npy"
says '^infogan: --codes: .*c.npy has not rows of 3 numbers, one for each code$'
run 2 "$infogan" --steps 1 --generate "$work/gs.npy" --codes "$work/none.npy"
says '^infogan: --codes: .*none.npy'

# One array without labels, and without test images.
codes "$work/plain.npy" '8, 28, 28' ''
{ sed 's/<f4/|u1/' "$work/plain.npy"; tail -c 6272 "$work/halves28/train-images-idx3-ubyte"; } >"$work/images.npy"
data=npy:$work/images.npy
run 0 "$infogan" --steps 1 --infer "$work/i.npy" --json
head -c 128 "$work/i.npy" | grep -q '(8, 3)' || fail "codes of training images"
grep -q '"error": null, "error_majority": null, "error_eval_bn": null, "used": [1-9]' "$work/stdout" || { cat "$work/stdout"; fail "errors without labels"; }

# A program of one's own infers the same codes from the weights, and makes an image of each category.
codes "$work/plain.npy" '8, 1, 28, 28' ''
{ sed 's/<f4/|u1/' "$work/plain.npy"; tail -c 6272 "$work/halves28/train-images-idx3-ubyte"; } >"$work/images.npy"
run 0 "$infogan" --steps 3 --infer "$work/i.npy" --out "$work/lone"
"${infogan%/*}/use_infogan" "$work/lone/weights.safetensors" "$work/images.npy" >"$work/own" || fail "use_infogan: codes of images"
od -An -v -t f4 -w12 -j128 "$work/i.npy" | paste -d' ' - "$work/own" | LC_ALL=C awk '
    function far(a, b) { return a - b > 1e-3 || b - a > 1e-3 }
    NF != 6 || $1 != $4 || far($2, $5) || far($3, $6) { print; bad = 1 } END { exit bad || NR != 8 }' || fail "use_infogan: other codes"
"${infogan%/*}/use_infogan" --help 2>/dev/null | grep -q '^Usage: ' || fail "use_infogan --help"
"${infogan%/*}/use_infogan" "$work/lone/weights.safetensors" >&- 2>"$work/stderr" && fail "use_infogan without standard output"
says '^use_infogan: cannot write to standard output$'
"$infogan" --data "$data" --batch 8 --threads 1 --steps 1 --json >&- 2>"$work/stderr" && fail "infogan --json without standard output"
says 'standard output is closed, and --out is missing'
[ "$("${infogan%/*}/use_infogan" "$work/lone/weights.safetensors" | grep -c '^[0-9] -*[0-9.]* -*[0-9.]*$')" = 10 ] || fail "use_infogan: images"

run 2 "$local_dim" --steps 0 --probe-train 0 --embed "$work/images.npy"
says '^local_dim: --embed: .*images.npy is a file of --data, which it would replace$'

# Floats that are bytes: a G that ends in a sigmoid could make none of them.
codes "$work/wide.npy" '8, 1, 28, 28' '\0\0\177\103' # 255
head -c $((8 * 784 * 4 - 4)) /dev/zero >>"$work/wide.npy"
data=npy:$work/wide.npy
run 2 "$infogan" --steps 1
says 'wide.npy: a pixel of the training images is 255; floats must be from 0 to 1 for --preset mnist$'

# Without a checkpoint, weights are nothing that it could start from.
data=idx:$work/halves28
mkdir "$work/lost"
cp "$work/gan/weights.safetensors" "$work/lost"
run 2 "$infogan" --steps 61 --out "$work/lost" --resume
says 'there is no checkpoint in .*--overwrite in place of --resume starts over$'
data=folder:$work/flat
run 2 "$infogan" --steps 1
says 'flat has 10 image files itself.*; --unlabelled trains without labels'
run 2 "$infogan" --steps 1 --unlabelled
says 'the images are [0-9]* x [0-9]* with 3 channels, but --preset mnist has networks for 28 x 28 with 1; for 3 channels there are svhn (32 x 32) celeba (32 x 32) cifar10 (32 x 32); --image-size resizes the images$'
run 0 "$infogan" --steps 1 --unlabelled --preset cifar10 --image-size 32 --infer "$work/i.npy"
head -c 128 "$work/i.npy" | grep -q '(10, 3)' || fail "codes of colour images"
data=idx:$work/halves28

# A Q that nobody trains.
run 0 "$infogan" --steps 50 --lambda 0 --continuous 0 --noise 4
says 'infogan: Q learns nothing of c1: -*[0-9.]* of 2.303 nats; .*(--lambda is 0)'
run 2 "$infogan" --steps 1 --preset svhn
says '^infogan: --data: the images are 28 x 28 with 1 channel, but --preset svhn has networks for 32 x 32 with 3; for 1 channel there are mnist (28 x 28) faces (32 x 32) chairs (64 x 64)$'

[ "$failed" = 0 ] && echo "the example programs do as they say"
exit "$failed"
