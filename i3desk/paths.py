"""Where i3desk keeps its files on this computer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True)
class Paths:
    """Files of one user. Nothing is created before something is written.

    Attributes:
        settings_file: preferences, in JSON.
        log_file: what happened.
        conversations_file: the database of conversations.
        models_folder: downloaded and converted models, a folder each. (The command line knows it too.)
        runs_folder: training runs begun in the window, a folder each.
    """

    settings_file: Path
    log_file: Path
    conversations_file: Path
    models_folder: Path
    runs_folder: Path

    @property
    def corrections_file(self) -> Path:
        """What replies should have been, as training data."""
        return self.conversations_file.with_name("corrections.jsonl")

    @property
    def training_file(self) -> Path:
        """What was chosen for the next training run."""
        return self.settings_file.with_name("training.json")

    @property
    def lessons_folder(self) -> Path:
        """The data of lessons, a folder each."""
        return self.runs_folder.with_name("lessons")

    @classmethod
    def of_user(cls) -> Paths:
        """The folders that this system provides for settings, data and logs."""
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
        """Everything below one folder, apart from the user's own files."""
        return cls(
            settings_file=folder / "settings.json",
            log_file=folder / "i3desk.log",
            conversations_file=folder / "conversations.sqlite3",
            models_folder=folder / "models",
            runs_folder=folder / "runs",
        )
