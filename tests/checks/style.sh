#!/bin/sh
# What can be counted of the code's style: lines of at most 140 columns without tabs and without blanks at the end, files of at
# most 800 lines, functions of at most 85; and that lib/ opens files in one place.  Not of what is generated (tests/abi) or another version's (tests/old).
# Usage: style.sh SOURCE
set -u
cd "$1" || exit 1
files=$(find lib include examples tests -name '*.[ch]' ! -path 'tests/abi/*' ! -path 'tests/old/*' | sort)
# shellcheck disable=SC2086
LC_ALL=C awk '
    function fail(text) { printf "FAIL: %s:%d: %s\n", FILENAME, FNR, text; bad = 1 }
    FNR == 1 { files++; begin = 0 }
    length > 140 { fail(length " columns; at most 140") }
    /\t/ { fail("a tab") }
    /[ \t\r]$/ { fail("blanks at the end") }
    FNR == 801 { fail("more than 800 lines") }
    FILENAME ~ /^lib\// && FILENAME != "lib/base/file.c" && /(^|[^A-Za-z0-9_.>])(open|openat|opendir|fopen|freopen|creat|mkstemp)\([^)]/ {
        fail("files are opened by base/file.h: their descriptors must not be 0 to 2")
    }
    /^{/ { begin = FNR }
    /^}/ {
        if (begin > 0 && FNR - begin + 1 > 85) fail("a function of " FNR - begin + 1 " lines; at most 85")
        begin = 0
    }
    END {
        if (files < 300) { print "FAIL: only " files " files"; bad = 1 }
        if (!bad) print files " files"
        exit bad
    }' $files
