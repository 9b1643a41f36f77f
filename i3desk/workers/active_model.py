"""The model that answers: loading, ready, failed or unloaded."""

from __future__ import annotations

import enum
from collections import deque

from PySide6.QtCore import QObject, Signal, Slot

from i3desk.language import tr
from i3desk.workers.model_worker import ModelInfo, ModelWorker

WAITING = tr("waiting for its turn")


class ModelState(enum.Enum):
    """The state of the active model."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    NONE = "none"  # unloaded by the user


class ActiveModel(QObject):
    """Loads models, one after the other; requests made before a load are still answered by the previous model.

    Attributes:
        state: the state; READY also while another model is being loaded.
        info: the model, or None.
        error: what and remedy of the last load that failed.
        stage: the current stage of the load; "" if nothing is being loaded.
        awaited: name of a model that will be loaded as soon as it exists; until then, nothing is answered. "" for none.
        folder, precision: of the model being loaded; otherwise of the model in use, or of the last one that was tried.
            The folder is None for the bundled model.
    Signals:
        ready(ModelInfo): Emitted when a model has been loaded and answers from now on.
        refused(what, remedy): Emitted when the model in `folder` could not be loaded; the previous one stays.
        changed: Emitted when an attribute has changed.
    """

    ready = Signal(object)
    refused = Signal(str, str)
    changed = Signal()

    def __init__(self, worker: ModelWorker, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = ModelState.LOADING
        self.info: ModelInfo | None = None
        self.error = ("", "")
        self.stage = self.awaited = ""
        self.folder: str | None = None
        self.precision = "auto"
        self._requested: deque[tuple[str | None, str]] = deque()  # folder and precision of each unfinished load
        self._used: tuple[str | None, str] = (None, "auto")
        self._worker = worker
        worker.model_ready.connect(self._on_ready)
        worker.load_failed.connect(self._on_failed)
        worker.load_progressed.connect(self._on_progressed)
        worker.unloaded.connect(self._on_unloaded)

    @property
    def answers_now(self) -> bool:
        """True if this model answers a request made now, False if another one is loaded first."""
        return self.info is not None and not self.stage and not self.awaited

    def wait_for(self, name: str) -> None:
        """Answer nothing until this model is loaded."""
        self.awaited = name
        self.changed.emit()

    def give_up(self, what: str) -> None:
        """The awaited model will not exist; the one in use answers."""
        self.awaited = ""
        self.refused.emit(what, "")
        self.changed.emit()

    def load(self, folder: str | None, precision: str = "auto") -> None:
        """Load a model folder, or the bundled model (None)."""
        self.awaited = ""
        self._requested.append((folder, precision))
        if self.info is None:
            self.state = ModelState.LOADING
        if not self.stage:
            self._start_next()
        self.changed.emit()
        self._worker.load(folder, precision)  # last: the two threads share Python

    def load_again(self) -> None:
        """Load the last model again."""
        self.load(self.folder, self.precision)

    def unload(self) -> None:
        """Free the model's memory; running replies are stopped."""
        self._worker.cancel()
        self._worker.unload()

    def _start_next(self) -> None:
        if self._requested:
            (self.folder, self.precision), self.stage = self._requested[0], WAITING

    @Slot(object)
    def _on_ready(self, info: ModelInfo) -> None:
        self.folder, self.precision = self._used = self._requested.popleft()
        self.info, self.state = info, ModelState.READY
        self.stage = WAITING if self._requested else ""
        self.ready.emit(info)
        self._start_next()
        self.changed.emit()

    @Slot(str, str)
    def _on_failed(self, what: str, remedy: str) -> None:
        self.folder, self.precision = self._requested.popleft()
        self.error = (what, remedy)
        self.stage = WAITING if self._requested else ""
        if self.info is None and not self._requested:
            self.state = ModelState.FAILED
        self.refused.emit(what, remedy)
        if self.info is not None:
            self.folder, self.precision = self._used
        self._start_next()
        self.changed.emit()

    @Slot(str)
    def _on_progressed(self, stage: str) -> None:
        self.stage = stage
        self.changed.emit()

    @Slot()
    def _on_unloaded(self) -> None:
        self.info, self.state = None, ModelState.LOADING if self._requested else ModelState.NONE
        self.changed.emit()
