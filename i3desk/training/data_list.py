"""The training files: their cards, a drop zone, and a hint while there are none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

from PySide6.QtCore import QRectF, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import QFileDialog, QGridLayout, QPushButton, QSizePolicy, QWidget

from i3core.system import assets
from i3desk.language import tr, trn
from i3desk.training.data_card import DataCard
from i3desk.training.data_check import DataSource
from i3desk.training.expert_panel import EXAMPLES, READING_OPTIONS
from i3desk.training.expert_rows import TextRow
from i3desk.widgets.basics import add, button, column, column_in, label, restyle, row
from i3desk.widgets.card_button import CardButton
from i3desk.widgets.drop_card import DASHES
from i3desk.widgets.plain_text import tooltip_text

SUFFIXES = (
    ".txt", ".md", ".docx", ".pdf", ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".chat", ".gz", ".xz",
)  # fmt: skip
MOST_UNFOLDED = 2
SHAPES = (
    (tr("Text"), tr(".txt, .md, .docx, .pdf\nused as is")),
    (tr("Conversations"), tr(".jsonl\nmessages, or prompt and completion")),
    (tr("Tables"), tr(".csv\nquestion and answer")),
)
SAMPLE_COLUMNS = 2
LEAD = tr("What should it learn? It learns to write like the text you give it.")
LARGE, SMALL = 128, 48  # pixels of the drop zone's height, without files and with some


class DropZone(QPushButton):
    """A place to drop files; a click opens a file dialog."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "drop")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("Choose data files"))
        self.setToolTip(tooltip_text(tr("Choose files: ") + " ".join(SUFFIXES)))
        self._dragging = False
        self.show_state(False, False)

    def show_state(self, dragging: bool, has_data: bool) -> None:
        """Show whether files are being dragged over the panel, and whether there are files already."""
        self._dragging = dragging
        more = tr("more files") if has_data else tr("files")
        self.setText(tr("Drop it here to train on it") if dragging else tr("Drop {more}, or choose…").format(more=more))
        self.setMinimumHeight(SMALL if has_data else LARGE)
        restyle(self, grade="" if has_data else "large")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        palette = self.palette()
        lit = self._dragging or self.hasFocus() or self.underMouse()
        pen = QPen(palette.color(QPalette.ColorRole.Accent if lit else QPalette.ColorRole.PlaceholderText), 1)
        pen.setDashPattern(DASHES)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(1.0 if lit else 0.5)
        painter.setPen(pen)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)


