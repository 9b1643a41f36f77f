"""Download models of the Hugging Face hub by name: resumed after interruptions, verified, put in place as a whole.

Uses the endpoint (HF_ENDPOINT), session and token of `huggingface_hub`, but not its `snapshot_download`, which neither
resumes after its process ended nor verifies what it received (see net/http.py). Files come over plain HTTP from the
hub's own addresses, so hf_xet is not involved.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checkpoints.checksums import git_blob_sha1, read_checksums, sha256, write_checksums
from ..checkpoints.model_info import inspect
from ..checkpoints.registry import DOWNLOAD_FILE, PARTIAL, SUGGESTED, models_folder
from ..checkpoints.weights import (
    INDEX_FILES,
    LARGEST_CONFIG,
    TOKENIZER_FILES,
    WEIGHT_FILES,
    iteration,
    tokenizer_path,
)
from ..errors import CheckpointError, I3Error
from ..net.auth import find_token
from ..net.http import Cancelled, DownloadError, TransferMeter, download_file
from ..net.hub_client import query_hub
from ..net.hub_errors import endpoint, hub_errors_explained
from ..system.disk_space import DiskFullError, check_disk_space
from ..system.files import read_json, write_json
from ..system.humanize import size_text
from ..text.tokenizers import read_tokenizer
from ..version import __version__

if TYPE_CHECKING:
    from huggingface_hub import HfApi

KEPT = "What was downloaded is kept: the same download continues where it stopped."
PROGRESS_EVERY_S = 0.25
LOCK_WAIT_S = 3.0  # for a process that is about to end and still holds the lock
_SPARE_BYTES = 1_000_000  # that must stay free on the disk
_ABOUT_FILES = ("README.md", "LICENSE", "LICENSE.md", "LICENSE.txt")


@dataclass(frozen=True)
class DownloadProgress:
    """How far a download is.

    Attributes:
        file: name of the file being received.
        done_bytes, total_bytes: of all files.
        bytes_per_second: over the last seconds.
        seconds_left: None as long as nothing is received.
    """

    file: str
    done_bytes: int
    total_bytes: int
    bytes_per_second: float
    seconds_left: float | None


@dataclass(frozen=True)
class HubFile:
    """A file of a repository. One of the hashes is known: SHA-256 of large files, git's SHA-1 of small ones."""

    name: str
    size: int
    sha256: str | None
    blob_sha1: str | None

    def is_intact(self, path: Path) -> bool:
        if path.stat().st_size != self.size:
            return False
        return sha256(path) == self.sha256 if self.sha256 else git_blob_sha1(path) == self.blob_sha1

    def part(self, folder: Path) -> Path:
        """Partial file; its name includes the hash, as `main` may change between attempts."""
        return folder / f"{self.name}.{(self.sha256 or self.blob_sha1 or '')[:16]}.part"


def resolve(name: str) -> str:
    """Resolve a name to a repository: a suggested model, AUTHOR/NAME, or its address on the hub."""
    plain = name.strip().removeprefix("https://").removeprefix("huggingface.co/").strip("/")
    if plain.lower() in SUGGESTED:
        return SUGGESTED[plain.lower()]
    if plain.count("/") != 1 or not all(plain.split("/")):
        raise DownloadError(
            f"{name!r} is not the name of a model on the hub.",
            f"Give AUTHOR/NAME, or one of: {', '.join(SUGGESTED)}.",
        )
    return plain


