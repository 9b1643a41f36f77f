"""The conversations that a model is reminded of while it learns something new, and how many of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..data.readers import file_type
from ..errors import DataError
from ..net.dataset_name import DataSource, dataset_location
from ..system import assets
from ..system.files import read_json
from .config import TrainingConfig, parse_replay

KEY = "replay"  # in a model's config.json: a file beside it, or OWN
OWN = "i3desk"  # the conversations in assets/data


@dataclass(frozen=True)
class Replay:
    """Where replayed conversations are, and their share of the tokens; nothing to replay if there are no files.

    Attributes:
        share: None for a share by the amount of training data.
        warning: what and remedy if the model's own conversations cannot be used; empty otherwise.
    """

    files: tuple[DataSource, ...] = ()
    share: float | None = None
    warning: tuple[str, str] = ("", "")


def find_replay(config: TrainingConfig, folders: Sequence[Path | None], details: Mapping[str, object]) -> Replay:
    """Find what a run replays.

    Args:
        folders: of the model that is fine-tuned, where a file that it names may be.
        details: of its config.json.

    Raises DataError if replay is requested and the model names none.
    """
    share, path = parse_replay(config.replay)
    if share == 0 or not config.shuffle or (share is None and not config.model):
        return Replay()
    if path:
        return Replay((dataset_location(path),), share)
    named = details.get(KEY) if config.model else None
    files, what = _named_files(folders, named) if named is not None else ((), "")
    if not files and share is not None:
        raise DataError(
            what or "This model names no conversations to replay.",
            "Name a file of conversations: --replay SHARE=PATH, or leave the option out.",
        )
    remedy = "Training without it forgets more. Name a file of conversations (--replay SHARE=PATH)."
    return Replay(files, share, (what, remedy) if what else ("", ""))


def replayed_files(folder: Path) -> tuple[Path, ...]:
    """The files that the model in `folder` is reminded of; none if it names none or they are missing."""
    details = read_json(folder / "config.json")
    return _named_files([folder], details[KEY])[0] if KEY in details else ()


def _named_files(folders: Sequence[Path | None], named: object) -> tuple[tuple[Path, ...], str]:
    """The files that config.json names, or what is wrong with it."""
    if named == OWN:
        return own_conversations(), ""
    if not isinstance(named, str) or Path(named).name != named or named.startswith(".") or "\\" in named:
        return (), f"The model's config.json names {named!r} to replay, which is not a file beside it."
    bundled = assets.models().get(assets.BUNDLED_MODEL)
    for place in (*folders, bundled):  # a copy of the bundled model, such as a checkpoint, lacks the file
        if place is not None and (place / named).is_file() and file_type(place / named):
            return (place / named,), ""
    return (), f"The file {named} of conversations to replay is missing from the model's folder."


def own_conversations() -> tuple[Path, ...]:
    """The conversations in the assets, without the sample sets for fine-tuning."""
    folder = assets.path("data")
    samples = {sample["file"] for sample in read_json(folder / "samples.json")}
    return tuple(sorted(file for file in folder.glob("*.jsonl") if file.name not in samples))
