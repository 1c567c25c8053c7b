# What the checks of the ABI share.  They read this file with `.`, after setting
#   abi   this folder
#   cc    a C compiler
#   work  a folder for scratch files
# An interface is what programs can see of libdim: a text made of its headers, the same with every compiler.
baseline=$abi/libdim.so.0.h

# Writes the interface that the headers in FOLDER/dim declare.  The system's headers are left out: what they declare
# differs from machine to machine.  -undef does the same for compilers: no attributes, no C++.  mpi.h has nothing of the library:
# it is compiled into programs.
abi_interface() { # FOLDER [EXPERIMENTAL]
    rm -rf "$work/system" && mkdir "$work/system" || return 1
    for header in $(sed -n 's/^#include <\([a-z0-9]*\.h\)>.*/\1/p' "$1"/dim/*.h); do
        : >"$work/system/$header"
    done
    # Not what a program has to define DIM_EXPERIMENTAL for, unless it is asked for: it may change.
    if [ -n "${2:-}" ]; then
        (echo '#define DIM_EXPERIMENTAL' && cd "$1" && printf '#include <%s>\n' dim/*.h | grep -v dim/mpi.h) >"$work/all.c"
    else
        (cd "$1" && grep -L '^#ifndef DIM_EXPERIMENTAL' dim/*.h | sed 's/.*/#include <&>/') >"$work/all.c"
    fi
    "$cc" -E -P -undef -nostdinc -I "$work/system" -I "$1" "$work/all.c" >"$work/preprocessed" &&
        "$cc" -E -dM -undef -nostdinc -I "$work/system" -I "$1" "$work/all.c" >"$work/macros" || return 1
    echo '/* What programs that are linked with libdim.so.0 rely on; written by tests/checks/abi_update.sh. */'
    printf '#include <%s>\n' stddef.h stdint.h
    # Macros with a value, and the names of those with parameters.  The version changes anyway.
    sed -n -e '/^#define DIM_VERSION_/d' -e 's/^\(#define DIM_[A-Za-z0-9_]*([^)]*)\).*/\1/p' -e t \
        -e '/^#define DIM_[A-Za-z0-9_]* [^ ]/p' "$work/macros" | LC_ALL=C sort
    awk -f "$abi/declarations.awk" "$work/preprocessed"
}

# Compares two interfaces and prints what differs.  0: nothing, 1: additions only, 2: breaks.
abi_compare() { # OLD NEW
    awk -f "$abi/compare.awk" "$1" "$2"
}

# Makes of an interface a library with debug information, whose functions do nothing: something for abidiff to read, made
# by the same compiler as what it is compared with.
abi_stub() { # INTERFACE LIBRARY [FLAG]
    sed '/^typedef/!s/^\([^#} ].*)\);$/\1 { for (;;); }/' "$1" >"$2.c" &&
        "$cc" -std=c11 -w -g -O0 -shared -fPIC -Wl,-soname,libdim.so.0 ${3:+"$3"} -o "$2" "$2.c"
}
