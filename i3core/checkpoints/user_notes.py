"""Name and note that the user gave a model, in a file beside the weights; the model's own files stay as they are."""

from __future__ import annotations

from pathlib import Path

from ..errors import I3Error
from ..system.files import read_json, write_json

NOTES_FILE = "notes.json"
LONGEST_NAME, LONGEST_NOTE = 80, 2000  # characters


def read_notes(folder: Path) -> tuple[str, str]:
    """Name and note of the model in `folder`; "" if there is none. Never raises."""
    try:
        content = read_json(folder / NOTES_FILE)
    except (I3Error, OSError):
        return "", ""
    if not isinstance(content, dict):
        return "", ""
    name, note = content.get("name"), content.get("note")
    return name[:LONGEST_NAME] if isinstance(name, str) else "", note[:LONGEST_NOTE] if isinstance(note, str) else ""


def write_notes(folder: str | Path, name: str | None = None, note: str | None = None) -> None:
    """Change name or note; None keeps it, "" removes it. Raises I3Error if the disk refuses."""
    before = read_notes(Path(folder))
    name = before[0] if name is None else " ".join(name.split())[:LONGEST_NAME]
    note = before[1] if note is None else note.strip()[:LONGEST_NOTE]
    write_json(Path(folder) / NOTES_FILE, {"name": name, "note": note}, make_folder=False)
