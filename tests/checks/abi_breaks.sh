#!/bin/sh
# The check of the ABI, checked: changes are seeded in copies of the headers, and each must be found for what it is.
# Usage: abi_breaks.sh SOURCE CC
set -u
source=$1 cc=$2 failed=0 seeds=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir -p "$tree/tests" "$tree/lib" && cp -r "$source/include" "$tree" && cp "$source/lib/dim.map" "$tree/lib" &&
    cp -r "$source/tests/abi" "$source/tests/checks" "$tree/tests" || exit 1
abi=$tree/tests/abi
. "$abi/functions.sh"
command -v abidiff >/dev/null || { echo "FAIL: abidiff is missing: install abigail-tools"; exit 1; }
# What the headers lack, or may come to lack: a tag that is not the type's name, reserved members, a struct without a size.
cat >"$tree/include/dim/seeds.h" <<'END'
#include <dim/model.h>
typedef struct dim_seeds_ {
    size_t size;
    uint64_t reserved0;
    uint32_t first;
    uint32_t reserved1;
} dim_seeds;
typedef struct dim_sizeless {
    double first;
    double second;
} dim_sizeless;
DIM_API int dim_sow(const dim_seeds *seeds, dim_sizeless *out);
END
cp -r "$tree/include" "$work"
# Not the committed one: it may lack what was added today.
abi_interface "$tree/include" >"$baseline" && abi_stub "$baseline" "$work/old.so" || exit 1

fail() {
    echo "FAIL: $*"
    failed=1
}

