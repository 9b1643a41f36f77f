"""Chat with a run: its newest checkpoint answers, and each newer one from the moment that no reply is under way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Slot

from i3core.runs.reader import RunSummary
from i3desk.chat.session import ChatSession
from i3desk.runs.controller import RunController


class ChatWithRun(QObject):
    """Follows the run whose checkpoint is the model in use, if there is one."""

    def __init__(
        self,
        runs: RunController,
        session: ChatSession,
        use_model: Callable[[str], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._runs, self._session, self._use_model = runs, session, use_model
        self._wanted: Path | None = None  # the run that was asked for, until its first checkpoint is there
        self._tried: tuple[Path, int] | None = None  # what could not be loaded is not tried again and again
        runs.changed.connect(self._look)
        session.busy_changed.connect(self._look)

    def begin(self, folder: Path | str) -> None:
        """Load what a run has come to. One that is going on saves first, so that the chat is with what it is now."""
        self._wanted = Path(folder)
        summary = self._runs.summary(folder)
        if summary is not None and summary.status.state.is_alive:
            self._runs.checkpoint(folder)
        self._look()

    @Slot()
    def _look(self) -> None:
        """Take the newest checkpoint of the run that is wanted or already talked to."""
        model = self._session.model
        if model.stage or self._session.any_busy:
            return
        place = self._wanted or (Path(model.folder) if model.folder and model.info else None)
        summary = place and next((each for each in self._runs.summaries if place.is_relative_to(each.folder)), None)
        newest = summary and _newest(summary)
        if newest is None or (newest == self._tried and not self._wanted):
            return
        checkpoint, step = newest
        is_other = model.folder is None or Path(model.folder) != checkpoint
        is_older = not is_other and model.info is not None and model.info.step is not None and step > model.info.step
        if self._wanted or is_older or (is_other and model.info is not None):
            self._wanted, self._tried = None, newest
            self._use_model(str(checkpoint))


def _newest(summary: RunSummary) -> tuple[Path, int] | None:
    """Folder and step of the checkpoint to talk to: the newest while the run goes on, the run's result after its end.

    None before the first one.
    """
    status = summary.status
    if status.saved_step is None:
        return None
    if status.state.is_alive:
        return summary.folder / "checkpoints" / "last", status.saved_step
    return summary.folder, summary.best_step or status.saved_step
