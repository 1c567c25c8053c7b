#!/bin/sh
# An example program that is stopped, by signals and by SIGKILL, or that finishes, goes on with --resume as one run would
# have; and no run is overwritten unasked.
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
run() { # DIR, further arguments; what it says is in $out.txt
    out=$work/$1
    shift
    # shellcheck disable=SC2086
    "$program" $usual --probe-train 50 --out "$out" "$@" >"$out.txt" 2>&1
}
says() { grep -q "$1" "$out.txt" || { cat "$out.txt"; fail "'$1' is not said"; }; }
same() { # DIR, files that must be the same as of the run "whole", bit for bit
    dir=$1
    shift
    for file; do cmp "$work/whole/$file" "$work/$dir/$file" || fail "$dir: $file"; done
    [ -z "$(find "$work/$dir" -name '.dim-*')" ] || fail "$dir: temporary files"
}
same_log() { # DIR: but for its seconds
    for dir in whole "$1"; do cut -d, -f1,2,5- "$work/$dir/log.csv" >"$work/$dir.csv"; done
    cmp "$work/whole.csv" "$work/$1.csv" || fail "$1: log.csv"
}

run whole --steps 40 --eval-every 10 || { cat "$out.txt"; exit 1; }

# A finished run is continued, whether it wrote checkpoints meanwhile or not.
run parts --steps 20 --eval-every 10 || fail "first part"
run parts --steps 30 --checkpoint-every 7 --eval-every 10 --resume || { cat "$out.txt"; fail "second part"; }
says 'goes on after step 20'
run parts --steps 40 --eval-every 10 --resume || fail "third part"
says 'goes on after step 30'
same parts weights.safetensors checkpoint.safetensors
same_log parts

# A run is not overwritten, unless that is asked for.
cp -r "$work/parts" "$work/copy"
run parts --steps 5 && fail "a run was overwritten"
says "there is a run in $work/parts already (checkpoint.safetensors); --resume goes on from it, --overwrite replaces it"
diff -r "$work/parts" "$work/copy" || fail "a refused run changed files"
run parts --steps 5 --overwrite --taps nothing && fail "a run without features"
diff -r "$work/parts" "$work/copy" || fail "a refused --overwrite changed files"
run parts --steps 40 --eval-every 10 --overwrite || fail "--overwrite"
same parts weights.safetensors checkpoint.safetensors
same_log parts
[ "$(grep -c '^40,' "$work/parts/log.csv")" = 1 ] || fail "--overwrite has added to log.csv"

# --resume without anything to go on from.
run none --resume --steps 1 && fail "--resume without a run"
says "there is no run in $work/none"
[ ! -e "$work/none" ] || fail "a refused --resume has made a folder"
run none --resume --overwrite --steps 1 || fail "--resume --overwrite without a run"
run none --resume --overwrite --steps 2 || fail "--resume --overwrite with a run"
says 'goes on after step 1'

start() { # DIR, further arguments: in the background, for longer than this test takes
    out=$work/$1
    shift
    # shellcheck disable=SC2086
    "$program" $usual --probe-train 0 --out "$out" --steps 4000000 "$@" >"$out.txt" 2>&1 &
    pid=$!
}
wait_for() { # FILE PATTERN
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        grep -q "$2" "$1" 2>/dev/null && return
        sleep 0.2
    done
    fail "no $2 in $1"
}
stop() { # SIGNAL
    kill -"$1" $pid 2>/dev/null
    wait $pid 2>/dev/null
    code=$?
    pid=
}

start interrupted --checkpoint-every 3
wait_for "$out/log.csv" '^5,'
stop TERM # a shell's background program has SIGINT ignored, and the examples leave it so
[ $code = 143 ] || fail "exit code $code after SIGTERM"
says 'checkpoint: '
cp -r "$out" "$work/closed"
# An impatient user: signals after the first one do not cost the run.
start impatient
wait_for "$out/log.csv" '^2,'
for signal in TERM TERM HUP TERM TERM HUP TERM; do
    kill -$signal $pid 2>/dev/null
    sleep 0.02
