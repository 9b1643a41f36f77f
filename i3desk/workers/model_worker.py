"""The worker thread that loads the model and generates with it.

Only this module and `background` make threads. The worker emits plain values; all signals arrive in the GUI thread.
Cancelling is cooperative: the worker checks between two pieces. Shutting down takes two steps: `shut_down` asks the
thread to end, and `stopped` is emitted when it has.
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
from i3desk.language import figure, tr
from i3desk.workers.torch_import import import_torch

log = logging.getLogger(__name__)

Stream = Callable[["GenerateRequest"], Iterator[Piece]]
Loader = Callable[["LoadRequest", Callable[[str], None]], "tuple[ModelInfo, Stream] | None"]
ALTERNATIVES = 10  # likeliest tokens kept with each chunk of a reply, for the glass box


@dataclass(frozen=True)
class ModelInfo:
    """Facts about the model in use.

    Attributes:
        folder: its folder, or None.
        precision: of its matrix products.
        step: the training step, if the model is a checkpoint of a run.
        unusable_gpu: a GPU that could run the model faster, and what it lacks.
        template: turns messages into token ids; the window's own copy, which the worker does not touch.
    """

    name: str
    parameters: int
    window: int
    device: str
    template: ChatTemplate
    warnings: tuple[str, ...] = ()
    folder: str | None = None
    precision: str = "float32"
    step: int | None = None
    unusable_gpu: UnusableGpu | None = None

    @property
    def label(self) -> str:
        """The model's name, with the step of a checkpoint."""
        return (
            self.name
            if self.step is None
            else tr("{name} · step {step}").format(name=self.name, step=figure(self.step))
        )


@dataclass(frozen=True)
class LoadRequest:
    """A request to load a model folder, or the bundled model (None)."""

    folder: str | None
    precision: str
    cancelled: threading.Event


@dataclass(frozen=True)
class GenerateRequest:
    """A request to answer messages or continue a text; the reply starts with `prefix_ids`."""

    job: int
    prompt: list[dict[str, str]] | str
    sampling: SamplingConfig
    prefix_ids: Sequence[int]
    truncate_left: bool
    cancelled: threading.Event


def load_i3core(request: LoadRequest, progressed: Callable[[str], None]) -> tuple[ModelInfo, Stream] | None:
    """Import torch, load the model and generate two tokens, so that the first reply starts at once.

    Returns None if cancelled. Raises I3Error when the model is missing or damaged.
    """
    progressed(tr("starting the engine"))
    if not import_torch(request.cancelled.is_set):
        return None
    import i3core
    from i3core.generation.generator import Generator

    progressed(tr("reading the weights"))
    model = i3core.load(request.folder, device="auto", precision=request.precision)
    template = copy_template(model.template)
    progressed(tr("warming up"))
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
            prefix_ids=request.prefix_ids,
            alternatives=ALTERNATIVES,
            truncate_left=request.truncate_left,
        )

    return info, stream


def copy_template(template: ChatTemplate) -> ChatTemplate:
    """Copy a template and its tokenizer, which caches words and must not be shared by threads."""
    return replace(template, tokenizer=template.tokenizer.copy())


class ModelSignals(QObject):
    """What is told of a model and its replies.

    Signals:
        model_ready(ModelInfo): Emitted when a model has been loaded.
        load_progressed(stage): Emitted when loading enters a stage.
        load_failed(what, remedy): Emitted when a model could not be loaded.
        unloaded(): Emitted when the model's memory is free.
        piece_ready(job, Piece): Emitted for each piece of a reply.
        finished(job), cancelled(job), failed(job, what, remedy): Emitted when a reply ends; exactly one of them a job.
        crashed(details): Emitted when the worker raised an unexpected exception; details has its traceback.
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


class _ThreadedModel(ModelSignals):
    """Owns the model in the worker thread."""

    def __init__(self, loader: Loader) -> None:
        super().__init__()
        self._loader = loader
        self._stream: Stream | None = None

    @Slot(object)
    def load(self, request: LoadRequest) -> None:
        """Load a model; if that fails, the previous one stays in use."""
        if request.cancelled.is_set():
            return
        try:
            loaded = self._loader(request, self.load_progressed.emit)
        except I3Error as error:
            self.load_failed.emit(error.what, error.remedy)
        except Exception as error:
            self.load_failed.emit(*self._unexpected(tr("The model could not be loaded"), error))
        else:
            if loaded is not None:
                info, self._stream = loaded
                release_freed_memory()  # of the previous model
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
                raise I3Error(tr("No model is loaded."), tr("Choose one on the Models page."))
            if not request.cancelled.is_set():
                for piece in self._stream(request):
                    self.piece_ready.emit(request.job, piece)
        except I3Error as error:
            self.failed.emit(request.job, error.what, error.remedy)
        except Exception as error:
            self.failed.emit(request.job, *self._unexpected(tr("The reply could not be finished"), error))
        else:
            (self.cancelled if request.cancelled.is_set() else self.finished).emit(request.job)

    def _unexpected(self, what: str, error: Exception) -> tuple[str, str]:
        """Log and emit a bug's traceback; returns what and remedy for the user."""
        details = "".join(traceback.format_exception(error))
        log.error("%s\n%s", what, details)
        self.crashed.emit(details)
        return f"{what}: {type(error).__name__}.", tr(
            "This should not happen. Please try again; the log has the details."
        )


class ModelWorker(ModelSignals):
    """The window's interface to the model's worker thread.

    Signals:
        stopped(): Emitted when the thread has ended.
    """

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
        self._worker = _ThreadedModel(loader)
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
        """True while the thread runs."""
        return self._thread.isRunning()

    def load(self, folder: str | None, precision: str = "auto") -> None:
        """Start to load a model folder, or the bundled model (None). The first call starts the thread."""
        if not self._shutting_down:
            self._thread.start()
        self._load_requested.emit(LoadRequest(folder, precision, self._load_cancelled))

    def unload(self) -> None:
        """Free the model's memory, after all earlier requests."""
        self._unload_requested.emit()

    def generate(
        self,
        prompt: list[dict[str, str]] | str,
        sampling: SamplingConfig,
        prefix_ids: Sequence[int] = (),
        truncate_left: bool = False,
    ) -> int:
        """Start a reply, after all earlier ones; returns its job number. Only after `model_ready`."""
        job, event = next(self._numbers), threading.Event()
        self._current[job] = event
        self._generate_requested.emit(GenerateRequest(job, prompt, sampling, tuple(prefix_ids), truncate_left, event))
        return job

    def cancel(self, job: int | None = None) -> None:
        """Ask the worker to end one reply, or all (None)."""
        for number, event in self._current.items():
            if job in (None, number):
                event.set()

    def shut_down(self) -> None:
        """Ask the thread to end; `stopped` follows."""
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
