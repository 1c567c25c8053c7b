#!/bin/sh
# No function has more than a few KB on the stack, and none an amount that depends on its arguments: a thread's stack may be as
# small as 128 KiB, of which other libraries take most.
# Usage: stack.sh LIST     a file with the path of one of the library's objects in each line, built with -fstack-usage
set -u
most=5120 # a buffer of 4 KB, or a path, and the rest

frames() {
    while IFS= read -r object; do
        for usage in "${object%.o}.su" "$object.su"; do
            [ -r "$usage" ] && cat "$usage"
        done
    done < "$1"
}

frames "$1" | awk -F '\t' -v most="$most" '
    { count++ }
    $2 > most { print "FAIL: " $1 ": " $2 " bytes on the stack, at most " most; bad = 1 }
    $3 == "dynamic" { print "FAIL: " $1 ": an array of variable size on the stack"; bad = 1 }
    $2 > largest { largest = $2 }
    END {
        if (count == 0) { print "FAIL: no object says what it has on the stack"; bad = 1 }
        if (!bad) print count " functions, the largest with " largest " bytes on the stack"
        exit bad
    }'
