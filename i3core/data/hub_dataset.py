"""Datasets of the hub as local files: streamed once, then read like any other file.

The cache has a folder for each part of a dataset that was requested:

    records.jsonl        its records, reduced to the known fields
    about.json           where they come from: repository, commit, split and so on, and how many there are

Until it is complete, records.part and progress.json are in their place, and the next attempt resumes from them. A
complete part is used without the network, so that data stays the same; delete the folder to get the newest.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError, I3Error
from ..net import http
from ..net.dataset_name import DataSource, HubDataset, dataset_location
from ..net.hub_client import query_hub
from ..net.hub_errors import hub_errors_explained
from ..system.disk_space import check_disk_space
from ..system.files import read_json
from .cache import cache_folder
from .hub_writer import SPARE_BYTES, RecordWriter, disk_errors_explained, resume_hint
from .records import CharacterProgress

PROGRESS_CHARACTERS = 1 << 16  # between two calls of `progress`


@dataclass(frozen=True)
class LocalDataset:
    """A complete part of a dataset on this computer.

    Attributes:
        path: the file of records.
        revision: the commit that they come from.
        records: number of records.
        left_out: number of records without text, which were left out.
        unused: columns that were not read.
    """

    data: HubDataset
    path: Path
    revision: str
    records: int
    left_out: int
    unused: tuple[str, ...] = ()

    @property
    def pinned(self) -> HubDataset:
        """The name with the commit: it stands for the same records everywhere and always."""
        return dataclasses.replace(self.data, revision=self.revision)

    def describe(self) -> dict[str, Any]:
        """Its description in run.json; `file` is its name, as the local path means nothing elsewhere."""
        data = self.pinned
        described = {"file": str(data), "repo": data.repo, "revision": data.revision, "split": data.split}
        described |= {key: value for key in ("config", "first", "column") if (value := getattr(data, key))}
        return described | {"records": self.records}


def datasets_folder() -> Path:
    return cache_folder() / "data-sets"


def fetch_dataset(data: HubDataset, progress: CharacterProgress | None = None) -> LocalDataset:
    """Get the records of a dataset, from the hub unless they are local.

    Raises:
        DataError: the extra is missing, there is no such split, nothing can be read, or the disk refuses.
        DownloadError: no network, no such repository, no access.
    """
    local = find_local(data)
    if local is not None:
        return local
    from .hub_stream import load_datasets

    load_datasets()  # before the first request, as it may be missing
    with hub_errors_explained(data.repo, data.revision, lambda: "", is_dataset=True):
        repo, commit = _resolve(data)
    folder = datasets_folder() / _folder_name(data, commit)
    with _locked(folder):
        local = _read(folder, data)
        if local is None:
            with hub_errors_explained(data.repo, data.revision, lambda: resume_hint(folder), is_dataset=True):
                local = _stream_to(folder, data, repo, commit, progress or (lambda characters: None))
    return local


def find_local(data: HubDataset) -> LocalDataset | None:
    """Find exactly this part on this computer; if no commit is named, the one fetched last."""
    found = []
    for about in datasets_folder().glob("*/about.json"):
        local = _read(about.parent, data)
        if local is not None:
            found.append((about.stat().st_mtime, local))
    return max(found, key=lambda entry: entry[0])[1] if found else None


def fetch_datasets(sources: Iterable[DataSource], progress: CharacterProgress | None = None) -> None:
    """Fetch the sources that are on the hub."""
    for source in sources:
        location = dataset_location(source)
        if isinstance(location, HubDataset):
            fetch_dataset(location, progress)


def _folder_name(data: HubDataset, commit: str) -> str:
    """A unique folder name that starts with a readable one."""
    content = json.dumps([[data.repo, data.config, data.split, data.first, data.column, *data.fields], commit])
    plain = re.sub(r"[^\w.-]+", "-", f"{data.repo}-{data.config}-{data.split}".replace("--", "-"))
    return f"{plain[:80]}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def _read(folder: Path, data: HubDataset) -> LocalDataset | None:
    """Read the complete dataset in `folder` if `data` names it."""
    try:
        about, path = read_json(folder / "about.json"), folder / "records.jsonl"
        asked, revision = about["asked"], about["revision"]
        requested = HubDataset(**{**asked, "fields": tuple(asked.get("fields", ()))})
        if path.stat().st_size != about["bytes"]:
            return None
        is_same = dataclasses.replace(requested, revision=data.revision) == data
        if not is_same or data.revision not in (requested.revision, revision):
            return None
        unused = tuple(map(str, about.get("unused", ())))
        return LocalDataset(data, path, str(revision), int(about["records"]), int(about["left_out"]), unused)
    except (I3Error, OSError, KeyError, TypeError, ValueError, OverflowError):  # not complete, or damaged
        return None


def _resolve(data: HubDataset) -> tuple[str, str]:
    """The repository's current name, and the commit that the revision stands for."""
    from huggingface_hub import constants

    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    info = query_hub(
        lambda api: api.dataset_info(data.repo, revision=data.revision or None, timeout=timeout), data.repo
    )
    if not info.sha:
        raise http.DownloadError(f"{data.repo} is empty.", "Name another dataset.")
    return info.id, info.sha


