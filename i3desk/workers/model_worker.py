"""The only place that makes threads: one worker that holds the model, loads it and generates with it, and one in the
background for everything else that takes longer than a frame (search, files).

The model's worker emits plain values; every signal below arrives in the GUI thread. Cancelling is cooperative: the
worker asks between two pieces whether to go on. Shutting down takes two steps: `shut_down` asks, `stopped` says it has
happened.
"""

from __future__ import annotations

import itertools
import logging
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from i3core.errors import I3Error
from i3core.generation.config import SamplingConfig
from i3core.generation.outputs import Piece
from i3core.system.device import release_freed_memory
from i3core.system.gpu import UnusableGpu
from i3core.text.chat_template import ChatTemplate
from i3core.text.tokenizer import ChunkTokenizer
from i3desk.workers.torch_import import import_torch

log = logging.getLogger(__name__)

Stream = Callable[["GenerateRequest"], Iterator[Piece]]
Loader = Callable[["LoadRequest", Callable[[str], None]], "tuple[ModelInfo, Stream] | None"]
ALTERNATIVES = 10  # likeliest tokens that every chunk of a reply carries, for the glass view


@dataclass(frozen=True)
class ModelInfo:
    """What the window knows of the model in use.

    Attributes:
        folder: where it is; None for one without a folder.
        precision: of its matrix products.
        step: how far a run had come that it is a checkpoint of; None for other models.
        unused_card: a graphics card that could compute it faster, and what it lacks.
        template: turns messages into ids; a copy of the window's own, which the worker does not touch.
    """

    name: str
    parameters: int
    window: int
    device: str
    warnings: tuple[str, ...] = ()
    folder: str | None = None
    precision: str = "float32"
    template: ChatTemplate | None = None
    step: int | None = None
    unusable_gpu: UnusableGpu | None = None

    @property
    def label(self) -> str:
        """What it is called, and of a checkpoint also which one it is."""
        return self.name if self.step is None else f"{self.name} · step {self.step:,}"

    @property
    def has_place_for_persona(self) -> bool:
        """Whether its template takes a system prompt."""
        return self.template is not None and self.template.has_system


@dataclass(frozen=True)
class LoadRequest:
    """Load a model folder, or the bundled model (None)."""

    folder: str | None
    precision: str
    cancelled: threading.Event


@dataclass(frozen=True)
class GenerateRequest:
    """Answer messages, or continue a text; `begun` are the token ids that the reply begins with."""

    job: int
    prompt: list[dict[str, str]] | str
    sampling: SamplingConfig
    begun: Sequence[int]
    truncate_left: bool
    cancelled: threading.Event


def load_i3core(request: LoadRequest, progressed: Callable[[str], None]) -> tuple[ModelInfo, Stream] | None:
    """Import torch, load the model and say two tokens unheard, so that the first reply starts at once.

    Returns None if cancelled. Raises I3Error when the model is missing or damaged.
    """
    progressed("starting the engine")
    if not import_torch(request.cancelled.is_set):
        return None
    import i3core
    from i3core.generation.generator import Generator

    progressed("reading the weights")
    model = i3core.load(request.folder, device="auto", precision=request.precision)
    template = copy_template(model.template)
    progressed("warming up")
    generator = Generator(model)
    for _ in generator.stream("hello", SamplingConfig(max_new_tokens=2, seed=0), cancelled=request.cancelled.is_set):
        pass
    step = model.details.get("step")
    info = ModelInfo(
        name=model.name,
        parameters=model.parameters,
        window=model.config.window,
        device=model.device.describe(),
        warnings=tuple(model.warnings),
        folder=None if model.folder is None else str(model.folder),
        precision=model.device.precision,
        template=template,
        step=step if isinstance(step, int) else None,
        unusable_gpu=model.device.unusable_gpu,
    )

    def stream(request: GenerateRequest) -> Iterator[Piece]:
        return generator.stream(
            request.prompt,
            request.sampling,
            cancelled=request.cancelled.is_set,
            begun=request.begun,
            alternatives=ALTERNATIVES,
            truncate_left=request.truncate_left,
        )

    return info, stream


