"""Ask in place for the name of a model, and export a run under it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QWidget

from i3desk.language import tr
from i3desk.training.run_labels import suggested_model_name
from i3desk.widgets.basics import BusyBar, button, column_in, label, named, restyle, row
from i3desk.widgets.plain_text import tooltip_text
from i3desk.workers.core_process import CoreProcess, plain

MAX_NAME_LENGTH = 80


class ExportCard(QFrame):
    """A question for the name of the model; hidden while it is not asked.

    Signals:
        exported(folder): emitted when the model was written to this folder.
    """

    exported = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setAccessibleName(tr("Keep as model"))
        self._run: Path | None = None
        self._report: dict = {}
        self.title = label(tr("Keep as model"), grade="name")
        self.field = named(QLineEdit(maxLength=MAX_NAME_LENGTH), "field")
        self.field.setAccessibleName(tr("Name of the model"))
        self.field.setToolTip(tooltip_text(tr("The name of the model on the Models page, and of its folder")))
        self.field.returnPressed.connect(self._begin)
        self.field.textChanged.connect(self._show_buttons)
        self.export_button = button(tr("Keep"), tr("Make a model of the best checkpoint (Enter)"))
        self.export_button.clicked.connect(self._begin)
        self.close_button = button(tr("Cancel"), tr("Cancel (Esc)"))
        self.close_button.clicked.connect(self.close_card)
        self.busy = BusyBar()
        self.result = label(wrap=True)
        self.process = CoreProcess(tr("export of the model"), self)
        self.process.tell(self._on_reported, self._on_finished, self._on_failed)
        column_in(
            self,
            self.title,
            self.field,
            self.busy,
            self.result,
            row(self.export_button, self.close_button, None),
            margins=(14, 11, 14, 13),
            spacing=8,
        )
        self.hide()

    def ask(self, run: Path, name: str) -> None:
        """Ask for the name of the model of `run`."""
        if not self.process.running:
            self._run = run
            self.field.setText(suggested_model_name(name))
            self._show("", "", asking=True)
        self.show()
        self.field.setFocus(Qt.FocusReason.OtherFocusReason)
        self.field.selectAll()

    @Slot()
    def close_card(self) -> None:
        """Close the card, and cancel a running export."""
        self.process.end()
        self.hide()

    def shut_down(self) -> None:
        """Cancel a running export; no partial model remains."""
        self.process.kill()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_card()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _begin(self) -> None:
        name = self.field.text().strip()
        if self._run is None or not name or self.process.running:
            return
        self._report = {}
        self.process.start(["keep", str(self._run), name, "--json"])
        self._show("", "", asking=True)

    def _show(self, text: str, tone: str, asking: bool) -> None:
        self.result.setText(text)
        self.result.setVisible(bool(text))
        restyle(self.result, tone=tone)
        self.field.setVisible(asking)
        self._show_buttons()
        self.export_button.setVisible(asking)
        close = tr("Cancel") if asking else tr("Close")
        self.close_button.setText(close)
        self.close_button.setAccessibleName(close)

    @Slot()
    def _show_buttons(self) -> None:
        busy = self.process.running
        self.busy.setVisible(busy)
        self.field.setEnabled(not busy)
        self.export_button.setEnabled(not busy and bool(self.field.text().strip()))

    @Slot(object)
    def _on_reported(self, report: dict) -> None:
        self._report = report

    @Slot()
    def _on_finished(self) -> None:
        name = self._report.get("name") or self.field.text().strip()
        self._show(tr("Saved as “{name}”. Find it under Models.").format(name=name), "ok", asking=False)
        if folder := self._report.get("folder"):
            self.exported.emit(str(folder))

    @Slot(str)
    def _on_failed(self, what: str) -> None:
        self._show(plain(what), "bad", asking=True)
