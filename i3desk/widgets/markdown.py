"""Markdown in a QTextDocument; HTML in it is shown as text, and nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from PySide6.QtCore import QUrl
from PySide6.QtGui import (
    QFont,
    QFontInfo,
    QPalette,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextFrameFormat,
    QTextTable,
)
from PySide6.QtWidgets import QApplication

from i3desk.style.palette import BODY_PX, MONOSPACE_FAMILIES
from i3desk.widgets.text_display import prepare_markdown

CODE_PX = 13
HEADING_PX = {1: 18, 2: 16}  # smaller headings have the size of the text
WELL_PADDING = 10
SCHEMES = ("http", "https", "mailto")
_JOINER = "\u2060"  # invisible
_FEATURES = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML


def fill_with_markdown(document: QTextDocument, text: str, line_height_percent: int) -> None:
    """Replace the content of `document` by `text`, read as Markdown."""
    document.setIndentWidth(24)
    # Layout loads images even if the document refuses: no image must be created.
    document.setMarkdown(prepare_markdown(text).replace("![", f"!{_JOINER}["), _FEATURES)
    changes = QTextCursor(document)
    changes.beginEditBlock()  # so that the document is laid out once
    _unjoin(document)
    for table in [frame for frame in document.rootFrame().childFrames() if isinstance(frame, QTextTable)]:
        _set_table(table)
    for block in _blocks(document):
        _set_block(block, line_height_percent)
    for position, length, char_format in [*_fragments(document)][::-1]:
        _set_fragment(document, position, length, char_format)
    changes.endEditBlock()


@dataclass(frozen=True)
class CodeWell:
    """Top and bottom of a block of code in pixels, and its text."""

    top: float
    bottom: float
    code: str


def code_wells(document: QTextDocument) -> list[CodeWell]:
    """All blocks of code, from top to bottom."""
    layout = document.documentLayout()
    wells = []
    for is_code, blocks in groupby(_blocks(document), _is_code):
        if is_code:
            lines = list(blocks)
            top, bottom = layout.blockBoundingRect(lines[0]).top(), layout.blockBoundingRect(lines[-1]).bottom()
            wells.append(CodeWell(top, bottom, "\n".join(line.text() for line in lines)))
    return wells


def links(document: QTextDocument) -> list[str]:
    """The addresses of all links, without duplicates."""
    found = (char_format.anchorHref() for _, _, char_format in _fragments(document) if char_format.isAnchor())
    return [*dict.fromkeys(found)]


def _unjoin(document: QTextDocument) -> None:
    """Remove the characters that prevented images; a link is left in place of each image."""
    found = document.find(f"!{_JOINER}")
    while not found.isNull():
        after = QTextCursor(document)
        after.setPosition(found.selectionEnd() + 1 if found.selectionEnd() + 1 < document.characterCount() else 0)
        found.insertText("" if after.charFormat().isAnchor() else "!", found.charFormat())
        found = document.find(f"!{_JOINER}")


def _blocks(document: QTextDocument) -> Iterator[QTextBlock]:
    block = document.begin()
    while block.isValid():
        yield block
        block = block.next()


def _fragments(document: QTextDocument) -> Iterator[tuple[int, int, QTextCharFormat]]:
    for block in _blocks(document):
        part = block.begin()
        while not part.atEnd():
            fragment = part.fragment()
            if fragment.isValid():
                yield fragment.position(), fragment.length(), fragment.charFormat()
            part += 1


def _is_code(block: QTextBlock) -> bool:
    return block.isValid() and block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence)


def _set_block(block: QTextBlock, line_height_percent: int) -> None:
    style = QTextBlockFormat(block.blockFormat())
    above, below = 0, 8
    if _is_code(block):
        style.setNonBreakableLines(False)
        style.setLeftMargin(12)
        style.setRightMargin(12)
        above = 0 if _is_code(block.previous()) else WELL_PADDING + (8 if block.position() else 0)
        below = 0 if _is_code(block.next()) else WELL_PADDING + 8
    elif style.headingLevel():
        above, below = (8 if block.position() else 0), 4
    elif block.textList() is not None:
        below = 8 if block.next().isValid() and block.next().textList() is None else 2
    elif QTextCursor(block).currentTable() is not None:
        below = 0
    if not block.next().isValid() and not _is_code(block):
        below = 0
    style.setTopMargin(above)
    style.setBottomMargin(below if not (_is_code(block) and not block.next().isValid()) else WELL_PADDING)
    style.setLineHeight(line_height_percent, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
    QTextCursor(block).setBlockFormat(style)


def _set_fragment(document: QTextDocument, position: int, length: int, style: QTextCharFormat) -> None:
    cursor = QTextCursor(document)
    cursor.setPosition(position)
    cursor.setPosition(position + length, QTextCursor.MoveMode.KeepAnchor)
    colours = QApplication.palette()
    in_well, level = _is_code(cursor.block()), cursor.blockFormat().headingLevel()
    if not (in_well or level or style.fontFixedPitch() or style.isAnchor()):
        return
    if level:
        style.setProperty(QTextFormat.Property.FontSizeAdjustment, 0)
        if level in HEADING_PX:
            style.setProperty(QTextFormat.Property.FontPixelSize, _pixels(document, HEADING_PX[level]))
    if in_well or style.fontFixedPitch():
        style.setFontFamilies(list(MONOSPACE_FAMILIES))
        style.setProperty(QTextFormat.Property.FontPixelSize, _pixels(document, CODE_PX))
        if not in_well:
            style.setBackground(colours.color(QPalette.ColorRole.AlternateBase))
    if style.isAnchor():
        if QUrl(style.anchorHref()).scheme().lower() in SCHEMES:
            style.setForeground(colours.color(QPalette.ColorRole.Link))
            style.setFontUnderline(True)
        else:
            for what in ("IsAnchor", "AnchorHref", "ForegroundBrush", "TextUnderlineStyle"):
                style.clearProperty(getattr(QTextFormat.Property, what))
    cursor.setCharFormat(style)


def _pixels(document: QTextDocument, pixels: int) -> int:
    """A size that is in proportion to the text of the document, as `pixels` is to BODY_PX."""
    return round(pixels * QFontInfo(document.defaultFont()).pixelSize() / BODY_PX)


def _set_table(table: QTextTable) -> None:
    style = table.format()
    style.setBorder(1)
    style.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
    style.setBorderBrush(QApplication.palette().color(QPalette.ColorRole.Mid))
    style.setBorderCollapse(True)
    style.setCellPadding(6)
    style.setCellSpacing(0)
    after_code = _is_code(table.firstCursorPosition().block().previous())
    style.setTopMargin(WELL_PADDING + 8 if after_code else 4)
    style.setBottomMargin(8)
    table.setFormat(style)
    # The reader leaves an empty line in the first cell and forgets that it is a heading.
    first = table.cellAt(0, 0)
    cursor = first.firstCursorPosition()
    if cursor.block().length() == 1 and cursor.block() != first.lastCursorPosition().block():
        cursor.deleteChar()
    for column in range(table.columns()):
        cell = table.cellAt(0, column)
        cursor = cell.firstCursorPosition()
        cursor.setPosition(cell.lastCursorPosition().position(), QTextCursor.MoveMode.KeepAnchor)
        bold = QTextCharFormat()
        bold.setFontWeight(QFont.Weight.Bold)
        cursor.mergeCharFormat(bold)
