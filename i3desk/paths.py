"""Where i3desk keeps its files on this computer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class Paths:
    """Files of one user. None is created before something is written to it.

    Attributes:
        settings_file: preferences, in JSON.
        log_file: warnings and errors.
        conversations_file: the database of conversations.
        models_folder: downloaded and converted models, a folder each; the command line uses it too.
        runs_folder: training runs started in the window, a folder each.
    """

    settings_file: Path
    log_file: Path
    conversations_file: Path
    models_folder: Path
    runs_folder: Path

    @property
    def corrections_file(self) -> Path:
        """Corrected replies, as training data."""
        return self.conversations_file.with_name("corrections.jsonl")

    @property
    def sets_folder(self) -> Path:
        """Training data made in the window, a folder each."""
        return self.conversations_file.with_name("sets")

    @property
    def lock_file(self) -> Path:
        """The lock of the running i3desk."""
        return self.conversations_file.with_name("i3desk.lock")

    @property
    def training_file(self) -> Path:
        """The settings of the next training run."""
        return self.settings_file.with_name("training.json")

    @property
    def lessons_folder(self) -> Path:
        """Data of lessons, a folder each."""
        return self.runs_folder.with_name("lessons")

    @classmethod
    def of_user(cls) -> Paths:
        """The system's folders for settings, data and logs."""
        config = Path(platformdirs.user_config_dir("i3desk", appauthor=False))
        logs = Path(platformdirs.user_log_dir("i3desk", appauthor=False))
        data = Path(platformdirs.user_data_dir("i3desk", appauthor=False))
        return cls(
            settings_file=config / "settings.json",
            log_file=logs / "i3desk.log",
            conversations_file=data / "conversations.sqlite3",
            models_folder=data / "models",
            runs_folder=data / "runs",
        )

    @classmethod
    def under(cls, folder: Path) -> Paths:
        """All files below one folder, apart from the user's own."""
        return cls(
            settings_file=folder / "settings.json",
            log_file=folder / "i3desk.log",
            conversations_file=folder / "conversations.sqlite3",
            models_folder=folder / "models",
            runs_folder=folder / "runs",
        )
