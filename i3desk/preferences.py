"""The user's preferences, kept in a JSON file. A damaged value becomes its default."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from i3core.errors import I3Error
from i3core.generation.config import SamplingConfig
from i3core.system.files import read_file, replaced
from i3desk.language import LANGUAGES, SYSTEM
from i3desk.style.theme import CHOICES
from i3desk.style.zoom import SCALES

log = logging.getLogger(__name__)
SAVE_AFTER_MS = 400
LARGEST_SIDE = 16_384  # pixels of a window
TEXT_SIZES = (80, 90, 100, 110, 125, 150, 175, 200)  # percent
PRECISIONS = ("auto", "float32", "bfloat16", "int8", "int4")
ON_CLOSE = ("ask", "go_on", "stop")  # what happens to a training run when the window is closed
MOST_REMEMBERED = 50  # folders and presets


@dataclass(frozen=True)
class Preferences:
    """Values kept between two starts.

    Attributes:
        theme: "system", "light" or "dark".
        language: "system", or a key of LANGUAGES; used from the next start.
        scale: size of the interface in percent of the system's.
        text_size: size of the text of chats in percent.
        reduce_motion: whether nothing moves by itself.
        sidebar_open, panel_open: whether they are shown if there is room.
        x, y: position of the window; -1 if the system chooses it.
        page: name of the page that was open last.
        sampling: settings of new conversations.
        presets: sampling settings that the user saved, by name.
        prompts: messages that the user saved, newest first.
        capitalise, markdown, glass, show_chunks: how messages are shown; see chat/display_options.py.
        model, precision: the model loaded last; "" for the bundled one.
        training_on_close: whether training keeps running without the window; see ON_CLOSE.
        own_folders, recent_models: model folders that the user added or used.
        look_for_updates: whether to check for a new version once a week.
        looked_for_updates: time of the last check, in seconds since 1970.
        serve, serve_port: whether the model serves other programs on this computer, and on which port.
    """

    theme: str = "system"
    language: str = SYSTEM
    scale: int = 100
    text_size: int = 100
    reduce_motion: bool = False
    sidebar_open: bool = True
    panel_open: bool = False
    width: int = 1280
    height: int = 800
    x: int = -1
    y: int = -1
    maximized: bool = False
    page: str = "Chat"
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    presets: dict[str, dict[str, Any]] = field(default_factory=dict)
    prompts: tuple[str, ...] = ()
    capitalise: bool = True
    markdown: bool = True
    glass: bool = False
    show_chunks: bool = False
    model: str = ""
    precision: str = "auto"
    training_on_close: str = "ask"
    own_folders: tuple[str, ...] = ()
    recent_models: tuple[str, ...] = ()
    look_for_updates: bool = False
    looked_for_updates: int = 0
    serve: bool = False
    serve_port: int = 8010

    def to_json(self, others: dict[str, Any] | None = None) -> str:
        """Preferences as text, with the values that only another version knows."""
        sampling = self.sampling.to_json()
        del sampling["allow_unk"]  # it is no choice of the user
        values = asdict(self) | {"sampling": sampling} | (others or {})
        return json.dumps(values, indent=2) + "\n"


def read_preferences(path: Path) -> Preferences:
    """Read the saved preferences; missing or damaged ones are defaults. Never raises."""
    try:
        values = json.loads(read_file(path).decode("utf-8-sig"))
    except FileNotFoundError:
        return Preferences()
    except (OSError, ValueError, RecursionError) as error:
        log.warning("The settings in %s cannot be read (%s); starting with the defaults.", path, error)
        return Preferences()
    if not isinstance(values, dict):
        log.warning("The settings in %s are not a JSON object; starting with the defaults.", path)
        return Preferences()
    known = {each.name: _read(each.name, values[each.name]) for each in fields(Preferences) if each.name in values}
    return Preferences(**{name: value for name, value in known.items() if value is not None})


def unknown_preferences(path: Path) -> dict[str, Any]:
    """Read the values that only a newer version knows; they are saved unchanged. Never raises."""
    try:
        values = json.loads(read_file(path).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    known = {each.name for each in fields(Preferences)}
    return {key: value for key, value in values.items() if key not in known} if isinstance(values, dict) else {}


def _read(name: str, value: object) -> Any:
    """One preference, or None if the saved value is unusable."""
    default = getattr(Preferences(), name)
    if name == "sampling":
        return SamplingConfig.from_json(value)
    if name == "presets":
        items = value.items() if isinstance(value, dict) else ()
        return {key: each for key, each in list(items)[:MOST_REMEMBERED] if key and isinstance(each, dict)}
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            return None
        return tuple(value[:MOST_REMEMBERED])
    if type(value) is not type(default):
        return None
    choices = {
        "theme": tuple(CHOICES),
        "language": (SYSTEM, *LANGUAGES),
        "scale": SCALES,
        "text_size": TEXT_SIZES,
        "precision": PRECISIONS,
        "training_on_close": ON_CLOSE,
    }.get(name)
    if choices is not None:
        return value if value in choices else None
    if name == "serve_port":
        return value if isinstance(value, int) and 1024 <= value < 65536 else None
    if name in ("width", "height"):
        return value if isinstance(value, int) and 0 < value <= LARGEST_SIDE else None
    if isinstance(value, int) and not -(2**31) <= value < 2**31 and name != "looked_for_updates":
        return None  # Qt's numbers have 32 bits
    return value


class SettingsStore(QObject):
    """The preferences in use. Changes are saved a moment later, and at the end.

    Signals:
        changed: Emitted when a preference has another value.
    """

    changed = Signal()

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path = path
        self.preferences = read_preferences(path)
        self._of_others = unknown_preferences(path)
        self._save_timer = QTimer(self, singleShot=True, interval=SAVE_AFTER_MS)
        self._save_timer.timeout.connect(self.save)

    def change(self, **values) -> None:
        """Change some preferences by name."""
        changed = replace(self.preferences, **values)
        if changed != self.preferences:
            self.preferences = changed
            self._save_timer.start()
            self.changed.emit()

    @Slot()
    def save(self) -> None:
        """Write the file atomically. A failure is only logged: it must not stop the chat."""
        self._save_timer.stop()
        try:
            with replaced(self.path) as temporary:
                temporary.write_text(self.preferences.to_json(self._of_others), encoding="utf-8")
        except I3Error as error:
            log.warning("The settings could not be saved: %s", error)
