"""Where i3desk keeps its files on this computer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class Places:
    """Files of one user. Nothing is created before something is written."""

    settings_file: Path
    log_file: Path

    @classmethod
    def of_user(cls) -> Places:
        """The folders that this system provides for settings and logs."""
        config = Path(platformdirs.user_config_dir("i3desk", appauthor=False))
        logs = Path(platformdirs.user_log_dir("i3desk", appauthor=False))
        return cls(settings_file=config / "settings.json", log_file=logs / "i3desk.log")

    @classmethod
    def under(cls, folder: Path) -> Places:
        """Everything below one folder, apart from the user's own files."""
        return cls(settings_file=folder / "settings.json", log_file=folder / "i3desk.log")
