"""The whole window with the bundled model, walked through in a process of its own: nothing ever holds it up."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
from paths import SUPPORT

TOUR = SUPPORT / "tour.py"
LONGEST_STALL_MS = 50
MOST_TRIES = 5  # a busy machine may hold one walk up; the program itself must be able to do it


@pytest.fixture(params=["offscreen", "xvfb"])
def environment(request) -> Iterator[dict[str, str]]:
    """Qt without a screen, and with an X server that has one."""
    if request.param == "offscreen":
        yield os.environ | {"QT_QPA_PLATFORM": "offscreen"}
        return
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1000x24", "-nolisten", "tcp"],
        pass_fds=(write,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    try:
        with open(read) as display:
            yield os.environ | {"QT_QPA_PLATFORM": "xcb", "DISPLAY": f":{display.readline().strip()}"}
    finally:
        server.terminate()
        server.wait()


@pytest.mark.alone
def test_nothing_holds_the_window_up_on_a_walk_through_it(environment, tmp_path):
    best: dict[str, float] = {}
    for number in range(MOST_TRIES):
        done = subprocess.run(
            [sys.executable, str(TOUR), str(tmp_path / str(number))],
            capture_output=True, text=True, timeout=180,
            env=environment | {"I3DESK_RUNS_FILE": str(tmp_path / "runs.json")},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        result = json.loads(done.stdout.splitlines()[-1])
        assert "crash" not in result
        assert done.stderr.replace("This plugin does not support propagateSizeHints()", "").strip() == ""
        assert result["open_big_s"] < 0.5
        stalls = result["stalls_ms"]
        del stalls["start"]  # while torch is imported; the smoke run measures it
        best = {phase: min(stall, best.get(phase, stall)) for phase, stall in stalls.items()}
        if max(best.values()) <= LONGEST_STALL_MS:
            return
    assert max(best.values()) <= LONGEST_STALL_MS, best
