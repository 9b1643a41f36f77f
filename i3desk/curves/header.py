"""The header of the large plot: title, progress, legend, and view options."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QWidget

from i3desk.curves.legend import CurvesLegend
from i3desk.curves.number_format import X_UNITS
from i3desk.curves.progress import ProgressLine
from i3desk.language import figure, tr
from i3desk.style.icons import IconPushButton
from i3desk.style.theme import Theme
from i3desk.widgets.basics import add, button, column_in, icon_button, label
from i3desk.widgets.plain_text import tooltip_text

SMOOTHINGS = (0.0, 0.6, 0.9, 0.98)
SEPARATE_BUTTONS_FROM = 640  # pixels of width; below, one menu has all options


class CurvesHeader(QWidget):
    """Two lines above the plot.

    Attributes:
        log_y, log_x, reset, png, csv: actions; `reset` is visible while the plot is zoomed.
    Signals:
        smoothing_chosen(weight): emitted when the user chose a smoothing.
        unit_chosen(column): emitted when the user chose the x axis.
    """

    smoothing_chosen = Signal(float)
    unit_chosen = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label(grade="heading")
        self.progress = ProgressLine()
        self.legend = CurvesLegend(theme)
        self._smooths = True
        self._make_actions()
        self.smoothing_button = self._menu_button(tr("Smoothing"), self._smoothing_menu)
        self.unit_button = self._menu_button(tr("Across"), self._unit_menu)
        self.log_button = self._action_button(self.log_y)
        self.reset_button = self._action_button(self.reset)
        self.reset_button.setObjectName("wholeRun")
        self.png_button, self.csv_button = self._action_button(self.png), self._action_button(self.csv)
        self.all_button = icon_button(
            "sliders", tr("View options"), tr("Smoothing, axes, and saving the curves"), size=16
        )
        self.all_button.setPopupMode(self.all_button.ToolButtonPopupMode.InstantPopup)
        self.all_button.setMenu(self._whole_menu())
        self._separate = (self.smoothing_button, self.unit_button, self.log_button, self.png_button, self.csv_button)

        first, second = QHBoxLayout(), QHBoxLayout()
        first.setSpacing(12)
        add(first, self.title, (self.progress, 1))
        second.setSpacing(2)
        add(second, self.legend, None, self.reset_button, *self._separate, self.all_button)
        column_in(self, first, second, spacing=2)
        self.show_smoothing(0.9)
        self.show_unit("step")
        self.show_zoomed(False)

    def _make_actions(self) -> None:
        self._smoothing_menu, self._unit_menu = QMenu(tr("Smoothing"), self), QMenu(tr("Across"), self)
        self._smoothings = self._choices(
            self._smoothing_menu, [(weight, _weight_text(weight)) for weight in SMOOTHINGS], self._on_smoothing
        )
        self._units = self._choices(
            self._unit_menu, [(unit, name.capitalize()) for unit, name in X_UNITS.items()], self._on_unit
        )
        self.log_x = QAction(tr("Logarithmic"), self, checkable=True)
        self._unit_menu.addSeparator()
        self._unit_menu.addAction(self.log_x)
        self.log_y = QAction(tr("Log"), self, checkable=True)
        self.log_y.setToolTip(
            tooltip_text(tr("A logarithmic vertical axis: small differences at the end become visible"))
        )
        self.reset = QAction(tr("Whole run"), self)
        self.reset.setToolTip(tooltip_text(tr("Show the whole run again (Home, or a double click on the plot)")))
        self.png = QAction("PNG", self)
        self.png.setToolTip(tooltip_text(tr("Save the plot as a picture")))
        self.csv = QAction("CSV", self)
        self.csv.setToolTip(tooltip_text(tr("Save all steps of the run as a table")))

    def _choices(
        self, menu: QMenu, choices: list[tuple[object, str]], chosen: Callable[[QAction], None]
    ) -> QActionGroup:
        group = QActionGroup(menu)
        for value, text in choices:
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setData(value)
            group.addAction(action)
        group.triggered.connect(chosen)
        return group

    def _whole_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addMenu(self._smoothing_menu)
        menu.addMenu(self._unit_menu)
        menu.addAction(self.log_y)
        menu.addSeparator()
        menu.addAction(self.png)
        menu.addAction(self.csv)
        return menu

    def _menu_button(self, name: str, menu: QMenu) -> IconPushButton:
        button = IconPushButton()
        button.setProperty("kind", "quiet")
        button.setAccessibleName(name)
        button.setMenu(menu)
        button.set_icon("unfolded", size=12)
        button.setLayoutDirection(Qt.LayoutDirection.RightToLeft)  # the arrow is right of the text
        return button

    def _action_button(self, action: QAction) -> QPushButton:
        made = button(action.text(), action.toolTip(), "quiet", name=action.toolTip())
        made.setCheckable(action.isCheckable())
        made.clicked.connect(action.trigger)
        if action.isCheckable():
            action.toggled.connect(made.setChecked)
        return made

    def show_smoothing(self, weight: float) -> None:
        """Show how much curves are smoothed."""
        _check(self._smoothings, weight)
        self.smoothing_button.setText(
            tr("No smoothing") if not weight else tr("Smoothing {short}").format(short=_short(weight))
        )
        self.smoothing_button.setToolTip(
            tooltip_text(tr("How much the strong curve is smoothed; the faint one shows each step"))
        )

    def offer_smoothing(self, offered: bool) -> None:
        """Offer smoothing, if it helps the metric in the plot."""
        self._smooths = offered
        self._smoothing_menu.menuAction().setVisible(offered)
        self._fold()

    def show_unit(self, unit: str, available: Sequence[str] = tuple(X_UNITS)) -> None:
        """Show the unit of the x axis, and offer the available ones."""
        _check(self._units, unit)
        for action in self._units.actions():
            action.setEnabled(action.data() in available)
        self.unit_button.setText(X_UNITS[unit].capitalize())
        self.unit_button.setToolTip(tooltip_text(tr("The unit of the horizontal axis")))

    def show_zoomed(self, zoomed: bool) -> None:
        """Offer to show the whole run while the plot is zoomed."""
        self.reset_button.setVisible(zoomed)

    @Slot(QAction)
    def _on_smoothing(self, action: QAction) -> None:
        self.show_smoothing(action.data())
        self.smoothing_chosen.emit(action.data())

    @Slot(QAction)
    def _on_unit(self, action: QAction) -> None:
        self.unit_chosen.emit(action.data())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fold()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Polish:
            self._fold()
        return super().event(event)

    def _fold(self) -> None:
        wide = self.width() >= SEPARATE_BUTTONS_FROM
        for each in self._separate:
            each.setVisible(wide and (self._smooths or each is not self.smoothing_button))
        self.all_button.setVisible(not wide)

    def minimumSizeHint(self) -> QSize:
        return QSize(240, super().minimumSizeHint().height())


def _check(group: QActionGroup, value: object) -> None:
    for action in group.actions():
        action.setChecked(action.data() == value)


def _short(weight: float) -> str:
    return figure(weight, "g")


def _weight_text(weight: float) -> str:
    return _short(weight) if weight else tr("None")
