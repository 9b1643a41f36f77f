"""Edit a set of one's own in the window; everything is saved half a second after it is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QFrame, QPlainTextEdit, QStackedWidget, QWidget

from i3core.errors import I3Error
from i3core.system.files import replaced
from i3desk.datasets.rows import Row, export_rows, read_rows, write_rows
from i3desk.datasets.store import DatasetStore, OwnSet
from i3desk.datasets.table import RowTable
from i3desk.datasets.table_model import RowsModel
from i3desk.language import tr, trn
from i3desk.widgets.basics import FileDropsPass, Notice, button, column_in, label, named, row
from i3desk.widgets.name_and_note import NameEdit
from i3desk.widgets.plain_text import tooltip_text
from i3desk.workers.background import BackgroundJobs

SAVE_AFTER_MS = 400
LONGEST_TEXT = 200_000  # characters that can be edited here
LEAD_TABLE = tr(
    "A row for each thing that i3 should know. Put several ways to ask into one cell: a line each (Shift+Enter), "
    "or separated by |. Rows can be pasted from a spreadsheet."
)
LEAD_TEXT = tr("i3 learns to write like this. An empty line starts a new text.")
Source = Callable[[], Sequence[Row]]


class TextEdit(FileDropsPass, QPlainTextEdit):
    """A plain text."""


class DatasetEditor(QFrame):
    """Edits one set.

    Signals:
        closed: Emitted when the user is done, or the set is deleted.
    """

    closed = Signal()

    def __init__(self, store: DatasetStore, background: BackgroundJobs, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("wide")
        self.own: OwnSet | None = None
        self._store, self._background = store, background
        self._loading = True
        self._to_add: list[Row] = []
        self.sources: dict[str, Source] = {}
        self.model = RowsModel(self)
        self._save_timer = QTimer(self, interval=SAVE_AFTER_MS, singleShot=True)
        self._save_timer.timeout.connect(self._save)
        self.model.edited.connect(self._on_edited)
        store.written.connect(self._on_written)
        self._build()

    def _build(self) -> None:
        self.name = NameEdit("runName", of="set")
        self.name.renamed.connect(self._rename)
        self.done_button = button(tr("Done"), tr("Back to the data; this set is saved"))
        self.done_button.clicked.connect(self.close_set)
        self.lead = label(tone="muted", wrap=True)
        self.table = RowTable(self.model, self._background)
        self.table.noticed.connect(self._show_remark)
        self.text = named(TextEdit(), "ownText")
        self.text.setAccessibleName(tr("Text to learn"))
        self.text.setPlaceholderText(tr("Type or paste a text"))
        self.text.textChanged.connect(self._on_edited)
        self._content = QStackedWidget()
        self._content.addWidget(self.table)
        self._content.addWidget(self.text)
        self.facts = label(tone="muted", grade="small", wrap=True)
        self.remark = label(tone="muted", grade="small")
        self.notice = Notice(dismissible=True)
        column_in(
            self,
            row((self.name, 1), self.done_button, spacing=12),
            self.lead,
            self._tools(),
            (self._content, 1),
            row((self.facts, 1), self.remark, spacing=12),
            self.notice,
            margins=(24, 14, 24, 16),
            spacing=10,
        )

    def _tools(self) -> QWidget:
        stack = self.model.undo_stack
        self.undo_button = button(tr("Undo"), tr("Undo the last change (Ctrl+Z)"), "quiet")
        self.redo_button = button(tr("Redo"), tr("Do it again (Ctrl+Shift+Z)"), "quiet")
        self.rows_button = button(tr("Rows…"), tr("Insert, delete, or connect the selected rows"), "quiet")
        self.corrections_button = button(tr("+ Corrections"), tr("Add what you corrected in chats"), "quiet")
        self.chat_button = button(
            tr("+ This chat"), tr("Add the exchanges of the open chat that are on screen"), "quiet"
        )
        self.export_button = button(tr("Export…"), tr("Save a copy for other programs"), "quiet")
        self.delete_button = button(tr("Delete"), tr("Delete this set; it can be restored for 30 days"), "quiet")
        self.undo_button.clicked.connect(self._undo)
        self.redo_button.clicked.connect(self._redo)
        stack.canUndoChanged.connect(self._show_tools)
        stack.canRedoChanged.connect(self._show_tools)
        self.rows_button.clicked.connect(self._show_row_menu)
        self.corrections_button.clicked.connect(partial(self._add_from, "corrections"))
        self.chat_button.clicked.connect(partial(self._add_from, "chat"))
        self.export_button.clicked.connect(self._ask_where_to_export)
        self.delete_button.clicked.connect(self._delete)
        tools = QWidget()
        tools.setLayout(
            row(
                self.undo_button, self.redo_button, self.rows_button, self.corrections_button, self.chat_button, None,
                self.export_button, self.delete_button, spacing=6,
            )
        )  # fmt: skip
        return tools

    # -------------------------------------------------------------------------------------------------- from outside

    def set_sources(self, corrections: Source, chat: Source) -> None:
        """Offer rows of the user's corrections and of the open chat."""
        self.sources = {"corrections": corrections, "chat": chat}

    def open_set(self, own: OwnSet, rows: Sequence[Row] = ()) -> None:
        """Show a set to edit, and add rows to it."""
        self.finish()
        self.own, self._loading, self._to_add = own, True, list(rows)
        self.name.setModified(False)
        self.name.show_name(own.name)
        self.notice.hide()
        self.remark.clear()
        self.model.load(())
        self.text.setPlainText("")
        self._content.setCurrentWidget(self.table if own.is_table else self.text)
        self.lead.setText(LEAD_TABLE if own.is_table else LEAD_TEXT)
        self._show_tools()
        self._store.read(own, read_rows if own.is_table else _read_text, partial(self._on_read, own), self.close_set)

    @property
    def has_content(self) -> bool:
        """Whether there is something to train on."""
        if self._content.currentWidget() is self.text:
            return bool(self.text.toPlainText().strip())
        return any(each.is_finished for each in self.model.rows)

    def finish(self) -> None:
        """Save what is typed, at once."""
        if self.own is None or self._loading:
            return
        self.table.finish_typing()
        if self._save_timer.isActive():
            self._save_timer.stop()
            self._store.write_now(self.own, self._content_function()())

    def add_rows(self, rows: Sequence[Row]) -> None:
        """Add rows at the end, so that it can be undone; those that are there already are left out."""
        known = set(self.model.rows)
        conversations: list[list[Row]] = []
        for each in rows:
            if each.follows and conversations:
                conversations[-1].append(each)
            else:
                conversations.append([each])
        new = [each for part in conversations if len(part) > 1 or part[0] not in known for each in part]
        self.model.replace(len(self.model.rows), 0, new, tr("Add rows"))
        self.table.scrollToBottom()
        self._show_remark(
            trn("Added {n} row.", "Added {n} rows.", len(new)) if new else tr("They are all here already.")
        )

    # ------------------------------------------------------------------------------------------- what the user does

    @Slot()
    def close_set(self) -> None:
        """Save, and leave the editor; a set without content is removed."""
        self.finish()
        own, self.own = self.own, None
        if own is not None and not self._loading and not own.size:
            self._store.delete(own)
        self.closed.emit()

    @Slot()
    def _undo(self) -> None:
        if self._content.currentWidget() is self.text:
            self.text.undo()
        else:
            self.table.finish_typing()
            self.model.undo_stack.undo()

    @Slot()
    def _redo(self) -> None:
        if self._content.currentWidget() is self.text:
            self.text.redo()
        else:
            self.model.undo_stack.redo()

    @Slot()
    def _show_row_menu(self) -> None:
        self.table.show_menu(self.rows_button.mapToGlobal(self.rows_button.rect().bottomLeft()))

    def _add_from(self, source: str) -> None:
        rows = self.sources[source]()
        if rows:
            self.add_rows(rows)
        else:
            nothing = {
                "corrections": tr("You have not corrected a reply yet."),
                "chat": tr("This chat has no replies yet."),
            }
            self._show_remark(nothing[source])

    @Slot(str)
    def _rename(self, name: str) -> None:
        if self.own is None:
            return
        try:
            self._store.rename(self.own, name)
        except I3Error as error:
            self.notice.show_error(error.what, error.remedy)
        else:
            self.notice.hide()
        self.name.show_name(self.own.name)

    @Slot()
    def _delete(self) -> None:
        self.finish()
        own, self.own = self.own, None
        if own is not None:
            self._store.delete(own)
        self.closed.emit()

    @Slot()
    def _ask_where_to_export(self) -> None:
        assert self.own is not None
        kinds = [tr("Conversations (*.jsonl)"), tr("Table (*.csv)")] if self.own.is_table else [tr("Text (*.txt)")]
        dialog = self._dialog = QFileDialog(self.window(), tr("Export"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(kinds)
        dialog.setDefaultSuffix("jsonl" if self.own.is_table else "txt")
        dialog.selectFile(self.own.name)
        dialog.fileSelected.connect(self.export_to)
        dialog.open()

    @Slot(str)
    def export_to(self, path: str) -> None:
        """Write a copy of the set; the type follows from the name. In the background."""
        assert self.own is not None
        if self.own.is_table:
            content = partial(export_rows, self.model.snapshot(), Path(path).suffix.lower())
        else:
            content = self._content_function()
        self._background.run(partial(_export, Path(path), content), self._on_exported, self._on_failed)

    # ------------------------------------------------------------------------------------------------------- content

    def _content_function(self) -> Callable[[], str]:
        if self._content.currentWidget() is self.text:
            text = self.text.toPlainText()
            return lambda: text
        return partial(write_rows, self.model.snapshot())

    def _on_read(self, own: OwnSet, content: object) -> None:
        if own is not self.own:
            return
        if isinstance(content, str):
            is_long = len(content) > LONGEST_TEXT
            self.text.setReadOnly(is_long)
            self.text.setPlainText(content[:LONGEST_TEXT])
            if is_long:
                self._show_remark(tr("Only the start is shown: this text is too long to be edited here."))
        elif isinstance(content, list):
            self.model.load(content)
        self._loading = False
        if self._to_add:
            self.add_rows(self._to_add)
        self._show_facts()
        self.setFocus()
        if own.is_table and not self.model.rows:
            self.table.edit(self.model.index(0, 0))

    @Slot()
    def _on_edited(self) -> None:
        if not self._loading and not self.text.isReadOnly():
            self.remark.clear()
            if not self._save_timer.isActive():  # so that who types without a pause is saved as well
                self._save_timer.start()

    @Slot()
    def _save(self) -> None:
        if self.own is not None:
            self._store.write(self.own, self._content_function())
            self._show_facts()

    @Slot(str)
    def _on_written(self, folder: str) -> None:
        if self.own is not None and folder == str(self.own.folder) and not self._save_timer.isActive():
            self.remark.setText(tr("Saved"))

    def _show_facts(self) -> None:
        if self._content.currentWidget() is self.text:
            self.facts.setText(trn("{n} word", "{n} words", len(self.text.toPlainText().split())))
            return
        answers = asked = missing = 0
        for each in self.model.snapshot():  # at once: there may be thousands
            answer = each.answer.strip()
            if each.ask and answer:
                answers, asked = answers + 1, asked + len(each.ask)
            elif each.ask or answer:
                missing += 1
        parts = [trn("{n} answer", "{n} answers", answers), trn("{n} way to ask", "{n} ways to ask", asked)]
        if missing:
            parts.append(
                trn(
                    "{n} row without a question or an answer: not used",
                    "{n} rows without a question or an answer: not used",
                    missing,
                )
            )
        self.facts.setText(" · ".join(parts))

    @Slot()
    def _show_tools(self) -> None:
        stack, is_table = self.model.undo_stack, self.own is None or self.own.is_table
        self.undo_button.setEnabled(stack.canUndo() or not is_table)
        self.redo_button.setEnabled(stack.canRedo() or not is_table)
        for each in (self.rows_button, self.corrections_button, self.chat_button):
            each.setVisible(is_table)

    @Slot(str)
    def _show_remark(self, text: str) -> None:
        self.remark.setText(text)
        self.remark.setToolTip(tooltip_text(text))

    def _on_exported(self, path: Path) -> None:
        self._show_remark(tr("Exported as {name}.").format(name=path.name))

    def _on_failed(self, error: I3Error) -> None:
        self.notice.show_error(error.what, error.remedy)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise I3Error(tr("{path} cannot be read: {strerror}.").format(path=path, strerror=error.strerror)) from error


def _export(path: Path, content: Callable[[], str]) -> Path:
    with replaced(path) as temporary:
        temporary.write_bytes(content().encode("utf-8", "replace"))
    return path
