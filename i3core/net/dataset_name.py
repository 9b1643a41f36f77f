"""Names of datasets on the Hugging Face hub, used like data files.

    hub:OWNER/NAME                        the records of its split `train`
    hub:OWNER/NAME,split=validation       of another split
    hub:OWNER/NAME,config=en              of one of its configurations, if it has several
    hub:OWNER/NAME,first=10000            only this many records from the start
    hub:OWNER/NAME,column=story           another column as the text
    hub:OWNER/NAME,revision=1a2b3c        of a branch, tag or commit

Options can be combined. Nothing here uses the network.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError

PREFIX = "hub:"
EXAMPLE = "hub:roneneldan/TinyStories"
HELP = "hub:OWNER/NAME (then perhaps ,split= ,config= ,first= ,column= ,revision=)"  # for the help of commands
_ADDRESS = re.compile(r"(?:https?://)?(?:(?:www\.)?huggingface\.co/)?(?:datasets/)?")
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_VALUE = re.compile(r"[\w./ +-]+")


@dataclass(frozen=True)
class HubDataset:
    """A part of a dataset of the hub.

    Attributes:
        repo: OWNER/NAME.
        config: one of its configurations; "" for the only one, or its default.
        split: such as "train" or "validation".
        first: records from the start; 0 for all.
        column: the column that holds the text; "" for the known field names (fields.py).
        revision: branch, tag or commit; "" for the newest when it is fetched.
        fields: other columns to read in place of the known ones, or their numbers from 1; no part of the name.
    """

    repo: str
    config: str = ""
    split: str = "train"
    first: int = 0
    column: str = ""
    revision: str = ""
    fields: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> HubDataset:
        """Parse `hub:OWNER/NAME[,KEY=VALUE...]`. Raises DataError with an example if it is malformed."""
        name, *options = text.removeprefix(PREFIX).split(",")
        repo = _ADDRESS.sub("", name.strip(), count=1).strip("/")
        if not _REPO.fullmatch(repo) or ".." in repo or "--" in repo or len(repo) > 96:
            raise DataError(f"{text!r} does not name a dataset of the hub.", f"It looks like {EXAMPLE}.")
        values: dict[str, str] = {}
        for option in options:
            key, _, value = (part.strip() for part in option.partition("="))
            if key not in _OPTIONS:
                near = difflib.get_close_matches(key, _OPTIONS, 1)
                hint = f"Did you mean {near[0]}=?" if near else f"Known: {', '.join(_OPTIONS)}."
                raise DataError(f"{text!r}: there is no option {key!r}.", f"{hint} Such as {EXAMPLE},first=10000.")
            if key in values:
                raise DataError(f"{text!r} says {key} twice.", "Leave one of them out.")
            if not _VALUE.fullmatch(value):
                raise DataError(f"{text!r}: {value!r} is no {key}.", f"Such as {EXAMPLE},{_OPTIONS[key]}.")
            values[key] = value
        first = values.pop("first", None)
        if first is not None and (not re.fullmatch(r"[0-9]{1,15}", first) or int(first) == 0):
            raise DataError(f"{text!r}: first={first} is not a number of records.", "Such as first=10000.")
        return cls(repo, first=int(first or 0), fields=(), **values)

    @property
    def name(self) -> str:
        """Short name, shown where a file would show its name."""
        return self.repo.split("/")[1]

    def __str__(self) -> str:
        """The full name without default options; `parse` reads it."""
        options = [
            f",{field.name}={getattr(self, field.name)}"
            for field in dataclasses.fields(self)
            if field.name in ("first", *_OPTIONS) and getattr(self, field.name) != field.default
        ]
        return PREFIX + self.repo + "".join(options)


DataSource = str | Path | HubDataset  # a file or folder, or a dataset of the hub

_OPTIONS = {
    "config": "config=en", "split": "split=validation", "first": "first=10000", "column": "column=story",
    "revision": "revision=main",
}  # fmt: skip


def is_hub_name(text: object) -> bool:
    """Whether this names a dataset of the hub rather than a file."""
    return isinstance(text, HubDataset) or (isinstance(text, str) and text.startswith(PREFIX))


def dataset_location(source: DataSource) -> Path | HubDataset:
    """Where a source is: a file or folder, or the hub. Raises DataError if the name is invalid."""
    if isinstance(source, str):
        return HubDataset.parse(source) if is_hub_name(source) else Path(source)
    return source


def display_name(source: str) -> str:
    """Short name of a source: of a file or folder, or of a dataset of the hub. Never raises."""
    if is_hub_name(source):
        return source.removeprefix(PREFIX).partition(",")[0].rpartition("/")[2] or source
    return Path(source).name or source


def split_weight(argument: str) -> tuple[HubDataset, float | None]:
    """Split `hub:NAME` or `hub:NAME:WEIGHT`; the weight is None if absent. Raises DataError if either is invalid."""
    text = _ADDRESS.sub("", argument.removeprefix(PREFIX).strip(), count=1)
    name, colon, weight = text.partition(":")
    data = HubDataset.parse(PREFIX + name)
    if not colon:
        return data, None
    try:
        return data, float(weight)
    except ValueError:
        hint = f"A split is named like this: {PREFIX}{name},split={weight}." if weight.isidentifier() else ""
        raise DataError(f"The weight {weight!r} in {argument!r} is not a number.", hint) from None
