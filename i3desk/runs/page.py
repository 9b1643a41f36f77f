"""The Runs page: the list of runs beside the details of one or the comparison of several."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QHideEvent, QIcon, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QLineEdit, QSizePolicy, QStackedWidget, QToolButton, QWidget

from i3core.runs import index
from i3core.runs.reader import RunSummary
from i3desk.language import tr
from i3desk.runs.comparison import RunComparison
from i3desk.runs.controller import RunController
from i3desk.runs.delete_confirmation import DeleteConfirmation
from i3desk.runs.details import RunDetails
from i3desk.runs.empty_state import EmptyState
from i3desk.runs.list_delegate import RunListDelegate
from i3desk.runs.list_model import ORDERS, SUMMARY_ROLE, RunListModel, arranged
from i3desk.runs.list_view import RunListView
from i3desk.style import icons
from i3desk.style.palette import tabular
from i3desk.style.theme import Theme
from i3desk.widgets.basics import add, column_in, label, named, page_header, row
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.segmented_control import SegmentedControl
from i3desk.workers.background import BackgroundJobs

HEADER_HEIGHT = 48
MARGIN = 16
CARD_PADDING = 5
LIST_WIDTH = (304, 400)  # minimum and maximum beside a comparison
DETAILS_WIDTH = (376, 408)
COMPARISON_MIN_WIDTH = 500
ANY_WIDTH = 16_777_215  # Qt's QWIDGETSIZE_MAX
SHOW_MS = 30
EMPTY_AFTER_MS = 400  # so that "no runs" does not flash before they are read
NO_RUNS = tr("Runs of the Train page and of “i3core train” appear here, with their progress and results.")


class RunsPage(QWidget):
    """Lists all runs; emits requests for other pages to the window.

    Signals:
        open_requested(folder): emitted when the user wants to see this run on the Train page.
        chat_requested(folder): emitted when the user wants to chat with it.
        again_requested(folder): emitted when the user wants to set up a new run with its settings.
        train_requested: emitted when the user wants to set up a run.
    """

    open_requested = Signal(str)
    chat_requested = Signal(str)
    again_requested = Signal(str)
    train_requested = Signal()

    def __init__(
        self,
        runs: RunController,
        theme: Theme,
        background: BackgroundJobs,
        runs_folder: Path | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`runs_folder` is the window's own, by default the user's: runs elsewhere are never deleted here."""
        super().__init__(parent)
        self.setObjectName("wide")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._runs, self._theme = runs, theme
        self.order = "newest"
        self._chosen: list[RunSummary] = []
        self._may_be_empty = False
        self.model = RunListModel(self)
        self.painter = RunListDelegate(theme, self)
        self.list = RunListView(self.model, self.painter, theme)
        self.note = EmptyState(theme)
        self.details = RunDetails(runs, theme, background)
        self.comparison = RunComparison(theme, background)
        self.question = DeleteConfirmation(background, runs_folder or index.runs_folder())
        self._build()
        self._show_timer = QTimer(self, singleShot=True, interval=SHOW_MS)
        self._show_timer.timeout.connect(self.show_now)
        self._empty_timer = QTimer(self, singleShot=True, interval=EMPTY_AFTER_MS)
        self._empty_timer.timeout.connect(self._show_empty)
        self._connect()
        self.show_now()

    # ------------------------------------------------------------------ its parts

    def _build(self) -> None:
        self.count = tabular(label(tone="muted", grade="small"))
        self.search = named(QLineEdit(), "search")
        self.search.setPlaceholderText(tr("Search runs"))
        self.search.setAccessibleName(tr("Search runs"))
        self.search.setToolTip(tooltip_text(tr("Words in the name, note, model, data or state; Esc clears the search")))
        self.search.setMinimumWidth(120)
        self.search.setMaximumWidth(260)
        self._glass = self.search.addAction(QIcon(), QLineEdit.ActionPosition.LeadingPosition)
        for tool in self.search.findChildren(QToolButton):
            tool.setAccessibleName(tr("Search"))
            tool.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.sorting = SegmentedControl(tr("Sort"), ORDERS)
        self.sorting.setFixedWidth(204)
        self.sorting.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.sorting.show_choice(self.order)
        tools = row(label(tr("Runs"), grade="title"), self.count, None, (self.search, 2), self.sorting, spacing=10)
        header = page_header(tools)

        self._card = named(QFrame(), "card")
        column_in(self._card, self.list, margins=(CARD_PADDING, CARD_PADDING, CARD_PADDING, CARD_PADDING))
        self._card_page = QWidget()
        column_in(self._card_page, (self._card, 1000), None, margins=(MARGIN, MARGIN, MARGIN, MARGIN))
        self._left = QStackedWidget()
        self._blank = QWidget()
        for part in (self._card_page, self.note, self._blank):
            self._left.addWidget(part)

        self._side_stack = QStackedWidget()
        self._side_stack.addWidget(self.details)
        self._side_stack.addWidget(self.comparison)
        self._side = named(QFrame(), "panel")
        side = column_in(self._side, margins=(1, 0, 0, 0))
        self._question_room = QWidget()
        column_in(self._question_room, self.question, margins=(MARGIN, MARGIN, MARGIN, 0))
        self._question_room.hide()
        add(side, self._question_room, (self._side_stack, 1))
        self._side.hide()
        self._body = row((self._left, 1), self._side, spacing=0)
        column_in(self, header, (self._body, 1))

    def _connect(self) -> None:
        self._runs.changed.connect(self._show_soon)
        self._runs.deleted.connect(self._show_soon)
        self.search.textChanged.connect(self._show_soon)
        self.sorting.chosen.connect(self._sort)
        self.list.chosen_changed.connect(self._on_chosen)
        self.list.open_requested.connect(self._open)
        self.list.delete_requested.connect(self.ask_removal)
        self.list.typed.connect(self._type)
        self.painter.renamed.connect(self._runs.rename)
        self.note.train_requested.connect(self.train_requested)
        self.details.open_requested.connect(self.open_requested)
        self.details.chat_requested.connect(self.chat_requested)
        self.details.again_requested.connect(self.again_requested)
        for part in (self.details, self.comparison):
            part.removal_requested.connect(self.ask_removal)
            part.closed.connect(self._close_side)
        self.comparison.styles_changed.connect(self._show_styles)
        self.question.removal_confirmed.connect(self._runs.remove)
        self.question.closed.connect(self._on_question_closed)
        self._theme.changed.connect(self._tint)
        self._tint()

    # ------------------------------------------------------------------ the list

    @Slot()
    @Slot(str)
    def _show_soon(self, _folder: str = "") -> None:
        if not self._show_timer.isActive():
            self._show_timer.start()

    @Slot()
    def show_now(self) -> None:
        """Show the runs as last read now, instead of at the next timer event."""
        self._show_timer.stop()
        everything = self._runs.summaries
        shown = arranged(everything, self.search.text(), self.order)
        self.list.show_runs(shown)
        if shown:
            self._card.setMaximumHeight(len(shown) * self.list.sizeHintForRow(0) + 2 * CARD_PADDING + 2)
        found = (
            tr("{count} of {total}").format(count=len(shown), total=len(everything))
            if len(shown) < len(everything)
            else f"{len(everything)}"
        )
        self.count.setText(found if everything else "")
        if shown:
            self._left.setCurrentWidget(self._card_page)
        elif everything:
            words = self.search.text().strip()
            self.note.show_note(
                "search", tr("Nothing found"), tr("No run contains “{words}”.").format(words=words), may_train=False
            )
            self._left.setCurrentWidget(self.note)
        elif self._may_be_empty:
            self.note.show_note("runs", tr("No runs yet"), NO_RUNS, may_train=True)
            self._left.setCurrentWidget(self.note)
        else:
            self._left.setCurrentWidget(self._blank)
        self._show_side()

    @Slot()
    def _show_empty(self) -> None:
        self._may_be_empty = True
        self.show_now()

    @Slot(str)
    def _sort(self, order: str) -> None:
        self.order = order
        self.sorting.show_choice(order)
        self.show_now()

    @Slot(object)
    def _open(self, folder: Path) -> None:
        self.open_requested.emit(str(folder))

    # ------------------------------------------------------------------ the side

    @Slot()
    def _on_chosen(self) -> None:
        if not self.question.isHidden():
            self.question.close_question()
        self._show_soon()

    def _show_side(self) -> None:
        self._chosen = self.list.chosen()
        count = len(self._chosen)
        self.comparison.show_runs(self._chosen if count > 1 else [])
        if count == 1:
            self.details.show_run(self._chosen[0])
        else:
            self.details.leave()
        side = self.details if count == 1 else self.comparison
        if count and self._side_stack.currentWidget() is not side:
            if self._side_stack.isAncestorOf(self.window().focusWidget() or self):
                self.list.setFocus()  # otherwise the focus could move to any button, perhaps "Delete"
            self._side_stack.setCurrentWidget(side)
        if not self.question.isHidden():
            self.question.show_states(self._runs.summaries)
        self._share_room()
        self._side.setVisible(bool(count))

    def _share_room(self) -> None:
        """Give a third to the details of one run, two thirds to a comparison, within readable widths."""
        compares = len(self._chosen) > 1
        minimum, maximum = (COMPARISON_MIN_WIDTH, ANY_WIDTH) if compares else DETAILS_WIDTH
        self._side.setMinimumWidth(minimum)
        self._side.setMaximumWidth(maximum)
        self._left.setMinimumWidth(LIST_WIDTH[0])
        self._left.setMaximumWidth(LIST_WIDTH[1] if compares else ANY_WIDTH)
        self._body.setStretch(0, 1 if compares else 2)
        self._body.setStretch(1, 2 if compares else 1)

    @Slot()
    def _show_styles(self) -> None:
        """Give the check marks of the compared runs the colours of their curves."""
        styles = {summary.folder: self.comparison.style_of(summary.folder) for summary in self._runs.summaries}
        tokens = self._theme.tokens
        self.painter.colours = {folder: getattr(tokens, style.token) for folder, style in styles.items() if style}
        self.list.viewport().update()

    @Slot()
    def _close_side(self) -> None:
        self.list.clearSelection()
        self.list.setFocus()

    # ------------------------------------------------------------------ removing

    @Slot()
    def ask_removal(self) -> None:
        """Ask whether to delete the chosen runs, or to take them off the list."""
        chosen = self.list.chosen()
        if chosen:
            self.show_now()
            self._question_room.show()
            self.question.ask(chosen)

    @Slot()
    def _on_question_closed(self) -> None:
        self._question_room.hide()
        self.list.setFocus()

    # ------------------------------------------------------------------ keys, colours, being shown

    @Slot(str)
    def _type(self, text: str) -> None:
        self.search.setFocus()
        self.search.deselect()
        self.search.insert(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key == Qt.Key.Key_Escape and self.search.text():
            self.search.clear()
        elif key == Qt.Key.Key_Down and self.search.hasFocus() and self.model.rowCount():
            self.list.setFocus(Qt.FocusReason.TabFocusReason)
            if not self.list.selectionModel().hasSelection():
                self.list.choose(self.model.index(0).data(SUMMARY_ROLE).folder)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.search.hasFocus() and self.model.rowCount():
            self.list.choose(self.model.index(0).data(SUMMARY_ROLE).folder)
        else:
            super().keyPressEvent(event)

    @Slot()
    def _tint(self) -> None:
        self._glass.setIcon(icons.icon("search", QColor(self._theme.tokens.muted), size=16))
        self._show_styles()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._runs.set_watched(True)
        self._show_soon()
        self.list.setFocus(Qt.FocusReason.OtherFocusReason)
        if not self._may_be_empty:
            self._empty_timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._runs.set_watched(False)
        self.comparison.show_runs([])  # a hidden page reads nothing
