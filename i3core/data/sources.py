"""Sources of training data: the files they stand for, their weight, and a key of their content."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError
from ..net.dataset_name import DataSource, HubDataset, dataset_location, is_hub_name, split_weight
from ..system.files import open_file
from .cache import content_hash
from .readers import KNOWN_TYPES, file_type

_SPLITS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "validation": "validation",
    "valid": "validation", "val": "validation", "dev": "validation", "eval": "validation",
}  # fmt: skip


def parse_source(argument: str) -> tuple[Path | HubDataset, float]:
    """Split `PATH` or `PATH:WEIGHT`; the weight is how often each document is seen in an epoch.

    `hub:OWNER/NAME` is such a path as well. Reads nothing. Raises DataError if the weight or the name is invalid.
    """
    if not argument.strip() or argument.strip().startswith(":"):
        raise DataError("A source of data has no name.", "Is a variable empty? The current folder is named by a dot.")
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

    Of a folder these are all files of known types below it, in the order of their relative paths, but for those of
    `files_left_out`. Linked folders are read as well.

    Raises DataError if the source is missing, of an unknown type, or holds no data.
    """
    path = dataset_location(source)
    if isinstance(path, HubDataset):
        from .hub_dataset import fetch_dataset

        return [fetch_dataset(path).path]
    if path.is_dir():
        found, _ = _folder_files(path)
        if not found:
            raise DataError(f"The folder {path} holds no data files.", f"Known types: {KNOWN_TYPES}.")
        return found
    if not path.exists():
        raise DataError(f"There is no data file {path}.", "Check the name.")
    if not path.is_file():
        raise DataError(f"{path} is not a file or a folder.", "Copy the data into a file first.")
    if not file_type(path):
        raise DataError(
            f"{path}: files of type {path.suffix or 'none'!r} are not read.", f"Known types: {KNOWN_TYPES}."
        )
    return [path]


def files_left_out(source: DataSource) -> list[str]:
    """Names of the files of a folder that are no training data, with the reason, as in a cloned dataset.

    These are its card and descriptions, and its test and validation splits if it has one for training.
    """
    path = dataset_location(source)
    if isinstance(path, HubDataset) or not path.is_dir():
        return []
    return [f"the file {name} ({reason})" for name, reason in _folder_files(path)[1]]


def _folder_files(path: Path) -> tuple[list[Path], list[tuple[str, str]]]:
    found: list[Path] = []
    seen = set()  # a link may lead back to a folder above it
    for folder, folders, names in os.walk(path, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(folder, name) for name in names if not name.startswith(".") and file_type(Path(name))]
    found.sort(key=lambda file: file.relative_to(path).parts)
    splits = {file: _split(file.relative_to(path)) for file in found}
    has_records = any(file_type(file) not in (".txt", ".md", ".docx", ".pdf") for file in found)
    kept, left_out = [], []
    for file in found:
        reason = _reason_to_leave_out(file, has_records)
        if not reason and "train" in splits.values() and splits[file] not in ("", "train"):
            reason = f"the {splits[file]} split"
        if reason:
            left_out.append((file.relative_to(path).as_posix(), reason))
        else:
            kept.append(file)
    return kept, left_out


def _split(file: Path) -> str:
    """The split that a file is named after, as the hub does it: "train", "test", "validation", or ""."""
    for part in (file.name, *reversed(file.parts[:-1])):
        for word in re.split(r"[^a-z]+", part.lower()):
            if word in _SPLITS:
                return _SPLITS[word]
    return ""


def _reason_to_leave_out(file: Path, has_records: bool) -> str:
    name = file.name.lower()
    if name in ("dataset_infos.json", "dataset_info.json", "dataset_dict.json"):
        return "a description of the dataset"
    if name == "readme.md" and has_records:
        return "the card of the dataset"
    if name == "readme.md":
        try:
            with open_file(file) as content:
                return "the card of the dataset" if content.readline(100).rstrip() == b"---" else ""
        except OSError:
            return ""  # reading it reports the error
    return ""
