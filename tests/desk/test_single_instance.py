"""One i3desk for each place of data, whatever the lock file holds; and what a start says in a window."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from paths import REPOSITORY
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from i3desk.paths import Paths
from i3desk.single_instance import SingleInstance, StartRequest
from i3desk.window.start_problems import show_start_error, wait_for_first

HOLDER = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from i3desk.paths import Paths
from i3desk.single_instance import SingleInstance, StartRequest
app = QCoreApplication([])
instance = SingleInstance(Paths.under(Path(sys.argv[1])))
instance.called.connect(lambda asked: print("called", asked.model, *map(ascii, map(str, asked.paths)), flush=True))
print(instance.is_first, flush=True)
app.exec()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that is i3desk already."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    )
    assert process.stdout.readline().strip() == "True"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def press(text: str) -> list[str]:
    """Press this button of the next message box; returns a list that receives what the box says."""
    said: list[str] = []

    def look() -> None:
        box = QApplication.activeModalWidget()
        if not isinstance(box, QMessageBox):
            QTimer.singleShot(20, look)
            return
        said.append(f"{box.text()} {box.informativeText()}")
        buttons = {button.text().replace("&", ""): button for button in box.buttons()}
        said.extend(name for name, button in buttons.items() if button.isEnabled())
        buttons[text].click()

    QTimer.singleShot(0, look)
    return said


def test_second_start_calls_first_one(qapp, tmp_path, other):
    second = SingleInstance(Paths.under(tmp_path))
    assert not second.is_first
    paths = (tmp_path / "a file", Path(os.fsdecode(b"/jos\xe9")))
    assert second.call_first(StartRequest("/models/fox", paths))
    assert other.stdout.readline().split() == ["called", "/models/fox", *" ".join(map(ascii, map(str, paths))).split()]


@pytest.mark.parametrize("line", [b"", b"[", b"[1]", b'{"paths": 3}', b'{"paths": [null]}', b"[" * 5000, b"\xff"])
def test_request_of_another_version_only_shows_the_window(line):
    assert StartRequest.from_line(line) == StartRequest()


def test_killed_instance_releases_lock(qapp, tmp_path, other):
    os.kill(other.pid, signal.SIGKILL)
    other.wait()
    second = SingleInstance(Paths.under(tmp_path))
    assert second.is_first
    second.release()


def test_other_data_folder_has_its_own_instance(qapp, tmp_path, other):
    elsewhere = SingleInstance(Paths.under(tmp_path / "elsewhere"))
    assert elsewhere.is_first
    elsewhere.release()
    again = SingleInstance(Paths.under(tmp_path / "elsewhere"))
    assert again.is_first
    again.release()


def test_unwritable_data_folder_does_not_stop_program(qapp, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert SingleInstance(Paths.under(tmp_path / "file")).is_first


CONTENTS = [
    b"", b"\0" * 64, b"12", b"4711\ni3desk\nlaptop\n\n\n", b"\xff\xfe garbled", b"[" * 5000,
    json.dumps({"pid": 1, "started": 0}).encode(), json.dumps({"pid": 10**30, "started": "x"}).encode(),
]  # fmt: skip


@pytest.mark.parametrize("content", CONTENTS)
def test_left_over_lock_file_of_any_content_is_taken_over(qapp, tmp_path, content):
    lock_file = Paths.under(tmp_path).lock_file
    lock_file.write_bytes(content)
    instance = SingleInstance(Paths.under(tmp_path))
    assert instance.is_first
    second = SingleInstance(Paths.under(tmp_path))
    assert not second.is_first
    instance.release()
    assert not lock_file.exists()
    assert second.take()
    second.release()


@pytest.mark.parametrize("content", CONTENTS)
def test_damaged_lock_file_of_a_running_instance_still_locks(qapp, tmp_path, other, content):
    Paths.under(tmp_path).lock_file.write_bytes(content)
    second = SingleInstance(Paths.under(tmp_path))
    assert not second.is_first
    assert second.call_first(StartRequest())
    assert not second.can_end_first()


def test_lock_that_cannot_be_written_still_locks(qapp, tmp_path, other, monkeypatch):
    """A full disk: no new file can be made, and an old one not be written."""
    real = os.open

    def full(path, flags, *rest):
        if flags & os.O_CREAT:
            raise OSError(28, "No space left on device")
        return real(path, flags, *rest)

    monkeypatch.setattr(os, "open", full)
    second = SingleInstance(Paths.under(tmp_path))
    assert not second.is_first
    assert SingleInstance(Paths.under(tmp_path / "empty")).is_first


def test_place_without_locks_relies_on_the_socket(qapp, tmp_path, other, monkeypatch):
    def refuse(*_):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("i3desk.single_instance._lock", refuse)
    assert not SingleInstance(Paths.under(tmp_path)).is_first
    assert SingleInstance(Paths.under(tmp_path / "other")).is_first


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_home_whose_name_is_not_utf8_has_an_instance(qapp, tmp_path):
    folder = tmp_path / os.fsdecode(b"jos\xe9")
    instance = SingleInstance(Paths.under(folder))
    assert instance.is_first
    assert not SingleInstance(Paths.under(folder)).is_first
    instance.release()


# -------------------------------------------------------------------------------------------------------------- windows


@pytest.fixture
def hanging(qapp, tmp_path, other, monkeypatch):
    """A second start while the first one hangs."""
    monkeypatch.setattr("i3desk.single_instance.ANSWER_MS", 100)
    other.send_signal(signal.SIGSTOP)
    while psutil.Process(other.pid).status() != psutil.STATUS_STOPPED:
        time.sleep(0.01)
    second = SingleInstance(Paths.under(tmp_path))
    assert not second.is_first
    assert not second.call_first(StartRequest())
    yield second
    second.release()


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
def test_hanging_instance_can_be_ended_from_a_window(hanging, other):
    said = press("Quit it and start")
    assert wait_for_first(hanging, StartRequest())
    assert "not responding" in said[0]
    assert hanging.is_first
    assert other.wait(5) is not None


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
def test_hanging_instance_can_be_left_alone_or_tried_again(hanging, other, monkeypatch):
    press("Close")
    assert not wait_for_first(hanging, StartRequest())
    assert other.poll() is None
    monkeypatch.setattr("i3desk.single_instance.ANSWER_MS", 20_000)
    other.send_signal(signal.SIGCONT)
    press("Try again")
    assert not wait_for_first(hanging, StartRequest("/models/fox"))
    assert "called /models/fox" in [other.stdout.readline().strip() for _ in range(2)]


@pytest.mark.skipif(os.name == "nt", reason="signals are different there")
def test_unknown_holder_is_not_offered_to_be_ended(hanging, tmp_path):
    Paths.under(tmp_path).lock_file.write_bytes(b"of another computer")
    said = press("Close")
    assert not wait_for_first(hanging, StartRequest())
    assert "another computer" in said[0]
    assert "Quit it and start" not in said


def test_start_error_is_shown_in_a_window(qapp, tmp_path):
    said = press("OK")
    show_start_error("i3desk cannot start: no space.", "Free some space.", Paths.under(tmp_path))
    assert "no space" in said[0]
    assert "Free some space" in said[0]
