#!/bin/sh
# docs/adding.md keeps its word: in a copy of the sources one part of each kind (but a source of data) is added, each as one
# file, one line in its list and one value in its enum, and a program uses them.
# Usage: adding.sh SOURCE CC CMAKE
set -u
source=$1 cmake=$3 failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failed=1; }
export CC="$2" CMAKE_BUILD_PARALLEL_LEVEL=2
export CMAKE_GENERATOR="Unix Makefiles"
command -v ninja >/dev/null && CMAKE_GENERATOR=Ninja

# Appends a value to an enum: with the next number, or the next bit.
value() { # HEADER FORCE_INT NAME next|bit
    header=$work/dim/include/dim/$1
    awk -v force="    $2 = " -v name="$3" -v how="$4" '
        /^    DIM_[A-Z0-9_]+ = [0-9]+,/ { last = $3 + 0 }
        index($0, force) == 1 { print "    " name " = " (how == "bit" ? 2 * last : last + 1) ", /**< added */" }
        { print }' "$header" >"$work/header" && mv "$work/header" "$header"
}
# One file, one line at the end of a list.
add() { # FILE TO LIST LINE
    cp "$source/tests/adding/$1" "$work/dim/lib/$2" && echo "$4" >>"$work/dim/lib/$3"
}

mkdir "$work/dim"
for part in CMakeLists.txt LICENSE include lib dim.pc.in dim-static.pc.in; do
    cp -R "$source/$part" "$work/dim" || exit 1
done
cp "$source/tests/adding/CMakeLists.txt" "$source/tests/adding/main.c" "$work"
add layer.c nn/layers/added.c nn/layers/layer_list.def 'X(ADDED, added)'
value encoder.h DIM_LAYER_KIND_FORCE_INT DIM_LAYER_ADDED next
add encoder.c nn/encoders/added.c nn/encoders/encoder_list.def 'X(added)'
value encoder.h DIM_ENCODER_KIND_FORCE_INT DIM_ENCODER_ADDED next
add estimator.c objective/estimators/added.c objective/estimators/estimator_list.def 'X(added)'
value estimator.h DIM_ESTIMATOR_KIND_FORCE_INT DIM_ESTIMATOR_ADDED next
add pass.c compile/passes/added.c compile/passes/pass_list.def 'DIM__PASS(added, DIM_PASS_ADDED, DIM__BEFORE_GRADIENT)'
value context.h DIM_PASS_FORCE_INT DIM_PASS_ADDED bit

add critic.c objective/critics/added.c objective/critics/critic_list.def 'X(added)'
value model.h DIM_CRITIC_FORCE_INT DIM_CRITIC_ADDED next
add prior.c objective/priors/added.c objective/priors/prior_list.def 'X(ADDED, added)'
value prior.h DIM_PRIOR_KIND_FORCE_INT DIM_PRIOR_ADDED next
add loss.c objective/losses/added.c objective/losses/loss_list.def 'X(added)'
value objective.h DIM_LOSS_KIND_FORCE_INT DIM_LOSS_ADDED next
add rule.c optim/rule_added.c optim/rule_list.def 'X(ADDED, added)'
value optimizer.h DIM_OPTIMIZER_KIND_FORCE_INT DIM_OPTIMIZER_ADDED next
add augment.c data/augment/added.c data/augment/augment_list.def 'X(ADDED, added)'
value augment.h DIM_AUGMENT_OP_FORCE_INT DIM_AUGMENT_OP_ADDED next
add probe.c eval/added.c eval/probe_list.def 'X(ADDED, dim__probe_added)'
value probe.h DIM_PROBE_KIND_FORCE_INT DIM_PROBE_ADDED next
add method.c information/added.c information/methods.def 'X(ADDED, dim__mi_added)'
value information.h DIM_INFORMATION_METHOD_FORCE_INT DIM_INFORMATION_ADDED next

changed=$(diff -r "$source/include" "$work/dim/include"; diff -r "$source/lib" "$work/dim/lib")
lines=$(echo "$changed" | grep -c '^[<>]') files=$(echo "$changed" | grep -c '^Only in')
[ "$lines $files" = "22 11" ] || fail "$files files and $lines lines differ, not 11 and 22: $changed"

# What is not optimised is built sooner.
if "$cmake" -S "$work" -B "$work/build" -DCMAKE_BUILD_TYPE=Debug >"$work/log" 2>&1 &&
    "$cmake" --build "$work/build" --target adding >>"$work/log" 2>&1; then
    "$work/build/adding" || fail "the program"
else
    tail -n 40 "$work/log"
    fail "build"
fi
[ "$failed" = 0 ] && echo "$files parts added, each a file, a line in a list and a value of an enum"
exit "$failed"
