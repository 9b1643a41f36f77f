"""How the program starts where something is missing: a display, stderr, the disk, a usual home."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from paths import REPOSITORY

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="displays and pipes of Linux")

WARN = """
import sys
from pathlib import Path
from PySide6.QtCore import QTimer, qWarning
from i3desk import app
from i3desk.paths import Paths
before = app.Application.__init__
def build(self, *arguments, **options):
    qWarning("early")
    before(self, *arguments, **options)
    if sys.argv[1:] == ["fail"]:
        raise RuntimeError("no room")
    self.window.first_painted.disconnect()  # no model is loaded
    self.window.first_painted.connect(painted)
    self.window.first_painted.connect(lambda: QTimer.singleShot(0, self.window.close))
def painted():
    qWarning("a warning of Qt")
    Path("after").write_text("the slot ran to its end")
app.Application.__init__ = build
box = app.show_start_error
app.show_start_error = lambda *said: print("window:", said[0])
sys.exit(app.run(None, None))
"""


def home(folder):
    """Variables of a fresh home below `folder`."""
    names = ("DATA", "CONFIG", "STATE", "CACHE")
    (folder / "run").mkdir(mode=0o700, exist_ok=True)
    variables = {f"XDG_{name}_HOME": str(folder / name.lower()) for name in names}
    return {
        **os.environ, **variables, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder / "run"),
        "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "QT_QPA_PLATFORM": "offscreen",
    }  # fmt: skip


def start(tmp_path, *arguments, stderr, **variables):
    command = [sys.executable, *arguments]
    environment = {name: value for name, value in (home(tmp_path) | variables).items() if value is not None}
    return subprocess.run(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=60
    )


@pytest.mark.parametrize(
    "variables",
    [
        {"QT_QPA_PLATFORM": None, "DISPLAY": None, "WAYLAND_DISPLAY": None},
        {"QT_QPA_PLATFORM": "xcb", "DISPLAY": ":93"},
        {"QT_QPA_PLATFORM": "wayland", "WAYLAND_DISPLAY": "nowhere"},
        {"QT_QPA_PLATFORM": "no-such-platform"},
    ],
)
def test_start_without_a_display_says_so_in_one_line(tmp_path, variables):
    done = start(tmp_path, "-m", "i3desk", stderr=subprocess.PIPE, **variables)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("error: XDG_RUNTIME_DIR")]
    assert done.returncode == 1
    assert len(lines) == 1
    assert "no display" in lines[0]
    assert "i3core chat" in lines[0]


def closed_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("place", ["closed pipe", "full disk", "closed"])
def test_warnings_of_qt_without_a_usable_stderr_change_nothing(tmp_path, place):
    if place == "full disk":
        stderr = os.open("/dev/full", os.O_WRONLY)
    else:
        stderr = closed_pipe()
    code = WARN if place != "closed" else f"import sys\nsys.stderr.close()\n{WARN}"
    done = start(tmp_path, "-c", code, stderr=stderr)
    os.close(stderr)
    assert (tmp_path / "after").read_text() == "the slot ran to its end"
    assert done.returncode in (0, 120)  # 120: Python could not flush stderr at its very end
    assert "a warning of Qt" in next(tmp_path.rglob("i3desk.log")).read_text()


def test_start_that_fails_says_so_in_a_window(tmp_path):
    done = start(tmp_path, "-c", WARN, "fail", stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stdout.strip() == "window: i3desk cannot start: no room"
    assert "no room" in next(tmp_path.rglob("i3desk.log")).read_text()


def test_home_whose_name_is_not_utf8_is_used(tmp_path):
    odd = tmp_path / os.fsdecode(b"jos\xe9")
    odd.mkdir()
    done = start(odd, "-c", WARN, stderr=subprocess.PIPE)
    assert (odd / "after").exists(), done.stderr
    assert done.returncode == 0
    assert (odd / "data" / "i3desk" / "conversations.sqlite3").exists()


@pytest.mark.parametrize("command", [["download", "author/name"], ["updates"]])
@pytest.mark.parametrize("has_package", [True, False])
def test_socks_proxy_works_or_one_line_says_what_is_missing(tmp_path, command, has_package):
    proxy = "socks5://127.0.0.1:9"
    hide = "" if has_package else "sys.modules['socksio'] = None\n"
    code = f"import sys\n{hide}from i3core.cli.main import main\nsys.exit(main({command!r}))"
    done = start(tmp_path, "-c", code, stderr=subprocess.PIPE, ALL_PROXY=proxy, all_proxy=proxy)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert ("socksio" in done.stderr) != has_package


def test_sigterm_ends_the_window(tmp_path):
    code = WARN.replace("QTimer.singleShot(0, self.window.close)", "signal.raise_signal(signal.SIGTERM)")
    done = start(tmp_path, "-c", f"import signal\n{code}", stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr
