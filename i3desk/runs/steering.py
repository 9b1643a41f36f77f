"""Files that a trainer obeys: dropped into the control folder of its run."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from i3core.errors import TrainingError

OPPOSITES = {"pause": "resume", "resume": "pause"}
PROMPTS_FILE = "prompts.json"


def send(folder: Path, control: str) -> None:
    """Ask the trainer for something, in place of its opposite. Raises TrainingError if the disk refuses."""
    _write(folder, control, "")
    if control in OPPOSITES:
        (folder / "control" / OPPOSITES[control]).unlink(missing_ok=True)


def resend(folder: Path, control: str) -> None:
    """Ask once more, if the trainer has taken what was asked and may have thrown it away."""
    if (folder / "control").is_dir() and not (folder / "control" / control).exists():
        send(folder, control)


def send_prompts(folder: Path, prompts: Sequence[str]) -> None:
    """Tell the trainer its sample prompts, as a whole or not at all."""
    _write(folder, PROMPTS_FILE, json.dumps(list(prompts), ensure_ascii=False))


def _write(folder: Path, name: str, content: str) -> None:
    if not folder.is_dir():
        raise TrainingError(f"The run folder {folder} is gone.", "It was deleted or moved.")
    path = folder / "control" / name
    try:
        path.parent.mkdir(exist_ok=True)
        beside = path.with_name(f".{name}.partial")
        beside.write_text(content, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        raise TrainingError(
            f"The training could not be told: {path} cannot be written ({error.strerror or error}).",
            "Free some disk space, or see whether you may write there.",
        ) from error