done
stop TERM
[ $code -gt 128 ] || fail "exit code $code after many signals"
for file in checkpoint weights; do [ -s "$out/$file.safetensors" ] || fail "no $file after many signals"; done
says 'saving the run; more signals'

start hup
wait_for "$out/log.csv" '^2,'
stop HUP # of a terminal that is closed
[ $code = 129 ] || fail "exit code $code after SIGHUP"
[ -s "$out/checkpoint.safetensors" ] || fail "no checkpoint after SIGHUP"
start killed --checkpoint-every 3
wait_for "$out/log.csv" '^5,'
stop KILL
for dir in interrupted killed; do
    steps=$(tail -n 1 "$work/$dir/log.csv" | cut -d, -f1)
    [ "$steps" -gt 0 ] || fail "$dir: no steps"
    run "$dir" --steps $((steps + 4)) --probe-train 0 --resume || fail "$dir: going on"
    # Finished now: the checkpoint is of the end, not the one that it went on from.
    run "$dir" --steps $((steps + 6)) --probe-train 0 --resume || fail "$dir: going on again"
    says "goes on after step $((steps + 4))"
    rm -rf "$work/whole"
    run whole --steps $((steps + 6)) --probe-train 0 || fail "$dir: whole run"
    same "$dir" weights.safetensors checkpoint.safetensors
    same_log "$dir"
done

# What --overwrite replaces stays until the new run is saved: killed, stopped or failed before, it has cost nothing.
untouched() { # what happened
    diff -r -x log.csv.new "$work/killed" "$work/copy" || fail "$1 in the place of a run has changed that"
}
rm -rf "$work/copy"
cp -r "$work/killed" "$work/copy"
start killed --overwrite
wait_for "$out/log.csv.new" '^2,'
# shellcheck disable=SC2086
"$program" $usual --probe-train 0 --out "$out" --resume --steps 1 >"$work/second.txt" 2>&1
code=$?
{ [ $code = 2 ] && grep -q "another program is writing a run into $out" "$work/second.txt"; } || fail "two programs in one folder: $code"
stop KILL
untouched "a run that was killed"
run killed --resume --steps $((steps + 6)) --probe-train 0 || fail "a lock of a program that is gone"
untouched "a run that was continued"
start killed --overwrite
wait_for "$out/log.csv.new" '^2,'
stop TERM
[ ! -e "$out/log.csv.new" ] || fail "log.csv.new has stayed"
says "the run in $out stays until this one is saved"
stopped=$(tail -n 1 "$out/log.csv" | cut -d, -f1)
run killed --resume --steps $((stopped + 1)) --probe-train 0
says "goes on after step $stopped"

# Killed before there was a checkpoint.
start early
wait_for "$out/log.csv" '^2,'
stop KILL
run early --resume --steps 1 && fail "--resume without a checkpoint"
says "there is no checkpoint in $work/early, only a log.csv: the run ended before it could write one"
run early --steps 1 && fail "a run was overwritten"
says "there is a run in $work/early already (log.csv); --overwrite replaces it"
run whole --overwrite --steps 1 --probe-train 0
mv "$work/whole/weights.safetensors" "$work/early"
run early --resume --steps 1 && fail "--resume without a checkpoint, with weights"
says "only a weights.safetensors.*with --init $work/early/weights.safetensors"
head -n 2 "$work/early/log.csv" >"$work/row.csv"
rm "$work"/early/*
cp "$work/row.csv" "$work/early/log.csv"
run early --steps 1 --probe-train 0 || fail "a log without a step is not a run"

# Steps of the log after the checkpoint are made again; nothing is cut off where none are made.
run closed --resume --steps 0 --probe-train 0
steps=$(tail -n 1 "$work/closed/log.csv" | cut -d, -f1)
tail -n 1 "$work/closed/log.csv" | sed "s/^[0-9]*/$((steps + 1))/" >"$work/later"
cat "$work/later" >>"$work/closed/log.csv"
cp "$work/closed/log.csv" "$work/closed.csv"
run closed --resume --steps 0 --probe-train 0
says "nothing is left to train"
cmp "$work/closed/log.csv" "$work/closed.csv" || fail "a --resume that does nothing has changed log.csv"
run closed --resume --steps $((steps + 1)) --probe-train 0
says "the run had come to step $((steps + 1)); the steps after the checkpoint are made again"
[ "$(grep -c "^$((steps + 1))," "$work/closed/log.csv")" = 1 ] || fail "a step after the checkpoint has stayed"

