"""A real window with a real worker thread; only the model behind the thread is a fake that the test leads."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from i3desk.app import Desk
from i3desk.jobs import ModelInfo
from i3desk.places import Places

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items) -> None:
    """The offscreen platform says this about every window that has a smallest size; it is no fault of ours."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints", extend=True))


@dataclass(frozen=True)
class FakePiece:
    """The fields of i3core.generation.Piece, without importing torch."""

    text: str
    token_id: int = 1
    logprob: float = -0.5
    prompt_tokens: int = 10
    new_tokens: int = 0
    window_used: int = 0
    window: int = 512
    dropped_turns: int = 0
    tokens_per_second: float = 180.0
    seconds_to_first_token: float = 0.02
    seed: int = 7321
    finish_reason: str | None = None


@dataclass
class FakeModel:
    """What the worker loads and runs.

    Attributes:
        words: the pieces of every reply.
        may_load, may_speak: cleared by a test that wants to see what happens before; speaking waits before each piece.
        endless: replies go on until they are cancelled.
        load_error, speak_error: raised instead of loading or after the first piece.
        asked: (messages, sampling) of every reply.
    """

    words: tuple[str, ...] = ("the moon ", "is a ", "big rock.")
    endless: bool = False
    dropped_turns: int = 0
    finish_reason: str = "stop"
    load_error: Exception | None = None
    speak_error: Exception | None = None
    asked: list = field(default_factory=list)
    may_load: threading.Event = field(default_factory=threading.Event)
    may_speak: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_load.set()
        self.may_speak.set()

    def load(self, folder, cancelled):
        while not self.may_load.wait(0.005):
            if cancelled():
                return None
        if self.load_error is not None:
            raise self.load_error
        device = "CPU, 2 threads, float32 (no CUDA device found)"
        return ModelInfo("i3-mini", 10_400_000, 512, device, ()), self.stream

    def stream(self, messages, sampling, cancelled) -> Iterator[FakePiece]:
        self.asked.append((messages, sampling))
        count = 0
        while True:
            for word in self.words:
                while not self.may_speak.wait(0.002) and not cancelled():
                    pass
                if cancelled():
                    yield self.piece("", count, finish_reason="cancelled")
                    return
                count += 1
                yield self.piece(word, count)
                if self.speak_error is not None:
                    raise self.speak_error
                if self.endless:
                    time.sleep(0.001)
            if not self.endless:
                break
        yield self.piece("", count, finish_reason=self.finish_reason)

    def piece(self, text: str, count: int, finish_reason: str | None = None) -> FakePiece:
        return FakePiece(
            text,
            new_tokens=count,
            window_used=min(512, 10 + count),
            dropped_turns=self.dropped_turns,
            finish_reason=finish_reason,
        )


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def places(tmp_path, monkeypatch) -> Places:
    """Files below the test's own folder; the user's are out of reach."""

    def refuse() -> Places:
        raise AssertionError("a test reached for the user's own files")

    monkeypatch.setattr(Places, "of_user", staticmethod(refuse))
    return Places.under(tmp_path / "user")


@pytest.fixture
def open_desk(qtbot, qapp, places, model):
    """Opens the program, as often as a test likes; each is closed cleanly at the end."""
    opened: list[Desk] = []

    def open_(**options) -> Desk:
        desk = Desk(qapp, places, loader=model.load, **options)
        opened.append(desk)
        with qtbot.waitSignal(desk.window.first_painted):
            desk.show()
        return desk

    def close(desk: Desk) -> None:
        if desk not in opened:
            return
        opened.remove(desk)
        model.may_load.set()
        model.may_speak.set()
        if desk.window.isVisible():
            with qtbot.waitSignal(desk.window.closed):
                desk.window.close()
        desk.window.deleteLater()
        desk.deleteLater()
        qapp.processEvents()

    open_.close = close
    yield open_
    for desk in list(opened):
        close(desk)


@pytest.fixture
def desk(open_desk, qtbot) -> Desk:
    """The open program with its model ready."""
    desk = open_desk()
    qtbot.waitUntil(lambda: desk.window.session.model is not None)
    return desk


@pytest.fixture
def say(qtbot):
    """Types a message and presses Enter; waits for the end of the reply unless told not to."""
    from PySide6.QtCore import Qt

    def say_(desk: Desk, text: str, wait: bool = True) -> None:
        edit = desk.window.chat_page.composer.edit
        qtbot.keyClicks(edit, text)
        qtbot.keyClick(edit, Qt.Key.Key_Return)
        if wait:
            qtbot.waitUntil(lambda: not desk.window.session.busy)

    return say_
