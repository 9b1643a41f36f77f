"""Upload a model to the Hugging Face hub: its files and a card, in one commit that is verified afterwards.

Large files are sent before the commit and stored by their checksums, so an interrupted push does not send them again,
and a repository never holds half a model.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checkpoints import registry
from ..checkpoints.checksums import git_blob_sha1, sha256
from ..checkpoints.model_info import inspect
from ..checkpoints.weights import INDEX_FILES, weights_paths
from ..errors import CheckpointError, I3Error
from ..net.auth import find_token
from ..net.hub_errors import endpoint
from ..version import __version__
from .model_card import model_card

SENT = (
    "config.json", "model.safetensors", "tokenizer.json", "LICENSE", "LICENSE.md", "LICENSE.txt",
    "generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja",
)  # fmt: skip


class PushError(I3Error):
    """The hub cannot be reached, or does not accept the model."""


@dataclass(frozen=True)
class UploadPlan:
    """What a push sends.

    Attributes:
        repo: OWNER/NAME.
        card: the text of README.md.
        files: name -> path of the other files.
    """

    repo: str
    card: str
    files: dict[str, Path]

    @property
    def sizes(self) -> dict[str, int]:
        """Name -> bytes of every file, the card included."""
        sizes = {name: path.stat().st_size for name, path in self.files.items()}
        return {"README.md": len(self.card.encode()), **sizes}


@dataclass(frozen=True)
class UploadResult:
    """The page of an uploaded model, and the commit that holds it."""

    url: str
    commit: str


def plan_push(folder: str | Path, repo: str, licence: str = "") -> UploadPlan:
    """Plan a push of a model or run folder (its best checkpoint). Nothing is sent.

    Raises:
        CheckpointError: it is not a model that loads, its weights are a pickle, or it is an adapter.
        PushError: `repo` is not OWNER/NAME.
    """
    if repo.count("/") != 1 or not all(repo.split("/")) or repo != repo.strip():
        raise PushError(f"{repo!r} is not a name on the hub.", "Give OWNER/NAME.")
    folder = Path(folder)
    source = registry.find(folder)
    facts = inspect(folder if registry.is_run(folder) else source)
    if facts.base is not None:
        raise CheckpointError(
            f"{source} is an adapter, of no use without its base.",
            f"Merge the two first: i3core convert {folder} NEW_FOLDER --to transformers.",
        )
    if facts.layout != "safetensors":
        raise CheckpointError(
            f"{source} holds its weights as a pickle, which is not sent.",
            f"Convert it first: i3core convert {folder} NEW_FOLDER --to transformers.",
        )
    from ..checkpoints.checkpoint import load
    from ..hf.export import modules_of

    load(source, "cpu", "float32")  # all values are there and finite
    names = [name for name in (*SENT, *INDEX_FILES[:1]) if (source / name).is_file()]
    names += [path.name for path in (*weights_paths(source), *modules_of(source)) if path.name not in names]
    return UploadPlan(repo, model_card(facts.folder, repo, licence), {name: source / name for name in names})


def push(plan: UploadPlan, private: bool = False, revision: str = "main", message: str = "") -> UploadResult:
    """Send a model. After an interruption, a second call sends only what is missing.

    Raises PushError: no token, no permission, no network, or what arrived is not what was sent.
    """
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = os.environ["HF_HUB_DISABLE_XET"] = "1"  # before the library is imported
    from huggingface_hub import CommitOperationAdd, HfApi, constants

    constants.HF_HUB_DISABLE_XET = True  # if it is already
    token = find_token()
    if token is None:
        raise PushError(
            f"Sending a model to {endpoint()} needs an access token.",
            "Log in with `i3core hub-login`, or set HF_TOKEN.",
        )
    api = HfApi(endpoint=endpoint(), token=token, library_name="i3desk", library_version=__version__)
    contents: dict[str, Any] = {"README.md": plan.card.encode(), **plan.files}
    additions = [CommitOperationAdd(name, content) for name, content in contents.items()]
    with _errors_explained(plan.repo):
        url = api.create_repo(plan.repo, private=private, exist_ok=True)
        if private and not api.model_info(plan.repo).private:
            raise PushError(
                f"{plan.repo} is on the hub already, and public. Nothing was sent.",
                "Make it private in its settings there, or push without --private.",
            )
        if revision != "main":
            api.create_branch(plan.repo, branch=revision, exist_ok=True)
        commit = api.create_commit(
            plan.repo, additions, commit_message=message or "Add the model with i3core", revision=revision
        )
        info = api.model_info(plan.repo, revision=commit.oid, files_metadata=True)
    arrived = {entry.rfilename: entry for entry in info.siblings or ()}
    for name, content in contents.items():
        entry = arrived.get(name)
        if entry is None or not _is_same(entry, content):
            raise PushError(f"{name} of {plan.repo} did not arrive as it was sent.", "Push again.")
    return UploadResult(str(url), commit.oid)


def _is_same(entry: Any, content: bytes | Path) -> bool:
    if entry.lfs is not None:
        return not isinstance(content, bytes) and entry.lfs.sha256 == sha256(content)
    return entry.blob_id == git_blob_sha1(content)


@contextmanager
def _errors_explained(repo: str) -> Iterator[None]:
    """Convert hub and network errors to PushError with a remedy and without the token."""
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx

    try:
        yield
    except (httpx.HTTPError, errors.OfflineModeIsEnabled, OSError, RuntimeError, ValueError) as error:
        # If an upload fails, the library raises a RuntimeError caused by the actual error.
        cause = error.__cause__ if type(error) is RuntimeError and error.__cause__ is not None else error
        raise _explained(cause, repo) from None


def _explained(error: BaseException, repo: str) -> PushError:
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx

    host = endpoint().split("://")[-1]
    again = "Push again: what arrived is not sent a second time."
    if isinstance(error, errors.HFValidationError):
        return PushError(f"{repo!r} is not a name on the hub.", "Give OWNER/NAME.")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return PushError("HF_HUB_OFFLINE is set.", "Unset this environment variable to push.")
    if isinstance(error, errors.HfHubHTTPError):
        code = error.response.status_code
        if code == 401:
            return PushError(f"{host} does not know this access token.", "Log in again with `i3core hub-login`.")
        if code in (403, 404):
            return PushError(
                f"{host} does not let you write to {repo}.", "Check the owner's name, and that the token may write."
            )
        if code in (409, 412):
            return PushError(f"{repo} was changed at the same time.", again)
        return PushError(f"{host} is busy or out of order (status {code}).", again)
    if isinstance(error, httpx.HTTPError | OSError):
        return PushError(
            f"{host} cannot be reached, or the connection broke ({type(error).__name__}).",
            f"Check the network. {again}",
        )
    if isinstance(error, ValueError) and "README.md" in str(error):
        reason = " ".join(line.strip(" -") for line in str(error).splitlines()[1:] if line.strip())
        return PushError(
            f"{host} does not accept the model card: {reason or error}",
            "Change the README.md of the model, or --license.",
        )
    return PushError(f"The upload to {host} failed ({type(error).__name__}).", again)
