#!/bin/sh
# A guest in somebody's process: no mutable globals, no names beside dim_ and dim__, no function that prints, ends the
# process, or changes signals, locale, random state or floating-point state.
# Usage: process.sh SHARED STATIC     of a release build
set -u
shared=$1 static=$2 failed=0
export LC_ALL=C

globals=$(objdump -h "$static" | awk '
    / file format / { file = $1 }
    $2 ~ /^\.(data|bss|tdata|tbss)/ && $2 !~ /^\.data\.rel\.ro/ && $3 !~ /^0+$/ { print file, $2, "0x" $3, "bytes" }')
[ -z "$globals" ] || { echo "FAIL: mutable globals:"; echo "$globals"; failed=1; }

names=$(nm -g --defined-only "$static" | awk 'NF == 3 && $3 !~ /^dim_/ { print $3 }')
[ -z "$names" ] || { echo "FAIL: global names without the prefix:"; echo "$names"; failed=1; }

# strtok, rand and their like keep state of the process; sigprocmask is not defined with threads.
forbidden="printf|vprintf|fprintf|vfprintf|puts|fputs|putchar|perror|psignal|stdout|stderr|exit|_exit|_Exit|quick_exit|abort
|__assert_fail|atexit|signal|sigaction|sigprocmask|raise|kill|alarm|setlocale|uselocale|rand|srand|random|srandom|strtok
|fesetround|fesetenv|feenableexcept|setenv|putenv|unsetenv|chdir|umask|fork|system|popen"
used=$(nm -D --undefined-only "$shared" | awk '{ print $2 }' | sed 's/@.*//; s/^__\(.*\)_chk$/\1/' |
    grep -xE "$(echo "$forbidden" | tr -d '\n')")
[ -z "$used" ] || { echo "FAIL: libdim.so uses:" $used; failed=1; }

[ "$failed" = 0 ] && echo "no globals, no foreign names, nothing that a guest should not do"
exit "$failed"
