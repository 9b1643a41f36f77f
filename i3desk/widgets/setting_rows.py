"""Rows of the settings panel: a label that unfolds what it means, and an editor for the value."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QRegularExpression, QSignalBlocker, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QRegularExpressionValidator,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QGridLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSlider,
    QWidget,
)

from i3desk.style.palette import tabular
from i3desk.widgets.basics import named

VALUE_WIDTH = 72
TYPED_AFTER_MS = 400  # a longer text counts once the user pauses
# A range of more steps than this gets a slider that is finer at its low end.
MOST_EVEN_STEPS = 1000
CURVED_POSITIONS = 200
CURVE = 3


class _Slider(QSlider):
    """A slider that leaves the wheel to the panel around it."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class _Number(QLineEdit):
    """A number to type; the arrow keys step it. What is out of range goes to the nearer end.

    Signals:
        chosen(value): the user finished typing, or stepped.
    """

    chosen = Signal(float)

    def __init__(self, setting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._setting = setting
        digits = rf"\d{{0,6}}([.,]\d{{0,{setting.decimals}}})?" if setting.decimals else r"\d{0,9}"
        self.setValidator(QRegularExpressionValidator(QRegularExpression(digits), self))
        self.editingFinished.connect(self._on_edited)
        self._value = float(setting.default)

    def show_value(self, value: float) -> None:
        """Show a value without announcing it."""
        self._value = min(self._setting.maximum, max(self._setting.minimum, value))
        self.setText(f"{self._value:.{self._setting.decimals}f}")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}
        if event.key() in steps:
            self._choose(self._value + steps[event.key()] * self._setting.step)
        else:
            super().keyPressEvent(event)

    @Slot()
    def _on_edited(self) -> None:
        try:
            self._choose(float(self.text().replace(",", ".")))
        except ValueError:  # nothing typed
            self.show_value(self._value)

    def _choose(self, value: float) -> None:
        before = self._value
        self.show_value(round(value, self._setting.decimals))
        if self._value != before:
            self.chosen.emit(self._value)


