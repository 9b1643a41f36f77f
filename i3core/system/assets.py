"""Find the bundled model and the sample data: in a checkout, an installed package or a frozen program."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from ..errors import I3Error

log = logging.getLogger(__name__)
BUNDLED_MODEL = "i3-mini"


def root() -> Path:
    """The assets folder. Raises I3Error if the installation lacks it."""
    package = Path(__file__).resolve().parents[1]
    candidates = [package / "_assets", package.parent / "assets"]
    if unpacked := getattr(sys, "_MEIPASS", None):  # set by PyInstaller
        candidates.insert(0, Path(unpacked) / "assets")
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    raise I3Error("The assets folder is missing from this installation.", "Install i3desk again.")


def path(relative: str) -> Path:
    """Path of one asset, such as "data/first-steps.jsonl"; it need not exist."""
    return root() / relative


def sample_sets() -> list[dict[str, str]]:
    """The bundled sample sets: file, title, description and an example line of each; none if the list is damaged."""
    try:
        content = json.loads(path("data/samples.json").read_text(encoding="utf-8"))
        return [{**each, "file": str(path(f"data/{each['file']}"))} for each in content]
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("The list of sample sets cannot be read: %s", error)
        return []


def models() -> dict[str, Path]:
    """Map names to folders of the bundled models."""
    folder = root() / "models"
    return {p.name: p for p in sorted(folder.iterdir()) if (p / "config.json").is_file()} if folder.is_dir() else {}
