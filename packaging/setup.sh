#!/bin/sh
# Makes .venv beside the project and installs what is missing. Called by run.sh and test.sh:
#     sh packaging/setup.sh [dev]
# Does nothing (and downloads nothing) when all is there. pip's own settings are respected, PIP_FIND_LINKS for example.
set -eu
cd "$(dirname "$0")/.."
extra=${1:-}
torch=2.13.0  # the build we test with; any from 2.10 on works
say() { printf '%s\n' "$*" >&2; }

# --- libraries of the system ---------------------------------------------------------------------------------------
# Qt's libraries on Debian and its relatives; elsewhere Qt's own wheel needs no more than a desktop has.
libraries="libegl1 libgl1 libdbus-1-3 libfontconfig1 libglib2.0-0 libxkbcommon0 libxkbcommon-x11-0 libxcb-cursor0 \
libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 fonts-dejavu-core"
courtesy="fonts-noto-color-emoji"

installed() {  # newer Debian and Ubuntu releases call some packages NAMEt64
    dpkg-query -W -f '${db:Status-Abbrev}\n' "$1" "$1t64" 2>/dev/null | grep -q '^ii'
}

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
    missing=
    for package in $libraries; do installed "$package" || missing="$missing $package"; done
    if [ -n "$missing" ]; then
        for package in $courtesy; do installed "$package" || missing="$missing $package"; done
        if [ "$(id -u)" = 0 ]; then as_root=; else as_root="sudo -n"; fi
        if [ -z "$as_root" ] || $as_root true 2>/dev/null; then
            say "Installing libraries of the system:$missing"
            export DEBIAN_FRONTEND=noninteractive
            # shellcheck disable=SC2086
            { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $missing; } \
                >/dev/null 2>&1 || say "That failed. Install them by hand:  sudo apt-get install$missing"
        else
            say "The window needs libraries that are missing. Install them with:"
            say "    sudo apt-get install$missing"
        fi
    fi
fi

# --- Python --------------------------------------------------------------------------------------------------------
new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
python=
for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
    if command -v "$candidate" >/dev/null && "$candidate" -c "$new_enough" 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    say "i3desk needs Python 3.11 or newer. Install it (on Debian: sudo apt-get install python3 python3-venv) and try again."
    exit 1
fi

# A stamp of what was asked for, so that nothing is checked or fetched when nothing has changed.
wanted="$(cksum < pyproject.toml) $torch"
stamp=.venv/.installed${extra:+-$extra}
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi
if ! .venv/bin/python -c "$new_enough" 2>/dev/null; then
    rm -rf .venv
    if ! "$python" -m venv .venv >/dev/null 2>&1; then
        rm -rf .venv
        say "Python's venv module is missing. Install it (on Debian: sudo apt-get install python3-venv) and try again."
        exit 1
    fi
fi
pip() { .venv/bin/python -m pip --disable-pip-version-check --quiet "$@" 2>.venv/pip.log; }
failed() {
    tail -n 5 .venv/pip.log >&2
    say "The installation stopped. Check the network and the free disk space (3 GB), then run the same command again."
    exit 1
}
say "Installing i3desk into .venv (once; some minutes) ..."
.venv/bin/python -c 'import torch' 2>/dev/null || pip install "torch==$torch" numpy || pip install "torch>=2.10" numpy || failed
pip install --editable ".${extra:+[$extra]}" || failed
printf '%s\n' "$wanted" > "$stamp"
if [ -n "$extra" ]; then printf '%s\n' "$wanted" > .venv/.installed; fi
say "Installed."
