"""Stream the records of a dataset on the hub through the `datasets` library.

It reads .parquet, .jsonl, .csv, .txt and more over the network, a piece at a time. It never executes code of a
repository: versions before 4.0 could, and are refused.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import DataError, I3Error
from ..net.auth import find_token
from ..net.dataset_name import HubDataset
from ..net.hub_errors import endpoint, gated
from ..system.extras import install_hint
from .fields import KNOWN_FIELDS

LEAST_VERSION = 4
RESHARDED_FILES = 64  # more of them are small, and opening each before the first record would take long
_CONVERTED = "refs/convert/parquet"  # branch of the hub's own copy as .parquet
_MOST_LISTED = 12


class RecordStream:
    """Iterates over the records of one split at one commit.

    Raises DataError if there is no such configuration, split or column, or nothing that can be read. Errors of the
    network are raised unchanged.

    Attributes:
        expected_bytes: approximate size of the whole split; 0 if unknown.
        unused: columns that are not read.
    """

    def __init__(self, data: HubDataset, repo: str, commit: str) -> None:
        """`repo` and `commit` are the current name and the commit of `data`."""
        self._data, self._repo, self._commit = data, repo, commit
        self._library = load_datasets()
        self.unused: tuple[str, ...] = ()
        with (
            self._errors_explained(),
            tempfile.TemporaryDirectory() as scratch,
        ):  # for the library's cache
            self._stream, self.expected_bytes = self._open(scratch)
            names = self._stream.column_names
            self._fields = self._choose(names) if names else {}  # else those of the first record
            if hasattr(self._stream, "reshard") and self._stream.num_shards <= RESHARDED_FILES:
                # Arrow reads ahead in a .parquet file without limit; in its row groups only to the end of the group.
                self._stream = self._stream.reshard()
            if self._fields:
                self._stream = self._stream.select_columns(list(self._fields))  # the others are not decoded

    def resume(self, state: dict[str, Any]) -> None:
        """Start where another stream of the same commit had this `state`."""
        self._stream.load_state_dict(state)

    def state(self) -> dict[str, Any]:
        """Position of the iteration, as plain JSON values."""
        return self._stream.state_dict()

    def __iter__(self) -> Generator[dict[str, Any] | None]:
        """Yield each record with its known fields; None in place of one without text."""
        count = 0
        rows = iter(self._stream)
        try:
            while (row := self._next(rows, count)) is not None:
                count += 1
                fields = self._fields = self._fields or self._choose(list(row))
                record = {kept: self._text(name, row.get(name), count) for name, kept in fields.items()}
                yield record if any(map(_has_content, record.values())) else None
        finally:
            rows.close()

    def _next(self, rows: Iterator[dict[str, Any]], count: int) -> dict[str, Any] | None:
        with self._errors_explained(f" after record {count:,}"):
            return next(rows, None)

    def _text(self, name: str, value: Any, count: int) -> Any:
        """The value of a field; bytes decoded as text."""
        if not isinstance(value, bytes):
            return value
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self._data}: {name!r} of record {count:,} holds bytes that are not text.",
                "Name the column of the text, with ,column=NAME.",
            ) from error

    @contextmanager
    def _errors_explained(self, where: str = "") -> Iterator[None]:
        """Convert errors of the library about unreadable files to DataError."""
        from huggingface_hub.utils import httpx

        try:
            yield
        except (I3Error, httpx.HTTPError, ConnectionError, TimeoutError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno is not None:  # of the disk
                raise
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            raise DataError(
                f"{self._data} cannot be read{where}: {reason[:200]}.",
                f"Its files may not fit together or be damaged. Download the files that you want from {self._page()} "
                "and give them by their paths.",
            ) from error

    def _page(self) -> str:
        return f"{endpoint()}/datasets/{self._repo}"

    def _open(self, scratch: str) -> tuple[Any, int]:
        """Open the stream of the split; also its declared size in bytes."""
        where = f"hf://datasets/{self._repo}"  # never a folder of this name on this computer
        options = {"revision": self._commit, "token": find_token(), "cache_dir": scratch}
        try:
            builder = self._library.load_dataset_builder(where, self._data.config or None, **options)
        except self._library.exceptions.DatasetNotFoundError as error:  # it exists, so access is denied
            raise gated(self._repo, self._page()) from error
        except FileNotFoundError as error:  # the built-in one, or the library's subclass
            raise self._nothing_to_read() from error
        except RuntimeError as error:
            if "scripts" not in str(error):
                raise
            raise DataError(
                f"{self._data.repo} reads its data with a program of its own, which i3core never executes.",
                f"The hub may have a copy that needs none: hub:{self._data.repo},revision={_CONVERTED}.",
            ) from error
        except ValueError as error:
            config_error = self._config_error(options, where)
            if config_error is None:
                raise
            raise config_error from error
        splits = builder.as_streaming_dataset()
        if self._data.split not in splits:
            found = _listed(map(str, splits))
            raise DataError(
                f"{self._data.repo} has no split {self._data.split!r}. It has: {found}.",
                f"Name one of them, such as hub:{self._data.repo},split={next(iter(splits), 'train')}.",
            )
        declared = (builder.info.splits or {}).get(self._data.split)
        return splits[self._data.split], int(getattr(declared, "num_bytes", None) or 0)

    def _config_error(self, options: dict[str, Any], where: str) -> DataError | None:
        """The error of a missing or ambiguous configuration; None if it is fine."""
        names = self._library.get_dataset_config_names(where, revision=self._commit, token=options["token"])
        if self._data.config in names or (not self._data.config and len(names) < 2):
            return None
        what = (
            f"{self._data.repo} has no configuration {self._data.config!r}."
            if self._data.config
            else f"{self._data.repo} has several configurations; one of them must be chosen."
        )
        return DataError(
            f"{what} It has: {_listed(names)}.", f"Name one of them, such as hub:{self._data.repo},config={names[0]}."
        )

    def _nothing_to_read(self) -> DataError:
        return DataError(
            f"{self._data.repo} holds no data files that can be read.",
            f"Supported are .parquet, .jsonl, .csv and .txt. Look at it on {self._page()}.",
        )

    def _choose(self, names: list[str]) -> dict[str, str]:
        """Choose the columns to read, each with its name in the records. Raises DataError if none is known."""
        chosen: dict[str, str] = {self._data.column: "text"} if self._data.column else {}
        lower = {name.lower(): name for name in reversed(names)}
        for field in self._data.fields:
            number = int(field) if field.isdecimal() else 0
            chosen[lower.get(field.lower()) or (names[number - 1] if 0 < number <= len(names) else field)] = field
        absent = [name for name in chosen if name not in names]
        if absent:
            what = f"{self._data.repo} has no column {absent[0]!r}. It has: {_listed(names)}."
            raise DataError(what, "Name another.")
        chosen = chosen or {name: name for name in names if name in KNOWN_FIELDS or name.lower() in KNOWN_FIELDS}
        if not chosen.keys() - {"src"}:
            raise DataError(
                f"{self._data.repo} has the columns {_listed(names)}, none of which is known.",
                f"Say which one is the text, as in hub:{self._data.repo},column={names[0]}, or what several are: "
                "--columns user=Question,assistant=Answer.",
            )
        self.unused = tuple(name for name in names if name not in chosen)
        return chosen


def load_datasets() -> Any:
    """Import `datasets`, configured to send no telemetry and to print nothing."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import datasets
        import huggingface_hub
    except ImportError as error:
        remedy = install_hint("datasets", "Download the files of the dataset, and give them by their paths.")
        raise DataError("Datasets of the hub need the package datasets.", remedy) from error
    if int(datasets.__version__.split(".")[0]) < LEAST_VERSION:
        raise DataError(
            f"The package datasets {datasets.__version__} is too old: it would execute code of a dataset.",
            install_hint("datasets", ""),
        )
    from datasets import config, utils

    config.HF_UPDATE_DOWNLOAD_COUNTS = False  # else each use is reported
    config.HF_ENDPOINT = endpoint()  # the environment may have named another since the module was first imported
    config.HUB_DATASETS_URL = endpoint() + "/datasets/{repo_id}/resolve/{revision}/{path}"
    # Its own retries would take half an hour without a message; hub_dataset.py retries and resumes.
    config.STREAMING_READ_MAX_RETRIES = config.STREAMING_OPEN_MAX_RETRIES = 1
    config.STREAMING_READ_RETRY_INTERVAL = config.STREAMING_OPEN_RETRY_INTERVAL = 0
    huggingface_hub.utils.logging.set_verbosity_error()  # failures are retried here, and reported once if they persist
    datasets.disable_progress_bars()
    utils.logging.set_verbosity(utils.logging.CRITICAL)
    return datasets


def _has_content(value: Any) -> bool:
    return bool(value.strip() if isinstance(value, str) else value)


def _listed(all_names: Iterable[str]) -> str:
    names = list(all_names)
    more = f" and {len(names) - _MOST_LISTED} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(names[:_MOST_LISTED]) + more
