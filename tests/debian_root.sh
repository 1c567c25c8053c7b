#!/bin/sh
# Makes a minimal Debian in a folder, with this machine's mirror and proxies, and runs a command in it.  For a root who may
# make devices and mount, as on a machine or in a chroot; most containers allow neither.
# Usage: debian_root.sh SUITE DIRECTORY [COMMAND...]     SUITE is bookworm (Debian 12), trixie (13) or later
# A root that is there already is used as it is.
set -eu
suite=$1 root=$2
shift 2
fail() {
    echo "debian_root.sh: $*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "only root can make a Debian in a folder"
if [ ! -e "$root/.complete" ]; then
    mirror=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
        awk '$1 == "URIs:" || $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }')
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    debootstrap --variant=minbase "$suite" "$root" "${mirror:-http://deb.debian.org/debian}" >"$root.log" 2>&1 || {
        tail -n 20 "$root.log" >&2
        fail "no Debian $suite: is the mirror there, and may root make devices and mount here?"
    }
    : >"$root/.complete"
fi
[ $# = 0 ] && exit 0

cp /etc/resolv.conf /etc/hosts "$root/etc/"
{
    apt-config dump | grep -E '^Acquire::(https?|Check|Retries)' || true
    echo 'DPkg::Use-Pty "0";' # there is none
    [ -z "${http_proxy:-}" ] || echo "Acquire::http::Proxy \"$http_proxy\";"
} >"$root/etc/apt/apt.conf.d/90host"
# Nothing else is mounted: what a machine that stops halfway leaves does no harm when the folder is removed.
trap 'umount -l "$root/proc" 2>/dev/null || true' EXIT
trap 'exit 1' HUP INT TERM
umount -l "$root/proc" 2>/dev/null || true
mount -t proc proc "$root/proc" || fail "root may not mount here (a container?)"
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
