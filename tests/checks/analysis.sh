#!/bin/sh
# Runs gcc -fanalyzer, clang-tidy and cppcheck over lib/, and fails for findings that tests/analysis/explained.txt does not have.
# Usage: sh tests/checks/analysis.sh SOURCE BUILD      BUILD: a directory of its own, which is configured here
set -u
cd "$1" || exit 1
build=$2
jobs=$(nproc 2>/dev/null || echo 2)
explained=tests/analysis/explained.txt
rm -rf "$build/findings" && mkdir -p "$build/findings" || exit 1

cmake -S . -B "$build" -G Ninja -D CMAKE_C_COMPILER=gcc -D CMAKE_BUILD_TYPE=Release -D DIM_BUILD_TESTS=OFF \
    -D DIM_BUILD_EXAMPLES=OFF -D CMAKE_EXPORT_COMPILE_COMMANDS=ON -D CMAKE_C_COMPILER_LAUNCHER= \
    "-DCMAKE_C_FLAGS_RELEASE=-O1 -DNDEBUG -fanalyzer" >"$build/configure.log" 2>&1 || { cat "$build/configure.log"; exit 1; }
mkdir -p "$build/tidy"
sed 's/ -fanalyzer//' "$build/compile_commands.json" >"$build/tidy/compile_commands.json"

# Checks that are switched off: "off CHECK reason".
off=$(awk '$1 == "off" && $2 == tool { printf ",-%s", $3 }' tool=clang-tidy "$explained")
quiet=$(awk '$1 == "off" && $2 == tool { printf " --suppress=%s", $3 }' tool=cppcheck "$explained")
defines=$(grep -o -e '-D[A-Z_0-9]*=[0-9L]*' "$build/tidy/compile_commands.json" | sort -u)
results='fclose;fflush;fgets;fread;fwrite;fseek;fseeko;ftello;fsync;rename;malloc;calloc;realloc;strtol;strtoll;strtoull;strtod'

# Every finding becomes a line "TOOL CHECK FILE:LINE message".
cmake --build "$build" -j "$jobs" --clean-first --target dim_objects >"$build/gcc.log" 2>&1 ||
    { tail -n 40 "$build/gcc.log"; exit 1; }
sed -n 's|^\(.*/\)*\(lib/[^:]*:[0-9]*\):[0-9]*: warning: \(.*\) \[-Wanalyzer-\([a-z-]*\)\]$|gcc \4 \2 \3|p' "$build/gcc.log" \
    >"$build/findings/gcc"

git ls-files 'lib/*.c' 2>/dev/null | grep . >"$build/files" || find lib -name '*.c' | sort >"$build/files"
xargs -P "$jobs" -n 4 clang-tidy -p "$build/tidy" --quiet "--checks=-*,bugprone-*,cert-*,clang-analyzer-*$off" \
    --config="{CheckOptions: [{key: cert-err33-c.CheckedFunctions, value: '$results'}]}" \
    <"$build/files" >"$build/clang-tidy.log" 2>"$build/clang-tidy.err" || grep -q . "$build/clang-tidy.log" ||
    { tail -n 40 "$build/clang-tidy.err"; exit 1; }
sed -n 's|^.*/\(lib/[^:]*:[0-9]*\):[0-9]*: warning: \(.*\) \[\([^],]*\)[^]]*\]$|clang-tidy \3 \1 \2|p' "$build/clang-tidy.log" \
    >"$build/findings/clang-tidy"

# shellcheck disable=SC2086
cppcheck --enable=warning,portability,performance --std=c11 --quiet -j "$jobs" -I lib -I include $defines $quiet \
    --suppress=missingIncludeSystem --template='cppcheck {id} {file}:{line} {message}' lib >"$build/cppcheck.log" 2>&1 ||
    { cat "$build/cppcheck.log"; exit 1; }
grep '^cppcheck [A-Za-z]' "$build/cppcheck.log" >"$build/findings/cppcheck"

# "ok N TOOL CHECK FILE reason": so many there may be.  What is listed and not found any longer is said, and does no harm: releases
# of the tools differ.
sort -u "$build"/findings/* | awk -v list="$explained" '
    BEGIN {
        while ((getline line < list) > 0)
            if (split(line, f, " ") > 5 && f[1] == "ok")
                allowed[f[3] " " f[4] " " f[5]] = f[2]
    }
    {
        at = $3
        sub(/:[0-9]+$/, "", at)
        key = $1 " " $2 " " at
        found[key]++
        lines[key] = lines[key] "  " $0 "\n"
        total++
    }
    END {
        for (key in found)
            if (found[key] > allowed[key] + 0) {
                printf "%d, explained are %d:\n%s", found[key], allowed[key], lines[key]
                bad++
            }
        for (key in allowed)
            if (!(key in found))
                printf "not found any longer: %s\n", key
        printf "%d findings; %d kinds of them are not in %s\n", total, bad, list
        exit bad > 0
    }'
