#!/bin/sh
# Builds this commit twice, each from a checkout of its own, and compares:  sh packaging/reproduce.sh
# What may differ is listed in DIFFERS, one path in the program's folder a line; anything else is an error.
set -eu
cd "$(dirname "$0")/.."
DIFFERS=""
commit=$(git rev-parse HEAD) # the branch may move during the builds
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for turn in 1 2; do
    git clone --quiet . "$work/i3desk"
    git -C "$work/i3desk" checkout --quiet "$commit"
    sh "$work/i3desk/packaging/build.sh" --allow-outdated --out "$work/$turn" >/dev/null
    rm -rf "$work/i3desk"
    sums() { (cd "$work/$turn" && find . -type f ! -name build.json -exec sha256sum {} + | sort -k 2); }
    sums >"$work/$turn.sums"
    rm -rf "${work:?}/$turn"
done
differing=$(diff "$work/1.sums" "$work/2.sums" | awk '/^[<>]/ {print $3}' | sort -u)
unlisted=$(printf '%s\n' "$differing" | grep -vxF -e "$DIFFERS" -e "" || true)
[ -z "$unlisted" ] || { echo "These differ between two builds of one commit:" >&2 && echo "$unlisted" >&2 && exit 1; }
echo "Two builds of $commit are equal: $(wc -l <"$work/1.sums") files, the archives among them."
