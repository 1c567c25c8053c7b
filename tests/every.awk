# An interface as tests/abi/functions.sh writes it -> a part of a C file: for each public function what its parameters are, and how
# it is called with values of every.h; and the members of each struct.
function base(type) {
    gsub(/const|[*]|[[].*/, "", type)
    gsub(/ /, "", type)
    return type == "dim_network" ? "dim_encoder" : type
}

function kind(type,    name, stars, constant) {
    name = base(type)
    stars = gsub(/[*[]/, "&", type)
    constant = type ~ /^const /
    if (name in callbacks)
        return "CALLBACK"
    if (stars == 0)
        return name == "float" || name == "double" ? "FLOAT" : name in enums ? "ENUM" : "NUMBER"
    if (name in opaque)
        return stars == 1 ? "HANDLE" : type ~ /[*]const[*]|[*]const [*]/ ? "HANDLES" : "HANDLE_OUT"
    if (name in structs)
        return constant ? "OPTIONS" : "RESULT"
    if (name == "char")
        return "TEXT"
    if (name == "void")
        return "USER"
    return constant ? "ARRAY" : "ARRAY_OUT"
}

function pass(type, i) {
    if (kind(type) == "CALLBACK")
        return "(" type ")a[" i "].f"
    if (kind(type) == "FLOAT")
        return "(" type ")a[" i "].d"
    return kind(type) ~ /^(ENUM|NUMBER)$/ ? "(" type ")a[" i "].i" : "a[" i "].p"
}

function keep(type, call) {
    if (type == "void")
        return call ";"
    if (type == "dim_status")
        return "r->status = " call ";"
    if (type ~ /[*]/)
        return "r->p = (const void *)" call ";"
    return (type ~ /^(float|double)$/ ? "r->d = (double)" : "r->i = (int64_t)") call ";"
}

BEGIN {
    print "/* Written by tests/every.sh from the public headers. */"
}
/^typedef struct [a-z_0-9]+ [a-z_0-9]+;$/ {
    opaque[$3] = 1
    next
}
/^typedef .*[(][*][a-z_0-9]+[)][(]/ {
    match($0, /[(][*][a-z_0-9]+[)]/)
    callbacks[substr($0, RSTART + 2, RLENGTH - 3)] = 1
    next
}
/^typedef struct [a-z_0-9]+ [{]$/ {
    inside = $3
    delete opaque[$3] # it is declared before, where it is used before
    structs[$3] = 1
    sizes[++n_sizes] = "    { \"" $3 "\", sizeof(" $3 ") },"
    next
}
/^typedef enum / {
    enums[$3] = 1
    next
}
/^[}]/ {
    inside = ""
    next
}
inside != "" && $1 != "size_t" {
    type = $0
    sub(/^ +/, "", type)
    match(type, /[a-z_0-9A-Z]+([[][A-Za-z_0-9]+[]])?;$/)
    field = substr(type, RSTART, RLENGTH - 1)
    type = substr(type, 1, RSTART - 1)
    sub(/[[].*/, "", field)
    sub(/ $/, "", type)
    fields[++n_fields] = "    { \"" inside "\", \"" field "\", EVERY_" kind(type) ", \"" base(type) "\", offsetof(" inside ", " \
        field "), sizeof(((" inside " *)0)->" field ") },"
    next
}
/^(const )?[a-z_0-9]+ [*]?dim_[a-z_0-9]+[(].*[)];$/ {
    match($0, /dim_[a-z_0-9]+[(]/)
    name = substr($0, RSTART, RLENGTH - 1)
    type = substr($0, 1, RSTART - 1)
    sub(/ $/, "", type)
    list = substr($0, RSTART + RLENGTH)
    sub(/[)];$/, "", list)
    n = list == "void" || list == "" ? 0 : split(list, parameter, ", ")
    row = "    { \"" name "\", \"" type "\", " n ", {"
    arguments = ""
    for (i = 1; i <= n; i++) {
        row = row (i > 1 ? "," : "") " { EVERY_" kind(parameter[i]) ", \"" base(parameter[i]) "\", " \
            (parameter[i] ~ /^const / ? 1 : 0) " }"
        arguments = arguments (i > 1 ? ", " : "") pass(parameter[i], i - 1)
    }
    print "static void call_" name "(const every_value *a, every_result *r)\n{"
    print "    (void)a;\n    (void)r;\n    " keep(type, name "(" arguments ")") "\n}"
    print "void every_case_" name "(every_world *w, every_value *a) EVERY_WEAK;"
    rows[++n_rows] = row (n == 0 ? " { EVERY_NUMBER, \"\", 0 }" : "") " }, call_" name ", every_case_" name " },"
}
END {
    print "const every_function every_functions[] = {"
    for (i = 1; i <= n_rows; i++)
        print rows[i]
    print "};\nconst int every_count = " n_rows ";"
    print "const every_field every_fields[] = {"
    for (i = 1; i <= n_fields; i++)
        print fields[i]
    print "};\nconst int every_field_count = " n_fields ";"
    print "const every_struct every_structs[] = {"
    for (i = 1; i <= n_sizes; i++)
        print sizes[i]
    print "};\nconst int every_struct_count = " n_sizes ";"
}
