"""Rows for settings: a label that unfolds an explanation, and an editor for the value."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QGridLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSlider,
    QWidget,
)

from i3core.settings import Setting
from i3desk.language import tr
from i3desk.style.palette import tabular
from i3desk.widgets.basics import label, named
from i3desk.widgets.number_field import Number, NumberField
from i3desk.widgets.plain_text import tooltip_text

VALUE_WIDTH = 72
TYPED_AFTER_MS = 400  # a text counts when the user pauses typing this long
# In a range of more steps, the slider is finer at its low end.
MOST_EVEN_STEPS = 1000
CURVED_POSITIONS = 200
CURVE = 3


class _Slider(QSlider):
    """A slider that ignores the wheel, which scrolls the panel around it."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class DescribedSetting(Protocol):
    """A setting with a name and an explanation."""

    @property
    def key(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def tooltip(self) -> str: ...


class SettingRow(QWidget):
    """A row for one setting. Clicking the label unfolds the explanation.

    Signals:
        changed(key, value): Emitted when the user chose another value.
    """

    changed = Signal(str, object)

    def __init__(self, setting: DescribedSetting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setting = setting
        self.setToolTip(tooltip_text(tr(setting.tooltip)))
        self.label = QPushButton(tr(setting.label))
        self.label.setProperty("kind", "label")
        self.label.setCheckable(True)
        self.label.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # one Tab stop a row: its editor, which says the same
        self.label.setCursor(Qt.CursorShape.WhatsThisCursor)
        self.label.setAccessibleName(tr("What does {label} do?").format(label=tr(setting.label)))
        self.label.toggled.connect(self._on_asked)
        self.meaning = label(tr(setting.tooltip), tone="muted", grade="small", wrap=True)
        self.meaning.hide()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(2)
        self._grid.addWidget(self.label, 0, 0, Qt.AlignmentFlag.AlignLeft)
        self._grid.addWidget(self.meaning, 2, 0, 1, 2)
        self._grid.setColumnStretch(0, 1)

    @Slot(bool)
    def _on_asked(self, asked: bool) -> None:
        self.meaning.setVisible(asked)

    def _add_editor(self, editor: QLineEdit, width: int) -> None:
        editor.setObjectName("value")
        editor.setFixedWidth(width)
        editor.setAlignment(Qt.AlignmentFlag.AlignRight)
        editor.setAccessibleName(tr(self.setting.label))
        editor.setAccessibleDescription(tr(self.setting.tooltip))
        tabular(editor)
        self._grid.addWidget(editor, 0, 1)


class NumberRow(SettingRow):
    """A number to type; one whose default is None may be empty, such as the seed."""

    def __init__(self, setting: Setting, width: int = VALUE_WIDTH, parent: QWidget | None = None) -> None:
        super().__init__(setting, parent)
        self.number = NumberField(setting)
        if setting.default is None:
            self.number.setPlaceholderText(tr("random"))
        self.number.chosen.connect(self._on_number)
        self._add_editor(self.number, width)

    def show_value(self, value: Number) -> None:
        """Show a value without announcing it as a choice."""
        self.number.show_value(value)

    @Slot(object)
    def _on_number(self, value: Number) -> None:
        self.changed.emit(self.setting.key, value)


class SliderRow(NumberRow):
    """A number to type or to choose with a slider."""

    def __init__(self, setting: Setting, parent: QWidget | None = None) -> None:
        super().__init__(setting, parent=parent)
        self._range = setting
        self.slider = _Slider(Qt.Orientation.Horizontal)
        self._steps = round((setting.maximum - setting.minimum) / setting.step)
        self._curved = self._steps > MOST_EVEN_STEPS
        self.slider.setRange(0, CURVED_POSITIONS if self._curved else self._steps)
        self.slider.setFocusPolicy(Qt.FocusPolicy.ClickFocus)  # with Tab, the arrow keys of the field do the same
        self.slider.setPageStep(max(1, self.slider.maximum() // 10))
        self.slider.setAccessibleName(tr("{label} slider").format(label=tr(setting.label)))
        self.slider.setAccessibleDescription(tr(setting.tooltip))
        self.slider.valueChanged.connect(self._on_slider)
        self._grid.addWidget(self.slider, 1, 0, 1, 2)

    def show_value(self, value: Number) -> None:
        super().show_value(value)
        self._show_position(value)

    @Slot(object)
    def _on_number(self, value: Number) -> None:
        self._show_position(value)
        super()._on_number(value)

    @Slot(int)
    def _on_slider(self, position: int) -> None:
        setting = self._range
        steps = self._steps * (position / CURVED_POSITIONS) ** CURVE if self._curved else position
        value = min(setting.maximum, setting.minimum + round(steps) * setting.step)
        value = round(value, setting.decimals) if setting.decimals else round(value)
        self.number.show_value(value)
        self.changed.emit(setting.key, value)

    def _show_position(self, value: Number) -> None:
        steps = ((value or 0) - self._range.minimum) / self._range.step
        with QSignalBlocker(self.slider):
            self.slider.setValue(
                round(CURVED_POSITIONS * (steps / self._steps) ** (1 / CURVE)) if self._curved else round(steps)
            )


class SwitchRow(SettingRow):
    """On or off."""

    def __init__(self, setting: DescribedSetting, parent: QWidget | None = None) -> None:
        super().__init__(setting, parent)
        self.switch = SwitchButton()
        self.switch.setAccessibleName(tr(setting.label))
        self.switch.setAccessibleDescription(tr(setting.tooltip))
        self.switch.clicked.connect(self._on_clicked)
        self._grid.addWidget(self.switch, 0, 1)

    def show_value(self, value: bool) -> None:
        """Show a value without announcing it as a choice."""
        self.switch.setChecked(value)

    @Slot(bool)
    def _on_clicked(self, value: bool) -> None:
        self.changed.emit(self.setting.key, value)


class SwitchButton(QAbstractButton):
    """A switch in the colours of the palette."""

    SIZE = QSize(34, 20)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setFixedSize(self.SIZE)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        return self.SIZE

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = self.palette()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        on, muted = self.isChecked(), colours.color(QPalette.ColorRole.PlaceholderText)
        painter.setOpacity(1.0 if self.isEnabled() else 0.4)
        painter.setPen(Qt.PenStyle.NoPen if on else QPen(muted, 1.5))
        painter.setBrush(colours.color(QPalette.ColorRole.Accent) if on else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(track, track.height() / 2, track.height() / 2)
        painter.setPen(Qt.PenStyle.NoPen)
        size = track.height() - 6
        x = track.right() - size - 3 if on else track.left() + 3
        painter.setBrush(colours.color(QPalette.ColorRole.Base) if on else muted)
        painter.drawEllipse(QRectF(x, track.top() + 3, size, size))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(colours.color(QPalette.ColorRole.Text), 2))
            painter.drawRoundedRect(track, track.height() / 2, track.height() / 2)


class TextRow(SettingRow):
    """A text of a few lines below its label; it counts when the user pauses typing."""

    def __init__(self, setting: DescribedSetting, placeholder: str, lines: int, parent: QWidget | None = None) -> None:
        super().__init__(setting, parent)
        self.edit = named(QPlainTextEdit(), "textValue")
        self.edit.setPlaceholderText(placeholder)
        self.edit.setAccessibleName(setting.label)
        self.edit.setAccessibleDescription(tr(setting.tooltip))
        self.edit.setTabChangesFocus(True)
        self.edit.setFrameShape(QFrame.Shape.NoFrame)
        self.edit.setFixedHeight(self.edit.fontMetrics().lineSpacing() * lines + 16)
        self._grid.addWidget(self.edit, 1, 0, 1, 2)
        self._pause = QTimer(self, singleShot=True, interval=TYPED_AFTER_MS)
        self._pause.timeout.connect(self.announce)
        self.edit.textChanged.connect(self._pause.start)

    def show_value(self, value: str) -> None:
        """Show a value without announcing it as a choice, unless the user is typing."""
        if value != self.edit.toPlainText() and not self._pause.isActive():
            with QSignalBlocker(self.edit):
                self.edit.setPlainText(value)

    def flush(self) -> None:
        """Announce a text that was typed a moment ago."""
        if self._pause.isActive():
            self.announce()

    @Slot()
    def announce(self) -> None:
        """Announce the text now."""
        self._pause.stop()
        self.changed.emit(self.setting.key, self.edit.toPlainText())


def row_for(setting: Setting) -> NumberRow:
    """The row that fits a setting: a slider, unless its value may be empty."""
    return NumberRow(setting, 2 * VALUE_WIDTH) if setting.default is None else SliderRow(setting)
