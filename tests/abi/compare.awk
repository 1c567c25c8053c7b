# Two interfaces, as functions.sh writes them: what was removed or changed is a break, what is new an addition.
# Usage: awk -f compare.awk OLD NEW     exit code 0: no difference, 1: additions only, 2: breaks, 3: unreadable
#
# A name keeps its declaration, an enumerator its number; where they stand does not matter.  Members of a struct keep
# their places: new ones come at its end, or where a reservedN was, in as many bytes.

FNR == 1 { version++ }
/^\/\*|^#include / { next }
/^    / && kind == "struct" { member[version, owner, ++members[version, owner]] = substr($0, 5); next }
/^    / && kind == "enum" { item($1, "enum " owner ": " substr($0, 5, length($0) - 5)); next }
/^typedef (struct|enum) [^ ]+ [{]$/ { kind = $2; owner = $3; next }
/^[}] / { item(last_word($2), "typedef " kind " " owner " " $2); kind = ""; next }
/^#define / { item(last_word($2), $0); next }
/^typedef .*[(][*]/ { item(last_word(substr($0, 1, index($0, ")") - 1)), $0); next }
/^[^#{}]*;$/ { item(last_word($0), $0); next }
{
    print "FAIL: tests/abi/compare.awk cannot read: " $0
    failed = 3
    exit
}

# The word before the first parenthesis, bracket or semicolon, or the last one: what a declaration declares.
function last_word(text) {
    if (text !~ /[(][*]/)
        sub(/[[(;].*/, "", text)
    sub(/.*[ *]/, "", text)
    return text
}

function item(name, declaration) {
    declared[version, name] = declaration
    if (!(name in known))
        order[++names] = name
    known[name] = 1
    if (declaration ~ /^typedef enum /)
        bytes[name] = 4
}

function differ(where, was, is) {
    if (was == "")
        additions++
    else
        breaks++
    print (was == "" ? "added: " : "BREAK: ") where
    if (was != "")
        print "  was: " was
    print "  now: " (is == "" ? "nothing" : is)
}

# Bytes of a member whose type has as many on every machine; else 0.
function size_of(declaration,    type) {
    type = declaration
    sub(/ [^ ]*$/, "", type)
    return declaration ~ /[*[]/ ? 0 : bytes[type] + 0
}

function compare_members(s,    i, j, was, is, left, room, n_old, n_new) {
    n_old = members[1, s]
    n_new = members[2, s]
    for (i = j = 1; i <= n_old; i++) {
        was = member[1, s, i]
        if (was == member[2, s, j]) {
            j++
            continue
        }
        # Sizes that fit one after the other need no padding, or check_headers says so.
        left = room = was ~ / reserved[0-9]+;$/ ? size_of(was) : 0
        while (left > 0) {
            is = member[2, s, j]
            if (is == member[1, s, i + 1] || size_of(is) == 0 || size_of(is) > left)
                break
            left -= size_of(is)
            differ("a member of " s ", where " was " was", "", is)
            j++
        }
        if (room == 0 || left > 0) {
            differ("member " i " of " s, was, member[2, s, j])
            return
        }
    }
    if (n_old > 0 && j <= n_new && member[1, s, 1] != "size_t size;")
        differ(s " must not grow: it has no size first", member[1, s, n_old], member[2, s, j])
    else
        for (; j <= n_new; j++)
            differ("member " j " of " s, "", member[2, s, j])
}

END {
    if (failed)
        exit failed
    bytes["float"] = bytes["int32_t"] = bytes["uint32_t"] = 4
    bytes["double"] = bytes["int64_t"] = bytes["uint64_t"] = 8
    for (i = 1; i <= names; i++) {
        if (declared[1, order[i]] != declared[2, order[i]])
            differ(order[i], declared[1, order[i]], declared[2, order[i]])
        else if (split(declared[1, order[i]], word, " ") == 4 && word[1] == "typedef" && word[2] == "struct")
            compare_members(word[3])
    }
    printf "%d declarations: %d breaks, %d additions\n", names, breaks, additions
    exit breaks ? 2 : additions ? 1 : 0
}
