"""The window is killed with signal 9 while the model replies; the long version makes fifty kills."""

from __future__ import annotations

import subprocess
import sys

import pytest
from paths import REPOSITORY

SCRIPT = REPOSITORY / "tests" / "long" / "window_kill.py"


@pytest.mark.slow
def test_messages_survive_kills_of_the_window():
    done = subprocess.run([sys.executable, SCRIPT, "--kills", "3"], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "none lost" in done.stdout
