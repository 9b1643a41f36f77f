"""Rows of the expert settings: numbers, choices, switches and files, which can say why they have no effect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFileDialog, QLineEdit, QWidget

from i3core.settings import Setting
from i3desk.language import tr
from i3desk.widgets.basics import button, icon_button, label, row
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.plain_text import tooltip_text
from i3desk.widgets.segmented_control import SegmentedControl
from i3desk.widgets.setting_rows import NumberRow, SettingRow, SwitchRow

NUMBER_WIDTH = 108


@dataclass(frozen=True)
class RunOption:
    """A setting that is not a number; `choices` are its values, if they are fixed."""

    key: str
    label: str
    tooltip: str
    choices: tuple[str, ...] = ()


class OptionRow(SettingRow):
    """A row with a line that says why the setting has no effect now.

    Attributes:
        editor: disabled while there is a reason.
    """

    editor: QWidget

    def _add_reason(self, editor: QWidget) -> None:
        self.editor = editor
        self.reason = label(tone="muted", grade="small", wrap=True)
        self.reason.hide()
        self._grid.addWidget(self.reason, 3, 0, 1, 2)

    def show_value(self, value: Any) -> None:
        """Show a value without announcing it as a choice."""
        raise NotImplementedError

    def is_being_typed(self) -> bool:
        """Whether the user is typing a value that does not count yet."""
        return False

    def show_reason(self, reason: str) -> None:
        """Disable the editor and show the reason; without a reason, enable it."""
        self.editor.setEnabled(not reason)
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))


class ValueRow(NumberRow, OptionRow):
    """A number of any size, as people write it: 500, 0.0003, 3e-4."""

    def __init__(self, setting: Setting, parent: QWidget | None = None) -> None:
        super().__init__(setting, NUMBER_WIDTH, parent)
        self._add_reason(self.number)

    def is_being_typed(self) -> bool:
        return self.number.is_being_typed()


class ChoiceRow(OptionRow):
    """One of a few values."""

    def __init__(self, choice: RunOption, parent: QWidget | None = None) -> None:
        super().__init__(choice, parent)
        choices = {each: (each, f"{choice.label}: {each}") for each in choice.choices}
        self.control = SegmentedControl(choice.label, choices)
        self.control.chosen.connect(self._on_chosen)
        self._grid.addWidget(self.control, 1, 0, 1, 2)
        self._add_reason(self.control)

    def show_value(self, value: Any) -> None:
        self.control.show_choice(value)

    @Slot(str)
    def _on_chosen(self, value: str) -> None:
        self.changed.emit(self.setting.key, value)


class ToggleRow(SwitchRow, OptionRow):
    """On or off."""

    def __init__(self, choice: RunOption, parent: QWidget | None = None) -> None:
        super().__init__(choice, parent)
        self._add_reason(self.switch)


class MemberRow(ToggleRow):
    """Whether one value is in a list of them, such as a tracker."""

    def __init__(self, choice: RunOption, parent: QWidget | None = None) -> None:
        super().__init__(choice, parent)
        (self._member,) = choice.choices
        self._values: tuple[str, ...] = ()

    def show_value(self, value: Any) -> None:
        """Show whether the member is in `value`."""
        self._values = tuple(value)
        self.switch.setChecked(self._member in self._values)

    @Slot(bool)
    def _on_clicked(self, value: bool) -> None:
        others = tuple(each for each in self._values if each != self._member)
        self.changed.emit(self.setting.key, (*others, self._member) if value else others)


class TextRow(OptionRow):
    """A short text; it counts when Enter is pressed or the field is left."""

    def __init__(self, choice: RunOption, example: str, parent: QWidget | None = None) -> None:
        super().__init__(choice, parent)
        self.field = QLineEdit()
        self.field.setPlaceholderText(example)
        self.field.setAccessibleName(choice.label)
        self.field.setToolTip(tooltip_text(choice.tooltip))
        self.field.editingFinished.connect(self._on_edited)
        self._value = ""
        self._grid.addWidget(self.field, 1, 0, 1, 2)
        self._add_reason(self.field)

    def show_value(self, value: Any) -> None:
        self._value = value
        self.field.setText(value)

    def is_being_typed(self) -> bool:
        return self.field.hasFocus() and self.field.text().strip() != self._value

    @Slot()
    def _on_edited(self) -> None:
        text = self.field.text().strip()
        if text != self._value:
            self._value = text
            self.changed.emit(self.setting.key, text)


class FileRow(OptionRow):
    """A file, or none."""

    def __init__(self, choice: RunOption, none: str, parent: QWidget | None = None) -> None:
        """`none` says what happens without a file."""
        super().__init__(choice, parent)
        self._none = none
        self.name = ElidedLabel(tone="muted", grade="small")
        self.choose_button = button(
            tr("Choose…"), choice.tooltip, kind="quiet", name=tr("Choose a file for {label}").format(label=choice.label)
        )
        self.choose_button.clicked.connect(self._ask)
        self.clear_button = icon_button(
            "close", tr("No file for {label}").format(label=choice.label), tr("Without a file"), look="leaf", size=14
        )
        self.clear_button.clicked.connect(self._clear)
        editor = QWidget()
        line = row((self.name, 1), self.clear_button, self.choose_button, spacing=4)
        editor.setLayout(line)
        self._grid.addWidget(editor, 1, 0, 1, 2)
        self._add_reason(editor)

    def show_value(self, value: Any) -> None:
        self.name.setText(Path(value).name if value else self._none)
        self.name.setToolTip(tooltip_text(value))
        self.clear_button.setVisible(bool(value))

    @Slot()
    def _ask(self) -> None:
        dialog = self._dialog = QFileDialog(self.window(), self.setting.label)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self._on_file)
        dialog.open()

    @Slot(str)
    def _on_file(self, name: str) -> None:
        self.changed.emit(self.setting.key, name)

    @Slot()
    def _clear(self) -> None:
        self.changed.emit(self.setting.key, "")
