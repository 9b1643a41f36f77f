"""What a screen reader meets: the tree that Qt hands to AT-SPI and its relatives, on every page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget

from i3desk.chat import reply_reader

ROLE = QAccessible.Role
NAMED = {
    ROLE.Button,
    ROLE.CheckBox,
    ROLE.RadioButton,
    ROLE.EditableText,
    ROLE.Slider,
    ROLE.List,
    ROLE.ButtonMenu,
    ROLE.Link,
}


def tree(item: QAccessibleInterface) -> Iterator[QAccessibleInterface]:
    """An interface and everything visible below it."""
    yield item
    for index in range(item.childCount()):
        child = item.child(index)
        if child is not None and child.isValid() and not child.state().invisible:
            yield from tree(child)


def name(item: QAccessibleInterface) -> str:
    return item.text(QAccessible.Text.Name)


def named(widget: QWidget) -> list[str]:
    return [name(item) for item in tree(QAccessible.queryAccessibleInterface(widget))]


@pytest.mark.parametrize("page", ["chat_button", "train_button", "runs_button", "models_button", "settings_button"])
def test_every_control_has_an_accessible_name(app, say, qtbot, page):
    say(app, "hello")
    getattr(app.window, page).click()
    qtbot.wait(100)
    operated = [item for item in tree(QAccessible.queryAccessibleInterface(app.window)) if item.role() in NAMED]
    assert len(operated) > 8
    nameless = [item.object() for item in operated if not name(item).strip() and item.state().focusable]
    assert nameless == []
    for item in operated:  # a button that says on or off does so by its state, not by its look
        widget = item.object()
        if isinstance(widget, QAbstractButton) and widget.isCheckable():
            assert item.state().checkable, widget.accessibleName()
            assert bool(item.state().checked) == widget.isChecked(), widget.accessibleName()
        if isinstance(widget, QWidget):
            assert bool(item.state().disabled) != widget.isEnabled(), widget.accessibleName()


@pytest.fixture
def announced(monkeypatch) -> Iterator[list[str]]:
    """What a screen reader is told at once."""
    told: list[str] = []
    monkeypatch.setattr(reply_reader, "announce", lambda widget, text: told.append(text))
    QAccessible.setActive(True)
    yield told
    QAccessible.setActive(False)


def test_growing_reply_is_announced_by_sentence(app, say, model, announced):
    model.words = ("the moon ", "is 3.5 ", "times ", "smaller. ", "it ", "has no ", "air! ", "i like it")
    say(app, "tell me about the moon")
    assert announced == ["the moon is 3.5 times smaller.", "it has no air!", "i like it"] or (
        " ".join(announced) == "the moon is 3.5 times smaller. it has no air! i like it"  # drawn later than it came
    )


@given(st.text(alphabet="ab .!?\n3"), st.data())
def test_sentences_are_announced_whole_and_once(text, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    said, parts = 0, []
    for cut in cuts:
        end = reply_reader.whole_sentences(text[:cut], ended=False)
        if end > said:
            parts.append(text[said:end])
            said = end
    parts.append(text[said : reply_reader.whole_sentences(text, ended=True)])
    assert "".join(parts) == text
    assert all(part.rstrip(" ")[-1] in ".!?\n" for part in parts[:-1])


def test_accessibility_tree_holds_messages_with_their_authors(app, say):
    say(app, "tell me about the moon")
    texts = " | ".join(named(app.window.chat_page.transcript))
    assert "You said" in texts
    assert "i3 said" in texts
    everything = [
        item.text(QAccessible.Text.Value) + name(item)
        for item in tree(QAccessible.queryAccessibleInterface(app.window.chat_page.transcript))
    ]
    assert any("the moon is a big rock." in text for text in everything)


def test_chat_list_exposes_titles(app, say):
    say(app, "names for a cat")
    assert any("names for a cat" in text for text in named(app.window.sidebar.list))


def test_tab_key_reaches_every_control_of_the_chat(app, say, qtbot):
    say(app, "hello")
    window = app.window
    window.chat_page.composer.edit.setFocus()
    met = []
    for _ in range(200):
        widget = QApplication.focusWidget()
        if widget in met:
            break
        met.append(widget)
        qtbot.keyClick(widget, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is met[0]
    window.chat_button.setFocus()
    qtbot.keyClick(window.chat_button, Qt.Key.Key_Down)
    assert window.train_page.isVisible()
    for wanted in (
        window.chat_page.composer.edit,
        window.sidebar.search,
        window.sidebar.new_button,
        window.chat_page.header.chip,
        window.panel.rows["temperature"].number,
        window.chat_button,  # from here arrow keys reach the other pages
    ):
        assert wanted in met, wanted
    for row in window.panel.rows.values():  # one Tab stop for a setting
        assert sum(row.isAncestorOf(each) for each in met) == row.isVisibleTo(window.panel)