class SettingRow(QWidget):
    """A declared setting: `setting` has key, label and tooltip. Clicking the label unfolds what it does.

    Signals:
        changed(key, value): the user chose another value.
    """

    changed = Signal(str, object)

    def __init__(self, setting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setting = setting
        self.setToolTip(setting.tooltip)
        self.label = QPushButton(setting.label)
        self.label.setProperty("kind", "label")
        self.label.setCheckable(True)
        self.label.setCursor(Qt.CursorShape.WhatsThisCursor)
        self.label.setAccessibleName(f"What does {setting.label} do?")
        self.label.toggled.connect(self._on_asked)
        self.meaning = QLabel(setting.tooltip, textFormat=Qt.TextFormat.PlainText, wordWrap=True)
        self.meaning.setProperty("tone", "muted")
        self.meaning.setProperty("grade", "small")
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

    def _add_editor(self, editor: QWidget, width: int) -> None:
        editor.setObjectName("value")
        editor.setFixedWidth(width)
        editor.setAlignment(Qt.AlignmentFlag.AlignRight)
        editor.setAccessibleName(self.setting.label)
        editor.setAccessibleDescription(self.setting.tooltip)
        tabular(editor)
        self._grid.addWidget(editor, 0, 1)


class NumberRow(SettingRow):
    """A number with a range: slider and exact value show the same."""

    def __init__(self, setting, parent: QWidget | None = None) -> None:
        super().__init__(setting, parent)
        self.number = _Number(setting)
        self.number.chosen.connect(self._on_number)
        self.slider = _Slider(Qt.Orientation.Horizontal)
        self._steps = round((setting.maximum - setting.minimum) / setting.step)
        self._curved = self._steps > MOST_EVEN_STEPS
        self.slider.setRange(0, CURVED_POSITIONS if self._curved else self._steps)
        self.slider.setPageStep(max(1, self.slider.maximum() // 10))
        self.slider.setAccessibleName(f"{setting.label} slider")
        self.slider.setAccessibleDescription(setting.tooltip)
        self.slider.valueChanged.connect(self._on_slider)
        self._add_editor(self.number, VALUE_WIDTH)
        self._grid.addWidget(self.slider, 1, 0, 1, 2)

    def show_value(self, value: float) -> None:
        """Show a value without announcing it as a choice."""
        self.number.show_value(value)
        with QSignalBlocker(self.slider):
            self.slider.setValue(self._to_position(value))

    @Slot(float)
    def _on_number(self, value: float) -> None:
        with QSignalBlocker(self.slider):
            self.slider.setValue(self._to_position(value))
        self._announce(value)

    @Slot(int)
    def _on_slider(self, position: int) -> None:
        steps = self._steps * (position / CURVED_POSITIONS) ** CURVE if self._curved else position
        value = min(self.setting.maximum, self.setting.minimum + round(steps) * self.setting.step)
        self.number.show_value(value)
        self._announce(value)

    def _to_position(self, value: float) -> int:
        steps = (value - self.setting.minimum) / self.setting.step
        return round(CURVED_POSITIONS * (steps / self._steps) ** (1 / CURVE)) if self._curved else round(steps)

    def _announce(self, value: float) -> None:
        decimals = self.setting.decimals
        self.changed.emit(self.setting.key, round(value, decimals) if decimals else round(value))


class OptionalNumberRow(SettingRow):
    """A whole number that may be left empty, such as the seed."""

    def __init__(self, setting, parent: QWidget | None = None) -> None:
        super().__init__(setting, parent)
        self.edit = QLineEdit()
        self.edit.setPlaceholderText("random")
        digits = len(str(int(setting.maximum)))
        self.edit.setValidator(QRegularExpressionValidator(QRegularExpression(rf"\d{{0,{digits}}}"), self))
        self.edit.editingFinished.connect(self._on_edited)
        self._add_editor(self.edit, VALUE_WIDTH * 2)

    def show_value(self, value: int | None) -> None:
        """Show a value without announcing it as a choice."""
        self.edit.setText("" if value is None else str(value))

    @Slot()
    def _on_edited(self) -> None:
        text = self.edit.text()
        value = min(int(self.setting.maximum), max(int(self.setting.minimum), int(text))) if text else None
        self.show_value(value)
        self.changed.emit(self.setting.key, value)


class SwitchRow(SettingRow):
    """On or off."""

    def __init__(self, setting, parent: QWidget | None = None) -> None:
        super().__init__(setting, parent)
        self.switch = SwitchButton()
        self.switch.setAccessibleName(setting.label)
        self.switch.setAccessibleDescription(setting.tooltip)
        self.switch.clicked.connect(self._on_clicked)
        self._grid.addWidget(self.switch, 0, 1)

    def show_value(self, value: bool) -> None:
        """Show a value without announcing it as a choice."""
        self.switch.setChecked(value)

    @Slot(bool)
    def _on_clicked(self, value: bool) -> None:
        self.changed.emit(self.setting.key, value)


class SwitchButton(QAbstractButton):
    """A sliding switch in the palette's colours."""

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
        role = QPalette.ColorRole.Accent if self.isChecked() else QPalette.ColorRole.PlaceholderText
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setOpacity(1.0 if self.isEnabled() else 0.4)
        painter.setBrush(colours.color(role))
        painter.drawRoundedRect(track, track.height() / 2, track.height() / 2)
        size = track.height() - 6
        x = track.right() - size - 3 if self.isChecked() else track.left() + 3
        painter.setBrush(colours.color(QPalette.ColorRole.Base))
        painter.drawEllipse(QRectF(x, track.top() + 3, size, size))
        if self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(colours.color(QPalette.ColorRole.Text))
            painter.drawRoundedRect(track, track.height() / 2, track.height() / 2)


class TextRow(SettingRow):
    """A text of a line or a few, below its label; it counts a moment after the user stopped typing."""

    def __init__(self, setting, placeholder: str, lines: int, parent: QWidget | None = None) -> None:
        super().__init__(setting, parent)
        self.edit = named(QPlainTextEdit(), "textValue")
        self.edit.setPlaceholderText(placeholder)
        self.edit.setAccessibleName(setting.label)
        self.edit.setAccessibleDescription(setting.tooltip)
        self.edit.setTabChangesFocus(True)
        self.edit.setFrameShape(QFrame.Shape.NoFrame)
        self.edit.setFixedHeight(self.edit.fontMetrics().lineSpacing() * lines + 16)
        self._grid.addWidget(self.edit, 1, 0, 1, 2)
        self._pause = QTimer(self, singleShot=True, interval=TYPED_AFTER_MS)
        self._pause.timeout.connect(self.announce)
        self.edit.textChanged.connect(self._pause.start)

    def show_value(self, value: str) -> None:
        """Show a value without announcing it as a choice; what is being typed is left alone."""
        if value != self.edit.toPlainText() and not self._pause.isActive():
            with QSignalBlocker(self.edit):
                self.edit.setPlainText(value)

    def flush(self) -> None:
        """Take over what was typed a moment ago."""
        if self._pause.isActive():
            self.announce()

    @Slot()
    def announce(self) -> None:
        """Take over what was typed, now."""
        self._pause.stop()
        self.changed.emit(self.setting.key, self.edit.toPlainText())


def row_for(setting) -> NumberRow | OptionalNumberRow:
    """The row that fits a declared setting: one whose default is None may be left empty."""
    return OptionalNumberRow(setting) if setting.default is None else NumberRow(setting)
