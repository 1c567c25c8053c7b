#!/bin/sh
# Builds the Debian packages with the tools of this system, and tries them in a bare root of the same release.
# Usage: packages.sh SOURCE     as root
set -u
cd "$1" || exit 1
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
base=build/bare-$suite root=build/bare-try failed=0
fail() { echo "FAIL: $*"; failed=1; }

mkdir -p build && rm -f build/package/*.deb
# With a umask that must not get into the packages.
(umask 077 && cmake --preset package && cmake --build --preset package) >build/package.log 2>&1 ||
    { tail -n 40 build/package.log; exit 1; }
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:[A-Z]*=//p' build/package/CMakeCache.txt)-1
architecture=$(dpkg --print-architecture)
for package in libdim0 libdim-dev dim-mi dim-eval; do
    deb=build/package/${package}_${version}_$architecture.deb
    [ -s "$deb" ] || { fail "no $deb"; exit 1; }
    contents=$(dpkg-deb -c "$deb")
    echo "$contents" | grep -Ev "^(drwxr-xr-x|-rw-r--r--|lrwxrwxrwx) root/root|^-rwxr-xr-x root/root .* \./usr/bin/dim-(mi|eval)$" && fail "$package: permissions or owners"
    for file in "usr/share/doc/$package/copyright" "usr/share/doc/$package/changelog.Debian.gz"; do
        echo "$contents" | grep -q "\./$file$" || fail "$package has no $file"
    done
done
for program in dim-mi dim-eval; do
    dpkg-deb -c "build/package/${program}_${version}_$architecture.deb" | grep -q "\./usr/share/man/man1/$program\.1$" ||
        fail "$program has no man page"
done
depends=$(dpkg-deb -f "build/package/libdim0_${version}_$architecture.deb" Depends)
for dependency in libc6 libopenblas0 libjpeg libpng16 zlib1g; do # some libraries' packages end in t64 in Debian 13
    case $depends in
        *"$dependency"*) ;;
        *) fail "libdim0 does not depend on $dependency: $depends" ;;
    esac
done

sh tests/debian_root.sh "$suite" "$base" || exit 1
trap 'rm -rf --one-file-system "$root"' EXIT
rm -rf --one-file-system "$root"
cp -a "$base" "$root" && mkdir "$root/try" &&
    cp -R tests/consumer tests/fixtures/tables tests/checks/packages_try.sh build/package/*.deb "$root/try" || exit 1
sh tests/debian_root.sh "$suite" "$root" sh /try/packages_try.sh /try || failed=1
exit "$failed"
