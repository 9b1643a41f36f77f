"""Data sets of the hub as files on this computer: streamed once, then read from there like any other file.

A folder in the cache for each part of a data set that was asked for:

    records.jsonl        its records, those fields of them by which records are known
    about.json           where they come from: repository, commit, split and so on, and how many there are

and until it is complete records.part and progress.json in their place, from which the next attempt goes on. Once it is
there it is used without a look at the network, so that data stays the same; who wants the newest deletes the folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError, I3Error
from ..net import http as transfer
from ..net.dataset_name import HubDataset, dataset_location
from ..net.http import DownloadError
from ..net.hub_client import ask
from ..net.hub_errors import answers_explained
from ..system.files import read_json
from .cache import cache_folder
from .hub_writer import RecordWriter, check_room, disk_explained, kept_words

CharacterProgress = Callable[[int], None]  # how many more characters came
TOLD_CHARACTERS = 1 << 16


@dataclass(frozen=True)
class LocalDataset:
    """A complete part of a data set.

    Attributes:
        path: the file of records.
        revision: the commit that they come from.
        records: how many there are; left_out: those without any text.
    """

    data: HubDataset
    path: Path
    revision: str
    records: int
    left_out: int

    @property
    def pinned(self) -> HubDataset:
        """The name with the commit in it: the same records wherever and whenever it is used."""
        return dataclasses.replace(self.data, revision=self.revision)

    def describe(self) -> dict[str, Any]:
        """What run.json says of it; `file` is its name, as the place of the local file means nothing elsewhere."""
        data = self.pinned
        said = {"file": str(data), "repo": data.repo, "revision": data.revision, "split": data.split}
        said |= {key: value for key in ("config", "first", "column") if (value := getattr(data, key))}
        return said | {"records": self.records}


def datasets_folder() -> Path:
    return cache_folder() / "data-sets"


def fetch_dataset(data: HubDataset, progress: CharacterProgress | None = None) -> LocalDataset:
    """The records of a data set, from the hub unless they are on this computer already.

    Raises:
        DataError: the extra is missing, there is no such split, nothing can be read, or the disk refuses.
        DownloadError: no network, no such repository, no access.
    """
    kept = find(data)
    if kept is not None:
        return kept
    from .hub_stream import library

    library()  # before anything is asked: it may be missing
    with answers_explained(data.repo, data.revision, lambda: "", data_set=True):
        repo, commit = _resolve(data)
    folder = datasets_folder() / _folder_name(data, commit)
    with _locked(folder):
        made = _read(folder, data)
        if made is None:
            with answers_explained(data.repo, data.revision, lambda: kept_words(folder), data_set=True):
                made = _stream_to(folder, data, repo, commit, progress or (lambda characters: None))
    return made


def find(data: HubDataset) -> LocalDataset | None:
    """What is on this computer already of exactly this; the last that was fetched, if no commit is named."""
    found = []
    for about in datasets_folder().glob("*/about.json"):
        local = _read(about.parent, data)
        if local is not None:
            found.append((about.stat().st_mtime, local))
    return max(found, key=lambda entry: entry[0])[1] if found else None


def fetch_datasets(sources: Iterable[str | Path | HubDataset], progress: CharacterProgress | None = None) -> None:
    """Fetches those of the sources that are of the hub."""
    for source in sources:
        place = dataset_location(source)
        if isinstance(place, HubDataset):
            fetch_dataset(place, progress)


def _folder_name(data: HubDataset, commit: str) -> str:
    """Names no other part of any data set has; the beginning is for people."""
    content = json.dumps([dataclasses.astuple(data)[:-1], commit])
    plain = re.sub(r"[^\w.-]+", "-", f"{data.repo}-{data.config}-{data.split}".replace("--", "-"))
    return f"{plain[:80]}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _read(folder: Path, data: HubDataset) -> LocalDataset | None:
    """The complete data in `folder`, if it is what `data` names."""
    try:
        about, path = read_json(folder / "about.json"), folder / "records.jsonl"
        asked, revision = HubDataset(**about["asked"]), about["revision"]
        if path.stat().st_size != about["bytes"]:
            return None
        same = dataclasses.replace(asked, revision=data.revision) == data
        if not same or data.revision not in (asked.revision, revision):
            return None
        return LocalDataset(data, path, str(revision), int(about["records"]), int(about["left_out"]))
    except (I3Error, OSError, KeyError, TypeError, ValueError):  # not complete, or damaged
        return None


def _resolve(data: HubDataset) -> tuple[str, str]:
    """The repository's present name, and the commit that the revision stands for."""
    from huggingface_hub import constants

    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    info = ask(lambda api: api.dataset_info(data.repo, revision=data.revision or None, timeout=timeout), data.repo)
    if not info.sha:
        raise DownloadError(f"{data.repo} has nothing in it.", "Name another data set.")
    return info.id, info.sha


# --------------------------------------------------------------------------------------------------------- streaming


def _stream_to(folder: Path, data: HubDataset, repo: str, commit: str, progress: CharacterProgress) -> LocalDataset:
    """Streams all records into `folder`; after a failure of the network, on from where it was."""
    with disk_explained(folder, data), RecordWriter(folder) as writer:
        failures, before = 0, writer.records
        while True:
            try:
                _copy(writer, data, repo, commit, progress)
                break
            except Exception as error:
                if not _is_passing(error):
                    raise
                writer.go_back()
                failures = 0 if writer.records > before else failures + 1
                before = writer.records
                if failures > len(transfer.WAITS_S):
                    raise
                time.sleep(transfer.WAITS_S[max(0, failures - 1)])
        if not writer.records:
            raise DataError(f"{data} holds no text.", "Name another split, or a column of text with ,column=NAME.")
        content = {"asked": dataclasses.asdict(data), "repo": repo, "revision": commit, "records": writer.records}
        writer.finish({**content, "left_out": writer.left_out, "bytes": writer.bytes, "fetched": time.time()})
    return LocalDataset(data, folder / "records.jsonl", commit, writer.records, writer.left_out)


def _copy(writer: RecordWriter, data: HubDataset, repo: str, commit: str, progress: CharacterProgress) -> None:
    """Adds what is still missing, and keeps the place now and then."""
    if data.first and writer.records >= data.first:
        return
    from .hub_stream import RecordStream

    stream = RecordStream(data, repo, commit)
    if writer.state is not None:
        stream.go_on(writer.state)
    if not data.first:
        check_room(writer.folder, data, stream.expected_bytes - writer.bytes)
    came, records = 0, iter(stream)
    try:
        for record in records:
            came += writer.add(record)
            if data.first and writer.records >= data.first:
                break
            if writer.is_due:
                writer.keep(stream.state())
            if came >= TOLD_CHARACTERS:
                try:
                    progress(came)
                except KeyboardInterrupt:  # the run is to end
                    writer.keep(stream.state())
                    raise
                came = 0
    finally:
        records.close()
    progress(came)


def _is_passing(error: Exception) -> bool:
    """Whether another attempt may succeed: the network failed, or the hub is busy."""
    from huggingface_hub.errors import HTTPError, OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return False
    if isinstance(error, HTTPError):
        return transfer.is_passing(error)
    return isinstance(error, (ConnectionError, TimeoutError)) and not isinstance(error, BrokenPipeError)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time fetches a data set; others wait for it, and find it complete."""
    from huggingface_hub.utils import WeakFileLock

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"The cache {folder.parent} cannot be made: {error.strerror or error}.",
            "Name another folder in I3DESK_CACHE.",
        ) from error
    with WeakFileLock(folder.parent / f".{folder.name}.lock"):
        yield