def copy_template(template: ChatTemplate) -> ChatTemplate:
    """The same template over a tokenizer of its own: a tokenizer remembers words and is not to be shared by threads."""
    chunks = {chunk: number for number, chunk in enumerate(template.tokenizer.chunks) if chunk}
    return replace(template, tokenizer=ChunkTokenizer(chunks, template.tokenizer.special_tokens))


class _Worker(QObject):
    """Lives in the worker thread and owns the model there."""

    model_ready = Signal(object)
    load_progressed = Signal(str)
    load_failed = Signal(str, str)
    unloaded = Signal()
    piece_ready = Signal(object, object)
    finished = Signal(object)
    cancelled = Signal(object)
    failed = Signal(object, str, str)
    crashed = Signal(str)

    def __init__(self, loader: Loader) -> None:
        super().__init__()
        self._loader = loader
        self._stream: Stream | None = None

    @Slot(object)
    def load(self, request: LoadRequest) -> None:
        """The model before stays in use if this one cannot be loaded."""
        if request.cancelled.is_set():
            return
        try:
            loaded = self._loader(request, self.load_progressed.emit)
        except I3Error as error:
            self.load_failed.emit(error.what, error.remedy)
        except Exception as error:
            self.load_failed.emit(*self._unexpected("The model could not be loaded", error))
        else:
            if loaded is not None:
                info, self._stream = loaded
                release_freed_memory()  # that of the model before
                self.model_ready.emit(info)

    @Slot()
    def unload(self) -> None:
        self._stream = None
        release_freed_memory()
        self.unloaded.emit()

    @Slot(object)
    def generate(self, request: GenerateRequest) -> None:
        try:
            if self._stream is None:
                raise I3Error("No model is loaded.", "Choose one on the Models page.")
            if not request.cancelled.is_set():
                for piece in self._stream(request):
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
        load_progressed(stage): what is done to load it.
        load_failed(what, remedy): it could not be loaded.
        unloaded(): its memory is given back.
        piece_ready(job, Piece): a piece of a reply.
        finished(job), cancelled(job), failed(job, what, remedy): how a reply ended; exactly one a job.
        crashed(details): a bug in the worker, with its traceback.
        stopped(): the thread has ended.
    """

    model_ready = Signal(object)
    load_progressed = Signal(str)
    load_failed = Signal(str, str)
    unloaded = Signal()
    piece_ready = Signal(object, object)
    finished = Signal(object)
    cancelled = Signal(object)
    failed = Signal(object, str, str)
    crashed = Signal(str)
    stopped = Signal()

    _load_requested = Signal(object)
    _unload_requested = Signal()
    _generate_requested = Signal(object)

    def __init__(self, parent: QObject | None = None, loader: Loader = load_i3core) -> None:
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
        self._unload_requested.connect(self._worker.unload, queued)
        self._generate_requested.connect(self._worker.generate, queued)
        for name in (
            "model_ready", "load_progressed", "load_failed", "unloaded",
            "piece_ready", "finished", "cancelled", "failed", "crashed",
        ):  # fmt: skip
            getattr(self._worker, name).connect(getattr(self, name), queued)
        for ended in (self.finished, self.cancelled, self.failed):
            ended.connect(self._forget)
        self._thread.finished.connect(self.stopped)

    @property
    def running(self) -> bool:
        """Whether the thread runs."""
        return self._thread.isRunning()

    def load(self, folder: str | None, precision: str = "auto") -> None:
        """Begin to load a model folder, or the bundled model (None). The thread begins with the first one."""
        if not self._shutting_down:
            self._thread.start()
        self._load_requested.emit(LoadRequest(folder, precision, self._load_cancelled))

    def unload(self) -> None:
        """Give the model's memory back, after what was asked for before."""
        self._unload_requested.emit()

    def generate(
        self,
        prompt: list[dict[str, str]] | str,
        sampling: SamplingConfig,
        begun: Sequence[int] = (),
        truncate_left: bool = False,
    ) -> int:
        """Begin a reply, after those asked for before; returns the number of the job. Only after `model_ready`."""
        job, event = next(self._numbers), threading.Event()
        self._current[job] = event
        self._generate_requested.emit(GenerateRequest(job, prompt, sampling, tuple(begun), truncate_left, event))
        return job

    def cancel(self, job: int | None = None) -> None:
        """Ask the worker to end a reply, or all."""
        for number, event in self._current.items():
            if job in (None, number):
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
