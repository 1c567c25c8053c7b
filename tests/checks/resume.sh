#!/bin/sh
# An example program that is stopped, by SIGTERM and by SIGKILL, and goes on with --resume leaves what an undisturbed run does.
# Usage: resume.sh PROGRAM     local_dim; exit code 77 where the build cannot read checkpoints
set -u
program=$1 failed=0
work=$(mktemp -d) || exit 1
pid=
trap '[ -z "$pid" ] || kill -KILL "$pid"; rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failed=1; }

# A dataset in MNIST's format: 100 images of a pattern, labels 0 .. 9 in turn.
mkdir "$work/data"
for part in train t10k; do
    {
        printf '\000\000\010\003\000\000\000\144\000\000\000\034\000\000\000\034'
        LC_ALL=C awk 'BEGIN { for (i = 0; i < 78400; i++) printf "%c", 33 + (i * (7 + int(i / 784) % 10) + int(i / 28)) % 90 }'
    } >"$work/data/$part-images-idx3-ubyte"
    {
        printf '\000\000\010\001\000\000\000\144'
        awk 'BEGIN { for (i = 0; i < 100; i++) printf "%d", i % 10 }' | LC_ALL=C tr 0-9 '\000-\011'
    } >"$work/data/$part-labels-idx1-ubyte"
done

usual="--data idx:$work/data --batch 8 --units 32 --threads 1 --taps global"
run() { # DIR, further arguments
    out=$work/$1
    shift
    # shellcheck disable=SC2086
    "$program" $usual --probe-train 50 --out "$out" "$@" >"$out.txt" 2>&1
}
same() { # DIR, files that must be the same, bit for bit
    dir=$1
    shift
    for file; do cmp "$work/whole/$file" "$work/$dir/$file" || fail "$dir: $file"; done
    [ -z "$(find "$work/$dir" -name '.dim-*')" ] || fail "$dir: temporary files"
}
same_log() { # DIR: but for its seconds
    for dir in whole "$1"; do cut -d, -f1,2,5- "$work/$dir/log.csv" >"$work/$dir.csv"; done
    cmp "$work/whole.csv" "$work/$1.csv" || fail "$1: log.csv"
}

run whole --steps 40 --checkpoint-every 40 --eval-every 10 || { cat "$work/whole.txt"; exit 1; }

# In two parts.
run parts --steps 20 --checkpoint-every 7 --eval-every 10 || fail "first part"
run parts --steps 40 --checkpoint-every 40 --eval-every 10 --resume
code=$?
grep -q 'no cJSON' "$work/parts.txt" && exit 77
[ $code = 0 ] || { cat "$work/parts.txt"; fail "second part"; }
grep -q 'goes on after step 20' "$work/parts.txt" || fail "it did not go on"
same parts weights.safetensors checkpoint.safetensors
same_log parts

stop_and_go() { # DIR SIGNAL
    # shellcheck disable=SC2086
    "$program" $usual --probe-train 0 --out "$work/$1" --steps 4000000 --checkpoint-every 3 >"$work/$1.txt" 2>&1 &
    pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -e "$work/$1/checkpoint.safetensors" ] && break
        sleep 0.5
    done
    kill -"$2" $pid
    wait $pid
    code=$?
    pid=
}
stop_and_go interrupted TERM # a shell's background program has SIGINT ignored, and the examples leave it so
[ $code = 143 ] || fail "exit code $code after SIGTERM"
grep -q 'checkpoint: ' "$work/interrupted.txt" || fail "no checkpoint after SIGTERM"
stop_and_go killed KILL
for dir in interrupted killed; do
    steps=$(tail -n 1 "$work/$dir/log.csv" | cut -d, -f1)
    [ "$steps" -gt 0 ] || fail "$dir: no steps"
    run "$dir" --steps $((steps + 4)) --checkpoint-every 1000000 --probe-train 0 --resume || fail "$dir: going on"
    rm -rf "$work/whole"
    run whole --steps $((steps + 4)) --checkpoint-every 1000000 --probe-train 0 || fail "$dir: whole run"
    same "$dir" weights.safetensors checkpoint.safetensors
    same_log "$dir"
done

run other --resume --steps 1 --probe-train 0 || fail "--resume without a checkpoint"
cp "$work/interrupted/checkpoint.safetensors" "$work/other"
run other --resume --steps 1 --probe-train 0 --batch 10
code=$?
{ [ $code = 2 ] && grep -q "loader.batch is '8' in the checkpoint, but '10' here" "$work/other.txt"; } || fail "other batch: $code"
[ "$failed" = 0 ] && echo "stopped runs end as undisturbed ones"
exit "$failed"
