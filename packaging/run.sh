#!/bin/sh
# Sets everything up and opens the window; without a display, chats in the terminal (also from a pipe).
#     sh packaging/run.sh [options of i3desk]
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
sh "$here/packaging/setup.sh"
if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || [ "$(uname -s)" = Darwin ] || [ -n "${QT_QPA_PLATFORM:-}" ]; then
    exec "$here/.venv/bin/python" -m i3desk "$@"
fi
echo "There is no display, so the chat is here in the terminal." >&2
exec "$here/.venv/bin/python" -m i3core chat
