"""Models of the Hugging Face hub, downloaded by name: resumed where they were cut, verified, and put in place whole.

Through `huggingface_hub`: its endpoint (HF_ENDPOINT), its session, its user's token if there is one. Not through its
`snapshot_download`, which neither resumes after its process ended nor verifies what came (see transfer.py); files come
over plain HTTP from the hub's own addresses, so hf_xet is not involved.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checkpoints.checksums import git_blob_sha1, read_checksums, sha256, write_checksums
from ..checkpoints.model_info import inspect
from ..checkpoints.registry import DOWNLOAD_FILE, PARTIAL, models_folder
from ..checkpoints.weights import TOKENIZER_FILES, WEIGHT_FILES
from ..errors import CheckpointError, I3Error
from ..net.auth import find_token
from ..net.http import Cancelled, DownloadError, Meter, fetch
from ..net.hub_client import ask
from ..net.hub_errors import endpoint
from ..system.files import read_json, write_json
from ..version import __version__
from .disk_space import check_room, explained

if TYPE_CHECKING:
    from huggingface_hub import HfApi

SUGGESTED = {"i3-80m": "FlameF0X/i3-80m"}  # names that stand for repositories
PROGRESS_EVERY_S = 0.25
_ABOUT_FILES = ("README.md", "LICENSE", "LICENSE.md", "LICENSE.txt")


@dataclass(frozen=True)
class DownloadProgress:
    """Where a download is.

    Attributes:
        file: name of the file that comes at the moment.
        done_bytes, total_bytes: of all files.
        bytes_per_second: over the last seconds.
        seconds_left: None as long as nothing comes.
    """

    file: str
    done_bytes: int
    total_bytes: int
    bytes_per_second: float
    seconds_left: float | None


@dataclass(frozen=True)
class HubFile:
    """A file of a repository. One of the two hashes is known: SHA-256 of large files, git's SHA-1 of small ones."""

    name: str
    size: int
    sha256: str | None
    blob_sha1: str | None

    def is_intact(self, path: Path) -> bool:
        if path.stat().st_size != self.size:
            return False
        return sha256(path) == self.sha256 if self.sha256 else git_blob_sha1(path) == self.blob_sha1

    def part(self, folder: Path) -> Path:
        """Where its bytes are collected: the name says of which content, which `main` may change between attempts."""
        return folder / f"{self.name}.{(self.sha256 or self.blob_sha1 or '')[:16]}.part"


def resolve(name: str) -> str:
    """The repository that a name stands for: a suggested model, AUTHOR/NAME, or its address on the hub."""
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
    """Downloads a model into the folder of models `to` (default: the user's) and returns its own folder there.

    Until it is complete and verified, it is in NAME.partial; whenever this function, or its process, ends before that,
    the next call goes on from there.

    Args:
        name: see `resolve`.
        revision: a branch, tag or commit.
        progress: called at most four times a second, and at the end.
        cancelled: asked between pieces; once it says yes, None is returned.
        replace: whether what came of another model of this name, not complete, is given up for this one.

    Raises:
        DownloadError: no network, no such repository, no access, no room on the disk, damaged bytes.
        CheckpointError: it is not an i3 model, or another model has its place.
    """
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # else its library tells what else is installed
    repo = resolve(name)
    models = Path(to).expanduser() if to is not None else models_folder()
    folder = models / repo.split("/")[1]
    partial = folder.with_name(folder.name + PARTIAL)
    try:
        with explained(repo, revision, partial), _locked(models, folder.name):
            asked = repo
            repo, commit, listed = _list_files(repo, revision, cancelled)
            if folder.exists():
                return _already_there(folder, repo, commit)
            files = choose_files(repo, listed)
            if not replace:
                _check_unfinished(partial, repo, asked)
            _download_files(repo, revision, commit, files, partial, progress, cancelled)
            _complete(partial, repo, commit)
            partial.rename(folder)
    except Cancelled:
        return None
    return folder


def choose_files(repo: str, files: dict[str, HubFile]) -> list[HubFile]:
    """What an i3 model needs of these, small files first. Weights as safetensors where there are, else as a pickle.

    Raises CheckpointError if something is missing.
    """
    weights = next((files[name] for name in WEIGHT_FILES if name in files), None)
    vocabulary = next((files[name] for name in TOKENIZER_FILES if name in files), None)
    if weights is None or vocabulary is None:
        lacks = f"weights ({', '.join(WEIGHT_FILES)})" if weights is None else "vocabulary"
        raise CheckpointError(f"{repo} is not an i3 model: it has no {lacks}.", "Name another repository.")
    if "config.json" not in files and vocabulary.name != "chunk_vocab_combined.json":
        raise CheckpointError(f"{repo} is not an i3 model: it has no config.json.", "Name another repository.")
    others = [files[name] for name in ("config.json", *_ABOUT_FILES) if name in files]
    return [*others, vocabulary, weights]


