#!/bin/sh
# Installs what is missing (Debian packages, as root), builds every variant and runs its tests.
# Usage: sh tests/run.sh [STAGE...]     stages: release blis asan tsan valgrind minimal fuzz; without any, all of these
# More stages, for a name only:
#   clang              release with clang instead of gcc
#   undefined          clang's undefined behaviour sanitizer, which sees more than gcc's
#   bookworm, trixie   release, clang and blis in a Debian 12 or 13 of its own, under build/: by a root who may mount
#   packages           builds the Debian packages and tries them in a bare root: by a root who may mount
#   analysis           gcc -fanalyzer, clang-tidy and cppcheck over lib/; accepted findings are in tests/analysis/explained.txt
#   coverage           lines, branches and functions of lib/ that the tests reach, by gcov: some twenty minutes
#   arm64              builds for 64-bit ARM and runs most tests under qemu: some ten minutes
# The stage fuzz runs each fuzzer of tests/fuzz for DIM_FUZZ_SECONDS, by default 30, in continuous integration 10.
# In continuous integration, where CI is set in the environment, warnings are errors, and the stages without a name are also
# clang, packages and the Debian release that this one is not.
# Ends with a summary; the exit code is 0 only when everything passed.
set -u
cd "$(dirname "$0")/.." || exit 1

packages="build-essential cmake ninja-build pkg-config libopenblas-pthread-dev libblis-pthread-dev libdnnl-dev
    libcmocka-dev libjpeg62-turbo-dev libpng-dev zlib1g-dev abigail-tools valgrind
    doxygen"
jobs=$(nproc 2>/dev/null || echo 2)
stages="release blis asan tsan valgrind minimal fuzz" werror=OFF
# shellcheck disable=SC1091
case $(. /etc/os-release && echo "${VERSION_CODENAME:-}") in
trixie) other=bookworm libfuzzer=libclang-rt-19-dev ;;
*) other=trixie libfuzzer=libclang-rt-14-dev ;;
esac
if [ "${CI:-false}" != false ]; then
    werror=ON
    stages="$stages clang packages $other"
fi
stages=${*:-$stages}
for stage in $stages; do
    case $stage in
    clang) packages="$packages clang" ;;
    fuzz | undefined) packages="$packages clang $libfuzzer" ;;
    analysis) packages="$packages clang-tidy cppcheck" ;;
    bookworm | trixie) packages="$packages debootstrap mount" ;;
    packages) packages="$packages debootstrap mount file" ;;
    arm64) packages="$packages gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static" ;;
    esac
done
summary="" failed=0

install_packages() {
    missing=""
    for package in $packages; do
        case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
        "install ok installed") ;;
        *) missing="$missing $package" ;;
        esac
    done
    [ -z "$missing" ] && return 0
    echo "== installing:$missing"
    if [ "$(id -u)" != 0 ]; then
        echo "Not root: install these first"
        return 1
    fi
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

build() { # preset
    cmake --preset "$1" -D DIM_WERROR="$werror" >"build/$1.log" 2>&1 &&
        cmake --build --preset "$1" -j "$jobs" >>"build/$1.log" 2>&1 && return 0
    tail -n 60 "build/$1.log"
    return 1
}

tests() { # preset, further arguments of ctest
    preset=$1
    shift
    ctest --preset "$preset" -j "$jobs" "$@"
}

stage_release() { build release && tests release; }
# The sources were checked above.
stage_blis() { build blis && tests blis -LE source; }
stage_clang() { build clang && tests clang -LE source; }
# LeakSanitizer takes what lies before a block of thread-local memory for a record of glibc's, and breaks down over it.
stage_asan() {
    build asan && ASAN_OPTIONS=detect_stack_use_after_return=1:intercept_tls_get_addr=0 tests asan -LE source
}
# test_gaussians trains for minutes, and does nothing that test_train does not.
stage_undefined() { build undefined && tests undefined -LE source -E '^test_gaussians$'; }
stage_tsan() { build tsan && TSAN_OPTIONS=halt_on_error=1 tests tsan; }
stage_minimal() { build minimal && tests minimal -LE source; }

# With BLIS: oneDNN's and OpenBLAS's generated and hand-written code reads past the ends of arrays, within a vector.
stage_valgrind() {
    build blis || return 1
    code=0
    for name in base tensor npy weights optim estimators dataset; do
        [ -x "build/blis/tests/test_$name" ] || continue
        log=build/valgrind-$name.log
        if (cd build/blis/tests && timeout 600 valgrind -q --leak-check=full --show-leak-kinds=definite \
            --errors-for-leak-kinds=definite --error-exitcode=9 "./test_$name") >"$log" 2>&1; then
            echo "valgrind test_$name: clean"
        else
            tail -n 60 "$log"
            echo "valgrind test_$name: FAILED"
            code=1
        fi
    done
    return $code
}

stage_fuzz() {
    seconds=30
    [ "$werror" = OFF ] || seconds=10
    build fuzz && nice sh tests/fuzz/run.sh build/fuzz/tests/fuzz "${DIM_FUZZ_SECONDS:-$seconds}"
}

stage_analysis() { sh tests/checks/analysis.sh . build/analysis; }
stage_coverage() { sh tests/checks/coverage.sh . build/coverage; }
stage_packages() { sh tests/checks/packages.sh .; }
stage_bookworm() { in_debian bookworm; }
stage_trixie() { in_debian trixie; }
in_debian() { # suite
    root=build/debian-$1 source=build/debian-$1/src/libdim
    sh tests/debian_root.sh "$1" "$root" || return 1
    mkdir -p "$source" # with what was built there last time
    find "$source" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} + &&
        tar -cf - --exclude=./build --exclude=./.git . | tar -xf - -C "$source" --no-same-owner &&
        sh tests/debian_root.sh "$1" "$root" sh -c "cd /src/libdim && CI=${CI:-} exec sh tests/run.sh release clang blis"
}

# Emulated, so it says nothing about speed.  Left out: whole trainings, which take many minutes there and reach no inner
# loops that test_ops does not, and test_resume, which starts another program.
stage_arm64() {
    sh tests/arm64_root.sh && build arm64 &&
        OPENBLAS_NUM_THREADS=1 tests arm64 -E '^test_(gaussians|model|passes|precision|resume|steady|train)$'
}

if ! install_packages; then
    echo "FAILED: packages"
    exit 1
fi
mkdir -p build
for stage in $stages; do
    echo "== $stage"
    start=$(date +%s)
    if "stage_$stage"; then
        result=passed
    else
        result=FAILED
        failed=1
    fi
    summary="$summary$(printf '%-10s %s  (%d s)' "$stage" "$result" "$(($(date +%s) - start))")
"
done
printf '\n== summary\n%s' "$summary"
exit $failed
