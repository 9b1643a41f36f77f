"""The card of one data file: its format, a preview of its chunks, and its errors."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QWidget

from i3core.net.dataset_name import display_name
from i3desk.humanize import count_text
from i3desk.language import figure, tr, trn
from i3desk.style.icons import IconToolButton
from i3desk.style.palette import tabular
from i3desk.training import data_labels
from i3desk.training.data_check import DataSource
from i3desk.training.preview import Preview
from i3desk.training.setup_state import WEIGHTS
from i3desk.widgets.basics import BusyBar, button, column_in, icon_button, label, named, restyle, row
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import tooltip_text

MAX_BAD_SHOWN = 8


class DataCard(QFrame):
    """Shows one DataSource.

    Signals:
        remove_requested(path): emitted when the user removes the file.
        weight_chosen(path, weight): emitted when the user chose how often it is shown.
        skip_chosen(skip): emitted when the user chose whether to skip bad records.
        edit_requested(path): emitted when the user wants to change a set that was made in the window.
        again_requested(path): emitted when the user wants the file read again.
    """

    remove_requested = Signal(str)
    weight_chosen = Signal(str, float)
    skip_chosen = Signal(bool)
    again_requested = Signal(str)
    edit_requested = Signal(str)

    def __init__(self, path: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.path = path
        self.setAccessibleName(tr("Data {display_name}").format(display_name=display_name(path)))
        self._weight = 1.0
        self._shown: tuple[Any, ...] = ()

        self.fold = IconToolButton()
        self.fold.setObjectName("leaf")
        self.fold.clicked.connect(self._on_fold)
        self._folded = False
        self.name = ElidedLabel(display_name(path), grade="name")
        self.name.setToolTip(tooltip_text(path))
        self.kind = label(tone="muted", grade="small")
        self.edit = button(
            tr("Edit"),
            tr("Change this set"),
            "quiet",
            tr("Edit {display_name}").format(display_name=display_name(path)),
        )
        self.edit.clicked.connect(self._on_edit)
        self.edit.hide()
        self.remove = _tool("close", tr("Remove"), tr("Train without this file; it is not deleted"))
        self.remove.setAccessibleName(tr("Remove {display_name}").format(display_name=display_name(path)))
        self.remove.clicked.connect(self._on_remove)
        heading = row(self.fold, (self.name, 1), self.edit, self.remove, spacing=4)
        self.facts = tabular(label(tone="muted", grade="small", wrap=True))
        self.unknown = label(tone="bad", grade="small", wrap=True)
        self.truncated = label(tone="warn", grade="small", wrap=True)
        self.columns = label(tone="muted", grade="small", wrap=True)
        self.left_out = label(tone="muted", grade="small", wrap=True)
        self.busy = BusyBar()
        self.error = label(tone="bad", grade="small", wrap=True)
        self.remedy = label(tone="muted", grade="small", wrap=True)
        self.again = button(tr("Try again"), tr("Read the file once more"))
        self.again.clicked.connect(self._on_again)
        self.preview = Preview()

        column = column_in(
            self,
            heading,
            self.kind,
            self.facts,
            self.columns,
            self.unknown,
            self.truncated,
            self.left_out,
            self.busy,
            self.error,
            self.remedy,
            row(self.again, None),
            self._bad_part(),
            4,
            self.preview,
            margins=(12, 10, 12, 12),
            spacing=4,
        )
        self._foot = self._foot_part()
        column.addWidget(self._foot)
        self.set_folded(False)

    def _bad_part(self) -> QWidget:
        self.bad_title = label(tone="bad", grade="small", wrap=True)
        self.bad_list = label(grade="small", wrap=True, selectable=True)
        self.bad_list.setAccessibleName(tr("Records that can't be used"))
        self.bad_remedies = label(tone="muted", grade="small", wrap=True, selectable=True)
        self.skip = button(tr("Skip"), tr("Train on the rest of the file"))
        self.skip.clicked.connect(self._on_skip)
        self.unfold_bad = button(tr("Show"), tr("The place and the reason of each"), kind="quiet")
        self.unfold_bad.setCheckable(True)
        self.unfold_bad.toggled.connect(self._show_bad_list)
        self.bad = named(QFrame(), "failure")
        column_in(
            self.bad,
            self.bad_title,
            self.bad_list,
            self.bad_remedies,
            row(self.skip, self.unfold_bad, None, spacing=6),
            margins=(10, 8, 10, 10),
            spacing=6,
        )
        return self.bad

    def _foot_part(self) -> QWidget:
        self.less = _tool("minus", tr("Less often"), tr("Show this file less often than the others"))
        self.weight = tabular(label(tone="muted", grade="small"))
        self.weight.setToolTip(tooltip_text(tr("How often an epoch shows each record of this file")))
        self.more = _tool("plus", tr("More often"), tr("Show this file more often than the others"))
        self.less.clicked.connect(self._on_less)
        self.more.clicked.connect(self._on_more)
        foot = QWidget()
        line = row(None, self.less, self.weight, self.more, spacing=2)
        line.insertLayout(0, self.preview.controls)
        foot.setLayout(line)
        return foot

    # ------------------------------------------------------------------------------------------------ what it shows

    def set_folded(self, folded: bool) -> None:
        """Show only the heading and the figures, or everything."""
        self._folded = folded
        self.fold.set_icon("right" if folded else "unfolded", size=14)
        self.fold.setToolTip(tooltip_text(tr("Show what the model will see") if folded else tr("Fold this card")))
        self.fold.setAccessibleName(self.fold.toolTip())
        self._show_parts()

    def show_source(
        self, source: DataSource, weight: float, skip: bool, val_share: float, has_val_file: bool, waits: bool
    ) -> None:
        """Show the newest state of the file; `waits` if there is no model to read it with."""
        shown = (source, weight, skip, val_share, has_val_file, waits)
        if shown == self._shown:
            return
        self._shown, self._weight = shown, weight
        report = source.report
        if report is not None:
            self.kind.setText(data_labels.kind_text(report))
            self.kind.setToolTip(tooltip_text(data_labels.shapes_text(report)))
            self.facts.setText(data_labels.facts_text(report, val_share, has_val_file))
            self.unknown.setText(data_labels.unknown_text(report))
            self.truncated.setText(data_labels.truncated_text(report))
            self.columns.setText(data_labels.columns_text(report))
            self.left_out.setText(data_labels.left_out_text(report))
            self.preview.show_previews(report.get("previews", ()))
            self._fill_bad(report, skip)
        elif source.what:
            self.kind.setText(tr("cannot be read"))
        else:
            done = tr(" {count} characters").format(count=count_text(source.characters)) if source.characters else ""
            self.kind.setText(tr("waits for a model") if waits else tr("reading…{done}").format(done=done))
        self.error.setText(source.what)
        self.remedy.setText(source.remedy)
        self.weight.setText(tr("shown {weight}×").format(weight=figure(weight, "g")))
        self.weight.setAccessibleName(
            tr("Each record is shown {weight} times an epoch").format(weight=figure(weight, "g"))
        )
        self.less.setEnabled(weight > WEIGHTS[0])
        self.more.setEnabled(weight < WEIGHTS[-1])
        self._show_parts()

    def _fill_bad(self, report: dict, skip: bool) -> None:
        count, bad = report.get("bad_count", 0), report.get("bad", [])
        if skip:
            title = trn("{n} record is left out", "{n} records are left out", count)
        else:
            title = trn("{n} record can't be used", "{n} records can't be used", count)
        self.bad_title.setText(title)
        restyle(self.bad_title, tone="muted" if skip else "bad")
        self.bad.setObjectName("well" if skip else "failure")
        self.bad.style().polish(self.bad)
        lines = [data_labels.bad_line(each) for each in bad[:MAX_BAD_SHOWN]]
        if count > len(lines):
            lines.append(tr("and {count} more").format(count=figure(count - len(lines))))
        self.bad_list.setText("\n".join(lines))
        self.bad_remedies.setText(
            "\n".join(dict.fromkeys(each.get("remedy", "") for each in bad[:MAX_BAD_SHOWN])).strip()
        )
        self.skip.setText(tr("Do not skip") if skip else trn("Skip this record", "Skip these {n} records", count))
        self.skip.setAccessibleName(self.skip.text())
        self.skip.setToolTip(
            tooltip_text(tr("Refuse to train until the file is fixed") if skip else tr("Train on the rest of the file"))
        )
        if not skip and count <= 3 and not self.unfold_bad.isChecked():
            self.unfold_bad.setChecked(True)
        self._show_bad_list(self.unfold_bad.isChecked())

    def _show_parts(self) -> None:
        source = self._shown[0] if self._shown else DataSource(self.path)
        report, folded = source.report, self._folded
        self.facts.setVisible(report is not None)
        self.unknown.setVisible(report is not None and bool(self.unknown.text()))
        self.truncated.setVisible(report is not None and bool(self.truncated.text()))
        for part in (self.columns, self.left_out):
            part.setVisible(report is not None and bool(part.text()))
        self.busy.setVisible(not source.is_known and bool(self._shown) and not self._shown[-1])
        for part in (self.error, self.again):
            part.setVisible(bool(source.what))
        self.remedy.setVisible(bool(source.remedy))
        self.bad.setVisible(report is not None and report.get("bad_count", 0) > 0)
        self.preview.setVisible(report is not None and not folded)
        self._foot.setVisible(report is not None and not folded)
        self.fold.setVisible(report is not None)

    # ----------------------------------------------------------------------------------------------- what the user does

    @Slot(bool)
    def _show_bad_list(self, shown: bool) -> None:
        self.bad_list.setVisible(shown)
        self.bad_remedies.setVisible(shown)
        self.unfold_bad.setText(tr("Hide") if shown else tr("Show"))
        self.unfold_bad.setAccessibleName(tr("{text} the records").format(text=self.unfold_bad.text()))

    @Slot()
    def _on_fold(self) -> None:
        self.set_folded(not self._folded)

    @Slot()
    def _on_remove(self) -> None:
        self.remove_requested.emit(self.path)

    @Slot()
    def _on_edit(self) -> None:
        self.edit_requested.emit(self.path)

    @Slot()
    def _on_again(self) -> None:
        self.again_requested.emit(self.path)

    @Slot()
    def _on_skip(self) -> None:
        self.skip_chosen.emit(not self._shown[2])

    @Slot()
    def _on_less(self) -> None:
        self._choose(max((each for each in WEIGHTS if each < self._weight), default=self._weight))

    @Slot()
    def _on_more(self) -> None:
        self._choose(min((each for each in WEIGHTS if each > self._weight), default=self._weight))

    def _choose(self, weight: float) -> None:
        if weight != self._weight:
            self._weight = weight  # the next click may come before this weight is shown
            self.weight_chosen.emit(self.path, weight)


def _tool(icon: str, name: str, tooltip: str) -> IconToolButton:
    made = icon_button(icon, name, tooltip, look="leaf", size=14)
    return made
