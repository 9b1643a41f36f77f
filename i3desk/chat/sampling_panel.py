"""The panel beside the chat: sampling, prompt and display settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QInputDialog,
    QMenu,
    QWidget,
)

from i3core.generation.config import SAMPLING_SETTINGS, SamplingConfig
from i3core.text.chat_template import ChatTemplate
from i3desk.chat import sampling_presets
from i3desk.chat.display_options import DISPLAY_SETTINGS
from i3desk.conversations.conversation import ChatSettings
from i3desk.language import tr
from i3desk.preferences import SettingsStore
from i3desk.tokens.legend import TokenLegend
from i3desk.widgets.basics import add, column_in, label, named, quiet_button, row, scroll_page
from i3desk.widgets.fold import Fold
from i3desk.widgets.notices import UnreadableNote
from i3desk.widgets.plain_text import menu_text
from i3desk.widgets.segmented_control import SegmentedControl
from i3desk.widgets.setting_rows import SwitchRow, TextRow, row_for

WIDTH = 256
ALWAYS_SHOWN = ("temperature", "top_k")
MODES = {
    "chat": (tr("Chat"), tr("You ask and i3 replies, in the format the model was trained on")),
    "raw": (
        tr("Continue"),
        tr("i3 continues your text as it is: for stories, and to see what the model knows by itself"),
    ),
}


@dataclass(frozen=True)
class _TextSetting:
    """A setting whose value is a text."""

    key: str
    label: str
    tooltip: str


STOP = _TextSetting(
    "stop",
    tr("Stop sequences"),
    tr("The reply ends before the first of these, one per line. Case doesn't matter."),
)
PERSONA = _TextSetting(
    "persona",
    tr("Persona"),
    tr("A system prompt that describes the role of the model. It stays in view in a long chat."),
)
DEFAULTS = SamplingConfig()
INHERITED = tr("New chats begin with these settings, in Chat mode and without a persona.")


class SamplingPanel(QFrame):
    """Shows the declared settings in their order.

    Signals:
        settings_chosen(ChatSettings): Emitted when the user has changed a setting.
    """

    settings_chosen = Signal(object)

    def __init__(self, store: SettingsStore, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setFixedWidth(WIDTH)
        self._store = store
        self._settings = ChatSettings(store.preferences.sampling)

        title = label(tr("Reply settings"), grade="heading")
        self.reset_button = quiet_button(tr("Reset"), tr("Reset to defaults"))
        self.reset_button.clicked.connect(self._reset)
        self.preset_button = quiet_button(tr("Presets"), tr("Use, save or delete your own presets"))
        self.preset_menu = QMenu(self)
        self.preset_menu.aboutToShow.connect(self._fill_menu)
        self.preset_button.setMenu(self.preset_menu)
        head = QHBoxLayout()
        add(head, (title, 1), self.preset_button, self.reset_button)
        self.presets = SegmentedControl(tr("Preset"), sampling_presets.LABELS)
        self.presets.chosen.connect(self._use_built_in)
        self.modes = SegmentedControl(tr("Mode"), MODES)
        self.modes.chosen.connect(self._choose_mode)

        body = named(QWidget(), "panelBody")
        column = column_in(body, head, self.presets, 2, margins=(16, 10, 16, 16), spacing=10)
        rest = QWidget()
        more = column_in(rest, spacing=10)
        self.more = Fold(tr("More"), tr("Further settings of the choice of tokens, and of the end of a reply"), rest)
        self.rows = {}
        for setting in SAMPLING_SETTINGS:
            made = self.rows[setting.key] = row_for(setting)
            made.changed.connect(self._on_sampling)
            (column if setting.key in ALWAYS_SHOWN else more).addWidget(made)
        self.stop_row = TextRow(STOP, tr("none"), 2)
        self.stop_row.changed.connect(self._on_stop)
        more.addWidget(self.stop_row)
        add(column, row(self.more, None), rest)
        add(column, named(QFrame(), "line"), label(tr("Prompt"), grade="heading"), self.modes)
        self.persona_row = TextRow(PERSONA, tr("For example: You are a pirate."), 3)
        self.persona_row.changed.connect(self._on_persona)
        column.addWidget(self.persona_row)
        self.persona_unreadable = UnreadableNote()
        column.addWidget(self.persona_unreadable)
        self.persona_row.edit.textChanged.connect(self._show_unreadable)
        add(column, named(QFrame(), "line"), label(tr("Display"), grade="heading"))
        self.switches = {}
        for switch in DISPLAY_SETTINGS:
            made = self.switches[switch.key] = SwitchRow(switch)
            made.changed.connect(self._on_switch)
            column.addWidget(made)
            if switch.key == "glass":
                self.legend = TokenLegend()
                column.addWidget(self.legend)
        column.addWidget(label(INHERITED, tone="muted", grade="small", wrap=True))
        column.addStretch(1)
        scroll = scroll_page(body)
        column_in(self, scroll, margins=(1, 0, 0, 0))
        store.changed.connect(self._show_switches)
        self._show_all()
        self._show_switches()

    def show_settings(self, settings: ChatSettings) -> None:
        """Show the settings of another conversation."""
        if settings != self._settings:
            self._settings = settings
            self._show_all()

    def show_unreadable_for(self, template: ChatTemplate | None) -> None:
        """Show which characters of the persona a model with this template cannot read."""
        self.persona_unreadable.set_template(template)

    def use_seed(self, seed: int) -> None:
        """Use this seed, and show it."""
        self.more.show_unfolded(True)
        self._choose(replace(self._settings, sampling=replace(self._settings.sampling, seed=seed)))

    @Slot()
    def flush(self) -> None:
        """Apply text that is still being typed."""
        for each in (self.stop_row, self.persona_row):
            each.flush()

    def _choose(self, settings: ChatSettings) -> None:
        """Apply, store and emit settings."""
        if settings != self._settings:
            self._settings = settings
            self._show_all()
            self._store.change(sampling=settings.sampling)
            self.settings_chosen.emit(settings)

    def _choose_sampling(self, sampling: SamplingConfig) -> None:
        self._choose(replace(self._settings, sampling=sampling))

    @Slot(str, object)
    def _on_sampling(self, key: str, value: object) -> None:
        self._choose_sampling(replace(self._settings.sampling, **{key: value}))

    @Slot(str, object)
    def _on_stop(self, _key: str, text: str) -> None:
        self._choose_sampling(replace(self._settings.sampling, stop=_stops_in(text)))

    @Slot(str, object)
    def _on_persona(self, _key: str, text: str) -> None:
        self._choose(replace(self._settings, persona=text))

    @Slot()
    def _show_unreadable(self) -> None:
        is_read = self._settings.mode == "chat"
        self.persona_unreadable.show_texts(self.persona_row.edit.toPlainText() if is_read else "")

    @Slot(str)
    def _choose_mode(self, mode: str) -> None:
        self._choose(replace(self._settings, mode=mode))

    @Slot(str, object)
    def _on_switch(self, key: str, value: bool) -> None:
        self._store.change(**{key: value})

    @Slot(str)
    def _use_built_in(self, name: str) -> None:
        self._choose_sampling(sampling_presets.apply(self._settings.sampling, sampling_presets.BUILT_IN[name]))

    @Slot()
    def _reset(self) -> None:
        self._choose(ChatSettings())

    @Slot()
    def _fill_menu(self) -> None:
        self.preset_menu.clear()
        own = self._store.preferences.presets
        for name in own:
            self.preset_menu.addAction(menu_text(name)).triggered.connect(
                lambda _=False, name=name: self.use_preset(name)
            )
        if not own:
            self.preset_menu.addAction(tr("No saved presets")).setEnabled(False)
        self.preset_menu.addSeparator()
        self.preset_menu.addAction(tr("Save as preset…")).triggered.connect(self._ask_name)
        if own:
            delete = self.preset_menu.addMenu(tr("Delete"))
            for name in own:
                delete.addAction(menu_text(name)).triggered.connect(
                    lambda _=False, name=name: self._delete_preset(name)
                )

    def _delete_preset(self, name: str) -> None:
        kept = {key: values for key, values in self._store.preferences.presets.items() if key != name}
        self._store.change(presets=kept)
        self._show_preset()

    @Slot()
    def _ask_name(self) -> None:
        dialog = self._dialog = QInputDialog(self)
        dialog.setWindowTitle(tr("Save preset"))
        dialog.setLabelText(tr("Name of the preset"))
        dialog.textValueSelected.connect(self.save_preset)
        dialog.open()

    @Slot(str)
    def save_preset(self, name: str) -> None:
        """Save the current values as a preset; one of the same name is replaced."""
        name = name.strip()[:40]
        if name:
            values = sampling_presets.values_of(self._settings.sampling)
            self._store.change(presets=self._store.preferences.presets | {name: values})
            self._show_preset()

    def use_preset(self, name: str) -> None:
        """Apply one of the user's own presets."""
        self._choose_sampling(sampling_presets.apply(self._settings.sampling, self._store.preferences.presets[name]))

    def _show_all(self) -> None:
        sampling = self._settings.sampling
        for key, each in self.rows.items():
            each.show_value(getattr(sampling, key))
        if _stops_in(self.stop_row.edit.toPlainText()) != sampling.stop:  # keeps an empty line that is being typed
            self.stop_row.show_value("\n".join(sampling.stop))
        changed = sum(
            getattr(sampling, key) != getattr(DEFAULTS, key) for key in (*self.rows, "stop") if key not in ALWAYS_SHOWN
        )
        self.more.show_text(tr("More · {changed} changed").format(changed=changed) if changed else tr("More"))
        self.persona_row.show_value(self._settings.persona)
        self.persona_row.setVisible(self._settings.mode == "chat")
        self._show_unreadable()
        self.modes.show_choice(self._settings.mode)
        self._show_preset()

    def _show_preset(self) -> None:
        sampling = self._settings.sampling
        self.presets.show_choice(sampling_presets.matching(sampling, sampling_presets.BUILT_IN))
        own = sampling_presets.matching(sampling, self._store.preferences.presets)
        self.preset_button.setText(menu_text(own or tr("Presets")))

    @Slot()
    def _show_switches(self) -> None:
        for key, each in self.switches.items():
            each.show_value(getattr(self._store.preferences, key))
        self.legend.setVisible(self._store.preferences.glass)


def _stops_in(text: str) -> tuple[str, ...]:
    return tuple(line for line in text.splitlines() if line.strip())
