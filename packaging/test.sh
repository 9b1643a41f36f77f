#!/bin/sh
# Sets everything up and runs the tests:  sh packaging/test.sh [options of pytest]
set -eu
cd "$(dirname "$0")/.."
sh packaging/setup.sh dev
export QT_QPA_PLATFORM=offscreen
export OMP_WAIT_POLICY=passive  # threads that spin would slow the tests that run several programs at once
exec .venv/bin/python -m pytest "$@"
