#!/bin/sh
# Installs the .deb with apt in a bare Debian 12, tries it there without a network, removes it and looks for leftovers.
#     sudo sh packaging/bare_root.sh [DEB] [MIRROR]     without DEB, the one in dist/
# Needs root, debootstrap and a mirror of Debian; leaves nothing behind but a cached root in build/bare-root.
set -eu
cd "$(dirname "$0")/.."
deb=${1:-$(ls -t dist/i3desk_*_amd64.deb 2>/dev/null | head -n 1)}
mirror=${2:-http://deb.debian.org/debian}
[ -f "${deb:-}" ] || { echo "There is no .deb in dist/. Build it: sh packaging/build.sh" >&2 && exit 1; }
[ "$(id -u)" = 0 ] || { echo "This needs root: sudo sh packaging/bare_root.sh" >&2 && exit 1; }
command -v ip >/dev/null || { echo "This needs ip: sudo apt-get install iproute2" >&2 && exit 1; }
command -v debootstrap >/dev/null || { echo "This needs debootstrap: sudo apt-get install debootstrap" >&2 && exit 1; }
bare=build/bare-root
if [ ! -f "$bare/complete" ]; then
    rm -rf "$bare"
    mkdir -p "$bare"
    debootstrap --variant=minbase bookworm "$bare" "$mirror" >build/bare-root.log || { tail build/bare-root.log >&2 && exit 1; }
    touch "$bare/complete"
fi
work=$(mktemp -d)
root=$work/root
screen=
clean_up() {
    [ -z "$screen" ] || kill "$screen" 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT
mkdir -p "$root"
chmod 755 "$work" "$root"
cp -a "$bare/." "$root"
cp "$deb" "$root/tmp/i3desk.deb"
cp packaging/smoke.sh "$root/tmp/smoke.sh"
cp /etc/resolv.conf "$root/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod 755 "$root/usr/sbin/policy-rc.d" # starts no services
# With namespaces of its own: processes, mounts, and where it says so a network with nothing in it.
inside() { unshare --mount --pid --fork --kill-child --mount-proc="$root/proc" chroot "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
# A new network has its loopback down, and the smoke run asks the program's own server.
offline() { unshare --net --mount --pid --fork --kill-child --mount-proc="$root/proc" sh -c 'ip link set lo up && exec "$@"' offline chroot "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
listing() { (cd "$root" && find . -xdev \( -path ./proc -o -path ./dev -o -path ./tmp -o -path ./var/cache -o -path ./var/log -o -path ./var/lib/apt -o -path ./var/lib/dpkg \) -prune -o -print | sort); }

inside apt-get update -qq
# What the package needs is installed first and stays, so that what the package itself leaves can be seen.
needs=$(dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//' | tr -d ' ' | tr '\n' ' ')
# shellcheck disable=SC2086
inside apt-get install -qq -y --no-install-recommends $needs >build/bare-root.log 2>&1 || { tail build/bare-root.log >&2 && exit 1; }
listing >"$work/before"
inside apt-get install -qq -y --no-install-recommends /tmp/i3desk.deb >build/bare-root.log 2>&1 || { tail build/bare-root.log >&2 && exit 1; }
echo "ok  installed with apt; $(inside sh -c 'command -v python3 >/dev/null && echo Python is there too || echo there is no Python')"
if command -v Xvfb >/dev/null; then
    Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp 3>"$root/tmp/display" 2>/dev/null &
    screen=$!
    waited=0
    while [ ! -s "$root/tmp/display" ] && [ $waited -lt 100 ]; do sleep 0.1 && waited=$((waited + 1)); done
fi
offline i3desk --version
offline sh /tmp/smoke.sh /usr/lib/i3desk
if [ -n "$screen" ]; then
    # The display's socket is handed in; there is no other way out.
    mkdir -p "$root/tmp/.X11-unix" "$root/tmp/home"
    number=$(cat "$root/tmp/display")
    for start in 1 2 3; do
        said=$(unshare --net --mount --pid --fork --kill-child --mount-proc="$root/proc" sh -c '
            ip link set lo up
            mount --bind /tmp/.X11-unix "$0/tmp/.X11-unix"
            exec chroot "$0" env -i HOME=/tmp/home LANG=C.UTF-8 PATH=/usr/bin:/bin DISPLAY=":$1" i3desk --smoke' "$root" "$number")
        echo "ok  the window on a screen, start $start: $said"
        case "$said" in *'"ok": true'*) ;; *) exit 1 ;; esac
    done
fi
inside apt-get purge -qq -y i3desk >build/bare-root.log 2>&1 || { tail build/bare-root.log >&2 && exit 1; }
listing >"$work/after"
left=$(diff "$work/before" "$work/after" || true)
[ -z "$left" ] || { echo "FAILED: left after the removal:" >&2 && echo "$left" >&2 && exit 1; }
echo "ok  removed; nothing is left"
