"""Making training data as its user does it: typing, pasting, undoing, and what is on the disk meanwhile."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from user import click

from i3core.data.documents import read_documents
from i3core.system.files import write_json
from i3desk.datasets.rows import Row, write_rows
from i3desk.datasets.table import RowTable
from i3desk.training.own_data import OwnData

KEY = Row(("where is the key?", "the key?"), "under the pot.")
CAT = Row(("who feeds the cat?",), "mrs miller.")
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def own(app, qtbot) -> OwnData:
    """The data side of the Train page."""
    app.window.show_training()
    return app.services.train_page.setup.own


def open_table(own: OwnData, qtbot) -> RowTable:
    click(qtbot, own.shelf.makers["table"])
    qtbot.waitUntil(lambda: is_typing())
    return own.editor.table


def is_typing() -> bool:
    focus = QApplication.focusWidget()
    return focus is not None and focus.objectName() == "cellEdit"


def type_cell(qtbot, *lines: str, ends: Qt.Key = Qt.Key.Key_Return) -> None:
    for number, line in enumerate(lines):
        if number:
            qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
        qtbot.keyClicks(QApplication.focusWidget(), line)
    qtbot.keyClick(QApplication.focusWidget(), ends)


def wait_saved(own: OwnData, qtbot, *rows: Row) -> None:
    qtbot.waitUntil(lambda: own.editor.own.file.read_text(encoding="utf-8") == write_rows(rows))


def paste(table: RowTable, qtbot, text: str) -> None:
    QGuiApplication.clipboard().setText(text)
    qtbot.keyClick(table, Qt.Key.Key_V, CONTROL)


def test_typed_rows_are_saved_as_they_are_typed_and_trained_on(own, qtbot):
    table = open_table(own, qtbot)
    type_cell(qtbot, "where is the key?", "the key?")
    type_cell(qtbot, "under the pot.", ends=Qt.Key.Key_Tab)
    type_cell(qtbot, "who feeds the cat?")
    qtbot.keyClicks(QApplication.focusWidget(), "mrs miller.")  # and the cell is still being edited
    assert is_typing()
    wait_saved(own, qtbot, KEY, CAT)
    assert len(table.rows.rows) == 2
    assert "2 answers · 3 ways to ask" in own.editor.facts.text()
    click(qtbot, own.editor.done_button)
    assert table.rows.rows == [KEY, CAT]
    card = own.parent().data.cards[str(own.editor.own.folder if own.editor.own else own.store.sets[0].folder)]
    assert card.name.text() == "my answers"
    assert card.edit.isVisible()
    click(qtbot, card.edit)
    qtbot.waitUntil(lambda: table.rows.rows == [KEY, CAT])


def test_rows_of_a_spreadsheet_replace_what_is_there_and_come_back_with_undo(own, qtbot):
    table = open_table(own, qtbot)
    type_cell(qtbot, "who feeds the cat?", ends=Qt.Key.Key_Escape)
    assert table.rows.rows == []  # Esc gives up what was typed
    paste(table, qtbot, 'where is the key?|the key?\tunder the pot.\n"who feeds the cat?"\tmrs miller.\tmore\n')
    assert table.rows.rows == [KEY, CAT]
    assert own.editor.remark.text() == "Pasted 2 rows. Only the first two columns were used."
    table.setCurrentIndex(table.rows.index(0, 1))
    paste(table, qtbot, "in the hall.\nthe butler.\nnobody.")
    assert [row.answer for row in table.rows.rows] == ["in the hall.", "the butler.", "nobody."]
    qtbot.keyClick(table, Qt.Key.Key_Z, CONTROL)
    assert table.rows.rows == [KEY, CAT]
    click(qtbot, own.editor.undo_button)
    assert table.rows.rows == []
    qtbot.keyClick(table, Qt.Key.Key_Z, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    wait_saved(own, qtbot, KEY, CAT)
    assert "2 answers" in own.editor.facts.text()


def test_rows_pasted_into_a_cell_become_rows(own, qtbot):
    table = open_table(own, qtbot)
    QGuiApplication.clipboard().setText("where is the key?|the key?\tunder the pot.\nwho feeds the cat?\tmrs miller.")
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_V, CONTROL)
    assert table.rows.rows == [KEY, CAT]


def test_rows_are_copied_deleted_cleared_and_connected(own, qtbot):
    table = open_table(own, qtbot)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    paste(table, qtbot, "a\tb\nc\td\ne\tf")
    table.selectRow(1)
    table.copy()
    assert QGuiApplication.clipboard().text() == "c\td\n"
    table.toggle_follows()
    assert [row.follows for row in table.rows.rows] == [False, True, False]
    assert table.rows.headerData(1, Qt.Orientation.Vertical) == "↳"
    table.toggle_follows()
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert [row.answer for row in table.rows.rows] == ["b", "f"]
    table.setCurrentIndex(table.rows.index(0, 1))
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert table.rows.rows[0] == Row(("a",))
    table.insert_row()
    type_cell(qtbot, "new", ends=Qt.Key.Key_Tab)
    assert table.rows.rows[0] == Row(("new",))


def test_five_thousand_pasted_rows_do_not_hold_the_window_up(own, qtbot):
    """Counted in the time of the thread, so that other programs do not matter."""
    table = open_table(own, qtbot)
    text = "".join(f"what is in box number {n}?|box {n}?\tapples, pears and {n} nuts.\n" for n in range(5000))
    longest, done = 0.0, []
    table.noticed.connect(done.append)
    source = QMimeData()
    source.setText(text)
    QGuiApplication.clipboard().setMimeData(source)
    own.editor.table.setFocus()
    began = time.thread_time()
    qtbot.keyClick(table, Qt.Key.Key_V, CONTROL)
    longest = time.thread_time() - began
    deadline = time.monotonic() + 30
    while (not done or own.editor.remark.text() != "Saved") and time.monotonic() < deadline:
        began = time.thread_time()
        QApplication.processEvents()
        longest = max(longest, time.thread_time() - began)
    assert len(table.rows.rows) == 5000
    assert own.editor.own.file.stat().st_size > 400_000
    assert longest < 0.05


def test_corrections_and_the_open_chat_become_sets(app, own, say, qtbot):
    click(qtbot, own.shelf.makers["corrections"])
    assert "You have not corrected a reply yet" in own.shelf.remark.text()
    app.window.show_chat()
    say(app, "who are you?")
    app.services.session.retry()
    qtbot.waitUntil(lambda: not app.services.session.busy)
    number = app.services.session.conversation.leaf
    app.services.session.correct(number, "a lamp.")
    app.window.show_training()
    click(qtbot, own.shelf.makers["corrections"])
    learned = Row(("who are you?",), "a lamp.")
    qtbot.waitUntil(lambda: own.editor.model.rows == [learned])
    click(qtbot, own.editor.chat_button)
    assert own.editor.model.rows == [learned]  # the replaced versions are left out, and it is there already
    assert own.editor.remark.text() == "They are all here already."
    click(qtbot, own.editor.done_button)
    click(qtbot, own.shelf.makers["chat"])
    qtbot.waitUntil(lambda: own.editor.model.rows == [learned])
    assert own.editor.name.text() == "my chat"


def test_text_of_the_clipboard_becomes_a_set_and_a_table_of_it_a_table(own, qtbot):
    QGuiApplication.clipboard().setText("  ")
    click(qtbot, own.shelf.makers["text"])
    assert "holds no text" in own.shelf.remark.text()
    QGuiApplication.clipboard().setText("the lamp is lit.\n\nthe sea is calm.")
    click(qtbot, own.shelf.makers["text"])
    qtbot.waitUntil(lambda: own.editor.text.isVisible() and bool(own.editor.text.toPlainText()))
    own.editor.text.appendPlainText("it rains.")
    click(qtbot, own.editor.done_button)
    [made] = own.store.sets
    assert [d.text for d in read_documents(made.folder)] == ["the lamp is lit.", "the sea is calm.\nit rains."]
    QGuiApplication.clipboard().setText("where is the key?|the key?\tunder the pot.\nwho feeds the cat?\tmrs miller.")
    click(qtbot, own.shelf.makers["text"])
    qtbot.waitUntil(lambda: own.editor.model.rows == [KEY, CAT])


def test_names_are_unique_and_follow_into_the_data(own, qtbot):
    open_table(own, qtbot)
    type_cell(qtbot, "hi", ends=Qt.Key.Key_Tab)
    type_cell(qtbot, "hello")
    click(qtbot, own.editor.done_button)
    open_table(own, qtbot)
    assert own.editor.name.text() == "my answers-2"
    for name, error in {"My Answers": "There is a set 'my answers' already", "a/b": "cannot be the name"}.items():
        own.editor.name.selectAll()
        qtbot.keyClicks(own.editor.name, name)
        qtbot.keyClick(own.editor.name, Qt.Key.Key_Return)
        assert error in own.editor.notice.what.text()
        assert own.editor.name.text() == "my answers-2"
    click(qtbot, own.editor.done_button)
    assert [each.name for each in own.store.sets] == ["my answers"]  # an empty one is not kept
    own.edit(str(own.store.sets[0].folder))
    own.editor.name.selectAll()
    qtbot.keyClicks(own.editor.name, "house")
    qtbot.keyClick(own.editor.name, Qt.Key.Key_Return)
    assert own.editor.notice.isHidden()
    assert list(own.parent().choices.data) == [str(own.store.folder / "house")]


def test_a_deleted_set_leaves_the_data_and_can_be_restored(app, own, qtbot):
    open_table(own, qtbot)
    type_cell(qtbot, "hi", ends=Qt.Key.Key_Tab)
    type_cell(qtbot, "hello")
    click(qtbot, own.editor.done_button)
    folder = own.store.sets[0].folder
    assert list(own.parent().choices.data) == [str(folder)]
    own.edit(str(folder))
    click(qtbot, own.editor.delete_button)
    assert own.parent().choices.data == {}
    assert not own.is_editing
    assert not folder.exists()
    assert app.window.toast.isVisible()
    app.window.undo.undo()
    qtbot.waitUntil(lambda: [each.folder for each in own.store.sets] == [folder])
    assert folder.is_dir()


def test_sets_of_the_last_time_are_offered_also_when_one_is_damaged(open_app, paths, qtbot):
    (paths.sets_folder / "house").mkdir(parents=True)
    (paths.sets_folder / "house" / "table.jsonl").write_text(write_rows([KEY]))
    (paths.sets_folder / "other").mkdir()
    write_json(paths.sets_folder / "other" / "table.jsonl", [1])
    app = open_app()
    app.window.show_training()
    own = app.services.train_page.setup.own
    qtbot.waitUntil(lambda: len(own.store.sets) == 2)
    own.edit(str(paths.sets_folder / "other"))
    qtbot.waitUntil(lambda: app.window.toast.isVisible())
    assert not own.is_editing  # nothing could be saved
    own.edit(str(paths.sets_folder / "house"))
    qtbot.waitUntil(lambda: own.editor.model.rows == [KEY])


def test_what_was_typed_last_is_kept_when_the_window_closes(open_app, paths, qtbot):
    app = open_app()
    app.window.show_training()
    own = app.services.train_page.setup.own
    open_table(own, qtbot)
    qtbot.keyClicks(QApplication.focusWidget(), "where is the key?")
    open_app.close(app)
    assert (paths.sets_folder / "my answers" / "table.jsonl").read_text() == write_rows([Row(("where is the key?",))])
