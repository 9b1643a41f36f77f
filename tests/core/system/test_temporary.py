"""Leftovers of killed processes are removed; what is in use, of others or not ours stays."""

import os
import socket
import subprocess
import sys
import time

import pytest

from i3core.system.temporary import ABANDONED_S, SOCKET_S, remove_abandoned, temporary_folder

pytestmark = pytest.mark.skipif(os.name == "nt", reason="no owners of files there")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def age(path, seconds: float) -> None:
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def ended_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_folder_of_a_process_that_is_gone_is_removed_after_a_day(place):
    gone = ended_process()
    with temporary_folder("dry-run") as alive:
        old, young, other = (
            place / name for name in (f"i3desk-dry-run-{gone}-a", f"i3desk-dry-run-{gone}-b", "i3desk-x")
        )
        for folder in (old, young, other):
            folder.mkdir()
            (folder / "file").write_text("data")
        for folder in (old, other, alive):
            age(folder, ABANDONED_S + 60)
        remove_abandoned()
        assert not old.exists()
        assert young.exists()
        assert other.exists()
        assert os.path.isdir(alive)
    assert not os.path.exists(alive)


def test_socket_that_nobody_listens_to_is_removed(place, monkeypatch):
    monkeypatch.chdir(place)  # names of sockets must be short
    with socket.socket(socket.AF_UNIX) as dead, socket.socket(socket.AF_UNIX) as alive:
        dead.bind("i3desk-0123456789abcdef")
        alive.bind("i3desk-fedcba9876543210")
        alive.listen()
        for path in place.iterdir():
            age(path, SOCKET_S + 5)
        if len(str(place)) > 70:
            pytest.skip("the path of the temporary folder is too long for a socket")
        remove_abandoned()
    assert [path.name for path in place.iterdir()] == ["i3desk-fedcba9876543210"]