def _list_files(repo: str, revision: str, cancelled: Callable[[], bool]) -> tuple[str, str, dict[str, HubFile]]:
    """The repository's present name, the commit, and its files by name."""
    from huggingface_hub import constants

    def listing(api: HfApi) -> tuple[str, str, dict[str, HubFile]]:
        info = api.model_info(repo, revision=revision, files_metadata=True, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)
        files = [_hub_file(entry) for entry in info.siblings or () if entry.lfs or entry.blob_id]
        return info.id, info.sha or revision, {file.name: file for file in files}

    return ask(listing, repo, cancelled)


def _hub_file(entry: Any) -> HubFile:
    lfs = entry.lfs
    return HubFile(entry.rfilename, int(lfs.size if lfs else entry.size), lfs.sha256 if lfs else None, entry.blob_id)


def _already_there(folder: Path, repo: str, commit: str) -> Path:
    """`folder`, if this very model is in it."""
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
    """Brings all files into `partial` and verifies each."""
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    headers = build_hf_headers(token=find_token(), library_name="i3desk", library_version=__version__)
    total = sum(file.size for file in files)
    partial.mkdir(parents=True, exist_ok=True)
    done = _tidy(partial, files)
    check_room(partial, total - done)
    write_json(partial / DOWNLOAD_FILE, {"repo": repo, "revision": revision, "total_bytes": total})
    meter = Meter(done, total)
    last_told = 0.0

    def tell(file: HubFile, at_most_every_s: float) -> None:
        nonlocal last_told
        if time.monotonic() - last_told >= at_most_every_s:
            last_told = time.monotonic()
            progress(DownloadProgress(file.name, meter.done_bytes, total, meter.bytes_per_second, meter.seconds_left))

    for file in files:
        path, part = partial / file.name, file.part(partial)
        if not path.exists():

            def add(count: int, file: HubFile = file) -> None:
                meter.add(count)
                tell(file, PROGRESS_EVERY_S)

            url = hf_hub_url(repo, file.name, revision=commit, endpoint=endpoint())
            fetch(url, headers, part, file.size, add, cancelled)
            if not file.is_intact(part):
                part.unlink()
                raise DownloadError(
                    f"{file.name} of {repo} arrived damaged: its checksum is not that of the hub. It was removed.",
                    "Start the download again; it gets this file anew.",
                )
            part.rename(path)
        if file.name == "config.json":
            _check_config(repo, path, partial)
    tell(files[-1], 0)


def _check_unfinished(partial: Path, repo: str, asked: str) -> None:
    """Refuses to put a download in place of another that is not complete; `asked` is the name before `repo` moved."""
    try:
        other = read_json(partial / DOWNLOAD_FILE)["repo"]
    except (I3Error, KeyError, TypeError):
        return
    if other not in (repo, asked):
        raise DownloadError(
            f"{partial} holds what came of another model of this name, {other}.",
            f"Complete that download first, give it up with --replace, or download {repo} to another folder.",
        )


def _tidy(partial: Path, files: list[HubFile]) -> int:
    """Leaves in `partial` only what belongs to these files, and returns how many bytes of them are there."""
    done = 0
    for path in partial.iterdir():
        file = next((file for file in files if path in (partial / file.name, file.part(partial))), None)
        if file is not None and (path == file.part(partial) or file.is_intact(path)):
            done += min(path.stat().st_size, file.size)
        elif path.name != DOWNLOAD_FILE and path.is_file():
            path.unlink()
    return done


def _check_config(repo: str, path: Path, partial: Path) -> None:
    """Refuses what says that it is something else, before its weights come."""
    try:
        content = read_json(path)
    except I3Error:
        content = None
    if isinstance(content, dict):
        architectures = content.get("architectures")
        names = [content.get("model_type"), *(architectures if isinstance(architectures, list) else [])]
        said = [name for name in names if isinstance(name, str)]
        if any(name.lower().startswith("i3") for name in said) or (not said and "d_model" in content):
            return
        found = f"its config.json says {said[0]!r}" if said else "its config.json names no sizes"
    else:
        found = "its config.json is no map of settings"
    shutil.rmtree(partial, ignore_errors=True)
    raise CheckpointError(f"{repo} is not an i3 model: {found}. Its weights were not downloaded.", "Name another one.")


def _complete(partial: Path, repo: str, commit: str) -> None:
    """Last look at what came: the model's headers, and its checksums for later."""
    try:
        inspect(partial)
    except CheckpointError as error:
        shutil.rmtree(partial, ignore_errors=True)
        what = error.what.replace(str(partial), repo)
        raise CheckpointError(f"{repo} is not an i3 model that i3core reads: {what}", "Name another one.") from error
    write_checksums(partial, repo, commit)
    (partial / DOWNLOAD_FILE).unlink()


@contextmanager
def _locked(models: Path, name: str) -> Iterator[None]:
    """One download of a model at a time: two would write into the same files."""
    from huggingface_hub.utils import WeakFileLock

    models.mkdir(parents=True, exist_ok=True)
    lock = models / f".{name}.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(WeakFileLock(lock, timeout=3.0))  # a process just told to end may still hold it
        except TimeoutError as error:
            raise DownloadError(
                f"{name} is being downloaded by another program already.", "Wait for it, or end it."
            ) from error
        stack.callback(lock.unlink, missing_ok=True)
        yield
