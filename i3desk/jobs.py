"""The only place that makes threads: one worker that holds the model, loads it and generates with it.

The worker emits plain values; every signal below arrives in the GUI thread. Cancelling is cooperative: the worker asks
between two pieces whether to go on. Shutting down takes two steps: `shut_down` asks, `stopped` says it has happened.
"""

from __future__ import annotations

import itertools
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from i3core.errors import I3Error
from i3core.settings import SamplingConfig
from i3desk.torch_import import import_torch

log = logging.getLogger(__name__)

Stream = Callable[[list, SamplingConfig, Callable[[], bool]], Iterator[Any]]


@dataclass(frozen=True)
class ModelInfo:
    """What the window shows of a model."""

    name: str
    parameters: int
    window: int
    device: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadRequest:
    """Load a model folder, or the bundled model (None)."""

    folder: str | None
    cancelled: threading.Event


@dataclass(frozen=True)
class GenerateRequest:
    """Answer a conversation."""

    job: int
    messages: list
    sampling: SamplingConfig
    cancelled: threading.Event


def load_i3core(folder: str | None, cancelled: Callable[[], bool]) -> tuple[ModelInfo, Stream] | None:
    """Import torch, load the model and say two tokens unheard, so that the first reply starts at once.

    Returns None if cancelled. Raises I3Error when the model is missing or damaged.
    """
    if not import_torch(cancelled):
        return None
    import i3core
    from i3core.generation import Generator

    model = i3core.load(folder, device="auto", precision="auto")
    generator = Generator(model)
    for _ in generator.stream("hello", SamplingConfig(max_new_tokens=2, seed=0), cancelled=cancelled):
        pass
    info = ModelInfo(
        name=model.name,
        parameters=model.parameters,
        window=model.config.window,
        device=model.device.describe(),
        warnings=tuple(model.warnings),
    )

    def stream(messages: list, sampling: SamplingConfig, cancelled: Callable[[], bool]) -> Iterator[Any]:
        return generator.stream(messages, sampling, cancelled=cancelled)

    return info, stream


class _Worker(QObject):
    """Lives in the worker thread and owns the model there."""

    model_ready = Signal(object)
    load_failed = Signal(str, str)
    piece_ready = Signal(object, object)
    finished = Signal(object)
    cancelled = Signal(object)
    failed = Signal(object, str, str)
    crashed = Signal(str)

    def __init__(self, loader: Callable) -> None:
        super().__init__()
        self._loader = loader
        self._stream: Stream | None = None

    @Slot(object)
    def load(self, request: LoadRequest) -> None:
        if request.cancelled.is_set():
            return
        try:
            loaded = self._loader(request.folder, request.cancelled.is_set)
        except I3Error as error:
            self.load_failed.emit(error.what, error.remedy)
        except Exception as error:
            self.load_failed.emit(*self._unexpected("The model could not be loaded", error))
        else:
            if loaded is not None:
                info, self._stream = loaded
                self.model_ready.emit(info)

    @Slot(object)
    def generate(self, request: GenerateRequest) -> None:
        try:
            if not request.cancelled.is_set():
                for piece in self._stream(request.messages, request.sampling, request.cancelled.is_set):
                    self.piece_ready.emit(request.job, piece)
        except I3Error as error:
            self.failed.emit(request.job, error.what, error.remedy)
        except Exception as error:
            self.failed.emit(request.job, *self._unexpected("The reply could not be finished", error))
        else:
            (self.cancelled if request.cancelled.is_set() else self.finished).emit(request.job)

    def _unexpected(self, what: str, error: Exception) -> tuple[str, str]:
        """Report a bug with its traceback; returns what to show where the result would have been."""
        details = "".join(traceback.format_exception(error))
        log.error("%s\n%s", what, details)
        self.crashed.emit(details)
        return f"{what}: {type(error).__name__}.", "This should not happen. Please try again; the log has the details."


class ModelJobs(QObject):
    """The model as the window sees it.

    Signals:
        model_ready(ModelInfo): the model can answer now.
        load_failed(what, remedy): it could not be loaded.
        piece_ready(job, Piece): a piece of a reply.
        finished(job), cancelled(job), failed(job, what, remedy): how a reply ended; exactly one a job.
        crashed(details): a bug in the worker, with its traceback.
        stopped(): the thread has ended.
    """

    model_ready = Signal(object)
    load_failed = Signal(str, str)
    piece_ready = Signal(object, object)
    finished = Signal(object)
    cancelled = Signal(object)
    failed = Signal(object, str, str)
    crashed = Signal(str)
    stopped = Signal()

    _load_requested = Signal(object)
    _generate_requested = Signal(object)

    def __init__(self, parent: QObject | None = None, loader: Callable = load_i3core) -> None:
        super().__init__(parent)
        self._numbers = itertools.count(1)
        self._current: dict[int, threading.Event] = {}
        self._load_cancelled = threading.Event()
        self._shutting_down = False

        self._thread = QThread(self)
        self._thread.setObjectName("model")
        self._worker = _Worker(loader)
        self._worker.moveToThread(self._thread)
        queued = Qt.ConnectionType.QueuedConnection
        self._load_requested.connect(self._worker.load, queued)
        self._generate_requested.connect(self._worker.generate, queued)
        for name in ("model_ready", "load_failed", "piece_ready", "finished", "cancelled", "failed", "crashed"):
            getattr(self._worker, name).connect(getattr(self, name), queued)
        for ended in (self.finished, self.cancelled, self.failed):
            ended.connect(self._forget)
        self._thread.finished.connect(self.stopped)

    @property
    def running(self) -> bool:
        """Whether the thread runs."""
        return self._thread.isRunning()

    def load(self, folder: str | None) -> None:
        """Begin to load a model folder, or the bundled model (None). The thread begins with the first one."""
        if not self._shutting_down:
            self._thread.start()
        self._load_requested.emit(LoadRequest(folder, self._load_cancelled))

    def generate(self, messages: list[dict[str, str]], sampling: SamplingConfig) -> int:
        """Begin a reply to `messages`; returns the number of the job. Only after `model_ready`."""
        job, event = next(self._numbers), threading.Event()
        self._current[job] = event
        self._generate_requested.emit(GenerateRequest(job, messages, sampling, event))
        return job

    def cancel(self) -> None:
        """Ask the worker to end what it generates now."""
        for event in self._current.values():
            event.set()

    def shut_down(self) -> None:
        """Ask the thread to end; `stopped` follows once it has."""
        self._shutting_down = True
        self._load_cancelled.set()
        self.cancel()
        if self.running:
            self._thread.quit()
        else:
            self.stopped.emit()

    @Slot(object)
    def _forget(self, job: int) -> None:
        self._current.pop(job, None)
