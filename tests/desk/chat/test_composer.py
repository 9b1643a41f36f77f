"""Writing a message: nothing is lost, and its chunks show what the model does not know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QTextCursor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from i3core.system import assets
from i3core.text.chat_template import ChatTemplate
from i3core.text.tokenizer import UNK_ID, ChunkTokenizer
from i3desk.chat.composer import Composer
from i3desk.chat.draft_chunks import UPDATE_MS, split
from i3desk.style.palette import LIGHT, mix
from i3desk.style.theme import Theme

TEMPLATE = ChatTemplate.for_model(ChunkTokenizer.from_file(assets.path("models/i3-mini/tokenizer.json")))
RETURN = Qt.Key.Key_Return


@pytest.fixture
def composer(qtbot, qapp):
    """In a window, as on the chat page."""
    theme = Theme(qapp, "light")
    window = QWidget()
    column = QVBoxLayout(window)
    column.addStretch(1)
    composer = Composer()
    column.addWidget(composer)
    window.resize(640, 480)
    qtbot.addWidget(window)
    with qtbot.waitActive(window):
        window.show()
        window.activateWindow()
    composer.set_template(TEMPLATE)
    composer.edit.setFocus()
    yield composer
    theme.deleteLater()


@pytest.fixture
def sent(composer) -> list[str]:
    found: list[str] = []
    composer.send_requested.connect(found.append)
    return found


def test_draft_stays_until_it_is_sent(composer, sent, qtbot):
    qtbot.keyClicks(composer.edit, "hello")
    qtbot.keyClick(composer.edit, RETURN)
    assert sent == ["hello"]
    assert composer.text() == "hello"
    composer.accept()
    assert composer.text() == ""


def test_blocked_message_stays_with_its_reason(composer, sent, qtbot):
    composer.set_text("far too long")
    composer.set_blocked("This message is 540 tokens long; 448 fit.")
    qtbot.keyClick(composer.edit, RETURN)
    assert sent == []
    assert composer.notice.isVisible()
    assert composer.notice.text() == "This message is 540 tokens long; 448 fit."
    assert not composer.send_button.isEnabled()
    composer.set_blocked("")
    assert not composer.notice.isVisible()
    qtbot.mouseClick(composer.send_button, Qt.MouseButton.LeftButton)
    assert sent == ["far too long"]


def test_nothing_is_sent_during_a_reply(composer, sent, qtbot):
    composer.set_busy(True)
    qtbot.keyClicks(composer.edit, "wait")
    qtbot.keyClick(composer.edit, RETURN)
    assert sent == []
    assert composer.stop_button.isVisible()
    with qtbot.waitSignal(composer.stop_requested):
        qtbot.mouseClick(composer.stop_button, Qt.MouseButton.LeftButton)


def test_blank_text_and_new_lines_are_not_sent(composer, sent, qtbot):
    qtbot.keyClicks(composer.edit, "  ")
    qtbot.keyClick(composer.edit, RETURN)
    qtbot.keyClick(composer.edit, RETURN, Qt.KeyboardModifier.ShiftModifier)
    assert composer.text() == "  \n"
    assert sent == []


def lines_on_screen(edit) -> int:
    """How many lines of text fit into the field."""
    return edit.viewport().height() // edit.fontMetrics().lineSpacing()


def test_field_grows_to_forty_percent_of_the_window_and_the_button_does_not(composer, qtbot):
    one, button = composer.edit.height(), composer.send_button.height()
    composer.set_text("\n".join("abcdef"))
    six = composer.edit.height()
    assert lines_on_screen(composer.edit) == 6
    assert not composer.edit.verticalScrollBar().isVisible()
    composer.set_text("\n".join("x" * 100))
    qtbot.waitUntil(lambda: composer.height() > six)
    assert one < six < composer.edit.height() <= 0.4 * composer.window().height() + 8
    assert composer.edit.verticalScrollBar().isVisible()
    assert composer.send_button.height() == button


@pytest.mark.parametrize("length", [300, 50_000])
def test_pasted_paragraph_is_as_visible_as_a_typed_one(composer, qtbot, length):
    QGuiApplication.clipboard().setText("some words " * (length // 11))
    qtbot.keyClick(composer.edit, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: lines_on_screen(composer.edit) >= (4 if length < 1000 else 6))


def test_long_draft_set_before_the_first_show_is_not_cut_off(composer, qtbot):
    late = Composer()
    late.set_text("once more with a longer message " * 40)
    composer.parentWidget().layout().addWidget(late)
    qtbot.waitUntil(lambda: late.edit.verticalScrollBar().isVisible())
    text = late.edit.document().begin().layout()
    assert text.lineAt(0).width() <= late.edit.viewport().width()


def test_up_in_the_empty_field_edits_the_last_message(composer, qtbot):
    asked = []
    composer.edit_last_requested.connect(lambda: asked.append(True))
    qtbot.keyClick(composer.edit, Qt.Key.Key_Up)
    assert len(asked) == 1
    qtbot.keyClicks(composer.edit, "two")
    qtbot.keyClick(composer.edit, Qt.Key.Key_Up)
    assert len(asked) == 1


def test_page_up_and_down_scroll_the_chat(composer, qtbot):
    pages = []
    composer.scroll_requested.connect(pages.append)
    qtbot.keyClick(composer.edit, Qt.Key.Key_PageUp)
    qtbot.keyClick(composer.edit, Qt.Key.Key_PageDown)
    assert pages == [-1, 1]


def test_setting_a_text_emits_it_and_moves_the_caret_to_its_end(composer, qtbot):
    with qtbot.waitSignal(composer.text_changed):
        composer.set_text("once upon")
    qtbot.keyClicks(composer.edit, " a time")
    assert composer.text() == "once upon a time"


def test_raw_mode_generates_and_allows_an_empty_draft(composer, sent, qtbot):
    composer.set_model_name("i3-mini")
    composer.set_mode("raw")
    qtbot.keyClick(composer.edit, RETURN)
    assert sent == [""]
    assert composer.edit.placeholderText() == "Text for i3-mini to continue…"
    assert composer.send_button.text() == "Generate"  # "Continue" is the button of a reply that was cut
    composer.set_mode("chat")
    assert composer.edit.placeholderText() == "Message i3-mini…"
    assert (composer.send_button.text(), composer.send_button.accessibleName()) == ("Send", "Send")
    assert not composer.send_button.isEnabled()


def test_unreadable_characters_are_told_while_the_message_can_still_be_changed(composer, sent, qtbot):
    composer.set_unreadable("i3 can't read 2 characters: 漢 字")
    composer.set_text("漢字")
    assert composer.notice.isVisible()
    assert composer.notice.text() == "i3 can't read 2 characters: 漢 字"
    assert composer.edit.accessibleDescription() == "i3 can't read 2 characters: 漢 字"
    composer.set_blocked("Too long.")
    assert composer.notice.text() == "Too long.\ni3 can't read 2 characters: 漢 字"
    composer.set_blocked("")
    qtbot.keyClick(composer.edit, RETURN)
    assert sent == ["漢字"]
    composer.set_unreadable("")
    assert not composer.notice.isVisible()


# Chunks


@given(st.text(st.sampled_from("the ANDéŘΣσςİıßž漢字👍\n.")), st.booleans())
def test_chunks_join_to_the_text_and_unknown_ones_are_those_of_the_tokenizer(text, from_model):
    small = ChunkTokenizer({"<UNK>": 0, "the": 1, "t": 2, "h": 3, "i": 4, " ": 5})
    template = TEMPLATE if from_model else ChatTemplate.for_model(small)
    tokenizer, chunks, ids = template.tokenizer, split(text, template), template.encode_text(text)
    text = template.fold(text)
    assert [chunk.is_known for chunk in chunks] == [token_id != UNK_ID for token_id in ids]
    assert [chunk.text for chunk in chunks if chunk.is_known] == [tokenizer.chunks[i] for i in ids if i != UNK_ID]
    if len(text.lower()) == len(text):
        assert "".join(chunk.text for chunk in chunks).lower() == text.lower() or "Σ" in text
    assert all(chunk.text in text for chunk in chunks if not chunk.is_known)


def test_chunks_are_shown_on_request_with_unknown_ones_in_red(composer, qtbot):
    qtbot.keyClicks(composer.edit, "The sea")
    with qtbot.waitSignal(composer.chunks_shown_changed) as changed:
        qtbot.mouseClick(composer.chunks_button, Qt.MouseButton.LeftButton)
    assert changed.args == [True]
    draft = composer.draft_chunks
    qtbot.waitUntil(lambda: [chunk.text for chunk in draft.chunks] == ["the", " s", "ea"])
    assert draft.hint.text() == "3 chunks"
    composer.edit.insertPlainText(" 漢я漢")
    qtbot.waitUntil(lambda: draft.hint.text() == "3 parts are unknown to this model (shown in red)")
    assert [chunk.text for chunk in draft.chunks if not chunk.is_known] == ["漢", "я", "漢"]
    assert draft.hint.palette().color(draft.hint.foregroundRole()) == QColor(LIGHT.bad)
    image = draft.field.grab().toImage()
    ground = {image.pixelColor(x, 5).name() for x in range(image.width())}
    assert {QColor(LIGHT.raised).name(), QColor(mix(LIGHT.surface, LIGHT.bad, 0.16)).name()} <= ground


def test_hidden_chunks_are_not_computed(composer, qtbot):
    asked = []

    class Counting(ChunkTokenizer):
        def encode(self, text):
            asked.append(text)
            return super().encode(text)

    composer.set_template(ChatTemplate.for_model(Counting({"a": 1})))
    asked.clear()
    qtbot.keyClicks(composer.edit, "aaa")
    qtbot.wait(3 * UPDATE_MS)
    assert asked == []
    composer.show_chunks(True)
    assert asked == ["aaa"]


def test_chunks_without_a_model_show_a_note(composer):
    composer.set_template(None)
    composer.show_chunks(True)
    assert composer.draft_chunks.hint.text() == "Tokens appear once a model is loaded"


def test_chunks_with_emoji_scroll_to_the_caret(composer, qtbot):
    composer.show_chunks(True)
    text = "😀" * 1000
    composer.set_text(text)
    cursor = composer.edit.textCursor()
    cursor.setPosition(len(text))  # in the middle: each emoji has two places
    composer.edit.setTextCursor(cursor)
    bar = composer.draft_chunks.area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 500 and abs(bar.value() - bar.maximum() / 2) < bar.pageStep())


def test_long_chunks_scroll_to_the_caret(composer, qtbot):
    composer.show_chunks(True)
    composer.set_text("the moon pulls on the water " * 200)
    bar = composer.draft_chunks.area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 1000 and bar.value() == bar.maximum())
    assert composer.draft_chunks.area.height() < 120
    composer.edit.moveCursor(QTextCursor.MoveOperation.Start)
    qtbot.waitUntil(lambda: bar.value() == 0)
