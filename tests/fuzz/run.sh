#!/bin/sh
# Runs fuzzers one after the other, on copies of their corpora, and tells how many inputs each has tried.
# Usage: run.sh FOLDER SECONDS [NAME...]     FOLDER has the programs fuzz_NAME (build/fuzz/tests/fuzz); without names, all
# In the environment:
#   DIM_FUZZ_RUNS   inputs to try, in place of a time: 10000000 is what a parser has to stand before a release
#   DIM_FUZZ_KEEP   a folder for what was found and the corpora that grew; else they are thrown away when all is well.  A corpus is
#                   made small again by  fuzz_NAME -merge=1 tests/fuzz/corpus/NAME KEEP/NAME
# An input that takes more than 5 s (calls, which may train: 20 s), one allocation of more than 128 MB or 1 GB in all is a finding, as is what a sanitizer or
# the fuzzer itself says.  Findings are mended, and their file goes to the corpus.
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 1
folder=$1 seconds=$2
shift 2
keep=${DIM_FUZZ_KEEP:-$folder/kept}
if [ $# = 0 ]; then
    for file in "$here"/fuzz_*.c; do
        name=$(basename "$file" .c)
        set -- "$@" "${name#fuzz_}"
    done
fi
if [ -n "${DIM_FUZZ_RUNS:-}" ]; then
    until="-runs=$DIM_FUZZ_RUNS"
else
    until="-max_total_time=$seconds"
fi
ASAN_OPTIONS=quarantine_size_mb=16:allocator_may_return_null=1:detect_stack_use_after_return=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export ASAN_OPTIONS
mkdir -p "$keep" && keep=$(cd "$keep" && pwd) && folder=$(cd "$folder" && pwd) || exit 1 # a fuzzer may go elsewhere
code=0
for name in "$@"; do
    corpus=$keep/$name log=$keep/$name.log
    mkdir -p "$corpus" "$keep/found" || exit 1
    dictionary=$here/$name.dict
    if [ -f "$dictionary" ]; then
        dictionary=-dict=$dictionary
    else
        dictionary=
    fi
    # What rare features cost to count is most of the time where an input has thousands.
    entropic=1 limit=5
    [ "$name" != calls ] || entropic=0 limit=20
    "$folder/fuzz_$name" "$until" -entropic="$entropic" ${dictionary:+"$dictionary"} -timeout="$limit" -rss_limit_mb=1024 -malloc_limit_mb=128 -max_len=4096 \
        -print_final_stats=1 -artifact_prefix="$keep/found/$name-" "$corpus" "$here/corpus/$name" >"$log" 2>&1
    result=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if [ "$result" = 0 ]; then
        printf 'fuzz_%-12s %12s inputs, no finding\n' "$name" "${runs:-0}"
    else
        tail -n 60 "$log"
        printf 'fuzz_%-12s FOUND something: %s\n' "$name" "$keep/found/$name-*"
        code=1
    fi
done
exit $code
