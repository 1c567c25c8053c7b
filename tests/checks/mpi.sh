#!/bin/sh
# <dim/mpi.h> on 1, 2 and 3 ranks, more than the machine may have processors: what its functions give, and that the example program
# has the same losses, step by step, whatever the number of ranks.
# Usage: mpi.sh MPIEXEC ADAPTER SEVERAL_RANKS
set -u
mpiexec=$1 adapter=$2 program=$3 self=$0 failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
fail() { echo "FAIL: $*"; failed=1; }

# Open MPI of versions 4 and 5; MPICH needs none of it.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_mpi_yield_when_idle=1
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe OMPI_MCA_btl_vader_single_copy_mechanism=none

# 192 images of 3 x 32 x 32 bytes, which are texts.
images() {
    printf '\223NUMPY\001\000\166\000'
    printf "%-117s\n" "{'descr': '|u1', 'fortran_order': False, 'shape': (192, 3, 32, 32), }"
    while cat "$self"; do :; done 2>/dev/null | head -c $((192 * 3 * 32 * 32))
}
images >"$work/images.npy"
cd "$work" || exit 1 # where the program leaves its checkpoint

for ranks in 1 2 3; do
    "$mpiexec" -n "$ranks" "$adapter" >said 2>errors || fail "the adapter with $ranks ranks: $(cat errors)"
    [ "$(cat said)" = good ] || fail "the adapter with $ranks ranks says '$(cat said)'"
    timeout 600 "$mpiexec" -n "$ranks" "$program" npy:images.npy 6 >"losses$ranks" 2>errors || fail "$ranks ranks: $(cat errors)"
    [ "$(wc -l <"losses$ranks")" -eq 6 ] || fail "$ranks ranks: $(wc -l <"losses$ranks") losses, not 6"
    # A checkpoint of rank 0, which does not say of how many ranks it is.
    [ -s several_ranks.dim ] || fail "$ranks ranks: there is no checkpoint"
    rm -f several_ranks.dim
done
for ranks in 2 3; do
    paste -d ' ' losses1 "losses$ranks" | awk -v ranks="$ranks" '
        { d = $2 - $4; if (d < 0) d = -d; if ($1 != $3 || !(d <= 1e-4)) { print "step " $1 ": " $2 " and, of " ranks " ranks, " $4; bad = 1 } }
        END { exit bad }' || fail "$ranks ranks train something else than one"
done
[ "$failed" = 0 ] && echo "the same losses with 1, 2 and 3 ranks: $(sed -n 's/^5 //p' losses1) at the end"
exit "$failed"
