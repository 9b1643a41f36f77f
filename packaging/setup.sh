#!/bin/sh
# Makes .venv in the project and installs what is missing. Called by run.sh, test.sh and build.sh:
#     sh packaging/setup.sh [dev | package | package-cuda]
# The last two make an environment in build/ with exactly what is packed, in the versions of constraints.txt.
# Does nothing (and downloads nothing) when all is there. pip's own settings are respected, PIP_FIND_LINKS for example.
set -eu
cd "$(dirname "$0")/.."
extra=${1:-}
torch=2.13.0  # the build we test with; any from 2.10 on works
case "$extra" in
package*) venv=build/venv-$extra pins=packaging/constraints.txt ;;
*) venv=.venv pins= ;;
esac
say() { printf '%s\n' "$*" >&2; }

# --- packages of the system, on Debian and its relatives -----------------------------------------------------------
has_apt() { command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; }
installed() {  # newer releases call some packages NAMEt64
    dpkg-query -W -f '${db:Status-Abbrev}\n' "$1" "$1t64" 2>/dev/null | grep -q '^ii'
}
if [ "$(id -u)" = 0 ]; then as_root=; else as_root="sudo -n"; fi
apt_install() {  # fails if these packages cannot be installed here; says how to do it by hand
    if [ -z "$as_root" ] || $as_root true 2>/dev/null; then
        say "Installing packages of the system: $*"
        DEBIAN_FRONTEND=noninteractive
        export DEBIAN_FRONTEND
        $as_root apt-get update -qq </dev/null >/dev/null 2>&1 || true
        $as_root apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null 2>&1 && return 0
        say "That failed."
    fi
    say "Install them by hand with:"
    say "    sudo apt-get install $*"
    return 1
}

# --- Python --------------------------------------------------------------------------------------------------------
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
        if command -v "$candidate" >/dev/null && "$candidate" -c "$new_enough" 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
}
python=$(find_python)
if [ -z "$python" ] && has_apt && apt_install python3 python3-venv; then python=$(find_python); fi
if [ -z "$python" ]; then
    say "i3desk needs Python 3.11 or newer. Install it and try again."
    exit 1
fi

# The decoder's inner loops, where there is a C compiler; without one, torch does the same.
"$python" packaging/native.py || true

# A stamp of what was asked for, so that nothing is checked or fetched when nothing has changed.
version='import sys; print(*sys.version_info[:2])'
wanted="$(cat pyproject.toml ${pins:-} | cksum) $torch $(pwd -P) $("$python" -c "$version")"
stamp=$venv/.installed${extra:+-$extra}
if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
if [ "$("$venv/bin/python" -c "$version" 2>/dev/null)" != "$("$python" -c "$version")" ]; then
    rm -rf "$venv"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null && has_apt; then
        apt_install python3-venv || exit 1
    fi
    if ! problem=$("$python" -m venv "$venv" 2>&1); then
        rm -rf "$venv"
        say "Python could not make $venv:"
        say "$problem"
        exit 1
    fi
fi

# --- Qt's libraries ------------------------------------------------------------------------------------------------
if has_apt; then
    missing= wanted_too=
    case "$extra" in package*) wanted_too="binutils libwayland-cursor0" ;; esac
    for package in $wanted_too libegl1 libgl1 libgssapi-krb5-2 libdbus-1-3 libfontconfig1 libglib2.0-0 libxkbcommon0 libxkbcommon-x11-0 \
        libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 fonts-dejavu-core; do
        installed "$package" || missing="$missing $package"
    done
    if [ -n "$missing" ]; then
        # shellcheck disable=SC2086
        apt_install $missing || say "Until then the chat is in the terminal."
        installed fonts-noto-color-emoji || apt_install fonts-noto-color-emoji 2>/dev/null || true
    fi
    # A screen for the tests that want a real one; without it those are skipped.
    [ -z "$extra" ] || installed xvfb || apt_install xvfb 2>/dev/null || true
fi

# --- Python packages -----------------------------------------------------------------------------------------------
pip() { "$venv/bin/python" -m pip --disable-pip-version-check --quiet "$@" </dev/null 2>"$venv/pip.log"; }
failed() {
    tail -n 5 "$venv/pip.log" >&2
    say "The installation stopped. Check the network and the free disk space, then run the same command again."
    exit 1
}
say "Installing i3desk into $venv (once; some minutes) ..."
has_torch() { "$venv/bin/python" -c 'import torch' 2>/dev/null; }
case "$extra" in
package)  # the build for CPUs: from where pip looks, or from PyTorch's own list
    has_torch || pip install "torch==$torch+cpu" || pip install "torch==$torch" --index-url https://download.pytorch.org/whl/cpu || failed
    ;;
package-cuda) has_torch || pip install "torch==$torch" || failed ;;
*) has_torch || pip install "torch==$torch" numpy || pip install "torch>=2.10" numpy || failed ;;
esac
case "$extra" in
package*) pip install --constraint "$pins" --editable ".[package]" || failed ;;
*) pip install --editable ".${extra:+[$extra]}" || failed ;;
esac
printf '%s\n' "$wanted" > "$venv/.installed"
printf '%s\n' "$wanted" > "$stamp"
say "Installed."
