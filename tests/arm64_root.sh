#!/bin/sh
# Unpacks Debian's arm64 packages that libdim is built with into build/arm64-root, without installing anything: this
# machine's own packages and its list of architectures stay as they are.
set -eu
cd "$(dirname "$0")/.."
packages="libopenblas-pthread-dev libdnnl-dev libcmocka-dev libjpeg62-turbo-dev libpng-dev zlib1g-dev"
root=$PWD/build/arm64-root apt=$PWD/build/arm64-apt

[ -e "$root/complete" ] && exit 0
rm -rf "$root" "$apt"
mkdir -p "$root" "$apt/lists/partial" "$apt/archives/partial"
: >"$apt/status"
apt_get() { # with a list of installed packages that is empty
    apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User="$(id -un)" -o Dir::State="$apt" \
        -o Dir::State::status="$apt/status" -o Dir::Cache="$apt" "$@"
}
apt_get update
# shellcheck disable=SC2086
apt_get install -y --no-install-recommends --download-only $packages
for package in "$apt"/archives/*.deb; do
    dpkg-deb -x "$package" "$root"
done
# Links from the root of the file system, such as libz.so, would leave the tree.
find "$root" -type l -lname '/*' | while read -r link; do
    ln -sfn "$root$(readlink "$link")" "$link"
done
rm -r "$apt"
: >"$root/complete"
