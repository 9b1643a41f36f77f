"""Rows of the expert's settings: a number, a choice, several choices, a file; each can say why it has no effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from i3core.settings import Setting
from i3desk.style.icons import IconToolButton
from i3desk.widgets.basics import button, label, named, row
from i3desk.widgets.elided_label import ElidedLabel
from i3desk.widgets.segmented_control import SegmentedControl
from i3desk.widgets.setting_rows import NumberRow, SettingRow, SwitchRow

NUMBER_WIDTH = 108


@dataclass(frozen=True)
class RunOption:
    """A setting that is not a number; `choices` are its values, if they are known."""

    key: str
    label: str
    tooltip: str
    choices: tuple[str, ...] = ()


class _Explained:
    """What the rows share: a line that says why the setting has no effect now."""

    def _add_reason(self: SettingRow) -> None:
        self.reason = label(tone="muted", grade="small", wrap=True)
        self.reason.hide()
        self._grid.addWidget(self.reason, 3, 0, 1, 2)

    def is_being_typed(self) -> bool:
        """Whether something is written that does not count yet."""
        return False

    def show_reason(self: SettingRow, reason: str) -> None:
        """Disable the editor and say why; without a reason, enable it."""
        self.editor.setEnabled(not reason)
        self.reason.setText(reason)
        self.reason.setVisible(bool(reason))


class ValueRow(_Explained, NumberRow):
    """A number of any size, as people write it: 500, 0.0003, 3e-4."""

    def __init__(self, setting: Setting, parent: QWidget | None = None) -> None:
        super().__init__(setting, NUMBER_WIDTH, parent)
        self.editor = self.number
        self._add_reason()

    def is_being_typed(self) -> bool:
        return self.number.is_being_typed()


class ChoiceRow(_Explained, SettingRow):
    """One of a few values."""

    def __init__(self, choice: RunOption, parent: QWidget | None = None) -> None:
        super().__init__(choice, parent)
        self.editor = SegmentedControl(
            choice.label, {each: (each, f"{choice.label}: {each}") for each in choice.choices}
        )
        self.editor.chosen.connect(self._on_chosen)
        self._grid.addWidget(self.editor, 1, 0, 1, 2)
        self._add_reason()

    def show_value(self, value: str) -> None:
        """Show a value without announcing it as a choice."""
        self.editor.show_choice(value)

    @Slot(str)
    def _on_chosen(self, value: str) -> None:
        self.changed.emit(self.setting.key, value)


class ToggleRow(_Explained, SwitchRow):
    """On or off."""

    def __init__(self, choice: RunOption, parent: QWidget | None = None) -> None:
        super().__init__(choice, parent)
        self.editor = self.switch
        self._add_reason()


class MemberRow(ToggleRow):
    """Whether one value is in a list of them, such as a tracker."""

    def __init__(self, choice: RunOption, parent: QWidget | None = None) -> None:
        super().__init__(choice, parent)
        self._values: tuple[str, ...] = ()

    def show_value(self, values: Sequence[str]) -> None:
        """Show whether it is among these."""
        self._values = tuple(values)
        self.switch.setChecked(self.setting.choices[0] in self._values)

    @Slot(bool)
    def _on_clicked(self, value: bool) -> None:
        own = self.setting.choices[0]
        rest = tuple(each for each in self._values if each != own)
        self.changed.emit(self.setting.key, (*rest, own) if value else rest)


class FileRow(_Explained, SettingRow):
    """A file, or none."""

    def __init__(self, choice: RunOption, none: str, parent: QWidget | None = None) -> None:
        """`none` says what happens without a file."""
        super().__init__(choice, parent)
        self._none = none
        self.name = ElidedLabel()
        self.name.setProperty("grade", "small")
        self.name.setProperty("tone", "muted")
        self.choose_button = button("Choose…", choice.tooltip, kind="quiet")
        self.choose_button.setAccessibleName(f"Choose a file for {choice.label}")
        self.choose_button.clicked.connect(self._ask)
        self.clear_button = named(IconToolButton(), "leaf")
        self.clear_button.set_icon("close", size=14)
        self.clear_button.setAccessibleName(f"No file for {choice.label}")
        self.clear_button.setToolTip("Without a file")
        self.clear_button.clicked.connect(self._clear)
        self.editor = QWidget()
        line = row(self.name, self.clear_button, self.choose_button, spacing=4)
        line.setStretch(0, 1)
        self.editor.setLayout(line)
        self._grid.addWidget(self.editor, 1, 0, 1, 2)
        self._add_reason()

    def show_value(self, value: str) -> None:
        """Show a path without announcing it as a choice."""
        self.name.setText(Path(value).name if value else self._none)
        self.name.setToolTip(value)
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
