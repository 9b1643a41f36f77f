"""Text blocks: plain, growing, very long, and Markdown that can do no harm."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paths import REPOSITORY
from PySide6.QtCore import QObject, QPoint, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage, QTextCursor, QTextDocument
from PySide6.QtWidgets import QWidget

from i3desk.style.theme import Theme
from i3desk.widgets import text_block
from i3desk.widgets.text_block import SLICE, TextBlock

TEXTS = st.text(st.sampled_from("ab \n\té🌙") | st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=40)


@pytest.fixture
def block(qtbot, qapp, monkeypatch):
    monkeypatch.setattr(text_block, "HIGHLIGHT_MS", 300)
    Theme(qapp, "light")
    parent = QWidget()
    qtbot.addWidget(parent)
    parent.resize(640, 400)
    block = TextBlock("Reply", parent)
    block.resize(400, 20)
    parent.show()
    yield block
    parent.close()


def test_growing_text_keeps_the_selection_and_grows_in_height(block):
    block.show_text("the moon")
    low = block.height()
    cursor = block.textCursor()
    cursor.setPosition(0)
    cursor.setPosition(3, cursor.MoveMode.KeepAnchor)
    block.setTextCursor(cursor)
    block.show_text("the moon\nis a rock")
    assert block.toPlainText() == "the moon\nis a rock"
    assert block.textCursor().selectedText() == "the"
    assert block.height() > low


@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_last_text_is_shown_whatever_was_shown_before(qapp, texts):
    block = TextBlock("Reply")
    shown = ""
    for text in texts:  # each either goes on from a part of the one before or is a new one
        shown = shown[: len(shown) // 2] + text
        block.show_text(shown)
        assert block.toPlainText().replace("\xa0", " ") == shown.replace("\xa0", " ")
    block.deleteLater()


def test_long_text_is_laid_out_in_slices(qtbot, block):
    text = "one two three four\n" * 5000
    block.show_text(text)
    assert not block.is_complete
    assert len(block.toPlainText()) == SLICE
    room = block.height()
    qtbot.waitUntil(lambda: block.is_complete)
    assert block.toPlainText() == text
    assert room == pytest.approx(block.height(), rel=0.1)  # the room was kept from the beginning


def test_html_is_shown_as_text(block):
    source = '# title\n\n<b>bold</b> <img src="http://localhost:1/x.png"> <script>x</script>'
    block.show_markdown(source)
    assert block.toPlainText() == source.replace("# title\n\n", "title\n")


def test_image_is_not_loaded(block, tmp_path):
    image = tmp_path / "image.png"
    QImage(300, 300, QImage.Format.Format_RGB32).save(str(image))
    reference = QUrl.fromLocalFile(str(image)).toString()
    block.show_markdown(f"see ![a cat]({reference}) and **more**")
    block.show_markdown(f"see \\` ![a cat]({reference}) ` and **more**\n\n```a`b\n![c]({reference})")
    block.show_markdown(f"see ![a][b]\n\n[b]: {reference}")
    block.show_markdown(f"see ![a cat]({QUrl.fromLocalFile(str(image)).toString()}) and **more**")
    assert block.toPlainText() == "see a cat and more"
    url = QUrl.fromLocalFile(str(image))
    assert block.document().resource(QTextDocument.ResourceType.ImageResource.value, url) is None
    assert block.height() < 60


def test_code_that_looks_like_an_image_is_not_changed(block):
    block.show_markdown("`vec![1, 2]` and\n```\nvec![3](x)\n```")
    assert block.toPlainText() == "vec![1, 2] and\nvec![3](x)"


def test_markdown_can_be_replaced_by_plain_text_and_back(block):
    block.show_markdown("this is **bold**")
    assert block.toPlainText() == "this is bold"
    block.show_text("this is **bold**")
    assert block.toPlainText() == "this is **bold**"
    block.show_markdown("this is **bold**")
    assert block.toPlainText() == "this is bold"


def test_table_starts_with_its_heading(block):
    block.show_markdown("|a|b|\n|---|---|\n|1|2|")
    assert [line for line in block.toPlainText().split("\n") if line] == ["a", "b", "1", "2"]


class _Browser(QObject):
    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @Slot(QUrl)
    def open(self, url: QUrl) -> None:
        self.opened.append(url.toString())


@pytest.fixture
def browser():
    browser = _Browser()
    QDesktopServices.setUrlHandler("https", browser, "open")
    yield browser
    QDesktopServices.unsetUrlHandler("https")


def test_link_opens_only_after_a_click(qtbot, block, browser):
    block.show_markdown("[the page](https://example.org/x) and [a file](file:///etc/passwd) and [js](javascript:x)")
    assert block.links() == ["https://example.org/x"]
    block.moveCursor(QTextCursor.MoveOperation.Start)
    over = block.cursorRect().center() + QPoint(10, 0)
    qtbot.mouseMove(block.viewport(), over)
    assert browser.opened == []
    qtbot.mouseClick(block.viewport(), Qt.MouseButton.LeftButton, pos=over)
    assert browser.opened == ["https://example.org/x"]


COPY = """
from PySide6.QtWidgets import QApplication
from i3desk.widgets import text_block
from i3desk.widgets.text_block import TextBlock
app = QApplication([])
block = TextBlock("Reply")
block.show_text("one")
block.selectAll()
block.copy()
print(app.clipboard().text())
"""


def test_selection_is_copied_as_plain_text(block):
    block.show_markdown("- **one**\n- two")
    block.selectAll()
    block.copy()
    data = QGuiApplication.clipboard().mimeData()
    assert data.text() == "one\ntwo"
    assert data.formats() == ["text/plain"]


def test_program_ends_well_with_a_selection_on_the_clipboard():
    done = subprocess.run([sys.executable, "-c", COPY], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "one\n"), done.stderr


def test_found_words_are_highlighted_for_a_moment_also_at_the_end_of_a_long_text(qtbot, block):
    block.show_text("one two three\n" * 2000 + "the moon")
    with qtbot.waitSignal(block.words_found) as found:
        block.highlight(["moon", ""])
    assert [mark.cursor.selectedText() for mark in block.extraSelections()] == ["moon"]
    assert found.args[0] > block.height() - 60
    qtbot.waitUntil(lambda: not block.extraSelections())
