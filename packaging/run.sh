#!/bin/sh
# Sets everything up and opens the window; without a display, chats in the terminal (also from a pipe).
#     sh packaging/run.sh [options of i3desk]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
python=$here/.venv/bin/python
sh "$here/packaging/setup.sh" </dev/null

case "${1:-}" in -h | --help | --version) exec "$python" -m i3desk "$@" ;; esac
if [ -z "${DISPLAY:-}${WAYLAND_DISPLAY:-}${QT_QPA_PLATFORM:-}" ] && [ "$(uname -s)" != Darwin ]; then
    echo "There is no display, so the chat is here in the terminal." >&2
elif "$python" -c 'from PySide6.QtWidgets import QApplication; QApplication([])' </dev/null >/dev/null 2>&1; then
    exec "$python" -m i3desk "$@"
else
    echo "The window cannot be opened here (a library or the display is missing), so the chat is in the terminal." >&2
fi
if [ "${1:-}" = --model ]; then exec "$python" -m i3core chat "$2"; fi
exec "$python" -m i3core chat
