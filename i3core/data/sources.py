from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..net.dataset_name import HubData, dataset_location, is_hub_name, weighted
from .cache import content_hash
from .readers import _kind, _known_types


def parse_source(argument: str) -> tuple[Path | HubData, float]:
    """Splits `PATH` or `PATH:WEIGHT`; the weight is how often each document is seen in an epoch.

    `hub:OWNER/NAME` is such a path as well. Reads nothing. Raises DataError for a weight or name that cannot be one.
    """
    if is_hub_name(argument):
        data, weight = weighted(argument)
        return data, _checked_weight(1.0 if weight is None else weight, argument)
    head, colon, tail = argument.rpartition(":")
    if colon and not Path(argument).exists():
        try:
            weight = float(tail)
        except ValueError:
            return Path(argument), 1.0
        return Path(head), _checked_weight(weight, argument)
    return Path(argument), 1.0


def _checked_weight(weight: float, argument: str) -> float:
    if not 0 < weight <= 1000:
        raise DataError(f"The weight in {argument!r} must be above 0 and at most 1000.")
    return weight


def source_key(paths: Sequence[str | Path], settings: Any) -> str:
    """A name for these settings and the content (not the names) of all files of `paths`."""
    content = [[file.suffixes[-2:], content_hash(file)] for path in paths for file in data_files(path)]
    return hashlib.sha256(json.dumps([settings, content]).encode()).hexdigest()[:32]


def source_state(paths: Sequence[str | Path]) -> list[tuple[int, int]]:
    """Size and time of all files: different afterwards if a source was changed while it was read."""
    states = [file.stat() for path in paths for file in data_files(path)]
    return [(state.st_size, state.st_mtime_ns) for state in states]


def data_files(path: str | Path | HubData) -> list[Path]:
    """The file itself, all files of known types below a folder in the order of their relative paths, or the local file
    of a data set of the hub. Raises DataError for what is missing, of an unknown type, or holds no data.
    """
    path = dataset_location(path)
    if isinstance(path, HubData):
        from .hub_dataset import fetch

        return [fetch(path).path]
    if path.is_dir():
        found = []
        for folder, folders, names in os.walk(path):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found += [Path(folder, name) for name in names if not name.startswith(".") and _kind(Path(name))[0]]
        if not found:
            raise DataError(f"The folder {path} holds no data files.", f"Known types: {_known_types()}.")
        return sorted(found, key=lambda file: file.relative_to(path).parts)
    if not path.exists():
        raise DataError(f"There is no data file {path}.", "Check the name.")
    if not path.is_file():
        raise DataError(f"{path} is not a file or a folder.", "Copy the data into a file first.")
    if not _kind(path)[0]:
        raise DataError(
            f"{path}: files of type {path.suffix or 'none'!r} are not read.", f"Known types: {_known_types()}."
        )
    return [path]
