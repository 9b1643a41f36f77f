"""A real window with a real worker thread; only the model behind the thread is a fake that the test leads."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fork_relay import RelayPoint
from fork_server import ForkServer
from paths import REPOSITORY, SUPPORT
from PySide6.QtCore import QEvent
from training_window import ForkedTrainers, trainers_in

from i3core.generation.outputs import Alternative, Chunk, Piece
from i3core.system import assets
from i3core.text.chat_template import ChatTemplate
from i3core.text.tokenizer import ChunkTokenizer
from i3desk.paths import Paths
from i3desk.runs import launcher
from i3desk.workers import core_process
from i3desk.workers.model_worker import GenerateRequest, LoadRequest, ModelInfo

HERE = Path(__file__).parent
CLOSE_MS = 60_000
if os.environ.setdefault("QT_QPA_PLATFORM", "offscreen") == "offscreen":  # whose screen is smaller than our window
    os.environ["QT_QPA_PLATFORM"] = f"offscreen:configfile={SUPPORT / 'screen.json'}"


def pytest_collection_modifyitems(items) -> None:
    """The offscreen platform says this about every window that has a smallest size; it is no fault of ours."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.qt_log_ignore("This plugin does not support", extend=True))


@pytest.fixture(autouse=True)
def no_collection_in_workers() -> Iterator[None]:
    """As in the program (see GcControl): in a worker's thread, collecting an object of Qt may block both threads."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer | None]:
    """A process with torch loaded, to fork children from; None where processes cannot be forked."""
    if not hasattr(os, "fork"):
        yield None
        return
    server = ForkServer({**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"})
    yield server
    server.close()


@pytest.fixture
def forked_trainers(fork_server, monkeypatch, tmp_path) -> Iterator[Callable[[], list]]:
    """Starts trainers in milliseconds, as forks; yields a function that lists those running."""
    if fork_server is None:
        yield lambda: trainers_in(tmp_path)
        return
    trainers = ForkedTrainers(fork_server)
    monkeypatch.setattr(launcher, "spawn", trainers.spawn)
    yield trainers.running
    trainers.close()


@pytest.fixture
def forked_children(fork_server, monkeypatch, tmp_path_factory) -> Iterator[None]:
    """Starts the window's other children in milliseconds, too: real processes whose imports are done in advance."""
    if fork_server is None or not hasattr(os, "pidfd_open"):
        yield
        return
    fork_server.wait_until_ready()
    point = RelayPoint(fork_server, tmp_path_factory.mktemp("relay"))
    monkeypatch.setattr(core_process, "child_command", point.command)
    yield
    point.close()


@dataclass
class FakeModel:
    """What the worker loads and runs.

    Attributes:
        words: the pieces of every reply.
        may_load, may_speak: cleared by a test that wants to see what happens before; speaking waits before each piece.
        endless: replies continue until they are cancelled.
        load_error, speak_error: raised instead of loading or after the first piece.
        asked, loaded: what was asked of it.
    """

    words: tuple[str, ...] = ("the moon ", "is a ", "big rock.")
    endless: bool = False
    dropped_turns: int = 0
    finish_reason: str = "stop"
    name: str = "i3-mini"
    window: int = 512
    load_error: Exception | None = None
    speak_error: Exception | None = None
    asked: list[GenerateRequest] = field(default_factory=list)
    loaded: list[LoadRequest] = field(default_factory=list)
    may_load: threading.Event = field(default_factory=threading.Event)
    may_speak: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_load.set()
        self.may_speak.set()

    def load(self, request: LoadRequest, progressed):
        self.loaded.append(request)
        progressed("reading the weights")
        while not self.may_load.wait(0.005):
            if request.cancelled.is_set():
                return None
        if self.load_error is not None:
            raise self.load_error
        precision = "float32" if request.precision == "auto" else request.precision
        device = f"CPU, 2 threads, {precision} (no CUDA device found)"
        tokenizer = ChunkTokenizer.from_file(assets.models()[assets.BUNDLED_MODEL] / "tokenizer.json")
        template = ChatTemplate.for_model(tokenizer)
        name = Path(request.folder).name if request.folder else self.name
        return ModelInfo(name, 10_400_000, self.window, device, template, (), request.folder, precision), self.stream

    def stream(self, request: GenerateRequest) -> Iterator[Piece]:
        self.asked.append(request)
        count = 0
        cancelled = request.cancelled.is_set
        while True:
            for word in self.words:
                while not self.may_speak.wait(0.002) and not cancelled():
                    pass
                if cancelled():
                    yield self.piece("", count, finish_reason="cancelled")
                    return
                count += 1
                yield self.piece(word, count, request.sampling.seed)
                if self.speak_error is not None:
                    raise self.speak_error
                if self.endless:
                    time.sleep(0.001)
            if not self.endless:
                break
        yield self.piece("", count, request.sampling.seed, finish_reason=self.finish_reason)

    def piece(self, text: str, count: int, seed: int | None = None, finish_reason: str | None = None) -> Piece:
        likeliest = (Alternative(7, text, 0.6), Alternative(8, "sea ", 0.3), Alternative(9, "cat ", 0.1))
        return Piece(
            text,
            token_id=7 if text else -1,
            logprob=-0.5,
            prompt_tokens=10,
            new_tokens=count,
            window_used=min(self.window, 10 + count),
            window=self.window,
            dropped_turns=self.dropped_turns,
            tokens_per_second=180.0,
            seconds_to_first_token=0.02,
            seed=7321 if seed is None else seed,
            finish_reason=finish_reason,
            chunk=Chunk(7, text, 0.6, likeliest) if text else None,
        )


