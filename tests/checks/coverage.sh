#!/bin/sh
# Builds with --coverage, runs the tests, and prints what part of lib/ they reach: by folder, then what they never reach.
# Usage: sh tests/checks/coverage.sh SOURCE BUILD [TEST...]     TEST: names of tests, else all that ctest calls test_...
# Fails below 95 % of lines, or for a function that is never called and not in tests/analysis/coverage.md.
# BUILD/lines.txt lists lines, BUILD/branches.txt branches that were never taken.
set -u
cd "$1" || exit 1
build=$2
shift 2
jobs=$(nproc 2>/dev/null || echo 2)

# -O1, and counters that threads may lose counts of, but not the first: else the tests take an hour.
cmake -S . -B "$build" -G Ninja -D CMAKE_BUILD_TYPE=Debug -D CMAKE_C_COMPILER=gcc -D DIM_BUILD_EXAMPLES=OFF \
    "-DCMAKE_C_FLAGS_DEBUG=-O1 -g --coverage" -D CMAKE_EXE_LINKER_FLAGS=--coverage >"$build.log" 2>&1 &&
    cmake --build "$build" -j "$jobs" >>"$build.log" 2>&1 || { tail -n 40 "$build.log"; exit 1; }
find "$build" -name '*.gcda' -exec rm -f {} +
if [ $# -gt 0 ]; then
    names=$(printf '|%s' "$@")
    ctest --test-dir "$build" -j "$jobs" -R "^(${names#|})\$" --output-on-failure || exit 1
else
    # test_gaussians trains for minutes, and reaches no more than test_train does.
    ctest --test-dir "$build" -j "$jobs" -R '^test_' -E '^test_gaussians$' --output-on-failure || exit 1
fi

objects=$build/CMakeFiles/dim_objects.dir
find "$objects" -name '*.gcno' | sort | xargs gcov -t -b -c 2>/dev/null >"$build/gcov.txt"
sh tests/checks/coverage_report.sh "$build" tests/analysis/coverage.md
