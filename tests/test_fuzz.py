"""A few hundred of the damaged inputs of tests/long/fuzz.py, of each kind and always the same ones."""

from __future__ import annotations

import subprocess
import sys

import pytest
from paths import REPOSITORY


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory and children are watched as on Linux")
def test_damaged_inputs_are_answered_or_refused_in_words():
    command = [sys.executable, str(REPOSITORY / "tests" / "long" / "fuzz.py"), "--inputs", "210"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "210 damaged inputs of 7 kinds: 0 faults" in done.stdout
