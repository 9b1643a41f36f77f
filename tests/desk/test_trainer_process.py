"""The training child: how it is called and how its end reaches the window."""

from __future__ import annotations

import sys

import pytest

from i3desk import trainer_process
from i3desk.trainer_process import TrainerProcess, child_command


@pytest.fixture
def child(monkeypatch):
    """Runs a line of Python in place of i3core."""

    def set_child(source: str) -> None:
        monkeypatch.setattr(
            trainer_process, "child_command", lambda arguments: (sys.executable, ["-c", source, *arguments])
        )

    return set_child


def test_the_child_gets_the_arguments_of_i3core_train(qtbot, child, tmp_path):
    told = tmp_path / "told"
    child(f"import sys, pathlib; pathlib.Path({str(told)!r}).write_text(' '.join(sys.argv[1:]))")
    trainer = TrainerProcess()
    with qtbot.waitSignal(trainer.finished):
        trainer.start("i3-mini", tmp_path / "data.jsonl", tmp_path / "run", ("--steps", "2"))
    expected = f"train --model i3-mini --data {tmp_path / 'data.jsonl'} --out {tmp_path / 'run'} --steps 2"
    assert told.read_text() == expected
    assert not trainer.running


def test_the_last_line_of_a_failed_child_is_told(qtbot, child, tmp_path):
    child("import sys; print('loading'); sys.exit('i3core: the data is empty.')")
    trainer = TrainerProcess()
    with qtbot.waitSignal(trainer.failed) as failed:
        trainer.start("i3-mini", tmp_path, tmp_path)
    assert failed.args == ["i3core: the data is empty."]


def test_a_program_that_does_not_exist_is_told(qtbot, monkeypatch, tmp_path):
    monkeypatch.setattr(trainer_process, "child_command", lambda arguments: (str(tmp_path / "nothing"), arguments))
    trainer = TrainerProcess()
    with qtbot.waitSignal(trainer.failed) as failed:
        trainer.start("i3-mini", tmp_path, tmp_path)
    assert "could not start" in failed.args[0]


def test_a_child_can_be_ended(qtbot, child, tmp_path):
    child("import time; time.sleep(60)")
    trainer = TrainerProcess()
    trainer.start("i3-mini", tmp_path, tmp_path)
    qtbot.waitUntil(lambda: trainer.running)
    with qtbot.waitSignal(trainer.failed):
        trainer.end()
    assert not trainer.running


def test_the_packaged_program_runs_itself(monkeypatch):
    assert child_command(["train"]) == (sys.executable, ["-m", "i3core", "train"])
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert child_command(["train"]) == (sys.executable, ["i3core", "train"])