@pytest.fixture
def model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def paths(tmp_path, tmp_path_factory, monkeypatch) -> Paths:
    """Files below the test's own folder; the user's and the temporary folder of all are out of reach."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp("temporary")))

    def refuse() -> Paths:
        raise AssertionError("a test reached for the user's own files")

    monkeypatch.setattr(Paths, "of_user", staticmethod(refuse))
    monkeypatch.setenv("I3DESK_RUNS_FILE", str(tmp_path / "user" / "runs.json"))
    return Paths.under(tmp_path / "user")


@pytest.fixture
def open_app(qtbot, qapp, paths, model):
    """Opens the program, as often as a test likes; each is closed cleanly at the end."""
    from i3desk.app import Application  # the whole window: only for tests that open it

    opened: list[Application] = []

    def open_(**options):
        if not paths.settings_file.exists():  # replies are shown as the model writes them
            with contextlib.suppress(OSError):
                paths.settings_file.parent.mkdir(parents=True, exist_ok=True)
                paths.settings_file.write_text('{"capitalise": false, "panel_open": true}')
        qapp.setStyleSheet("")  # of an earlier test: a window is built and styled three times as fast without
        app = Application(qapp, paths, loader=model.load, **options)
        opened.append(app)
        with qtbot.waitSignal(app.window.first_painted):
            app.show()
        return app

    def close(app) -> None:
        if app not in opened:
            return
        opened.remove(app)
        model.may_load.set()
        model.may_speak.set()
        services = app.services
        # Whatever the machine does meanwhile: Qt aborts the whole process if it deletes a thread that is running.
        if app.window.isVisible():
            with qtbot.waitSignal(app.window.closed, timeout=CLOSE_MS):
                app.window.close()
        qtbot.waitUntil(
            lambda: not any(j.running for j in (services.model_worker, services.background, services.training_jobs)),
            timeout=CLOSE_MS,
        )
        app.window.deleteLater()
        app.deleteLater()
        qapp.processEvents()
        qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete)  # else the next window is styled together with this one

    open_.close = close
    yield open_
    for app in list(opened):
        close(app)


@pytest.fixture
def app(open_app, qtbot):
    """The open program with its model ready."""
    app = open_app()
    qtbot.waitUntil(lambda: app.window.session.model.info is not None)
    return app


@pytest.fixture
def say(qtbot):
    """Types a message and presses Enter; waits for the end of the reply unless told not to."""
    from PySide6.QtCore import Qt

    def say_(app, text: str, wait: bool = True) -> None:
        edit = app.window.chat_page.composer.edit
        qtbot.keyClicks(edit, text)
        qtbot.keyClick(edit, Qt.Key.Key_Return)
        if wait:
            qtbot.waitUntil(lambda: not app.window.session.busy)

    return say_


@pytest.fixture
def open_chat(qtbot):
    """Opens a stored conversation as a click in the list does, and waits until it is on screen."""

    def open_(app, number: int, *place) -> None:
        app.actions.open(number, *place)
        qtbot.waitUntil(lambda: app.window.session.conversation.id == number)
        qtbot.wait(1)

    return open_