class DataList(QWidget):
    """Shows a card for each source.

    Attributes:
        own: the sources that were made in the window, and can be edited.
    Signals:
        added(paths): emitted when the user chose files or folders.
        reading_chosen(key, value): emitted when the user said how to read the files: columns, encoding, or who i3 is.
        edit_requested(path): emitted when the user wants to change a set that was made in the window.
        remove_requested(path), weight_chosen(path, weight), skip_chosen(skip), again_requested(path): see DataCard.
    """

    added = Signal(object)
    edit_requested = Signal(str)
    remove_requested = Signal(str)
    weight_chosen = Signal(str, float)
    skip_chosen = Signal(bool)
    again_requested = Signal(str)
    reading_chosen = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: dict[str, DataCard] = {}
        self.own: frozenset[str] = frozenset()
        self.samples: list[CardButton] = []

        self.column = column_in(
            self,
            label(tr("1  Data"), grade="title"),
            label(LEAD, "muted", wrap=True),
            spacing=12,
            margins=(0, 14, 0, 24),
        )
        self._first_card = self.column.count()
        self.reading = {key: TextRow(option, EXAMPLES[key]) for key, option in READING_OPTIONS.items()}
        for each in self.reading.values():
            each.changed.connect(self.reading_chosen)
            each.hide()
            self.column.addWidget(each)
        self.refused = label(tone="warn", grade="small", wrap=True)
        self.refused.hide()
        self.zone = DropZone()
        self.zone.clicked.connect(self._ask_for_files)
        self.folder_button = button(tr("Choose a folder…"), tr("All files of known types in a folder"), "quiet")
        self.folder_button.clicked.connect(self._ask_for_folder)
        self.empty = self._empty_part()
        add(self.column, self.refused, self.zone, row(None, self.folder_button, None), self.empty, None)

    def show_below(self, widget: QWidget) -> None:
        """Put a widget below the files."""
        self.column.insertWidget(self.column.indexOf(self.empty), widget)

    def _empty_part(self) -> QWidget:
        """The formats, and the samples as cards."""
        part = QWidget()
        part.setAccessibleName(tr("What the data can look like"))
        shapes = [
            column(label(name, grade="name"), label(text, "muted", "small", wrap=True), None) for name, text in SHAPES
        ]
        parts = column_in(part, row(*((each, 1) for each in shapes), spacing=16), spacing=12)
        if sets := assets.sample_sets():
            grid = QGridLayout()
            grid.setSpacing(12)
            for number, each in enumerate(sets):
                made = CardButton(each["title"], f"“{each.get('example', '')}”", each.get("description", ""))
                made.clicked.connect(partial(self.added.emit, [Path(each["file"])]))
                self.samples.append(made)
                grid.addWidget(made, number // SAMPLE_COLUMNS, number % SAMPLE_COLUMNS)
            add(parts, 12, label(tr("No text yet? Try a sample"), grade="name"), grid)
        return part

    def show_sources(
        self,
        sources: Mapping[str, DataSource],
        weights: Mapping[str, float],
        skip: bool,
        val_share: float,
        has_val_file: bool,
        waits: bool,
    ) -> None:
        """Show a card for each source, in their order."""
        for path in [path for path in self.cards if path not in sources]:
            card = self.cards.pop(path)
            self.column.removeWidget(card)
            card.hide()
            card.deleteLater()
        for path, source in sources.items():
            card = self.cards.get(path)
            if card is None:
                card = self.cards[path] = DataCard(path)
                card.remove_requested.connect(self.remove_requested)
                card.weight_chosen.connect(self.weight_chosen)
                card.skip_chosen.connect(self.skip_chosen)
                card.again_requested.connect(self.again_requested)
                card.edit_requested.connect(self.edit_requested)
                self.column.insertWidget(self._first_card + len(self.cards) - 1, card)
                card.show()
                if len(self.cards) > MOST_UNFOLDED:
                    for each in self.cards.values():
                        each.set_folded(each is not card)
            card.edit.setVisible(path in self.own)
            card.show_source(source, weights.get(path, 1.0), skip, val_share, has_val_file, waits)
        self._show_reading(sources)
        self.empty.setVisible(not sources)
        self.zone.show_state(False, bool(sources))

    def show_refused(self, count: int, most: int) -> None:
        """Say that files were not taken, as there are too many; 0 if all were."""
        self.refused.setText(
            trn(
                "1 file was not added: {most} sources are the most. Put them into a folder and add that.",
                "{n} files were not added: {most} sources are the most. Put them into a folder and add that.",
                count,
                most=most,
            )
        )
        self.refused.setVisible(bool(count))

    def show_own(self, own: Iterable[str]) -> None:
        """Say which sources were made in the window: these can be edited."""
        self.own = frozenset(own)
        for path, card in self.cards.items():
            card.edit.setVisible(path in self.own)

    def show_reading(self, values: Mapping[str, str]) -> None:
        """Show how the files are read; what is set stays visible."""
        for key, each in self.reading.items():
            if not each.is_being_typed():
                each.show_value(values[key])

    def _show_reading(self, sources: Mapping[str, DataSource]) -> None:
        """Ask what a file leaves open: what its columns are, its encoding, or who i3 is."""
        told = " ".join(source.remedy for source in sources.values())
        has_columns = any(source.report and source.report.get("columns") for source in sources.values())
        for key, each in self.reading.items():
            option = f"--{key.replace('_', '-')}"
            is_open = option in told or (key == "columns" and has_columns)
            each.setVisible(bool(sources) and (is_open or bool(each.field.text())))

    def show_dragging(self, dragging: bool) -> None:
        """Show whether files are being dragged over the panel."""
        self.zone.show_state(dragging, bool(self.cards))

    @Slot()
    def _ask_for_files(self) -> None:
        dialog = self._dialog = QFileDialog(self.window(), tr("Text to train on"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters(
            [
                tr("Text and tables ({patterns})").format(patterns=" ".join("*" + each for each in SUFFIXES)),
                tr("All files (*)"),
            ]
        )
        dialog.filesSelected.connect(self._on_chosen)
        dialog.open()

    @Slot()
    def _ask_for_folder(self) -> None:
        dialog = self._dialog = QFileDialog(self.window(), tr("Folder of text to train on"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.filesSelected.connect(self._on_chosen)
        dialog.open()

    @Slot(list)
    def _on_chosen(self, names: list[str]) -> None:
        self.added.emit([Path(name) for name in names])
