"""Names that the user gives to models and data: they become names of folders."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import ConfigError

LONGEST = 100  # bytes
_NO_FILE_NAME = frozenset('/\\:*?"<>|')  # on some systems
_DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)),
}  # of Windows


def check_folder_name(name: str, what: str, taken: Iterable[str] = ()) -> str:
    """Check that `name` can be the name of a new folder, on any system, and return it.

    Args:
        what: what the folder holds, such as "model".
        taken: names that exist; those that differ only in case count as equal.

    Raises ConfigError with the remedy.
    """
    if not name.strip():
        raise ConfigError("The name is empty.", f"Give the {what} a name, such as pirate.")
    wrong = sorted({letter for letter in name if letter in _NO_FILE_NAME or not letter.isprintable()})
    if wrong:
        raise ConfigError(f"{name!r} cannot be the name of a folder.", f"Leave out {' '.join(map(repr, wrong))}.")
    if name != name.strip() or name.startswith((".", "-")) or name.endswith("."):
        raise ConfigError(f"{name!r} cannot be the name of a {what}.", "Start and end it with a letter.")
    if name.split(".")[0].lower() in _DEVICES:
        raise ConfigError(f"{name!r} has a special meaning on some systems.", "Choose another name.")
    if len(name.encode()) > LONGEST:
        raise ConfigError("The name is too long.", f"Use at most {LONGEST} letters.")
    same = next((each for each in sorted(taken) if each.lower() == name.lower()), None)
    if same is not None:
        raise ConfigError(f"There is a {what} {same!r} already.", f"Choose another name, or delete that {what} first.")
    return name
