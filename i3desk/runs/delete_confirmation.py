"""Ask in place whether to delete runs or take them off the list."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QWidget

from i3core.runs.reader import RunState, RunSummary, folder_bytes
from i3desk.humanize import size_text
from i3desk.language import tr, trn
from i3desk.runs.labels import is_ours
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.question import Question
from i3desk.workers.background import BackgroundJobs


class DeleteConfirmation(Question):
    """A question about some runs.

    Attributes:
        to_delete, to_forget: run folders to delete, and to take off the list. Running ones are in neither.
    Signals:
        removal_confirmed(to_delete, to_forget): emitted when the user confirms.
    """

    removal_confirmed = Signal(object, object)

    def __init__(self, background: BackgroundJobs, runs_folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(tr("Delete"), tr("Delete; it can be restored for 30 days"), tr("Keep"), parent)
        self._background = background
        self._runs_folder = runs_folder
        self._asked: list[RunSummary] = []
        self._counting: int | None = None
        self._bytes: int | None = None
        self.to_delete: list[Path] = []
        self.to_forget: list[Path] = []
        self.confirmed.connect(self._on_confirmed)

    def ask(self, summaries: Sequence[RunSummary]) -> None:
        """Ask about these runs."""
        self._asked = list(summaries)
        self._background.forget(self._counting)
        self._bytes = None
        self.show_states(summaries)
        if self.to_delete:
            self._counting = self._background.run(partial(_sum_of_bytes, tuple(self.to_delete)), self._on_counted)
        self.no_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_states(self, summaries: Sequence[RunSummary]) -> None:
        """Update the states of the runs in question; runs not in `summaries` are gone."""
        now = {summary.folder: summary for summary in summaries}
        self._asked = [now[each.folder] for each in self._asked if each.folder in now]
        if not self._asked:
            self.close_question()
            return
        ended = [each for each in self._asked if not each.status.state.is_alive]
        self.to_delete = [each.folder for each in ended if self._can_delete(each)]
        self.to_forget = [each.folder for each in ended if not self._can_delete(each)]
        self._show_words()

    @Slot()
    def close_question(self) -> None:
        self._background.forget(self._counting)
        super().close_question()

    @Slot()
    def _on_confirmed(self) -> None:
        self.removal_confirmed.emit(self.to_delete, self.to_forget)

    def _can_delete(self, summary: RunSummary) -> bool:
        return summary.status.state is not RunState.MISSING and is_ours(summary.folder, self._runs_folder)

    def _on_counted(self, count: int) -> None:
        self._bytes = count
        self._show_words()

    def _show_words(self) -> None:
        deleted, forgotten = len(self.to_delete), len(self.to_forget)
        alive = len(self._asked) - deleted - forgotten
        name = f"“{self._asked[0].name}”" if len(self._asked) == 1 else ""
        details = []
        if deleted:
            what = tr("Delete {name}?").format(name=name or _runs(deleted))
            size = "" if self._bytes is None else f" ({size_text(self._bytes)})"
            details.append(
                trn(
                    "Its curves, samples and checkpoints{size} stay under Settings, Data, Recently deleted for "
                    "30 days.",
                    "Their curves, samples and checkpoints{size} stay under Settings, Data, Recently deleted "
                    "for 30 days.",
                    deleted,
                    size=size,
                )
            )
            if forgotten:
                details.append(
                    trn(
                        "1 other run outside i3desk's folder: only taken off this list.",
                        "{n} other runs outside i3desk's folder: only taken off this list.",
                        forgotten,
                    )
                )
        elif forgotten:
            what = tr("Take {name} off this list?").format(name=name or _runs(forgotten))
            where = tr(" in {folder}").format(folder=self.to_forget[0]) if forgotten == 1 else ""
            details.append(tr("Nothing is deleted: the files stay{where}.").format(where=where))
        else:
            what = tr("{name} cannot be deleted while training.").format(name=name or _runs(alive))
            details.append(tr("Stop the training first, or wait for its end."))
        if alive and (deleted or forgotten):
            details.append(trn("1 other run still training: kept.", "{n} other runs still training: kept.", alive))
        self.show_question(what, " ".join(details))
        self.yes_button.setVisible(bool(deleted or forgotten))
        word = tr("Delete") if deleted else tr("Take off the list")
        self.yes_button.setText(word)
        self.yes_button.setAccessibleName(word)
        self.yes_button.setToolTip(
            tooltip_text(tr("It can be restored for 30 days") if deleted else tr("The files stay where they are"))
        )
        self.no_button.setText(tr("Cancel") if deleted or forgotten else tr("Close"))
        self.no_button.setAccessibleName(self.no_button.text())


def _runs(count: int) -> str:
    return trn("1 run", "{n} runs", count)


def _sum_of_bytes(folders: tuple[Path, ...]) -> int:
    return sum(folder_bytes(folder) for folder in folders)
