#!/bin/sh
# Sets everything up and runs the tests:  sh packaging/test.sh [options of pytest]
set -eu
cd "$(dirname "$0")/.."
sh packaging/setup.sh dev </dev/null
export QT_QPA_PLATFORM=offscreen
unset PYTHONDONTWRITEBYTECODE # a hundred child processes would compile every module each for itself
exec .venv/bin/python -m pytest -n auto --maxprocesses 4 --dist worksteal "$@"
