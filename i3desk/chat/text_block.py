"""Plain text that wraps anywhere, can be selected, and is exactly as tall as its text."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Slot
from PySide6.QtGui import (
    QPainter,
    QPaintEvent,
    QPalette,
    QTextBlockFormat,
    QTextCursor,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QFrame, QSizePolicy, QTextEdit, QWidget

LINE_HEIGHT_PERCENT = 128
CARET_WIDTH = 2


class TextBlock(QTextEdit):
    """Shows text as it is: nothing in it is read as markup. Growing text is appended, not laid out anew."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("text")
        self.setAccessibleName(name)
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
        self.document().setDocumentMargin(0)
        self.document().documentLayout().documentSizeChanged.connect(self._fit_height)
        self._text = ""
        self._caret = False

    def show_text(self, text: str) -> None:
        """Show `text`; if it only grew, the new end is appended and a selection survives."""
        if text == self._text:
            return
        cursor = QTextCursor(self.document())
        if self._text and text.startswith(self._text):
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(text[len(self._text) :])
        else:
            self.document().clear()
            block = QTextBlockFormat()
            block.setLineHeight(LINE_HEIGHT_PERCENT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            cursor.setBlockFormat(block)
            cursor.insertText(text)
        self._text = text

    def show_caret(self, shown: bool) -> None:
        """Mark the end of the text while more is coming."""
        if shown != self._caret:
            self._caret = shown
            self.viewport().update()

    def ideal_width(self, most: int) -> int:
        """The width that shows the text in as few lines as `most` pixels allow, and no wider."""
        document = self.document().clone()
        document.setDefaultTextOption(self.document().defaultTextOption())
        document.setTextWidth(most)
        width = min(most, int(document.idealWidth()) + 2)
        document.deleteLater()
        return width

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(48, self.height())

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the transcript scrolls, not the message

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._caret:
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            line = self.cursorRect(cursor)
            painter = QPainter(self.viewport())
            caret = QRectF(line.x() + 1, line.y(), CARET_WIDTH, self.fontMetrics().height())
            painter.fillRect(caret, QApplication.palette().color(QPalette.ColorRole.Accent))

    @Slot()
    def _fit_height(self) -> None:
        height = max(self.fontMetrics().height(), round(self.document().size().height()))
        if height != self.height():
            self.setFixedHeight(height)
