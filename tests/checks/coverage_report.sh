#!/bin/sh
# Makes a report of what gcov -t -b -c printed.   Usage: sh tests/checks/coverage_report.sh BUILD EXPLAINED
# A line or branch counts once, however many objects have it: vec.c is compiled three times, headers are in many files.
awk -v build="$1" -v explained="$2" '
    function folder(file) { sub(/\/[^\/]*$/, "", file); sub(/^lib\//, "", file); sub(/\/.*/, "", file); return file }
    function percent(part, all) { return all > 0 ? 100 * part / all : 100 }
    /^ *-: *0:Source:/ {
        file = $0
        sub(/.*0:Source:/, "", file)
        ours = file ~ /(^|\/)lib\/[a-z_0-9\/]*\.[ch]$/ && file !~ /^\/usr/
        sub(/.*\/lib\//, "lib/", file)
        next
    }
    !ours { next }
    /^function / { calls[$2] += $4; home[$2] = file; next }
    /^ *[0-9#=*-]*: *[0-9]+:/ {
        split($0, part, ":")
        count = part[1]
        line = file ":" (part[2] + 0)
        at = 0
        if (count ~ /-/)
            next
        lines[line] += count ~ /[0-9]/
        next
    }
    /^branch / { branch[line " " at] += $4 + 0; where[line " " at] = line; at++; next }
    END {
        while ((getline text < explained) > 0)
            if (match(text, /^- `[a-z_0-9]+`/))
                known[substr(text, 4, RLENGTH - 4)] = 1
        for (line in lines) {
            f = folder(line); sub(/:.*/, "", f); all[f]++; hit[f] += lines[line] > 0
            n++; m += lines[line] > 0
            if (lines[line] == 0)
                print line >build "/lines.unsorted"
        }
        for (b in branch) {
            if (lines[where[b]] == 0)
                print b >build "/branches.unsorted"
            else if (branch[b] == 0)
                print b >build "/branches.unsorted"
            f = folder(where[b]); branches[f]++; taken[f] += branch[b] > 0
            bn++; bm += branch[b] > 0
        }
        printf "%-12s %8s %8s %7s %9s %8s %7s\n", "folder", "lines", "reached", "", "branches", "taken", ""
        for (f in all)
            printf "%-12s %8d %8d %6.1f%% %9d %8d %6.1f%%\n", f, all[f], hit[f], percent(hit[f], all[f]), branches[f], taken[f],
                percent(taken[f], branches[f]) | "sort"
        close("sort")
        printf "%-12s %8d %8d %6.1f%% %9d %8d %6.1f%%\n", "all", n, m, percent(m, n), bn, bm, percent(bm, bn)
        for (name in calls) {
            functions++
            if (calls[name] == 0) {
                printf "never called: %s (%s)%s\n", name, home[name], name in known ? "" : "  NOT EXPLAINED"
                bad += !(name in known)
            }
        }
        printf "%d functions, %d never called and not in %s\n", functions, bad, explained
        exit bad > 0 || percent(m, n) < 95
    }' "$1/gcov.txt"
code=$?
for name in lines branches; do
    sort -t: -k1,1 -k2,2n "$1/$name.unsorted" 2>/dev/null >"$1/$name.txt"
    rm -f "$1/$name.unsorted"
done
exit $code
