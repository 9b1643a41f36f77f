"""The glass box: chunks where they belong, coloured by surprise, and the alternatives to each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QColor, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QScrollArea, QVBoxLayout, QWidget

from i3core.generation.outputs import Alternative, Chunk
from i3desk.style.palette import DARK, LIGHT
from i3desk.style.theme import Theme
from i3desk.tokens.alternatives_popup import ROW_HEIGHT
from i3desk.tokens.layout import ChunkLayout
from i3desk.tokens.legend import TokenLegend
from i3desk.tokens.style import LEVELS, percent, surprise_colours, surprise_level
from i3desk.tokens.view import LEAVE_MS, ChunkView

TEXTS = ("the", " mo", "on ", "pu", "lls", " on", " the", " sea", ".\n", "the", " end", "<|end|>")


def chunk(text: str, probability: float = 0.5, token_id: int = 7) -> Chunk:
    own = Alternative(token_id, text, probability)
    others = [Alternative(100 + n, f"a{n}", (1 - probability) / 2**n) for n in range(1, 10)]
    return Chunk(token_id, text, probability, tuple(sorted([own, *others], key=lambda a: -a.probability)))


@pytest.fixture
def theme(qapp):
    theme = Theme(qapp, "light")
    yield theme
    theme.deleteLater()


@pytest.fixture
def open_view(qtbot, theme):
    """Shows a view as in the transcript: in a scroll area in an active window."""
    windows = []

    def open_(chunks, given=0, size=(560, 480)) -> ChunkView:
        window = QScrollArea(widgetResizable=True)
        column = QWidget()
        view = ChunkView()
        layout = QVBoxLayout(column)
        layout.addWidget(view)
        layout.addStretch(1)
        window.setWidget(column)
        qtbot.addWidget(window)
        windows.append(window)
        view.show_chunks(chunks, given)
        window.resize(*size)
        with qtbot.waitActive(window):
            window.show()
            window.activateWindow()
        view.setFocus()
        return view

    return open_


@pytest.fixture
def view(open_view) -> ChunkView:
    return open_view([chunk(text, token_id=n) for n, text in enumerate(TEXTS)])


def middle(view: ChunkView, index: int) -> QPoint:
    return view.rect_of(index).center()


def described(view: ChunkView) -> str:
    return QAccessible.queryAccessibleInterface(view).text(QAccessible.Text.Description)


# Layout


def layout_of(texts, width: float = 12) -> ChunkLayout:
    layout = ChunkLayout(len, len)  # every letter is one wide
    layout.set_width(width)
    layout.show(texts, 0)
    return layout


def lines(layout: ChunkLayout) -> list[str]:
    return ["".join(f.part.text for f in layout.between(n, n)) for n in range(layout.line_count)]


CHUNKS = st.lists(st.text("abcdefgh \n", min_size=0, max_size=3), max_size=60)


@given(CHUNKS, st.data(), st.integers(3, 20))
def test_growing_text_is_laid_out_like_complete_text(texts, data, width):
    grown = layout_of([], width)
    shown = 0
    while shown < len(texts):
        before, shown = shown, data.draw(st.integers(shown + 1, len(texts)))
        grown.show(texts[:shown], before)
    fresh = layout_of(texts, width)
    assert grown.fragments == fresh.fragments
    assert grown.starts == fresh.starts


@given(CHUNKS, st.integers(3, 20))
def test_no_character_is_lost_or_beyond_the_edge(texts, width):
    layout = layout_of(texts, width)
    assert "".join(f.part.text for f in layout.fragments) == "".join(texts).replace("\n", "⏎")
    for fragment in layout.fragments:
        assert fragment.x + fragment.part.bare <= width
        assert fragment in layout.of_chunk(fragment.chunk)
        if fragment.part.width:
            assert layout.chunk_at(fragment.x, fragment.line) == fragment.chunk


@given(st.lists(st.text("abc", min_size=1, max_size=7), max_size=20), st.integers(8, 20), st.data())
def test_lines_break_between_words_wherever_the_chunks_do(words, width, data):
    text = " ".join(words)
    texts = []
    while text:
        size = data.draw(st.integers(1, 3))
        texts.append(text[:size])
        text = text[size:]
    naive, line = [], ""
    for word in words:
        if line and len(line) + len(word) > width:
            naive.append(line)
            line = ""
        line += word + " "
    naive.append(line)
    assert [line.rstrip() for line in lines(layout_of(texts, width))] == [line.rstrip() for line in naive]


def test_only_the_last_word_moves_when_text_is_added():
    texts = ["one ", "two ", "thr"]
    layout = layout_of(texts)
    before = [(f, f.x, f.line) for f in layout.fragments[:2]]
    layout.show([*texts, "ee."], 3)
    assert lines(layout) == ["one two ", "three."]
    assert [(f, f.x, f.line) for f in layout.fragments[:2]] == before
    assert all(f is kept for (f, _, _), kept in zip(before, layout.fragments[:2], strict=True))


def test_long_words_break_between_chunks():
    assert lines(layout_of(["abc", "def", "ghi", "jkl", "mno"], 7)) == ["abcdef", "ghijkl", "mno"]
    assert lines(layout_of(["x ", "abc", "def", "g", "hij"], 9)) == ["x ", "abcdefg", "hij"]


def test_special_tokens_stay_whole_and_show_their_name():
    layout = layout_of(["end", "<|end|>"], 14)
    badge = layout.fragments[-1]
    assert badge.part.is_badge
    assert (badge.part.text, badge.line) == ("end", 1)


# Looks


@given(st.floats(0, 1), st.floats(0, 1))
def test_less_likely_chunks_have_stronger_colours(first, second):
    low, high = sorted((first, second))
    assert 0 <= surprise_level(high) <= surprise_level(low) <= LEVELS


def test_colours_go_from_the_background_to_full_at_six_bits():
    assert surprise_level(1.0) == 0
    assert surprise_level(2**-6) == LEVELS
    assert surprise_level(2**-3) == LEVELS // 2
    assert surprise_colours(LIGHT)[0] == QColor(LIGHT.surface)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_text_is_readable_on_the_strongest_well(tokens):
    def luminance(colour: QColor) -> float:
        channels = (colour.redF(), colour.greenF(), colour.blueF())
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for well in surprise_colours(tokens):
        light, dark = sorted((luminance(well), luminance(QColor(tokens.text))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 4.5


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_surprising_chunk_has_a_well_and_a_sure_one_has_none(open_view, theme, choice):
    theme.choose(choice)
    view = open_view([chunk("aaa", 0.999), chunk("bbb", 0.001), chunk("ccc", 0.999)])
    view.clearFocus()
    image = view.grab().toImage()

    def ground(index: int) -> QColor:
        place = view.rect_of(index)
        return image.pixelColor(place.center().x(), place.top() + 4)

    assert ground(1) == surprise_colours(theme.tokens)[LEVELS]
    assert ground(0) == ground(2) != ground(1)


def test_given_chunks_are_underlined(open_view, theme):
    view = open_view([chunk("aaa", 0.999), chunk("bbb", 0.999)], given=1)
    view.clearFocus()
    image = view.grab().toImage()

    def underlined(index: int) -> bool:
        place = view.rect_of(index)
        column = [image.pixelColor(place.center().x(), y) for y in range(place.center().y(), place.bottom() + 1)]
        return QColor(theme.tokens.accent) in column

    assert underlined(0)
    assert not underlined(1)


def test_view_is_as_tall_as_its_lines(open_view, qtbot):
    view = open_view([chunk(text) for text in ["the ", "moo", "n. "] * 60], size=(600, 300))
    wide = view.height()
    pitch = view.rect_of(0).height()
    view.window().resize(300, 300)
    qtbot.waitUntil(lambda: view.height() > 1.5 * wide)
    assert view.height() % pitch == 0
    assert view.rect_of(179).bottom() <= view.height()


def test_shrunk_or_changed_reply_is_laid_out_again(view):
    view.show_chunks([chunk("new"), chunk(" te"), chunk("xt")])
    view.copy()
    assert QGuiApplication.clipboard().text() == "new text"
    view.show_chunks([])
    assert view.height() == view.rect_of(0).height() or view.rect_of(0).isEmpty()


def test_legend_goes_from_sure_to_surprised(qtbot, theme):
    legend = TokenLegend()
    qtbot.addWidget(legend)
    legend.resize(300, 20)
    image = legend.grab().toImage()
    row = [image.pixelColor(x, 10) for x in range(60, 220, 40)]
    saturation = [colour.saturation() for colour in row]
    assert saturation == sorted(saturation)
    assert saturation[-1] > saturation[0] + 50


def test_percent():
    assert [percent(p) for p in (1.0, 0.31, 0.0996, 0.042, 0.0009, 0)] == [
        "100 %", "31 %", "10 %", "4.2 %", "<0.1 %", "<0.1 %",
    ]  # fmt: skip


# Keyboard


def test_enter_shows_the_alternatives_and_enter_again_chooses_one(view, qtbot):
    for _ in range(3):
        qtbot.keyClick(view, Qt.Key.Key_Right)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert view.popup.isVisible()
    assert view.popup.chosen.text() == "“pu”"
    assert view.popup.footer.text() == "Click to continue from here"
    assert view.hasFocus()
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert "a1" in described(view)
    with qtbot.waitSignal(view.alternative_chosen) as chosen:
        qtbot.keyClick(view, Qt.Key.Key_Return)
    assert chosen.args == [3, 101]
    assert view.popup is None


def test_home_and_end_move_and_are_announced(view, qtbot):
    qtbot.keyClick(view, Qt.Key.Key_End)
    assert view.current == len(TEXTS) - 1
    qtbot.keyClick(view, Qt.Key.Key_Home)
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert described(view) == "Chunk 2 of 12: space, mo, 50 %. Instead: a1 25 %, a2 12 %, a3 6.2 %."


def test_moving_with_the_alternatives_open_shows_those_of_the_next_chunk(view, qtbot):
    qtbot.keyClick(view, Qt.Key.Key_Space)
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.popup.chosen.text() == "“␣mo”"


def test_escape_only_closes_open_alternatives(view, qtbot):
    stopped = []
    shortcut = QShortcut(QKeySequence(Qt.Key.Key_Escape), view.window())
    shortcut.activated.connect(lambda: stopped.append(True))
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert view.popup is None
    assert not stopped
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert stopped


def test_chunks_without_text_are_skipped(open_view, qtbot):
    view = open_view([chunk("a"), chunk(""), chunk("b")])
    qtbot.keyClick(view, Qt.Key.Key_Right)
    assert view.current == 2


# Pointer


def hover(view: ChunkView, index: int) -> None:
    """Moves the pointer there; a move to where it is already would be none."""
    QTest.mouseMove(view, middle(view, index) + QPoint(1, 0))
    QTest.mouseMove(view, middle(view, index))


def test_hovering_shows_the_alternatives_and_a_click_continues_from_there(view, qtbot):
    hover(view, 4)
    qtbot.waitUntil(lambda: view.popup is not None)
    rows = view.popup.rows
    with qtbot.waitSignal(view.alternative_chosen) as chosen:
        qtbot.mouseClick(rows, Qt.MouseButton.LeftButton, pos=QPoint(40, ROW_HEIGHT * 2 + 5))
    assert chosen.args == [4, 102]
    assert view.popup is None


def test_alternatives_stay_under_the_pointer_and_close_when_it_leaves(view, qtbot):
    window = view.window()
    hover(view, 4)
    qtbot.waitUntil(lambda: view.popup is not None)
    popup = view.popup
    QTest.mouseMove(popup.rows, QPoint(40, 40))
    qtbot.wait(2 * LEAVE_MS)
    assert view.popup is popup
    assert popup.row == 1
    QTest.mouseMove(window, QPoint(window.width() - 3, window.height() - 3))
    qtbot.waitUntil(lambda: view.popup is None)


def test_popup_says_why_nothing_can_be_chosen(view, qtbot):
    chosen = []
    view.alternative_chosen.connect(lambda *args: chosen.append(args))
    view.set_branching(False, "Load the model that wrote this")
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert view.popup.footer.text() == "Load the model that wrote this"
    qtbot.mouseClick(view.popup.rows, Qt.MouseButton.LeftButton, pos=QPoint(40, 5))
    assert chosen == []


@pytest.mark.parametrize(("text", "possible"), [("<|user|>", False), ("<UNK>", False), ("<|end|>", True), ("ly", True)])
def test_marks_of_other_turns_and_unknown_text_are_shown_but_cannot_be_chosen(open_view, qtbot, text, possible):
    alternatives = (Alternative(7, "the", 0.6), Alternative(9, text, 0.3))
    view = open_view([Chunk(7, "the", 0.6, alternatives)])
    chosen = []
    view.alternative_chosen.connect(lambda *args: chosen.append(args))
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert view.popup.rows.alternatives == alternatives
    qtbot.keyClick(view, Qt.Key.Key_Down)
    qtbot.keyClick(view, Qt.Key.Key_Down)
    assert ("cannot be chosen" in described(view)) is not possible
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    qtbot.keyClick(view, Qt.Key.Key_Return)
    qtbot.mouseClick(view.popup.rows, Qt.MouseButton.LeftButton, pos=QPoint(40, ROW_HEIGHT + 5))
    assert chosen == ([(0, 9)] * 2 if possible else [])


def test_chunk_without_alternatives_says_so(open_view, qtbot):
    view = open_view([Chunk(3, "the", 0.4)])
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert view.popup.footer.text() == "No alternatives were recorded here"
    assert not view.popup.rows.isVisible()


@pytest.mark.parametrize("size", [(300, 360), (900, 600)])
def test_alternatives_stay_inside_the_window(open_view, qtbot, size):
    view = open_view([chunk(text) for text in ["the ", "moo", "n. "] * 40], size=size)
    for index in (0, 20, 119):
        hidden = view.rect_of(index).bottom() + view.y() > size[1]
        if hidden:
            continue
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=middle(view, index))
        assert view.window().rect().contains(view.popup.geometry())
        qtbot.keyClick(view, Qt.Key.Key_Escape)


def test_scrolling_closes_the_alternatives(open_view, qtbot):
    view = open_view([chunk("the\n") for _ in range(60)], size=(400, 300))
    qtbot.keyClick(view, Qt.Key.Key_Return)
    assert view.popup is not None
    view.window().verticalScrollBar().setValue(50)
    assert view.popup is None


def test_hiding_the_reply_closes_the_alternatives(view, qtbot):
    qtbot.keyClick(view, Qt.Key.Key_Return)
    view.hide()
    assert view.popup is None


def test_dragging_selects_chunks_and_ctrl_c_copies_their_text(view, qtbot):
    QTest.mousePress(view, Qt.MouseButton.LeftButton, pos=middle(view, 1))
    QTest.mouseMove(view, middle(view, 3))
    QTest.mouseMove(view, middle(view, 5))
    QTest.mouseRelease(view, Qt.MouseButton.LeftButton, pos=middle(view, 5))
    assert view.selected_text() == " moon pulls on"
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == " moon pulls on"
    assert view.popup is None


def test_select_all_copies_text_without_special_tokens(view, qtbot):
    qtbot.keyClick(view, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert view.selected_text() == "the moon pulls on the sea.\nthe end"
    qtbot.keyClick(view, Qt.Key.Key_Home)
    qtbot.keyClick(view, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert view.selected_text() == "the mo"
