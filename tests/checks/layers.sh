#!/bin/sh
# Who may include whom: a layer only itself and those before it in the list; only kernels/ a BLAS or an accelerator; nobody
# api/.  Public functions are defined in api/ only.
# Usage: layers.sh SOURCE
set -u
cd "$1/lib" || exit 1
files=$(find . -name '*.[ch]' -o -name '*.def' | sed 's,^\./,,' | sort)
# shellcheck disable=SC2086
awk '
    BEGIN {
        n = split("base tensor kernels ops graph nn optim objective data eval io model api", order)
        for (i = 1; i <= n; i++) rank[order[i]] = i
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
    }' $files
