"""The model that answers: being loaded, ready, refused or unloaded."""

from __future__ import annotations

import enum

from PySide6.QtCore import QObject, Signal, Slot

from i3desk.jobs import ModelInfo, ModelJobs


class ModelState(enum.Enum):
    """Where the model stands."""

    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    NONE = "none"  # unloaded by the user


class ModelInUse(QObject):
    """Loads models. While another one is being loaded, the one before goes on answering.

    Attributes:
        state: where the model stands; READY also while another one is being loaded.
        info: the model; None without one.
        error: what and remedy of the last load that failed.
        stage: what the load that is under way does now; "" if none is.
        folder, precision: what was asked for last; folder None for the bundled model.
    Signals:
        ready(ModelInfo): another model answers from now on.
        refused(what, remedy): a model could not be loaded; the one before stays.
        changed: any attribute is new.
    """

    ready = Signal(object)
    refused = Signal(str, str)
    changed = Signal()

    def __init__(self, jobs: ModelJobs, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = ModelState.LOADING
        self.info: ModelInfo | None = None
        self.error = ("", "")
        self.stage = ""
        self.folder: str | None = None
        self.precision = "auto"
        self._jobs = jobs
        jobs.model_ready.connect(self._on_ready)
        jobs.load_failed.connect(self._on_failed)
        jobs.load_progressed.connect(self._on_progressed)
        jobs.unloaded.connect(self._on_unloaded)

    def load(self, folder: str | None, precision: str = "auto") -> None:
        """Load a model folder, or the bundled model (None)."""
        self.folder, self.precision = folder, precision
        if self.info is None:
            self.state = ModelState.LOADING
        self.stage = "waiting for its turn"
        self._jobs.load(folder, precision)
        self.changed.emit()

    def load_again(self) -> None:
        """Try the last model once more."""
        self.load(self.folder, self.precision)

    def unload(self) -> None:
        """Give the model's memory back; replies that are under way are stopped."""
        self._jobs.cancel()
        self._jobs.unload()

    @Slot(object)
    def _on_ready(self, info: ModelInfo) -> None:
        self.info, self.state, self.stage = info, ModelState.READY, ""
        self.ready.emit(info)
        self.changed.emit()

    @Slot(str, str)
    def _on_failed(self, what: str, remedy: str) -> None:
        self.error, self.stage = (what, remedy), ""
        if self.info is None:
            self.state = ModelState.FAILED
        self.refused.emit(what, remedy)
        self.changed.emit()

    @Slot(str)
    def _on_progressed(self, stage: str) -> None:
        self.stage = stage
        self.changed.emit()

    @Slot()
    def _on_unloaded(self) -> None:
        self.info, self.state = None, ModelState.NONE
        self.changed.emit()