# A disk without room, which a limit of the sizes of files stands for: nothing of a run is lost.
rm -rf "$work/copy"
cp -r "$work/closed" "$work/copy"
for option in --resume --overwrite; do
    # shellcheck disable=SC2086
    (trap '' XFSZ; ulimit -f 0; exec "$program" $usual --probe-train 0 --out "$work/closed" --steps $((steps + 9)) $option) 2>&1 |
        cat >"$out.txt"
    says 'cannot write .*log.csv.new: '
    diff -r "$work/closed" "$work/copy" || fail "$option without room on the disk has changed a run"
done

# A log that is broken does not keep a good checkpoint from going on.
tail -n 1 "$work/closed.csv" >"$work/closed/log.csv"
run closed --resume --steps $((steps + 2)) --probe-train 0 || fail "a broken log"
says 'log.csv.broken now, and a new log begins'
cmp "$work/closed/log.csv.broken" - <<END || fail "log.csv.broken"
$(tail -n 1 "$work/closed.csv")
END
[ "$(cut -d, -f1 "$work/closed/log.csv" | tr '\n' ' ')" = "step $((steps + 2)) " ] || fail "a new log"
run closed --resume --steps $((steps + 3)) --probe-train 0 --taps fc && fail "other taps"
says 'has other columns; are --taps'
[ ! -e "$work/closed/log.csv.new" ] || fail "a refused --resume has left log.csv.new"

# Without standard output no other file gets what would be written there; a reader who goes away ends the run in time.
rm -rf "$work/closed"
# shellcheck disable=SC2086
"$program" $usual --probe-train 50 --steps 2 --eval-every 1 --json --out "$work/closed" >&- 2>"$work/closed.txt" ||
    { cat "$work/closed.txt"; fail "exit code $? without standard output"; }
grep -q '{' "$work/closed/log.csv" && fail "log.csv has what was meant for standard output"
# shellcheck disable=SC2086
(exec 0<&- 1>&- 2>&-; exec "$program" $usual --probe-train 50 --steps 2 --eval-every 1 --out "$work/silent") || fail "exit code $? without any stream"
for dir in closed silent; do [ "$(grep -c '^[0-2],' "$work/$dir/log.csv")" = 3 ] || fail "log.csv without streams: $dir"; done
# shellcheck disable=SC2086
"$program" $usual --probe-train 50 --steps 4000000 --eval-every 1 --json --out "$work/pipe" 2>"$work/pipe.txt" | head -n 1 >/dev/null
[ -s "$work/pipe/checkpoint.safetensors" ] || { cat "$work/pipe.txt"; fail "no checkpoint when the reader has gone"; }

# A limit on the size of files: what could not be written is said, and no half of a file stays.
# shellcheck disable=SC2086
(ulimit -f 4; exec "$program" $usual --probe-train 0 --steps 2 --out "$work/limit" >"$work/limit.txt" 2>&1)
code=$?
{ [ $code = 1 ] && grep -q 'cannot write: File too large: .*/weights.safetensors' "$work/limit.txt" &&
    grep -q 'no picture: retrieval.png' "$work/limit.txt"; } || { cat "$work/limit.txt"; fail "exit code $code with a limit"; }
[ "$(ls -A "$work/limit")" = log.csv ] || { ls -A "$work/limit"; fail "files beyond the limit"; }

run other --steps 1 --probe-train 0 || fail "a run of a step"
run other --resume --steps 2 --probe-train 0 --batch 10
code=$?
{ [ $code = 2 ] && grep -q "loader.batch is '8' in the checkpoint, but '10' here" "$out.txt"; } || fail "other batch: $code"
[ "$failed" = 0 ] && echo "stopped runs end as undisturbed ones"
exit "$failed"
