# Preprocessed headers, in any layout -> their declarations in one layout, still C: a function or a type a line, members
# and enumerators a line each, and no names of parameters, which callers do not see.  What is not understood is an
# error: nothing is passed over.
BEGIN {
    RS = ";"
    callback = "^typedef [A-Za-z0-9_ *]+[(][*][A-Za-z0-9_]+[)][(][^()]*[)]$"
    prototype = "^[A-Za-z0-9_ *]+[(][^()]*[)]$"
}

function fail(what) {
    print "FAIL: tests/abi/declarations.awk cannot read this (" what "): " text >"/dev/stderr"
    failed = 1
    exit
}

# White space only where C needs it or custom wants it.
function spaced(s) {
    gsub(/[ \t\n]+/, " ", s)
    gsub(/ ?[*] ?/, "*", s)
    gsub(/ ?[(] ?/, "(", s)
    gsub(/ ?[)] ?/, ")", s)
    gsub(/ ?[[] ?/, "[", s)
    gsub(/ ?[]] ?/, "]", s)
    gsub(/ ?[{] ?/, "{", s)
    gsub(/ ?[}] ?/, "}", s)
    gsub(/ ?, ?/, ",", s)
    gsub(/ ?; ?/, ";", s)
    gsub(/ ?= ?/, " = ", s)
    gsub(/[*]+/, " &", s)
    gsub(/[(] [*]/, " (*", s)
    gsub(/[*] [(]/, "*(", s)
    sub(/^ /, "", s)
    sub(/ $/, "", s)
    return s
}

# The last word of a parameter is its name, unless what stands before it names no type yet; [3] may follow.
function parameters(list,    n, part, i, array, list_out) {
    n = split(list, part, ",")
    for (i = 1; i <= n; i++) {
        array = ""
        if (match(part[i], /[[].*/)) {
            array = substr(part[i], RSTART)
            part[i] = substr(part[i], 1, RSTART - 1)
        }
        if (match(part[i], /[A-Za-z_][A-Za-z0-9_]*$/) && RSTART > 1 && substr(part[i], RSTART) != "const" &&
            substr(part[i], 1, RSTART - 1) !~ /^((const|struct|enum|unsigned|signed|long|short) )+$/)
            part[i] = substr(part[i], 1, RSTART - 1)
        sub(/ $/, "", part[i])
        list_out = list_out (i > 1 ? ", " : "") part[i] array
    }
    return list_out
}

function members(list, separator,    n, part, i) {
    n = split(list, part, separator)
    for (i = 1; i <= n; i++) {
        if (part[i] ~ /[(){},]/)
            fail("the type of a member wants a name, and each member a line")
        if (separator == "," && part[i] != "" && part[i] !~ /^[A-Za-z0-9_]+ = /)
            fail("an enumerator without its number")
        if (part[i] != "")
            print "    " part[i] separator
    }
}

function declaration(    open, end) {
    if (text ~ /^typedef (struct|enum) [A-Za-z0-9_]+[{].*[}][A-Za-z0-9_]+$/) {
        open = index(text, "{")
        end = match(text, /[}][A-Za-z0-9_]+$/)
        print substr(text, 1, open - 1) " {"
        members(substr(text, open + 1, end - open - 1), text ~ /^typedef struct/ ? ";" : ",")
        print "} " substr(text, end + 1) ";"
    } else if (text ~ /^typedef [A-Za-z0-9_ *]+([[][0-9]+[]])?$/)
        print text ";"
    else if (text !~ /^(static|extern) / && text ~ (text ~ /^typedef / ? callback : prototype)) {
        match(text, /[(][^()]*[)]$/)
        print substr(text, 1, RSTART) parameters(substr(text, RSTART + 1, length(text) - RSTART - 1)) ");"
    } else
        fail("no function, struct, enum or typedef")
}

{
    text = spaced(text $0)
    if (gsub(/[{]/, "{", text) > gsub(/[}]/, "}", text)) {
        text = text ";"
        next
    }
    if (text != "")
        declaration()
    text = ""
}
END {
    if (!failed && text != "")
        fail("it does not end")
    exit failed
}
