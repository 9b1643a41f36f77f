"""The details of one run beside the list, with its actions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QMenu, QToolButton, QWidget

from i3core.runs.reader import RunState, RunSummary, folder_bytes, read_description
from i3desk.curves.sparkline import Sparkline
from i3desk.language import tr
from i3desk.runs.config_diff import changed_settings
from i3desk.runs.controller import RunController
from i3desk.runs.labels import progress_text, state_text, tone_of, trouble_text
from i3desk.runs.run_facts import facts_of
from i3desk.runs.trouble_card import TroubleCard
from i3desk.style.icons import Dot
from i3desk.style.theme import Theme
from i3desk.widgets.basics import (
    add,
    button,
    column_in,
    icon_button,
    label,
    named,
    restyle,
    row,
    scroll_page,
)
from i3desk.widgets.facts import FactRows
from i3desk.widgets.links import open_folder
from i3desk.widgets.name_and_note import NameEdit, NoteEdit
from i3desk.workers.background import BackgroundJobs

MARGIN = 16


class RunDetails(QWidget):
    """Details of one run.

    Signals:
        open_requested(folder), chat_requested(folder), again_requested(folder): as in RunsPage.
        removal_requested: emitted when the user wants to delete the run; ask first.
        closed: emitted when the user closes the details.
    """

    open_requested = Signal(str)
    chat_requested = Signal(str)
    again_requested = Signal(str)
    removal_requested = Signal()
    closed = Signal()

    def __init__(
        self, runs: RunController, theme: Theme, background: BackgroundJobs, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._runs, self._theme, self._background = runs, theme, background
        self.summary: RunSummary | None = None
        self._description: dict[str, Any] = {}
        self._bytes: int | None = None
        self._reading: int | None = None
        self._read_for: tuple[object, ...] = ()
        column = column_in(self, self._head())
        self.trouble = TroubleCard()
        inside = named(QWidget(), "panelBody")
        self._column = column_in(
            inside,
            self.trouble,
            row(self.show_button, self.chat_button, self.resume_button, None),
            row(self.again_button, self.export_button, None, self.more_button),
            self._curve(),
            margins=(MARGIN, 12, MARGIN, MARGIN),
            spacing=12,
        )
        self.facts = FactRows()
        self._column.addWidget(_card(tr("About this run"), self.facts))
        self.settings = FactRows()
        self.no_settings = label(tr("All settings are the defaults."), tone="muted", grade="small", wrap=True)
        self.no_settings.setMinimumSize(1, 1)
        self._column.addWidget(_card(tr("Differs from the defaults"), self.settings, self.no_settings))
        self.note = NoteEdit()
        self.note.note_changed.connect(runs.set_note)
        add(self._column, _card(tr("Note"), self.note), None)
        self._page = scroll_page(inside)
        column.addWidget(self._page, 1)
        theme.changed.connect(self._tint)

    # ------------------------------------------------------------------ its parts

    def _head(self) -> QWidget:
        self.name = NameEdit("runName")
        self.name.renamed.connect(self._rename)
        self.dot = Dot()
        self.state = label(grade="small")
        self.progress = label(tone="muted", grade="small")
        close = icon_button("close", tr("Close the details"), tr("Close the details (Esc)"), size=16)
        close.clicked.connect(self.closed)
        self.close_button = close
        self.show_button = button(
            tr("Open"), tr("Show its curves and samples on the Train page (Enter)"), kind="primary"
        )
        self.chat_button = button(tr("Chat with this model"), tr("Chat with the newest checkpoint of this run"))
        self.resume_button = button(tr("Resume"), tr("Continue from the last checkpoint"))
        self.again_button = button(tr("Train again…"), tr("Set up a new run with these settings"))
        self.export_button = button(tr("Keep as model…"), tr("Make a model of its best checkpoint, on the Train page"))
        for each, act in (
            (self.show_button, self.open_requested.emit), (self.export_button, self.open_requested.emit),
            (self.chat_button, self.chat_requested.emit), (self.resume_button, self._resume),
            (self.again_button, self.again_requested.emit),
        ):  # fmt: skip
            each.clicked.connect(partial(self._with_folder, act))
        self.more_button = icon_button("more", tr("More"), tr("Rename, open the folder or delete"), look="more")
        self.more_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more_button)
        self.rename_action = menu.addAction(tr("Rename\tF2"), self.start_rename)
        self.folder_action = menu.addAction(
            tr("Open folder"), partial(self._with_folder, partial(open_folder, asker=self))
        )
        menu.addSeparator()
        self.remove_action = menu.addAction(tr("Delete…\tDel"), self.removal_requested.emit)
        self.more_button.setMenu(menu)

        head = QWidget()
        state = row(self.dot, self.state, self.progress, None, spacing=6)
        column_in(head, row(self.name, close), state, margins=(MARGIN, 12, MARGIN - 4, 0), spacing=2)
        return head

    def _curve(self) -> QWidget:
        self.sparkline = Sparkline(self._theme)
        self.curve_card = _card(tr("Training loss"), self.sparkline)
        return self.curve_card

    # ------------------------------------------------------------------ what it shows

    def show_run(self, summary: RunSummary) -> None:
        """Show a run, or update the one that is shown."""
        if summary == self.summary:
            return
        if self.summary is None or summary.folder != self.summary.folder:
            self._description, self._bytes, self._read_for = {}, None, ()
            self.name.setModified(False)
            self._page.verticalScrollBar().setValue(0)
        self.summary = summary
        self.setAccessibleName(tr("Run {name}").format(name=summary.name))
        self.name.show_name(summary.name)
        self.state.setText(state_text(summary))
        progress = progress_text(summary)
        self.progress.setText(f"·  {progress}" if progress else "")
        self._tint()
        self.trouble.show_trouble(trouble_text(summary.status), summary.status.log_tail)
        self._show_buttons(summary)
        self.curve_card.setVisible(len(summary.sparkline) > 1)
        self.sparkline.show_values(summary.sparkline)
        self.note.show_note(summary.folder, summary.note)
        self._show_facts(summary)
        self._show_settings(summary)
        self._read_if_changed(summary)

    def start_rename(self) -> None:
        """Let the user type another name."""
        self.name.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.name.selectAll()

    def leave(self) -> None:
        """Save the note, because something else is shown now."""
        self.note.save()

    def _show_buttons(self, summary: RunSummary) -> None:
        status = summary.status
        has_checkpoint = status.saved_step is not None
        gone = status.state is RunState.MISSING
        self.show_button.setEnabled(not gone)
        self.chat_button.setVisible(has_checkpoint and not gone)
        self.resume_button.setVisible(status.state.can_resume)
        self.export_button.setVisible(has_checkpoint and not status.state.is_alive and not gone)
        self.again_button.setEnabled(bool(summary.config))
        self.rename_action.setEnabled(not gone)
        self.folder_action.setEnabled(not gone)
        self.remove_action.setEnabled(not status.state.is_alive)

    def _show_facts(self, summary: RunSummary) -> None:
        self.facts.show_rows(facts_of(summary, self._description, self._bytes))

    def _show_settings(self, summary: RunSummary) -> None:
        changes = changed_settings(summary.config)
        rows = [
            (each.label, tr("{text}  (default: {default})").format(text=each.text, default=each.default), each.tooltip)
            for each in changes
        ]
        self.settings.show_rows(rows)
        self.settings.setVisible(bool(rows))
        self.no_settings.setVisible(not rows)

    @Slot()
    def _tint(self) -> None:
        if self.summary is None:
            return
        tone = tone_of(self.summary.status.state)
        self.dot.show_colour(getattr(self._theme.tokens, tone))
        restyle(self.state, tone=tone)

    def _read_if_changed(self, summary: RunSummary) -> None:
        """Read run.json and the size of the folder again, if the run may have changed them."""
        wanted = (summary.folder, summary.status.state, summary.started, summary.status.saved_step)
        if wanted != self._read_for:
            self._read_for = wanted
            self._background.forget(self._reading)
            self._reading = self._background.run(partial(_read, summary.folder), self._on_read)

    def _on_read(self, found: tuple[dict[str, Any], int]) -> None:
        self._description, self._bytes = found
        if self.summary is not None:
            self._show_facts(self.summary)

    # ------------------------------------------------------------------ actions

    def _with_folder(self, act: Callable[[str], object]) -> None:
        if self.summary is not None:
            act(str(self.summary.folder))

    def _resume(self, folder: str) -> None:
        self._runs.resume(Path(folder))

    @Slot(str)
    def _rename(self, name: str) -> None:
        if self.summary is not None:
            self._runs.rename(self.summary.folder, name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        elif event.key() == Qt.Key.Key_F2:
            self.start_rename()
        else:
            super().keyPressEvent(event)


def _card(title: str, *parts: QWidget) -> QFrame:
    card = named(QFrame(), "card")
    heading: QLabel = label(title, grade="heading")
    column_in(card, heading, *parts, margins=(14, 10, 14, 12), spacing=8)
    return card


def _read(folder: Path) -> tuple[dict[str, Any], int]:
    return read_description(folder), folder_bytes(folder)
