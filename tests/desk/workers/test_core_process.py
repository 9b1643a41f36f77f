"""Child processes: their reports and their ends, as the window receives them."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from i3desk.workers import core_process
from i3desk.workers.core_process import CoreProcess


@pytest.fixture
def child(qtbot):
    """Runs a line of Python as the child would run i3core; returns it with what it reports."""
    made: list[CoreProcess] = []

    def start(source: str, **options) -> tuple[CoreProcess, list]:
        process = CoreProcess("download", **options)
        made.append(process)
        told: list = []
        process.reported.connect(told.append)
        process.start_program(sys.executable, ["-c", source])
        return process, told

    yield start
    for process in made:
        process.kill()


def test_real_command_reports_a_line_of_json(qtbot):
    process, told = CoreProcess("count"), []
    process.reported.connect(told.append)
    with qtbot.waitSignal(process.finished, timeout=30_000):
        process.start(["tokenize", "--text", "hello", "--json"])
    assert [list(each) for each in told] == [["ids", "chunks"]]
    assert "".join(told[0]["chunks"]) == "hello"


def test_lines_arrive_whole_and_before_the_end_without_a_final_line_break(qtbot, child):
    source = (
        "import sys, time\n"
        "write = lambda data: (sys.stdout.buffer.write(data), sys.stdout.flush(), time.sleep(0.05))\n"
        "write('{\"name\": \"caf\\u00e9'.encode()[:-1]); write(b'\\xa9\"}\\nloading\\n[1]\\n'); write(b'{\"n\": 2}')"
    )
    process, told = child(source)
    seen_at_the_end: list = []
    process.finished.connect(lambda: seen_at_the_end.extend(told))
    qtbot.waitUntil(lambda: not process.running)
    assert seen_at_the_end == [{"name": "café"}, {"n": 2}]


def test_failure_reports_the_last_line_of_stderr(qtbot, child):
    process, _ = child(
        "import sys; print('{}'); print('i3core: a warning', file=sys.stderr); sys.exit('i3core: no net.')"
    )
    with qtbot.waitSignal(process.failed) as failed:
        pass
    assert failed.args == ["i3core: no net."]


def test_silent_failure_and_missing_program_are_reported(qtbot, child, tmp_path):
    process, _ = child("raise SystemExit(3)")
    with qtbot.waitSignal(process.failed) as failed:
        pass
    assert failed.args == ["The download ended with status 3."]
    with qtbot.waitSignal(process.failed) as failed:
        process.start_program(str(tmp_path / "nothing"), [])
    assert failed.args[0].startswith("The download could not start: ")


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_child_that_ignores_the_request_to_end_is_killed(qtbot, child, monkeypatch):
    monkeypatch.setattr(core_process, "KILL_AFTER_MS", 100)
    process, told = child(
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('{}', flush=True); time.sleep(60)"
    )
    qtbot.waitUntil(lambda: told == [{}])
    with qtbot.waitSignal(process.failed) as failed:
        process.end()
    assert "ended from outside" in failed.args[0]
    assert not process.running


def test_child_gets_given_variables_and_those_of_the_window(qtbot, child, monkeypatch):
    monkeypatch.setenv("OF_THE_WINDOW", "1")
    source = (
        "import json, os; print(json.dumps({key: os.environ.get(key) for key in ('HF_ENDPOINT', 'OF_THE_WINDOW')}))"
    )
    process, told = child(source, environment={"HF_ENDPOINT": "http://127.0.0.1:9"})
    qtbot.waitUntil(lambda: not process.running)
    assert told == [{"HF_ENDPOINT": "http://127.0.0.1:9", "OF_THE_WINDOW": "1"}]


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_crash_is_reported(qtbot, child):
    process, _ = child(f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})")
    with qtbot.waitSignal(process.failed) as failed:
        pass
    assert failed.args == ["The download process was ended from outside. Perhaps the memory ran out."]


def test_lines_reach_the_child_at_once_and_its_input_ends_on_request(qtbot, child):
    source = (
        "import json, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "for line in sys.stdin: print(json.dumps({'heard': line}), flush=True)"
    )
    process, told = child(source)
    process.say("caf\u00e9")
    qtbot.waitUntil(lambda: told == [{"heard": "caf\u00e9\n"}])
    process.say("again")
    qtbot.waitUntil(lambda: len(told) == 2)
    with qtbot.waitSignal(process.finished):
        process.end()
