"""The whole window ended by signal 9 while the model talks; the long version makes fifty kills."""

from __future__ import annotations

import subprocess
import sys

from paths import REPOSITORY

SCRIPT = REPOSITORY / "tests" / "long" / "window_kill.py"


def test_what_was_said_survives_kills_of_the_window():
    done = subprocess.run([sys.executable, SCRIPT, "--kills", "3"], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "none lost" in done.stdout
