"""A selectable text, plain or Markdown, exactly as tall as its content."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QMimeData, QRectF, QSize, Qt, QTimer, QUrl, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QTextBlockFormat,
    QTextCursor,
    QTextDocument,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QFrame, QSizePolicy, QTextEdit, QToolTip, QWidget

from i3desk.widgets.code_copies import CodeCopies
from i3desk.widgets.links import open_link
from i3desk.widgets.markdown import WELL_PADDING, code_wells, fill_with_markdown, links
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.text_display import estimate_text_height

LINE_HEIGHT_PERCENT = 128
CARET_WIDTH = 2
SLICE = 12_000  # characters laid out at once; more would block the window
HIGHLIGHT_MS = 2500
MAX_HIGHLIGHTS = 100
MAX_FITTED = 2000  # characters; a longer text takes all available width


class _Document(QTextDocument):
    """A document that loads nothing from outside of its text."""

    def loadResource(self, type: int, name: QUrl | str) -> None:
        return None


class TextBlock(QTextEdit):
    """Shows plain text, or Markdown without its HTML.

    Growing text is appended without laying out the rest again; long text is laid out in slices between events.

    Signals:
        words_found(y): Emitted after `highlight` if a word was found; y is the first word's distance from the top.
    """

    words_found = Signal(int)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("text")
        self.setAccessibleName(name)
        self.setDocument(_Document(self))
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.viewport().setAutoFillBackground(False)
        self.viewport().setMouseTracking(True)
        self.document().setDocumentMargin(0)
        self.document().documentLayout().documentSizeChanged.connect(self._fit_height)
        self._text = ""
        self._laid_out = 0  # characters of it that are in the document
        self._is_markdown = False
        self._link_colour = QColor()  # of the Markdown in the document
        self._copies = CodeCopies(self.viewport())
        self._caret = False
        self._pressed_link = ""
        self._words: list[str] = []  # to be highlighted when the whole text is laid out
        self._fill_timer = QTimer(self, singleShot=True, interval=0)
        self._fill_timer.timeout.connect(self._fill)
        self._highlight_timer = QTimer(self, singleShot=True, interval=HIGHLIGHT_MS)
        self._highlight_timer.timeout.connect(self._end_highlight)

    @property
    def is_markdown(self) -> bool:
        """True if Markdown is shown."""
        return self._is_markdown

    @property
    def is_complete(self) -> bool:
        """True when the whole text is laid out."""
        return self._laid_out == len(self._text)

    def show_text(self, text: str) -> None:
        """Show plain `text`; what it has in common with the previous text stays, also a selection in it."""
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")  # the document would count characters differently
        if text == self._text and not self._is_markdown:
            return
        kept = 0 if self._is_markdown else _common_length(self._text[: self._laid_out], text)
        cursor = QTextCursor(self.document())
        if kept == 0:
            self.document().clear()
            block = QTextBlockFormat()
            block.setLineHeight(LINE_HEIGHT_PERCENT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            cursor.setBlockFormat(block)
        elif kept < self._laid_out:
            cursor.setPosition(_utf16_length(text[:kept]))
            cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
        self._text, self._laid_out, self._is_markdown = text, kept, False
        self._fill()

    def show_markdown(self, text: str) -> None:
        """Show `text` as Markdown; HTML in it is shown as text, and nothing is loaded."""
        if text != self._text or not self._is_markdown:
            self._text, self._laid_out, self._is_markdown = text, len(text), True
            self._set_markdown()

    def show_caret(self, shown: bool) -> None:
        """Show or hide a caret at the end, while more text is coming."""
        if shown != self._caret:
            self._caret = shown
            self.viewport().update()

    def highlight(self, words: Sequence[str]) -> None:
        """Highlight `words` for a moment when the text is laid out; `words_found` follows if there are any."""
        self._words = list(filter(None, words))
        if self.is_complete:
            self._mark_words()

    def links(self) -> list[str]:
        """The addresses of the links in the text."""
        return links(self.document()) if self._is_markdown else []

    def fit(self, width: int) -> None:
        """Set the width, and the height that the text needs."""
        if width != self.width():
            self.resize(width, self.height())
            self._fit_height()

    def ideal_width(self, max_width: int) -> int:
        """The smallest width with as few lines as at `max_width` pixels."""
        if len(self._text) > MAX_FITTED:
            return max_width
        document = self.document().clone()
        document.setDefaultTextOption(self.document().defaultTextOption())
        document.setTextWidth(max_width)
        width = min(max_width, int(document.idealWidth()) + 2)
        document.deleteLater()
        return width

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(48, self.height())

    def createMimeDataFromSelection(self) -> QMimeData:
        # Made by Qt, not here: the clipboard deletes it after Python has ended, which crashes with a QMimeData of ours.
        data = super().createMimeDataFromSelection()
        data.text()  # Qt fills in all formats at the first access
        for name in ("text/html", "application/vnd.oasis.opendocument.text", "text/markdown"):
            data.removeFormat(name)
        data.setText(self.textCursor().selection().toPlainText())
        return data

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the transcript scrolls, not the message

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy) or event.matches(QKeySequence.StandardKey.SelectAll):
            super().keyPressEvent(event)
        else:
            event.ignore()  # all other keys belong to the transcript

    def mousePressEvent(self, event: QMouseEvent) -> None:
        is_left = event.button() == Qt.MouseButton.LeftButton
        self._pressed_link = self.anchorAt(event.position().toPoint()) if is_left else ""
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        over_link = bool(self._is_markdown and self.anchorAt(event.position().toPoint()))
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if over_link else Qt.CursorShape.IBeamCursor)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        link, self._pressed_link = self._pressed_link, ""
        if link and link == self.anchorAt(event.position().toPoint()) and not self.textCursor().hasSelection():
            open_link(link, self)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), tooltip_text(self.anchorAt(event.pos())), self.viewport())
            return True
        return super().viewportEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if not getattr(self, "_is_markdown", False):  # Qt also calls this from its own constructor
            return
        if event.type() == QEvent.Type.FontChange:
            self._set_markdown()
        elif event.type() == QEvent.Type.PaletteChange:
            colour, self._link_colour = self._link_colour, QApplication.palette().color(QPalette.ColorRole.Link)
            if colour != self._link_colour:
                self._set_markdown()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._is_markdown:
            self._paint_wells(event)
        super().paintEvent(event)
        if self._caret:
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            line = self.cursorRect(cursor)
            painter = QPainter(self.viewport())
            caret = QRectF(line.x() + 1, line.y(), CARET_WIDTH, self.fontMetrics().height())
            painter.fillRect(caret, QApplication.palette().color(QPalette.ColorRole.Accent))

    def _set_markdown(self) -> None:
        self._link_colour = QApplication.palette().color(QPalette.ColorRole.Link)
        fill_with_markdown(self.document(), self._text, LINE_HEIGHT_PERCENT)
        self._fit_height()

    def _paint_wells(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QApplication.palette().color(QPalette.ColorRole.AlternateBase))
        for each in code_wells(self.document()):
            height = each.bottom - each.top + 2 * WELL_PADDING
            painter.drawRoundedRect(QRectF(0, each.top - WELL_PADDING, self.viewport().width(), height), 8, 8)

    @Slot()
    def _fill(self) -> None:
        """Lay out the next slice of the text; after the last one, highlight the requested words."""
        if self.is_complete and self._words:
            self._mark_words()
            return
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        end = min(len(self._text), self._laid_out + SLICE)
        piece = self._text[self._laid_out : end]
        self._laid_out = end
        cursor.insertText(piece)
        if end < len(self._text) or self._words:
            self._fill_timer.start()
        self._fit_height()

    def _mark_words(self) -> None:
        palette = QApplication.palette()
        found = []
        for word in self._words:
            cursor = self.document().find(word)
            while not cursor.isNull() and len(found) < MAX_HIGHLIGHTS:
                mark = QTextEdit.ExtraSelection()
                mark.cursor = cursor
                mark.format.setBackground(palette.color(QPalette.ColorRole.Accent))
                mark.format.setForeground(palette.color(QPalette.ColorRole.HighlightedText))
                found.append(mark)
                cursor = self.document().find(word, cursor)
        self._words = []
        self.setExtraSelections(found)
        self._highlight_timer.start()
        if found:
            first = min(found, key=lambda mark: mark.cursor.selectionStart())
            self.words_found.emit(self.cursorRect(first.cursor).top())

    @Slot()
    def _end_highlight(self) -> None:
        self.setExtraSelections([])

    @Slot()
    def _fit_height(self) -> None:
        height = max(self.fontMetrics().height(), round(self.document().size().height()))
        if not self.is_complete:  # reserve the height of the rest, so that nothing below moves twice
            metrics = QFontMetricsF(self.font())
            line = metrics.height() * LINE_HEIGHT_PERCENT / 100
            height = max(height, estimate_text_height(self._text, self.width(), metrics.averageCharWidth(), line))
        if height != self.height() or self.minimumHeight() != height:
            self.setFixedHeight(height)
        if self._is_markdown or self._copies.buttons:
            self._copies.show_wells(code_wells(self.document()) if self._is_markdown else [])


def _common_length(first: str, second: str) -> int:
    """Length of the common prefix of two texts."""
    low, high = 0, min(len(first), len(second))
    if second.startswith(first):
        return len(first)
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _utf16_length(text: str) -> int:
    """The length of a text in UTF-16 units, as Qt counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
