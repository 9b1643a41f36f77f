"""The card of a model: facts, state and actions."""

from __future__ import annotations

import enum
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QMenu, QToolButton, QVBoxLayout, QWidget

from i3desk.humanize import size_text
from i3desk.language import tr
from i3desk.models.catalog import Entry, Origin
from i3desk.models.descriptions import card_facts, description_of
from i3desk.models.details import Details
from i3desk.models.file_task import FileTask
from i3desk.style.icons import Dot, IconToolButton
from i3desk.style.theme import Theme
from i3desk.widgets.basics import BusyBar, Notice, add, button, column_in, label, named, restyle, row
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.facts import FactsGrid
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.question import Question

RESTORABLE = tr("It stays under Settings, Data, Recently deleted for 30 days. To free its space now, remove it there.")


class Use(enum.Enum):
    """State of a model in the window."""

    NONE = "none"
    LOADING = "loading"
    LOADED = "loaded"


ORIGINS = {
    Origin.BUNDLED: tr("bundled"),
    Origin.DOWNLOADED: tr("downloaded"),
    Origin.OWN: tr("yours"),
    Origin.FINE_TUNED: tr("fine-tuned"),
}


class ModelCard(QFrame):
    """Shows an entry of the catalog, and asks for confirmation in the card.

    Signals:
        use_requested(folder), unload_requested: Emitted to load or unload the model.
        remove_requested(folder), delete_requested(folder): Emitted after a confirmation if files would be lost.
        convert_requested(folder), export_requested(folder): Emitted to copy it as safetensors or in the public layout.
        file_requested(folder): Emitted to export it as one file.
        refresh_requested: Emitted to read the folder again.
        rename_requested(folder), note_requested(folder): Emitted to change the name or the note.
        resized: Emitted when the card was folded or unfolded.
    """

    use_requested = Signal(str)
    unload_requested = Signal()
    remove_requested = Signal(str)
    delete_requested = Signal(str)
    convert_requested = Signal(str)
    export_requested = Signal(str)
    file_requested = Signal(str)
    refresh_requested = Signal()
    rename_requested = Signal(str)
    note_requested = Signal(str)
    resized = Signal()

    def __init__(self, entry: Entry, task: FileTask, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.entry = entry
        self.task = task
        self.use_state = Use.NONE
        self._theme = theme
        self._shown: Entry | None = None
        self._shown_use: tuple = ()
        self._precision = "float32"
        self._loaded_precision = ""
        task.setParent(self)
        task.changed.connect(self._show_task)

        column = self._column = column_in(self, self._heading(), margins=(16, 13, 16, 15), spacing=8)
        self.description = label(tone="muted", wrap=True)
        self.note = label(wrap=True, selectable=True)
        self.note.hide()
        add(column, self.description, self.note)
        self.facts = FactsGrid()
        column.addWidget(self.facts)
        self._add_progress(column)
        self._add_notices(column)
        self.question = Question(tr("Delete"), tr("Delete it; it can be restored for 30 days"))
        self.question.confirmed.connect(self._delete)
        self.question.closed.connect(self._on_question_closed)
        add(column, 2, None, self._buttons(), self.question)
        self.details: Details | None = None
        theme.changed.connect(self._show_dot)
        self.show_entry(entry)

    # ------------------------------------------------------------------ content

    def show_entry(self, entry: Entry) -> None:
        """Show the facts of `entry`."""
        if entry == self._shown:
            return
        self.entry = self._shown = entry
        self.setAccessibleName(tr("Model {name}").format(name=entry.name))
        self.name.setText(entry.name)
        self.name.setToolTip(tooltip_text(str(entry.folder)))
        self.origin.setText(ORIGINS[Origin.OWN if entry.is_kept else entry.origin])
        note = entry.facts.note if entry.facts else ""
        self.note.setText(note)
        self.note.setVisible(bool(note))
        text = description_of(entry)
        self.description.setText(text)
        self.description.setVisible(bool(text))
        self._show_facts()
        self.damage.show_error(entry.what, entry.remedy)
        if self.details is not None:
            self.details.show_entry(entry)
        self._show_buttons()

    def show_use(self, state: Use, precision: str, loaded_precision: str = "", stage: str = "") -> None:
        """Show the state of the model, and the precision in which it would be loaded."""
        shown = (state, precision, loaded_precision, stage)
        if shown == self._shown_use:
            return
        self._shown_use = shown
        self.use_state = state
        self._loaded_precision = loaded_precision
        if precision != self._precision:
            self._precision = precision
            self._show_facts()
        self.in_use.setVisible(state is Use.LOADED)
        self.in_use_text.setText(
            tr("in use · {loaded_precision}").format(loaded_precision=loaded_precision)
            if loaded_precision not in ("", "float32")
            else tr("in use")
        )
        self.loading.setVisible(state is Use.LOADING)
        self.stage.setText(stage or tr("Loading…"))
        if state is not Use.NONE:
            self.load_failure.hide()
            self.question.close_question()
        self._show_buttons()

    def show_load_failed(self, what: str, remedy: str) -> None:
        """Show why the model could not be loaded."""
        self.load_failure.show_error(what, remedy)

    def show_delete_failed(self, what: str, remedy: str) -> None:
        """Show why the model could not be deleted."""
        self._show_buttons()
        self.task_failure.show_error(what, remedy)

    def show_work(self, text: str) -> None:
        """Show what is being done with the model outside its task; "" when it is done."""
        self.result.hide()
        self.work.setVisible(bool(text))
        self.work_text.setText(text)
        self.stop_button.setVisible(not text)

    def show_result(self, text: str) -> None:
        """Show what was done with the model."""
        self.result.setText(text)
        self.result.show()

    def set_narrow(self, narrow: bool) -> None:
        """Lay out the facts for a narrow card."""
        self.facts.set_narrow(narrow)

    def focus_chain(self) -> list[QWidget]:
        """Widgets in the order of the Tab key."""
        inside = self.details.focus_chain() if self.details is not None else []
        answers = (self.question.yes_button, self.question.no_button)
        return [self.use_button, self.details_button, self.more_button, *answers, *inside]

    # ------------------------------------------------------------------ construction

    def _heading(self) -> QWidget:
        self.name = ElidedLabel(grade="title")
        self.origin = label(tone="muted", grade="small")
        self.origin.setObjectName("pill")
        self.in_use = named(QFrame(), "pill")
        self.dot = Dot()
        self.in_use_text = label(tone="muted", grade="small")
        inside = row(self.dot, self.in_use_text, margins=(10, 0, 10, 0), spacing=6)
        self.in_use.setLayout(inside)
        self.in_use.hide()
        for pill in (self.origin, self.in_use):
            pill.setFixedHeight(24)
        self._show_dot()
        heading = QWidget()
        line = row((self.name, 1), self.in_use, self.origin)
        heading.setLayout(line)
        return heading

    def _add_progress(self, column: QVBoxLayout) -> None:
        self.loading = QWidget()
        self.stage = label(tone="muted", grade="small")
        self.loading_bar = BusyBar()
        self.loading_bar.setAccessibleName(tr("Loading"))
        column_in(self.loading, self.loading_bar, self.stage, spacing=6)
        self.loading.hide()
        self.work = QWidget()
        self.work_text = ElidedLabel(tone="muted", grade="small")
        self.work_bar = BusyBar()
        self.stop_button = button(tr("Stop"), tr("Stop this; nothing of it is kept"))
        self.stop_button.clicked.connect(self.task.stop)
        inside = column_in(self.work, self.work_bar, spacing=6)
        line = row((self.work_text, 1), self.stop_button)
        inside.addLayout(line)
        self.work.hide()
        add(column, self.loading, self.work)

    def _add_notices(self, column: QVBoxLayout) -> None:
        read_again = button(tr("Read again"), tr("Read the folder again"))
        read_again.clicked.connect(self.refresh_requested)
        self.remove_button = button(tr("Remove from list"), tr("Remove this folder from the list; its files are kept"))
        self.remove_button.clicked.connect(self._remove)
        self.damage = Notice(read_again, self.remove_button)
        self.try_again = button(tr("Try again"), tr("Load this model again"))
        self.try_again.clicked.connect(self._use)
        self.load_failure = Notice(self.try_again, dismissible=True)
        self.task_failure = Notice(dismissible=True)
        self.task_failure.dismissed.connect(self.task.dismiss)
        self.result = label(tone="ok", grade="small", wrap=True, selectable=True)
        self.result.hide()
        for widget in (self.damage, self.load_failure, self.task_failure, self.result):
            column.addWidget(widget)

    def _buttons(self) -> QWidget:
        self.use_button = button(tr("Use"), tr("Chat with this model"), "primary")
        self.use_button.clicked.connect(self._on_use_clicked)
        self.details_button = button(tr("Details"), tr("Show all facts of this model"))
        self.details_button.setCheckable(True)
        self.details_button.toggled.connect(self._unfold)
        self.more_button = named(IconToolButton(), "more")
        self.more_button.set_icon("more", QPalette.ColorRole.Text)
        self.more_button.setToolTip(tooltip_text(tr("More actions with this model")))
        self.more_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.more_button)
        menu.setToolTipsVisible(True)
        self.convert_action = menu.addAction(tr("Convert to safetensors"))
        self.convert_action.setToolTip(
            tooltip_text(tr("Write a copy among the downloaded models; it loads faster and cannot carry code"))
        )
        self.convert_action.triggered.connect(self._convert)
        self.rename_action = menu.addAction(tr("Rename…"))
        self.rename_action.triggered.connect(self._rename)
        self.note_action = menu.addAction(tr("Note…"))
        self.note_action.triggered.connect(self._annotate)
        menu.addSeparator()
        self.file_action = menu.addAction(tr("Export as one file…"))
        self.file_action.setToolTip(tooltip_text(tr("Write a file to give to others; it is added by a double click")))
        self.file_action.triggered.connect(self._export_file)
        self.export_action = menu.addAction(tr("Export as pytorch_model.bin…"))
        self.export_action.setToolTip(tooltip_text(tr("Write a copy that the public i3 training code can read")))
        self.export_action.triggered.connect(self._export)
        self.verify_action = menu.addAction(tr("Verify checksums"))
        self.verify_action.setToolTip(
            tooltip_text(tr("Check that no file has changed and that the weights can be read"))
        )
        self.verify_action.triggered.connect(self.verify)
        menu.addSeparator()
        self.remove_action = menu.addAction(tr("Remove from list"))
        self.remove_action.setToolTip(tooltip_text(tr("Remove this folder from the list; its files are kept")))
        self.remove_action.triggered.connect(self._remove)
        self.delete_action = menu.addAction(tr("Delete…"))
        self.delete_action.setToolTip(tooltip_text(tr("Delete this model; it can be restored for 30 days")))
        self.delete_action.triggered.connect(self._ask_to_delete)
        self.more_button.setMenu(menu)
        self.buttons = QWidget()
        self.buttons.setLayout(row(self.use_button, self.details_button, self.more_button, None))
        return self.buttons

    # ------------------------------------------------------------------ updates

    @Slot()
    def _show_dot(self) -> None:
        self.dot.show_colour(self._theme.tokens.ok)

    def _show_facts(self) -> None:
        self.facts.show_facts(card_facts(self.entry.facts, self._precision) if self.entry.facts else [])

    def _show_buttons(self) -> None:
        entry, in_use = self.entry, self.use_state is not Use.NONE
        facts, usable = entry.facts, entry.facts is not None
        reload = self.use_state is Use.LOADED and self._precision != self._loaded_precision
        text, tooltip = {
            Use.NONE: (tr("Use"), tr("Chat with {name}").format(name=entry.name)),
            Use.LOADING: (tr("Loading"), tr("{name} is being loaded").format(name=entry.name)),
            Use.LOADED: (tr("Unload"), tr("Unload {name} and free its memory").format(name=entry.name)),
        }[self.use_state]
        if reload:
            text, tooltip = (
                tr("Reload in {precision}").format(precision=self._precision),
                tr("Load {name} again in {precision}").format(name=entry.name, precision=self._precision),
            )
        self.use_button.setText(text)
        self.use_button.setToolTip(tooltip_text(tooltip))
        self.use_button.setAccessibleName(f"{text} {entry.name}")
        self.use_button.setAccessibleDescription(tooltip)
        self.use_button.setEnabled(self.use_state is not Use.LOADING)
        restyle(self.use_button, kind="" if self.use_state is Use.LOADED and not reload else "primary")
        self.use_button.setVisible(usable)
        self.details_button.setVisible(usable)
        self.details_button.setAccessibleName(tr("Details of {name}").format(name=entry.name))
        own = entry.origin is Origin.OWN
        deletable = entry.origin in (Origin.DOWNLOADED, Origin.FINE_TUNED)
        idle = not in_use and not self.task.running
        self.remove_button.setVisible(own)
        self.more_button.setVisible(usable or (deletable and bool(entry.what)))
        self.buttons.setVisible(not self.question.isVisibleTo(self) and self.more_button.isVisibleTo(self.buttons))
        self.more_button.setAccessibleName(tr("More actions with {name}").format(name=entry.name))
        self.convert_action.setVisible(facts is not None and facts.layout != "safetensors")
        self.export_action.setVisible(usable)
        for action in (self.rename_action, self.note_action):
            action.setVisible(usable and entry.origin is Origin.DOWNLOADED)
        self.file_action.setVisible(facts is not None and facts.base is None)
        self.verify_action.setVisible(usable)
        for action in (self.convert_action, self.export_action, self.verify_action):
            action.setEnabled(not self.task.running)
        self.remove_action.setVisible(own)
        self.remove_action.setEnabled(idle)
        self.delete_action.setVisible(deletable)
        self.delete_action.setEnabled(idle)
        self.delete_action.setText(tr("Delete…") if idle else tr("Delete… (not while in use)"))

    @Slot()
    def _show_task(self) -> None:
        task = self.task
        self.work.setVisible(bool(task.doing))
        self.work_text.setText(task.doing)
        self.result.setText(task.result)
        self.result.setVisible(bool(task.result))
        self.task_failure.show_error(task.what, task.remedy)
        self._show_buttons()

    # ------------------------------------------------------------------ actions of the user

    @Slot()
    def _on_use_clicked(self) -> None:
        if self.use_state is Use.LOADED and self._precision == self._loaded_precision:
            self.unload_requested.emit()
        else:
            self._use()

    @Slot()
    def _use(self) -> None:
        self.use_requested.emit(str(self.entry.folder))

    @Slot(bool)
    def _unfold(self, unfolded: bool) -> None:
        if self.details is None:
            self.details = Details(self.entry)
            self.details.verify_requested.connect(self.verify)
            self._column.addWidget(self.details)
            QWidget.setTabOrder(self.more_button, self.details.focus_chain()[0])
        self.details.setVisible(unfolded)
        self.resized.emit()

    @Slot()
    def verify(self) -> None:
        """Check the files against their checksums."""
        self.task.verify(Path(self.entry.folder))

    @Slot()
    def _convert(self) -> None:
        self.convert_requested.emit(str(self.entry.folder))

    @Slot()
    def _export(self) -> None:
        self.export_requested.emit(str(self.entry.folder))

    @Slot()
    def _rename(self) -> None:
        self.rename_requested.emit(str(self.entry.folder))

    @Slot()
    def _annotate(self) -> None:
        self.note_requested.emit(str(self.entry.folder))

    @Slot()
    def _export_file(self) -> None:
        self.file_requested.emit(str(self.entry.folder))

    @Slot()
    def _remove(self) -> None:
        self.remove_requested.emit(str(self.entry.folder))

    @Slot()
    def _ask_to_delete(self) -> None:
        size = f" ({size_text(self.entry.facts.file_bytes)})" if self.entry.facts else ""
        self.question.put(tr("Delete {name}{size}?").format(name=self.entry.name, size=size), RESTORABLE)
        self.buttons.hide()

    @Slot()
    def _on_question_closed(self) -> None:
        self._show_buttons()
        self.more_button.setFocus()

    @Slot()
    def _delete(self) -> None:
        self.delete_requested.emit(str(self.entry.folder))
