"""Checksums of a model folder in its checksums.json: the origin of its files, and whether they have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import CheckpointError, I3Error
from ..system.files import open_file, read_json, write_json
from .state_dict import AGAIN

FILE = "checksums.json"


@dataclass(frozen=True)
class Checksums:
    """Content of checksums.json.

    Attributes:
        files: name -> (SHA-256, size in bytes).
        source: the repository that the files were downloaded from, or "".
        revision: its commit, or "".
    """

    files: dict[str, tuple[str, int]]
    source: str = ""
    revision: str = ""


def write_checksums(folder: Path, source: str = "", revision: str = "") -> Checksums:
    """Write the checksums of every file in `folder`."""
    paths = sorted(p for p in folder.iterdir() if p.is_file() and p.name != FILE and not p.name.startswith("."))
    sums = Checksums({path.name: (sha256(path), path.stat().st_size) for path in paths}, source, revision)
    content: dict[str, Any] = {"source": source, "revision": revision} if source else {}
    content["files"] = {name: {"sha256": value, "bytes": size} for name, (value, size) in sums.files.items()}
    write_json(folder / FILE, content)
    return sums


def read_checksums(folder: Path) -> Checksums | None:
    """Read checksums.json; None if there is none. Raises CheckpointError if it is damaged."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        content = read_json(path)
        files = {str(name): (str(entry["sha256"]), int(entry["bytes"])) for name, entry in content["files"].items()}
        return Checksums(files, str(content.get("source") or ""), str(content.get("revision") or ""))
    except (I3Error, KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise CheckpointError(f"{path} is damaged.", AGAIN) from error


def check_files(folder: Path, sums: Checksums, progress: Callable[[int], None] = lambda count: None) -> None:
    """Compare every file with its checksum; raise CheckpointError naming those that differ.

    Args:
        progress: receives the number of bytes read since the last call.
    """
    missing, changed = [], []
    for name, (expected, size) in sums.files.items():
        path = folder / name
        if not path.is_file():
            missing.append(name)
        elif path.stat().st_size != size or sha256(path, progress) != expected:
            changed.append(name)
    if missing or changed:
        parts = [f"{', '.join(missing)} missing"] if missing else []
        parts += [f"{', '.join(changed)} changed since its checksum was taken"] if changed else []
        raise CheckpointError(f"{folder} is not as it was: {'; '.join(parts)}.", AGAIN)


def sha256(path: Path, progress: Callable[[int], None] = lambda count: None) -> str:
    """Hexadecimal SHA-256 of a file."""
    return _digest(path, hashlib.sha256(), progress)


def git_blob_sha1(content: Path | bytes) -> str:
    """Name that git gives to the content of a file, or to bytes."""
    if isinstance(content, bytes):
        return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    path = content
    start = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    return _digest(path, start, lambda count: None)


def _digest(path: Path, digest: Any, progress: Callable[[int], None]) -> str:
    try:
        with open_file(path) as source:
            while block := source.read(1 << 20):
                digest.update(block)
                progress(len(block))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()
