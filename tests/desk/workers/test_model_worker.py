"""Worker threads: order of signals, cancelling, bugs and shutting down."""

from __future__ import annotations

import itertools
import threading
from types import SimpleNamespace

import pytest

from i3core.errors import CheckpointError, I3Error
from i3core.generation.config import SamplingConfig
from i3desk.workers import model_worker
from i3desk.workers.background import BackgroundJobs
from i3desk.workers.model_worker import ModelWorker

HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def jobs(qtbot, model):
    jobs = ModelWorker(loader=model.load)
    jobs.heard = []
    for name in ("model_ready", "load_failed", "piece_ready", "finished", "cancelled", "failed", "crashed"):
        getattr(jobs, name).connect(lambda *values, name=name: jobs.heard.append((name, *values)))
    yield jobs
    if jobs.running:
        with qtbot.waitSignal(jobs.stopped, timeout=60_000):
            jobs.shut_down()


@pytest.fixture
def ready(jobs, qtbot):
    with qtbot.waitSignal(jobs.model_ready):
        jobs.load(None)
    jobs.heard.clear()
    return jobs


def names(jobs) -> list[str]:
    return [event[0] for event in jobs.heard]


def test_reply_is_pieces_followed_by_one_end(ready, qtbot):
    with qtbot.waitSignal(ready.finished) as end:
        job = ready.generate(HELLO, SamplingConfig())
    assert names(ready) == ["piece_ready"] * 4 + ["finished"]
    assert end.args == [job]
    assert ready.heard[3][2].finish_reason == "stop"


def test_cancelling_twice_ends_the_reply_once(ready, qtbot, model):
    model.endless = True
    ready.generate(HELLO, SamplingConfig())
    qtbot.waitUntil(lambda: len(ready.heard) > 3)
    with qtbot.waitSignal(ready.cancelled):
        ready.cancel()
        ready.cancel()
    assert names(ready).count("cancelled") == 1
    assert "finished" not in names(ready)


def test_known_error_is_reported_and_the_worker_continues(ready, qtbot, model):
    model.speak_error = CheckpointError("It broke.", "Mend it.")
    with qtbot.waitSignal(ready.failed) as end:
        job = ready.generate(HELLO, SamplingConfig())
    assert end.args == [job, "It broke.", "Mend it."]
    assert "crashed" not in names(ready)
    model.speak_error = None
    with qtbot.waitSignal(ready.finished):
        ready.generate(HELLO, SamplingConfig())


def test_bug_is_reported_with_its_traceback_and_the_worker_continues(ready, qtbot, model):
    model.speak_error = KeyError("layers.7")
    with qtbot.waitSignals([ready.failed, ready.crashed]):
        ready.generate(HELLO, SamplingConfig())
    details = next(event[1] for event in ready.heard if event[0] == "crashed")
    assert "Traceback" in details
    assert "layers.7" in details
    model.speak_error = None
    with qtbot.waitSignal(ready.finished):
        ready.generate(HELLO, SamplingConfig())


@pytest.fixture
def large_numbers(monkeypatch):
    """Job numbers that do not fit in 32 bits."""
    monkeypatch.setattr(model_worker, "itertools", SimpleNamespace(count=lambda start: itertools.count(2**40)))


def test_large_numbers_pass_between_the_threads_unchanged(large_numbers, ready, qtbot):
    with qtbot.waitSignal(ready.finished) as end:
        ready.generate(HELLO, SamplingConfig())
    assert end.args == [2**40]


def test_shutting_down_during_a_reply_ends_the_thread(ready, qtbot, model):
    model.endless = True
    ready.generate(HELLO, SamplingConfig())
    qtbot.waitUntil(lambda: len(ready.heard) > 3)
    with qtbot.waitSignal(ready.stopped, timeout=60_000):
        ready.shut_down()
    assert not ready.running


def test_shutting_down_before_a_load_ends_at_once(jobs, qtbot):
    with qtbot.waitSignal(jobs.stopped, timeout=60_000):
        jobs.shut_down()
    jobs.load(None)
    assert not jobs.running


def test_cancelling_one_of_two_replies_leaves_the_other(ready, qtbot, model):
    model.endless = True
    first = ready.generate(HELLO, SamplingConfig())
    second = ready.generate(HELLO, SamplingConfig())
    with qtbot.waitSignal(ready.cancelled) as end:
        ready.cancel(first)
    assert end.args == [first]
    qtbot.waitUntil(lambda: any(event[:2] == ("piece_ready", second) for event in ready.heard))
    assert names(ready).count("cancelled") == 1


def test_unloaded_model_answers_with_an_error_until_it_is_loaded_again(ready, qtbot):
    with qtbot.waitSignal(ready.unloaded):
        ready.unload()
    with qtbot.waitSignal(ready.failed):
        ready.generate(HELLO, SamplingConfig())
    with qtbot.waitSignal(ready.model_ready):
        ready.load(None)
    with qtbot.waitSignal(ready.finished):
        ready.generate(HELLO, SamplingConfig())


@pytest.fixture
def background(qtbot):
    jobs = BackgroundJobs()
    yield jobs
    with qtbot.waitSignal(jobs.stopped, timeout=60_000):
        jobs.shut_down()


def test_background_work_runs_in_another_thread_and_calls_back_in_this_one(background, qtbot):
    here, heard = threading.get_ident(), []
    background.run(threading.get_ident, lambda there: heard.append((there, threading.get_ident())))
    qtbot.waitUntil(lambda: bool(heard))
    there, back = heard[0]
    assert there != here
    assert back == here


def test_background_jobs_end_in_order_and_forgotten_ones_do_not_call_back(background, qtbot):
    heard, gate = [], threading.Event()
    background.run(gate.wait, heard.append)
    forgotten = background.run(lambda: "forgotten", heard.append)
    background.run(lambda: "last", heard.append)
    background.forget(forgotten)
    gate.set()
    qtbot.waitUntil(lambda: "last" in heard)
    assert heard == [True, "last"]


def test_background_errors_call_back_and_bugs_are_reported(background, qtbot):
    def refuse():
        raise I3Error("The disk is full.", "Free some space.")

    failed, crashed = [], []
    background.crashed.connect(crashed.append)
    background.run(refuse, lambda _: None, failed.append)
    background.run(lambda: 1 / 0, lambda _: None, failed.append)
    qtbot.waitUntil(lambda: len(failed) == 2)
    assert failed[0].remedy == "Free some space."
    assert "ZeroDivisionError" in failed[1].what
    assert "ZeroDivisionError" in crashed[0]
