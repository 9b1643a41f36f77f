"""The user's settings in one JSON file. Damaged or unknown values become defaults, one by one."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Slot

from i3core.errors import I3Error
from i3core.settings import SAMPLING_SETTINGS, SamplingConfig
from i3desk.theme import CHOICES

log = logging.getLogger(__name__)
SAVE_AFTER_MS = 400
LARGEST_SIDE = 16_384  # pixels of a window


@dataclass(frozen=True)
class Preferences:
    """Everything that is kept between two starts."""

    theme: str = "system"
    panel_open: bool = True
    width: int = 1280
    height: int = 800
    maximized: bool = False
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def to_json(self) -> str:
        """The preferences as text; of the sampling, what the panel shows."""
        values = asdict(self)
        values["sampling"] = {setting.key: getattr(self.sampling, setting.key) for setting in SAMPLING_SETTINGS}
        return json.dumps(values, indent=2) + "\n"


def read_preferences(path: Path) -> Preferences:
    """The saved preferences; what is missing or damaged is the default. Never raises."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Preferences()
    except (OSError, ValueError, RecursionError) as error:
        log.warning("The settings in %s cannot be read (%s); starting with the defaults.", path, error)
        return Preferences()
    if not isinstance(values, dict):
        log.warning("The settings in %s are not an object; starting with the defaults.", path)
        return Preferences()

    preferences = Preferences()
    for known in fields(Preferences):
        value = values.get(known.name)
        if known.name == "sampling":
            preferences = replace(preferences, sampling=_read_sampling(value))
        elif known.name == "theme":
            preferences = replace(preferences, theme=value if value in tuple(CHOICES) else "system")
        elif isinstance(known.default, bool):
            preferences = replace(preferences, **{known.name: value if isinstance(value, bool) else known.default})
        elif type(value) is int and 0 < value <= LARGEST_SIDE:
            preferences = replace(preferences, **{known.name: value})
    return preferences


def _read_sampling(values: object) -> SamplingConfig:
    """Take over each value that is possible by itself."""
    sampling = SamplingConfig()
    if not isinstance(values, dict):
        return sampling
    for setting in SAMPLING_SETTINGS:
        if setting.key in values:
            try:
                sampling = replace(sampling, **{setting.key: values[setting.key]})
            except (I3Error, TypeError, ValueError) as error:
                log.warning("The saved setting %s is not usable: %s", setting.key, error)
    return sampling


class SettingsStore(QObject):
    """The preferences in use. Changes are written a moment later, and at the end."""

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path = path
        self.preferences = read_preferences(path)
        self._save_timer = QTimer(self, singleShot=True, interval=SAVE_AFTER_MS)
        self._save_timer.timeout.connect(self.save)

    def change(self, **values) -> None:
        """Change some preferences by name."""
        changed = replace(self.preferences, **values)
        if changed != self.preferences:
            self.preferences = changed
            self._save_timer.start()

    @Slot()
    def save(self) -> None:
        """Write the file whole or not at all; a full disk costs the settings, not the chat."""
        self._save_timer.stop()
        partial = self.path.with_suffix(".partial")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(self.preferences.to_json(), encoding="utf-8")
            os.replace(partial, self.path)
        except OSError as error:
            log.warning("The settings could not be saved to %s: %s", self.path, error)
