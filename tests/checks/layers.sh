#!/bin/sh
# Who may need whom: a layer only itself and those before it in the table of docs/architecture.md, by what it includes and
# by what its objects link to; no two files each other; only kernels/ a BLAS or an accelerator; nobody api/.  Public functions are defined in api/ only.
# Usage: layers.sh SOURCE [OBJECTS [NM]]     OBJECTS: a file with the absolute path of one of the library's objects in each line
set -u
objects=${2:-}
nm=${3:-nm}
failed=0

# shellcheck disable=SC2016  # backquotes of Markdown
# The first column of the table below "## Layers", from its folders' names.
order=$(sed -n '/^## Layers/,/^## /s,^| `\([a-z]*\)/` |.*,\1,p' "$1/docs/architecture.md" | tr '\n' ' ')
if [ -z "$order" ]; then
    echo "FAIL: docs/architecture.md has no table of layers"
    exit 1
fi

# What each object defines and needs: "LAYER/FILE.c.o NAME TYPE ...".
symbols() {
    while IFS= read -r object; do
        [ -r "$object" ] || echo "${object##*/lib/} - missing"
    done < "$objects"
    tr '\n' '\0' < "$objects" | xargs -0 "$nm" -A -P 2>/dev/null | sed 's,^.*/lib/\([^:]*\): ,\1 ,'
}

links() {
    symbols | awk -v order="$order" '
        BEGIN {
            n = split(order, list, " ")
            for (i = 1; i <= n; i++) rank[list[i]] = i
        }
        function layer(file) { sub(/\/.*/, "", file); return file }
        function source(file) { sub(/\.(o|obj)$/, "", file); return file }
        $3 == "missing" { print "FAIL: lib/" $1 " is not built"; bad = 1 }
        $3 ~ /^[TDRBCVW]$/ { home[$2] = $1 }
        $3 == "U" { needs[++count] = $1 " " $2 }
        !($1 in seen) { seen[$1] = 1; files++; if (!(layer($1) in rank)) { print "FAIL: lib/" $1 " is in no layer"; bad = 1 } }
        # Files that need each other, directly or by way of others: what is left when all are taken away that need, or are
        # needed by, none of those left.
        function circles(    e, f, again, text) {
            do {
                again = 0
                for (f in seen) has[f] = had[f] = 0
                for (e in edge) { split(e, ends, " "); has[ends[1]]++; had[ends[2]]++ }
                for (e in edge) {
                    split(e, ends, " ")
                    if (has[ends[2]] == 0 || had[ends[1]] == 0) { delete edge[e]; again = 1 }
                }
            } while (again)
            for (e in edge) { split(e, ends, " "); text = text "\n    lib/" source(ends[1]) " needs lib/" source(ends[2]) }
            if (text != "") { print "FAIL: files need each other in a circle:" text; bad = 1 }
        }
        END {
            for (i = 1; i <= count; i++) {
                split(needs[i], need, " ")
                to = home[need[2]]
                if (to == "" || to == need[1]) continue
                if (rank[layer(to)] > rank[layer(need[1])]) {
                    print "FAIL: lib/" source(need[1]) ": links to " need[2] "() of lib/" source(to) ", a later layer"
                    bad = 1
                }
                edge[need[1] " " to] = 1
            }
            circles()
            if (files == 0) { print "FAIL: no objects"; bad = 1 }
            if (!bad) print files " objects link to their own and earlier layers"
            exit bad
        }'
}

cd "$1/lib" || exit 1
files=$(find . -name '*.[ch]' -o -name '*.def' | sed 's,^\./,,' | sort)
# shellcheck disable=SC2086
awk -v order="$order" '
    BEGIN {
        n = split(order, list, " ")
        for (i = 1; i <= n; i++) rank[list[i]] = i
    }
    function fail(text) { printf "FAIL: lib/%s:%d: %s\n", FILENAME, FNR, text; bad = 1 }
    FNR == 1 {
        layer = FILENAME
        sub(/\/.*/, "", layer)
        if (!(layer in rank)) fail("no such layer: " layer)
        count++
    }
    /^[ \t]*#[ \t]*include/ {
        file = $0
        sub(/^[^"<]*["<]/, "", file); sub(/[">].*/, "", file)
        if (file ~ /(cblas|blis|mkl|dnnl|xnnpack)[^\/]*\.h/ && layer != "kernels") fail("only kernels/ may include " file)
        if ($0 !~ /"/) next
        target = file
        if (!sub(/\/.*/, "", target)) { fail("\"" file "\" is not written from lib/ on"); next }
        if (!(target in rank)) fail("\"" file "\" is in no layer")
        else if (target == "api" && layer != "api") fail("nothing includes api/")
        else if (rank[target] > rank[layer]) fail(layer "/ may not include " file)
    }
    /^[a-z][A-Za-z0-9_ *]*[ *]dim_[a-z][a-z0-9_]*\(/ && !/;[ \t]*$/ && !/^typedef/ && layer != "api" {
        fail("public functions are defined in api/ only: " $0)
    }
    END {
        if (count == 0) { print "FAIL: no files"; bad = 1 }
        if (!bad) print count " files follow the layers"
        exit bad
    }' $files || failed=1
if [ -n "$objects" ]; then
    links || failed=1
fi
exit "$failed"
