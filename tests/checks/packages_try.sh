#!/bin/sh
# In a bare Debian: installs the packages, builds programs with them by pkg-config and by CMake, removes them.
# Usage: packages_try.sh DIRECTORY     as root; DIRECTORY has the .deb files, tests/consumer and tests/fixtures/tables
set -u
cd "$1" || exit 1
failed=0
fail() { echo "FAIL: $*"; failed=1; }
run() { # COMMAND...
    "$@" >log 2>&1 && return 0
    tail -n 40 log
    echo "FAIL: $*"
    exit 1
}
files() { find / -xdev \( -path /proc -o -path /dev -o -path /sys -o -path /tmp -o -path /var/cache -o -path /var/log -o \
    -path /var/lib/apt -o -path /var/lib/dpkg -o -path "$PWD" \) -prune -o -print | sort; }

run apt-get update
run apt-get install -y --no-install-recommends g++ make cmake pkg-config dpkg-dev
files >before
apt-get install -s ./libdim0_*.deb | grep -q '^Inst libdnnl' || fail "oneDNN is not recommended, or not to be had"
run apt-get install -y --no-install-recommends ./libdim0_*.deb ./libdim-dev_*.deb ./dim-mi_*.deb ./dim-eval_*.deb
ldconfig -p | grep -q 'libdim\.so\.0' || fail "the linker does not know libdim.so.0"

# shellcheck disable=SC2046
run cc -std=c11 consumer/consumer.c -o pc_c $(pkg-config --cflags --libs dim)
# shellcheck disable=SC2046
run c++ -std=c++11 consumer/consumer.cpp -o pc_cxx $(pkg-config --cflags --libs dim)
# shellcheck disable=SC2046
run cc -std=c11 consumer/consumer.c -o pc_c_static $(pkg-config --cflags --libs dim-static)
run cmake -S consumer -B cmake
run cmake --build cmake
for program in ./pc_c ./pc_cxx ./pc_c_static cmake/cmake_c cmake/cmake_cxx cmake/cmake_c_static cmake/cmake_cxx_static; do
    $program || fail "$program does not run"
done
for program in ./pc_c_static cmake/cmake_c_static; do
    ldd $program | grep -q libdim && fail "$program is linked with the shared library"
done

# What a package of a program would depend on.
mkdir debian && printf "Source: try\nPackage: try\n" >debian/control
dpkg-shlibdeps -O ./pc_c >log 2>&1 && grep -q "libdim0 (>= [0-9.-]*)" log ||
    { cat log; fail "a program's package does not depend on libdim0"; }

# What programs run with is libdim0 and its own dependencies.
run apt-get remove -y libdim-dev
run apt-get purge -y --autoremove
[ ! -e /usr/include/dim ] || fail "headers are left"
./pc_c || fail "a program does not run with libdim0 alone"
dim-mi tables/mtcars.csv --x hp,wt --y mpg --plot mi.png >log 2>&1 && grep -q '^I(X;Y) = ' log && [ -s mi.png ] ||
    { cat log; fail "dim-mi"; }
dim-eval --help | grep -q -- --weights || fail "dim-eval"
run apt-get remove -y dim-mi dim-eval
# Removed, not purged: nothing may be left to purge.
run apt-get remove -y libdim0
dpkg -l | grep libdim && fail "dpkg still lists packages"
find /var/lib/dpkg/info -name "libdim*" | grep . && fail "dpkg still has files about them"
ldconfig -p | grep libdim && fail "the linker still knows it"
run apt-get purge -y --autoremove
files >after
diff before after || fail "files before (<) and after (>)"
[ "$failed" = 0 ] && echo "packages: installed, used seven ways, removed without a trace"
exit "$failed"