def download(
    name: str,
    to: str | Path | None = None,
    revision: str = "main",
    progress: Callable[[DownloadProgress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
    replace: bool = False,
) -> Path | None:
    """Download a model into the folder of models `to` (default: the user's) and return its own folder there.

    Until it is complete and verified, it is in NAME.partial. If this function or its process ends before that, the next
    call continues from there.

    Args:
        name: see `resolve`.
        revision: a branch, tag or commit.
        progress: called at most four times a second, and at the end.
        cancelled: called between pieces; once it returns True, the result is None.
        replace: whether to discard an unfinished download of another model of this name.

    Raises:
        DownloadError: no network, no such repository, no access, no room on the disk, damaged bytes.
        CheckpointError: it is not an i3 model, or another model is in its folder.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # else the library reports what else is installed
    repo = resolve(name)
    models = Path(to).expanduser() if to is not None else models_folder()
    folder = models / repo.split("/")[1]
    partial = folder.with_name(folder.name + PARTIAL)
    try:
        with _errors_explained(repo, revision, partial), _locked(models, folder.name):
            requested = repo
            repo, commit, listed = _list_files(repo, revision, cancelled)
            if folder.exists():
                return _existing_model(folder, repo, commit)
            files = choose_files(repo, listed)
            if not replace:
                _check_unfinished(partial, repo, requested)
            _download_files(repo, revision, commit, files, partial, progress, cancelled)
            _complete(partial, repo, commit)
            partial.rename(folder)
    except Cancelled:
        return None
    return folder


def choose_files(repo: str, files: dict[str, HubFile]) -> list[HubFile]:
    """Choose the files that an i3 model needs, small ones first; weights as safetensors if possible, else as a pickle.

    Raises CheckpointError if something is missing.
    """
    weights = _choose_weights(files)
    vocabulary = next((files[name] for name in TOKENIZER_FILES if name in files), None)
    if not weights or vocabulary is None:
        lacks = "vocabulary" if weights else f"weights ({', '.join(WEIGHT_FILES)})"
        raise CheckpointError(f"{repo} is not an i3 model: it has no {lacks}.", "Name another repository.")
    public = vocabulary.name == "chunk_vocab_combined.json" or iteration(weights[0].name) is not None
    if "config.json" not in files and not public:
        raise CheckpointError(f"{repo} is not an i3 model: it has no config.json.", "Name another repository.")
    if "config.json" in files and files["config.json"].size > LARGEST_CONFIG:
        raise CheckpointError(
            f"{repo} is not an i3 model: its config.json has {files['config.json'].size:,} bytes.", "Name another one."
        )
    others = [files[name] for name in ("config.json", *_ABOUT_FILES) if name in files]
    return [*others, vocabulary, *weights]


def _choose_weights(files: dict[str, HubFile]) -> list[HubFile]:
    """The file of weights, or an index and the parts that its name stands for; [] if there are none."""
    for name in WEIGHT_FILES:
        if name in files:
            return [files[name]]
    for index in INDEX_FILES:
        stem, suffix = index.removesuffix(".index.json").split(".")
        parts = [files[name] for name in sorted(files) if re.fullmatch(rf"{stem}-\d+-of-\d+\.{suffix}", name)]
        if index in files and parts:
            return [files[index], *parts]
    steps = {step: file for file in files.values() if (step := iteration(file.name)) is not None}
    return [steps[max(steps)]] if steps else []


def _list_files(repo: str, revision: str, cancelled: Callable[[], bool]) -> tuple[str, str, dict[str, HubFile]]:
    """The repository's current name, the commit, and its files by name."""
    from huggingface_hub import constants

    def listing(api: HfApi) -> tuple[str, str, dict[str, HubFile]]:
        info = api.model_info(repo, revision=revision, files_metadata=True, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)
        files = [_hub_file(entry) for entry in info.siblings or () if entry.lfs or entry.blob_id]
        return info.id, info.sha or revision, {file.name: file for file in files}

    return query_hub(listing, repo, cancelled)


def _hub_file(entry: Any) -> HubFile:
    lfs = entry.lfs
    return HubFile(entry.rfilename, int(lfs.size if lfs else entry.size), lfs.sha256 if lfs else None, entry.blob_id)


def _existing_model(folder: Path, repo: str, commit: str) -> Path:
    """Return `folder` if exactly this model is in it, else raise CheckpointError."""
    sums = read_checksums(folder)
    if sums is not None and (sums.source, sums.revision) == (repo, commit):
        return folder
    what = "another version of this model" if sums is not None and sums.source == repo else "another model"
    raise CheckpointError(f"{folder} holds {what}.", "Delete or rename it first, or download to another folder.")


def _download_files(
    repo: str,
    revision: str,
    commit: str,
    files: list[HubFile],
    partial: Path,
    progress: Callable[[DownloadProgress], None],
    cancelled: Callable[[], bool],
) -> None:
    """Download all files into `partial` and verify each."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    headers = build_hf_headers(token=find_token(), library_name="i3desk", library_version=__version__)
    total = sum(file.size for file in files)
    partial.mkdir(parents=True, exist_ok=True)
    done = _remove_others(partial, files)
    check_disk_space(partial, total - done, _SPARE_BYTES)
    write_json(partial / DOWNLOAD_FILE, {"repo": repo, "revision": revision, "total_bytes": total})
    meter = TransferMeter(done, total)
    last_report = 0.0

    def report(file: HubFile, at_most_every_s: float) -> None:
        nonlocal last_report
        if time.monotonic() - last_report >= at_most_every_s:
            last_report = time.monotonic()
            progress(DownloadProgress(file.name, meter.done_bytes, total, meter.bytes_per_second, meter.seconds_left))

    for file in files:
        path, part = partial / file.name, file.part(partial)
        if not path.exists():

            def add(count: int, file: HubFile = file) -> None:
                meter.add(count)
                report(file, PROGRESS_EVERY_S)

            url = hf_hub_url(repo, file.name, revision=commit, endpoint=endpoint())
            download_file(url, headers, part, file.size, add, cancelled)
            if not file.is_intact(part):
                part.unlink()
                raise DownloadError(
                    f"{file.name} of {repo} arrived damaged: its checksum is not that of the hub. It was removed.",
                    "Start the download again; it fetches this file again.",
                )
            part.rename(path)
        if file.name == "config.json":
            _check_config(repo, path, partial)
    report(files[-1], 0)


def _check_unfinished(partial: Path, repo: str, requested: str) -> None:
    """Raise DownloadError if `partial` is of another model; `requested` is the name before the repository moved."""
    try:
        other = read_json(partial / DOWNLOAD_FILE)["repo"]
    except (I3Error, KeyError, TypeError):
        return
    if other not in (repo, requested):
        raise DownloadError(
            f"{partial} holds an unfinished download of another model of this name, {other}.",
            f"Complete that download first, discard it with --replace, or download {repo} to another folder.",
        )


def _remove_others(partial: Path, files: list[HubFile]) -> int:
    """Remove from `partial` all that does not belong to these files; return how many bytes of them are there."""
    done = 0
    for path in partial.iterdir():
        file = next((file for file in files if path in (partial / file.name, file.part(partial))), None)
        if file is not None and (path == file.part(partial) or file.is_intact(path)):
            done += min(path.stat().st_size, file.size)
        elif path.name != DOWNLOAD_FILE and path.is_file():
            path.unlink()
    return done


def _check_config(repo: str, path: Path, partial: Path) -> None:
    """Raise CheckpointError if config.json describes another kind of model."""
    try:
        content = read_json(path)
    except I3Error:
        content = None
    if isinstance(content, dict):
        architectures = content.get("architectures")
        names = [content.get("model_type"), *(architectures if isinstance(architectures, list) else [])]
        declared = [name for name in names if isinstance(name, str)]
        if any(name.lower().startswith("i3") for name in declared) or (not declared and "d_model" in content):
            return
        found = f"its config.json says {declared[0]!r}" if declared else "its config.json names no sizes"
    else:
        found = "its config.json is not a JSON object"
    shutil.rmtree(partial, ignore_errors=True)
    raise CheckpointError(f"{repo} is not an i3 model: {found}. Its weights were not downloaded.", "Name another one.")


def _complete(partial: Path, repo: str, commit: str) -> None:
    """Check the model's headers, and write its checksums."""
    try:
        model, vocabulary = inspect(partial), read_tokenizer(tokenizer_path(partial))
        if vocabulary.vocab_size != model.vocab_size:
            unit = vocabulary.unit
            raise CheckpointError(
                f"Its vocabulary has {vocabulary.vocab_size} {unit}s, its weights {model.vocab_size}."
            )
    except I3Error as error:
        shutil.rmtree(partial, ignore_errors=True)
        what = error.what.replace(str(partial), repo)
        raise CheckpointError(f"{repo} is not an i3 model that i3core can read: {what}", "Name another one.") from error
    write_checksums(partial, repo, commit)
    (partial / DOWNLOAD_FILE).unlink()


@contextmanager
def _errors_explained(repo: str, revision: str, partial: Path) -> Iterator[None]:
    """Convert hub, network and disk errors to DownloadError with a remedy."""
    try:
        with hub_errors_explained(repo, revision, lambda: _kept(partial)):
            yield
    except BrokenPipeError:  # of the program that reads the progress
        raise
    except DiskFullError as error:
        needed = error.needed if error.needed is not None else _missing_bytes(partial)
        raise _disk_full(partial, needed, error.free) from error
    except OSError as error:
        raise DownloadError(
            f"{error.filename or partial} cannot be written: {error.strerror or error}.",
            f"Choose another folder, or change its permissions. {_kept(partial)}",
        ) from error


def _kept(partial: Path) -> str:
    return KEPT if partial.exists() else ""


def _missing_bytes(partial: Path) -> int:
    total = read_json(partial / DOWNLOAD_FILE)["total_bytes"]
    return max(0, total - sum(p.stat().st_size for p in partial.iterdir() if p.name != DOWNLOAD_FILE))


def _disk_full(partial: Path, needed: int, free: int) -> DownloadError:
    missing = max(needed + _SPARE_BYTES - free, 0)
    if missing:
        wanted, remedy = f"{size_text(free)} are free", f"Free {size_text(missing)}"
    else:
        wanted, remedy = "the system allows no more (a quota or limit)", "Raise the limit"
    return DownloadError(
        f"There is not enough room in {partial.parent}: {size_text(needed)} are still to come, and {wanted}.",
        f"{remedy}, or choose another folder. {KEPT}",
    )


@contextmanager
def _locked(models: Path, name: str) -> Iterator[None]:
    """Lock a model's download: two at a time would write into the same files."""
    from huggingface_hub.utils import WeakFileLock

    models.mkdir(parents=True, exist_ok=True)
    lock = models / f".{name}.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(WeakFileLock(lock, timeout=LOCK_WAIT_S))
        except TimeoutError as error:
            raise DownloadError(
                f"{name} is being downloaded by another program already.", "Wait for it, or end it."
            ) from error
        stack.callback(lock.unlink, missing_ok=True)
        yield
