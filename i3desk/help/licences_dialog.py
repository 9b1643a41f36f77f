"""The Licences dialog: a list of included software with a filter, and the licence's text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QLineEdit, QSplitter, QWidget

from i3core.errors import I3Error
from i3core.net.releases import is_web_page
from i3desk.help.licence_list import LicenceList
from i3desk.language import tr
from i3desk.style.theme import Theme
from i3desk.widgets.basics import BusyBar, Notice, button, column, column_in, label, named, row
from i3desk.widgets.links import open_link
from i3desk.widgets.long_text import LongText
from i3desk.widgets.plain_text import tooltip_text
from i3desk.workers.background import BackgroundJobs

if TYPE_CHECKING:
    from i3desk.help.licences import Licence

LIST_WIDTH = 264


class LicencesDialog(QDialog):
    """Shows the list of licences, which it collects in the background."""

    def __init__(self, background: BackgroundJobs, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Licences"))
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumSize(560, 360)
        self.resize(980, 640)
        self._background = background
        self._shown: Licence | None = None

        self.filter = named(QLineEdit(), "field")
        self.filter.setPlaceholderText(tr("Filter"))
        self.filter.setClearButtonEnabled(True)
        self.filter.setAccessibleName(tr("Filter by name or licence"))
        self.filter.setToolTip(
            tooltip_text(tr("Show only entries with these words in name or licence (Down: to the list)"))
        )
        self.filter.textChanged.connect(self._filter)
        self.filter.installEventFilter(self)
        self.list = LicenceList(theme)
        self.list.chosen.connect(self._show)
        self.count = label(tone="muted", grade="small")
        left = QWidget()
        column_in(left, self.filter, (self.list, 1), self.count, margins=(16, 16, 8, 16), spacing=8)

        self.name = label(grade="title", wrap=True)
        self.licence = label(tone="muted", grade="small", wrap=True)
        self.home_button = button(tr("Home page"), tr("Open the page of the package in your browser"))
        self.home_button.clicked.connect(self._open_home)
        self.text = LongText(tr("Text of the licence"))
        titles = column(self.name, self.licence, spacing=2)
        head = row((titles, 1), spacing=16)
        head.addWidget(self.home_button, 0, Qt.AlignmentFlag.AlignTop)
        self.busy = BusyBar()
        self.notice = Notice()
        right = QWidget()
        column_in(right, head, self.busy, self.notice, (self.text, 1), margins=(8, 16, 16, 16), spacing=12)

        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(left)
        splitter.addWidget(right)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([LIST_WIDTH, self.width() - LIST_WIDTH])
        column_in(self, splitter)

        self.name.setText(tr("Collecting the licences…"))
        self.home_button.hide()
        self._job = background.run(_collect, self._fill, self._fail)

    def _fill(self, licences: list[Licence]) -> None:
        self._job = None
        self.busy.hide()
        self.list.fill(licences)
        self._filter()

    def _fail(self, error: I3Error) -> None:
        self._job = None
        self.busy.hide()
        self.name.setText(tr("Licences"))
        self.notice.show_error(error.what, error.remedy)

    @Slot()
    def _filter(self) -> None:
        shown, total = self.list.filter(self.filter.text()), self.list.count()
        self.count.setText(
            tr("{total} components").format(total=total)
            if shown == total
            else tr("{shown} of {total} components").format(shown=shown, total=total)
        )

    @Slot(object)
    def _show(self, licence: Licence | None) -> None:
        self._shown = licence
        self.name.setText("" if licence is None else f"{licence.name} {licence.version}")
        self.licence.setText("" if licence is None else licence.licence)
        self.home_button.setVisible(licence is not None and is_web_page(licence.home))
        if licence is not None:
            self.home_button.setToolTip(tooltip_text(tr("Open {home} in your browser").format(home=licence.home)))
        self.text.show_text("" if licence is None else licence.text)

    @Slot()
    def _open_home(self) -> None:
        if self._shown is not None and is_web_page(self._shown.home):
            open_link(self._shown.home, self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            watched is self.filter
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Down
        ):
            self.list.setFocus()
            return True
        return super().eventFilter(watched, event)

    def done(self, result: int) -> None:
        self._background.forget(self._job)
        super().done(result)


def _collect() -> list[Licence]:
    """Collect all licences. The import takes a tenth of a second: only in the background."""
    from i3desk.help.licences import shipped

    return shipped()
