"""Names of data sets on the Hugging Face hub, as they stand in place of a data file.

    hub:OWNER/NAME                        the records of its split `train`
    hub:OWNER/NAME,split=validation       of another split
    hub:OWNER/NAME,config=en              of one of its configurations, where it has several
    hub:OWNER/NAME,first=10000            only so many records from the beginning
    hub:OWNER/NAME,column=story           a column of another name as the text
    hub:OWNER/NAME,revision=1a2b3c        of a branch, tag or commit

Several of these may follow one another. Nothing here uses the network.
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
HELP = "hub:OWNER/NAME (then perhaps ,split= ,config= ,first= ,column= ,revision=)"  # as commands describe such a name
_ADDRESS = re.compile(r"(?:https?://)?(?:(?:www\.)?huggingface\.co/)?(?:datasets/)?")
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_VALUE = re.compile(r"[\w./ +-]+")


@dataclass(frozen=True)
class HubData:
    """A part of a data set of the hub.

    Attributes:
        repo: OWNER/NAME.
        config: one of its configurations; "" for the only one, or its default.
        split: such as "train" or "validation".
        first: records from the beginning; 0 for all.
        column: the column that holds the text; "" for those that records are known by.
        revision: branch, tag or commit; "" for the newest when it is fetched.
    """

    repo: str
    config: str = ""
    split: str = "train"
    first: int = 0
    column: str = ""
    revision: str = ""

    @classmethod
    def parse(cls, text: str) -> HubData:
        """From `hub:OWNER/NAME[,KEY=VALUE...]`. Raises DataError that says how it should look."""
        name, *options = text.removeprefix(PREFIX).split(",")
        repo = _ADDRESS.sub("", name.strip(), count=1).strip("/")
        if not _REPO.fullmatch(repo) or ".." in repo or "--" in repo or len(repo) > 96:
            raise DataError(f"{text!r} does not name a data set of the hub.", f"It looks like {EXAMPLE}.")
        values: dict[str, str | int] = {}
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
        if "first" in values:
            if not re.fullmatch(r"[0-9]{1,15}", values["first"]) or int(values["first"]) == 0:
                raise DataError(
                    f"{text!r}: first={values['first']} is not a number of records.", "Such as first=10000."
                )
            values["first"] = int(values["first"])
        return cls(repo, **values)

    @property
    def name(self) -> str:
        """For people, where a file would show its name."""
        return self.repo.split("/")[1]

    def __str__(self) -> str:
        """The name in full, without what goes without saying; `parse` reads it."""
        options = [
            f",{field.name}={getattr(self, field.name)}"
            for field in dataclasses.fields(self)[1:]
            if getattr(self, field.name) != field.default
        ]
        return PREFIX + self.repo + "".join(options)


_OPTIONS = {
    "config": "config=en", "split": "split=validation", "first": "first=10000", "column": "column=story",
    "revision": "revision=main",
}  # fmt: skip


def is_hub_name(text: object) -> bool:
    """Whether this names a data set of the hub rather than a file."""
    return isinstance(text, HubData) or (isinstance(text, str) and text.startswith(PREFIX))


def dataset_location(source: str | Path | HubData) -> Path | HubData:
    """Where data comes from: a file or folder, or the hub. Raises DataError for a name that cannot be one."""
    if isinstance(source, HubData):
        return source
    return HubData.parse(source) if is_hub_name(source) else Path(source)


def shown_name(source: str) -> str:
    """What people call a source: the name of a file or folder, or of a data set. Never raises."""
    if is_hub_name(source):
        return source.removeprefix(PREFIX).partition(",")[0].rpartition("/")[2] or source
    return Path(source).name or source


def weighted(argument: str) -> tuple[HubData, float | None]:
    """Splits `hub:NAME` or `hub:NAME:WEIGHT`; the weight is None if there is none. Raises DataError."""
    text = _ADDRESS.sub("", argument.removeprefix(PREFIX).strip(), count=1)
    name, colon, weight = text.partition(":")
    data = HubData.parse(PREFIX + name)
    if not colon:
        return data, None
    try:
        return data, float(weight)
    except ValueError:
        hint = f"A split is named so: {PREFIX}{name},split={weight}." if weight.isidentifier() else ""
        raise DataError(f"The weight {weight!r} in {argument!r} is not a number.", hint) from None
