#!/bin/sh
# The order in which a graph is emitted is its order of running, and numbers its random draws.  C does not say in which order the
# arguments of a call are evaluated, so no two of them may emit: locals say which comes first.
# What emits is what returns a dim__vid, but for the few functions that only look something up.
# Usage: order.sh SOURCE
set -u
cd "$1" || exit 1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

check() { # files: prints the calls of which two arguments emit; those files that define functions first
    LC_ALL=C awk '
        FNR == 1 { file[++files] = FILENAME; in_comment = 0 }
        {
            text = $0
            gsub(/"([^"\\]|\\.)*"/, "\"\"", text)
            gsub(/\047([^\047\\]|\\.)\047/, "0", text)
            gsub(/\/\*([^*]|\*[^\/])*\*\//, "", text)
            if (in_comment) { if (!sub(/^.*\*\//, "", text)) text = ""; else in_comment = 0 }
            if (sub(/\/\*.*$/, "", text)) in_comment = 1
            line[files, FNR] = text
            lines[files] = FNR
            if (match(text, /^(static |inline )*dim__vid [a-z_0-9]+\(/)) {
                name = substr(text, RSTART, RLENGTH - 1)
                sub(/^.* /, "", name)
                emits[name] = 1
            }
        }
        function walk(f,    i, text, at, c, word, depth) {
            depth = 0
            word = ""
            for (i = 1; i <= lines[f]; i++) {
                text = line[f, i]
                for (at = 1; at <= length(text); at++) {
                    c = substr(text, at, 1)
                    if (c ~ /[A-Za-z0-9_]/) { word = over ? c : word c; over = 0; continue }
                    if (c == " ") { over = 1; continue }
                    if (c == "(" || c == "{" || c == "[") {
                        name_of[++depth] = c == "(" ? word : ""
                        here[depth] = many[depth] = 0
                    } else if (c == ")" || c == "}" || c == "]") {
                        if (name_of[depth] != "" && many[depth] + here[depth] > 1) {
                            printf "FAIL: %s:%d: several arguments of %s() emit, in no order\n", file[f], i, name_of[depth]
                            bad = 1
                        }
                        inside = name_of[depth] in emits || many[depth] + here[depth] > 0
                        if (name_of[depth] == "" && c == "}") inside = 0
                        if (--depth < 0) depth = 0
                        if (inside) here[depth] = 1
                    } else if (c == ",") {
                        many[depth] += here[depth]
                        here[depth] = 0
                    } else if (c == ";") here[depth] = many[depth] = 0
                    word = ""
                }
                over = 1
            }
        }
        END {
            delete emits["dim__out"]; delete emits["dim__graph_grad"]; delete emits["dim__graph_origin"]
            for (f = 1; f <= files; f++) walk(f)
            for (name in emits) count++
            if (count < 60 && files > 1) { print "FAIL: only " count " functions that emit"; bad = 1 }
            exit bad
        }' "$@"
}

cat >"$work/bad.c" <<'END'
static dim__vid half(dim__graph *g, dim__vid x)
{
    return x; /* f(a), g(b) in a comment, and "half(a), half(b)" */
}
static dim__vid good(dim__graph *g, dim__vid x)
{
    dim__vid a = half(g, x), b = half(g, a);
    return two(g, half(g, half(g, b)), x > 0 ? 1 : 2);
}
static dim__vid bad(dim__graph *g, dim__vid x)
{
    return two(g, half(g, x), 1 + (half(g, x)));
}
END
[ "$(check "$work/bad.c" | grep -c FAIL)" = 1 ] || { echo "FAIL: this check does not see what it is for"; check "$work/bad.c"; exit 1; }
# shellcheck disable=SC2046
check $(find lib -name '*.[ch]' | sort) && echo "no call depends on the order of its arguments"