# --------------------------------------------------------------------------------------------------------- streaming


def _stream_to(folder: Path, data: HubDataset, repo: str, commit: str, progress: CharacterProgress) -> LocalDataset:
    """Stream all records into `folder`, resuming after failures of the network."""
    with disk_errors_explained(folder, data), RecordWriter(folder) as writer:
        failures, before = 0, writer.records
        while True:
            try:
                _copy(writer, data, repo, commit, progress)
                break
            except Exception as error:
                if not _is_transient(error):
                    raise
                writer.roll_back()
                failures = 0 if writer.records > before else failures + 1
                before = writer.records
                if failures > len(http.RETRY_WAITS_S):
                    raise
                time.sleep(http.RETRY_WAITS_S[max(0, failures - 1)])
        if not writer.records:
            raise DataError(f"{data} holds no text.", "Name another split, or a column of text with ,column=NAME.")
        content = {"asked": dataclasses.asdict(data), "repo": repo, "revision": commit, "records": writer.records}
        content |= {"left_out": writer.left_out, "unused": writer.unused}
        writer.finish({**content, "bytes": writer.bytes, "fetched": time.time()})
    return LocalDataset(data, folder / "records.jsonl", commit, writer.records, writer.left_out, writer.unused)


def _copy(writer: RecordWriter, data: HubDataset, repo: str, commit: str, progress: CharacterProgress) -> None:
    """Add the records that are still missing, saving progress from time to time."""
    if data.first and writer.records >= data.first:
        return
    from .hub_stream import RecordStream

    stream = RecordStream(data, repo, commit)
    if writer.state is not None:
        stream.resume(writer.state)
    missing = stream.expected_bytes - writer.bytes
    if not data.first and missing > 0:
        check_disk_space(writer.folder, missing, SPARE_BYTES)
    unreported, records = 0, iter(stream)
    try:
        for record in records:
            unreported += writer.add(record)
            if data.first and writer.records >= data.first:
                break
            if writer.is_save_due:
                writer.save_progress(stream.state())
            if unreported >= PROGRESS_CHARACTERS:
                try:
                    progress(unreported)
                except KeyboardInterrupt:  # the run ends
                    writer.save_progress(stream.state())
                    raise
                unreported = 0
    finally:
        records.close()
        writer.unused = stream.unused
    progress(unreported)


def _is_transient(error: Exception) -> bool:
    """Whether another attempt may succeed: the network failed, or the hub is busy."""
    from huggingface_hub.errors import OfflineModeIsEnabled
    from huggingface_hub.utils import httpx

    if isinstance(error, OfflineModeIsEnabled):
        return False
    if isinstance(error, httpx.HTTPError):
        return http.is_transient(error)
    return isinstance(error, (ConnectionError, TimeoutError)) and not isinstance(error, BrokenPipeError)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time fetch a dataset; others wait, and find it complete."""
    from huggingface_hub.utils import WeakFileLock

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"The cache {folder.parent} cannot be created: {error.strerror or error}.",
            "Name another folder in I3DESK_CACHE.",
        ) from error
    with WeakFileLock(folder.parent / f".{folder.name}.lock"):
        yield
