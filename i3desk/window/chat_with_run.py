"""Chat with a training run: load its newest checkpoint, and newer ones between replies."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Slot

from i3core.runs.reader import RunSummary
from i3desk.chat.session import ChatSession
from i3desk.language import tr
from i3desk.runs.controller import RunController


class ChatWithRun(QObject):
    """Keeps the model in use at the newest checkpoint of its run, if it belongs to one."""

    def __init__(
        self,
        runs: RunController,
        session: ChatSession,
        use_model: Callable[[str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._runs, self._session, self._use_model = runs, session, use_model
        self._wanted: Path | None = None  # the requested run, until its first checkpoint exists
        self._tried: tuple[Path, int] | None = None  # a checkpoint that could not be loaded is not tried again
        runs.changed.connect(self._load_newest)
        session.busy_changed.connect(self._load_newest)

    def start(self, folder: Path | str) -> None:
        """Load the newest checkpoint of a run. A running one saves its current state first."""
        self._wanted = Path(folder)
        summary = self._runs.summary(folder)
        if summary is not None and summary.status.state.is_alive:
            self._runs.checkpoint(folder)
            if _newest(summary) is None:
                self._session.model.wait_for(summary.name)
        self._load_newest()

    @Slot()
    def _load_newest(self) -> None:
        """Load the newest checkpoint of the requested run, or of the run whose model is in use."""
        model = self._session.model
        if model.stage or (self._session.any_busy and not self._wanted):
            return
        folder = self._wanted or (Path(model.folder) if model.folder and model.info else None)
        if folder is None:
            return
        summary = next((each for each in self._runs.summaries if folder.is_relative_to(each.folder)), None)
        newest = _newest(summary) if summary is not None else None
        if self._wanted and newest is None and model.awaited and not (summary and summary.status.state.is_alive):
            self._wanted = None
            model.give_up(tr("The run “{awaited}” ended before its first checkpoint.").format(awaited=model.awaited))
        if newest is None or (newest == self._tried and not self._wanted):
            return
        checkpoint, step = newest
        is_other = model.folder is None or Path(model.folder) != checkpoint
        is_older = not is_other and model.info is not None and model.info.step is not None and step > model.info.step
        if self._wanted or is_older or (is_other and model.info is not None):
            self._wanted, self._tried = None, newest
            self._use_model(str(checkpoint))


def _newest(summary: RunSummary) -> tuple[Path, int] | None:
    """Folder and step of the newest checkpoint, or of the result of a run that has ended.

    None before the first checkpoint.
    """
    status = summary.status
    if status.saved_step is None:
        return None
    if status.state.is_alive:
        return summary.folder / "checkpoints" / "last", status.saved_step
    return summary.folder, summary.best_step or status.saved_step
