"""How data is to be read where a file does not say it, and notes of what became of its parts."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import DataError
from ..net.dataset_name import DataSource, HubDataset, dataset_location

# What a column can be taken for, and the field of a record that it becomes.
COLUMN_ROLES = {
    "user": "user", "assistant": "assistant", "system": "system", "context": "context", "text": "text",
    "role": "role", "content": "content", "conversation": "conversation_id", "messages": "messages", "source": "src",
}  # fmt: skip
_EXAMPLE = "For example user=Question,assistant=Answer. Known: " + ", ".join(COLUMN_ROLES) + "."


@dataclass(frozen=True)
class Reading:
    """How to read files.

    Attributes:
        columns: column names (or numbers from 1) of tables, records and .parquet files, by what they are taken for.
        encoding: of text files; "" for UTF-8, or UTF-16 if the file is marked as such.
        i3_is: the name in a chat between people whose messages are the assistant's.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    i3_is: str = ""

    @classmethod
    def parse(cls, columns: str = "", encoding: str = "", i3_is: str = "") -> Reading:
        """Read the options as they are typed. Raises DataError if one is invalid."""
        chosen: dict[str, str] = {}
        for part in filter(None, (part.strip() for part in columns.split(","))):
            role, equals, name = (text.strip() for text in part.partition("="))
            if not equals or not name or role.lower() not in COLUMN_ROLES:
                raise DataError(f"{part!r} does not say what a column is taken for.", _EXAMPLE)
            chosen[role.lower()] = name
        try:
            is_text = not encoding or "a".encode(encoding).decode(encoding) == "a"
            encoding = encoding and codecs.lookup(encoding).name
        except (LookupError, UnicodeError, ValueError):
            is_text = False
        if not is_text:
            raise DataError(f"There is no text encoding {encoding!r}.", "For example cp1252, latin-1 or utf-16-le.")
        return cls(chosen, encoding, i3_is.strip())

    def located(self, source: DataSource) -> Path | HubDataset:
        """Where a source is; of a dataset of the hub, the columns that are named. Raises DataError for a wrong name."""
        location = dataset_location(source)
        if not isinstance(location, HubDataset) or not self.columns:
            return location
        return replace(location, fields=tuple(sorted(set(self.columns.values()))))

    def key(self) -> list:
        """What the cache must know of it."""
        return [sorted(self.columns.items()), self.encoding, self.i3_is]


class ReadingNotes:
    """Notes that readers make.

    Attributes:
        left_out: what was not used, and how often: fields, parts of turns, files.
        columns: what columns of tables without known names were taken for.
    """

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.columns: dict[str, str] = {}

    def leave_out(self, what: str, count: int = 1) -> None:
        self.left_out[what] += count
