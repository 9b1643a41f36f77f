"""Send commands to a trainer as files in the control folder of its run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from i3core.errors import TrainingError
from i3core.system.disk_space import write_remedy
from i3desk.language import tr

OPPOSITES = {"pause": "resume", "resume": "pause"}
PROMPTS_FILE = "prompts.json"


def send(folder: Path, command: str) -> None:
    """Send a command, and withdraw its opposite. Raises TrainingError if the file cannot be written."""
    _write(folder, command, "")
    if command in OPPOSITES:
        (folder / "control" / OPPOSITES[command]).unlink(missing_ok=True)


def resend(folder: Path, command: str) -> None:
    """Send a command again if the trainer has taken the file, because it may have discarded it."""
    if (folder / "control").is_dir() and not (folder / "control" / command).exists():
        send(folder, command)


def send_prompts(folder: Path, prompts: Sequence[str]) -> None:
    """Replace the sample prompts of the trainer, completely or not at all."""
    _write(folder, PROMPTS_FILE, json.dumps(list(prompts), ensure_ascii=False))


def _write(folder: Path, name: str, content: str) -> None:
    if not folder.is_dir():
        raise TrainingError(
            tr("The run folder {folder} is gone.").format(folder=folder), tr("It was deleted or moved.")
        )
    path = folder / "control" / name
    try:
        path.parent.mkdir(exist_ok=True)
        beside = path.with_name(f".{name}.partial")
        beside.write_text(content, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise TrainingError(
            tr("The command could not be sent: {path} cannot be written ({strerror}).").format(
                path=path, strerror=error.strerror or error
            ),
            write_remedy(error),
        ) from error
