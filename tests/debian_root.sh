#!/bin/sh
# Makes a minimal Debian in a folder, with this machine's package sources, and runs a command in it (as root).
# Usage: debian_root.sh SUITE DIRECTORY [COMMAND...]     SUITE is bookworm (Debian 12), trixie (13) or later
# A root that is there is left as it is.  Mounts are seen by COMMAND alone and end with it.
set -eu
suite=$1 root=$2
shift 2
if [ "$(id -u)" != 0 ]; then
    echo "$0: a root of Debian is made by root only" >&2
    exit 1
fi
if [ ! -e "$root/.complete" ]; then
    command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq debootstrap >/dev/null; }
    here=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    mirror=$(cat /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list 2>/dev/null |
        awk '$1 == "URIs:" || $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /^https?:/) { print $i; exit } }')
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    if ! debootstrap --variant=minbase "$suite" "$root" "${mirror:-http://deb.debian.org/debian}" >"$root.log" 2>&1; then
        tail -n 20 "$root.log" >&2
        exit 1
    fi
    for list in sources.list sources.list.d/debian.sources; do
        rm -f "$root/etc/apt/$list"
        [ ! -e "/etc/apt/$list" ] || sed "s/$here/$suite/g" "/etc/apt/$list" >"$root/etc/apt/$list"
    done
    apt-config dump | grep -E '^Acquire::(http|https|Check|Retries)' >"$root/etc/apt/apt.conf.d/90host" || true # proxies
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    : >"$root/.complete"
fi
[ $# = 0 ] && exit 0
# shellcheck disable=SC2016
exec unshare --mount sh -c 'root=$1
    shift
    mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev" || exit 1
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"' \
    sh "$root" "$@"