seed() { # header sed-script
    seeds=$((seeds + 1))
    cp "$work"/include/dim/*.h "$tree/include/dim" && sed "$2" "$work/include/dim/$1" >"$tree/include/dim/$1" || exit 1
    cmp -s "$work/include/dim/$1" "$tree/include/dim/$1" && fail "nothing is seeded in $1: $2"
}

verdict() { # code line-of-the-report header sed-script
    seed "$3" "$4"
    abi_interface "$tree/include" >"$work/new.h" || { fail "$4: unreadable"; return; }
    abi_compare "$baseline" "$work/new.h" >"$work/report"
    code=$?
    if [ $code != "$1" ] || ! grep -q -F -e "$2" "$work/report"; then
        fail "$4: verdict $code instead of $1, or no '$2' in"
        cat "$work/report"
    fi
}
same() { verdict 0 " 0 breaks, 0 additions" "$@"; }
addition() { # line-of-the-report header sed-script
    verdict 1 "$@"
    grep -q -F ": 0 breaks, 1 additions" "$work/report" || fail "$3: more than one addition"
}
# Found by abidiff as well, from what the compiler makes of it.
broken() { # line-of-the-report header sed-script
    verdict 2 "$@"
    abi_stub "$work/new.h" "$work/new.so" || fail "$3: does not compile"
    abidiff --harmless "$work/old.so" "$work/new.so" >"$work/report"
    [ $(($? & 7)) = 4 ] || fail "$3: abidiff sees nothing"
}
unreadable() { # message header sed-script
    seed "$2" "$3"
    abi_interface "$tree/include" >"$work/new.h" 2>"$work/report" && fail "$3: is taken for something else"
    grep -q -F -e "$1" "$work/report" || fail "$3: another error: $(cat "$work/report")"
}

# What programs do not see.
same tensor.h '/dim_tensor_rank/s/\*t)/*tensor)/'
same tensor.h 's/^DIM_API int dim_tensor_rank(const/DIM_API\nint dim_tensor_rank( \/* which *\/ const\n  /'
same tensor.h '/^DIM_API.*dim_tensor_rank/{
h
d
}
/^DIM_API.*dim_tensor_count/G'
same context.h 's/\(VERSION_MINOR\) .*/\1 99/'
same status.h 's/"out of memory"/"no memory"/'
same export.h '/DIM_OPTIONS_INIT(p)/s/(void)(/(/'

# What old programs do not know of.
addition "now: int dim_new(const dim_tensor *, int[3]);" tensor.h \
    's/^DIM_API int dim_tensor_rank/DIM_API int dim_new(const dim_tensor *t, int shape[3]);\n&/'
addition "now: enum dim_critic: DIM_CRITIC_NEW = 5" model.h 's/^ *DIM_CRITIC_FORCE_INT/DIM_CRITIC_NEW = 5,\n&/'
addition "now: enum dim_status: DIM_E_NEW = -11" status.h 's/X(E_CALLBACK/X(E_NEW, -11, "new") &/'
addition "now: typedef struct dim_new dim_new;" tensor.h \
    's/^typedef struct dim_tensor .*/&\ntypedef struct dim_new dim_new;/'
addition "now: #define DIM_NEW 3" tensor.h 's/^#define DIM_MAX_RANK.*/&\n#define DIM_NEW 3/'
addition "now: const char *fresh;" encoder.h 's/^} dim_layer_options;/    const char *fresh;\n&/'
addition "now: float fresh;" seeds.h 's/uint32_t reserved1;/float fresh;/'
addition "now: dim_critic fresh;" seeds.h 's/uint32_t reserved1;/dim_critic fresh;/'
addition "now: uint64_t fresh;" seeds.h 's/uint64_t reserved0;/uint64_t fresh;/'
verdict 1 ": 0 breaks, 2 additions" seeds.h 's/uint64_t reserved0;/dim_critic fresh; uint32_t reserved2;/'
verdict 1 ": 0 breaks, 2 additions" seeds.h 's/uint32_t reserved1;/float fresh; uint64_t more;/'

# What old programs would stumble over.
broken "was: dim_status dim_tensor_copy(dim_tensor *, const dim_tensor *);" tensor.h \
    '/^DIM_API.*dim_tensor_copy(/,/;/d'
broken "now: int64_t dim_tensor_rank(const dim_tensor *);" tensor.h 's/int dim_tensor_rank/int64_t dim_tensor_rank/'
broken "now: dim_status dim_model_add_prior(dim_model *, const dim_prior *, double);" model.h \
    '/_add_prior/s/float/double/'
broken "now: int dim_model_report_count(const dim_model *, int);" model.h \
    '/_report_count/s/model)/model, int which)/'
broken "now: int dim_tensor_rank(dim_tensor *);" tensor.h '/ dim_tensor_rank/s/const //'
broken "now: typedef int (*dim_sample_fn)(void *, int32_t, void *, int64_t *);" dataset.h \
    '/dim_sample_fn)/s/int64_t/int32_t/'
broken "now: double hue;" augment.h 's/float hue;/double hue;/'
broken "now: uint32_t hue;" augment.h 's/float hue;/uint32_t hue;/'
broken "now: uint32_t kernel_y;" encoder.h 's/kernel_w;/kernel_y;/'
broken "now: uint32_t fresh;" encoder.h 's/^ *uint32_t stride;/    uint32_t fresh;\n&/'
broken "was: uint32_t stride;" encoder.h '/^ *uint32_t stride;/d'
broken "was: const char *tap;" encoder.h '/^ *const char \*tap;/d'
broken "now: float rate;" encoder.h \
    's/float slope;/float swap;/; s/float rate;/float slope;/; s/float swap;/float rate;/'
broken "now: uint64_t fresh;" seeds.h 's/uint32_t reserved1;/uint64_t fresh;/'
broken "was: uint64_t reserved0;" seeds.h 's/uint64_t reserved0;/uint32_t fresh;/'
broken "was: uint64_t reserved0;" seeds.h '/uint64_t reserved0;/d'
broken "now: double third;" seeds.h 's/^} dim_sizeless;/    double third;\n&/'
broken "now: #define DIM_MAX_HIDDEN 9" encoder.h 's/\(DIM_MAX_HIDDEN\) 8/\1 9/'
broken "now: enum dim_critic: DIM_CRITIC_CONCAT = 9" model.h 's/\(DIM_CRITIC_CONCAT =\) 1/\1 9/'
broken "was: enum dim_status: DIM_E_SHAPE = -3" status.h 's/X(E_SHAPE, *-3/X(E_SHAPE, -11/'
broken "was: enum dim_dtype: DIM_I64 = 3" tensor.h 's/DIM_I64 = 3/DIM_INT64 = 3/'
broken "was: enum dim_dtype: DIM_F64 = 4" tensor.h '/DIM_F64 = 4/d'
# Not in the library, so abidiff cannot see these.
verdict 2 "was: #define DIM_MAX_RANK 8" tensor.h 's/\(DIM_MAX_RANK\) 8/\1 9/'
verdict 2 "was: #define DIM_OPTIONS_INIT(p)" export.h 's/DIM_OPTIONS_INIT(p)/DIM_OPTIONS_START(p)/'
verdict 2 "now: #define DIM_OPTIONS_INIT(o)" export.h '/DIM_OPTIONS_INIT/s/(p)/(o)/g'

# What is not understood is not passed over.
unreadable "no function" tensor.h 's/^DIM_API int dim_tensor_rank/static inline int dim_new(void) { return 1; }\n&/'
unreadable "no function" tensor.h 's/^DIM_API int dim_tensor_rank/extern int dim_new;\n&/'
unreadable "no function" tensor.h 's/^DIM_API int dim_tensor_rank/typedef union dim_new { int i; } dim_new;\n&/'
unreadable "no function" tensor.h 's/^DIM_API int dim_tensor_rank/#pragma pack(1)\n&/'
unreadable "member" augment.h 's/float hue;/float hue, value;/'
unreadable "member" augment.h 's/float hue;/float (*hue)(float);/'
unreadable "number" model.h 's/\(DIM_CRITIC_CONCAT\) = 1/\1/'

# check_abi as a whole, with stubs for the library.
check() { # code text library
    sh "$tree/tests/checks/abi.sh" "$tree" "$cc" "$3" >"$work/report" 2>&1
    code=$?
    if [ $code != "$1" ] || ! grep -q -F -e "$2" "$work/report"; then
        fail "check_abi: $code instead of $1, or no '$2' in"
        cat "$work/report"
    fi
}
library() { abi_stub "$1" "$2" "${3:--Wl,--version-script=$tree/lib/dim.map}" || exit 1; }
library "$baseline" "$work/good.so"
library "$baseline" "$work/plain.so" -g0
sed 's/float hue;/double hue;/' "$baseline" >"$work/new.h" && library "$work/new.h" "$work/other.so"
sed '/dim_tensor_copy/d' "$baseline" >"$work/new.h" && library "$work/new.h" "$work/fewer.so"
cp "$work"/include/dim/*.h "$tree/include/dim"
check 0 "what programs rely on" "$work/good.so"
check 1 "no debug" "$work/plain.so"
check 1 "not what its headers declare" "$work/other.so"
check 1 "not what its headers declare" "$work/fewer.so"
seed model.h 's/^ *DIM_CRITIC_FORCE_INT/DIM_CRITIC_NEW = 5,\n&/'
check 1 "FAIL: additions" "$work/good.so"
CC=$cc sh "$tree/tests/checks/abi_update.sh" >"$work/report" || fail "abi_update.sh refuses an addition"
library "$baseline" "$work/good.so"
check 0 "what programs rely on" "$work/good.so"
cp "$work"/include/dim/*.h "$tree/include/dim"
check 1 "FAIL: programs" "$work/good.so"
CC=$cc sh "$tree/tests/checks/abi_update.sh" >"$work/report" && fail "abi_update.sh writes a break"

[ "$failed" = 0 ] && echo "$seeds changes are found for what they are"
exit "$failed"
