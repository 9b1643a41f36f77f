"""One i3desk for each place of data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from paths import REPOSITORY

from i3desk.paths import Paths
from i3desk.single_instance import SingleInstance

HOLDER = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from i3desk.paths import Paths
from i3desk.single_instance import SingleInstance
app = QCoreApplication([])
instance = SingleInstance(Paths.under(Path(sys.argv[1])))
instance.called.connect(lambda model: print("called", model, flush=True))
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


def test_second_start_calls_first_one(qapp, tmp_path, other):
    second = SingleInstance(Paths.under(tmp_path))
    assert not second.is_first
    assert second.call_first("/models/fox")
    assert other.stdout.readline().strip() == "called /models/fox"


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
