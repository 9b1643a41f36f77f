"""Sources of training data: the files they stand for, their weight, and a key of their content."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..net.dataset_name import DataSource, HubDataset, dataset_location, is_hub_name, split_weight
from .cache import content_hash
from .readers import KNOWN_TYPES, file_type


def parse_source(argument: str) -> tuple[Path | HubDataset, float]:
    """Split `PATH` or `PATH:WEIGHT`; the weight is how often each document is seen in an epoch.

    `hub:OWNER/NAME` is such a path as well. Reads nothing. Raises DataError if the weight or the name is invalid.
    """
    if is_hub_name(argument):
        data, weight = split_weight(argument)
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


def source_key(sources: Sequence[DataSource], settings: Any) -> str:
    """Cache key of `settings` and the content (not the names) of all files."""
    content = [[file.suffixes[-2:], content_hash(file)] for source in sources for file in data_files(source)]
    return hashlib.sha256(json.dumps([settings, content]).encode()).hexdigest()[:32]


def source_state(sources: Sequence[DataSource]) -> list[tuple[int, int]]:
    """Size and modification time of all files, to notice changes while reading."""
    states = [file.stat() for source in sources for file in data_files(source)]
    return [(state.st_size, state.st_mtime_ns) for state in states]


def data_files(source: DataSource) -> list[Path]:
    """The files of a source: the file itself, the files of a folder, or the local file of a dataset of the hub.

    Of a folder these are all files of known types below it, in the order of their relative paths.

    Raises DataError if the source is missing, of an unknown type, or holds no data.
    """
    path = dataset_location(source)
    if isinstance(path, HubDataset):
        from .hub_dataset import fetch_dataset

        return [fetch_dataset(path).path]
    if path.is_dir():
        found = []
        for folder, folders, names in os.walk(path):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found += [Path(folder, name) for name in names if not name.startswith(".") and file_type(Path(name))]
        if not found:
            raise DataError(f"The folder {path} holds no data files.", f"Known types: {KNOWN_TYPES}.")
        return sorted(found, key=lambda file: file.relative_to(path).parts)
    if not path.exists():
        raise DataError(f"There is no data file {path}.", "Check the name.")
    if not path.is_file():
        raise DataError(f"{path} is not a file or a folder.", "Copy the data into a file first.")
    if not file_type(path):
        raise DataError(
            f"{path}: files of type {path.suffix or 'none'!r} are not read.", f"Known types: {KNOWN_TYPES}."
        )
    return [path]
