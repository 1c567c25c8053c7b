#!/bin/sh
# That layers.sh finds what it is there for: a small library of two layers is fine, and is not once the lower one calls, or
# includes, the upper one, or two files of a layer call each other.
# Usage: layers_test.sh SOURCE CC NM
set -u
here=$1/tests/checks cc=$2 nm=$3
room=$(mktemp -d) || exit 1
trap 'rm -rf "$room"' EXIT
failed=0

build() { # with this text in base/
    printf '%s\n' "$1" > "$room/lib/base/low.c"
    : > "$room/objects.txt"
    for file in base/low model/high model/other; do
        mkdir -p "$room/obj/lib/${file%/*}"
        "$cc" -I "$room/lib" -c "$room/lib/$file.c" -o "$room/obj/lib/$file.c.o" || exit 1
        echo "$room/obj/lib/$file.c.o" >> "$room/objects.txt"
    done
}

# expect RESULT TEXT: what the check ends with, and a text that it prints
expect() {
    sh "$here/layers.sh" "$room" "$room/objects.txt" "$nm" > "$room/output" 2>&1
    result=$?
    if [ "$result" != "$1" ] || ! grep -q "$2" "$room/output"; then
        echo "FAIL: layers.sh ended with $result, not $1, or did not say '$2':"
        cat "$room/output"
        failed=1
    fi
}

mkdir -p "$room/docs" "$room/lib/base" "$room/lib/model"
cp "$1/docs/architecture.md" "$room/docs"
echo 'int dim__high(void);' > "$room/lib/model/high.h"
printf '%s\n' 'int dim__low(void);' 'int dim__high(void);' 'int dim__high(void) { return dim__low(); }' > "$room/lib/model/high.c"
other='int dim__high(void); int dim__other(void); int dim__other(void)'
echo "$other { return dim__high(); }" > "$room/lib/model/other.c"

build 'int dim__low(void); int dim__low(void) { return 1; }'
expect 0 '3 objects link to their own and earlier layers'
build 'int dim__high(void); int dim__low(void); int dim__low(void) { return dim__high(); }'
expect 1 'lib/base/low.c: links to dim__high() of lib/model/high.c'
build '#include "model/high.h"
int dim__low(void); int dim__low(void) { return 1; }'
expect 1 'base/ may not include model/high.h'
printf '%s\n' 'int dim__high(void);' 'int dim__other(void);' 'int dim__high(void) { return dim__other(); }' > "$room/lib/model/high.c"
build 'int dim__low(void); int dim__low(void) { return 1; }'
expect 1 'lib/model/high.c needs lib/model/other.c'
rm "$room/obj/lib/base/low.c.o"
expect 1 'lib/base/low.c.o is not built'
exit "$failed"
